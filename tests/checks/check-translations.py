#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every string of the mail is translated into every language that the mail is promised in, and no translation is a guess."""
import glob
import os
import shutil
import subprocess
import sys
import tempfile

top = os.environ.get("TOP_SRCDIR", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
ROOMS = ["notify"]
LANGUAGES = ["de", "el"]

print("TAP version 13")
if not shutil.which("xgettext"):
    print("1..0 # SKIP gettext is missing (Debian: gettext)")
    sys.exit(0)
failed = False
with tempfile.TemporaryDirectory() as folder:
    pot = os.path.join(folder, "rooms.pot")
    sources = sorted(f for room in ROOMS for f in glob.glob(os.path.join(top, "src", room, "*.c")))
    subprocess.run(["xgettext", "--keyword=_", "--keyword=N_", "--keyword=ngettext:1,2", "--from-code=UTF-8", "-o", pot, *sources], check=True)
    for n, language in enumerate(LANGUAGES, 1):
        po = os.path.join(top, "po", language + ".po")
        r = subprocess.run(["msgcmp", po, pot], capture_output=True, text=True)
        c = subprocess.run(["msgfmt", "--check", "-o", os.devnull, po], capture_output=True, text=True)
        bad = r.returncode or c.returncode
        for line in (r.stderr + c.stderr).splitlines() if bad else []:
            print("#", line)
        print(f"{'not ' if bad else ''}ok {n} - {language}: every string of {', '.join(ROOMS)}")
        failed = failed or bad
print(f"1..{len(LANGUAGES)}")
sys.exit(1 if failed else 0)
