/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* decide [--review=ID] [--uid=N] [--approvers=N] STATE_DIR JOB allow|reject|release|restart [KIND:SOURCE_ID…]: what a person
 * does over D-Bus, straight into a ledger, for tests that have no service running. Prints "RESULT DECIDED JOINED MISSING",
 * RESULT being what the ledger answered (0, or LEDGER_E_…); exits with 0 only if that is 0. */
#include "config.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ledger.h"
#include "string-util.h"
#include "time-util.h"

typedef struct Selection {
        ObjectName objects[64];
        size_t n;
} Selection;

static int change_state(Ledger *l, void (*f)(JobState *s)) {
        _cleanup_job_state_ JobState state = {};
        int r;

        r = ledger_get_state(l, &state);
        if (r < 0)
                return r;
        f(&state);
        return ledger_set_state(l, &state);
}

static void clear_quarantine(JobState *s) {
        s->quarantine = QUARANTINE_NONE;
        s->quarantine_since = s->next_attempt = 0;
        s->quarantine_count = 0;
}

static void restarted(JobState *s) {
        s->full_requested = true;
        s->disabled = false;
}

static void restarted_healthy(JobState *s) {
        restarted(s);
        clear_quarantine(s);
}

/* Q8, as the service does it (job-cycle.c): what is withheld stays so, under an id that nobody has looked at. */
static int restart(Ledger *l) {
        QuarantineReason reason;
        StagedCounts counts;
        char review[17];
        int r;

        r = ledger_begin(l);
        if (r >= 0)
                r = ledger_clear_escrow(l);
        if (r >= 0)
                r = ledger_count_staged(l, &counts);
        if (r >= 0)
                r = ledger_current_review(l, review, &reason, NULL);
        if (r >= 0 && (r == LEDGER_E_NOT_FOUND || counts.undecided == 0))
                r = change_state(l, restarted_healthy);
        else if (r >= 0) {
                r = ledger_close_reviews(l, "restarted", clock_now());
                if (r >= 0)
                        r = ledger_open_review(l, reason, clock_now(), review);
                if (r >= 0)
                        r = change_state(l, restarted);
        }
        return r < 0 ? r : ledger_commit(l);
}

static int release(Ledger *l, const Selection *s) {
        Decision d = { .verb = "release", .uid = getuid(), .user = "tester", .at = clock_now() };
        int r;

        r = ledger_begin(l);
        for (size_t i = 0; r == 0 && i < s->n; i++)
                r = ledger_remove_hold(l, s->objects[i].kind, s->objects[i].source_id);
        if (r == 0)
                r = ledger_add_decision(l, &d, s->n);
        if (r == 0)
                return ledger_commit(l);
        ledger_rollback(l);
        return r;
}

/* The service lifts a quarantine when a reject has left nothing to decide (Q7). */
static int settle_reject(Ledger *l) {
        StagedCounts counts;
        int r;

        r = ledger_count_staged(l, &counts);
        if (r >= 0 && counts.undecided + counts.allowed == 0)
                r = change_state(l, clear_quarantine);
        return r;
}

int main(int argc, char *argv[]) {
        static const struct option options[] = {
                { "review", required_argument, NULL, 'r' },
                { "uid", required_argument, NULL, 'u' },
                { "approvers", required_argument, NULL, 'a' },
                {}
        };
        _cleanup_(ledger_freep) Ledger *l = NULL;
        _cleanup_error_ Error *error = NULL;
        unsigned missing = 0, approvers = 1;
        uint64_t decided = 0, joined = 0, uid = getuid();
        const char *named = NULL, *verb;
        Selection s = {};
        char review[17];
        int r, c;

        while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
                if (c == 'r')
                        named = optarg;
                else if (c == 'u')
                        uid = strtoull(optarg, NULL, 10);
                else if (c == 'a')
                        approvers = (unsigned) strtoul(optarg, NULL, 10);
                else
                        return 2;
        }
        argv += optind;
        argc -= optind;
        if (argc < 3)
                return 2;
        for (int i = 3; i < argc && s.n < ELEMENTSOF(s.objects); i++) {
                const char *id = startswith(argv[i], "user:");

                s.objects[s.n].kind = id ? OBJECT_KIND_USER : OBJECT_KIND_GROUP;
                s.objects[s.n++].source_id = id ?: startswith(argv[i], "group:");
        }
        verb = argv[2];

        r = ledger_open(argv[0], argv[1], LEDGER_READ_WRITE, &l, &error);
        if (r < 0) {
                fprintf(stderr, "%s\n", error_text(error, r));
                return 1;
        }
        if (streq(verb, "release"))
                r = release(l, &s);
        else if (streq(verb, "restart"))
                r = restart(l);
        else {
                if (!named) {
                        r = ledger_current_review(l, review, NULL, NULL);
                        if (r != 0) {
                                fprintf(stderr, "no review is open\n");
                                return 1;
                        }
                        named = review;
                }
                Decision d = { .verb = verb, .review = named, .comment = "test", .uid = uid, .user = "tester", .at = clock_now() };

                r = ledger_begin(l);
                if (r >= 0)
                        r = (streq(verb, "allow") ? ledger_allow : ledger_reject)(l, &d, s.n > 0 ? s.objects : NULL, s.n, approvers,
                                                                                  NULL, NULL, &decided, &joined, &missing);
                if (r == 0 && streq(verb, "reject"))
                        r = settle_reject(l);
                if (r == 0)
                        r = ledger_commit(l);
                else
                        ledger_rollback(l);
        }
        printf("%d %llu %llu %u\n", r, (unsigned long long) decided, (unsigned long long) joined, missing);
        return r == 0 ? 0 : 1;
}
