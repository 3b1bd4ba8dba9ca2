#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# reprieve-generator as systemd runs it: into folders of ours, with what it wrote checked by systemd-analyze.
# shellcheck disable=SC2030,SC2031
set -u

generator=$TOP_BUILDDIR/reprieve-generator
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
n=0

ok() { # RESULT NAME
        n=$((n + 1))
        if [ "$1" -eq 0 ]; then
                echo "ok $n - $2"
        else
                echo "not ok $n - $2"
                sed 's/^/# /' "$work/log" 2>/dev/null
        fi
}

job() { # NAME, more lines from stdin
        {
                printf '[Source]\nConnector=json\nUsers=/u\n[Target]\nConnector=json\nDirectory=/d\n'
                cat
        } >"$work/etc/jobs.d/$1.conf"
}

run() { # OPTION…
        rm -rf "$work/normal" "$work/early" "$work/late"
        mkdir "$work/normal" "$work/early" "$work/late"
        env -u SYSTEMD_SCOPE "$generator" --config-dir="$work/etc" "$@" "$work/normal" "$work/early" "$work/late" >"$work/log" 2>&1
}

echo "TAP version 13"
mkdir -p "$work/etc/jobs.d"

run
[ $? -eq 0 ] && [ ! -s "$work/log" ] && [ -z "$(ls "$work/normal" "$work/early" "$work/late" | grep -v :)" ]
ok $? "without jobs nothing is written and nothing said"

job staff </dev/null
printf '[Source]\nCredential=chat-ldap\n[Schedule]\nOnCalendar=Mon..Fri *-*-* 06..20:00\nPersistent=yes\nRandomizedDelaySec=5min\n' | job my-job
printf '[Job]\nDescription=100%% of %%h "quoted" \\\\ x\n' | job odd.name_1
printf '[Job]\nEnabled=no\n' | job paused
printf '[Schedule]\nInterval=infinity\n' | job by-hand
printf '[Deletions]\nDeletionThreshold=-3\n' | job broken
printf '[Schedule]\nInterval=soon\n' | job unscheduled
echo junk | job junk
printf '[Mail]\nServer=smtp://localhost\nUser=r\nCredential=smtp\n' >"$work/etc/reprieve.conf"
run
ok $? "a mistake in a job file is no failure of the generator"

(cd "$work/normal" && find . ! -type d | LC_ALL=C sort) >"$work/files"
cat >"$work/expected" <<'END'
./reprieve-cycle@broken.timer
./reprieve-cycle@by-hand.service.d/50-target.conf
./reprieve-cycle@my-job.service.d/50-credentials.conf
./reprieve-cycle@my-job.service.d/50-target.conf
./reprieve-cycle@my-job.timer
./reprieve-cycle@odd.name_1.service.d/50-target.conf
./reprieve-cycle@odd.name_1.timer
./reprieve-cycle@paused.service.d/50-target.conf
./reprieve-cycle@staff.service.d/50-target.conf
./reprieve-cycle@staff.timer
./reprieve-notify.service.d/50-credentials.conf
./reprieve-task@by-hand.service.d/50-target.conf
./reprieve-task@my-job.service.d/50-credentials.conf
./reprieve-task@my-job.service.d/50-target.conf
./reprieve-task@odd.name_1.service.d/50-target.conf
./reprieve-task@paused.service.d/50-target.conf
./reprieve-task@staff.service.d/50-target.conf
./reprieve.target.d/50-broken.conf
./reprieve.target.d/50-my-job.conf
./reprieve.target.d/50-odd.name_1.conf
./reprieve.target.d/50-staff.conf
./timers.target.wants/reprieve-cycle@broken.timer
./timers.target.wants/reprieve-cycle@my-job.timer
./timers.target.wants/reprieve-cycle@odd.name_1.timer
./timers.target.wants/reprieve-cycle@staff.timer
END
diff "$work/expected" "$work/files" >"$work/log.diff"
ok $? "each scheduled job has its timer, and each job its credentials and its target"
[ -z "$(ls "$work/early" "$work/late" | grep -v :)" ]
ok $? "the early and the late folder stay empty"

grep -q 'broken.conf:8: DeletionThreshold=-3: expected a whole number from 0 to 4294967295; job broken keeps its timer' "$work/log" &&
        grep -q 'unscheduled.conf:8: Interval=soon: expected .*; job unscheduled has no timer until this is mended' "$work/log" &&
        grep -q 'junk.conf:7: .*; job junk has no timer until this is mended' "$work/log" &&
        [ "$(wc -l <"$work/log")" -eq 3 ]
ok $? "each mistake is named once with its place and what follows from it"

if command -v systemd-analyze >/dev/null; then
        mkdir "$work/units"
        for unit in reprieve-cycle@ reprieve-task@ reprieve-notify; do
                printf '[Service]\nType=oneshot\nExecStart=/bin/true %%i\n' >"$work/units/$unit.service"
        done
        SYSTEMD_UNIT_PATH="$work/normal:$work/units:" systemd-analyze verify --man=no \
                "$work/normal"/*.timer reprieve-cycle@my-job.service reprieve-notify.service >"$work/log" 2>&1
        [ $? -eq 0 ] && ! grep -q reprieve "$work/log"
        ok $? "systemd-analyze verify has nothing to say"
else
        n=$((n + 1))
        echo "ok $n - systemd-analyze verify # SKIP no systemd-analyze here"
fi

grep -qx 'LoadCredential=chat-ldap' "$work/normal/reprieve-cycle@my-job.service.d/50-credentials.conf" &&
        grep -qx 'LoadCredential=smtp' "$work/normal/reprieve-notify.service.d/50-credentials.conf"
ok $? "the credentials that are named are loaded"

printf '[Target]\nDirectory=/srv/100%% "of" it\n' | job odd.path
run
grep -qxF 'ReadWritePaths="-/srv/100%% \"of\" it"' "$work/normal/reprieve-cycle@odd.path.service.d/50-target.conf" &&
        grep -qxF 'RequiresMountsFor="/srv/100%% \"of\" it"' "$work/normal/reprieve-cycle@odd.path.service.d/50-target.conf"
ok $? "the cycle may write to its target, whatever that is called"

"$generator" --config-dir="$work/etc" "$work/normal" >"$work/log" 2>&1
[ $? -ne 0 ] && grep -q 'staff.service.d/50-target.conf: cannot be written: File exists' "$work/log"
ok $? "a unit that is there is not overwritten"

echo junk >"$work/etc/reprieve.conf"
run
[ $? -eq 0 ] && grep -q 'reprieve.conf:1: .*; no mail can be sent until this is mended' "$work/log"
ok $? "a mistake in reprieve.conf is named"

"$generator" >"$work/log" 2>&1
[ $? -ne 0 ] && grep -q 'expected one folder or three' "$work/log"
ok $? "a missing folder is asked for"

echo "1..$n"
