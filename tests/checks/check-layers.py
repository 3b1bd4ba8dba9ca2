#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads every #include "…" below src and fails on one that points upwards, or to another room of the same floor that the
room may not use. Also: a library that belongs to one room is included there alone."""
import os
import re
import sys

top = os.environ.get("TOP_SRCDIR", os.path.join(os.path.dirname(__file__), "../.."))
src = os.path.join(top, "src")

# room: (floor, rooms of the same floor it may use)
FLOORS = {
    "base": 0,
    "identity": 1,
    "bus": 1,
    "plan": 2,
    "config": 3,
    "ledger": 4,
    "connectors": 4,
    "notify": 5,
    "engine": 6,
    "service": 6,
    "api": 7,
    "ctl": 7,
    "programs": 8,
}
# What a room may use of the floors below; everything else below is forbidden too.
MAY = {
    "base": [],
    "identity": ["base"],
    "bus": ["base"],
    "plan": ["base", "identity"],
    "config": ["base", "identity", "plan"],
    "ledger": ["base", "identity", "plan"],
    "connectors": ["base", "identity", "config", "plan"],
    "notify": ["base", "identity", "plan", "config", "ledger"],
    "engine": ["base", "identity", "plan", "config", "ledger", "connectors", "notify"],
    "service": ["base", "identity", "plan", "config", "ledger", "notify"],
    "api": ["base", "identity", "plan", "config", "ledger", "notify", "service", "bus"],
    "ctl": ["base", "bus"],
    "programs": list(FLOORS),
}
# Of connectors, the engine knows the contract alone.
ONLY = {("engine", "connectors"): {"connector.h"}}
LIBRARIES = {"dbus/dbus.h": "bus", "sqlite3.h": "ledger", "csv.h": "connectors"}

owner = {}
clashes = []
for room in sorted(os.listdir(src)):
    for base, _, files in os.walk(os.path.join(src, room)):
        for name in files:
            if name.endswith(".h"):
                if name in owner:
                    clashes.append(f"{name} stands in {owner[name]} and in {room}")
                owner[name] = room

failures = clashes
n = 0
for room in sorted(os.listdir(src)):
    if room not in FLOORS:
        failures.append(f"src/{room} has no floor in this test")
        continue
    for base, _, files in os.walk(os.path.join(src, room)):
        for name in files:
            if not name.endswith((".c", ".h")):
                continue
            path = os.path.join(base, name)
            for number, line in enumerate(open(path, encoding="utf-8"), 1):
                m = re.match(r'\s*#\s*include\s+(["<])([^">]+)[">]', line)
                if not m:
                    continue
                n += 1
                kind, header = m.groups()
                where = f"{os.path.relpath(path, top)}:{number}"
                if kind == "<":
                    if header in LIBRARIES and LIBRARIES[header] != room:
                        failures.append(f"{where}: <{header}> belongs to src/{LIBRARIES[header]}")
                    continue
                if header == "config.h" and name.endswith(".c"):
                    continue
                target = owner.get(header)
                if target is None:
                    failures.append(f'{where}: "{header}" is nowhere below src')
                elif target != room and target not in MAY[room]:
                    failures.append(f"{where}: src/{room} may not use src/{target} ({header})")
                elif (room, target) in ONLY and header not in ONLY[room, target]:
                    failures.append(f"{where}: of src/{target}, src/{room} may use {', '.join(ONLY[room, target])} alone")

print("TAP version 13")
for f in failures:
    print("#", f)
print(f"{'not ' if failures else ''}ok 1 - {n} includes point downwards")
print("1..1")
sys.exit(1 if failures else 0)
