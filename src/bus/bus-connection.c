/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <sys/stat.h>

#include "bus-internal.h"
#include "log.h"
#include "time-util.h"

/* Connections are closed when the loop turns, never from inside libdbus, a handler or a walk over the list of them:
 * conn_doom() only marks. From then on nothing is sent to them and nothing of them is run. */

struct Server {
        Bus *bus;
        DBusServer *s;
        Server *next;
};

/* --- sending */

void conn_send_now(Conn *conn, DBusMessage *m) {
        if (conn->doomed)
                return;
        if (conn->private && !dbus_message_get_sender(m) && !dbus_message_set_sender(m, BUS_PRIVATE_OURS))
                return conn_doom(conn);
        /* On a closed connection this says TRUE; its Disconnected is on the way. */
        if (!dbus_connection_send(conn->c, m, NULL))
                log_debug("Out of memory: a message to %s is lost.", conn->name);
        /* Nobody else limits a private client that does not read. */
        if (conn->private && dbus_connection_get_outgoing_size(conn->c) > BUS_PRIVATE_OUTGOING_MAX) {
                log_debug("%s does not read what it asked for: closed.", conn->name);
                conn_doom(conn);
        }
}

void conn_send(Conn *conn, DBusMessage *m) {
        bus_flush_changes(conn->bus);
        conn_send_now(conn, m);
}

int conn_ask(Conn *conn, DBusMessage *m, int timeout_msec, DBusPendingCallNotifyFunction notify, void *data,
             DBusFreeFunction free_data, DBusPendingCall **ret) {
        DBusPendingCall *pending = NULL;

        if (conn->doomed)
                return -ENOTCONN;
        bus_flush_changes(conn->bus);
        if (!dbus_connection_send_with_reply(conn->c, m, &pending, timeout_msec))
                return -ENOMEM;
        if (!pending) /* TRUE without one: not connected */
                return -ENOTCONN;
        if (!dbus_pending_call_set_notify(pending, notify, data, free_data)) {
                dbus_pending_call_cancel(pending);
                dbus_pending_call_unref(pending);
                return -ENOMEM;
        }
        *ret = pending;
        return 0;
}

/* --- connections */

void conn_doom(Conn *conn) {
        conn->doomed = true;
        (void) sd_event_source_set_enabled(conn->bus->reap_source, SD_EVENT_ONESHOT);
}

static void on_bus_signal(Conn *conn, DBusMessage *m) {
        Bus *bus = conn->bus;
        const char *sender = dbus_message_get_sender(m), *name, *old_owner, *new_owner;

        if (conn->private || !sender || !streq(sender, DBUS_SERVICE_DBUS))
                return;
        if (dbus_message_is_signal(m, DBUS_INTERFACE_DBUS, "NameOwnerChanged")) {
                if (dbus_message_get_args(m, NULL, DBUS_TYPE_STRING, &name, DBUS_TYPE_STRING, &old_owner,
                                          DBUS_TYPE_STRING, &new_owner, DBUS_TYPE_INVALID) &&
                    isempty(new_owner))
                        sender_vanished(conn, name);
        } else if (dbus_message_is_signal(m, DBUS_INTERFACE_DBUS, "NameLost")) {
                if (!bus->released && bus->hooks.lost &&
                    dbus_message_get_args(m, NULL, DBUS_TYPE_STRING, &name, DBUS_TYPE_INVALID) &&
                    streq_ptr(name, bus->name))
                        bus->hooks.lost(bus, "Somebody else took the bus name", bus->userdata);
        }
}

static DBusHandlerResult on_message(DBusConnection *c, DBusMessage *m, void *userdata) {
        Conn *conn = userdata;
        Bus *bus = conn->bus;

        /* Everything is ours: "not handled" would let libdbus answer, "need memory" make it deliver again for ever. */
        if (conn->doomed)
                return DBUS_HANDLER_RESULT_HANDLED;
        switch (dbus_message_get_type(m)) {
        case DBUS_MESSAGE_TYPE_METHOD_CALL:
                bus->last_activity_usec = clock_monotonic();
                if (conn->private)
                        bus_dispatch(conn, m);
                else
                        bus_enqueue(conn, m);
                break;
        case DBUS_MESSAGE_TYPE_SIGNAL:
                if (!dbus_message_is_signal(m, DBUS_INTERFACE_LOCAL, "Disconnected")) {
                        on_bus_signal(conn, m);
                        break;
                }
                conn_doom(conn);
                if (conn == bus->main && bus->hooks.lost)
                        bus->hooks.lost(bus, "The connection to the bus has ended", bus->userdata);
                break;
        default:
                break;
        }
        return DBUS_HANDLER_RESULT_HANDLED;
}

