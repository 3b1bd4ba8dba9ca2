#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A cycle, a preview and reprieve-notify run by hand, as root, in a state folder that is the service user's: nothing in it becomes
root's, and root is not led out of it. Needs root."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from house import BUILD, House, Tap  # noqa: E402

NOBODY = 65534
if os.geteuid() != 0:
    Tap.skip_all("only root can become somebody else")
t = Tap()


def owners(folder):
    return {os.lstat(os.path.join(where, name)).st_uid for where, folders, files in os.walk(folder) for name in folders + files}


with House() as h:
    os.chmod(h.dir, 0o755)
    h.write_job(groups=False)
    h.write_source(users=[{"id": "a", "userName": "a"}])
    jobs = os.path.join(h.state, "jobs")
    staff = os.path.join(jobs, "staff")
    os.makedirs(staff)
    for path in (h.state, jobs, staff, h.target):
        os.chown(path, NOBODY, NOBODY)

    victim = os.path.join(h.dir, "victim")
    os.symlink(victim, os.path.join(staff, "lock"))
    t.ok(h.cycle().returncode != 0 and not os.path.exists(victim), "a lock that is a symbolic link is not followed")
    os.unlink(os.path.join(staff, "lock"))

    t.is_(h.cycle().returncode, 0, "root runs a cycle")
    t.is_([u["userName"] for u in h.target_users()], ["a"], "which works")
    t.is_((owners(h.state), owners(h.target)), ({NOBODY}, {NOBODY}), "ledger and target stay the service user's")
    h.preview()
    r = subprocess.run([os.path.join(BUILD, "reprieve-notify"), *h.dirs()], env=h.env)
    t.is_((r.returncode, owners(h.state)), (0, {NOBODY}), "so they do after a preview and reprieve-notify")
t.done()
