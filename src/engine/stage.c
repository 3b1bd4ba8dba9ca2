/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <stdio.h>

#include "cycle.h"
#include "outbox.h"

/* What the guard withheld, what healed, whose hold is over: to ledger and outbox in one transaction, before anything
 * reaches the target. The journal's entries are written before the commit, and carry ids that a second try makes again: an
 * entry may stand there twice after a kill, and is never missing. */

static QuarantineReason reason_of(const GuardVerdict *v) {
        switch (v->reason) {
        case GUARD_PASSED:
                return QUARANTINE_NONE;
        case GUARD_TRIPPED_THRESHOLD:
        case GUARD_TRIPPED_PERCENT:
        case GUARD_TRIPPED_BUDGET:
        case GUARD_TRIPPED_ASSIGNMENT:
        case GUARD_TRIPPED_EVERYTHING:
                return QUARANTINE_TOO_MANY_DELETES;
        case GUARD_TRIPPED_EMPTY_SOURCE:
                return QUARANTINE_EMPTY_SOURCE;
        case GUARD_TRIPPED_CONFIGURATION:
                return QUARANTINE_CONFIGURATION_CHANGED;
        case _GUARD_REASON_MAX:
                break;
        }
        assert(false);
        return QUARANTINE_NONE;
}

static int unstage(Cycle *c, const StagedRow *row) {
        if (row->member != 0)
                return ledger_unstage_member(c->ledger, row->link, row->member);
        return ledger_unstage(c->ledger, row->link, row->kind, row->source_id);
}

/* Q2: what the source has again, in scope, leaves the set by itself. A row whose place another removal of the same object
 * takes is replaced by ledger_stage(), or goes with its object; but an approval ends with the removal it was for (Q4). */
static int heal(Cycle *c) {
        for (size_t i = 0; i < c->n_staged; i++) {
                const StagedRow *row = &c->staged[i];
                int r;

                if (row->still_due ||
                    (row->state == STAGED_UNDECIDED && row->member == 0 && link_set_has(&c->removed, row->link)))
                        continue;
                cycle_log_healed(c, row);
                r = unstage(c, row);
                if (r < 0)
                        return r;
                c->record.counts[COUNT_HEALED]++;
        }
        return 0;
}

