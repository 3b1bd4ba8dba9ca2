/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of the ledger share: the open database, its prepared statements, and how a failure of SQLite becomes
 * one of ours. Not for other rooms. */

#include <sqlite3.h>

#include "ledger.h"

#define LEDGER_BUSY_TIMEOUT_MSEC 30000U
#define LEDGER_N_STATEMENTS 256U

typedef enum Transaction {
        TRANSACTION_NONE,
        TRANSACTION_READ,
        TRANSACTION_WRITE,
} Transaction;

/* A prepared statement, kept for the life of the ledger. One that is wanted while it still runs (a scan within a scan)
 * is prepared anew and thrown away. */
typedef struct Statement {
        Ledger *ledger;
        const char *sql;          /* a literal; its address is the key */
        sqlite3_stmt *handle;
        bool busy, once;
        bool damaged;             /* a column was not what the schema promises */
} Statement;

/* What would cost a scan if it were counted, and numbers that are never given out twice. Read when a write transaction
 * begins and written when it commits. */
typedef struct Counters {
        uint64_t generation;
        uint64_t next_link, next_review;
        uint64_t links[_OBJECT_KIND_MAX], enabled[_OBJECT_KIND_MAX];
} Counters;

struct Ledger {
        sqlite3 *db;
        char *path;
        LedgerMode mode;
        unsigned busy_timeout_msec;
        Transaction transaction;
        int failed;               /* what broke this transaction; nothing but a rollback follows */
        Counters counters;
        bool counters_changed;
        bool links_changed;       /* the generation goes up */
        Error *error;
        Statement *statements[LEDGER_N_STATEMENTS];
};

/* One step of the schema, from version i to i + 1, inside a transaction. */
typedef int (*Migration)(Ledger *l);
extern const Migration ledger_migrations[];
extern const size_t ledger_n_migrations;

/** ledger_open_full() - ledger_open() with the numbers that tests must be able to choose */
int ledger_open_full(const char *state_dir, const char *job, LedgerMode mode, unsigned busy_timeout_msec,
                     const Migration *migrations, size_t n_migrations, Ledger **ret, Error **ret_error);

/** ledger_sqlite_error() - record the failure @rc; a negative errno, and the transaction is broken unless the failure
 * was a constraint's */
int ledger_sqlite_error(Ledger *l, int rc);
/** ledger_damaged() - a row is not what we write; -EBADMSG */
int ledger_damaged(Ledger *l, const char *what);
/** ledger_fail() - any other failure, in our own words */
int ledger_fail(Ledger *l, int r, const char *fmt, ...) _printf_(3, 4);

Statement *statement_put(Statement *s);
DEFINE_CLEANUP(Statement *, statement_put)
#define _cleanup_statement_ _cleanup_(statement_putp)

/** statement_step() - 1: a row, 0: done, < 0: failed */
int statement_step(Statement *s);
/** statement_first() - for one row at most: 0, or LEDGER_E_NOT_FOUND, or < 0: failed */
int statement_first(Statement *s);
/** statement_job_row() - for the one row of the table "job", without which a ledger is damaged: 0, or < 0 */
int statement_job_row(Statement *s);
/**
 * statement_open() - a prepared statement with its parameters 1 … strlen(@types), all of them
 * @types: per parameter 't' text (const char *, NULL allowed, borrowed until statement_put()), 'u' uint64_t, 'i' int
 *         (also bool), 'b' blob (const void *, size_t)
 */
int statement_open(Ledger *l, Statement **ret, const char *sql, const char *types, ...);
/** statement_check() - after the columns of a row were read: -EBADMSG if one was not what it must be */
int statement_check(Statement *s);

uint64_t column_u64(Statement *s, int column);
uint32_t column_u32(Statement *s, int column);
bool column_bool(Statement *s, int column);
/** column_text() - NULL for NULL; borrowed until the next step */
const char *column_text(Statement *s, int column);
/** column_string() - never NULL */
const char *column_string(Statement *s, int column);
ObjectKind column_kind(Statement *s, int column);
ChangeAction column_action(Statement *s, int column);
Cause column_cause(Statement *s, int column);

/** ledger_execute() - run a statement that writes; the number of rows it changed, or < 0 */
int ledger_execute(Ledger *l, const char *sql, const char *types, ...);
/** ledger_query_u64() - the first column of the only row */
int ledger_query_u64(Ledger *l, uint64_t *ret, const char *sql, const char *types, ...);

/** ledger_remove_link_staged() - a link goes, and with it what ledger-staged.c keeps of it */
int ledger_remove_link_staged(Ledger *l, uint64_t link, ObjectKind kind, const char *source_id);
/** ledger_remove_link_escrow() - and what ledger-cycles.c keeps */
int ledger_remove_link_escrow(Ledger *l, ObjectKind kind, const char *source_id);
