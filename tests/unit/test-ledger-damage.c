/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>

#include "file-util.h"
#include "ledger-exercise.h"
#include "ledger-test.h"

/* A small ledger with something in every table. */
static int fill(Ledger *l) {
        CycleRecord c = { .id = "cycle", .started = 1, .finished = 2, .result = CYCLE_STAGED, .verdict = "threshold", .counts = { 5, 4, 3 } };
        _cleanup_job_state_ JobState state = {};
        uint64_t decided, later;
        char id[16], review[17];
        unsigned missing;
        int r;

        r = ledger_get_state(l, &state);
        if (r >= 0)
                r = ledger_begin(l);
        strcpy(state.fingerprint, "abc");
        state.quarantine = QUARANTINE_TOO_MANY_DELETES;
        if (r >= 0)
                r = ledger_set_state(l, &state);
        for (unsigned i = 0; i < 60 && r >= 0; i++) {
                (void) snprintf(id, sizeof(id), "u%02u", i);
                r = add_user(l, id, NULL);
                if (r >= 0 && i < 20)
                        r = ledger_stage(l, &(Staged) { .kind = OBJECT_KIND_USER, .source_id = id, .target_id = id, .link = i + 1,
                                                        .action = CHANGE_DELETE, .cause = CAUSE_DELETED, .staged_at = 5 });
        }
        if (r >= 0)
                r = add_group(l, "g", NULL);
        for (uint64_t i = 1; i < 30 && r >= 0; i++)
                r = ledger_add_member(l, 61, i);
        if (r >= 0)
                r = ledger_open_review(l, QUARANTINE_TOO_MANY_DELETES, 5, review);
        if (r >= 0)
                r = ledger_add_intent(l, &(Intent) { .source_id = "u00", .desired = "{}" });
        if (r >= 0)
                r = ledger_put_escrow(l, &(Escrow) { .source_id = "u01", .text = "no" });
        if (r >= 0)
                r = ledger_begin_cycle(l, &c);
        if (r >= 0)
                r = ledger_finish_cycle(l, &c);
        if (r >= 0)
                r = ledger_add_removals(l, 5, 6);
        if (r >= 0)
                r = ledger_queue_mail(l, &(Mail) { .event = "review-opened", .payload = "{}" });
        if (r >= 0)
                r = ledger_commit(l);
        if (r >= 0)
                r = ledger_begin(l);
        if (r >= 0)
                r = ledger_reject(l, &(Decision) { .review = review, .uid = 1, .user = "u", .at = 6 },
                                  &(ObjectName) { OBJECT_KIND_USER, "u03" }, 1, 1, NULL, NULL, &decided, &later, &missing);
        return end_transaction(l, r);
}

typedef enum Outcome {
        SAME,
        DIFFERENT,
        REFUSED,
} Outcome;

/* Opens and reads all; @text is what there was before the damage. */
static int look(const char *job, const char *text, Outcome *ret) {
        _cleanup_ledger_ Ledger *l = NULL;
        _cleanup_error_ Error *error = NULL;
        Everything e = {};
        int r;

        r = ledger_open(tap_tmpdir(), job, LEDGER_READ_ONLY, &l, &error);
        if (r >= 0) {
                e.ledger = l;
                r = everything_read(&e);
        }
        *ret = r < 0 ? REFUSED : streq(strempty(e.text.data), text) ? SAME : DIFFERENT;
        strbuf_done(&e.text);
        if (r >= 0 || r == -EBADMSG || r == -EUCLEAN || r == -ENOENT)
                return 0;
        tap_diag("%d: %s", r, l ? ledger_last_error(l) : error_text(error, r));
        return r;
}

TEST(a_damaged_ledger_is_refused_or_answers_but_never_crashes) {
        static const char job[] = "damage";
        _cleanup_free_ char *data = NULL;
        unsigned outcomes[3] = {};
        _cleanup_close_ int fd = -1;
        Everything e = {};
        Outcome outcome;
        size_t size;

        {
                _cleanup_ledger_ Ledger *l = ledger_open_test(job, LEDGER_READ_WRITE);

                CHECK(l);
                OK(fill(l));
                e.ledger = l;
                OK(everything_read(&e));
        }
        CHECK_INT(file_read_full(state_file(job, "ledger.db"), 16 << 20, &data, &size), 0);
        CHECK_INT(look(job, e.text.data, &outcome), 0);
        CHECK_INT(outcome, SAME);
        fd = open(state_file(job, "ledger.db"), O_RDWR | O_CLOEXEC);
        CHECK(fd >= 0);

        for (size_t i = 0; i < size; i += 100) {
                char c = (char) ~data[i];

                CHECK_INT(pwrite(fd, &c, 1, (off_t) i), 1);
                CHECK_INT(look(job, e.text.data, &outcome), 0);
                outcomes[outcome]++;
                CHECK_INT(pwrite(fd, &data[i], 1, (off_t) i), 1);
        }
        tap_diag("%zu bytes flipped one at a time: %u refused, %u unnoticed without effect, %u with", (size + 99) / 100,
                 outcomes[REFUSED], outcomes[SAME], outcomes[DIFFERENT]);
        /* SQLite has no sums over what it keeps: a letter of a name can change. What it keeps it by cannot. */
        CHECK(outcomes[DIFFERENT] < (size + 99) / 100 / 10);

        /* All of them at once. */
        for (size_t i = 0; i < size; i += 100) {
                char c = (char) ~data[i];

                CHECK_INT(pwrite(fd, &c, 1, (off_t) i), 1);
        }
        CHECK_INT(look(job, e.text.data, &outcome), 0);
        CHECK_INT(outcome, REFUSED);
        strbuf_done(&e.text);
}

