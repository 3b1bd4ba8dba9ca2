#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who belongs, and what leaving means: each way out of scope has its own cause, and does what the job's policy says. Over the bus
with busctl, and in the journal with journalctl. The numbers are those of the reference's table of ways to leave."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from house import House as AnyHouse, Tap  # noqa: E402
from journald import Journald, enter  # noqa: E402

why_not = enter()
journald = None if why_not else Journald()
if journald and not journald.started:
    why_not = "systemd-journald does not start here"
t = Tap()


class House(AnyHouse):
    """One whose log is the journal. Where there can be none of our own the same entries are read from stderr."""

    def __init__(self):
        super().__init__()
        if not why_not:
            self.env["REPRIEVE_LOG_TARGET"] = "journal"
            last = journald.query("--lines=1")
            self.seen = [f"--after-cursor={last[0]['__CURSOR']}"] if last else []

    def entries(self, **fields):
        return super().entries(**fields) if why_not else journald.query(*self.seen, "REPRIEVE_JOB=staff", *(f"{k}={v}" for k, v in fields.items()))


def user(i, **more):
    return dict({"id": f"U{i:02}", "userName": f"user{i:02}", "displayName": f"User {i}", "department": "Sales", "active": True}, **more)


def group(i, members):
    return {"id": f"G{i}", "displayName": f"Group {i}", "members": [{"value": f"U{m:02}"} for m in members]}


def active(h):
    return {u["userName"]: u["active"] for u in h.target_users()}


def removals(h):
    """What the log says was removed or withheld: (action, staged action, kind, id, cause)."""
    return sorted((e["REPRIEVE_ACTION"], e.get("REPRIEVE_STAGED_ACTION", ""), e["REPRIEVE_KIND"], e["REPRIEVE_SOURCE_ID"], e["REPRIEVE_CAUSE"])
                  for e in h.entries() if e.get("REPRIEVE_CAUSE") and e.get("REPRIEVE_ACTION") in ("Disable", "Delete", "StagedDelete", "StagedAction"))


def scenario(name, before, after, expected, *, sections=None, later=None, counted=1, threshold=500):
    """A cycle with `before`, one with `after`; what the second removed, and how many it counted."""
    with House() as h:
        settings = {"Deletions": {"DeletionThreshold": threshold, "OnConfigurationChange": "judge"}}
        for section, keys in (sections or {}).items():
            settings.setdefault(section, {}).update(keys)
        h.write_job(sections=settings)
        h.write_source(*before)
        h.start_service()
        t.is_(h.run_cycle(), "success", f"{name}: everybody is provisioned first")
        if later:
            for section, keys in later.items():
                settings.setdefault(section, {}).update(keys)
            h.write_job(sections=settings)
            h.busctl("call", "org.reprieve1", "/org/reprieve1", "org.reprieve1.Manager", "Reload")
        h.write_source(*after)
        result = h.run_cycle()
        t.is_(removals(h), sorted(expected), f"{name}: cause and action")
        t.is_(h.get("LastCycleCounts")["counted"], counted, f"{name}: counted {counted}")
        staged = any(e[0].startswith("Staged") for e in expected)
        t.is_(result, "staged" if staged else "success", f"{name}: the cycle ends as {'staged' if staged else 'success'}")
        if staged:
            t.is_(sorted((s[0], s[1], s[4], s[5]) for s in h.call("ListStaged", "uu", "0", "100")[0]),
                  sorted((e[2], e[3], "Delete" if e[0] == "StagedDelete" else e[1], e[4]) for e in expected), f"{name}: ListStaged says the same")
        return active(h), h.target_groups()


everybody = [user(i) for i in range(6)]
teams = [group(0, [0, 1, 2]), group(1, [2, 3])]

# The reference product's four scenarios
now, _ = scenario("recycle bin", (everybody, teams), ([user(0, deleted=True)] + everybody[1:], teams), [("Disable", "", "user", "U00", "soft-deleted")])
t.is_(now["user00"], False, "recycle bin: the account is disabled")
now, _ = scenario("hard delete (10)", (everybody, teams), (everybody[1:], teams), [("Delete", "", "user", "U00", "deleted")])
t.ok("user00" not in now, "hard delete (10): the account is gone")
now, _ = scenario("block sign-in (8)", (everybody, teams), ([user(0, active=False)] + everybody[1:], teams), [("Disable", "", "user", "U00", "blocked")])
t.is_(now["user00"], False, "block sign-in (8): the account is disabled")
assigned = {"Scope": {"Assigned": '"Group 0" "Group 1" user:U04'}}
scenario("unassign a user (1)", (everybody, teams), (everybody, teams), [("Disable", "", "user", "U04", "unassigned")], sections=assigned,
         later={"Scope": {"Assigned": '"Group 0" "Group 1"'}})
scenario("unassign a group (2)", (everybody, teams), (everybody, teams),
         [("Disable", "", "user", "U00", "unassigned"), ("Disable", "", "user", "U01", "unassigned"), ("Delete", "", "group", "G0", "unassigned")],
         sections={"Scope": {"Assigned": '"Group 0" "Group 1"'}}, later={"Scope": {"Assigned": '"Group 1"'}}, counted=3)
now, groups = scenario("leave a group that gives access (3)", (everybody, teams), (everybody, [group(0, [1, 2]), teams[1]]),
                       [("Disable", "", "user", "U00", "unassigned")], sections={"Scope": {"Assigned": '"Group 0" "Group 1"'}})
