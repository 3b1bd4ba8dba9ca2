#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Rules of docs/semantics.md on whole cycles: no proof, no removal (E)."""
import csv
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from rules import all_names, changes, check, group, run, same, trip, user, verdict  # noqa: E402


# ---- evidence ----

def e1_an_incomplete_reading_creates_and_updates_and_removes_nothing(h):
    h.start()
    path = os.path.join(h.source, "users.jsonl")
    whole = [user(0, title="Head")] + [user(i) for i in range(1, 6)] + [user(9)]
    for name, text in (("truncated", "".join(json.dumps(u) + "\n" for u in whole) + '{"id":"U7","userN'),
                       ("broken line", "".join(json.dumps(u) + "\n" for u in whole) + "{]\n")):
        with open(path, "w") as f:
            f.write(text)
        r = h.go(check=1)
        same(sorted(h.names()), all_names(0, 1, 2, 3, 4, 5, 6, 7, 9), f"{name}: nobody is removed, and the new one is there")
        same(h.staged(), [], f"{name}: nothing is staged")
        check("REPRIEVE_RESULT=incomplete" in r.log, f"{name}: the cycle says that it was incomplete")
    check("Head" in [u.get("title") for u in h.target_users()], "updates were carried out")
    os.unlink(path)
    h.go(check=1)
    same(h.job()["quarantine"], "IngestionInterrupted", "three incomplete readings in a row quarantine the job")
    h.users([user(i) for i in range(8)])
    h.go()
    same(h.job()["quarantine"], "", "a complete one heals it")


def e1_holds_for_every_cause(h):
    h.start()
    with open(os.path.join(h.source, "users.jsonl"), "w") as f:
        f.write("".join(json.dumps(user(i, active=i != 1, deleted=i == 2)) + "\n" for i in range(8)) + "{")
    h.go(check=1)
    same(h.names(active=True), all_names(*range(8)), "nobody is disabled")


def e1_a_reading_that_was_cut_off_heals_nothing(h):
    h.start()
    h.users([user(i, active=i > 3) for i in range(8)])
    h.go()
    same(len(h.staged()), 4, "four are staged")
    with open(os.path.join(h.source, "users.jsonl"), "a") as f:
        f.write("{")
    h.go(check=1)
    same(len(h.staged()), 4, "four still are")


def e2_an_invalid_record_is_seen_and_its_link_stays(h):
    h.start(range(4), [group(0, [0])])
    h.users([user(0), user(1, displayName="One"), user(2), user(3), user(1, displayName="Another")])
    h.groups([dict(group(0), members=5)])
    r = h.go()
    same(h.names(active=True), all_names(0, 1, 2, 3), "nobody is removed")
    same(h.members("Group 0"), ["user0"], "the group stays as it is")
    check([e for e in changes(r) or r.entries if e.get("REPRIEVE_ERROR_CODE") == "InvalidRecord"], "it is reported", r.log)
    same([u["displayName"] for u in h.target_users()], [f"User {i}" for i in range(4)], "neither of two records with one id is used")
    h.users([user(0), user(1), user(2), user(3)])
    h.groups([group(0, [0])])
    h.go()
    check(not changes(h.go()), "all is well again")


def e2_what_an_invalid_record_is_about_stays_under_review(h):
    trip(h)
    review = h.review()
    h.users([user(0), user(0, title="Head")] + [user(i) for i in range(4, 10)])
    r = h.go()
    same((len(h.staged()), h.review(), changes(r)), (4, review, []), "it has not healed")


def e2_a_second_record_of_one_that_has_not_changed_makes_both_invalid(h):
    h.start(range(4))
    h.users([user(i) for i in range(4)] + [user(1, title="Head", userName="other")])
    same((changes(h.go()), h.names()), ([], all_names(0, 1, 2, 3)), "neither is used")
    h.users([user(0), user(2), user(3), user(1, title="Head")])
    h.go()
    same([u.get("title") for u in h.target_users() if u["userName"] == "user1"], ["Head"], "the one that is left is")


def e2_a_second_record_of_somebody_who_was_never_linked_makes_both_invalid(h):
    blocked = [user(i, active=False) for i in range(4, 9)]
    h.start(range(4))
    h.users([user(i) for i in range(4)] + blocked)
    h.go()
    h.users([user(i) for i in range(4)] + blocked + [user(6)])
    h.go()
    same(h.names(), all_names(0, 1, 2, 3), "neither is used")
    h.users([user(i) for i in range(4)] + [user(6)])
    h.go()
    same(h.names(), all_names(0, 1, 2, 3, 6), "the one that is left is")


