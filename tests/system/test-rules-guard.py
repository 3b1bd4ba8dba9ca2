#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Rules of docs/semantics.md on whole cycles: the limits, also of memberships (G)."""
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from rules import Job, all_names, changes, check, group, run, same, user, verdict  # noqa: E402


# ---- the guard ----

def g1_counted_are_new_removals_of_users_and_groups(h):
    h.start(range(8), [group(i, []) for i in range(3)])
    h.users([user(i) for i in range(2, 8)])
    h.groups([group(0, []), group(1, [])])
    r = h.go()
    same(verdict(r)["REPRIEVE_COUNTED"], "3", "two users and a group")
    h.users([user(i) for i in range(3, 8)])
    r = h.go()
    same(verdict(r)["REPRIEVE_COUNTED"], "1", "what is staged is judged once")
    h.say("reject")
    h.users([user(i) for i in range(4, 8)])
    r = h.go()
    same(verdict(r)["REPRIEVE_COUNTED"], "1", "what is held is not counted")


def g2_threshold(h):
    for trips, n, passes in (("reached", 2, True), ("reached", 3, False), ("reached", 4, False), ("exceeded", 3, True), ("exceeded", 4, False)):
        with Job() as j:
            j.start(range(8), Deletions={"DeletionThreshold": 3, "DeletionThresholdTrips": trips})
            j.users([user(i) for i in range(n, 8)])
            r = j.go()
            same(verdict(r)["REPRIEVE_VERDICT"], "pass" if passes else "threshold", f"{n} of 3, {trips}")
            same(len(j.names()), 8 - n if passes else 8, f"{n} of 3, {trips}: the target")
    h.start(range(4), Deletions={"DeletionThreshold": 0})
    h.users([user(i) for i in range(1, 4)])
    same(verdict(h.go())["REPRIEVE_VERDICT"], "threshold", "0 holds every removal")
    h.configure(Deletions={"DeletionThreshold": 0, "PreventAccidentalDeletions": "no"})
    h.users([user(i) for i in range(2, 4)])
    r = h.go()
    same(verdict(r)["REPRIEVE_VERDICT"], "pass", "switched off")


def g3_percent_is_exact_and_of_the_enabled_links(h):
    for population, n, percent, minimum, passes in ((10, 2, "20", 5, False), (10, 1, "20", 5, True), (11, 2, "20", 5, True),
                                                    (8, 1, "12.5", 5, False), (8, 1, "12.500001", 5, True), (4, 3, "20", 5, True)):
        with Job() as j:
            j.start(range(population), Deletions={"DeletionThreshold": 500, "DeletionThresholdPercent": percent, "MinimumPopulation": minimum})
            j.users([user(i) for i in range(n, population)])
            same(verdict(j.go())["REPRIEVE_VERDICT"], "pass" if passes else "percent", f"{n} of {population} at {percent} %")


def g3_the_percentage_is_of_those_who_are_enabled(h):
    limits = {"DeletionThreshold": 500, "DeletionThresholdPercent": "20", "MinimumPopulation": 5}
    h.start(range(10), Deletions=dict(limits, PreventAccidentalDeletions="no"))
    h.users([user(i, active=i >= 5) for i in range(10)])
    h.go()
    h.configure(Deletions=limits)
    h.users([user(i, active=i >= 5) for i in range(9)])
    v = verdict(h.go())
    same((v["REPRIEVE_VERDICT"], v["REPRIEVE_POPULATION"]), ("percent", "5"), "one of five, and five are disabled")


def g4_on_by_default_at_500(h):
    h.configure(Deletions={"DeletionThreshold": None})
    h.users([user(i) for i in range(3)])
    h.groups([])
    same(verdict(h.go())["REPRIEVE_LIMIT"], "500", "the default")


