#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who may do what: the polkit action of every member, what needs none, what a refusal leaves in the journal. Needs root, to be
somebody else."""
import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fake import BUILD, FakeHouse, JOB, MANAGER, ROOT, Tap, need_tools, wait_for  # noqa: E402
from house import TOP  # noqa: E402

need_tools("setpriv")
if os.geteuid() != 0:
    Tap.skip_all("only root can be somebody else")
t = Tap()
REFUSED = "f757d177fcfa489f8254cc08729ddc87"
STAFF = f"{ROOT}/job/staff"
LOOK, RUN, CONFIGURE, DECIDE = ("org.reprieve1." + a for a in ("look", "run", "configure", "decide"))
ACTIONS = {
    "ListJobs": None, "GetJob": None, "CreateJob": CONFIGURE, "RemoveJob": CONFIGURE, "Reload": CONFIGURE,
    "RunCycle": RUN, "Start": RUN, "Pause": RUN, "Restart": RUN, "ValidateConnections": RUN, "ProvisionOnDemand": RUN,
    "SendTestNotification": RUN,
    "AllowDeletes": DECIDE, "RejectDeletes": DECIDE, "AllowSelected": DECIDE, "RejectSelected": DECIDE, "Release": DECIDE,
    "ListSecondWave": LOOK, "SummarizeSecondWave": LOOK, "ListGroupLosses": LOOK,
    "ListStaged": LOOK, "OpenStaged": LOOK, "ListHeld": LOOK, "Preview": LOOK, "SummarizeStaged": None, "ListCycles": None,
}
ARGUMENTS = {"": [], "s": ["staff"], "u": ["10"], "ss": ["user", "x"], "sb": ["staff", "false"], "as": ["0"], "uu": ["0", "1"], "a(ss)": ["1", "user", "x"],
             "sa(ss)s": ["x", "1", "user", "x", "y"], "sa{sv}": ["x", "0"]}
VALUES = {"b": ["true"], "u": ["5"], "d": ["5"], "s": ["exceeded"], "as": ["0"], "t": ["60000000"]}

contract = ElementTree.parse(os.path.join(TOP, "data/org.reprieve1.xml")).getroot()


def members(kind):
    for path, node in ((ROOT, contract), (STAFF, contract.find("node"))):
        for i in node.findall("interface"):
            for m in i.findall(kind):
                yield path, i.get("name"), m


with FakeHouse() as h:
    os.chmod(h.dir, 0o755)
    h.start_bus()
    h.env["DBUS_SYSTEM_BUS_ADDRESS"] = h.address
    questions = os.path.join(h.dir, "questions")
    out = open(questions, "w")
    authority = subprocess.Popen([os.path.join(BUILD, "tests/bus/fake-polkit"), h.address], stdout=out, env=h.env)
    h.processes.append(authority)
    wait_for(lambda: "ready" in open(questions).read())
    h.start("--bus=system")

    def polkit(mode):
        h.busctl("call", "org.freedesktop.PolicyKit1", "/org/freedesktop/PolicyKit1/Authority", "org.freedesktop.PolicyKit1.Authority",
                 "SetMode", "s", mode)

    def nobody(*arguments):
        return subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "busctl", f"--address={h.address}",
                               "--allow-interactive-authorization=no", "--json=short", "--no-pager", "--", *arguments],
                              capture_output=True, text=True, env=h.env)

    def asked():
        return [line.split()[3] for line in open(questions).read().splitlines() if line.startswith("check")]

    polkit("no")
    n_refused = 0
    for path, interface, m in members("method"):
        name = m.get("name")
        signature = "".join(a.get("type") for a in m.findall("arg") if a.get("direction") != "out")
        before = len(asked())
        r = nobody("call", "org.reprieve1", path, interface, name, *([signature, *ARGUMENTS[signature]] if signature else []))
        if ACTIONS[name] is None:
            t.ok(r.returncode == 0 and len(asked()) == before, f"{name} needs no privilege", r.stderr)
        else:
            n_refused += 1
            t.ok(r.returncode != 0 and "Access denied" in r.stderr and asked()[before:] == [ACTIONS[name]],
                 f"{name} needs {ACTIONS[name]}", r.stdout, r.stderr, asked()[before:])
    for path, interface, p in members("property"):
        name = p.get("name")
        r = nobody("get-property", "org.reprieve1", path, interface, name)
        t.is_(r.returncode, 0, f"{name} can be read by everybody")
        if p.get("access") == "readwrite":
            before = len(asked())
            n_refused += 1
            r = nobody("set-property", "org.reprieve1", path, interface, name, p.get("type"), *VALUES[p.get("type")])
            t.ok(r.returncode != 0 and asked()[before:] == [CONFIGURE], f"setting {name} needs {CONFIGURE}", r.stderr)
    entries = h.entries(MESSAGE_ID=REFUSED, REPRIEVE_UID="65534")
    t.is_(len(entries), n_refused, "every refusal has its entry")
    t.ok({e["REPRIEVE_PERMISSION"] for e in entries} == {LOOK, RUN, CONFIGURE, DECIDE} and
         any(e.get("REPRIEVE_JOB") == "staff" for e in entries), "which says who, what was missing and which job")
    for _ in range(15):
        nobody("call", "org.reprieve1", STAFF, JOB, "Pause")
    t.is_(len(h.entries(MESSAGE_ID=REFUSED)), 31, "not more than thirty a minute, and one that says so")
    t.is_(h.get("Status"), "not-run", "and nothing was done")

    polkit("challenge")
    r = nobody("call", "org.reprieve1", STAFF, JOB, "Pause")
    t.like(r.stderr, "[Ii]nteractive", "who could prove himself is told so")
    polkit("yes")
    r = nobody("call", "org.reprieve1", STAFF, JOB, "Pause")
    t.is_((r.returncode, h.get("Status")), (0, "paused"), "whom polkit allows may")
    t.ok(any(e.get("REPRIEVE_UID") == "65534" and e.get("REPRIEVE_DECIDED_BY") == "nobody" for e in h.entries()), "and the entry names him")
    before = len(asked())
    h.call("Start")
    t.is_((h.get("Status"), len(asked())), ("not-run", before), "root is not asked about")

    r = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "busctl", f"--address=unix:path={h.run}/bus", "call",
                        "org.reprieve1", ROOT, MANAGER, "ListJobs"], capture_output=True, text=True, env=h.env)
    t.ok(r.returncode != 0, "nobody else gets into the private endpoint")
    authority.kill()
    authority.wait()
    r = nobody("call", "org.reprieve1", STAFF, JOB, "Pause")
    t.like(r.stderr, "Access denied", "without polkit it is no")

# The private endpoint of a service that is not root: root has everything, its own user what a cycle needs.
with FakeHouse() as h:
    h.start_bus()
    h.env["DBUS_SYSTEM_BUS_ADDRESS"] = h.address
    for folder, _, files in os.walk(h.dir):
        for name in [folder] + [os.path.join(folder, f) for f in files]:
            os.chown(name, 65534, 65534)
    NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    h.service = h.spawn([*NOBODY, os.path.join(BUILD, "reprieved"), *h.dirs(), "--bus=system", "--launch=direct", f"--exec-dir={h.exec}"])
    wait_for(lambda: h.busctl("status", "org.reprieve1", check=False).returncode == 0)
    private = f"unix:path={h.run}/bus"

    def as_itself(*arguments):
        return subprocess.run([*NOBODY, "busctl", f"--address={private}", "--no-pager", "call", "org.reprieve1", *arguments],
                              capture_output=True, text=True, env=h.env)

    t.is_(as_itself(ROOT, "org.reprieve1.Worker", "CycleStarted", "ss", "staff", "ab" * 16).returncode, 0, "its own user may report a cycle")
    t.like(as_itself(ROOT, MANAGER, "ListJobs").stderr, "denied", "and nothing else")
    t.like(as_itself(STAFF, "org.freedesktop.DBus.Properties", "Get", "ss", JOB, "Status").stderr, "denied", "not even look")
    r = h.busctl("call", "org.reprieve1", STAFF, JOB, "Pause", address=private)
    t.is_((r.returncode, h.get("Status")), (0, "paused"), "root may everything, without polkit")
t.done()
