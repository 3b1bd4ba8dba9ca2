#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Rules of docs/semantics.md on whole cycles: what waits, and who decides (Q)."""
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from house import BUILD, SANITIZED  # noqa: E402
from rules import DAY, SHIM, Job, all_names, changes, check, run, same, trip, user, verdict  # noqa: E402


# ---- quarantine and review ----

def q1_the_state_says_why_since_when_and_how_often(h):
    trip(h)
    h.go()
    s = h.job()
    same((s["quarantine"], s["quarantine_count"] >= 1, s["quarantine_since"] > 0), ("TooManyDeletes", True, True), "the state")


def q2_new_removals_join_and_the_set_gets_a_new_id(h):
    first = trip(h)
    h.users([user(i) for i in range(5, 10)])
    r = h.go()
    check(h.review() != first, "the set has grown, and its id is the same")
    same(len(h.staged()), 5, "one below the limit joins")
    same([e["REPRIEVE_SOURCE_ID"] for e in changes(r)], ["U4"], "and only that is logged")
    second = h.review()
    h.go()
    same(h.review(), second, "a set that has not grown keeps its id")


def q2_what_the_source_has_again_leaves_by_itself_and_the_last_lifts_the_quarantine(h):
    trip(h)
    h.users([user(i) for i in range(1, 10)])
    r = h.go()
    same(([s[1] for s in h.staged()], len(changes(r, REPRIEVE_ACTION="Skip"))), (["U0"], 3), "three heal")
    h.users([user(i) for i in range(10)])
    h.go()
    same((h.staged(), h.job()["quarantine"], h.review()), ([], "", None), "and with the last the quarantine lifts")


def q2_a_withheld_disabling_that_becomes_a_deletion_is_withheld_still(h):
    h.start(range(10), Deletions={"DeletionThreshold": 2})
    h.users([user(i, active=i > 1) for i in range(10)])
    h.go()
    h.users([user(1)] + [user(i) for i in range(2, 10)])
    h.go()
    same(h.staged(), [("user", "U0", "Delete", "deleted")], "it takes its place")
    same(len(h.names()), 10, "and is not carried out, though one is below the limit")


def while_running(h, field, decide):
    """A cycle, and a decision once it has logged an entry with this field."""
    p = subprocess.Popen([os.path.join(BUILD, "reprieve-cycle"), *h.dirs(), "staff"], stderr=subprocess.PIPE, env=h.env)
    lines = []
    while not lines or (lines[-1] and field not in lines[-1]):
        lines.append(p.stderr.readline().decode())
    same(decide()[0], 0, "the decision")
    lines.append(p.stderr.read().decode())
    p.wait()
    return "".join(lines)


def q4_what_was_allowed_while_the_source_was_read_is_carried_out(h):
    trip(h)
    h.users([user(i) for i in range(4, 10)] + [user(i, active=False) for i in range(1000, 40000)])
    log = while_running(h, "REPRIEVE_CYCLE", lambda: h.say("allow"))
    same((len(h.names()), h.staged("allowed"), h.job()["quarantine"]), (6, [], ""), "by the same cycle")
    check("REPRIEVE_HOW=allowed" in log, "and it says so", log[-900:])


def q4_what_was_allowed_after_the_plan_was_made_waits_for_the_next_cycle(h):
    trip(h)
    h.users([user(i) for i in range(4, 10)] + [user(i) for i in range(1000, 9000)])
    while_running(h, "REPRIEVE_VERDICT", lambda: h.say("allow"))
    same((len(h.names()), len(h.staged("allowed")), h.job()["quarantine"]), (8010, 4, "TooManyDeletes"), "nothing has healed")
    h.go()
    same((len(h.names()), h.staged("allowed"), h.job()["quarantine"]), (8006, [], ""), "the next cycle carries it out, and is healthy")


