/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>

#include "ledger-private.h"

/* What cycles leave behind: their records, what they were about to do (intents), what they have removed (the budget of
 * G10) and what the target refused (escrow). */

#define CYCLES_KEPT 10000

/* ---- intents ---- */

int ledger_add_intent(Ledger *l, const Intent *i) {
        int r;

        r = ledger_execute(l, "INSERT INTO intents (action, kind, cause, link, change_id, cycle, source_id, target_id, "
                              "display_name, desired, decision) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", "tttuttttttu",
                           change_action_to_string(i->action), object_kind_to_string(i->kind), cause_to_string(i->cause),
                           i->link, i->change_id, i->cycle, i->source_id, i->target_id, i->display_name, i->desired,
                           i->decision);
        return r < 0 ? r : 0;
}

int ledger_clear_intents(Ledger *l) {
        int r;

        r = ledger_execute(l, "DELETE FROM intents", "");
        return r < 0 ? r : 0;
}

int ledger_scan_intents(Ledger *l, LedgerIntentFunc f, void *userdata) {
        _cleanup_statement_ Statement *s = NULL;
        Intent i;
        int r;

        r = statement_open(l, &s, "SELECT seq, action, kind, cause, link, change_id, cycle, source_id, target_id, display_name, "
                                  "desired, decision FROM intents ORDER BY seq", "");
        while (r >= 0 && (r = statement_step(s)) > 0) {
                i = (Intent) {
                        .seq = column_u64(s, 0),
                        .action = column_action(s, 1),
                        .kind = column_kind(s, 2),
                        .cause = column_cause(s, 3),
                        .link = column_u32(s, 4),
                        .change_id = column_text(s, 5),
                        .cycle = column_text(s, 6),
                        .source_id = column_text(s, 7),
                        .target_id = column_text(s, 8),
                        .display_name = column_text(s, 9),
                        .desired = column_text(s, 10),
                        .decision = column_u64(s, 11),
                };
                r = statement_check(s);
                if (r >= 0)
                        r = f(&i, userdata);
        }
        return r;
}

/* ---- escrow ---- */

int ledger_put_escrow(Ledger *l, const Escrow *e) {
        int r;

        r = ledger_execute(l, "INSERT OR REPLACE INTO escrow (kind, source_id, action, change_id, first_failed, next_attempt, "
                              "attempts, allowed, digest, code, text, decision) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", "ttttuuuitttu",
                           object_kind_to_string(e->kind), e->source_id, change_action_to_string(e->action), e->change_id,
                           e->first_failed, e->next_attempt, (uint64_t) e->attempts, (int) e->allowed, e->digest, e->code,
                           e->text, e->decision);
        return r < 0 ? r : 0;
}

int ledger_remove_escrow(Ledger *l, ObjectKind kind, const char *source_id, ChangeAction action) {
        int r;

        r = ledger_execute(l, "DELETE FROM escrow WHERE kind = ? AND source_id = ? AND action = ?", "ttt",
                           object_kind_to_string(kind), source_id, change_action_to_string(action));
        return r < 0 ? r : 0;
}

int ledger_void_decisions(Ledger *l) {
        int r;

        r = ledger_execute(l, "UPDATE escrow SET allowed = 0, decision = 0 WHERE allowed <> 0", "");
        if (r >= 0)
                r = ledger_execute(l, "UPDATE job SET configured_after = (SELECT coalesce(max(seq), 0) FROM decisions)", "");
        return r < 0 ? r : 0;
}

int ledger_remove_link_escrow(Ledger *l, ObjectKind kind, const char *source_id) {
        return ledger_execute(l, "DELETE FROM escrow WHERE kind = ? AND source_id = ?", "tt", object_kind_to_string(kind),
                              source_id);
}

int ledger_clear_escrow(Ledger *l) {
        int r;

        r = ledger_execute(l, "DELETE FROM escrow", "");
        return r < 0 ? r : 0;
}

