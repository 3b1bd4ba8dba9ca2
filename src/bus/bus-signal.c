/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <stdarg.h>

#include "bus-internal.h"
#include "log.h"

/* Changes are gathered in one list in the order in which they happened, one entry an interface or object, and sent
 * when the loop turns or before any other message of ours, whichever is first: so nobody sees an effect before he is
 * told of it, and a burst costs one signal. What is sent is read at that time; an object that is gone by then says
 * nothing. */

typedef enum ChangeKind {
        CHANGE_PROPERTIES,
        CHANGE_ADDED,
        CHANGE_REMOVED,
} ChangeKind;

struct Change {
        ChangeKind kind;
        char *path;
        const BusInterface *interface; /* CHANGE_PROPERTIES */
        uint64_t properties;           /* a bit for each in the order of the table */
        Change *next;
};

static void change_free(Change *c) {
        free(c->path);
        free(c);
}

static int on_flush(sd_event_source *source, void *userdata) {
        bus_flush_changes(userdata);
        return 0;
}

static int change_new(Bus *bus, ChangeKind kind, const char *path, Change **ret) {
        Change *c;
        int r;

        if (!bus->flush_source) {
                r = sd_event_add_defer(bus->event, &bus->flush_source, on_flush, bus);
                if (r < 0)
                        return r;
        }
        c = calloc(1, sizeof(*c));
        if (!c)
                return -ENOMEM;
        c->kind = kind;
        c->path = strdup(path);
        if (!c->path) {
                free(c);
                return -ENOMEM;
        }
        *bus->changes_tail = c;
        bus->changes_tail = &c->next;
        (void) sd_event_source_set_enabled(bus->flush_source, SD_EVENT_ONESHOT);
        *ret = c;
        return 0;
}

/* Takes out what is gathered for @path since it was last added or removed; true if that was "added". */
static bool forget_path(Bus *bus, const char *path) {
        bool added = false;

        for (Change **p = &bus->changes; *p;) {
                Change *c = *p;

                if (c->kind == CHANGE_REMOVED || !streq(c->path, path)) {
                        p = &c->next;
                        continue;
                }
                added = added || c->kind == CHANGE_ADDED;
                *p = c->next;
                change_free(c);
        }
        for (bus->changes_tail = &bus->changes; *bus->changes_tail;)
                bus->changes_tail = &(*bus->changes_tail)->next;
        return added;
}

int bus_change_property(Bus *bus, const char *path, const BusInterface *i, const BusProperty *p) {
        Change *c;
        int r;

        if (p->change != BUS_PROPERTY_EMITS && p->change != BUS_PROPERTY_INVALIDATES)
                return 0;
        for (c = bus->changes; c; c = c->next)
                if (c->kind == CHANGE_PROPERTIES && c->interface == i && streq(c->path, path))
                        break;
        if (!c) {
                /* Its announcement, still to be sent, will carry the new values. */
                if (tree_manager_of(bus, path))
                        for (Change *a = bus->changes; a; a = a->next)
                                if (a->kind == CHANGE_ADDED && streq(a->path, path))
                                        return 0;
                r = change_new(bus, CHANGE_PROPERTIES, path, &c);
                if (r < 0)
                        return r;
                c->interface = i;
        }
        c->properties |= UINT64_C(1) << (p - i->properties);
        return 0;
}

int bus_emit_properties_changed(Bus *bus, const char *path, const char *interface, ...) {
        const Node *n = tree_find_node(bus, path);
        const BusInterface *i = n ? interface_find(n->interfaces, interface) : NULL;
        const char *name;
        va_list ap;
        int r = 0;

        if (!i)
                return -EINVAL;
        va_start(ap, interface);
        while (r == 0 && (name = va_arg(ap, const char *))) {
                const BusProperty *p = property_find(i, name);

                r = p ? bus_change_property(bus, path, i, p) : -EINVAL;
        }
        va_end(ap);
        return r;
}

int bus_emit_added(Bus *bus, const char *path) {
        Change *c;

        if (!tree_manager_of(bus, path) || !tree_find_node(bus, path))
                return -EINVAL;
        for (c = bus->changes; c; c = c->next)
                if (c->kind == CHANGE_ADDED && streq(c->path, path))
                        return 0;
        return change_new(bus, CHANGE_ADDED, path, &c);
}

int bus_emit_removed(Bus *bus, const char *path) {
        Change *c;

        if (!tree_manager_of(bus, path) || !tree_find_node(bus, path))
                return -EINVAL;
        if (forget_path(bus, path))
                return 0;
        return change_new(bus, CHANGE_REMOVED, path, &c);
}

void bus_discard_changes(Bus *bus) {
        while (bus->changes) {
                Change *c = bus->changes;

                bus->changes = c->next;
                change_free(c);
        }
        bus->changes_tail = &bus->changes;
}

/* --- sending */

static int signal_new(const char *path, const char *interface, const char *member, BusMessage **ret) {
        _cleanup_dbus_message_ DBusMessage *dm = NULL;

        if (!dbus_validate_path(path, NULL) || !dbus_validate_interface(interface, NULL) ||
            !dbus_validate_member(member, NULL))
                return -EINVAL;
        dm = dbus_message_new_signal(path, interface, member);
        return dm ? bus_message_wrap(dm, true, ret) : -ENOMEM;
}

int bus_signal_new(Bus *bus, const char *path, const char *interface, const char *member, BusMessage **ret) {
        return signal_new(path, interface, member, ret);
}

