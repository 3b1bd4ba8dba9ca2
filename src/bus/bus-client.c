/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "bus-client.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>

#include "bus-internal.h"
#include "time-util.h"

/* Signals that arrive while a reply is waited for are queued, so that a client that subscribes, calls and then waits
 * misses none. On a bus anybody may send a signal straight to us: only those of the owner of the service's name
 * count, and the owner is followed by NameOwnerChanged in the order in which the bus tells it. */

#define CONNECT_TIMEOUT_USEC (25 * USEC_PER_SEC)
#define QUEUE_MAX 4096

typedef struct Queued {
        BusMessage *m;
        struct Queued *next;
} Queued;

struct BusClient {
        DBusConnection *c;
        char *destination;
        char *owner;
        bool failed; /* a signal was lost for want of memory, or there were too many */
        Queued *queue, **queue_tail;
        unsigned n_queued;
};

static int fail(Error **ret_error, BusErrorCode code, const char *text) {
        return error_set_full(ret_error, -bus_error_to_errno(code), ERROR_SCOPE_CONNECTOR, ERROR_RETRY_LATER,
                              bus_error_to_name(code), "%s", text);
}

static void enqueue(BusClient *c, DBusMessage *m) {
        Queued *q = calloc(1, sizeof(*q));

        if (!q || c->n_queued >= QUEUE_MAX || bus_message_wrap(m, false, &q->m) < 0) {
                free(q);
                c->failed = true;
                return;
        }
        *c->queue_tail = q;
        c->queue_tail = &q->next;
        c->n_queued++;
}

static DBusHandlerResult on_message(DBusConnection *dc, DBusMessage *m, void *userdata) {
        BusClient *c = userdata;
        const char *sender = dbus_message_get_sender(m), *name, *old_owner, *new_owner;

        if (dbus_message_get_type(m) != DBUS_MESSAGE_TYPE_SIGNAL)
                return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
        if (sender && streq(sender, DBUS_SERVICE_DBUS)) {
                if (dbus_message_is_signal(m, DBUS_INTERFACE_DBUS, "NameOwnerChanged") &&
                    dbus_message_get_args(m, NULL, DBUS_TYPE_STRING, &name, DBUS_TYPE_STRING, &old_owner,
                                          DBUS_TYPE_STRING, &new_owner, DBUS_TYPE_INVALID) &&
                    streq(name, c->destination)) {
                        if (free_and_strdup(&c->owner, isempty(new_owner) ? NULL : new_owner) < 0)
                                c->failed = true;
                        enqueue(c, m);
                }
        } else if (sender && streq_ptr(sender, c->owner))
                enqueue(c, m);
        return DBUS_HANDLER_RESULT_HANDLED;
}

int bus_client_connect(const char *address, const char *destination, BusClient **ret, Error **ret_error) {
        _cleanup_(bus_client_freep) BusClient *c = calloc(1, sizeof(*c));
        DBusError e = DBUS_ERROR_INIT;

        if (!c)
                return fail(ret_error, BUS_ERROR_NO_MEMORY, "Out of memory");
        c->queue_tail = &c->queue;
        c->destination = strdup(destination);
        if (!c->destination)
                return fail(ret_error, BUS_ERROR_NO_MEMORY, "Out of memory");
        if (!dbus_validate_bus_name(destination, NULL))
                return fail(ret_error, BUS_ERROR_INVALID_ARGS, "That is no bus name");
        if (streq(address, "system") || streq(address, "session"))
                c->c = dbus_bus_get_private(streq(address, "system") ? DBUS_BUS_SYSTEM : DBUS_BUS_SESSION, &e);
        else {
                _cleanup_free_ char *unix_address = NULL;

                if (address[0] == '/') {
                        char *escaped = dbus_address_escape_value(address);

                        if (!escaped || asprintf(&unix_address, "unix:path=%s", escaped) < 0)
                                unix_address = NULL;
                        dbus_free(escaped);
                        if (!unix_address)
                                return fail(ret_error, BUS_ERROR_NO_MEMORY, "Out of memory");
                        address = unix_address;
                }
                c->c = dbus_connection_open_private(address, &e);
                if (c->c && !dbus_bus_register(c->c, &e)) {
                        dbus_connection_close(c->c);
                        dbus_connection_unref(c->c);
                        c->c = NULL;
                }
        }
        if (!c->c) {
                return bus_error_take(&e, ret_error);
        }
        dbus_connection_set_exit_on_disconnect(c->c, FALSE);
        if (!dbus_connection_add_filter(c->c, on_message, c, NULL))
                return fail(ret_error, BUS_ERROR_NO_MEMORY, "Out of memory");
        *ret = TAKE_PTR(c);
        return 0;
}

