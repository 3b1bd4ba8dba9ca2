#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""kill -9 at each step between staging and accepted mail. Staging and queueing are one: both or neither. Then reprieve-notify is killed at
each point of the conversation with the server, and at each of its reads and writes of a file: everybody gets the mail, once; twice only
who was between the final dot and the ledger's commit, and then with the same Message-ID."""
import collections
import os
import re
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from house import BUILD, QUICK, SANITIZED, Tap, wait_for  # noqa: E402
from mail import NOTIFY, QUEUE, MailHouse, SmtpServer, certificates  # noqa: E402

CRASHPOINT = os.path.join(BUILD, "tests/crash/crashpoint.so")
EVERYBODY = ["a@example.test", "b@example.test", "c@example.test"]

if not shutil.which("openssl"):
    Tap.skip_all("openssl is missing (Debian: openssl)")
tap = Tap()
h = MailHouse()
certificates(h.certificates)
h.job(email=" ".join(EVERYBODY))
count_file = os.path.join(h.dir, "count")


def steps(argv):
    """How many steps an undisturbed run takes."""
    subprocess.run(argv, env=dict(h.env, LD_PRELOAD=CRASHPOINT, REPRIEVE_CRASH_COUNT=count_file), check=True, capture_output=True)
    with open(count_file) as f:
        return int(f.read())


def crash(argv, at, after):
    env = dict(h.env, LD_PRELOAD=CRASHPOINT, REPRIEVE_CRASH_AT=str(at))
    if after:
        env["REPRIEVE_CRASH_AFTER"] = "1"
    return subprocess.run(argv, env=env, capture_output=True).returncode


def message_ids(server):
    return {re.search(rb"(?m)^Message-ID: (.*?)\r$", m).group(1) for _, m in server.accepted}


def judge(server, window):
    """What went wrong, or None: each has it once, but the one in the window (an address, or None) may have it twice."""
    got = collections.Counter(server.recipients())
    if set(got) != set(EVERYBODY):
        return f"not everybody has it: {got}"
    twice = [a for a, n in got.items() if n > 1]
    if any(n > 2 for n in got.values()) or len(twice) > 1 or (twice and twice[0] != window):
        return f"somebody has it too often: {got}, in the window: {window}"
    if len(message_ids(server)) != 1:
        return "it is not the same mail"
    if h.waiting() != 0 or h.problem():
        return f"{h.waiting()} mails wait, problem {h.problem()}"
    return None


# ---- staging and queueing ----

if SANITIZED or not os.path.exists(CRASHPOINT):
    tap.skip("a kill at each file step", "the sanitizers must be loaded first" if SANITIZED else "crashpoint.so is not built")
