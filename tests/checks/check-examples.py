#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The example jobs: each is read without a complaint, has its timer, and runs on a small source of the kind it describes."""
import glob
import json
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from house import BUILD, House, Tap, TOP, write_jsonl  # noqa: E402

examples = os.path.join(TOP, "data/examples")
t = Tap()
with House() as h:
    users = [{"id": f"{i}", "userName": n, "displayName": n.title(), "mail": f"{n}@example.com", "active": True}
             for i, n in enumerate(("ada", "bob", "svc-backup", "eve"))]
    groups = [{"id": "g1", "displayName": "cloud-users", "members": [{"value": "0"}, {"value": "2"}]},
              {"id": "g2", "displayName": "cloud admins", "members": [{"value": "1"}]},
              {"id": "g3", "displayName": "chess", "members": [{"value": "3"}]}]
    write_jsonl(f"{h.source}/users.jsonl", users)
    write_jsonl(f"{h.source}/groups.jsonl", groups)
    with open(f"{h.source}/staff.csv", "w") as f:
        f.write("id,userName,givenName,familyName,mail,department,active\n"
                "1,Ada,Ada,Byron,ada@example.com,Support,true\n2,Bob,Bob,Barker,bob@example.com,Sales,false\n"
                "3,Eve,Eve,Ning,eve@example.com,Kitchen,true\n")
    shutil.copy(f"{examples}/reprieve.conf", h.config)
    expected = {"application": {"ada"}, "directory": {"ada", "bob", "svc-backup", "eve"}, "cloud": {"ada@example.com", "bob@example.com"}}
    for path in sorted(glob.glob(f"{examples}/*.conf")):
        name = os.path.basename(path).removesuffix(".conf")
        if name == "reprieve":
            continue
        text = open(path, encoding="utf-8").read()
        target = os.path.join(h.dir, name)
        os.mkdir(target)
        text = re.sub(r"(?m)^(Users|Groups|File)=/srv/\S+/(\S+)$", rf"\1={h.source}/\2", text)
        text = re.sub(r"(?m)^Directory=.*$", f"Directory={target}", text)
        with open(h.job_file(name), "w", encoding="utf-8") as f:
            f.write(text)
        os.mkdir(f"{target}.units")
        r = subprocess.run([f"{BUILD}/reprieve-generator", f"--config-dir={h.config}", f"{target}.units"], capture_output=True, text=True)
        t.is_((r.returncode, r.stderr), (0, ""), f"{name}: is read without a complaint")
        t.ok(os.path.exists(f"{target}.units/timers.target.wants/reprieve-cycle@{name}.timer"), f"{name}: has a timer")
        r = h.cycle(name)
        got = set()
        if os.path.exists(f"{target}/users.jsonl"):
            got = {json.loads(line)["userName"] for line in open(f"{target}/users.jsonl", encoding="utf-8")}
        t.ok(r.returncode == 0, f"{name}: its first cycle ends well", r.log)
        t.is_(got, expected[name], f"{name}: whom it is for is in the target, and nobody else")
        os.unlink(h.job_file(name))
t.done()
