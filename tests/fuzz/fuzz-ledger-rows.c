/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <ftw.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>

#include "ledger-exercise.h"
#include "ledger-private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A ledger whose rows hold anything: the tables are made again without the types and constraints that protect them, and
 * filled from the input. Whatever is in them, every function answers or says that the ledger is damaged. */

static char dir[] = "/tmp/reprieve-fuzz-XXXXXX";
static char path[64];
static sqlite3 *raw;

typedef struct Table {
        char *insert, *clear;
        int n_columns;
} Table;
static Table tables[32];
static size_t n_tables;

static int remove_one(const char *name, const struct stat *st, int type, struct FTW *ftw) {
        return remove(name);
}

static void clean_up(void) {
        (void) sqlite3_close(raw);
        (void) nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Blanks out each @word. */
static void drop_word(char *sql, const char *word) {
        for (char *p = strstr(sql, word); p; p = strstr(p, word))
                memset(p, ' ', strlen(word));
}

static void run(const char *sql) {
        char *message = NULL;

        if (sqlite3_exec(raw, sql, NULL, NULL, &message) != SQLITE_OK) {
                fprintf(stderr, "%s: %s\n", sql, message);
                abort();
        }
}

static void add_table(const char *name) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;
        sqlite3_stmt *s;
        int n = 0;

        strbuf_printf(&b, "SELECT count(*) FROM pragma_table_info('%s')", name);
        if (sqlite3_prepare_v2(raw, b.data, -1, &s, NULL) != SQLITE_OK || sqlite3_step(s) != SQLITE_ROW)
                abort();
        n = sqlite3_column_int(s, 0);
        (void) sqlite3_finalize(s);
        strbuf_clear(&b);
        strbuf_printf(&b, "INSERT OR IGNORE INTO %s VALUES (?", name);
        for (int i = 1; i < n; i++)
                strbuf_puts(&b, ", ?");
        strbuf_putc(&b, ')');
        if (n_tables >= ELEMENTSOF(tables) || strbuf_steal(&b, &tables[n_tables].insert) < 0 ||
            asprintf(&tables[n_tables].clear, "DELETE FROM %s", name) < 0)
                abort();
        tables[n_tables++].n_columns = n;
}

/* The schema of a real ledger, with everything off that can refuse a value. */
static void start(void) {
        _cleanup_strv_ char **statements = NULL, **names = NULL;
        static const char *const words[] = { " STRICT,", " STRICT", "NOT NULL", "CHECK (one = 1)", "CHECK (length(secret) = 64)", " TEXT",
                                             " INTEGER", " BLOB", "REFERENCES reviews (ordinal)",
                                             "REFERENCES cycles (seq) ON DELETE CASCADE", "UNIQUE", "AUTOINCREMENT" };
        Ledger *l;
        sqlite3_stmt *s;

        if (!mkdtemp(dir) || ledger_open(dir, "j", LEDGER_READ_WRITE, &l, NULL) < 0)
                abort();
        (void) atexit(clean_up);
        ledger_free(l);
        (void) snprintf(path, sizeof(path), "%s/jobs/j/ledger.db", dir);
        if (sqlite3_open(path, &raw) != SQLITE_OK ||
            sqlite3_prepare_v2(raw, "SELECT sql, name, type FROM sqlite_master WHERE sql NOT NULL AND name NOT LIKE 'sqlite_%'", -1, &s,
                               NULL) != SQLITE_OK)
                abort();
        while (sqlite3_step(s) == SQLITE_ROW) {
                if (strv_extend(&statements, (const char *) sqlite3_column_text(s, 0)) < 0)
                        abort();
                if (streq((const char *) sqlite3_column_text(s, 2), "table") &&
                    strv_extend(&names, (const char *) sqlite3_column_text(s, 1)) < 0)
                        abort();
        }
        (void) sqlite3_finalize(s);
        run("PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF");
        for (char **n = names; *n; n++) {
                _cleanup_free_ char *sql = NULL;

                if (asprintf(&sql, "DROP TABLE %s", *n) < 0)
                        abort();
                run(sql);
        }
        for (char **i = statements; *i; i++) {
                for (size_t w = 0; w < ELEMENTSOF(words); w++)
                        drop_word(*i, words[w]);
                run(*i);
        }
        for (char **n = names; *n; n++)
                add_table(*n);
}

/* Words that make a row plausible, so that what is read after them is reached. */
static const char *const words[] = { "user", "group", "Delete", "Disable", "Create", "Update", "Members", "Restore", "deleted", "blocked",
                                     "", "undecided", "allowed", "rejudge", "TooManyDeletes", "0123456789abcdef", "success", "running",
                                     "imported", "a", "b", "allow", "pass", "9223372036854775807" };

typedef struct Input {
        const uint8_t *p, *end;
} Input;

