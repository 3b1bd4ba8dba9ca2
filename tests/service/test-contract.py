#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The running service shows exactly the contract, data/org.reprieve1.xml: nothing is missing and nothing is there besides."""
import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fake import BUILD, FakeHouse, JOB, MANAGER, ROOT, Tap, need_tools  # noqa: E402
from house import TOP  # noqa: E402

need_tools()
t = Tap()


def members(interface):
    """{name: what it is} of an <interface>, so that two can be compared."""
    found = {}
    for e in interface:
        arguments = tuple((a.get("name"), a.get("type"), a.get("direction") or ("in" if e.tag == "method" else None))
                          for a in e.findall("arg"))
        if e.tag == "annotation":
            continue
        found[e.get("name")] = (e.tag, e.get("type"), e.get("access")) if e.tag == "property" else (e.tag, arguments)
    return found


def interfaces(node):
    return {i.get("name"): members(i) for i in node.findall("interface")}


def introspect(h, path, address=None):
    r = h.busctl("--json=short", "call", "org.reprieve1", path, "org.freedesktop.DBus.Introspectable", "Introspect", address=address)
    return ElementTree.fromstring(json.loads(r.stdout)["data"][0])


contract = ElementTree.parse(os.path.join(TOP, "data/org.reprieve1.xml")).getroot()
wanted = interfaces(contract)
wanted.update(interfaces(contract.find("node")))

with FakeHouse() as h:
    h.start()
    root, job = introspect(h, ROOT), introspect(h, f"{ROOT}/job/staff")
    shown_root, shown_job = interfaces(root), interfaces(job)
    t.is_(shown_root.get(MANAGER), wanted[MANAGER], "Manager on the bus is the contract's")
    t.is_(shown_job.get(JOB), wanted[JOB], "Job on the bus is the contract's")
    t.ok("org.freedesktop.DBus.ObjectManager" in shown_root, "the root is an ObjectManager")
    ours = {i for i in list(shown_root) + list(shown_job) if i.startswith("org.reprieve1")}
    t.is_(ours, {MANAGER, JOB}, "there is no other interface of ours on the bus")
    t.is_([n.get("name") for n in root.findall("node")], ["job"], "jobs are below job/")

    private = f"unix:path={h.run}/bus"
    there = interfaces(introspect(h, ROOT, private))
    t.is_(there.get(MANAGER), wanted[MANAGER], "Manager on the private endpoint is the contract's")
    t.is_(interfaces(introspect(h, f"{ROOT}/job/staff", private)).get(JOB), wanted[JOB], "so is Job")
    t.is_(sorted(there.get("org.reprieve1.Worker", {})), ["CycleFinished", "CycleStarted", "Progress", "TakeTask"], "Worker is there, and only there")

    for name, (kind, *rest) in wanted[JOB].items():
        if kind != "property":
            continue
        r = h.busctl("--json=short", "get-property", "org.reprieve1", f"{ROOT}/job/staff", JOB, name, check=False)
        t.is_(r.returncode == 0 and json.loads(r.stdout)["type"], rest[0], f"{name} can be read and has its type")

    for path, shown in ((ROOT, shown_root[MANAGER]), (f"{ROOT}/job/staff", shown_job[JOB])):
        r = subprocess.run([os.path.join(BUILD, "reprieved"), f"--bus-introspect={path}"], capture_output=True, text=True)
        printed = interfaces(ElementTree.fromstring(f"<node>{r.stdout}</node>"))
        t.ok(shown in printed.values(), f"--bus-introspect={path} prints what the bus shows", r.stdout, r.stderr)
    r = subprocess.run([os.path.join(BUILD, "reprieved"), "--bus-introspect=/nowhere"], capture_output=True, text=True)
    t.ok(r.returncode == 1 and "/nowhere" in r.stderr, "--bus-introspect of nothing fails", r.stderr)

    r = h.busctl("--json=short", "call", "org.reprieve1", ROOT, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects")
    t.is_(list(json.loads(r.stdout)["data"][0]), [f"{ROOT}/job/staff"], "GetManagedObjects has the job")
    r = h.busctl("get-property", "org.reprieve1", "/org/freedesktop/LogControl1", "org.freedesktop.LogControl1", "LogLevel", "LogTarget",
                 "SyslogIdentifier")
    t.is_(r.stdout.split(), ["s", '"info"', "s", '"stderr"', "s", '"reprieved"'], "LogControl1 shows level, target, identifier")
    h.busctl("set-property", "org.reprieve1", "/org/freedesktop/LogControl1", "org.freedesktop.LogControl1", "LogLevel", "s", "debug")
    r = h.busctl("set-property", "org.reprieve1", "/org/freedesktop/LogControl1", "org.freedesktop.LogControl1", "LogLevel", "s", "loud",
                 check=False)
    t.like(r.stderr, "debug, info", "LogControl1 refuses a level that is none and names those that are")
t.done()
