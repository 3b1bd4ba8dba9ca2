#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""R5: a mass soft delete that somebody allowed comes back 30 days later as a mass deletion. Over the bus with busctl and reprievectl,
in the log, in the preview and in the mail; time is moved by the clock that tests may set."""
import csv
import getpass
import io
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from house import BUILD, House, Tap  # noqa: E402

t = Tap()
ME = getpass.getuser()
DAY = 24 * 3600 * 1000000


def user(i, **more):
    return dict({"id": f"U{i:02}", "userName": f"user{i:02}", "displayName": f"User {i}", "active": True}, **more)


def users(h, gone=(), deleted=()):
    h.write_source(users=[user(i, **({"deleted": True} if i in deleted else {})) for i in range(20) if i not in gone])


def days_later(h, days):
    """The service and its cycles live so many days from now on."""
    h.stop_service()
    h.env["REPRIEVE_CLOCK_OFFSET"] = f"{days}d"
    h.start_service()


def first_wave(h, **deletions):
    """Six soft-deleted at once, withheld, allowed and disabled; two more a day later, within the limit."""
    h.write_job(groups=False, sections={"Deletions": {"DeletionThreshold": 5, **deletions}, "Notify": {"Email": "admin@example.com"}})
    users(h)
    h.start_service()
    h.run_cycle()
    users(h, deleted=range(6))
    t.is_(h.run_cycle(), "staged", "six soft deletes at once are withheld")
    review = h.get("Review")
    h.call("AllowDeletes", "ss", review, "they left")
    h.wait_idle()
    t.is_(len([u for u in h.target_users() if not u["active"]]), 6, "and disabled when somebody has allowed it")
    days_later(h, 1)
    users(h, deleted=range(8))
    t.is_(h.run_cycle(), "success", "two more are disabled within the limit")
    return review


def told(e):
    return e["REPRIEVE_SOURCE_ID"], e.get("REPRIEVE_DISABLED_CAUSE"), e.get("REPRIEVE_DISABLED_BY"), e.get("REPRIEVE_DISABLED_REVIEW")


with House() as h:
    review = first_wave(h)
    users(h, deleted=[i for i in range(8) if i != 5])
    h.run_cycle()
    t.is_(h.get("LastCycleCounts")["restored"], 1, "r5: one comes back")
    days_later(h, 30)
    users(h, gone=range(8))
    plan = h.preview(env={"REPRIEVE_CLOCK_OFFSET": "30d"})
    t.is_([(p["source_id"], p.get("disabled_by"), p.get("disabled_review"), p.get("disabled_cause")) for p in plan[:-1]],
          [(f"U{i:02}", ME, review, "soft-deleted") if i < 5 else (f"U{i:02}", None, None, "soft-deleted" if i > 5 else None) for i in range(8)],
          "r5: a preview says of each who allowed its disabling")
    t.is_((plan[-1]["counted"], plan[-1]["second_wave"], plan[-1]["carried"], plan[-1]["tripped"]), (8, 7, 0, True), "r5: and counts them")
    t.is_(h.run_cycle(), "staged", "r5: the second wave is counted and withheld like any removal")
    listed = h.call("ListSecondWave", "uu", "0", "100")[0]
    t.is_([(o[0], o[1], o[3], o[4], o[5]) for o in listed],
          [("user", f"U{i:02}", "soft-deleted", ME if i < 5 else "", review if i < 5 else "") for i in (0, 1, 2, 3, 4, 6, 7)],
          "r5: ListSecondWave; who was restored is none of it")
    staged_at = h.call("ListStaged", "uu", "0", "1")[0][0][7]
    t.is_([round((staged_at - o[2]) / DAY) for o in listed], [30, 30, 30, 30, 30, 29, 29], "r5: with the time of the disabling")
    t.is_([h.call("ListSecondWave", "uu", o, n)[0] for o, n in (("5", "0"), ("1", "2"), ("9", "5"))], [listed[5:], listed[1:3], []],
          "r5: in pages")
    waves = h.call("SummarizeSecondWave")[0]
    t.is_(waves, [[5, listed[0][2], listed[0][2], ME, review], [2, listed[5][2], listed[5][2], "", ""]], "r5: SummarizeSecondWave")
    t.is_(sorted(told(e) for e in h.entries(REPRIEVE_ACTION="StagedDelete")),
          [(f"U{i:02}", "soft-deleted", ME, review) if i < 5 else (f"U{i:02}", "soft-deleted" if i > 5 else None, None, None) for i in range(8)],
          "r5: the journal's entries")
    t.like([e["MESSAGE"] for e in h.entries(REPRIEVE_SOURCE_ID="U00", REPRIEVE_ACTION="StagedDelete")][0],
           rf'"User 0" until review \w+ is decided; it was disabled on 20.*, allowed by {ME} in review {review}\.$', "r5: in words")
    t.like([e["MESSAGE"] for e in h.entries(REPRIEVE_SOURCE_ID="U06", REPRIEVE_ACTION="StagedDelete")][0],
           r"is decided; it was disabled on 20.*, within the limit\.$", "r5: and where nobody had to allow it")
    verdict = [e for e in h.entries() if "REPRIEVE_VERDICT" in e][-1]
    t.is_((verdict["REPRIEVE_COUNTED"], verdict["REPRIEVE_SECOND_WAVE"], verdict["REPRIEVE_CARRIED"]), ("8", "7", "0"), "r5: the verdict")

    rows = list(csv.DictReader(io.StringIO(h.ctl("staged", "staff", "--csv").stdout.lstrip("\ufeff"))))
    t.is_([(r["source_id"], r["disabled_cause"], r["disabled_by"], r["disabled_review"]) for r in (rows[0], rows[5], rows[6])],
          [("U00", "soft-deleted", ME, review), ("U05", "", "", ""), ("U06", "soft-deleted", "", "")], "r5: staged --csv")
    t.ok(rows[0]["disabled_at"].startswith("20") and rows[5]["disabled_at"] == "", "r5: with the time")
    rows = [json.loads(line) for line in h.ctl("staged", "staff", "--json").stdout.splitlines()]
    t.is_([(r.get("disabled_at"), r.get("disabled_by"), r.get("disabled_review")) for r in (rows[0], rows[5], rows[6])],
          [(listed[0][2], ME, review), (None, None, None), (listed[5][2], "", "")], "r5: staged --json")
    text = h.ctl("staged", "staff").stdout
    t.like(text, rf"\n5 of them had been disabled before, allowed by {ME} in review {review}: 20", "r5: staged says so below its table")
    t.like(text, r"\n2 of them had been disabled before, within the limit: 20", "r5: and what was within the limit")
    payload = json.loads(h.ledger("SELECT payload FROM outbox ORDER BY id DESC LIMIT 1")[0]["payload"])
    t.is_((payload["second_wave"], [(w["count"], w["by"], w["review"]) for w in payload["waves"]]), (7, [(5, ME, review), (2, "", "")]),
          "r5: the mail counts them")

    # Whoever allows the second wave has it carried out, and the entry of each deletion says what it ends.
    h.call("AllowDeletes", "ss", h.get("Review"), "")
    h.wait_idle()
    t.is_(len(h.target_users()), 12, "r5: allowed, it is carried out")
    t.is_(sorted(told(e) for e in h.entries(REPRIEVE_ACTION="Delete", REPRIEVE_STATUS="success"))[0], ("U00", "soft-deleted", ME, review),
          "r5: the deletion's own entry")

with House() as h:
    review = first_wave(h, SecondWave="approved")
    days_later(h, 30)
    users(h, gone=range(8))
    t.is_(h.run_cycle(), "success", "r5: SecondWave=approved: what was allowed is not counted, and the two others are below the limit")
    t.is_((h.get("LastCycleCounts")["counted"], h.get("LastCycleCounts")["deleted"]), (2, 8), "r5: the counts")

with House() as h:
    review = first_wave(h, SecondWave="approved")
    h.write_job(groups=False, sections={"Deletions": {"DeletionThreshold": 5, "SecondWave": "approved"}, "Scope": {"Users": 'userName sw "user"'}})
    h.busctl("call", "org.reprieve1", "/org/reprieve1", "org.reprieve1.Manager", "Reload")
    users(h, gone=range(8))
    t.is_(h.run_cycle(), "staged", "r5: after a changed configuration nothing is carried over")
    t.is_(h.get("QuarantineReason"), "ConfigurationChanged", "r5: and the reason is the configuration")

# Groups that would lose their members (G11), over the bus
with House() as h:
    h.write_job(sections={"Deletions": {"MembershipThreshold": 12}, "Notify": {"Email": "admin@example.com"}})
    users(h)
    h.write_source(groups=[{"id": f"G{g}", "displayName": f"Team {g}", "members": [{"value": f"U{i:02}"} for i in range(n)]}
                           for g, n in enumerate((12, 12, 3))])
    h.start_service()
    h.run_cycle()
    h.write_source(groups=[{"id": f"G{g}", "displayName": f"Team {g}", "members": [{"value": f"U{i:02}"} for i in range(n)]}
                           for g, n in enumerate((0, 5, 2))])
    h.run_cycle()
    t.is_(h.call("ListGroupLosses")[0], [["G0", "Team 0", 12, 12], ["G1", "Team 1", 7, 12], ["G2", "Team 2", 1, 3]], "g11: ListGroupLosses")
    text = h.ctl("staged", "staff").stdout
    t.like(text, r"\nGroup Team 0 would lose all of its 12 members\.\nGroup Team 1 would lose 7 of its 12 members\.\nGroup Team 2 would", "g11: staged")
    payload = json.loads(h.ledger("SELECT payload FROM outbox ORDER BY id DESC LIMIT 1")[0]["payload"])
    t.is_((payload["verdict"], payload["groups_total"], [(g["name"], g["count"], g["members"]) for g in payload["groups"]][:2]),
          ("memberships", 3, [("Team 0", 12, 12), ("Team 1", 7, 12)]), "g11: the mail names them")

with House() as h:
    h.write_job(sections={"Notify": {"Email": "admin@example.com"}, "Deletions": {"OnGroupEmptied": "hold"}})
    users(h)
    h.write_source(groups=[{"id": "G", "displayName": "Team", "members": [{"value": f"U{i:02}"} for i in range(12)]}])
    h.start_service()
    h.run_cycle()
    h.write_source(groups=[{"id": "G", "displayName": "Team", "members": []}])
    t.like(h.ctl("preview", "staff").stdout, r"Group Team would lose 12 of its 12 members, which waits for a decision\.", "g11: preview")
    t.is_(h.run_cycle(), "staged", "g11: a group that would be emptied is held below every limit")
    t.like(h.get("QuarantineMessage"), r"\(group-emptied\)$", "g11: and the job says why")
    t.is_(json.loads(h.ledger("SELECT payload FROM outbox ORDER BY id DESC LIMIT 1")[0]["payload"])["verdict"], "group-emptied", "g11: so does the mail")
    h.call("RejectDeletes", "ss", h.get("Review"), "")
    h.wait_idle()
    t.is_((len(h.target_groups()[0]["members"]), h.get("Status")), (12, "active"), "g11: rejected, they stay")

# What a killed cycle had disabled, and what the target refused at first, is remembered as allowed too.
with House() as h:
    faults = os.path.join(h.dir, "faults")
    h.write_job(groups=False, sections={"Deletions": {"DeletionThreshold": 3}, "Target": {"Faults": faults}})
    open(faults, "w").close()
    users(h)
    h.cycle(check=0)
    users(h, deleted=range(4))
    h.cycle(check=0)
    review = h.ledger("SELECT id FROM reviews WHERE how IS NULL ORDER BY ordinal DESC LIMIT 1")[0]["id"]
    h.decide("allow")
    with open(faults, "w") as f:
        f.write('{"action":"Disable","match":"user00","result":"failed"}\n{"action":"Disable","match":"user02","result":"crash-after"}\n')
    h.cycle()
    open(faults, "w").close()
    h.cycle(check=0, env={"REPRIEVE_CLOCK_OFFSET": "2h"})
    rows = h.ledger("SELECT source_id, review FROM links LEFT JOIN decisions ON seq = disabled_by WHERE disabled ORDER BY source_id")
    t.is_([(r["source_id"], r["review"]) for r in rows], [(f"U{i:02}", review) for i in range(4)],
          "r5: refused at first, or found done after a kill: the decision is remembered")
    users(h)
    h.cycle(check=0, env={"REPRIEVE_CLOCK_OFFSET": "3h"})
    t.is_(h.ledger("SELECT count(*) AS n FROM links WHERE disabled_by <> 0")[0]["n"], 0, "r5: restored, it is forgotten")
t.done()
