/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

#include "bus-internal.h"

/* Calls of ours to another service on the bus. */

typedef struct Ask {
        BusAnswer answer;
        void *userdata;
} Ask;

static void on_answer(DBusPendingCall *pending, void *userdata) {
        Ask *a = userdata;
        _cleanup_dbus_message_ DBusMessage *reply = dbus_pending_call_steal_reply(pending);
        const char *name, *text = NULL;

        if (reply && dbus_message_get_type(reply) == DBUS_MESSAGE_TYPE_METHOD_RETURN) {
                a->answer(NULL, NULL, a->userdata);
                return;
        }
        name = reply ? dbus_message_get_error_name(reply) : NULL;
        if (!reply || !dbus_message_get_args(reply, NULL, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID))
                text = NULL;
        if (!name)
                name = DBUS_ERROR_NO_REPLY;
        a->answer(name, text ? text : name, a->userdata);
}

int bus_ask(Bus *bus, const char *destination, const char *path, const char *interface, const char *member, BusAnswer answer,
            void *userdata, const char *types, ...) {
        _cleanup_(dbus_pending_call_unrefp) DBusPendingCall *pending = NULL;
        _cleanup_dbus_message_ DBusMessage *dm = NULL;
        _cleanup_bus_message_ BusMessage *m = NULL;
        _cleanup_free_ Ask *a = NULL;
        va_list ap;
        int r;

        if (!bus->main)
                return -ENOTCONN;
        dm = dbus_message_new_method_call(destination, path, interface, member);
        a = calloc(1, sizeof(*a));
        if (!dm || !a)
                return -ENOMEM;
        a->answer = answer;
        a->userdata = userdata;
        r = bus_message_wrap(dm, true, &m);
        if (r < 0)
                return r;
        va_start(ap, types);
        (void) bus_message_appendv(m, types, ap);
        va_end(ap);
        r = bus_message_seal(m);
        if (r < 0)
                return r;
        r = conn_ask(bus->main, dm, DBUS_TIMEOUT_USE_DEFAULT, on_answer, a, free, &pending);
        if (r < 0)
                return r;
        (void) TAKE_PTR(a); /* libdbus frees it */
        return 0;
}
