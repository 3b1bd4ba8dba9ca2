#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""reprievectl against the real service and real cycles: what it prints (tests/golden/ctl), what it asks, its exit statuses, hostile
names, JSON, a terminal. To write the golden files anew: REPRIEVE_GOLDEN=write."""
import csv
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from house import BUILD, TOP, House, Tap, wait_for  # noqa: E402

t = Tap()
CTL = os.path.join(BUILD, "reprievectl")
GOLDEN = os.path.join(TOP, "tests/golden/ctl")
EVIL = ["Ann\nforged line", "red \x1b[31malert", "a\u202edcb", "\u200fרות", "日本語の名前テスト日本語", "Zoë e\u0301", "tab\there",
        "very " + "long " * 40, "\x9b2Jgone", "$(touch owned)`touch owned`"]


class Ctl(House):
    def ctl(self, *arguments, **kwargs):
        """Like a person who has set REPRIEVE_BUS; two hours later, so that "2h ago" is steady."""
        env = dict(self.env, REPRIEVE_BUS=self.address, REPRIEVE_CLOCK_OFFSET="2h", **kwargs)
        return subprocess.run([CTL, *arguments], capture_output=True, text=True, env=env, stdin=subprocess.DEVNULL, timeout=120)

    def normal(self, text):
        """What differs from run to run, made equal and equally wide."""
        text = text.replace(self.dir, "/DIR")
        text = re.sub(r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d", "YYYY-MM-DD hh:mm:ss", text)
        text = re.sub(r"Reason: .*", "Reason: …", text)  # the engine's words
        text = re.sub(r"took [^)]*\)", "took …)", text)
        text = re.sub(r"\b[0-9a-f]{32}\b", "C" * 32, text)
        text = re.sub(r"\b[0-9a-f]{16}\b", "R" * 16, text)
        return re.sub(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]*", lambda m: "T" * len(m[0]), text)

    def golden(self, name, *arguments, status=0, **kwargs):
        r = self.ctl(*arguments, **kwargs)
        got = self.normal(f"$ reprievectl {' '.join(arguments)}\n{r.stdout}{r.stderr}")
        path = os.path.join(GOLDEN, name + ".txt")
        if os.environ.get("REPRIEVE_GOLDEN") == "write":
            with open(path, "w") as f:
                f.write(got)
        with open(path) as f:
            wanted = f.read()
        t.ok(got == wanted and r.returncode == status, f"{name}: {' '.join(arguments)}, exit {status}",
             f"exit {r.returncode}", "--- got", got, "--- expected", wanted)
        return r

    def lines(self, *arguments, status=0):
        """--json: an object a line"""
        r = self.ctl(*arguments, "--json")
        try:
            objects = [json.loads(line) for line in r.stdout.splitlines()]
        except ValueError as e:
            objects = [str(e), r.stdout]
        t.ok(r.returncode == status and all(isinstance(o, dict) for o in objects), f"{' '.join(arguments)} --json is JSON", r.returncode, objects)
        return objects


class Terminal:
    """reprievectl on a pty."""

    def __init__(self, h, *arguments, columns=80, **env):
        self.text = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            # What a shell starts in the background ignores it.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            e = dict(h.env, REPRIEVE_BUS=h.address, TERM="xterm", **env)
            e.pop("COLUMNS", None)
            fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
            os.execve(CTL, [CTL, *arguments], e)

    def read_until(self, pattern, seconds=20):
        end = time.monotonic() + seconds
        while not (pattern and re.search(pattern, self.text)) and time.monotonic() < end:
            if select.select([self.fd], [], [], 0.1)[0]:
                try:
                    data = os.read(self.fd, 65536)
                except OSError:
                    break
                if not data:
                    break
                self.text += data.decode("utf-8", "replace")
        return self.text

    def write(self, text):
        os.write(self.fd, text.encode())

    def end(self):
        """What it wrote in all, and its exit status."""
        self.read_until(None, 30)
        if not wait_for(lambda: os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT), 30):
            os.kill(self.pid, signal.SIGKILL)
        _, status = os.waitpid(self.pid, 0)
        os.close(self.fd)
        return self.text.replace("\r\n", "\n"), os.waitstatus_to_exitcode(status)


users = [{"id": f"u{i:03}", "userName": f"u{i:03}", "displayName": f"User {i}", "active": True} for i in range(1, 31)]
users += [{"id": f"e{i}", "userName": f"e{i}", "displayName": name, "active": True} for i, name in enumerate(EVIL)]
groups = [{"id": f"g{i}", "displayName": f"team-{i}", "members": [{"value": "u001"}]} for i in range(4)]

with Ctl() as h:
    h.write_job(sections={"Job": {"Description": "Staff directory to the chat"}, "Deletions": {"DeletionThreshold": 5},
                          "Notify": {"Email": "root@localhost"}})
    h.write_source(users, groups)
    programs = f"{h.dir}/exec"
    os.mkdir(programs)
    os.symlink(f"{BUILD}/reprieve-cycle", f"{programs}/reprieve-cycle")
    os.symlink("/bin/true", f"{programs}/reprieve-notify")
    h.start_service(f"--exec-dir={programs}")

    # ---- before and after the first cycle ----
    h.golden("list-not-run", "list", COLUMNS="80")
    h.golden("status-not-run", "status", "staff")
    h.golden("preview-first", "preview", "staff")
    h.golden("held-none", "held", "staff")
    h.golden("staged-none", "staged", "staff")
    h.golden("allow-nothing", "allow", "staff", "--yes")
    h.golden("run-wait", "run", "--wait", "staff")
    r = h.ctl("run", "staff")
    t.like(r.stdout, r"^Cycle [0-9a-f]{32} runs\.\n$", "run tells the cycle's id")
    h.wait_idle()
    t.is_(h.ctl("status", "staff").returncode, 0, "a healthy job: exit 0")
    t.is_(h.ctl("list", "--names").stdout, "staff\n", "list --names")

    # ---- the trip ----
    h.write_source(users[:20] + [dict(users[21], active=False)], groups[:2])
    h.golden("preview-trip", "preview", "staff")
    h.golden("preview-list", "preview", "--list", "staff", COLUMNS="80")
    plan = h.lines("preview", "staff")
    t.ok(plan[-1].get("tripped") is True and len(plan) == 23, "the plan ends with its verdict", plan[-1:])
    h.golden("run-wait-trip", "run", "--wait", "staff", status=6)
    review = h.get("Review")
    h.golden("status-trip-80", "status", "staff", status=6, COLUMNS="80")
    h.golden("status-trip-120", "status", "staff", "--no-legend", status=6, COLUMNS="120")
    h.golden("list-trip-80", "list", COLUMNS="80")
    h.golden("list-trip-120", "list", "--no-legend", COLUMNS="120")
    h.golden("staged-80", "staged", "staff", COLUMNS="80")
    h.golden("staged-120", "staged", "staff", COLUMNS="120")
    r = h.ctl("staged", "staff", "--no-legend", COLUMNS="30")
    t.is_(len(r.stdout.splitlines()), 22, "a name with a newline makes no second line, however narrow it is")
    t.ok(not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e]", r.stdout), "nothing steers the terminal")
    h.golden("status-c-locale", "status", "staff", status=6, LC_ALL="C")
    t.ok(h.ctl("staged", "staff", LC_ALL="C").stdout.isascii(), "in the C locale all is ASCII")

    # ---- JSON and CSV ----
    s, = h.lines("status", "staff", status=6)
    t.is_((s["name"], s["status"], s["quarantine_reason"], s["review"], s["staged_deletes"] + s["staged_actions"], s["last_cycle_counts"]["staged"],
           s["deletion_threshold_percent"], s["notification_email"], s["running"], s["progress"]["done"]),
          ("staff", "quarantine", "TooManyDeletes", review, 22, 22, None, ["root@localhost"], False, 0), "status --json has the properties")
    t.is_([o["status"] for o in h.lines("list")], ["quarantine"], "list --json")
    staged = h.lines("staged", "staff")
    t.is_({o["display_name"] for o in staged if o["source_id"].startswith("e")}, set(EVIL), "names pass through JSON as they are")
    rows = list(csv.DictReader(h.ctl("staged", "--csv", "staff").stdout.lstrip("\ufeff").splitlines(keepends=True)))
    t.is_((len(rows), rows[0]["kind"]), (22, "user"), "staged --csv has all")

    # ---- who may not, what is not there ----
    for arguments, status, message in (
            (["status", "nobody"], 3, 'no job is called "nobody"\nThese jobs are there: reprievectl list'),
            (["status", "staff", "nobody"], 6, "no job is called"),
            (["status", "nobody", "nobody"], 3, "no job is called"),
            (["allow", "staff", "0123456789abcdef", "--yes"], 3, "no open review"),
            (["reject", "staff", "--yes", "--object=user:nobody"], 3, "user:nobody does not wait for a decision; nothing was decided"),
            (["release", "staff", "user:nobody"], 3, "nothing was released"),
            (["allow", "staff"], 2, "no terminal to ask on"),
            (["remove", "staff"], 1, "remove --force staff"),
            (["log", "nobody", "--cycle=last"], 3, "no job is called"),
            (["run", "no\x1bbody"], 3, "no\\x1bbody"),
            (["create", "staff", "Source.Connector=json"], 1, "reprievectl set staff"),
            (["create", "two", "/nonexistent"], 1, "Cannot read /nonexistent"),
            (["create", "two", "Source.Connector=moon"], 1, "Correct that and try again")):
        r = h.ctl(*arguments)
        t.ok(r.returncode == status and message in r.stderr, f"exit {status}: {' '.join(arguments)!r}", r.returncode, r.stderr)
    t.is_(h.get("StagedDeletes") + h.get("StagedActions"), 22, "and nothing was decided by all that")
    if os.getuid() == 0:
        os.chmod(h.dir, 0o755)
        nobody = {"user": "nobody", "group": "nogroup", "extra_groups": [], "cwd": "/", "capture_output": True, "text": True,
                  "stdin": subprocess.DEVNULL, "env": dict(h.env, REPRIEVE_BUS=h.address)}
        r = subprocess.run(["cp", CTL, f"{h.dir}/reprievectl"], check=True)
        for arguments in (["allow", "staff", "--yes"], ["run", "staff"], ["set", "staff", "DeletionThreshold=9"], ["staged", "staff"], ["reload"]):
            r = subprocess.run([f"{h.dir}/reprievectl", *arguments], **nobody)
            t.ok(r.returncode == 4 and "Try again as root" in r.stderr, f"exit 4 as another user: {arguments[0]}", r.returncode, r.stderr)
        r = subprocess.run([f"{h.dir}/reprievectl", "status", "staff"], **nobody)
        t.ok(r.returncode == 6 and "22 removals" in r.stdout, "status and counts are for everybody", r.stderr)
        os.chmod(h.state, 0o700)
        r = subprocess.run([f"{h.dir}/reprievectl", "preview", "--with=/dev/null", *h.dirs(), "staff"], **nobody)
        t.ok(r.returncode == 4 and "try again as root" in r.stderr, "preview --with says why not", r.returncode, r.stderr)
    else:
        t.skip("exit 4 as another user", "not root")

    # ---- preview --with ----
    with open(h.job_file()) as f:
        text = f.read()
    other = f"{h.dir}/new.conf"
    with open(other, "w") as f:
        f.write(text.replace("DeletionThreshold=5", "DeletionThreshold=500") + '[Scope]\nUsers=userName sw "u"\n')
    h.golden("preview-with", "preview", f"--with={other}", f"--config-dir={h.config}", f"--state-dir={h.state}", "staff")
    with open(other, "w") as f:
        f.write(text + "[Moon]\nPhase=full\n")
    r = h.ctl("preview", f"--with={other}", f"--config-dir={h.config}", f"--state-dir={h.state}", "staff")
    t.ok(r.returncode == 1 and "Moon" in r.stderr, "a mistake in that file is told", r.returncode, r.stderr)

    # ---- questions ----
    p = Terminal(h, "allow", "staff")
    p.read_until(r"\[y/N\]")
    t.ok(review in p.text and "Allow these 22 removals? [y/N]" in p.text and "22 removals wait as review" in p.text, "allow shows and asks", p.text)
    t.ok("\x1b[31m" not in p.text, "with names that cannot colour it")
    p.write("n\n")
    text, status = p.end()
    t.ok(status == 1 and "Nothing was decided." in text, "a no is a no", status, text)
    p = Terminal(h, "reject", "staff")
    p.read_until(r"\[y/N\]")
    p.write("\n")
    t.is_(p.end()[1], 1, "so is an empty answer")
    p = Terminal(h, "allow", "staff")
    p.read_until(r"\[y/N\]")
    p.write("\x04")
    t.is_(p.end()[1], 1, "and the end of input")
    t.is_(h.get("StagedDeletes") + h.get("StagedActions"), 22, "nothing was decided")
    p = Terminal(h, "allow", "staff")
    p.read_until(r"\[y/N\]")
    p.write("\x03")
    t.is_(p.end()[1], -signal.SIGINT, "^C leaves")

    # Q4: while the question waits for its answer, the set grows.
    p = Terminal(h, "allow", "staff", "-c", "sales was sold")
    p.read_until(r"\[y/N\]")
    h.write_source(users[:14] + [dict(users[21], active=False)], groups[:2])
    h.run_cycle()
    t.ok(h.get("Review") != review, "meanwhile the review has got another id")
    p.write("y\n")
    text, status = p.end()
    t.ok(status == 0 and "Allowed 22 removals" in text and "6 removals joined later and were not decided" in text,
         "Q4: what was shown is what is allowed, and not what joined later", status, text)
    h.wait_idle()
    wait_for(lambda: len(h.target_users()) == 21)
    t.is_((len(h.target_users()), h.get("StagedDeletes")), (21, 6), "Q4: exactly those are gone")
    t.ok(h.entries(REPRIEVE_COMMENT="sales was sold", REPRIEVE_REVIEW=review), "Q9: with the comment")

    # ---- an older review by its id; a part of it; reject, held, release ----
    h.write_source(users[:10], groups[:2])
    h.run_cycle()
    old = h.get("Review")
    h.write_source(users[:9], groups[:2])
    h.run_cycle()
    p = Terminal(h, "allow", "staff", old)
    p.read_until(r"\[y/N\]")
    t.ok(f"Review {old} is not the newest" in p.text and f"Allow the removals of review {old} that still wait? [y/N]" in p.text,
         "an older review is told apart", p.text)
    p.write("no\n")
    p.end()
    h.golden("reject-some", "reject", "staff", "--yes", "--object=user:u011", "--objects=user:u012,user:u013", COLUMNS="80")
    h.wait_idle()
    h.golden("held-80", "held", "staff", COLUMNS="80")
    h.golden("status-held", "status", "staff", status=6)
    t.is_([o["source_id"] for o in h.lines("held", "staff")], ["u011", "u012", "u013"], "held --json")
    h.golden("reject-rest", "reject", "staff", "--yes", "--comment=an accident", COLUMNS="80")
    h.wait_idle()
    h.golden("release", "release", "staff", "user:u011", "user:u012")
    h.wait_idle()
    t.ok("u011" not in [o["source_id"] for o in h.lines("held", "staff")], "released is no longer held")
    t.is_(h.ctl("status", "staff").returncode, 0, "the job is healthy")

    # ---- settings, jobs ----
    h.golden("set", "set", "staff", "DeletionThreshold=1234", "Deletions.DeletionThresholdPercent=2.5", "Interval=1h",
             "Notify.Email=a@example.com, b@example.com", "PreventAccidentalDeletions=yes")
    t.is_((h.get("DeletionThreshold"), h.get("DeletionThresholdPercent"), h.get("Interval"), h.get("NotificationEmail")),
          (1234, 2.5, 3600000000, ["a@example.com", "b@example.com"]), "set sets")
    r = h.ctl("set", "staff", "DeletionThreshold=7", "Interval=500ms")
    t.ok(r.returncode == 1 and "Interval=500ms and what comes after it were not set" in r.stderr, "what was not set is told", r.stderr)
    h.ctl("set", "staff", "DeletionThresholdPercent=")
    h.ctl("set", "staff", "DeletionThreshold=0")
    t.like(h.ctl("status", "staff").stdout, r"Limit: 0: every removal waits", "a limit of 0 is not taken for none")
    h.ctl("set", "staff", "DeletionThreshold=7")
    t.is_(h.lines("status", "staff")[0]["deletion_threshold_percent"], None, "a limit can be taken back")
    h.golden("pause", "pause", "staff")
    h.golden("status-paused", "status", "staff")
    r = h.ctl("run", "staff")
    t.ok(r.returncode == 1 and "reprievectl start staff" in r.stderr or r.returncode == 0, "a paused job says how to start it", r.stderr)
    h.golden("start", "start", "staff")
    h.golden("restart", "restart", "staff", "--scope=escrows,watermark")
    h.golden("validate", "validate", "staff")
    t.is_([o["ok"] for o in h.lines("validate", "staff")], [True, True], "validate --json")
    h.wait_idle()
    t.like(h.ctl("provision", "staff", "user", "u003").stdout, r"^STEP +STATUS +DETAILS\nimport +success ", "provision shows the steps")
    t.ok(all("step" in o for o in h.lines("provision", "staff", "user", "u003")), "provision --json")
    h.golden("create", "create", "my-copy", h.job_file(), "Job.Description=another")
    t.is_((h.get("Description", "my_2dcopy"), h.get("Status", "my_2dcopy")), ("another", "paused"), "create from a file, with a setting replaced")
    t.is_(h.ctl("remove", "my-copy").returncode, 0, "remove")
    t.is_(h.ctl("status", "my-copy").returncode, 3, "it is gone")
    with open(h.job_file("broken"), "w") as f:
        f.write("[Job]\nNonsense=1\n")
    r = h.ctl("reload")
    t.ok("Nonsense" in r.stderr and "broken.conf" in r.stderr and r.returncode == 1, "reload names file and key", r.returncode, r.stderr)
    with open(h.job_file("broken"), "w") as f:
        f.write(f'[Source]\nConnector=json\nUsers=/nowhere\n[Target]\nConnector=json\nDirectory={h.target}\n[Scope]\nUsers=userName zz "x"\n')
    r = h.ctl("reload")
    t.ok(re.search(r'\n +userName zz "x"\n +\^\n', r.stderr), "with a caret below the place", r.stderr)
    r = h.ctl("status", "broken")
    t.ok(r.returncode == 6 and re.search(r'\n {14}userName zz "x"\n +\^\n', r.stdout) and "  reprievectl reload " in r.stdout, "status too", r.stdout)
    os.unlink(h.job_file("broken"))
    t.is_(h.ctl("reload").returncode, 0, "reload")
    h.ctl("set", "staff", "NotificationEmail=")
    r = h.ctl("status", "staff")
    t.ok("reprievectl set staff NotificationEmail=ADDRESS" in r.stdout, "nobody to notify: status says what to type", r.stdout)
    os.rename(h.target, f"{h.dir}/gone")
    open(h.target, "w").close()
    r = h.ctl("validate", "staff")
    t.ok(r.returncode == 1 and re.search(r"^target +failed", r.stdout, re.M), "a target that is not there fails validate", r.stdout)
    os.unlink(h.target)
    os.rename(f"{h.dir}/gone", h.target)
    os.rename(f"{h.source}/users.jsonl", f"{h.source}/gone")
    r = h.ctl("run", "--wait", "staff")
    t.ok(r.returncode == 1 and "reprievectl status staff" in r.stdout, "and the cycle", r.returncode, r.stdout)
    r = h.ctl("status", "staff")
    t.ok("reprievectl log --cycle=last staff" in r.stdout or "reprievectl log staff" in r.stdout, "status says where to look", r.stdout)
    os.rename(f"{h.source}/gone", f"{h.source}/users.jsonl")

    # ---- a terminal ----
    text, status = Terminal(h, "list", SYSTEMD_PAGER="").end()
    t.ok("\x1b[1;32mactive" in text or "\x1b[1;33mquarantine" in text, "colours on a terminal", repr(text))
    t.ok("\x1b" not in Terminal(h, "list", SYSTEMD_PAGER="", NO_COLOR="1").end()[0], "none with NO_COLOR")
    t.ok("\x1b" in Terminal(h, "list", SYSTEMD_PAGER="", NO_COLOR="1", SYSTEMD_COLORS="1").end()[0], "SYSTEMD_COLORS decides")
    t.ok("\x1b" not in h.ctl("list").stdout and "\x1b" in h.ctl("list", SYSTEMD_COLORS="1").stdout, "elsewhere only if asked for")
    with open(f"{h.dir}/pager", "w") as f:
        f.write("#!/bin/sh\necho \"PAGER $LESS $LESSSECURE\"; sed 's/^/P:/'\n")
    os.chmod(f"{h.dir}/pager", 0o755)
    text, status = Terminal(h, "status", "staff", SYSTEMD_PAGER=f"{h.dir}/pager", LESS="").end()
    text, status = Terminal(h, "list", SYSTEMD_PAGER=f"{h.dir}/pager -x", columns=70).end()
    t.ok("PAGER FRSXMK 1" in text and "P:staff" in re.sub("\x1b[^m]*m", "", text), "through the pager, with less told how", text)
    plain = re.sub("\x1b[^m]*m", "", text)
    t.ok(max(len(line) for line in plain.splitlines()) <= 72, "as wide as the terminal", plain)
    t.ok("PAGER" not in Terminal(h, "list", "--no-pager", SYSTEMD_PAGER=f"{h.dir}/pager").end()[0], "not with --no-pager")
    t.ok("PAGER" not in h.ctl("list", SYSTEMD_PAGER=f"{h.dir}/pager").stdout, "nor without a terminal")
    t.is_(Terminal(h, "status", "nobody", SYSTEMD_PAGER="false").end()[1], 3, "a pager that leaves changes no exit status")
    h.write_source(users[:2], [])
    h.run_cycle()
    text = Terminal(h, "staged", "--csv", "staff").end()[0]
    t.ok("kind,source_id" in text and not re.search("[\x00-\x08\x0b-\x1f\u202e]", text), "CSV on a terminal is escaped too", repr(text)[:300])

    # ---- monitor ----
    out = open(f"{h.dir}/monitor", "w+")
    m = subprocess.Popen([CTL, "monitor", "--json", "staff"], stdout=out, env=dict(h.env, REPRIEVE_BUS=h.address))
    plain = open(f"{h.dir}/monitor-plain", "w+")
    m2 = subprocess.Popen([CTL, "monitor"], stdout=plain, env=dict(h.env, REPRIEVE_BUS=h.address))
    time.sleep(1)
    h.ctl("set", "staff", "DeletionThreshold=77")
    h.run_cycle()
    h.ctl("create", "third", h.job_file())
    wait_for(lambda: "JobAdded" in open(f"{h.dir}/monitor-plain").read())
    m.send_signal(signal.SIGINT)
    m2.send_signal(signal.SIGTERM)
    t.is_((m.wait(10), m2.wait(10)), (0, 0), "^C ends monitor well")
    events = [json.loads(line) for line in open(f"{h.dir}/monitor").read().splitlines()]
    t.ok({"job", "time", "event", "property", "value"} <= set(next(e for e in events if e.get("property") == "DeletionThreshold")), "a property")
    t.ok([e for e in events if e["event"] == "CycleStarted"] and
         [e for e in events if e["event"] == "CycleFinished" and e["counts"]["imported"] == 2], "a cycle", events)
    t.ok(all(e["job"] == "staff" for e in events), "of that job alone", events)
    text = open(f"{h.dir}/monitor-plain").read()
    t.ok(re.search(r"^20\S+ \S+ UTC staff: DeletionThreshold = 77$", text, re.M) and "third: JobAdded" in text, "in words", text)

    # ---- the private endpoint, and the way to it ----
    private = f"{h.run}/bus"
    r = subprocess.run([CTL, f"--bus={private}", "status", "staff"], capture_output=True, text=True, env=h.env)
    t.ok(r.returncode == 6 and f"reprievectl --bus={private} staged staff" in r.stdout, "over the private endpoint, and the hints too", r.stdout, r.stderr)
    r = subprocess.run([CTL, f"--bus=unix:path={private}", "run", "--wait", "staff"], capture_output=True, text=True, env=h.env)
    t.ok(r.returncode == 6 and r.stdout, "run --wait works there, with its signals", r.stdout, r.stderr)
    env = dict(h.env, DBUS_SYSTEM_BUS_ADDRESS="unix:path=/nonexistent/bus")
    r = subprocess.run([CTL, f"--runtime-dir={h.run}", "--log-level=debug", "list"], capture_output=True, text=True, env=env)
    t.ok(r.returncode == 0 and "staff" in r.stdout and f"using {private}" in r.stderr, "and is found where there is no system bus", r.stderr)

    # ---- bash's completion ----
    script = f"""source {TOP}/data/completions/reprievectl
