/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>

#include "bus-fixture.h"
#include "string-util.h"
#include "time-util.h"

/* Root is never asked about, so everything here is done by somebody else. */

#define STRANGER 1 /* "daemon" everywhere: dbus-daemon wants users that exist */
#define OTHER 2    /* "bin" */
#define WAIT_USEC (5 * USEC_PER_SEC)

#define START(mode)                                                             \
        do {                                                                    \
                if (getuid() != 0)                                              \
                        SKIP("needs root to become somebody else");             \
                CHECK(fixture_start("polkit", NULL, true));                     \
                CHECK(fixture_polkit(mode));                                    \
        } while (0)

static int reset(void) {
        _cleanup_(bus_client_freep) BusClient *c = NULL;
        const char *e;

        if (bus_client_connect(fixture_bus(), NAME, &c, NULL) < 0)
                return 90;
        e = call_error(c, ROOT, MANAGER, "Reset");
        return streq(e, "") ? 0 : 1 + (int) bus_error_from_name(e);
}

static int set_protect(void) {
        _cleanup_(bus_client_freep) BusClient *c = NULL;
        _cleanup_error_ Error *e = NULL;

        if (bus_client_connect(fixture_bus(), NAME, &c, NULL) < 0)
                return 90;
        return bus_client_set_property(c, STAFF, JOB, "PreventAccidentalDeletions", &e, "b", false) == 0
                       ? 0 : 1 + (int) bus_error_from_name(e->id);
}

/* What a script does: nobody to ask. */
static int reset_silently(void) {
        DBusConnection *raw = fixture_raw(fixture_bus());
        DBusMessage *m = dbus_message_new_method_call(NAME, ROOT, MANAGER, "Reset"), *reply;
        DBusError e = DBUS_ERROR_INIT;

        if (!raw)
                return 90;
        reply = dbus_connection_send_with_reply_and_block(raw, m, 5000, &e);
        return reply ? 0 : 1 + (int) bus_error_from_name(e.name);
}

static int free_call(void) {
        _cleanup_(bus_client_freep) BusClient *c = NULL;

        if (bus_client_connect(fixture_bus(), NAME, &c, NULL) < 0)
                return 90;
        return bus_client_call(c, ROOT, MANAGER, "Echo", WAIT_USEC, NULL, NULL, "s", "x") == 0 ? 0 : 1;
}

static int ask_and_vanish(void) {
        DBusConnection *raw = fixture_raw(fixture_bus());
        DBusMessage *m = dbus_message_new_method_call(NAME, ROOT, MANAGER, "Reset");

        if (!raw || !dbus_connection_send(raw, m, NULL))
                return 90;
        dbus_connection_flush(raw);
        usleep(300 * 1000);
        return 0;
}

/* Sixteen may wait for polkit, the rest is turned away at once. */
static int ask_a_hundred(void) {
        DBusConnection *raw = fixture_raw(fixture_bus());
        DBusPendingCall *pending[100];
        int refused = 0;

        if (!raw)
                return 90;
        for (size_t i = 0; i < ELEMENTSOF(pending); i++) {
                DBusMessage *m = dbus_message_new_method_call(NAME, ROOT, MANAGER, "Reset");

                if (!dbus_connection_send_with_reply(raw, m, &pending[i], 20000) || !pending[i])
                        return 91;
                dbus_message_unref(m);
        }
        for (uint64_t end = clock_monotonic() + 3 * USEC_PER_SEC; clock_monotonic() < end && refused < 84;) {
                dbus_connection_read_write_dispatch(raw, 100);
                refused = 0;
                for (size_t i = 0; i < ELEMENTSOF(pending); i++)
                        refused += dbus_pending_call_get_completed(pending[i]) != 0;
        }
        return refused;
}