int ledger_scan_escrow(Ledger *l, LedgerEscrowFunc f, void *userdata) {
        _cleanup_statement_ Statement *s = NULL;
        Escrow e;
        int r;

        r = statement_open(l, &s, "SELECT kind, source_id, action, change_id, first_failed, next_attempt, attempts, allowed, "
                                  "digest, code, text, decision FROM escrow ORDER BY kind DESC, source_id, action", "");
        while (r >= 0 && (r = statement_step(s)) > 0) {
                e = (Escrow) {
                        .kind = column_kind(s, 0),
                        .source_id = column_string(s, 1),
                        .action = column_action(s, 2),
                        .change_id = column_text(s, 3),
                        .first_failed = column_u64(s, 4),
                        .next_attempt = column_u64(s, 5),
                        .attempts = column_u32(s, 6),
                        .allowed = column_bool(s, 7),
                        .digest = column_text(s, 8),
                        .code = column_text(s, 9),
                        .text = column_text(s, 10),
                        .decision = column_u64(s, 11),
                };
                r = statement_check(s);
                if (r >= 0)
                        r = f(&e, userdata);
        }
        return r;
}

int ledger_count_escrow(Ledger *l, uint64_t *ret) {
        return ledger_query_u64(l, ret, "SELECT count(*) FROM escrow", "");
}

/* ---- cycles ---- */

static const char *const count_names[_CYCLE_COUNT_MAX] = {
        [COUNT_IMPORTED] = "imported",
        [COUNT_CREATED] = "created",
        [COUNT_ADOPTED] = "adopted",
        [COUNT_UPDATED] = "updated",
        [COUNT_RESTORED] = "restored",
        [COUNT_MEMBERSHIPS] = "memberships",
        [COUNT_DISABLED] = "disabled",
        [COUNT_DELETED] = "deleted",
        [COUNT_STAGED] = "staged",
        [COUNT_HEALED] = "healed",
        [COUNT_HELD] = "held",
        [COUNT_SKIPPED] = "skipped",
        [COUNT_FAILED] = "failed",
        [COUNT_COUNTED] = "counted",
        [COUNT_LIMIT] = "limit",
        [COUNT_POPULATION] = "population",
        [COUNT_UNRESOLVED] = "unresolved",
};

const char *cycle_count_to_string(CycleCount c) {
        return c < _CYCLE_COUNT_MAX ? count_names[c] : NULL;
}

static const char *const result_names[_CYCLE_RESULT_MAX] = {
        [CYCLE_RUNNING] = "running",
        [CYCLE_SUCCESS] = "success",
        [CYCLE_STAGED] = "staged",
        [CYCLE_INCOMPLETE] = "incomplete",
        [CYCLE_FAILED] = "failed",
        [CYCLE_STOPPED] = "stopped",
};

const char *cycle_result_to_string(CycleResult r) {
        return r >= 0 && r < _CYCLE_RESULT_MAX ? result_names[r] : NULL;
}

CycleResult cycle_result_from_string(const char *s) {
        for (CycleResult r = 0; s && r < _CYCLE_RESULT_MAX; r++)
                if (streq(s, result_names[r]))
                        return r;
        return _CYCLE_RESULT_INVALID;
}

void cycle_record_done(CycleRecord *c) {
        free(c->error);
        *c = (CycleRecord) {};
}

int ledger_begin_cycle(Ledger *l, const CycleRecord *c) {
        int r;

        r = ledger_execute(l, "INSERT INTO cycles (id, started, finished, result, verdict, error) VALUES (?, ?, ?, ?, ?, ?)",
                           "tuuttt", c->id, c->started, c->finished, cycle_result_to_string(c->result), c->verdict, c->error);
        return r < 0 ? r : 0;
}

int ledger_finish_cycle(Ledger *l, const CycleRecord *c) {
        int r;

        r = ledger_execute(l, "UPDATE cycles SET started = ?, finished = ?, result = ?, verdict = ?, error = ? WHERE id = ?",
                           "uutttt", c->started, c->finished, cycle_result_to_string(c->result), c->verdict, c->error, c->id);
        if (r == 0)
                return ledger_fail(l, -ENOENT, "there is no cycle %s", c->id);
        if (r >= 0)
                r = ledger_execute(l, "DELETE FROM cycle_counts WHERE cycle = (SELECT seq FROM cycles WHERE id = ?)", "t", c->id);
        for (CycleCount i = 0; i < _CYCLE_COUNT_MAX && r >= 0; i++)
                if (c->counts[i] > 0)
                        r = ledger_execute(l, "INSERT INTO cycle_counts (cycle, name, value) "
                                              "SELECT seq, ?, ? FROM cycles WHERE id = ?", "tut", count_names[i], c->counts[i],
                                           c->id);
        if (r >= 0)
                r = ledger_execute(l, "DELETE FROM cycles WHERE seq <= (SELECT max(seq) FROM cycles) - ?", "i", CYCLES_KEPT);
        return r < 0 ? r : 0;
}