t.is_(now, {"user00": False, "user01": True, "user02": True, "user03": True}, "leave a group that gives access (3): only the leaver is disabled")
scenario("leave one of two groups", (everybody, teams), (everybody, [group(0, [0, 1]), teams[1]]), [], sections={"Scope": {"Assigned": '"Group 0" "Group 1"'}}, counted=0)
scenario("an assigned group is lost (E7)", (everybody, teams), (everybody, teams[1:]),
         [("StagedAction", "Disable", "user", "U00", "unassigned"), ("StagedAction", "Disable", "user", "U01", "unassigned"),
          ("StagedDelete", "", "group", "G0", "deleted")],
         sections={"Scope": {"Assigned": '"Group 0" "Group 1"'}}, counted=3)

# Scope
sales = {"Scope": {"Users": 'department eq "Sales"'}}
scenario("fails the scope filter (4)", (everybody, teams), ([user(0, department="Legal")] + everybody[1:], teams),
         [("Disable", "", "user", "U00", "out-of-scope")], sections=sales)
scenario("the scope filter is edited (5)", (everybody[:5] + [user(5, department="Legal")], teams), (everybody[:5] + [user(5, department="Legal")], teams),
         [("Disable", "", "user", f"U0{i}", "out-of-scope") for i in range(5)], later={"Scope": {"Users": 'department eq "Legal"'}}, counted=5)
scenario("from all to assigned (6)", (everybody, teams), (everybody, teams),
         [("Disable", "", "user", "U04", "unassigned"), ("Disable", "", "user", "U05", "unassigned")], later={"Scope": {"Assigned": '"Group 0" "Group 1"'}}, counted=2)
scenario("a mapping is edited (7)", (everybody, teams), (everybody, teams), [], later={"Map User": {"userName": "userName", "displayName": "ToUpper(displayName)"}}, counted=0)

# The same, at the limit: withheld, and told apart as StagedDelete and StagedAction
scenario("at the limit", (everybody, teams), ([user(1, active=False), user(2, deleted=True)] + everybody[3:], [teams[0]]),
         [("StagedDelete", "", "user", "U00", "deleted"), ("StagedAction", "Disable", "user", "U01", "blocked"),
          ("StagedAction", "Disable", "user", "U02", "soft-deleted"), ("StagedDelete", "", "group", "G1", "deleted")], counted=4, threshold=4)

# Policy (R2)
scenario("policy: delete the blocked", (everybody, teams), ([user(0, active=False)] + everybody[1:], teams), [("Delete", "", "user", "U00", "blocked")],
         sections={"Deprovision": {"Blocked": "delete"}})
scenario("policy: keep what is out of scope", (everybody, teams), ([user(0, department="Legal")] + everybody[1:], teams), [],
         sections={**sales, "Deprovision": {"OutOfScope": "keep"}}, counted=0)
scenario("policy: disable the deleted", (everybody, teams), (everybody[1:], teams), [("Disable", "", "user", "U00", "deleted")],
         sections={"Deprovision": {"Deleted": "disable"}})
scenario("a target that cannot disable (11)", (everybody, teams), ([user(0, active=False)] + everybody[1:], teams), [("Delete", "", "user", "U00", "blocked")],
         sections={"Target": {"CanDisable": "no"}})
scenario("expressions for blocked and soft-deleted", ([dict(u, state="in") for u in everybody], teams),
         ([user(0, state="left"), user(1, state="locked")] + [dict(u, state="in") for u in everybody[2:]], teams),
         [("Disable", "", "user", "U00", "soft-deleted"), ("Disable", "", "user", "U01", "blocked")],
         sections={"Source": {"SoftDeleted": 'state = "left"', "Blocked": 'state = "locked"'}}, counted=2)

# Coming back (R4), and the second wave
with House() as h:
    h.write_job()
    h.write_source(everybody, teams)
    h.start_service()
    h.run_cycle()
    h.write_source([user(0, deleted=True)] + everybody[1:], teams)
    h.run_cycle()
    h.write_source([user(0, title="Back")] + everybody[1:], teams)
    h.run_cycle()
    t.is_(h.get("LastCycleCounts")["restored"], 1, "r4: who comes back after a disable is restored")
    t.is_([(u["active"], u.get("title")) for u in h.target_users() if u["userName"] == "user00"], [(True, "Back")], "r4: enabled and updated")
    h.write_source([user(0, deleted=True)] + everybody[1:], teams)
    h.run_cycle()
    t.is_(h.run_cycle(), "success", "r3: who is disabled already")
    t.is_(h.get("LastCycleCounts")["counted"], 0, "r3: is not counted again")
    h.write_source(everybody[1:], teams)
    h.run_cycle()
    t.is_((h.get("LastCycleCounts")["counted"], h.get("LastCycleCounts")["deleted"]), (1, 1), "r3: deleting later is a new removal")
    # (14) on demand
    h.write_source(everybody[2:], teams)
    steps = h.call("ProvisionOnDemand", "ss", "user", "U01")[0]
    t.is_([(s[0], s[1]) for s in steps], [("import", "skipped"), ("action", "success")], "on demand (14): one removal, below the limit")
    t.ok("user01" not in active(h), "on demand (14): and it is gone")
if why_not:
    t.skip("journalctl shows all this", why_not)
else:
    t.ok(len(journald.query("REPRIEVE_ACTION=StagedDelete")) >= 3 and len(journald.query("REPRIEVE_CAUSE=unassigned")) >= 5, "journalctl finds them by action and by cause")
t.done()
