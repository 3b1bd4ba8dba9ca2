/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

/* The courier with a scripted server in the place of SMTP. */

#include "courier.h"

#include <errno.h>
#include <sys/stat.h>

#include "file-util.h"
#include "ledger-test.h"
#include "outbox.h"
#include "smtp.h"

/* What the scripted server answers to a recipient, by the first character of the address. */
typedef struct Script {
        StrBuf accepted;                /* "a1@x a2@x " in the order of acceptance */
        unsigned calls, sent, failed, nobody, job_failed;
        size_t size_limit;              /* larger is 552 */
        char last_error[512];
        bool last_permanent;
        char last_message[200000];
} Script;

static int answer(void *userdata, const char *from, const char *to, const char *message, size_t size,
                  Error **ret_error) {
        Script *s = userdata;

        s->calls++;
        if (size < sizeof(s->last_message)) {
                memcpy(s->last_message, message, size);
                s->last_message[size] = '\0';
        }
        if (s->size_limit > 0 && size > s->size_limit)
                return error_set_full(ret_error, SMTP_E_TOO_LARGE, ERROR_SCOPE_ITEM, ERROR_RETRY_AFTER_RECONFIGURE,
                                      NULL, "552 too large");
        switch (*to) {
        case 't':
                return error_set(ret_error, SMTP_E_LATER, "451 try later");
        case 'p':
                return error_set_full(ret_error, SMTP_E_REFUSED, ERROR_SCOPE_ITEM, ERROR_RETRY_AFTER_RECONFIGURE,
                                      NULL, "550 unknown");
        case 's':
                return error_set(ret_error, SMTP_E_SILENT, "timed out");
        case 'u':
                return error_set(ret_error, SMTP_E_UNUSABLE, "connection refused");
        default:
                strbuf_puts(&s->accepted, to);
                strbuf_putc(&s->accepted, ' ');
                return 0;
        }
}

static void hear(const CourierReport *r, void *userdata) {
        Script *s = userdata;

        switch (r->outcome) {
        case COURIER_SENT:
                s->sent++;
                break;
        case COURIER_FAILED:
                s->failed++;
                (void) snprintf(s->last_error, sizeof(s->last_error), "%s", r->error);
                s->last_permanent = r->permanent;
                break;
        case COURIER_NOBODY:
                s->nobody++;
                break;
        case COURIER_JOB_FAILED:
                s->job_failed++;
                break;
        }
}

/* A house of its own for each test: configuration and state below the scratch folder. */
typedef struct House {
        char config[512], state[512];
        Script script;
        CourierSettings settings;
        CourierResult result;
        uint64_t now;
} House;

static void house_done(House *h) {
        strbuf_done(&h->script.accepted);
}

static int house_job(House *h, const char *job, const char *email) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;
        char path[1024];

        strbuf_printf(&b,
                      "[Source]\nConnector=json\nUsers=/dev/null\n[Target]\nConnector=json\nDirectory=/"
                      "tmp\n[Notify]\nEmail=%s\n",
                      email);
        (void) snprintf(path, sizeof(path), "%s/jobs.d/%s.conf", h->config, job);
        return file_write_atomic(path, b.data, b.size, 0644);
}

static int house_init(House *h, const char *name) {
        *h = (House) { .now = clock_now() + USEC_PER_HOUR };
        (void) snprintf(h->config, sizeof(h->config), "%s/%s/etc", tap_tmpdir(), name);
        (void) snprintf(h->state, sizeof(h->state), "%s/%s/state", tap_tmpdir(), name);
        char path[1024];

        (void) snprintf(path, sizeof(path), "%s/jobs.d", h->config);
        if (mkdir_parents(path, 0755) < 0 || mkdir_parents(h->state, 0755) < 0)
                return -EIO;
        h->settings = (CourierSettings) {
                .config_dir = h->config,
                .state_dir = h->state,
                .server = "smtp://test",
                .server_settings = "",
                .from = "from@example.com",
                .send = answer,
                .send_userdata = &h->script,
                .report = hear,
                .report_userdata = &h->script,
        };
        return 0;
}

#define HOUSE(h)                                  \
        _cleanup_(house_done) House h;            \
        CHECK_INT(house_init(&h, __func__), 0)

static int queue_test(House *h, const char *job) {
        _cleanup_ledger_ Ledger *l = NULL;
        _cleanup_(job_config_freep) JobConfig *config = NULL;
        int r;

        r = job_config_load(h->config, job, &config, NULL);
        if (r == 0)
                r = ledger_open(h->state, job, LEDGER_READ_WRITE, &l, NULL);
        if (r == 0)
                r = ledger_begin(l);
        if (r == 0)
                r = outbox_queue_test(l, config, "alice", clock_now());
        return r == 0 ? ledger_commit(l) : r;
}

