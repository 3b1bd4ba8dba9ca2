/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "planner.h"

#include <errno.h>

/* Memberships: what a group's record wants, and what ends because its member does. */

typedef struct Numbers {
        uint64_t *items;
        size_t n, n_allocated;
} Numbers;

static int gather(uint64_t id, void *userdata) {
        Numbers *l = userdata;

        return link_list_push(&l->items, &l->n, &l->n_allocated, id);
}

int plan_resolve(Cycle *c, const char *source_id, MemberRef *ret, bool *ret_resolved) {
        *ret = (MemberRef) { .source_id = source_id };
        *ret_resolved = true;
        for (ObjectKind k = 0; k < _OBJECT_KIND_MAX; k++) {
                const Evaluated *e = cycle_find_evaluated(c, k, source_id);
                int r;

                if (e && e->arriving) {
                        ret->pending = (uint32_t) (e - c->evaluated);
                        return 0;
                }
                if (e && e->link != 0) {
                        ret->link = e->link;
                        return 0;
                }
                if (e || c->n_links[k] == 0)
                        continue;
                r = ledger_find_id(c->ledger, k, source_id, &ret->link);
                if (r <= 0)
                        return r;
        }
        *ret_resolved = false;
        return 0;
}

static int member_source_id(Cycle *c, uint64_t link, MemberRef *ret) {
        Link l;
        int r;

        arena_reset(c->scratch);
        r = ledger_get_link(c->ledger, link, c->scratch, &l);
        if (r != 0)
                return r < 0 ? r : -EUCLEAN;
        *ret = (MemberRef) { .link = link };
        ret->source_id = arena_strdup(c->plan->arena, l.source_id);
        ret->target_id = arena_strdup(c->plan->arena, l.target_id);
        return ret->source_id && ret->target_id ? 0 : -ENOMEM;
}

/* G5: a membership removal that is under review is neither carried out nor counted again. */
static Standing member_standing(Cycle *c, const Evaluated *e, uint64_t member) {
        StagedRow *first = standing_find_staged(c, e->link, e->kind, e->source_id);

        if (standing_find_hold(c, e->link, member))
                return STANDING_HELD;
        for (StagedRow *row = first; row && standing_same_object(c, row, first); row++) {
                if (row->action != CHANGE_MEMBERS || row->member != member)
                        continue;
                row->still_due = true;
                if (row->state == STAGED_REJUDGE)
                        return STANDING_NEW;
                return row->state == STAGED_ALLOWED ? STANDING_ALLOWED : STANDING_STAGED;
        }
        return STANDING_NEW;
}

static int add_members_change(Cycle *c, Evaluated *e, MemberRef *add, uint32_t n_add, MemberRef *remove,
                              uint32_t n_remove, Standing standing, uint32_t n_members, uint32_t n_lost) {
        Change *change;
        int r;

        r = plan_add_wanted(c, CHANGE_MEMBERS, e, &change);
        if (r < 0)
                return r;
        change->desired = change->written = NULL;
        change->add = add;
        change->n_add = n_add;
        change->remove = remove;
        change->n_remove = n_remove;
        change->n_members = n_members;
        change->n_lost = n_lost;
        change->standing = standing;
        change->follows = standing == STANDING_ALLOWED;
        return plan_finish_wanted(c, change, e);
}

int plan_memberships(Cycle *c, Evaluated *e) {
        _cleanup_free_ uint64_t *wanted = NULL;
        MemberRef *add, *remove, *allowed;
        uint32_t n_add = 0, n_remove = 0, n_allowed = 0, n_staged = 0, n_ending = 0;
        Numbers current = {};
        size_t n_wanted = 0;
        int r = 0;

        if (!e->members || (e->link == 0 && !e->arriving))
                return 0;
        if (e->link != 0 && c->n_links[e->kind] > 0)
                r = ledger_scan_members(c->ledger, e->link, gather, &current);
        wanted = reallocarray(NULL, e->n_members + 1, sizeof(uint64_t));
        add = arena_alloc(c->plan->arena, (e->n_members + 1) * sizeof(MemberRef));
        remove = arena_alloc(c->plan->arena, (current.n + 1) * sizeof(MemberRef));
        allowed = arena_alloc(c->plan->arena, (current.n + 1) * sizeof(MemberRef));
        if (!wanted || !add || !remove || !allowed)
                r = -ENOMEM;

        for (uint32_t i = 0; r >= 0 && i < e->n_members; i++) {
                bool resolved;
                MemberRef m;

                r = plan_resolve(c, e->members[i], &m, &resolved);
                if (r < 0)
                        break;
                if (!resolved) {
                        c->record.counts[COUNT_UNRESOLVED]++;
                        e->unsettled = true;
                        continue;
                }
                if (m.link != 0) {
                        wanted[n_wanted++] = m.link;
                        standing_end_hold(standing_find_hold(c, e->link, m.link));
                }
                if (m.link != 0 && current.n > 0 &&
                    bsearch(&m.link, current.items, current.n, sizeof(uint64_t), link_list_compare))
                        continue;
                /* Whoever is about to go joins nothing any more. */
                if (m.link != 0 && link_set_has(&c->removed, m.link)) {
                        e->unsettled = true;
                        continue;
                }
                add[n_add++] = m;
        }
        if (r >= 0 && n_wanted > 0)
                qsort(wanted, n_wanted, sizeof(uint64_t), link_list_compare);
        for (size_t i = 0; r >= 0 && i < current.n; i++) {
                if (n_wanted > 0 && bsearch(&current.items[i], wanted, n_wanted, sizeof(uint64_t), link_list_compare))
                        continue;
                Standing standing = member_standing(c, e, current.items[i]);

                /* E1: a record that was not reached may say something else of this group. */
                if (!c->complete)
                        continue;
                /* It shares the fate of its member (plan_endings()), whatever else is withheld. */
                if (link_set_has(&c->deleted, current.items[i])) {
                        e->unsettled = true;
                        n_ending++;
                        continue;
                }
                switch (standing) {
                case STANDING_STAGED:
                        n_staged++;
                        e->unsettled = true;
                        break;
                case STANDING_HELD:
                        e->unsettled = true;
                        break;
                case STANDING_ALLOWED:
                        r = member_source_id(c, current.items[i], &allowed[n_allowed++]);
                        break;
                case STANDING_NEW:
                        r = member_source_id(c, current.items[i], &remove[n_remove++]);
                        break;
                }
        }
        free(current.items);
        if (r >= 0 && n_add + n_remove > 0)
                r = add_members_change(c, e, add, n_add, remove, n_remove, STANDING_NEW, (uint32_t) current.n - n_ending,
                                       n_remove + n_allowed + n_staged);
        if (r >= 0 && n_allowed > 0)
                r = add_members_change(c, e, add, 0, allowed, n_allowed, STANDING_ALLOWED, 0, 0);
        return r;
}

