/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>

#include "file-util.h"
#include "ledger-private.h"

/* The file: made, opened, brought up to date; its transactions; and the one row of the job's own state.
 *
 * WAL with synchronous=FULL: a commit is on the disk when it returns. The -wal and -shm files beside the ledger belong
 * to it and take its mode. */

/* "RPRV", so that file(1) and we can tell a ledger from any other SQLite database. */
#define APPLICATION_ID 0x52505256
#define LEDGER_TOO_OLD "LedgerTooOld"

/* SQLite's own default */
#define CHECKPOINT_PAGES 1000

static int name_check(const char *job) {
        return isempty(job) || job[0] == '.' || strchr(job, '/') ? -EINVAL : 0;
}

char *job_state_dir(const char *state_dir, const char *job) {
        char *s;

        return asprintf(&s, "%s/jobs/%s", state_dir, job) < 0 ? NULL : s;
}

int job_lock(const char *state_dir, const char *job) {
        _cleanup_free_ char *dir = NULL, *path = NULL;
        int r;

        r = name_check(job);
        if (r < 0)
                return r;
        dir = job_state_dir(state_dir, job);
        path = dir ? path_join(dir, "lock") : NULL;
        if (!path)
                return -ENOMEM;
        r = mkdir_parents(dir, 0700);
        if (r < 0)
                return r;
        return file_lock(path, false);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        return remove(path) < 0 && errno != ENOENT ? -1 : 0;
}

static int remove_tree(const char *path) {
        if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) < 0 && errno != ENOENT)
                return -errno;
        return 0;
}

int ledger_remove(const char *state_dir, const char *job) {
        _cleanup_free_ char *dir = NULL, *gone = NULL;
        int r;

        r = name_check(job);
        if (r < 0)
                return r;
        dir = job_state_dir(state_dir, job);
        if (!dir || asprintf(&gone, "%s/jobs/.%s.removed", state_dir, job) < 0) {
                gone = NULL;
                return -ENOMEM;
        }
        /* Out of the way in one step: a write-ahead log that outlives its database would be read into the next one. */
        r = remove_tree(gone);
        if (r < 0)
                return r;
        if (rename(dir, gone) < 0)
                return errno == ENOENT ? 0 : -errno;
        r = fsync_parent(dir);
        if (r < 0)
                return r;
        return remove_tree(gone);
}

/* ---- opening ---- */

Ledger *ledger_free(Ledger *l) {
        if (!l)
                return NULL;

        ledger_rollback(l);
        for (size_t i = 0; i < LEDGER_N_STATEMENTS; i++)
                if (l->statements[i]) {
                        (void) sqlite3_finalize(l->statements[i]->handle);
                        free(l->statements[i]);
                }
        (void) sqlite3_close(l->db);
        error_free(l->error);
        free(l->path);
        free(l);
        return NULL;
}

static int execute_plain(Ledger *l, const char *sql) {
        int rc;

        rc = sqlite3_exec(l->db, sql, NULL, NULL, NULL);
        return rc == SQLITE_OK ? 0 : ledger_sqlite_error(l, rc);
}

/* A pragma's value; not through the cache, so that no statement outlives a change of the schema. */
static int pragma_int(Ledger *l, const char *sql, int64_t *ret) {
        sqlite3_stmt *s;
        int rc;

        rc = sqlite3_prepare_v2(l->db, sql, -1, &s, NULL);
        if (rc != SQLITE_OK)
                return ledger_sqlite_error(l, rc);
        rc = sqlite3_step(s);
        if (rc == SQLITE_ROW)
                *ret = sqlite3_column_int64(s, 0);
        (void) sqlite3_finalize(s);
        return rc == SQLITE_ROW ? 0 : ledger_sqlite_error(l, rc);
}

