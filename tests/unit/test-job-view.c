/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <unistd.h>

#include "file-util.h"
#include "job-view.h"
#include "service.h"
#include "string-util.h"
#include "tap.h"
#include "time-util.h"

/* A job of its own for each test. */
static Ledger *new_ledger(const char *job) {
        Ledger *l = NULL;

        (void) ledger_open(tap_tmpdir(), job, LEDGER_READ_WRITE, &l, NULL);
        return l;
}

static void add_cycle(Ledger *l, char digit, CycleResult result) {
        CycleRecord c = { .started = clock_now(), .result = CYCLE_RUNNING };

        memset(c.id, digit, 32);
        (void) ledger_begin(l);
        (void) ledger_begin_cycle(l, &c);
        c.result = result;
        c.finished = clock_now();
        if (result != CYCLE_RUNNING)
                (void) ledger_finish_cycle(l, &c);
        (void) ledger_commit(l);
}

TEST(a_job_without_a_ledger_has_an_empty_view_and_gets_no_ledger) {
        _cleanup_free_ char *path = path_join(tap_tmpdir(), "jobs/none");
        JobView v = {};

        CHECK_INT(job_view_read(tap_tmpdir(), "none", &v), 0);
        CHECK(!v.exists && !v.error && !v.has_cycle);
        CHECK(access(path, F_OK) < 0);
        job_view_done(&v);
}

TEST(the_newest_cycle_that_ended_is_shown_and_one_without_an_end_is_named) {
        Ledger *l = new_ledger("cycles");
        JobView v = {};

        add_cycle(l, 'a', CYCLE_SUCCESS);
        CHECK_INT(job_view_read(tap_tmpdir(), "cycles", &v), 0);
        CHECK_STR(v.cycle.id, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
        CHECK_STR(v.unfinished, "");
        job_view_done(&v);
        add_cycle(l, 'b', CYCLE_RUNNING);
        CHECK_INT(job_view_read(tap_tmpdir(), "cycles", &v), 0);
        CHECK_STR(v.cycle.id, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
        CHECK_STR(v.unfinished, "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb");
        CHECK(v.unfinished_since > 0);
        job_view_done(&v);
        add_cycle(l, 'c', CYCLE_FAILED);
        CHECK_INT(job_view_read(tap_tmpdir(), "cycles", &v), 0);
        CHECK_INT(v.cycle.result, CYCLE_FAILED);
        CHECK_STR(v.unfinished, "");
        job_view_done(&v);
        (void) ledger_free(l);
}

TEST(a_view_is_current_until_something_is_committed) {
        Ledger *l = new_ledger("current"), *reader = NULL;
        JobView v = {}, w = {};

        add_cycle(l, 'a', CYCLE_SUCCESS);
        (void) usleep(100 * 1000); /* file times are coarse: right after a commit no view is trusted */
        CHECK_INT(job_view_read(tap_tmpdir(), "current", &v), 0);
        CHECK(job_view_is_current(&v, tap_tmpdir(), "current"));
        CHECK_INT(ledger_open(tap_tmpdir(), "current", LEDGER_READ_ONLY, &reader, NULL), 0);
        (void) ledger_free(reader);
        CHECK(job_view_is_current(&v, tap_tmpdir(), "current"));
        add_cycle(l, 'b', CYCLE_SUCCESS);
        CHECK(!job_view_is_current(&v, tap_tmpdir(), "current"));
        CHECK_INT(job_view_read(tap_tmpdir(), "current", &w), 0);
        CHECK_INT(job_view_differences(&v, &w), JOB_CHANGED_CYCLE);
        CHECK_INT(job_view_differences(&w, &w), 0);
        job_view_done(&v);
        job_view_done(&w);
        (void) ledger_free(l);
}

TEST(a_commit_within_the_same_tick_of_the_clock_is_not_missed) {
        Ledger *l = new_ledger("tick");
        unsigned missed = 0;

        for (unsigned i = 0; i < 50; i++) {
                JobView v = {};
                uint64_t mail;

                CHECK_INT(job_view_read(tap_tmpdir(), "tick", &v), 0);
                mail = v.mails;
                (void) ledger_begin(l);
                (void) ledger_queue_mail(
                        l, &(Mail){.event = "test", .payload = "{}", .queued_at = 1, .message_id = "x"});
                (void) ledger_commit(l);
                if (job_view_is_current(&v, tap_tmpdir(), "tick"))
                        missed++;
                job_view_done(&v);
                CHECK_INT(job_view_read(tap_tmpdir(), "tick", &v), 0);
                CHECK_INT(v.mails, mail + 1);
                job_view_done(&v);
        }
        CHECK_INT(missed, 0);
        (void) ledger_free(l);
}

TEST(a_damaged_ledger_is_a_view_with_an_error_and_without_numbers) {
        _cleanup_free_ char *path = path_join(tap_tmpdir(), "jobs/damaged/ledger.db");
        Ledger *l = new_ledger("damaged");
        JobView v = {}, good = {};

        add_cycle(l, 'a', CYCLE_SUCCESS);
        (void) ledger_free(l);
        CHECK_INT(job_view_read(tap_tmpdir(), "damaged", &good), 0);
        CHECK_INT(file_write_atomic(path, "nothing", 7, 0600), 0);
        CHECK(!job_view_is_current(&good, tap_tmpdir(), "damaged"));
        CHECK_INT(job_view_read(tap_tmpdir(), "damaged", &v), 0);
        CHECK(v.exists && v.error && strstr(v.error, "ledger.db"));
        CHECK(!v.has_cycle);
        CHECK(job_view_differences(&good, &v) & JOB_CHANGED_STATUS);
        job_view_done(&v);
        job_view_done(&good);
}
