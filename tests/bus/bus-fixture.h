/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A private bus, the demo service behind both doors and a polkit that says what it is told, for the tests of src/bus.
 */

#include <dbus/dbus.h>

#include "bus-client.h"
#include "tap.h"

#define NAME "org.reprieve1"
#define ROOT "/org/reprieve1"
#define STAFF "/org/reprieve1/job/staff"
#define MANAGER "org.reprieve1.Manager"
#define JOB "org.reprieve1.Job"
#define PROPERTIES "org.freedesktop.DBus.Properties"

/** fixture_start() - unless it runs; @auth is the demo service's third argument, @worker_uid its fourth or NULL.
 * false when dbus-daemon is missing. */
bool fixture_start(const char *auth, const char *worker_uid, bool with_polkit);
/** fixture_bus(), fixture_private() - addresses */
const char *fixture_bus(void);
const char *fixture_private(void);
/** fixture_alive() - does the demo service still run? */
bool fixture_alive(void);
/** fixture_log() - what it ("demo") or polkit printed; valid until the next call */
const char *fixture_log(const char *who);
/** fixture_wait_log() - up to 5 s for @text to appear there */
bool fixture_wait_log(const char *who, const char *text);
/** fixture_count() - how often @text is there */
unsigned fixture_count(const char *who, const char *text);
/** fixture_polkit() - tell polkit what to answer */
bool fixture_polkit(const char *mode);
/** fixture_stop() - SIGTERM to the demo service; its exit status */
int fixture_stop(void);
int fixture_wait(void);
pid_t fixture_pid(void);
/** fixture_stop_bus() - under the feet of the demo service */
void fixture_stop_bus(void);
/** fixture_raw() - a libdbus connection that we may abuse; the caller closes and unrefs */
DBusConnection *fixture_raw(const char *address);
/** as_user() - run @f in a child under this uid; its result, or -1. Needs root. */
int as_user(unsigned uid, int (*f)(void));
/** call_error() - D-Bus error name of this call without arguments, "" for none; valid until the next */
const char *call_error(BusClient *c, const char *path, const char *interface, const char *member);