static int read_counts(Ledger *l, uint64_t seq, CycleRecord *c) {
        _cleanup_statement_ Statement *s = NULL;
        const char *name;
        uint64_t value;
        int r;

        r = statement_open(l, &s, "SELECT name, value FROM cycle_counts WHERE cycle = ?", "u", seq);
        while (r >= 0 && (r = statement_step(s)) > 0) {
                name = column_string(s, 0);
                value = column_u64(s, 1);
                for (CycleCount i = 0; i < _CYCLE_COUNT_MAX; i++)
                        if (streq(name, count_names[i]))
                                c->counts[i] = value;
                r = statement_check(s);
        }
        return r;
}

static bool copy_column(Statement *s, int column, char *ret, size_t size) {
        const char *text = column_string(s, column);
        size_t n = strlen(text);

        if (n >= size)
                return false;
        memcpy(ret, text, n + 1);
        return true;
}

static int read_cycle(Statement *s, CycleRecord *ret) {
        _cleanup_(cycle_record_done) CycleRecord c = {};
        const char *error;
        uint64_t seq;
        int r;

        seq = column_u64(s, 0);
        c.started = column_u64(s, 2);
        c.finished = column_u64(s, 3);
        c.result = cycle_result_from_string(column_string(s, 4));
        error = column_text(s, 6);
        if (c.result < 0 || !copy_column(s, 1, c.id, sizeof(c.id)) || !copy_column(s, 5, c.verdict, sizeof(c.verdict)))
                s->damaged = true;
        r = statement_check(s);
        if (r < 0)
                return r;
        if (error) {
                c.error = strdup(error);
                if (!c.error)
                        return ledger_sqlite_error(s->ledger, SQLITE_NOMEM);
        }
        r = read_counts(s->ledger, seq, &c);
        if (r < 0)
                return r;
        *ret = c;
        c = (CycleRecord) {};
        return 0;
}

int ledger_scan_cycles(Ledger *l, uint64_t limit, LedgerCycleFunc f, void *userdata) {
        _cleanup_statement_ Statement *s = NULL;
        int r;

        r = statement_open(l, &s, "SELECT seq, id, started, finished, result, verdict, error FROM cycles "
                                  "ORDER BY seq DESC LIMIT ?", "u", limit > 0 ? limit : UINT64_MAX);
        while (r >= 0 && (r = statement_step(s)) > 0) {
                _cleanup_(cycle_record_done) CycleRecord c = {};

                r = read_cycle(s, &c);
                if (r >= 0)
                        r = f(&c, userdata);
        }
        return r;
}

int ledger_last_cycle(Ledger *l, CycleRecord *ret) {
        _cleanup_statement_ Statement *s = NULL;
        int r;

        r = statement_open(l, &s, "SELECT seq, id, started, finished, result, verdict, error FROM cycles "
                                  "ORDER BY seq DESC LIMIT 1", "");
        if (r < 0)
                return r;
        r = statement_first(s);
        return r != 0 ? r : read_cycle(s, ret);
}

int ledger_add_removals(Ledger *l, uint64_t at, uint64_t n) {
        int r;

        r = ledger_execute(l, "INSERT INTO removals (at, n) VALUES (?, ?) ON CONFLICT (at) DO UPDATE SET n = n + excluded.n",
                           "uu", at, n);
        return r < 0 ? r : 0;
}

int ledger_count_removals(Ledger *l, uint64_t since, uint64_t *ret) {
        return ledger_query_u64(l, ret, "SELECT coalesce(sum(n), 0) FROM removals WHERE at >= ?", "u", since);
}
