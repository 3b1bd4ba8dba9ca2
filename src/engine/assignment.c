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

/* The groups that may count, as they were read. */
typedef struct Groups {
        json_object *by_id;       /* to their places in @members; null: the record cannot be used (E2), or does not say who is in it */
        char ***members;
        size_t n, n_allocated;
        char **names;             /* those that Assigned= names */
} Groups;

static void groups_done(Groups *g) {
        json_object_put(g->by_id);
        strv_free(g->names);
        for (size_t i = 0; i < g->n; i++)
                strv_free(g->members[i]);
        free(g->members);
}

static Fingerprint fingerprint_of(const Cycle *c, ObjectKind kind, const char *id) {
        return fingerprint(c->fingerprinter, UINT64_C(0x200000) + (uint64_t) kind, id, strlen(id));
}

/* Where it is, or would be. What is free is zero, which no fingerprint is. */
static Fingerprint *find_slot(const AssignedSet *s, Fingerprint f) {
        size_t i = (size_t) f.lo & (s->n_slots - 1);

        while (s->slots[i].hi != 0 && (s->slots[i].hi != f.hi || s->slots[i].lo != f.lo))
                i = (i + 1) & (s->n_slots - 1);
        return &s->slots[i];
}

static int grow(AssignedSet *s) {
        AssignedSet larger = { .n_slots = s->n_slots == 0 ? 64 : 2 * s->n_slots, .n = s->n };

        larger.slots = calloc(larger.n_slots, sizeof(Fingerprint));
        if (!larger.slots)
                return -ENOMEM;
        for (size_t i = 0; i < s->n_slots; i++)
                if (s->slots[i].hi != 0)
                        *find_slot(&larger, s->slots[i]) = s->slots[i];
        free(s->slots);
        *s = larger;
        return 0;
}

static bool has(const Cycle *c, ObjectKind kind, const char *id) {
        const AssignedSet *s = &c->assigned[kind];

        return s->n > 0 && find_slot(s, fingerprint_of(c, kind, id))->hi != 0;
}

static int add(Cycle *c, ObjectKind kind, const char *id) {
        AssignedSet *s = &c->assigned[kind];
        Fingerprint f = fingerprint_of(c, kind, id), *slot;

        if (2 * s->n >= s->n_slots && grow(s) < 0)
                return -ENOMEM;
        slot = find_slot(s, f);
        if (slot->hi != 0)
                return 0;
        *slot = f;
        s->n++;
        c->assignment.lo ^= f.lo;
        c->assignment.hi ^= f.hi;
        return 0;
}

static bool is_named(const Cycle *c, const Object *group) {
        const char *name = object_get_string(group->attributes, "displayName");

        return strv_contains(c->config->assigned, group->id) || (name && strv_contains(c->config->assigned, name));
}

