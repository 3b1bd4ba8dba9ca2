/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>

#include "bus-internal.h"

/* The interfaces every object has, as tables like any other; their handlers get the Target. Peer is libdbus' own. */

/* --- Introspectable */

static const char *next_word(const char **words, size_t *ret_n) {
        const char *word = strempty(*words) + strspn(strempty(*words), " ");

        *ret_n = strcspn(word, " ");
        *words = word + *ret_n;
        return word;
}

static void introspect_args(StrBuf *b, const char *signature, const char *names, const char *direction) {
        DBusSignatureIter iter;

        if (isempty(signature))
                return;
        dbus_signature_iter_init(&iter, signature);
        do {
                char *type = dbus_signature_iter_get_signature(&iter);
                size_t n;
                const char *name = next_word(&names, &n);

                strbuf_puts(b, "      <arg");
                if (n > 0)
                        strbuf_printf(b, " name=\"%.*s\"", (int) n, name);
                strbuf_printf(b, " type=\"%s\"", strempty(type));
                if (direction)
                        strbuf_printf(b, " direction=\"%s\"", direction);
                strbuf_puts(b, "/>\n");
                if (!type)
                        b->failed = true;
                dbus_free(type);
        } while (dbus_signature_iter_next(&iter));
}

static const char *change_to_string(BusPropertyChange change) {
        switch (change) {
        case BUS_PROPERTY_EMITS:
                return NULL; /* the default of the specification */
        case BUS_PROPERTY_INVALIDATES:
                return "invalidates";
        case BUS_PROPERTY_CONST:
                return "const";
        case BUS_PROPERTY_SILENT:
                return "false";
        }
        return NULL;
}

static void introspect_interface(StrBuf *b, const BusInterface *i, bool with_private) {
        strbuf_printf(b, "  <interface name=\"%s\">\n", i->name);
        for (const BusMethod *m = i->methods; m && m->name; m++) {
                if (m->flags & BUS_PRIVATE && !with_private)
                        continue;
                strbuf_printf(b, "    <method name=\"%s\"", m->name);
                if (isempty(m->in) && isempty(m->out)) {
                        strbuf_puts(b, "/>\n");
                        continue;
                }
                strbuf_puts(b, ">\n");
                introspect_args(b, m->in, m->in_names, "in");
                introspect_args(b, m->out, m->out_names, "out");
                strbuf_puts(b, "    </method>\n");
        }
        for (const BusSignal *s = i->signals; s && s->name; s++) {
                strbuf_printf(b, "    <signal name=\"%s\">\n", s->name);
                introspect_args(b, s->args, s->arg_names, NULL);
                strbuf_puts(b, "    </signal>\n");
        }
        for (const BusProperty *p = i->properties; p && p->name; p++) {
                const char *change = change_to_string(p->change);

                strbuf_printf(b, "    <property name=\"%s\" type=\"%s\" access=\"%s\"", p->name, p->signature,
                              p->set ? "readwrite" : "read");
                if (change)
                        strbuf_printf(b,
                                      ">\n      <annotation name=\"org.freedesktop.DBus.Property.EmitsChangedSignal\""
                                      " value=\"%s\"/>\n    </property>\n",
                                      change);
                else
                        strbuf_puts(b, "/>\n");
        }
        strbuf_puts(b, "  </interface>\n");
}

int bus_introspect(const BusInterface *const *interfaces, char **ret) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;

        for (; *interfaces; interfaces++)
                introspect_interface(&b, *interfaces, true);
        return strbuf_steal(&b, ret);
}

