/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "ledger-private.h"

/* SQLite's failures in our words, and its statements in ours. */

static int errno_of(Ledger *l, int rc) {
        int e;

        switch (rc & 0xff) {
        case SQLITE_NOMEM:
                return -ENOMEM;
        case SQLITE_FULL:
                return -ENOSPC;
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
                return -EBUSY;
        case SQLITE_READONLY:
                return -EROFS;
        case SQLITE_PERM:
        case SQLITE_AUTH:
                return -EACCES;
        case SQLITE_TOOBIG:
                return -E2BIG;
        case SQLITE_INTERRUPT:
        case SQLITE_ABORT:
                return -ECANCELED;
        case SQLITE_CONSTRAINT:
                if (rc == SQLITE_CONSTRAINT_UNIQUE || rc == SQLITE_CONSTRAINT_PRIMARYKEY)
                        return -EEXIST;
                return -EINVAL;
        case SQLITE_CANTOPEN:
        case SQLITE_IOERR:
                if (rc == SQLITE_IOERR_NOMEM)
                        return -ENOMEM;
                /* A database that is cut off in the middle of a page reads short: no error of the system. */
                if (rc == SQLITE_IOERR_SHORT_READ)
                        return -EBADMSG;
                e = sqlite3_system_errno(l->db);
                return e > 0 ? -e : -EIO;
        case SQLITE_MISUSE:
                return -EINVAL;
        default:
                /* CORRUPT, NOTADB, FORMAT, SCHEMA, MISMATCH, and the plain ERROR of a table that is not there: our own
                 * statements fit our own schema, so the file is not what it was. */
                return -EBADMSG;
        }
}

static void set_error(Ledger *l, int r, const char *detail) {
        switch (-r) {
        case ENOSPC:
        case EDQUOT:
                error_set_full(&l->error, r, ERROR_SCOPE_CYCLE, ERROR_RETRY_LATER, "LedgerDiskFull",
                               "The disk of the ledger %s is full; what was recorded before is safe, this step is not kept: "
                               "free some space, the next cycle goes on from here", l->path);
                break;
        case EBUSY:
                error_set_full(&l->error, r, ERROR_SCOPE_CYCLE, ERROR_RETRY_LATER, "LedgerLocked",
                               "The ledger %s has been locked by another process for longer than %u s; \"fuser -v %s\" tells by "
                               "whom", l->path, l->busy_timeout_msec / 1000, l->path);
                break;
        case EBADMSG:
                error_set_full(&l->error, r, ERROR_SCOPE_CYCLE, ERROR_RETRY_AFTER_RECONFIGURE, "LedgerDamaged",
                               "The ledger %s is damaged: %s; restore it from a backup or move it away (a job without a ledger "
                               "matches its objects anew, and has forgotten what was staged, held and decided)",
                               l->path, detail);
                break;
        case EROFS:
        case EACCES:
        case EPERM:
                error_set_full(&l->error, r, ERROR_SCOPE_CYCLE, ERROR_RETRY_AFTER_RECONFIGURE, NULL,
                               "The ledger %s cannot be written or read by this user: %s; check the owner and the mode of the "
                               "file and its folder, and whether the file system is read-only", l->path, detail);
                break;
        default:
                error_set_full(&l->error, r, ERROR_SCOPE_CYCLE, ERROR_RETRY_LATER, NULL, "The ledger %s cannot be used: %s",
                               l->path, detail);
                break;
        }
}

int ledger_sqlite_error(Ledger *l, int rc) {
        int r = errno_of(l, rc);
        char detail[512];

        /* Not every failure is of SQLite's last call: some we find ourselves. */
        (void) snprintf(detail, sizeof(detail), "%s%s%s",
                        l->db && sqlite3_extended_errcode(l->db) == rc ? sqlite3_errmsg(l->db) : sqlite3_errstr(rc),
                        (rc & 0xff) == SQLITE_IOERR || (rc & 0xff) == SQLITE_CANTOPEN ? ", " : "",
                        (rc & 0xff) == SQLITE_IOERR || (rc & 0xff) == SQLITE_CANTOPEN ? strerror(-r) : "");
        set_error(l, r, detail);
        /* SQLite may have rolled back by itself (FULL, IOERR, NOMEM). Whatever ran next would then be a transaction of
         * its own, half of what was meant: hence nothing does until our rollback. */
        if (l->transaction != TRANSACTION_NONE && (rc & 0xff) != SQLITE_CONSTRAINT)
                l->failed = r;
        return r;
}

