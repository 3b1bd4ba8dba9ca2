# SPDX-License-Identifier: LGPL-2.1-or-later
"""A second, naive reading of docs/semantics.md for the random histories: what a source says, which removals are due, whether
limits let them pass, and what a target's two states differ in. Slow and simple; it shares nothing with the engine but what the
ledger says is linked, staged, held and in escrow."""
import json
import os
import sqlite3

KINDS = ("user", "group")
FILES = {"user": "users.jsonl", "group": "groups.jsonl"}


class Reading:
    """complete (E1), invalid (E2): sets of (kind, id); records: the usable ones by (kind, id); n: records met, by kind."""

    def __init__(self, folder):
        self.complete = True
        self.records, self.invalid, self.n = {}, set(), {k: 0 for k in KINDS}
        for kind in KINDS:
            path = os.path.join(folder, FILES[kind])
            if not os.path.exists(path):
                self.complete = False
                continue
            with open(path, "rb") as f:
                lines = f.read().split(b"\n")
            if lines.pop() != b"":
                self.complete = False
            for line in lines:
                if line.strip():
                    self.read(kind, line)

    def read(self, kind, line):
        self.n[kind] += 1
        try:
            record = json.loads(line)
            key = (kind, record["id"])
        except (ValueError, KeyError, TypeError):
            self.complete = False
            return
        if key in self.records or key in self.invalid or not isinstance(record.get("members", []), list):
            self.records.pop(key, None)
            self.invalid.add(key)
        else:
            self.records[key] = record


def cause_of(kind, record, department):
    if record is None:
        return "deleted"
    if record.get("deleted") is True:
        return "soft-deleted"
    if record.get("active") is False:
        return "blocked"
    if department and kind == "user" and record.get("department") != department:
        return "out-of-scope"
    return ""


DEFAULTS = {"deleted": "delete", "soft-deleted": None, "blocked": None, "out-of-scope": None}


def policy_of(policies, kind, cause):
    p = policies.get(cause) or DEFAULTS[cause]
    return p or ("disable" if kind == "user" else "delete")


class LedgerView:
    def __init__(self, path):
        self.links, self.staged, self.holds, self.escrow, self.intents = [], [], set(), [], []
        self.fingerprint, self.disabled, self.quarantine, self.review = "", False, "", None
        self.by_target, self.by_source = {}, {}
        self.started = 0             # when the newest cycle began, in seconds
        if not os.path.exists(path):
            return
        db = sqlite3.connect(path)
        if not list(db.execute("SELECT name FROM sqlite_master WHERE name = 'job'")):
            db.close()
            return
        db.row_factory = sqlite3.Row
        self.links = [dict(r) for r in db.execute("SELECT * FROM links")]
        self.staged = [dict(r) for r in db.execute("SELECT * FROM staged")]
        self.holds = {(r["kind"], r["source_id"], r["member"]) for r in db.execute("SELECT * FROM holds")}
        self.escrow = [dict(r) for r in db.execute("SELECT * FROM escrow")]
        self.intents = [dict(r) for r in db.execute("SELECT * FROM intents")]
        for row in db.execute("SELECT * FROM job"):
            self.fingerprint, self.disabled, self.quarantine = row["fingerprint"], bool(row["disabled"]), row["quarantine"]
        for row in db.execute("SELECT max(started) FROM cycles"):
            self.started = (row[0] or 0) / 1e6
        for row in db.execute("SELECT id FROM reviews WHERE how IS NULL ORDER BY ordinal DESC LIMIT 1"):
            self.review = row["id"]
        db.close()
        self.by_target = {(r["kind"], r["target_id"]): r for r in self.links}
        self.by_source = {(r["kind"], r["source_id"]): r for r in self.links}

    def undecided(self):
        return {row_key(r) for r in self.staged if r["state"] == "undecided"}

    def allowed(self):
        return {row_key(r) for r in self.staged if r["state"] == "allowed"}

    def allowed_at(self, key):
        return next(r["allowed_at"] for r in self.staged if row_key(r) == key) / 1e6


def row_key(row):
    return row["kind"], row["source_id"], row["member"], row["action"], row["cause"]