def e2_a_record_whose_id_cannot_be_read_makes_the_reading_incomplete(h):
    h.start(range(4))
    with open(os.path.join(h.source, "users.jsonl"), "w") as f:
        f.write(json.dumps(user(0)) + '\n{"userName":"user1"}\n')
    h.go(check=1)
    same(h.names(), all_names(0, 1, 2, 3), "it could be anybody's: nobody is removed")


def e3_an_empty_source_trips_whatever_the_limits_are(h):
    h.start(range(2), [group(0, [0])], Deletions={"DeletionThreshold": 1000})
    h.users([])
    r = h.go()
    same(verdict(r)["REPRIEVE_VERDICT"], "empty-source", "the verdict")
    same(h.job()["quarantine"], "EmptySource", "the reason of the quarantine")
    same(h.names(), all_names(0, 1), "nobody is removed")
    same(len(h.staged()), 2, "both are staged")


def e4_removals_after_a_changed_configuration_trip(h):
    h.start()
    h.configure(Scope={"Users": 'userName ne "user1"'})
    r = h.go()
    same(verdict(r)["REPRIEVE_VERDICT"], "configuration-changed", "one removal below the limit trips")
    same(h.job()["quarantine"], "ConfigurationChanged", "the reason")
    same(h.staged(), [("user", "U1", "Disable", "out-of-scope")], "it is staged with its cause")
    h.configure()
    h.go()
    same((h.staged(), h.job()["quarantine"]), ([], ""), "taken back, it heals")


def e4_a_cut_off_reading_does_not_use_up_the_first_cycle_of_a_configuration(h):
    trip(h)
    h.say("reject")
    h.configure(Deprovision={"Blocked": "keep"})
    h.users([user(i) for i in range(10)])
    with open(os.path.join(h.source, "users.jsonl"), "a") as f:
        f.write('{"id":')
    h.go(check=1)
    same(h.held(), [], "something was recorded in that cycle")
    h.users([user(i) for i in range(9)])
    same((verdict(h.go())["REPRIEVE_VERDICT"], len(h.names())), ("configuration-changed", 10), "the first whole reading is judged by it")


def e4_the_job_may_say_judge_and_limits_are_no_part_of_it(h):
    h.start()
    h.configure(Scope={"Users": 'userName ne "user1"'}, Deletions={"OnConfigurationChange": "judge"})
    same(verdict(h.go())["REPRIEVE_VERDICT"], "pass", "judged by the limits")
    same(h.names(active=False), ["user1"], "and carried out")
    h.configure(Scope={"Users": 'userName ne "user1"'}, Deletions={"DeletionThreshold": 4})
    h.users([user(i) for i in range(7)])
    same(verdict(h.go())["REPRIEVE_VERDICT"], "pass", "another limit is no other configuration")


def e4_a_preview_with_another_file_shows_its_effect(h):
    h.start()
    h.configure(Scope={"Users": 'userName ne "user1"'})
    other = os.path.join(h.dir, "other.conf")
    os.rename(h.job_file(), other)
    h.configure()
    plan = h.preview("staff", f"--with={other}")
    same([(p["action"], p["source_id"], p["cause"]) for p in plan[:-1]], [("Disable", "U1", "out-of-scope")], "the plan of that file")
    check(not changes(h.go()), "and the job is as it was")


def e5_only_linked_objects_are_removed_and_what_exists_is_adopted(h):
    with open(os.path.join(h.target, "users.jsonl"), "w") as f:
        f.write('{"id":"a","userName":"stranger"}\n{"id":"b","userName":"user1","phone":"1"}\n')
    h.start(range(2))
    users = {u["id"]: u for u in h.target_users()}
    same((users["b"]["displayName"], users["b"]["phone"]), ("User 1", "1"), "adopted, and what others gave it stays")
    same(len(users), 3, "nobody is there twice")
    h.users([user(0)])
    h.go()
    same(h.names(), ["stranger", "user0"], "the adopted one goes, the stranger stays")


