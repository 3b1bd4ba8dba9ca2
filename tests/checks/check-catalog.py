#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every message id has its text in the catalog, every text its id, each entry what it must have; and the catalog compiles
where journalctl is at hand. Translations have exactly the entries of the original."""
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

top = os.environ.get("TOP_SRCDIR", os.path.join(os.path.dirname(__file__), "../.."))
results = []


def check(ok, what):
    results.append(ok)
    print(f"{'ok' if ok else 'not ok'} {len(results)} - {what}")


def entries(path):
    found = {}
    current = None
    for line in open(path, encoding="utf-8"):
        m = re.match(r"-- ([0-9a-f]{32})$", line.rstrip("\n"))
        if m:
            current = m.group(1)
            found[current] = ""
        elif current:
            found[current] += line
    return found


print("TAP version 13")
header = open(os.path.join(top, "src/base/message-ids.h"), encoding="utf-8").read()
ids = dict(re.findall(r'#define (REPRIEVE_MESSAGE_\w+) "([0-9a-f]{32})"', header))
original = entries(os.path.join(top, "data/reprieve.catalog"))
check(len(set(ids.values())) == len(ids), "no id stands for two events")
missing = [k for k, v in ids.items() if v not in original]
check(not missing, f"every event has a text {missing or ''}")
unknown = [v for v in original if v not in ids.values()]
check(not unknown, f"every text belongs to an event {unknown or ''}")
incomplete = [v for v, text in original.items() if not re.search(r"^Subject: .+$", text, re.M) or len(text.strip().splitlines()) < 4]
check(not incomplete, f"every text says what happened and what to do {incomplete or ''}")
for path in sorted(glob.glob(os.path.join(top, "data/reprieve.*.catalog"))):
    translated = entries(path)
    check(set(translated) == set(original), f"{os.path.basename(path)} translates every entry")
    fields = [v for v in original if set(re.findall(r"@\w+@", original[v])) != set(re.findall(r"@\w+@", translated.get(v, "")))]
    check(not fields, f"{os.path.basename(path)} names the same fields {fields or ''}")
if shutil.which("journalctl"):
    with tempfile.TemporaryDirectory() as root:
        where = os.path.join(root, "usr/lib/systemd/catalog")
        os.makedirs(where)
        os.makedirs(os.path.join(root, "var/lib/systemd/catalog"))
        for path in glob.glob(os.path.join(top, "data/reprieve*.catalog")):
            shutil.copy(path, where)
        r = subprocess.run(["journalctl", f"--root={root}", "--update-catalog"], capture_output=True, text=True)
        check(r.returncode == 0, f"journalctl compiles the catalog {r.stderr.strip()}")
else:
    results.append(True)
    print(f"ok {len(results)} - # SKIP no journalctl here")
print(f"1..{len(results)}")
sys.exit(0 if all(results) else 1)
