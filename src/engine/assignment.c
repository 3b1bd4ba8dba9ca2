/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>

#include "cycle.h"

/* Assigned=: who is provisioned at all. The users of a source come before its groups, so the groups are looked at in a pass
 * of their own. A set that has changed since the last reading makes every record be evaluated afresh. */

/* Only a record in which the name can stand needs parsing: most groups are none of ours. A \u escape could spell it too. */
static bool may_name(const Cycle *c, const SourceRecord *raw) {
        if (memmem(raw->data, raw->size, "\\u", 2))
                return true;
        for (char **name = c->config->assigned; *name; name++) {
                if (strpbrk(*name, "\"\\/") || memmem(raw->data, raw->size, *name, strlen(*name)))
                        return true;
        }
        return false;
}

static int add(Cycle *c, ObjectKind kind, const char *id) {
        Fingerprint f;

        if (json_object_object_get_ex(c->assigned[kind], id, NULL))
                return 0;
        if (json_object_object_add(c->assigned[kind], id, NULL) < 0)
                return -ENOMEM;
        f = fingerprint(c->fingerprinter, UINT64_C(0x200000) + (uint64_t) kind, id, strlen(id));
        c->assignment.lo ^= f.lo;
        c->assignment.hi ^= f.hi;
        return 0;
}

static bool is_named(const Cycle *c, const Object *group) {
        const char *name = object_get_string(group->attributes, "displayName");

        return strv_contains(c->config->assigned, group->id) || (name && strv_contains(c->config->assigned, name));
}

/* Members of a group that is assigned. Whether a member is a user or a group shows when it is met; so it is noted as both. */
static int add_members(Cycle *c, json_object *members) {
        size_t n = members ? json_object_array_length(members) : 0;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < n; i++)
                r = add(c, OBJECT_KIND_USER, json_object_get_string(json_object_array_get_idx(members, i)));
        return r;
}

static json_object *list_of(char *const *members) {
        json_object *list = json_object_new_array();

        for (; list && members && *members; members++) {
                json_object *s = json_object_new_string(*members);

                if (!s || json_object_array_add(list, s) < 0) {
                        (void) json_object_put(s);
                        (void) json_object_put(list);
                        return NULL;
                }
        }
        return list;
}

/* Nested groups: from the named ones down, each once, so that a circle of groups ends. */
static int walk_down(Cycle *c, json_object *groups, json_object *queue) {
        for (size_t i = 0; i < json_object_array_length(queue); i++) {
                const char *id = json_object_get_string(json_object_array_get_idx(queue, i));
                json_object *members;
                int r;

                if (!json_object_object_get_ex(groups, id, &members))
                        continue;
                /* E2: its record cannot be used, so nobody can say who is in it. */
                if (!members)
                        c->assignment_incomplete = true;
                r = add(c, OBJECT_KIND_GROUP, id);
                if (r >= 0)
                        r = add_members(c, members);
                if (r < 0)
                        return r;
                for (size_t k = 0; members && c->config->assigned_nested && k < json_object_array_length(members); k++) {
                        json_object *member = json_object_array_get_idx(members, k);

                        if (json_object_object_get_ex(c->assigned[OBJECT_KIND_GROUP], json_object_get_string(member), NULL))
                                continue;
                        if (json_object_array_add(queue, json_object_get(member)) < 0)
                                return -ENOMEM;
                }
        }
        return 0;
}

/* A record that is of no use (E2), but may be that of a group on our way. */
static int add_unusable(Cycle *c, const SourceRecord *raw, const char *id, json_object *groups, json_object *queue) {
        if (json_object_object_add(groups, id, NULL) < 0)
                return -ENOMEM;
        if ((strv_contains(c->config->assigned, id) || may_name(c, raw)) &&
            json_object_array_add(queue, json_object_new_string(id)) < 0)
                return -ENOMEM;
        return 0;
}

static int read_groups(Cycle *c, Source *source, json_object *groups, json_object *queue) {
        SourceEvidence evidence = {};
        SourceRecord raw;
        int r;

        while ((r = source->vtable->next(source, &raw)) == SOURCE_E_RECORD) {
                _cleanup_(object_freep) Object *o = NULL;
                _cleanup_error_ Error *error = NULL;
                _cleanup_free_ char *id = NULL;
                ObjectKind kind;
                json_object *members;

                if (!(raw.kinds & OBJECT_KIND_MASK(OBJECT_KIND_GROUP)) || (!c->config->assigned_nested && !may_name(c, &raw)))
                        continue;
                /* What cannot be used is reported by the reading proper; without an id it makes that incomplete. */
                r = source->vtable->parse(source, &raw, &o, &kind, &id, &error);
                if (r < 0)
                        return r;
                if (r == 0)
                        kind = o->kind;
                if (kind == OBJECT_KIND_GROUP && (r == SOURCE_E_INVALID_ID_KNOWN ||
                                                  (r == 0 && json_object_object_get_ex(groups, o->id, NULL)))) {
                        r = add_unusable(c, &raw, r == 0 ? o->id : id, groups, queue);
                        if (r < 0)
                                return r;
                        continue;
                }
                if (r == 0 && !object_attributes(o))
                        return -ENOMEM;
                if (r > 0 || o->kind != OBJECT_KIND_GROUP || (!c->config->assigned_nested && !is_named(c, o)))
                        continue;
                members = list_of(o->members);
                if (!members || json_object_object_add(groups, o->id, members) < 0)
                        return -ENOMEM;
                if (is_named(c, o) && json_object_array_add(queue, json_object_new_string(o->id)) < 0)
                        return -ENOMEM;
        }
        if (r < 0)
                return r;
        r = source->vtable->evidence(source, &evidence);
        if (r >= 0 && !evidence.complete)
                c->assignment_incomplete = true;
        source_evidence_done(&evidence);
        return r;
}

int cycle_read_assignment(Cycle *c, Error **ret_error) {
        _cleanup_json_ json_object *groups = NULL, *queue = NULL;
        _cleanup_(source_freep) Source *source = NULL;
        int r;

        if (!c->config->assigned)
                return 0;
        for (ObjectKind k = 0; k < _OBJECT_KIND_MAX; k++) {
                c->assigned[k] = json_object_new_object();
                if (!c->assigned[k])
                        return -ENOMEM;
        }
        groups = json_object_new_object();
        queue = json_object_new_array();
        if (!groups || !queue)
                return -ENOMEM;

        /* Single objects are named with their kind. */
        for (char **name = c->config->assigned; *name; name++) {
                const char *user = startswith(*name, "user:"), *group = startswith(*name, "group:");

                r = user ? add(c, OBJECT_KIND_USER, user) : group ? add(c, OBJECT_KIND_GROUP, group) : 0;
                if (r < 0)
                        return r;
        }
        r = source_open(&c->config->source, &source, ret_error);
        if (r < 0)
                return error_wrap(ret_error, r, "Failed to open the source for its assigned groups");
        r = read_groups(c, source, groups, queue);
        if (r >= 0)
                r = walk_down(c, groups, queue);
        return r < 0 ? error_wrap(ret_error, r, "Failed to read the assigned groups") : 0;
}

bool cycle_is_assigned(const Cycle *c, ObjectKind kind, const char *source_id) {
        return !c->config->assigned || json_object_object_get_ex(c->assigned[kind], source_id, NULL);
}
