#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every event's mail in every language, sent by reprieve-notify through a real exim with STARTTLS and AUTH into a Maildir, read by
Python's email package, and compared with tests/golden/notify up to ids and dates. UPDATE_GOLDEN=1 writes them anew."""
import csv
import email
import email.policy
import gzip
import html.parser
import io
import os
import pwd
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from house import TOP, Tap, wait_for  # noqa: E402
from mail import SECRET, MailHouse, certificates, maildir  # noqa: E402

EXIM = "/usr/sbin/exim4"
GOLDEN = os.path.join(TOP, "tests/golden/notify")

if not os.path.exists(EXIM) or not shutil.which("openssl"):
    Tap.skip_all("exim4 or openssl is missing (Debian: exim4-daemon-light openssl)")
if os.geteuid() != 0:
    Tap.skip_all("exim delivers into a Maildir of its own user; that needs root")
try:
    exim_user = pwd.getpwnam("Debian-exim")
except KeyError:
    Tap.skip_all("there is no user Debian-exim")

CONFIG = """
exim_user = Debian-exim
exim_group = Debian-exim
primary_hostname = localhost
spool_directory = @DIR@/spool
log_file_path = @DIR@/log/%slog
pid_file_path = @DIR@/exim.pid
local_interfaces = 127.0.0.1.@PORT@ : 127.0.0.1.@PORTS@
tls_on_connect_ports = @PORTS@
tls_advertise_hosts = *
tls_certificate = @DIR@/server.crt
tls_privatekey = @DIR@/server.key
auth_advertise_hosts = ${if eq{$tls_in_cipher}{}{}{*}}
acl_smtp_rcpt = acl_rcpt
acl_smtp_data = acl_data
host_lookup =
rfc1413_hosts =
smtp_accept_max_nonmail = 1000
message_size_limit = 2M
never_users =
keep_environment =
begin acl
acl_rcpt:
  deny   !authenticated = *
         message = 5.7.0 Authentication required
  defer  local_parts = tempfail
         message = 4.7.1 Greylisted, try again later
  deny   local_parts = nouser
         message = 5.1.1 User unknown
  accept domains = example.test
  deny   message = 5.7.1 relay not permitted
acl_data:
  accept
begin routers
local:
  driver = accept
  domains = example.test
  transport = maildir
begin transports
maildir:
  driver = appendfile
  directory = @DIR@/inbox
  maildir_format
  envelope_to_add
  return_path_add
  user = Debian-exim
  mode = 0644
begin retry
* * F,1h,5m
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_condition = ${if and{{eq{$auth2}{notify}}{eq{$auth3}{@SECRET@}}}}
  server_set_id = $auth2
  server_prompts = :
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def answers(port):
    with socket.socket() as s:
        s.settimeout(1)
        return s.connect_ex(("127.0.0.1", port)) == 0


class Exim:
    def __init__(self, folder):
        self.dir = tempfile.mkdtemp(prefix="reprieve-exim-")
        os.chmod(self.dir, 0o755)
        self.inbox = os.path.join(self.dir, "inbox")
        for name in ("spool", "log", "inbox"):
            os.mkdir(os.path.join(self.dir, name))
            os.chown(os.path.join(self.dir, name), exim_user.pw_uid, exim_user.pw_gid)
        for name in ("server.crt", "server.key"):
            path = os.path.join(self.dir, name)
            shutil.copy(os.path.join(folder, name), path)
            os.chown(path, 0, exim_user.pw_gid)
            os.chmod(path, 0o640)
        os.chown(self.dir, 0, exim_user.pw_gid)
        os.chmod(self.dir, 0o775)
        self.port, self.tls_port = free_port(), free_port()
        path = os.path.join(self.dir, "exim.conf")
        text = CONFIG
        for key, value in (("DIR", self.dir), ("PORTS", self.tls_port), ("PORT", self.port), ("SECRET", SECRET)):
            text = text.replace(f"@{key}@", str(value))
        with open(path, "w") as f:
            f.write(text)
        # In a folder without blanks, and no setuid surprises: -C needs root, which we are.
        self.process = subprocess.Popen([EXIM, "-C", path, "-bdf", "-q1m"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        if not wait_for(lambda: answers(self.port) or self.process.poll() is not None) or self.process.poll() is not None:
            raise AssertionError(self.process.stderr.read())

    def messages(self, n):
        wait_for(lambda: len(maildir(self.inbox)) >= n, 20)
        return maildir(self.inbox)

    def clear(self):
        shutil.rmtree(os.path.join(self.inbox, "new"), ignore_errors=True)

    def stop(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)


class Checker(html.parser.HTMLParser):
    """Every element that was opened is closed, in order; nothing that loads or runs."""

    VOID = {"meta", "br", "img", "hr"}

    def __init__(self):
        super().__init__()
        self.stack, self.bad, self.text = [], [], []

    def handle_starttag(self, tag, attrs):
        if tag in ("script", "img", "iframe", "link", "object", "form", "a", "svg"):
            self.bad.append(tag)
        self.bad += [f"{tag} {k}" for k, _ in attrs if k.startswith("on") or k in ("src", "href")]
        if tag not in self.VOID:
            self.stack.append(tag)

    def handle_endtag(self, tag):
        if not self.stack or self.stack.pop() != tag:
            self.bad.append("/" + tag)

    def handle_data(self, data):
        if "style" not in self.stack:
            self.text.append(data)


def normal(text, review):
    text = text.replace(review, "REVIEW") if review else text
    # Where the last lines break depends on the length of the host's name.
    text = re.sub(r"(?s)(?<=\n-- \n).*?(?=\n\n)", lambda m: m.group().replace("\n", " "), text)
    text = text.replace(socket.gethostname(), "HOST")
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", "DATE", text)
    return re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", "TIME", text)


def csv_of(part):
    data = part.get_payload(decode=True)
    return gzip.decompress(data) if part.get_content_type() == "application/gzip" else data


def describe(message, review):
    """What a person and a mail program see, without ids and dates."""
    out = [f"{name}: {message[name]}" for name in ("From", "To", "Subject", "Auto-Submitted", "Content-Language", "MIME-Version",
                                                   "X-Reprieve-Job", "X-Reprieve-Event")]
    out.append("In-Reply-To: " + ("yes" if message["In-Reply-To"] else "no"))
    for part in message.walk():
        out.append("")
        out.append(f"[{part.get_content_type()}{' ' + part.get_filename() if part.get_filename() else ''}]")
        if part.get_content_type() == "text/plain":
            out.append(part.get_content().replace("\r\n", "\n"))
        elif part.get_filename():
            out += csv_of(part).decode("utf-8-sig").replace("\r\n", "\n").split("\n")[:16]
    return normal("\n".join(out) + "\n", review)


EVENTS = ["review-opened", "review-grown", "reminder", "allowed", "rejected", "healed", "restarted", "expired", "quarantined",
          "job-disable-soon", "job-disabled", "recovered", "test"]
EVERYBODY = "a@example.test b@example.test"

tap = Tap()
h = MailHouse()
certificates(h.certificates)
exim = Exim(h.certificates)
try:
    h.mail(Server=f"smtp://localhost:{exim.port}", User="notify", Credential="mail-password", From="Reprieve <reprieve@example.test>",
           CertificateAuthority=os.path.join(h.certificates, "CA.pem"))
    os.makedirs(GOLDEN, exist_ok=True)
    for language in ("en", "de", "el"):
        h.drop_outbox()
        h.job(language=language, email=EVERYBODY)
        seen, thread = [], None
        for event in EVENTS:
            exim.clear()
            review = h.queue(event, {"review-opened": 25, "review-grown": 30}.get(event, 12))
            name = f"{event} in {language}"
            # Local servers need no TLS by default; here it is asked for.
            with open(os.path.join(h.config, "reprieve.conf"), "a") as f:
                f.write("Tls=required\n")
            r = h.notify()
            tap.is_(r.returncode, 0, f"{name}: sent")
            raw = exim.messages(2)
            if not tap.is_(len(raw), 2, f"{name}: one mail for each of two people"):
                print("#", r.log)
                continue
            # SMTP leaves the line ends to the Maildir.
            message = email.message_from_bytes(raw[0], policy=email.policy.default)
            tap.is_([p.defects for p in message.walk() if p.defects] + [d for v in message.values() for d in getattr(v, "defects", [])], [],
                    f"{name}: no defects")
            tap.ok(all(len(line) <= 998 for line in raw[0].splitlines()) and
                   all(len(line) <= 78 for line in raw[0].split(b"\n\n", 1)[0].splitlines() if not line.startswith(b"Received")),
                   f"{name}: short lines")
            tap.is_(sorted(set(message.keys()) & {"Bcc", "Cc", "Resent-To"}), [], f"{name}: nobody else gets it")
            tap.ok(raw[0].isascii(), f"{name}: ASCII on the wire")
            tap.is_(sorted(email.message_from_bytes(m)["Envelope-to"] for m in raw), EVERYBODY.split(), f"{name}: to both")
            tap.is_(len({email.message_from_bytes(m)["Message-ID"] for m in raw}), 1, f"{name}: it is the same mail")
            tap.ok(re.fullmatch(r"<[a-z0-9.-]+@example\.test>", message["Message-ID"]) and message["Message-ID"] not in seen,
                   f"{name}: a Message-ID of its own", message["Message-ID"])
            seen.append(message["Message-ID"])
            tap.ok(abs(message["Date"].datetime.timestamp() - time.time()) < 60, f"{name}: the date")
            if event == "review-opened":
                thread = message["Message-ID"]
            if event in EVENTS[1:8]:
                tap.is_((message["In-Reply-To"], message["References"]), (thread, thread), f"{name}: in the review's thread")
            page = message.get_body(("html",)).get_content()
            checker = Checker()
            checker.feed(page)
            tap.ok(not checker.bad and not checker.stack, f"{name}: the HTML is sound and loads nothing", checker.bad, checker.stack)
            shown = re.sub(r"\s+", " ", " ".join(checker.text))
            plain = message.get_body(("plain",)).get_content()
            words = [w for w in re.findall(r"\w{4,}", plain.split("\n-- ")[0]) if w not in shown]
            tap.is_(words, [], f"{name}: the HTML says what the text says")
            if event in ("review-opened", "review-grown", "reminder"):
                for text in (plain, shown):
                    tap.ok(all(c in re.sub(r"\s+", " ", text) for c in ("reprievectl staged staff", f"reprievectl allow staff {review}",
                                                                       f"reprievectl reject staff {review}")),
                           f"{name}: the exact commands")
                part = next(message.iter_attachments())
                rows = list(csv.reader(io.StringIO(csv_of(part).decode("utf-8-sig"), newline="")))
                tap.is_(len(rows), 1 + (25 if event == "review-opened" else 55), f"{name}: the whole list is attached")
                tap.ok(not any(cell.startswith(("=", "+", "-", "@", "\t")) for row in rows for cell in row), f"{name}: no cell is a formula")
                tap.is_(part.get_filename(), f"staff-{review}.csv", f"{name}: the file's name")
            got = describe(message, review)
            path = os.path.join(GOLDEN, f"{event}.{language}.txt")
            if os.environ.get("UPDATE_GOLDEN"):
                with open(path, "w", encoding="utf-8") as f:
                    f.write(got)
            with open(path, encoding="utf-8") as f:
                tap.is_(got, f.read(), f"{name}: equals the golden text")
            h.mail(Server=f"smtp://localhost:{exim.port}", User="notify", Credential="mail-password",
                   From="Reprieve <reprieve@example.test>", CertificateAuthority=os.path.join(h.certificates, "CA.pem"))

    # ---- 20,000 objects, under the server's limit of 2 MB ----
    exim.clear()
    h.drop_outbox()
    h.job(email="a@example.test")
    review = h.queue("review-opened", 20000)
    h.mail(Server=f"smtps://localhost:{exim.tls_port}", User="notify", Credential="mail-password", From="Prüfstelle <reprieve@example.test>",
           CertificateAuthority=os.path.join(h.certificates, "CA.pem"), Tls="required")
    tap.is_(h.notify().returncode, 0, "20,000 objects: sent, by smtps")
    raw = exim.messages(1)
    message = email.message_from_bytes(raw[0], policy=email.policy.default)
    part = next(message.iter_attachments())
    tap.ok(len(raw[0]) < 1_000_000, f"20,000 objects: {len(raw[0])} bytes")
    tap.is_(part.get_filename(), f"staff-{review}.csv.gz", "20,000 objects: compressed")
    tap.is_(len(list(csv.reader(io.StringIO(csv_of(part).decode("utf-8-sig"), newline="")))), 20001, "20,000 objects: all of them")
    tap.is_(message["From"].addresses[0].display_name, "Prüfstelle", "a display name that is no ASCII")

    # ---- a real server's refusals ----
    exim.clear()
    h.drop_outbox()
    h.job(email="a@example.test tempfail@example.test nouser@example.test x@elsewhere.test")
    h.queue("test")
    r = h.notify()
    tap.is_(r.returncode, 75, "refusals: stuck")
    tap.is_(len(exim.messages(1)), 1, "refusals: who can get it has it")
    tap.like(h.problem(), r"(nouser@example.test|x@elsewhere.test): .*550 5", "refusals: the problem")
    h.job(email="a@example.test b@example.test")
    tap.is_(h.notify().returncode, 0, "refusals: after the addresses are mended all is well, at once")
    tap.is_(len(exim.messages(2)), 2, "refusals: nobody got it twice")
    h.mail(Server=f"smtp://localhost:{exim.port}", User="notify", Credential="wrong", Tls="required",
           CertificateAuthority=os.path.join(h.certificates, "CA.pem"))
    h.write_credential("wrong", "not the password")
    h.queue("test")
    tap.is_(h.notify().returncode, 75, "a wrong password: stuck")
    tap.like(h.problem(), "refused the user name or the password", "a wrong password: the problem")
finally:
    exim.stop()
    h.close()
tap.done()
