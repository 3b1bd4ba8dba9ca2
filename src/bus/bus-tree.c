/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <systemd/sd-bus.h>

#include "bus-internal.h"

static bool path_is_below(const char *path, const char *ancestor) {
        const char *rest;

        if (streq(ancestor, "/"))
                return path[1] != '\0';
        rest = startswith(path, ancestor);
        return rest && rest[0] == '/';
}

int bus_path_encode(const char *prefix, const char *name, char **ret) {
        char *path = NULL;
        int r;

        r = sd_bus_path_encode(prefix, name, &path);
        if (r < 0)
                return r;
        *ret = path;
        return 0;
}

int bus_path_decode(const char *path, const char *prefix, char **ret) {
        _cleanup_free_ char *name = NULL, *again = NULL;
        int r;

        *ret = NULL;
        if (!path_is_below(path, prefix))
                return 0;
        r = sd_bus_path_decode(path, prefix, &name);
        if (r <= 0)
                return r == -ENOMEM ? r : 0;
        /* Escapes that nobody needs would give one object many paths. */
        r = sd_bus_path_encode(prefix, name, &again);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        if (streq(again, path))
                *ret = TAKE_PTR(name);
        return 0;
}

const BusInterface *interface_find(const BusInterface **list, const char *name) {
        for (; list && *list; list++)
                if (streq((*list)->name, name))
                        return *list;
        return NULL;
}

const BusMethod *method_find(const BusInterface *i, const char *name) {
        for (const BusMethod *m = i->methods; m && m->name; m++)
                if (streq(m->name, name))
                        return m;
        return NULL;
}

const BusProperty *property_find(const BusInterface *i, const char *name) {
        for (const BusProperty *p = i->properties; p && p->name; p++)
                if (streq(p->name, name))
                        return p;
        return NULL;
}

bool interface_visible(const Bus *bus, const Conn *conn, const BusInterface *i) {
        if (!conn)
                return true;
        if (!conn->private)
                return !(i->flags & BUS_PRIVATE);
        return private_access(bus, conn->uid, i->name);
}

const Node *tree_find_node(const Bus *bus, const char *path) {
        const Node *folder = NULL;

        for (const Node *n = bus->nodes; n; n = n->next)
                if (!n->fallback && streq(n->path, path))
                        return n;
                else if (n->fallback && path_is_below(path, n->path))
                        folder = n;
        return folder;
}

/* Is there a folder: does any object or fallback lie below, or is a fallback's folder this? */
static bool is_folder(const Bus *bus, const char *path) {
        for (const Node *n = bus->nodes; n; n = n->next)
                if (path_is_below(n->path, path) || (n->fallback && streq(n->path, path)))
                        return true;
        return tree_is_manager(bus, path);
}

bool tree_find(Bus *bus, const char *path, Target *ret) {
        const Node *n = tree_find_node(bus, path);
        Target t = {.bus = bus, .path = path};

        if (n && !n->fallback) {
                t.node = n;
                t.object = n->object;
        } else if (n) {
                _cleanup_free_ char *name = NULL;

                if (bus_path_decode(path, n->path, &name) == 0 && name)
                        t.object = n->fallback->find(name, n->object);
                if (t.object)
                        t.node = n;
        }
        if (!t.node && !is_folder(bus, path))
                return false;
        *ret = t;
        return true;
}

bool tree_is_manager(const Bus *bus, const char *path) {
        return strv_contains(bus->managers, path);
}

const char *tree_manager_of(const Bus *bus, const char *path) {
        const char *best = NULL;

        for (char **m = bus->managers; m && *m; m++)
                if (path_is_below(path, *m) && (!best || path_is_below(*m, best)))
                        best = *m;
        return best;
}

static int add_child(char ***l, const char *path, const char *parent) {
        const char *rest = path + (streq(parent, "/") ? 1 : strlen(parent) + 1);
        size_t n = strcspn(rest, "/");
        _cleanup_free_ char *label = strndup(rest, n);

        if (!label)
                return -ENOMEM;
        return strv_contains(*l, label) ? 0 : strv_extend(l, label);
}

/* Paths of the objects of a fallback. */
static int list_fallback(const Node *n, char ***ret) {
        _cleanup_strv_ char **names = NULL;
        int r;

        r = n->fallback->list(n->object, &names);
        if (r < 0)
                return r;
        for (char **name = names; name && *name; name++) {
                _cleanup_free_ char *path = NULL;

                r = bus_path_encode(n->path, *name, &path);
                if (r == 0)
                        r = strv_extend(ret, path);
                if (r < 0)
                        return r;
        }
        return 0;
}