/* As many as one connection may, over each of four. */
static int ask_over_four_connections(void) {
        DBusPendingCall *pending[4][16];
        DBusConnection *raw[4];
        int refused = 0;

        for (size_t k = 0; k < ELEMENTSOF(raw); k++) {
                raw[k] = fixture_raw(fixture_bus());
                if (!raw[k])
                        return 90;
                for (size_t i = 0; i < ELEMENTSOF(pending[k]); i++) {
                        DBusMessage *m = dbus_message_new_method_call(NAME, ROOT, MANAGER, "Reset");

                        if (!dbus_connection_send_with_reply(raw[k], m, &pending[k][i], 20000) || !pending[k][i])
                                return 91;
                        dbus_message_unref(m);
                }
        }
        for (uint64_t end = clock_monotonic() + 3 * USEC_PER_SEC; clock_monotonic() < end && refused < 16;) {
                refused = 0;
                for (size_t k = 0; k < ELEMENTSOF(raw); k++) {
                        dbus_connection_read_write_dispatch(raw[k], 20);
                        for (size_t i = 0; i < ELEMENTSOF(pending[k]); i++)
                                refused += dbus_pending_call_get_completed(pending[k][i]) != 0;
                }
        }
        usleep(1500 * 1000); /* the test looks meanwhile whether others get through */
        return refused;
}

/* The job goes while polkit thinks. */
static int ask_for_a_job_that_goes(void) {
        _cleanup_(bus_client_freep) BusClient *c = NULL;
        const char *e;

        if (bus_client_connect(fixture_bus(), NAME, &c, NULL) < 0)
                return 90;
        e = call_error(c, ROOT "/job/doomed", JOB, "Reset");
        return streq(e, DBUS_ERROR_UNKNOWN_OBJECT) ? 0 : 1;
}

/* How many questions there were since @before; up to 3 s for @expected, since polkit is a process of its own. */
static unsigned wait_questions(unsigned before, unsigned expected) {
        unsigned n = 0;

        for (int i = 0; i < 300; i++) {
                n = fixture_count("polkit", "check ") - before;
                if (n >= expected)
                        break;
                usleep(10 * 1000);
        }
        return n;
}

TEST(who_is_allowed_gets_through_and_is_asked_about_by_his_name) {
        _cleanup_(bus_client_freep) BusClient *c = NULL;
        _cleanup_bus_message_ BusMessage *m = NULL;
        char ours[64];
        const char *owner;

        START("yes");
        CHECK_INT(as_user(STRANGER, reset), 0);
        CHECK(strstr(fixture_log("polkit"), "check system-bus-name name=:1."));
        CHECK_INT(bus_client_connect(fixture_bus(), DBUS_SERVICE_DBUS, &c, NULL), 0);
        CHECK_INT(bus_client_call(c, DBUS_PATH_DBUS, DBUS_INTERFACE_DBUS, "GetNameOwner", WAIT_USEC, &m, NULL, "s",
                                  NAME), 0);
        CHECK_INT(bus_message_read(m, "s", &owner), 0);
        (void) snprintf(ours, sizeof(ours), "name=%s ", owner);
        CHECK(!strstr(fixture_log("polkit"), ours)); /* that would authorise the service instead of its caller */
        CHECK(strstr(fixture_log("polkit"), "org.reprieve1.manage 1 reprieve-"));
        CHECK_INT(as_user(STRANGER, set_protect), 0);
}

TEST(who_is_not_allowed_is_refused_and_reported) {
        START("no");
        CHECK_INT(as_user(STRANGER, reset), 1 + BUS_ERROR_ACCESS_DENIED);
        CHECK_INT(as_user(STRANGER, set_protect), 1 + BUS_ERROR_ACCESS_DENIED);
        CHECK(fixture_wait_log("demo", "refused org.reprieve1.Job.PreventAccidentalDeletions org.reprieve1.manage"));
}

TEST(a_challenge_is_told_to_who_cannot_be_asked) {
        START("challenge");
        CHECK_INT(as_user(STRANGER, reset_silently), 1 + BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED);
        CHECK(strstr(fixture_log("polkit"), "org.reprieve1.manage 0 reprieve-"));
}

TEST(an_answer_that_is_none_is_a_no) {
        START("error");
        CHECK_INT(as_user(STRANGER, reset), 1 + BUS_ERROR_ACCESS_DENIED);
        CHECK(fixture_polkit("malformed"));
        CHECK_INT(as_user(STRANGER, reset), 1 + BUS_ERROR_ACCESS_DENIED);
}

