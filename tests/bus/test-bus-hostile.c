/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "bus-fixture.h"
#include "string-util.h"
#include "time-util.h"

/* Clients that mean harm, or know no better. After each the service runs and serves the next. */

#define WAIT_USEC (5 * USEC_PER_SEC)

static const char *doors[2];

#define START()                                                                 \
        do {                                                                    \
                CHECK(fixture_start("same-uid", NULL, false));                  \
                doors[0] = fixture_bus();                                       \
                doors[1] = fixture_private();                                   \
        } while (0)

/* Is everybody else still served? */
static bool serves(void) {
        for (size_t i = 0; i < 2; i++) {
                _cleanup_(bus_client_freep) BusClient *c = NULL;

                if (bus_client_connect(doors[i], NAME, &c, NULL) < 0 ||
                    bus_client_call(c, ROOT, MANAGER, "Echo", WAIT_USEC, NULL, NULL, "s", "x") < 0)
                        return false;
        }
        return fixture_alive();
}

static void raw_close(DBusConnection *c) {
        dbus_connection_close(c);
        dbus_connection_unref(c);
}

static DBusMessage *raw_call(const char *path, const char *interface, const char *member) {
        return dbus_message_new_method_call(NAME, path, interface, member);
}

static int plain_socket(void) {
        struct sockaddr_un sa = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        (void) snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", fixture_private() + strlen("unix:path="));
        if (fd >= 0 && connect(fd, (struct sockaddr *) &sa, sizeof(sa)) < 0) {
                close(fd);
                return -1;
        }
        return fd;
}

TEST(who_never_reads_is_cut_off) {
        DBusConnection *raw;
        int fd;

        START();
        raw = fixture_raw(doors[1]);
        CHECK(raw);
        /* 40 MB of answers that nobody fetches: written straight to the socket, libdbus would read them for us. */
        CHECK(dbus_connection_get_unix_fd(raw, &fd));
        for (unsigned i = 0; i < 80; i++) {
                DBusMessage *m = raw_call(ROOT, MANAGER, "Bytes");
                dbus_uint32_t n = 500000;
                char *bytes;
                int size;

                CHECK(dbus_message_append_args(m, DBUS_TYPE_UINT32, &n, DBUS_TYPE_INVALID));
                dbus_message_set_serial(m, 1000 + i);
                CHECK(dbus_message_marshal(m, &bytes, &size));
                if (send(fd, bytes, (size_t) size, MSG_NOSIGNAL) < 0)
                        i = 1000; /* cut off already */
                dbus_free(bytes);
                dbus_message_unref(m);
        }
        CHECK(serves());
        for (int i = 0; i < 300 && dbus_connection_get_is_connected(raw); i++)
                (void) dbus_connection_read_write(raw, 10);
        CHECK(!dbus_connection_get_is_connected(raw));
        raw_close(raw);
        CHECK(serves());
}

TEST(ten_thousand_calls_in_flight_keep_few) {
        if (fixture_alive())
                (void) fixture_stop(); /* the calls that other tests left are counted too */
        START();
        for (size_t i = 0; i < 2; i++) {
                DBusConnection *raw = fixture_raw(doors[i]);
                unsigned vanished = fixture_count("demo", "vanished Wait"), refused = 0;

                CHECK(raw);
                for (unsigned n = 0; n < 10000; n++) {
                        DBusMessage *m = raw_call(ROOT, MANAGER, "Wait");

                        CHECK(dbus_connection_send(raw, m, NULL));
                        dbus_message_unref(m);
                        if (n % 500 == 0)
                                (void) dbus_connection_read_write(raw, 0);
                }
                for (uint64_t end = clock_monotonic() + 20 * USEC_PER_SEC;
                     refused < 9936 && clock_monotonic() < end;) {
                        DBusMessage *m;

                        (void) dbus_connection_read_write(raw, 100);
                        while ((m = dbus_connection_pop_message(raw))) {
                                refused += dbus_message_is_error(m, DBUS_ERROR_LIMITS_EXCEEDED);
                                dbus_message_unref(m);
                        }
                }
                CHECK_INT(refused, 9936);
                CHECK(serves());
                raw_close(raw);
                for (int w = 0; w < 300 && fixture_count("demo", "vanished Wait") < vanished + 64; w++)
                        usleep(10 * 1000);
                CHECK_INT(fixture_count("demo", "vanished Wait"), vanished + 64);
                CHECK(serves());
        }
}

