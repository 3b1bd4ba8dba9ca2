#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The history of a job: ListCycles over the bus, and what reprievectl cycles and advise make of it."""
import json
import os
import re
import sqlite3
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fake import FakeHouse, BUILD, Tap, need_tools, wait_for  # noqa: E402

need_tools()
if not os.path.exists(os.path.join(BUILD, "reprieve-cycle")):
    Tap.skip_all("reprieve-cycle is not built")
t = Tap()
HOUR = 3600 * 1000000
NOW = int(time.time() * 1000000)


def people(*numbers):
    return [{"id": f"i{n:03}", "userName": f"user{n}", "displayName": f"User {n}", "active": True} for n in numbers]


def remember(h, cycles):
    """Put (id, hours ago, result, verdict, counts), oldest first, in the ledger as cycles that were; replaces what is there."""
    with sqlite3.connect(os.path.join(h.state, "jobs/staff/ledger.db")) as db:
        db.execute("DELETE FROM cycle_counts")
        db.execute("DELETE FROM cycles")
        for n, (name, ago, result, verdict, counts) in enumerate(cycles, 1):
            end = 0 if result == "running" else NOW - ago * HOUR + 90 * 1000000
            db.execute("INSERT INTO cycles VALUES (?, ?, ?, ?, ?, ?, NULL)",
                       (n, name.rjust(12, "0").ljust(32, "0"), NOW - ago * HOUR, end, result, verdict))
            db.executemany("INSERT INTO cycle_counts VALUES (?, ?, ?)", [(n, k, v) for k, v in counts.items() if v])
    db.close()


def judged(counted, population=1000, limit=500, **more):
    return dict(counted=counted, population=population, limit=limit, imported=population, **more)