def q3_nothing_but_a_decision_carries_out_what_is_staged(h):
    trip(h)
    staged = h.staged()

    def still(what):
        h.go()
        same((h.staged(), len(h.names())), (staged, 10), what)

    h.say("restart")
    still("a restart")
    h.configure(Deletions={"DeletionThreshold": 500})
    still("a raised limit")
    h.configure(Deletions={"PreventAccidentalDeletions": "no"})
    still("a guard that is switched off")
    h.configure(Deletions={"DeletionThreshold": 500, "OnConfigurationChange": "judge"}, Match={"User": "userName id"})
    still("another configuration")
    h.hours = 24 * 60
    still("time")
    r = h.go(check=None, env={"LD_PRELOAD": SHIM, "REPRIEVE_CRASH_AT": "40"} if not SANITIZED else {})
    still(f"a crash ({r.returncode})")


def q3_the_removals_of_an_expired_approval_stay_withheld_under_a_raised_limit(h):
    trip(h)
    h.say("allow")
    h.hours = 25
    h.configure(Deletions={"DeletionThreshold": 500})
    h.go()
    same((len(h.staged()), len(h.names())), (4, 10), "withheld again")
    check(h.review(), "under a review")


def q4_an_allow_carries_out_exactly_what_was_looked_at(h):
    first = trip(h)
    h.users([user(i) for i in range(5, 10)])
    h.go()
    same(h.say("allow", review=first), (0, 4, 1, 0), "four allowed, one joined later")
    r = h.go()
    same(sorted(e["REPRIEVE_SOURCE_ID"] for e in changes(r, REPRIEVE_ACTION="Delete")), ["U0", "U1", "U2", "U3", "U4"],
         "the four, and the one that is judged like any new removal and is below the limit")
    same((h.job()["quarantine"], h.staged()), ("", []), "and the job is healthy when that cycle ends")


def q4_what_joined_later_is_judged_and_may_trip_again(h):
    first = trip(h)
    h.users([user(i) for i in range(8, 10)])
    h.go()
    same(h.say("allow", review=first), (0, 4, 4, 0), "four allowed, four joined later")
    h.go()
    same(h.names(), all_names(4, 5, 6, 7, 8, 9), "only the four go")
    same(([s[1] for s in h.staged()], h.job()["quarantine"]), (["U4", "U5", "U6", "U7"], "TooManyDeletes"), "the others trip again")


def q4_an_allow_is_for_the_cause_that_was_looked_at(h):
    trip(h, Deprovision={"OutOfScope": "delete"}, Scope={"Users": 'not (department eq "B")'})
    h.say("allow")
    h.users([user(i, department="B") for i in range(4)] + [user(i) for i in range(4, 10)])
    h.go()
    same(h.staged(), [("user", f"U{i}", "Delete", "out-of-scope") for i in range(4)], "another cause is another removal")
    same((len(h.names()), h.staged("allowed")), (10, []), "which nobody has allowed")


def q4_an_allow_is_for_the_action_that_was_looked_at(h):
    h.start(range(10), Deletions={"OnConfigurationChange": "judge"})
    h.users([user(i, active=i >= 4) for i in range(10)])
    h.go()
    h.say("allow", "user:U0", "user:U1", "user:U2")
    h.users([user(i, active=i >= 4) for i in range(10) if i not in (0, 1, 2)])
    h.go()
    same((len(h.names()), h.staged("allowed")), (10, []), "to disable was allowed, and nobody is deleted")
    same([s[2] for s in h.staged()], ["Delete", "Delete", "Delete", "Disable"], "that is under review")
    h.configure(Deprovision={"Blocked": "delete"}, Deletions={"OnConfigurationChange": "judge"})
    h.users([user(i, active=i >= 4) for i in range(10)])
    h.go()
    same([s[2:] for s in h.staged()], [("Delete", "blocked")] * 4, "another policy is another removal: the review shows what would be done")


def q4_an_allowed_disabling_is_used_up_by_the_cycle_that_carries_it_out(h):
    h.start(range(10))
    h.users([user(i, active=i >= 4) for i in range(10)])
    h.go()
    h.say("allow")
    r = h.go()
    same((h.names(active=True), h.staged(), h.staged("allowed")), (all_names(*range(4, 10)), [], []), "done")
    same({e["REPRIEVE_ACTION"] for e in changes(r)}, {"Disable"}, "and logged as that alone")
    same(changes(h.go()), [], "nothing is left to do")


