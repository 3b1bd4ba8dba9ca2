/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>

#include "references.h"
#include "time-util.h"

/* A sealed plan to the target, in the order of C4, in batches. For each batch (C5): the intents are committed; the target
 * carries it out; the journal is told; the results are committed and the intents with them. Killed anywhere in between,
 * the next cycle finds the intents and looks at the target what became of them (recover.c). */

/* X1: the gap doubles from ten minutes to a day. */
#define ESCROW_FIRST_GAP_USEC (10 * USEC_PER_MINUTE)

typedef struct Batch {
        Change **changes;
        TargetChange *requests;
        size_t n, n_allocated, n_requests_allocated;
} Batch;

static Evaluated *record_of(Cycle *c, const Change *change) {
        return change->record == UINT32_MAX ? NULL : &c->evaluated[change->record];
}

/* ---- what a change means to the ledger ---- */

static int record_link(Cycle *c, const Change *change, const char *target_id, uint64_t *ret_link) {
        Link link = { .id = change->link, .kind = change->kind, .source_id = change->source_id,
                      .target_id = target_id ?: change->target_id, .display_name = change->display_name,
                      .written = change->desired };

        if (change->link != 0) {
                *ret_link = change->link;
                return ledger_update_link(c->ledger, &link);
        }
        return ledger_add_link(c->ledger, &link, ret_link);
}

static int record_disabled(Cycle *c, const Change *change) {
        Link link = { .id = change->link, .kind = change->kind, .source_id = change->source_id,
                      .target_id = change->target_id, .display_name = change->display_name,
                      .written = strempty(change->written), .disabled = true, .absent = change->record == UINT32_MAX,
                      .disabled_at = c->now, .disabled_cause = change->cause,
                      .disabled_by = change->decision };

        return ledger_update_link(c->ledger, &link);
}

static int record_members(Cycle *c, const Change *change, uint64_t group) {
        int r = 0;

        for (uint32_t i = 0; r >= 0 && i < change->n_add; i++)
                if (change->add[i].link != 0)
                        r = ledger_add_member(c->ledger, group, change->add[i].link);
        for (uint32_t i = 0; r >= 0 && i < change->n_remove; i++) {
                r = ledger_remove_member(c->ledger, group, change->remove[i].link);
                if (r >= 0 && change->standing == STANDING_ALLOWED)
                        r = ledger_unstage_member(c->ledger, group, change->remove[i].link);
        }
        return r;
}

int apply_record(Cycle *c, const Change *change, const char *target_id, uint64_t *ret_link) {
        int r = -EINVAL;

        switch (change->action) {
        case CHANGE_CREATE:
        case CHANGE_ADOPT:
        case CHANGE_UPDATE:
        case CHANGE_RESTORE:
                r = record_link(c, change, target_id, ret_link);
                break;
        case CHANGE_MEMBERS:
                r = record_members(c, change, change->link);
                break;
        case CHANGE_DISABLE:
                r = record_disabled(c, change);
                if (r >= 0)
                        r = ledger_unstage(c->ledger, change->link, change->kind, change->source_id);
                break;
        case CHANGE_DELETE:
                r = ledger_remove_link(c->ledger, change->link);
                break;
        case _CHANGE_ACTION_MAX:
        case _CHANGE_ACTION_INVALID:
                break;
        }
        if (r < 0)
                return r;
        if (c->escrow_is_empty)
                return 0;
        r = ledger_remove_escrow(c->ledger, change->kind, change->source_id, change->action);
        return r < 0 ? r : 0;
}

static CycleCount count_of(ChangeAction action) {
        switch (action) {
        case CHANGE_CREATE:
                return COUNT_CREATED;
        case CHANGE_ADOPT:
                return COUNT_ADOPTED;
        case CHANGE_UPDATE:
                return COUNT_UPDATED;
        case CHANGE_RESTORE:
                return COUNT_RESTORED;
        case CHANGE_MEMBERS:
                return COUNT_MEMBERSHIPS;
        case CHANGE_DISABLE:
                return COUNT_DISABLED;
        case CHANGE_DELETE:
                return COUNT_DELETED;
        case _CHANGE_ACTION_MAX:
        case _CHANGE_ACTION_INVALID:
                break;
        }
        assert(false);
        return COUNT_SKIPPED;
}

static int touch(uint64_t link, void *userdata) {
        Cycle *c = userdata;

        if (ARRAY_GROW(c->touched, c->n_touched_allocated, c->n_touched + 1) < 0)
                return -ENOMEM;
        c->touched[c->n_touched++] = link;
        return 0;
}

