/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <stdarg.h>

#include "bus-internal.h"
#include "log.h"
#include "time-util.h"

/* A call goes through bus_call_run() from the top as often as it takes: once when it arrives, again when the bus has
 * said who the caller is, again when polkit has answered. Object, signature and rights are looked at afresh each
 * time, so that nothing that was true before a wait is relied on after it. While it waits it is on the bus' list,
 * which owns a reference; once its handler keeps it the handler owns it and the list only knows of it. */

BusCall *bus_call_ref(BusCall *call) {
        if (call)
                call->n_ref++;
        return call;
}

BusCall *bus_call_unref(BusCall *call) {
        if (!call || --call->n_ref > 0)
                return NULL;
        if (!call->answered) {
                call->n_ref = 1;
                if (call->bus)
                        log_error("Bug: nobody answered %s.%s for %s.", call->interface ? call->interface->name : "?",
                                  bus_call_get_member(call), call->sender_name);
                bus_call_fail(call, BUS_ERROR_FAILED, "The service forgot to answer");
        }
        if (call->m)
                dbus_message_unref(call->m);
        bus_message_unref(call->args);
        bus_message_unref(call->reply);
        free(call->sender_name);
        free(call->path);
        free(call);
        return NULL;
}

BusMessage *bus_call_args(BusCall *call) {
        return call->args;
}

BusMessage *bus_call_reply(BusCall *call) {
        _cleanup_dbus_message_ DBusMessage *m = NULL;

        if (call->reply)
                return call->reply;
        m = dbus_message_new(DBUS_MESSAGE_TYPE_METHOD_RETURN);
        if (m)
                (void) bus_message_wrap(m, true, &call->reply);
        return call->reply;
}

int bus_call_get_uid(BusCall *call, uid_t *ret) {
        if (!call->uid_known)
                return -ENODATA;
        *ret = call->uid;
        return 0;
}

bool bus_call_is_private(const BusCall *call) {
        return call->private;
}

const char *bus_call_get_path(const BusCall *call) {
        return call->path;
}

const char *bus_call_get_interface(const BusCall *call) {
        return call->interface ? call->interface->name : NULL;
}

const char *bus_call_get_member(const BusCall *call) {
        return call->property ? call->property->name : call->method ? call->method->name : NULL;
}

void bus_call_on_vanish(BusCall *call, void (*callback)(BusCall *call, void *userdata), void *userdata) {
        call->on_vanish = callback;
        call->on_vanish_userdata = userdata;
}

/* --- keeping */

/* Whoever has an agent of his own that never answers could otherwise wait in every place there is, for ever. */
static bool user_has_room(const BusCall *call) {
        size_t bytes = call->kept_bytes;
        unsigned n = 0;

        if (!call->uid_known || call->uid == 0)
                return true;
        for (const BusCall *other = call->bus->calls; other; other = other->next)
                if (other->uid_known && other->uid == call->uid) {
                        n++;
                        bytes += other->wait == CALL_WAIT_HANDLER ? 0 : other->kept_bytes;
                }
        return n < BUS_CALLS_PER_USER && bytes <= BUS_KEPT_BYTES_PER_USER;
}

int bus_call_keep(BusCall *call, CallWait wait) {
        Bus *bus = call->bus;
        Sender *s;
        int r;

        assert(!call->listed);
        /* Without a sender only its end goes unnoticed; who waits for an answer about the sender must have one. */
        r = sender_get(call, &s);
        if (wait != CALL_WAIT_HANDLER) {
                if (r < 0)
                        return r;
                if (s->n_calls >= BUS_CALLS_PER_SENDER || bus->n_calls >= BUS_CALLS_MAX)
                        return -EMSGSIZE;
                if (call->kept_bytes == 0) {
                        char *bytes;
                        int n;

                        if (!dbus_message_marshal(call->m, &bytes, &n))
                                return -ENOMEM;
                        dbus_free(bytes);
                        if ((size_t) n > BUS_MESSAGE_SIZE_MAX || bus->kept_bytes + (size_t) n > BUS_KEPT_BYTES_MAX)
                                return -EMSGSIZE;
                        call->kept_bytes = (size_t) n;
                }
                if (!user_has_room(call))
                        return -EMSGSIZE;
                bus->kept_bytes += call->kept_bytes;
                bus_call_ref(call);
        }
        call->wait = wait;
        call->listed = true;
        call->prev = NULL;
        call->next = bus->calls;
        if (bus->calls)
                bus->calls->prev = call;
        bus->calls = call;
        bus->n_calls++;
        if (call->sender)
                call->sender->n_calls++;
        return 0;
}

