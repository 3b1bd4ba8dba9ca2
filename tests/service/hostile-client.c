/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

/* hostile-client ADDRESS HOW: does to the real service what no client should. Prints one line when it has done so,
 * and stays connected until its standard input ends.
 *
 *   calls     10,000 calls of every kind at once; reads what comes, and prints how many were answered
 *   deaf      10,000 calls with long answers, and never reads
 *   silent    the same calls, but asks for no answer
 *   wrong     each method with arguments of other types than it wants
 *   huge      arrays of half a million elements
 *   vanish    50 connections that end in the middle of a call, and of a message
 */

#include <dbus/dbus.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "string-util.h"
#include "time-util.h"

#define NAME "org.reprieve1"
#define ROOT "/org/reprieve1"
#define STAFF "/org/reprieve1/job/staff"
#define MANAGER "org.reprieve1.Manager"
#define JOB "org.reprieve1.Job"
#define PROPERTIES "org.freedesktop.DBus.Properties"
#define CALLS 10000U

static const char *address;

static void fail(const char *what) {
        fprintf(stderr, "%s failed\n", what);
        exit(1);
}

static DBusConnection *open_connection(void) {
        DBusConnection *c = dbus_connection_open_private(address, NULL);

        if (!c || !dbus_bus_register(c, NULL))
                fail("connecting");
        dbus_connection_set_exit_on_disconnect(c, FALSE);
        return c;
}

static void close_connection(DBusConnection *c) {
        dbus_connection_close(c);
        dbus_connection_unref(c);
}

static DBusMessage *new_call(const char *path, const char *interface, const char *member) {
        DBusMessage *m = dbus_message_new_method_call(NAME, path, interface, member);

        if (!m)
                fail("a message");
        return m;
}

