/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#include "bus-fixture.h"
#include "string-util.h"
#include "time-util.h"

#define WAIT_USEC (5 * USEC_PER_SEC)
#define WORKER_UID "65534"

static const char *doors[2];

#define START()                                                                 \
        do {                                                                    \
                CHECK(fixture_start("same-uid", WORKER_UID, false));            \
                doors[0] = fixture_bus();                                       \
                doors[1] = fixture_private();                                   \
        } while (0)

static void raw_close(DBusConnection *c) {
        dbus_connection_close(c);
        dbus_connection_unref(c);
}

static int call(BusClient *c, const char *path, const char *interface, const char *member) {
        return bus_client_call(c, path, interface, member, WAIT_USEC, NULL, NULL, "");
}

TEST(both_doors_lead_to_the_same_objects) {
        START();
        for (size_t i = 0; i < 2; i++) {
                _cleanup_(bus_client_freep) BusClient *c = NULL;
                _cleanup_bus_message_ BusMessage *m = NULL, *p = NULL;
                const char *s;
                uint32_t u, uid;
                bool private;

                CHECK_INT(bus_client_connect(doors[i], NAME, &c, NULL), 0);
                CHECK_INT(bus_client_call(c, ROOT, MANAGER, "Echo", WAIT_USEC, &m, NULL, "s", "hi"), 0);
                CHECK_INT(bus_message_read(m, "s", &s), 0);
                CHECK_STR(s, "hi");
                CHECK_INT(bus_client_set_property(c, STAFF, JOB, "DeletionThreshold", NULL, "u", 40 + (unsigned) i),
                          0);
                CHECK_INT(bus_client_get_property(c, STAFF, JOB, "DeletionThreshold", &p, NULL), 0);
                CHECK_INT(bus_message_read(p, "u", &u), 0);
                CHECK_INT(u, 40 + i);
                m = bus_message_unref(m);
                CHECK_INT(bus_client_call(c, ROOT, MANAGER, "WhoAmI", WAIT_USEC, &m, NULL, ""), 0);
                CHECK_INT(bus_message_read(m, "ub", &uid, &private), 0);
                CHECK_INT(uid, getuid());
                CHECK_INT(private, i == 1);
        }
}

TEST(a_path_is_an_address_too) {
        _cleanup_(bus_client_freep) BusClient *c = NULL;

        START();
        CHECK_INT(bus_client_connect(fixture_private() + strlen("unix:path="), NAME, &c, NULL), 0);
        CHECK_INT(call(c, ROOT, MANAGER, "ListJobs"), 0);
}

