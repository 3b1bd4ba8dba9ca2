#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A client that misbehaves, against the real service with a job that has 3,000 removals under review and a cycle that runs; at the
bus and at the private endpoint. Meanwhile another client is answered, the service keeps its size, and the cycle goes on."""
import os
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fake import BUILD, FakeHouse, JOB, ROOT, Tap, need_tools, wait_for  # noqa: E402
from house import SANITIZED  # noqa: E402

need_tools()
t = Tap()

# The slowest answer and the growth, in seconds and MiB, that are still no harm: on an idle machine it is some 0.3 s, and without turns
# (src/bus/bus-queue.c) half a minute.
PROMPT = 15.0 if SANITIZED else 5.0
GROWTH = 1024 if SANITIZED else 96
STAGED = 3000
WAYS = {
    "calls": "10000 answered, some refused",
    "deaf": None,
    "silent": None,
    "wrong": "all refused",
    "huge": "none accepted",
    "vanish": "all gone",
}


def resident(pid):
    """MiB, and the most there ever was."""
    with open(f"/proc/{pid}/status") as f:
        fields = dict(line.split(":", 1) for line in f)
    return int(fields["VmRSS"].split()[0]) / 1024, int(fields["VmHWM"].split()[0]) / 1024


class Bystander(threading.Thread):
    """Asks for a property through both doors, again and again."""

    def __init__(self, h, doors):
        super().__init__(daemon=True)
        self.h, self.doors = h, doors
        self.slowest, self.answers, self.failures = 0.0, 0, []
        self.over = threading.Event()
        self.start()

    def run(self):
        while not self.over.is_set():
            for door in self.doors:
                before = time.monotonic()
                r = self.h.busctl("call", "org.reprieve1", f"{ROOT}/job/staff", "org.freedesktop.DBus.Properties", "Get", "ss", JOB,
                                  "StagedDeletes", address=door, check=False, timeout="60s")
                self.slowest = max(self.slowest, time.monotonic() - before)
                self.answers += 1
                if r.stdout != f"v u {STAGED}\n":
                    self.failures.append(r.stdout + r.stderr)

    def stop(self):
        self.over.set()
        self.join()


with FakeHouse() as h:
    h.start()
    h.script(f"link {STAGED}", f"stage {STAGED}")
    h.run_cycle()
    private = f"unix:path={h.run}/bus"
    wait_for(lambda: h.get("StagedDeletes") == STAGED)

    for door, address in (("the bus", h.address), ("the private endpoint", private)):
        for way, expected in WAYS.items():
            h.script("work 120000")
            h.call("RunCycle")
            wait_for(lambda: h.get("Progress")[0] == "apply")
            done, (before, _) = h.get("Progress")[1], resident(h.service.pid)
            bystander = Bystander(h, (h.address, private))
            client = subprocess.Popen([os.path.join(BUILD, "tests/service/hostile-client"), address, way], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, text=True, env=h.env)
            said = client.stdout.readline().strip()
            time.sleep(0.5)
            now, most = resident(h.service.pid)
            client.stdin.close()
            client.wait()
            bystander.stop()
            if expected:
                t.is_(said, expected, f"{way} at {door}: it is dealt with")
            else:
                t.like(said, "sent, none read", f"{way} at {door}: {said}")
            t.ok(bystander.answers >= 2 and not bystander.failures, f"{way} at {door}: another client gets its {bystander.answers} answers",
                 *bystander.failures[:3])
            t.ok(bystander.slowest < PROMPT, f"{way} at {door}: the slowest after {bystander.slowest:.2f} s")
            t.ok(most - before < GROWTH, f"{way} at {door}: the service grows by {most - before:.1f} MiB, {now - before:.1f} MiB stay")
            t.ok(h.get("Running") and h.get("Progress")[1] > done, f"{way} at {door}: the cycle goes on", h.get("Progress"))
            h.call("Pause")
            h.wait_cycle()
            h.call("Start")
            with open(f"/proc/{h.service.pid}/clear_refs", "w") as f:
                f.write("5")
    t.ok(wait_for(lambda: not h.children()), "no child is left", h.children())
    t.is_(h.get("StagedDeletes"), STAGED, "nothing of all this decided anything")
t.done()
