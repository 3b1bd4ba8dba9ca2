#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# make install into an empty folder brings what a packager expects where it belongs; make uninstall leaves nothing behind, but
# what an administrator wrote.
set -u
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
n=0
ok() { # RESULT NAME
        n=$((n + 1))
        if [ "$1" -eq 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; sed 's/^/# /' "$work/log" 2>/dev/null | tail -n 30; fi
}
if [ -n "${REPRIEVE_SANITIZED:-}" ] || [ -n "${REPRIEVE_QUICK:-}" ]; then
        echo "1..0 # SKIP a long test"
        exit 0
fi
echo "TAP version 13"
root=$work/root
# The make that runs this test has flags of its own.
unset MAKEFLAGS MFLAGS MAKELEVEL
make -C "$TOP_BUILDDIR" -s install DESTDIR="$root" >"$work/log" 2>&1
ok $? "make install DESTDIR="
find "$root" ! -type d | sed "s|^$root||" | LC_ALL=C sort >"$work/files"
missing=
for f in bin/reprievectl libexec/reprieve/reprieved libexec/reprieve/reprieve-cycle libexec/reprieve/reprieve-notify \
        system-generators/reprieve-generator system/reprieved.service system/reprieved.socket 'system/reprieve-cycle@.service' 'system/reprieve-task@.service' \
        system/reprieve-notify.service system/reprieve-notify.timer system/reprieve.target 'system/reprieve-cycle@.timer' 'system/reprieve-schedule@.target' system-preset/90-reprieve.preset \
        system.d/org.reprieve1.conf system-services/org.reprieve1.service interfaces/org.reprieve1.xml actions/org.reprieve1.policy \
        rules.d/org.reprieve1.rules catalog/reprieve.catalog catalog/reprieve.de.catalog catalog/reprieve.el.catalog \
        sysusers.d/reprieve.conf tmpfiles.d/reprieve.conf man7/reprieve.7 man8/reprieved.8 man8/reprieve-cycle.8 man8/reprieve-notify.8 \
        man8/reprieve-generator.8 man5/reprieve.conf.5 man5/reprieve-job.5 man5/org.reprieve1.5 examples/application.conf; do
        grep -qF "/$f" "$work/files" || missing="$missing $f"
done
echo "missing:$missing" >"$work/log"
[ -z "$missing" ]
ok $? "everything is where it belongs"
grep -rlE '@(bindir|pkglibexecdir|sysconfdir|localstatedir)@' "$root" >"$work/log" 2>&1
[ $? -ne 0 ]
ok $? "no path is left to be filled in"
find "$root" -perm /6022 ! -type l >"$work/log"
[ ! -s "$work/log" ]
ok $? "nothing is set-uid, set-gid or writable for others"
if [ "$(id -u)" -eq 0 ]; then
        find "$root" ! -user root >"$work/log"
        [ ! -s "$work/log" ]
        ok $? "all is root's"
fi

# The RPM package of these files: rpmbuild says which of them the spec file forgets, and which it makes up. What is compiled is not
# compiled again; the macros of Fedora's systemd-rpm-macros, which Debian does not have, stand for themselves.
if ! command -v rpmbuild >/dev/null; then
        n=$((n + 1))
        echo "ok $n - the RPM package # SKIP NOT TESTED: rpmbuild is not here (apt-get install rpm)"
elif ! grep -qx 'prefix = /usr' "$TOP_BUILDDIR/Makefile" || [ "$(id -u)" -ne 0 ]; then
        n=$((n + 1))
        echo "ok $n - the RPM package # SKIP NOT TESTED: configure with --prefix=/usr --sysconfdir=/etc --localstatedir=/var, and be root"
else
        spec=$TOP_SRCDIR/data/packaging/reprieve.spec
        version=$(sed -n 's/^Version: *//p' "$spec")
        license=$work/buildroot/usr/share/licenses/reprieve-$version
        cp -a "$root" "$work/buildroot"
        # What %license does when a package is built from the start.
        mkdir -p "$work/rpm/BUILD/reprieve-$version" "$license"
        cp "$TOP_SRCDIR/LICENSE" "$license"
        rpmbuild -bb --short-circuit --nodeps --buildroot "$work/buildroot" --define "_topdir $work/rpm" \
                --define '_unitdir /usr/lib/systemd/system' --define '_presetdir /usr/lib/systemd/system-preset' \
                --define '_sysusersdir /usr/lib/sysusers.d' --define '_tmpfilesdir /usr/lib/tmpfiles.d' --define 'systemd_post() :' \
                --define 'systemd_preun() :' --define 'systemd_postun_with_restart() :' "$spec" >"$work/log" 2>&1
        ok $? "the RPM package is built from what is installed"
        rpm -qpl "$work"/rpm/RPMS/*/*.rpm >"$work/packed" 2>"$work/log"
        # rpmbuild may compress a page, and adds the license and build ids.
        sed 's/\.gz$//' "$work/packed" | LC_ALL=C sort >"$work/packed.sorted"
        LC_ALL=C comm -23 "$work/files" "$work/packed.sorted" >"$work/log"
        [ -s "$work/packed" ] && [ ! -s "$work/log" ]
        ok $? "and has all of it"
fi

conf=$(find "$root" -type d -name jobs.d)
echo "[Job]" >"$conf/mine.conf"
make -C "$TOP_BUILDDIR" -s uninstall DESTDIR="$root" >"$work/log" 2>&1
ok $? "make uninstall"
find "$root" ! -type d >"$work/log"
[ "$(cat "$work/log")" = "$conf/mine.conf" ]
ok $? "leaves nothing behind but a job that somebody wrote"
echo "1..$n"
