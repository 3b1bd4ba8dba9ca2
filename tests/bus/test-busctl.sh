#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The real busctl at both doors of the demo service.
set -u
for tool in busctl dbus-daemon timeout; do
        command -v $tool >/dev/null || { echo "1..0 # SKIP $tool is missing"; exit 0; }
done

dir=$(mktemp -d "${TMPDIR:-/tmp}/reprieve-busctl-XXXXXX")
daemon= demo= activated=
cleanup() {
        [ -n "$activated" ] && kill "$activated" 2>/dev/null
        [ -n "$demo" ] && kill "$demo" 2>/dev/null
        [ -n "$daemon" ] && kill "$daemon" 2>/dev/null
        wait
        rm -rf "$dir"
}
trap cleanup EXIT

cat >"$dir/bus.conf" <<END
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>custom</type><listen>unix:path=$dir/bus</listen><auth>EXTERNAL</auth><policy context="default">
<allow send_destination="*" eavesdrop="true"/><allow receive_sender="*"/><allow own="*"/><allow user="*"/></policy></busconfig>
END
dbus-daemon --nofork --config-file="$dir/bus.conf" >"$dir/daemon.log" 2>&1 &
daemon=$!
for i in 1 2 3 4 5 6 7 8 9 10; do [ -S "$dir/bus" ] && break; sleep 0.2; done
"$TOP_BUILDDIR/tests/bus/demo-service" "unix:path=$dir/bus" "unix:path=$dir/private" same-uid >"$dir/demo.log" 2>&1 &
demo=$!
for i in 1 2 3 4 5 6 7 8 9 10; do grep -q ready "$dir/demo.log" && break; sleep 0.2; done

n=0 failed=0
# check NAME EXPECTED-PATTERN COMMAND…: the output (both streams) has a line that matches
check() {
        what=$1 pattern=$2
        shift 2
        n=$((n + 1))
        out=$("$@" 2>&1)
        if printf '%s\n' "$out" | grep -Eq -- "$pattern"; then
                echo "ok $n - $door: $what"
        else
                failed=1
                printf '%s\n' "$out" | sed 's/^/# /'
                echo "not ok $n - $door: $what"
        fi
}
b() { timeout 10 busctl --address="unix:path=$dir/$door" "$@"; }
monitor() {
        timeout 3 busctl --address="unix:path=$dir/$door" monitor org.reprieve1 >"$dir/monitor.log" 2>&1 &
        sleep 1
        b call org.reprieve1 /org/reprieve1/job/staff org.reprieve1.Job Burst
        wait $!
        cat "$dir/monitor.log"
}

name=org.reprieve1 root=/org/reprieve1 staff=/org/reprieve1/job/staff
for door in bus private; do
        check "tree shows the jobs" '/org/reprieve1/job/br_c3_bccke_2d2' b tree $name
        check "introspect shows values" '^\.DeletionThreshold +property +u +[0-9]+ +emits-change writable' b introspect $name $staff
        check "introspect shows signals" '^\.CycleStarted +signal +s ' b introspect $name $staff org.reprieve1.Job
        check "introspect shows arguments" '^\.Echo +method +s +s ' b introspect $name $root
        check "a folder can be introspected" 'Introspectable' b introspect $name /org
        check "call" '^s "hi"$' b call $name $root org.reprieve1.Manager Echo s hi
        check "call with an array" '^a\(so\) 2 "staff" "/org/reprieve1/job/staff"' b call $name $root org.reprieve1.Manager ListJobs
        check "wrong arguments are named" 'Call failed: Echo wants "s", not "u"' b call $name $root org.reprieve1.Manager Echo u 1
        check "an unknown job" 'Call failed: There is no object at' b call $name $root/job/x org.reprieve1.Job Burst
        check "set-property" '^$' b set-property $name $staff org.reprieve1.Job DeletionThreshold u 123
        check "get-property" '^u 123$' b get-property $name $staff org.reprieve1.Job DeletionThreshold
        check "get-property of several" '^as 1 "root@localhost"$' \
                b get-property $name $staff org.reprieve1.Job DeletionThreshold NotificationEmail
        check "set-property of another type" 'Call failed: DeletionThreshold is of type "u", not "s"' \
                b call $name $staff org.freedesktop.DBus.Properties Set ssv org.reprieve1.Job DeletionThreshold s x
        check "managed objects" '^a\{oa\{sa\{sv\}\}\} 2 ' b call $name $root org.freedesktop.DBus.ObjectManager GetManagedObjects
        check "ping" '^$' b call $name $root org.freedesktop.DBus.Peer Ping
        check "an fd" '^h [0-9]+$' b call $name $root org.reprieve1.Manager Open
        check "monitor" 'Member=CycleStarted' monitor
done
# The socket that systemd hands over.
door=activated
n=$((n + 1))
if command -v systemd-socket-activate >/dev/null; then
        n=$((n - 1))
        systemd-socket-activate --listen="$dir/activated" "$TOP_BUILDDIR/tests/bus/demo-service" - systemd: same-uid \
                >"$dir/activated.log" 2>&1 &
        activated=$!
        for i in 1 2 3 4 5 6 7 8 9 10; do [ -S "$dir/activated" ] && break; sleep 0.2; done
        check "call" '^s "hi"$' b call $name $root org.reprieve1.Manager Echo s hi
        check "leaves when told" '^$' b call $name $root org.reprieve1.Manager Quit
        wait "$activated"
        activated=
else
        echo "ok $n - $door # SKIP systemd-socket-activate is missing"
fi
echo "1..$n"
exit $failed