TEST(every_mistake_has_its_error) {
        START();
        for (size_t i = 0; i < 2; i++) {
                _cleanup_(bus_client_freep) BusClient *c = NULL;
                _cleanup_error_ Error *e = NULL;

                CHECK_INT(bus_client_connect(doors[i], NAME, &c, NULL), 0);
                CHECK_STR(call_error(c, ROOT, MANAGER, "Nope"), DBUS_ERROR_UNKNOWN_METHOD);
                CHECK_STR(call_error(c, ROOT, "org.example.X", "Nope"), DBUS_ERROR_UNKNOWN_INTERFACE);
                CHECK_STR(call_error(c, "/nowhere", MANAGER, "Echo"), DBUS_ERROR_UNKNOWN_OBJECT);
                CHECK_STR(call_error(c, ROOT "/job/gone", JOB, "Burst"), DBUS_ERROR_UNKNOWN_OBJECT);
                CHECK_STR(call_error(c, ROOT "/job/staff/x", JOB, "Burst"), DBUS_ERROR_UNKNOWN_OBJECT);
                CHECK_STR(call_error(c, ROOT "/job/_73taff", JOB, "Burst"), DBUS_ERROR_UNKNOWN_OBJECT);
                CHECK_STR(call_error(c, ROOT "/job", JOB, "Burst"), DBUS_ERROR_UNKNOWN_OBJECT);
                CHECK_STR(call_error(c, ROOT, MANAGER, "Echo"), DBUS_ERROR_INVALID_ARGS);
                CHECK_STR(call_error(c, ROOT, MANAGER, "Wrong"), DBUS_ERROR_FAILED);
                CHECK_STR(call_error(c, ROOT, MANAGER, "Forget"), DBUS_ERROR_FAILED);
                CHECK_STR(call_error(c, ROOT, MANAGER, "BadError"), DBUS_ERROR_FILE_NOT_FOUND);
                CHECK_INT(bus_client_call(c, ROOT, MANAGER, "Bytes", WAIT_USEC, NULL, &e, "u", 2000000U), -EMSGSIZE);
                CHECK_STR(e->id, DBUS_ERROR_LIMITS_EXCEEDED);
                e = error_free(e);
                CHECK_INT(bus_client_call(c, ROOT, MANAGER, "RemoveJob", WAIT_USEC, NULL, &e, "s", "nope"), -ENOENT);
                CHECK_INT(bus_error_from_name(e->id), BUS_ERROR_NO_SUCH_JOB);
                CHECK_STR(e->text, "No job is called nope");
                e = error_free(e);
                CHECK(bus_client_set_property(c, STAFF, JOB, "Name", &e, "s", "x") < 0);
                CHECK_STR(e->id, DBUS_ERROR_PROPERTY_READ_ONLY);
                e = error_free(e);
                CHECK(bus_client_set_property(c, STAFF, JOB, "DeletionThreshold", &e, "s", "x") < 0);
                CHECK_STR(e->id, DBUS_ERROR_INVALID_ARGS);
                e = error_free(e);
                CHECK(bus_client_set_property(c, STAFF, JOB, "Nope", &e, "s", "x") < 0);
                CHECK_STR(e->id, DBUS_ERROR_UNKNOWN_PROPERTY);
                e = error_free(e);
                CHECK(bus_client_call(c, STAFF, PROPERTIES, "Set", WAIT_USEC, NULL, &e, "ssvs", JOB, "Name", "s", "x",
                                      "more") < 0);
                CHECK_STR(e->id, DBUS_ERROR_INVALID_ARGS);
                CHECK(bus_client_call(c, ROOT, "bad interface", "X", WAIT_USEC, NULL, NULL, "") < 0);
        }
        CHECK(fixture_alive());
}

TEST(a_property_without_a_value_spoils_only_itself) {
        _cleanup_(bus_client_freep) BusClient *c = NULL;
        _cleanup_bus_message_ BusMessage *m = NULL, *p = NULL;
        _cleanup_error_ Error *e = NULL;
        unsigned n = 0;

        START();
        CHECK_INT(bus_client_connect(doors[0], NAME, &c, NULL), 0);
        CHECK_INT(bus_client_get_property(c, ROOT, MANAGER, "Broken", &p, &e), -EIO);
        CHECK_STR(e->text, "the disk is gone");
        CHECK_INT(bus_client_call(c, ROOT, PROPERTIES, "GetAll", WAIT_USEC, &m, NULL, "s", MANAGER), 0);
        CHECK_INT(bus_message_enter(m, 'a', "{sv}"), 0);
        for (; bus_message_more(m); n++)
                CHECK_INT(bus_message_skip(m), 0);
        CHECK_INT(n, 1);
}