/* F4: what names an object that goes, or has got another id, is looked at again. */
static int touch_referrers(Cycle *c, uint64_t link) {
        return cycle_has_references(c) ? ledger_scan_referrers(c->ledger, link, touch, c) : 0;
}

/* Whoever takes the place of what has vanished becomes a member of the same groups, and is named by the same objects. */
static int record_vanished(Cycle *c, const Change *change) {
        int r;

        r = ledger_scan_groups_of(c->ledger, change->link, touch, c);
        if (r >= 0)
                r = touch_referrers(c, change->link);
        return r < 0 ? r : ledger_remove_link(c->ledger, change->link);
}

/* What the record of this change may now count on. */
static int note_done(Cycle *c, const Change *change, const char *target_id, uint64_t link) {
        Evaluated *e = record_of(c, change);

        c->record.counts[count_of(change->action)]++;
        /* A group whose own record did not say so has to be looked at again: its reference has become unresolved. */
        if (!e)
                return change->action == CHANGE_MEMBERS ? touch(change->link, c) : 0;
        if (e->pending > 0)
                e->pending--;
        if (change->action == CHANGE_DELETE)
                e->link = 0;
        else if (link != 0) {
                e->link = link;
                /* What a late change of the same object finds there. */
                if (e->referring)
                        e->written = change->desired;
                if (target_id && !streq_ptr(e->target_id, target_id)) {
                        e->target_id = arena_strdup(c->arena, target_id);
                        if (!e->target_id)
                                return -ENOMEM;
                }
        }
        return 0;
}

static int put_in_escrow(Cycle *c, const Change *change, const Error *error, bool retry_now) {
        uint64_t gap = ESCROW_FIRST_GAP_USEC;
        Escrow e = { .kind = change->kind, .source_id = change->source_id, .action = change->action,
                     .change_id = change->id, .first_failed = c->now, .attempts = 1,
                     .allowed = change->standing == STANDING_ALLOWED, .decision = change->decision, .digest = strempty(change->digest),
                     .code = error && error->id ? error->id : "Failed", .text = error_text(error, -EIO) };

        for (size_t i = 0; i < c->n_escrow; i++)
                if (c->escrow[i].kind == e.kind && c->escrow[i].action == e.action &&
                    streq(c->escrow[i].source_id, e.source_id) && streq(c->escrow[i].digest, e.digest)) {
                        e.first_failed = MIN2(c->escrow[i].first_failed, c->now);
                        e.attempts = c->escrow[i].attempts + 1;
                }
        for (uint32_t i = 1; i < e.attempts && gap < ESCROW_LARGEST_GAP_USEC; i++)
                gap *= 2;
        e.next_attempt = retry_now ? 0 : c->now + MIN2(gap, ESCROW_LARGEST_GAP_USEC);
        /* X1: after 28 days it is tried no more until its object changes. */
        if (c->now - e.first_failed > 28 * USEC_PER_DAY)
                e.next_attempt = USEC_INFINITY;
        if (e.allowed && change_action_is_removal(change->action)) {
                int r = ledger_unstage(c->ledger, change->link, change->kind, change->source_id);

                if (r < 0)
                        return r;
        }
        c->escrow_is_empty = false;
        return ledger_put_escrow(c->ledger, &e);
}

/* ---- one batch ---- */

static int add_members_text(const Change *change, StrBuf *b) {
        strbuf_puts(b, "{\"add\":[");
        for (uint32_t i = 0, n = 0; i < change->n_add; i++)
                if (change->add[i].link != 0)
                        strbuf_printf(b, "%s%llu", n++ > 0 ? "," : "", (unsigned long long) change->add[i].link);
        strbuf_puts(b, "],\"remove\":[");
        for (uint32_t i = 0; i < change->n_remove; i++)
                strbuf_printf(b, "%s%llu", i > 0 ? "," : "", (unsigned long long) change->remove[i].link);
        strbuf_puts(b, "]}");
        return strbuf_check(b);
}