/* One of the calls that a client may make, by number. */
static DBusMessage *any_call(unsigned n) {
        const char *job = JOB, *kind = "user", *id = "s0001", *no_review = "0123456789abcdef", *empty = "";
        dbus_uint32_t offset = 0, limit = 1000;
        DBusMessage *m;

        switch (n % 10) {
        case 0:
                m = new_call(STAFF, PROPERTIES, "GetAll");
                (void) dbus_message_append_args(m, DBUS_TYPE_STRING, &job, DBUS_TYPE_INVALID);
                return m;
        case 1:
                m = new_call(STAFF, JOB, "ListStaged");
                (void) dbus_message_append_args(m, DBUS_TYPE_UINT32, &offset, DBUS_TYPE_UINT32, &limit,
                                                DBUS_TYPE_INVALID);
                return m;
        case 2:
                return new_call(STAFF, JOB, "RunCycle");
        case 3:
                return new_call(STAFF, JOB, "Preview");
        case 4:
                m = new_call(STAFF, JOB, "AllowDeletes");
                (void) dbus_message_append_args(m, DBUS_TYPE_STRING, &no_review, DBUS_TYPE_STRING, &empty,
                                                DBUS_TYPE_INVALID);
                return m;
        case 5:
                return new_call(ROOT, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects");
        case 6:
                m = new_call(STAFF, JOB, "ProvisionOnDemand");
                (void) dbus_message_append_args(m, DBUS_TYPE_STRING, &kind, DBUS_TYPE_STRING, &id,
                                                DBUS_TYPE_INVALID);
                return m;
        case 7:
                return new_call(STAFF, JOB, "Validate");
        case 8:
                return new_call(STAFF, "org.freedesktop.DBus.Introspectable", "Introspect");
        default:
                return new_call(STAFF, JOB, "SummarizeStaged");
        }
}

/* ---- the ways ---- */

static DBusConnection *calls(void) {
        DBusConnection *c = open_connection();
        unsigned answered = 0, refused = 0;

        for (unsigned n = 0; n < CALLS; n++) {
                DBusMessage *m = any_call(n);

                (void) dbus_connection_send(c, m, NULL);
                dbus_message_unref(m);
        }
        while (answered < CALLS && dbus_connection_read_write(c, 1000)) {
                DBusMessage *m;

                while ((m = dbus_connection_pop_message(c))) {
                        int type = dbus_message_get_type(m);

                        answered += type == DBUS_MESSAGE_TYPE_METHOD_RETURN || type == DBUS_MESSAGE_TYPE_ERROR;
                        refused += dbus_message_is_error(m, DBUS_ERROR_LIMITS_EXCEEDED);
                        dbus_message_unref(m);
                }
        }
        printf("%u answered, %s\n", answered, refused > 0 ? "some refused" : "none refused");
        return c;
}

/* Straight into the socket: libdbus would read what comes. Gives up when nothing more fits for two seconds. */
static bool push(int fd, const char *bytes, size_t size) {
        uint64_t end = clock_monotonic() + 2 * USEC_PER_SEC;

        while (size > 0 && clock_monotonic() < end) {
                ssize_t n = send(fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);

                if (n < 0)
                        (void) usleep(10 * 1000);
                else {
                        bytes += n;
                        size -= (size_t) n;
                }
        }
        return size == 0;
}

static DBusConnection *push_calls(bool no_reply) {
        DBusConnection *c = open_connection();
        unsigned n;
        int fd;

        if (!dbus_connection_get_unix_fd(c, &fd))
                fail("the descriptor");
        for (n = 0; n < CALLS; n++) {
                DBusMessage *m = any_call(n % 2 ? 1 : 5);
                char *bytes;
                bool sent;
                int size;

                dbus_message_set_serial(m, 1000 + n);
                dbus_message_set_no_reply(m, no_reply);
                if (!dbus_message_marshal(m, &bytes, &size))
                        fail("marshalling");
                sent = push(fd, bytes, (size_t) size);
                dbus_free(bytes);
                dbus_message_unref(m);
                if (!sent)
                        break;
        }
        printf("%u sent, none read\n", n);
        return c;
}

static DBusConnection *deaf(void) {
        return push_calls(false);
}

static DBusConnection *silent(void) {
        return push_calls(true);
}

static DBusConnection *wrong(void) {
        static const char *const job_members[] = {
                "RunCycle", "Start", "Pause", "Restart", "Preview", "Validate", "ProvisionOnDemand", "AllowDeletes",
                "RejectDeletes", "AllowSelected", "RejectSelected", "Release", "ListStaged", "ListHeld", "ListCycles",
                "SummarizeStaged", "OpenStaged", "SendTestNotification", "NoSuchMember",
        };
        static const char *const manager_members[] = { "ListJobs", "GetJob", "CreateJob", "RemoveJob", "Reload" };
        DBusConnection *c = open_connection();
        unsigned sent = 0, errors = 0;

        for (size_t k = 0; k < ELEMENTSOF(job_members) + ELEMENTSOF(manager_members); k++) {
                bool of_job = k < ELEMENTSOF(job_members);
                const char *member = of_job ? job_members[k] : manager_members[k - ELEMENTSOF(job_members)];

                for (unsigned form = 0; form < 4; form++) {
                        DBusMessage *m = new_call(of_job ? STAFF : ROOT, of_job ? JOB : MANAGER, member), *reply;
                        DBusMessageIter iter, array, deep;
                        DBusError e = DBUS_ERROR_INIT;
                        double d = 1e300;

                        dbus_message_iter_init_append(m, &iter);
                        for (unsigned i = 0; i < form % 2 + 1; i++)
                                dbus_message_iter_append_basic(&iter, DBUS_TYPE_DOUBLE, &d);
                        if (form >= 2) {
                                dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "av", &array);
                                dbus_message_iter_open_container(&array, DBUS_TYPE_ARRAY, "v", &deep);
                                dbus_message_iter_close_container(&array, &deep);
                                dbus_message_iter_close_container(&iter, &array);
                        }
                        reply = dbus_connection_send_with_reply_and_block(c, m, 10000, &e);
                        sent++;
                        errors += dbus_error_has_name(&e, DBUS_ERROR_INVALID_ARGS) ||
                                  dbus_error_has_name(&e, DBUS_ERROR_UNKNOWN_METHOD);
                        if (reply)
                                dbus_message_unref(reply);
                        dbus_error_free(&e);
                        dbus_message_unref(m);
                }
        }
        printf("%s refused\n", sent == errors ? "all" : "not all");
        return c;
}

