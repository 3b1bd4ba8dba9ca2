#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Rules of docs/semantics.md on whole cycles: the cycle itself, removals, the log, and what the target refuses (C, R, L, X)."""
import fcntl
import json
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from house import QUICK, SANITIZED  # noqa: E402
from rules import DAY, Job, all_names, changes, check, group, run, same, trip, user, verdict  # noqa: E402


# ---- the cycle ----

def c1_one_cycle_at_a_time_and_the_lock_dies_with_its_holder(h):
    h.start()
    path = os.path.join(h.state, "jobs/staff/lock")
    locks = [f for f in os.listdir(os.path.dirname(path)) if "lock" in f]
    check(locks, "there is no lock")
    holder = subprocess.Popen([sys.executable, "-c", "import fcntl, sys, time; f = open(sys.argv[1], 'r+'); "
                               "fcntl.flock(f, fcntl.LOCK_EX); print('locked', flush=True); time.sleep(60)",
                               os.path.join(os.path.dirname(path), locks[0])], stdout=subprocess.PIPE)
    h.processes.append(holder)
    holder.stdout.readline()
    r = h.go(check=None)
    holder.kill()
    holder.wait()
    if r.returncode != 75:
        # Not flock(): then it is a lock of the whole file, by fcntl().
        f = open(os.path.join(os.path.dirname(path), locks[0]), "r+")
        fcntl.lockf(f, fcntl.LOCK_EX)
        r = h.go(check=None)
        f.close()
    same(r.returncode, 75, "a second cycle is refused")
    check(not changes(r), "a refused cycle did something", r.log)
    h.go()


def c3_the_first_cycle_is_judged_like_any_other(h):
    h.configure()
    h.users([user(i) for i in range(8)])
    h.groups([])
    r = h.go()
    same((verdict(r)["REPRIEVE_VERDICT"], verdict(r)["REPRIEVE_POPULATION"]), ("pass", "0"), "the verdict of the initial cycle")
    same(h.names(), all_names(*range(8)), "the initial cycle provisions")


def c4_who_is_deleted_leaves_a_group_whose_own_deletion_is_withheld(h):
    h.start(range(8), [group(0, range(4)), group(1, [7])], Deletions={"DeletionThreshold": 1})
    h.users([user(i) for i in range(1, 8)])
    h.go()
    h.say("allow")
    h.groups([group(1, [7])])
    h.go()
    same((h.names(), h.staged()), (all_names(1, 2, 3, 4, 5, 6, 7), [("group", "G0", "Delete", "deleted")]), "the user goes, the group waits")
    same(h.members("Group 0"), all_names(1, 2, 3), "without him")


def c4_users_before_groups_before_memberships_and_removals_last(h):
    h.start(range(4), [group(0, [0, 1]), group(1, [2])])
    h.users([user(0), user(1), user(3), user(4)])
    h.groups([group(0, [0, 4]), group(2, [4])])
    r = h.go()
    order = [(e["REPRIEVE_ACTION"] if "members" not in e.get("REPRIEVE_MODIFIED", "") else "Members", e["REPRIEVE_KIND"])
             for e in changes(r)]
    same(order, [("Create", "user"), ("Create", "group"), ("Members", "group"), ("Members", "group"), ("Delete", "group"),
                 ("Delete", "user")], "the order of changes")


def c5_what_a_killed_cycle_did_is_looked_up_and_not_repeated(h):
    h.start()
    h.users([user(i) for i in range(7)] + [user(9)])
    h.faults([{"action": "Delete", "result": "crash-after"}])
    same(h.go(check=None).returncode, -signal.SIGKILL, "the cycle is killed after its effect")
    h.faults([])
    r = h.go()
    same(sorted((e["REPRIEVE_ACTION"], e["REPRIEVE_SOURCE_ID"], e.get("REPRIEVE_RECOVERED")) for e in changes(r)),
         [("Create", "U9", "1"), ("Delete", "U7", "1")], "recovered is what had happened")
    check(not changes(h.go()), "and nothing is left to do")
    same(h.names(), all_names(0, 1, 2, 3, 4, 5, 6, 9), "the target")


