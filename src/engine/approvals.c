/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "cycle.h"

#include "outbox.h"

/* Approvals that are void (Q5): given too long ago, or for what is not the case any more. */

/* Q3: time carries out nothing, nor does a limit that was raised meanwhile. What was allowed is withheld again, under an id
 * that nobody has decided on. */
static int reopen_review(Cycle *c) {
        JobState *s = &c->state;
        char review[17];

        if (!quarantine_reason_is_review(s->quarantine)) {
                s->quarantine = c->configuration_changed ? QUARANTINE_CONFIGURATION_CHANGED : QUARANTINE_TOO_MANY_DELETES;
                s->quarantine_since = c->now;
                s->quarantine_count = 0;
                s->next_attempt = 0;
        }
        return ledger_open_review(c->ledger, s->quarantine, c->now, review);
}

bool cycle_approval_is_void(const Cycle *c, uint64_t allowed_at) {
        uint64_t age = c->now > allowed_at ? c->now - allowed_at : allowed_at - c->now;

        return c->configuration_changed || age > c->config->approval_expires_usec;
}

/* Q5: each approval has its own time, and a new one does not end with an old one. */
int cycle_take_back_approvals(Cycle *c) {
        uint64_t gap = c->config->approval_expires_usec, n_void;
        StagedCounts counts;
        int r;

        r = ledger_count_staged(c->ledger, &counts);
        if (r < 0)
                return r;
        if (counts.allowed == 0)
                return 0;
        r = c->configuration_changed
                    ? ledger_reset_allowed(c->ledger, UINT64_MAX, 0, &n_void)
                    : ledger_reset_allowed(c->ledger, c->now > gap ? c->now - gap : 0, c->now + gap, &n_void);
        if (r < 0 || n_void == 0)
                return r;
        cycle_log_expired(c, n_void,
                          c->restored                ? "is void, because ledger and target are not from the same time"
                          : c->configuration_changed ? "is void, because the configuration has changed"
                                                   : "has expired, because no cycle could use it in time");
        r = reopen_review(c);
        if (r >= 0)
                r = outbox_queue_closed(c->ledger, c->config, &c->state, OUTBOX_EXPIRED, NULL, n_void, c->now);
        return r < 0 ? r : ledger_set_state(c->ledger, &c->state);
}

int cycle_expire_approvals(Cycle *c, Error **ret_error) {
        int r;

        r = ledger_begin(c->ledger);
        /* What was recovered has moved the generation on; and somebody may have decided something. */
        if (r >= 0) {
                job_state_done(&c->state);
                r = ledger_get_state(c->ledger, &c->state);
        }
        if (r >= 0)
                r = cycle_take_back_approvals(c);
        if (r >= 0)
                r = ledger_commit(c->ledger);
        if (r < 0) {
                ledger_rollback(c->ledger);
                return error_set(ret_error, r, "Failed to take back an approval: %s", ledger_last_error(c->ledger));
        }
        return 0;
}
