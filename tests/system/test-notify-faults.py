#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""reprieve-notify against a server that misbehaves by script: nothing is lost, nothing is sent in clear that should not be, nobody gets
a mail twice outside the window of SMTP, and the problem is in the ledger, in the log and in the exit status."""
import os
import shutil
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from house import Tap, wait_for  # noqa: E402
from mail import NOTIFY, SECRET, MailHouse, SmtpServer, certificates  # noqa: E402

FAILING = "95e3c3c5a8c34d13aa7dd8a9643379ed"
SENT = "118c4cb319204f09941c374c05247673"
STUCK = 75
EVERYBODY = ["a@example.test", "b@example.test", "c@example.test"]

if not shutil.which("openssl"):
    Tap.skip_all("openssl is missing (Debian: openssl)")
tap = Tap()
h = MailHouse()
certificates(h.certificates)


def configure(server, scheme="smtp", host="localhost", **more):
    h.mail(Server=server.url(scheme, host), CertificateAuthority=os.path.join(h.certificates, "CA.pem"),
           From="Reprieve <reprieve@example.test>", Tls=more.pop("Tls", "required"), **more)


def fresh(event="test", staged=0, **job):
    h.drop_outbox()
    h.job(**job)
    h.queue(event, staged)


def log_ids(r):
    return [e.get("MESSAGE_ID") for e in r.entries]


def is_kept(r, name, pattern):
    """Nothing was accepted: the mail waits, and everybody is told why."""
    tap.is_(r.returncode, STUCK, f"{name}: the exit status says that mail is stuck")
    tap.is_(h.waiting(), 1, f"{name}: the mail waits")
    tap.like(h.problem() or "", pattern, f"{name}: the problem is in the ledger")
    failing = [e for e in r.entries if e.get("MESSAGE_ID") == FAILING]
    tap.ok(failing and all(e["PRIORITY"] == "3" and e["REPRIEVE_JOB"] == "staff" for e in failing), f"{name}: the log says so at err", r.log)
    tap.ok(SECRET not in r.log and SECRET not in (h.problem() or ""), f"{name}: the password is nowhere")


def then_arrives(name, script=None, already=(), **server):
    """The same mail with a good server, not before its time unless everything is tried."""
    with SmtpServer(h.certificates, script, users={"notify": SECRET}, **server) as s:
        configure(s, User="notify", Credential="mail-password")
        r = h.notify("--all")
        tap.is_(sorted(s.recipients()), sorted(set(EVERYBODY) - set(already)), f"{name}: then it arrives, once for each")
        tap.is_((r.returncode, h.waiting(), h.problem() or ""), (0, 0, ""), f"{name}: then all is well")
        tap.ok(SECRET.encode() not in s.clear, f"{name}: no password in clear")


# ---- the good case, and one connection ----

fresh()
with SmtpServer(h.certificates, users={"notify": SECRET}) as s:
    configure(s, User="notify", Credential="mail-password")
    h.queue("test")
    h.job("other")
    h.queue("test", job="other")
    r = h.notify()
    tap.is_(s.recipients(), EVERYBODY * 3, "three mails to three people")
    tap.is_(s.connections, 1, "one connection for all of them")
    tap.is_(r.returncode, 0, "exit status 0")
    tap.is_(log_ids(r).count(SENT), 9, "each is logged")
    tap.ok(b"MAIL FROM" not in s.clear and b"AUTH" not in s.clear, "nothing but EHLO and STARTTLS before TLS", s.clear)
    r = h.notify()
    tap.is_(len(s.accepted), 9, "a second run sends nothing")
    h.drop_outbox("other")
    os.unlink(h.job_file("other"))

# ---- what a server may answer ----

CASES = [
    # script, what the problem says, who has it already
    ("refuses the connection with 554", {"connect": "554 5.3.2 no service here"}, "554", []),
    ("421 at once", {"connect": "421 4.3.2 too busy"}, "421", []),
    ("closes at once", {"connect": "close"}, "smtp://localhost", []),
    ("closes after EHLO", {"ehlo": "close"}, "smtp://localhost", []),
    ("refuses STARTTLS", {"starttls": "454 4.7.0 TLS not available"}, "TLS|454", []),
    ("refuses the password", {"auth": "535 5.7.8 wrong"}, "refused the user name or the password", []),
    ("cannot check passwords", {"auth": "454 4.7.0 later"}, "454", []),
    ("echoes the password", {"mail": f"550 you said {SECRET}"}, "550", []),
    ("450 to MAIL", {"mail": "450 4.7.1 later"}, "450 4.7.1 later", []),
    ("550 to MAIL", {"mail": "550 5.7.1 not you"}, "550 5.7.1 not you", []),
    ("421 to RCPT", {"rcpt": "421 4.3.2 shutting down"}, "421", []),
    ("450 to one of three", {"rcpt b@example.test": "450 4.2.1 greylisted"}, "b@example.test: .*450 4.2.1", ["a@example.test", "c@example.test"]),
    ("550 to one of three", {"rcpt b@example.test": "550 5.1.1 no such user"}, "b@example.test: .*550 5.1.1",
     ["a@example.test", "c@example.test"]),
    ("550 to all", {"rcpt": "550 5.1.1 no such user"}, "550", []),
    ("closes at RCPT of one", {"rcpt b@example.test": "close"}, "b@example.test", ["a@example.test", "c@example.test"]),
    ("451 to DATA", {"data": "451 4.3.0 later"}, "451", []),
    ("closes in the middle of DATA", {"body": "close"}, "smtp://localhost", []),
    ("451 after the dot", {"dot": "451 4.3.0 later"}, "451", []),
    ("554 after the dot", {"dot": "554 5.6.0 spam"}, "554", []),
    ("a broken line after the dot", {"dot": "nonsense"}, "smtp://localhost.*may have accepted", []),
    ("an answer of bytes", {"rcpt": "550 \x01\x02 no"}, "550", []),
]
for name, script, pattern, already in CASES:
    fresh()
    with SmtpServer(h.certificates, script, users={"notify": SECRET}) as s:
        configure(s, User="notify", Credential="mail-password")
        r = h.notify("--timeout=2s")
        tap.is_(sorted(s.recipients()), already, f"{name}: who has it")
        is_kept(r, name, pattern)
        before = len(s.points)
        tap.is_(h.notify("--timeout=2s").returncode, STUCK, f"{name}: the next run still says so")
        tap.is_(len(s.points), before, f"{name}: and asks nobody before it is time")
    then_arrives(name, already=already)

# ---- hanging in each state ----

for point in ("connect", "ehlo", "starttls", "handshake", "auth", "mail", "rcpt", "data", "body", "dot"):
    fresh()
    # A body large enough that the server's silence can be felt before its end.
    with SmtpServer(h.certificates, {point: "hang"}, users={"notify": SECRET}) as s:
        configure(s, User="notify", Credential="mail-password")
        r = h.notify("--timeout=1s", timeout=30)
        is_kept(r, f"hangs at {point}", "(?i)time|connection")
        tap.is_(s.accepted if point != "dot" else [], [], f"hangs at {point}: nobody has it")
    then_arrives(f"hangs at {point}")

# ---- nobody waits for the mail server: a cycle queues while a send hangs ----

fresh()
with SmtpServer(h.certificates, {"dot": "hang"}) as s:
    configure(s)
    p = subprocess.Popen([NOTIFY, *h.dirs(), "--timeout=20s"], env=h.env, stderr=subprocess.DEVNULL)
    wait_for(lambda: "dot" in s.points)
    start = time.monotonic()
    h.queue("review-opened", 100)
    tap.ok(time.monotonic() - start < 5, "the ledger is free while the server keeps a send waiting")
    second = subprocess.Popen([NOTIFY, *h.dirs()], env=h.env, stderr=subprocess.DEVNULL)
    time.sleep(0.5)
    third = subprocess.run([NOTIFY, *h.dirs()], env=h.env, capture_output=True, timeout=10)
    tap.is_((second.poll(), third.returncode), (None, 0), "of two more instances one waits, and the other leaves")
    p.kill()
    p.wait()
    s.script.clear()
    tap.is_(second.wait(), 0, "the one that waited goes on")
    tap.is_(len([m for _, m in s.accepted if b"X-Reprieve-Event: review-opened" in m]), 3, "and sends what was queued meanwhile")

# ---- the window of SMTP: the answer to the final dot is lost ----

fresh(email="a@example.test")
with SmtpServer(h.certificates, {"dot": "close-after-accept"}) as s:
    configure(s)
    r = h.notify("--timeout=2s")
    first = s.accepted[0][1]
    is_kept(r, "the answer is lost", "may have accepted")
with SmtpServer(h.certificates) as s:
    configure(s)
    h.notify("--all")
    tap.is_(s.recipients(), ["a@example.test"], "the answer is lost: it comes a second time, which is the documented window")
    ids = [[line for line in m.split(b"\r\n") if line.startswith(b"Message-ID:")] for m in (first, s.accepted[0][1])]
    tap.ok(ids[0] == ids[1] and ids[0], "the answer is lost: with the same Message-ID")

# ---- TLS ----

with SmtpServer(h.certificates, starttls=False, users={"notify": SECRET, "in clear": True}) as s:
    for tls in ("required", "unverified", None):
        fresh()
        configure(s, Tls=tls or "", User="notify", Credential="mail-password")
        if tls is None:
            continue
        r = h.notify("--timeout=2s")
        is_kept(r, f"no STARTTLS, Tls={tls}", "no TLS")
    tap.ok(b"AUTH" not in s.clear and b"MAIL" not in s.clear and not s.accepted, "no STARTTLS: nothing is sent in clear", s.clear)

fresh()
with SmtpServer(h.certificates, starttls=False) as s:
    configure(s, Tls="no")
    tap.is_(h.notify().returncode, 0, "Tls=no sends in clear, because it says so")
    tap.is_(s.recipients(), EVERYBODY, "Tls=no: it arrives")

fresh()
with SmtpServer(h.certificates, starttls=False) as s:
    h.mail(Server=s.url())
    tap.is_(h.notify().returncode, 0, "a server on this machine needs no TLS")

for name, certificate, authority in (("another name", "wrong.pem", True), ("an unknown CA", "server.pem", False)):
    fresh()
    with SmtpServer(h.certificates, certificate=certificate, users={"notify": SECRET}) as s:
        configure(s, User="notify", Credential="mail-password")
        if not authority:
            h.mail(Server=s.url(), Tls="required", User="notify", Credential="mail-password")
        r = h.notify("--timeout=2s")
        is_kept(r, f"a certificate of {name}", "(?i)certificate|SSL")
        tap.ok(not s.accepted and SECRET.encode() not in s.clear + s.secure, f"a certificate of {name}: nothing was sent")
        h.mail(Server=s.url(), Tls="unverified", User="notify", Credential="mail-password")
        tap.is_(h.notify().returncode, 0, f"a certificate of {name}: Tls=unverified takes it, and the edit is noticed at once")

fresh()
with SmtpServer(h.certificates, certificate="wrong.pem") as s:
    configure(s, Tls="opportunistic")
    r = h.notify("--timeout=2s")
    is_kept(r, "opportunistic with a bad certificate", "(?i)certificate|SSL")

fresh()
with SmtpServer(h.certificates, implicit=True, users={"notify": SECRET}) as s:
    configure(s, "smtps", User="notify", Credential="mail-password")
    tap.is_(h.notify().returncode, 0, "smtps://")
    tap.ok(s.clear == b"" and s.recipients() == EVERYBODY, "smtps://: everything is within TLS")

fresh()
with SmtpServer(h.certificates, client_ca=True) as s:
    configure(s)
    r = h.notify("--timeout=2s")
    is_kept(r, "a server that wants a client certificate", "smtp://localhost")
    with open(os.path.join(h.certificates, "client.pem")) as f:
        h.write_credential("mail-client", f.read())
    configure(s, ClientCertificate="mail-client")
    tap.is_(h.notify().returncode, 0, "a client certificate from a credential")

try:
    with SmtpServer(h.certificates, family=socket.AF_INET6) as s:
        fresh()
        configure(s, host="[::1]")
        tap.is_(h.notify().returncode, 0, "IPv6")
        tap.is_(s.recipients(), EVERYBODY, "IPv6: it arrives")
except OSError:
    tap.skip("IPv6", "there is no ::1 here")

# ---- configuration ----

fresh()
h.mail(Server="smtp://localhost:1", User="notify", Credential="missing")
r = h.notify()
is_kept(r, "a missing credential", "missing")
with open(os.path.join(h.config, "reprieve.conf"), "w") as f:
    f.write("[Mail]\nServer=imap://x\n")
r = h.notify("--all")
is_kept(r, "a broken reprieve.conf", "reprieve.conf")
h.mail(Server="smtp://localhost:1", Tls="no")
r = h.notify("--all", "--timeout=2s")
is_kept(r, "nobody listens", "(?i)connect")
then_arrives("after all that")

# ---- too large ----

fresh("review-opened", 3000)
with SmtpServer(h.certificates, size=60000) as s:
    configure(s)
    r = h.notify()
    tap.is_((r.returncode, s.recipients()), (0, EVERYBODY), "a list that is too large stays at home, the mail does not")
    tap.ok(b"multipart/mixed" not in s.accepted[0][1], "too large: without the list")

# ---- what is printed ----

fresh()
tap.like(h.notify("--print-next").stdout.decode(), r"^@\d+\n$", "--print-next with mail")
h.drop_outbox()
tap.is_(h.notify("--print-next").stdout.decode(), "", "--print-next without")
h.close()
tap.done()
