#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A Debian 12 system, booted in a container, with the package installed: everything that a new administrator would do, and what
goes wrong in a year. It is driven by systemctl, busctl, journalctl and reprievectl alone.

The tree is made once by mmdebstrap and kept in the build folder; each run lays an overlay on it."""
import atexit
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from house import BUILD, QUICK, SANITIZED, Tap, TOP, read_jsonl, wait_for, write_jsonl  # noqa: E402

PACKAGES = ("systemd,systemd-sysv,dbus,polkitd,libcurl4,libjson-c5,libsqlite3-0,libcsv3,libpcre2-8-0,zlib1g,util-linux,procps,"
            "acl,passwd")
BASE = os.environ.get("REPRIEVE_SYSTEM_ROOT", os.path.join(BUILD, "system-root"))
JOB = "org.reprieve1.Job"

if QUICK or SANITIZED:
    Tap.skip_all("a booted system is tested in the plain build only")
if os.geteuid() != 0:
    Tap.skip_all("NOT TESTED: booting a system needs root")
for tool in ("systemd-nspawn", "nsenter", "dpkg-buildpackage", "dh"):
    if not shutil.which(tool):
        Tap.skip_all(f"NOT TESTED: {tool} is not here (apt-get install systemd-container debhelper)")
if not re.search(r"^prefix = /usr$", open(f"{BUILD}/Makefile").read(), re.M):
    Tap.skip_all("NOT TESTED: configure with --prefix=/usr --sysconfdir=/etc --localstatedir=/var, as ./bootstrap does")


def make_base():
    """The tree, once; its list of packages is its version."""
    stamp = os.path.join(BASE, "reprieve-test-packages")
    if os.path.exists(stamp) and open(stamp).read() == PACKAGES:
        return
    if not shutil.which("mmdebstrap"):
        Tap.skip_all("NOT TESTED: mmdebstrap is not here")
    shutil.rmtree(BASE, ignore_errors=True)
    r = subprocess.run(["mmdebstrap", "--mode=root", "--variant=apt", f"--include={PACKAGES}", "bookworm", BASE], capture_output=True, text=True)
    if r.returncode != 0:
        shutil.rmtree(BASE, ignore_errors=True)
        Tap.skip_all(f"NOT TESTED: no Debian tree could be made: {(r.stderr.strip().splitlines() or ['?'])[-1]}")
    with open(stamp, "w") as f:
        f.write(PACKAGES)


class Machine:
    """The container. Commands run in its namespaces by nsenter(1), as somebody at its console would type them."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="reprieve-booted-", dir=BUILD)
        self.root = os.path.join(self.dir, "root")
        for d in ("root", "upper", "work"):
            os.mkdir(os.path.join(self.dir, d))
        self.nspawn = None
        self.mounted = False
        atexit.register(self.close)
        r = subprocess.run(["mount", "-t", "overlay", "overlay", "-o", f"lowerdir={BASE},upperdir={self.dir}/upper,workdir={self.dir}/work",
                            self.root], capture_output=True, text=True)
        if r.returncode != 0:
            Tap.skip_all(f"NOT TESTED: no overlay can be mounted: {r.stderr.strip()}")
        self.mounted = True

    def close(self):
        if self.nspawn and self.nspawn.poll() is None:
            leader = self.leader()
            if leader:
                os.kill(leader, signal.SIGKILL)
            try:
                self.nspawn.wait(10)
            except subprocess.TimeoutExpired:
                self.nspawn.kill()
                self.nspawn.wait()
        self.nspawn = None
        if self.mounted:
            subprocess.run(["umount", "-l", self.root], capture_output=True)
            self.mounted = False
        shutil.rmtree(self.dir, ignore_errors=True)

    def path(self, name):
        return self.root + name

    def install(self, deb):
        shutil.copy(deb, self.path("/var/reprieve.deb"))
        return subprocess.run(["systemd-nspawn", "-q", "-D", self.root, "--register=no", "--keep-unit", "--pipe", "sh", "-c",
                               "dpkg -i /var/reprieve.deb && useradd -m alice && useradd -m bob && groupadd deciders && useradd -m carol && gpasswd -a bob deciders && gpasswd -a carol deciders"],
                              capture_output=True, text=True, stdin=subprocess.DEVNULL)

    def boot(self):
        self.console = open(os.path.join(self.dir, "console"), "ab")
        self.nspawn = subprocess.Popen(
            ["systemd-nspawn", "-q", "-D", self.root, "--register=no", "--keep-unit", "-b", "--private-network", "--console=pipe",
             "--hostname=booted"], stdin=subprocess.DEVNULL, stdout=self.console, stderr=self.console)
        return self.wait_up()

    def leader(self):
        try:
            children = open(f"/proc/{self.nspawn.pid}/task/{self.nspawn.pid}/children").read().split()
        except OSError:
            return None
        for child in map(int, children):
            try:
                if open(f"/proc/{child}/comm").read().strip() == "systemd":
                    return child
            except OSError:
                pass
        return None

    def wait_up(self, seconds=40):
        return wait_for(lambda: self.leader() and self("systemctl", "is-system-running").stdout.strip() in ("running", "degraded"), seconds, 0.1)

    def __call__(self, *argv, user=None, timeout=120, **kwargs):
        """Runs a command inside; as root, or as a user without a session."""
        prefix = ["nsenter", "-t", str(self.leader()), "-a", "--"]
        if user:
            prefix += ["runuser", "-u", user, "--"]
        try:
            return subprocess.run([*prefix, *argv], capture_output=True, text=True, timeout=timeout,
                                  env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "SYSTEMD_COLORS": "0", "PAGER": "cat"}, **kwargs)
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(argv, 124, "", "timed out")

    # ---- what an administrator types

    def call(self, member, *args, job="staff", user=None, options=()):
        return self("busctl", "--json=short", *options, "call", "org.reprieve1", f"/org/reprieve1/job/{job}", JOB, member, *args, user=user)

    def get(self, name, job="staff", user=None):
        r = self("busctl", "--json=short", "get-property", "org.reprieve1", f"/org/reprieve1/job/{job}", JOB, name, user=user)
        return json.loads(r.stdout)["data"] if r.returncode == 0 and r.stdout.strip() else None

    def journal(self, *matches):
        r = self("journalctl", "--no-pager", "-q", "-o", "json", *matches)
        return [json.loads(line) for line in r.stdout.splitlines()]

    def count(self, *matches):
        return len(self("journalctl", "--no-pager", "-q", "-o", "cat", *matches).stdout.splitlines())

    def show(self, unit, *names):
        r = self("systemctl", "show", unit, *[f"-p{n}" for n in names])
        return dict(line.split("=", 1) for line in r.stdout.splitlines() if "=" in line)

    def private_kib(self, pid):
        text = self("cat", f"/proc/{pid}/smaps_rollup").stdout
        return sum(int(n) for n in re.findall(r"^Private_(?:Clean|Dirty):\s+(\d+) kB", text, re.M))

    # ---- jobs

    def write(self, path, text, mode=0o644):
        os.makedirs(os.path.dirname(self.path(path)), exist_ok=True)
        with open(self.path(path), "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(self.path(path), mode)

    def source(self, n, job="staff", first=0):
        os.makedirs(self.path("/srv/hr"), exist_ok=True)
        write_jsonl(self.path(f"/srv/hr/{job}.jsonl"), [{"id": f"u{i:06}", "userName": f"user{i}", "displayName": f"User {i}", "active": True}
                                                       for i in range(first, first + n)])

    def job(self, name="staff", more="", interval="2s"):
        self.write(f"/etc/reprieve/jobs.d/{name}.conf", f"""[Job]
Description=The job {name}
[Source]
Connector=json
Users=/srv/hr/{name}.jsonl
[Target]
Connector=json
Directory=/srv/target/{name}
[Deletions]
DeletionThreshold=10
[Schedule]
Interval={interval}
{more}""")
        self("install", "-d", "-o", "_reprieve", "-g", "_reprieve", f"/srv/target/{name}")

    def target(self, job="staff"):
        return [u["userName"] for u in read_jsonl(self.path(f"/srv/target/{job}/users.jsonl"))]


make_base()
t = Tap()
started = time.monotonic()
ms = lambda seconds: f"{seconds * 1000:.0f} ms"  # noqa: E731
note = lambda *text: print("#", *text)  # noqa: E731

m = Machine()
out = subprocess.run([os.path.join(TOP, "data/packaging/build-deb"), f"--build={BUILD}", f"--output={m.dir}"], capture_output=True, text=True)
if not t.ok(out.returncode == 0, "the Debian package is built from the tree", out.stderr):
    t.done()
deb = out.stdout.strip().splitlines()[-1]
out = m.install(deb)
t.ok(out.returncode == 0, "and installs", out.stdout, out.stderr)
named = re.findall(r"/usr/share/doc/reprieve/[\w./]+", open(os.path.join(TOP, "man/reprieve-job.5")).read())
t.ok(len(named) >= 3 and all(os.path.exists(m.path(n.rstrip("."))) for n in named), "with the documents that reprieve-job(5) names", named)
at = time.monotonic()
if not t.ok(m.boot(), "the system boots", open(f"{m.dir}/console", errors="replace").read()[-2000:]):
    t.done()
note(f"booted in {ms(time.monotonic() - at)}")
t.is_(m("systemctl", "is-system-running").stdout.strip(), "running", "nothing has failed")
HAVE_CTL = os.path.exists(m.path("/usr/bin/reprievectl"))

# ---- the doors, cold
t.is_(m.show("reprieved.socket", "ActiveState")["ActiveState"], "active", "the private endpoint listens, by the preset of the package")
t.is_(m("stat", "-c", "%a %U", "/run/reprieve/bus").stdout.strip(), "600 _reprieve", "for root and our own user only")
t.is_(m.show("reprieved.service", "ActiveState")["ActiveState"], "inactive", "the service does not run before anybody asks")
t.is_(m("systemctl", "list-units", "--failed", "--no-legend").stdout, "", "no unit has failed")
LIST = ("call", "org.reprieve1", "/org/reprieve1", "org.reprieve1.Manager", "ListJobs")


def measure(what, *argv):
    """Cold, then warm; of the cold time, what the service itself takes from exec to READY=1."""
    m("systemctl", "stop", "reprieved.service")
    before = time.monotonic()
    r = m(*argv)
    cold = time.monotonic() - before
    before = time.monotonic()
    m(*argv)
    warm = time.monotonic() - before
    s = m.show("reprieved.service", "ExecMainStartTimestampMonotonic", "ActiveEnterTimestampMonotonic", "MainPID")
    own = (int(s["ActiveEnterTimestampMonotonic"]) - int(s["ExecMainStartTimestampMonotonic"])) / 1e6
    note(f"{what}: first answer after {ms(cold)}, of which the service from fork to READY=1 {ms(own)}; a second call {ms(warm)}")
    t.ok(r.returncode == 0 and cold < 2, f"{what}: answers from cold", r.stderr)


measure("over the bus", "busctl", *LIST)
measure("over the private endpoint", "busctl", "--address=unix:path=/run/reprieve/bus", *LIST)
bare = re.sub(r"(?m)^(Type|BusName|ExecStart|ExecReload|Restart|WatchdogSec)=.*\n", "", open(m.path("/usr/lib/systemd/system/reprieved.service")).read())
m.write("/etc/systemd/system/bare.service", bare.replace("[Service]\n", "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n"))
m("systemctl", "daemon-reload")
m("systemctl", "start", "bare.service")
s = m.show("bare.service", "ExecMainStartTimestampMonotonic", "ExecMainExitTimestampMonotonic")
note(f"of that, the same sandbox around /bin/true: {ms((int(s['ExecMainExitTimestampMonotonic']) - int(s['ExecMainStartTimestampMonotonic'])) / 1e6)}")
m("systemctl", "stop", "bare.service")
m("rm", "/etc/systemd/system/bare.service")
m("systemctl", "daemon-reload")
pid = m.show("reprieved.service", "MainPID")["MainPID"]
kib = m.private_kib(pid)
note(f"idle service: {kib} KiB private memory")
t.ok(0 < kib < 3072, "the idle service has less than 3 MiB of its own", f"{kib} KiB")
t.is_(m("ps", "-o", "user=", "-p", pid).stdout.strip(), "_reprieve", "and runs as its own user")
t.ok(m("busctl", "--address=unix:path=/run/reprieve/bus", *LIST, user="alice").returncode != 0, "the private endpoint refuses an ordinary user")
for unit, most in (("reprieved.service", 1.5), ("reprieve-cycle@staff.service", 2.5), ("reprieve-notify.service", 2.5)):
    found = re.search(r"Overall exposure level for \S+ ([0-9.]+) (\w+)", m("systemd-analyze", "security", "--no-pager", unit).stdout)
    note(f"sandbox of {unit}: exposure {found.group(1)} {found.group(2)}" if found else f"{unit}: ?")
    t.ok(found and float(found.group(1)) <= most, f"{unit}: as loaded, at most {most}")

# ---- a job from its file
m.source(100)
m.job()
t.is_(m("systemctl", "daemon-reload").returncode, 0, "a job file is written, and systemd reloaded")
timers = lambda *names: [m.show(f"reprieve-cycle@{n}.timer", "ActiveState")["ActiveState"] for n in names]  # noqa: E731
t.ok(wait_for(lambda: timers("staff") == ["active"], 10), "that alone starts the new job's timer", timers("staff"))
t.ok(wait_for(lambda: m.count("MESSAGE_ID=fcade1cae6a441ff87480c7d9ee39fff", "REPRIEVE_JOB=staff") >= 1, 20), "and its first cycle")
m.source(1, "other")
m.job("other", interval="1h")
m("systemctl", "daemon-reload")
t.ok(wait_for(lambda: timers("staff", "other") == ["active", "active"], 10), "a second job's as well", timers("staff", "other"))
m("systemctl", "stop", "reprieve-cycle@other.timer")
m("systemctl", "daemon-reload")
time.sleep(1)
t.is_(timers("staff", "other"), ["active", "inactive"], "a timer that a person stopped stays stopped")
m("systemctl", "start", "reprieve-cycle@other.timer")
m.job("other", interval="infinity")
m("systemctl", "daemon-reload")
t.ok(wait_for(lambda: timers("other") == ["inactive"], 10), "a job that loses its schedule loses its timer", timers("other"))
m.job("other", interval="1h")
m("systemctl", "daemon-reload")
t.ok(wait_for(lambda: timers("other") == ["active"], 10), "and gets it back", timers("other"))
m("rm", "/etc/reprieve/jobs.d/other.conf")
m("systemctl", "daemon-reload")
t.ok(wait_for(lambda: timers("other") == ["inactive"], 10), "the timer of a job file that is gone stops", timers("other"))
t.is_(timers("staff"), ["active"], "and no other")
t.is_(m("systemctl", "is-system-running").stdout.strip(), "running", "and nothing has failed by this")
m("systemctl", "stop", "reprieve.target")
t.ok(wait_for(lambda: timers("staff") == ["inactive"], 10), "systemctl stop reprieve.target stops the timers", timers("staff"))
m("systemctl", "start", "reprieve.target")
t.ok(wait_for(lambda: timers("staff") == ["active"], 10), "and start starts them", timers("staff"))
out = m("reprievectl", "reload") if HAVE_CTL else m("busctl", "call", "org.reprieve1", "/org/reprieve1", "org.reprieve1.Manager", "Reload")
t.is_(out.returncode, 0, "the service reads it")
t.ok(wait_for(lambda: "reprieve-cycle@staff.timer" in m("systemctl", "list-timers", "--no-pager").stdout), "list-timers shows the job's timer")
CYCLE_STARTED = "MESSAGE_ID=0dd9824d01ab44c6ad1b970c82a44434"
CYCLE_FINISHED = "MESSAGE_ID=fcade1cae6a441ff87480c7d9ee39fff"
t.ok(wait_for(lambda: m.count(CYCLE_FINISHED, "REPRIEVE_JOB=staff") >= 2, 40), "the timer runs a cycle, and another",
     m("systemctl", "status", "--no-pager", "-n", "30", "reprieve-cycle@staff.service").stdout)
t.is_(len(m.target()), 100, "everybody is in the target")
t.is_(m("stat", "-c", "%U %a", "/srv/target/staff/users.jsonl").stdout.strip(), "_reprieve 640", "in a file that the folder's group may read")
t.is_(m.get("Status", user="alice"), "active", "an ordinary user may see that the job is healthy")
t.is_(m.get("LastCycleCounts", user="alice").get("imported"), 100, "and the counts")
if HAVE_CTL:
    t.like(m("reprievectl", "list").stdout, r"staff\s.*active", "reprievectl list shows it")
    # What the tutorial types: not in the sandbox of the service, where every target is read-only, but in a unit of the job.
    out = m("reprievectl", "preview", "staff")
    t.is_((out.returncode, out.stdout.splitlines()[:1]), (0, ["Would change nothing."]), f"reprievectl preview {out.stderr.strip()}")
    out = m("reprievectl", "validate", "--no-legend", "staff")
    t.is_((out.returncode, out.stdout.split()), (0, ["source", "ok", "target", "ok"]), f"reprievectl validate {out.stderr.strip()}")
    with open(m.path("/srv/hr/staff.jsonl"), "a") as f:
        f.write('{"id":"new","userName":"new","active":true}\n')
    m("systemctl", "stop", "reprieve-cycle@staff.timer")
    out = m("reprievectl", "provision", "staff", "user", "new")
    t.ok(out.returncode == 0 and "new" in m.target(), f"reprievectl provision {out.stderr.strip()}", out.stdout,
         m("journalctl", "--no-pager", "-n", "6", "-t", "reprieve-cycle").stdout)
    t.ok(wait_for(lambda: m.count("REPRIEVE_JOB=staff", "REPRIEVE_ACTION=Create", "REPRIEVE_SOURCE_ID=new") == 1), "with its entry in the journal (L1)")
    t.is_(m.count("_SYSTEMD_UNIT=reprieve-task@staff.service", "REPRIEVE_ACTION=Create"), 1, "of the unit that did it")
    out = m("busctl", "call", "org.reprieve1", "/org/reprieve1/job/staff", "org.reprieve1.Job", "ProvisionOnDemand", "ss", "user", "new")
    t.ok(out.returncode == 0 and "import" in out.stdout, "busctl provisions as well", out.stderr)
    out = m("busctl", "call", "org.reprieve1", "/org/reprieve1/job/staff", "org.reprieve1.Job", "ProvisionOnDemand", "ss", "user", "nobody")
    t.like(out.stdout + out.stderr, "the source has no such object", "and says what is wrong with an id")
    t.is_(m("reprievectl", "provision", "staff", "user", "nobody").returncode, 1, "which is no success for a script")
    t.is_(m("stat", "-c", "%U", "/srv/target/staff/users.jsonl", "/var/lib/reprieve/jobs/staff/ledger.db").stdout.split(), ["_reprieve"] * 2, "and nothing becomes root's")
    t.is_([m("reprievectl", "run", "--wait", "staff").returncode for _ in range(8)], [0] * 8, "eight cycles in a row: none is refused")
    m.source(100)
    t.is_(m("reprievectl", "run", "--wait", "staff").returncode, 0, "one removal is below the limit")
    m("systemctl", "start", "reprieve-cycle@staff.timer")

# ---- a trip
m.source(60)
t.ok(wait_for(lambda: m.get("Status") == "quarantine", 30), "an export that lost 40 people trips")
t.is_(len(m.target()), 100, "and nobody is removed")
t.is_(m.get("QuarantineReason"), "TooManyDeletes", "the reason is on the bus")
staged = m.journal("REPRIEVE_JOB=staff", "REPRIEVE_ACTION=StagedDelete")
t.is_({e["REPRIEVE_SOURCE_ID"] for e in staged}, {f"u{i:06}" for i in range(60, 100)}, "journalctl lists exactly the forty")
tripped = m("journalctl", "--no-pager", "-q", "-x", "-n", "1", "MESSAGE_ID=1c2f700a62154a728a8941787bb0af2c").stdout
t.like(tripped, r"reprievectl staged staff", "journalctl -x says what to do, with the job's name")
t.like(tripped, r"40 counted", "and the numbers")
if HAVE_CTL:
    t.like(m("reprievectl", "status", "staff").stdout, r"TooManyDeletes|quarantine", "reprievectl status says so")
    t.ok("u000060" in m("reprievectl", "staged", "staff", "--no-pager").stdout, "reprievectl staged names them")

# ---- who may
review = m.get("Review")
refused = m.call("AllowDeletes", "ss", review, "please", user="alice")
t.like(refused.stderr, r"InteractiveAuthorizationRequired|[Ii]nteractive authentication required", "an ordinary user is asked to authenticate")
refused = m.call("AllowDeletes", "ss", review, "please", user="alice", options=("--allow-interactive-authorization=yes",))
t.like(refused.stderr, r"[Ii]nteractive authentication required", "also where nobody is there who could be asked")
t.ok(m.call("ListStaged", "uu", "0", "10", user="alice").returncode != 0, "names of people are not for everybody")
t.is_(m.call("SummarizeStaged", user="alice").returncode, 0, "counts by cause are")
entries = m.journal("MESSAGE_ID=f757d177fcfa489f8254cc08729ddc87")
alice = m("id", "-u", "alice").stdout.strip()
t.ok(any(e.get("REPRIEVE_UID") == alice and e.get("REPRIEVE_JOB") == "staff" and e.get("REPRIEVE_PERMISSION") == "org.reprieve1.decide" for e in entries),
     "each refusal is in the journal: who, what, of which job", entries)
t.ok(m("busctl", "call", "org.reprieve1", "/org/reprieve1", "org.reprieve1.Worker", "CycleFinished", "ss", "staff", "0" * 32, user="alice").returncode != 0,
     "nobody reports a cycle over the bus")
m.write("/etc/polkit-1/rules.d/10-deciders.rules", 'polkit.addRule(function(a, s) { if (a.id.indexOf("org.reprieve1.") == 0 && '
        's.isInGroup("deciders")) return polkit.Result.YES; if (s.user == "alice") return polkit.Result.NO; });\n')
m("systemctl", "restart", "polkit.service")
refused = m.call("AllowDeletes", "ss", review, "please", user="alice")
t.like(refused.stderr, r"Access denied|not allowed|[Pp]ermission denied", "where the rules say no, access is denied")
t.ok(any(e.get("REPRIEVE_ERROR_CODE", "").endswith("AccessDenied") for e in m.journal("MESSAGE_ID=f757d177fcfa489f8254cc08729ddc87")), "and that is in the journal too")
t.is_(len(m.target()), 100, "nobody was removed by any of this")
review = m.get("Review")
if HAVE_CTL:
    out = m("reprievectl", "allow", "--yes", "staff", review, user="bob")
else:
    out = m.call("AllowDeletes", "ss", review, "an office was closed", user="bob")
t.is_(out.returncode, 0, f"an administrator allows {out.stderr.strip()}")
t.ok(wait_for(lambda: m.get("Status") == "active" and len(m.target()) == 60, 30), "and exactly those go; the job is healthy again")
entry = (m.journal("MESSAGE_ID=853b1181966c417e87dbec100210769c") or [{}])[-1]
t.is_((entry.get("REPRIEVE_DECIDED_BY"), entry.get("REPRIEVE_JOB")), ("bob", "staff"), "who decided is in the journal")

# ---- two people
m.source(30, "two")
m.job("two", "[Deletions]\nApprovers=2\n", interval="infinity")
m("busctl", "call", "org.reprieve1", "/org/reprieve1", "org.reprieve1.Manager", "Reload")
m("systemctl", "start", "reprieve-cycle@two.service")
m.source(10, "two")
m("systemctl", "start", "reprieve-cycle@two.service")
for who in ("bob", "bob"):
    m.call("AllowDeletes", "ss", m.get("Review", "two"), "", job="two", user=who)
m("systemctl", "start", "reprieve-cycle@two.service")
t.is_((m.get("Status", "two"), len(m.target("two"))), ("quarantine", 30), "with Approvers=2 one person, though twice, removes nobody")
m.call("AllowDeletes", "ss", m.get("Review", "two"), "", job="two", user="carol")
t.ok(wait_for(lambda: len(m.target("two")) == 10 and m.get("Status", "two") == "active", 20), "a second one does")

# ---- a broken job file
good = open(m.path("/etc/reprieve/jobs.d/staff.conf")).read()
m.write("/etc/reprieve/jobs.d/staff.conf", good.replace("DeletionThreshold=10", "DeletionThreshold=-3"))
line = good.splitlines().index("DeletionThreshold=10") + 1
t.is_(m("systemctl", "reload", "reprieved.service").returncode, 0, "systemctl reload of the service")
t.ok(wait_for(lambda: any(f"staff.conf:{line}" in e["MESSAGE"] for e in m.journal("MESSAGE_ID=c1bed91c544f4496b1f1f51948f618c6")), 10),
     "a mistake is named by file and line")
t.is_(m.get("DeletionThreshold"), 10, "and the old configuration kept")
out = m("reprievectl", "reload") if HAVE_CTL else m("busctl", "call", "org.reprieve1", "/org/reprieve1", "org.reprieve1.Manager", "Reload")
t.ok(out.returncode != 0 and f"staff.conf:{line}" in out.stderr, "who asks for the reload is told as well", out.stderr)
m.write("/etc/reprieve/jobs.d/staff.conf", good)
t.is_(m("busctl", "call", "org.reprieve1", "/org/reprieve1", "org.reprieve1.Manager", "Reload").returncode, 0, "mended, it loads")

# ---- settings over D-Bus, and LogControl1
t.is_(m("busctl", "set-property", "org.reprieve1", "/org/reprieve1/job/staff", JOB, "Interval", "t", str(3600 * 10**6)).returncode, 0, "an interval is set over D-Bus")
t.ok(os.path.exists(m.path("/etc/reprieve/jobs.d/staff.conf.d/50-reprieve.conf")) and open(m.path("/etc/reprieve/jobs.d/staff.conf")).read() == good,
     "into a drop-in; the person's file is as it was")
t.ok(wait_for(lambda: "1h" in m("systemctl", "show", "-p", "TimersMonotonic", "reprieve-cycle@staff.timer").stdout, 10), "and the timer follows",
     m("systemctl", "cat", "reprieve-cycle@staff.timer").stdout)
m("systemctl", "service-log-level", "reprieved.service", "debug")
t.is_(m("systemctl", "service-log-level", "reprieved.service").stdout.strip(), "debug", "systemctl service-log-level")
m("systemctl", "service-log-level", "reprieved.service", "info")

# ---- secrets
secret = "swordfish-7731"
m("sh", "-c", f"mkdir -p /etc/credstore.encrypted; printf %s {secret} | systemd-creds encrypt --with-key=host --name=chat-token - /etc/credstore.encrypted/chat-token")
m.source(5, "cred")
m.job("cred", "[Target]\nCredential=chat-token\n", interval="infinity")
probe = "[Service]\nExecStartPre=/bin/sh -c 'echo probe: $(cat ${CREDENTIALS_DIRECTORY:-/none}/* | sha256sum) $(ls /run/credentials | wc -l)'\n"
for name in ("cred", "staff"):
    m.write(f"/etc/systemd/system/reprieve-cycle@{name}.service.d/probe.conf", probe.replace("$", "$$").replace("$${CRED", "$${CRED"))
m("systemctl", "daemon-reload")
out = m("systemctl", "start", "reprieve-cycle@cred.service")
t.is_(out.returncode, 0, f"a job with an encrypted credential runs {out.stderr.strip()}")
digest = subprocess.run(["sha256sum"], input=secret, capture_output=True, text=True).stdout.split()[0]
t.ok(any(digest in e["MESSAGE"] for e in m.journal("_SYSTEMD_UNIT=reprieve-cycle@cred.service")), "systemd decrypts it for that cycle")
m("systemctl", "start", "reprieve-cycle@staff.service")
t.ok(not any(digest in e["MESSAGE"] for e in m.journal("_SYSTEMD_UNIT=reprieve-cycle@staff.service")), "and for no other")
t.ok("chat-token" not in m("systemctl", "cat", "reprieve-cycle@staff.service").stdout, "which names none")
t.is_(m.count("-g", secret), 0, "the secret is nowhere in the journal")
m("rm", "-r", "/etc/systemd/system/reprieve-cycle@cred.service.d", "/etc/systemd/system/reprieve-cycle@staff.service.d")

# ---- much at once
BIG, STAGED = 46000, 45000  # more than the 37,500 of a burst that journald keeps by default
m.source(BIG, "big")
m.job("big", interval="infinity")
m("systemctl", "daemon-reload")
seen = {"status": set(), "bus": set(), "ps": "", "stop": False}


def watch():
    while not seen["stop"]:
        seen["status"].add(m.show("reprieve-cycle@big.service", "StatusText").get("StatusText", ""))
        progress = m.get("Progress", "big")
        if progress:
            seen["bus"].add(progress[0])
        if not seen["ps"]:
            ps = m("ps", "-eo", "user:16,pid,args").stdout
            if "/libexec/reprieve/reprieve-cycle" in ps and "_reprieve" in ps:
                seen["ps"] = ps


m("busctl", "call", "org.reprieve1", "/org/reprieve1", "org.reprieve1.Manager", "Reload")
watcher = threading.Thread(target=watch)
watcher.start()
at = time.monotonic()
out = m("systemctl", "start", "reprieve-cycle@big.service")
note(f"initial cycle of {BIG} users with an entry each: {time.monotonic() - at:.1f} s")
seen["stop"] = True
watcher.join()
t.is_((out.returncode, len(m.target("big"))), (0, BIG), f"{BIG} users are created")
t.ok(any(re.match(r"\w+: \d+", s) for s in seen["status"]), "systemctl status shows how far a cycle is", seen["status"])
t.ok(seen["bus"] & {"import", "plan", "apply"}, "and the Progress property", seen["bus"])
for line in seen["ps"].splitlines():
    if "repriev" in line and "nsenter" not in line:
        note(line.strip())
t.ok(seen["ps"] and all(line.split()[0] == "_reprieve" for line in seen["ps"].splitlines() if "/libexec/reprieve/" in line), "all programs run as _reprieve", seen["ps"])
t.ok(wait_for(lambda: m.count("REPRIEVE_JOB=big", "REPRIEVE_ACTION=Create") == BIG, 20, 0.5), "each has its entry in the journal")
m.source(BIG - STAGED, "big")
at = time.monotonic()
out = m("systemctl", "start", "reprieve-cycle@big.service")
note(f"a trip that stages {STAGED}: {time.monotonic() - at:.1f} s")
t.is_(len(m.target("big")), BIG, f"{STAGED} gone from the source are still in the target")
wait_for(lambda: m.count("REPRIEVE_JOB=big", "REPRIEVE_ACTION=StagedDelete") >= STAGED, 20, 0.5)  # journald may be behind
t.is_(m.count("REPRIEVE_JOB=big", "REPRIEVE_ACTION=StagedDelete"), STAGED, f"all {STAGED} staged objects are in the journal")
t.is_(m.get("StagedDeletes", "big"), STAGED, "and counted on the bus")
if HAVE_CTL:
    t.is_(len(m("reprievectl", "staged", "--csv", "big").stdout.splitlines()), STAGED + 1, "and in the CSV list")

# ---- stopped, killed, rebooted in the middle
SLOW = 100000


def interrupted(job, how, what, done):
    """Starts the initial cycle of a new job, interrupts it once it writes, and lets the next one finish."""
    m.source(SLOW, job)
    m.job(job, interval="infinity")
    m("systemctl", "daemon-reload")
    m("systemctl", "start", "--no-block", f"reprieve-cycle@{job}.service")
    began = wait_for(lambda: m.show(f"reprieve-cycle@{job}.service", "StatusText").get("StatusText", "").startswith(("import:", "plan:", "apply:")), 30, 0.01)
    how()
    t.ok(began, f"{what}: in the middle of a cycle")
    done()
    n = len(m.target(job))
    note(f"{what}: {n} of {SLOW} were in the target")
    out = m("systemctl", "start", f"reprieve-cycle@{job}.service")
    names = m.target(job)
    t.is_((out.returncode, len(names), len(set(names))), (0, SLOW, SLOW), f"{what}: the next cycle completes it, each user once")


def after_stop():
    s = m.show("reprieve-cycle@stopped.service", "Result", "ActiveState")
    t.is_((s["Result"], s["ActiveState"]), ("success", "inactive"), "systemctl stop is no failure")


def after_kill():
    wait_for(lambda: m.show("reprieve-cycle@killed.service", "ActiveState")["ActiveState"] == "failed", 10)
    s = m.show("reprieve-cycle@killed.service", "Result", "ActiveState")
    t.is_((s["Result"], s["ActiveState"]), ("signal", "failed"), "a killed cycle leaves a failed unit")


def after_reboot():
    # With --keep-unit, 133 asks whoever started the container to start it again.
    try:
        t.is_(m.nspawn.wait(60), 133, "the system goes down to come back")
    except subprocess.TimeoutExpired:
        t.ok(False, "the system goes down to come back")
    t.ok(m.boot(), "and comes back")


interrupted("stopped", lambda: m("systemctl", "stop", "reprieve-cycle@stopped.service"), "systemctl stop", after_stop)
interrupted("killed", lambda: m("systemctl", "kill", "-s", "KILL", "reprieve-cycle@killed.service"), "kill -9 of the cycle", after_kill)
pid = m.show("reprieved.service", "MainPID")["MainPID"]
if pid == "0":
    m("busctl", *LIST)
    pid = m.show("reprieved.service", "MainPID")["MainPID"]
m("kill", "-9", pid)
t.ok(wait_for(lambda: m.show("reprieved.service", "MainPID")["MainPID"] not in ("0", pid) and m("busctl", *LIST).returncode == 0, 15), "kill -9 of the service: it comes back")
interrupted("rebooted", lambda: m("systemctl", "reboot"), "a reboot", after_reboot)
t.is_(m.get("StagedDeletes", "big"), STAGED, "what waits for a decision still waits after a reboot")
t.ok("reprieve-cycle@staff.timer" in m("systemctl", "list-timers", "--no-pager").stdout, "timers are back without anybody's doing")

# ---- mail that hangs: notify killed
m.write("/etc/systemd/system/mute.socket", "[Socket]\nListenStream=127.0.0.1:2525\n")
m.write("/etc/systemd/system/mute.service", "[Service]\nExecStart=/bin/sleep infinity\n")
m.write("/etc/reprieve/reprieve.conf", "[Mail]\nServer=smtp://127.0.0.1:2525\nFrom=reprieve@example.com\nTls=no\n[Notify]\nEmail=ops@example.com\n")
m("systemctl", "daemon-reload")
m("systemctl", "start", "mute.socket")
m("busctl", "call", "org.reprieve1", "/org/reprieve1", "org.reprieve1.Manager", "Reload")
out = m.call("SendTestNotification")
t.is_(out.returncode, 0, f"a test mail is asked for {out.stderr.strip()}")
t.ok(wait_for(lambda: m.show("reprieve-notify.service", "MainPID").get("MainPID", "0") != "0", 15), "reprieve-notify runs, by the leave of polkit")
t.ok(wait_for(lambda: m("ps", "-o", "user=", "-p", m.show("reprieve-notify.service", "MainPID").get("MainPID", "0")).stdout.strip() == "_reprieve", 5),
     "as _reprieve")
m("systemctl", "kill", "-s", "KILL", "reprieve-notify.service")
t.ok(wait_for(lambda: m.show("reprieve-notify.service", "ActiveState")["ActiveState"] == "failed", 10), "kill -9 of reprieve-notify leaves a failed unit")
m("systemctl", "stop", "mute.socket", "mute.service")
m("systemctl", "reset-failed", "reprieve-notify.service")
m("systemctl", "start", "reprieve-notify.service")
t.ok(wait_for(lambda: m.get("NotificationProblem") not in ("", None), 20), f"the mail is kept, and its problem on the bus: {m.get('NotificationProblem')}")

# ---- a full disk
m.source(SLOW, "disk")
m.job("disk", interval="infinity")
m("systemctl", "daemon-reload")
m("install", "-d", "-m", "700", "-o", "_reprieve", "-g", "_reprieve", "/var/lib/reprieve/jobs/disk")
m("mount", "-t", "tmpfs", "-o", "size=3M,mode=0700,uid=" + m("id", "-u", "_reprieve").stdout.strip(), "tmpfs", "/var/lib/reprieve/jobs/disk")
out = m("systemctl", "start", "reprieve-cycle@disk.service")
t.ok(out.returncode != 0, "with a full disk the cycle fails")
t.like(m("systemctl", "status", "--no-pager", "reprieve-cycle@disk.service").stdout, r"full|No space left", "and says why in systemctl status")
m("mount", "-o", "remount,size=512M", "/var/lib/reprieve/jobs/disk")
out = m("systemctl", "start", "reprieve-cycle@disk.service")
names = m.target("disk")
t.is_((out.returncode, len(names), len(set(names))), (0, SLOW, SLOW), "with room again the next cycle completes it, each user once")
m("umount", "/var/lib/reprieve/jobs/disk")

# ---- without a bus
m.source(61)
m("systemctl", "stop", "dbus.socket", "dbus.service")
t.ok(not os.path.exists(m.path("/run/dbus/system_bus_socket")) and m("busctl", *LIST).returncode != 0, "the bus is gone")
out = m("systemctl", "start", "reprieve-cycle@staff.service")
t.is_((out.returncode, len(m.target())), (0, 61), "a cycle runs all the same")
t.ok(wait_for(lambda: "staff" in m("busctl", "--address=unix:path=/run/reprieve/bus", *LIST).stdout, 20), "root reaches the service at the private endpoint",
     m("journalctl", "--no-pager", "-n", "20", "-u", "reprieved").stdout)
m("systemctl", "start", "dbus.socket", "dbus.service")
t.ok(wait_for(lambda: m("systemctl", "restart", "reprieved.service").returncode == 0 and m("busctl", *LIST).returncode == 0, 30), "with the bus back it is served there too")

# ---- idle exit without losing a request
m.write("/etc/systemd/system/reprieved.service.d/idle.conf", "[Service]\nExecStart=\nExecStart=/usr/libexec/reprieve/reprieved --idle-exit=50ms\n[Unit]\nStartLimitIntervalSec=0\n")
m("systemctl", "daemon-reload")
m("systemctl", "stop", "reprieved.service")
lost = [r.stderr for r in (m("busctl", *LIST) for _ in range(25) if time.sleep(0.04 + 0.003 * _) is None) if r.returncode != 0]
exits = m.count("_PID=1", "UNIT=reprieved.service", "-g", "Deactivated successfully")
t.ok(not lost and exits > 5, f"25 requests around {exits} idle exits: none is lost", *lost)
m("rm", "-r", "/etc/systemd/system/reprieved.service.d")
m("systemctl", "daemon-reload")
m("systemctl", "stop", "reprieved.service")

# ---- upgrade with a running cycle, removal, purge
m.source(SLOW, "upgraded")
m.job("upgraded", interval="infinity")
m("systemctl", "daemon-reload")
m("systemctl", "start", "--no-block", "reprieve-cycle@upgraded.service")
wait_for(lambda: m.show("reprieve-cycle@upgraded.service", "StatusText").get("StatusText", "").startswith(("import", "apply")), 30, 0.01)
pid = m.show("reprieve-cycle@upgraded.service", "MainPID")["MainPID"]
out = m("dpkg", "-i", "/var/reprieve.deb")
t.is_(out.returncode, 0, f"an upgrade while a cycle runs {out.stderr.strip()}")
t.ok(wait_for(lambda: m.show("reprieve-cycle@upgraded.service", "ActiveState")["ActiveState"] == "inactive", 60), "the cycle goes on to its end")
ended = wait_for(lambda: m.journal(CYCLE_FINISHED, "REPRIEVE_JOB=upgraded"), 20, 0.2)  # journald may be behind
t.is_(([e["_PID"] for e in ended], len(m.target("upgraded"))), ([pid], SLOW), "the same process, and complete")
t.is_(m("dpkg", "-r", "reprieve").returncode, 0, "the package is removed")
t.ok(os.path.isdir(m.path("/var/lib/reprieve/jobs/big")) and os.path.exists(m.path("/etc/reprieve/jobs.d/staff.conf")), "state and jobs stay")
t.is_(m("systemctl", "list-units", "--no-legend", "--state=running,listening,waiting", "repriev*").stdout, "", "nothing of it runs")
t.is_(m("systemctl", "list-units", "--failed", "--no-legend").stdout, "", "and nothing is left failed")
t.is_(m("dpkg", "-P", "reprieve").returncode, 0, "and purged")
t.ok(not os.path.exists(m.path("/var/lib/reprieve")) and not os.path.exists(m.path("/etc/reprieve")), "then both are gone")
t.is_((len(m.target("big")), len(m.target())), (BIG, 61), "but the targets are as they were")
note(f"all in {time.monotonic() - started:.0f} s")
t.done()