def g5_memberships_have_a_limit_and_a_staging_of_their_own(h):
    h.start(range(8), [group(0, range(6)), group(1, [0])], Deletions={"MembershipThreshold": 3})
    h.users([user(i) for i in range(7)])
    h.groups([group(0, [3, 4, 5, 6]), group(1, [0])])
    h.go()
    same(h.members("Group 0"), all_names(0, 1, 2, 3, 4, 5, 6), "the limit is reached: members are added and none is taken out")
    same([s[:3] for s in h.staged()], [("group", "G0", "Members")] * 3, "the three removals are staged")
    check("user7" not in h.names(), "a user below the limit is deleted in that cycle all the same", h.names())
    h.say("allow", "group:G0")
    h.go()
    same(h.members("Group 0"), all_names(3, 4, 5, 6), "allowed, they go")
    same((h.staged(), h.job()["quarantine"]), ([], ""), "the job is healthy")


def g5_a_rejected_membership_is_held_until_the_source_has_it_again(h):
    h.start(range(4), [group(0, [0, 1, 2])], Deletions={"MembershipThreshold": 1})
    h.groups([group(0, [1, 2])])
    h.go()
    h.say("reject")
    h.go()
    same((h.members("Group 0"), h.staged()), (all_names(0, 1, 2), []), "held")
    h.groups([group(0, [0, 1, 2])])
    h.go()
    same(h.held(), [], "the hold ends when the source has it again")
    h.groups([group(0, [1, 2])])
    h.go()
    same(len(h.staged()), 1, "and a later removal is judged anew")


def g5_a_membership_that_ends_with_its_object_shares_its_fate(h):
    h.start(range(8), [group(0, range(6))])
    h.users([user(i) for i in range(4, 8)])
    h.groups([group(0, [4, 5])])
    h.go()
    same(h.members("Group 0"), all_names(*range(6)), "withheld with its object")
    h.say("allow", "user:U0")
    h.users([user(i) for i in range(5, 8)])
    h.groups([group(0, [5])])
    h.go()
    same(h.members("Group 0"), all_names(1, 2, 3, 4, 5), "allowed with it, and another one joins the review with its object")
    h.say("reject")
    h.go()
    same(h.members("Group 0"), all_names(1, 2, 3, 4, 5), "who is kept stays a member")
    same(changes(h.go()), [], "and nothing is left to do")
    h.users([user(1)] + [user(i) for i in range(5, 8)])
    h.go()
    same(h.members("Group 0"), all_names(2, 3, 4, 5), "of who is back the group's record decides again")
    h.say("release", "user:U2", "user:U3")
    h.go()
    same((h.members("Group 0"), len(h.staged())), (all_names(4, 5), 0), "and a release ends both")


def g5_a_membership_that_joined_later_is_judged_when_the_others_are_allowed(h):
    h.start(range(8), [group(0, range(6))], Deletions={"MembershipThreshold": 1})
    h.groups([group(0, range(1, 6))])
    h.go()
    first = h.review()
    h.groups([group(0, range(3, 6))])
    h.go()
    same(h.say("allow", review=first), (0, 1, 2, 0), "one is allowed, two joined later")
    h.go()
    same((h.members("Group 0"), len(h.staged())), (all_names(1, 2, 3, 4, 5), 2), "the two trip again")


def g5_who_is_about_to_go_joins_no_group(h):
    h.start(range(8), [group(0, [5])])
    h.users([user(i) for i in range(4, 8)])
    h.groups([group(0, [0, 5, 6])])
    h.go()
    same(h.members("Group 0"), all_names(5, 6), "his deletion is withheld, and the group lists him")


def losses(r):
    return sorted((e["REPRIEVE_SOURCE_ID"], e["REPRIEVE_MEMBERS_LOST"], e["REPRIEVE_MEMBERS"], e["REPRIEVE_STATUS"]) for e in r.entries
                  if "REPRIEVE_MEMBERS_LOST" in e)


