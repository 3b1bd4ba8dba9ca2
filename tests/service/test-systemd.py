#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""--launch=systemd against a systemd of our own: which units are asked for, what is answered when they come late or never."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fake import BUILD, FakeHouse, JOB, MANAGER, ROOT, Tap, need_tools, wait_for  # noqa: E402
from house import QUICK  # noqa: E402

need_tools("systemd-socket-activate")
t = Tap()

with FakeHouse(jobs=("staff", "forbidden", "stillborn")) as h:
    h.start_bus()
    units = os.path.join(h.dir, "units")
    out = open(units, "w")
    h.processes.append(subprocess.Popen([os.path.join(BUILD, "tests/service/fake-systemd"), h.address, os.path.join(h.exec, "reprieve-cycle"),
                                         *h.dirs()], stdout=out, env=h.env))

    def asked():
        return open(units).read().splitlines()

    def start(*options):
        """The service as reprieved.socket starts it; the first connection does."""
        argv = ["systemd-socket-activate", f"--listen={h.run}/bus", os.path.join(BUILD, "reprieved"), *h.dirs(), f"--bus={h.address}",
                f"--exec-dir={h.exec}", "--launch=systemd", *options]
        h.service = h.spawn(argv)
        wait_for(lambda: os.path.exists(f"{h.run}/bus"))

    wait_for(lambda: "ready" in asked())
    private = f"unix:path={h.run}/bus"
    start("--idle-exit=2s")
    r = h.busctl("--json=short", "call", "org.reprieve1", ROOT, MANAGER, "ListJobs", address=private)
    t.like(r.stdout, "staff", "a connection to the inherited socket starts the service, and is answered")
    wait_for(lambda: h.busctl("status", "org.reprieve1", check=False).returncode == 0)

    h.script("sleep 500", "mail")
    cycle = h.call("RunCycle")[0]
    t.ok(wait_for(lambda: "StartUnit reprieve-cycle@staff.service replace" in asked()), "RunCycle asks for the unit")
    t.is_((len(cycle), h.get("Running")), (32, True), "and answers with the id of the cycle that the unit began")
    t.is_(h.call("RunCycle")[0], cycle, "C1: a second one joins it")
    h.wait_cycle()
    t.is_((h.get("LastCycle"), h.get("LastCycleResult")), (cycle, "success"), "its record is that cycle's")
    t.ok(wait_for(lambda: "StartUnit reprieve-notify.service replace" in asked()), "mail that it queued is sent by a unit")

    h.script("sleep 20000")
    h.call("RunCycle")
    wait_for(lambda: h.get("Progress")[0] == "apply")
    h.call("Pause")
    t.ok(wait_for(lambda: "StopUnit reprieve-cycle@staff.service replace" in asked()), "Pause stops the unit")
    h.wait_cycle()
    t.is_(h.get("LastCycleResult"), "stopped", "and the cycle ends between two objects")
    h.call("Start")

    t.like(h.refused("RunCycle", job="forbidden"), "Nobody may start this", "a unit that systemd refuses is an error with its text")
    t.is_(h.error_name(f"{ROOT}/job/forbidden", JOB, "RunCycle"), "org.reprieve1.Error.LaunchFailed", "which is LaunchFailed")
    if not QUICK:
        t.like(h.refused("RunCycle", job="stillborn"), "has not begun reprieve-cycle@stillborn.service", "one that never begins is one in time")

    # A decision while a unit runs: systemd would merge a start with it, so it is asked again until a later cycle is there.
    h.script("link 20", "stage 20", "sleep 900")
    first = h.call("RunCycle")[0]
    wait_for(lambda: h.get("StagedDeletes") == 20)
    h.script()
    t.is_(h.call("AllowDeletes", "ss", h.get("Review"), ""), [20, 0], "AllowDeletes while the unit runs")
    t.ok(wait_for(lambda: h.get("LinkedUsers") == 0 and not h.get("Running")), "a later unit carries it out")
    t.ok(h.get("LastCycle") != first, "which is another one")

    # ---- timers ----
    h.set("Interval", "t", "3600000000")
    t.ok(wait_for(lambda: asked()[-2:] == ["Reload", "StartUnit reprieve-cycle@staff.timer replace"]), "a changed interval reloads the units", asked()[-5:])
    h.manager("CreateJob", "sa{sv}", "new", "4", "Source.Connector", "s", "json", "Source.Users", "s", f"{h.source}/users.jsonl",
              "Target.Connector", "s", "json", "Target.Directory", "s", f"{h.dir}/t")
    t.ok(wait_for(lambda: asked()[-2:] == ["Reload", "StartUnit reprieve-cycle@new.timer replace"]), "a new job's timer is started", asked()[-5:])
    h.manager("RemoveJob", "sb", "new", "false")
    t.ok(wait_for(lambda: asked()[-2:] == ["StopUnit reprieve-cycle@new.timer replace", "Reload"]), "a removed job's is stopped", asked()[-5:])

    os.rename(h.job_file("stillborn"), h.job_file("renamed"))
    h.manager("Reload")
    t.ok(wait_for(lambda: "StopUnit reprieve-cycle@stillborn.timer replace" in asked() and
                  "StartUnit reprieve-cycle@renamed.timer replace" in asked()[asked().index("StopUnit reprieve-cycle@stillborn.timer replace"):]),
         "Reload starts the timers of new files and stops those of files that are gone", asked()[-5:])

    # ---- tasks: what the service's own sandbox cannot do ----
    t.like(h.read_fd("Preview").decode().splitlines()[-1], "verdict", "a preview is answered")
    t.ok("StartUnit reprieve-task@staff.service replace" in asked(), "by a unit of the job, which has its network and credentials")
    t.is_(h.call("ProvisionOnDemand", "ss", "user", "u1"), [[["import", "success", "user:u1"]]], "so is what writes to the target")
    open(h.job_file("secret"), "w").write(open(h.job_file()).read().replace("[Source]", "[Source]\nCredential=token", 1))
    h.manager("Reload")
    t.like(h.read_fd("Preview", job="secret").decode(), "verdict", "and what needs a credential")
    h.script("exit 5")
    t.like(h.refused("ProvisionOnDemand", "ss", "user", "u1"), "it would not do", "the last words of one that failed are told")
    t.is_(h.error_name(f"{ROOT}/job/staff", JOB, "ValidateConnections"), "org.reprieve1.Error.ConnectionFailed", "as an error")
    t.like(h.refused("Preview", job="forbidden"), "Nobody may start this", "a unit that systemd refuses is an error with its text")
    t.is_(h.error_name(f"{ROOT}/job/forbidden", JOB, "Preview"), "org.reprieve1.Error.LaunchFailed", "which is LaunchFailed")

    def later(method):
        return subprocess.Popen(["busctl", f"--address={h.address}", "call", "org.reprieve1", f"{ROOT}/job/staff", JOB, method],
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=h.env, text=True)

    def tasks():
        return [p for p in os.popen("ps -eo args=").read().splitlines() if h.exec in p and "--validate" in p]

    h.script("sleep 1500")
    both = [later("ValidateConnections"), later("ValidateConnections")]
    t.ok(all("3 records" in p.communicate()[0] for p in both), "two tasks of one job at a time are both answered")
    h.script("sleep 30000")
    gone = later("ValidateConnections")
    t.ok(wait_for(tasks), "a task runs")
    gone.kill()
    gone.wait()
    t.ok(wait_for(lambda: "StopUnit reprieve-task@staff.service replace" in asked()), "whose caller is gone: the unit is stopped")
    t.ok(wait_for(lambda: not tasks()), "and the task with it")
    lost = later("ValidateConnections")
    wait_for(tasks)
    subprocess.run(["pkill", "-9", "-f", f"^{h.exec}/reprieve-cycle"])
    t.like(lost.communicate()[0], "without an answer", "a unit that is killed is an error at once")
    h.script()
    t.is_(len(h.call("ValidateConnections")[0]), 2, "and the next one is answered")

    pid = h.service.pid
    t.is_(h.service.wait(15), 0, "unused, the service leaves")
t.done()