/* Half a million of them, before or after which come the other arguments. */
static void append_many(DBusMessageIter *iter, const char *signature) {
        const char *kind = "user", *id = "s0123";
        DBusMessageIter array, pair;

        dbus_message_iter_open_container(iter, DBUS_TYPE_ARRAY, signature, &array);
        for (unsigned i = 0; i < 500000; i++) {
                if (streq(signature, "s")) {
                        dbus_message_iter_append_basic(&array, DBUS_TYPE_STRING, &id);
                        continue;
                }
                dbus_message_iter_open_container(&array, DBUS_TYPE_STRUCT, NULL, &pair);
                dbus_message_iter_append_basic(&pair, DBUS_TYPE_STRING, &kind);
                dbus_message_iter_append_basic(&pair, DBUS_TYPE_STRING, &id);
                dbus_message_iter_close_container(&array, &pair);
        }
        dbus_message_iter_close_container(iter, &array);
}

static DBusConnection *huge(void) {
        static const char *const members[] = { "AllowSelected", "Release", "Restart", "Set" };
        const char *review = "0123456789abcdef", *interface = JOB, *property = "NotificationEmail";

        /* Whoever sends too much may be cut off: each has a connection of its own. */
        for (size_t k = 0; k < ELEMENTSOF(members); k++) {
                bool set = streq(members[k], "Set");
                DBusMessage *m = new_call(STAFF, set ? PROPERTIES : JOB, members[k]), *reply;
                DBusConnection *c = open_connection();
                DBusMessageIter iter, variant;

                dbus_message_iter_init_append(m, &iter);
                if (set) {
                        dbus_message_iter_append_basic(&iter, DBUS_TYPE_STRING, &interface);
                        dbus_message_iter_append_basic(&iter, DBUS_TYPE_STRING, &property);
                        dbus_message_iter_open_container(&iter, DBUS_TYPE_VARIANT, "as", &variant);
                        append_many(&variant, "s");
                        dbus_message_iter_close_container(&iter, &variant);
                } else {
                        if (streq(members[k], "AllowSelected"))
                                dbus_message_iter_append_basic(&iter, DBUS_TYPE_STRING, &review);
                        append_many(&iter, streq(members[k], "Restart") ? "s" : "(ss)");
                        if (streq(members[k], "AllowSelected"))
                                dbus_message_iter_append_basic(&iter, DBUS_TYPE_STRING, &review);
                }
                reply = dbus_connection_send_with_reply_and_block(c, m, 20000, NULL);
                if (reply)
                        fail(members[k]); /* nothing of this is right */
                dbus_message_unref(m);
                close_connection(c);
        }
        printf("none accepted\n");
        return open_connection();
}

static DBusConnection *vanish(void) {
        for (unsigned i = 0; i < 50; i++) {
                DBusConnection *c = open_connection();
                DBusMessage *m;
                char *bytes;
                int fd, size;

                for (unsigned n = 0; n < 50; n++) {
                        m = any_call(i + n);
                        (void) dbus_connection_send(c, m, NULL);
                        dbus_message_unref(m);
                }
                if (i % 3)
                        dbus_connection_flush(c);
                m = any_call(4);
                dbus_message_set_serial(m, 100000);
                if (i % 2 && dbus_connection_get_unix_fd(c, &fd) && dbus_message_marshal(m, &bytes, &size)) {
                        (void) push(fd, bytes, (size_t) size / 2);
                        dbus_free(bytes);
                }
                dbus_message_unref(m);
                close_connection(c);
        }
        printf("all gone\n");
        return open_connection();
}

int main(int argc, char *argv[]) {
        static const struct {
                const char *name;
                DBusConnection *(*f)(void);
        } ways[] = { { "calls", calls }, { "deaf", deaf }, { "silent", silent }, { "wrong", wrong }, { "huge", huge }, { "vanish", vanish } };
        DBusConnection *c = NULL;
        char byte;

        if (argc != 3)
                return 2;
        address = argv[1];
        for (size_t i = 0; i < ELEMENTSOF(ways); i++)
                if (streq(argv[2], ways[i].name))
                        c = ways[i].f();
        if (!c)
                return 2;
        (void) fflush(stdout);
        while (read(STDIN_FILENO, &byte, 1) > 0)
                ;
        close_connection(c);
        return 0;
}
