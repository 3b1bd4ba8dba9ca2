/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Owns org.freedesktop.PolicyKit1 on a test's bus and answers as it is told: yes, no, challenge, malformed, or never
 * ("slow") until told otherwise. Prints each question, so that a test sees who was asked about. */

#include "config.h"

#include <errno.h>
#include <stdio.h>

#include "bus-server.h"
#include "string-util.h"

static char mode[32] = "yes";
static BusCall *waiting[512];
static size_t n_waiting;

static int answer(BusCall *call, bool interactive) {
        bool yes = streq(mode, "yes");
        BusMessage *m = bus_call_reply(call);

        if (streq(mode, "error"))
                return bus_call_fail(call, BUS_ERROR_FAILED, "polkit is not well");
        if (streq(mode, "malformed"))
                return bus_call_fail_errno(call, -EBADMSG, NULL);
        (void) bus_message_open(m, '(', "bba{ss}");
        (void) bus_message_append(m, "bb", yes, streq(mode, "challenge") && !interactive);
        (void) bus_message_open(m, 'a', "{ss}");
        (void) bus_message_close(m);
        return bus_message_close(m);
}

static int method_check(BusCall *call, void *object, Error **ret_error) {
        BusMessage *m = bus_call_args(call);
        const char *kind, *key, *name, *action, *id;
        uint32_t flags;

        (void) bus_message_enter(m, '(', "sa{sv}");
        (void) bus_message_read(m, "s", &kind);
        (void) bus_message_enter(m, 'a', "{sv}");
        (void) bus_message_read(m, "{sv}", &key, "s", &name);
        (void) bus_message_exit(m);
        (void) bus_message_exit(m);
        (void) bus_message_read(m, "s", &action);
        (void) bus_message_skip(m);
        if (bus_message_read(m, "us", &flags, &id) < 0)
                return bus_message_status(m);
        printf("check %s %s=%s %s %u %s\n", kind, key, name, action, flags, id);
        if (streq(mode, "slow")) {
                waiting[n_waiting++] = bus_call_ref(call);
                return BUS_CALL_LATER;
        }
        return answer(call, flags & 1);
}

static int method_cancel(BusCall *call, void *object, Error **ret_error) {
        const char *id;
        int r = bus_call_read(call, "s", &id);

        printf("cancel %s\n", strempty(id));
        return r;
}

static int method_set(BusCall *call, void *object, Error **ret_error) {
        const char *s;
        int r = bus_call_read(call, "s", &s);

        if (r < 0)
                return r;
        (void) snprintf(mode, sizeof(mode), "%s", s);
        while (!streq(mode, "slow") && n_waiting > 0) {
                BusCall *w = waiting[--n_waiting];
                r = answer(w, true);
                if (r == 0)
                        bus_call_finish(w);
                bus_call_unref(w);
        }
        return 0;
}

static const BusInterface authority = {
        .name = "org.freedesktop.PolicyKit1.Authority",
        .methods = (const BusMethod[]) {
                {"CheckAuthorization", "(sa{sv})sa{ss}us", NULL, "(bba{ss})", NULL, method_check},
                {"CancelCheckAuthorization", "s", NULL, NULL, NULL, method_cancel},
                {"SetMode", "s", NULL, NULL, NULL, method_set},
                {},
        },
};

int main(int argc, char *argv[]) {
        const BusInterface *const interfaces[] = {&authority, NULL};
        _cleanup_error_ Error *error = NULL;
        sd_event *event = NULL;
        Bus *bus = NULL;

        setvbuf(stdout, NULL, _IOLBF, 0);
        if (argc != 2 || sd_event_new(&event) < 0 ||
            bus_new(event, BUS_AUTH_SAME_UID_OR_ROOT, NULL, NULL, &bus) < 0 ||
            bus_add_object(bus, "/org/freedesktop/PolicyKit1/Authority", interfaces, NULL) < 0 ||
            bus_open_bus(bus, argv[1], "org.freedesktop.PolicyKit1", &error) < 0)
                return 1;
        printf("ready\n");
        return sd_event_loop(event) < 0;
}