static uint8_t next_byte(Input *in) {
        return in->p < in->end ? *in->p++ : 0;
}

static void bind_value(sqlite3_stmt *s, int column, Input *in) {
        uint8_t how = next_byte(in);
        size_t n;

        if (how < 128) { /* a small number or a word */
                if (how < 64)
                        (void) sqlite3_bind_int64(s, column, how);
                else
                        (void) sqlite3_bind_text(s, column, words[how % ELEMENTSOF(words)], -1, SQLITE_STATIC);
                return;
        }
        n = next_byte(in);
        n = MIN2(n, (size_t) (in->end - in->p));
        switch (how % 6) {
        case 0:
                (void) sqlite3_bind_null(s, column);
                break;
        case 1:
                (void) sqlite3_bind_double(s, column, n * 1e300);
                break;
        case 2:
                (void) sqlite3_bind_int64(s, column, INT64_MIN + (int64_t) n);
                break;
        case 3:
                (void) sqlite3_bind_int64(s, column, INT64_MAX - (int64_t) n);
                break;
        case 4:
                (void) sqlite3_bind_blob(s, column, in->p, (int) n, SQLITE_STATIC);
                in->p += n;
                break;
        default:
                (void) sqlite3_bind_text(s, column, (const char *) in->p, (int) n, SQLITE_STATIC);
                in->p += n;
                break;
        }
}

static void fill(Input *in) {
        sqlite3_stmt *s;

        run("BEGIN");
        for (size_t i = 0; i < n_tables; i++)
                run(tables[i].clear);
        /* Without its one row a ledger does not even open; the input may put another beside it or in its place. */
        run("INSERT INTO job (one, secret, paused, disabled, generation, fingerprint, kinds, quarantine, next_link, next_review, users, users_enabled, "
            "groups, groups_enabled) VALUES (1, randomblob(64), 0, 0, 3, 'f', 3, '', 9, 9, 2, 1, 2, 1)");
        while (in->p < in->end) {
                const Table *t = &tables[next_byte(in) % n_tables];

                if (sqlite3_prepare_v2(raw, t->insert, -1, &s, NULL) != SQLITE_OK)
                        abort();
                for (int c = 1; c <= t->n_columns; c++)
                        bind_value(s, c, in);
                (void) sqlite3_step(s);
                (void) sqlite3_finalize(s);
        }
        run("COMMIT");
}

static void write_all(Ledger *l, const char *review) {
        const ObjectName a = { OBJECT_KIND_USER, "a" };
        CycleRecord c = { .id = "a" };
        uint64_t decided, later;
        char id[17];
        unsigned missing;

        if (ledger_begin(l) < 0)
                return;
        for (uint64_t i = 0; i < 8; i++) {
                (void) ledger_set_absent(l, i, true);
                (void) ledger_update_link(l, &(Link) { .id = i, .target_id = "b", .disabled = i % 2 });
                (void) ledger_add_member(l, i, 1);
                if (i % 2)
                        (void) ledger_remove_link(l, i);
        }
        (void) ledger_add_link(l, &(Link) { .source_id = "a", .target_id = "a" }, &decided);
        (void) ledger_stage(l, &(Staged) { .source_id = "a", .action = CHANGE_DELETE });
        (void) ledger_reset_allowed(l, 1, 5, &decided);
        (void) ledger_open_review(l, QUARANTINE_EMPTY_SOURCE, 1, id);
        (void) ledger_begin_cycle(l, &c);
        (void) ledger_finish_cycle(l, &c);
        (void) ledger_add_removals(l, 5, 1);
        (void) ledger_remove_hold(l, OBJECT_KIND_USER, "a");
        if (ledger_commit(l) < 0 || ledger_begin(l) < 0)
                return;
        (void) ledger_allow(l, &(Decision) { .review = review, .user = "u" }, &a, 1, 1, NULL, NULL, &decided, &later, &missing);
        (void) ledger_reject(l, &(Decision) { .review = review, .user = "u" }, NULL, 0, 2, NULL, NULL, &decided, &later, &missing);
        (void) ledger_reject(l, &(Decision) { .review = review, .user = "u" }, NULL, 0, 1, NULL, NULL, &decided, &later, &missing);
        ledger_rollback(l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_error_ Error *error = NULL;
        Input in = { data, data + size };
        Everything e = {};
        int r;

        if (!raw)
                start();
        fill(&in);
        r = ledger_open(dir, "j", LEDGER_READ_WRITE, &e.ledger, &error);
        if (r < 0) {
                assert(r == -EBADMSG && strstr(error->text, "damaged"));
                return 0;
        }
        r = everything_read(&e);
        assert(r == 0 || r == -EBADMSG);
        write_all(e.ledger, e.review);
        strbuf_done(&e.text);
        ledger_free(e.ledger);
        return 0;
}
