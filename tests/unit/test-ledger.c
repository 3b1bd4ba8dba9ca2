/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "file-util.h"
#include "ledger-private.h"
#include "ledger-test.h"

static int count_link(const Link *link, void *userdata) {
        unsigned *n = userdata;

        (*n)++;
        return 0;
}

/* Runs SQL on a job's ledger from outside, as a person with sqlite3(1) would. */
static int from_outside(const char *job, const char *sql) {
        sqlite3 *db = NULL;
        int rc;

        rc = sqlite3_open(state_file(job, "ledger.db"), &db);
        if (rc == SQLITE_OK)
                rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
        (void) sqlite3_close(db);
        return rc;
}

TEST(a_new_ledger_is_private_and_empty) {
        NEW_LEDGER(l);
        _cleanup_job_state_ JobState s = {};
        uint64_t all, enabled;
        struct stat st;

        CHECK_INT(stat(state_file(__func__, "ledger.db"), &st), 0);
        CHECK_INT(st.st_mode & 07777, 0600);
        CHECK_INT(stat(state_file(__func__, "ledger.db-wal"), &st), 0);
        CHECK_INT(st.st_mode & 07777, 0600);
        CHECK_INT(stat(state_file(__func__, ""), &st), 0);
        CHECK_INT(st.st_mode & 07777, 0700);
        OK(ledger_get_state(l, &s));
        CHECK_INT(s.generation, 0);
        CHECK_INT(s.quarantine, QUARANTINE_NONE);
        CHECK(!s.paused && !s.disabled && !s.full_requested && !s.quarantine_message && !s.mail_thread);
        CHECK_STR(s.fingerprint, "");
        OK(ledger_count_links(l, OBJECT_KIND_USER, &all, &enabled));
        CHECK_INT(all, 0);
        CHECK_INT(enabled, 0);
}