static int method_introspect(BusCall *call, void *object, Error **ret_error) {
        Target *t = object;
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;
        _cleanup_strv_ char **children = NULL;
        int r;

        strbuf_puts(&b, DBUS_INTROSPECT_1_0_XML_DOCTYPE_DECL_NODE "<node>\n"
                    "  <interface name=\"org.freedesktop.DBus.Peer\">\n"
                    "    <method name=\"Ping\"/>\n"
                    "    <method name=\"GetMachineId\">\n"
                    "      <arg name=\"machine_uuid\" type=\"s\" direction=\"out\"/>\n"
                    "    </method>\n"
                    "  </interface>\n");
        introspect_interface(&b, &bus_introspectable, false);
        if (tree_is_manager(t->bus, t->path))
                introspect_interface(&b, &bus_object_manager, false);
        if (t->node) {
                introspect_interface(&b, &bus_properties, false);
                for (const BusInterface **i = t->node->interfaces; *i; i++)
                        if (interface_visible(t->bus, t->conn, *i))
                                introspect_interface(&b, *i, t->conn->private);
        }
        r = tree_children(t->bus, t->path, &children);
        if (r < 0)
                return r;
        for (char **c = children; c && *c; c++)
                strbuf_printf(&b, "  <node name=\"%s\"/>\n", *c);
        strbuf_puts(&b, "</node>\n");
        r = strbuf_check(&b);
        return r < 0 ? r : bus_call_write(call, "s", b.data);
}

const BusInterface bus_introspectable = {
        .name = DBUS_INTERFACE_INTROSPECTABLE,
        .methods = (const BusMethod[]) {
                {"Introspect", NULL, NULL, "s", "xml_data", method_introspect},
                {},
        },
};

/* --- Properties */

int bus_append_property(BusMessage *m, const Target *t, const BusProperty *p, Error **ret_error) {
        int r;

        r = bus_message_open(m, 'v', p->signature);
        if (r < 0)
                return r;
        r = p->get(m, p, t->object, ret_error);
        return r < 0 ? r : bus_message_close(m);
}

int bus_append_properties(BusMessage *m, const Target *t, const BusInterface *i) {
        int r;

        r = bus_message_open(m, 'a', "{sv}");
        if (r < 0)
                return r;
        for (const BusProperty *p = i->properties; p && p->name; p++) {
                _cleanup_dbus_message_ DBusMessage *scratch = NULL;
                _cleanup_bus_message_ BusMessage *trial = NULL;
                _cleanup_error_ Error *error = NULL;

                /* A value that cannot be had must not spoil the others, and what is in a message stays there. */
                scratch = dbus_message_new(DBUS_MESSAGE_TYPE_METHOD_RETURN);
                if (!scratch)
                        return -ENOMEM;
                r = bus_message_wrap(scratch, true, &trial);
                if (r < 0)
                        return r;
                r = bus_append_property(trial, t, p, &error);
                if (r < 0)
                        continue;
                r = bus_message_open(m, '{', "sv");
                if (r == 0)
                        r = bus_message_append(m, "s", p->name);
                if (r == 0)
                        r = bus_message_append_from(m, trial);
                if (r == 0)
                        r = bus_message_close(m);
                if (r < 0)
                        return r;
        }
        return bus_message_close(m);
}

static const BusInterface *find_visible(const Target *t, const char *name) {
        const BusInterface *i = t->node ? interface_find(t->node->interfaces, name) : NULL;

        return i && interface_visible(t->bus, t->conn, i) ? i : NULL;
}

static bool is_standard(const Target *t, const char *name) {
        return streq(name, bus_introspectable.name) || streq(name, bus_properties.name) ||
               streq(name, DBUS_INTERFACE_PEER) ||
               (streq(name, bus_object_manager.name) && tree_is_manager(t->bus, t->path));
}

static int method_get(BusCall *call, void *object, Error **ret_error) {
        Target *t = object;
        const char *interface, *property;
        const BusInterface *i;
        const BusProperty *p = NULL;
        int r;

        r = bus_call_read(call, "ss", &interface, &property);
        if (r < 0)
                return r;
        if (isempty(interface)) { /* allowed where it is clear what is meant */
                for (const BusInterface **l = t->node->interfaces; *l && !p; l++)
                        if (interface_visible(t->bus, t->conn, *l))
                                p = property_find(*l, property);
        } else {
                i = find_visible(t, interface);
                if (!i && !is_standard(t, interface))
                        return bus_call_fail(call, BUS_ERROR_UNKNOWN_INTERFACE, "%s has no interface %s", t->path,
                                             interface);
                p = i ? property_find(i, property) : NULL;
        }
        if (!p)
                return bus_call_fail(call, BUS_ERROR_UNKNOWN_PROPERTY, "%s has no property %s", t->path, property);
        return bus_append_property(bus_call_reply(call), t, p, ret_error);
}

