#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A real journald and journalctl: every entry of a cycle arrives with its fields; names with newlines, control characters and bytes that
are no UTF-8 stay one field of one entry and forge nothing."""
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from house import BUILD, House, Tap  # noqa: E402
from journald import Journald, enter, text  # noqa: E402

why_not = enter()
if why_not:
    Tap.skip_all(why_not)
journald = Journald()
journal = journald.query
if not journald.started:
    Tap.skip_all("systemd-journald does not start here")
t = Tap()

hostile = ["Ann\nREPRIEVE_ACTION=Delete\nMESSAGE=forged", "\x1b[2J\x07 bell", "\u202eright to left\u202c", "emoji \U0001f600", "quote \" back \\ slash"]
users = [{"id": f"U{i}", "userName": f"user{i}", "displayName": name, "active": True} for i, name in enumerate(hostile)]
with House() as h:
    h.write_job(groups=False, sections={"Deletions": {"DeletionThreshold": 2}})
    h.write_source(users)
    env = {"REPRIEVE_LOG_TARGET": "journal"}
    h.cycle(env=env, check=0)
    created = journal("REPRIEVE_JOB=staff", "REPRIEVE_ACTION=Create")
    t.is_(sorted(text(e["REPRIEVE_DISPLAY_NAME"]) for e in created), sorted(hostile), "every name arrives as it is, one entry each")
    t.ok(not journal("REPRIEVE_ACTION=Delete"), "a newline in a name forges no field")
    t.ok(not [e for e in created if "forged" == e.get("MESSAGE")], "nor a message")
    t.ok(all("\n" not in text(e["MESSAGE"]) and "\x1b" not in text(e["MESSAGE"]) for e in created), "messages keep to one line, without control characters")
    h.write_source(users[:1])
    h.cycle(env=env, check=0)
    staged = journal("REPRIEVE_JOB=staff", "REPRIEVE_ACTION=StagedDelete")
    t.is_(sorted(e["REPRIEVE_SOURCE_ID"] for e in staged), ["U1", "U2", "U3", "U4"], "journalctl REPRIEVE_ACTION=StagedDelete lists each withheld removal")
    wanted = {"REPRIEVE_JOB", "REPRIEVE_CYCLE", "REPRIEVE_CHANGE", "REPRIEVE_STATUS", "REPRIEVE_KIND", "REPRIEVE_TARGET_ID",
              "REPRIEVE_CAUSE", "REPRIEVE_REVIEW", "MESSAGE_ID", "PRIORITY"}
    t.ok(all(wanted <= e.keys() for e in staged), "with the fields of docs/journal.md", [wanted - e.keys() for e in staged])
    trip = journal("REPRIEVE_VERDICT=threshold")
    t.is_([(e["REPRIEVE_COUNTED"], e["REPRIEVE_LIMIT"], e["REPRIEVE_POPULATION"]) for e in trip], [("4", "2", "5")], "the guard's entry has its numbers")

subprocess.run([os.path.join(BUILD, "tests/system/log-hostile")], check=True)
time.sleep(0.1)
entry = journal("SYSLOG_IDENTIFIER=reprieve-hostile")
t.is_(len(entry), 1, "an entry with broken bytes is one entry")
entry = entry[0] if entry else {}
t.is_(text(entry.get("REPRIEVE_DISPLAY_NAME")), "Eve\nREPRIEVE_ACTION=Delete\n\nREPRIEVE_JOB=forged", "newlines stay inside their field")
t.is_(text(entry.get("REPRIEVE_TARGET_ID")), "broken \udcff\udcc3 bytes", "bytes that are no UTF-8 arrive as they are")
t.is_(text(entry.get("REPRIEVE_SOURCE_ID")), "\x1b[2J\x07\x7f\x9b", "control characters too")
t.is_((entry.get("REPRIEVE_JOB"), entry.get("PRIORITY")), ("staff", "4"), "and nothing is forged")
t.done()