TEST(nothing_is_made_for_a_reader) {
        _cleanup_error_ Error *error = NULL;
        Ledger *l = NULL;
        struct stat st;
        int fd;

        CHECK_INT(ledger_open(tap_tmpdir(), "nobody", LEDGER_READ_ONLY, &l, &error), -ENOENT);
        CHECK(strstr(error->text, "no ledger"));
        CHECK_INT(stat(state_file("nobody", ""), &st), -1);
        /* Made, but its maker was killed before the schema was in. */
        CHECK_INT(mkdir_parents(state_file("nobody", ""), 0700), 0);
        fd = open(state_file("nobody", "ledger.db"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
        CHECK(fd >= 0);
        safe_close(fd);
        CHECK_INT(ledger_open(tap_tmpdir(), "nobody", LEDGER_READ_ONLY, &l, &error), -ENOENT);
        CHECK_INT(ledger_open(tap_tmpdir(), "nobody", LEDGER_READ_WRITE, &l, &error), 0);
        ledger_free(l);
        CHECK_INT(ledger_open(tap_tmpdir(), "nobody", LEDGER_READ_ONLY, &l, &error), 0);
        CHECK_INT(ledger_begin(l), -EROFS);
        OK(ledger_begin_read(l));
        OK(ledger_commit(l));
        ledger_free(l);
}

TEST(a_job_cannot_be_named_out_of_its_folder) {
        Ledger *l = NULL;

        CHECK_INT(ledger_open(tap_tmpdir(), "../x", LEDGER_READ_WRITE, &l, NULL), -EINVAL);
        CHECK_INT(ledger_open(tap_tmpdir(), "..", LEDGER_READ_WRITE, &l, NULL), -EINVAL);
        CHECK_INT(ledger_open(tap_tmpdir(), "", LEDGER_READ_WRITE, &l, NULL), -EINVAL);
        CHECK_INT(ledger_remove(tap_tmpdir(), "a/.."), -EINVAL);
        CHECK_INT(job_lock(tap_tmpdir(), ".x"), -EINVAL);
}

TEST(the_state_is_kept_as_it_was_set) {
        _cleanup_job_state_ JobState s = {}, t = {};
        uint8_t secret[64], again[64];

        {
                NEW_LEDGER(l);
                OK(ledger_get_state(l, &s));
                s.paused = s.full_requested = true;
                strcpy(s.fingerprint, "0123456789abcdef0123456789abcdef");
                s.kinds = 3;
                s.quarantine = QUARANTINE_ESCROW;
                s.quarantine_message = strdup("Every change failed: \xc3\xa4");
                s.quarantine_since = 1700000000000000;
                s.quarantine_count = 7;
                s.next_attempt = UINT64_MAX;
                s.incomplete_in_a_row = 4;
                s.notification_problem = strdup("no server");
                s.mailed_staged = 58;
                s.mailed_at = 2;
                s.warned_at = 3;
                s.mail_thread = strdup("<a@b>");
                s.generation = 99; /* not ours to set */
                OK(ledger_begin(l));
                OK(ledger_set_state(l, &s));
                OK(ledger_commit(l));
                OK(ledger_get_secret(l, secret));
        }
        {
                NEW_LEDGER(l);
                OK(ledger_get_state(l, &t));
                OK(ledger_get_secret(l, again));
        }
        CHECK(t.paused && !t.disabled && t.full_requested);
        CHECK_STR(t.fingerprint, s.fingerprint);
        CHECK_INT(t.kinds, 3);
        CHECK_INT(t.quarantine, QUARANTINE_ESCROW);
        CHECK_STR(t.quarantine_message, s.quarantine_message);
        CHECK_INT(t.quarantine_since, 1700000000000000);
        CHECK_INT(t.quarantine_count, 7);
        CHECK(t.next_attempt == UINT64_MAX);
        CHECK_INT(t.incomplete_in_a_row, 4);
        CHECK_STR(t.notification_problem, "no server");
        CHECK_INT(t.mailed_staged, 58);
        CHECK_INT(t.mailed_at, 2);
        CHECK_INT(t.warned_at, 3);
        CHECK_STR(t.mail_thread, "<a@b>");
        CHECK_INT(t.generation, 0);
        CHECK_INT(memcmp(secret, again, sizeof(secret)), 0);
}

TEST(each_ledger_has_a_secret_of_its_own) {
        _cleanup_ledger_ Ledger *l = ledger_open_test("secret-1", LEDGER_READ_WRITE);
        _cleanup_ledger_ Ledger *m = ledger_open_test("secret-2", LEDGER_READ_WRITE);
        uint8_t a[64], b[64];

        CHECK(l && m);
        OK(ledger_get_secret(l, a));
        OK(ledger_get_secret(m, b));
        CHECK(memcmp(a, b, sizeof(a)) != 0);
}

TEST(quarantine_reasons_have_names_both_ways) {
        for (QuarantineReason r = 0; r < _QUARANTINE_REASON_MAX; r++)
                CHECK_INT(quarantine_reason_from_string(quarantine_reason_to_string(r)), r);
        CHECK_INT(quarantine_reason_from_string("toomanydeletes"), _QUARANTINE_REASON_INVALID);
        CHECK_INT(quarantine_reason_from_string(NULL), _QUARANTINE_REASON_INVALID);
        CHECK(quarantine_reason_is_review(QUARANTINE_CONFIGURATION_CHANGED));
        CHECK(!quarantine_reason_is_review(QUARANTINE_INVALID_CREDENTIALS));
        CHECK(!quarantine_reason_is_review(QUARANTINE_NONE));
}

TEST(each_commit_that_changed_links_has_a_generation_of_its_own) {
        NEW_LEDGER(l);
        _cleanup_job_state_ JobState s = {};
        uint64_t id, before;

        OK(ledger_begin(l));
        OK(add_user(l, "a", &id));
        OK(add_user(l, "b", NULL));
        OK(ledger_commit(l));
        OK(ledger_get_state(l, &s));
        CHECK(s.generation != 0);
        before = s.generation;

        OK(ledger_begin(l));
        OK(ledger_set_absent(l, id, true));
        OK(ledger_add_removals(l, 5, 1));
        OK(ledger_set_state(l, &s));
        OK(ledger_add_member(l, 1, 2));
        OK(ledger_remove_member(l, 1, 2));
        ledger_rollback(l);
        OK(ledger_begin(l));
        OK(ledger_remove_member(l, 1, 2));
        OK(ledger_commit(l));
        OK(ledger_get_state(l, &s));
        CHECK(s.generation == before);

        OK(ledger_begin(l));
        OK(ledger_add_member(l, 1, 2));
        OK(ledger_commit(l));
        OK(ledger_begin(l));
        OK(ledger_add_member(l, 1, 2));
        OK(ledger_commit(l));
        OK(ledger_get_state(l, &s));
        CHECK(s.generation != before && s.generation != 0);
        /* A counter would come to the same number in a copy that is used on. */
        CHECK(s.generation != before + 1);
}

TEST(a_rollback_leaves_nothing) {
        NEW_LEDGER(l);
        uint64_t id, again, all, enabled;
        unsigned n = 0;

        OK(ledger_begin(l));
        OK(add_user(l, "a", &id));
        OK(ledger_count_links(l, OBJECT_KIND_USER, &all, &enabled));
        CHECK_INT(all, 1);
        ledger_rollback(l);
        ledger_rollback(l);
        OK(ledger_count_links(l, OBJECT_KIND_USER, &all, &enabled));
        CHECK_INT(all, 0);
        OK(ledger_scan_links(l, OBJECT_KIND_USER, false, count_link, &n));
        CHECK_INT(n, 0);
        OK(ledger_begin(l));
        OK(add_user(l, "b", &again));
        OK(ledger_commit(l));
        CHECK_INT(again, id);
}

TEST(a_newer_ledger_is_refused_and_left_alone) {
        _cleanup_error_ Error *error = NULL;
        Ledger *l = ledger_open_test(__func__, LEDGER_READ_WRITE);

        CHECK(l);
        ledger_free(l);
        CHECK_INT(from_outside(__func__, "PRAGMA user_version = 99"), SQLITE_OK);
        CHECK_INT(ledger_open(tap_tmpdir(), __func__, LEDGER_READ_WRITE, &l, &error), -EUCLEAN);
        CHECK(strstr(error->text, "newer version") && strstr(error->text, "ledger.db"));
        CHECK_STR(error->id, "LedgerTooNew");
        CHECK_INT(ledger_open(tap_tmpdir(), __func__, LEDGER_READ_ONLY, &l, &error), -EUCLEAN);
        CHECK_INT(from_outside(__func__, "PRAGMA user_version = 5"), SQLITE_OK);
        CHECK_INT(ledger_open(tap_tmpdir(), __func__, LEDGER_READ_ONLY, &l, &error), 0);
        ledger_free(l);
}

TEST(a_ledger_that_cannot_be_looked_at_says_why) {
        _cleanup_free_ char *jobs = path_join(tap_tmpdir(), "jobs"), *path = NULL;
        _cleanup_error_ Error *error = NULL;
        Ledger *l;
        FILE *f;

        path = path_join(jobs, __func__);
        CHECK_INT(mkdir_parents(jobs, 0700), 0);
        f = fopen(path, "we");
        CHECK(f);
        (void) fclose(f);
        CHECK_INT(ledger_open(tap_tmpdir(), __func__, LEDGER_READ_ONLY, &l, &error), -ENOTDIR);
        CHECK(strstr(error->text, "ledger.db: Not a directory; check the owner"));
}

static int migration_that_adds(Ledger *l) {
        int rc = sqlite3_exec(l->db, "ALTER TABLE job ADD COLUMN colour TEXT; UPDATE job SET colour = 'red'", NULL, NULL, NULL);

        return rc == SQLITE_OK ? 0 : ledger_sqlite_error(l, rc);
}

static int migration_that_fails(Ledger *l) {
        (void) sqlite3_exec(l->db, "DROP TABLE outbox", NULL, NULL, NULL);
        return ledger_fail(l, -EIO, "on purpose");
}

TEST(an_old_ledger_is_brought_up_to_date_step_by_step_or_not_at_all) {
        Migration good[] = { ledger_migrations[0], ledger_migrations[1], ledger_migrations[2], ledger_migrations[3], ledger_migrations[4], migration_that_adds };
        Migration bad[] = { ledger_migrations[0], ledger_migrations[1], ledger_migrations[2], ledger_migrations[3], ledger_migrations[4], migration_that_adds,
                            migration_that_fails };
        _cleanup_error_ Error *error = NULL;
        uint64_t n;
        Ledger *l;

        l = ledger_open_test(__func__, LEDGER_READ_WRITE);
        CHECK(l);
        OK(ledger_begin(l));
        OK(add_user(l, "a", NULL));
        OK(ledger_commit(l));
        ledger_free(l);

        CHECK_INT(ledger_open_full(tap_tmpdir(), __func__, LEDGER_READ_ONLY, 1000, good, ELEMENTSOF(good), &l, &error), -EUCLEAN);
        CHECK(strstr(error->text, "older version"));
        CHECK_INT(ledger_open_full(tap_tmpdir(), __func__, LEDGER_READ_WRITE, 1000, bad, ELEMENTSOF(bad), &l, &error), -EIO);
        CHECK(strstr(error->text, "on purpose"));
        /* One step more is in, the last has left nothing. */
        CHECK_INT(ledger_open_full(tap_tmpdir(), __func__, LEDGER_READ_WRITE, 1000, good, ELEMENTSOF(good), &l, &error), 0);
        OK(ledger_query_u64(l, &n, "SELECT colour = 'red' FROM job", ""));
        CHECK_INT(n, 1);
        OK(ledger_count_mail(l, &n));
        CHECK_INT(n, 0);
        OK(ledger_query_u64(l, &n, "SELECT count(*) FROM links", ""));
        CHECK_INT(n, 1);
        ledger_free(l);
        CHECK_INT(ledger_open(tap_tmpdir(), __func__, LEDGER_READ_WRITE, &l, &error), -EUCLEAN);
}

TEST(whoever_looks_brings_an_older_ledger_up_to_date_and_a_new_one_is_made_whole) {
        _cleanup_error_ Error *error = NULL;
        uint64_t n;
        Ledger *l;

        CHECK_INT(ledger_open_to_look(tap_tmpdir(), __func__, &l, &error), -ENOENT);
        CHECK_INT(ledger_open_full(tap_tmpdir(), __func__, LEDGER_READ_WRITE, 1000, ledger_migrations, 1, &l, &error), 0);
        OK(ledger_begin(l));
        CHECK_INT(ledger_execute(l, "INSERT INTO decisions (verb, review, uid, user, at, decided) VALUES ('allow', 'r', 7, 'alice', 55, 1)", ""),
                  1);
        CHECK_INT(ledger_execute(l, "INSERT INTO staged VALUES ('user', 'a', 0, 1, 't', NULL, 'Disable', 'blocked', 5, 'c', 'allowed', 1, 55), "
                             "('user', 'b', 0, 2, 't', NULL, 'Disable', 'blocked', 5, 'c', 'undecided', 1, 0)", ""),
                  2);
        OK(ledger_commit(l));
        ledger_free(l);

        CHECK_INT(ledger_open(tap_tmpdir(), __func__, LEDGER_READ_ONLY, &l, &error), -EUCLEAN);
        CHECK_STR(error->id, "LedgerTooOld");
        CHECK_INT(ledger_open_to_look(tap_tmpdir(), __func__, &l, NULL), 0);
        OK(ledger_query_u64(l, &n, "SELECT sum(decision * 10 + (source_id = 'b')) FROM staged", ""));
        CHECK_INT(n, 11);
        ledger_free(l);
}

TEST(an_older_ledger_learns_of_references) {
        _cleanup_error_ Error *error = NULL;
        bool any = true;
        Ledger *l;

        CHECK_INT(ledger_open_full(tap_tmpdir(), __func__, LEDGER_READ_WRITE, 1000, ledger_migrations, 3, &l, &error), 0);
        OK(ledger_begin(l));
        OK(add_user(l, "a", NULL));
        OK(ledger_commit(l));
        ledger_free(l);
        CHECK_INT(ledger_open(tap_tmpdir(), __func__, LEDGER_READ_WRITE, &l, &error), 0);
        OK(ledger_has_references(l, &any));
        CHECK(!any);
        OK(ledger_begin(l));
        OK(ledger_put_reference(l, 1, "manager", "a", 1));
        OK(ledger_commit(l));
        ledger_free(l);
}

TEST(another_programs_database_is_not_touched) {
        _cleanup_error_ Error *error = NULL;
        Ledger *l;

        CHECK_INT(mkdir_parents(state_file(__func__, ""), 0700), 0);
        CHECK_INT(from_outside(__func__, "CREATE TABLE places (x); PRAGMA application_id = 7; PRAGMA user_version = 1"), SQLITE_OK);
        CHECK_INT(ledger_open(tap_tmpdir(), __func__, LEDGER_READ_WRITE, &l, &error), -EBADMSG);
        CHECK(strstr(error->text, "another program"));
        CHECK_INT(from_outside(__func__, "PRAGMA user_version = 0"), SQLITE_OK);
        CHECK_INT(ledger_open(tap_tmpdir(), __func__, LEDGER_READ_WRITE, &l, &error), -EBADMSG);
}

TEST(what_is_no_database_is_named_and_kept) {
        char garbage[8192];
        _cleanup_error_ Error *error = NULL;
        _cleanup_free_ char *data = NULL;
        Ledger *l;
        size_t size;

        memset(garbage, 'x', sizeof(garbage));
        CHECK_INT(mkdir_parents(state_file(__func__, ""), 0700), 0);
        CHECK_INT(file_write_atomic(state_file(__func__, "ledger.db"), garbage, sizeof(garbage), 0600), 0);
        CHECK_INT(ledger_open(tap_tmpdir(), __func__, LEDGER_READ_WRITE, &l, &error), -EBADMSG);
        CHECK(strstr(error->text, "is damaged") && strstr(error->text, state_file(__func__, "ledger.db")));
        CHECK_STR(error->id, "LedgerDamaged");
        CHECK_INT(ledger_open(tap_tmpdir(), __func__, LEDGER_READ_ONLY, &l, NULL), -EBADMSG);
        CHECK_INT(file_read_full(state_file(__func__, "ledger.db"), 1 << 20, &data, &size), 0);
        CHECK_INT(size, sizeof(garbage));
        CHECK_INT(memcmp(data, garbage, size), 0);

        CHECK_INT(unlink(state_file(__func__, "ledger.db")), 0);
        CHECK_INT(mkdir(state_file(__func__, "ledger.db"), 0700), 0);
        CHECK_INT(ledger_open(tap_tmpdir(), __func__, LEDGER_READ_WRITE, &l, &error), -EBADMSG);
}

TEST(a_missing_table_or_row_is_damage) {
        _cleanup_error_ Error *error = NULL;
        unsigned n = 0;
        Ledger *l = ledger_open_test(__func__, LEDGER_READ_WRITE);

        CHECK(l);
        ledger_free(l);
        CHECK_INT(from_outside(__func__, "DROP TABLE links"), SQLITE_OK);
        l = ledger_open_test(__func__, LEDGER_READ_WRITE);
        CHECK(l);
        CHECK_INT(ledger_scan_links(l, OBJECT_KIND_USER, false, count_link, &n), -EBADMSG);
        CHECK(strstr(ledger_last_error(l), "no such table: links"));
        ledger_free(l);
        CHECK_INT(from_outside(__func__, "DELETE FROM job"), SQLITE_OK);
        CHECK_INT(ledger_open(tap_tmpdir(), __func__, LEDGER_READ_WRITE, &l, &error), -EBADMSG);
}

/* A second process that runs @f on a ledger of its own as soon as a byte is written to *@ret_go, and ends when that is
 * closed; *@ret_ready gets a byte when it has. SQLite forbids to carry an open database over fork(): none may be. */
static pid_t second_process(const char *job, int (*f)(Ledger *l), int *ret_go, int *ret_ready) {
        int go[2], ready[2];
        pid_t pid;
        char c;

        if (pipe2(go, O_CLOEXEC) < 0 || pipe2(ready, O_CLOEXEC) < 0)
                return -1;
        (void) fflush(stdout);
        pid = fork();
        if (pid == 0) {
                Ledger *l = NULL;

                safe_close(go[1]);
                if (read(go[0], &c, 1) != 1 || ledger_open(tap_tmpdir(), job, LEDGER_READ_WRITE, &l, NULL) < 0 || f(l) < 0 ||
                    write(ready[1], "x", 1) != 1)
                        _exit(1);
                (void) !read(go[0], &c, 1);
                ledger_free(l);
                _exit(0);
        }
        safe_close(go[0]);
        safe_close(ready[1]);
        *ret_go = go[1];
        *ret_ready = ready[0];
        return pid;
}

static bool run_second(int go, int ready) {
        char c;

        return write(go, "x", 1) == 1 && read(ready, &c, 1) == 1;
}

static int take_lock(Ledger *l) {
        int r;

        r = ledger_begin(l);
        return r < 0 ? r : add_user(l, "lost", NULL);
}

TEST(a_locked_ledger_says_so_and_can_still_be_read) {
        _cleanup_close_ int go = -1, ready = -1;
        _cleanup_error_ Error *error = NULL;
        Ledger *writer = NULL;
        unsigned n = 0;
        pid_t pid;

        pid = second_process(__func__, take_lock, &go, &ready);
        CHECK(pid > 0);
        {
                NEW_LEDGER(l);
                OK(ledger_begin(l));
                OK(add_user(l, "a", NULL));
                OK(ledger_commit(l));
                CHECK(run_second(go, ready));
                CHECK_INT(ledger_open_full(tap_tmpdir(), __func__, LEDGER_READ_WRITE, 50, ledger_migrations, ledger_n_migrations,
                                           &writer, &error), 0);
                CHECK_INT(ledger_begin(writer), -EBUSY);
                CHECK(strstr(ledger_last_error(writer), "locked by another process"));
                OK(ledger_scan_links(l, OBJECT_KIND_USER, false, count_link, &n));
                CHECK_INT(n, 1);
                /* The lock dies with its holder, and what it had not committed is gone. */
                CHECK_INT(kill(pid, SIGKILL), 0);
                CHECK_INT(waitpid(pid, NULL, 0), pid);
                OK(ledger_begin(writer));
                ledger_rollback(writer);
                ledger_free(writer);
                OK(ledger_scan_links(l, OBJECT_KIND_USER, false, count_link, &n));
                CHECK_INT(n, 2);
        }
}

static int add_thousand(Ledger *l) {
        char id[16];
        int r;

        r = ledger_begin(l);
        for (unsigned i = 0; i < 1000 && r >= 0; i++) {
                (void) snprintf(id, sizeof(id), "b%u", i);
                r = add_user(l, id, NULL);
        }
        return r < 0 ? r : ledger_commit(l);
}

TEST(a_reader_has_one_view_while_another_process_writes) {
        _cleanup_close_ int go = -1, ready = -1;
        uint64_t all, enabled;
        unsigned n = 0;
        int status;
        pid_t pid;

        pid = second_process(__func__, add_thousand, &go, &ready);
        CHECK(pid > 0);
        {
                NEW_LEDGER(l);
                OK(ledger_begin(l));
                OK(add_user(l, "a", NULL));
                OK(ledger_commit(l));
                OK(ledger_begin_read(l));
                CHECK(run_second(go, ready));
                OK(ledger_scan_links(l, OBJECT_KIND_USER, false, count_link, &n));
                CHECK_INT(n, 1);
                OK(ledger_count_links(l, OBJECT_KIND_USER, &all, &enabled));
                CHECK_INT(all, 1);
                OK(ledger_commit(l));
                OK(ledger_scan_links(l, OBJECT_KIND_USER, false, count_link, &n));
                CHECK_INT(n, 1002);
                OK(ledger_count_links(l, OBJECT_KIND_USER, &all, &enabled));
                CHECK_INT(all, 1001);
        }
        go = safe_close(go);
        CHECK_INT(waitpid(pid, &status, 0), pid);
        CHECK_INT(status, 0);
}

TEST(a_killed_writer_loses_only_what_it_had_not_committed) {
        unsigned n = 0;
        int status;
        pid_t pid;

        (void) fflush(stdout);
        pid = fork();
        if (pid == 0) {
                Ledger *w = NULL;

                if (ledger_open(tap_tmpdir(), __func__, LEDGER_READ_WRITE, &w, NULL) < 0 || ledger_begin(w) < 0 ||
                    add_user(w, "kept", NULL) < 0 || ledger_commit(w) < 0 || ledger_begin(w) < 0 ||
                    add_user(w, "lost", NULL) < 0)
                        _exit(1);
                raise(SIGKILL);
        }
        CHECK_INT(waitpid(pid, &status, 0), pid);
        CHECK(WIFSIGNALED(status));
        {
                NEW_LEDGER(l);
                OK(ledger_scan_links(l, OBJECT_KIND_USER, false, count_link, &n));
                CHECK_INT(n, 1);
        }
}

static int fill(Ledger *l, unsigned n) {
        char id[32], big[4096];
        int r = 0;

        memset(big, 'x', sizeof(big) - 1);
        big[sizeof(big) - 1] = '\0';
        for (unsigned i = 0; i < n && r >= 0; i++) {
                (void) snprintf(id, sizeof(id), "f%u", i);
                r = ledger_add_link(l, &(Link) { .kind = OBJECT_KIND_USER, .source_id = id, .target_id = id, .written = big }, NULL);
        }
        return r;
}

TEST(a_full_ledger_undoes_the_step_and_loses_nothing) {
        NEW_LEDGER(l);
        uint64_t all, enabled;
        unsigned n = 0;

        OK(ledger_begin(l));
        OK(add_user(l, "a", NULL));
        OK(ledger_commit(l));
        CHECK_INT(sqlite3_exec(l->db, "PRAGMA max_page_count = 200", NULL, NULL, NULL), SQLITE_OK);
        OK(ledger_begin(l));
        CHECK_INT(fill(l, 1000), -ENOSPC);
        CHECK(strstr(ledger_last_error(l), "is full"));
        /* Whatever follows must not become a transaction of its own. */
        CHECK_INT(add_user(l, "half", NULL), -ENOSPC);
        CHECK_INT(ledger_count_links(l, OBJECT_KIND_USER, &all, &enabled), -ENOSPC);
        CHECK_INT(ledger_commit(l), -ENOSPC);
        OK(ledger_scan_links(l, OBJECT_KIND_USER, false, count_link, &n));
        CHECK_INT(n, 1);
        OK(ledger_begin(l));
        OK(add_user(l, "b", NULL));
        OK(ledger_commit(l));
        OK(ledger_count_links(l, OBJECT_KIND_USER, &all, &enabled));
        CHECK_INT(all, 2);
}

TEST(a_full_disk_undoes_the_step_and_loses_nothing) {
        _cleanup_free_ char *dir = path_join(tap_tmpdir(), "small");
        _cleanup_error_ Error *error = NULL;
        uint64_t all = 0, enabled;
        unsigned n = 0;
        Ledger *l = NULL;
        int r;

        CHECK_INT(mkdir(dir, 0700), 0);
        if (mount("tmpfs", dir, "tmpfs", 0, "size=2m") < 0)
                SKIP("cannot mount a small tmpfs: run as root to see a disk that is really full");
        r = ledger_open(dir, "j", LEDGER_READ_WRITE, &l, &error);
        if (r >= 0)
                r = ledger_begin(l);
        if (r >= 0)
                r = add_user(l, "a", NULL);
        if (r >= 0)
                r = ledger_commit(l);
        if (r >= 0)
                r = ledger_begin(l);
        if (r >= 0) {
                r = fill(l, 2000);
                if (r >= 0)
                        r = ledger_commit(l);
        }
        if (l) {
                tap_diag("%s", ledger_last_error(l));
                ledger_rollback(l);
                (void) ledger_scan_links(l, OBJECT_KIND_USER, false, count_link, &n);
                ledger_free(l);
                l = NULL;
        }
        if (ledger_open(dir, "j", LEDGER_READ_WRITE, &l, NULL) >= 0) {
                (void) ledger_count_links(l, OBJECT_KIND_USER, &all, &enabled);
                ledger_free(l);
        }
        (void) umount2(dir, MNT_DETACH);
        CHECK_INT(r, -ENOSPC);
        CHECK_INT(n, 1);
        CHECK_INT(all, 1);
}

TEST(a_ledger_on_a_read_only_file_system_can_be_read) {
        _cleanup_free_ char *dir = path_join(tap_tmpdir(), "frozen #1?");
        _cleanup_error_ Error *error = NULL;
        unsigned n = 0;
        Ledger *l = NULL;
        int r, w;

        CHECK_INT(mkdir(dir, 0700), 0);
        if (mount("tmpfs", dir, "tmpfs", 0, "size=2m") < 0)
                SKIP("cannot mount a tmpfs: run as root to see a read-only file system");
        r = ledger_open(dir, "j", LEDGER_READ_WRITE, &l, &error);
        if (r >= 0)
                r = ledger_begin(l);
        if (r >= 0)
                r = add_user(l, "a", NULL);
        if (r >= 0)
                r = ledger_commit(l);
        ledger_free(l);
        l = NULL;
        if (r >= 0 && mount("tmpfs", dir, "tmpfs", MS_REMOUNT | MS_RDONLY, NULL) < 0)
                r = -errno;
        w = ledger_open(dir, "j", LEDGER_READ_WRITE, &l, &error);
        if (w >= 0)
                ledger_free(l);
        l = NULL;
        if (r >= 0)
                r = ledger_open(dir, "j", LEDGER_READ_ONLY, &l, &error);
        if (r >= 0)
                r = ledger_scan_links(l, OBJECT_KIND_USER, false, count_link, &n);
        ledger_free(l);
        (void) umount2(dir, MNT_DETACH);
        if (error)
                tap_diag("%s", error->text);
        CHECK_INT(r, 0);
        CHECK_INT(n, 1);
        CHECK_INT(w, -EROFS);
}

TEST(c1_one_cycle_of_a_job_at_a_time) {
        int a, b;

        a = job_lock(tap_tmpdir(), "locked");
        CHECK(a >= 0);
        CHECK_INT(job_lock(tap_tmpdir(), "locked"), -EAGAIN);
        b = job_lock(tap_tmpdir(), "other");
        CHECK(b >= 0);
        safe_close(b);
        safe_close(a);
        a = job_lock(tap_tmpdir(), "locked");
        CHECK(a >= 0);
        safe_close(a);
}

TEST(a_removed_job_leaves_nothing_that_could_be_read_again) {
        Ledger *l = ledger_open_test(__func__, LEDGER_READ_WRITE);
        unsigned n = 0;
        struct stat st;

        CHECK(l);
        OK(ledger_begin(l));
        OK(add_user(l, "a", NULL));
        OK(ledger_commit(l));
        ledger_free(l);
        CHECK_INT(file_write_atomic(state_file(__func__, "snapshot"), "x", 1, 0600), 0);
        CHECK_INT(ledger_remove(tap_tmpdir(), __func__), 0);
        CHECK_INT(stat(state_file(__func__, ""), &st), -1);
        CHECK_INT(ledger_remove(tap_tmpdir(), __func__), 0);
        l = ledger_open_test(__func__, LEDGER_READ_WRITE);
        CHECK(l);
        OK(ledger_scan_links(l, OBJECT_KIND_USER, false, count_link, &n));
        CHECK_INT(n, 0);
        ledger_free(l);
}