static int get_state(House *h, const char *job, JobState *ret, uint64_t *ret_mails) {
        _cleanup_ledger_ Ledger *l = NULL;
        int r;

        r = ledger_open(h->state, job, LEDGER_READ_ONLY, &l, NULL);
        if (r == 0)
                r = ledger_count_mail(l, ret_mails);
        return r == 0 ? ledger_get_state(l, ret) : r;
}

TEST(n2_a_mail_goes_out_once) {
        HOUSE(h);

        CHECK_INT(house_job(&h, "staff", "a1@x a2@x a1@x"), 0);
        CHECK_INT(queue_test(&h, "staff"), 0);
        CHECK_INT(courier_look(&h.settings, h.now, &h.result), 0);
        CHECK_INT(h.result.waiting, 1);
        CHECK(h.result.next_attempt <= clock_now());
        CHECK_INT(courier_run(&h.settings, h.now, &h.result), 0);
        CHECK_STR(h.script.accepted.data, "a1@x a2@x ");
        CHECK_INT(h.script.sent, 2);
        CHECK_INT(h.result.sent, 2);
        CHECK_INT(h.result.waiting, 0);
        CHECK(h.result.next_attempt == USEC_INFINITY);
        CHECK_INT(courier_run(&h.settings, h.now, &h.result), 0);
        CHECK_INT(h.script.calls, 2);
        CHECK(strstr(h.script.last_message, "X-Reprieve-Job: staff\r\n"));
        CHECK(strstr(h.script.last_message, "@example.com>\r\nAuto-Submitted"));
}

TEST(n2_one_refused_and_one_late_recipient_keep_nobody_else_waiting) {
        HOUSE(h);
        _cleanup_job_state_ JobState state = {};
        uint64_t n;

        CHECK_INT(house_job(&h, "staff", "t1@x p1@x a1@x"), 0);
        CHECK_INT(queue_test(&h, "staff"), 0);
        CHECK_INT(courier_run(&h.settings, h.now, &h.result), 0);
        CHECK_STR(h.script.accepted.data, "a1@x ");
        CHECK_INT(h.script.failed, 2);
        CHECK_INT(h.result.stuck, 1);
        CHECK_INT(get_state(&h, "staff", &state, &n), 0);
        CHECK_INT(n, 1);
        CHECK_STR(state.notification_problem, "the mail test is not sent: p1@x: 550 unknown");

        /* Within the back-off nothing happens; after it the late one is tried, the refused one is not. */
        CHECK_INT(courier_run(&h.settings, h.now, &h.result), 0);
        CHECK_INT(h.script.calls, 3);
        h.now += 90 * USEC_PER_SEC;
        CHECK_INT(courier_run(&h.settings, h.now, &h.result), 0);
        CHECK_INT(h.script.calls, 4);
        h.now += 2 * USEC_PER_DAY;
        CHECK_INT(courier_run(&h.settings, h.now, &h.result), 0);
        CHECK_INT(h.script.calls, 6);
        CHECK_STR(h.script.accepted.data, "a1@x ");
}

TEST(n2_a_changed_configuration_is_tried_at_once_and_clears_the_problem) {
        HOUSE(h);
        _cleanup_job_state_ JobState state = {};
        uint64_t n;

        CHECK_INT(house_job(&h, "staff", "p1@x a1@x"), 0);
        CHECK_INT(queue_test(&h, "staff"), 0);
        CHECK_INT(courier_run(&h.settings, h.now, &h.result), 0);
        CHECK(h.script.last_permanent);
        CHECK_INT(house_job(&h, "staff", "b1@x a1@x"), 0);
        CHECK_INT(courier_run(&h.settings, h.now, &h.result), 0);
        CHECK_STR(h.script.accepted.data, "a1@x b1@x ");
        CHECK_INT(get_state(&h, "staff", &state, &n), 0);
        CHECK_INT(n, 0);
        CHECK(!state.notification_problem);
}

TEST(n2_a_server_that_is_down_is_asked_once_and_loses_nothing) {
        HOUSE(h);
        static const char *const jobs[] = { "one", "two", "three" };

        for (size_t i = 0; i < ELEMENTSOF(jobs); i++) {
                CHECK_INT(house_job(&h, jobs[i], "u1@x"), 0);
                CHECK_INT(queue_test(&h, jobs[i]), 0);
        }
        CHECK_INT(courier_run(&h.settings, h.now, &h.result), 0);
        CHECK_INT(h.script.calls, 1);
        CHECK_INT(h.script.failed, 3);
        CHECK_INT(h.result.stuck, 3);
        for (size_t i = 0; i < ELEMENTSOF(jobs); i++) {
                _cleanup_job_state_ JobState state = {};
                uint64_t n;

                CHECK_INT(get_state(&h, jobs[i], &state, &n), 0);
                CHECK_INT(n, 1);
                CHECK_STR(state.notification_problem, "the mail test is not sent: connection refused");
                CHECK_INT(house_job(&h, jobs[i], "a1@x"), 0);
        }
        CHECK_INT(courier_run(&h.settings, h.now, &h.result), 0);
        CHECK_INT(h.result.sent, 3);
        CHECK_INT(h.result.waiting, 0);
}

