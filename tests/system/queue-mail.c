/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Puts mail into a job's outbox with the functions that the engine and the service use, for the tests of
 * reprieve-notify: queue-mail CONFIG_DIR STATE_DIR JOB EVENT [STAGED]. Prints the review's id, if there is one. */
#include "config.h"

#include <stdio.h>

#include "outbox.h"

static const char *const names[] = { "Γεώργιος Παπαδόπουλος",
                                     "Jürgen Groß",
                                     "Doe, Jane",
                                     "=cmd|' /C calc'!A0",
                                     "O'Hara",
                                     "<b>Bold</b>",
                                     "x\r\nBcc: evil@example.test\r\n\r\n.\r\nQUIT\r\n" };

/* @n more users whose removal is staged. */
static int stage(Ledger *l, uint64_t n, uint64_t now, char review[static 17]) {
        StagedCounts counts;
        int r;

        r = ledger_count_staged(l, &counts);
        for (uint64_t i = 0; r == 0 && i < n; i++) {
                char id[32], target[40], name[96];
                uint64_t link;

                (void) snprintf(id, sizeof(id), "A%06llu", (unsigned long long) (counts.undecided + i));
                (void) snprintf(target, sizeof(target), "t-%s", id);
                if (counts.undecided + i < ELEMENTSOF(names))
                        (void) snprintf(name, sizeof(name), "%s", names[counts.undecided + i]);
                else
                        (void) snprintf(name, sizeof(name), "Given%llu Family%llu",
                                        (unsigned long long) (i * 7919 % 10007),
                                        (unsigned long long) (i * 104729 % 20011));
                r = ledger_add_link(l,
                                    &(Link) { .kind = OBJECT_KIND_USER,
                                             .source_id = id,
                                             .target_id = target,
                                             .display_name = name,
                                             .written = "{}" },
                                    &link);
                if (r == 0)
                        r = ledger_stage(l, &(Staged) { .link = link,
                                                       .kind = OBJECT_KIND_USER,
                                                       .source_id = id,
                                                       .target_id = target,
                                                       .display_name = name,
                                                       .action = i % 10 ? CHANGE_DELETE : CHANGE_DISABLE,
                                                       .cause = i % 10 ? CAUSE_DELETED : CAUSE_BLOCKED,
                                                       .staged_at = now,
                                                       .change_id = id });
        }
        return r == 0 ? ledger_open_review(l, QUARANTINE_TOO_MANY_DELETES, now, review) : r;
}

static int end_review(Ledger *l, uint64_t now) {
        int r;

        r = ledger_clear_staged(l);
        return r == 0 ? ledger_close_reviews(l, "restarted", now) : r;
}

static int queue(Ledger *l, const JobConfig *job, JobState *state, OutboxEvent event, uint64_t n, uint64_t now,
                 char review[static 17]) {
        GuardVerdict verdict = { .reason = GUARD_TRIPPED_THRESHOLD,
                                 .tripped = true,
                                 .counted = n,
                                 .limit = job->limits.threshold,
                                 .population = 12000 };
        Decision decision = {
                .review = review, .comment = "They left on Friday", .uid = 1000, .user = "alice", .at = now
        };
        QuarantineReason reason;
        uint64_t since;
        int r;

        r = ledger_current_review(l, review, &reason, &since);
        if (r < 0)
                return r;
        if (r == LEDGER_E_NOT_FOUND)
                strcpy(review, "0123456789abcdef");
        switch (event) {
        case OUTBOX_REVIEW_OPENED:
        case OUTBOX_REVIEW_GROWN:
                r = stage(l, n, now, review);
                return r == 0 ? outbox_queue_review(l, job, state, event, &verdict, now) : r;
        case OUTBOX_REMINDER:
                return outbox_queue_reminder(l, job, state, now);
        case OUTBOX_ALLOWED:
        case OUTBOX_REJECTED:
                decision.verb = event == OUTBOX_ALLOWED ? "allow" : "reject";
                r = outbox_queue_decided(l, job, state, &decision, n, 2, 0);
                return r == 0 ? end_review(l, now) : r;
        case OUTBOX_HEALED:
        case OUTBOX_RESTARTED:
        case OUTBOX_EXPIRED:
                r = outbox_queue_closed(l, job, state, event, review, n, now);
                return r == 0 ? end_review(l, now) : r;
        case OUTBOX_QUARANTINED:
        case OUTBOX_JOB_DISABLE_SOON:
        case OUTBOX_JOB_DISABLED:
        case OUTBOX_RECOVERED:
                state->quarantine = QUARANTINE_INVALID_CREDENTIALS;
                state->quarantine_since = now - USEC_PER_DAY;
                state->quarantine_count = 3;
                state->next_attempt = now + USEC_PER_HOUR;
                free(state->quarantine_message);
                state->quarantine_message = strdup("ldaps://ldap.example.com: Invalid credentials");
                return outbox_queue_state(l, job, state, event,
                                          event == OUTBOX_JOB_DISABLE_SOON ? now + 3 * USEC_PER_DAY : 0, now);
        case OUTBOX_TEST:
                return outbox_queue_test(l, job, "alice", now);
        case _OUTBOX_EVENT_MAX:
        case _OUTBOX_EVENT_INVALID:
                break;
        }
        return -22;
}

int main(int argc, char *argv[]) {
        _cleanup_error_ Error *error = NULL;
        _cleanup_(job_config_freep) JobConfig *job = NULL;
        _cleanup_(ledger_freep) Ledger *l = NULL;
        _cleanup_job_state_ JobState state = {};
        char review[17] = "";
        int r;

        if (argc < 5)
                return EXIT_FAILURE;
        r = job_config_load(argv[1], argv[3], &job, &error);
        if (r == 0)
                r = ledger_open(argv[2], argv[3], LEDGER_READ_WRITE, &l, &error);
        if (r == 0)
                r = ledger_begin(l);
        if (r == 0)
                r = ledger_get_state(l, &state);
        if (r == 0)
                r = queue(l, job, &state, outbox_event_from_string(argv[4]),
                          argc > 5 ? strtoull(argv[5], NULL, 10) : 0, clock_now(), review);
        if (r == 0)
                r = ledger_set_state(l, &state);
        if (r == 0)
                r = ledger_commit(l);
        if (r != 0) {
                fprintf(stderr, "queue-mail: %d: %s %s\n", r, error_text(error, r), l ? ledger_last_error(l) : "");
                return EXIT_FAILURE;
        }
        if (*review)
                puts(review);
        return EXIT_SUCCESS;
}