def g11_a_group_that_would_lose_every_member_keeps_them_until_somebody_decides(h):
    h.start(range(30), [group(0, range(20)), group(1, range(20, 30)), group(2, range(9))], Deletions={"OnGroupEmptied": "hold"})
    h.groups([group(0, []), group(1, [0]), group(2, [])])
    plan = h.look()
    same(sorted((p["source_id"], p["fate"], p.get("lost"), p.get("members")) for p in plan[:-1]),
         [("G0", "stage-members", 20, 20), ("G1", "stage-members", 10, 10), ("G2", "apply", None, None)], "the preview")
    same((plan[-1]["groups_losing"], plan[-1]["groups_emptied"]), (2, 2), "and its verdict")
    r = h.go()
    same(losses(r), [("G0", "20", "20", "skipped"), ("G1", "10", "10", "skipped")], "the journal names both")
    check('Group "Group 0" would lose all of its 20 members: withheld.' in r.log, "in words", r.log)
    same((len(h.members("Group 0")), len(h.members("Group 1")), h.members("Group 2")), (20, 11, []), "who is added is, a handful may go")
    same(len(changes(r, REPRIEVE_ACTION="StagedAction", REPRIEVE_STAGED_ACTION="RemoveMember")), 30, "each membership is staged")
    same(losses(h.go()), [], "and it is said once")
    h.groups([group(0, range(20)), group(1, [0]), group(2, [])])
    h.go()
    same(len(h.staged()), 10, "what the source has again heals")
    h.say("allow")
    h.go()
    same((h.members("Group 1"), h.job()["quarantine"]), (["user0"], ""), "and what was allowed is carried out")


def g11_a_group_that_loses_a_large_share_is_named_below_every_limit(h):
    h.start(range(40), [group(0, range(40)), group(1, range(40))])
    h.groups([group(0, range(7)), group(1, range(25))])
    r = h.go()
    same(losses(r), [("G0", "33", "40", "warning")], "33 of 40 are named, 15 are not")
    same([e["PRIORITY"] for e in r.entries if "REPRIEVE_MEMBERS_LOST" in e], ["5"], "as a notice")
    check('Group "Group 0" loses 33 of its 40 members.' in r.log, "in words", r.log)
    same((len(h.members("Group 0")), h.staged()), (7, []), "and carried out")


def g11_members_who_are_deleted_themselves_do_not_count(h):
    h.start(range(40), [group(0, range(20))], Deletions={"DeletionThreshold": 100})
    h.users([user(i) for i in range(15, 40)])
    h.groups([group(0, [])])
    r = h.go()
    same((losses(r), h.members("Group 0")), ([], []), "fifteen are deleted, and five are a handful")


def g11_is_left_to_the_limits_by_default(h):
    h.start(range(20), [group(0, range(20))])
    h.groups([group(0, [])])
    r = h.go()
    same((losses(r), h.members("Group 0")), ([("G0", "20", "20", "warning")], []), "named, and carried out")


def g6_on_a_trip_not_one_removal_is_carried_out(h):
    h.start(range(8), [group(0, [0, 1]), group(1, [6, 7])])
    h.users([user(2, active=False)] + [user(i) for i in range(3, 8)])
    h.groups([group(1, [6, 7])])
    r = h.go()
    same(verdict(r)["REPRIEVE_COUNTED"], "4", "four are counted")
    same((h.names(active=True), len(h.target_groups())), (all_names(*range(8)), 2), "none is carried out")
    same(len(changes(r, REPRIEVE_ACTION="StagedDelete")), 3, "StagedDelete")
    same(len(changes(r, REPRIEVE_ACTION="StagedAction")), 1, "StagedAction")
    same(h.job()["quarantine"], "TooManyDeletes", "the quarantine")
    same(h.members("Group 0"), ["user0", "user1"], "memberships of what is withheld stay")


def g7_creates_and_updates_of_the_same_cycle_are_carried_out(h):
    h.start()
    h.users([user(0, title="Head")] + [user(i) for i in range(1, 5)] + [user(9)])
    h.go()
    same(h.names(), all_names(0, 1, 2, 3, 4, 5, 6, 7, 9), "the new one is there, and nobody is gone")
    same([u.get("title") for u in h.target_users()][0], "Head", "the update was carried out")
    h.users([user(0, title="Chief")] + [user(i) for i in range(1, 5)] + [user(9)])
    h.go()
    same([u.get("title") for u in h.target_users()][0], "Chief", "and later cycles go on")