BusClient *bus_client_free(BusClient *c) {
        if (!c)
                return NULL;
        while (c->queue) {
                Queued *q = c->queue;

                c->queue = q->next;
                bus_message_unref(q->m);
                free(q);
        }
        if (c->c) {
                dbus_connection_remove_filter(c->c, on_message, c);
                dbus_connection_close(c->c);
                dbus_connection_unref(c->c);
        }
        free(c->destination);
        free(c->owner);
        free(c);
        return NULL;
}

/* --- calls */

static int message_new(const char *destination, const char *path, const char *interface, const char *member,
                       BusMessage **ret) {
        _cleanup_dbus_message_ DBusMessage *m = NULL;

        if (!dbus_validate_path(path, NULL) || !dbus_validate_interface(interface, NULL) ||
            !dbus_validate_member(member, NULL))
                return -EINVAL;
        m = dbus_message_new_method_call(destination, path, interface, member);
        if (!m)
                return -ENOMEM;
        dbus_message_set_allow_interactive_authorization(m, TRUE);
        return bus_message_wrap(m, true, ret);
}

int bus_client_message(BusClient *c, const char *path, const char *interface, const char *member, BusMessage **ret) {
        return message_new(c->destination, path, interface, member, ret);
}

static int to_msec(uint64_t usec) {
        if (usec == USEC_INFINITY)
                return DBUS_TIMEOUT_INFINITE;
        return usec / USEC_PER_MSEC >= INT_MAX ? INT_MAX - 1 : (int) ((usec + USEC_PER_MSEC - 1) / USEC_PER_MSEC);
}

int bus_client_send(BusClient *c, BusMessage *m, uint64_t timeout_usec, BusMessage **ret_reply, Error **ret_error) {
        _cleanup_dbus_message_ DBusMessage *reply = NULL;
        DBusError e = DBUS_ERROR_INIT;
        int r;

        r = bus_message_seal(m);
        if (r < 0)
                return fail(ret_error, bus_error_from_errno(r), "These arguments cannot be sent");
        if (!dbus_connection_get_is_connected(c->c))
                return fail(ret_error, BUS_ERROR_DISCONNECTED, "The connection has ended");
        reply = dbus_connection_send_with_reply_and_block(c->c, bus_message_get_dbus(m), to_msec(timeout_usec), &e);
        if (!reply) {
                return bus_error_take(&e, ret_error);
        }
        if (!ret_reply)
                return 0;
        r = bus_message_wrap(reply, false, ret_reply);
        return r < 0 ? fail(ret_error, BUS_ERROR_NO_MEMORY, "Out of memory") : 0;
}

static int callv(BusClient *c, const char *destination, const char *path, const char *interface, const char *member,
                 uint64_t timeout_usec, BusMessage **ret_reply, Error **ret_error, const char *types, va_list ap) {
        _cleanup_bus_message_ BusMessage *m = NULL;
        int r;

        r = message_new(destination, path, interface, member, &m);
        if (r == 0)
                r = bus_message_appendv(m, strempty(types), ap);
        if (r < 0)
                return fail(ret_error, bus_error_from_errno(r), "These arguments cannot be sent");
        return bus_client_send(c, m, timeout_usec, ret_reply, ret_error);
}

static int call_driver(BusClient *c, const char *member, BusMessage **ret_reply, Error **ret_error, const char *types,
                       ...) {
        va_list ap;
        int r;

        va_start(ap, types);
        r = callv(c, DBUS_SERVICE_DBUS, DBUS_PATH_DBUS, DBUS_INTERFACE_DBUS, member, CONNECT_TIMEOUT_USEC, ret_reply,
                  ret_error, types, ap);
        va_end(ap);
        return r;
}

int bus_client_call(BusClient *c, const char *path, const char *interface, const char *member, uint64_t timeout_usec,
                    BusMessage **ret_reply, Error **ret_error, const char *types, ...) {
        va_list ap;
        int r;

        va_start(ap, types);
        r = callv(c, c->destination, path, interface, member, timeout_usec, ret_reply, ret_error, types, ap);
        va_end(ap);
        return r;
}

