#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Children, other people's cycles, leaving when idle or told to, callers that vanish or misbehave, the private endpoint."""
import os
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fake import BUILD, FakeHouse, JOB, MANAGER, Monitor, ROOT, Tap, need_tools, wait_for  # noqa: E402
from house import QUICK  # noqa: E402

need_tools()
t = Tap()
STAFF = f"{ROOT}/job/staff"


def alive(pid):
    return os.path.exists(f"/proc/{pid}")


# ---- children ----
with FakeHouse() as h:
    h.start()
    m = Monitor(h)
    h.script("sleep 400")
    before = h.descriptors()
    first = h.call("RunCycle")[0]
    t.is_(h.call("RunCycle")[0], first, "C1: RunCycle joins the cycle that runs")
    t.is_((h.get("Running"), len(h.children())), (True, 1), "which is one child")
    wait_for(lambda: h.get("Progress")[0] == "apply" and h.get("Progress")[1] > 100)
    t.is_(h.get("Progress")[2], 400, "Progress comes over the private endpoint")
    h.wait_cycle()
    t.ok(len(m.changed("Progress")) >= 2, "and is told by PropertiesChanged")
    t.is_((h.get("LastCycle"), h.get("LastCycleResult")), (first, "success"), "the record has the id that RunCycle gave")
    m.wait("CycleFinished")
    t.is_([s[2][0] for s in m.signals("CycleStarted") + m.signals("CycleFinished")], [first, first], "one CycleStarted, one CycleFinished")
    for _ in range(3):
        h.script()
        h.run_cycle()
    t.is_(h.children(), [], "no zombie is left")
    wait_for(lambda: h.descriptors() <= before)
    t.ok(h.descriptors() <= before, "nor a descriptor", before, h.descriptors())

    for status, word in ((2, "could not begin"), (9, "failed")):
        h.script(f"exit {status}")
        n = len(m.signals("CycleFinished"))
        cycle = h.call("RunCycle")[0]
        t.is_(m.wait("CycleFinished", n + 1)[n][2][:2], [cycle, "failed"], f"a child that exits with {status} has failed, and waiters hear of it")
        t.ok(any(word in e["MESSAGE"] for e in h.entries(PRIORITY="3")), f"the log says that it {word}")

    # killed in the middle
    h.script("sleep 5000")
    n = len(m.signals("CycleFinished"))
    cycle = h.call("RunCycle")[0]
    wait_for(lambda: h.get("Progress")[0] == "apply")
    os.kill(h.children()[0][0], signal.SIGKILL)
    t.is_(m.wait("CycleFinished", n + 1)[n][2][:2], [cycle, "failed"], "a child that is killed has failed")
    t.is_(h.get("Running"), False, "and does not run, though its record has no end")
    h.script()
    t.is_(h.run_cycle(), "success", "the next cycle runs")

    # ---- somebody else's cycle ----
    h.script("sleep 600")
    other = subprocess.Popen([os.path.join(h.exec, "reprieve-cycle"), *h.dirs(), "--cycle-id=" + "ab" * 16, "staff"], env=h.env)
    wait_for(lambda: h.get("Running"))
    t.is_(h.call("RunCycle")[0], "ab" * 16, "RunCycle joins a cycle that a person started by hand")
    t.is_(h.children(), [], "nothing is started beside it")
    other.wait()
    wait_for(lambda: not h.get("Running"))
    t.is_((h.get("Running"), h.get("LastCycle")), (False, "ab" * 16), "its end is noticed")
    other = subprocess.Popen([os.path.join(h.exec, "reprieve-cycle"), f"--config-dir={h.config}", f"--state-dir={h.state}",
                              "--runtime-dir=/nonexistent", "--cycle-id=" + "cd" * 16, "staff"], env=h.env)
    wait_for(lambda: h.get("Running"))
    t.is_(h.call("RunCycle")[0], "cd" * 16, "also one that does not say that it runs")
    other.kill()
    other.wait()
    n = len(m.signals("CycleFinished"))
    wait_for(lambda: not h.get("Running"))
    t.is_(m.wait("CycleFinished", n)[-1][2][0], "cd" * 16, "and that is killed")

    # ---- helpers ----
    h.script()
    t.is_(h.read_fd("Preview").decode().splitlines()[-1], '{"verdict":"pass"}', "Preview gives the plan")
    t.is_(h.call("ValidateConnections"), [[["source", True, "3 records"], ["target", False, "no"]]], "ValidateConnections")
    t.is_(h.call("ProvisionOnDemand", "ss", "user", "s:1"), [[["import", "success", "user:s:1"]]], "ProvisionOnDemand")
    t.like(h.refused("ProvisionOnDemand", "ss", "robot", "x"), "user and group", "of a kind that is none it is refused")
    h.script("exit 2")
    t.like(h.read_fd("Preview").decode(), "InvalidSettings: it would not do", "a helper's error is its last line, as the error it is")
    h.script("exit 75")
    t.like(h.read_fd("Preview").decode(), "JobBusy", "a helper that finds a cycle running says so")
    h.script("exit 139")
    t.like(h.read_fd("Preview").decode(), "ConnectionFailed", "a helper that dies is an error")
    h.script("sleep 8000")
    callers = [subprocess.Popen([os.path.join(BUILD, "tests/service/call-fd"), h.address, STAFF, JOB, "Preview"],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=h.env) for _ in range(4)]
    wait_for(lambda: len(h.children()) == 4)
    t.like(h.read_fd("Preview").decode(), "LimitsExceeded", "no more than four at a time")
    for c in callers:
        c.kill()
        c.wait()
    wait_for(lambda: not h.children(), 5)
    t.is_(h.children(), [], "a caller that vanishes takes its helper along")

    # ---- SIGTERM ----
    h.script("sleep 20000")
    h.call("RunCycle")
    wait_for(lambda: h.get("Progress")[0] == "apply")
    child = h.children()[0][0]
    begin = time.monotonic()
    h.stop_service()
    t.ok(time.monotonic() - begin < 5 and not alive(child), "SIGTERM stops a cycle between two objects and waits for it")
    h.script()
    h.start()
    t.is_(h.get("LastCycleResult"), "stopped", "which its record says")
    h.script("deaf", "sleep 20000")
    h.call("RunCycle")
    wait_for(lambda: h.get("Progress")[0] == "apply")
    child = h.children()[0][0]
    h.service.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    t.ok(h.service.poll() is None and alive(child), "a cycle that needs longer gets its time")
    h.stop_service()
    t.ok(not alive(child), "a second SIGTERM ends everything at once")