def e5_an_object_of_another_source_object_is_not_touched(h):
    h.start(range(2))
    h.users([user(0), user(1), user(2, userName="user1", displayName="Thief")])
    r = h.go()
    same([(e["REPRIEVE_SOURCE_ID"], e["REPRIEVE_ERROR_CODE"]) for e in changes(r, REPRIEVE_STATUS="failure")],
         [("U2", "DuplicateTargetEntries")], "two source objects for one target object are an error of the second")
    h.users([user(0), user(1)])
    h.go()
    same([(u["userName"], u["displayName"]) for u in h.target_users()], [("user0", "User 0"), ("user1", "User 1")],
         "the end of the second removes nothing that is the first's")


def e6_a_small_source_in_which_all_ids_have_changed_trips(h):
    h.start(range(6), [group(0, [0])], Deletions={"DeletionThreshold": 500})
    again = [dict(user(i), id=f"new{i}") for i in range(6)]
    h.users(again)
    r = h.go()
    same((verdict(r)["REPRIEVE_VERDICT"], verdict(r)["REPRIEVE_COUNTED"]), ("everything", "6"), "the verdict")
    same((h.names(active=True), h.members("Group 0")), (all_names(*range(6)), ["user0"]), "nobody is removed")
    same(h.job()["quarantine"], "TooManyDeletes", "the reason of the quarantine")
    h.users([user(i) for i in range(6)])
    h.go()
    same((h.staged(), h.job()["quarantine"]), ([], ""), "with the old ids it heals")
    h.users(again)
    h.go()
    h.say("allow")
    h.go()
    h.go()
    same((h.names(), len(h.target_users())), (all_names(*range(6)), 6), "allowed, they are made anew")


def e6_whose_removal_waits_in_escrow_is_no_sign_of_life(h):
    h.start(range(8))
    h.users([user(i) for i in range(6, 8)])
    h.go()
    h.faults([{"action": "Delete", "result": "failed"}])
    h.say("allow")
    h.go()
    h.faults([])
    h.users([user(i) for i in range(20, 30)])
    r = h.go()
    same((verdict(r)["REPRIEVE_VERDICT"], len(changes(r, REPRIEVE_ACTION="StagedDelete"))), ("everything", 2), "the last two")


def e6_a_handful_may_leave_and_one_who_stays_is_enough(h):
    h.start(range(4), [group(i, []) for i in range(5)], Deletions={"DeletionThreshold": 500})
    h.users([user(9)])
    same(verdict(h.go())["REPRIEVE_VERDICT"], "pass", "four users are a handful")
    h.groups([group(4, [])])
    same(verdict(h.go())["REPRIEVE_VERDICT"], "pass", "one group of five stays")


def e6_holds_for_every_cause_and_without_limits(h):
    h.start(range(5), Deletions={"PreventAccidentalDeletions": "no"})
    h.users([user(i, active=False) for i in range(5)])
    r = h.go()
    same((verdict(r)["REPRIEVE_VERDICT"], len(h.staged())), ("everything", 5), "all blocked at once")


def e7_nobody_is_unassigned_because_a_group_was_renamed(h):
    h.start(range(6), [group(0, [0, 1]), group(1, [2, 3, 4])], Scope={"Assigned": '"Group 0" "Group 1"'}, Deletions={"DeletionThreshold": 500})
    same(h.names(), all_names(0, 1, 2, 3, 4), "members of two groups")
    h.groups([dict(group(0, [0, 1]), displayName="Renamed"), group(1, [2, 3])])
    plan = h.look()
    same((plan[-1]["verdict"], plan[-1]["missing_groups"]), ("assigned-group-missing", ["Group 0"]), "the preview names the group")
    r = h.go()
    same(verdict(r)["REPRIEVE_VERDICT"], "assigned-group-missing", "the verdict")
    same([e["REPRIEVE_ASSIGNED"] for e in r.entries if "REPRIEVE_ASSIGNED" in e], ["Group 0"], "the journal names it")
    check('"Group 0"' in h.job()["quarantine_message"], "and so does the quarantine", h.job()["quarantine_message"])
    same(h.names(active=True), all_names(0, 1, 2, 3, 4), "nobody is removed")
    h.groups([group(0, [0, 1]), group(1, [2, 3])])
    r = h.go()
    same([e for e in r.entries if "REPRIEVE_ASSIGNED" in e], [], "found again, it is named no more")
    same(h.staged(), [("user", "U4", "Disable", "unassigned")], "only who really left waits on (G6, Q3)")
    h.say("allow")
    h.go()
    same((h.names(active=False), h.job()["quarantine"]), (["user4"], ""), "and is disabled")
    h.groups([group(1, [2, 3])])
    h.go()
    same(len(h.staged()), 3, "lost for good: two users and the group itself wait")
    h.say("allow")
    h.go()
    same(h.names(active=True), all_names(2, 3), "and go when somebody has allowed it")