TEST(callers_who_vanish_at_once_leave_nothing) {
        START();
        for (unsigned i = 0; i < 60; i++) {
                DBusConnection *raw = fixture_raw(doors[i % 2]);
                static const char *const members[] = {"Wait", "ListJobs", "WhoAmI", "Flash"};

                CHECK(raw);
                for (unsigned n = 0; n < 200; n++) {
                        DBusMessage *m = raw_call(ROOT, MANAGER, members[n % 4]);

                        (void) dbus_connection_send(raw, m, NULL);
                        dbus_message_unref(m);
                }
                if (i % 3)
                        (void) dbus_connection_read_write(raw, 0);
                raw_close(raw);
        }
        CHECK(serves());
}

TEST(any_signature_at_any_member_is_answered) {
        static const char *const interfaces[] = {MANAGER, JOB, PROPERTIES, "org.freedesktop.DBus.ObjectManager",
                                                 "org.freedesktop.DBus.Introspectable", "org.freedesktop.DBus", NULL};
        static const char *const members[] = {"Echo", "Set", "Get", "GetAll", "Introspect", "Burst", "Hello", "Bytes",
                                              "GetManagedObjects", "BecomeMonitor", "GetNameOwner", "CreateJob"};
        static const char *const paths[] = {"/", ROOT, STAFF, ROOT "/job", "/org", ROOT "/job/_"};
        const char *s = "org.reprieve1.Job", *name = "DeletionThreshold";
        unsigned answered = 0, sent = 0;

        START();
        for (size_t d = 0; d < 2; d++) {
                DBusConnection *raw = fixture_raw(doors[d]);

                CHECK(raw);
                for (size_t i = 0; i < ELEMENTSOF(interfaces); i++)
                        for (size_t k = 0; k < ELEMENTSOF(members); k++)
                                for (size_t p = 0; p < ELEMENTSOF(paths); p++)
                                        for (unsigned form = 0; form < 5; form++) {
                                                DBusMessage *m = raw_call(paths[p], interfaces[i], members[k]),
                                                            *reply;
                                                DBusMessageIter iter, sub, deep;
                                                dbus_uint32_t u = 1;

                                                dbus_message_iter_init_append(m, &iter);
                                                for (unsigned n = 0; n < form && n < 2; n++)
                                                        dbus_message_iter_append_basic(&iter, 's', n ? &name : &s);
                                                if (form == 3) {
                                                        dbus_message_iter_open_container(&iter, 'v', "au", &sub);
                                                        dbus_message_iter_open_container(&sub, 'a', "u", &deep);
                                                        dbus_message_iter_append_basic(&deep, 'u', &u);
                                                        dbus_message_iter_close_container(&sub, &deep);
                                                        dbus_message_iter_close_container(&iter, &sub);
                                                } else if (form == 4)
                                                        dbus_message_iter_append_basic(&iter, 'u', &u);
                                                reply = dbus_connection_send_with_reply_and_block(raw, m, 5000, NULL);
                                                sent++;
                                                if (reply)
                                                        dbus_message_unref(reply);
                                                answered += dbus_connection_get_is_connected(raw) != 0;
                                                dbus_message_unref(m);
                                        }
                raw_close(raw);
        }
        CHECK_INT(answered, sent);
        CHECK(serves());
}

TEST(descriptors_nobody_asked_for_are_closed) {
        char byte;
        int p[2];

        START();
        CHECK_INT(pipe2(p, O_CLOEXEC), 0);
        for (size_t i = 0; i < 2; i++) {
                DBusConnection *raw = fixture_raw(doors[i]);

                CHECK(raw);
                for (unsigned n = 0; n < 50; n++) {
                        DBusMessage *m = raw_call(ROOT, MANAGER, "Echo");

                        CHECK(dbus_message_append_args(m, DBUS_TYPE_UNIX_FD, &p[1], DBUS_TYPE_INVALID));
                        (void) dbus_connection_send(raw, m, NULL);
                        dbus_message_unref(m);
                }
                dbus_connection_flush(raw);
                CHECK(serves());
                raw_close(raw);
        }
        /* Once everybody else has let go of the writing end, the reading end is at its end. */
        close(p[1]);
        CHECK_INT(fcntl(p[0], F_SETFL, O_NONBLOCK), 0);
        for (int i = 0; i < 200 && read(p[0], &byte, 1) != 0; i++)
                usleep(10 * 1000);
        CHECK_INT(read(p[0], &byte, 1), 0);
        close(p[0]);
}

