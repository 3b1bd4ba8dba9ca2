/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>

#include "bus-internal.h"

/* Clients made for a bus, busctl first of all, say Hello, ask who owns a name and add matches before they come to the
 * point. On the private endpoint we answer for the bus: there are two names, theirs and ours, whatever they ask for,
 * and every signal comes anyway. */

static int answer_name_owner(Conn *conn, BusMessage *args, BusMessage *reply) {
        const char *name;
        int r;

        r = bus_message_read(args, "s", &name);
        if (r < 0)
                return r;
        return bus_message_append(reply, "s", streq(name, DBUS_SERVICE_DBUS) ? DBUS_SERVICE_DBUS
                                              : streq(name, conn->name)      ? conn->name
                                                                             : BUS_PRIVATE_OURS);
}

static int answer_list_names(Conn *conn, BusMessage *args, BusMessage *reply) {
        char *names[] = {(char *) DBUS_SERVICE_DBUS, (char *) BUS_PRIVATE_OURS, conn->name, conn->bus->name, NULL};

        return bus_message_append(reply, "as", names);
}

/* Theirs, or ours. */
static int read_uid(Conn *conn, BusMessage *args, uid_t *ret) {
        const char *name;
        int r;

        r = bus_message_read(args, "s", &name);
        if (r == 0)
                *ret = streq(name, conn->name) ? conn->uid : geteuid();
        return r;
}

static int answer_unix_user(Conn *conn, BusMessage *args, BusMessage *reply) {
        uid_t uid = 0;
        int r;

        r = read_uid(conn, args, &uid);
        return r < 0 ? r : bus_message_append(reply, "u", uid);
}

static int answer_credentials(Conn *conn, BusMessage *args, BusMessage *reply) {
        uid_t uid;
        int r;

        r = read_uid(conn, args, &uid);
        if (r == 0)
                r = bus_message_open(reply, 'a', "{sv}");
        if (r == 0)
                r = bus_message_append(reply, "{sv}", "UnixUserID", "u", uid);
        return r < 0 ? r : bus_message_close(reply);
}

static int answer_has_owner(Conn *conn, BusMessage *args, BusMessage *reply) {
        return bus_message_append(reply, "b", true);
}

static int answer_hello(Conn *conn, BusMessage *args, BusMessage *reply) {
        return bus_message_append(reply, "s", conn->name);
}

static int answer_no_names(Conn *conn, BusMessage *args, BusMessage *reply) {
        return bus_message_append(reply, "as", NULL);
}

static int answer_nothing(Conn *conn, BusMessage *args, BusMessage *reply) {
        return 0;
}

static const struct {
        const char *interface, *member, *in;
        int (*answer)(Conn *conn, BusMessage *args, BusMessage *reply);
} methods[] = {
        {DBUS_INTERFACE_DBUS, "Hello", "", answer_hello},
        {DBUS_INTERFACE_DBUS, "AddMatch", "s", answer_nothing},
        {DBUS_INTERFACE_DBUS, "RemoveMatch", "s", answer_nothing},
        {DBUS_INTERFACE_DBUS, "GetNameOwner", "s", answer_name_owner},
        {DBUS_INTERFACE_DBUS, "NameHasOwner", "s", answer_has_owner},
        {DBUS_INTERFACE_DBUS, "ListNames", "", answer_list_names},
        {DBUS_INTERFACE_DBUS, "ListActivatableNames", "", answer_no_names},
        {DBUS_INTERFACE_DBUS, "GetConnectionUnixUser", "s", answer_unix_user},
        {DBUS_INTERFACE_DBUS, "GetConnectionCredentials", "s", answer_credentials},
        {DBUS_INTERFACE_MONITORING, "BecomeMonitor", "asu", answer_nothing},
};

static void send_name_lost(Conn *conn) {
        _cleanup_dbus_message_ DBusMessage *m =
                dbus_message_new_signal(DBUS_PATH_DBUS, DBUS_INTERFACE_DBUS, "NameLost");
        const char *name = conn->name;

        if (m && dbus_message_append_args(m, DBUS_TYPE_STRING, &name, DBUS_TYPE_INVALID) &&
            dbus_message_set_sender(m, DBUS_SERVICE_DBUS))
                conn_send(conn, m);
}

bool private_driver(Conn *conn, DBusMessage *m) {
        const char *interface = dbus_message_get_interface(m);
        _cleanup_dbus_message_ DBusMessage *dm = NULL, *error = NULL;
        _cleanup_bus_message_ BusMessage *args = NULL, *reply = NULL;
        int r = -EOPNOTSUPP;

        if (!interface || (!streq(interface, DBUS_INTERFACE_DBUS) && !streq(interface, DBUS_INTERFACE_MONITORING)))
                return false;
        dm = dbus_message_new_method_return(m);
        if (!dm || bus_message_wrap(m, false, &args) < 0 || bus_message_wrap(dm, true, &reply) < 0) {
                conn_doom(conn);
                return true;
        }
        for (size_t i = 0; i < ELEMENTSOF(methods); i++)
                if (dbus_message_is_method_call(m, methods[i].interface, methods[i].member)) {
                        r = dbus_message_has_signature(m, methods[i].in) ? methods[i].answer(conn, args, reply)
                                                                         : -EINVAL;
                        break;
                }
        if (r < 0) {
                error = bus_message_new_error(r == -EOPNOTSUPP ? BUS_ERROR_UNKNOWN_METHOD : bus_error_from_errno(r),
                                              "The private endpoint is no bus");
                if (!error || !dbus_message_set_reply_serial(error, dbus_message_get_serial(m))) {
                        conn_doom(conn);
                        return true;
                }
                dbus_message_set_no_reply(error, TRUE);
        }
        if (dbus_message_get_no_reply(m))
                return true;
        if (!dbus_message_set_destination(error ? error : dm, conn->name) ||
            !dbus_message_set_sender(error ? error : dm, DBUS_SERVICE_DBUS))
                conn_doom(conn);
        conn_send(conn, error ? error : dm);
        if (dbus_message_is_method_call(m, DBUS_INTERFACE_MONITORING, "BecomeMonitor") && r == 0)
                send_name_lost(conn);
        return true;
}