static int database_open(Ledger *l, const char *name, int flags) {
        static const int switches[][2] = {
                { SQLITE_DBCONFIG_DEFENSIVE, 1 },
                { SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0 },
                { SQLITE_DBCONFIG_ENABLE_TRIGGER, 0 },
                { SQLITE_DBCONFIG_ENABLE_VIEW, 0 },
        };
        int rc;

        (void) sqlite3_close(l->db);
        l->db = NULL;
        rc = sqlite3_open_v2(name, &l->db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
        if (rc != SQLITE_OK)
                return ledger_sqlite_error(l, rc);
        /* SQLite opens for reading, without a word, what it cannot open for writing. */
        if ((flags & SQLITE_OPEN_READWRITE) && sqlite3_db_readonly(l->db, "main") != 0)
                return ledger_sqlite_error(l, SQLITE_READONLY);
        (void) sqlite3_busy_timeout(l->db, (int) l->busy_timeout_msec);
        for (size_t i = 0; i < ELEMENTSOF(switches); i++)
                (void) sqlite3_db_config(l->db, switches[i][0], switches[i][1], NULL);
        /* The log is cut back to 16 MiB after a large transaction; the cache is a ceiling, not a size. FAST: Debian's SQLite
         * would overwrite each page that becomes free, and a million intents leave half a gigabyte of them, which the rows
         * that come next overwrite anyway. */
        return execute_plain(l, "PRAGMA synchronous = FULL; PRAGMA secure_delete = FAST; PRAGMA foreign_keys = ON; PRAGMA cell_size_check = ON;"
                                "PRAGMA temp_store = MEMORY; PRAGMA cache_size = -32768; PRAGMA journal_size_limit = 16777216");
}

/* A folder that cannot be written has no place for the index of the log (-shm). Without a log there is nobody who
 * writes, and the file alone is the whole ledger. */
static int database_open_immutable(Ledger *l) {
        _cleanup_free_ char *wal = NULL;
        _cleanup_strbuf_ StrBuf uri = STRBUF_INIT;
        struct stat st;

        if (asprintf(&wal, "%s-wal", l->path) < 0) {
                wal = NULL;
                return -ENOMEM;
        }
        if (stat(wal, &st) == 0 && st.st_size > 0)
                return -EROFS;
        strbuf_puts(&uri, "file:");
        for (const char *p = l->path; *p; p++)
                if (strchr("?#%", *p))
                        strbuf_printf(&uri, "%%%02X", (unsigned) *p);
                else
                        strbuf_putc(&uri, *p);
        strbuf_puts(&uri, "?immutable=1");
        if (strbuf_check(&uri) < 0)
                return -ENOMEM;
        return database_open(l, uri.data, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI);
}

static int version_of(Ledger *l, int64_t *ret) {
        int64_t application;
        int r;

        r = pragma_int(l, "PRAGMA application_id", &application);
        if (r < 0)
                return r;
        r = pragma_int(l, "PRAGMA user_version", ret);
        if (r < 0)
                return r;
        if (*ret == 0 ? application != 0 : application != APPLICATION_ID)
                return ledger_damaged(l, "it is a database of another program");
        return 0;
}

/* One step in a transaction of its own; of a new ledger all of them in one, so that no reader ever meets half of it. */
static int migrate(Ledger *l, const Migration *migrations, size_t n_migrations, int64_t from) {
        int64_t to = from == 0 ? (int64_t) n_migrations : from + 1;
        char sql[128];
        int64_t version;
        int r;

        r = execute_plain(l, "BEGIN IMMEDIATE");
        if (r < 0)
                return r;
        l->transaction = TRANSACTION_WRITE;
        /* Another process may have been faster. */
        r = version_of(l, &version);
        if (r >= 0 && version == from) {
                for (int64_t i = from; r >= 0 && i < to; i++)
                        r = migrations[i](l);
                (void) snprintf(sql, sizeof(sql), "PRAGMA application_id = %d; PRAGMA user_version = %d", APPLICATION_ID, (int) to);
                if (r >= 0)
                        r = execute_plain(l, sql);
        }
        if (r >= 0)
                r = execute_plain(l, "COMMIT");
        if (r < 0)
                ledger_rollback(l);
        l->transaction = TRANSACTION_NONE;
        return r;
}

static int bring_up_to_date(Ledger *l, const Migration *migrations, size_t n_migrations) {
        int64_t version;
        int r;

        for (;;) {
                r = version_of(l, &version);
                if (r < 0)
                        return r;
                if (version < 0 || version > (int64_t) n_migrations)
                        return error_set_full(&l->error, -EUCLEAN, ERROR_SCOPE_CYCLE, ERROR_RETRY_AFTER_RECONFIGURE,
                                              "LedgerTooNew",
                                              "The ledger %s was made by a newer version of this program (schema %d, known are "
                                              "those up to %zu); install that version again, or restore a ledger from before",
                                              l->path, (int) version, n_migrations);
                if (version == (int64_t) n_migrations)
                        return 0;
                if (l->mode == LEDGER_READ_ONLY)
                        return version == 0 ? -ENOENT
                                            : error_set_full(&l->error, -EUCLEAN, ERROR_SCOPE_CYCLE, ERROR_RETRY_LATER, LEDGER_TOO_OLD,
                                                             "The ledger %s was made by an older version of this program "
                                                             "(schema %d); the job's next cycle brings it up to date", l->path,
                                                             (int) version);
                r = migrate(l, migrations, n_migrations, version);
                if (r < 0)
                        return r;
        }
}

/* Sets WAL, once in the life of the file. The busy timeout does not cover it when two processes try at the same time. */
static int set_wal(Ledger *l) {
        int r = 0;

        for (unsigned waited = 0; waited <= l->busy_timeout_msec; waited += 10) {
                r = execute_plain(l, "PRAGMA journal_mode = WAL");
                if (r != -EBUSY)
                        return r;
                (void) usleep(10000);
        }
        return r;
}

static int make_file(const char *dir, const char *path) {
        _cleanup_close_ int fd = -1;
        int r;

        r = mkdir_parents(dir, 0700);
        if (r < 0)
                return r;
        /* Ours alone from the first moment, whatever the umask. O_EXCL: closing a descriptor of a ledger that this
         * process has open elsewhere would drop its locks. */
        fd = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return errno == EEXIST ? 0 : -errno;
        r = fsync_parent(path);
        return r < 0 ? r : fsync_parent(dir);
}

static int open_in_mode(Ledger *l, const char *dir) {
        struct stat st;
        int64_t version;
        int r;

        if (l->mode == LEDGER_READ_WRITE) {
                r = make_file(dir, l->path);
                if (r < 0)
                        return error_set(&l->error, r, "The ledger %s cannot be made: %s; check the owner, the mode and the free "
                                         "space of that folder", l->path, strerror(-r));
        }
        if (stat(l->path, &st) < 0)
                return errno == ENOENT ? error_set(&l->error, -errno, "There is no ledger %s yet", l->path)
                                       : error_set(&l->error, -errno, "Cannot look at the ledger %s: %s; check the owner and the mode of that "
                                                   "folder", l->path, strerror(errno));
        if (!S_ISREG(st.st_mode))
                return ledger_damaged(l, "it is no regular file");

        if (l->mode == LEDGER_READ_WRITE) {
                r = database_open(l, l->path, SQLITE_OPEN_READWRITE);
                if (r < 0)
                        return r;
                r = version_of(l, &version);
                return r < 0 ? r : set_wal(l);
        }
        r = database_open(l, l->path, SQLITE_OPEN_READONLY);
        if (r >= 0)
                r = version_of(l, &version);
        if (r < 0 && r != -EBADMSG && r != -EBUSY && r != -ENOMEM && database_open_immutable(l) == 0)
                r = 0;
        return r;
}

int ledger_open_full(const char *state_dir, const char *job, LedgerMode mode, unsigned busy_timeout_msec,
                     const Migration *migrations, size_t n_migrations, Ledger **ret, Error **ret_error) {
        _cleanup_(ledger_freep) Ledger *l = NULL;
        _cleanup_free_ char *dir = NULL;
        int r;

        if (name_check(job) < 0)
                return error_set(ret_error, -EINVAL, "\"%s\" cannot be the name of a job", job);
        l = calloc(1, sizeof(*l));
        dir = job_state_dir(state_dir, job);
        if (!l || !dir)
                return error_set(ret_error, -ENOMEM, "Out of memory");
        l->mode = mode;
        l->busy_timeout_msec = busy_timeout_msec;
        l->path = path_join(dir, "ledger.db");
        if (!l->path)
                return error_set(ret_error, -ENOMEM, "Out of memory");

        r = open_in_mode(l, dir);
        if (r >= 0)
                r = bring_up_to_date(l, migrations, n_migrations);
        if (r >= 0) {
                _cleanup_(job_state_done) JobState s = {};

                /* The one row that is always there: whoever can read it has read the header and the schema as well. */
                r = ledger_get_state(l, &s);
        }
        if (r < 0) {
                if (!l->error)
                        error_set(&l->error, r, r == -ENOENT ? "There is no ledger %s yet" : "The ledger %s cannot be opened",
                                  l->path);
                if (ret_error) {
                        error_free(*ret_error);
                        *ret_error = TAKE_PTR(l->error);
                }
                return r;
        }
        *ret = TAKE_PTR(l);
        return 0;
}

int ledger_open(const char *state_dir, const char *job, LedgerMode mode, Ledger **ret, Error **ret_error) {
        return ledger_open_full(state_dir, job, mode, LEDGER_BUSY_TIMEOUT_MSEC, ledger_migrations, ledger_n_migrations, ret,
                                ret_error);
}

int ledger_open_to_look(const char *state_dir, const char *job, Ledger **ret, Error **ret_error) {
        _cleanup_error_ Error *error = NULL;
        Ledger *writer;
        int r;

        r = ledger_open(state_dir, job, LEDGER_READ_ONLY, ret, &error);
        if (r == -EUCLEAN && error && streq_ptr(error->id, LEDGER_TOO_OLD)) {
                error = error_free(error);
                r = ledger_open(state_dir, job, LEDGER_READ_WRITE, &writer, &error);
                if (r == 0) {
                        ledger_free(writer);
                        r = ledger_open(state_dir, job, LEDGER_READ_ONLY, ret, &error);
                }
        }
        if (r < 0 && ret_error)
                *ret_error = TAKE_PTR(error);
        return r;
}

/* ---- transactions ---- */

static int load_counters(Ledger *l) {
        _cleanup_statement_ Statement *s = NULL;
        Counters c;
        int r;

        r = statement_open(l, &s, "SELECT generation, next_link, next_review, users, users_enabled, groups, groups_enabled FROM job",
                           "");
        if (r >= 0)
                r = statement_job_row(s);
        if (r != 0)
                return r;
        c = (Counters) {
                .generation = column_u64(s, 0),
                .next_link = column_u64(s, 1),
                .next_review = column_u64(s, 2),
                .links = { [OBJECT_KIND_USER] = column_u64(s, 3), [OBJECT_KIND_GROUP] = column_u64(s, 5) },
                .enabled = { [OBJECT_KIND_USER] = column_u64(s, 4), [OBJECT_KIND_GROUP] = column_u64(s, 6) },
        };
        r = statement_check(s);
        if (r < 0)
                return r;
        l->counters = c;
        return 0;
}

static int store_counters(Ledger *l) {
        Counters *c = &l->counters;
        uint64_t before = c->generation;
        int r;

        /* A number that this ledger has never had, nor any copy of it: were it counted, a ledger restored from a backup would come
         * to the number that a snapshot index of the days after the backup goes with. */
        while (l->links_changed && c->generation == before) {
                r = random_bytes(&c->generation, sizeof(c->generation));
                if (r < 0)
                        return ledger_fail(l, r, "no random bytes from the kernel: %s", strerror(-r));
                c->generation &= INT64_MAX - 1;
        }
        r = ledger_execute(l, "UPDATE job SET generation = ?, next_link = ?, next_review = ?, users = ?, users_enabled = ?, "
                              "groups = ?, groups_enabled = ?", "uuuuuuu",
                           c->generation, c->next_link, c->next_review, c->links[OBJECT_KIND_USER],
                           c->enabled[OBJECT_KIND_USER], c->links[OBJECT_KIND_GROUP], c->enabled[OBJECT_KIND_GROUP]);
        return r < 0 ? r : 0;
}

static int transaction_begin(Ledger *l, const char *sql, Transaction t) {
        int r;

        assert(l->transaction == TRANSACTION_NONE);

        r = execute_plain(l, sql);
        if (r < 0)
                return r;
        l->transaction = t;
        l->failed = 0;
        l->counters_changed = l->links_changed = false;
        /* For a reader this is also what fixes its view: BEGIN alone does not. */
        r = load_counters(l);
        if (r < 0)
                ledger_rollback(l);
        return r;
}

int ledger_begin(Ledger *l) {
        if (l->mode == LEDGER_READ_ONLY)
                return ledger_fail(l, -EROFS, "opened for reading alone");
        return transaction_begin(l, "BEGIN IMMEDIATE", TRANSACTION_WRITE);
}

int ledger_begin_read(Ledger *l) {
        return transaction_begin(l, "BEGIN", TRANSACTION_READ);
}

int ledger_commit(Ledger *l) {
        int r;

        assert(l->transaction != TRANSACTION_NONE);

        r = l->failed;
        if (r >= 0 && (l->counters_changed || l->links_changed))
                r = store_counters(l);
        if (r >= 0)
                r = execute_plain(l, "COMMIT");
        if (r < 0) {
                ledger_rollback(l);
                return r;
        }
        l->transaction = TRANSACTION_NONE;
        return 0;
}

int ledger_commit_to_log(Ledger *l) {
        int r;

        (void) sqlite3_wal_autocheckpoint(l->db, 0);
        r = ledger_commit(l);
        (void) sqlite3_wal_autocheckpoint(l->db, CHECKPOINT_PAGES);
        /* What is to be done now may take long and need memory of its own. */
        (void) sqlite3_db_release_memory(l->db);
        return r;
}

void ledger_rollback(Ledger *l) {
        if (l->transaction == TRANSACTION_NONE)
                return;
        /* Fails only where SQLite has rolled back by itself already. */
        (void) sqlite3_exec(l->db, "ROLLBACK", NULL, NULL, NULL);
        l->transaction = TRANSACTION_NONE;
        l->failed = 0;
}

/* ---- the job's own state ---- */

static const char *const quarantine_names[_QUARANTINE_REASON_MAX] = {
        [QUARANTINE_NONE] = "",
        [QUARANTINE_TOO_MANY_DELETES] = "TooManyDeletes",
        [QUARANTINE_EMPTY_SOURCE] = "EmptySource",
        [QUARANTINE_CONFIGURATION_CHANGED] = "ConfigurationChanged",
        [QUARANTINE_INGESTION_INTERRUPTED] = "IngestionInterrupted",
        [QUARANTINE_INVALID_CREDENTIALS] = "InvalidCredentials",
        [QUARANTINE_ESCROW] = "EncounteredEscrowThreshold",
};

const char *quarantine_reason_to_string(QuarantineReason r) {
        return r >= 0 && r < _QUARANTINE_REASON_MAX ? quarantine_names[r] : NULL;
}

QuarantineReason quarantine_reason_from_string(const char *s) {
        for (QuarantineReason r = 0; s && r < _QUARANTINE_REASON_MAX; r++)
                if (streq(s, quarantine_names[r]))
                        return r;
        return _QUARANTINE_REASON_INVALID;
}

bool quarantine_reason_is_review(QuarantineReason r) {
        return r == QUARANTINE_TOO_MANY_DELETES || r == QUARANTINE_EMPTY_SOURCE || r == QUARANTINE_CONFIGURATION_CHANGED;
}

void job_state_done(JobState *s) {
        free(s->quarantine_message);
        free(s->notification_problem);
        free(s->mail_thread);
        *s = (JobState) {};
}

static int dup_column(Statement *s, int column, char **ret) {
        const char *text = column_text(s, column);

        if (!text)
                return 0;
        *ret = strdup(text);
        return *ret ? 0 : ledger_sqlite_error(s->ledger, SQLITE_NOMEM);
}

int ledger_get_state(Ledger *l, JobState *ret) {
        _cleanup_statement_ Statement *s = NULL;
        _cleanup_job_state_ JobState j = {};
        const char *fingerprint;
        int r;

        r = statement_open(l, &s,
                           "SELECT paused, disabled, generation, fingerprint, kinds, quarantine, quarantine_message, "
                           "quarantine_since, quarantine_count, next_attempt, incomplete_in_a_row, notification_problem, "
                           "mailed_staged, mailed_at, warned_at, mail_thread, full_requested FROM job", "");
        if (r >= 0)
                r = statement_job_row(s);
        if (r != 0)
                return r;

        j.paused = column_bool(s, 0);
        j.disabled = column_bool(s, 1);
        j.generation = column_u64(s, 2);
        fingerprint = column_string(s, 3);
        if (strlen(fingerprint) >= sizeof(j.fingerprint))
                s->damaged = true;
        else
                strcpy(j.fingerprint, fingerprint);
        j.kinds = column_u32(s, 4);
        j.quarantine = quarantine_reason_from_string(column_string(s, 5));
        if (j.quarantine < 0)
                s->damaged = true;
        j.quarantine_since = column_u64(s, 7);
        j.quarantine_count = column_u32(s, 8);
        j.next_attempt = column_u64(s, 9);
        j.incomplete_in_a_row = column_u32(s, 10);
        j.mailed_staged = column_u64(s, 12);
        j.mailed_at = column_u64(s, 13);
        j.warned_at = column_u64(s, 14);
        j.full_requested = column_bool(s, 16);
        r = dup_column(s, 6, &j.quarantine_message);
        if (r >= 0)
                r = dup_column(s, 11, &j.notification_problem);
        if (r >= 0)
                r = dup_column(s, 15, &j.mail_thread);
        if (r >= 0)
                r = statement_check(s);
        if (r < 0)
                return r;
        *ret = j;
        j = (JobState) {};
        return 0;
}

int ledger_set_state(Ledger *l, const JobState *s) {
        int r;

        r = ledger_execute(l, "UPDATE job SET paused = ?, disabled = ?, fingerprint = ?, kinds = ?, quarantine = ?, "
                              "quarantine_message = ?, quarantine_since = ?, quarantine_count = ?, next_attempt = ?, "
                              "incomplete_in_a_row = ?, notification_problem = ?, mailed_staged = ?, mailed_at = ?, "
                              "warned_at = ?, mail_thread = ?, full_requested = ?", "iituttuuuutuuuti",
                           (int) s->paused, (int) s->disabled, s->fingerprint, (uint64_t) s->kinds,
                           quarantine_reason_to_string(s->quarantine), s->quarantine_message, s->quarantine_since,
                           (uint64_t) s->quarantine_count, s->next_attempt, (uint64_t) s->incomplete_in_a_row,
                           s->notification_problem, s->mailed_staged, s->mailed_at, s->warned_at, s->mail_thread,
                           (int) s->full_requested);
        return r < 0 ? r : 0;
}

int ledger_get_secret(Ledger *l, uint8_t ret[static 64]) {
        _cleanup_statement_ Statement *s = NULL;
        int r;

        r = statement_open(l, &s, "SELECT secret FROM job", "");
        if (r < 0)
                return r;
        r = statement_step(s);
        if (r < 0)
                return r;
        if (r == 0 || sqlite3_column_type(s->handle, 0) != SQLITE_BLOB || sqlite3_column_bytes(s->handle, 0) != 64)
                return ledger_damaged(l, "the row of the job's state has no secret");
        memcpy(ret, sqlite3_column_blob(s->handle, 0), 64);
        return 0;
}