def c5_what_a_killed_cycle_had_only_meant_to_do_is_done_by_the_next(h):
    h.start(range(8), [group(0, [1])])
    h.users([user(0, title="Head")] + [user(i) for i in range(1, 7)] + [user(9)])
    h.groups([group(0, [1, 2])])
    h.faults([{"action": "Update", "result": "crash-before"}])
    same(h.go(check=None).returncode, -signal.SIGKILL, "the cycle is killed before its effect")
    h.faults([])
    r = h.go()
    check(not [e for e in r.entries if "REPRIEVE_RECOVERED" in e and e["REPRIEVE_ACTION"] == "Update"], "nothing of it had happened", r.log)
    same((h.names(), h.members("Group 0")), (all_names(0, 1, 2, 3, 4, 5, 6, 9), all_names(1, 2)), "the next does it all")
    same([u.get("title") for u in h.target_users() if u["userName"] == "user0"], ["Head"], "the update too")


def rewrite_target(h, kind, change):
    """Somebody else works on the target's file: change(object) gives what stands there afterwards, or None."""
    objects = [change(o) for o in (h.target_users() if kind == "users" else h.target_groups())]
    with open(os.path.join(h.target, kind + ".jsonl"), "w") as f:
        f.write("".join(json.dumps(o) + "\n" for o in objects if o))


def c5_removals_that_a_killed_cycle_had_only_meant_to_do(h):
    h.start(range(8))
    h.users([user(0, active=False)] + [user(i) for i in range(1, 7)])
    h.faults([{"action": "Delete", "result": "crash-before"}])
    same(h.go(check=None).returncode, -signal.SIGKILL, "killed before the first")
    same((h.names(active=True), len(h.ledger("SELECT * FROM intents"))), (all_names(*range(8)), 2), "both were meant")
    h.faults([])
    r = h.go()
    same([e for e in r.entries if "REPRIEVE_RECOVERED" in e], [], "neither had happened")
    same((h.names(active=True), h.names(active=False)), (all_names(*range(1, 7)), all_names(0)), "the next cycle does both")


def c5_a_delete_of_what_the_target_no_longer_has_is_done(h):
    h.start(range(8))
    h.users([user(i) for i in range(1, 8)])
    h.faults([{"action": "Delete", "result": "not-found"}])
    r = h.go()
    same(([e["REPRIEVE_STATUS"] for e in changes(r)], h.ledger("SELECT * FROM escrow")), (["success"], []), "done")
    same(len(h.ledger("SELECT * FROM links")), 7, "and nothing of it is left")


def c5_memberships_that_a_killed_cycle_had_only_meant_to_change(h):
    h.start(range(8), [group(0, [1, 2])])
    h.groups([group(0, [2, 3])])
    h.faults([{"action": "Members", "result": "crash-before"}])
    same(h.go(check=None).returncode, -signal.SIGKILL, "the cycle is killed before its effect")
    h.faults([])
    r = h.go()
    same((h.members("Group 0"), [e for e in r.entries if "REPRIEVE_RECOVERED" in e]), (all_names(2, 3), []), "the next does it")


def c5_what_looks_like_a_killed_create_is_compared(h):
    for what in ("somebody else's", "another source object's"):
        with Job() as j:
            j.start(range(3))
            j.users([user(i) for i in range(3)] + [user(9)])
            j.faults([{"action": "Create", "result": "crash-before"}])
            same(j.go(check=None).returncode, -signal.SIGKILL, "the cycle is killed before its effect")
            j.faults([])
            if what == "somebody else's":
                with open(os.path.join(j.target, "users.jsonl"), "a") as f:
                    f.write('{"id":"T","userName":"user9","displayName":"Nobody","active":true}\n')
            else:
                rewrite_target(j, "users", lambda u: dict(u, userName="user9", displayName="User 9") if u["userName"] == "user0" else u)
            r = j.go()
            same([e["REPRIEVE_SOURCE_ID"] for e in r.entries if "REPRIEVE_RECOVERED" in e], [], what + " object is not what was made")
            if what == "somebody else's":
                same([u["displayName"] for u in j.target_users() if u["userName"] == "user9"], ["User 9"], "it is adopted like any other")
            else:
                same([row["source_id"] for row in j.ledger("SELECT source_id FROM links ORDER BY source_id")], ["U0", "U1", "U2"], "it keeps its link")


