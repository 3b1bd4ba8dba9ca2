#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""C5: a cycle is killed at each of its steps in turn (reads, ledger writes, target writes, renames, fsyncs), started again, and
must leave target, ledger and journal as an undisturbed run leaves them; and once more, with nothing to do. For creates, updates
and memberships; a trip; an allow; a partial allow; deletes below the limit; references that come, resolve, and lose whom they name.

REPRIEVE_CRASH_STRIDE=N takes each Nth step only (a sanitized or quick run)."""
import collections
import json
import os
import re
import shutil
import sqlite3
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from house import BUILD, House, QUICK, SANITIZED, Tap  # noqa: E402

SHIM = os.path.join(BUILD, "tests/crash/crashpoint.so")
DECIDE = os.path.join(BUILD, "tests/crash/decide")
if SANITIZED:
    Tap.skip_all("the preloaded counter and the sanitizers exclude each other; the plain run does this")
if not os.path.exists(SHIM):
    Tap.skip_all(f"{SHIM} was not built")
STRIDE = int(os.environ.get("REPRIEVE_CRASH_STRIDE", "17" if QUICK else "1"))

t = Tap()


def user(i, **more):
    return dict({"id": f"U{i:02}", "userName": f"user{i:02}", "displayName": f"User {i}", "active": True}, **more)


def group(i, members):
    return {"id": f"G{i}", "displayName": f"Group {i}", "members": [{"value": f"U{m:02}"} for m in members]}


USERS = [user(i) for i in range(12)]
GROUPS = [group(0, range(0, 6)), group(1, range(4, 12)), group(2, [1])]
LIMIT = {"Deletions": {"DeletionThreshold": 3}}


def copy_state(source, h):
    for name in ("state", "target"):
        shutil.rmtree(os.path.join(h.dir, name))
        shutil.copytree(os.path.join(source, name), os.path.join(h.dir, name))


def target_view(h):
    """Ids are the target's own business: objects are named by what was provisioned."""
    names = {u["id"]: u["userName"] for u in h.target_users()}
    names.update({g["id"]: g["displayName"] for g in h.target_groups()})
    view = []
    for o in h.target_users() + h.target_groups():
        o = dict(o, id=None)
        if "members" in o:
            o["members"] = sorted(names.get(m["value"], "dangling " + m["value"]) for m in o["members"])
        if "manager" in o:
            o["manager"] = names.get(o["manager"], "dangling " + o["manager"])
        view.append(json.dumps(o, sort_keys=True))
    stray = [f for f in os.listdir(h.target) if f not in ("users.jsonl", "groups.jsonl") and not f.startswith(".")]
    return sorted(view), stray


def ledger_view(h):
    db = sqlite3.connect(os.path.join(h.state, "jobs/staff/ledger.db"))
    names = dict(db.execute("SELECT id, source_id FROM links"))
    by_target = {t: f"<{s}>" for t, s in db.execute("SELECT target_id, source_id FROM links")}
    rows = {
        "links": sorted((*link[:3], re.sub(r'"manager":"([^"]*)"', lambda m: by_target.get(m[1], m[0]), link[3] or ""), link[4])
                        for link in db.execute("SELECT kind, source_id, display_name, written, disabled FROM links")),
        "references": sorted((names[h], a, s, names.get(r)) for h, a, s, r in
                             db.execute("SELECT holder, attribute, source_id, referenced FROM object_references")),
        "absent": sorted(db.execute("SELECT kind, source_id FROM absent")),
        "members": sorted((names[g], names[m]) for g, m in db.execute("SELECT group_id, member_id FROM members")),
        "staged": sorted(db.execute("SELECT kind, source_id, member, action, cause, state FROM staged")),
        "holds": sorted(db.execute("SELECT kind, source_id, cause FROM holds")),
        "escrow": sorted(db.execute("SELECT kind, source_id, action FROM escrow")),
        "intents": sorted(db.execute("SELECT action, source_id FROM intents")),
        "state": list(db.execute("SELECT quarantine, fingerprint, paused, disabled FROM job")),
        "open reviews": list(db.execute("SELECT count(*) FROM reviews WHERE how IS NULL")),
        "check": list(db.execute("PRAGMA integrity_check")),
    }
    db.close()
    return rows


def journal_view(h):
    """Each thing that happened, once: what stands in the log twice must say so by the same REPRIEVE_CHANGE."""
    seen = {}
    for e in h.entries():
        if "REPRIEVE_CHANGE" in e:
            key = (e["REPRIEVE_CHANGE"], e["REPRIEVE_ACTION"], e["REPRIEVE_STATUS"])
            seen[key] = (e["REPRIEVE_ACTION"], e["REPRIEVE_STATUS"], e["REPRIEVE_KIND"], e["REPRIEVE_SOURCE_ID"], e.get("REPRIEVE_CAUSE"))
    return sorted(collections.Counter(seen.values()).items(), key=str)


def view(h):
    return target_view(h), ledger_view(h), journal_view(h)


