/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "cycle.h"

#include <errno.h>

/* Restart with the scope "full": a target that lost something, because it was restored from a backup or somebody deleted by
 * hand, is brought back in line. What the ledger says of objects and memberships that are not there is forgotten; the cycle
 * then matches or makes them anew. Nothing is written to the target here. */

typedef struct Pair {
        uint64_t group, member;           /* member 0: the link itself */
} Pair;

typedef struct Vanished {
        Cycle *cycle;
        Error **ret_error;
        uint64_t group;
        json_object *there;               /* target ids of the group's members */
        Pair *pairs;
        size_t n, n_allocated;
} Vanished;

static int forget(Vanished *v, uint64_t group, uint64_t member) {
        if (ARRAY_GROW(v->pairs, v->n_allocated, v->n + 1) < 0)
                return -ENOMEM;
        v->pairs[v->n++] = (Pair) { group, member };
        return 0;
}

static int check_member(uint64_t member, void *userdata) {
        Vanished *v = userdata;
        _cleanup_(arena_freep) Arena *arena = arena_new();
        Link link;
        int r;

        if (!arena)
                return -ENOMEM;
        r = ledger_get_link(v->cycle->ledger, member, arena, &link);
        if (r < 0)
                return r;
        return r == 0 && json_object_object_get_ex(v->there, link.target_id, NULL) ? 0 : forget(v, v->group, member);
}

static int check_members(Vanished *v, const Object *group, uint64_t link) {
        _cleanup_json_ json_object *there = json_object_new_object();

        if (!there)
                return -ENOMEM;
        for (char *const *m = group->members; m && *m; m++)
                if (json_object_object_add(there, *m, NULL) < 0)
                        return -ENOMEM;
        v->there = there;
        v->group = link;
        return ledger_scan_members(v->cycle->ledger, link, check_member, v);
}

static int check_link(const Link *link, void *userdata) {
        Vanished *v = userdata;
        Cycle *c = v->cycle;
        _cleanup_(object_freep) Object *o = NULL;
        int r;

        r = c->target->vtable->get(c->target, link->kind, link->target_id, &o, v->ret_error);
        if (r < 0)
                return r;
        if (!o)
                return forget(v, link->id, 0);
        return link->kind == OBJECT_KIND_GROUP ? check_members(v, o, link->id) : 0;
}

int cycle_forget_vanished(Cycle *c, Error **ret_error) {
        Vanished v = { .cycle = c, .ret_error = ret_error };
        uint64_t n_links = 0, n_members = 0;
        int r = 0;

        for (ObjectKind k = 0; r >= 0 && k < _OBJECT_KIND_MAX; k++)
                r = ledger_scan_links(c->ledger, k, false, check_link, &v);
        if (r >= 0 && v.n > 0) {
                r = ledger_begin(c->ledger);
                for (size_t i = 0; r >= 0 && i < v.n; i++) {
                        r = v.pairs[i].member != 0 ? ledger_remove_member(c->ledger, v.pairs[i].group, v.pairs[i].member)
                                                   : ledger_remove_link(c->ledger, v.pairs[i].group);
                        n_links += v.pairs[i].member == 0;
                        n_members += v.pairs[i].member != 0;
                }
                if (r >= 0)
                        r = ledger_commit(c->ledger);
                if (r < 0)
                        ledger_rollback(c->ledger);
        }
        free(v.pairs);
        if (r < 0)
                return error_wrap(ret_error, r, "Failed to compare the ledger with the target");
        if (n_links + n_members > 0)
                cycle_log_vanished(c, n_links, n_members);
        return 0;
}