TEST(a_recipient_who_hangs_the_server_does_not_starve_the_others) {
        HOUSE(h);

        CHECK_INT(house_job(&h, "a", "s1@x s2@x s3@x"), 0);
        CHECK_INT(house_job(&h, "b", "a1@x"), 0);
        CHECK_INT(queue_test(&h, "a"), 0);
        CHECK_INT(queue_test(&h, "b"), 0);
        CHECK_INT(courier_run(&h.settings, h.now, &h.result), 0);
        CHECK_INT(h.script.calls, 2);
        CHECK_INT(h.result.stuck, 2);
        h.now += 2 * USEC_PER_MINUTE;
        CHECK_INT(courier_run(&h.settings, h.now, &h.result), 0);
        CHECK_STR(h.script.accepted.data, "a1@x ");
        CHECK_INT(h.result.waiting, 1);
}

TEST(n4_a_bad_server_configuration_shows_on_every_job_with_mail) {
        HOUSE(h);
        _cleanup_job_state_ JobState state = {};
        uint64_t n;

        CHECK_INT(house_job(&h, "staff", "a1@x"), 0);
        CHECK_INT(queue_test(&h, "staff"), 0);
        h.settings.unusable = "reprieve.conf:3: bad";
        CHECK_INT(courier_run(&h.settings, h.now, &h.result), 0);
        CHECK_INT(h.script.calls, 0);
        CHECK_INT(get_state(&h, "staff", &state, &n), 0);
        CHECK_STR(state.notification_problem, "the mail test is not sent: reprieve.conf:3: bad");
        h.settings.unusable = NULL;
        CHECK_INT(courier_run(&h.settings, h.now, &h.result), 0);
        CHECK_INT(h.script.calls, 0);
        h.settings.try_all = true;
        CHECK_INT(courier_run(&h.settings, h.now, &h.result), 0);
        CHECK_INT(h.result.sent, 1);
}

TEST(g4_mail_for_nobody_does_not_wait_for_ever) {
        HOUSE(h);

        CHECK_INT(house_job(&h, "staff", "a1@x"), 0);
        CHECK_INT(queue_test(&h, "staff"), 0);
        CHECK_INT(house_job(&h, "staff", ""), 0);
        CHECK_INT(courier_run(&h.settings, h.now, &h.result), 0);
        CHECK_INT(h.script.calls, 0);
        CHECK_INT(h.script.nobody, 1);
        CHECK_INT(h.result.waiting, 0);
}

TEST(n2_a_job_file_that_cannot_be_read_loses_no_mail) {
        HOUSE(h);

        CHECK_INT(house_job(&h, "staff", "a1@x"), 0);
        CHECK_INT(queue_test(&h, "staff"), 0);
        CHECK_INT(house_job(&h, "staff", "a1@x\nNonsense=1"), 0);
        CHECK_INT(courier_run(&h.settings, h.now, &h.result), 0);
        CHECK_STR(h.script.accepted.data, "a1@x ");
}

static int stage_review(House *h, const char *job, unsigned n) {
        _cleanup_ledger_ Ledger *l = NULL;
        char review[17];
        int r;

        r = ledger_open(h->state, job, LEDGER_READ_WRITE, &l, NULL);
        if (r == 0)
                r = ledger_begin(l);
        for (unsigned i = 0; r == 0 && i < n; i++) {
                char id[32];
                uint64_t link;

                (void) snprintf(id, sizeof(id), "u%u-%u", i, i * 7919U);
                r = add_user(l, id, &link);
                if (r == 0)
                        r = ledger_stage(l, &(Staged) { .link = link,
                                                       .kind = OBJECT_KIND_USER,
                                                       .source_id = id,
                                                       .target_id = id,
                                                       .display_name = id,
                                                       .action = CHANGE_DELETE,
                                                       .cause = CAUSE_DELETED,
                                                       .staged_at = clock_now(),
                                                       .change_id = id });
        }
        if (r == 0)
                r = ledger_open_review(l, QUARANTINE_TOO_MANY_DELETES, clock_now(), review);
        return r == 0 ? ledger_commit(l) : r;
}