TEST(a_change_is_told_once_and_before_what_follows_from_it) {
        START();
        for (size_t i = 0; i < 2; i++) {
                _cleanup_(bus_client_freep) BusClient *c = NULL;
                _cleanup_bus_message_ BusMessage *changed = NULL, *started = NULL, *more = NULL;
                const char *interface, *key, *gone;
                uint32_t u = 0, before = 0;
                _cleanup_bus_message_ BusMessage *p = NULL;

                CHECK_INT(bus_client_connect(doors[i], NAME, &c, NULL), 0);
                CHECK_INT(bus_client_get_property(c, STAFF, JOB, "DeletionThreshold", &p, NULL), 0);
                CHECK_INT(bus_message_read(p, "u", &before), 0);
                CHECK_INT(bus_client_subscribe(c, ROOT, NULL), 0);
                CHECK_INT(call(c, STAFF, JOB, "Burst"), 0);
                /* All signals came before the reply. */
                CHECK_INT(bus_client_wait(c, 0, &changed), 0);
                CHECK(bus_message_is_signal(changed, PROPERTIES, "PropertiesChanged"));
                CHECK_INT(bus_message_read(changed, "s", &interface), 0);
                CHECK_STR(interface, JOB);
                CHECK_INT(bus_message_enter(changed, 'a', "{sv}"), 0);
                CHECK_INT(bus_message_read(changed, "{sv}", &key, "u", &u), 0);
                CHECK_INT(u, before + 100);
                CHECK(!bus_message_more(changed));
                CHECK_INT(bus_message_exit(changed), 0);
                CHECK_INT(bus_message_enter(changed, 'a', "s"), 0);
                CHECK_INT(bus_message_read(changed, "s", &gone), 0);
                CHECK_STR(gone, "NotificationEmail");
                CHECK_INT(bus_client_wait(c, 0, &started), 0);
                CHECK(bus_message_is_signal(started, JOB, "CycleStarted"));
                CHECK_STR(bus_message_get_path(started), STAFF);
                CHECK_INT(bus_client_wait(c, 50 * USEC_PER_MSEC, &more), BUS_CLIENT_TIMEOUT);
        }
}

TEST(who_has_not_said_hello_yet_is_told_of_nothing) {
        _cleanup_(bus_client_freep) BusClient *c = NULL;
        DBusConnection *raw;
        DBusMessage *m = NULL;

        START();
        CHECK_INT(bus_client_connect(doors[1], NAME, &c, NULL), 0);
        raw = dbus_connection_open_private(doors[1], NULL);
        CHECK(raw);
        dbus_connection_set_exit_on_disconnect(raw, FALSE);
        for (unsigned i = 0; i < 500 && !dbus_connection_get_is_authenticated(raw); i++)
                (void) dbus_connection_read_write(raw, 10);
        CHECK(dbus_connection_get_is_authenticated(raw));
        /* sd-bus takes a signal before the answer to its Hello for the end of the connection. */
        for (unsigned i = 0; i < 20; i++) {
                CHECK_INT(call(c, STAFF, JOB, "Burst"), 0);
                (void) dbus_connection_read_write(raw, 5);
                CHECK(!dbus_connection_borrow_message(raw));
        }
        CHECK(dbus_bus_register(raw, NULL));
        CHECK_INT(call(c, STAFF, JOB, "Burst"), 0);
        for (unsigned i = 0; i < 500 && !(m = dbus_connection_pop_message(raw)); i++)
                (void) dbus_connection_read_write(raw, 10);
        CHECK(m && dbus_message_is_signal(m, PROPERTIES, "PropertiesChanged"));
        dbus_message_unref(m);
        dbus_connection_close(raw);
        dbus_connection_unref(raw);
}

TEST(setting_a_property_announces_it) {
        _cleanup_(bus_client_freep) BusClient *c = NULL;
        _cleanup_bus_message_ BusMessage *m = NULL;
        char *mail[] = {(char *) "a@example.org", NULL};

        START();
        CHECK_INT(bus_client_connect(doors[0], NAME, &c, NULL), 0);
        CHECK_INT(bus_client_subscribe(c, STAFF, NULL), 0);
        CHECK_INT(bus_client_set_property(c, STAFF, JOB, "NotificationEmail", NULL, "as", mail), 0);
        CHECK_INT(bus_client_wait(c, 0, &m), 0);
        CHECK(bus_message_is_signal(m, PROPERTIES, "PropertiesChanged"));
}

