#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Making, reading, changing and removing jobs over the bus."""
import os
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fake import FakeHouse, JOB, MANAGER, Monitor, ROOT, Tap, need_tools, wait_for  # noqa: E402

need_tools()
t = Tap()
PAUSED_BY = "paused"


def ids(h, **fields):
    return [e["MESSAGE"] for e in h.entries(**fields)]


def dropin(h, job="staff"):
    path = f"{h.job_file(job)}.d/50-reprieve.conf"
    return open(path).read() if os.path.exists(path) else ""


CHANGED = "85a4f4c74379416c85e0117fe0144c59"
REFUSED = "c1bed91c544f4496b1f1f51948f618c6"
NOBODY = "6597a8053ef8453a90ae5f87aa3e20c8"

with FakeHouse(jobs=("staff", "a-b.c")) as h:
    h.start()
    m = Monitor(h)

    # ---- looking ----
    t.is_(h.manager("ListJobs")[0], [["a-b.c", "not-run", f"{ROOT}/job/a_2db_2ec"], ["staff", "not-run", f"{ROOT}/job/staff"]],
          "ListJobs has name, status and escaped path, sorted")
    t.is_(h.manager("GetJob", "s", "a-b.c"), [f"{ROOT}/job/a_2db_2ec"], "GetJob gives the path")
    t.is_(h.get("Name", job="a_2db_2ec"), "a-b.c", "and the path leads to the job")
    t.is_(h.error_name(ROOT, MANAGER, "GetJob", "nobody"), "org.reprieve1.Error.NoSuchJob", "an unknown name is NoSuchJob")
    t.is_(h.get("NotificationProblem"), "", "somebody is there to notify")

    # ---- settings ----
    for name, signature, value, read, text in (
            ("DeletionThreshold", "u", ["7"], 7, "DeletionThreshold=7"),
            ("PreventAccidentalDeletions", "b", ["false"], False, "PreventAccidentalDeletions=no"),
            ("DeletionThresholdPercent", "d", ["2.5"], 2.5, "DeletionThresholdPercent=2.5"),
            ("DeletionThresholdPercent", "d", ["-1"], -1, "DeletionThresholdPercent="),
            ("DeletionThresholdPercent", "d", ["10"], 10, "DeletionThresholdPercent=10"),
            ("DeletionThresholdTrips", "s", ["exceeded"], "exceeded", "DeletionThresholdTrips=exceeded"),
            ("MinimumPopulation", "u", ["50"], 50, "MinimumPopulation=50"),
            ("DeletionBudget", "s", ["1000 per 7d"], "1000 per 1w", "DeletionBudget=1000 per 7d"),
            ("DeletionBudget", "s", [""], "", "DeletionBudget="),
            ("NotificationEmail", "as", ["2", "x@example.com", "y@example.com"], ["x@example.com", "y@example.com"],
             "x@example.com y@example.com"),
            ("Interval", "t", ["3600000000"], 3600000000, "Interval=1h"),
            ("PreventAccidentalDeletions", "b", ["true"], True, "PreventAccidentalDeletions=yes")):
        r = h.set(name, signature, *value)
        t.ok(r.returncode == 0 and h.get(name) == read and text in dropin(h), f"{name} = {' '.join(value)} is written to the drop-in",
             r.stderr, h.get(name), dropin(h))
    wait_for(lambda: len(m.changed("PreventAccidentalDeletions")) >= 2)
    t.is_([v for i, v in enumerate(m.changed("DeletionThresholdPercent")) if i == 0 or v != m.changed("DeletionThresholdPercent")[i - 1]],
          [-1, 2.5, -1, 10], "PropertiesChanged told the values")
    t.ok(len([e for e in h.entries(MESSAGE_ID=CHANGED) if e.get("REPRIEVE_UID") == str(os.getuid())]) == 12,
         "each change has its entry with who made it", *ids(h, MESSAGE_ID=CHANGED))
    before = dropin(h)
    for name, signature, value, pattern in (
            ("Interval", "t", ["0"], "from 1000000 .1s."), ("Interval", "t", ["1500000"], "whole seconds"),
            ("DeletionThresholdPercent", "d", ["101"], "from 0 to 100"), ("DeletionThresholdPercent", "d", ["nan"], "from 0 to 100"),
            ("DeletionThresholdPercent", "d", ["-2"], "or -1"), ("DeletionThresholdPercent", "d", ["0.00000001"], "six decimals"),
            ("DeletionThresholdTrips", "s", ["never"], "reached.*exceeded"), ("DeletionBudget", "s", ["many"], "1000 per 7d"),
            ("DeletionBudget", "s", ["5 per 1d\nDeletionThreshold=9"], "."),
            ("NotificationEmail", "as", ["1", "not an address"], "one address an element"),
            ("NotificationEmail", "as", ["1", "nobody"], "mail address"), ("NotificationEmail", "as", ["1", ""], "no mail address"),
            ("Status", "s", ["active"], "read-only|cannot be set|not writable|ReadOnly")):
        r = h.set(name, signature, *value)
        t.ok(r.returncode != 0, f"{name} = {value} is refused")
        t.like(r.stderr, pattern, f"{name} = {value}: the error says what is right")
    t.is_(dropin(h), before, "a refused setting changes nothing")
    t.ok(len(h.entries(MESSAGE_ID=REFUSED)) > 0, "a setting that the file would refuse has its entry")
    h.set("NotificationEmail", "as", "0")
    t.like(h.get("NotificationProblem"), "Email=", "G4: nobody to notify shows")

    # ---- start, pause ----
    h.call("Pause")
    t.is_(h.get("Status"), "paused", "Pause")
    t.like(h.refused("RunCycle"), "paused; Start", "a paused job does not run, and it says how to change that")
    t.is_(h.error_name(f"{ROOT}/job/staff", JOB, "RunCycle"), "org.reprieve1.Error.JobPaused", "which is JobPaused")
    h.call("Start")
    t.is_(h.get("Status"), "not-run", "Start")

    # ---- create ----
    settings = {"Source.Connector": ("s", "json"), "Source.Users": ("s", f"{h.source}/users.jsonl"), "Target.Connector": ("s", "json"),
                "Target.Directory": ("s", f"{h.dir}/target2"), "Deletions.DeletionThreshold": ("u", "5"),
                "Deletions.PreventAccidentalDeletions": ("b", "true"), "Notify.Email": ("as", "1", "n@example.com")}

    def create(name, settings):
        flat = [x for key, value in settings.items() for x in (key, *value)]
        return h.manager("CreateJob", "sa{sv}", name, str(len(settings)), *flat, check=False)

    t.is_(create("new", settings), [f"{ROOT}/job/new"], "CreateJob gives the path")
    t.is_((h.get("Status", "new"), h.get("DeletionThreshold", "new"), h.get("NotificationEmail", "new")), ("paused", 5, ["n@example.com"]),
          "it starts paused, with its settings")
    t.is_([s[2][0] for s in m.wait("InterfacesAdded")], [f"{ROOT}/job/new"], "InterfacesAdded tells of it")
    t.like(getattr(create("new", settings), "stderr", ""), "already", "a second one of that name is refused")
    t.like(getattr(create("../x", settings), "stderr", ""), "no name of a job", "a name that is a path is refused")
    t.like(getattr(create("bad", dict(settings, **{"Source.Colour": ("s", "red")})), "stderr", ""), "Colour", "an unknown key is refused by name")
    t.ok(not os.path.exists(h.job_file("bad")) and not os.path.exists(f"{h.state}/jobs/bad"), "and leaves neither file nor ledger")
    t.like(getattr(create("bad", {"Source.Users": ("v", "s", "x")}), "stderr", ""), "neither text", "a value of a strange type is refused")

    # ---- remove ----
    h.call("Start", job="new")
    h.script("link 3", job="new")
    h.run_cycle("new")
    t.is_(h.get("LinkedUsers", "new"), 3, "it has linked users now")
    r = h.manager("RemoveJob", "sb", "new", "false", check=False)
    t.like(r.stderr, "3 linked users", "RemoveJob without force says what would be forgotten")
    h.script("sleep 3000", job="new")
    h.call("RunCycle", job="new")
    wait_for(lambda: h.get("Progress", "new")[0] == "apply")
    t.like(h.manager("RemoveJob", "sb", "new", "true", check=False).stderr, "pause the job first", "and never while a cycle runs")
    h.call("Pause", job="new")
    h.wait_cycle("new")
    t.is_(h.get("LastCycleResult", "new"), "stopped", "Pause ends the cycle between two objects")
    h.manager("RemoveJob", "sb", "new", "true")
    t.ok(not os.path.exists(h.job_file("new")) and not os.path.exists(f"{h.state}/jobs/new"), "with force file and ledger are gone")
    t.is_([s[2][0] for s in m.wait("InterfacesRemoved")], [f"{ROOT}/job/new"], "InterfacesRemoved tells of it")
    t.like(h.refused("Pause", job="new"), "no object", "a stale path leads nowhere")

    # ---- reload ----
    with open(h.job_file(), "a") as f:
        f.write("[Deletions]\nDeletionThreshold=many\n")
    h.write_job("later", groups=False)
    r = h.manager("Reload", check=False)
    t.like(r.stderr, r"staff\.conf:\d+: DeletionThreshold=", "Reload names file, line and key")
    t.is_((h.get("Status"), h.get("QuarantineReason"), h.get("DeletionThreshold")), ("quarantine", "InvalidSettings", 7),
          "the job is shown as broken, with its last good settings")
    t.like(h.get("QuarantineMessage"), r"staff\.conf:\d+: DeletionThreshold=many", "and says where")
    t.like(h.refused("RunCycle"), r"staff\.conf:\d+: DeletionThreshold=many", "it does not run, and says why at once")
    t.like(h.refused("AllowDeletes", "ss", "x", ""), r"Approvers=.*staff\.conf:\d+", "and nobody decides: how many must is not known")
    t.is_(h.manager("GetJob", "s", "later"), [f"{ROOT}/job/later"], "another file is read nevertheless")
    t.is_(len(h.entries(MESSAGE_ID=REFUSED, REPRIEVE_JOB="staff", PRIORITY="3")), 1, "the refusal has one entry")
    t.is_(len(h.entries(MESSAGE_ID=NOBODY, REPRIEVE_JOB="later")), 1, "G4: nobody to notify is said once when the file is read")
    text = open(h.job_file()).read().replace("DeletionThreshold=many", "MinimumPopulation=3")
    open(h.job_file(), "w").write(text)
    os.unlink(h.job_file("later"))
    h.service.send_signal(signal.SIGHUP)
    wait_for(lambda: len(h.manager("ListJobs")[0]) == 2)
    t.is_((h.get("Status"), h.get("QuarantineReason")), ("not-run", ""), "mended, it is as it was")
    t.is_([j[0] for j in h.manager("ListJobs")[0]], ["a-b.c", "staff"], "SIGHUP reads them too; a file that is gone takes its job with it")

    whole = open(h.job_file()).read()
    open(h.job_file(), "a").write("\n[Scope]\nUsers=title pr pr\n")
    n = len(h.entries())
    h.service.send_signal(signal.SIGHUP)
    wait_for(lambda: "Not all job files" in h.log())
    said = [e["MESSAGE"] for e in h.entries()[n:] if "column" in e["MESSAGE"]]
    t.ok(len(said) >= 2 and not any("\\x0a" in m or "^" in m for m in said) and all("column 10" in m for m in said),
         "a mistake in a language is one line of the log, with its column", *said)
    r = h.ctl("reload", check=False)
    t.like(r.stderr, r"(?m)column 10: .*\n +title pr pr\n +\^", "and a caret under it on the terminal")
    open(h.job_file(), "w").write(whole)
    h.manager("Reload", check=False)

    with open(h.job_file(), "w") as f:
        f.write(text.replace("MinimumPopulation=3", "[Scope]\nUsers=title = 3"))
    h.manager("Reload", check=False)
    t.ok(all("\\x0a" not in e["MESSAGE"] for e in h.entries(MESSAGE_ID=REFUSED)), "the journal shows no caret's lines", h.entries(MESSAGE_ID=REFUSED))
    open(h.job_file(), "w").write(text)
    t.is_(len(h.call("RunCycle")[0]), 32, "mended without a reload it runs again: the cycle reads the file itself")
    h.wait_cycle()
    t.is_(h.get("Status"), "active", "and is shown so")

    # ---- a file that is gone while removals wait ----
    h.script("link 20", "stage 20")
    h.call("RunCycle")
    h.wait_cycle()
    review = h.get("Review")
    os.rename(h.job_file(), h.job_file() + ".away")
    h.manager("Reload")
    t.ok(wait_for(lambda: any("with 20 removals that wait" in e["MESSAGE"] for e in h.entries(PRIORITY="4"))), "a job whose file goes while removals wait is told of")
    os.rename(h.job_file() + ".away", h.job_file())
    h.manager("Reload")
    t.is_((h.get("Review"), h.get("StagedDeletes")), (review, 20), "with its file back it is as it was")
    h.script()

    # ---- a file that was never good ----
    h.stop_service()
    t.is_(h.service, None, "SIGTERM ends the service")
    with open(h.job_file("broken"), "w") as f:
        f.write("[Source]\nConnector=telepathy\n")
    with open(h.job_file("off"), "w") as f:
        f.write("[Job]\nEnabled=no\n" + open(h.job_file("a-b.c")).read())
    h.start()
    t.is_((h.get("Status", "broken"), h.get("QuarantineReason", "broken")), ("quarantine", "InvalidSettings"), "a broken job is shown, not hidden")
    t.like(h.get("QuarantineMessage", "broken"), r"broken\.conf:2: Connector=", "and says where")
    t.like(h.refused("RunCycle", job="broken"), r"broken\.conf:2", "it does not run")
    t.is_(h.get("Status", "off"), "paused", "Enabled=no is paused from the start")
    h.call("Start", job="off")
    t.is_(h.get("Status", "off"), "not-run", "Start enables it")
    t.ok("Enabled=yes" in dropin(h, "off"), "in the drop-in")

    # ---- a ledger that cannot be read ----
    os.makedirs(f"{h.state}/jobs/staff", exist_ok=True)
    with open(f"{h.state}/jobs/staff/ledger.db", "wb") as f:
        f.write(b"this is no database" * 1000)
    t.is_((h.get("Status"), h.get("QuarantineReason")), ("quarantine", "LedgerFailed"), "a damaged ledger shows in the status")
    t.like(h.get("QuarantineMessage"), "ledger", "with what to do")
    r = h.busctl("get-property", "org.reprieve1", f"{ROOT}/job/staff", JOB, "LinkedUsers", check=False)
    t.ok(r.returncode != 0, "its numbers are errors, not zeros")
    t.is_(h.error_name(f"{ROOT}/job/staff", JOB, "RunCycle"), "org.reprieve1.Error.LedgerFailed", "it does not run")
    t.is_(h.get("DeletionThreshold"), 7, "its settings can be read")
t.done()
