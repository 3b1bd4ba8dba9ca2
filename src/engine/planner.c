/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>

#include "planner.h"
#include "references.h"

/* From evaluated records and ledger to a plan: who goes, and what each record wants. Looks things up in the ledger and, for what is not linked yet, at the
 * target; writes nothing, so that a preview is this same code (C7). */

/* ---- removals ---- */

static Deprovision policy(const Cycle *c, ObjectKind kind, Cause cause) {
        Deprovision d = c->config->deprovision[cause];

        if (d == DEPROVISION_DEFAULT)
                d = cause == CAUSE_DELETED || kind == OBJECT_KIND_GROUP ? DEPROVISION_DELETE : DEPROVISION_DISABLE;
        if (d == DEPROVISION_DISABLE && !c->target->can_disable)
                d = DEPROVISION_DELETE;
        return d;
}

typedef struct Removal {
        uint64_t link;
        ObjectKind kind;
        Cause cause;
        bool disabled;
        const char *source_id, *target_id, *display_name, *written;   /* copied if the removal is planned */
        uint32_t record;
} Removal;

/* R5: the deletion of what the job disabled before is planned with that knowledge. Only what the soft delete announced, under the
 * configuration that was in force when it was allowed, can count as allowed with it. */
static int note_second_wave(Cycle *c, Change *change) {
        Disabling d, *second;
        int r;

        r = ledger_get_disabling(c->ledger, change->link, c->plan->arena, &d);
        if (r != 0)
                return r == LEDGER_E_NOT_FOUND ? 0 : r;
        second = arena_alloc(c->plan->arena, sizeof(*second));
        if (!second)
                return -ENOMEM;
        *second = d;
        change->second = second;
        change->carried = c->config->carry_approvals && d.review && d.in_force && d.cause == CAUSE_SOFT_DELETED &&
                          change->cause == CAUSE_DELETED && !c->configuration_changed;
        return 0;
}

/* R2, R3: what a cause does. @ret_nothing: nothing is left to do for this object. */
static int plan_removal(Cycle *c, const Removal *m, bool *ret_nothing) {
        Deprovision d = policy(c, m->kind, m->cause);
        Change *change;
        int r;

        *ret_nothing = d == DEPROVISION_KEEP || (d == DEPROVISION_DISABLE && m->disabled);
        if (*ret_nothing)
                return 0;

        r = plan_add(c->plan, d == DEPROVISION_DELETE ? CHANGE_DELETE : CHANGE_DISABLE, m->kind, &change);
        if (r < 0)
                return r;
        change->cause = m->cause;
        change->link = m->link;
        change->record = m->record;
        change->source_id = arena_strdup(c->plan->arena, m->source_id);
        change->target_id = arena_strdup(c->plan->arena, m->target_id);
        change->display_name = arena_strdup(c->plan->arena, m->display_name);
        change->written = arena_strdup(c->plan->arena, m->written);
        if (!change->source_id || !change->target_id)
                return -ENOMEM;
        if (change->action == CHANGE_DELETE && m->disabled) {
                r = note_second_wave(c, change);
                if (r < 0)
                        return r;
        }
        /* Another cause is another removal: nobody has allowed it, and it waits for nothing. */
        change->digest = cause_to_string(m->cause);
        change->standing = standing_of(c, change);
        if (!change->id)
                change->id = cycle_change_id(c, c->plan->arena, change->action, m->kind, m->source_id, m->link,
                                             cause_to_string(m->cause));
        if (!change->id)
                return -ENOMEM;
        if (change->standing != STANDING_STAGED && change->standing != STANDING_HELD && standing_waits_in_escrow(c, change)) {
                c->plan->n_changes--;
                c->record.counts[COUNT_SKIPPED]++;
                c->situation.waiting[m->kind]++;
                c->situation.waiting_enabled[m->kind] += !m->disabled;
        }
        return 0;
}

