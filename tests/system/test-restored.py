#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Backups put back: a ledger older than the target, a target older than the ledger, one of them gone. Nobody is removed for it
without a person (E4), nothing is lost, and "restart" brings back what the target lacks."""
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from house import House, Tap  # noqa: E402

t = Tap()
SAID = "not from the same time"


def people(*numbers):
    return [{"id": f"u{n}", "userName": f"user{n}", "displayName": f"User {n}", "active": True} for n in numbers]


def team(*numbers):
    return [{"id": "g1", "displayName": "Team", "members": [{"value": f"u{n}"} for n in numbers]}]


def there(h):
    return sorted(int(u["userName"][4:]) for u in h.target_users())


def said(r):
    return sum(SAID in e["MESSAGE"] for e in r.entries if e["MESSAGE"].startswith("Ledger and target"))


def start(h, *numbers, **sections):
    h.write_job(groups=False, sections={"Deletions": {"DeletionThreshold": 5}, **sections})
    h.write_source(people(*numbers))
    h.cycle(check=0)


def keep(h, what, name):
    shutil.rmtree(f"{h.dir}/{name}", ignore_errors=True)
    shutil.copytree(getattr(h, what), f"{h.dir}/{name}")


def put_back(h, what, name):
    shutil.rmtree(getattr(h, what))
    shutil.copytree(f"{h.dir}/{name}", getattr(h, what))


def restart(h):
    """As Restart leaves it: the next cycle evaluates everything afresh."""
    import sqlite3
    db = sqlite3.connect(f"{h.state}/jobs/staff/ledger.db")
    db.execute("UPDATE job SET full_requested = 1")
    db.commit()
    db.close()


ALL = list(range(20))

for what, sections in (("", {}), (", although limits are to decide on changes", {"Deletions": {"DeletionThreshold": 5, "OnConfigurationChange": "judge"}})):
    with House() as h:
        start(h, *ALL, **sections)
        keep(h, "state", "backup")
        h.write_source(people(*range(6, 20)))
        h.cycle(check=0)
        h.decide("reject")
        h.cycle(check=0)
        h.write_source(people(*range(3, 20)))
        r = h.cycle(check=0)
        t.is_((there(h), said(r)), (ALL, 0), "six were to go, a person rejected it, three are back")
        put_back(h, "state", "backup")
        h.write_source(people(*range(3, 20)))
        verdict = h.preview()[-1]
        t.is_((verdict.get("tripped"), verdict.get("verdict")), (True, "configuration-changed"), "C7: a preview with the older ledger says what the cycle does" + what)
        r = h.cycle(check=0)
        t.is_((there(h), said(r)), (ALL, 1), "E4: a ledger from before the rejection removes none of the other three" + what)
        t.is_([s["source_id"] for s in h.ledger("SELECT source_id FROM staged")], ["u0", "u1", "u2"], "they wait for a person")
        t.like(h.ledger("SELECT quarantine_message AS m FROM job")[0]["m"], SAID, "who is told why")
        h.decide("reject")
        h.write_source(people(*range(3, 19)))
        r = h.cycle(check=0)
        t.is_((there(h), said(r)), (list(range(19)), 0), "from then on both are from the same time, and one removal is judged as ever")

with House() as h:
    start(h, *ALL)
    keep(h, "state", "backup")
    h.write_source(people(*range(25)))
    h.cycle(check=0)
    put_back(h, "state", "backup")
    h.write_source(people(*range(1, 25)))
    h.cycle(check=0)
    t.is_((there(h), len(h.target_users())), (list(range(25)), 25), "a ledger from before five were created: they are adopted, none is there twice, and a removal waits")
    h.decide("allow")
    h.cycle(check=0)
    t.is_(there(h), list(range(1, 25)), "until it is allowed")

with House() as h:
    start(h, *ALL)
    h.write_source(people(*range(2, 20)))
    h.cycle(check=0)
    shutil.rmtree(os.path.join(h.state, "jobs"))
    h.write_source(people(*range(5, 20)))
    h.cycle(check=0)
    t.is_((there(h), len(h.ledger("SELECT 1 FROM links"))), (list(range(2, 20)), 15), "without its ledger the job adopts who is there, and removes nobody it does not know")

with House() as h:
    h.write_job(sections={"Deletions": {"DeletionThreshold": 5}})
    h.write_source(people(*range(10)), team(0, 1, 2))
    h.cycle(check=0)
    keep(h, "target", "backup")
    for source, members in ((range(1, 13), (1, 2, 11)), (range(1, 14), (1, 2, 3, 11))):
        h.write_source(people(*source), team(*members))
        h.cycle(check=0)
    put_back(h, "target", "backup")
    h.write_source(people(*range(2, 14)), team(2, 3, 11))
    r = h.cycle(check=0)
    t.is_((there(h), said(r)), (list(range(10)), 1), "E4: with an older target a removal waits, and the log says what brings back the others")
    restart(h)
    r = h.cycle(check=0)
    t.is_(there(h), list(range(14)), "Restart creates whom the target lacks, and removes nobody")
    ids = {u["id"]: u["userName"] for u in h.target_users()}
    t.ok({"user2", "user3", "user11"} <= {ids[m["value"]] for m in h.target_groups()[0]["members"]}, "with their memberships")
    h.cycle(check=0)
    before = (open(os.path.join(h.target, "users.jsonl")).read(), h.target_groups())
    h.cycle(check=0)
    t.is_((open(os.path.join(h.target, "users.jsonl")).read(), h.target_groups()), before, "C6: and then it is quiet")

with House() as h:
    start(h, *ALL)
    h.write_source(people(*range(1, 20)))
    h.cycle(check=0)
    shutil.rmtree(h.target)
    os.mkdir(h.target)
    h.write_source(people(*range(2, 20)))
    r = h.cycle(check=0)
    t.is_((there(h), said(r), len(h.ledger("SELECT 1 FROM staged"))), ([], 1, 1), "an emptied target is noticed")
    restart(h)
    h.cycle(check=0)
    t.is_((there(h), len(h.ledger("SELECT 1 FROM staged"))), (list(range(2, 20)), 0), "and filled again by Restart; who waited to be removed is gone")

with House() as h:
    start(h, *ALL)
    mark = os.path.join(h.target, ".reprieve-staff")
    at = os.stat(mark).st_ino
    h.cycle(check=0)
    t.is_(os.stat(mark).st_ino, at, "C6: an idle cycle leaves the mark as it is")
    h.write_source(people(*range(1, 20)))
    keep(h, "target", "backup")
    h.cycle(check=0)
    shutil.copy(f"{h.dir}/backup/.reprieve-staff", mark)
    h.write_source(people(*range(2, 20)))
    r = h.cycle(check=0)
    t.is_((there(h), said(r)), (list(range(2, 20)), 0), "C5: killed between ledger and target, the mark of before is as good")
    os.unlink(mark)
    os.mkdir(mark)
    r = h.cycle(check=1)
    t.like(r.log, r"\.reprieve-staff", "a mark that cannot be read fails the cycle by name")
t.done()