def q4_an_approval_ends_with_the_removal_that_it_was_for(h):
    h.start(range(10), Deletions={"DeletionThreshold": 1})
    h.users([user(0, active=False)] + [user(i) for i in range(1, 10)])
    h.go()
    h.configure(Deletions={"DeletionThreshold": 3})
    h.faults([{"action": "Delete", "result": "failed"}])
    h.say("allow")
    h.users([user(i) for i in range(1, 10)])
    h.go()
    same((len(h.names()), h.staged("allowed")), (10, []), "its deletion, below the limit, was refused by the target")
    h.configure(Deletions={"DeletionThreshold": 1})
    h.users([user(0, active=False)] + [user(i) for i in range(1, 10)])
    h.go()
    same((len(h.names(active=True)), len(h.staged())), (10, 1), "to disable it now is not what was allowed then")


def q4_an_unknown_a_decided_and_anothers_review_are_refused(h):
    first = trip(h)
    same(h.say("allow", review="0123456789abcdef")[0], 2, "unknown")
    with Job() as other:
        trip(other)
        same(h.say("allow", review=other.review())[0], 2, "another job's")
    same(h.say("allow", review=first)[0], 0, "known")
    same(h.say("allow", review=first)[0], 2, "decided")
    h.go()
    same(h.say("reject", review=first)[0], 2, "carried out")


def q4_what_healed_is_no_longer_covered_by_an_allow(h):
    trip(h)
    h.say("allow")
    h.users([user(0)] + [user(i) for i in range(4, 10)])
    h.go()
    same(h.names(), all_names(0, 4, 5, 6, 7, 8, 9), "what came back stays")
    h.configure(Deletions={"DeletionThreshold": 1})
    h.users([user(i) for i in range(4, 10)])
    h.go()
    check("user0" in h.names(), "its later removal is another one")


def q5_an_allow_expires(h):
    trip(h)
    h.say("allow")
    h.hours = 25
    h.go()
    same((len(h.names()), len(h.staged()), len(h.staged("allowed"))), (10, 4, 0), "after a day it is none any more")
    h.say("allow")
    h.hours = 48
    h.go()
    same(len(h.names()), 6, "within a day it is used")


def q5_an_allow_is_void_when_the_configuration_changes(h):
    trip(h)
    h.say("allow")
    h.configure(Deprovision={"Blocked": "keep"})
    plan = h.look()
    check(not [p for p in plan if p.get("fate") == "apply"], "a preview knows it", plan)
    h.go()
    same((len(h.names()), len(h.staged())), (10, 4), "void")


def q5_each_approval_has_its_own_time(h):
    trip(h)
    h.say("allow", "user:U0")
    h.hours = 23
    h.say("allow", "user:U1")
    h.hours = 25
    fates = {p["source_id"]: p["fate"] for p in h.look()[:-1]}
    same(fates, {"U0": "staged", "U1": "apply", "U2": "staged", "U3": "staged"}, "the preview")
    before = h.review()
    h.go()
    same((h.names(), len(h.staged())), (all_names(0, 2, 3, 4, 5, 6, 7, 8, 9), 3), "the old one is void, and not the newer one with it")
    same((h.say("allow", "user:U0", review=before)[0], h.say("allow", "user:U0")[0]), (3, 0), "it waits under a new id")


def q5_an_approval_outlives_a_small_step_of_the_clock_and_no_large_one(h):
    trip(h)
    h.hours = 1
    h.say("allow", "user:U0")
    h.hours = 72
    h.say("allow", "user:U1")
    h.hours = 0
    h.go()
    same((h.names(), len(h.staged())), (all_names(1, 2, 3, 4, 5, 6, 7, 8, 9), 3), "the clock was set back")


def q5_an_allow_while_another_configuration_is_read_is_void(h):
    trip(h)
    h.configure(Deprovision={"Blocked": "keep"})
    h.users([user(i) for i in range(4, 10)] + [user(i, active=False) for i in range(1000, 40000)])
    while_running(h, "REPRIEVE_CYCLE", lambda: h.say("allow"))
    same((len(h.names()), len(h.staged()), h.staged("allowed")), (10, 4, []), "in that cycle")
    h.go()
    same((len(h.names()), len(h.staged())), (10, 4), "nor in the next")