with FakeHouse() as h:
    h.exec = BUILD
    h.write_job(groups=False, sections={"Deletions": {"DeletionThreshold": 5}, "Notify": {"Email": "admin@example.com"}})
    h.write_source(users=people(*range(40)))
    h.start()

    # ---- nothing yet ----
    t.is_(h.call("ListCycles", "u", "0"), [[]], "ListCycles of a job that never ran is empty")
    t.like(h.ctl("cycles", "staff").stdout, "No cycle has run yet", "cycles says so")
    t.like(h.ctl("advise", "staff").stdout, "No cycle has run yet, so there is nothing to learn from", "so does advise")
    a = json.loads(h.ctl("advise", "staff", "--json").stdout)
    t.is_((a["cycles"], a["largest"], a["suggestion"], a["enough"]), (0, None, None, False), "and its JSON")
    t.is_(h.ctl("cycles", "nobody", check=False).returncode, 3, "no such job: exit 3")

    # ---- real cycles ----
    h.run_cycle()
    h.write_source(users=people(*range(3, 40)))
    h.run_cycle()
    h.write_source(users=people(*range(20, 40)))
    h.run_cycle()
    rows = h.call("ListCycles", "u", "0")[0]
    t.is_([(r[1], r[4]) for r in rows], [("staged", "threshold"), ("success", "pass"), ("success", "pass")], "newest first, result and verdict")
    t.is_([r[5]["counted"] for r in rows], [17, 3, 0], "G1: what the guard counted")
    t.is_([(r[5]["deleted"], r[5]["staged"], r[5]["created"]) for r in rows], [(0, 17, 0), (3, 0, 0), (0, 0, 40)], "what each did")
    t.is_([r[5]["population"] for r in rows], [37, 40, 0], "what was linked before")
    t.ok(rows[0][0] == h.get("LastCycle") and rows[0][5] == h.get("LastCycleCounts"), "the first is the last cycle, with its counts")
    t.ok(all(r[2] <= r[3] for r in rows) and rows[0][2] >= rows[1][3] > 0, "times are in order")
    t.is_(h.call("ListCycles", "u", "1")[0], rows[:1], "a limit is kept")

    r = h.ctl("cycles", "staff")
    lines = r.stdout.splitlines()
    t.like(lines[0], r"^CYCLE +STARTED +TOOK RESULT +CREATED UPDATED DISABLED DELETED STAGED$", "cycles is a table")
    t.like(lines[1], rf"^{rows[0][0][:12]} 20\d\d-\d\d-\d\d \d\d:\d\d +\S+ staged +0 +0 +0 +0 +17$", "its first row is the trip")
    t.like(lines[3], rf"^{rows[2][0][:12]} .* success +40 +0 +0 +0 +0$", "its last is the initial cycle")
    t.ok(rows[1][0] in h.ctl("cycles", "staff", "--full").stdout, "--full shows whole ids")
    t.is_(len(h.ctl("cycles", "staff", "-n", "2", "--no-legend").stdout.splitlines()), 2, "--lines, --no-legend")
    r = [json.loads(line) for line in h.ctl("cycles", "staff", "--json").stdout.splitlines()]
    t.is_([[c["id"], c["result"], c["started"], c["finished"], c["verdict"], c["counts"]] for c in r], rows, "--json is what the bus says")

    r = h.ctl("advise", "staff").stdout
    t.like(r, r"Looked at 3 cycles since 20.*\nOrdinary: 1; tripped: 1; silent about removals: 1", "advise counts the cycles")
    t.like(r, r"The largest ordinary cycle counted 3 removals \(cycle [0-9a-f]{12}, ", "and finds the largest")
    t.like(r, r"17 removals of 37 objects: DeletionThreshold", "it lists what tripped, and on what")
    t.like(r, r"The limit is now DeletionThreshold=5: 5 removals of 37 objects trip\.\nIt left the largest .* headroom of 1\.", "limit and headroom")
    t.ok("too little to say" in r and "suggest" not in r, "G9: a history of three cycles is too short, and it says so", r)

    # ---- a longer history ----
    month = [(f"a{k}", 40 * 24 - k * 4, "success", "pass", judged(12 if k == 60 else 3 if k % 6 == 0 else 0, deleted=3 if k % 6 == 0 else 0))
             for k in range(200)]
    month[0] = ("a0", 40 * 24, "success", "pass", judged(0, population=0, created=1000))
    month[80] = ("a80", 640, "incomplete", "pass", judged(0))
    month[90] = ("a90", 600, "failed", "", {})
    month[100] = ("beef", 560, "staged", "threshold", judged(600, staged=600))
    month[101] = ("b101", 556, "success", "pass", judged(0, deleted=600))
    month[120] = ("cafe", 480, "staged", "empty-source", judged(400, population=400, staged=400))
    month[150] = ("dead", 360, "running", "", {})
    remember(h, month)
    h.ctl("set", "staff", "DeletionThreshold=500")
    r = h.ctl("advise", "staff").stdout
    t.like(r, r"Looked at 200 cycles since .*\nOrdinary: 194; tripped: 2; silent about removals: 4", "what proves nothing is left out")
    t.like(r, r"The largest ordinary cycle counted 12 removals", "what a person allowed is not ordinary")
    t.like(r, r"The median is 0; among the \d+ that had something to remove it is 3\.", "the median")
    t.like(r, r"600 removals of 1,?000 objects: DeletionThreshold\n", "the trip on the limit")
    t.like(r, r"400 removals of 400 objects: the source had no objects", "the trip that no limit changes")
    t.like(r, r"The limit is now DeletionThreshold=500: 500 removals of 1,?000 objects trip\.\nIt left the largest .* headroom of 487\.", "G9: the headroom")
    t.like(r, r"(?m)^DeletionThreshold=25 +suggested +2/2 +0/194 +0", "what the suggestion would have caught")
    t.like(r, r"(?m)^DeletionThreshold=500 +now +1/2 +0/194 +0{8}beef$", "what the limit of now would have caught")
    t.like(r, r"(?m)^DeletionThresholdPercent=10 +2/2 +0/194", "what 10 % would have caught")
    t.is_(len(re.findall("^DeletionThreshold=500 ", r, re.M)), 1, "none is listed twice")
    t.like(r, r"The suggestion, 25, is the largest ordinary cycle and half of it again", "where the suggestion comes from")
    t.like(r, r"To take it: reprievectl --bus=\S+ set staff DeletionThreshold=25\n", "how to take it")
    a = json.loads(h.ctl("advise", "staff", "--json").stdout)
    t.is_((a["cycles"], a["ordinary"], a["unjudged"], a["median"], a["median_removing"], a["suggestion"], a["limit"], a["headroom"]),
          (200, 194, 4, 0, 3, 25, 500, 487), "--json has the numbers")
    t.is_([(c["id"][8:12], c["verdict"], c["counted"], c["population"]) for c in a["tripped"]],
          [("cafe", "empty-source", 400, 400), ("beef", "threshold", 600, 1000)], "and what tripped")
    t.is_([(x["suggested"], x["current"], x["threshold"], x["percent"], [i[8:12] for i in x["would_have_tripped"]]) for x in a["limits"]],
          [(True, False, 25, None, ["cafe", "beef"]), (False, True, 500, None, ["beef"]), (False, False, None, 10, ["cafe", "beef"])],
          "and what would have tripped")
    h.ctl("set", "staff", "DeletionThreshold=10", "DeletionThresholdPercent=2.5")
    r = h.ctl("advise", "staff").stdout
    t.like(r, r"now DeletionThreshold=10 DeletionThresholdPercent=2\.5: 10 removals of 1,?000 objects trip\.\nIt would have stopped the largest",
           "a limit below what is ordinary is called that")
    t.like(r, r"(?m)^DeletionThreshold=10 DeletionThresholdPercent=2\.5 +now +2/2 +1/194 ", "it would have stopped an ordinary cycle")
    h.ctl("set", "staff", "PreventAccidentalDeletions=no")
    t.like(h.ctl("advise", "staff").stdout, "now PreventAccidentalDeletions=no: any number of removals is carried out", "no guard at all")
    h.ctl("set", "staff", "PreventAccidentalDeletions=yes", "DeletionThresholdTrips=exceeded", "MinimumPopulation=2000", "DeletionBudget=50 per 7d")
    r = h.ctl("advise", "staff").stdout
    t.like(r, r"now DeletionThreshold=10 DeletionThresholdPercent=2\.5 DeletionThresholdTrips=exceeded: 11 removals of 1,?000 objects trip",
           "advise judges by the job's own DeletionThresholdTrips= and MinimumPopulation=")
    t.like(r, "DeletionBudget=50 per 1w holds besides", "and says what it leaves out")
    t.like(h.ctl("status", "staff", check=False).stdout, r"Limit: more than 10 removals, or than 2\.5 % of the linked objects if there are 2,?000 or more\n +Budget: 50 per 1w",
           "status shows them")
    h.ctl("set", "staff", "DeletionThresholdTrips=reached", "MinimumPopulation=20", "DeletionBudget=")
    h.ctl("set", "staff", "PreventAccidentalDeletions=yes", "DeletionThreshold=500", "DeletionThresholdPercent=")
    result = {c["id"][8:12]: c["result"] for c in map(json.loads, h.ctl("cycles", "staff", "--json", "-n", "1000").stdout.splitlines())}
    t.is_(result["dead"], "interrupted", "a cycle without an end that does not run was interrupted")

    remember(h, [(f"a{k}", 400 - k, "success", "pass", judged(0, population=8)) for k in range(300)])
    r = h.ctl("advise", "staff").stdout
    t.like(r, "No ordinary cycle had anything to remove", "nothing was ever removed")
    t.like(r, "500 removals of 8 objects trip.\nThat is more than there are: it can never trip", "a limit above the population is no limit")
    t.like(r, "rests on little.*\nSo few objects are linked that it can never trip", "nor would the suggestion be one")
    t.ok("To take it" not in r, "and nobody is told to take it")

    # ---- a page ----
    remember(h, [(f"a{k}", 3000 - k, "success", "pass", judged(1, **{n: 1 << 40 for n in ("created", "updated", "disabled", "deleted", "staged",
                                                                                     "failed", "skipped", "held", "healed", "adopted")}))
                 for k in range(1200)])
    t.is_([len(h.call("ListCycles", "u", n)[0]) for n in ("0", "1000", "4000000000", "999")], [1000, 1000, 1000, 999], "at most 1000 a call")
    t.like(h.ctl("advise", "staff").stdout, "These are the newest 1,?000", "advise says where its history ends")

    # ---- a cycle that runs ----
    t.is_(h.service.poll(), None, "the service is still there")
with FakeHouse() as h:
    h.script("sleep 20000")
    h.start()
    h.call("RunCycle")
    wait_for(lambda: h.call("ListCycles", "u", "1")[0])
    row = h.call("ListCycles", "u", "1")[0][0]
    t.is_((row[1], row[3], row[4]), ("running", 0, ""), "a cycle that runs is there, without an end")
    t.like(h.ctl("cycles", "staff").stdout, r"(?m) - running ", "cycles shows it as running")
    h.call("Pause")
    h.wait_idle()
t.done()
