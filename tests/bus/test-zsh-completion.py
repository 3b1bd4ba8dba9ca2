#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The zsh completion in a real zsh on a terminal of its own: what is there after a TAB. The service is a script that knows two jobs."""
import os
import pty
import re
import select
import shutil
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from house import TOP, Tap  # noqa: E402

if not shutil.which("zsh"):
    Tap.skip_all("NOT TESTED: zsh is not here (apt-get install zsh)")
t = Tap()

FAKE = """#!/bin/sh
case "$1" in
list) printf 'alpha\\nbeta\\n' ;;
held) [ "$2" = alpha ] && printf 'user  s17  Jane Doe\\ngroup g5  Staff\\n' ;;
staged) [ "$2" = beta ] && printf 'user  s23  John Doe\\n' ;;
esac
"""
SETUP = """PS1='READY%# '
fpath=({functions} $fpath)
autoload -Uz compinit
compinit -u -D
unsetopt zle_bracketed_paste beep
LISTMAX=1000
zstyle ':completion:*' list-prompt ''
"""


class Shell:
    def __init__(self, work):
        os.makedirs(f"{work}/bin")
        os.makedirs(f"{work}/functions")
        shutil.copy(f"{TOP}/data/completions/_reprievectl", f"{work}/functions")
        with open(f"{work}/bin/reprievectl", "w") as f:
            f.write(FAKE)
        os.chmod(f"{work}/bin/reprievectl", 0o755)
        with open(f"{work}/.zshrc", "w") as f:
            f.write(SETUP.format(functions=f"{work}/functions"))
        env = {"PATH": f"{work}/bin:{os.environ['PATH']}", "HOME": work, "ZDOTDIR": work, "TERM": "dumb", "LC_ALL": "C.UTF-8",
               "COLUMNS": "100", "LINES": "60"}
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(work)
            os.execvpe("zsh", ["zsh", "-d", "-i"], env)
        self.ready = self.read(until="READY")

    def read(self, until=None, quiet=0.7, seconds=30):
        """What it prints: until this is there, or nothing has come for a while."""
        text, end = b"", time.monotonic() + seconds
        while time.monotonic() < end:
            if until and until.encode() in text:
                break
            if not select.select([self.fd], [], [], 0.1 if until else quiet)[0]:
                if until:
                    continue
                break
            try:
                text += os.read(self.fd, 65536)
            except OSError:
                break
        return text.decode("utf-8", "replace")

    def complete(self, line):
        """The line with a TAB after it; then it is thrown away."""
        os.write(self.fd, line.encode() + b"\t")
        seen = self.read()
        os.write(self.fd, b"\x03")
        self.read(until="READY")
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|[\r\a\b]", "", seen)

    def close(self):
        os.write(self.fd, b"\x03exit\n")
        self.read(quiet=0.2)
        os.close(self.fd)
        os.waitpid(self.pid, 0)


with tempfile.TemporaryDirectory() as work:
    shell = Shell(work)
    t.like(shell.ready, "READY", "zsh starts with the completion")
    for line, wanted, unwanted, name in (
            ("reprievectl sta", ["staged", "start", "status", "how jobs are"], ["reload"], "commands, with what they do"),
            ("reprievectl status ", ["alpha", "beta"], [], "jobs"),
            ("reprievectl allow b", ["beta"], ["alpha"], "the one that it must be"),
            ("reprievectl run --w", ["--wait"], [], "an option of the command"),
            ("reprievectl run --j", ["--json"], [], "and one of several"),
            ("reprievectl release alpha ", ["user:s17", "group:g5"], ["s23"], "held objects of that job"),
            ("reprievectl reject beta --object=", ["user:s23"], ["s17"], "staged objects of that job"),
            ("reprievectl provision alpha ", ["user", "group"], [], "kinds"),
            ("reprievectl restart alpha --scope=", ["watermark", "escrows", "quarantine", "full"], [], "scopes"),
            ("reprievectl set alpha Deletion", ["DeletionThreshold=", "DeletionThresholdTrips=", "DeletionBudget="], ["Interval="], "settings"),
            ("reprievectl --bus=s", ["system", "session"], [], "buses")):
        seen = shell.complete(line)
        added = seen.partition(line)[2]
        t.ok(all(w in line + added for w in wanted) and not any(u in added for u in unwanted), f"\"{line}\" TAB: {name}", seen)
    shell.close()
t.done()