TEST(huge_arguments_hurt_nobody) {
        START();
        for (size_t i = 0; i < 2; i++) {
                DBusConnection *raw = fixture_raw(doors[i]);
                DBusMessage *m = raw_call(STAFF, PROPERTIES, "Set"), *reply;
                const char *interface = JOB, *property = "DeletionThreshold", *s = "0123456789";
                DBusMessageIter iter, v, a;

                CHECK(raw);
                dbus_message_iter_init_append(m, &iter);
                dbus_message_iter_append_basic(&iter, 's', &interface);
                dbus_message_iter_append_basic(&iter, 's', &property);
                dbus_message_iter_open_container(&iter, 'v', "as", &v);
                dbus_message_iter_open_container(&v, 'a', "s", &a);
                for (unsigned n = 0; n < 500000; n++)
                        dbus_message_iter_append_basic(&a, 's', &s);
                dbus_message_iter_close_container(&v, &a);
                dbus_message_iter_close_container(&iter, &v);
                reply = dbus_connection_send_with_reply_and_block(raw, m, 10000, NULL);
                CHECK(!reply); /* another type; at the private endpoint too large as well */
                dbus_message_unref(m);
                raw_close(raw);
                CHECK(serves());
        }
}

TEST(garbage_and_silence_at_the_private_endpoint) {
        int fds[80];
        _cleanup_(bus_client_freep) BusClient *c = NULL;

        START();
        for (unsigned i = 0; i < 20; i++) {
                int fd = plain_socket();

                CHECK(fd >= 0);
                CHECK(send(fd, i % 2 ? "\0GET / HTTP/1.1\r\n\r\n" : "\0AUTH ANONYMOUS\r\nBEGIN\r\nl\1\0\1", 19,
                           MSG_NOSIGNAL) > 0);
                close(fd);
        }
        CHECK(serves());
        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                CHECK((fds[i] = plain_socket()) >= 0);
        /* No room now, and nobody waits for it either: who is too many is closed at once. */
        CHECK(bus_client_connect(doors[1], NAME, &c, NULL) < 0);
        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                close(fds[i]);
        usleep(200 * 1000);
        CHECK(serves());
}

TEST(one_user_does_not_take_all_places) {
        BusClient *clients[40] = {};
        unsigned n = 0;

        START();
        for (size_t i = 0; i < ELEMENTSOF(clients); i++)
                n += bus_client_connect(doors[1], NAME, &clients[i], NULL) == 0;
        CHECK_INT(n, 32);
        for (size_t i = 0; i < ELEMENTSOF(clients); i++)
                bus_client_free(clients[i]);
        usleep(200 * 1000);
        CHECK(serves());
}

static uint64_t cpu_ticks(pid_t pid) {
        _cleanup_fclose_ FILE *f = NULL;
        char path[64], line[1024];
        unsigned long user = 0, system = 0;

        (void) snprintf(path, sizeof(path), "/proc/%d/stat", (int) pid);
        f = fopen(path, "re");
        if (f && fgets(line, sizeof(line), f) && strrchr(line, ')'))
                (void) sscanf(strrchr(line, ')') + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
                              &system);
        return user + system;
}

TEST(without_descriptors_it_pauses_instead_of_spinning) {
        struct rlimit old, low;
        uint64_t before;
        int fds[4];

        START();
        CHECK(serves());
        CHECK_INT(prlimit(fixture_pid(), RLIMIT_NOFILE, NULL, &old), 0);
        low = old;
        low.rlim_cur = 3;
        CHECK_INT(prlimit(fixture_pid(), RLIMIT_NOFILE, &low, NULL), 0);
        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                CHECK((fds[i] = plain_socket()) >= 0);
        before = cpu_ticks(fixture_pid());
        usleep(700 * 1000);
        CHECK(cpu_ticks(fixture_pid()) - before < 20);
        CHECK_INT(prlimit(fixture_pid(), RLIMIT_NOFILE, &old, NULL), 0);
        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                close(fds[i]);
        CHECK(serves());
}

TEST(a_bus_that_goes_is_noticed) {
        START();
        CHECK(serves());
        fixture_stop_bus();
        CHECK_INT(fixture_wait(), 3);
        CHECK(strstr(fixture_log("demo"), "lost The connection to the bus has ended"));
}