static int write_some(Ledger *l) {
        uint64_t decided, later;
        char review[17];
        unsigned missing;
        int r;

        r = ledger_current_review(l, review, NULL, NULL);
        if (r < 0)
                return r;
        r = ledger_begin(l);
        if (r < 0)
                return r;
        r = ledger_allow(l, &(Decision) { .review = review, .uid = 1, .user = "u", .at = 6 }, NULL, 0, 1, NULL, NULL, &decided,
                         &later, &missing);
        /* A damaged ledger may have lost its review: then nothing was decided, and the rest is written. */
        if (r >= 0)
                r = ledger_commit(l);
        else
                ledger_rollback(l);
        if (r < 0)
                return r;
        r = ledger_begin(l);
        if (r < 0)
                return r;
        r = add_user(l, "new", NULL);
        for (uint64_t i = 1; i < 60 && r >= 0; i += 3) {
                r = ledger_remove_link(l, i);
                if (r >= 0)
                        r = ledger_update_link(l, &(Link) { .id = i + 1, .target_id = "x", .written = "a longer text than before" });
                if (r == -EEXIST || r == -ENOENT)
                        r = 0;
        }
        if (r >= 0)
                return ledger_commit(l);
        ledger_rollback(l);
        return r;
}

TEST(writing_to_a_damaged_ledger_fails_or_works_but_never_crashes) {
        static const char job[] = "damage-write";
        _cleanup_free_ char *data = NULL;
        unsigned refused = 0;
        size_t size;
        int r;

        {
                _cleanup_ledger_ Ledger *l = ledger_open_test(job, LEDGER_READ_WRITE);

                CHECK(l);
                OK(fill(l));
        }
        CHECK_INT(file_read_full(state_file(job, "ledger.db"), 16 << 20, &data, &size), 0);
        for (size_t i = 0; i < size; i += i < 4096 ? 31 : 1009) {
                _cleanup_ledger_ Ledger *l = NULL;

                CHECK_INT(unlink(state_file(job, "ledger.db")), 0);
                (void) unlink(state_file(job, "ledger.db-wal"));
                (void) unlink(state_file(job, "ledger.db-shm"));
                data[i] = (char) ~data[i];
                r = open(state_file(job, "ledger.db"), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
                CHECK(r >= 0);
                CHECK_INT(loop_write(r, data, size), 0);
                safe_close(r);
                data[i] = (char) ~data[i];
                r = ledger_open(tap_tmpdir(), job, LEDGER_READ_WRITE, &l, NULL);
                if (r >= 0)
                        r = write_some(l);
                refused += r < 0;
                if (r < 0 && r != -EBADMSG && r != -EUCLEAN)
                        tap_fail(__FILE__, __LINE__, "byte %zu: %d %s", i, r, l ? ledger_last_error(l) : "");
        }
        CHECK(refused > 0);
}

TEST(a_ledger_that_is_cut_off_is_refused_or_answers) {
        static const char job[] = "cut";
        _cleanup_free_ char *data = NULL;
        unsigned outcomes[3] = {};
        Everything e = {};
        Outcome outcome;
        size_t size;

        {
                _cleanup_ledger_ Ledger *l = ledger_open_test(job, LEDGER_READ_WRITE);

                CHECK(l);
                OK(fill(l));
                e.ledger = l;
                OK(everything_read(&e));
        }
        CHECK_INT(file_read_full(state_file(job, "ledger.db"), 16 << 20, &data, &size), 0);
        for (size_t n = size; n > 0; n -= MIN2(n, (size_t) 1500)) {
                CHECK_INT(truncate(state_file(job, "ledger.db"), (off_t) n), 0);
                CHECK_INT(look(job, e.text.data, &outcome), 0);
                outcomes[outcome]++;
                CHECK(outcome != DIFFERENT);
        }
        CHECK(outcomes[REFUSED] > 0);
        strbuf_done(&e.text);
}
