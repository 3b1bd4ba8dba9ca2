#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Rules of docs/semantics.md on whole cycles: who belongs, and what becomes of a record."""
import datetime
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from rules import Job, all_names, changes, check, group, run, same, user  # noqa: E402


# ---- who is assigned ----

def assigned(h, words, groups, nested=False, users=range(6)):
    h.start(users, groups, Scope={"Assigned": words, "AssignedNested": "yes" if nested else None}, Deletions={"DeletionThreshold": 100})


def assigned_groups_and_their_direct_members(h):
    groups = [group(0, [0, 1, "G1"]), group(1, [1, 2]), group(2, [3])]
    assigned(h, '"Group 0"', groups)
    same((h.names(), [g["displayName"] for g in h.target_groups()]), (all_names(0, 1), ["Group 0"]), "the group and its direct members")
    h.groups([group(0, [1]), group(1, [1, 2]), group(2, [3])])
    r = h.go()
    same([(e["REPRIEVE_SOURCE_ID"], e["REPRIEVE_CAUSE"]) for e in changes(r, REPRIEVE_ACTION="Disable")], [("U0", "unassigned")],
         "who leaves the group is unassigned")
    h.groups([group(0, [0, 1]), group(1, [1, 2]), group(2, [3])])
    r = h.go()
    same([e["REPRIEVE_SOURCE_ID"] for e in changes(r, REPRIEVE_ACTION="Restore")], ["U0"], "who returns is restored")


def assigned_nested_groups_survive_a_circle(h):
    groups = [group(0, [0, "G1"]), group(1, [2, "G2"]), group(2, [3, "G0"]), group(3, [4])]
    assigned(h, '"Group 0"', groups, nested=True)
    same(h.names(), all_names(0, 2, 3), "all the way down, once")
    same(h.members("Group 1"), ["Group 2", "user2"], "nested groups are members")


def assigned_single_objects(h):
    assigned(h, '"Group 0" user:U5', [group(0, [0])])
    same(h.names(), all_names(0, 5), "a user by name")


def assigned_a_member_of_two_groups_stays_when_one_is_lost(h):
    assigned(h, '"Group 0" "Group 1"', [group(0, [0, 1]), group(1, [1, 2])])
    h.groups([group(1, [1, 2])])
    same(changes(h.go(), REPRIEVE_STATUS="success"), [], "that waits for somebody's leave (E7)")
    h.say("allow")
    r = h.go()
    same((h.names(active=True), h.names(active=False)), (all_names(1, 2), ["user0"]), "only who has no other group leaves")
    check(("Delete", "G0") in [(e["REPRIEVE_ACTION"], e["REPRIEVE_SOURCE_ID"]) for e in changes(r)], "the group itself goes", r.log)


def assigned_a_group_that_is_no_longer_named(h):
    assigned(h, '"Group 0" "Group 1"', [group(0, [0, 1]), group(1, [1, 2])])
    h.configure(Scope={"Assigned": '"Group 1"'}, Deletions={"DeletionThreshold": 100})
    h.go()
    same(h.staged(), [("group", "G0", "Delete", "unassigned"), ("user", "U0", "Disable", "unassigned")], "trips, as the configuration has changed")


def assigned_to_some_instead_of_all(h):
    h.start(range(6), [group(0, [0, 1])], Deletions={"DeletionThreshold": 100})
    h.configure(Scope={"Assigned": '"Group 0"'}, Deletions={"DeletionThreshold": 100})
    h.go()
    same([s[1:] for s in h.staged()], [(f"U{i}", "Disable", "unassigned") for i in range(2, 6)], "everybody else is unassigned")


# ---- a date that comes ----

def r1_a_record_that_did_not_change_leaves_when_its_day_has_come(h):
    tomorrow = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=20)).strftime("%Y-%m-%dT%H:%M:%SZ")
    for key, cause in ("Blocked", "blocked"), ("SoftDeleted", "soft-deleted"):
        with Job() as j:
            j.configure(groups=False, Source={key: 'DateDiff("s", [leaves], Now()) > 0'})
            j.users([user(0, leaves=tomorrow)] + [user(i, leaves="2999-01-01") for i in range(1, 4)])
            j.go()
            j.go()
            same(j.names(active=True), all_names(0, 1, 2, 3), f"{key}: not yet")
            j.hours = 24
            r = j.go()
            same([(e["REPRIEVE_SOURCE_ID"], e["REPRIEVE_CAUSE"]) for e in changes(r)], [("U0", cause)], f"{key}: the day has come")


# ---- on demand ----

def on_demand_one_object_now(h):
    h.start(range(4))
    h.users([user(0, title="Head"), user(1, title="Chief")] + [user(i) for i in range(2, 5)])
    r = h.go(options=["--on-demand=user:U0"])
    steps = [json.loads(line) for line in r.stdout.decode().splitlines()]
    same([s["step"] for s in steps], ["import", "scope", "match", "action"], "the steps")
    same([u.get("title") for u in h.target_users()], ["Head", None, None, None], "that one and no other")
    h.go(options=["--on-demand=user:U4"])
    same(h.names(), all_names(0, 1, 2, 3, 4), "a new one")
    r = h.go(options=["--on-demand=user:nobody"])
    check(b"no such object" in r.stdout, "one that is not there", r.stdout)
    check(b'"failure"' in r.stdout and b"neither the source nor the job knows" in r.stdout, "which is no success", r.stdout)


def on_demand_is_no_way_around_the_guard(h):
    h.start(range(8))
    h.users([user(i) for i in range(4, 8)])
    r = h.go(options=["--on-demand=user:U0"])
    check(b"withheld" in r.stdout, "withheld", r.stdout)
    same(len(h.names()), 8, "nobody is gone")
    h.users([user(0, active=False)] + [user(i) for i in range(1, 8)])
    h.go(options=["--on-demand=user:U0"])
    same(h.names(active=False), ["user0"], "below the limit it is done")


# ---- mapping ----

def a_mapping_through_whole_cycles(h):
    h.configure(Map_User={"userName": "mail", "displayName": 'Join(" ", givenName, sn)', "nickName": "nick", "title": "title",
                          "code": "code", "phone": "phone", "CreateOnly": "code", "WhenEmpty": "nickName", "FlowNull": "title",
                          "FlowNullSource": "title", "Default:phone": '"none"'})

    def person(**more):
        return dict({"id": "1", "mail": "a@x", "givenName": "Ann", "sn": "Bee", "title": "T", "code": "1", "nick": "N"}, **more)

    h.users([person()])
    h.groups([])
    h.go()

    def target():
        u = dict(h.target_users()[0])
        u.pop("id")
        u.pop("active", None)
        return u

    same(target(), {"userName": "a@x", "displayName": "Ann Bee", "nickName": "N", "title": "T", "code": "1", "phone": "none"}, "created")
    h.users([person(code="2", nick="M", title="S", phone="5")])
    h.go()
    same(target(), {"userName": "a@x", "displayName": "Ann Bee", "nickName": "N", "title": "S", "code": "1", "phone": "5"},
         "create-only and when-empty do not flow again")
    gone = person(phone=None)
    del gone["title"]
    h.users([gone])
    h.go()
    same(target(), {"userName": "a@x", "displayName": "Ann Bee", "nickName": "N", "code": "1", "phone": "5"},
         "null clears where both gates are open, and nowhere else")


run(globals())