def e7_a_missing_group_that_takes_nobody_away_is_only_reported(h):
    h.start(range(4), [group(0, [0, 1])], Scope={"Assigned": '"Group 0" Typo'})
    r = h.go()
    same([e["REPRIEVE_ASSIGNED"] for e in r.entries if "REPRIEVE_ASSIGNED" in e], ["Typo"], "it is named")
    h.users([user(i) for i in range(1, 4)])
    same(verdict(h.go())["REPRIEVE_VERDICT"], "pass", "another cause is judged by the limits")


def g2_without_limits_an_empty_source_still_trips(h):
    h.start(range(3), Deletions={"PreventAccidentalDeletions": "no"})
    h.users([user(0)])
    same((verdict(h.go())["REPRIEVE_VERDICT"], h.names()), ("pass", ["user0"]), "there is no limit")
    h.users([])
    same((verdict(h.go())["REPRIEVE_VERDICT"], h.names()), ("empty-source", ["user0"]), "but proof is wanted (E3)")
    h.users([user(0)])
    h.configure(Scope={"Users": 'userName ne "user0"'}, Deletions={"PreventAccidentalDeletions": "no"})
    same((verdict(h.go())["REPRIEVE_VERDICT"], h.names(active=True)), ("configuration-changed", ["user0"]), "and consent (E4)")


# ---- sources ----

def a_csv_source(h):
    def write(rows, header=("id", "userName", "displayName", "active")):
        with open(os.path.join(h.source, "users.csv"), "w", newline="") as f:
            w = csv.writer(f)
            w.writerow(header)
            w.writerows(rows)

    h.write_job(groups=False, sections={"Source": {"Connector": "csv", "Users": os.path.join(h.source, "users.csv")},
                                        "Deletions": {"DeletionThreshold": 3}})
    rows = [[f"U{i}", f"user{i}", f"User, {i}", "true"] for i in range(8)]
    write(rows)
    h.go()
    same([u["displayName"] for u in h.target_users()][0], "User, 0", "a quoted field")
    rows[1][3] = "false"
    write(rows[:7])
    r = h.go()
    same(sorted((e["REPRIEVE_ACTION"], e["REPRIEVE_CAUSE"]) for e in changes(r)), [("Delete", "deleted"), ("Disable", "blocked")], "removals")
    write(rows[:2])
    h.go()
    same(len(h.staged()), 5, "a trip")
    write([])
    h.go()
    same(h.names(active=True), all_names(0, 2, 3, 4, 5, 6), "a header alone removes nothing")
    write(rows[:7], header=("ID", "userName", "displayName", "active"))
    r = h.go(check=None)
    same((r.returncode, h.names(active=True)), (1, all_names(0, 2, 3, 4, 5, 6)), "a differently cased header removes nothing")


def users_only(h):
    h.configure(groups=False)
    h.users([user(i) for i in range(4)])
    h.go()
    h.users([user(i) for i in range(1, 4)])
    h.go()
    same((h.names(), h.target_groups()), (all_names(1, 2, 3), []), "users alone")


def a_kind_that_is_no_longer_read_is_left_alone(h):
    h.start(range(4), [group(0, [1])])
    h.configure(groups=False)
    h.go()
    same(([g["displayName"] for g in h.target_groups()], h.staged()), (["Group 0"], []), "no reading of groups, no removal of groups")


def one_file_with_kinds(h):
    path = os.path.join(h.source, "all.jsonl")

    def write(records):
        with open(path, "w") as f:
            f.write("".join(json.dumps(r) + "\n" for r in records))

    h.write_job(groups=False, sections={"Source": {"Users": None, "File": path}, "Deletions": {"DeletionThreshold": 3}})
    everything = [group(0, [0, 1], kind="group")] + [user(i, kind="user") for i in range(4)]
    write(everything)
    h.go()
    same((h.names(), h.members("Group 0")), (all_names(0, 1, 2, 3), ["user0", "user1"]), "both kinds, groups first")
    write(everything[:-1])
    h.go()
    same(h.names(), all_names(0, 1, 2), "one is gone")
    write(everything[:1])
    h.go()
    same((h.names(), h.job()["quarantine"]), (all_names(0, 1, 2), "EmptySource"), "no user at all (E3)")


run(globals())