int ledger_damaged(Ledger *l, const char *what) {
        set_error(l, -EBADMSG, what);
        if (l->transaction != TRANSACTION_NONE)
                l->failed = -EBADMSG;
        return -EBADMSG;
}

int ledger_fail(Ledger *l, int r, const char *fmt, ...) {
        char text[256];
        va_list ap;

        va_start(ap, fmt);
        (void) vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        return error_set(&l->error, r, "The ledger %s: %s", l->path, text);
}

const char *ledger_last_error(Ledger *l) {
        return l->error ? error_text(l->error, l->error->code) : "no error";
}

static int statement_new(Ledger *l, const char *sql, unsigned flags, Statement **ret) {
        Statement *s;
        int rc;

        s = calloc(1, sizeof(*s));
        if (!s)
                return ledger_sqlite_error(l, SQLITE_NOMEM);
        s->ledger = l;
        s->sql = sql;
        rc = sqlite3_prepare_v3(l->db, sql, -1, flags, &s->handle, NULL);
        if (rc != SQLITE_OK) {
                free(s);
                return ledger_sqlite_error(l, rc);
        }
        *ret = s;
        return 0;
}

static int statement_get(Ledger *l, const char *sql, Statement **ret) {
        size_t i = ((uintptr_t) sql * UINT64_C(0x9e3779b97f4a7c15) >> 32) % LEDGER_N_STATEMENTS;
        Statement *s = NULL;
        int r;

        if (l->failed < 0)
                return l->failed;
        for (size_t n = 0; n < LEDGER_N_STATEMENTS; n++, i = (i + 1) % LEDGER_N_STATEMENTS) {
                if (l->statements[i] && l->statements[i]->sql != sql)
                        continue;
                if (!l->statements[i]) {
                        r = statement_new(l, sql, SQLITE_PREPARE_PERSISTENT, &l->statements[i]);
                        if (r < 0)
                                return r;
                }
                s = l->statements[i];
                break;
        }
        if (!s || s->busy) {
                r = statement_new(l, sql, 0, &s);
                if (r < 0)
                        return r;
                s->once = true;
        }
        s->busy = true;
        s->damaged = false;
        *ret = s;
        return 0;
}

Statement *statement_put(Statement *s) {
        if (!s)
                return NULL;
        if (s->once) {
                (void) sqlite3_finalize(s->handle);
                free(s);
                return NULL;
        }
        (void) sqlite3_reset(s->handle);
        (void) sqlite3_clear_bindings(s->handle);
        s->busy = false;
        return NULL;
}

static int bind_u64(Statement *s, int i, uint64_t v) {
        return sqlite3_bind_int64(s->handle, i, v > INT64_MAX ? INT64_MAX : (int64_t) v);
}

static int statement_bindv(Statement *s, const char *types, va_list ap) {
        int rc = SQLITE_OK;

        assert((int) strlen(types) == sqlite3_bind_parameter_count(s->handle));
        for (int i = 1; types[i - 1] && rc == SQLITE_OK; i++)
                switch (types[i - 1]) {
                case 't':
                        rc = sqlite3_bind_text(s->handle, i, va_arg(ap, const char *), -1, SQLITE_STATIC);
                        break;
                case 'u':
                        rc = bind_u64(s, i, va_arg(ap, uint64_t));
                        break;
                case 'i':
                        rc = sqlite3_bind_int(s->handle, i, va_arg(ap, int));
                        break;
                case 'b': {
                        const void *p = va_arg(ap, const void *);

                        rc = sqlite3_bind_blob64(s->handle, i, p, va_arg(ap, size_t), SQLITE_STATIC);
                        break;
                }
                default:
                        assert(!"a type that is none");
                }
        return rc == SQLITE_OK ? 0 : ledger_sqlite_error(s->ledger, rc);
}

int statement_step(Statement *s) {
        int rc;

        /* A rollback in a callback ends the scan around it: SQLite would start the statement anew. */
        if (s->ledger->failed < 0)
                return s->ledger->failed;
        rc = sqlite3_step(s->handle);
        if (rc == SQLITE_ROW)
                return 1;
        return rc == SQLITE_DONE ? 0 : ledger_sqlite_error(s->ledger, rc);
}

int statement_first(Statement *s) {
        int r = statement_step(s);

        return r < 0 ? r : r == 0 ? LEDGER_E_NOT_FOUND : 0;
}

