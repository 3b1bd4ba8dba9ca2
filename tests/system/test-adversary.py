#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Attempts to get a removal past the guard: each block is one, and says which rule forbids it. Cycles by hand, decisions
straight into the ledger."""
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from house import BUILD, House, Tap  # noqa: E402

t = Tap()


def person(n, **more):
    return dict({"id": f"u{n}", "userName": f"user{n}", "displayName": f"User {n}", "active": True}, **more)


def people(*numbers):
    return [person(n) for n in numbers]


def team(members, id="g1", name="Team"):
    return {"id": id, "displayName": name, "members": members}


def start(h, users, groups=None, **sections):
    h.write_source(users, groups)
    h.sections = {"Deletions": {"DeletionThreshold": 5}, "Target": {"Faults": os.path.join(h.dir, "faults")}}
    for section, keys in sections.items():
        h.sections.setdefault(section, {}).update(keys)
    faults(h)
    h.write_job(groups=groups is not None, sections=h.sections)
    h.cycle(check=0)


def again(h, groups=False, **sections):
    """The job file anew, with these keys as well."""
    merged = {k: dict(v) for k, v in h.sections.items()}
    for section, keys in sections.items():
        merged.setdefault(section, {}).update(keys)
    h.write_job(groups=groups, sections=merged)


def faults(h, *plan):
    with open(os.path.join(h.dir, "faults"), "w", encoding="utf-8") as f:
        f.write("".join(json.dumps(x) + "\n" for x in plan))


def there(h):
    return sorted(u["userName"][4:] for u in h.target_users() if u.get("active", True))


def append(h, name, text):
    with open(os.path.join(h.source, name), "a", encoding="utf-8") as f:
        f.write(text)


def numbers(*n):
    return sorted(str(i) for i in n)


with House() as h:
    start(h, people(*range(10)))
    h.write_source(people(*[n for n in range(10) if n != 3]))
    faults(h, {"action": "Delete", "result": "crash-before"})
    h.cycle()
    t.is_(there(h), numbers(*range(10)), "C5: a cycle is killed just before a removal below the limit")
    h.write_source(people(*range(10)))
    faults(h)
    h.cycle()
    t.is_(there(h), numbers(*range(10)), "R4: who is back before that, unchanged, is not removed by the next cycle")
    h.write_source(people(*[n for n in range(10) if n != 4]))
    h.cycle()
    t.is_(there(h), numbers(0, 1, 2, 3, 5, 6, 7, 8, 9), "and an absence is still noticed")

with House() as h:
    index = os.path.join(h.state, "jobs/staff/snapshot.index")
    start(h, people(*range(10)))
    shutil.copy(index, index + ".old")
    h.write_source(people(9))
    h.cycle()
    t.is_((there(h), len(h.entries(REPRIEVE_ACTION="StagedDelete"))), (numbers(*range(10)), 9), "nine removals trip")
    shutil.copy(index + ".old", index)
    h.write_source(people(*range(10)))
    r = h.cycle()
    t.is_(len([e for e in r.entries if "left the review by itself" in e["MESSAGE"]]), 9, "Q2: an older snapshot.index does not keep them staged")
    again(h, Deletions={"DeletionThreshold": 100})
    h.cycle()
    t.is_(there(h), numbers(*range(10)), "and nothing is removed that the source has")

with House() as h:
    start(h, people(*range(10)), [team(["u1", "u2", "u3"])])
    h.write_source(groups=[team(["u1"])])
    append(h, "groups.jsonl", '{"id": "g2", "displayName": "Torn')
    h.cycle()
    t.is_(len(h.target_groups()[0].get("members", [])), 3, "E1: an incomplete reading takes nobody out of a group")
    h.write_source(groups=[team(["u1"]), ])
    h.cycle()
    t.is_(len(h.target_groups()[0].get("members", [])), 1, "a complete one does")

with House() as h:
    start(h, people(*range(10)), [team([f"u{n}" for n in range(10)])], Deletions={"MembershipThreshold": 5})
    h.write_source(groups=[team(["u1"])])
    h.cycle()
    append(h, "groups.jsonl", '{"id": "g2", "displayName": "Torn')
    r = h.cycle()
    again(h, groups=True, Deletions={"MembershipThreshold": 100})
    h.write_source(groups=[team(["u1"])])
    h.cycle()
    t.is_(len(h.target_groups()[0].get("members", [])), 10, "Q3: staged membership removals survive an incomplete reading and a raised limit")

for what, broken in (("invalid", '{"id":"g1","displayName":"Team","members":7}\n'),
                     ("there twice", '{"id":"g1","displayName":"Team","members":[]}\n')):
    with House() as h:
        start(h, people(*range(4)), [team(["u0", "u1", "u2", "u3"])], Scope={"Assigned": "Team"})
        t.is_(there(h), numbers(*range(4)), "all members of Team are provisioned")
        h.write_source(groups=[] if what == "invalid" else None)
        append(h, "groups.jsonl", broken)
        h.cycle()
        t.is_(there(h), numbers(*range(4)), f"E2: nobody is unassigned because the record of the assigned group is {what}")

with House() as h:
    start(h, people(0, 1))
    h.write_source([person(0), person(1), person(2, userName="same", email="a"), person(3, userName="SAME")])
    h.cycle()
    h.write_source([person(0), person(1), person(3, userName="SAME")])
    h.cycle()
    h.cycle()
    t.is_(sorted(u["userName"].lower() for u in h.target_users()), ["same", "user0", "user1"], "two source objects never share one in the target")

with House() as h:
    groups = [team([], id=f"g{n}", name=f"Group {n}") for n in range(8)]
    start(h, people(0, 1), groups, Deletions={"OnConfigurationChange": "judge"})
    h.write_source(groups=groups[:1])
    h.cycle()
    t.is_(len(h.target_groups()), 8, "seven groups are staged")
    again(h, groups=False, Deletions={"DeletionThreshold": 100})
    r = h.cycle()
    again(h, groups=True, Deletions={"DeletionThreshold": 100})
    h.cycle()
    t.is_(len(h.target_groups()), 8, "Q3: taking Groups= out and back, with a raised limit, releases nothing")

with House() as h:
    with open(os.path.join(h.target, "users.jsonl"), "w", encoding="utf-8") as f:
        f.write('{"id":"t1","userName":"same"}\n')
    start(h, [person(0), person(2, userName="same"), person(3, userName="SAME")])
    t.is_([(u["id"], u["displayName"]) for u in h.target_users() if u["userName"] == "same"], [("t1", "User 2")],
          "who matches first adopts; the other one does not write to the same object")
    t.is_(len(h.entries(REPRIEVE_STATUS="failure")), 1, "and is reported")
    h.write_source([person(0), person(2, userName="same")])
    h.cycle(check=0)
    t.is_(len(h.target_users()), 2, "nothing is removed with the one that was never linked")

with House() as h:
    others = [person(n, active=False) for n in range(1000, 60000)]
    start(h, people(*range(10)) + others)
    h.write_source(people(*range(9)) + [dict(p, title="x") for p in others])
    p = subprocess.Popen([os.path.join(BUILD, "reprieve-cycle"), *h.dirs(), "staff"], stderr=subprocess.PIPE, env=h.env)
    p.stderr.readline()
    ledger = sqlite3.connect(os.path.join(h.state, "jobs/staff/ledger.db"), timeout=30)
    ledger.execute("UPDATE job SET paused = 1")
    ledger.commit()
    p.stderr.read()
    p.wait()
    t.is_(ledger.execute("SELECT paused FROM job").fetchall(), [(1,)], "a Pause in the middle of a cycle is not lost")
    t.is_(len(there(h)), 9, "which ends as planned")
    ledger.close()

MAPPED = {"Map User": {"userName": "[userName]", "displayName": "[displayName]", "active": "[enabled]"}}
for what, key, sections in (("a mapping that sets active", "enabled", MAPPED),
                            ("active beside a Blocked= of its own", "active", {"Source": {"Blocked": '[status]="gone"'}})):
    with House() as h:
        start(h, [person(n, **{key: True}) for n in range(10)], **sections)
        h.write_source([person(n, **{key: n < 8}) for n in range(10)])
        r = h.cycle()
        t.is_((there(h), len([e for e in r.entries if e.get("REPRIEVE_ACTION") == "Disable"])), (numbers(*range(8)), 2),
              f"R1: {what} disables, and says so")
        h.cycle(check=0)
        t.is_(len(h.entries(REPRIEVE_ACTION="Disable")), 2, "R3: once")
        h.write_source([person(n, **{key: False}) for n in range(10)])
        h.cycle()
        t.is_(there(h), numbers(*range(8)), f"G1: {what} is judged by the guard")
        h.write_source([person(n, **{key: True}) for n in range(10)])
        h.cycle(check=0)
        t.is_(there(h), numbers(*range(10)), "R4: and restores")

with House() as h:
    with open(os.path.join(h.target, "users.jsonl"), "w", encoding="utf-8") as f:
        f.write("".join(json.dumps(person(n, id=f"t{n}")) + "\n" for n in range(10)))
    start(h, [person(n, enabled=False) for n in range(10)], **MAPPED)
    t.is_(there(h), numbers(*range(10)), "G1: to adopt disables nobody")
    h.cycle()
    t.is_((there(h), len(h.entries(REPRIEVE_ACTION="StagedAction"))), (numbers(*range(10)), 10), "that is judged afterwards")
    h.write_source([person(n, enabled=False) for n in range(10)] + [person(11, enabled=False)])
    h.cycle()
    t.is_(len(h.target_users()), 11, "whoever is new may be inactive from the beginning")

with House() as h:
    start(h, people(*range(10)), [team(["u1", "u2"])])
    h.write_source(people(*range(8)), [])
    append(h, "users.jsonl", '{"id":"u8","userName":"user8","active":true,"active":false}\n{"id":"u9","userName":"user9","deleted":false,"deleted":true}\n')
    append(h, "groups.jsonl", '{"id":"g1","displayName":"Team","members":["u1"],"members":[]}\n')
    h.cycle(check=0)
    t.is_((there(h), len(h.target_groups()[0]["members"])), (numbers(*range(10)), 2), "E2: what says two things of a removal says nothing")
    h.write_source([person(n, active=int(n > 3)) for n in range(10)])
    h.cycle(check=0)
    t.is_((there(h), len(h.entries(REPRIEVE_ACTION="Disable"))), (numbers(*range(4, 10)), 4), "G1: a 0 in active is a removal too")
    h.write_source([person(n, active=0) for n in range(10)])
    h.cycle(check=0)
    t.is_(there(h), numbers(*range(4, 10)), "and is counted")

with House() as h:
    others = [person(n, active=False) for n in range(1000, 60000)]
    h.write_source(people(*range(10)) + others)
    h.write_job(groups=False)
    for mode in ("--preview", "--on-demand=user:u1"):
        p = subprocess.Popen([os.path.join(BUILD, "reprieve-cycle"), *h.dirs(), mode, "staff"], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, env=h.env)
        time.sleep(0.1)
        p.terminate()
        p.communicate()
        # It may have been asked before it listened, or too late.
        t.ok(p.returncode in (0, 1, -signal.SIGTERM), f"a {mode} that is asked to stop does so", p.returncode)

def decide(h, *arguments):
    options = [a for a in arguments if a.startswith("--")]
    r = subprocess.run([os.path.join(BUILD, "tests/crash/decide"), *options, h.state, "staff",
                        *[a for a in arguments if not a.startswith("--")]], capture_output=True, text=True)
    return r.stdout.split()[:1]


with House() as h:
    everybody = [f"u{n}" for n in range(10)]
    start(h, people(*range(10)), [team(everybody), team([], "g2", "Other")], Deletions={"MembershipThreshold": 5, "DeletionThreshold": 0})
    h.write_source(groups=[team(["u0"]), team([], "g2", "Other")])
    h.cycle()
    t.is_(decide(h, "reject"), ["0"], "Q7: nine memberships are kept")
    h.write_source(groups=[team([], "g2", "Other")])
    h.cycle()
    t.is_(decide(h, "reject"), ["0"], "and so is their group")
    h.write_source(groups=[team(["u0"]), team([], "g2", "Other")])
    again(h, groups=True, Deletions={"MembershipThreshold": 100})
    for _ in range(2):
        h.cycle()
    t.is_(len(h.target_groups()[0]["members"]), 10, "when the group is back, its own hold ends, and not those of its members")

with House() as h:
    start(h, people(*range(10)), [team(everybody), team([], "g2", "Other")], Deletions={"MembershipThreshold": 5, "DeletionThreshold": 0})
    h.write_source(groups=[team(["u0"], name="Other")])
    h.cycle()
    t.is_(len(h.entries(REPRIEVE_ACTION="StagedAction")), 10, "G5, G7: nine memberships are withheld, and a name that a withheld group has")
    h.write_source(groups=[team(["u0"]), team([], "g2", "Other")])
    again(h, groups=True, Deletions={"MembershipThreshold": 100})
    for _ in range(3):
        h.cycle()
    t.is_(len(h.target_groups()[0]["members"]), 10, "Q3: the memberships do not leave the review with the name")

for policy in ("delete", "disable"):
    with House() as h:
        start(h, people(*range(10)), [team(everybody)], Deprovision={"Deleted": policy})
        h.write_source(people(*range(3)), [team(everybody[:3])])
        h.cycle()
        t.is_((there(h), len(h.target_groups()[0]["members"])), (numbers(*range(10)), 10),
              f"G5: seven are gone from the source, to {policy}: their memberships are withheld with them")
        h.decide("reject")
        for _ in range(2):
            h.cycle()
        t.is_((there(h), len(h.target_groups()[0]["members"])), (numbers(*range(10)), 10), "Q7: who is held is held in his groups too")
        h.write_source(people(*range(10)))
        for _ in range(2):
            h.cycle()
        t.is_(len(h.target_groups()[0]["members"]), 3, "what the source says of somebody it has again is done")
        h.write_source(people(*range(9)))
        for _ in range(2):
            h.cycle()
        t.is_((there(h), len(h.target_groups()[0]["members"])), (numbers(*range(9)), 3), "G8: and below the limit nothing stays behind")

with House() as h:
    job = os.path.join(h.state, "jobs/staff")
    start(h, people(*range(10)))
    ledger, backup = sqlite3.connect(os.path.join(job, "ledger.db")), sqlite3.connect(os.path.join(h.dir, "backup.db"))
    ledger.backup(backup)
    ledger.close()
    backup.close()
    h.write_source(people(*range(10), 20, 21))
    h.cycle(check=0)
    for name in ("ledger.db-wal", "ledger.db-shm"):
        if os.path.exists(os.path.join(job, name)):
            os.unlink(os.path.join(job, name))
    shutil.copy(os.path.join(h.dir, "backup.db"), os.path.join(job, "ledger.db"))
    h.write_source(people(*range(10), 21, 30))
    append(h, "users.jsonl", '{"id":"torn')
    h.cycle()
    h.write_source(people(*range(10), 21, 30))
    for _ in range(2):
        h.cycle()
    t.is_((there(h), h.entries(REPRIEVE_ACTION="Delete")), (numbers(*range(10), 20, 21, 30), []),
          "E1: a snapshot.index from after the backup proves nothing to the restored ledger")

with House() as h:
    start(h, people(*range(10)), [team(everybody)])
    h.write_source(groups=[team(None)])
    h.cycle()
    t.is_(len(h.target_groups()[0]["members"]), 10, "E2: members that are null are no empty list")
    h.write_source(people(*range(7)))
    append(h, "users.jsonl", '{"id":"u7","userName":"user7","active":true,"\\u0061ctive":false}\n{"id":"u8","userName":"user8","Active":true,"ACTIVE":false}\n'
                             '{"id":"u9","userName":"user9","\\u0069d":"u99","active":true}\n')
    h.cycle()
    t.is_(there(h), numbers(*range(10)), "E2: nor is a name that stands there twice in two spellings, whatever they are, a reason to remove")
    h.write_source([person(n, active=1.0 if n < 5 else 0.0) for n in range(10)])
    h.cycle()
    t.is_((there(h), len(h.entries(REPRIEVE_ACTION="StagedAction"))), (numbers(*range(10)), 5), "G1: 0.0 in active is a removal as 0 is")

for what, record in (("without members", {"id": "g1", "displayName": "Team"}), ("with null for members", team(None))):
    for nested in (False, True):
        with House() as h:
            groups = [team(everybody[:4])] if not nested else [team(["g2"]), team(everybody[:4], "g2", "Inner")]
            start(h, people(*range(4)), groups, Scope={"Assigned": "Team", "AssignedNested": "yes" if nested else None})
            h.write_source(groups=[record] if not nested else [groups[0], dict(record, id="g2", displayName="Inner")])
            r = h.cycle()
            t.is_((there(h), r.returncode), (numbers(*range(4)), 1), f"E1: nobody is unassigned by a {'nested ' if nested else ''}group {what}")
            h.write_source(groups=[groups[0], team([], "g2", "Inner")] if nested else [team([])])
            h.cycle(check=0)
            t.is_(there(h), [], "but by one that says that it is empty")

for line in ("members", "Members"):
    with House() as h:
        start(h, people(*range(10)), [{"id": "g1", "displayName": "Team", "member": everybody}], Deletions={"MembershipThreshold": 5},
              **{"Map Group": {"displayName": "[displayName]", line: "[member]"}})
        ids = {u["userName"]: u["id"] for u in h.target_users()}
        t.is_(sorted(m["value"] for m in h.target_groups()[0]["members"]), sorted(ids.values()), f"a mapping for {line} is resolved")
        h.write_source(groups=[{"id": "g1", "displayName": "Team", "member": everybody[:2]}])
        h.cycle()
        t.is_(len(h.target_groups()[0]["members"]), 10, "G5: and what it takes away is judged")
        for n in (10, 7):
            h.write_source(groups=[{"id": "g1", "displayName": "Team", "member": everybody[:n]}])
            h.cycle(check=0)
        t.is_(sorted(m["value"] for m in h.target_groups()[0]["members"]), sorted(ids[f"user{n}"] for n in range(7)), "G8: below the limit it goes")
        h.write_source(groups=[{"id": "g1", "displayName": "Team", "member": "u1"}, {"id": "g2", "displayName": "Other"}])
        h.cycle(check=0)
        t.is_([len(g.get("members", [])) for g in h.target_groups()], [7, 0], "E2: what is no list says nothing")

with House() as h:
    start(h, people(*range(10)), Deletions={"SecondWave": "approved"})
    h.write_source([person(n, deleted=n < 6) for n in range(10)])
    h.cycle(check=0)
    h.decide("allow")
    h.cycle(check=0)
    t.is_(there(h), numbers(6, 7, 8, 9), "six soft deletes are allowed")
    again(h, Deletions={"SecondWave": "approved"}, Scope={"Users": 'userName sw "user"'})
    h.cycle(check=0)
    h.write_source(people(6, 7, 8, 9))
    h.cycle(check=0)
    t.is_(len(h.target_users()), 10, "R5, Q5: the leave given under another configuration does not count for their deletion")

def csv(h, header, *rows, name="users.csv"):
    with open(os.path.join(h.source, name), "w", encoding="utf-8") as f:
        f.write("".join(line + "\n" for line in (header, *rows)))


for asks in ({"Scope": {"Users": 'department eq "Sales"'}}, {"Source": {"Blocked": 'Not([Department])'}},
             {"Source": {"SoftDeleted": '[department]=""'}}, {"Scope": {"Users": 'department.name pr or id eq "u9"'}}):
    with House() as h:
        file = {"Source": {"Connector": "csv", "Users": os.path.join(h.source, "users.csv"), **asks.get("Source", {})}}
        column = "department.name" if "department.name" in str(asks) else "department"
        value = "Sales" if "Scope" in asks else "yes"
        rows = [f"u{n},user{n},{value}" for n in range(4)]
        csv(h, f"id,userName,{column}", *rows)
        h.write_job(groups=False, sections={**asks, **file})
        h.cycle(check=0)
        t.is_(len(there(h)), 4, "four are in scope")
        csv(h, "id,userName,dept", *rows, "u4,user4,new")
        r = h.cycle()
        t.is_((len(there(h)), r.returncode), (4, 1), f"E1: a column that is asked for and not there takes nobody away: {asks}")
        t.like(r.log, r"users\.csv:1: the header has no column .(?i:department)", "and is named")

with House() as h:
    csv(h, "id,userName,status", "u0,user0,here", "u1,user1,here")
    csv(h, "id,displayName,members", "g1,Team,u0", name="groups.csv")
    h.write_job(groups=False, sections={"Source": {"Connector": "csv", "Users": os.path.join(h.source, "users.csv"), "Groups": os.path.join(h.source, "groups.csv"),
                                                   "Blocked": '[status]="gone"'}})
    h.cycle(check=0)
    csv(h, "id,userName,status", "u0,user0,here", "u1,user1,gone")
    h.cycle(check=0)
    t.is_(there(h), numbers(0), "what one kind alone has may be asked for")

FUTURE = {"REPRIEVE_CLOCK_OFFSET": "520w"}
with House() as h:
    start(h, people(*range(3)))
    append(h, "users.jsonl", '{"id":"torn')
    for _ in range(3):
        h.cycle(env=FUTURE)
    t.is_(h.ledger("SELECT quarantine FROM job")[0]["quarantine"], "IngestionInterrupted", "a job fails in the future of a wrong clock")
    h.write_source(people(*range(4)))
    h.cycle("staff", "--scheduled", check=0)
    t.is_((len(h.target_users()), h.ledger("SELECT quarantine FROM job")[0]["quarantine"]), (4, ""), "Q10: and is tried again when the clock is right")
    faults(h, {"action": "Create", "result": "failed"})
    h.write_source(people(*range(5)))
    h.cycle(env=FUTURE)
    faults(h)
    h.cycle(check=0)
    t.is_(len(h.target_users()), 5, "X1: so is what the target had refused")

with House() as h:
    start(h, people(*range(10)), Deletions={"DeletionThreshold": 6})
    h.write_source(people(*range(3)))
    h.cycle()
    h.decide("reject")
    h.write_source([person(n, id=f"x{n}") for n in range(3)])
    h.cycle()
    t.is_(there(h), numbers(*range(10)), "E6: seven are held, and the ids of the other three have changed: that is everybody")

t.done()