def q5_what_of_an_allow_failed_stays_allowed_and_is_not_counted_again(h):
    trip(h, Deletions={"DeletionThreshold": 1})
    h.faults([{"action": "Delete", "result": "failed", "match": "user0"}])
    h.say("allow")
    h.go()
    same(h.names(), all_names(0, 4, 5, 6, 7, 8, 9), "one failed")
    h.faults([])
    h.hours = 1
    r = h.go()
    same((verdict(r)["REPRIEVE_COUNTED"], h.names()), ("0", all_names(4, 5, 6, 7, 8, 9)), "its retry is not counted")


def q5_the_approval_of_a_failed_removal_ends_with_that_removal(h):
    for how in ("the object came back", "the configuration changed"):
        with Job() as j:
            trip(j, Deletions={"DeletionThreshold": 1})
            j.faults([{"action": "Delete", "result": "failed", "match": "user0"}])
            j.say("allow")
            j.go()
            j.faults([])
            j.hours = 2
            if how == "the object came back":
                j.users([user(0)] + [user(i) for i in range(4, 10)])
                j.go()
                j.users([user(i) for i in range(4, 10)])
            else:
                j.configure(Deletions={"DeletionThreshold": 1}, Deprovision={"Blocked": "keep"})
            j.hours = 4
            j.go()
            check("user0" in j.names(), how + ": it was removed without a decision")
            same(j.staged(), [("user", "U0", "Delete", "deleted")], how + ": it is under review")


def failed_with_approval(h, **sections):
    trip(h, Deletions={"DeletionThreshold": 1}, **sections)
    h.faults([{"action": "Delete", "result": "failed", "match": "user0"}])
    h.say("allow")
    h.go()
    h.faults([])


def q5_the_approval_of_a_failed_removal_is_void_when_the_configuration_changes_while_it_waits(h):
    failed_with_approval(h)
    h.configure(Deletions={"DeletionThreshold": 1}, Deprovision={"Blocked": "keep"})
    h.go()
    same((h.staged(), "user0" in h.names()), ([], True), "its next attempt is still to come")
    h.hours = 1
    h.go()
    same((h.staged(), "user0" in h.names()), ([("user", "U0", "Delete", "deleted")], True), "when it comes, it is under review")


def q5_the_approval_of_a_failed_removal_is_none_for_another_cause(h):
    failed_with_approval(h, Deprovision={"OutOfScope": "delete"}, Scope={"Users": 'not (department eq "B")'})
    h.hours = 1
    h.users([user(0, department="B")] + [user(i) for i in range(4, 10)])
    h.go()
    same(h.staged(), [("user", "U0", "Delete", "out-of-scope")], "another cause")


def q5_what_the_target_refused_stays_allowed_for_longer_than_a_waiting_approval(h):
    failed_with_approval(h)
    same((h.staged(), h.staged("allowed")), ([], []), "it is in escrow, and under no review any more")
    h.hours = 30
    h.go()
    same((h.names(), h.staged()), (all_names(4, 5, 6, 7, 8, 9), []), "more than a day later it is carried out")


def q6_a_part_is_decided_and_the_rest_stays_under_review(h):
    first = trip(h)
    same(h.say("allow", "user:U0", "user:U5", review=first)[0], 3, "an object that the review does not name refuses all")
    same(h.say("allow", "user:U0", review=first)[:2], (0, 1), "one is allowed")
    same(h.say("reject", "user:U1", review=first)[:2], (0, 1), "one is rejected")
    h.go()
    same(h.names(), all_names(1, 2, 3, 4, 5, 6, 7, 8, 9), "one goes")
    same(([s[1] for s in h.staged()], h.held(), h.job()["quarantine"]), (["U2", "U3"], ["U1"], "TooManyDeletes"), "two stay under review")


def q7_a_hold_keeps_an_object_until_it_returns(h):
    trip(h)
    same(h.say("reject")[:2], (0, 4), "four are rejected")
    same(h.job()["quarantine"], "", "which lifts the quarantine")
    r = h.go()
    same((len(h.names()), h.staged(), changes(r), len(h.held())), (10, [], [], 4), "held is never staged, counted or logged again")
    h.users([user(i) for i in range(1, 10) if i != 2])
    h.go()
    same(h.held(), ["U0", "U2"], "two have returned")
    h.users([user(i) for i in range(4, 10)])
    h.go()
    same(h.names(), all_names(0, 2, 4, 5, 6, 7, 8, 9), "and their next removal is judged like any other")


