#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The real rosters of the United States Congress, day after day, over a private bus with busctl alone. The counts of who came
and who went are taken from the files by a second way, here; the election of 2017 trips, is allowed, and exactly those go."""
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from house import House, Tap, TOP, read_jsonl  # noqa: E402

DATA = os.environ.get("REPRIEVE_CONGRESS", os.path.join(TOP, "../shared/data/congress"))
DAYS = ["2014-12-20", "2015-02-01", "2015-12-01", "2016-12-20", "2017-02-01", "2018-06-01"]
# From the roster's own README: users gone, users new, groups gone, groups new.
TABLE = {"2015-02-01": (4, 64, 0, 0), "2015-12-01": (3, 3, 15, 11), "2016-12-20": (4, 4, 0, 2),
         "2017-02-01": (58, 57, 101, 0), "2018-06-01": (16, 11, 0, 102)}

if not os.path.isdir(DATA):
    Tap.skip_all(f"the rosters are not at {DATA}; set REPRIEVE_CONGRESS")

t = Tap()


def roster(day):
    users = {u["id"]: u for u in read_jsonl(f"{DATA}/{day}.users.jsonl")}
    groups = {g["id"]: g for g in read_jsonl(f"{DATA}/{day}.groups.jsonl")}
    return users, groups


def put(h, day):
    for kind in ("users", "groups"):
        shutil.copy(f"{DATA}/{day}.{kind}.jsonl", f"{h.source}/{kind}.jsonl")


def names(h):
    return {u["userName"] for u in h.target_users()}, {g["displayName"] for g in h.target_groups()}


def expected_members(users, groups, name_of):
    return {g["displayName"]: sorted(name_of[m["value"]] for m in g.get("members", []) if m["value"] in users)
            for g in groups.values()}


def actual_members(h):
    by_id = {u["id"]: u["userName"] for u in h.target_users()}
    return {g["displayName"]: sorted(by_id[m["value"]] for m in g.get("members", [])) for g in h.target_groups()}


with House() as h:
    h.write_job(sections={"Deletions": {"DeletionThreshold": 50}})
    put(h, DAYS[0])
    h.start_service()

    users, groups = roster(DAYS[0])
    t.is_(h.run_cycle(), "success", f"{DAYS[0]}: the initial cycle")
    counts = h.get("LastCycleCounts")
    t.is_((counts["imported"], counts["created"]), (len(users) + len(groups), len(users) + len(groups)), f"{DAYS[0]}: everybody is created")

    for before, day in zip(DAYS, DAYS[1:]):
        old_users, old_groups = roster(before)
        users, groups = roster(day)
        gone_users, new_users, gone_groups, new_groups = TABLE[day]
        t.is_((len(old_users.keys() - users.keys()), len(users.keys() - old_users.keys()), len(old_groups.keys() - groups.keys()),
               len(groups.keys() - old_groups.keys())), TABLE[day], f"{day}: the roster says what its README says")
        before_ids = {o["id"] for o in h.target_users() + h.target_groups()}
        put(h, day)
        result = h.run_cycle()
        counts = h.get("LastCycleCounts")
        t.is_(counts["created"], new_users + new_groups, f"{day}: {new_users} users and {new_groups} groups are created")
        if day != "2017-02-01":
            t.is_(result, "success", f"{day}: passes")
            t.is_(counts["deleted"], gone_users + gone_groups, f"{day}: {gone_users} users and {gone_groups} groups are deleted")
        else:
            t.is_(result, "staged", f"{day}: the election trips")
            t.is_((counts["deleted"], counts["disabled"], counts["counted"]), (0, 0, 159), f"{day}: nothing is removed")
            summary = sorted(map(tuple, h.call("SummarizeStaged")[0]))
            t.is_(summary, [("deleted", "group", 101), ("deleted", "user", 58)], f"{day}: 58 users and 101 groups are staged")
            t.is_(h.get("QuarantineReason"), "TooManyDeletes", f"{day}: the job is quarantined")
            t.ok(before_ids <= {o["id"] for o in h.target_users() + h.target_groups()}, f"{day}: the target still has every one of them")
            staged = {(s[0], s[1]) for s in h.call("ListStaged", "uu", "0", "1000")[0]}
            wanted = {("user", u) for u in old_users.keys() - users.keys()} | {("group", g) for g in old_groups.keys() - groups.keys()}
            t.is_(staged, wanted, f"{day}: the staged set is exactly who is gone")
            logged = {(e["REPRIEVE_KIND"], e["REPRIEVE_SOURCE_ID"]) for e in h.entries(REPRIEVE_ACTION="StagedDelete")}
            t.is_(logged, wanted, f"{day}: each has its StagedDelete in the journal")
            t.is_(h.run_cycle(), "staged", f"{day}: another cycle changes nothing of it")
            t.is_(len(h.entries(REPRIEVE_ACTION="StagedDelete")), 159, f"{day}: and logs nothing again")
            review = h.get("Review")
            t.is_(h.call("AllowDeletes", "ss", review, "an election"), [159, 0], f"{day}: allowed by the id of the review")
            h.wait_idle()
            t.is_(h.get("Status"), "active", f"{day}: the job is healthy when the cycle ends")
            t.is_(h.get("LastCycleCounts")["deleted"], 159, f"{day}: exactly those go")
        t.is_(names(h), ({u["userName"] for u in users.values()}, {g["displayName"] for g in groups.values()}),
              f"{day}: the target holds whom the roster holds")
        t.is_(actual_members(h), expected_members(users, groups, {u: users[u]["userName"] for u in users}),
              f"{day}: and each committee has its members")
t.done()