def g7_a_create_that_needs_the_name_of_a_staged_object_is_staged_with_it(h):
    h.start()
    h.users([user(i) for i in range(3, 8)] + [user(9, userName="user0")])
    r = h.go()
    same(h.staged(), [("user", "U0", "Delete", "deleted"), ("user", "U1", "Delete", "deleted"), ("user", "U2", "Delete", "deleted"),
                      ("user", "U9", "Create", "")], "staged with it")
    first = h.review()
    r = h.go()
    same((changes(r), h.review()), ([], first), "and once only")
    h.say("allow")
    h.go()
    h.go()
    same([u["displayName"] for u in h.target_users() if u["userName"] == "user0"], ["User 9"], "allowed, the name changes hands")
    same((h.staged(), h.staged("allowed"), h.job()["quarantine"]), ([], [], ""), "nothing is left over")


def g7_an_update_that_needs_the_name_of_a_staged_object_is_staged_once(h):
    h.start()
    h.users([user(i, **({"userName": "user0"} if i == 7 else {})) for i in range(3, 8)])
    h.go()
    first = h.review()
    check(("user", "U7", "Update", "") in h.staged(), "staged with it", h.staged())
    r = h.go()
    same((changes(r), h.review()), ([], first), "and once only: the set has not grown")
    h.say("reject")
    h.go()
    same(len(h.names()), 8, "rejected, nobody is removed")


def g7_two_who_swap_their_names_are_in_nobodys_way(h):
    h.start()
    h.users([user(i, **({"userName": f"user{1 - i}"} if i < 2 else {})) for i in range(8)])
    r = h.go()
    same(sorted(e["REPRIEVE_SOURCE_ID"] for e in changes(r) if e["REPRIEVE_ACTION"] == "Update" and e["REPRIEVE_STATUS"] == "success"),
         ["U0", "U1"], "both are renamed")
    same(changes(h.go()), [], "and stay so")
    # Neither of two who want the name of a third, who keeps it, nor who waits for one of them.
    h.users([user(0, userName="user2"), user(1, userName="user1")] + [user(i) for i in range(2, 8)])
    same({e["REPRIEVE_STATUS"] for e in changes(h.go())}, {"failure"}, "who keeps his name is in the way")
    same(len(set(h.names())), 8, "and no name is given twice")


def g7_stop_carries_out_nothing_until_it_is_decided(h):
    h.start(Deletions={"OnTrip": "stop"})
    h.users([user(0, title="Head")] + [user(i) for i in range(1, 5)] + [user(9), user(12, userName="user0")])
    same({e["REPRIEVE_ACTION"] for e in changes(h.go())}, {"StagedDelete"}, "nothing is tried, nor found impossible")
    h.users([user(0, title="Head")] + [user(i) for i in range(1, 5)] + [user(9)])
    h.go()
    same((h.names(), [u.get("title") for u in h.target_users()][0]), (all_names(*range(8)), None), "nothing at all")
    h.go()
    same(h.names(), all_names(*range(8)), "nor later")
    h.say("allow")
    h.go()
    h.go()
    same(h.names(), all_names(0, 1, 2, 3, 4, 9), "allowed, everything")


def g8_below_the_limit_removals_are_carried_out_in_the_same_cycle(h):
    h.start()
    h.users([user(i) for i in range(2, 8)])
    r = h.go()
    same([e["REPRIEVE_ACTION"] for e in changes(r)], ["Delete", "Delete"], "without asking")
    same(h.names(), all_names(*range(2, 8)), "the target")