void bus_call_forget(BusCall *call) {
        Bus *bus = call->bus;
        CallWait wait = call->wait;

        if (!call->listed)
                return;
        polkit_cancel(call);
        call->listed = false;
        call->wait = CALL_WAIT_NOTHING;
        if (call->prev)
                call->prev->next = call->next;
        else
                bus->calls = call->next;
        if (call->next)
                call->next->prev = call->prev;
        bus->n_calls--;
        if (call->sender)
                call->sender->n_calls--;
        call->sender = NULL; /* may go now; found again by its name */
        if (wait != CALL_WAIT_HANDLER) {
                bus->kept_bytes -= call->kept_bytes;
                bus_call_unref(call);
        }
}

/* Off all lists; whatever its keeper does with it now goes nowhere. */
static void detach(BusCall *call) {
        bus_call_forget(call);
        call->answered = true;
        call->conn = NULL;
        call->bus = NULL;
}

void bus_call_vanish(BusCall *call) {
        _cleanup_bus_call_ BusCall *keep = bus_call_ref(call);
        bool kept = call->wait == CALL_WAIT_HANDLER;

        detach(keep);
        if (kept && keep->on_vanish)
                keep->on_vanish(keep, keep->on_vanish_userdata);
}

/* --- answering */

static void answer(BusCall *call, DBusMessage *m) {
        _cleanup_bus_call_ BusCall *keep = bus_call_ref(call);
        Conn *conn = call->conn;

        if (call->bus)
                call->bus->last_activity_usec = clock_monotonic();
        if (conn && m && !call->no_reply) {
                dbus_message_set_no_reply(m, TRUE);
                if (dbus_message_set_reply_serial(m, call->serial) &&
                    dbus_message_set_destination(m, call->sender_name))
                        conn_send(conn, m);
        }
        detach(call);
}

int bus_call_finish(BusCall *call) {
        BusMessage *reply;
        DBusMessage *m;
        int r;

        if (call->answered)
                return 0;
        reply = bus_call_reply(call);
        r = bus_message_seal(reply);
        if (r < 0)
                return bus_call_fail_errno(call, r, NULL);
        m = bus_message_get_dbus(reply);
        if (!dbus_message_has_signature(m, strempty(call->method->out))) {
                log_error("Bug: %s.%s answers \"%s\" instead of \"%s\".", call->interface->name,
                          bus_call_get_member(call), dbus_message_get_signature(m), strempty(call->method->out));
                return bus_call_fail(call, BUS_ERROR_FAILED, "The service made a malformed answer");
        }
        if (call->conn && dbus_message_contains_unix_fds(m) &&
            !dbus_connection_can_send_type(call->conn->c, DBUS_TYPE_UNIX_FD))
                return bus_call_fail(call, BUS_ERROR_NOT_SUPPORTED, "This connection cannot carry a file descriptor");
        if (call->bus && call->property)
                (void) bus_change_property(call->bus, call->path, call->interface, call->property);
        answer(call, m);
        return 0;
}

static void fail_text(BusCall *call, BusErrorCode code, const char *text) {
        _cleanup_dbus_message_ DBusMessage *m = bus_message_new_error(code, text);

        answer(call, m);
}

int bus_call_fail(BusCall *call, BusErrorCode code, const char *fmt, ...) {
        _cleanup_free_ char *text = NULL;
        va_list ap;

        if (call->answered)
                return 0;
        va_start(ap, fmt);
        if (vasprintf(&text, fmt, ap) < 0)
                text = NULL;
        va_end(ap);
        fail_text(call, code, text ? text : "Out of memory");
        return 0;
}

int bus_call_fail_errno(BusCall *call, int r, const Error *error) {
        if (call->answered)
                return 0;
        if (r == -EMSGSIZE && !error)
                return bus_call_fail(call, BUS_ERROR_LIMITS_EXCEEDED, "Too much for one message");
        if (r == -EBADMSG && !error)
                return bus_call_fail(call, BUS_ERROR_INVALID_ARGS, "The arguments are not what was expected");
        return bus_call_fail(call, bus_error_from_errno(r), "%s", error_text(error, r));
}

/* --- running */

typedef struct Found {
        const BusInterface *interface;
        const BusMethod *method;
        bool standard;
} Found;

static void consider(const BusInterface *i, bool standard, const BusCall *call, unsigned *n, Found *ret) {
        const BusMethod *m = method_find(i, dbus_message_get_member(call->m));

        if (m && !(m->flags & BUS_PRIVATE && !call->private)) {
                (*n)++;
                *ret = (Found) {i, m, standard};
        }
}