def q7_a_hold_stays_while_the_source_has_the_object_and_a_reason_against_it(h):
    trip(h)
    h.say("reject")
    h.users([user(0, active=False)] + [user(i) for i in range(4, 10)])
    h.go()
    same((h.held(), h.names(active=False), h.staged()), (["U0", "U1", "U2", "U3"], [], []), "back, and blocked")
    h.users([user(0)] + [user(i) for i in range(4, 10)])
    h.go()
    same(h.held(), ["U1", "U2", "U3"], "back")


def q7_the_name_of_what_is_held_is_not_waited_for(h):
    trip(h)
    h.say("reject")
    h.users([user(i) for i in range(4, 10)] + [user(11, userName="user0")])
    r = h.go()
    same([e["REPRIEVE_ERROR_CODE"] for e in changes(r, REPRIEVE_STATUS="failure")], ["DuplicateTargetEntries"], "no removal will free it")


def q7_a_hold_ends_by_release(h):
    trip(h)
    h.say("reject")
    h.go()
    same(h.say("release", "user:U1")[0], 0, "released")
    h.go()
    same((h.held(), "user1" in h.names()), (["U0", "U2", "U3"], False), "it is judged like any other and goes")


def q8_a_restart_evaluates_afresh_and_what_is_still_missing_waits_again(h):
    first = trip(h)
    h.users([user(i) for i in range(1, 10) if i != 2])
    h.go()
    index = os.path.join(h.state, "jobs/staff/snapshot.index")
    before = os.stat(index).st_ino
    h.go()
    same(os.stat(index).st_ino, before, "a cycle without news leaves the index as it is")
    h.say("restart")
    h.go()
    check(os.stat(index).st_ino != before, "after a restart it is not used, and made anew")
    same([s[1] for s in h.staged()], ["U0", "U2"], "what was mended has left")
    same(h.say("allow", review=first)[0], 2, "the old id is void")


def q9_two_people_may_be_needed(h):
    first = trip(h)
    same(h.say("allow", review=first, uid=1, approvers=2), (0, 0, 0, 1), "one is not enough")
    same(h.say("allow", review=first, uid=1, approvers=2)[3], 1, "nor the same one twice")
    h.go()
    same(len(h.names()), 10, "nothing was carried out")
    same(h.say("allow", review=first, uid=2, approvers=2), (0, 4, 0, 0), "two are")
    same([r["uid"] for r in h.ledger("SELECT uid FROM decisions ORDER BY seq")][-1], 2, "the ledger says who")


def q10_failing_quarantines_back_off_and_disable_after_28_days(h):
    h.start(range(4))
    h.faults([{"action": "Open", "result": "unauthorized"}])
    gaps = []
    for _ in range(5):
        h.go(check=1)
        s = h.job()
        now = time.time() + h.hours * 3600
        gaps.append(round((s["next_attempt"] / 1e6 - now) / 3600))
        r = h.go(options=["--scheduled"])
        check("waiting" in r.log, "a timer's cycle keeps away until then", r.log)
        h.hours += gaps[-1]
    same(gaps, [6, 12, 24, 24, 24], "the gaps")
    check(not h.job()["disabled"], "not disabled yet")
    h.hours = 28 * DAY + 1
    h.go(check=1)
    check(h.job()["disabled"], "disabled after 28 days")
    h.faults([])
    r = h.go(check=1)
    check("disabled" in r.log, "a disabled job does not run", r.log)
    h.say("restart")
    h.go()
    same((h.job()["disabled"], h.job()["quarantine"]), (0, ""), "a restart enables it")


def q10_a_waiting_review_never_expires_the_job(h):
    trip(h)
    h.hours = 60 * DAY
    h.go()
    h.hours = 61 * DAY
    h.go()
    same((h.job()["disabled"], len(h.staged())), (0, 4), "sixty days later")


run(globals())
