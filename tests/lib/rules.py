# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of the rules share (docs/semantics.md): a small roster, the json connectors, and the target's fault plan. Each rule is a
function of one argument, the house, and is named by what it shows; arguments name functions, or beginnings of their names, to run alone."""
import json
import os
import sys
import tempfile
import traceback

if os.path.isdir("/dev/shm") and os.access("/dev/shm", os.W_OK):
    tempfile.tempdir = "/dev/shm"
from house import BUILD, House, Tap  # noqa: E402

SHIM = os.path.join(BUILD, "tests/crash/crashpoint.so")
DAY = 24


class Wrong(Exception):
    pass


def check(condition, what, *details):
    if not condition:
        raise Wrong(what + "".join(f"\n  {d!r}" for d in details))


def same(got, expected, what):
    check(got == expected, what, got, expected)


def user(i, **more):
    return dict({"id": f"U{i}", "userName": f"user{i}", "displayName": f"User {i}", "active": True}, **more)


def group(i, members=None, **more):
    g = dict({"id": f"G{i}", "displayName": f"Group {i}"}, **more)
    if members is not None:
        g["members"] = [{"value": f"U{m}" if isinstance(m, int) else m} for m in members]
    return g


class Job(House):
    """A house with one job and a clock that can be put forward."""

    def __init__(self):
        super().__init__()
        self.hours = 0
        self.faults([])

    def configure(self, groups=True, **sections):
        sections.setdefault("Target", {}).setdefault("Faults", os.path.join(self.dir, "faults"))
        sections.setdefault("Deletions", {}).setdefault("DeletionThreshold", 3)
        self.write_job(groups=groups, sections={k.replace("_", " "): v for k, v in sections.items()})

    def faults(self, faults):
        with open(os.path.join(self.dir, "faults"), "w") as f:
            f.write("".join(json.dumps(x) + "\n" for x in faults))

    def start(self, users=range(8), groups=(), **sections):
        """A healthy job that has provisioned these users and groups."""
        self.configure(**sections)
        self.users([user(i) for i in users])
        self.groups(groups)
        self.go()
        return self

    def users(self, users):
        self.write_source(users=users)

    def groups(self, groups):
        self.write_source(groups=list(groups))

    def clock(self):
        return {"REPRIEVE_CLOCK_OFFSET": f"{self.hours * 60}min"} if self.hours else {}

    def go(self, check=0, env=None, options=()):
        return self.cycle("staff", *options, env=dict(self.clock(), **(env or {})), check=check)

    def look(self):
        return self.preview("staff", env=self.clock())

    def say(self, verb, *objects, **options):
        return self.decide(verb, *objects, env=self.clock(), **options)

    def names(self, active=None):
        return sorted(u["userName"] for u in self.target_users() if active is None or u.get("active", True) == active)

    def members(self, name):
        names = {o["id"]: o.get("userName") or o["displayName"] for o in self.target_users() + self.target_groups()}
        for g in self.target_groups():
            if g["displayName"] == name:
                return sorted(names.get(m["value"], "dangling") for m in g.get("members", []))
        return None

    def staged(self, state="undecided"):
        return sorted((r["kind"], r["source_id"], r["action"], r["cause"])
                      for r in self.ledger("SELECT * FROM staged WHERE state = ?", state))

    def review(self):
        rows = self.ledger("SELECT id FROM reviews WHERE how IS NULL ORDER BY ordinal DESC LIMIT 1")
        return rows[0]["id"] if rows else None

    def held(self):
        return sorted(r["source_id"] for r in self.ledger("SELECT source_id FROM holds"))

    def job(self):
        return self.ledger("SELECT * FROM job")[0]


def changes(r, **fields):
    return [e for e in r.entries if "REPRIEVE_CHANGE" in e and all(e.get(k) == v for k, v in fields.items())]


def verdict(r):
    return [e for e in r.entries if "REPRIEVE_VERDICT" in e][0]


def all_names(*ids):
    return [f"user{i}" for i in ids]


def trip(h, n=4, **sections):
    h.start(range(10), **sections)
    h.users([user(i) for i in range(n, 10)])
    h.go()
    return h.review()


def run(rules):
    """Those functions of a module that take a house."""
    t = Tap()
    for f in list(rules.values()):
        if getattr(f, "__module__", "") != "__main__" or f.__code__.co_varnames[:f.__code__.co_argcount] != ("h",):
            continue
        if len(sys.argv) > 1 and not any(f.__name__.startswith(a) for a in sys.argv[1:]):
            continue
        with Job() as h:
            try:
                f(h)
                t.ok(True, f.__name__)
            except (Wrong, AssertionError) as e:
                t.ok(False, f.__name__, str(e))
            except Exception as e:
                t.ok(False, f.__name__, traceback.format_exc(), e)
    t.done()