static int plan_absent_link(const Link *link, void *userdata) {
        Cycle *c = userdata;
        Removal m = { .link = link->id, .kind = link->kind, .cause = CAUSE_DELETED, .disabled = link->disabled,
                      .source_id = link->source_id, .target_id = link->target_id, .display_name = link->display_name,
                      .written = link->written, .record = UINT32_MAX };
        bool nothing;
        int r;

        if (link_set_has(&c->present, link->id))
                return 0;
        if (!(c->source->kinds & OBJECT_KIND_MASK(link->kind)))
                return 0;
        c->n_absent[link->kind]++;
        if (!link->absent) {
                r = link_list_push(&c->newly_absent, &c->n_newly_absent, &c->n_newly_absent_allocated, link->id);
                if (r < 0)
                        return r;
        }
        return plan_removal(c, &m, &nothing);
}

static int plan_absent(uint64_t id, void *userdata) {
        Cycle *c = userdata;
        Link link;
        int r;

        if (id == 0 || id >= UNLINKED_MARK || link_set_has(&c->present, id))
                return 0;
        /* Two records with one id have left two rows, and are one object. */
        if (link_set_has(&c->unseen, id))
                return 0;
        r = link_set_add(&c->unseen, id);
        if (r < 0)
                return r;
        arena_reset(c->scratch);
        r = ledger_get_link(c->ledger, id, c->scratch, &link);
        if (r != 0)
                return r == LEDGER_E_NOT_FOUND ? -EUCLEAN : r;
        /* Those known to be absent come from the ledger's own list. */
        return link.absent ? 0 : plan_absent_link(&link, c);
}

static int plan_all_absent(Cycle *c) {
        int r;

        /* E1: no proof that the source was read whole, no removal. */
        if (!c->complete)
                return 0;
        if (!c->full) {
                r = snapshot_scan_unseen(c->index, plan_absent, c);
                if (r < 0)
                        return r;
        }
        for (ObjectKind k = 0; k < _OBJECT_KIND_MAX; k++) {
                if (c->n_links[k] == 0 || !(c->source->kinds & OBJECT_KIND_MASK(k)))
                        continue;
                r = ledger_scan_links(c->ledger, k, !c->full, plan_absent_link, c);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* ---- records that contradict the index (E2) ---- */

typedef struct DoubleSearch {
        Cycle *cycle;
        uint64_t *unlinked;       /* hashes of this reading's parsed records without a link, sorted */
        size_t n_unlinked, n_allocated;
} DoubleSearch;

static int find_double(uint64_t link, uint32_t record, void *userdata) {
        DoubleSearch *s = userdata;
        Cycle *c = s->cycle;

        if (link == 0)
                return 0;
        if (link >= UNLINKED_MARK) {
                if (s->n_unlinked > 0 && bsearch(&link, s->unlinked, s->n_unlinked, sizeof(link), link_list_compare))
                        c->ambiguous = true;
                return 0;
        }
        if (!link_set_has(&c->present, link))
                return 0;
        return link_list_push(&c->doubles, &c->n_doubles, &c->n_doubles_allocated, link);
}

int cycle_find_doubles(Cycle *c) {
        DoubleSearch s = { .cycle = c };
        int r = 0;

        if (c->full || c->n_evaluated == 0)
                return 0;
        for (size_t i = 0; r >= 0 && i < c->n_evaluated; i++)
                if (c->evaluated[i].link == 0)
                        r = link_list_push(&s.unlinked, &s.n_unlinked, &s.n_allocated,
                                     cycle_unlinked(c, c->evaluated[i].kind, c->evaluated[i].source_id));
        if (r >= 0 && s.n_unlinked > 0)
                qsort(s.unlinked, s.n_unlinked, sizeof(*s.unlinked), link_list_compare);
        if (r >= 0)
                r = snapshot_scan_seen(c->index, find_double, &s);
        free(s.unlinked);
        if (r < 0 || c->n_doubles == 0)
                return r;

        qsort(c->doubles, c->n_doubles, sizeof(*c->doubles), link_list_compare);
        for (size_t i = 0; i < c->n_evaluated; i++) {
                Evaluated *e = &c->evaluated[i];
                _cleanup_error_ Error *error = NULL;

                if (e->invalid || e->link == 0 ||
                    !bsearch(&e->link, c->doubles, c->n_doubles, sizeof(*c->doubles), link_list_compare))
                        continue;
                e->invalid = true;
                (void) error_set(&error, -EINVAL, "the id \"%s\" is used by two records of the source", e->source_id);
                cycle_log_invalid(c, e->kind, e->source_id, error);
                c->record.counts[COUNT_SKIPPED]++;
        }
        return snapshot_forget_links(c->index, c->doubles, c->n_doubles);
}

/* ---- the whole ---- */

static int note_removals(Cycle *c) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < c->plan->n_changes; i++) {
                const Change *change = &c->plan->changes[i];

                if (!change_action_is_removal(change->action))
                        continue;
                if (change->action == CHANGE_DELETE || change->cause == CAUSE_DELETED)
                        r = link_set_add(&c->deleted, change->link);
                if (r < 0 || change->standing == STANDING_HELD)
                        continue;
                r = link_set_add(&c->removed, change->link);
                if (r >= 0 && change->action == CHANGE_DELETE && change->standing == STANDING_NEW)
                        r = link_set_add(&c->removed_new, change->link);
                if (r >= 0 && change->action == CHANGE_DELETE && change->standing == STANDING_ALLOWED)
                        r = link_set_add(&c->removed_allowed, change->link);
        }
        return r;
}

