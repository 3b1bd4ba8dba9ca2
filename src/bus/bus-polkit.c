/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>

#include "bus-internal.h"
#include "log.h"

/* The subject is the sender's unique name, never ours and never a process id. Nothing waits: the call is kept and
 * runs a second time after a yes. No polkit, no answer, or an answer of another shape is a no. */

#define POLKIT_NAME "org.freedesktop.PolicyKit1"
#define POLKIT_PATH "/org/freedesktop/PolicyKit1/Authority"
#define POLKIT_INTERFACE "org.freedesktop.PolicyKit1.Authority"
#define POLKIT_ALLOW_USER_INTERACTION 1U

void bus_refuse(BusCall *call, const char *action, BusErrorCode code, const char *text) {
        Bus *bus = call->bus;
        BusRefusal refusal = {
                .sender = call->sender_name,
                .uid_known = call->uid_known,
                .uid = call->uid,
                .action = action,
                .path = call->path,
                .interface = bus_call_get_interface(call),
                .member = bus_call_get_member(call),
                .code = code,
        };

        if (bus && bus->hooks.refused)
                bus->hooks.refused(bus, &refusal, bus->userdata);
        bus_call_fail(call, code, "%s", text);
}

static void cancellation_id(char buf[static 32], const BusCall *call) {
        (void) snprintf(buf, 32, "reprieve-%u", call->cancellation);
}

static const char *action_of(const BusCall *call) {
        return call->property ? call->property->action : call->method->action;
}

static void on_answer(DBusPendingCall *pending, void *userdata) {
        _cleanup_bus_call_ BusCall *call = bus_call_ref(userdata);
        _cleanup_dbus_message_ DBusMessage *reply = dbus_pending_call_steal_reply(pending);
        const char *action = action_of(call);
        bool authorized = false, challenge = false;

        dbus_pending_call_unref(call->polkit);
        call->polkit = NULL;
        call->sender->n_polkit--;
        if (reply && dbus_message_get_type(reply) == DBUS_MESSAGE_TYPE_METHOD_RETURN &&
            dbus_message_has_signature(reply, "(bba{ss})")) {
                _cleanup_bus_message_ BusMessage *m = NULL;

                if (bus_message_wrap(reply, false, &m) < 0 || bus_message_enter(m, '(', NULL) < 0 ||
                    bus_message_read(m, "bb", &authorized, &challenge) < 0)
                        authorized = challenge = false;
        } else
                log_debug("polkit did not answer about %s: %s", action,
                          reply ? strempty(dbus_message_get_error_name(reply)) : "no reply");
        if (authorized) {
                call->authorized = action;
                bus_call_run(call);
                return;
        }
        bus_call_ref(call); /* off the list first: the hook may look */
        bus_call_forget(call);
        if (challenge)
                bus_refuse(call, action, BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED,
                           "Interactive authentication required");
        else
                bus_refuse(call, action, BUS_ERROR_ACCESS_DENIED, "Permission denied");
        bus_call_unref(call);
}

int polkit_check(BusCall *call, const char *action) {
        _cleanup_dbus_message_ DBusMessage *dm = NULL;
        _cleanup_bus_message_ BusMessage *m = NULL;
        char id[32];
        Sender *s;
        int r;

        if (call->authorized) { /* polkit has been asked, about something else: the tables changed under us */
                bus_refuse(call, action, BUS_ERROR_ACCESS_DENIED, "Permission denied");
                return 0;
        }
        r = sender_get(call, &s);
        if (r < 0)
                return r;
        if (s->n_polkit >= BUS_POLKIT_PER_SENDER)
                return -EMSGSIZE;
        call->cancellation = ++call->bus->next_cancellation;
        cancellation_id(id, call);
        dm = dbus_message_new_method_call(POLKIT_NAME, POLKIT_PATH, POLKIT_INTERFACE, "CheckAuthorization");
        if (!dm)
                return -ENOMEM;
        r = bus_message_wrap(dm, true, &m);
        if (r < 0)
                return r;
        (void) bus_message_open(m, '(', "sa{sv}");
        (void) bus_message_append(m, "s", "system-bus-name");
        (void) bus_message_open(m, 'a', "{sv}");
        (void) bus_message_append(m, "{sv}", "name", "s", call->sender_name);
        (void) bus_message_close(m);
        (void) bus_message_close(m);
        (void) bus_message_append(m, "s", action);
        (void) bus_message_open(m, 'a', "{ss}");
        (void) bus_message_close(m);
        (void) bus_message_append(m, "us", call->interactive ? POLKIT_ALLOW_USER_INTERACTION : 0U, id);
        r = bus_message_seal(m);
        if (r < 0)
                return r;
        r = bus_call_keep(call, CALL_WAIT_POLKIT);
        if (r < 0)
                return r;
        /* Somebody has to find his password. */
        r = conn_ask(call->conn, dm, call->interactive ? DBUS_TIMEOUT_INFINITE : DBUS_TIMEOUT_USE_DEFAULT, on_answer,
                     call, NULL, &call->polkit);
        if (r < 0) {
                bus_call_forget(call);
                return r;
        }
        s->n_polkit++;
        return 0;
}

void polkit_cancel(BusCall *call) {
        _cleanup_dbus_message_ DBusMessage *m = NULL;
        char id[32], *p = id;

        if (!call->polkit)
                return;
        dbus_pending_call_cancel(call->polkit);
        dbus_pending_call_unref(call->polkit);
        call->polkit = NULL;
        call->sender->n_polkit--;
        cancellation_id(id, call);
        m = dbus_message_new_method_call(POLKIT_NAME, POLKIT_PATH, POLKIT_INTERFACE, "CancelCheckAuthorization");
        if (!m || !dbus_message_append_args(m, DBUS_TYPE_STRING, &p, DBUS_TYPE_INVALID))
                return;
        dbus_message_set_no_reply(m, TRUE);
        dbus_message_set_auto_start(m, FALSE);
        conn_send(call->conn, m);
}