TEST(objects_come_and_go_in_order) {
        START();
        for (size_t i = 0; i < 2; i++) {
                _cleanup_(bus_client_freep) BusClient *c = NULL;
                _cleanup_bus_message_ BusMessage *added = NULL, *removed = NULL, *more = NULL;
                const char *path;

                CHECK_INT(bus_client_connect(doors[i], NAME, &c, NULL), 0);
                CHECK_INT(bus_client_subscribe(c, ROOT, NULL), 0);
                CHECK_INT(bus_client_call(c, ROOT, MANAGER, "CreateJob", WAIT_USEC, NULL, NULL, "s", "new one"), 0);
                CHECK_INT(bus_client_wait(c, 0, &added), 0);
                CHECK(bus_message_is_signal(added, "org.freedesktop.DBus.ObjectManager", "InterfacesAdded"));
                CHECK_STR(bus_message_get_path(added), ROOT);
                CHECK_STR(bus_message_get_signature(added), "oa{sa{sv}}");
                CHECK_INT(bus_message_read(added, "o", &path), 0);
                CHECK_STR(path, ROOT "/job/new_20one");
                CHECK_INT(call(c, path, JOB, "Burst"), 0);
                CHECK_INT(bus_client_call(c, ROOT, MANAGER, "RemoveJob", WAIT_USEC, NULL, NULL, "s", "new one"), 0);
                while (bus_client_wait(c, 0, &removed) == 0 &&
                       !bus_message_is_signal(removed, "org.freedesktop.DBus.ObjectManager", "InterfacesRemoved"))
                        removed = bus_message_unref(removed);
                CHECK(removed);
                CHECK_STR(call_error(c, path, JOB, "Burst"), DBUS_ERROR_UNKNOWN_OBJECT);
                /* Added and removed in one turn: nobody hears of it. */
                CHECK_INT(call(c, ROOT, MANAGER, "Flash"), 0);
                CHECK_INT(bus_client_wait(c, 50 * USEC_PER_MSEC, &more), BUS_CLIENT_TIMEOUT);
        }
}

TEST(a_signal_that_somebody_else_sends_straight_to_us_does_not_count) {
        _cleanup_(bus_client_freep) BusClient *c = NULL;
        _cleanup_bus_message_ BusMessage *m = NULL;
        DBusConnection *raw;

        START();
        raw = fixture_raw(doors[0]);
        CHECK(raw);
        CHECK_INT(bus_client_connect(doors[0], NAME, &c, NULL), 0);
        CHECK_INT(bus_client_subscribe(c, ROOT, NULL), 0);
        /* Whoever is meant: everybody gets one. */
        for (unsigned i = 0; i < 100; i++) {
                DBusMessage *forged = dbus_message_new_signal(STAFF, JOB, "CycleStarted");
                char name[32];

                (void) snprintf(name, sizeof(name), ":1.%u", i);
                CHECK(dbus_message_set_destination(forged, name) && dbus_connection_send(raw, forged, NULL));
                dbus_message_unref(forged);
        }
        dbus_connection_flush(raw);
        CHECK_INT(bus_client_wait(c, 200 * USEC_PER_MSEC, &m), BUS_CLIENT_TIMEOUT);
        raw_close(raw);
}

TEST(a_kept_call_is_answered_later) {
        START();
        for (size_t i = 0; i < 2; i++) {
                _cleanup_(bus_client_freep) BusClient *c = NULL;
                _cleanup_bus_message_ BusMessage *m = NULL;
                DBusConnection *raw = fixture_raw(doors[i]);
                DBusMessage *wait = dbus_message_new_method_call(NAME, ROOT, MANAGER, "Wait");
                DBusPendingCall *pending = NULL;
                uint32_t n;

                CHECK(raw && wait);
                CHECK_INT(bus_client_connect(doors[i], NAME, &c, NULL), 0);
                CHECK(dbus_connection_send_with_reply(raw, wait, &pending, 5000) && pending);
                dbus_connection_flush(raw);
                do {
                        m = bus_message_unref(m);
                        CHECK_INT(bus_client_call(c, ROOT, MANAGER, "Wake", WAIT_USEC, &m, NULL, ""), 0);
                        CHECK_INT(bus_message_read(m, "u", &n), 0);
                } while (n == 0);
                CHECK_INT(n, 1);
                dbus_pending_call_block(pending);
                DBusMessage *reply = dbus_pending_call_steal_reply(pending);
                CHECK_INT(dbus_message_get_type(reply), DBUS_MESSAGE_TYPE_METHOD_RETURN);
                dbus_message_unref(reply);
                dbus_pending_call_unref(pending);
                dbus_message_unref(wait);
                raw_close(raw);
        }
}