TEST(root_is_not_asked_about) {
        unsigned before;

        START("no");
        before = fixture_count("polkit", "check ");
        CHECK_INT(reset(), 0);
        CHECK_INT(fixture_count("polkit", "check "), before);
}

TEST(nobody_waits_while_polkit_thinks) {
        pid_t pid;

        START("slow");
        fflush(stdout);
        pid = fork();
        if (pid == 0)
                _exit(as_user(STRANGER, reset) == 0 ? 0 : 1);
        usleep(200 * 1000);
        CHECK_INT(as_user(STRANGER, free_call), 0);
        CHECK(fixture_polkit("yes"));
        int status;
        CHECK_INT(waitpid(pid, &status, 0), pid);
        CHECK_INT(status, 0);
}

TEST(a_caller_who_goes_takes_his_question_with_him) {
        unsigned before;

        START("slow");
        before = fixture_count("polkit", "cancel ");
        CHECK_INT(as_user(STRANGER, ask_and_vanish), 0);
        for (int i = 0; i < 300 && fixture_count("polkit", "cancel ") == before; i++)
                usleep(10 * 1000);
        CHECK_INT(fixture_count("polkit", "cancel "), before + 1);
        CHECK(fixture_polkit("yes"));
        CHECK(fixture_alive());
        CHECK_INT(as_user(STRANGER, reset), 0);
}

TEST(one_caller_may_keep_polkit_only_so_busy) {
        unsigned before;

        START("slow");
        before = fixture_count("polkit", "check ");
        CHECK_INT(as_user(STRANGER, ask_a_hundred), 84);
        CHECK_INT(wait_questions(before, 16), 16);
        CHECK(fixture_polkit("yes"));
        CHECK_INT(as_user(STRANGER, reset), 0);
}

TEST(one_user_leaves_room_for_others_whatever_the_number_of_his_connections) {
        unsigned before;
        pid_t busy, other;
        int status;

        START("slow");
        before = fixture_count("polkit", "check ");
        fflush(stdout);
        busy = fork();
        if (busy == 0)
                _exit(as_user(STRANGER, ask_over_four_connections));
        CHECK_INT(wait_questions(before, 48), 48);
        other = fork();
        if (other == 0)
                _exit(as_user(OTHER, ask_and_vanish));
        CHECK_INT(waitpid(other, &status, 0), other);
        CHECK_INT(status, 0);
        CHECK_INT(wait_questions(before, 49), 49);
        CHECK_INT(waitpid(busy, &status, 0), busy);
        CHECK(WIFEXITED(status));
        CHECK_INT(WEXITSTATUS(status), 16);
        CHECK(fixture_polkit("yes"));
        CHECK_INT(as_user(STRANGER, reset), 0);
}

TEST(the_object_is_looked_up_again_after_the_answer) {
        _cleanup_(bus_client_freep) BusClient *c = NULL;
        pid_t pid;
        int status;

        START("slow");
        CHECK_INT(bus_client_connect(fixture_bus(), NAME, &c, NULL), 0);
        CHECK_INT(bus_client_call(c, ROOT, MANAGER, "CreateJob", WAIT_USEC, NULL, NULL, "s", "doomed"), 0);
        fflush(stdout);
        pid = fork();
        if (pid == 0)
                _exit(as_user(STRANGER, ask_for_a_job_that_goes));
        usleep(300 * 1000);
        CHECK_INT(bus_client_call(c, ROOT, MANAGER, "RemoveJob", WAIT_USEC, NULL, NULL, "s", "doomed"), 0);
        CHECK(fixture_polkit("yes"));
        CHECK_INT(waitpid(pid, &status, 0), pid);
        CHECK_INT(status, 0);
}

TEST(stopping_with_questions_open_is_clean) {
        pid_t pid;
        int status;

        START("slow");
        fflush(stdout);
        pid = fork();
        if (pid == 0)
                _exit(as_user(STRANGER, ask_and_vanish));
        usleep(150 * 1000);
        CHECK_INT(fixture_stop(), 0);
        CHECK_INT(waitpid(pid, &status, 0), pid);
}
