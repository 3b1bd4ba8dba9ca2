#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Rule N1 with real cycles: one mail when a review opens, none per cycle, another when its set has grown by more than a tenth, a
reminder after ReminderInterval=, one when the source has everything again; all in one thread. And nothing of it keeps a cycle waiting."""
import email
import email.policy
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from house import Tap  # noqa: E402
from mail import MailHouse, SmtpServer  # noqa: E402

tap = Tap()
h = MailHouse()
users = [{"id": f"A{i:04}", "userName": f"a{i:04}", "displayName": f"User {i}", "active": True} for i in range(100)]


def sent(server):
    """What was accepted since the last call."""
    messages = [email.message_from_bytes(m, policy=email.policy.default) for _, m in server.accepted]
    server.accepted.clear()
    return messages


def text(message):
    return message.get_body(("plain",)).get_content()


def cycle(n, **env):
    h.write_source(users[:n], [])
    return h.cycle(env=env)


with SmtpServer(None) as s:
    h.mail(Server=s.url(), Tls="no", From="reprieve@example.test")
    h.job(email="a@example.test")
    cycle(100)
    h.notify()
    tap.is_(sent(s), [], "n1: nothing to tell after the first cycle")

    cycle(60)
    r = h.notify()
    mails = sent(s)
    tap.is_((r.returncode, len(mails)), (0, 1), "n1: one mail when the review opens")
    first = mails[0]
    review = first["X-Reprieve-Review"]
    tap.is_(first["X-Reprieve-Event"], "review-opened", "n1: it says so")
    tap.like(text(first), r"wanted to remove 40 objects at once. From 10 removals", "n3: counted and limit")
    tap.like(text(first), r"Population +100 ", "n3: population")
    tap.like(text(first), r"gone from the source +user +delete +40", "n3: counts by cause and kind")
    tap.like(text(first), rf"reprievectl allow staff {review}", "n3: the command")
    tap.is_(len(list(next(first.iter_attachments()).get_content().splitlines())), 41, "n3: the list")

    for _ in range(3):
        cycle(60)
        h.notify()
    tap.is_(sent(s), [], "n1: never one per cycle")
    cycle(57)
    h.notify()
    tap.is_(sent(s), [], "n1: none when it grows by less than a tenth")
    cycle(50)
    h.notify()
    mails = sent(s)
    tap.is_([m["X-Reprieve-Event"] for m in mails], ["review-grown"], "n1: one when it has grown by more than a tenth")
    tap.ok(mails and mails[0]["References"] == first["Message-ID"] and mails[0]["X-Reprieve-Review"] != review,
           "n1: in the same thread, with the new id")

    h.notify()
    tap.is_(sent(s), [], "n1: no reminder before its time")
    h.notify(REPRIEVE_CLOCK_OFFSET="25h")
    mails = sent(s)
    tap.is_([m["X-Reprieve-Event"] for m in mails], ["reminder"], "n1: a reminder after a day, without a service")
    tap.like(text(mails[0]) if mails else "", r"50 removals still wait", "n1: it says how many wait")

# The server is gone: the cycle does not care, and the mail waits.
start = time.monotonic()
r = cycle(100)
tap.ok(r.returncode == 0 and time.monotonic() - start < 10, "n2: a cycle does not wait for the mail server")
r = h.notify("--timeout=2s")
tap.is_((r.returncode, h.waiting()), (75, 1), "n2: the mail waits")
with SmtpServer(None) as s:
    h.mail(Server=s.url(), Tls="no", From="reprieve@example.test")
    r = h.notify()
    mails = sent(s)
    tap.is_((r.returncode, [m["X-Reprieve-Event"] for m in mails]), (0, ["healed"]), "n1: one when it has healed")
    tap.ok(mails and mails[0]["References"] == first["Message-ID"], "n1: in the same thread")
h.close()
tap.done()