TEST(a_call_without_an_interface_is_found_if_it_is_clear) {
        START();
        for (size_t i = 0; i < 2; i++) {
                DBusConnection *raw = fixture_raw(doors[i]);
                DBusMessage *m = dbus_message_new_method_call(NAME, ROOT, NULL, "ListJobs");
                DBusMessage *get = dbus_message_new_method_call(NAME, STAFF, NULL, "Nope");
                DBusMessage *reply;
                DBusError e = DBUS_ERROR_INIT;

                reply = dbus_connection_send_with_reply_and_block(raw, m, 5000, NULL);
                CHECK(reply);
                dbus_message_unref(reply);
                reply = dbus_connection_send_with_reply_and_block(raw, get, 5000, &e);
                CHECK(!reply);
                CHECK_STR(e.name, DBUS_ERROR_UNKNOWN_METHOD);
                dbus_error_free(&e);
                dbus_message_unref(m);
                dbus_message_unref(get);
                raw_close(raw);
        }
}

TEST(a_descriptor_is_handed_over) {
        START();
        for (size_t i = 0; i < 2; i++) {
                _cleanup_(bus_client_freep) BusClient *c = NULL;
                _cleanup_bus_message_ BusMessage *m = NULL;
                _cleanup_close_ int fd = -1;
                char buf[16] = "";

                CHECK_INT(bus_client_connect(doors[i], NAME, &c, NULL), 0);
                CHECK_INT(bus_client_call(c, ROOT, MANAGER, "Open", WAIT_USEC, &m, NULL, ""), 0);
                CHECK_INT(bus_message_read(m, "h", &fd), 0);
                CHECK_INT(read(fd, buf, sizeof(buf)), 6);
                CHECK_STR(buf, "hello\n");
        }
}

TEST(the_private_socket_is_for_its_owner_only) {
        struct stat st;

        START();
        CHECK_INT(stat(fixture_private() + strlen("unix:path="), &st), 0);
        CHECK_INT(st.st_mode & 0777, 0600);
}

TEST(what_is_private_is_not_on_the_bus) {
        _cleanup_(bus_client_freep) BusClient *bus = NULL, *private = NULL;
        _cleanup_bus_message_ BusMessage *m = NULL;
        const char *xml;

        START();
        CHECK_INT(bus_client_connect(doors[0], NAME, &bus, NULL), 0);
        CHECK_INT(bus_client_connect(doors[1], NAME, &private, NULL), 0);
        CHECK_STR(call_error(bus, ROOT, "org.reprieve1.Worker", "Report"), DBUS_ERROR_UNKNOWN_INTERFACE);
        CHECK_INT(bus_client_call(private, ROOT, "org.reprieve1.Worker", "Report", WAIT_USEC, NULL, NULL, "s", "x"),
                  0);
        CHECK_INT(bus_client_call(bus, ROOT, "org.freedesktop.DBus.Introspectable", "Introspect", WAIT_USEC, &m, NULL,
                                  ""),
                  0);
        CHECK_INT(bus_message_read(m, "s", &xml), 0);
        CHECK(!strstr(xml, "Worker") && strstr(xml, "Manager"));
}

