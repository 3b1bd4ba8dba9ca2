#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""reprievectl without a service: help, usage, man page and completions that name every command and option."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from house import BUILD, TOP, Tap  # noqa: E402

t = Tap()
CTL = os.path.join(BUILD, "reprievectl")
env = dict(os.environ, LC_ALL="C.UTF-8", DBUS_SYSTEM_BUS_ADDRESS="unix:path=/nonexistent/bus")


def run(*arguments, **kwargs):
    return subprocess.run([CTL, *arguments], capture_output=True, text=True, env=dict(env, **kwargs), stdin=subprocess.DEVNULL)


def long_options(text):
    return set(re.findall(r"^ +(?:-\w )?(--[a-z-]+)", text, re.M))


r = run("--help")
t.is_(r.returncode, 0, "--help succeeds")
verbs = re.findall(r"^  ([a-z-]+) ", r.stdout.split("Options:")[0], re.M)
t.ok(len(verbs) == 23 and "allow" in verbs, "--help lists the commands", verbs)
t.ok(max(len(line) for line in r.stdout.splitlines()) <= 110, "and is not wider than a terminal", r.stdout)

with open(os.path.join(TOP, "man/reprievectl.1")) as f:
    manual = f.read().replace("\\-", "-").replace("\\fR", "").replace("\\fP", "").replace("\\fB", "").replace("\\fI", "")
with open(os.path.join(TOP, "data/completions/reprievectl")) as f:
    bash = f.read()
with open(os.path.join(TOP, "data/completions/_reprievectl")) as f:
    zsh = f.read()

common = long_options(r.stdout)
options = set(common)
for verb in verbs:
    h = run(verb, "--help")
    t.ok(h.returncode == 0 and h.stdout.startswith(f"reprievectl {verb} [OPTION…]"), f"{verb} --help succeeds", h.stdout, h.stderr)
    t.is_(run("--help", verb).stdout, h.stdout, f"--help {verb} is the same")
    own = long_options(h.stdout)
    options |= own
    t.ok(re.search(rf"^\.B[IR]? {verb}\b|^\\?f?B?{verb} |^\.B {verb}$", manual, re.M), f"{verb} is in the man page")
    t.ok(re.search(rf"verbs='[^']*\b{verb}\b", bash), f"{verb} is in the bash completion")
    t.ok(f"'{verb}:" in zsh and re.search(rf"^        (?:[a-z-]+ \| )*{verb}(?: \| [a-z-]+)*\)", zsh, re.M), f"{verb} is in the zsh completion")
    listed = re.search(rf"\[{verb}\]='([^']*)'", bash)
    listed = set(re.findall(r"--[a-z-]+", listed.group(1))) if listed else set()
    t.is_(listed, own - common, f"bash completes exactly the options of {verb}")
    missing = [o for o in own - common if o not in zsh]
    t.is_(missing, [], f"zsh knows the options of {verb}")
missing = [o for o in options if o not in manual and o not in ("--follow", "--lines", "--reverse", "--catalog", "--since", "--until", "--priority",
                                                              "--output")]
t.is_(missing, [], "the man page has every option")

# ---- usage ----
for arguments, message in (
        (["nonsense"], "Unknown command nonsense"),
        (["list", "extra"], "list: too many arguments"),
        (["staged"], "staged: an argument is missing"),
        (["list", "--frobnicate"], "Unknown or ambiguous option --frobnicate"),
        (["allow", "staff", "--object=x"], "expected user:ID or group:ID"),
        (["release", "staff", "robot:1"], "expected user:ID or group:ID"),
        (["restart", "staff", "--scope=everything"], "expected watermark, escrows, quarantine or full"),
        (["set", "staff", "DeletionThreshold=many"], "expected a number"),
        (["set", "staff", "Nonsense=1"], "cannot be set"),
        (["create", "staff"], "Say what the job is to be"),
        (["create", "staff", "Connector=json", "x"], "has no section"),
        (["provision", "staff", "robot", "1"], "expected user or group"),
        (["staged", "--csv", "--json", "staff"], "exclude each other"),
        (["cycles", "staff", "--lines=0"], "expected a number from 1 to 1000"),
        (["allow", "staff"], "There is no terminal to ask on"),
        (["reject", "staff", "0123456789abcdef"], "There is no terminal to ask on"),
):
    r = run(*arguments)
    t.ok(r.returncode == 2 and message in r.stderr and not r.stdout, f"usage: {' '.join(arguments)}", r.returncode, r.stderr)
r = run("--comment", "allow", "status", "--help")
t.ok(r.stdout.startswith("reprievectl"), "an option's argument may look like a command", r.stdout, r.stderr)
r = run("--bus", "unix:path=/nonexistent", "status")
t.ok(r.returncode == 5 and "unix:path=/nonexistent" in r.stderr, "the argument of an option in front is no command", r.stderr)

# ---- no service ----
for arguments in (["list"], ["status", "x"], ["run", "x"], ["allow", "x", "y", "--yes"], ["reload"], ["monitor"], ["--bus=/nonexistent/socket", "list"]):
    r = run(*arguments)
    t.ok(r.returncode == 5 and "systemctl status reprieved" in r.stderr, f"exit 5 without a bus: {' '.join(arguments)}", r.returncode, r.stderr)

# ---- journalctl ----
with tempfile.TemporaryDirectory() as d:
    with open(f"{d}/journalctl", "w") as f:
        f.write("#!/bin/sh\nfor a; do printf '[%s]' \"$a\"; done\n")
    os.chmod(f"{d}/journalctl", 0o755)
    path = f"{d}:{os.environ['PATH']}"
    r = run("log", "my job", "--cycle=ab", "--action=StagedDelete", "-f", "-n", "5", "--no-pager", "--", "--utc", "REPRIEVE_UID=0", PATH=path)
    t.is_(r.stdout, "[--no-pager][--follow][--lines=5][--utc][REPRIEVE_UID=0][REPRIEVE_JOB=my job][REPRIEVE_CYCLE=ab]"
                    "[REPRIEVE_ACTION=StagedDelete]", "log runs journalctl with the job's matches")
    r = run("log", "x", "--json", "--status=failure", "--kind=user", "--review=r", PATH=path)
    t.is_(r.stdout, "[--output=json][REPRIEVE_JOB=x][REPRIEVE_STATUS=failure][REPRIEVE_KIND=user][REPRIEVE_REVIEW=r]", "and the others")

# ---- the man page ----
if shutil.which("man") and shutil.which("groff"):
    r = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", os.path.join(TOP, "man/reprievectl.1")], capture_output=True, text=True,
                       env=dict(env, MANWIDTH="80", MANPAGER="cat"))
    t.ok(r.returncode == 0 and not r.stderr and "EXIT STATUS" in r.stdout, "man reads the page without a warning", r.stderr)
else:
    t.skip("man reads the page", "man or groff is missing")
t.done()
