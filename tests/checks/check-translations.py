#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every string that a person reads is translated into every language that is promised, and no translation is a guess."""
import os
import shutil
import subprocess
import sys
import tempfile

top = os.environ.get("TOP_SRCDIR", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
LANGUAGES = ["de", "el"]

print("TAP version 13")
if not shutil.which("xgettext"):
    print("1..0 # SKIP gettext is missing (Debian: gettext)")
    sys.exit(0)
failed = False
with tempfile.TemporaryDirectory() as folder:
    pot = os.path.join(folder, "rooms.pot")
    with open(os.path.join(top, "po/POTFILES.in")) as f:
        sources = [os.path.join(top, line.strip()) for line in f if line.strip() and not line.startswith("#")]
    subprocess.run(["xgettext", "--keyword=_", "--keyword=N_", "--keyword=ngettext:1,2", "--from-code=UTF-8", "-o", pot, *sources], check=True)
    for n, language in enumerate(LANGUAGES, 1):
        po = os.path.join(top, "po", language + ".po")
        r = subprocess.run(["msgcmp", po, pot], capture_output=True, text=True)
        c = subprocess.run(["msgfmt", "--check", "-o", os.devnull, po], capture_output=True, text=True)
        bad = r.returncode or c.returncode
        for line in (r.stderr + c.stderr).splitlines() if bad else []:
            print("#", line)
        print(f"{'not ' if bad else ''}ok {n} - {language}: every string of the files in po/POTFILES.in")
        failed = failed or bad
    found = subprocess.run(["grep", "-rlE", r"\b(_|N_|ngettext)\(\"", "--include=*.c", os.path.join(top, "src")], capture_output=True, text=True)
    missing = sorted(set(found.stdout.split()) - set(sources))
    print(f"{'not ' if missing else ''}ok {len(LANGUAGES) + 1} - po/POTFILES.in has every file with such a string", *missing)
    failed = failed or bool(missing)
print(f"1..{len(LANGUAGES) + 1}")
sys.exit(1 if failed else 0)
