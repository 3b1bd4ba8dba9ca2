/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>

#include "cycle.h"

/* C5: an intent without a result is looked up at the target, never blindly repeated. What has happened is recorded and
 * logged as the killed cycle would have; what has not is forgotten, and planned again by this cycle if it is still due. */

typedef struct Recovery {
        Cycle *cycle;
        Arena *arena;
        Change *changes;          /* the intents, copied: the ledger is written to afterwards */
        size_t n, n_allocated;
        Error **ret_error;
} Recovery;

static int parse_refs(Recovery *s, json_object *list, MemberRef **ret, uint32_t *ret_n) {
        size_t n = json_object_array_length(list);
        MemberRef *refs;
        uint32_t k = 0;

        refs = arena_alloc(s->arena, (n + 1) * sizeof(MemberRef));
        if (!refs)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                uint64_t id = (uint64_t) json_object_get_int64(json_object_array_get_idx(list, i));
                Link link;
                int r;

                r = ledger_get_link(s->cycle->ledger, id, s->arena, &link);
                if (r < 0)
                        return r;
                if (r == 0)
                        refs[k++] = (MemberRef) { .link = id, .source_id = link.source_id, .target_id = link.target_id };
        }
        *ret = refs;
        *ret_n = k;
        return 0;
}

static int load_members(Recovery *s, Change *change, const char *text) {
        _cleanup_json_ json_object *o = NULL;
        int r;

        r = json_parse_whole(text, strlen(text), &o, s->ret_error);
        if (r < 0)
                return r;
        r = parse_refs(s, json_object_object_get(o, "add"), &change->add, &change->n_add);
        if (r < 0)
                return r;
        return parse_refs(s, json_object_object_get(o, "remove"), &change->remove, &change->n_remove);
}

static int load(const Intent *i, void *userdata) {
        Recovery *s = userdata;
        Change *change;
        Link link;
        int r;

        if (ARRAY_GROW(s->changes, s->n_allocated, s->n + 1) < 0)
                return -ENOMEM;
        change = &s->changes[s->n];
        *change = (Change) { .action = i->action, .kind = i->kind, .cause = i->cause, .link = i->link,
                             .record = UINT32_MAX, .decision = i->decision };
        change->id = arena_strdup(s->arena, i->change_id);
        change->source_id = arena_strdup(s->arena, i->source_id);
        change->target_id = arena_strdup(s->arena, i->target_id);
        change->display_name = arena_strdup(s->arena, i->display_name);
        if (!change->id || !change->source_id)
                return -ENOMEM;
        if (i->action == CHANGE_MEMBERS) {
                r = load_members(s, change, strempty(i->desired));
                if (r < 0)
                        return r;
        } else
                change->desired = arena_strdup(s->arena, i->desired);
        if (i->link != 0) {
                r = ledger_get_link(s->cycle->ledger, i->link, s->arena, &link);
                if (r < 0)
                        return r;
                if (r == LEDGER_E_NOT_FOUND)
                        return 0;
                change->written = link.written;
        }
        s->n++;
        return 0;
}

/* Is every attribute that was wanted there, with the value that was wanted? */
static int has_attributes(json_object *actual, const char *wanted, bool *ret) {
        _cleanup_json_ json_object *o = NULL;
        int r;

        r = json_parse_whole(wanted, strlen(wanted), &o, NULL);
        if (r < 0)
                return r;
        *ret = true;
        json_object_object_foreach(o, key, value) {
                _cleanup_strbuf_ StrBuf a = STRBUF_INIT, b = STRBUF_INIT;
                json_object *there;

                if (!json_object_object_get_ex(actual, key, &there)) {
                        *ret = false;
                        return 0;
                }
                r = json_canonical(value, &a);
                if (r >= 0)
                        r = json_canonical(there, &b);
                if (r < 0)
                        return r;
                if (a.size != b.size || memcmp(a.data, b.data, a.size) != 0) {
                        *ret = false;
                        return 0;
                }
        }
        return 0;
}

/* And is what was written before, and is not wanted any more, gone? */
static int has_lost_attributes(json_object *actual, const char *wanted, const char *written, bool *ret) {
        _cleanup_json_ json_object *new = NULL, *old = NULL;
        int r;

        *ret = true;
        if (isempty(written))
                return 0;
        r = json_parse_whole(wanted, strlen(wanted), &new, NULL);
        if (r >= 0)
                r = json_parse_whole(written, strlen(written), &old, NULL);
        if (r < 0)
                return r;
        json_object_object_foreach(old, key, value) {
                (void) value;
                if (!json_object_object_get_ex(new, key, NULL) && json_object_object_get_ex(actual, key, NULL))
                        *ret = false;
        }
        return 0;
}