def c5_what_the_target_has_lost_is_matched_and_made_anew(h):
    h.start(range(3), [group(0, [0, 1])])
    lines = [json.dumps(u) for u in h.target_users() if u["userName"] != "user1"]
    with open(os.path.join(h.target, "users.jsonl"), "w") as f:
        f.write("".join(line + "\n" for line in lines))
    h.users([user(0), user(1, title="Head"), user(2)])
    h.go()
    h.go()
    h.go()
    same(h.names(), all_names(0, 1, 2), "a user that somebody deleted in the target is made again")
    check("user1" in h.members("Group 0"), "and is a member again", h.members("Group 0"))


def c6_a_cycle_in_which_nothing_changed_writes_nothing(h):
    h.start(range(8), [group(0, [1, 2])])
    files = {f: os.stat(os.path.join(h.target, f)) for f in ("users.jsonl", "groups.jsonl")}
    before = h.job(), h.ledger("SELECT * FROM links"), h.ledger("SELECT * FROM members")
    r = h.go()
    check(not changes(r), "an idle cycle changed something", r.log)
    for f, st in files.items():
        now = os.stat(os.path.join(h.target, f))
        same((now.st_ino, now.st_mtime_ns), (st.st_ino, st.st_mtime_ns), f"{f} is untouched")
    same((h.job(), h.ledger("SELECT * FROM links"), h.ledger("SELECT * FROM members")), before, "the ledger is untouched")


def c7_a_preview_says_what_the_cycle_does_and_does_nothing(h):
    h.start()
    h.users([user(i) for i in range(1, 8)] + [user(9)])
    before = h.target_users(), h.job()
    plan = h.look()
    same((h.target_users(), h.job()), before, "a preview changes nothing")
    same([(p["action"], p["source_id"], p["fate"]) for p in plan[:-1]], [("Create", "U9", "apply"), ("Delete", "U0", "apply")], "the plan")
    r = h.go()
    same({p["change"] for p in plan[:-1]}, {e["REPRIEVE_CHANGE"] for e in changes(r)}, "the ids of what is done")


# ---- removals ----

def r1_each_cause_is_told_apart(h):
    h.start(range(10), Deletions={"DeletionThreshold": 2}, Scope={"Users": 'not (title eq "x")'})
    h.users([user(1, deleted=True), user(2, active=False), user(3, title="x")] + [user(i) for i in range(4, 10)])
    r = h.go()
    same(sorted((e["REPRIEVE_SOURCE_ID"], e["REPRIEVE_ACTION"], e.get("REPRIEVE_STAGED_ACTION"), e["REPRIEVE_CAUSE"]) for e in changes(r)),
         [("U0", "StagedDelete", None, "deleted"), ("U1", "StagedAction", "Disable", "soft-deleted"),
          ("U2", "StagedAction", "Disable", "blocked"), ("U3", "StagedAction", "Disable", "out-of-scope")], "the journal's entries")
    same([s[3] for s in h.staged()], ["deleted", "soft-deleted", "blocked", "out-of-scope"], "the ledger's rows")


def r1_of_several_causes_the_heaviest_counts(h):
    h.start(range(8), Scope={"Users": 'not (department eq "B")'}, Deletions={"DeletionThreshold": 1})
    h.users([user(0, active=False, deleted=True, department="B"), user(1, active=False, department="B"), user(2, department="B")] +
            [user(i) for i in range(3, 8)])
    h.go()
    same([s[3] for s in h.staged()], ["soft-deleted", "blocked", "out-of-scope"], "the causes")


def r2_a_cause_does_what_the_policy_says(h):
    h.start(range(6), [group(0, []), group(1, [])], Scope={"Groups": 'not (title eq "x")'},
            Deprovision={"Deleted": "disable", "Blocked": "keep", "SoftDeleted": "delete"}, Deletions={"DeletionThreshold": 100})
    h.users([user(1, active=False), user(2, deleted=True)] + [user(i) for i in range(3, 6)])
    h.groups([group(0, [], title="x"), group(1, [])])
    h.go()
    same((h.names(active=True), h.names(active=False)), (all_names(1, 3, 4, 5), ["user0"]), "disable, keep and delete")
    same([g["displayName"] for g in h.target_groups()], ["Group 1"], "out of scope disables a user and deletes a group")


