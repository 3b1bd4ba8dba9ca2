# SPDX-License-Identifier: LGPL-2.1-or-later
"""A house whose cycles are tests/service/fake-cycle: they do what script() says. And the service's signals, read back."""
import json
import os
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from house import BUILD, House, Tap, wait_for  # noqa: E402

ROOT = "/org/reprieve1"
MANAGER = "org.reprieve1.Manager"
JOB = "org.reprieve1.Job"


def need_tools(*extra):
    for tool in ("busctl", "dbus-daemon", *extra):
        if not shutil.which(tool):
            Tap.skip_all(f"{tool} is missing")


class FakeHouse(House):
    def __init__(self, jobs=("staff",)):
        super().__init__()
        self.exec = os.path.join(self.dir, "exec")
        os.makedirs(self.exec)
        shutil.copy(os.path.join(BUILD, "tests/service/fake-cycle"), os.path.join(self.exec, "reprieve-cycle"))
        self.notified = os.path.join(self.dir, "notified")
        with open(os.path.join(self.exec, "reprieve-notify"), "w") as f:
            f.write(f"#!/bin/sh\necho \"$@\" >>{self.notified}\n")
        os.chmod(os.path.join(self.exec, "reprieve-notify"), 0o755)
        self.write_source(users=[])
        for job in jobs:
            self.write_job(job, groups=False, sections={"Notify": {"Email": "admin@example.com"}})

    def __exit__(self, *failure):
        if self.service and self.service.poll() is None:
            self.service.terminate()
            self.service.wait()
        log = self.log()
        super().__exit__(*failure)
        # What a sanitizer finds, leaks at the end among it, fails the test.
        if "Sanitizer" in log or "runtime error:" in log:
            raise AssertionError(log[-6000:])

    def script(self, *lines, job="staff"):
        path = os.path.join(self.state, f"script-{job}")
        with open(path + ".new", "w") as f:
            f.write("".join(line + "\n" for line in lines))
        os.rename(path + ".new", path)

    def start(self, *options):
        self.start_service(f"--exec-dir={self.exec}", *options)

    def manager(self, member, *arguments, check=True, **kwargs):
        r = self.busctl("--json=short", "call", "org.reprieve1", ROOT, MANAGER, member, *arguments, check=check, **kwargs)
        return json.loads(r.stdout)["data"] if r.returncode == 0 and r.stdout.strip() else r

    def set(self, name, signature, *value, job="staff"):
        return self.busctl("--", "set-property", "org.reprieve1", f"{ROOT}/job/{job}", JOB, name, signature, *value, check=False)

    def refused(self, member, *arguments, job="staff"):
        """The text of the error of a call that must fail."""
        r = self.call(member, *arguments, job=job, check=False)
        return r.stderr.strip() if isinstance(r, subprocess.CompletedProcess) and r.returncode != 0 else f"not refused: {r}"

    def error_name(self, path, interface, member, *arguments, address=None):
        """call-fd shows an error's name, which busctl does not."""
        r = subprocess.run([os.path.join(BUILD, "tests/service/call-fd"), address or self.address, path, interface, member, *arguments],
                           capture_output=True, text=True, env=self.env)
        return r.stderr.split(":")[0] if r.returncode == 3 else ""

    def read_fd(self, member, *arguments, job="staff"):
        r = subprocess.run([os.path.join(BUILD, "tests/service/call-fd"), self.address, f"{ROOT}/job/{job}", JOB, member, *arguments],
                           capture_output=True, env=self.env)
        return r.stdout if r.returncode == 0 else r.stderr

    def wait_cycle(self, job="staff"):
        wait_for(lambda: not self.get("Running", job))

    def children(self, of=None):
        """Process ids and states of the service's children."""
        pid = of or self.service.pid
        found = []
        for p in os.listdir("/proc"):
            if p.isdigit():
                try:
                    with open(f"/proc/{p}/stat") as f:
                        fields = f.read().rsplit(")", 1)[1].split()
                except OSError:
                    continue
                if int(fields[1]) == pid:
                    found.append((int(p), fields[0]))
        return found

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.service.pid}/fd"))


class Monitor:
    """The signals of the service since it was made."""

    def __init__(self, h, address=None):
        self.h = h
        self.path = os.path.join(h.dir, "monitor")
        self.out = open(self.path, "w")
        self.process = subprocess.Popen(["busctl", f"--address={address or h.address}", "--json=short", "monitor", "org.reprieve1"],
                                        stdout=self.out, stderr=subprocess.PIPE, env=h.env)
        self.process.stderr.readline()  # "Monitoring bus message stream."
        h.processes.append(self.process)

    def messages(self):
        with open(self.path) as f:
            return [json.loads(line) for line in f.read().split("\n")[:-1]]

    def signals(self, member=None):
        return [(m["member"], m["path"], m["payload"]["data"]) for m in self.messages()
                if m["type"] == "signal" and m.get("path", "").startswith(ROOT) and (member is None or m["member"] == member)]

    def wait(self, member, n=1):
        wait_for(lambda: len(self.signals(member)) >= n, 10)
        return self.signals(member)

    def changed(self, name):
        """The values that PropertiesChanged told of this property, in order."""
        return [d[1][name]["data"] for _, _, d in self.signals("PropertiesChanged") if name in d[1]]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
