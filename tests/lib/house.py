# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the script tests share: TAP, a scratch house (configuration, state, runtime folder, source, target), a private
dbus-daemon with the service on it, cycles run by hand, the log read back. The clients are the ones people use: busctl and
reprievectl. Standard library only."""
import atexit
import json
import os
import re
import shutil
import signal
import sqlite3
import socket
import subprocess
import sys
import tempfile
import time

TOP = os.path.abspath(os.environ.get("TOP_SRCDIR", os.path.join(os.path.dirname(__file__), "../..")))
BUILD = os.path.abspath(os.environ.get("TOP_BUILDDIR", os.path.join(TOP, "build")))
QUICK = bool(os.environ.get("REPRIEVE_QUICK"))
SANITIZED = bool(os.environ.get("REPRIEVE_SANITIZED"))


class Tap:
    """ok/is_/skip, and the plan at the end: call done() last."""

    def __init__(self):
        self.n = 0
        self.failed = 0
        sys.stdout.reconfigure(line_buffering=True)
        print("TAP version 13")

    def ok(self, condition, name, *diagnostics):
        self.n += 1
        name = str(name).replace("#", "no.")
        print(f"{'ok' if condition else 'not ok'} {self.n} - {name}")
        if not condition:
            self.failed += 1
            for d in diagnostics:
                for line in str(d)[:6000].splitlines():
                    print("#", line[:600])
        return bool(condition)

    def is_(self, got, expected, name):
        return self.ok(got == expected, name, f"got:      {got!r}", f"expected: {expected!r}")

    def like(self, got, pattern, name):
        return self.ok(re.search(pattern, got), name, f"got:      {got!r}", f"expected: /{pattern}/")

    def skip(self, name, reason):
        self.n += 1
        print(f"ok {self.n} - {name} # SKIP {reason}")

    def done(self):
        print(f"1..{self.n}")
        sys.exit(1 if self.failed else 0)

    @staticmethod
    def skip_all(reason):
        print(f"TAP version 13\n1..0 # SKIP {reason}")
        sys.exit(0)


def wait_for(condition, seconds=20, step=0.02):
    end = time.monotonic() + seconds * (5 if SANITIZED else 1)
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(step)
    return condition()


def listens(path):
    """A socket that has a name is not yet one that answers."""
    s = socket.socket(socket.AF_UNIX)
    try:
        s.connect(path)
        return True
    except OSError:
        return False
    finally:
        s.close()


def write_jsonl(path, records):
    with open(path + ".new", "w", encoding="utf-8") as f:
        for r in records:
            f.write(json.dumps(r, ensure_ascii=False, separators=(",", ":")) + "\n")
    os.rename(path + ".new", path)


def read_jsonl(path):
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def parse_log(text):
    """The entries of the stderr target: dicts of the fields, MESSAGE and PRIORITY included. Bytes that are no UTF-8 come
    back as surrogate escapes."""
    entries = []
    for line in text.splitlines():
        m = re.match(r"<(\d)>(.*?)(?: \[([A-Z_]+=.*)\])?$", line)
        if not m:
            continue
        entry = {"PRIORITY": m.group(1), "MESSAGE": m.group(2)}
        for key, quoted, plain in re.findall(r'([A-Z_]+)=(?:"((?:[^"\\]|\\.)*)"|(\S*))(?: |$)', m.group(3) or ""):
            entry[key] = re.sub(r"\\(x[0-9a-f]{2}|.)", unescape, quoted) if quoted else plain
        entries.append(entry)
    return entries


def unescape(m):
    return chr(int(m.group(1)[1:], 16)) if m.group(1).startswith("x") else m.group(1)


class House:
    """A scratch installation. with House() as h: … ; everything it started is gone afterwards."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="reprieve-test-")
        self.config = os.path.join(self.dir, "etc")
        self.state = os.path.join(self.dir, "state")
        self.run = os.path.join(self.dir, "run")
        self.source = os.path.join(self.dir, "source")
        self.target = os.path.join(self.dir, "target")
        self.log_path = os.path.join(self.dir, "log")
        for d in (os.path.join(self.config, "jobs.d"), self.state, self.run, self.source, self.target):
            os.makedirs(d)
        open(self.log_path, "w").close()
        self.processes = []
        self.service = None
        self.address = None
        self.env = dict(os.environ, REPRIEVE_CYCLE=os.path.join(BUILD, "reprieve-cycle"),
                        REPRIEVE_NOTIFY=os.path.join(BUILD, "reprieve-notify"), LC_ALL="C.UTF-8", TZ="UTC")
        for name in ("REPRIEVE_LOG_TARGET", "REPRIEVE_LOG_LEVEL", "JOURNAL_STREAM", "NOTIFY_SOCKET", "DBUS_SESSION_BUS_ADDRESS"):
            self.env.pop(name, None)
        atexit.register(self.close)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def close(self):
        for p in reversed(self.processes):
            if p.poll() is None:
                p.terminate()
                try:
                    p.wait(10)
                except subprocess.TimeoutExpired:
                    p.kill()
                    p.wait()
        self.processes = []
        shutil.rmtree(self.dir, ignore_errors=True)

    # ---- jobs ----

    def job_file(self, name="staff"):
        return os.path.join(self.config, "jobs.d", name + ".conf")

    def write_job(self, name="staff", groups=True, sections=None):
        """A json job from source/ to target/; sections: {"Deletions": {"DeletionThreshold": 5}} adds or replaces keys."""
        content = {
            "Source": {"Connector": "json", "Users": os.path.join(self.source, "users.jsonl")},
            "Target": {"Connector": "json", "Directory": self.target},
        }
        if groups:
            content["Source"]["Groups"] = os.path.join(self.source, "groups.jsonl")
        for section, keys in (sections or {}).items():
            content.setdefault(section, {}).update(keys)
        with open(self.job_file(name), "w", encoding="utf-8") as f:
            for section, keys in content.items():
                f.write(f"[{section}]\n")
                for key, value in keys.items():
                    if value is not None:
                        f.write(f"{key}={value}\n")
                f.write("\n")

    def write_source(self, users=None, groups=None):
        if users is not None:
            write_jsonl(os.path.join(self.source, "users.jsonl"), users)
        if groups is not None:
            write_jsonl(os.path.join(self.source, "groups.jsonl"), groups)

    def target_users(self):
        return read_jsonl(os.path.join(self.target, "users.jsonl"))

    def target_groups(self):
        return read_jsonl(os.path.join(self.target, "groups.jsonl"))

    # ---- programs ----

    def dirs(self):
        return [f"--config-dir={self.config}", f"--state-dir={self.state}", f"--runtime-dir={self.run}"]

    def cycle(self, job="staff", *options, env=None, check=None):
        """One reprieve-cycle; its log is appended to the house's and returned as r.entries."""
        r = subprocess.run([os.path.join(BUILD, "reprieve-cycle"), *self.dirs(), *options, job], capture_output=True,
                           env=dict(self.env, **(env or {})))
        r.log = r.stderr.decode("utf-8", "surrogateescape")
        with open(self.log_path, "a", encoding="utf-8", errors="surrogateescape") as f:
            f.write(r.log)
        r.entries = parse_log(r.log)
        if check is not None and r.returncode != check:
            print("#", r.log.replace("\n", "\n# "))
            raise AssertionError(f"reprieve-cycle exited with {r.returncode}, not {check}")
        return r

    def preview(self, job="staff", *options, env=None):
        r = self.cycle(job, "--preview", *options, env=env, check=0)
        return [json.loads(line) for line in r.stdout.decode().splitlines()]

    def decide(self, verb, *objects, job="staff", review=None, uid=None, approvers=None, env=None):
        """A decision without a service: (result, decided, joined later, still missing); result 0 is done, 2 NoSuchReview, 3
        not staged. Without a review the current one is meant; None if there is none."""
        options = [f"--{k}={v}" for k, v in (("review", review), ("uid", uid), ("approvers", approvers)) if v is not None]
        r = subprocess.run([os.path.join(BUILD, "tests/crash/decide"), *options, self.state, job, verb, *objects],
                           capture_output=True, text=True, env=dict(self.env, **(env or {})))
        return tuple(int(n) for n in r.stdout.split()) if r.stdout else None

    def ledger(self, query, *values, job="staff"):
        """Rows of a job's ledger, as dicts."""
        db = sqlite3.connect(os.path.join(self.state, "jobs", job, "ledger.db"))
        db.row_factory = sqlite3.Row
        try:
            return [dict(r) for r in db.execute(query, values)]
        finally:
            db.close()

    def spawn(self, argv, log=True, **kwargs):
        out = open(self.log_path, "ab") if log else subprocess.DEVNULL
        p = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=out, env=self.env, **kwargs)
        if log:
            out.close()
        self.processes.append(p)
        return p

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="surrogateescape") as f:
            return f.read()

    def entries(self, **fields):
        """Log entries with exactly these fields, e.g. entries(REPRIEVE_ACTION="StagedDelete")."""
        return [e for e in parse_log(self.log()) if all(e.get(k) == v for k, v in fields.items())]

    # ---- the bus ----

    def start_bus(self):
        path = os.path.join(self.dir, "bus.conf")
        self.address = f"unix:path={self.dir}/bus"
        with open(path, "w") as f:
            f.write(f"""<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>{self.address}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/><allow user="*"/></policy>
</busconfig>""")
        self.spawn(["dbus-daemon", f"--config-file={path}", "--nofork", "--nopidfile"], log=False)
        wait_for(lambda: listens(f"{self.dir}/bus"))

    def start_service(self, *options):
        if not self.address:
            self.start_bus()
        self.service = self.spawn([os.path.join(BUILD, "reprieved"), *self.dirs(), f"--bus={self.address}", "--launch=direct",
                                   *options])
        wait_for(lambda: self.busctl("status", "org.reprieve1", check=False).returncode == 0)

    def stop_service(self, how=signal.SIGTERM):
        self.service.send_signal(how)
        self.service.wait()
        self.processes.remove(self.service)
        self.service = None

    def busctl(self, *arguments, address=None, check=True, timeout=None):
        argv = ["busctl", f"--address={address or self.address}", "--no-pager", *arguments]
        if timeout:
            argv.insert(1, f"--timeout={timeout}")
        r = subprocess.run(argv, capture_output=True, text=True, env=self.env)
        if check and r.returncode != 0:
            raise AssertionError(f"{' '.join(argv)}: {r.stderr}\n{self.log()[-3000:]}")
        return r

    def call(self, member, *arguments, job="staff", check=True):
        """A method of a job by busctl; the reply's data as Python values."""
        r = self.busctl("--json=short", "call", "org.reprieve1", f"/org/reprieve1/job/{job}", "org.reprieve1.Job", member,
                        *arguments, check=check)
        return json.loads(r.stdout)["data"] if r.returncode == 0 and r.stdout.strip() else r

    def get(self, name, job="staff"):
        r = self.busctl("--json=short", "get-property", "org.reprieve1", f"/org/reprieve1/job/{job}", "org.reprieve1.Job", name)
        return json.loads(r.stdout)["data"]

    def run_cycle(self, job="staff"):
        """RunCycle, and wait until that cycle has ended; its result."""
        cycle = self.call("RunCycle", job=job)[0]
        wait_for(lambda: self.get("LastCycle", job) == cycle and not self.get("Running", job) and
                 self.get("LastCycleFinished", job) >= self.get("LastCycleStarted", job), 120)
        return self.get("LastCycleResult", job)

    def wait_idle(self, job="staff"):
        wait_for(lambda: not self.get("Running", job), 120)

    def ctl(self, *arguments, check=True, **kwargs):
        r = subprocess.run([os.path.join(BUILD, "reprievectl"), f"--bus={self.address}", *arguments], capture_output=True,
                           text=True, env=self.env, **kwargs)
        if check and r.returncode != 0:
            raise AssertionError(f"reprievectl {' '.join(arguments)}: {r.stdout}{r.stderr}")
        return r