def r2_a_target_that_cannot_disable_deletes(h):
    h.start(range(4), Target={"CanDisable": "no"})
    h.users([user(0, active=False)] + [user(i) for i in range(1, 4)])
    r = h.go()
    same([(e["REPRIEVE_ACTION"], e["REPRIEVE_CAUSE"]) for e in changes(r)], [("Delete", "blocked")], "the removal")


def r3_what_is_disabled_is_not_disabled_again_and_its_deletion_is_another_removal(h):
    h.start(range(4))
    h.users([user(0, active=False)] + [user(i) for i in range(1, 4)])
    h.go()
    h.users([user(0, active=False, deleted=True)] + [user(i) for i in range(1, 4)])
    r = h.go()
    same((changes(r), verdict(r)["REPRIEVE_COUNTED"], verdict(r)["REPRIEVE_POPULATION"]), ([], "0", "3"), "soft-deleted afterwards")
    h.users([user(i) for i in range(1, 4)])
    r = h.go()
    same([(e["REPRIEVE_ACTION"], e["REPRIEVE_CAUSE"]) for e in changes(r)], [("Delete", "deleted")], "gone for good")


def r4_an_object_that_comes_back(h):
    h.start(range(4))
    h.users([user(0, active=False)] + [user(i) for i in range(1, 4)])
    h.go()
    h.users([user(0, title="Back")] + [user(i) for i in range(1, 4)])
    r = h.go()
    same([e["REPRIEVE_ACTION"] for e in changes(r)], ["Restore"], "after a disabling it is restored")
    same([(u["active"], u["title"]) for u in h.target_users() if u["userName"] == "user0"], [(True, "Back")], "enabled and updated")
    h.users([user(3)])
    h.go()
    h.users([user(i, **({"title": "Back"} if i == 0 else {})) for i in range(4)])
    r = h.go()
    same(sorted(e["REPRIEVE_ACTION"] for e in changes(r)), ["Skip"] * 3, "before its removal was carried out it is simply linked again")


# ---- log ----

def l1_beyond_the_limit_a_last_entry_says_how_many_more(h):
    h.configure(Job={"JournalLimit": 5})
    h.users([user(i) for i in range(12)])
    h.groups([])
    r = h.go()
    same(len(changes(r)), 5, "entries")
    same([e["REPRIEVE_LEFT_OUT"] for e in r.entries if "REPRIEVE_LEFT_OUT" in e], ["7"], "the last entry")


def l1_several_changes_of_one_group_have_ids_of_their_own(h):
    h.start(range(8), [group(0, range(5))], Deletions={"MembershipThreshold": 2})
    h.groups([group(0, [2, 3, 4])])
    h.go()
    h.say("allow")
    h.users([user(i) for i in range(1, 8) if i != 4] + [user(9)])
    h.groups([group(0, [2, 9])])
    h.faults([{"action": "Members", "result": "failed"}])
    for attempt in ("refused", "refused again", "carried out"):
        r = h.go()
        ids = [e["REPRIEVE_CHANGE"] for e in changes(r, REPRIEVE_SOURCE_ID="G0")]
        same(len(ids), len(set(ids)), attempt)
        check(len(ids) > 1 or h.hours, "several changes of the group", ids)
        h.hours += 1
        if h.hours == 2:
            h.faults([])
    same(h.members("Group 0"), all_names(2, 9), "the group")


def l2_neither_what_is_unchanged_nor_what_is_still_staged_is_logged(h):
    trip(h)
    same(changes(h.go()), [], "the second cycle of a review")


def l3_a_redacted_attribute_reaches_no_log(h):
    h.configure(Map_User={"userName": "userName", "displayName": "displayName", "pin": "Redact(pin)", "title": "title"})
    h.users([user(0, pin="4711", title="a")])
    h.groups([])
    first = h.go()
    h.users([user(0, pin="0815", title="b")])
    r = h.go()
    same([u["pin"] for u in h.target_users()], ["0815"], "it reaches the target")
    check("4711" not in first.log + r.log and "0815" not in r.log, "and no log", r.log)
    check('Redact' in r.log and '\\"title\\"' in r.log, "the change is told without its value", r.log)


# ---- escrow ----