def g9_each_cycle_logs_its_verdict_with_the_numbers(h):
    h.start()
    h.users([user(i) for i in range(1, 8)])
    v = verdict(h.go())
    same([v["REPRIEVE_" + k] for k in ("VERDICT", "COUNTED", "LIMIT", "COMPARATOR", "POPULATION", "HEADROOM")],
         ["pass", "1", "3", "reached", "8", "1"], "the numbers")


def g10_a_budget_counts_over_cycles_and_its_window_slides(h):
    h.start(range(12), Deletions={"DeletionThreshold": 3, "DeletionBudget": "3 per 1d"})
    h.users([user(i) for i in range(2, 12)])
    h.go()
    h.hours = 6
    h.users([user(i) for i in range(4, 12)])
    r = h.go()
    same(verdict(r)["REPRIEVE_VERDICT"], "budget", "two and two are more than three")
    same(len(h.names()), 10, "nothing of it is carried out")
    h.users([user(i) for i in range(2, 12)])
    h.go()
    h.hours = 25
    h.users([user(i) for i in range(4, 12)])
    same(verdict(h.go())["REPRIEVE_VERDICT"], "pass", "a day later it is within")


def g10_what_a_killed_cycle_had_removed_is_counted(h):
    h.start(range(12), Deletions={"DeletionThreshold": 3, "DeletionBudget": "3 per 1d"})
    h.users([user(i) for i in range(2, 12)])
    h.faults([{"action": "Delete", "result": "crash-after", "match": "user1"}])
    same(h.go(check=None).returncode, -signal.SIGKILL, "killed after two removals")
    h.faults([])
    same((verdict(h.go())["REPRIEVE_VERDICT"], len(h.names())), ("pass", 10), "recovered")
    h.users([user(i) for i in range(4, 12)])
    same((verdict(h.go())["REPRIEVE_VERDICT"], len(h.names())), ("budget", 10), "two and two are more than three")


# ---- memberships ----

def a_member_that_comes_later(h):
    h.start(range(2), [group(0, [0, 5])])
    same(h.members("Group 0"), ["user0"], "who is not there cannot be a member")
    h.users([user(0), user(1), user(5)])
    h.go()
    same(h.members("Group 0"), ["user0", "user5"], "and is one as soon as he is")


def a_deleted_user_whom_the_group_still_lists_and_who_returns(h):
    h.start(range(4), [group(0, [0, 1])])
    h.users([user(i) for i in range(1, 4)])
    h.go()
    same(h.members("Group 0"), ["user1"], "his membership goes with him")
    check(not changes(h.go()), "and the group is left alone")
    h.users([user(i) for i in range(4)])
    h.go()
    h.go()
    same(h.members("Group 0"), ["user0", "user1"], "when he returns he is a member again")


def a_member_whose_removal_from_the_group_fails_is_not_deleted(h):
    h.start(range(4), [group(0, [0, 1])])
    h.users([user(i) for i in range(1, 4)])
    h.faults([{"action": "Members", "result": "failed"}])
    h.go()
    check("user0" in h.names(), "deleted, and the group has a member that nobody knows")
    h.faults([])
    h.hours = 2
    h.go()
    same((h.names(), h.members("Group 0")), (all_names(1, 2, 3), ["user1"]), "later both go")


def a_deleted_member_leaves_a_group_whose_own_removals_are_withheld(h):
    h.start(range(5), [group(0, [0, 1, 2])], Deletions={"MembershipThreshold": 1})
    h.users([user(i) for i in range(1, 5)])
    h.groups([group(0, [2])])
    h.go()
    same((h.names(), h.members("Group 0")), (all_names(1, 2, 3, 4), ["user1", "user2"]), "his membership goes with him, the other's is withheld")


def a_group_without_members_is_left_alone_and_one_with_none_is_emptied(h):
    h.start(range(4), [group(0, [0, 1]), group(1, [0, 1])])
    h.groups([group(0), group(1, [])])
    h.go()
    same((h.members("Group 0"), h.members("Group 1")), (["user0", "user1"], []), "no attribute is no statement")


run(globals())