int tree_children(Bus *bus, const char *path, char ***ret) {
        _cleanup_strv_ char **l = NULL;
        int r;

        for (const Node *n = bus->nodes; n; n = n->next) {
                _cleanup_strv_ char **objects = NULL;

                if (path_is_below(n->path, path)) {
                        r = add_child(&l, n->path, path);
                        if (r < 0)
                                return r;
                        continue;
                }
                if (!n->fallback || !streq(n->path, path))
                        continue;
                r = list_fallback(n, &objects);
                for (char **o = objects; r == 0 && o && *o; o++) {
                        /* Distinct names have distinct paths: no look for doubles, which would be quadratic. */
                        r = strv_extend(&l, *o + strlen(n->path) + 1);
                }
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(l);
        return 0;
}

int tree_objects_below(Bus *bus, const char *path, char ***ret) {
        _cleanup_strv_ char **l = NULL;
        int r = 0;

        for (const Node *n = bus->nodes; r == 0 && n; n = n->next)
                if (n->fallback && (path_is_below(n->path, path) || streq(n->path, path)))
                        r = list_fallback(n, &l);
                else if (!n->fallback && path_is_below(n->path, path))
                        r = strv_extend(&l, n->path);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(l);
        return 0;
}

/* The tables are ours; that they are well formed is checked once, so that nothing later can upset libdbus. */
static void check_tables(const BusInterface *const *list) {
        for (; *list; list++) {
                unsigned n = 0;

                assert(dbus_validate_interface((*list)->name, NULL));
                for (const BusMethod *m = (*list)->methods; m && m->name; m++)
                        assert(dbus_validate_member(m->name, NULL) && m->handler &&
                               dbus_signature_validate(strempty(m->in), NULL) &&
                               dbus_signature_validate(strempty(m->out), NULL));
                for (const BusSignal *s = (*list)->signals; s && s->name; s++)
                        assert(dbus_validate_member(s->name, NULL) &&
                               dbus_signature_validate(strempty(s->args), NULL));
                for (const BusProperty *p = (*list)->properties; p && p->name; p++, n++)
                        assert(dbus_validate_member(p->name, NULL) && p->get &&
                               dbus_signature_validate_single(p->signature, NULL));
                assert(n <= 64); /* Change has a bit for each */
        }
}

static int add_node(Bus *bus, const char *path, const BusInterface *const *interfaces, const BusFallback *fallback,
                    void *object) {
        const BusInterface **copy;
        size_t n_interfaces = 0;
        Node *n;

        if (!dbus_validate_path(path, NULL))
                return -EINVAL;
        for (n = bus->nodes; n; n = n->next)
                if (streq(n->path, path) && !n->fallback == !fallback)
                        return -EEXIST;
        check_tables(interfaces);
        n = calloc(1, sizeof(*n));
        if (!n)
                return -ENOMEM;
        while (interfaces[n_interfaces])
                n_interfaces++;
        copy = calloc(n_interfaces + 1, sizeof(*copy));
        n->path = strdup(path);
        if (!n->path || !copy) {
                free(n->path);
                free(copy);
                free(n);
                return -ENOMEM;
        }
        memcpy(copy, interfaces, n_interfaces * sizeof(*copy));
        n->interfaces = copy;
        n->fallback = fallback;
        n->object = object;
        n->next = bus->nodes;
        bus->nodes = n;
        return 0;
}

int bus_add_object(Bus *bus, const char *path, const BusInterface *const *interfaces, void *object) {
        return add_node(bus, path, interfaces, NULL, object);
}

int bus_add_fallback(Bus *bus, const char *prefix, const BusInterface *const *interfaces, const BusFallback *fallback,
                     void *userdata) {
        return add_node(bus, prefix, interfaces, fallback, userdata);
}

int bus_add_object_manager(Bus *bus, const char *path) {
        if (!dbus_validate_path(path, NULL))
                return -EINVAL;
        return strv_contains(bus->managers, path) ? -EEXIST : strv_extend(&bus->managers, path);
}

void tree_free(Bus *bus) {
        while (bus->nodes) {
                Node *n = bus->nodes;

                bus->nodes = n->next;
                free(n->interfaces);
                free(n->path);
                free(n);
        }
        bus->managers = strv_free(bus->managers);
}
