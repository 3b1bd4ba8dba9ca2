#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The rosters of Congress with a scope by chamber and state, and with an assignment by committee, day after day. Who should be
provisioned is computed by jq, which knows nothing of our filters."""
import json
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from house import House, Tap, TOP  # noqa: E402

DATA = os.environ.get("REPRIEVE_CONGRESS", os.path.join(TOP, "../shared/data/congress"))
DAYS = ["2014-12-20", "2015-02-01", "2015-12-01", "2016-12-20", "2017-02-01", "2018-06-01"]
if not os.path.isdir(DATA):
    Tap.skip_all(f"the rosters are not at {DATA}; set REPRIEVE_CONGRESS")
if not shutil.which("jq"):
    Tap.skip_all("jq is not installed")

t = Tap()


def jq(program, *files, slurp=False):
    r = subprocess.run(["jq", "-c", *(["-s"] if slurp else []), program, *files], capture_output=True, text=True, check=True)
    return [json.loads(line) for line in r.stdout.splitlines()]


def run(name, sections, wanted):
    """wanted(day) -> the ids that jq says belong."""
    with House() as h:
        settings = {"Deletions": {"DeletionThreshold": 100000}, "Deprovision": {"OutOfScope": "delete", "Unassigned": "delete"}}
        settings.update(sections)
        h.write_job(sections=settings)
        before = set()
        for day in DAYS:
            for kind in ("users", "groups"):
                shutil.copy(f"{DATA}/{day}.{kind}.jsonl", f"{h.source}/{kind}.jsonl")
            expected = wanted(day)
            r = h.cycle(check=0)
            end = [e for e in r.entries if e.get("REPRIEVE_RESULT")][-1]
            got = {("user", u["userName"].upper()) for u in h.target_users()} | {("group", g["displayName"]) for g in h.target_groups()}
            t.is_(got, expected, f"{name}, {day}: the target holds whom jq names ({len(expected)})")
            # Groups may be renamed, so that counts of who came and went are those of the users.
            users, old = {e for e in expected if e[0] == "user"}, {e for e in before if e[0] == "user"}
            created = sum(e.get("REPRIEVE_ACTION") == "Create" and e["REPRIEVE_KIND"] == "user" for e in r.entries)
            deleted = sum(e.get("REPRIEVE_ACTION") == "Delete" and e["REPRIEVE_KIND"] == "user" for e in r.entries)
            t.is_((created, deleted), (len(users - old), len(old - users)), f"{name}, {day}: as many came and went as jq says")
            t.is_(end["REPRIEVE_FAILED"], "0", f"{name}, {day}: nothing failed")
            before = expected
        idle = h.cycle(check=0)
        t.ok(not [e for e in idle.entries if e.get("REPRIEVE_ACTION")], f"{name}: then nothing is left to do")


def scope(day):
    users = jq('select(.department == "Senate" and (.state | startswith("N"))) | .id', f"{DATA}/{day}.users.jsonl")
    groups = jq('select(.displayName | startswith("Senate Committee on A")) | .displayName', f"{DATA}/{day}.groups.jsonl")
    return {("user", u) for u in users} | {("group", g) for g in groups}


COMMITTEES = ["House Committee on Agriculture", "Senate Committee on the Budget", "Joint Committee on the Library"]


def assignment(day):
    names = json.dumps(COMMITTEES)
    groups = jq(f'select([.displayName] | inside({names})) | .displayName', f"{DATA}/{day}.groups.jsonl")
    members = set(jq(f'select([.displayName] | inside({names})) | .members[].value', f"{DATA}/{day}.groups.jsonl"))
    users = set(jq(".id", f"{DATA}/{day}.users.jsonl"))
    return {("user", u) for u in members & users} | {("group", g) for g in groups}


run("scope by chamber and state", {"Scope": {"Users": 'department eq "Senate" and state sw "N"', "Groups": 'displayName sw "Senate Committee on A"'}}, scope)
run("assignment by committee", {"Scope": {"Assigned": " ".join(f'"{c}"' for c in COMMITTEES)}}, assignment)
t.done()