static int find_created(Recovery *s, Change *change, bool *ret) {
        Cycle *c = s->cycle;
        _cleanup_json_ json_object *desired = NULL;
        char *const *attributes = c->config->match[change->kind];
        int r;

        r = json_parse_whole(change->desired, strlen(change->desired), &desired, s->ret_error);
        if (r < 0)
                return r;
        for (; attributes && *attributes; attributes++) {
                const char *value = object_get_string(desired, *attributes);
                Object *found[2] = {};
                unsigned n = 0;
                Link owner;

                if (isempty(value))
                        continue;
                r = c->target->vtable->find(c->target, change->kind, *attributes, value, found, &n, s->ret_error);
                if (r < 0)
                        return r;
                if (n == 1) {
                        r = ledger_find_target(c->ledger, change->kind, found[0]->id, s->arena, &owner);
                        if (r == LEDGER_E_NOT_FOUND) {
                                change->target_id = arena_strdup(s->arena, found[0]->id);
                                r = change->target_id ? has_attributes(found[0]->attributes, change->desired, ret)
                                                      : -ENOMEM;
                        }
                }
                object_free(found[0]);
                object_free(found[1]);
                if (r < 0 || n > 0)
                        return r < 0 ? r : 0;
        }
        return 0;
}

static bool is_disabled(const Object *o) {
        json_object *active;

        return json_object_object_get_ex(o->attributes, "active", &active) &&
               json_object_is_type(active, json_type_boolean) && !json_object_get_boolean(active);
}

/* Keeps of a membership change what the target shows, and says whether anything is left. */
static bool keep_members_done(Change *change, const Object *o) {
        uint32_t n_add = 0, n_remove = 0;

        for (uint32_t i = 0; i < change->n_add; i++)
                if (strv_contains(o->members, change->add[i].target_id))
                        change->add[n_add++] = change->add[i];
        for (uint32_t i = 0; i < change->n_remove; i++)
                if (!strv_contains(o->members, change->remove[i].target_id))
                        change->remove[n_remove++] = change->remove[i];
        change->n_add = n_add;
        change->n_remove = n_remove;
        return n_add + n_remove > 0;
}

/* Has it happened? */
static int look_up(Recovery *s, Change *change, bool *ret) {
        Cycle *c = s->cycle;
        _cleanup_(object_freep) Object *o = NULL;
        int r;

        *ret = false;
        if (change->action == CHANGE_CREATE)
                return find_created(s, change, ret);

        if (change->action == CHANGE_ADOPT) {
                Link owner;

                r = ledger_find_target(c->ledger, change->kind, change->target_id, s->arena, &owner);
                if (r != LEDGER_E_NOT_FOUND)
                        return r;
        }
        r = c->target->vtable->get(c->target, change->kind, change->target_id, &o, s->ret_error);
        if (r < 0)
                return r;
        switch (change->action) {
        case CHANGE_ADOPT:
        case CHANGE_UPDATE:
        case CHANGE_RESTORE:
                if (!o || (change->action == CHANGE_RESTORE && is_disabled(o)))
                        return 0;
                r = has_attributes(o->attributes, change->desired, ret);
                /* What an adopted object has besides is not ours. */
                if (r >= 0 && *ret && change->action != CHANGE_ADOPT)
                        r = has_lost_attributes(o->attributes, change->desired, change->written, ret);
                return r;
        case CHANGE_MEMBERS:
                *ret = o && keep_members_done(change, o);
                return 0;
        case CHANGE_DISABLE:
                *ret = o && is_disabled(o);
                return 0;
        case CHANGE_DELETE:
                *ret = !o;
                return 0;
        case CHANGE_CREATE:
        case _CHANGE_ACTION_MAX:
        case _CHANGE_ACTION_INVALID:
                break;
        }
        assert(false);
        return 0;
}

static int recover(Recovery *s) {
        Cycle *c = s->cycle;
        uint64_t n_removed = 0, link;
        bool happened;
        int r;

        for (size_t i = 0; i < s->n; i++) {
                Change *change = &s->changes[i];

                r = look_up(s, change, &happened);
                if (r < 0)
                        return error_wrap(s->ret_error, r, "Failed to look up what became of an interrupted %s of %s",
                                          change_action_to_string(change->action), change->source_id);
                if (!happened)
                        continue;
                cycle_log_change(c, change, change->target_id, 0, true);
                r = apply_record(c, change, change->target_id, &link);
                if (r < 0)
                        return r;
                if (change_action_is_removal(change->action))
                        n_removed++;
        }
        r = n_removed > 0 ? ledger_add_removals(c->ledger, c->now, n_removed) : 0;
        return r < 0 ? r : ledger_clear_intents(c->ledger);
}

int cycle_recover(Cycle *c, Error **ret_error) {
        _cleanup_(arena_freep) Arena *arena = arena_new();
        Recovery s = { .cycle = c, .arena = arena, .ret_error = ret_error };
        int r;

        if (!arena)
                return -ENOMEM;
        r = ledger_scan_intents(c->ledger, load, &s);
        if (r >= 0 && s.n > 0) {
                r = ledger_begin(c->ledger);
                if (r >= 0) {
                        r = recover(&s);
                        if (r >= 0)
                                r = ledger_commit(c->ledger);
                        if (r < 0)
                                ledger_rollback(c->ledger);
                }
        }
        free(s.changes);
        if (r < 0)
                return error_wrap(ret_error, r, "Failed to finish an interrupted cycle");
        return 0;
}
