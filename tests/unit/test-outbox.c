/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "outbox.h"

#include <errno.h>

#include "ledger-test.h"
#include "mail-facts.h"
#include "mime.h"
#include "staged-csv.h"

#define NOW UINT64_C(1795324660000000)

static char *people[] = { (char *) "a@example.com", (char *) "b@example.com", NULL };

static JobConfig job_config(void) {
        return (JobConfig) {
                .name = (char *) "staff",
                .description = (char *) "Staff directory",
                .language = (char *) "de",
                .email = people,
                .limits = GUARD_LIMITS_DEFAULT,
                .reminder_interval_usec = USEC_PER_DAY,
                .approval_expires_usec = USEC_PER_DAY,
        };
}

TEST(n1_growth_by_more_than_a_tenth_is_mailed) {
        static const struct {
                uint64_t mailed, staged;
                bool mail;
        } cases[] = {
                { 0, 0, false },
                { 0, 1, true },
                { 1, 1, false },
                { 1, 2, true },
                { 9, 10, true },
                { 10, 11, false },
                { 10, 12, true },
                { 100, 110, false },
                { 100, 111, true },
                { 100, 50, false },
                { 1234, 1357, false },
                { 1234, 1358, true },
                { UINT64_MAX, UINT64_MAX, false },
                { UINT64_MAX / 2, UINT64_MAX, true },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                CHECK_INT(outbox_should_mail_growth(cases[i].mailed, cases[i].staged), cases[i].mail);
}

TEST(n1_a_review_needs_one_mail_never_one_a_cycle) {
        JobState s = { .quarantine = QUARANTINE_NONE };

        CHECK_INT(outbox_review_event(&s, QUARANTINE_TOO_MANY_DELETES, 0), _OUTBOX_EVENT_INVALID);
        CHECK_INT(outbox_review_event(&s, QUARANTINE_TOO_MANY_DELETES, 100), OUTBOX_REVIEW_OPENED);
        s = (JobState) { .quarantine = QUARANTINE_TOO_MANY_DELETES, .mailed_staged = 100, .mailed_at = NOW };
        CHECK_INT(outbox_review_event(&s, QUARANTINE_TOO_MANY_DELETES, 100), _OUTBOX_EVENT_INVALID);
        CHECK_INT(outbox_review_event(&s, QUARANTINE_TOO_MANY_DELETES, 110), _OUTBOX_EVENT_INVALID);
        CHECK_INT(outbox_review_event(&s, QUARANTINE_TOO_MANY_DELETES, 111), OUTBOX_REVIEW_GROWN);
        CHECK_INT(outbox_review_event(&s, QUARANTINE_EMPTY_SOURCE, 100), OUTBOX_REVIEW_GROWN);
        s.quarantine = QUARANTINE_INVALID_CREDENTIALS;
        CHECK_INT(outbox_review_event(&s, QUARANTINE_TOO_MANY_DELETES, 100), _OUTBOX_EVENT_INVALID);
}

TEST(n1_a_reminder_comes_each_interval_while_somebody_must_decide) {
        JobConfig job = job_config(), nobody = job_config();
        JobState s = { .mailed_staged = 5, .mailed_at = NOW }, untold = {};
        char *none[] = { NULL };

        CHECK(outbox_reminder_at(&job, &s, 5) == NOW + USEC_PER_DAY);
        CHECK(outbox_reminder_at(&job, &s, 0) == USEC_INFINITY);
        CHECK(outbox_reminder_at(&job, &untold, 5) == 0);
        nobody.email = none;
        CHECK(outbox_reminder_at(&nobody, &untold, 5) == USEC_INFINITY);
        nobody.email = NULL;
        CHECK(outbox_reminder_at(&nobody, &untold, 5) == USEC_INFINITY);
        job.reminder_interval_usec = 0;
        CHECK(outbox_reminder_at(&job, &s, 5) == USEC_INFINITY);
        CHECK(outbox_reminder_at(&job, &untold, 5) == 0);
        job.reminder_interval_usec = USEC_INFINITY;
        CHECK(outbox_reminder_at(&job, &s, 5) == USEC_INFINITY);
}

TEST(q10_people_are_warned_once_before_the_job_is_disabled) {
        uint64_t end = NOW + 28 * USEC_PER_DAY, from = end - OUTBOX_DISABLE_WARNING_USEC;
        JobState s = {};

        CHECK(!outbox_disable_soon_due(&s, end, from - 1));
        CHECK(outbox_disable_soon_due(&s, end, from));
        s.warned_at = from;
        CHECK(!outbox_disable_soon_due(&s, end, from + 1));
        /* A later quarantine has a warning of its own. */
        CHECK(outbox_disable_soon_due(&s, end + 28 * USEC_PER_DAY, from + 28 * USEC_PER_DAY));
        CHECK(!outbox_disable_soon_due(&s, 0, NOW));
}

TEST(events_have_names) {
        for (OutboxEvent e = 0; e < _OUTBOX_EVENT_MAX; e++) {
                CHECK(outbox_event_to_string(e));
                CHECK_INT(outbox_event_from_string(outbox_event_to_string(e)), e);
        }
        CHECK(!outbox_event_to_string(_OUTBOX_EVENT_MAX));
        CHECK_INT(outbox_event_from_string("other"), _OUTBOX_EVENT_INVALID);
}

/* ---- with a ledger ---- */

/* @n users staged for deletion, one of them for another cause, and a review of them. */
static int stage(Ledger *l, unsigned from, unsigned n, char review[static 17]) {
        for (unsigned i = from; i < from + n; i++) {
                char id[16], name[64], change[33];
                uint64_t link;
                int r;

                (void) snprintf(id, sizeof(id), "u%06u", i);
                (void) snprintf(name, sizeof(name), "=User \"%u\"\r\nX: y", i);
                (void) snprintf(change, sizeof(change), "%032u", i);
                r = ledger_add_link(l,
                                    &(Link) { .kind = OBJECT_KIND_USER,
                                             .source_id = id,
                                             .target_id = id,
                                             .display_name = name,
                                             .written = "{}" },
                                    &link);
                if (r == 0)
                        r = ledger_stage(l, &(Staged) { .link = link,
                                                       .kind = OBJECT_KIND_USER,
                                                       .source_id = id,
                                                       .target_id = id,
                                                       .display_name = name,
                                                       .action = i == 0 ? CHANGE_DISABLE : CHANGE_DELETE,
                                                       .cause = i == 0 ? CAUSE_BLOCKED : CAUSE_DELETED,
                                                       .staged_at = NOW,
                                                       .change_id = change });
                if (r != 0)
                        return r;
        }
        return ledger_open_review(l, QUARANTINE_TOO_MANY_DELETES, NOW, review);
}

typedef struct Found {
        Mail mail;
        char *event, *review, *payload, *message_id;
        unsigned n;
} Found;

static int take_last(const Mail *m, void *userdata) {
        Found *f = userdata;

        f->n++;
        f->mail = *m;
        if (free_and_strdup(&f->event, m->event) < 0 || free_and_strdup(&f->review, m->review) < 0 ||
            free_and_strdup(&f->payload, m->payload) < 0 || free_and_strdup(&f->message_id, m->message_id) < 0)
                return -ENOMEM;
        return 0;
}

static void found_done(Found *f) {
        free(f->event);
        free(f->review);
        free(f->payload);
        free(f->message_id);
        *f = (Found) {};
}

#define _cleanup_found_ _cleanup_(found_done)

TEST(n2_the_mail_is_queued_with_the_set_as_it_is) {
        NEW_LEDGER(l);
        _cleanup_job_state_ JobState state = {};
        _cleanup_found_ Found found = {};
        _cleanup_mail_facts_ MailFacts f = {};
        _cleanup_free_ void *gzip = NULL;
        _cleanup_free_ char *csv = NULL;
        JobConfig job = job_config();
        GuardVerdict verdict = {
                .reason = GUARD_TRIPPED_THRESHOLD, .tripped = true, .counted = 25, .limit = 20, .population = 1000
        };
        size_t size, csv_size, lines = 0;
        char review[17];

        OK(ledger_begin(l));
        OK(stage(l, 0, 25, review));
        OK(outbox_queue_review(l, &job, &state, OUTBOX_REVIEW_OPENED, &verdict, NOW));
        OK(ledger_commit(l));
        CHECK_INT(state.mailed_staged, 25);
        CHECK(state.mailed_at == NOW);

        OK(ledger_scan_mail(l, take_last, &found));
        CHECK_INT(found.n, 1);
        CHECK_STR(found.event, "review-opened");
        CHECK_STR(found.review, review);
        CHECK_STR(found.message_id, state.mail_thread);
        CHECK(found.mail.next_attempt == NOW && found.mail.attempts == 0);

        CHECK_INT(mail_facts_parse(OUTBOX_REVIEW_OPENED, found.payload, &f), 0);
        CHECK_STR(f.review, review);
        CHECK_STR(f.reason, "TooManyDeletes");
        CHECK_STR(f.verdict, "threshold");
        CHECK_STR(f.language, "de");
        CHECK_STR(f.thread, "");
        CHECK(strv_equal(f.to, people));
        CHECK_INT(f.staged, 25);
        CHECK_INT(f.counted, 25);
        CHECK_INT(f.limit, 20);
        CHECK_INT(f.n_causes, 2);
        CHECK_STR(f.causes[0].cause, "deleted");
        CHECK_INT(f.causes[0].count, 24);
        CHECK_STR(f.causes[1].cause, "blocked");
        CHECK_INT(f.n_first, 20);
        CHECK_STR(f.first[0].source_id, "u000000");
        CHECK_STR(f.first[0].name, "=User \"0\"\r\nX: y");
        CHECK_INT(f.list_rows, 25);
        CHECK_INT(mime_decode_base64(f.list, &gzip, &size), 0);
        CHECK_INT(staged_list_unpack(gzip, size, 1 << 20, &csv, &csv_size), 0);
        for (size_t i = 0; i < csv_size; i++)
                lines += csv[i] == '\n';
        CHECK_INT(lines, 1 + 2 * 25);
        CHECK(strstr(csv, "\"'=User \"\"0\"\"\r\nX: y\""));
}

TEST(n2_what_is_rolled_back_is_not_mailed) {
        NEW_LEDGER(l);
        _cleanup_job_state_ JobState state = {};
        JobConfig job = job_config();
        char review[17];
        uint64_t n;

        OK(ledger_begin(l));
        OK(stage(l, 0, 3, review));
        OK(outbox_queue_review(l, &job, &state, OUTBOX_REVIEW_OPENED, &(GuardVerdict) { .tripped = true }, NOW));
        ledger_rollback(l);
        OK(ledger_count_mail(l, &n));
        CHECK_INT(n, 0);
}

TEST(one_review_is_one_thread_and_the_next_another) {
        NEW_LEDGER(l);
        _cleanup_job_state_ JobState state = {};
        JobConfig job = job_config();
        _cleanup_free_ char *first = NULL;
        Decision d = { .verb = "allow", .comment = "fine", .uid = 7, .user = "alice", .at = NOW + 2 };
        static const OutboxEvent in_thread[] = { OUTBOX_REVIEW_GROWN, OUTBOX_REMINDER, OUTBOX_ALLOWED,
                                                 OUTBOX_EXPIRED };
        char review[17];

        OK(ledger_begin(l));
        OK(stage(l, 0, 3, review));
        OK(outbox_queue_review(l, &job, &state, OUTBOX_REVIEW_OPENED, &(GuardVerdict) { .tripped = true }, NOW));
        first = strdup(state.mail_thread);
        for (size_t i = 0; i < ELEMENTSOF(in_thread); i++) {
                _cleanup_found_ Found found = {};
                _cleanup_mail_facts_ MailFacts f = {};

                if (in_thread[i] == OUTBOX_REVIEW_GROWN) {
                        OK(stage(l, 100, 3, review));
                        OK(outbox_queue_review(l, &job, &state, OUTBOX_REVIEW_GROWN,
                                               &(GuardVerdict) { .joined = true }, NOW + 1));
                        CHECK_INT(state.mailed_staged, 6);
                } else if (in_thread[i] == OUTBOX_REMINDER) {
                        OK(outbox_queue_reminder(l, &job, &state, NOW + USEC_PER_DAY));
                        CHECK(state.mailed_at == NOW + USEC_PER_DAY);
                } else if (in_thread[i] == OUTBOX_ALLOWED) {
                        d.review = review;
                        OK(outbox_queue_decided(l, &job, &state, &d, 6, 0, 0));
                        CHECK_INT(state.mailed_staged, 0);
                } else
                        OK(outbox_queue_closed(l, &job, &state, OUTBOX_EXPIRED, review, 6, NOW + 3));
                OK(ledger_scan_mail(l, take_last, &found));
                CHECK_STR(found.event, outbox_event_to_string(in_thread[i]));
                CHECK_INT(mail_facts_parse(in_thread[i], found.payload, &f), 0);
                CHECK_STR(f.thread, first);
                CHECK(!streq(found.message_id, first));
        }
        CHECK_STR(state.mail_thread, first);
        OK(outbox_queue_review(l, &job, &state, OUTBOX_REVIEW_OPENED, &(GuardVerdict) { .tripped = true }, NOW));
        CHECK(!streq(state.mail_thread, first));
        OK(ledger_commit(l));
}

TEST(q6_after_a_partial_decision_the_rest_keeps_its_reminders) {
        NEW_LEDGER(l);
        _cleanup_job_state_ JobState state = { .mailed_staged = 10, .mailed_at = NOW };
        JobConfig job = job_config();

        OK(ledger_begin(l));
        OK(outbox_queue_decided(
                l, &job, &state,
                &(Decision) { .verb = "reject", .review = "0123456789abcdef", .user = "bob", .at = NOW + 5 }, 4, 0,
                6));
        CHECK_INT(state.mailed_staged, 6);
        CHECK(outbox_reminder_at(&job, &state, 6) == NOW + 5 + USEC_PER_DAY);
        OK(ledger_commit(l));
}

static int count_cycle(const CycleRecord *c, void *userdata) {
        ++*(unsigned *) userdata;
        return 0;
}

TEST(n1_a_reminder_has_the_numbers_of_the_trip) {
        NEW_LEDGER(l);
        _cleanup_job_state_ JobState state = {};
        _cleanup_found_ Found found = {};
        _cleanup_mail_facts_ MailFacts f = {};
        JobConfig job = job_config();
        char review[17];
        unsigned n = 0;

        OK(ledger_begin(l));
        for (unsigned i = 0; i < 3; i++) {
                CycleRecord c = { .started = NOW + i, .finished = NOW + i, .result = CYCLE_SUCCESS };

                (void) snprintf(c.id, sizeof(c.id), "%032u", i);
                strcpy(c.verdict, i == 1 ? "percent" : "pass");
                c.counts[COUNT_COUNTED] = 100 + i;
                c.counts[COUNT_POPULATION] = 1000;
                c.counts[COUNT_LIMIT] = i == 1 ? 50 : 0;
                OK(ledger_begin_cycle(l, &c));
                OK(ledger_finish_cycle(l, &c));
        }
        OK(ledger_scan_cycles(l, 0, count_cycle, &n));
        CHECK_INT(n, 3);
        OK(stage(l, 0, 2, review));
        OK(outbox_queue_reminder(l, &job, &state, NOW + 9));
        OK(ledger_commit(l));
        OK(ledger_scan_mail(l, take_last, &found));
        CHECK_INT(mail_facts_parse(OUTBOX_REMINDER, found.payload, &f), 0);
        CHECK_STR(f.verdict, "percent");
        CHECK_INT(f.counted, 101);
        CHECK_INT(f.limit, 50);
        CHECK_INT(f.staged, 2);
}

TEST(g4_with_nobody_to_notify_nothing_is_queued) {
        NEW_LEDGER(l);
        _cleanup_job_state_ JobState state = {};
        JobConfig job = job_config();
        char review[17];
        uint64_t n;

        job.email = NULL;
        OK(ledger_begin(l));
        OK(stage(l, 0, 2, review));
        CHECK_INT(
                outbox_queue_review(l, &job, &state, OUTBOX_REVIEW_OPENED, &(GuardVerdict) { .tripped = true }, NOW),
                OUTBOX_E_NOBODY);
        CHECK_INT(outbox_queue_reminder(l, &job, &state, NOW), OUTBOX_E_NOBODY);
        CHECK_INT(outbox_queue_decided(l, &job, &state, &(Decision) { .verb = "allow" }, 0, 0, 0), OUTBOX_E_NOBODY);
        CHECK_INT(outbox_queue_closed(l, &job, &state, OUTBOX_HEALED, NULL, 0, NOW), OUTBOX_E_NOBODY);
        CHECK_INT(outbox_queue_state(l, &job, &state, OUTBOX_QUARANTINED, 0, NOW), OUTBOX_E_NOBODY);
        CHECK_INT(outbox_queue_test(l, &job, "alice", NOW), OUTBOX_E_NOBODY);
        OK(ledger_commit(l));
        OK(ledger_count_mail(l, &n));
        CHECK_INT(n, 0);
        CHECK(state.mailed_staged == 0 && !state.mail_thread);
}

TEST(g5_a_membership_removal_names_group_and_member) {
        NEW_LEDGER(l);
        _cleanup_job_state_ JobState state = {};
        _cleanup_found_ Found found = {};
        _cleanup_mail_facts_ MailFacts f = {};
        JobConfig job = job_config();
        GuardVerdict verdict = { .memberships_tripped = true, .membership_removals = 1 };
        uint64_t group, user;
        char review[17];

        OK(ledger_begin(l));
        OK(add_group(l, "G1", &group));
        OK(add_user(l, "A1", &user));
        OK(ledger_stage(l, &(Staged) { .link = group,
                                      .kind = OBJECT_KIND_GROUP,
                                      .source_id = "G1",
                                      .target_id = "G1",
                                      .display_name = "Sales",
                                      .action = CHANGE_MEMBERS,
                                      .member = user,
                                      .staged_at = NOW,
                                      .change_id = "x" }));
        OK(ledger_open_review(l, QUARANTINE_TOO_MANY_DELETES, NOW, review));
        OK(outbox_queue_review(l, &job, &state, OUTBOX_REVIEW_OPENED, &verdict, NOW));
        OK(ledger_commit(l));
        OK(ledger_scan_mail(l, take_last, &found));
        CHECK_INT(mail_facts_parse(OUTBOX_REVIEW_OPENED, found.payload, &f), 0);
        CHECK_STR(f.verdict, "memberships");
        CHECK_INT(f.n_first, 1);
        CHECK_STR(f.first[0].name, "Sales");
        CHECK_STR(f.first[0].member, "Name of A1");
}