static int as_worker(void) {
        _cleanup_(bus_client_freep) BusClient *c = NULL;
        BusMessage *signal = NULL;

        if (bus_client_connect(fixture_private(), NAME, &c, NULL) < 0)
                return 1;
        if (bus_client_call(c, ROOT, "org.reprieve1.Worker", "Report", WAIT_USEC, NULL, NULL, "s", "x") < 0)
                return 2;
        if (!streq(call_error(c, ROOT, MANAGER, "ListJobs"), DBUS_ERROR_ACCESS_DENIED))
                return 3;
        if (!streq(call_error(c, STAFF, "org.freedesktop.DBus.Introspectable", "Introspect"),
                   DBUS_ERROR_ACCESS_DENIED))
                return 4;
        if (bus_client_set_property(c, STAFF, JOB, "DeletionThreshold", NULL, "u", 1) != -EACCES)
                return 5;
        /* Nor does it hear of anything else. */
        if (bus_client_subscribe(c, ROOT, NULL) < 0 || system("true") != 0 ||
            bus_client_wait(c, 200000, &signal) == 0)
                return 6;
        return 0;
}

static int as_stranger(void) {
        _cleanup_(bus_client_freep) BusClient *c = NULL;

        return bus_client_connect(fixture_private(), NAME, &c, NULL) < 0 ? 0 : 1;
}

TEST(the_worker_gets_only_its_interface) {
        if (getuid() != 0)
                SKIP("needs root to become somebody else");
        START();
        CHECK_INT(chmod(fixture_private() + strlen("unix:path="), 0666), 0);
        CHECK_INT(as_user(65534, as_worker), 0);
        CHECK(fixture_wait_log("demo", "refused org.reprieve1.Manager.ListJobs"));
        CHECK_INT(as_user(12345, as_stranger), 0);
        CHECK_INT(chmod(fixture_private() + strlen("unix:path="), 0600), 0);
}

static int reset_refused(void) {
        _cleanup_(bus_client_freep) BusClient *c = NULL;

        if (bus_client_connect(fixture_bus(), NAME, &c, NULL) < 0)
                return 1;
        if (!streq(call_error(c, ROOT, MANAGER, "Reset"), DBUS_ERROR_ACCESS_DENIED))
                return 2;
        return call(c, ROOT, MANAGER, "ListJobs") < 0 ? 3 : 0;
}

TEST(without_polkit_only_the_same_user_and_root_may) {
        _cleanup_(bus_client_freep) BusClient *c = NULL;

        START();
        CHECK_INT(bus_client_connect(doors[0], NAME, &c, NULL), 0);
        CHECK_INT(call(c, ROOT, MANAGER, "Reset"), 0);
        if (getuid() != 0)
                return;
        CHECK_INT(as_user(1, reset_refused), 0);
        CHECK(fixture_wait_log("demo", "refused org.reprieve1.Manager.Reset org.reprieve1.manage"));
}

TEST(the_name_is_released_before_the_end_and_nobody_waits_in_vain) {
        _cleanup_(bus_client_freep) BusClient *c = NULL;
        _cleanup_bus_message_ BusMessage *m = NULL;

        START();
        CHECK_INT(bus_client_connect(doors[0], NAME, &c, NULL), 0);
        CHECK_INT(bus_client_subscribe(c, ROOT, NULL), 0);
        CHECK_INT(call(c, ROOT, MANAGER, "Quit"), 0);
        CHECK_INT(bus_client_wait(c, WAIT_USEC, &m), 0);
        CHECK(bus_message_is_signal(m, "org.freedesktop.DBus", "NameOwnerChanged"));
        CHECK_INT(fixture_wait(), 0);
        CHECK(fixture_wait_log("demo", "released"));
        CHECK(!strstr(fixture_log("demo"), "lost"));
        CHECK_STR(call_error(c, ROOT, MANAGER, "ListJobs"), DBUS_ERROR_SERVICE_UNKNOWN);
}

TEST(a_private_client_notices_the_end_of_the_service) {
        _cleanup_(bus_client_freep) BusClient *c = NULL;
        BusMessage *m = NULL;

        START();
        CHECK_INT(bus_client_connect(doors[1], NAME, &c, NULL), 0);
        CHECK_INT(bus_client_subscribe(c, ROOT, NULL), 0);
        CHECK_INT(fixture_stop(), 0);
        CHECK_INT(bus_client_wait(c, WAIT_USEC, &m), -ECONNRESET);
        CHECK_INT(call(c, ROOT, MANAGER, "ListJobs"), -ECONNRESET);
}