/* A membership that ends because its member is deleted. */
typedef struct Ending {
        uint64_t group, member;
        Standing standing;
} Ending;

typedef struct Endings {
        Cycle *cycle;
        const Change *removal;
        Ending *items;
        size_t n, n_allocated;
} Endings;

static int gather_ending(uint64_t group, void *userdata) {
        Endings *s = userdata;
        Cycle *c = s->cycle;

        /* The group goes too, and its memberships with it. */
        if (link_set_has(&c->removed_allowed, group) ||
            (s->removal->standing == STANDING_NEW && link_set_has(&c->removed_new, group)))
                return 0;
        if (ARRAY_GROW(s->items, s->n_allocated, s->n + 1) < 0)
                return -ENOMEM;
        s->items[s->n++] = (Ending) { group, s->removal->link, s->removal->standing };
        return 0;
}

static int compare_endings(const void *a, const void *b) {
        const Ending *x = a, *y = b;

        if (x->group != y->group)
                return x->group < y->group ? -1 : 1;
        if (x->standing != y->standing)
                return x->standing < y->standing ? -1 : 1;
        return x->member < y->member ? -1 : x->member > y->member;
}

int plan_endings(Cycle *c) {
        _cleanup_free_ Ending *items = NULL;
        Endings s = { .cycle = c };
        size_t n_own = c->plan->n_changes;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < n_own; i++) {
                const Change *change = &c->plan->changes[i];

                if (change->action != CHANGE_DELETE ||
                    (change->standing != STANDING_NEW && change->standing != STANDING_ALLOWED))
                        continue;
                s.removal = change;
                r = ledger_scan_groups_of(c->ledger, change->link, gather_ending, &s);
        }
        items = s.items;
        if (r >= 0 && s.n > 0)
                qsort(items, s.n, sizeof(*items), compare_endings);
        for (size_t i = 0, end; r >= 0 && i < s.n; i = end) {
                Change *change;
                Link group;

                for (end = i + 1; end < s.n && items[end].group == items[i].group &&
                                  items[end].standing == items[i].standing;
                     end++)
                        ;
                r = plan_add(c->plan, CHANGE_MEMBERS, OBJECT_KIND_GROUP, &change);
                if (r < 0)
                        break;
                change->follows = true;
                change->standing = items[i].standing;
                change->link = items[i].group;
                change->remove = arena_alloc(c->plan->arena, (end - i) * sizeof(MemberRef));
                if (!change->remove) {
                        r = -ENOMEM;
                        break;
                }
                for (size_t k = i; r >= 0 && k < end; k++)
                        r = member_source_id(c, items[k].member, &change->remove[change->n_remove++]);
                if (r < 0)
                        break;
                arena_reset(c->scratch);
                r = ledger_get_link(c->ledger, change->link, c->scratch, &group);
                if (r != 0) {
                        r = r < 0 ? r : -EUCLEAN;
                        break;
                }
                change->source_id = arena_strdup(c->plan->arena, group.source_id);
                change->target_id = arena_strdup(c->plan->arena, group.target_id);
                change->display_name = arena_strdup(c->plan->arena, group.display_name);
                change->digest = cycle_digest(c, c->plan->arena, change->standing == STANDING_ALLOWED ? "ends, allowed" : "ends");
                change->id = cycle_change_id(c, c->plan->arena, CHANGE_MEMBERS, OBJECT_KIND_GROUP, group.source_id, group.id,
                                             change->standing == STANDING_ALLOWED ? "allowed" : "new");
                /* It goes with a removal, which has its own gaps: its own row only stays. */
                (void) standing_waits_in_escrow(c, change);
                if (!change->source_id || !change->target_id || !change->digest || !change->id)
                        r = -ENOMEM;
        }
        return r;
}
