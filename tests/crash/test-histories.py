#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Random histories: edits of the source, broken files, faults of the target, other configurations, kills, decisions, clocks. After
each cycle the invariants of docs/semantics.md hold, as a naive model (tests/lib/naive.py) sees them; after each history the target
becomes what the source says.

REPRIEVE_SEED=N runs history N alone, REPRIEVE_SEED=random other ones than always; REPRIEVE_KEEP=0,3,7 only these of its steps;
REPRIEVE_STEPS=N more or fewer of them in all. A history that fails is printed as the steps that suffice for it."""
import json
import multiprocessing
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
if os.path.isdir("/dev/shm") and os.access("/dev/shm", os.W_OK):
    tempfile.tempdir = "/dev/shm"
from house import BUILD, House, QUICK, SANITIZED, Tap, parse_log  # noqa: E402
from naive import (DEFAULTS, KINDS, LedgerView, Reading, TargetView, attributes_of, cause_of, differences, due_removals,  # noqa: E402
                   everything_goes, members_of, policy_of, row_key, trips, written)

SHIM = os.path.join(BUILD, "tests/crash/crashpoint.so")
DECIDE = os.path.join(BUILD, "tests/crash/decide")
LENGTH = 60
HOUR = 3600
REMOVALS = ("Disable", "Delete")


def made_before_the_kill(intents, kind, there):
    name = "userName" if kind == "user" else "displayName"
    return any(i["action"] == "Create" and i["kind"] == kind and json.loads(i["desired"] or "{}").get(name) == there.get(name) for i in intents)


class Broken(Exception):
    """An invariant that does not hold."""


def need(condition, text, *details):
    if not condition:
        raise Broken(text + "".join(f"\n    {d!r}" for d in details))


class World:
    """One job, and all that happens to it. Each step is (name, number): the number seeds whatever it has to choose."""

    def __init__(self):
        self.house = House()
        h = self.house
        self.story = []
        self.users = {f"U{i}": self.new_user(f"U{i}", f"name{i}") for i in range(8)}
        self.groups = {f"G{i}": {"id": f"G{i}", "displayName": f"team{i}", "members": [{"value": f"U{m}"} for m in (i, i + 1, i + 4)]}
                       for i in range(3)}
        self.damage = {}
        self.faults = []
        self.config = {"threshold": 3, "exceeded": False, "percent": None, "minimum": 5, "budget": None, "members": None,
                       "policies": {}, "department": None, "references": False, "on_trip": "hold-removals", "judge": False, "prevent": True}
        self.clock = 0               # seconds that it has been put forward
        self.at = 0                  # when the cycle that is looked at began, by the ledger: a slow machine changes no story
        self.reviews = {}            # id -> the removals that it names
        self.allowed = {}            # removal -> when; None: tried, and refused by the target
        self.held = set()            # (kind, id)
        self.removals = []           # (when, how many), for the budget
        self.signature = None        # of the configuration that the ledger is in line with
        self.base = None             # the target before the first cycle whose end nobody saw
        self.unseen = {}             # its journal entries
        self.n_unseen = 0
        self.counts = {}
        with open(os.path.join(h.target, "users.jsonl"), "w") as f:
            f.write('{"id":"foreign","userName":"stranger","active":true}\n')
            f.write('{"id":"there","userName":"name3","phone":"1","active":true}\n')
        self.write_source()
        self.write_config()
        self.write_faults()
        self.ledger = LedgerView(self.ledger_path())
        self.target = TargetView(h.target)

    def close(self):
        self.house.close()

    def ledger_path(self):
        return os.path.join(self.house.state, "jobs/staff/ledger.db")

    def env(self):
        return {"REPRIEVE_CLOCK_OFFSET": f"{self.clock}s"} if self.clock else {}

    def tell(self, text):
        self.story.append(text)

    # ---- files ----

    @staticmethod
    def new_user(ident, name):
        return {"id": ident, "userName": name, "displayName": "User " + ident, "department": "A", "active": True}

    def write_source(self):
        for kind, objects in (("user", self.users), ("group", self.groups)):
            path = os.path.join(self.house.source, "users.jsonl" if kind == "user" else "groups.jsonl")
            lines = [json.dumps(o, separators=(",", ":")) for o in objects.values()]
            damage, number = self.damage.get(kind, (None, 0))
            rng = random.Random(number)
            if damage == "reordered":
                rng.shuffle(lines)
            elif damage == "doubled" and lines:
                lines.insert(rng.randrange(len(lines) + 1), rng.choice(lines))
            elif damage == "id used twice" and objects:
                o = dict(rng.choice(list(objects.values())), displayName="Somebody else")
                lines.insert(rng.randrange(len(lines) + 1), json.dumps(o))
            elif damage == "broken line":
                lines.insert(rng.randrange(len(lines) + 1), rng.choice(['{"id":', '{"userName":"nobody"}', "[]", '{"id":7e}']))
            elif damage == "unusable record" and objects:
                o = dict(rng.choice(list(objects.values())))
                if kind == "group":
                    o["members"] = 5
                    lines = [json.dumps(o) if json.loads(line)["id"] == o["id"] else line for line in lines]
            elif damage == "emptied":
                lines = []
            text = "".join(line + "\n" for line in lines)
            if damage == "truncated" and text:
                text = text[:rng.randrange(len(text))]
                # What ends with a whole line cannot be told from a whole file.
                text += "{" if text.endswith("\n") or not text else ""
            if damage == "missing":
                if os.path.exists(path):
                    os.unlink(path)
                continue
            with open(path + ".new", "w") as f:
                f.write(text)
            os.rename(path + ".new", path)

    def write_faults(self):
        with open(os.path.join(self.house.dir, "faults"), "w") as f:
            for fault in self.faults:
                f.write(json.dumps(fault) + "\n")

    def write_config(self):
        c = self.config
        keys = {"soft-deleted": "SoftDeleted", "deleted": "Deleted", "blocked": "Blocked", "out-of-scope": "OutOfScope"}
        self.house.write_job(sections={
            "Target": {"Faults": os.path.join(self.house.dir, "faults")},
            "Scope": {"Users": f'department eq "{c["department"]}"' if c["department"] else None},
            "References": {"User": "manager" if c["references"] else None},
            "Deprovision": {keys[k]: v for k, v in c["policies"].items()},
            "Deletions": {"DeletionThreshold": c["threshold"], "DeletionThresholdPercent": c["percent"],
                          "DeletionThresholdTrips": "exceeded" if c["exceeded"] else "reached", "MinimumPopulation": c["minimum"],
                          "DeletionBudget": c["budget"] and f"{c['budget']} per 1d", "MembershipThreshold": c["members"],
                          "OnTrip": c["on_trip"], "OnConfigurationChange": "judge" if c["judge"] else None,
                          "PreventAccidentalDeletions": "yes" if c["prevent"] else "no"}})

    def signature_now(self):
        return (self.config["department"], self.config["references"], tuple(sorted((k, v) for k, v in self.config["policies"].items() if v and v != DEFAULTS[k])))

    # ---- steps: the source ----

    def step_add(self, rng):
        i = rng.randrange(12)
        name = f"name{rng.randrange(10)}"
        if f"U{i}" not in self.users:
            self.users[f"U{i}"] = self.new_user(f"U{i}", name)
            self.tell(f"add user U{i} as {name}")

    def some_user(self, rng):
        return rng.choice(sorted(self.users)) if self.users else None

    def step_remove(self, rng):
        for _ in range(rng.choice((1, 1, 2, 3, 4))):
            u = self.some_user(rng)
            if u:
                del self.users[u]
                self.tell(f"remove user {u}")

    def step_change(self, rng):
        u = self.some_user(rng)
        if u:
            what = rng.choice(("title", "department", "department", "displayName"))
            self.users[u][what] = rng.choice("AB") if what == "department" else f"new {rng.randrange(5)}"
            self.tell(f"set {what} of {u} to {self.users[u][what]}")

    def step_manager(self, rng):
        """From here on manager is a reference."""
        self.config["references"] = True
        for _ in range(rng.choice((1, 2, 4))):
            u = self.some_user(rng)
            if u:
                self.users[u].pop("manager", None)
                if rng.random() < 0.85:
                    self.users[u]["manager"] = f"U{rng.randrange(12)}" if rng.random() < 0.9 else f"G{rng.randrange(4)}"
                self.tell(f"the manager of {u} is {self.users[u].get('manager')}")

    def step_rename(self, rng):
        u = self.some_user(rng)
        if u:
            self.users[u]["userName"] = f"name{rng.randrange(10)}"
            self.tell(f"rename {u} to {self.users[u]['userName']}")

    def step_swap(self, rng):
        if len(self.users) >= 2:
            a, b = rng.sample(sorted(self.users), 2)
            x, y = self.users[a], self.users[b]
            x["userName"], y["userName"] = y["userName"], x["userName"]
            self.tell(f"swap the userNames of {a} and {b}")

    def step_block(self, rng):
        for _ in range(rng.choice((1, 1, 3))):
            u = self.some_user(rng)
            if u:
                self.users[u]["active"] = not self.users[u]["active"]
                self.tell(f"set active of {u} to {self.users[u]['active']}")

    def step_soft_delete(self, rng):
        u = self.some_user(rng)
        if u:
            self.users[u]["deleted"] = not self.users[u].get("deleted")
            self.tell(f"set deleted of {u} to {self.users[u]['deleted']}")

    def step_group(self, rng):
        g = f"G{rng.randrange(4)}"
        what = rng.randrange(8)
        if g not in self.groups:
            self.groups[g] = {"id": g, "displayName": f"team{rng.randrange(4)}", "members": []}
        o = self.groups[g]
        if what == 0:
            del self.groups[g]
        elif what == 1:
            o["displayName"] = f"team{rng.randrange(4)}"
        elif what == 2:
            o["members"] = []
        elif what == 3:
            o.pop("members", None)
        elif what == 4:
            o.setdefault("members", []).append({"value": f"G{rng.randrange(4)}"})
        else:
            o["members"] = [{"value": f"U{i}"} for i in rng.sample(range(12), rng.randrange(5))]
        self.tell(f"group {g} is {self.groups.get(g, 'gone')}")

    def step_damage(self, rng):
        kind = rng.choice(KINDS)
        self.damage[kind] = (rng.choice(("reordered", "doubled", "id used twice", "broken line", "truncated", "missing", "emptied",
                                         "unusable record")), rng.randrange(1 << 30))
        self.tell(f"{kind}s: {self.damage[kind][0]}")

    def step_repair(self, rng):
        self.damage = {}
        self.tell("the files are whole again")

    # ---- steps: the rest of the world ----

    def step_faults(self, rng):
        self.faults = []
        for _ in range(rng.choice((0, 0, 1, 1, 2))):
            fault = {"result": rng.choice(("failed", "failed", "failed", "exists", "disconnect", "crash-before", "crash-after",
                                           "unauthorized", "throttle"))}
            if fault["result"] == "exists":
                fault["action"] = "Create"
            elif rng.random() < 0.7:
                fault["action"] = rng.choice(("Create", "Update", "Restore", "Members", "Disable", "Delete"))
            elif fault["result"] == "unauthorized" and rng.random() < 0.5:
                fault["action"] = "Open"
            if fault.get("action") != "Open" and rng.random() < 0.5:
                fault["match"] = rng.choice([f"name{i}" for i in range(10)] + [f"team{i}" for i in range(4)])
            if rng.random() < 0.3:
                fault["times"] = rng.randrange(1, 3)
            self.faults.append(fault)
        self.tell(f"faults of the target: {self.faults}")

    def step_limits(self, rng):
        c = self.config
        what = rng.choice(("threshold", "threshold", "percent", "exceeded", "budget", "members", "on_trip", "prevent"))
        c[what] = {"threshold": lambda: rng.choice((0, 1, 2, 3, 3, 4, 100)), "percent": lambda: rng.choice((None, 20, 30, 50)),
                   "exceeded": lambda: rng.random() < 0.5, "budget": lambda: rng.choice((None, None, 2, 4)),
                   "members": lambda: rng.choice((None, 1, 2, 3)), "on_trip": lambda: rng.choice(("hold-removals", "stop")),
                   "prevent": lambda: rng.random() < 0.8}[what]()
        self.tell(f"limits: {what} is {c[what]}")

    def step_configure(self, rng):
        c = self.config
        if rng.random() < 0.5:
            c["department"] = rng.choice((None, None, "A", "B"))
        else:
            cause = rng.choice(sorted(DEFAULTS))
            c["policies"] = dict(c["policies"], **{cause: rng.choice((None, "delete", "disable", "keep"))})
        c["judge"] = rng.random() < 0.5
        self.tell(f"configuration: scope {c['department']}, policies {c['policies']}, judge {c['judge']}")

    def step_clock(self, rng):
        self.clock += rng.choice((HOUR // 2, HOUR, 7 * HOUR, 25 * HOUR, 72 * HOUR))
        self.tell(f"the clock goes on by {self.clock // HOUR} h in all")

    def step_lose_index(self, rng):
        path = os.path.join(self.house.state, "jobs/staff/snapshot.index")
        if os.path.exists(path):
            os.unlink(path)
        self.tell("the snapshot index is lost")

    # ---- steps: decisions ----

    def decide(self, *arguments):
        r = subprocess.run([DECIDE, *arguments[:-1], self.house.state, "staff", *arguments[-1]], capture_output=True, text=True,
                           env=dict(self.house.env, **self.env()))
        self.ledger = LedgerView(self.ledger_path())
        return [int(n) for n in r.stdout.split()] if r.stdout else [-1, 0, 0, 0]

    def step_decide(self, rng):
        verb = rng.choice(("allow", "allow", "allow", "reject"))
        if not self.reviews:
            return
        # By age: their ids are another story each time.
        known = list(self.reviews)
        review = rng.choice(known) if rng.random() < 0.2 else self.ledger.review or rng.choice(known)
        if rng.random() < 0.05:
            review = "0123456789abcdef"
        before = self.ledger
        names = []
        mine = self.reviews.get(review, set()) & before.undecided()
        if rng.random() < 0.35:
            objects = sorted({k[:2] for k in before.undecided()})
            names = rng.sample(objects, rng.randrange(1, len(objects) + 1)) if objects else []
        self.tell(f"{verb} review {review} {names or ''} ({sorted(mine)})")
        open_before = {r for r in self.reviews if self.is_open(r)}
        result, decided, joined, _ = self.decide(f"--review={review}", [verb] + [":".join(n) for n in names])
        chosen = {k for k in mine if not names or k[:2] in names}
        if review not in open_before:
            need(result == 2, "q4: a review that is unknown or decided was not refused", review, result)
        elif any(n not in {k[:2] for k in mine} for n in names):
            need(result == 3, "q6: an object that the review does not name was not refused", names, result)
        else:
            need(result == 0, "q4: the decision was refused", result)
        if result != 0:
            need(self.ledger.staged == before.staged, "q4: a refused decision changed the staged set")
            return
        need(decided == len(chosen), "q4: the number of what was decided", decided, sorted(chosen))
        need(joined == len(before.undecided() - mine), "q4: the number of what joined later", joined)
        if verb == "allow":
            need(self.ledger.allowed() - before.allowed() == chosen, "q4: allowed is what was in the set under that id and still is",
                 sorted(self.ledger.allowed()), sorted(chosen))
            for k in chosen:
                self.allowed[k] = self.ledger.allowed_at(k)
        else:
            self.held |= {k[:3] for k in chosen if k[3] in REMOVALS + ("Members",)}
            need(self.ledger.holds == {h for h in self.held}, "q7: a hold on each object that was in the set", self.ledger.holds,
                 self.held)
        need(not chosen & self.ledger.undecided(), "q4: what was decided is still undecided")

    def is_open(self, review):
        import sqlite3
        db = sqlite3.connect(self.ledger_path())
        row = db.execute("SELECT how FROM reviews WHERE id = ?", (review,)).fetchone()
        db.close()
        return row is not None and row[0] is None

    def step_release(self, rng):
        if not self.held:
            return
        kind, ident, _ = rng.choice(sorted(self.held))
        self.tell(f"release {kind} {ident}")
        self.decide(["release", f"{kind}:{ident}"])
        self.held = {h for h in self.held if h[:2] != (kind, ident)}
        need(self.ledger.holds == self.held, "q7: what was released is held no more", self.ledger.holds, self.held)

    def step_restart(self, rng):
        if not os.path.exists(self.ledger_path()):
            return
        self.tell("restart")
        before = self.ledger.undecided()
        self.decide(["restart"])
        need(self.ledger.undecided() == before, "q3: a restart changed what is withheld")
        self.reviews = {r: s for r, s in self.reviews.items()}
        for k in [k for k, at in self.allowed.items() if at is None]:
            del self.allowed[k]              # the escrow is cleared
        self.note_review()

    # ---- steps: cycles ----

    def step_cycle(self, rng):
        preview = None
        can_preview = not self.ledger.intents and not self.ledger.disabled and not any(f.get("action") == "Open" for f in self.faults)
        if rng.random() < 0.15 and can_preview:
            self.write_source()
            self.write_config()
            self.write_faults()
            preview = self.house.preview(env=self.env())
        if rng.random() < 0.15 and can_preview:
            self.write_source()
            self.write_config()
            self.write_faults()
            self.check_index()
        self.tell("cycle")
        self.run(preview=preview)

    def step_kill(self, rng):
        n, after = rng.randrange(1, rng.choice((60, 130, 220))), rng.random() < 0.5
        self.tell(f"cycle killed {'after' if after else 'before'} step {n}")
        env = {"LD_PRELOAD": SHIM, "REPRIEVE_CRASH_AT": str(n)}
        if after:
            env["REPRIEVE_CRASH_AFTER"] = "1"
        self.run(env)

    def step_idle(self, rng):
        """C6, once nothing is left to do"""
        self.write_source()
        if self.faults or self.ledger.disabled or not Reading(self.house.source).complete:
            return
        self.tell("cycles until nothing is to be done, and one more")
        for _ in range(5):
            r = self.run()
            if not any("REPRIEVE_CHANGE" in e for e in r.entries):
                break
        else:
            raise Broken("c6: five cycles in a row have always something to do")
        files = {f: os.stat(os.path.join(self.house.target, f)).st_mtime_ns for f in os.listdir(self.house.target)}
        before = self.dump()
        r = self.run()
        need(not any("REPRIEVE_CHANGE" in e for e in r.entries), "c6: an idle cycle changed something", r.log)
        after = {f: os.stat(os.path.join(self.house.target, f)).st_mtime_ns for f in os.listdir(self.house.target)}
        need(files == after, "c6: an idle cycle wrote to the target")
        need(before == self.dump(), "c6: an idle cycle wrote to the ledger", *[x for x in zip(before, self.dump()) if x[0] != x[1]])

    def dump(self):
        """The ledger but for its cycles, and for the number of times that a quarantine was looked at again."""
        import sqlite3
        db = sqlite3.connect(self.ledger_path())
        tables = sorted(r[0] for r in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'"))
        db.row_factory = sqlite3.Row
        out = []
        for t in tables:
            if t in ("cycles", "cycle_counts"):
                continue
            rows = [dict(r) for r in db.execute(f"SELECT * FROM {t}")]
            if t == "job":
                moving = ("quarantine_count", "next_attempt", "incomplete_in_a_row", "disabled")
                rows = [{k: v for k, v in r.items() if k not in moving} for r in rows]
            out.append((t, rows))
        db.close()
        return out

    def check_index(self):
        """The index is a cache: without it a preview says the same."""
        copy = os.path.join(self.house.dir, "copy")
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(self.house.state, copy)
        index = os.path.join(copy, "jobs/staff/snapshot.index")
        if not os.path.exists(index):
            return
        a = self.house.preview(env=self.env())
        os.unlink(index)
        state, self.house.state = self.house.state, copy
        try:
            b = self.house.preview(env=self.env())
        finally:
            self.house.state = state
        order = lambda x: json.dumps(x, sort_keys=True)  # noqa: E731
        a, b = sorted(a, key=order), sorted(b, key=order)
        need(a == b, "the snapshot index changes the plan", *[x for x in a if x not in b], "without it:", *[x for x in b if x not in a])

    def run(self, env=None, preview=None):
        h = self.house
        self.write_source()
        self.write_config()
        self.write_faults()
        reading = Reading(h.source)
        before, target = self.ledger, self.target
        r = h.cycle(env=dict(self.env(), **(env or {})))
        need(r.returncode in (0, 1, -9), "a cycle ended in an unknown way", r.returncode, r.log[-2000:])
        self.ledger, self.target = LedgerView(self.ledger_path()), TargetView(h.target)
        self.at = self.ledger.started if self.ledger.started > before.started else time.time() + self.clock
        self.counts["cycles"] = self.counts.get("cycles", 0) + 1
        if before.disabled:
            need(not differences(target, self.target), "q10: a disabled job wrote to the target")
            return r
        killed = r.returncode == -9
        if killed:
            self.counts["kills"] = self.counts.get("kills", 0) + 1
        self.check_removals(reading, before, target, r, killed)
        self.check_journal(target, r, killed)
        self.check_staged(reading, before, r, killed)
        if preview is not None and not killed and "REPRIEVE_RESULT=failed" not in r.log:
            self.check_preview(preview, r)
        raw = [o for o in self.target.objects.values() if re.fullmatch(r"[UG]\d+", o.get("manager", ""))]
        need(not raw, "f1: an id of the source stands in the target", raw)
        foreign = [o for o in self.target.objects.values() if o["id"] == "foreign"]
        need(foreign == [{"id": "foreign", "userName": "stranger", "active": True}], "e5: an object of others was touched", foreign)
        self.settle(reading, before, killed, r.returncode == 0)
        return r

    # ---- invariants ----

    def check_removals(self, reading, before, target, r, killed):
        changes = differences(target, self.target)
        done = {}
        for what, (kind, tid), _ in changes:
            if what in REMOVALS:
                link = before.by_target.get((kind, tid)) if before.links else None
                # What a killed cycle had made is linked by this one, which may find that the source has changed its mind since.
                if link is None and made_before_the_kill(before.intents, kind, target.objects.get((kind, tid), {})):
                    need(reading.complete, "e1: a removal without a complete reading", kind, tid)
                    continue
                need(link is not None, "e5: an object that is not linked was removed", kind, tid)
                done[(kind, link["source_id"])] = what
        due = due_removals(before, reading, self.config["policies"], self.config["department"])
        held = {h[:2] for h in self.held if h[2] == 0}
        changed = self.signature is not None and self.signature != self.signature_now()
        alive = {}
        for key, (action, cause) in due.items():
            link = before.by_source[key]
            o = target.objects.get((key[0], link["target_id"]))
            if o is None or (action == "Disable" and o.get("active") is False and before.intents):
                continue               # an unseen cycle has done it already
            alive[key] = (action, cause)
        usable = {k for k, at in self.allowed.items() if not changed and (at is None or abs(self.at - at) <= 24 * HOUR)}
        allowed = {k for k, v in alive.items() if (*k, 0, *v) in usable and k not in held}
        # An approval that is void or has expired leaves what it was for under review (Q3, Q5).
        undecided = before.undecided() | (before.allowed() - usable)
        staged = {k[:2] for k in undecided if k[3] in REMOVALS}
        counted = {k for k, v in alive.items() if k not in held and k not in allowed and (*k, 0, *v) not in undecided}
        # What waits is the removal that was refused, not another one of the same object.
        waiting = {(e["kind"], e["source_id"]) for e in before.escrow
                   if e["action"] in REMOVALS and e["next_attempt"] > self.at * 1e6 and
                   alive.get((e["kind"], e["source_id"]), (e["action"],))[0] == e["action"]}
        counted -= waiting
        self.waiting = waiting
        for key, what in done.items():
            need(reading.complete, "e1: a removal without a complete reading", key, what)
            need(key in due and due[key][0] == what, "r2: a removal that the source does not ask for", key, what, due.get(key))
            need(key not in held, "q7: a removal in spite of a hold", key, what)
        population = sum(1 for link in before.links if not link["disabled"])
        budget = self.config["budget"]
        used = sum(n for at, n in self.removals if self.at - at <= 24 * HOUR)
        empty = {k for k in KINDS if reading.complete and reading.n[k] == 0}
        # What a record that cannot be used is about has not healed (E2).
        open_review = {k for k in staged if (k in alive or k in reading.invalid) and k not in held}
        why = None
        if any(k[0] in empty for k in counted):
            why = "an empty source (E3)"
        elif changed and not self.config["judge"] and counted:
            why = "a changed configuration (E4)"
        elif everything_goes(before, {k: v for k, v in alive.items() if k in counted or k in allowed or k in held or k in waiting}, counted) and not before.intents:
            why = "every object of a kind (E6)"
        elif self.config["prevent"]:
            if trips(self.config, len(counted), population) and not before.intents:
                why = "a limit"
            elif budget is not None and used + len(counted) > budget and not before.intents:
                why = "the budget (G10)"
        if not why and open_review:
            why = f"an open review (Q2) of {sorted(open_review)}"
        new = {k for k in done if k not in allowed}
        need(not (new and why), "g6: removals were carried out without an allow, in spite of " + str(why), sorted(new), sorted(counted))
        other_rows = any(k[3] not in REMOVALS for k in before.undecided())
        if not killed and r.returncode == 0 and not self.faults and not before.intents and not other_rows and reading.complete:
            expected = allowed - waiting | (set() if why else counted)
            need(set(done) == expected, "g8: what is below the limits or allowed is carried out in the same cycle", sorted(done),
                 sorted(expected), why)
        if not before.intents:
            self.check_memberships(reading, before, changes, done, alive, held, allowed, set() if why else counted)
        if done:
            self.removals.append((self.at, len(done)))
        for key in done:
            for k in [k for k in self.allowed if k[:2] == key]:
                del self.allowed[k]

    def check_memberships(self, reading, before, changes, done, alive, held, allowed, below):
        """G5, E1: whoever loses a membership is deleted, or the record of the group, read in whole, has it no more."""
        for what, (kind, tid), detail in changes:
            group = before.by_target.get((kind, tid))
            if what != "Members" or not group or (kind, group["source_id"]) in done:
                continue
            for member in detail[1]:
                link = before.by_target.get(("user", member)) or before.by_target.get(("group", member))
                key = link and (link["kind"], link["source_id"])
                record = reading.records.get((kind, group["source_id"]))
                need(link and reading.complete, "e1: a membership ended without a complete reading", group["source_id"], member)
                if key in alive and (alive[key][0] == "Delete" or alive[key][1] == "deleted") and (key in allowed or key not in self.waiting):
                    need(key in allowed | below, "g5: a membership ended, and the deletion of its object is withheld or held", group, key)
                else:
                    need(record is not None and "members" in record and key[1] not in [m["value"] for m in record["members"]],
                         "g5: a membership ended that the source does not end", group["source_id"], key, record)

    def check_journal(self, target, r, killed):
        success = [e for e in r.entries if e.get("REPRIEVE_STATUS") == "success"]
        ids = [e["REPRIEVE_CHANGE"] for e in success]
        need(len(set(ids)) == len(ids), "l1: one change has two entries in one cycle", sorted(ids))
        recovered = [e for e in success if "REPRIEVE_RECOVERED" in e]
        last = [e for e in success if "REPRIEVE_RECOVERED" not in e]
        if self.base is None:
            need(killed or not recovered, "c5: something was recovered, and nothing was interrupted", recovered)
        if not killed and not self.ledger.intents:
            self.compare(differences(target, self.target), written(last), "this cycle")
        if self.base is not None and not killed:
            for e in recovered:
                self.unseen[e["REPRIEVE_CHANGE"]] = e
            if not self.ledger.intents or recovered:
                changes, entries = differences(self.base, target), written(self.unseen.values())
                if self.n_unseen == 1:
                    self.compare(changes, entries, "an interrupted cycle")
                else:
                    missing = [c[:2] for c in changes if c[:2] not in {e[:2] for e in entries}]
                    need(not missing, "l1: a write of interrupted cycles has no entry", missing)
            self.base = None
            self.unseen, self.n_unseen = {}, 0
        if killed or self.ledger.intents:
            if self.base is None:
                self.base = target
            self.n_unseen += 1
            for e in success if killed else last:
                self.unseen[e["REPRIEVE_CHANGE"]] = e

    @staticmethod
    def compare(changes, entries, where):
        gone = {c[1] for c in changes if c[0] == "Delete"}
        new = {c[1] for c in changes if c[0] == "Create"}
        # The attributes of a new object stand in no entry of their own, but its references may; nor do the members of one that is gone.
        changes = [c for c in changes if not (c[0] == "Attributes" and c[1] in new)]
        entries = [e for e in entries if not (e[0] in ("Members", "Attributes") and e[1] in gone) and
                   not (e[0] == "Attributes" and e[1] in new and e[2] == {"manager"})]
        missing = [c for c in changes if c not in entries]
        surplus = [e for e in entries if e not in changes]
        need(not missing, f"l1: a write of {where} has no journal entry", missing, surplus)
        need(not surplus, f"l1: a journal entry of {where} has no write", surplus, missing)

    def check_staged(self, reading, before, r, killed):
        known = {(x["change_id"], x["kind"], x["source_id"]) for x in before.staged}
        logged = {(e["REPRIEVE_CHANGE"], e["REPRIEVE_KIND"], e["REPRIEVE_SOURCE_ID"]) for e in r.entries
                  if e.get("REPRIEVE_ACTION") in ("StagedDelete", "StagedAction")}
        rows = {(x["change_id"], x["kind"], x["source_id"]) for x in self.ledger.staged}
        need(rows - known <= logged, "l1: something was staged without a journal entry", rows - known - logged)
        if not killed:
            need(not logged & known & {(x["change_id"], x["kind"], x["source_id"]) for x in before.staged if x["state"] == "undecided"
                                       and x["member"] == 0}, "l2: what was staged before is logged again", logged & known)
        # Q3: what is undecided leaves only healed, replaced by another removal, or with the object itself.
        due = due_removals(before, reading, self.config["policies"], self.config["department"])
        for k in before.undecided() - self.ledger.undecided():
            if k[3] not in REMOVALS:
                continue
            if k[:2] in due and due[k[:2]] == k[3:] and (k[0], k[1]) in self.ledger.by_source:
                raise Broken(f"q3: {k} left the staged set, and nobody decided, and it is still due")
            need(reading.complete or k[:2] in reading.records, "e1: an incomplete reading healed what it cannot know", k)
        for hold in self.held - self.ledger.holds:
            record = reading.records.get(hold[:2])
            mine = record is not None and (hold[2] != 0 or not cause_of(hold[0], record, self.config["department"]))
            need(mine or hold[2] != 0, "q7: a hold has ended, and the source has not the object again", hold)

    def check_preview(self, preview, r):
        verdict = [e for e in r.entries if "REPRIEVE_VERDICT" in e][0]
        last = preview[-1]
        need((last["verdict"], str(last["counted"]), str(last["population"])) ==
             (verdict["REPRIEVE_VERDICT"], verdict["REPRIEVE_COUNTED"], verdict["REPRIEVE_POPULATION"]),
             "c7: the preview's verdict was another", last, verdict)
        failed = {e["REPRIEVE_CHANGE"] for e in r.entries if e.get("REPRIEVE_STATUS") == "failure"}
        applied = {e["REPRIEVE_CHANGE"] for e in r.entries if e.get("REPRIEVE_STATUS") == "success"} | failed
        staged = {e["REPRIEVE_CHANGE"] for e in r.entries if e.get("REPRIEVE_ACTION") in ("StagedDelete", "StagedAction")}
        planned = {p["change"] for p in preview[:-1] if p["fate"] in ("apply", "fail")}
        maybe = {p["change"] for p in preview[:-1] if p["fate"] == "stage-members" or (failed and (p["action"] in ("Members", "Delete") or "completes" in p))}
        need(planned - maybe <= applied <= planned | maybe, "c7: the preview is not what was applied",
             [p for p in preview if p.get("change") in planned ^ applied], [e for e in r.entries if e.get("REPRIEVE_CHANGE") in applied - planned])
        planned = {p["change"] for p in preview[:-1] if p["fate"] in ("stage", "stage-members")}
        need(planned == staged, "c7: the preview is not what was staged", planned, staged)

    def note_review(self):
        undecided = self.ledger.undecided()
        for review in self.reviews:
            self.reviews[review] &= undecided
        if self.ledger.review and self.ledger.review not in self.reviews:
            self.reviews[self.ledger.review] = set(undecided)

    def settle(self, reading, before, killed, whole):
        """What the model remembers for the next step."""
        self.note_review()
        self.held &= self.ledger.holds
        need(self.held == self.ledger.holds, "q7: a hold that nobody placed", self.ledger.holds - self.held)
        if self.ledger.fingerprint != before.fingerprint:
            self.signature = self.signature_now()
        refused = {(e["kind"], e["source_id"], e["action"]) for e in self.ledger.escrow if e["allowed"]}
        if killed:
            # How far it came, nobody saw.
            for k in set(self.allowed) - self.ledger.allowed():
                if (k[0], k[1], k[3]) not in refused:
                    del self.allowed[k]
            return
        changed = before.fingerprint and self.ledger.fingerprint != before.fingerprint
        due = due_removals(self.ledger, reading, self.config["policies"], self.config["department"])
        for k in list(self.allowed):
            if k[3] not in REMOVALS:
                del self.allowed[k]
            # A cycle that failed may have looked at nothing.
            elif changed or (whole and reading.complete and k[:2] not in reading.invalid and due.get(k[:2]) != k[3:]):
                del self.allowed[k]
            elif (k[0], k[1], k[3]) in refused:
                self.allowed[k] = None
            elif self.allowed[k] is not None and k not in self.ledger.allowed():
                del self.allowed[k]

    # ---- the end ----

    def converge(self):
        """Faults over, files whole, everything allowed: the target is what the source says."""
        self.tell("the end: no faults, whole files, names of one's own, everything released and allowed")
        self.faults, self.damage = [], {}
        for ident, u in self.users.items():
            u["userName"] = "final-" + ident
        for ident, g in self.groups.items():
            g["displayName"] = "final-" + ident
        if self.ledger.disabled:
            self.decide(["restart"])
        for kind, ident in sorted({h[:2] for h in self.held}):
            self.decide(["release", f"{kind}:{ident}"])
        self.held = set()
        quiet = 0
        for _ in range(16):
            if all(at is None for at in self.allowed.values()):
                self.clock += 25 * HOUR
            r = self.run()
            need(r.returncode == 0, "a cycle of the end failed", r.log[-1500:])
            if self.ledger.undecided():
                mine = self.reviews[self.ledger.review] & self.ledger.undecided()
                result = self.decide(["allow"])[0]
                need(result == 0 and mine <= self.ledger.allowed(), "q4: the last review cannot be allowed", result, sorted(mine))
                for k in mine:
                    self.allowed[k] = self.ledger.allowed_at(k)
            quiet = 0 if any("REPRIEVE_CHANGE" in e for e in r.entries) else quiet + 1
            if quiet == 2:
                break
        else:
            raise Broken("the end does not come: 16 cycles have always something to do")
        need(not self.ledger.quarantine, "q2: nothing is left to decide, and the quarantine stays", self.ledger.quarantine)
        need(not self.ledger.staged and not self.ledger.escrow, "something is staged or in escrow at the end", self.ledger.staged,
             self.ledger.escrow)
        self.check_convergence(Reading(self.house.source))

    def check_convergence(self, reading):
        ids = {key: row["target_id"] for key, row in self.ledger.by_source.items()}
        for key, record in reading.records.items():
            o = self.target.objects.get((key[0], ids.get(key)))
            cause = cause_of(key[0], record, self.config["department"])
            if cause:
                policy = policy_of(self.config["policies"], key[0], cause)
                if policy == "delete":
                    need(o is None, "the end: an object should be gone", key, o)
                elif policy == "disable":
                    need(o is None or o.get("active") is False, "the end: an object should be disabled", key, o)
                continue
            need(o is not None, "the end: an object of the source is not in the target", key)
            # Who was disabled and is back is active, also where the source says nothing of it.
            want = {"active": True, **{k: v for k, v in record.items() if k not in ("id", "members", "manager")}}
            manager = record.get("manager")
            manager = ids.get(("user", manager)) or ids.get(("group", manager))
            if manager:
                want["manager"] = manager
            got = {"active": True, **{k: v for k, v in o.items() if k not in ("id", "members", "phone")}}
            need(got == want, "the end: the target has other attributes than the source", key, got, want)
            if "members" in record:
                wanted = {ids.get(("user", m)) or ids.get(("group", m)) for m in (x["value"] for x in record["members"])} - {None}
                need(members_of(o) == wanted, "the end: the target has other members than the source", key, sorted(members_of(o)),
                     sorted(wanted), {v: k for k, v in ids.items()})
        for key, row in self.ledger.by_source.items():
            need((key[0], row["target_id"]) in self.target.objects, "the end: a link leads nowhere", row)
            if key not in reading.records:
                policy = policy_of(self.config["policies"], key[0], "deleted")
                o = self.target.objects[(key[0], row["target_id"])]
                need(policy == "keep" or (policy == "disable" and o.get("active") is False),
                     "the end: the source has not this object, and the target still has", key, policy, o)
        for key, o in self.target.objects.items():
            need(key in self.ledger.by_target or o["id"] in ("foreign", "there"), "the end: an object of the target is nobody's", o)


WEIGHTS = {"cycle": 40, "kill": 9, "idle": 3, "add": 6, "remove": 7, "change": 5, "rename": 5, "swap": 1, "block": 4, "soft_delete": 3,
           "group": 8, "damage": 5, "repair": 5, "faults": 6, "limits": 4, "configure": 3, "clock": 4, "lose_index": 1, "decide": 10,
           "release": 2, "restart": 1}


def steps_of(seed):
    rng = random.Random(seed)
    steps = [("cycle", 0)] + [(rng.choices(list(WEIGHTS), list(WEIGHTS.values()))[0], rng.randrange(1 << 30)) for _ in range(LENGTH)]
    # Every other history is one of references too.
    return [("manager", n) if name == "change" and n % 4 > 0 and seed % 2 == 0 else (name, n) for name, n in steps]


def play(steps, verbose=False):
    """None, or what did not hold, and the story so far."""
    w = World()
    try:
        for name, number in steps:
            getattr(w, "step_" + name)(random.Random(number))
            if verbose:
                print("\n".join("# " + s for s in w.story))
                w.story.clear()
        w.converge()
    except (Broken, AssertionError) as e:
        if verbose:
            print("\n".join("# " + s for s in w.story))
            print("#", w.house.log()[-6000:].replace("\n", "\n# "))
        return str(e), w.story, w.counts
    except Exception:
        return "the test itself: " + traceback.format_exc(), w.story, w.counts
    finally:
        w.close()
    return None, w.story, w.counts


def shrink(steps, what, seconds=float(os.environ.get("REPRIEVE_SHRINK") or 25)):
    """Leaves out what is not needed to break the same rule."""
    end = time.monotonic() + seconds
    keep = list(range(len(steps)))
    rule = what.split(":")[0]
    size = len(keep) // 2
    while size >= 1:
        i = 0
        while i < len(keep) and time.monotonic() < end:
            fewer = keep[:i] + keep[i + size:]
            result = play([steps[k] for k in fewer])[0]
            if result and result.split(":")[0] == rule:
                keep = fewer
            else:
                i += size
        size //= 2
    return keep


def worker(job):
    seeds, deadline, n_steps = job
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    counts = {"histories": 0, "steps": 0}
    for seed in seeds:
        if time.monotonic() > deadline or counts["steps"] >= n_steps:
            break
        steps = steps_of(seed)
        what, story, more = play(steps)
        counts["histories"] += 1
        counts["steps"] += len(steps) + 1
        for k, v in more.items():
            counts[k] = counts.get(k, 0) + v
        if what:
            keep = shrink(steps, what)
            shorter, story, _ = play([steps[k] for k in keep])
            return counts, (seed, keep, shorter or what, story)
    return counts, None


def main():
    seed = os.environ.get("REPRIEVE_SEED")
    if not os.path.exists(DECIDE):
        Tap.skip_all(f"{DECIDE} was not built")
    if SANITIZED:
        # The preloaded counter and the sanitizers exclude each other.
        WEIGHTS["kill"] = 0
    if seed and seed != "random":
        steps = steps_of(int(seed))
        if os.environ.get("REPRIEVE_KEEP"):
            steps = [steps[int(k)] for k in os.environ["REPRIEVE_KEEP"].split(",")]
        t = Tap()
        what, _, _ = play(steps, verbose=True)
        t.ok(what is None, f"history {seed}", what)
        t.done()

    t = Tap()
    first = random.SystemRandom().randrange(1 << 40) if seed == "random" else 1
    n_steps = int(os.environ.get("REPRIEVE_STEPS") or (500 if QUICK else 2000 if SANITIZED else 24000))
    n_workers = 2
    deadline = time.monotonic() + (3600 if os.environ.get("REPRIEVE_STEPS") else 420 if SANITIZED else 140)
    jobs = [(range(first + i, first + 1000000, n_workers), deadline, n_steps / n_workers) for i in range(n_workers)]
    with multiprocessing.Pool(n_workers) as pool:
        results = pool.map(worker, jobs, chunksize=1)
    counts = {}
    for more, _ in results:
        for k, v in more.items():
            counts[k] = counts.get(k, 0) + v
    failures = [f for _, f in results if f]
    for seed, keep, what, story in failures:
        print(f"# history {seed} fails: {what}".replace("\n", "\n# "))
        print(f"# again: REPRIEVE_SEED={seed} REPRIEVE_KEEP={','.join(map(str, keep))} {sys.argv[0]}")
        for s in story:
            print("#   " + s.replace("\n", "\n#   "))
    t.ok(not failures, f"the invariants hold in {counts['histories']} histories, seeds from {first}, of {counts['steps']} steps "
                       f"({counts.get('cycles', 0)} cycles, {counts.get('kills', 0)} of them killed)")
    t.done()


if __name__ == "__main__":
    main()