static int end_holds(Cycle *c) {
        for (size_t i = 0; i < c->n_holds; i++) {
                const HoldRow *h = &c->holds[i];
                int r;

                if (!h->over)
                        continue;
                cycle_log_hold_ended(c, h);
                r = h->member != 0 ? ledger_remove_member_hold(c->ledger, h->link, h->member)
                                   : ledger_end_hold(c->ledger, h->kind, h->source_id);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* X1: what is no longer wanted is not tried again; and the approval of a removal that was not due for a while is no approval
 * of the next one. */
static int leave_escrow(Cycle *c) {
        for (size_t i = 0; i < c->n_escrow; i++) {
                const EscrowRow *row = &c->escrow[i];
                int r;

                if (row->still_due)
                        continue;
                r = ledger_remove_escrow(c->ledger, row->kind, row->source_id, row->action);
                if (r < 0)
                        return r;
        }
        return 0;
}

static Staged staged_row(const Cycle *c, const Change *change) {
        return (Staged) { .link = change->link, .kind = change->kind, .source_id = change->source_id,
                          .target_id = change->target_id, .display_name = change->display_name, .action = change->action,
                          .cause = change->cause, .staged_at = c->now, .change_id = change->id };
}

static int stage_new(Cycle *c) {
        for (size_t i = 0; i < sealed_plan_size(c->sealed); i++) {
                const Change *change;
                Staged row;
                Fate fate;
                int r;

                change = sealed_plan_get(c->sealed, i, &fate);
                if (fate != FATE_STAGE && fate != FATE_STAGE_MEMBERS)
                        continue;
                row = staged_row(c, change);
                for (uint32_t k = 0; k < (fate == FATE_STAGE_MEMBERS ? change->n_remove : 1); k++) {
                        if (fate == FATE_STAGE_MEMBERS)
                                row.member = change->remove[k].link;
                        r = ledger_stage(c->ledger, &row);
                        if (r < 0)
                                return r;
                        c->n_staged_now++;
                }
        }
        return 0;
}

static void log_staged(Cycle *c, const char *review) {
        for (size_t i = 0; i < sealed_plan_size(c->sealed); i++) {
                const Change *change;
                Fate fate;

                change = sealed_plan_get(c->sealed, i, &fate);
                if (fate == FATE_STAGE)
                        cycle_log_staged(c, change, review);
                else if (fate == FATE_STAGE_MEMBERS)
                        for (uint32_t k = 0; k < change->n_remove; k++)
                                cycle_log_staged_member(c, change, &change->remove[k], review);
        }
}

/* The set has grown: a new id, the quarantine's reason, the mail (Q, N1, N2). */
static int open_review(Cycle *c, const StagedCounts *counts, bool *ret_entered) {
        QuarantineReason reason = reason_of(&c->verdict);
        OutboxEvent event;
        char review[17];
        int r;

        /* What joins without a trip of its own, or trips on memberships alone, keeps or opens the usual reason. */
        if (reason == QUARANTINE_NONE)
                reason = quarantine_reason_is_review(c->state.quarantine) ? c->state.quarantine
                                                                          : QUARANTINE_TOO_MANY_DELETES;
        r = ledger_open_review(c->ledger, reason, c->now, review);
        if (r < 0)
                return r;
        log_staged(c, review);

        event = outbox_review_event(&c->state, reason, counts->undecided);
        *ret_entered = c->state.quarantine != reason;
        if (!quarantine_reason_is_review(c->state.quarantine)) {
                c->state.quarantine_since = c->now;
                c->state.quarantine_count = 0;
        }
        c->state.quarantine = reason;
        c->state.next_attempt = 0;
        if (event != _OUTBOX_EVENT_INVALID) {
                r = outbox_queue_review(c->ledger, c->config, &c->state, event, &c->verdict, c->now);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* What the review is for, in the words of the mail's payload as well. */
static const char *why_staged(const GuardVerdict *v) {
        return v->tripped               ? guard_reason_to_string(v->reason)
               : v->memberships_tripped ? "memberships"
               : v->groups_emptied > 0  ? "group-emptied"
                                        : "joined";
}

static int describe_quarantine(Cycle *c, const StagedCounts *counts) {
        _cleanup_free_ char *missing = NULL;
        char *text;

        if (c->verdict.reason == GUARD_TRIPPED_ASSIGNMENT) {
                missing = strv_join(c->missing_groups, "\", \"");
                if (!missing)
                        return -ENOMEM;
        }
        if (asprintf(&text, "%llu removals and changes were withheld: %llu counted, limit %lld, population %llu (%s%s%s%s%s)",
                     (unsigned long long) counts->undecided, (unsigned long long) c->verdict.counted,
                     c->verdict.limit == GUARD_NO_LIMIT ? -1LL : (long long) c->verdict.limit,
                     (unsigned long long) c->verdict.population, why_staged(&c->verdict),
                     missing ? ": \"" : "", strempty(missing), missing ? "\"" : "",
                     c->restored ? ": ledger and target are not from the same time; was one restored from a backup?" : "") < 0)
                return -ENOMEM;
        free(c->state.quarantine_message);
        c->state.quarantine_message = text;
        return 0;
}

static bool anything_to_stage(const Cycle *c) {
        for (size_t i = 0; i < c->n_staged; i++)
                if (!c->staged[i].still_due)
                        return true;
        for (size_t i = 0; i < c->n_escrow; i++)
                if (!c->escrow[i].still_due)
                        return true;
        for (size_t i = 0; i < c->n_holds; i++)
                if (c->holds[i].over)
                        return true;
        for (size_t i = 0; i < sealed_plan_size(c->sealed); i++) {
                Fate fate;

                (void) sealed_plan_get(c->sealed, i, &fate);
                if (fate == FATE_STAGE || fate == FATE_STAGE_MEMBERS)
                        return true;
        }
        return c->n_newly_absent > 0 || c->n_back > 0 ||
               (c->complete && !streq(c->state.fingerprint, c->config->fingerprint));
}

static int stage(Cycle *c, bool *ret_entered) {
        StagedCounts counts;
        int r;

        /* Somebody may have paused or restarted the job while the source was read. */
        job_state_done(&c->state);
        r = ledger_get_state(c->ledger, &c->state);
        if (r < 0)
                return r;
        r = heal(c);
        if (r < 0)
                return r;
        r = end_holds(c);
        if (r < 0)
                return r;
        r = leave_escrow(c);
        if (r < 0)
                return r;
        for (size_t i = 0; i < c->n_newly_absent; i++) {
                r = ledger_set_absent(c->ledger, c->newly_absent[i], true);
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < c->n_back; i++) {
                r = ledger_set_absent(c->ledger, c->back[i], false);
                if (r < 0)
                        return r;
        }
        r = stage_new(c);
        if (r < 0)
                return r;
        /* Q5: what was allowed while the source was read was looked at under the configuration that is none any more. */
        r = c->complete && c->configuration_changed ? cycle_take_back_approvals(c) : 0;
        if (r < 0)
                return r;
        r = ledger_count_staged(c->ledger, &counts);
        if (r < 0)
                return r;
        if (c->n_staged_now > 0) {
                r = open_review(c, &counts, ret_entered);
                if (r < 0)
                        return r;
                r = describe_quarantine(c, &counts);
                if (r < 0)
                        return r;
        }
        /* E4: from here on the ledger is in line with this configuration; its first cycle was judged by it. */
        if (c->complete) {
                memcpy(c->state.fingerprint, c->config->fingerprint, sizeof(c->state.fingerprint));
                r = c->configuration_changed ? ledger_void_decisions(c->ledger) : 0;
                /* Every object is looked at, and says again whom it refers to. */
                if (r >= 0 && c->configuration_changed)
                        r = ledger_clear_references(c->ledger, 0);
                if (r < 0)
                        return r;
        }
        return ledger_set_state(c->ledger, &c->state);
}

int cycle_stage(Cycle *c, Error **ret_error) {
        bool entered = false;
        int r;

        if (!anything_to_stage(c))
                return 0;
        r = ledger_begin(c->ledger);
        if (r >= 0) {
                r = stage(c, &entered);
                if (r >= 0)
                        r = ledger_commit(c->ledger);
                if (r < 0)
                        ledger_rollback(c->ledger);
        }
        if (r < 0)
                return error_set(ret_error, r, "Failed to record what is staged: %s", ledger_last_error(c->ledger));
        if (entered)
                cycle_log_quarantine(c, true, NULL);
        return 0;
}