/* E7: what is not found is not without members. It may have been renamed. */
static int note_missing(Cycle *c, const Groups *groups) {
        for (char **name = c->config->assigned; *name; name++) {
                int r;

                if (startswith(*name, "user:") || startswith(*name, "group:") ||
                    json_object_object_get_ex(groups->by_id, *name, NULL) || strv_contains(groups->names, *name) ||
                    strv_contains(c->missing_groups, *name))
                        continue;
                r = strv_extend(&c->missing_groups, *name);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Members of a group that is assigned. Whether a member is a user or a group shows when it is met; so it is noted as both. */
static int add_members(Cycle *c, char *const *members) {
        int r = 0;

        for (; r >= 0 && *members; members++)
                r = add(c, OBJECT_KIND_USER, *members);
        return r;
}

static int push(json_object *queue, const char *id) {
        json_object *s = json_object_new_string(id);

        if (!s || json_object_array_add(queue, s) < 0) {
                (void) json_object_put(s);
                return -ENOMEM;
        }
        return 0;
}

/* Nested groups: from the named ones down, each once, so that a circle of groups ends. */
static int walk_down(Cycle *c, const Groups *groups, json_object *queue) {
        for (size_t i = 0; i < json_object_array_length(queue); i++) {
                const char *id = json_object_get_string(json_object_array_get_idx(queue, i));
                json_object *place;
                char **members;
                int r;

                if (!json_object_object_get_ex(groups->by_id, id, &place))
                        continue;
                r = add(c, OBJECT_KIND_GROUP, id);
                if (r < 0)
                        return r;
                /* E2: nobody can say who is in it. */
                if (!place) {
                        c->assignment_incomplete = true;
                        continue;
                }
                members = groups->members[json_object_get_int64(place)];
                r = add_members(c, members);
                for (; r >= 0 && c->config->assigned_nested && *members; members++)
                        if (!has(c, OBJECT_KIND_GROUP, *members))
                                r = push(queue, *members);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* A record that is of no use (E2), but may be that of a group on our way. */
static int add_unusable(Cycle *c, const SourceRecord *raw, const char *id, Groups *groups, json_object *queue) {
        if (json_object_object_add(groups->by_id, id, NULL) < 0)
                return -ENOMEM;
        return strv_contains(c->config->assigned, id) || may_name(c, raw) ? push(queue, id) : 0;
}

/* Takes its members. A group that says nothing of them is none without members. */
static int add_group(Groups *groups, Object *o) {
        json_object *place;

        if (!o->members)
                return json_object_object_add(groups->by_id, o->id, NULL) < 0 ? -ENOMEM : 0;
        place = json_object_new_int64((int64_t) groups->n);
        if (!place || json_object_object_add(groups->by_id, o->id, place) < 0) {
                (void) json_object_put(place);
                return -ENOMEM;
        }
        if (ARRAY_GROW(groups->members, groups->n_allocated, groups->n + 1) < 0)
                return -ENOMEM;
        groups->members[groups->n++] = TAKE_PTR(o->members);
        return 0;
}

static int read_groups(Cycle *c, Source *source, Groups *groups, json_object *queue) {
        SourceEvidence evidence = {};
        SourceRecord raw;
        int r;

        while ((r = source->vtable->next(source, &raw)) == SOURCE_E_RECORD) {
                _cleanup_(object_freep) Object *o = NULL;
                _cleanup_error_ Error *error = NULL;
                _cleanup_free_ char *id = NULL;
                ObjectKind kind;

                if (!(raw.kinds & OBJECT_KIND_MASK(OBJECT_KIND_GROUP)) || (!c->config->assigned_nested && !may_name(c, &raw)))
                        continue;
                /* What cannot be used is reported by the reading proper; without an id it makes that incomplete. */
                r = source->vtable->parse(source, &raw, &o, &kind, &id, &error);
                if (r < 0)
                        return r;
                if (r == 0)
                        kind = o->kind;
                if (kind == OBJECT_KIND_GROUP && (r == SOURCE_E_INVALID_ID_KNOWN ||
                                                  (r == 0 && json_object_object_get_ex(groups->by_id, o->id, NULL)))) {
                        r = add_unusable(c, &raw, r == 0 ? o->id : id, groups, queue);
                        if (r < 0)
                                return r;
                        continue;
                }
                if (r == 0 && !object_attributes(o))
                        return -ENOMEM;
                if (r > 0 || o->kind != OBJECT_KIND_GROUP || (!c->config->assigned_nested && !is_named(c, o)))
                        continue;
                r = add_group(groups, o);
                if (r >= 0 && is_named(c, o)) {
                        const char *name = object_get_string(o->attributes, "displayName");

                        r = push(queue, o->id);
                        if (r >= 0 && name)
                                r = strv_extend(&groups->names, name);
                }
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;
        r = source->vtable->evidence(source, &evidence);
        if (r >= 0 && !evidence.complete)
                c->assignment_incomplete = true;
        source_evidence_done(&evidence);
        return r;
}

static int read_assignment(Cycle *c, Groups *groups, Error **ret_error) {
        _cleanup_json_ json_object *queue = json_object_new_array();
        _cleanup_(source_freep) Source *source = NULL;
        int r;

        groups->by_id = json_object_new_object();
        if (!groups->by_id || !queue)
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
        /* Should the groups change between this reading and the next, that one ends incomplete: it was opened before. */
        source->vtable->want(source, OBJECT_KIND_MASK(OBJECT_KIND_GROUP));
        r = read_groups(c, source, groups, queue);
        if (r >= 0)
                r = walk_down(c, groups, queue);
        if (r >= 0)
                r = note_missing(c, groups);
        return r < 0 ? error_wrap(ret_error, r, "Failed to read the assigned groups") : 0;
}

int cycle_read_assignment(Cycle *c, Error **ret_error) {
        Groups groups = {};
        int r;

        r = c->config->assigned ? read_assignment(c, &groups, ret_error) : 0;
        groups_done(&groups);
        return r;
}

void cycle_forget_assignment(Cycle *c) {
        for (ObjectKind k = 0; k < _OBJECT_KIND_MAX; k++) {
                free(c->assigned[k].slots);
                c->assigned[k] = (AssignedSet) {};
        }
}

bool cycle_is_assigned(const Cycle *c, ObjectKind kind, const char *source_id) {
        return !c->config->assigned || has(c, kind, source_id);
}