static int write_intents(Cycle *c, const Batch *b) {
        _cleanup_strbuf_ StrBuf text = STRBUF_INIT;
        int r;

        r = ledger_begin(c->ledger);
        for (size_t i = 0; r >= 0 && i < b->n; i++) {
                const Change *change = b->changes[i];
                Intent intent = { .action = change->action, .kind = change->kind, .cause = change->cause,
                                  .link = change->link, .change_id = change->id, .cycle = c->record.id,
                                  .source_id = change->source_id, .target_id = change->target_id,
                                  .display_name = change->display_name, .desired = change->desired,
                                  .decision = change->decision };

                if (change->action == CHANGE_MEMBERS) {
                        strbuf_clear(&text);
                        r = add_members_text(change, &text);
                        intent.desired = text.data;
                }
                if (r >= 0)
                        r = ledger_add_intent(c->ledger, &intent);
        }
        if (r >= 0)
                r = ledger_commit_to_log(c->ledger);
        if (r < 0)
                ledger_rollback(c->ledger);
        return r;
}

/* What the target no longer has can be neither updated nor disabled: the link is void, and the next cycle matches anew. */
static bool has_vanished(const Change *change, const TargetOutcome *o) {
        return o->result == TARGET_NOT_FOUND && change->action != CHANGE_DELETE;
}

static bool is_done(const Change *change, const TargetOutcome *o) {
        return o->result == TARGET_DONE || (o->result == TARGET_NOT_FOUND && change->action == CHANGE_DELETE);
}

static int record_outcome(Cycle *c, Change *change, TargetOutcome *o, uint64_t *n_removed) {
        uint64_t link = 0;
        int r;

        c->n_tried++;
        if (is_done(change, o)) {
                if (change->action == CHANGE_DELETE ||
                    (change->link != 0 && o->target_id && !streq_ptr(o->target_id, change->target_id))) {
                        r = touch_referrers(c, change->link);
                        if (r < 0)
                                return r;
                }
                r = apply_record(c, change, o->target_id, &link);
                if (r < 0)
                        return r;
                if (change_action_is_removal(change->action))
                        (*n_removed)++;
                return note_done(c, change, o->target_id ?: change->target_id, link);
        }

        c->n_refused++;
        if (change->action == CHANGE_MEMBERS || change->late)
                c->n_refused_references++;
        c->record.counts[COUNT_FAILED]++;
        if (has_vanished(change, o) && change->link != 0)
                return record_vanished(c, change);
        for (uint32_t i = 0; change->action == CHANGE_MEMBERS && i < change->n_remove; i++) {
                r = link_set_add(&c->still_members, change->remove[i].link);
                if (r < 0)
                        return r;
        }
        /* An object that is in the way of a Create is matched again by the next cycle, without waiting (C5). */
        return put_in_escrow(c, change, o->error, o->result == TARGET_EXISTS && change->action == CHANGE_CREATE);
}

static int write_results(Cycle *c, const Batch *b) {
        uint64_t n_removed = 0;
        int r;

        r = ledger_begin(c->ledger);
        /* First, so that the links find the room that the intents leave. */
        if (r >= 0)
                r = ledger_clear_intents(c->ledger);
        for (size_t i = 0; r >= 0 && i < b->n; i++)
                r = record_outcome(c, b->changes[i], &b->requests[i].outcome, &n_removed);
        if (r >= 0 && n_removed > 0)
                r = ledger_add_removals(c->ledger, c->now, n_removed);
        if (r >= 0)
                r = ledger_commit(c->ledger);
        if (r < 0)
                ledger_rollback(c->ledger);
        return r;
}

static void log_outcomes(Cycle *c, const Batch *b, uint64_t duration_usec) {
        for (size_t i = 0; i < b->n; i++) {
                TargetOutcome *o = &b->requests[i].outcome;
                const Change *change = b->changes[i];

                if (is_done(change, o)) {
                        cycle_log_change(c, change, o->target_id, duration_usec / b->n, false);
                        continue;
                }
                if (o->result == TARGET_EXISTS)
                        (void) error_set_full(&o->error, -EEXIST, ERROR_SCOPE_ITEM, ERROR_RETRY_NOW, "EntryConflict",
                                              "the target has an object of that name already; the next cycle matches again");
                else if (o->result == TARGET_NOT_FOUND)
                        (void) error_set_full(&o->error, -ENOENT, ERROR_SCOPE_ITEM, ERROR_RETRY_NOW, "InvalidAnchor",
                                              "the linked object %s is no longer in the target; the next cycle matches again",
                                              strempty(change->target_id));
                cycle_log_failure(c, change, o->error);
        }
}

static void batch_clear(Batch *b) {
        for (size_t i = 0; i < b->n; i++)
                target_outcome_done(&b->requests[i].outcome);
        b->n = 0;
}

