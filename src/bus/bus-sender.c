/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>

#include "bus-internal.h"
#include "time-util.h"

/* Who calls. On a private connection that is one sender, whose uid the kernel told. On the bus it is a unique name:
 * it is remembered with a match rule for its end, so that a uid is never taken for that of a later owner and a kept
 * call learns that nobody waits any more. The rule is set before the question, so no end is missed. */

static void sender_rule(char buf[static 512], const char *name) {
        (void) snprintf(buf, 512,
                        "type='signal',sender='" DBUS_SERVICE_DBUS "',path='" DBUS_PATH_DBUS "',interface='"
                        DBUS_INTERFACE_DBUS "',member='NameOwnerChanged',arg0='%s'", name);
}

static void sender_free(Sender *s) {
        if (s->query) {
                dbus_pending_call_cancel(s->query);
                dbus_pending_call_unref(s->query);
        }
        if (s->watched && dbus_connection_get_is_connected(s->conn->c)) {
                char rule[512];

                sender_rule(rule, s->name);
                dbus_bus_remove_match(s->conn->c, rule, NULL);
        }
        for (Sender **p = &s->conn->senders; *p; p = &(*p)->next)
                if (*p == s) {
                        *p = s->next;
                        s->conn->n_senders--;
                        break;
                }
        free(s->name);
        free(s);
}

void senders_free(Conn *conn) {
        while (conn->senders)
                sender_free(conn->senders);
}

/* Room for one more: forget the uid that was not needed for longest. */
static bool make_room(Conn *conn) {
        Sender *oldest = NULL;

        if (conn->n_senders < BUS_SENDERS_MAX)
                return true;
        for (Sender *s = conn->senders; s; s = s->next)
                if (s->n_calls == 0 && (!oldest || s->last_used_usec < oldest->last_used_usec))
                        oldest = s;
        if (oldest)
                sender_free(oldest);
        return oldest;
}

int sender_get(BusCall *call, Sender **ret) {
        Conn *conn = call->conn;
        Sender *s = call->sender;

        for (s = s ? s : conn->senders; s && !streq(s->name, call->sender_name);)
                s = s->next;
        if (!s) {
                char rule[512];

                if (!make_room(conn))
                        return -EMSGSIZE;
                s = calloc(1, sizeof(*s));
                if (!s)
                        return -ENOMEM;
                s->conn = conn;
                s->name = strdup(call->sender_name);
                if (!s->name) {
                        free(s);
                        return -ENOMEM;
                }
                s->next = conn->senders;
                conn->senders = s;
                conn->n_senders++;
                if (conn->private) {
                        s->uid_known = true;
                        s->uid = conn->uid;
                } else {
                        sender_rule(rule, s->name);
                        dbus_bus_add_match(conn->c, rule, NULL); /* with an error to fill in it would block */
                        s->watched = true;
                }
        }
        s->last_used_usec = clock_monotonic();
        call->sender = s;
        *ret = s;
        return 0;
}

/* Calls are run and refused with care: each may end others, or this sender. */
static void continue_calls(Bus *bus, Sender *s) {
        for (;;) {
                _cleanup_bus_call_ BusCall *call = NULL;

                for (call = bus->calls; call; call = call->next)
                        if (call->sender == s && call->wait == CALL_WAIT_UID)
                                break;
                if (!call)
                        return;
                bus_call_ref(call);
                call->wait = CALL_WAIT_NOTHING;
                if (s->uid_known)
                        bus_call_run(call);
                else
                        bus_call_fail(call, BUS_ERROR_ACCESS_DENIED, "The bus does not say who you are");
        }
}

static void on_uid(DBusPendingCall *pending, void *userdata) {
        Sender *s = userdata;
        Bus *bus = s->conn->bus;
        _cleanup_dbus_message_ DBusMessage *reply = dbus_pending_call_steal_reply(pending);
        dbus_uint32_t uid;

        dbus_pending_call_unref(s->query);
        s->query = NULL;
        if (reply && dbus_message_get_type(reply) == DBUS_MESSAGE_TYPE_METHOD_RETURN &&
            dbus_message_get_args(reply, NULL, DBUS_TYPE_UINT32, &uid, DBUS_TYPE_INVALID) && uid != (uid_t) -1) {
                s->uid = uid;
                s->uid_known = true;
        }
        continue_calls(bus, s);
}

int sender_query_uid(Sender *s) {
        _cleanup_dbus_message_ DBusMessage *m = NULL;

        if (s->query)
                return 0;
        m = dbus_message_new_method_call(DBUS_SERVICE_DBUS, DBUS_PATH_DBUS, DBUS_INTERFACE_DBUS,
                                         "GetConnectionUnixUser");
        if (!m || !dbus_message_append_args(m, DBUS_TYPE_STRING, &s->name, DBUS_TYPE_INVALID))
                return -ENOMEM;
        return conn_ask(s->conn, m, DBUS_TIMEOUT_USE_DEFAULT, on_uid, s, NULL, &s->query);
}

void sender_vanished(Conn *conn, const char *name) {
        Sender *s;

        for (s = conn->senders; s && !streq(s->name, name);)
                s = s->next;
        if (!s)
                return;
        for (;;) {
                BusCall *call;

                for (call = conn->bus->calls; call && call->sender != s;)
                        call = call->next;
                if (!call)
                        break;
                bus_call_vanish(call);
        }
        sender_free(s);
}