/* Whether this reading says anything of an object. Of what is staged or in escrow each record is looked at anew. */
static bool is_unknown(const Cycle *c, ObjectKind kind, const char *source_id) {
        const Evaluated *e = cycle_find_evaluated(c, kind, source_id);

        /* E1: what an incomplete reading gives a cause for is neither due nor healed. */
        if (e)
                return e->invalid || (!c->complete && e->cause != CAUSE_NONE);
        return !c->complete || !(c->source->kinds & OBJECT_KIND_MASK(kind));
}

/* Rows of the staged set about which this reading says nothing stay as they are; of the escrow too (X1). */
static void keep_what_is_unknown(Cycle *c) {
        for (size_t i = 0; i < c->n_staged; i++) {
                StagedRow *row = &c->staged[i];

                if (is_unknown(c, row->kind, row->source_id))
                        row->still_due = true;
        }
        for (size_t i = 0; i < c->n_escrow; i++) {
                EscrowRow *row = &c->escrow[i];

                if (is_unknown(c, row->kind, row->source_id))
                        row->still_due = true;
        }
}

static void describe_situation(Cycle *c) {
        GuardSituation *s = &c->situation;

        s->population = c->n_enabled[OBJECT_KIND_USER] + c->n_enabled[OBJECT_KIND_GROUP];
        memcpy(s->links, c->n_links, sizeof(s->links));
        memcpy(s->enabled, c->n_enabled, sizeof(s->enabled));
        s->missing_groups = c->missing_groups;
        s->configuration_changed = c->restored || (c->configuration_changed && !c->config->judge_configuration_change);
        for (ObjectKind k = 0; k < _OBJECT_KIND_MAX; k++) {
                bool read_none = c->n_read[k] == 0 && (!c->kinds_unclear || c->n_absent[k] == c->n_links[k]);

                if (c->complete && read_none && c->n_links[k] > 0 && (c->source->kinds & OBJECT_KIND_MASK(k)))
                        s->empty_kinds |= OBJECT_KIND_MASK(k);
        }
        for (size_t i = 0; i < c->n_staged; i++) {
                const StagedRow *row = &c->staged[i];
                /* Q2: what shall now be removed in another way has not healed: it takes its place in the same review. */
                if (row->state == STAGED_UNDECIDED &&
                    (row->still_due || (row->member == 0 && link_set_has(&c->removed, row->link))))
                        s->review_open = true;
        }
}