static int run_batch(Cycle *c, Batch *b, Error **ret_error) {
        uint64_t start;
        int r;

        if (b->n == 0)
                return 0;
        r = write_intents(c, b);
        if (r < 0)
                return error_set(ret_error, r, "Failed to record what is about to be written: %s",
                                 ledger_last_error(c->ledger));
        start = clock_monotonic();
        r = c->target->vtable->commit(c->target, b->requests, b->n, ret_error);
        if (r < 0)
                return error_wrap(ret_error, r, "Failed to write to the target");
        log_outcomes(c, b, clock_monotonic() - start);
        r = write_results(c, b);
        if (r < 0)
                return error_set(ret_error, r, "Failed to record what was written: %s", ledger_last_error(c->ledger));
        batch_clear(b);
        return 0;
}

/* ---- the plan ---- */

static TargetAction request_action(const Change *change) {
        switch (change->action) {
        case CHANGE_CREATE:
                return TARGET_CREATE;
        case CHANGE_ADOPT:
        case CHANGE_UPDATE:
                return TARGET_UPDATE;
        case CHANGE_RESTORE:
                return TARGET_RESTORE;
        case CHANGE_MEMBERS:
                return TARGET_MEMBERS;
        case CHANGE_DISABLE:
                return TARGET_DISABLE;
        case CHANGE_DELETE:
        case _CHANGE_ACTION_MAX:
        case _CHANGE_ACTION_INVALID:
                break;
        }
        return TARGET_DELETE;
}

/* Completes a member with what this plan's creates have made. False: there is still nobody to refer to. */
static int complete_member(Cycle *c, MemberRef *m, bool *ret_known) {
        Link link;
        int r;

        *ret_known = true;
        if (m->link == 0) {
                m->link = c->evaluated[m->pending].link;
                m->target_id = c->evaluated[m->pending].target_id;
                *ret_known = m->link != 0;
                return 0;
        }
        if (m->target_id)
                return 0;
        arena_reset(c->scratch);
        r = ledger_get_link(c->ledger, m->link, c->scratch, &link);
        if (r < 0)
                return r;
        *ret_known = r == 0;
        if (r == 0) {
                m->target_id = arena_strdup(sealed_plan_arena(c->sealed), link.target_id);
                if (!m->target_id)
                        return -ENOMEM;
        }
        return 0;
}

static int complete_members(Cycle *c, Change *change, bool additions_only, TargetChange *request) {
        Evaluated *e = record_of(c, change);
        uint32_t n = 0;
        bool known;
        int r;

        if (additions_only)
                change->n_remove = 0;
        if (change->link == 0 && e) {
                change->link = e->link;
                change->target_id = e->target_id;
        }
        request->add = arena_alloc(sealed_plan_arena(c->sealed), (change->n_add + 1) * sizeof(char *));
        request->remove = arena_alloc(sealed_plan_arena(c->sealed), (change->n_remove + 1) * sizeof(char *));
        if (!request->add || !request->remove)
                return -ENOMEM;
        for (uint32_t i = 0; i < change->n_add; i++) {
                r = complete_member(c, &change->add[i], &known);
                if (r < 0)
                        return r;
                if (!known) {
                        /* Its Create failed or waits: this group is looked at again. */
                        e->unsettled = true;
                        continue;
                }
                change->add[n] = change->add[i];
                request->add[n++] = change->add[i].target_id;
        }
        change->n_add = n;
        for (uint32_t i = 0; i < change->n_remove; i++)
                request->remove[i] = change->remove[i].target_id;
        request->n_add = change->n_add;
        request->n_remove = change->n_remove;
        return 0;
}

