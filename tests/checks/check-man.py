#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The manual pages say what the programs do: each key with its default, each option of --help, each member of the D-Bus interface
with the action it needs; and nothing that there is not. They are well formed where a checker is at hand."""
import glob
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from house import BUILD, Tap, TOP  # noqa: E402

t = Tap()


def run(*argv):
    return subprocess.run(argv, capture_output=True, text=True).stdout


def page(name):
    return open(os.path.join(TOP, "man", name), encoding="utf-8").read().replace("\\-", "-")


def documented_keys(text):
    """{(section, key): default} of ".SS [Section]", ".BI Key= VALUE", "Default: X."."""
    found = {}
    section = key = None
    for line in text.splitlines():
        m = re.match(r"\.SS \[(\w+)\]$", line)
        if m:
            section, key = m.group(1), None
        elif line.startswith((".SS", ".SH")):
            section = key = None
        m = re.match(r"\.BI (\w+)= ", line)
        if m and section:
            key = (section, m.group(1))
            found[key] = "-"
        m = re.match(r"Default: (.*)\.$", line)
        if m and key:
            found[key] = m.group(1)
    return found


keys = {}
common = set()
for row in run(os.path.join(BUILD, "tests/checks/print-keys")).splitlines():
    section, name, default, scope = row.split("\t")
    keys[section, name] = default
    if scope == "common":
        common.add((section, name))
job = documented_keys(page("reprieve-job.5"))
conf = documented_keys(page("reprieve.conf.5"))
t.is_({k: v for k, v in job.items()}, {k: v for k, v in keys.items() if k[0] != "Mail"}, "reprieve-job(5) has every key with its default")
t.is_(conf, {k: v for k, v in keys.items() if k[0] == "Mail"}, "reprieve.conf(5) has every key of [Mail]")
listed = {(s, k) for s, ks in re.findall(r"\.B \[(\w+)\]\n((?:\w+=,?\n)+)", page("reprieve.conf.5")) for k in re.findall(r"(\w+)=", ks)}
t.is_(listed, common, "and names every key that may be a default for all jobs")

# Every program has these; a page may leave them to that of another.
COMMON = {"--config-dir", "--state-dir", "--runtime-dir", "--bus", "--log-level", "--log-target", "--help", "--version"}
for program, section in (("reprieved", 8), ("reprieve-cycle", 8), ("reprieve-notify", 8), ("reprieve-generator", 8)):
    options = set(re.findall(r"^\s+(?:-\w )?\s*(--[a-z-]+)", run(os.path.join(BUILD, program), "--help"), re.M))
    text = page(f"{program}.{section}")
    described = {a or b for a, b in re.findall(r"(?m)^\.BI? (--[a-z-]+)|^\.BR -h \", \" (--help)", text)}
    t.is_((described - options, options - COMMON - described), (set(), set()),
          f"{program}({section}) has the options of --help, and no others")

text = page("org.reprieve1.5")
sources = "".join(open(p, encoding="utf-8").read() for p in glob.glob(f"{TOP}/src/api/*.c"))
needs = dict(re.findall(r'\{\s*"(\w+)",\s*"[^"]*",\s*"[^"]*",\s*"[^"]*",\s*"[^"]*",\s*method_\w+,\s*\w+,\s*(\w+)\s*\}', sources))
actions = dict(re.findall(r'#define (ACTION_\w+) "([\w.]+)"', open(f"{TOP}/src/api/api-internal.h", encoding="utf-8").read()))
expected = []
for path, name in (("/org/reprieve1", "org.reprieve1.Manager"), ("/org/reprieve1/job/x", "org.reprieve1.Job")):
    xml = ET.fromstring(f"<node>{run(os.path.join(BUILD, 'reprieved'), f'--bus-introspect={path}')}</node>")
    interface = xml.find(f"interface[@name='{name}']")
    joined = lambda e, d: ", ".join(f"{a.get('type')} {a.get('name')}" for a in e.findall("arg") if a.get("direction", "in") == d)  # noqa: E731
    for m in interface.findall("method"):
        expected.append(("method", m.get("name"), joined(m, "in"), joined(m, "out"), actions.get(needs[m.get("name")], "")))
    for p in interface.findall("property"):
        expected.append(("property", p.get("name"), p.get("type"), "w" if "write" in p.get("access") else "", ""))
    for s in interface.findall("signal"):
        expected.append(("signal", s.get("name"), ", ".join(f"{a.get('type')} {a.get('name')}" for a in s.findall("arg")), "", ""))
found = []
for item in re.split(r"(?m)^\.TP\n", text)[1:]:
    item = re.split(r"(?m)^\.S[SH]", item)[0]
    action = re.search(r"Needs\n\.IR (\S+) \.", item)
    m = re.match(r'\.BR (\w+) "\((?:\\fI(.*?)\\fR)?\)(?: \\\(-> \\fI(.*?)\\fR)?"', item)
    if m:
        found.append(("method", m.group(1), m.group(2) or "", m.group(3) or "", action.group(1) if action else ""))
        continue
    m = re.match(r'\.BR (\w+) " \\fI(\S+)\\fR"', item)
    if m:
        found.append(("property", m.group(1), m.group(2), "w" if "Writable." in item else "", ""))
        continue
    m = re.match(r'\.BR (\w+) \(\\fI(.*)\\fR\)', item)
    if m:
        found.append(("signal", m.group(1), m.group(2), "", ""))
t.is_(sorted(found), sorted(expected), "org.reprieve1(5) has every member with its types and what it needs")
errors = open(f"{TOP}/src/bus/bus-error.c", encoding="utf-8").read()
own = set(re.findall(r'OURS\("(\w+)"\)', errors))
standard = {"InvalidArgs", "LimitsExceeded", "NotSupported"}
named = set(re.findall(r"\b[A-Z]\w+\b", "".join(re.sub(r"\b\w+=", "", e) for e in re.findall(r"(?m)^Errors: ((?:.|\n)*?)(?=^(?:Needs|Anybody)|^\.)", text))))
said = own & set(re.findall(r"\w+", text))
t.is_((own - said, named - own - standard - set(needs) - {"NoSuchReview"}), (set(), set()), "and every error that there is, and no other")

pages = sorted(glob.glob(f"{TOP}/man/*.[1-9]"))
names = {os.path.basename(p) for p in pages}
dead = {f"{n}({s})" for p in pages for n, s in re.findall(r"\.BR (repriev[\w.-]*|org\.reprieve1) \((\d)\)", page(os.path.basename(p))) if f"{n}.{s}" not in names}
t.is_(dead, set(), "no page refers to one that there is not")
said = set(re.findall(r"man:((?:repriev|org\.reprieve)[\w.-]*)\((\d)\)", "".join(open(p, encoding="utf-8").read() for p in glob.glob(f"{TOP}/data/systemd/*"))))
t.is_({f"{n}({s})" for n, s in said if f"{n}.{s}" not in names}, set(), "nor does a unit")
for p in pages:
    name = os.path.basename(p)
    if shutil.which("mandoc"):
        out = run("mandoc", "-Tlint", "-W", "warning", p)
        bad = [line for line in out.splitlines() if not re.search("missing date|outdated|referenced manual", line)]
        t.is_(bad, [], f"{name}: mandoc has nothing to say")
    elif shutil.which("man"):
        r = subprocess.run(["man", "-l", "--warnings", p], capture_output=True, text=True, env=dict(os.environ, MANWIDTH="100", PAGER="cat"))
        t.is_((r.returncode, r.stderr), (0, ""), f"{name}: man has nothing to say")
    else:
        t.skip(name, "neither mandoc nor man is here")
t.done()