/* Which method is meant? false: answered. */
static bool find_method(BusCall *call, const Target *t, Found *ret) {
        const char *interface = dbus_message_get_interface(call->m), *member = dbus_message_get_member(call->m);
        const BusInterface *candidates[3] = {&bus_introspectable};
        unsigned n = 0;
        bool known = false;
        size_t k = 1;

        if (tree_is_manager(call->bus, t->path))
                candidates[k++] = &bus_object_manager;
        if (t->node)
                candidates[k++] = &bus_properties;
        for (size_t i = 0; i < k; i++)
                if (!interface || streq(interface, candidates[i]->name)) {
                        known = true;
                        consider(candidates[i], true, call, &n, ret);
                }
        for (const BusInterface **i = t->node ? t->node->interfaces : NULL; i && *i; i++)
                if ((!interface || streq(interface, (*i)->name)) && !((*i)->flags & BUS_PRIVATE && !call->private)) {
                        known = true;
                        consider(*i, false, call, &n, ret);
                }
        if (n == 1)
                return true;
        if (!t->node && !known)
                bus_call_fail(call, BUS_ERROR_UNKNOWN_OBJECT, "There is no object at %s", t->path);
        else if (!known)
                bus_call_fail(call, BUS_ERROR_UNKNOWN_INTERFACE, "%s has no interface %s", t->path, interface);
        else if (n == 0)
                bus_call_fail(call, BUS_ERROR_UNKNOWN_METHOD, "%s has no method %s", t->path, member);
        else
                bus_call_fail(call, BUS_ERROR_UNKNOWN_METHOD, "%s has several methods %s: name the interface",
                              t->path, member);
        return false;
}

/* A Set is a call of the property's setter, with the reader inside the variant. false: answered. */
static bool find_setter(BusCall *call, const Target *t) {
        const char *interface, *property;
        char signature[256];
        const BusInterface *i;
        const BusProperty *p;

        if (bus_call_read(call, "ss", &interface, &property) < 0 ||
            bus_message_peek_variant(call->args, signature) < 0) {
                bus_call_fail_errno(call, bus_message_status(call->args), NULL);
                return false;
        }
        i = interface_find(t->node->interfaces, interface);
        if (!i || (i->flags & BUS_PRIVATE && !call->private)) {
                bus_call_fail(call, BUS_ERROR_UNKNOWN_INTERFACE, "%s has no interface %s", t->path, interface);
                return false;
        }
        p = property_find(i, property);
        if (!p) {
                bus_call_fail(call, BUS_ERROR_UNKNOWN_PROPERTY, "%s has no property %s", t->path, property);
                return false;
        }
        call->interface = i;
        call->property = p;
        if (!p->set) {
                bus_call_fail(call, BUS_ERROR_PROPERTY_READ_ONLY, "%s cannot be set", property);
                return false;
        }
        if (!streq(signature, p->signature)) {
                bus_call_fail(call, BUS_ERROR_INVALID_ARGS, "%s is of type \"%s\", not \"%s\"", property,
                              p->signature, signature);
                return false;
        }
        if (bus_message_enter(call->args, 'v', signature) < 0) {
                bus_call_fail_errno(call, bus_message_status(call->args), NULL);
                return false;
        }
        return true;
}

/* Who calls, and may he? 0: go on; 1: waiting or answered; < 0: error. */
static int authorise(BusCall *call, const char *action, bool want_uid) {
        Bus *bus = call->bus;
        int r;

        if (!action && !want_uid)
                return 0;
        if (!call->uid_known) {
                Sender *s;

                r = sender_get(call, &s);
                if (r < 0)
                        return r;
                if (!s->uid_known) {
                        r = bus_call_keep(call, CALL_WAIT_UID);
                        if (r < 0)
                                return r;
                        r = sender_query_uid(s);
                        if (r < 0) {
                                bus_call_forget(call);
                                return r;
                        }
                        return 1;
                }
                call->uid = s->uid;
                call->uid_known = true;
        }
        if (!action || call->uid == 0)
                return 0;
        if (bus->auth == BUS_AUTH_SAME_UID_OR_ROOT) {
                if (call->uid == geteuid())
                        return 0;
                bus_refuse(call, action, BUS_ERROR_ACCESS_DENIED,
                           "Only root and the user of this service may do this");
                return 1;
        }
        if (call->private) {
                bus_refuse(call, action, BUS_ERROR_ACCESS_DENIED, "Only root may do this here");
                return 1;
        }
        if (call->authorized && streq(call->authorized, action))
                return 0;
        r = polkit_check(call, action);
        return r < 0 ? r : 1;
}