int conn_new(Bus *bus, DBusConnection *c, bool private, Conn **ret) {
        Conn *conn = calloc(1, sizeof(*conn));
        int r;

        if (!conn)
                return -ENOMEM;
        conn->bus = bus;
        conn->private = private;
        conn->uid = (uid_t) -1;
        conn->c = dbus_connection_ref(c);
        if (private) {
                conn->id = ++bus->next_id;
                (void) snprintf(conn->name, sizeof(conn->name), ":private.%u", conn->id);
                dbus_connection_set_max_message_size(c, 2 * (long) BUS_MESSAGE_SIZE_MAX);
                dbus_connection_set_max_received_size(c, 4 * (long) BUS_MESSAGE_SIZE_MAX);
                dbus_connection_set_max_message_unix_fds(c, 4);
                dbus_connection_set_max_received_unix_fds(c, 16);
                bus->n_private++;
        }
        conn->next = bus->conns;
        bus->conns = conn;
        if (!dbus_connection_add_filter(c, on_message, conn, NULL)) {
                conn_free(conn);
                return -ENOMEM;
        }
        r = bus_loop_attach(bus->event, c, !private);
        if (r < 0) {
                conn_free(conn);
                return r;
        }
        *ret = conn;
        return 0;
}

Conn *conn_free(Conn *conn) {
        Bus *bus;

        if (!conn)
                return NULL;
        bus = conn->bus;
        conn->doomed = true;
        for (Conn **p = &bus->conns; *p; p = &(*p)->next)
                if (*p == conn) {
                        *p = conn->next;
                        break;
                }
        if (bus->main == conn) {
                bus->main = NULL;
                queues_free(bus);
        }
        for (;;) {
                BusCall *call;

                for (call = bus->calls; call && call->conn != conn;)
                        call = call->next;
                if (!call)
                        break;
                bus_call_vanish(call);
        }
        senders_free(conn);
        bus->n_private -= conn->private;
        sd_event_source_disable_unref(conn->auth_timer);
        dbus_connection_remove_filter(conn->c, on_message, conn);
        (void) dbus_connection_set_unix_user_function(conn->c, NULL, NULL, NULL);
        bus_loop_detach(conn->c);
        dbus_connection_close(conn->c);
        dbus_connection_unref(conn->c);
        free(conn);
        return NULL;
}

static int on_reap(sd_event_source *source, void *userdata) {
        Bus *bus = userdata;

        for (Conn *c = bus->conns; c;)
                if (c->doomed) {
                        conn_free(c);
                        c = bus->conns; /* others may have gone with it */
                } else
                        c = c->next;
        return 0;
}

/* --- the bus */

int bus_new(sd_event *event, BusAuth auth, const BusHooks *hooks, void *userdata, Bus **ret) {
        Bus *bus = calloc(1, sizeof(*bus));
        int r;

        if (!bus)
                return -ENOMEM;
        bus->event = sd_event_ref(event);
        bus->auth = auth;
        if (hooks)
                bus->hooks = *hooks;
        bus->userdata = userdata;
        bus->changes_tail = &bus->changes;
        bus->last_activity_usec = clock_monotonic();
        r = queues_new(bus);
        if (r >= 0)
                r = sd_event_add_defer(event, &bus->reap_source, on_reap, bus);
        if (r < 0) {
                bus_free(bus);
                return r;
        }
        (void) sd_event_source_set_enabled(bus->reap_source, SD_EVENT_OFF);
        *ret = bus;
        return 0;
}