# ---- idle exit ----
with FakeHouse() as h:
    h.start("--idle-exit=400ms")
    pid = h.service.pid
    h.script("sleep 1500")
    h.call("RunCycle")
    time.sleep(1.1)
    t.ok(h.service.poll() is None, "the service stays while a cycle runs")
    t.is_(h.service.wait(10), 0, "and leaves afterwards, with success")
    h.processes.remove(h.service)
    # Calls all the time while it leaves, over and over: each is answered by one service or its successor, or finds no name.
    lost = 0
    for _ in range(3 if QUICK else 10):
        h.start("--idle-exit=50ms")
        end = time.monotonic() + 5
        while h.service.poll() is None and time.monotonic() < end:
            r = h.manager("ListJobs", check=False)
            if isinstance(r, subprocess.CompletedProcess) and "not provided by any" not in r.stderr and "has no owner" not in r.stderr:
                lost += 1
                print("#", r.stderr)
            time.sleep(0.03)
        h.processes.remove(h.service)
    t.is_(lost, 0, "no request is lost while it leaves")

# ---- the bus goes ----
with FakeHouse() as h:
    h.start()
    h.processes[0].kill()
    t.is_(h.service.wait(10), 1, "without the bus it leaves with a failure, for systemd to start it again")

# ---- the private endpoint ----
with FakeHouse() as h:
    h.start()
    private = f"unix:path={h.run}/bus"
    mode = os.stat(f"{h.run}/bus").st_mode & 0o777
    t.is_(oct(mode), "0o600", "the private endpoint is ours alone")
    m = Monitor(h)
    r = h.busctl("call", "org.reprieve1", STAFF, JOB, "Pause", address=private)
    t.is_(r.returncode, 0, "busctl --address works there")
    t.is_(h.get("Status"), "paused", "and does the same")
    wait_for(lambda: "paused" in m.changed("Status"))
    t.ok("paused" in m.changed("Status"), "and the other door hears of it")
    r = h.busctl("call", "org.reprieve1", ROOT, "org.reprieve1.Worker", "CycleStarted", "ss", "staff", "x", check=False)
    t.ok(r.returncode != 0, "the worker's interface is not on the bus")
    r = h.busctl("call", "org.reprieve1", ROOT, "org.reprieve1.Worker", "CycleStarted", "ss", "nobody", "ef" * 16, address=private)
    t.is_(r.returncode, 0, "an unknown job's cycle is ignored")
    h.busctl("call", "org.reprieve1", ROOT, "org.reprieve1.Worker", "CycleStarted", "ss", "staff", "ef" * 16, address=private)
    t.is_(h.get("Running"), True, "a cycle that says it runs is believed")
    wait_for(lambda: not h.get("Running"), 5)
    t.is_(h.get("Running"), False, "until its lock is found free")
    h.call("Start")

    # ---- clients that misbehave ----
    s = socket.socket(socket.AF_UNIX)
    s.connect(f"{h.run}/bus")
    s.sendall(b"\0GARBAGE " + b"A" * 100000 + b"\r\n")
    t.is_(h.get("Status"), "not-run", "garbage at the private endpoint disturbs nobody")
    r = h.busctl("call", "org.reprieve1", STAFF, JOB, "AllowDeletes", "s", "x", check=False)
    t.like(r.stderr, "ss", "a wrong signature is refused with the right one")
    many = [x for i in range(4000) for x in ("user", f"object-{i}")]
    t.like(h.refused("AllowSelected", "sa(ss)s", "0" * 16, "4000", *many, ""), "no open review", "thousands of objects are read and refused")
    t.like(h.refused("AllowDeletes", "ss", "x" * 100000, "y" * 4000), "no open review", "so is a review id of 100,000 bytes")
    t.ok(h.manager("CreateJob", "sa{sv}", "x" * 65, "0", check=False).returncode != 0, "and a job name of 65")
    flood = subprocess.Popen(["sh", "-c", f"for i in 1 2 3 4 5 6 7 8; do busctl --address={h.address} --no-pager --timeout=1 call org.reprieve1 "
                              f"{STAFF} {JOB} Preview & done; sleep 0.2; kill -9 $(jobs -p) 2>/dev/null"], env=h.env,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    t.is_(h.get("Status"), "not-run", "others are answered meanwhile")
    flood.wait()
    s.close()
    wait_for(lambda: not h.children())
    t.is_((h.service.poll(), h.children()), (None, []), "the service is well at the end")

# ---- what systemd is told ----
with FakeHouse() as h:
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.bind(f"{h.dir}/notify")
    s.settimeout(5)
    h.env.update(NOTIFY_SOCKET=f"{h.dir}/notify", WATCHDOG_USEC="300000")
    told = []

    def hear(what):
        while not any(what in x for x in told):
            try:
                told.append(s.recv(4096).decode())
            except TimeoutError:
                return False
        return True

    h.start()
    t.ok(hear("READY=1"), "it says when it is ready", told)
    t.ok(hear("STATUS=1 jobs, 0 running"), "it says how its jobs are", told)
    t.ok(hear("WATCHDOG=1"), "it feeds the watchdog", told)
    told.clear()
    h.service.send_signal(signal.SIGHUP)
    t.ok(hear("RELOADING=1\nMONOTONIC_USEC=") and hear("READY=1"), "it says when it reloads and has reloaded", told)
    h.script("sleep 300")
    h.call("RunCycle")
    t.ok(hear("1 running") and hear("0 running"), "the status follows", told)
    h.stop_service()
    t.ok(hear("STOPPING=1"), "it says when it stops", told)
    s.close()
t.done()