def x1_a_refused_change_is_tried_again_with_growing_gaps(h):
    h.start(range(3))
    h.faults([{"action": "Update", "result": "failed", "match": "user1"}])
    h.users([user(0), user(1, title="Head"), user(2)])
    tries = []
    for quarter in range(0, 60):
        h.hours = quarter / 6
        r = h.go()
        if changes(r):
            tries.append(quarter)
    # In sixths of an hour: at once, then after gaps of 10, 20, 40 and 80 minutes …
    same(tries[:5], [0, 1, 3, 7, 15], "the gaps double")
    h.faults([])
    h.hours += 24
    same([e["REPRIEVE_STATUS"] for e in changes(h.go())], ["success"], "until it succeeds")
    same(h.ledger("SELECT * FROM escrow"), [], "and the escrow is empty")


def x1_a_refused_removal_waits_and_is_not_counted_meanwhile(h):
    h.start(range(8))
    h.users([user(i) for i in range(1, 8)])
    h.faults([{"action": "Delete", "result": "failed"}])
    same(len(changes(h.go())), 1, "refused")
    h.faults([])
    h.hours = 0.1
    r = h.go()
    same((verdict(r)["REPRIEVE_COUNTED"], changes(r)), ("0", []), "six minutes later it waits")
    h.hours = 0.2
    same(verdict(h.go())["REPRIEVE_COUNTED"], "1", "twelve minutes later it is tried again, and counted, as nobody has allowed it")
    same(h.names(), all_names(*range(1, 8)), "gone")


def x1_a_change_of_the_object_ends_the_wait(h):
    h.start(range(3))
    h.faults([{"action": "Update", "result": "failed", "match": "user1"}])
    h.users([user(0), user(1, title="Head"), user(2)])
    h.go()
    h.faults([])
    check(not changes(h.go()), "it waits")
    h.users([user(0), user(1, title="Chief"), user(2)])
    same(len(changes(h.go())), 1, "another change is tried at once")


def x1_after_28_days_it_is_given_up(h):
    h.start(range(3))
    h.faults([{"action": "Update", "result": "failed", "match": "user1"}])
    h.users([user(0), user(1, title="Head"), user(2)])
    for day in (0, 2, 27, 29, 31):
        h.hours = day * DAY
        r = h.go()
    same(changes(r), [], "no more tries")
    h.users([user(0), user(1, title="Chief"), user(2)])
    same(len(changes(h.go())), 1, "until its object changes")


def x2_the_reference_documents_examples(h):
    # users, of them refused, groups whose memberships are refused; entra-facts.md 5.2
    vectors = [(4100, 4000, 0, False), (5000, 4999, 0, False), (12400, 5000, 0, True), (12600, 5000, 0, False)]
    if not QUICK and not SANITIZED:
        vectors += [(35000, 30000, 0, True), (101000, 40001, 0, True), (101000, 40000, 0, False), (100000, 20000, 0, False),
                    (100000, 40000, 21000, True)]
    for users, refused, groups, quarantined in vectors:
        with Job() as j:
            j.configure(groups=groups > 0)
            j.users([{"id": str(i), "userName": f"n{i}"} for i in range(users)])
            j.groups([{"id": f"g{i}", "displayName": f"g{i}", "members": [{"value": str(users - 1)}]} for i in range(groups)])
            j.faults([{"action": "Create", "result": "failed", "times": refused}, {"action": "Members", "result": "failed"}])
            j.go()
            same(j.job()["quarantine"] == "EncounteredEscrowThreshold", quarantined, f"{refused} of {users} and {groups} references")


def x2_when_every_change_of_ten_fails(h):
    for n, quarantined in ((9, False), (10, True)):
        with Job() as j:
            j.configure()
            j.users([user(i) for i in range(n)])
            j.groups([])
            j.faults([{"action": "Create", "result": "failed"}])
            j.go()
            same(j.job()["quarantine"] == "EncounteredEscrowThreshold", quarantined, f"{n} of {n}")


def x3_refused_credentials_quarantine_at_once_and_throttling_does_not(h):
    h.start(range(3))
    h.users([user(i) for i in range(4)])
    h.faults([{"action": "Create", "result": "throttle"}])
    h.go(check=1)
    same(h.job()["quarantine"], "", "throttled")
    h.faults([{"action": "Create", "result": "unauthorized"}])
    h.go(check=1)
    same(h.job()["quarantine"], "InvalidCredentials", "refused")
    h.faults([])
    h.go()
    same((h.job()["quarantine"], h.names()), ("", all_names(0, 1, 2, 3)), "one success lifts it")


run(globals())
