#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""References besides members (F1 to F5): a user's manager and a group's owners, from the source's ids to the target's. Over the bus
with busctl, and in the log."""
import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from house import House, Tap, write_jsonl  # noqa: E402

t = Tap()
PLAIN = {"References": {"User": "manager", "Group": "owners"}}
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


def user(i, manager=None, **more):
    o = dict({"id": f"U{i:02}", "userName": f"user{i:02}", "displayName": f"User {i}", "active": True}, **more)
    if manager is not None:
        o["manager"] = manager if isinstance(manager, (dict, list)) else f"U{manager:02}" if isinstance(manager, int) else manager
    return o


def group(i, owners=None, **more):
    o = dict({"id": f"G{i}", "displayName": f"Group {i}", "members": []}, **more)
    if owners is not None:
        o["owners"] = owners
    return o


def name_of(h, value):
    """Whom an id of the target means; what is none says so."""
    names = {o["id"]: o.get("userName") or o["displayName"] for o in h.target_users() + h.target_groups()}
    if isinstance(value, list):
        return [name_of(h, v) for v in value]
    if isinstance(value, dict):
        return dict(value, value=name_of(h, value["value"]))
    return None if value is None else names.get(value, "dangling " + value)


def managers(h):
    return {u["userName"][4:]: name_of(h, u.get("manager")) for u in h.target_users()}


def unresolved(h):
    return [(e["REPRIEVE_SOURCE_ID"], e["REPRIEVE_ATTRIBUTE"], e["REPRIEVE_REFERENCE"]) for e in h.entries(REPRIEVE_ERROR_CODE="UnresolvedReference")]


def clear_log(h):
    open(h.log_path, "w").close()


def counts(h, *names):
    c = h.get("LastCycleCounts")
    return tuple(c.get(n, 0) for n in names)


def raw_ids(h):
    """Ids of the source that have reached the target in any value."""
    text = json.dumps([{k: v for k, v in o.items() if k not in ("userName", "displayName")} for o in h.target_users() + h.target_groups()])
    return re.findall(r'"(?:U\d\d|G\d)"', text)


def calm(h, name):
    """C6: nothing is left to do."""
    before = [(o["id"], json.dumps(o)) for o in h.target_users() + h.target_groups()]
    h.run_cycle()
    t.is_((counts(h, "created", "updated", "failed"), [(o["id"], json.dumps(o)) for o in h.target_users() + h.target_groups()] == before),
          ((0, 0, 0), True), f"{name}: another cycle changes nothing")


# The life of references, over the bus
with House() as h:
    h.write_job(sections=dict(PLAIN, Deletions={"OnConfigurationChange": "judge"}))
    # A chain against the order of the file, two who manage each other, one who manages himself, one whose manager is nowhere
    h.write_source([user(0, 1), user(1, 2), user(2), user(3, 4), user(4, 3), user(5, 5), user(6, 99)], [group(0, ["U00", {"value": "G0"}, "U99"])])
    h.start_service()
    t.is_(h.run_cycle(), "success", "f2: a first cycle")
    t.is_(managers(h), {"00": "user01", "01": "user02", "02": None, "03": "user04", "04": "user03", "05": "user05", "06": None},
          "f2: chains, cycles and self references are whole after one cycle")
    t.is_([name_of(h, g["owners"]) for g in h.target_groups()], [["user00", {"value": "Group 0"}]], "f1: a list of ids and of objects with a value; users and groups")
    t.is_(raw_ids(h), [], "f1: no id of the source reaches the target")
    t.is_(counts(h, "created", "updated", "unresolved", "failed"), (8, 6, 2, 0), "f3: what is created together is completed; two references are unresolved")
    t.is_(sorted(unresolved(h)), [("G0", "owners", "U99"), ("U06", "manager", "U99")], "f3: each has an entry of its own kind")
    e = h.entries(REPRIEVE_ERROR_CODE="UnresolvedReference", REPRIEVE_SOURCE_ID="U06")[0]
    t.is_((e["REPRIEVE_ACTION"], e["REPRIEVE_STATUS"], e["REPRIEVE_KIND"], e["PRIORITY"], bool(e.get("MESSAGE_ID"))), ("Skip", "warning", "user", "4", True), "f3: its fields")
    t.like(h.ctl("status", "staff").stdout + h.ctl("history", "staff", check=False).stdout + h.ctl("info", "staff", check=False).stdout, "unresolved", "f3: reprievectl shows it")
    clear_log(h)
    calm(h, "f3")
    t.is_((counts(h, "unresolved"), unresolved(h)), ((2,), []), "f3: what stays unresolved is looked for and counted again, and logged once")

    # The one who was missing arrives; those who name him have not changed
    h.write_source([user(0, 1), user(1, 2), user(2), user(3, 4), user(4, 3), user(5, 5), user(6, 99), user(99, 6)])
    h.run_cycle()
    t.is_((managers(h)["06"], managers(h)["99"]), ("user99", "user06"), "f3: it resolves in the cycle in which he is created")
    t.is_(name_of(h, h.target_groups()[0]["owners"]), ["user00", {"value": "Group 0"}, "user99"], "f3: in a list too")
    t.is_(counts(h, "created", "updated", "unresolved"), (1, 2, 0), "f3: and nothing is unresolved any more")
    calm(h, "f3")

    # A new manager who is created in the same cycle: one update, after the creation
    clear_log(h)
    h.write_source([user(0, 1), user(1, 50, title="Head"), user(2), user(3, 4), user(4, 3), user(5, 5), user(6, 99), user(99, 6), user(50)])
    h.run_cycle()
    t.is_((managers(h)["01"], counts(h, "created", "updated")), ("user50", (1, 1)), "f2: an update waits for whom it names, and is one change")
    e = h.entries(REPRIEVE_ACTION="Update", REPRIEVE_SOURCE_ID="U01")[0]
    ids = {u["userName"]: u["id"] for u in h.target_users()}
    t.is_(json.loads(e["REPRIEVE_MODIFIED"])["manager"], {"old": ids["user02"], "new": ids["user50"]}, "f2: the journal says from whom to whom")

    # He goes. Those who named him are looked at in the next cycle, and only they
    clear_log(h)
    h.write_source([user(0, 1), user(1, 50, title="Head"), user(2), user(3, 4), user(4, 3), user(5, 5), user(6, 99), user(99, 6)])
    t.is_(h.run_cycle(), "success", "f4: somebody whom another names is deleted")
    h.run_cycle()
    t.is_((managers(h)["01"], counts(h, "updated", "unresolved")), (None, (1, 1)), "f4: the next cycle clears the reference; that is an update")
    t.is_(unresolved(h), [("U01", "manager", "U50")], "f4: and says so")
    t.is_(h.get("StagedDeletes"), 0, "f4: it is no removal")
    calm(h, "f4")
    # ... and comes back as another object
    h.write_source([user(0, 1), user(1, 50, title="Head"), user(2), user(3, 4), user(4, 3), user(5, 5), user(6, 99), user(99, 6), user(50)])
    h.run_cycle()
    t.is_((managers(h)["01"], counts(h, "unresolved")), ("user50", (0,)), "f4: who comes back is named again, by his new id")
    t.ok({u["userName"]: u["id"] for u in h.target_users()}["user50"] != ids["user50"], "f4: it is a new one")

    # Somebody takes an object out of the target: it is made anew, and the reference follows
    rest = [u for u in h.target_users() if u["userName"] != "user02"]
    write_jsonl(os.path.join(h.target, "users.jsonl"), rest)
    h.write_source([user(0, 2), user(1, 50, title="Head"), user(2, title="Touched"), user(3, 4), user(4, 3), user(5, 5), user(6, 2), user(99, 6), user(50)])
    h.run_cycle()
    h.run_cycle()
    h.run_cycle()
    t.is_((managers(h)["00"], managers(h)["06"], counts(h, "unresolved")), ("user02", "user02", (0,)), "f4: the reference follows who was made anew")
    calm(h, "f4")

    # A reference is taken back
    h.write_source([user(0), user(1, 50, title="Head"), user(2, title="Touched"), user(3, 4), user(4, 3), user(5, []), user(6, ""), user(99, 6), user(50)])
    h.run_cycle()
    t.is_((managers(h)["00"], managers(h)["05"], managers(h)["06"], counts(h, "updated", "unresolved")), (None, None, None, (3, 0)),
          "f1: without a manager in the source there is none in the target")
    t.is_(h.ledger("SELECT count(*) AS n FROM object_references WHERE holder IN (SELECT id FROM links WHERE source_id IN ('U00', 'U05', 'U06'))")[0]["n"], 0,
          "f4: and the ledger forgets it")

    # On demand and preview
    everybody = [user(0), user(1, 50, title="Head"), user(2, title="Touched"), user(3, 4), user(4, 3), user(5), user(6), user(99, 6), user(50)]
    h.write_source(everybody + [user(70, 71), user(71, 70), user(72, 98)])
    plan = h.preview()
    late = [c for c in plan if c.get("completes")]
    t.is_(([(c["action"], c["source_id"]) for c in late], plan[-1]["unresolved"]), ([("Update", "U70"), ("Update", "U71")], 1),
          "f5: a preview shows what is completed later, and what is unresolved")
    t.is_([c.get("unresolved") for c in plan if c.get("source_id") == "U72"], [1], "f5: and of whom")
    t.like(h.ctl("preview", "staff").stdout, r"1 reference names nobody", "f5: reprievectl preview says it in words")
    steps = h.call("ProvisionOnDemand", "ss", "user", "U70")[0]
    t.is_([(s[0], s[1]) for s in steps if s[0] == "reference"], [("reference", "warning")], "f5: on demand, a manager who is not there yet is reported in the steps")
    t.like(" ".join(s[2] for s in steps if s[0] == "reference"), "manager.*U71", "f5: by name")
    t.is_((managers(h)["70"], raw_ids(h)), (None, []), "f5: the object itself is made")
    steps = h.call("ProvisionOnDemand", "ss", "user", "U71")[0]
    t.is_([(s[0], s[1]) for s in steps if s[0] == "reference"], [("reference", "success")], "f5: one who is there is named")
    t.is_(managers(h)["71"], "user70", "f5: and written")
    h.run_cycle()
    t.is_((managers(h)["70"], managers(h)["71"]), ("user71", "user70"), "f5: the next cycle completes the rest")

# Scope and decisions: who is named by whom that is not in scope, disabled, or about to be deleted
with House() as h:
    h.write_job(sections=dict(PLAIN, Scope={"Users": 'department eq "Sales"'}, Deletions={"DeletionThreshold": 2, "OnConfigurationChange": "judge"}))
    people = [user(i, (i + 1) % 4, department="Sales") for i in range(4)]
    h.write_source(people + [user(8, 0, department="Legal"), user(9, 8, department="Sales")], [])
    h.start_service()
    h.run_cycle()
    t.is_((managers(h)["09"], counts(h, "unresolved")), (None, (1,)), "f3: whoever is out of scope cannot be named")
    h.write_source(people[:3] + [user(3, 0, department="Legal"), user(8, 0, department="Legal"), user(9, 8, department="Sales")])
    h.run_cycle()
    h.run_cycle()
    t.is_((managers(h)["02"], {u["userName"]: u["active"] for u in h.target_users()}["user03"]), ("user03", False), "f3: who is disabled is still in the target, and still named")
    # Three disappear: withheld, so they are there, and stay named; but nobody new names them
    h.write_source([user(0, 1, department="Sales"), user(9, 1, department="Sales")])
    t.is_(h.run_cycle(), "staged", "f3: a trip")
    t.is_((managers(h)["00"], managers(h)["09"]), ("user01", None), "f3: whoever is withheld keeps the references that he had, and gets no new ones")
    calm(h, "f3")
    h.call("RejectDeletes", "ss", h.get("Review"), "they stay")
    h.wait_idle()
    h.run_cycle()
    t.is_(managers(h)["09"], "user01", "f3: whoever is held can be named")
    h.write_source([user(0, 1, department="Sales"), user(9, 1, department="Sales"), user(1, department="Sales")])
    h.run_cycle()
    h.write_source([user(0, 1, department="Sales"), user(9, 1, department="Sales")])
    h.run_cycle()
    h.run_cycle()
    t.is_((managers(h)["00"], managers(h)["09"], counts(h, "unresolved")), (None, None, (2,)), "f4: when he is deleted after all, nobody names him any more")

# E1: an incomplete reading takes nothing away
with House() as h:
    h.write_job(sections=PLAIN)
    h.write_source([user(0, 1), user(1)], [])
    h.start_service()
    h.run_cycle()
    with open(os.path.join(h.source, "users.jsonl"), "w") as f:
        f.write(json.dumps(user(0, 7, title="New")) + "\n" + json.dumps(user(1)) + "\n" + '{"id":"U07","userNa')
    t.is_(h.run_cycle(), "incomplete", "e1_f: half a source")
    t.is_((managers(h)["00"], h.target_users()[0].get("title")), ("user01", "New"), "e1_f: who could not be read may be the one: the reference stays, the rest goes out")
    h.write_source([user(0, 7, title="New"), user(1), user(7)])
    h.run_cycle()
    t.is_(managers(h)["00"], "user07", "e1_f: a whole reading settles it")

# Through a mapping, into an extension; what does not flow; what was written before the job knew of references
with House() as h:
    mapping = {"userName": "userName", "displayName": "displayName", "active": "active", f"{ENTERPRISE}:manager.value": "boss", f"{ENTERPRISE}:department": "dept",
               "WhenEmpty": "assistant", "assistant": "helper"}
    sections = {"Map User": mapping, "References": {"User": f"{ENTERPRISE}:manager assistant"}, "Deletions": {"OnConfigurationChange": "judge"}}
    h.write_job(groups=False, sections=sections)
    h.write_source([user(0, boss="U01", dept="d", helper="U02"), user(1, boss="U77", dept="d"), user(2), user(3)])
    h.start_service()
    h.run_cycle()
    by_name = {u["userName"]: u for u in h.target_users()}
    t.is_((name_of(h, by_name["user00"][ENTERPRISE]["manager"]), by_name["user00"][ENTERPRISE]["department"], name_of(h, by_name["user00"]["assistant"])),
          ({"value": "user01"}, "d", "user02"), "f1: a mapping writes manager.value of the enterprise extension")
    t.is_(by_name["user01"][ENTERPRISE], {"department": "d"}, "f3: what is unresolved leaves the rest of the extension")
    h.write_source([user(0, dept="d", helper="U03"), user(1, boss="U77", dept="d"), user(2), user(3)])
    h.run_cycle()
    by_name = {u["userName"]: u for u in h.target_users()}
    t.is_((name_of(h, by_name["user00"][ENTERPRISE]["manager"]), name_of(h, by_name["user00"]["assistant"])), ({"value": "user01"}, "user02"),
          "f1: what does not flow stays")
    calm(h, "f1")
    h.write_source([user(0, dept="d", helper="U03"), user(3)])
    h.run_cycle()
    h.run_cycle()
    h.run_cycle()
    by_name = {u["userName"]: u for u in h.target_users()}
    t.is_((by_name["user00"][ENTERPRISE].get("manager"), name_of(h, by_name["user00"]["assistant"])), (None, "user03"),
          "f4: nor does it stay when he is gone; then WhenEmpty= flows again")
    calm(h, "f4")

with House() as h:
    h.write_job(groups=False)
    h.write_source([user(0, 1), user(1)])
    h.start_service()
    h.run_cycle()
    t.is_(raw_ids(h), ['"U01"'], "f1: without [References] an attribute is only an attribute")
    h.write_job(groups=False, sections=PLAIN)
    h.busctl("call", "org.reprieve1", "/org/reprieve1", "org.reprieve1.Manager", "Reload")
    h.run_cycle()
    t.is_((managers(h), raw_ids(h)), ({"00": "user01", "01": None}, []), "e4_f: with it, every object is looked at again")
    h.write_job(groups=False)
    h.busctl("call", "org.reprieve1", "/org/reprieve1", "org.reprieve1.Manager", "Reload")
    h.run_cycle()
    t.is_(h.ledger("SELECT count(*) AS n FROM object_references")[0]["n"], 0, "e4_f: and without it the ledger forgets them")

# Adopting; a target that refuses; the guard is not bypassed
with House() as h:
    h.write_job(groups=False, sections=PLAIN)
    write_jsonl(os.path.join(h.target, "users.jsonl"), [{"id": "T-A", "userName": "user00", "active": True, "manager": "somebody"}, {"id": "T-B", "userName": "user01", "active": True}])
    h.write_source([user(0, 1), user(1, 0)])
    h.start_service()
    h.run_cycle()
    t.is_((managers(h), counts(h, "adopted", "created")), ({"00": "user01", "01": "user00"}, (2, 0)), "f2: who is adopted together is completed too")
    calm(h, "f2")

def faulty(*faults):
    """A house whose target fails as planned, and has provisioned nobody."""
    h = House()
    h.write_job(groups=False, sections=dict(PLAIN, Target={"Faults": os.path.join(h.dir, "faults")}))
    plan(h, *faults)
    return h


def plan(h, *faults):
    with open(os.path.join(h.dir, "faults"), "w") as f:
        f.writelines(json.dumps(x) + "\n" for x in faults)


def later(h):
    return h.cycle(env={"REPRIEVE_CLOCK_OFFSET": "20min"}, check=0)


def last(r, name):
    return int([e for e in r.entries if "REPRIEVE_RESULT" in e][-1]["REPRIEVE_" + name])


with faulty() as h:
    h.write_source([user(0, 1), user(1), user(2)])
    h.cycle(check=0)
    plan(h, {"action": "Create", "result": "failed"})
    h.write_source([user(0, 1), user(1), user(2, 5, title="New"), user(5)])
    r = h.cycle(check=0)
    t.is_((managers(h)["02"], [u.get("title") for u in h.target_users() if u["userName"] == "user02"][0]), (None, "New"),
          "x1_f: whose manager the target refuses goes out without him")
    t.is_((last(r, "UNRESOLVED"), unresolved(h)), (1, [("U02", "manager", "U05")]), "x1_f: and he is unresolved")
    r = h.cycle(check=0)
    t.is_((last(r, "UNRESOLVED"), last(r, "UPDATED"), last(r, "FAILED")), (1, 0, 0), "x1_f: as long as he waits in escrow")
    plan(h)
    r = later(h)
    t.is_((managers(h)["02"], last(r, "CREATED"), last(r, "UPDATED"), last(r, "UNRESOLVED")), ("user05", 1, 1, 0), "x1_f: and then he is named")

with faulty({"action": "Update", "result": "failed"}) as h:
    h.write_source([user(0, 1), user(1)])
    r = h.cycle(check=0)
    t.is_((managers(h)["00"], last(r, "CREATED"), last(r, "FAILED")), (None, 2, 1), "x1_f: a completion that is refused")
    r = h.cycle(check=0)
    t.is_((last(r, "FAILED"), last(r, "SKIPPED")), (0, 1), "x1_f: waits in escrow like any update")
    plan(h)
    later(h)
    t.is_(managers(h)["00"], "user01", "x1_f: and is tried again")

for how in ("crash-before", "crash-after"):
    with faulty({"action": "Update", "result": how}) as h:
        h.write_source([user(0, 1), user(1, 0), user(2, 3), user(3, 2), user(4, 99)])
        r = h.cycle()
        t.is_((r.returncode, [n for n in managers(h).values() if n] == ([] if how == "crash-before" else ["user01"])), (-9, True),
              f"c5_f: killed between the creates and their references ({how})")
        plan(h)
        h.cycle(check=0)
        t.is_(managers(h), {"00": "user01", "01": "user00", "02": "user03", "03": "user02", "04": None}, f"c5_f: the next cycle completes them ({how})")
        t.is_({e["REPRIEVE_SOURCE_ID"] for e in h.entries(REPRIEVE_ERROR_CODE="UnresolvedReference")}, {"U04"}, f"c5_f: and says who is missing ({how})")
        t.is_(sorted(r["source_id"] for r in h.ledger("SELECT source_id FROM object_references WHERE referenced > 0")), ["U00", "U01", "U02", "U03"],
              f"c5_f: the ledger knows who names whom ({how})")
        r = h.cycle(check=0)
        t.is_((last(r, "UPDATED"), last(r, "CREATED")), (0, 0), f"c5_f: and then nothing is left ({how})")

for line, pattern in (("User=members", "members"), ("User=userName", "Match"), ("User=manager[type eq \"x\"]", "brackets"), ("Users=manager", "User=")):
    with House() as h:
        h.write_job(groups=False)
        with open(h.job_file(), "a") as f:
            f.write(f"[References]\n{line}\n")
        r = h.cycle()
        t.ok(r.returncode != 0 and re.search(r"staff\.conf:\d+: ", r.log) and re.search(pattern, r.log), f"{line}: refused, with file and line", r.log)
with House() as h:
    for keys, pattern in (({"userName": "userName"}, "no line of the mapping"), ({"userName": "userName", "manager": "boss", "CreateOnly": "manager"}, "WhenEmpty="),
                          ({"userName": "userName", "manager": "boss", "Default:manager": '"x"'}, "Coalesce")):
        h.write_job(groups=False, sections={"References": {"User": "manager"}, "Map User": keys})
        r = h.cycle()
        t.ok(r.returncode != 0 and re.search(r"staff\.conf:\d+: User=manager", r.log) and re.search(pattern, r.log), f"{pattern}: refused, with file, line and key", r.log)
t.done()