def differences(a, b):
    out = []
    for name, x, y in zip(("target", "ledger", "journal"), a, b):
        if x != y:
            out.append(f"{name}:")
            if isinstance(x, dict):
                for k in x:
                    if x[k] != y[k]:
                        out.append(f"  {k}: undisturbed {x[k]}")
                        out.append(f"  {k}: interrupted {y[k]}")
            else:
                out.append(f"  undisturbed only: {[e for e in x if e not in y]}")
                out.append(f"  interrupted only: {[e for e in y if e not in x]}")
    return "\n".join(out)


def decide(h, *arguments):
    import subprocess
    subprocess.run([DECIDE, h.state, "staff", *arguments], check=True, stdout=subprocess.DEVNULL)


# name, what the source and the ledger are before the cycle that is killed
def scenario_create(h):
    h.write_source(USERS, GROUPS)


def scenario_update(h):
    scenario_create(h)
    h.cycle(check=0)
    changed = [user(i, title="Head") if i in (2, 5) else user(i) for i in range(12)] + [user(12)]
    h.write_source(changed, [group(0, [0, 1, 12]), GROUPS[1], group(2, [1, 3]), group(3, [12, 2])])


def scenario_trip(h):
    scenario_create(h)
    h.cycle(check=0)
    h.write_source([user(i, title="New") if i == 0 else user(i) for i in range(12) if i not in (3, 4, 7)], [GROUPS[0], GROUPS[1]])


def scenario_allow(h):
    scenario_trip(h)
    h.cycle(check=0)
    decide(h, "allow")


def scenario_partial_allow(h):
    scenario_trip(h)
    h.cycle(check=0)
    decide(h, "allow", "user:U03", "group:G2")


def scenario_delete(h):
    scenario_create(h)
    h.cycle(check=0)
    h.write_source([user(i, active=i != 5) for i in range(12) if i != 4], GROUPS)


def scenario_references_created(h):
    h.write_job(sections=dict(LIMIT, References={"User": "manager"}))
    h.write_source([user(0, manager="U01"), user(1, manager="U00"), user(2, manager="U02"), user(3, manager="U99"), user(4, manager="U00")], [])


def scenario_references_changed(h):
    """Somebody arrives who was missing, somebody arrives whom an update names, somebody goes whom another names."""
    scenario_references_created(h)
    h.cycle(check=0)
    h.write_source([user(0, manager="U10"), user(1, manager="U00"), user(3, manager="U99"), user(4, manager="U02", title="New"), user(10, manager="U99"), user(99)], [])


def scenario_references_cleared(h):
    scenario_references_created(h)
    h.write_source([user(0, manager="U01"), user(1, manager="U00"), user(2)], [])
    h.cycle(check=0)
    h.write_source([user(0, manager="U01"), user(2)], [])
    h.cycle(check=0)


for scenario in (scenario_create, scenario_update, scenario_trip, scenario_allow, scenario_partial_allow, scenario_delete,
                 scenario_references_created, scenario_references_changed, scenario_references_cleared):
    name = scenario.__name__[len("scenario_"):].replace("_", " ")
    with House() as h, House() as base:
        h.write_job(sections=LIMIT)
        scenario(h)
        for part in ("state", "target"):
            shutil.rmtree(os.path.join(base.dir, part))
            shutil.copytree(os.path.join(h.dir, part), os.path.join(base.dir, part))
        count_file = os.path.join(h.dir, "count")

        def fresh():
            copy_state(base.dir, h)
            open(h.log_path, "w").close()

        fresh()
        h.cycle(check=0, env={"LD_PRELOAD": SHIM, "REPRIEVE_CRASH_COUNT": count_file})
        h.cycle(check=0)
        undisturbed = view(h)
        steps = int(open(count_file).read())
        # After a step and before the next are much the same: of these, every other one.
        stride = STRIDE * 2 if "references" in name else STRIDE
        bad = []
        for after in (False, True):
            for n in range(2 if after and stride > STRIDE else 1, steps + 1, stride):
                fresh()
                env = {"LD_PRELOAD": SHIM, "REPRIEVE_CRASH_AT": str(n)}
                if after:
                    env["REPRIEVE_CRASH_AFTER"] = "1"
                killed = h.cycle(env=env).returncode
                again = h.cycle()
                idle = h.cycle()
                where = f"killed {'after' if after else 'before'} step {n} of {steps}"
                if killed != -9:
                    bad.append(f"{where}: was not killed ({killed})")
                elif again.returncode != 0 or idle.returncode != 0:
                    bad.append(f"{where}: the next cycles ended with {again.returncode} and {idle.returncode}: {again.log[-600:]}")
                else:
                    d = differences(undisturbed, view(h))
                    if d:
                        bad.append(f"{where}:\n{d}")
                if len(bad) >= 3:
                    break
        t.ok(not bad, f"c5_{name}: {2 * len(range(1, steps + 1, stride))} kills at {steps} steps, and it ends as if there had been none", *bad)
t.done()