TEST(n1_reminders_come_without_a_service_and_do_not_pile_up) {
        HOUSE(h);
        _cleanup_job_state_ JobState state = {};
        uint64_t n;

        CHECK_INT(house_job(&h, "staff", "a1@x"), 0);
        CHECK_INT(stage_review(&h, "staff", 3), 0);
        /* Nobody was told yet: due at once. */
        CHECK_INT(courier_run(&h.settings, h.now, &h.result), 0);
        CHECK_INT(h.result.sent, 1);
        CHECK(strstr(h.script.last_message, "X-Reprieve-Event: reminder\r\n"));
        CHECK(h.result.next_attempt == h.now + USEC_PER_DAY);
        CHECK_INT(courier_run(&h.settings, h.now, &h.result), 0);
        CHECK_INT(h.script.calls, 1);

        h.now += 25 * USEC_PER_HOUR;
        CHECK_INT(house_job(&h, "staff", "u1@x"), 0);
        CHECK_INT(courier_run(&h.settings, h.now, &h.result), 0);
        CHECK_INT(h.result.stuck, 1);
        h.now += 4 * USEC_PER_DAY;
        CHECK_INT(courier_run(&h.settings, h.now, &h.result), 0);
        CHECK_INT(get_state(&h, "staff", &state, &n), 0);
        CHECK_INT(n, 1);
}

TEST(n2_a_clock_that_is_set_back_keeps_no_mail_waiting) {
        HOUSE(h);

        CHECK_INT(house_job(&h, "job", "t1@x"), 0);
        CHECK_INT(queue_test(&h, "job"), 0);
        h.now += 520 * USEC_PER_WEEK;
        CHECK_INT(courier_run(&h.settings, h.now, &h.result), 0);
        CHECK_INT(h.script.calls, 1);
        CHECK_INT(courier_run(&h.settings, h.now, &h.result), 0);
        CHECK_INT(h.script.calls, 1);
        h.now -= 520 * USEC_PER_WEEK;
        CHECK_INT(courier_look(&h.settings, h.now, &h.result), 0);
        CHECK(h.result.next_attempt <= h.now);
        CHECK_INT(courier_run(&h.settings, h.now, &h.result), 0);
        CHECK_INT(h.script.calls, 2);
        CHECK(h.result.next_attempt > h.now && h.result.next_attempt < h.now + USEC_PER_HOUR);
}

TEST(n1_nor_does_it_end_the_reminders) {
        HOUSE(h);

        CHECK_INT(house_job(&h, "staff", "a1@x"), 0);
        CHECK_INT(stage_review(&h, "staff", 3), 0);
        h.now += 520 * USEC_PER_WEEK;
        CHECK_INT(courier_run(&h.settings, h.now, &h.result), 0);
        CHECK_INT(h.script.sent, 1);
        h.now -= 520 * USEC_PER_WEEK;
        CHECK_INT(courier_run(&h.settings, h.now, &h.result), 0);
        CHECK_INT(h.script.sent, 2);
        CHECK(h.result.next_attempt == h.now + USEC_PER_DAY);
}

TEST(a_mail_that_is_too_large_goes_without_its_list) {
        HOUSE(h);

        CHECK_INT(house_job(&h, "staff", "a1@x a2@x"), 0);
        CHECK_INT(stage_review(&h, "staff", 4000), 0);
        h.script.size_limit = 100000;
        CHECK_INT(courier_run(&h.settings, h.now, &h.result), 0);
        CHECK_STR(h.script.accepted.data, "a1@x a2@x ");
        CHECK_INT(h.script.calls, 3);
        CHECK(!strstr(h.script.last_message, "multipart/mixed"));
        CHECK(strstr(h.script.last_message, "The list is not attached"));
}

TEST(one_broken_ledger_does_not_stop_the_others) {
        HOUSE(h);
        char path[1024];

        CHECK_INT(house_job(&h, "a", "a1@x"), 0);
        CHECK_INT(house_job(&h, "b", "b1@x"), 0);
        CHECK_INT(queue_test(&h, "b"), 0);
        (void) snprintf(path, sizeof(path), "%s/jobs/a", h.state);
        CHECK_INT(mkdir_parents(path, 0755), 0);
        (void) snprintf(path, sizeof(path), "%s/jobs/a/ledger.db", h.state);
        CHECK_INT(file_write_atomic(path, "this is no database, but long enough to be looked at as one", 60, 0644),
                  0);
        CHECK_INT(courier_run(&h.settings, h.now, &h.result), 0);
        CHECK_INT(h.script.job_failed, 1);
        CHECK_INT(h.result.failed_jobs, 1);
        CHECK_STR(h.script.accepted.data, "b1@x ");
}

TEST(without_a_job_there_is_nothing_to_do) {
        HOUSE(h);

        CHECK_INT(courier_run(&h.settings, h.now, &h.result), 0);
        CHECK(h.result.next_attempt == USEC_INFINITY && h.result.waiting == 0);
}