void bus_call_run(BusCall *call) {
        _cleanup_bus_call_ BusCall *keep = bus_call_ref(call);
        _cleanup_error_ Error *error = NULL;
        Bus *bus = call->bus;
        const char *action;
        BusHandler handler;
        Found found = {};
        Target t;
        int r;

        bus_call_forget(call);
        if (call->answered || !call->conn || call->conn->doomed)
                return detach(call);
        call->property = NULL;
        if (!tree_find(bus, call->path, &t)) {
                bus_call_fail(call, BUS_ERROR_UNKNOWN_OBJECT, "There is no object at %s", call->path);
                return;
        }
        t.conn = call->conn;
        if (!find_method(call, &t, &found))
                return;
        call->interface = found.interface;
        call->method = found.method;
        if (!dbus_message_has_signature(call->m, strempty(found.method->in))) {
                bus_call_fail(call, BUS_ERROR_INVALID_ARGS, "%s wants \"%s\", not \"%s\"", found.method->name,
                              strempty(found.method->in), dbus_message_get_signature(call->m));
                return;
        }
        if (call->args)
                bus_message_rewind(call->args);
        else {
                r = bus_message_wrap(call->m, false, &call->args);
                if (r < 0) {
                        bus_call_fail_errno(call, r, NULL);
                        return;
                }
        }
        handler = found.method->handler;
        action = found.method->action;
        if (call->private && !private_access(bus, call->uid, found.interface->name)) {
                bus_refuse(call, NULL, BUS_ERROR_ACCESS_DENIED, "You may not use this interface here");
                return;
        }
        if (found.interface == &bus_properties && streq(found.method->name, "Set")) {
                if (!find_setter(call, &t))
                        return;
                if (call->private && !private_access(bus, call->uid, call->interface->name)) {
                        bus_refuse(call, NULL, BUS_ERROR_ACCESS_DENIED, "You may not use this interface here");
                        return;
                }
                handler = call->property->set;
                action = call->property->action;
                found.standard = false;
        }
        r = authorise(call, action, found.method->flags & BUS_WANT_UID || call->property);
        if (r > 0)
                return;
        if (r < 0) {
                bus_call_fail_errno(call, r, NULL);
                return;
        }
        /* Asked before the handler runs: it might do something and then want to keep the call. */
        if (!found.standard) {
                Sender *s;

                for (s = call->conn->senders; s && !streq(s->name, call->sender_name);)
                        s = s->next;
                if (bus->n_calls >= BUS_CALLS_MAX || (s && s->n_calls >= BUS_CALLS_PER_SENDER)) {
                        bus_call_fail(call, BUS_ERROR_LIMITS_EXCEEDED, "Too many calls wait for an answer");
                        return;
                }
        }
        r = handler(call, found.standard ? &t : t.object, &error);
        if (r == BUS_CALL_LATER && !call->answered) {
                /* libdbus stops reading when too much of what it received is kept. */
                (void) bus_call_keep(call, CALL_WAIT_HANDLER);
                call->args = bus_message_unref(call->args);
                dbus_message_unref(TAKE_PTR(call->m));
        } else if (r < 0)
                bus_call_fail_errno(call, r, error);
        else
                bus_call_finish(call);
}

void bus_dispatch(Conn *conn, DBusMessage *m) {
        _cleanup_bus_call_ BusCall *call = NULL;
        const char *sender = conn->private ? conn->name : dbus_message_get_sender(m);

        if (conn->private && private_driver(conn, m)) {
                conn->spoken = true;
                return;
        }
        conn->spoken = true; /* what follows from its call is told before the answer */
        call = calloc(1, sizeof(*call));
        if (!call) { /* who is told nothing should not wait for ever; a bus has its own time limit */
                if (conn->private)
                        conn_doom(conn);
                return;
        }
        call->n_ref = 1;
        call->bus = conn->bus;
        call->conn = conn;
        call->m = dbus_message_ref(m);
        call->serial = dbus_message_get_serial(m);
        call->no_reply = dbus_message_get_no_reply(m);
        call->interactive = dbus_message_get_allow_interactive_authorization(m);
        call->private = conn->private;
        call->uid_known = conn->private;
        call->uid = conn->uid;
        call->sender_name = strdup(sender);
        call->path = strdup(dbus_message_get_path(m));
        if (!call->sender_name || !call->path) {
                bus_call_fail(call, BUS_ERROR_NO_MEMORY, "Out of memory");
                return;
        }
        bus_call_run(call);
}