Bus *bus_free(Bus *bus) {
        uint64_t deadline = clock_monotonic() + USEC_PER_SEC;

        if (!bus)
                return NULL;
        bus_flush_changes(bus);
        bus_discard_changes(bus);
        servers_free(bus);
        for (Conn *c = bus->conns; c; c = c->next)
                while (!c->doomed && dbus_connection_get_is_authenticated(c->c) &&
                       dbus_connection_has_messages_to_send(c->c) && clock_monotonic() < deadline)
                        if (!dbus_connection_read_write(c->c, 20))
                                break;
        while (bus->conns)
                conn_free(bus->conns);
        queues_free(bus);
        tree_free(bus);
        sd_event_source_disable_unref(bus->queue_source);
        sd_event_source_disable_unref(bus->queue_timer);
        sd_event_source_disable_unref(bus->flush_source);
        sd_event_source_disable_unref(bus->reap_source);
        sd_event_unref(bus->event);
        free(bus->name);
        free(bus);
        return NULL;
}

bool bus_is_busy(const Bus *bus) {
        if (bus->n_calls > 0 || bus->queues || bus->changes)
                return true;
        for (const Conn *c = bus->conns; c; c = c->next)
                if (!c->doomed && (dbus_connection_has_messages_to_send(c->c) ||
                                   dbus_connection_get_dispatch_status(c->c) == DBUS_DISPATCH_DATA_REMAINS))
                        return true;
        return false;
}

unsigned bus_get_n_private(const Bus *bus) {
        return bus->n_private;
}

uint64_t bus_get_last_activity(const Bus *bus) {
        return bus->last_activity_usec;
}

int bus_open_bus(Bus *bus, const char *address, const char *name, Error **ret_error) {
        DBusError e = DBUS_ERROR_INIT;
        DBusConnection *c;
        Conn *conn;
        int r;

        assert(!bus->main && dbus_validate_bus_name(name, NULL));
        if (free_and_strdup(&bus->name, name) < 0)
                return error_set(ret_error, -ENOMEM, "Out of memory");
        if (streq(address, "system") || streq(address, "session"))
                c = dbus_bus_get_private(streq(address, "system") ? DBUS_BUS_SYSTEM : DBUS_BUS_SESSION, &e);
        else {
                c = dbus_connection_open_private(address, &e);
                if (c && !dbus_bus_register(c, &e)) {
                        dbus_connection_close(c);
                        dbus_connection_unref(c);
                        c = NULL;
                }
        }
        if (!c) {
                r = bus_error_take(&e, ret_error);
                return error_wrap(ret_error, r, "Cannot connect to the bus (%s)", address);
        }
        dbus_connection_set_exit_on_disconnect(c, FALSE);
        r = conn_new(bus, c, false, &conn);
        dbus_connection_unref(c); /* conn_new() keeps its own, or has closed it */
        if (r < 0)
                return error_set(ret_error, r, "Cannot watch the connection to the bus: %s", strerror(-r));
        (void) snprintf(conn->name, sizeof(conn->name), "%s", strempty(dbus_bus_get_unique_name(c)));
        bus->main = conn;
        r = dbus_bus_request_name(c, name, DBUS_NAME_FLAG_DO_NOT_QUEUE, &e);
        if (r < 0) {
                r = bus_error_take(&e, ret_error);
                error_wrap(ret_error, r, "Cannot own the bus name %s", name);
        } else if (r == DBUS_REQUEST_NAME_REPLY_PRIMARY_OWNER || r == DBUS_REQUEST_NAME_REPLY_ALREADY_OWNER)
                return 0;
        else
                r = error_set(ret_error, -EEXIST, "Somebody else owns the bus name %s", name);
        conn_free(conn);
        return r;
}

static void on_name_released(DBusPendingCall *pending, void *userdata) {
        Bus *bus = userdata;

        bus->on_released(bus, bus->on_released_userdata);
}