else:
    # A ledger that is there already, so that only the transaction itself is tried.
    h.queue("test")
    base = os.path.join(h.dir, "base")
    shutil.copytree(h.state, base)

    def reset():
        shutil.rmtree(h.state)
        shutil.copytree(base, h.state)

    argv = [QUEUE, h.config, h.state, "staff", "review-opened", "5"]
    n = steps(argv)
    bad, committed = [], 0
    for at in range(1, n + 1):
        for after in (False, True):
            reset()
            crash(argv, at, after)
            # The WAL is read back by whoever opens it next.
            subprocess.run([NOTIFY, *h.dirs(), "--print-next"], env=h.env, capture_output=True)
            staged = h.ledger("SELECT count(*) FROM staged")[0][0]
            mails = h.ledger("SELECT count(*) FROM outbox WHERE event = 'review-opened'")[0][0]
            committed += mails
            if (staged, mails) not in ((0, 0), (5, 1)):
                bad.append((at, after, staged, mails))
    tap.is_(bad, [], f"n2: killed at each of {n} steps: staged and mailed, or neither")
    tap.ok(0 < committed < 2 * n, f"n2: both happened ({committed} of {2 * n})")
    shutil.rmtree(h.state)
    os.makedirs(h.state)
    shutil.rmtree(base)

    # ---- deciding and queueing: the service is killed while it answers ----
    h.queue("review-opened", 5)
    h.start_service()
    # A paused job has no cycle to start, so that only the decision itself is tried.
    h.call("Pause")
    review = h.get("Review")
    h.stop_service()
    shutil.copytree(h.state, base)

    def serve(verb, **env):
        """One service and, with a verb, one call of it; was it answered?"""
        reset()
        undisturbed, h.env = h.env, dict(h.env, LD_PRELOAD=CRASHPOINT, **env)
        try:
            # Without reprieve-notify: it would count, and be killed, in the service's place.
            h.service = h.spawn([os.path.join(BUILD, "reprieved"), *h.dirs(), f"--bus={h.address}", "--launch=direct", f"--exec-dir={h.source}"])
        finally:
            h.env = undisturbed
        wait_for(lambda: h.service.poll() is not None or h.busctl("status", "org.reprieve1", check=False).returncode == 0)
        answer = h.call(verb, "ss", review, "", check=False) if verb else None
        h.stop_service()
        return answer == [5, 0]

    for verb, event in (("AllowDeletes", "allowed"), ("RejectDeletes", "rejected")):
        counts = []
        for what in (None, verb):
            serve(what, REPRIEVE_CRASH_COUNT=count_file)
            with open(count_file) as f:
                counts.append(int(f.read()))
        bad, seen = [], collections.Counter()
        for at in range(counts[0], counts[1] + 2, 3 if QUICK else 1):
            answered = serve(verb, REPRIEVE_CRASH_AT=str(at))
            subprocess.run([NOTIFY, *h.dirs(), "--print-next"], env=h.env, capture_output=True)
            undecided = h.ledger("SELECT count(*) FROM staged WHERE state = 'undecided'")[0][0]
            decided = h.ledger("SELECT count(*) FROM decisions")[0][0]
            mails = h.ledger(f"SELECT count(*) FROM outbox WHERE event = '{event}'")[0][0]
            seen[(undecided, decided, mails)] += 1
            if (undecided, decided, mails) not in (((0, 1, 1),) if answered else ((5, 0, 0), (0, 1, 1))):
                bad.append((at, answered, undecided, decided, mails))
        tap.is_(bad, [], f"n2: killed at each of {counts[1] - counts[0]} steps of {verb}: decided and mailed, or neither")
        tap.is_(set(seen), {(5, 0, 0), (0, 1, 1)}, f"n2: both happened ({dict(seen)})")
    shutil.rmtree(h.state)
    os.makedirs(h.state)
    shutil.rmtree(base)

    # ---- sending, by file steps ----
    h.queue("review-opened", 5)
    shutil.copytree(h.state, base)
    with SmtpServer(h.certificates) as s:
        h.mail(Server=s.url(), Tls="no", From="reprieve@example.test")
        argv = [NOTIFY, *h.dirs()]
        n = steps(argv)
        bad, twice = [], 0
        for at in range(1, n + 1, 3 if QUICK else 1):
            for after in (False, True):
                reset()
                s.accepted.clear()
                crash(argv, at, after)
                wait_for(lambda: s.active == 0)
                window = s.accepted[-1][0] if s.accepted else None
                h.notify("--all")
                wrong = judge(s, window)
                twice += len(s.accepted) > 3
                if wrong:
                    bad.append((at, after, wrong))
        tap.is_(bad, [], f"n2: reprieve-notify killed at each of {n} file steps: everybody has it once, or twice in the window")
        tap.ok(twice < n, f"n2: it came twice {twice} times in {2 * n} kills")

# ---- sending, by points of the conversation ----

POINTS = ["connect", "ehlo", "starttls", "auth", "mail", "rcpt", "data", "body", "dot", "after connect", "after ehlo", "after starttls",
          "after auth", "after mail", "after rcpt", "after data", "after dot"]
# Once the server has said 354, the whole message with its final dot may be on its way already.
WINDOW = {"after data", "body", "dot", "after dot"}
for point in POINTS:
    for nth in (1, 2, 3) if point.split()[-1] in ("mail", "rcpt", "data", "body", "dot") else (1,):
        shutil.rmtree(h.state)
        os.makedirs(h.state)
        h.queue("review-opened", 5)
        calls = 0

        def strike(server, nth=nth):
            global calls
            calls += 1
            if calls == nth:
                victim.send_signal(signal.SIGKILL)
                victim.wait()

        with SmtpServer(h.certificates, {point: strike}, users={"notify": "correct-horse-battery"}) as s:
            h.mail(Server=s.url(), Tls="required", User="notify", Credential="mail-password", From="reprieve@example.test",
                   CertificateAuthority=os.path.join(h.certificates, "CA.pem"))
            victim = subprocess.Popen([NOTIFY, *h.dirs()], env=h.env, stderr=subprocess.DEVNULL)
            status = victim.wait()
            # What it sent before it died is still read.
            wait_for(lambda: s.active == 0)
            window = s.accepted[-1][0] if s.accepted and point in WINDOW else None
            s.script.clear()
            h.notify("--all")
            wrong = judge(s, window)
            tap.ok(status == -signal.SIGKILL and not wrong, f"n2: killed at {point}, number {nth}", status, wrong)
h.close()
tap.done()
