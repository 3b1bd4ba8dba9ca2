#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reviews over the bus: what is shown, allow, reject, a part of either, release, restart; signals, journal entries, mail."""
import csv
import io
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fake import FakeHouse, JOB, Monitor, ROOT, Tap, need_tools, wait_for  # noqa: E402

need_tools()
t = Tap()
ALLOWED = "853b1181966c417e87dbec100210769c"
REJECTED = "d093619d72c64649a2dd7d615564951a"
HELD = "52a26b0ee4254ec882a6a18ed5a94e3e"
RELEASED = "4a240bcd1e3343d3a30dfea7e1ca4e32"
LIFTED = "53f62388855b4a6bb032a272bad6d020"
STAFF = f"{ROOT}/job/staff"


def trip(h, n, linked=100):
    h.script(f"link {linked}", f"stage {n}")
    h.run_cycle()
    h.script()
    return h.get("Review")


def objects(*ids):
    return [str(len(ids))] + [x for i in ids for x in ("user", i)]


with FakeHouse() as h:
    h.start()
    m = Monitor(h)
    me = str(os.getuid())
    t.is_(h.call("ListStaged", "uu", "0", "10"), [[]], "without a ledger nothing is staged")
    t.is_(h.error_name(STAFF, JOB, "OpenStaged", "xml"), "org.freedesktop.DBus.Error.InvalidArgs", "a format that is none is refused")
    t.like(h.refused("AllowDeletes", "ss", "0123456789abcdef", ""), "no open review", "nor is there a review to allow")
    t.ok(not os.path.exists(f"{h.state}/jobs/staff"), "and asking made no ledger")

    # ---- what is shown ----
    review = trip(h, 60)
    t.is_((h.get("Status"), h.get("QuarantineReason"), h.get("StagedDeletes"), h.get("LastCycleResult")),
          ("quarantine", "TooManyDeletes", 60, "staged"), "a trip shows in status, reason and counts")
    t.is_([s[2] for s in m.wait("Quarantined")], [["TooManyDeletes", review, 60]], "Quarantined tells reason, review and number")
    t.is_(h.call("SummarizeStaged"), [[["deleted", "user", 60]]], "SummarizeStaged has the causes")
    page = h.call("ListStaged", "uu", "58", "10")[0]
    t.is_([p[:7] for p in page], [["user", f"s00{i}", f"t00{i}", f'User "{i}", =1+1', "Delete", "deleted", ""] for i in (58, 59)],
          "ListStaged gives a page")
    t.is_([len(h.call("ListStaged", "uu", str(o), str(n))[0]) for o, n in ((0, 0), (0, 7), (60, 5), (55, 100))], [60, 7, 0, 5],
          "offset and limit")
    rows = list(csv.reader(io.StringIO(h.read_fd("OpenStaged", "csv").decode("utf-8-sig"), newline="")))
    t.is_((len(rows), rows[1][:6]), (61, ["user", "s0000", "t0000", 'User "0", =1+1', "Delete", "deleted"]), "OpenStaged gives all as CSV")
    lines = [json.loads(x) for x in h.read_fd("OpenStaged", "json").decode().splitlines()]
    t.is_((len(lines), lines[59]["source_id"], lines[59]["change"]), (60, "s0059", "0" * 30 + "59"), "and as JSON, one object a line")

    # ---- a part is allowed ----
    t.like(h.refused("AllowSelected", "sa(ss)s", review, *objects("s0001", "nobody"), ""), "not part of review", "an object that is not staged is refused")
    t.like(h.refused("AllowSelected", "sa(ss)s", review, "1", "robot", "s0001", ""), "user and group", "a kind that is none is refused")
    t.like(h.refused("AllowSelected", "sa(ss)s", review, "0", ""), "empty", "an empty list is refused, not taken for all")
    t.is_(h.get("StagedDeletes"), 60, "and nothing was decided")
    n = len(m.signals("CycleFinished"))
    t.is_(h.call("AllowSelected", "sa(ss)s", review, *objects("s0000", "s0001"), "two left"), [2], "AllowSelected decides two")
    m.wait("CycleFinished", n + 1)
    t.is_((h.get("LinkedUsers"), h.get("StagedDeletes"), h.get("Review"), h.get("Status")), (98, 58, review, "quarantine"),
          "a cycle follows at once; the rest stays under review")
    entries = [e for e in h.entries(REPRIEVE_REVIEW=review, REPRIEVE_COMMENT="two left") if "REPRIEVE_SOURCE_ID" in e]
    t.is_([(e["REPRIEVE_SOURCE_ID"], e["REPRIEVE_TARGET_ID"], e["REPRIEVE_STAGED_ACTION"], e["REPRIEVE_CAUSE"], e["REPRIEVE_UID"],
            e["REPRIEVE_CHANGE"]) for e in entries],
          [(f"s000{i}", f"t000{i}", "Delete", "deleted", me, f"{i:032}") for i in (0, 1)], "L1, Q9: each object has its entry")
    t.is_(len(h.entries(MESSAGE_ID=ALLOWED, REPRIEVE_REVIEW=review)), 1, "and the review one")

    # ---- all that is left is rejected ----
    h.script("sleep 300")
    t.is_(h.call("RejectDeletes", "ss", review, "not now"), [58, 0], "RejectDeletes decides the rest")
    t.is_((h.get("Status"), h.get("Held"), h.get("Review"), h.get("StagedDeletes")), ("active", 58, "", 0),
          "Q7: held, and the quarantine is over at once")
    t.is_([s[2] for s in m.wait("QuarantineLifted")], [["rejected"]], "QuarantineLifted says how")
    t.is_((len(h.entries(MESSAGE_ID=HELD)), len(h.entries(MESSAGE_ID=REJECTED)), len(h.entries(MESSAGE_ID=LIFTED))), (58, 1, 1),
          "an entry for each hold, the review, and the end of the quarantine")
    t.is_(h.get("Running"), True, "a cycle follows at once")
    h.wait_cycle()
    t.like(h.refused("RejectDeletes", "ss", review, ""), "no open review", "Q4: a decided review cannot be decided again")
    t.is_(h.error_name(STAFF, JOB, "OpenStaged", "csv"), "", "an empty list is a list")

    # ---- holds ----
    held = h.call("ListHeld", "uu", "0", "5")[0]
    t.is_((len(held), held[0][:4]), (5, ["user", "s0002", "t0002", 'User "2", =1+1']), "ListHeld gives a page")
    t.like(h.refused("Release", "a(ss)", *objects("s0002", "s0000")), "holds no user .s0000.; nothing was released", "Release is all or none")
    t.is_(h.get("Held"), 58, "none was")
    t.ok(not h.entries(MESSAGE_ID=RELEASED), "and no entry says so")
    h.call("Release", "a(ss)", *objects("s0002", "s0003", "s0002"))
    t.is_([(r["verb"], r["decided"]) for r in h.ledger("SELECT verb, decided FROM decisions WHERE verb = 'release'")], [("release", 2)],
          "q9: who released them is in the ledger")
    t.is_(h.get("Held"), 56, "two are released, one of them named twice")
    t.is_([e["REPRIEVE_SOURCE_ID"] for e in h.entries(MESSAGE_ID=RELEASED)], ["s0002", "s0003"], "each has one entry")
    h.wait_cycle()

    # ---- all are allowed while a cycle runs: one that begins later carries them out ----
    review = trip(h, 20)
    staged = h.get("StagedDeletes")
    h.script("sleep 700")
    first = h.call("RunCycle")[0]
    wait_for(lambda: any(s[2][0] == first for s in m.signals("CycleStarted")))
    wait_for(lambda: h.get("Progress")[0] == "apply")
    h.script()
    n = len(m.signals("QuarantineLifted"))
    t.is_(h.call("AllowDeletes", "ss", review, "yes"), [staged, 0], "AllowDeletes while a cycle runs")
    t.is_(h.get("Status"), "quarantine", "Q4: the job is healthy when the cycle ends, not before")
    t.is_([s[2] for s in m.wait("QuarantineLifted", n + 1)][n:], [["allowed"]], "the next cycle lifts the quarantine")
    wait_for(lambda: h.get("LastCycle") != first and not h.get("Running"))
    t.is_((h.get("Status"), h.get("LastCycleCounts")["deleted"]), ("active", staged), "and it carried out what was allowed")
    finished = [s[2][0] for s in m.signals("CycleFinished")]
    t.ok(finished.index(first) < len(finished) - 1, "which was another cycle than the one that ran")

    # ---- healed by itself ----
    trip(h, 30)
    h.script("heal")
    n = len(m.signals("QuarantineLifted"))
    h.run_cycle()
    t.is_([s[2] for s in m.wait("QuarantineLifted", n + 1)][n:], [["healed"]], "a review that nobody decided has healed")

    # ---- restart ----
    review = trip(h, 30)
    staged = h.get("StagedDeletes")
    h.set("DeletionThreshold", "u", "1000")
    h.script("sleep 200")
    t.like(h.refused("Restart", "as", "1", "everything"), "watermark, escrows, quarantine and full", "a scope that is none is refused")
    t.is_(h.error_name(STAFF, JOB, "Restart"), "org.freedesktop.DBus.Error.InvalidArgs", "so is a call without arguments")
    h.call("Restart", "as", "0")
    t.is_(h.get("Running"), True, "Restart starts a cycle at once")
    after = h.get("Review")
    t.ok(after not in ("", review), "Q8: there is a new review")
    t.like(h.refused("AllowDeletes", "ss", review, ""), "no open review", "the old id is worth nothing")
    h.wait_cycle()
    t.is_((h.get("StagedDeletes"), h.get("Status")), (staged, "quarantine"), "Q3: whatever the limit is now, what was withheld still is")
    h.script("heal")
    n = len(m.signals("QuarantineLifted"))
    h.run_cycle()
    t.is_([s[2] for s in m.wait("QuarantineLifted", n + 1)][n:], [["restarted"]], "what ends then was restarted")

    # ---- paused: decided now, carried out later ----
    review = trip(h, 10)
    staged = h.get("StagedDeletes")
    linked = h.get("LinkedUsers")
    h.call("Pause")
    t.is_(h.call("AllowDeletes", "ss", review, ""), [staged, 0], "a paused job's review can be decided")
    t.is_((h.get("Running"), h.get("Status"), h.get("LinkedUsers")), (False, "paused", linked), "no cycle runs")
    h.call("Start")
    h.run_cycle()
    t.is_(h.get("LinkedUsers"), linked - staged, "the first cycle after Start carries it out")

    # ---- mail ----
    before = open(h.notified).read().count("\n") if os.path.exists(h.notified) else 0
    t.ok(before > 0, "mail was queued and reprieve-notify started")
    h.call("SendTestNotification")
    wait_for(lambda: open(h.notified).read().count("\n") > before)
    t.like(open(h.notified).read().splitlines()[-1], f"--config-dir={h.config} --state-dir={h.state} --runtime-dir={h.run}",
           "SendTestNotification starts it too, with our folders")
    h.set("NotificationEmail", "as", "0")
    t.is_(h.error_name(STAFF, JOB, "SendTestNotification"), "org.reprieve1.Error.NotificationFailed", "with nobody to notify it fails")

    # ---- two must agree ----
    review = trip(h, 10)
    with open(h.job_file(), "a") as f:
        f.write("[Deletions]\nApprovers=2\n")
    h.manager("Reload")
    t.is_(h.call("AllowDeletes", "ss", review, "I do"), [0, 0], "Approvers=2: the first allow decides nothing")
    t.is_((h.get("Review"), h.get("Status")), (review, "quarantine"), "the review stays open")
    t.like(h.entries(REPRIEVE_COMMENT="I do")[-1]["MESSAGE"], "1 more must agree", "the journal says who is waited for")
    t.like(h.refused("AllowDeletes", "ss", review, "x" * 4097), "longer than 4096", "a comment that would fill the journal is refused")

    # ---- nobody knows how many must agree: a file with a mistake, and a service that begins with it ----
    with open(h.job_file(), "a") as f:
        f.write("Nonsense\n")
    m.stop()
    h.stop_service()
    h.start()
    for member in ("AllowDeletes", "RejectDeletes"):
        t.like(h.refused(member, "ss", review, ""), "Approvers=. is not known", f"{member} is not one person's while the settings cannot be read")
    t.is_((h.get("Review"), h.get("StagedDeletes") > 0), (review, True), "and nothing was decided")
t.done()