complete_() {{ COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _reprievectl; printf '%s\\n' "${{COMPREPLY[@]}}"; }}
PATH={BUILD}:$PATH; COMP_WORDBREAKS=$' \\t\\n'
complete_ reprievectl sta; echo --; complete_ reprievectl status s; echo --; complete_ reprievectl run --w; echo --
complete_ reprievectl allow staff --object=user:e; echo --; complete_ reprievectl provision staff u"""
    r = subprocess.run(["bash", "-c", script], capture_output=True, text=True, env=dict(h.env, REPRIEVE_BUS=h.address), cwd=h.dir)
    parts = [p.split() for p in r.stdout.split("--\n")]
    t.is_(sorted(parts[0]), ["staged", "start", "status"], "bash completes commands")
    t.is_(parts[1], ["staff"], "jobs")
    t.is_(parts[2], ["--wait"], "options")
    t.is_(parts[4], ["user"], "kinds")
    t.ok(not os.path.exists(f"{h.dir}/owned") and not r.stderr, "and runs nothing that an id says", r.stderr)

    # ---- ids that are not nice ----
    h.write_job("evil", sections={"Source": {"Users": f"{h.source}/evil.jsonl", "Groups": None}, "Target": {"Directory": f"{h.dir}/evil-target"},
                                  "Deletions": {"DeletionThreshold": 1}})
    os.mkdir(f"{h.dir}/evil-target")
    ids = ["cn=a,ou=b", "$(touch owned)", "it's", "new\nline", "\u202eabc", "x" * 200]
    evil = [{"id": i, "userName": f"n{n}", "displayName": "", "active": True} for n, i in enumerate(ids)]

    def write_evil(records):
        with open(f"{h.source}/evil.jsonl", "w") as f:
            f.writelines(json.dumps(x) + "\n" for x in records)

    write_evil(evil + [{"id": "stays", "userName": "stays", "active": True}])
    h.ctl("reload")
    t.is_(h.ctl("run", "--wait", "evil").returncode, 0, "hostile ids are provisioned")
    write_evil([{"id": "stays", "userName": "stays", "active": True}])
    t.is_(h.ctl("run", "--wait", "evil").returncode, 6, "and staged")
    h.golden("staged-ids", "staged", "evil", COLUMNS="100")
    r = h.ctl("reject", "evil", "--yes", "--object=user:cn=a,ou=b", "--object=user:new\nline")
    t.ok(r.returncode == 0 and "Kept 2 objects" in r.stdout and "new\\x0aline" in r.stdout, "--object takes any id", r.stdout, r.stderr)
    r = subprocess.run(["bash", "-c", f"""source {TOP}/data/completions/reprievectl
