# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of reprieve-notify share: certificates, a house with mail in its outboxes, and an SMTP server that does what a
script says. Standard library only."""
import glob
import os
import shutil
import socket
import sqlite3
import ssl
import subprocess
import threading

from house import BUILD, House, parse_log

NOTIFY = os.path.join(BUILD, "reprieve-notify")
QUEUE = os.path.join(BUILD, "tests/system/queue-mail")
SECRET = "correct-horse-battery"


def certificates(folder):
    """A CA, a server's certificate for localhost, one for another name, and a client's; as CA.pem, server.pem (with its key), …"""

    def run(*argv):
        subprocess.run(["openssl", *argv], cwd=folder, check=True, capture_output=True)

    run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=Test CA",
        "-keyout", "CA.key", "-out", "CA.pem")
    for name, subject in (("server", "DNS:localhost,IP:127.0.0.1,IP:::1"), ("wrong", "DNS:other.example"), ("client", "DNS:client.example")):
        run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={name}", "-keyout", f"{name}.key",
            "-out", f"{name}.csr")
        with open(os.path.join(folder, f"{name}.ext"), "w") as f:
            f.write(f"subjectAltName={subject}\n")
        run("x509", "-req", "-in", f"{name}.csr", "-CA", "CA.pem", "-CAkey", "CA.key", "-CAcreateserial", "-days", "2", "-extfile",
            f"{name}.ext", "-out", f"{name}.crt")
        with open(os.path.join(folder, f"{name}.pem"), "wb") as f:
            for part in (f"{name}.crt", f"{name}.key"):
                with open(os.path.join(folder, part), "rb") as p:
                    f.write(p.read())


class MailHouse(House):
    """A house whose jobs have mail to send."""

    def __init__(self, **mail):
        super().__init__()
        self.credentials = os.path.join(self.dir, "credentials")
        os.mkdir(self.credentials, 0o700)
        self.certificates = os.path.join(self.dir, "certificates")
        os.mkdir(self.certificates)
        self.env["CREDENTIALS_DIRECTORY"] = self.credentials
        self.write_credential("mail-password", SECRET)
        self.mail(**mail)

    def write_credential(self, name, content):
        with open(os.open(os.path.join(self.credentials, name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
            f.write(content)

    def mail(self, **keys):
        """[Mail] of reprieve.conf"""
        with open(os.path.join(self.config, "reprieve.conf"), "w") as f:
            f.write("[Mail]\n" + "".join(f"{k}={v}\n" for k, v in keys.items()))

    def job(self, name="staff", email="a@example.test b@example.test c@example.test", language="en", **notify):
        self.write_job(name, sections={
            "Job": {"Description": "Staff directory", "Language": language},
            "Deletions": {"DeletionThreshold": 10},
            "Notify": dict(Email=email, **notify),
        })

    def queue(self, event, staged=0, job="staff"):
        r = subprocess.run([QUEUE, self.config, self.state, job, event, str(staged)], capture_output=True, text=True, env=self.env)
        if r.returncode != 0:
            raise AssertionError(r.stderr)
        return r.stdout.strip()

    def notify(self, *options, timeout=120, **env):
        r = subprocess.run([NOTIFY, *self.dirs(), f"--locale-dir={BUILD}/tests/locale", *options], capture_output=True,
                           env=dict(self.env, **env), timeout=timeout)
        r.log = r.stderr.decode("utf-8", "surrogateescape")
        r.entries = parse_log(r.log)
        return r

    def ledger(self, sql, job="staff"):
        with sqlite3.connect(f"file:{self.state}/jobs/{job}/ledger.db?mode=ro", uri=True) as db:
            return db.execute(sql).fetchall()

    def problem(self, job="staff"):
        return self.ledger("SELECT notification_problem FROM job", job)[0][0]

    def waiting(self, job="staff"):
        return self.ledger("SELECT count(*) FROM outbox", job)[0][0]

    def drop_outbox(self, job="staff"):
        shutil.rmtree(os.path.join(self.state, "jobs", job), ignore_errors=True)


class SmtpServer:
    """One scripted server; without a folder of certificates it has no TLS. script: what to do at a point instead of the usual, {"rcpt b@example.test": "550 5.1.1 no such user"}. Points:
    connect, ehlo, starttls, handshake, auth, mail, "rcpt", "rcpt ADDRESS", data, body (after its first bytes), dot, and "after NAME", when the
    answer has been sent. Answers: a reply; "hang"; "close"; "close-after-accept" (dot: keep it, say nothing); a function of the server.
    self.accepted: (recipient, message) in order; self.clear: everything that was read before TLS."""

    def __init__(self, folder, script=None, *, family=socket.AF_INET, starttls=True, implicit=False, certificate="server.pem",
                 client_ca=False, users=None, size=None):
        self.script = dict(script or {})
        self.accepted = []
        self.clear = b""
        self.secure = b""
        self.connections = 0
        self.active = 0                 # sessions that have not ended
        self.points = []
        self.options = dict(starttls=starttls and folder, implicit=implicit, users=users, size=size)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if folder:
            self.context.load_cert_chain(os.path.join(folder, certificate))
        if client_ca:
            self.context.load_verify_locations(os.path.join(folder, "CA.pem"))
            self.context.verify_mode = ssl.CERT_REQUIRED
        self.listener = socket.socket(family)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
        self.listener.listen(20)
        self.port = self.listener.getsockname()[1]
        self.stopping = threading.Event()
        self.threads = []
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.stop()

    def stop(self):
        self.stopping.set()
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()

    def url(self, scheme="smtp", host="localhost"):
        return f"{scheme}://{host}:{self.port}"

    def recipients(self):
        return [r for r, _ in self.accepted]

    def serve(self):
        while not self.stopping.is_set():
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            self.active += 1
            threading.Thread(target=self.guarded, args=(connection,), daemon=True).start()

    def guarded(self, connection):
        try:
            Session(self, connection).run()
        except (OSError, EOFError, ssl.SSLError):
            pass
        finally:
            connection.close()
            self.active -= 1


class Session:
    def __init__(self, server, connection):
        self.server = server
        self.socket = connection
        self.socket.settimeout(60)
        self.buffer = b""
        self.is_tls = False

    def read_some(self):
        data = self.socket.recv(65536)
        if not data:
            raise EOFError
        if self.is_tls:
            self.server.secure += data
        else:
            self.server.clear += data
        self.buffer += data

    def read_line(self):
        while b"\r\n" not in self.buffer:
            self.read_some()
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line.decode("ascii", "replace")

    def send(self, text):
        self.socket.sendall(text.encode() + b"\r\n")

    def answer(self, point, usual, *more):
        """What the script says for the most exact of the points, or the usual. Returns whether it was the usual or a good reply."""
        server = self.server
        server.points.append(point)
        action = usual
        for name in (*more, point):
            if name in server.script:
                action = server.script[name]
                break
        if callable(action):
            action = action(server) or usual
        if action == "hang":
            server.stopping.wait(60)
            raise EOFError
        if action == "close":
            raise EOFError
        if action == "close-after-accept":
            return None
        if action is not None:
            self.send(action)
        after = server.script.get("after " + point)
        if after:
            after(server)
        return action is None or action[0] in "23"

    def tls(self):
        if self.server.script.get("handshake") == "hang":
            self.server.stopping.wait(60)
            raise EOFError
        self.socket = self.server.context.wrap_socket(self.socket, server_side=True)
        self.socket.settimeout(60)
        self.buffer = b""
        self.is_tls = True

    def run(self):
        server, options = self.server, self.server.options
        if options["implicit"]:
            self.tls()
        if not self.answer("connect", "220 test ESMTP"):
            return
        sender, recipients, authenticated = None, [], not options["users"]
        while True:
            line = self.read_line()
            verb = line.split(" ")[0].upper()
            if verb == "EHLO":
                extensions = ["test"]
                if options["starttls"] and not self.is_tls:
                    extensions.append("STARTTLS")
                if options["users"] and (self.is_tls or options["users"].get("in clear")):
                    extensions.append("AUTH PLAIN LOGIN")
                if options["size"]:
                    extensions.append(f"SIZE {options['size']}")
                text = "\r\n".join(f"250{'-' if i + 1 < len(extensions) else ' '}{e}" for i, e in enumerate(extensions))
                self.answer("ehlo", text)
            elif verb == "HELO":
                self.answer("helo", "250 test")
            elif verb == "STARTTLS":
                if self.answer("starttls", "220 go ahead"):
                    self.tls()
            elif verb == "AUTH":
                authenticated = self.authenticate(line)
            elif verb == "MAIL":
                if not authenticated:
                    self.send("530 5.7.0 Authentication required")
                    continue
                if self.answer("mail", "250 2.1.0 ok"):
                    sender, recipients = line, []
            elif verb == "RCPT":
                address = line[line.index("<") + 1:line.index(">")]
                if self.answer("rcpt", "250 2.1.5 ok", f"rcpt {address}"):
                    recipients.append(address)
            elif verb == "DATA":
                if self.answer("data", "354 go on"):
                    self.receive(recipients)
            elif verb in ("RSET", "NOOP"):
                self.send("250 ok")
            elif verb == "QUIT":
                self.send("221 bye")
                return
            else:
                self.send("500 5.5.2 what?")

    def authenticate(self, line):
        import base64

        words = line.split(" ")
        if len(words) < 3:
            self.send("334 ")
            words.append(self.read_line())
        _, user, password = base64.b64decode(words[2]).decode().split("\0")
        good = self.server.options["users"].get(user) == password
        return bool(self.answer("auth", "235 2.7.0 ok" if good else "535 5.7.8 wrong")) and good

    def receive(self, recipients):
        if "body" in self.server.script:
            while len(self.buffer) < 100:
                self.read_some()
            self.answer("body", None)
        while not self.buffer.startswith(b".\r\n") and b"\r\n.\r\n" not in self.buffer:
            self.read_some()
        end = 0 if self.buffer.startswith(b".\r\n") else self.buffer.index(b"\r\n.\r\n") + 2
        message, self.buffer = self.buffer[:end], self.buffer[end + 3:]
        lines = [m[1:] if m.startswith(b".") else m for m in message.split(b"\r\n")]
        message = b"\r\n".join(lines)
        size = self.server.options["size"]
        usual = "552 5.3.4 too large" if size and len(message) > size else "250 2.0.0 queued"
        # What the client is told is good is ours from that moment on, whether it hears it or not.
        accepted = self.server.script.get("dot", usual)
        if callable(accepted) or accepted == "close-after-accept" or accepted.startswith("250"):
            self.server.accepted += [(r, message) for r in recipients]
        if self.answer("dot", usual) is None:
            raise EOFError


def maildir(folder):
    """The messages in a Maildir, as bytes, by file name."""
    messages = []
    for path in sorted(glob.glob(os.path.join(folder, "new", "*"))):
        with open(path, "rb") as f:
            messages.append(f.read())
    return messages
