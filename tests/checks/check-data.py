#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What systemd, D-Bus and polkit read: they accept it, it lets nobody do more than the table of programs says, and it agrees
with what the programs serve and ask for."""
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from house import BUILD, Tap, TOP  # noqa: E402

t = Tap()
data = os.path.join(TOP, "data")
read = lambda path: open(path, encoding="utf-8").read()  # noqa: E731


def run(*argv, **kwargs):
    return subprocess.run(argv, capture_output=True, text=True, **kwargs)


with tempfile.TemporaryDirectory() as work:
    # ---- units: systemd-analyze wants programs that exist, so it gets a copy that names /bin/true
    units = os.path.join(work, "units")
    os.mkdir(units)
    for path in glob.glob(f"{BUILD}/data/systemd/*.service") + glob.glob(f"{data}/systemd/*.socket") + \
            glob.glob(f"{data}/systemd/*.timer") + glob.glob(f"{data}/systemd/*.target"):
        name = os.path.basename(path)
        text = read(path)
        t.ok(not re.search(r"@(bindir|pkglibexecdir|sysconfdir|localstatedir)@", text), f"{name}: paths are filled in")
        with open(os.path.join(units, name), "w", encoding="utf-8") as f:
            f.write(re.sub(r"^(ExecStart=)\S+", r"\1/bin/true", text, flags=re.M))
    if shutil.which("systemd-analyze"):
        targets = [os.path.join(units, n.replace("@.", "@staff.")) for n in sorted(os.listdir(units))]
        for name in ("cycle", "task"):
            os.symlink(f"reprieve-{name}@.service", os.path.join(units, f"reprieve-{name}@staff.service"))
        r = run("systemd-analyze", "verify", "--man=no", *targets, env=dict(os.environ, SYSTEMD_UNIT_PATH=units + ":"))
        said = [line for line in (r.stdout + r.stderr).splitlines() if "reprieve" in line]
        t.ok(r.returncode == 0 and not said, "systemd-analyze verify has nothing to say about the units", *said, r.stderr[-2000:])
        for name, most in (("reprieved.service", 1.5), ("reprieve-cycle@staff.service", 2.5), ("reprieve-task@staff.service", 2.5),
                           ("reprieve-notify.service", 2.5)):
            r = run("systemd-analyze", "security", "--offline=yes", "--no-pager", os.path.join(units, name))
            m = re.search(r"Overall exposure level for \S+ ([0-9.]+)", r.stdout)
            t.ok(m and float(m.group(1)) <= most, f"{name}: exposure {m.group(1) if m else '?'}, at most {most}", r.stdout[-3000:])
    else:
        t.skip("systemd-analyze", "not here")
    for name in ("reprieved.service", "reprieve-cycle@.service", "reprieve-task@.service", "reprieve-notify.service"):
        text = read(os.path.join(units, name))
        wanted = ["User=_reprieve", "NoNewPrivileges=yes", "LimitCORE=0", "ProtectSystem=strict", "MemoryMax=", "TasksMax=", "CapabilityBoundingSet=\n"]
        t.is_([w for w in wanted if w not in text], [], f"{name}: own user, no privileges, no core, limits")
    cycle = read(os.path.join(units, "reprieve-cycle@.service"))
    task = read(os.path.join(units, "reprieve-task@.service"))
    t.is_(sorted(line for line in set(cycle.splitlines()) ^ set(task.splitlines()) if line[0] != "#"),
          ["Description=Provisioning Cycle of %i", "Description=Provisioning Task of %i"] +
          [line for f in (cycle, task) for line in f.splitlines() if line.startswith("ExecStart=")] +
          ["KillMode=control-group", "KillMode=mixed", "SuccessExitStatus=75"], "a task has the sandbox of a cycle")
    t.ok("LogRateLimitIntervalSec=1s\nLogRateLimitBurst=1000000\n" in cycle, "a cycle's entries are not rate limited, in the form that reaches journald")
    t.is_([n for n in ("reprieve-cycle@.service", "reprieve-notify.service") if "StartLimitIntervalSec=0\n" not in read(os.path.join(units, n))], [],
          "a unit that people, timers and decisions start is not refused for starting often")
    t.ok("InaccessiblePaths=-/run/dbus" in cycle and "PrivateNetwork=yes" in read(os.path.join(units, "reprieved.service")),
         "a cycle has no system bus, the service no network")

    # ---- what docs/sandbox.md has to name: options of systemd.exec(5) that tighten and that a unit leaves out
    documented = read(os.path.join(TOP, "docs/sandbox.md"))
    for name, options in (("reprieve-cycle@.service", ("PrivateNetwork=", "IPAddressDeny=")), ("reprieve-notify.service", ("PrivateNetwork=",)),
                          ("reprieved.service", ("RestrictAddressFamilies=",))):
        t.is_([o for o in options if o not in documented], [], f"docs/sandbox.md speaks of what {name} leaves out")

    # ---- D-Bus
    policy = ET.parse(f"{data}/dbus/org.reprieve1.conf").getroot()
    rules = policy.findall("policy[@context='default']/*")
    t.ok(rules[0].tag == "deny" and rules[0].attrib == {"send_destination": "org.reprieve1"}, "the bus denies first")
    allowed = {(r.get("send_interface"), r.get("send_member")) for r in rules if r.tag == "allow" and r.get("send_destination")}
    t.ok(all(m for _, m in allowed), "and allows member by member")
    t.is_([p.get("user") for p in policy.findall("policy") if p.find("allow[@own]") is not None], ["_reprieve"], "only _reprieve may own the name")
    contract = {(i.get("name"), m.get("name")) for i in ET.parse(f"{data}/org.reprieve1.xml").getroot().iter("interface")
                for m in i.findall("method")}
    t.is_({a for a in allowed if a[0].startswith("org.reprieve1")}, contract, "the members are exactly those of the contract")
    reprieved = os.path.join(BUILD, "reprieved")
    served = set()
    for path in ("/org/reprieve1", "/org/reprieve1/job/staff"):
        xml = run(reprieved, f"--bus-introspect={path}").stdout
        root = ET.fromstring(f"<node>{xml}</node>")
        served |= {(i.get("name"), m.get("name")) for i in root.iter("interface") for m in i.findall("method")}
    t.is_({s for s in served if s[0].startswith("org.reprieve1") and s[0] != "org.reprieve1.Worker"}, contract, "and of what the service serves")
    activation = read(os.path.join(BUILD, "data/dbus/org.reprieve1.service"))
    t.ok("SystemdService=reprieved.service" in activation and "Exec=/bin/false" in activation, "the bus has systemd start the service")
    if shutil.which("dbus-daemon"):
        conf = os.path.join(work, "bus.conf")
        text = read(f"{data}/dbus/org.reprieve1.conf").replace('user="_reprieve"', f'user="{os.geteuid()}"')
        with open(conf, "w", encoding="utf-8") as f:
            f.write(text.replace("<busconfig>", f"<busconfig><type>system</type><listen>unix:path={work}/bus</listen>"))
        p = subprocess.Popen(["dbus-daemon", f"--config-file={conf}", "--nofork", "--print-address"], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True)
        line = p.stdout.readline()
        p.terminate()
        t.ok(line.startswith("unix:"), "dbus-daemon accepts the policy", p.communicate()[1])
    else:
        t.skip("dbus-daemon accepts the policy", "not here")

    # ---- polkit
    root = ET.parse(f"{data}/polkit/org.reprieve1.policy").getroot()
    actions = {a.get("id"): a for a in root.findall("action")}
    asked = set(re.findall(r'"(org\.reprieve1\.[a-z]+)"', read(f"{TOP}/src/api/api-internal.h")))
    t.is_(set(actions), asked, "the actions are those that the service asks for")
    t.is_({a.findtext(f"defaults/allow_{w}") for n, a in actions.items() if n.endswith(".decide") for w in ("any", "inactive", "active")},
          {"auth_admin"}, "a decision is an administrator's and is never kept")
    t.ok(all(a.findtext(f"defaults/allow_{w}").startswith("auth_admin") for a in actions.values() for w in ("any", "inactive", "active")),
         "nothing is anybody's without an administrator")
    lang = "{http://www.w3.org/XML/1998/namespace}lang"
    t.ok(all({e.get(lang) for e in a.findall(tag)} == {None, "de", "el"} for a in actions.values() for tag in ("description", "message")),
         "each action speaks English, German and Greek")
    t.ok(all(a.findtext("annotate[@key='org.freedesktop.policykit.owner']") == "unix-user:_reprieve" for a in actions.values()),
         "the service may ask about others")
    rule = read(f"{data}/polkit/org.reprieve1.rules")
    t.is_(sorted(set(re.findall(r'org\.freedesktop\.systemd1\.[a-z-]+', rule))),
          ["org.freedesktop.systemd1.manage-units", "org.freedesktop.systemd1.reload-daemon"], "the rule lets _reprieve start units and reload")
    engine = shutil.which("node") or shutil.which("duk")
    if engine and os.path.basename(engine) == "node":
        script = "var rules=[]; var polkit={Result:{YES:'yes',NO:'no',NOT_HANDLED:'-'},addRule:f=>rules.push(f)};" + rule + """