/* Adds a change to the batch unless nothing is left of it. */
static int prepare(Cycle *c, Batch *b, Change *change, Fate fate) {
        TargetChange request = { .action = request_action(change), .kind = change->kind, .target_id = change->target_id,
                                 .desired = change->desired, .written = change->written };
        int r;

        if (change->action == CHANGE_MEMBERS) {
                Evaluated *e = record_of(c, change);

                r = complete_members(c, change, fate == FATE_STAGE_MEMBERS, &request);
                if (r < 0)
                        return r;
                request.target_id = change->target_id;
                if (fate == FATE_STAGE_MEMBERS && e)
                        e->unsettled = true;
                if (change->link == 0 || change->n_add + change->n_remove == 0) {
                        if (e && change->link != 0 && e->pending > 0)
                                e->pending--;
                        return 0;
                }
        }
        if (change->late) {
                bool left;

                r = apply_references(c, change, &left);
                if (r < 0)
                        return r;
                if (!left) {
                        Evaluated *e = record_of(c, change);

                        if (e->link != 0 && e->pending > 0)
                                e->pending--;
                        return 0;
                }
                request.target_id = change->target_id;
                request.desired = change->desired;
                request.written = change->written;
        }
        /* The attributes that others gave an adopted object are not ours to remove. */
        if (change->action == CHANGE_ADOPT)
                request.written = NULL;
        if (ARRAY_GROW(b->changes, b->n_allocated, b->n + 1) < 0 ||
            ARRAY_GROW(b->requests, b->n_requests_allocated, b->n + 1) < 0)
                return -ENOMEM;
        b->changes[b->n] = change;
        b->requests[b->n++] = request;
        return 0;
}

/* On demand, a plan is made and judged for all, and carried out for one. */
static bool is_meant(const Cycle *c, const Change *change) {
        return !c->only || (change->kind == c->only_kind && streq(change->source_id, c->only));
}

/* Changes that the planner found impossible: the target is not asked. */
static int refuse_impossible(Cycle *c, Error **ret_error) {
        bool open = false;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < sealed_plan_size(c->sealed); i++) {
                _cleanup_error_ Error *error = NULL;
                const Change *change;
                Fate fate;

                change = sealed_plan_get(c->sealed, i, &fate);
                if (!change->error || fate != FATE_APPLY || !is_meant(c, change))
                        continue;
                if (!open) {
                        r = ledger_begin(c->ledger);
                        open = r >= 0;
                }
                (void) error_set_full(&error, -EINVAL, ERROR_SCOPE_ITEM, ERROR_RETRY_LATER, change->error_code, "%s",
                                      change->error);
                cycle_log_failure(c, change, error);
                c->n_tried++;
                c->n_refused++;
                c->record.counts[COUNT_FAILED]++;
                if (r >= 0)
                        r = put_in_escrow(c, change, error, false);
        }
        if (open && r >= 0)
                r = ledger_commit(c->ledger);
        if (open && r < 0)
                ledger_rollback(c->ledger);
        if (r < 0)
                return error_set(ret_error, r, "Failed to record a refused change: %s", ledger_last_error(c->ledger));
        return 0;
}

/* A batch must not reach beyond what its members' ids depend on. */
static bool starts_a_new_batch(const Change *before, const Change *change) {
        return (change->action == CHANGE_MEMBERS) != (before->action == CHANGE_MEMBERS) || change->late != before->late;
}

/* C4: as long as the target has it in a group, an object is not deleted: nobody would know any more what to take out there. */
static bool must_wait(const Cycle *c, const Change *change) {
        return change->action == CHANGE_DELETE && link_set_has(&c->still_members, change->link);
}

static int apply_all(Cycle *c, Batch *b, Error **ret_error) {
        size_t size = c->target->batch_size > 0 ? c->target->batch_size : 1, n = sealed_plan_size(c->sealed);
        const Change *before = NULL;
        int r;

        for (size_t i = 0; i < n; i++) {
                Change *change;
                Fate fate;

                change = sealed_plan_get(c->sealed, i, &fate);
                if ((fate != FATE_APPLY && fate != FATE_STAGE_MEMBERS) || change->error || !is_meant(c, change))
                        continue;
                if (b->n >= size || (before && starts_a_new_batch(before, change))) {
                        r = run_batch(c, b, ret_error);
                        if (r < 0)
                                return r;
                        cycle_progress(c, "apply", i, n);
                }
                /* Only between two objects, and never between an intent and its result. */
                if (b->n == 0 && cycle_should_stop(c))
                        return 0;
                before = change;
                if (must_wait(c, change)) {
                        c->record.counts[COUNT_SKIPPED]++;
                        continue;
                }
                r = prepare(c, b, change, fate);
                if (r < 0)
                        return error_wrap(ret_error, r, "Failed to prepare a change of %s", change->source_id);
        }
        r = run_batch(c, b, ret_error);
        cycle_progress(c, "apply", n, n);
        return r;
}

int cycle_apply(Cycle *c, Error **ret_error) {
        Batch b = {};
        int r;

        r = refuse_impossible(c, ret_error);
        if (r >= 0)
                r = apply_all(c, &b, ret_error);
        batch_clear(&b);
        free(b.changes);
        free(b.requests);
        return r;
}