int bus_release_name(Bus *bus, void (*released)(Bus *bus, void *userdata), void *userdata) {
        _cleanup_dbus_message_ DBusMessage *m = NULL;
        _cleanup_(dbus_pending_call_unrefp) DBusPendingCall *pending = NULL;
        int r;

        if (bus->released)
                return -EALREADY;
        if (!bus->main) {
                released(bus, userdata);
                return 0;
        }
        m = dbus_message_new_method_call(DBUS_SERVICE_DBUS, DBUS_PATH_DBUS, DBUS_INTERFACE_DBUS, "ReleaseName");
        if (!m || !dbus_message_append_args(m, DBUS_TYPE_STRING, &bus->name, DBUS_TYPE_INVALID))
                return -ENOMEM;
        bus->on_released = released;
        bus->on_released_userdata = userdata;
        r = conn_ask(bus->main, m, DBUS_TIMEOUT_USE_DEFAULT, on_name_released, bus, NULL, &pending);
        if (r == 0)
                bus->released = true;
        return r;
}

/* --- the private endpoint */

bool private_access(const Bus *bus, uid_t uid, const char *interface) {
        if (bus->hooks.private_access)
                return bus->hooks.private_access(uid, interface, bus->userdata);
        return uid == 0 || uid == geteuid();
}

bool conn_hears(const Conn *conn, const char *interface) {
        return !conn->private || (conn->spoken && private_access(conn->bus, conn->uid, interface));
}

/* The whole policy of who may connect: it replaces libdbus' own. */
static dbus_bool_t may_connect(DBusConnection *c, unsigned long uid, void *userdata) {
        Conn *conn = userdata;
        unsigned n = 0;

        for (Conn *other = conn->bus->conns; other; other = other->next)
                n += other->private && other->uid == (uid_t) uid;
        if (conn->doomed || n >= BUS_PRIVATE_PER_UID || !private_access(conn->bus, (uid_t) uid, NULL))
                return FALSE;
        conn->uid = (uid_t) uid;
        return TRUE;
}

static int on_auth_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        Conn *conn = userdata;

        if (!dbus_connection_get_is_authenticated(conn->c))
                conn_doom(conn);
        return 0;
}

static void on_new_connection(DBusServer *server, DBusConnection *c, void *userdata) {
        Server *s = userdata;
        Bus *bus = s->bus;
        Conn *conn;

        bus->n_accepted++;
        /* Who is not referenced here is closed by libdbus. */
        if (bus->n_private >= BUS_PRIVATE_MAX || conn_new(bus, c, true, &conn) < 0)
                return;
        if (sd_event_add_time_relative(bus->event, &conn->auth_timer, CLOCK_MONOTONIC, BUS_PRIVATE_AUTH_USEC, 0,
                                       on_auth_timer, conn) < 0)
                return conn_doom(conn);
        dbus_connection_set_unix_user_function(c, may_connect, conn, NULL);
}

int bus_listen(Bus *bus, const char *address, Error **ret_error) {
        static const char *mechanisms[] = {"EXTERNAL", NULL};
        DBusError e = DBUS_ERROR_INIT;
        const char *path = startswith(address, "unix:path=");
        Server *s;
        int r;

        s = calloc(1, sizeof(*s));
        if (!s)
                return error_set(ret_error, -ENOMEM, "Out of memory");
        s->bus = bus;
        s->s = dbus_server_listen(address, &e);
        if (!s->s) {
                free(s);
                r = bus_error_take(&e, ret_error);
                return error_wrap(ret_error, r, "Cannot listen at %s", address);
        }
        s->next = bus->servers;
        bus->servers = s;
        /* libdbus makes it 0777; who came in between still has to pass may_connect(). */
        if (path && chmod(path, 0600) < 0)
                return error_set(ret_error, -errno, "Cannot protect %s: %s", path, strerror(errno));
        dbus_server_set_new_connection_function(s->s, on_new_connection, s, NULL);
        if (!dbus_server_set_auth_mechanisms(s->s, mechanisms))
                return error_set(ret_error, -ENOMEM, "Out of memory");
        r = bus_loop_attach_server(bus->event, s->s, &bus->n_accepted);
        return r < 0 ? error_set(ret_error, r, "Cannot watch %s: %s", address, strerror(-r)) : 0;
}

void servers_free(Bus *bus) {
        while (bus->servers) {
                Server *s = bus->servers;

                bus->servers = s->next;
                bus_loop_detach_server(s->s);
                dbus_server_disconnect(s->s);
                dbus_server_unref(s->s);
                free(s);
        }
}