static int plan_one(Cycle *c, Evaluated *e, Error **ret_error) {
        int r;

        if (e->link != 0)
                /* Who refers to others waits until it is known who arrives. */
                return e->referring ? 0 : plan_update(c, e, false, ret_error);
        r = e->referring ? plan_known_references(c, e) : 0;
        return r < 0 ? r : plan_create(c, e, ret_error);
}

int cycle_plan(Cycle *c, Error **ret_error) {
        uint64_t limit_since;
        int r;

        c->plan = plan_new_take_arena(arena_new_spilling(c->job_dir));
        if (!c->plan)
                return -ENOMEM;
        r = standing_load(c);
        if (r < 0)
                return error_wrap(ret_error, r, "Failed to load the staged set");

        r = plan_all_absent(c);
        if (r < 0)
                return error_wrap(ret_error, r, "Failed to find what is gone from the source");
        for (size_t i = 0; i < c->n_evaluated; i++) {
                Evaluated *e = &c->evaluated[i];
                Removal m = { .link = e->link, .kind = e->kind, .cause = e->cause, .disabled = e->disabled,
                              .source_id = e->source_id, .target_id = e->target_id, .display_name = e->display_name,
                              .written = e->written, .record = (uint32_t) i };
                bool nothing;

                if (e->invalid || e->cause == CAUSE_NONE || e->link == 0)
                        continue;
                /* E1 holds for every cause: an incomplete reading may have lost what would say otherwise. */
                if (!c->complete) {
                        e->unsettled = true;
                        continue;
                }
                r = plan_removal(c, &m, &nothing);
                if (r < 0)
                        return error_wrap(ret_error, r, "Failed to plan the removal of %s", e->source_id);
                if (!nothing)
                        e->pending++;
        }
        r = note_removals(c);
        if (r < 0)
                return r;

        for (size_t i = 0; i < c->n_evaluated; i++) {
                Evaluated *e = &c->evaluated[i];

                if ((i & 4095) == 0)
                        cycle_progress(c, "plan", i, c->n_evaluated);
                if (e->invalid)
                        continue;
                if (e->absent) {
                        r = link_list_push(&c->back, &c->n_back, &c->n_back_allocated, e->link);
                        if (r < 0)
                                return r;
                }
                if (e->cause != CAUSE_NONE)
                        continue;
                standing_end_hold(standing_find_hold(c, e->link, 0));
                r = plan_one(c, e, ret_error);
                if (r < 0)
                        return error_wrap(ret_error, r, "Failed to plan for %s %s", object_kind_to_string(e->kind),
                                          e->source_id);
        }
        /* Only now is it known who arrives. */
        for (size_t i = 0; i < c->n_evaluated; i++) {
                Evaluated *e = &c->evaluated[i];

                if (e->invalid || e->cause != CAUSE_NONE)
                        continue;
                r = e->referring ? plan_references(c, e, ret_error) : 0;
                if (r < 0)
                        return error_wrap(ret_error, r, "Failed to plan the references of %s %s", object_kind_to_string(e->kind),
                                          e->source_id);
                if (e->kind != OBJECT_KIND_GROUP)
                        continue;
                r = plan_memberships(c, e);
                if (r < 0)
                        return error_wrap(ret_error, r, "Failed to plan the members of group %s", e->source_id);
        }
        r = plan_endings(c);
        if (r < 0)
                return error_wrap(ret_error, r, "Failed to plan the memberships that end");

        keep_what_is_unknown(c);
        describe_situation(c);
        if (c->config->limits.budget != GUARD_NO_LIMIT) {
                limit_since = c->now > c->config->budget_window_usec ? c->now - c->config->budget_window_usec : 0;
                r = ledger_count_removals(c->ledger, limit_since, &c->situation.budget_used);
                if (r < 0)
                        return error_wrap(ret_error, r, "Failed to count the removals within the budget's window");
        }
        return 0;
}