int bus_client_get_property(BusClient *c, const char *path, const char *interface, const char *property,
                            BusMessage **ret, Error **ret_error) {
        _cleanup_bus_message_ BusMessage *m = NULL;
        int r;

        r = bus_client_call(c, path, DBUS_INTERFACE_PROPERTIES, "Get", CONNECT_TIMEOUT_USEC, &m, ret_error, "ss",
                            interface, property);
        if (r < 0)
                return r;
        r = bus_message_enter(m, 'v', NULL);
        if (r < 0)
                return fail(ret_error, BUS_ERROR_INVALID_SIGNATURE, "The service made a malformed answer");
        *ret = TAKE_PTR(m);
        return 0;
}

int bus_client_set_property(BusClient *c, const char *path, const char *interface, const char *property,
                            Error **ret_error, const char *types, ...) {
        _cleanup_bus_message_ BusMessage *m = NULL;
        va_list ap;
        int r;

        r = bus_client_message(c, path, DBUS_INTERFACE_PROPERTIES, "Set", &m);
        if (r == 0)
                r = bus_message_append(m, "ss", interface, property);
        if (r == 0)
                r = bus_message_open(m, 'v', types);
        if (r == 0) {
                va_start(ap, types);
                r = bus_message_appendv(m, types, ap);
                va_end(ap);
        }
        if (r == 0)
                r = bus_message_close(m);
        if (r < 0)
                return fail(ret_error, bus_error_from_errno(r), "This value cannot be sent");
        return bus_client_send(c, m, USEC_INFINITY, NULL, ret_error);
}

/* --- signals */

int bus_client_subscribe(BusClient *c, const char *path, Error **ret_error) {
        _cleanup_free_ char *signals = NULL, *ends = NULL;
        _cleanup_bus_message_ BusMessage *m = NULL;
        _cleanup_error_ Error *error = NULL;
        const char *owner;
        int r;

        if (!dbus_validate_path(path, NULL))
                return fail(ret_error, BUS_ERROR_INVALID_ARGS, "That is no object path");
        if (asprintf(&signals, "type='signal',sender='%s',path_namespace='%s'", c->destination, path) < 0)
                signals = NULL;
        if (asprintf(&ends, "type='signal',sender='" DBUS_SERVICE_DBUS "',member='NameOwnerChanged',arg0='%s'",
                     c->destination) < 0)
                ends = NULL;
        if (!signals || !ends)
                return fail(ret_error, BUS_ERROR_NO_MEMORY, "Out of memory");
        r = call_driver(c, "AddMatch", NULL, ret_error, "s", ends);
        if (r == 0)
                r = call_driver(c, "AddMatch", NULL, ret_error, "s", signals);
        if (r < 0)
                return r;
        r = call_driver(c, "GetNameOwner", &m, &error, "s", c->destination);
        if (r < 0) {
                if (bus_error_from_name(error->id) == BUS_ERROR_NAME_HAS_NO_OWNER)
                        return 0; /* it will tell us when it comes */
                return fail(ret_error, bus_error_from_name(error->id), error->text);
        }
        r = bus_message_read(m, "s", &owner);
        if (r == 0)
                r = free_and_strdup(&c->owner, owner);
        return r < 0 ? fail(ret_error, bus_error_from_errno(r), "The bus does not say who owns the name") : 0;
}

int bus_client_wait(BusClient *c, uint64_t timeout_usec, BusMessage **ret) {
        uint64_t start = clock_monotonic();

        for (;;) {
                uint64_t waited = clock_monotonic() - start, left;
                struct pollfd p = {.events = POLLIN};
                Queued *q;

                while (!c->queue && dbus_connection_dispatch(c->c) == DBUS_DISPATCH_DATA_REMAINS)
                        ;
                q = c->queue;
                if (q) {
                        c->queue = q->next;
                        if (!c->queue)
                                c->queue_tail = &c->queue;
                        c->n_queued--;
                        *ret = q->m;
                        free(q);
                        return 0;
                }
                if (c->failed)
                        return -ENOMEM;
                if (!dbus_connection_get_is_connected(c->c) || !dbus_connection_get_unix_fd(c->c, &p.fd))
                        return -ECONNRESET;
                if (timeout_usec != USEC_INFINITY && waited >= timeout_usec)
                        return BUS_CLIENT_TIMEOUT;
                left = timeout_usec == USEC_INFINITY ? USEC_INFINITY : timeout_usec - waited;
                /* Our own poll(), because libdbus' does not come back when a signal handler has run. */
                if (poll(&p, 1, left == USEC_INFINITY ? -1 : to_msec(left)) < 0)
                        return -errno;
                if (p.revents)
                        (void) dbus_connection_read_write(c->c, 0);
        }
}
