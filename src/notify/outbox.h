/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a job has to tell people: one function puts one mail into the ledger's outbox, inside the caller's
 * transaction (N2). A mail's payload holds everything its text needs, the list of the staged objects included,
 * because it must show the set as it was when it was queued, however late it is sent. Knows neither SMTP nor the
 * words of the mail. */

#include <stdbool.h>
#include <stdint.h>

#include "guard.h"
#include "job-config.h"
#include "ledger.h"
#include "time-util.h"

/* Positive conditions */
enum {
        OUTBOX_E_NOBODY = 1, /* Email= is empty: nothing was queued, and status and journal have to warn (G4) */
};

typedef enum OutboxEvent {
        OUTBOX_REVIEW_OPENED,
        OUTBOX_REVIEW_GROWN,
        OUTBOX_REMINDER,
        OUTBOX_ALLOWED,
        OUTBOX_REJECTED,
        OUTBOX_HEALED,            /* the source has every staged object again */
        OUTBOX_RESTARTED,         /* the set was dropped to be evaluated afresh (Q8) */
        OUTBOX_EXPIRED,           /* an approval that no cycle could use in time, or that became void (Q5) */
        OUTBOX_QUARANTINED,       /* for a reason that is no review: credentials, interrupted readings, escrow */
        OUTBOX_JOB_DISABLE_SOON,
        OUTBOX_JOB_DISABLED,
        OUTBOX_RECOVERED,
        OUTBOX_TEST,
        _OUTBOX_EVENT_MAX,
        _OUTBOX_EVENT_INVALID = -22,
} OutboxEvent;

/* "review-opened", "review-grown", "reminder", "allowed", "rejected", "healed", "restarted", "expired",
 * "quarantined", "job-disable-soon", "job-disabled", "recovered", "test": the ledger's form */
const char *outbox_event_to_string(OutboxEvent e);
OutboxEvent outbox_event_from_string(const char *s);

/* How long before the job is disabled (Q10) its people are told. */
#define OUTBOX_DISABLE_WARNING_USEC (3 * USEC_PER_DAY)

/* ---- the decisions of N1; pure ---- */

/** outbox_should_mail_growth() - more than a tenth above what the last mail said */
bool outbox_should_mail_growth(uint64_t mailed, uint64_t staged);

/**
 * outbox_review_event() - which mail does a review need after a cycle?
 * @state:     with the quarantine reason as it was before the cycle
 * @reason:    the review's reason now
 * @undecided: rows that wait for a decision now
 *
 * Returns OUTBOX_REVIEW_OPENED (nothing was mailed yet), OUTBOX_REVIEW_GROWN (by more than a tenth, or another
 * reason), or _OUTBOX_EVENT_INVALID for no mail. The size is compared with the last mail's, so small steps add up.
 */
OutboxEvent outbox_review_event(const JobState *state, QuarantineReason reason, uint64_t undecided);

/**
 * outbox_reminder_at() - when the next reminder is due; USEC_INFINITY for never
 * @undecided: rows that wait for a decision
 *
 * A review that nobody was told of, because Email= was empty then, is due at once.
 */
uint64_t outbox_reminder_at(const JobConfig *job, const JobState *state, uint64_t undecided);

/** outbox_disable_soon_due() - is it time to say that the job will be disabled at @disable_at, and was it not said
 * yet? */
bool outbox_disable_soon_due(const JobState *state, uint64_t disable_at, uint64_t now_usec);

/* ---- queueing ----
 *
 * All of them: to be called between ledger_begin() and ledger_commit(), in the transaction of the event itself.
 * @state is the job's state as it will be saved: they keep its mailed_staged, mailed_at, warned_at and mail_thread,
 * the caller saves it with ledger_set_state(). reprieve-notify writes notification_problem and, with a reminder,
 * these fields from a process of its own: whoever saves a JobState reads it in the same transaction. Errors:
 * OUTBOX_E_NOBODY (state and ledger are as before); -ENOMEM; those of the ledger.
 */

/**
 * outbox_queue_review() - OUTBOX_REVIEW_OPENED or OUTBOX_REVIEW_GROWN
 * @verdict: the guard's numbers of this cycle
 *
 * After ledger_stage() and ledger_open_review(): id, reason, counts by cause, names and the list are read from the
 * ledger. The list goes into the payload as compressed CSV; above OUTBOX_LIST_MAX it is cut, and the mail says so.
 */
int outbox_queue_review(Ledger *l, const JobConfig *job, JobState *state, OutboxEvent event,
                        const GuardVerdict *verdict, uint64_t now_usec);
#define OUTBOX_LIST_MAX (1024U * 1024U)  /* compressed bytes: some 50,000 objects, a mail of 1.4 MB */

/** outbox_queue_reminder() - the open review once more; its numbers are those of the cycle that tripped */
int outbox_queue_reminder(Ledger *l, const JobConfig *job, JobState *state, uint64_t now_usec);

/**
 * outbox_queue_decided() - allowed or rejected, by d->verb
 * @decided, @joined_later: what ledger_allow() or ledger_reject() answered
 * @remaining: rows that are still undecided (Q6); 0 when the review is over
 */
int outbox_queue_decided(Ledger *l, const JobConfig *job, JobState *state, const Decision *d, uint64_t decided,
                         uint64_t joined_later, uint64_t remaining);

/**
 * outbox_queue_closed() - OUTBOX_HEALED, OUTBOX_RESTARTED or OUTBOX_EXPIRED
 * @review: the id that was open last, or NULL
 * @count:  objects that healed, or wait for a decision again under a new review
 */
int outbox_queue_closed(Ledger *l, const JobConfig *job, JobState *state, OutboxEvent event, const char *review,
                        uint64_t count, uint64_t now_usec);

/**
 * outbox_queue_state() - OUTBOX_QUARANTINED, OUTBOX_JOB_DISABLE_SOON, OUTBOX_JOB_DISABLED or OUTBOX_RECOVERED
 * @disable_at: when the job will be disabled; 0 if it does not apply
 *
 * Reason, message, since when, how often and next attempt are those of @state.
 */
int outbox_queue_state(Ledger *l, const JobConfig *job, JobState *state, OutboxEvent event, uint64_t disable_at,
                       uint64_t now_usec);

/** outbox_queue_test() - SendTestNotification. @user: who asked for it */
int outbox_queue_test(Ledger *l, const JobConfig *job, const char *user, uint64_t now_usec);
