# SPDX-License-Identifier: LGPL-2.1-or-later
"""A real journald, started by hand in a mount namespace of its own, and journalctl."""
import atexit
import json
import os
import shutil
import subprocess
import sys

from house import wait_for

JOURNALD = "/lib/systemd/systemd-journald"
INSIDE = "REPRIEVE_TEST_INSIDE"


def enter():
    """Start this test again in a mount namespace of its own. Returns where that is done already, with None, or with the reason why it
    cannot be done."""
    if os.environ.get(INSIDE):
        return None
    if os.geteuid() != 0:
        return "a journald of its own takes root"
    if not os.path.exists(JOURNALD) or not shutil.which("journalctl"):
        return "systemd-journald or journalctl is not installed"
    if subprocess.run(["unshare", "--mount", "--propagation", "private", "true"], capture_output=True).returncode != 0:
        return "mount namespaces are not allowed here"
    os.execvpe("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable, *sys.argv], dict(os.environ, **{INSIDE: "1"}))


def text(value):
    """journalctl gives bytes that are no text as numbers."""
    return bytes(value).decode("utf-8", "surrogateescape") if isinstance(value, list) else value


class Journald:
    """To be made after enter(); `started` says whether it answers."""

    def __init__(self):
        for folder in ("/run", "/var/log", "/var/lib/systemd"):
            subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], check=True)
        os.makedirs("/run/systemd/journal")
        os.makedirs("/var/lib/systemd/catalog")
        self.process = subprocess.Popen([JOURNALD], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        atexit.register(self.stop)
        self.started = wait_for(lambda: os.path.exists("/run/systemd/journal/socket") and os.path.isdir("/run/log/journal"), 10)

    def query(self, *arguments):
        subprocess.run(["journalctl", "--sync"], capture_output=True)
        r = subprocess.run(["journalctl", "-D", "/run/log/journal", "-o", "json", "--all", "--no-pager", *arguments], capture_output=True,
                           text=True)
        return [json.loads(line) for line in r.stdout.splitlines() if line.startswith("{")]

    def stop(self):
        self.process.terminate()
        self.process.wait()
