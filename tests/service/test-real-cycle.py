#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The service with the real reprieve-cycle: trip, restart, allow, reject, heal; preview, validation, on demand."""
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fake import BUILD, FakeHouse, Monitor, Tap, need_tools  # noqa: E402

need_tools()
if not os.path.exists(os.path.join(BUILD, "reprieve-cycle")):
    Tap.skip_all("reprieve-cycle is not built")
t = Tap()


def people(*numbers):
    return [{"id": f"i{n:03}", "userName": f"user{n}", "displayName": f"User {n}", "active": True} for n in numbers]


with FakeHouse() as h:
    h.exec = BUILD
    h.write_job(groups=False, sections={"Deletions": {"DeletionThreshold": 5}, "Notify": {"Email": "admin@example.com"}})
    h.write_source(users=people(*range(40)))
    h.start()
    m = Monitor(h)
    t.is_(h.run_cycle(), "success", "C3: the initial cycle")
    t.is_((h.get("LinkedUsers"), len(h.target_users()), h.get("Status")), (40, 40, "active"), "everybody is linked")
    h.write_source(users=people(*range(10, 40)))

    lines = [json.loads(x) for x in h.read_fd("Preview").decode().splitlines()]
    t.ok(len(lines) > 10 and "Delete" in json.dumps(lines[:-1]), "C7: Preview shows the plan of ten removals")
    t.ok("verdict" in json.dumps(lines[-1]).lower() and h.get("StagedDeletes") == 0, "its verdict last, and nothing is staged", lines[-1])
    t.is_([r[:2] for r in h.call("ValidateConnections")[0]], [["source", True], ["target", True]], "ValidateConnections opens both")
    steps = h.call("ProvisionOnDemand", "ss", "user", "i020")[0]
    t.ok(len(steps) >= 3 and steps[0][0] == "import", "ProvisionOnDemand tells its steps", steps)

    t.is_(h.run_cycle(), "staged", "ten removals trip")
    review = h.get("Review")
    t.is_((h.get("StagedDeletes"), len(h.target_users()), h.get("QuarantineReason")), (10, 40, "TooManyDeletes"), "G6: none is carried out")
    t.is_([s[2] for s in m.wait("Quarantined")], [["TooManyDeletes", review, 10]], "Quarantined is told")
    counts = [s[2][2] for s in m.wait("CycleFinished", 2)][-1]
    t.is_((counts["staged"], counts["counted"], counts["limit"], counts["deleted"]), (10, 10, 5, 0), "CycleFinished has the counts")

    # Q3 within Q8
    h.set("DeletionThreshold", "u", "1000")
    h.call("Restart", "as", "0")
    h.wait_cycle()
    t.is_((h.get("StagedDeletes"), len(h.target_users()), h.get("Status")), (10, 40, "quarantine"),
          "Q3: neither Restart nor a raised limit carries out a staged removal")
    t.ok(h.get("Review") not in ("", review), "Q8: what is still missing is a new review")
    h.set("DeletionThreshold", "u", "5")
    h.write_source(users=people(*range(5, 40)))
    h.call("Restart", "as", "1", "quarantine")
    h.wait_cycle()
    t.is_((h.get("StagedDeletes"), h.get("LinkedUsers")), (5, 40), "Q8: what the source has again leaves, the rest stays withheld")

    review = h.get("Review")
    objects = [x[:2] for x in h.call("ListStaged", "uu", "0", "100")[0]]
    t.is_(objects, [["user", f"i{n:03}"] for n in range(5)], "the five that are still missing")
    t.is_(h.call("AllowSelected", "sa(ss)s", review, "2", "user", "i000", "user", "i001", "left"), [2], "two are allowed")
    h.wait_cycle()
    t.is_(sorted(set(f"user{n}" for n in range(40)) - {u["userName"] for u in h.target_users()}), ["user0", "user1"], "Q4: exactly those go")
    t.is_((h.get("Status"), h.get("StagedDeletes")), ("quarantine", 3), "Q6: the rest stays under review")
    review = h.get("Review")
    t.is_(h.call("RejectDeletes", "ss", review, "they stay"), [3, 0], "the rest is rejected")
    h.wait_cycle()
    t.is_((h.get("Status"), h.get("Held"), len(h.target_users())), ("active", 3, 38), "Q7: held, and in the target")
    h.run_cycle()
    t.is_((h.get("Held"), h.get("StagedDeletes"), len(h.target_users())), (3, 0, 38), "a hold is neither staged nor counted again")
    h.call("Release", "a(ss)", "1", "user", "i002")
    h.wait_cycle()
    t.is_((h.get("Held"), len(h.target_users())), (2, 37), "what is released is judged like any other: below the limit, G8")

    h.write_source(users=people(*range(20, 40)))
    h.run_cycle()
    review = h.get("Review")
    t.is_(h.call("AllowDeletes", "ss", review, ""), [15, 0], "all of a review are allowed")
    h.wait_cycle()
    t.is_((h.get("Status"), len(h.target_users())), ("active", 22), "and gone; the two that are held are not")
    h.write_source(users=people(*range(30, 40)))
    h.run_cycle()
    h.write_source(users=people(*range(20, 40)))
    h.run_cycle()
    t.is_((h.get("Status"), h.get("StagedDeletes")), ("active", 0), "Q2: a review whose objects are all back lifts by itself")
    lifted = [s[2][0] for s in m.signals("QuarantineLifted")]
    t.is_(lifted, ["rejected", "allowed", "healed"], "QuarantineLifted told each end by its name")
    t.is_(len(h.entries(MESSAGE_ID="53f62388855b4a6bb032a272bad6d020")), len(lifted), "and each has one journal entry")
t.done()