var ask=(user,id,unit,verb)=>rules[0]({id:id,lookup:k=>({unit:unit,verb:verb})[k]},{user:user});
var m='org.freedesktop.systemd1.manage-units';
console.log([ask('_reprieve',m,'reprieve-cycle@a.b-c_1.service','start'),ask('_reprieve',m,'reprieve-cycle@a.timer','stop'),
ask('_reprieve',m,'reprieve-notify.service','start'),ask('_reprieve',m,'reprieve-task@a.service','stop'),ask('_reprieve','org.freedesktop.systemd1.reload-daemon'),
ask('_reprieve',m,'reprieve-cycle@a.service','restart'),ask('_reprieve',m,'reprieve-task@a.timer','start'),ask('_reprieve',m,'sshd.service','start'),ask('_reprieve',m,'x-reprieve-cycle@a.service','start'),
ask('_reprieve',m,'reprieve-cycle@a.service\\n','start'),ask('_reprieve',m,undefined,'start'),ask('_reprieve','org.freedesktop.systemd1.manage-unit-files'),
ask('root',m,'sshd.service','start'),ask('somebody',m,'reprieve-cycle@a.service','start')].join(' '));"""
        r = run(engine, "-e", script)
        t.is_(r.stdout.strip(), "yes yes yes yes yes no no no no no no no - -", "the rule says yes to its own units only, and of others nothing")
    else:
        t.skip("the rule says yes to its own units only", "no JavaScript engine here")

    # ---- packages
    spec = os.path.join(data, "packaging/reprieve.spec")
    version = re.search(r"AC_INIT\(\[reprieve\], \[([^]]+)\]", read(os.path.join(TOP, "configure.ac"))).group(1)
    t.ok(f"Version:        {version}\n" in read(spec) and read(f"{data}/packaging/debian/changelog").startswith(f"reprieve ({version})"),
         f"both packages are of version {version}")
    if shutil.which("rpmspec"):
        r = run("rpmspec", "-P", spec)
        t.is_(r.returncode, 0, f"rpmspec reads the spec file {r.stderr.strip()}")
    else:
        t.skip("rpmspec reads the spec file", "not here")

    # ---- sysusers, tmpfiles
    for tool, name in (("systemd-sysusers", "reprieve.sysusers.conf"), ("systemd-tmpfiles", "reprieve.tmpfiles.conf")):
        if not shutil.which(tool) or os.geteuid() != 0:
            t.skip(f"{tool} accepts its file", "not here, or not root")
            continue
        root = os.path.join(work, "root")
        os.makedirs(os.path.join(root, "etc"), exist_ok=True)
        path = os.path.join(data, "systemd", name) if os.path.exists(os.path.join(data, "systemd", name)) else os.path.join(BUILD, "data/systemd", name)
        r = run(tool, *(["--create"] if "tmpfiles" in tool else []), f"--root={root}", path)
        t.ok(r.returncode == 0 and not r.stderr.strip().replace("Creating", "", 2).startswith("Failed"), f"{tool} accepts its file", r.stderr)
    if os.path.exists(os.path.join(work, "root/etc/passwd")):
        t.like(read(os.path.join(work, "root/etc/passwd")), r"(?m)^_reprieve:", "the user is made")
t.done()