PATH={BUILD}:$PATH; COMP_WORDBREAKS=$' \\t\\n'; COMP_WORDS=(reprievectl allow evil --object=user:); COMP_CWORD=3; _reprievectl
printf '%s\\n' "${{COMPREPLY[@]}}"
"""], capture_output=True, text=True, env=dict(h.env, REPRIEVE_BUS=h.address), cwd=h.dir)
    t.ok("--object=user:it" in r.stdout and not os.path.exists(f"{h.dir}/owned"), "completed, and not run", r.stdout, r.stderr)

    # ---- the service goes away ----
    h.stop_service()
    r = h.ctl("status")
    t.ok(r.returncode == 5 and "systemctl status" in r.stderr, "exit 5 without the service", r.returncode, r.stderr)

# ---- a cycle that takes its time ----
sys.path.insert(0, os.path.join(TOP, "tests/service"))
from fake import FakeHouse  # noqa: E402

with FakeHouse() as h:
    h.start()
    h.script("link 10", "sleep 3000")
    p = Terminal(h, "run", "--wait", "staff")
    p.read_until(r"\[#+ *\] \d+/\d+", 10)
    t.ok(re.search(r"\[#+ *\] \d+/\d+", p.text), "run --wait draws a bar", repr(p.text))
    text, status = p.end()
    t.ok(status == 0 and "success" in text, "and says how it ended", status, repr(text))
    h.script("sleep 20000")
    p = Terminal(h, "run", "--wait", "staff")
    wait_for(lambda: h.get("Running"))
    time.sleep(0.5)
    r = subprocess.run([CTL, "status", "staff"], capture_output=True, text=True, env=dict(h.env, REPRIEVE_BUS=h.address))
    t.like(r.stdout, r"Running: ", "status shows how far it is")
    p.write("\x03")
    text, status = p.end()
    t.ok(status == 130 and "The cycle goes on" in text, "^C ends the waiting", status, repr(text))
    t.ok(h.get("Running"), "not the cycle")
    r = subprocess.Popen([CTL, "run", "--wait", "staff"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                         env=dict(h.env, REPRIEVE_BUS=h.address))
    time.sleep(1)
    h.ctl("pause", "staff")
    out, err = r.communicate(timeout=30)
    t.ok(r.returncode == 1 and "stopped" in out and "[" not in err, "a cycle that was ended early is no success; no bar without a terminal",
         r.returncode, out, err)
t.done()