static int method_get_all(BusCall *call, void *object, Error **ret_error) {
        Target *t = object;
        const char *interface;
        const BusInterface *i;
        int r;

        r = bus_call_read(call, "s", &interface);
        if (r < 0)
                return r;
        i = find_visible(t, interface);
        if (!i) {
                static const BusInterface nothing = {};

                if (!is_standard(t, interface))
                        return bus_call_fail(call, BUS_ERROR_UNKNOWN_INTERFACE, "%s has no interface %s", t->path,
                                             interface);
                i = &nothing;
        }
        return bus_append_properties(bus_call_reply(call), t, i);
}

/* Never called: bus_call_run() finds the property's own setter, whose action must be known first. */
static int method_set(BusCall *call, void *object, Error **ret_error) {
        return -EOPNOTSUPP;
}

const BusInterface bus_properties = {
        .name = DBUS_INTERFACE_PROPERTIES,
        .methods = (const BusMethod[]) {
                {"Get", "ss", "interface_name property_name", "v", "value", method_get},
                {"Set", "ssv", "interface_name property_name value", NULL, NULL, method_set},
                {"GetAll", "s", "interface_name", "a{sv}", "props", method_get_all},
                {},
        },
        .signals = (const BusSignal[]) {
                {"PropertiesChanged", "sa{sv}as", "interface_name changed_properties invalidated_properties"},
                {},
        },
};

/* --- ObjectManager */

int bus_append_interfaces(BusMessage *m, const Target *t) {
        int r;

        r = bus_message_open(m, 'a', "{sa{sv}}");
        for (const BusInterface **i = t->node->interfaces; r == 0 && *i; i++) {
                if (!interface_visible(t->bus, t->conn, *i))
                        continue;
                r = bus_message_open(m, '{', "sa{sv}");
                if (r == 0)
                        r = bus_message_append(m, "s", (*i)->name);
                if (r == 0)
                        r = bus_append_properties(m, t, *i);
                if (r == 0)
                        r = bus_message_close(m);
        }
        return r < 0 ? r : bus_message_close(m);
}

static int method_get_managed_objects(BusCall *call, void *object, Error **ret_error) {
        Target *t = object, child;
        BusMessage *reply = bus_call_reply(call);
        _cleanup_strv_ char **paths = NULL;
        int r;

        r = tree_objects_below(t->bus, t->path, &paths);
        if (r < 0)
                return r;
        r = bus_message_open(reply, 'a', "{oa{sa{sv}}}");
        for (char **p = paths; r == 0 && p && *p; p++) {
                if (!tree_find(t->bus, *p, &child) || !child.node)
                        continue; /* gone since it was listed */
                child.conn = t->conn;
                r = bus_message_open(reply, '{', "oa{sa{sv}}");
                if (r == 0)
                        r = bus_message_append(reply, "o", *p);
                if (r == 0)
                        r = bus_append_interfaces(reply, &child);
                if (r == 0)
                        r = bus_message_close(reply);
        }
        return r < 0 ? r : bus_message_close(reply);
}

const BusInterface bus_object_manager = {
        .name = "org.freedesktop.DBus.ObjectManager",
        .methods = (const BusMethod[]) {
                {"GetManagedObjects", NULL, NULL, "a{oa{sa{sv}}}", "object_paths_interfaces_and_properties",
                 method_get_managed_objects},
                {},
        },
        .signals = (const BusSignal[]) {
                {"InterfacesAdded", "oa{sa{sv}}", "object_path interfaces_and_properties"},
                {"InterfacesRemoved", "oas", "object_path interfaces"},
                {},
        },
};