def due_removals(ledger, reading, policies, department):
    """{(kind, id): (action, cause)} of the linked objects that this reading wants removed (E1, E2, R1 to R3)."""
    due = {}
    if not reading.complete:
        return due
    for link in ledger.links:
        key = (link["kind"], link["source_id"])
        if key in reading.invalid:
            continue
        cause = cause_of(link["kind"], reading.records.get(key), department)
        if not cause:
            continue
        policy = policy_of(policies, link["kind"], cause)
        if policy == "delete" or (policy == "disable" and not link["disabled"]):
            due[key] = (policy.capitalize(), cause)
    return due


def trips(config, counted, population):
    """G2, G3 in whole numbers."""
    if counted == 0:
        return False
    over = (lambda a, b: a > b) if config["exceeded"] else (lambda a, b: a >= b)
    if over(counted, config["threshold"]):
        return True
    return config["percent"] is not None and population >= config["minimum"] and \
        over(counted * 100, config["percent"] * population)


def everything_goes(ledger, going, counted):
    """E6: of a kind with at least five objects no linked one, or no enabled one, would be left."""
    for kind in {k[0] for k in counted}:
        links = {(r["kind"], r["source_id"]): r["disabled"] for r in ledger.links if r["kind"] == kind}
        enabled = {k for k, disabled in links.items() if not disabled}
        if any(len(s) >= 5 and s <= going.keys() for s in (set(links), enabled)):
            return True
    return False


class TargetView:
    """The objects of a json target by (kind, target id)."""

    def __init__(self, folder):
        self.objects = {}
        self.raw = {}
        for kind in KINDS:
            path = os.path.join(folder, FILES[kind])
            if os.path.exists(path):
                with open(path, "rb") as f:
                    self.raw[kind] = f.read()
                for line in self.raw[kind].decode().splitlines():
                    o = json.loads(line)
                    self.objects[(kind, o["id"])] = o


def members_of(o):
    return {m["value"] for m in o.get("members", [])}


def attributes_of(o):
    return {k: v for k, v in o.items() if k not in ("id", "members", "active")}


def differences(before, after):
    """[(what, key, detail)]: what is Create, Delete, Disable, Restore, Attributes or Members."""
    out = []
    for key in before.objects.keys() | after.objects.keys():
        a, b = before.objects.get(key), after.objects.get(key)
        if a is None:
            out.append(("Create", key, None))
            a = {"members": [], **attributes_of(b)}
            a["active"] = b.get("active", True)
        if b is None:
            out.append(("Delete", key, None))
            continue
        if a.get("active", True) != b.get("active", True):
            out.append(("Disable" if b.get("active") is False else "Restore", key, None))
        if attributes_of(a) != attributes_of(b):
            x, y = attributes_of(a), attributes_of(b)
            out.append(("Attributes", key, frozenset(k for k in x.keys() | y.keys() if x.get(k) != y.get(k))))
        added, removed = members_of(b) - members_of(a), members_of(a) - members_of(b)
        if added or removed:
            out.append(("Members", key, (frozenset(added), frozenset(removed))))
    return out


def written(entries):
    """The same of journal entries (success), so that the two can be compared."""
    out = []
    members, attributes = {}, {}
    for e in entries:
        key = (e["REPRIEVE_KIND"], e.get("REPRIEVE_TARGET_ID", "nothing"))
        modified = json.loads(e.get("REPRIEVE_MODIFIED", "{}"))
        action = e["REPRIEVE_ACTION"]
        if "members" in modified and set(modified["members"]) == {"added", "removed"}:
            added, removed = members.setdefault(key, (set(), set()))
            added.update(modified["members"]["added"])
            removed.update(modified["members"]["removed"])
            continue
        if action != "Update":
            out.append((action, key, None))
        changed = frozenset(k for k in modified if k != "active")
        if changed and action in ("Update", "Restore"):
            # An object that is adopted gets its references by a second update.
            attributes.setdefault(key, set()).update(changed)
    out += [("Attributes", key, frozenset(changed)) for key, changed in attributes.items()]
    for key, (added, removed) in members.items():
        out.append(("Members", key, (frozenset(added - removed), frozenset(removed - added))))
    return out