int statement_job_row(Statement *s) {
        int r = statement_first(s);

        return r > 0 ? ledger_damaged(s->ledger, "the row of the job's state is missing") : r;
}

static int statement_openv(Ledger *l, Statement **ret, const char *sql, const char *types, va_list ap) {
        _cleanup_statement_ Statement *s = NULL;
        int r;

        r = statement_get(l, sql, &s);
        if (r < 0)
                return r;
        r = statement_bindv(s, types, ap);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(s);
        return 0;
}

int statement_open(Ledger *l, Statement **ret, const char *sql, const char *types, ...) {
        va_list ap;
        int r;

        va_start(ap, types);
        r = statement_openv(l, ret, sql, types, ap);
        va_end(ap);
        return r;
}

int statement_check(Statement *s) {
        char what[256];

        if (!s->damaged)
                return 0;
        (void) snprintf(what, sizeof(what), "a row that \"%.200s\" finds is none of ours", s->sql);
        return ledger_damaged(s->ledger, what);
}

/* sqlite3_column_value() once and sqlite3_value_…() on it: half the cost of sqlite3_column_…() for each question, which
 * shows when a million links are read. SQLite allows it to whoever uses a connection from one thread. */
uint64_t column_u64(Statement *s, int column) {
        sqlite3_value *value = sqlite3_column_value(s->handle, column);
        int64_t v = sqlite3_value_int64(value);

        if (v < 0 || sqlite3_value_type(value) != SQLITE_INTEGER) {
                s->damaged = true;
                return 0;
        }
        return v == INT64_MAX ? UINT64_MAX : (uint64_t) v;
}

uint32_t column_u32(Statement *s, int column) {
        uint64_t v = column_u64(s, column);

        if (v > UINT32_MAX) {
                s->damaged = true;
                return 0;
        }
        return (uint32_t) v;
}

bool column_bool(Statement *s, int column) {
        uint64_t v = column_u64(s, column);

        if (v > 1)
                s->damaged = true;
        return v == 1;
}

const char *column_text(Statement *s, int column) {
        sqlite3_value *value = sqlite3_column_value(s->handle, column);
        const char *v;

        switch (sqlite3_value_type(value)) {
        case SQLITE_NULL:
                return NULL;
        case SQLITE_TEXT:
                v = (const char *) sqlite3_value_text(value);
                /* A NUL inside would make two ids one. */
                if (v && strlen(v) == (size_t) sqlite3_value_bytes(value))
                        return v;
                break;
        default:
                break;
        }
        s->damaged = true;
        return NULL;
}

const char *column_string(Statement *s, int column) {
        const char *v = column_text(s, column);

        if (!v)
                s->damaged = true;
        return strempty(v);
}

ObjectKind column_kind(Statement *s, int column) {
        ObjectKind k = object_kind_from_string(column_string(s, column));

        if (k < 0)
                s->damaged = true;
        return k < 0 ? OBJECT_KIND_USER : k;
}

ChangeAction column_action(Statement *s, int column) {
        ChangeAction a = change_action_from_string(column_string(s, column));

        if (a < 0)
                s->damaged = true;
        return a < 0 ? CHANGE_CREATE : a;
}

Cause column_cause(Statement *s, int column) {
        Cause c = cause_from_string(column_string(s, column));

        if (c < 0)
                s->damaged = true;
        return c < 0 ? CAUSE_NONE : c;
}

int ledger_execute(Ledger *l, const char *sql, const char *types, ...) {
        _cleanup_statement_ Statement *s = NULL;
        va_list ap;
        int r;

        assert(l->transaction == TRANSACTION_WRITE);

        va_start(ap, types);
        r = statement_openv(l, &s, sql, types, ap);
        va_end(ap);
        if (r < 0)
                return r;
        r = statement_step(s);
        if (r < 0)
                return r;
        return sqlite3_changes(l->db);
}

int ledger_query_u64(Ledger *l, uint64_t *ret, const char *sql, const char *types, ...) {
        _cleanup_statement_ Statement *s = NULL;
        uint64_t v;
        va_list ap;
        int r;

        va_start(ap, types);
        r = statement_openv(l, &s, sql, types, ap);
        va_end(ap);
        if (r < 0)
                return r;
        r = statement_step(s);
        if (r < 0)
                return r;
        if (r == 0)
                return ledger_damaged(l, "a row that is always there is missing");
        v = column_u64(s, 0);
        r = statement_check(s);
        if (r < 0)
                return r;
        *ret = v;
        return 0;
}