/* To all doors behind which @about, the interface that the signal tells of, may be seen. */
static int broadcast(Bus *bus, BusMessage *m, const BusInterface *about) {
        DBusMessage *dm = bus_message_get_dbus(m);
        int r;

        r = bus_message_seal(m);
        if (r < 0)
                return r;
        for (Conn *c = bus->conns; c; c = c->next) {
                _cleanup_dbus_message_ DBusMessage *copy = NULL;

                if (!conn_hears(c, dbus_message_get_interface(dm)))
                        continue;
                if (about && !interface_visible(bus, c, about))
                        continue;
                copy = dbus_message_copy(dm); /* each connection gives it a serial of its own */
                if (!copy)
                        return -ENOMEM;
                conn_send_now(c, copy);
        }
        return 0;
}

int bus_send_signal(Bus *bus, BusMessage *m) {
        const Node *n = tree_find_node(bus, bus_message_get_path(m));

        bus_flush_changes(bus);
        return broadcast(bus, m, n ? interface_find(n->interfaces, bus_message_get_interface(m)) : NULL);
}

int bus_emit_signal(Bus *bus, const char *path, const char *interface, const char *member, const char *types, ...) {
        _cleanup_bus_message_ BusMessage *m = NULL;
        va_list ap;
        int r;

        r = signal_new(path, interface, member, &m);
        if (r < 0)
                return r;
        va_start(ap, types);
        r = bus_message_appendv(m, strempty(types), ap);
        va_end(ap);
        return r < 0 ? r : bus_send_signal(bus, m);
}

static int send_properties(Bus *bus, const Change *change) {
        _cleanup_bus_message_ BusMessage *m = NULL;
        const BusInterface *i = change->interface;
        uint64_t invalidated = 0;
        Target t;
        int r;

        if (!tree_find(bus, change->path, &t) || !t.node)
                return 0;
        r = signal_new(change->path, bus_properties.name, "PropertiesChanged", &m);
        if (r == 0)
                r = bus_message_append(m, "s", i->name);
        if (r == 0)
                r = bus_message_open(m, 'a', "{sv}");
        for (const BusProperty *p = i->properties; r == 0 && p->name; p++) {
                uint64_t bit = UINT64_C(1) << (p - i->properties);
                _cleanup_dbus_message_ DBusMessage *scratch = NULL;
                _cleanup_bus_message_ BusMessage *value = NULL;

                if (!(change->properties & bit))
                        continue;
                if (p->change == BUS_PROPERTY_INVALIDATES) {
                        invalidated |= bit;
                        continue;
                }
                scratch = dbus_message_new(DBUS_MESSAGE_TYPE_METHOD_RETURN);
                r = scratch ? bus_message_wrap(scratch, true, &value) : -ENOMEM;
                if (r < 0)
                        return r;
                if (bus_append_property(value, &t, p, NULL) < 0) { /* it has no value now: let them ask */
                        invalidated |= bit;
                        continue;
                }
                r = bus_message_open(m, '{', "sv");
                if (r == 0)
                        r = bus_message_append(m, "s", p->name);
                if (r == 0)
                        r = bus_message_append_from(m, value);
                if (r == 0)
                        r = bus_message_close(m);
        }
        if (r == 0)
                r = bus_message_close(m);
        if (r == 0)
                r = bus_message_open(m, 'a', "s");
        for (const BusProperty *p = i->properties; r == 0 && p->name; p++)
                if (invalidated & UINT64_C(1) << (p - i->properties))
                        r = bus_message_append(m, "s", p->name);
        if (r == 0)
                r = bus_message_close(m);
        return r < 0 ? r : broadcast(bus, m, i);
}

/* Who sees which interfaces differs from door to door, so each gets a message of its own. */
static int send_object(Bus *bus, const Change *change) {
        const char *manager = tree_manager_of(bus, change->path);
        bool added = change->kind == CHANGE_ADDED;
        Target t = {.bus = bus, .path = change->path, .node = tree_find_node(bus, change->path)};

        if (added && (!tree_find(bus, change->path, &t) || !t.node))
                return 0;
        for (Conn *c = bus->conns; c; c = c->next) {
                _cleanup_bus_message_ BusMessage *m = NULL;
                int r;

                if (!conn_hears(c, bus_object_manager.name))
                        continue;
                r = signal_new(manager, bus_object_manager.name, added ? "InterfacesAdded" : "InterfacesRemoved", &m);
                if (r == 0)
                        r = bus_message_append(m, "o", change->path);
                t.conn = c;
                if (r == 0 && added)
                        r = bus_append_interfaces(m, &t);
                else if (r == 0) {
                        r = bus_message_open(m, 'a', "s");
                        for (const BusInterface **i = t.node->interfaces; r == 0 && *i; i++)
                                if (interface_visible(bus, c, *i))
                                        r = bus_message_append(m, "s", (*i)->name);
                        if (r == 0)
                                r = bus_message_close(m);
                }
                if (r < 0)
                        return r;
                conn_send_now(c, bus_message_get_dbus(m));
        }
        return 0;
}

void bus_flush_changes(Bus *bus) {
        if (bus->flushing) /* from a getter */
                return;
        bus->flushing = true;
        while (bus->changes) {
                Change *c = bus->changes;
                int r;

                bus->changes = c->next;
                if (!bus->changes)
                        bus->changes_tail = &bus->changes;
                r = c->kind == CHANGE_PROPERTIES ? send_properties(bus, c) : send_object(bus, c);
                if (r < 0)
                        log_debug("A change of %s could not be announced: %s", c->path, strerror(-r));
                change_free(c);
        }
        bus->flushing = false;
}
