/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <stdio.h>

#include "file-util.h"
#include "ledger-private.h"

/* The staged set, its reviews, the decisions on them, and holds.
 *
 * A review is an ordinal number with a random id. A row of the set remembers the ordinal under which it joined, so an id
 * names the undecided rows that joined under its ordinal or an earlier one, and nothing must be written when the set
 * grows but the new review itself. A row that has joined under an ordinal not yet opened is named by no id at all:
 * forgetting ledger_open_review() can only make a removal wait, never be carried out. */

static const char *const state_names[] = {
        [STAGED_UNDECIDED] = "undecided",
        [STAGED_ALLOWED] = "allowed",
        [STAGED_REJUDGE] = "rejudge",
};

static bool state_from_string(const char *s, StagedState *ret) {
        for (size_t i = 0; i < ELEMENTSOF(state_names); i++)
                if (streq(s, state_names[i])) {
                        *ret = (StagedState) i;
                        return true;
                }
        return false;
}

#define STAGED_COLUMNS \
        "kind, source_id, member, link, target_id, display_name, action, cause, staged_at, change_id, state, joined, allowed_at"
/* What the job had disabled before is the second wave: with when, why and by whose leave. */
#define SECOND_WAVE                                                                                                       \
        "LEFT JOIN links AS k ON s.action = 'Delete' AND k.id = s.link AND k.disabled "                                  \
        "LEFT JOIN decisions AS d ON d.seq = k.disabled_by "
#define SELECT_STAGED                                                                                                     \
        "SELECT s.kind, s.source_id, s.member, s.link, s.target_id, s.display_name, s.action, s.cause, s.staged_at, "    \
        "s.change_id, s.state, s.joined, s.allowed_at, s.decision, coalesce(k.disabled_at, 0), "                         \
        "coalesce(k.disabled_cause, ''), d.user, d.review FROM staged AS s " SECOND_WAVE

static int read_staged(Statement *s, Staged *ret) {
        Staged row = {
                .kind = column_kind(s, 0),
                .source_id = column_string(s, 1),
                .member = column_u32(s, 2),
                .link = column_u32(s, 3),
                .target_id = column_text(s, 4),
                .display_name = column_text(s, 5),
                .action = column_action(s, 6),
                .cause = column_cause(s, 7),
                .staged_at = column_u64(s, 8),
                .change_id = column_text(s, 9),
                .joined = column_u64(s, 11),
                .allowed_at = column_u64(s, 12),
                .decision = column_u64(s, 13),
                .disabled = { .at = column_u64(s, 14), .cause = column_cause(s, 15), .user = column_text(s, 16),
                              .review = column_text(s, 17) },
        };
        int r;

        if (!state_from_string(column_string(s, 10), &row.state))
                s->damaged = true;
        r = statement_check(s);
        if (r < 0)
                return r;
        *ret = row;
        return 0;
}

int ledger_stage(Ledger *l, const Staged *s) {
        int r;

        if ((s->action == CHANGE_MEMBERS) != (s->member > 0))
                return ledger_fail(l, -EINVAL, "a membership to be staged names its member, and nothing else does");
        r = ledger_execute(l, "INSERT INTO staged (" STAGED_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'undecided', ?, 0) "
                              "ON CONFLICT (kind, source_id, member) DO UPDATE SET "
                              "link = excluded.link, target_id = excluded.target_id, display_name = excluded.display_name, "
                              "action = excluded.action, cause = excluded.cause, staged_at = excluded.staged_at, "
                              "change_id = excluded.change_id, state = excluded.state, joined = excluded.joined, allowed_at = 0, decision = 0 "
                              "WHERE state <> 'undecided' OR action <> excluded.action OR cause <> excluded.cause "
                              "OR link <> excluded.link", "ttuuttttutu",
                           object_kind_to_string(s->kind), s->source_id, s->member, s->link, s->target_id, s->display_name,
                           change_action_to_string(s->action), cause_to_string(s->cause), s->staged_at, s->change_id,
                           l->counters.next_review);
        return r < 0 ? r : 0;
}

int ledger_unstage(Ledger *l, uint64_t link, ObjectKind kind, const char *source_id) {
        int r;

        /* The key says it all; a withheld Create has no link. */
        r = ledger_execute(l, "DELETE FROM staged WHERE kind = ? AND source_id = ? AND member = 0", "tt",
                           object_kind_to_string(kind), source_id);
        return r < 0 ? r : 0;
}

int ledger_unstage_member(Ledger *l, uint64_t group, uint64_t member) {
        int r;

        r = ledger_execute(l, "DELETE FROM staged WHERE member = ? AND link = ? AND member > 0", "uu", member, group);
        return r < 0 ? r : 0;
}

int ledger_clear_staged(Ledger *l) {
        int r;

        r = ledger_execute(l, "DELETE FROM staged", "");
        return r < 0 ? r : 0;
}

int ledger_reset_allowed(Ledger *l, uint64_t from, uint64_t until, uint64_t *ret_n) {
        int r;

        r = ledger_execute(l, "UPDATE staged SET state = 'undecided', allowed_at = 0, decision = 0, joined = ? "
                              "WHERE state = 'allowed' AND NOT (allowed_at BETWEEN ? AND ?)", "uuu",
                           l->counters.next_review, from, until);
        if (r < 0)
                return r;
        *ret_n = (uint64_t) r;
        return 0;
}

int ledger_remove_link_staged(Ledger *l, uint64_t link, ObjectKind kind, const char *source_id) {
        int r;

        r = ledger_execute(l, "DELETE FROM staged WHERE kind = ? AND source_id = ?", "tt", object_kind_to_string(kind), source_id);
        if (r >= 0)
                r = ledger_execute(l, "DELETE FROM staged WHERE member = ? AND member > 0", "u", link);
        if (r >= 0)
                r = ledger_execute(l, "DELETE FROM holds WHERE kind = ? AND source_id = ?", "tt", object_kind_to_string(kind),
                                   source_id);
        if (r >= 0)
                r = ledger_execute(l, "DELETE FROM holds WHERE member = ? AND member > 0", "u", link);
        return r < 0 ? r : 0;
}

int ledger_scan_staged(Ledger *l, uint64_t offset, uint64_t limit, LedgerStagedFunc f, void *userdata) {
        _cleanup_statement_ Statement *s = NULL;
        Staged row;
        int r;

        r = statement_open(l, &s, SELECT_STAGED "ORDER BY s.kind DESC, s.source_id, s.member LIMIT ? OFFSET ?",
                           "uu", limit > 0 ? limit : UINT64_MAX, offset);
        while (r >= 0 && (r = statement_step(s)) > 0) {
                r = read_staged(s, &row);
                if (r >= 0)
                        r = f(&row, userdata);
        }
        return r;
}

int ledger_count_staged(Ledger *l, StagedCounts *ret) {
        _cleanup_statement_ Statement *s = NULL;
        StagedCounts c;
        int r;

        r = statement_open(l, &s, "SELECT count(*) FILTER (WHERE state = 'undecided'), count(*) FILTER (WHERE state = 'allowed'), "
                                  "count(*) FILTER (WHERE state = 'rejudge'), "
                                  "count(*) FILTER (WHERE state = 'undecided' AND action = 'Delete'), "
                                  "coalesce(min(staged_at) FILTER (WHERE state = 'undecided'), 0) FROM staged", "");
        if (r < 0)
                return r;
        r = statement_step(s);
        if (r < 0)
                return r;
        c = (StagedCounts) {
                .undecided = column_u64(s, 0),
                .allowed = column_u64(s, 1),
                .rejudge = column_u64(s, 2),
                .deletes = column_u64(s, 3),
                .since = column_u64(s, 4),
        };
        c.actions = c.undecided - c.deletes;
        r = statement_check(s);
        if (r < 0)
                return r;
        *ret = c;
        return 0;
}

int ledger_summarize_staged(Ledger *l, LedgerSummaryFunc f, void *userdata) {
        _cleanup_statement_ Statement *s = NULL;
        int r;

        r = statement_open(l, &s, "SELECT cause, kind, action, count(*) AS n FROM staged WHERE state = 'undecided' "
                                  "GROUP BY cause, kind, action ORDER BY n DESC, cause, kind DESC, action", "");
        while (r >= 0 && (r = statement_step(s)) > 0) {
                Cause cause = column_cause(s, 0);
                ObjectKind kind = column_kind(s, 1);
                ChangeAction action = column_action(s, 2);
                uint64_t n = column_u64(s, 3);

                r = statement_check(s);
                if (r >= 0)
                        r = f(cause, kind, action, n, userdata);
        }
        return r;
}

int ledger_summarize_second_wave(Ledger *l, LedgerSecondWaveFunc f, void *userdata) {
        _cleanup_statement_ Statement *s = NULL;
        int r;

        r = statement_open(l, &s, "SELECT count(*) AS n, min(k.disabled_at), max(k.disabled_at), d.user, d.review FROM staged AS s "
                                  SECOND_WAVE "WHERE s.state = 'undecided' AND k.id NOT NULL GROUP BY d.seq "
                                  "ORDER BY n DESC, d.seq", "");
        while (r >= 0 && (r = statement_step(s)) > 0) {
                Disabling first = { .at = column_u64(s, 1), .user = column_text(s, 3), .review = column_text(s, 4) };
                uint64_t n = column_u64(s, 0), last = column_u64(s, 2);

                r = statement_check(s);
                if (r >= 0)
                        r = f(n, &first, last, userdata);
        }
        return r;
}

int ledger_summarize_group_losses(Ledger *l, LedgerGroupLossFunc f, void *userdata) {
        _cleanup_statement_ Statement *s = NULL;
        int r;

        r = statement_open(l, &s, "SELECT source_id, display_name, count(*) AS n, "
                                  "(SELECT count(*) FROM members WHERE group_id = staged.link) FROM staged "
                                  "WHERE state = 'undecided' AND member > 0 GROUP BY link, source_id ORDER BY n DESC, source_id", "");
        while (r >= 0 && (r = statement_step(s)) > 0) {
                const char *source_id = column_string(s, 0), *name = column_text(s, 1);
                uint64_t lost = column_u64(s, 2), members = column_u64(s, 3);

                r = statement_check(s);
                if (r >= 0)
                        r = f(source_id, name, lost, members, userdata);
        }
        return r;
}

/* ---- reviews ---- */

int ledger_open_review(Ledger *l, QuarantineReason reason, uint64_t now_usec, char ret_id[static 17]) {
        uint8_t random[8];
        char id[17];
        int r;

        r = random_bytes(random, sizeof(random));
        if (r < 0)
                return ledger_fail(l, r, "no random bytes from the kernel: %s", strerror(-r));
        for (size_t i = 0; i < sizeof(random); i++)
                (void) snprintf(id + 2 * i, 3, "%02x", random[i]);
        r = ledger_execute(l, "INSERT INTO reviews (ordinal, id, reason, opened_at) VALUES (?, ?, ?, ?)", "uttu",
                           l->counters.next_review, id, quarantine_reason_to_string(reason), now_usec);
        if (r < 0)
                return r;
        l->counters.next_review++;
        l->counters_changed = true;
        memcpy(ret_id, id, sizeof(id));
        return 0;
}

int ledger_current_review(Ledger *l, char ret_id[static 17], QuarantineReason *ret_reason, uint64_t *ret_opened_at) {
        _cleanup_statement_ Statement *s = NULL;
        QuarantineReason reason;
        uint64_t opened_at;
        const char *id;
        int r;

        r = statement_open(l, &s, "SELECT id, reason, (SELECT opened_at FROM reviews WHERE how IS NULL ORDER BY ordinal LIMIT 1) "
                                  "FROM reviews WHERE how IS NULL ORDER BY ordinal DESC LIMIT 1", "");
        if (r >= 0)
                r = statement_first(s);
        if (r != 0)
                return r;
        id = column_string(s, 0);
        reason = quarantine_reason_from_string(column_string(s, 1));
        opened_at = column_u64(s, 2);
        if (strlen(id) != 16 || reason < 0)
                s->damaged = true;
        r = statement_check(s);
        if (r < 0)
                return r;
        memcpy(ret_id, id, 17);
        if (ret_reason)
                *ret_reason = reason;
        if (ret_opened_at)
                *ret_opened_at = opened_at;
        return 0;
}

int ledger_close_reviews(Ledger *l, const char *how, uint64_t now_usec) {
        int r;

        r = ledger_execute(l, "UPDATE reviews SET how = ?, decided_at = ? WHERE how IS NULL", "tu", how, now_usec);
        /* Only undecided reviews have any. */
        if (r >= 0)
                r = ledger_execute(l, "DELETE FROM approvals", "");
        return r < 0 ? r : 0;
}

/* ---- decisions ---- */

typedef struct Deciding {
        Ledger *ledger;
        const Decision *decision;
        bool allow;
        uint64_t ordinal, seq;
        LedgerStagedFunc f;
        void *userdata;
        uint64_t n_decided;
} Deciding;

static int find_undecided_review(Ledger *l, const char *id, uint64_t *ret_ordinal) {
        _cleanup_statement_ Statement *s = NULL;
        uint64_t ordinal;
        int r;

        r = statement_open(l, &s, "SELECT ordinal FROM reviews WHERE id = ? AND how IS NULL", "t", strempty(id));
        if (r < 0)
                return r;
        r = statement_step(s);
        if (r < 0)
                return r;
        if (r == 0)
                return LEDGER_E_NO_SUCH_REVIEW;
        ordinal = column_u64(s, 0);
        r = statement_check(s);
        if (r < 0)
                return r;
        *ret_ordinal = ordinal;
        return 0;
}

/* Every object must be named by the review, or none is decided. */
static int check_objects(Deciding *d, const ObjectName *objects, size_t n_objects) {
        uint64_t n;
        int r;

        for (size_t i = 0; i < n_objects; i++) {
                r = ledger_query_u64(d->ledger, &n, "SELECT EXISTS (SELECT 1 FROM staged WHERE kind = ? AND source_id = ? "
                                                    "AND state = 'undecided' AND joined <= ?)", "ttu",
                                     object_kind_to_string(objects[i].kind), objects[i].source_id, d->ordinal);
                if (r < 0)
                        return r;
                if (n == 0)
                        return LEDGER_E_NOT_STAGED;
        }
        return 0;
}

static int compare_names(const void *a, const void *b) {
        const ObjectName *x = a, *y = b;

        return x->kind != y->kind ? (x->kind < y->kind ? -1 : 1) : strcmp(x->source_id, y->source_id);
}

/* The one text of a selection, whatever its order and however often it says the same; empty for the whole review. */
static int objects_canonical(const ObjectName *objects, size_t n_objects, StrBuf *out) {
        _cleanup_free_ ObjectName *sorted = NULL;
        const char *kind;

        if (n_objects > 0) {
                sorted = malloc(n_objects * sizeof(*sorted));
                if (!sorted)
                        return -ENOMEM;
                memcpy(sorted, objects, n_objects * sizeof(*sorted));
                qsort(sorted, n_objects, sizeof(*sorted), compare_names);
        }
        for (size_t i = 0; i < n_objects; i++) {
                if (i > 0 && compare_names(&sorted[i - 1], &sorted[i]) == 0)
                        continue;
                kind = object_kind_to_string(sorted[i].kind);
                strbuf_append(out, kind, strlen(kind) + 1);
                strbuf_append(out, sorted[i].source_id, strlen(sorted[i].source_id) + 1);
        }
        return strbuf_check(out);
}

/* Notes that this person has said so; how many more must. */
static int add_approval(Deciding *d, const ObjectName *objects, size_t n_objects, unsigned approvers, unsigned *ret_missing) {
        _cleanup_strbuf_ StrBuf text = STRBUF_INIT;
        const char *verb = d->allow ? "allow" : "reject";
        uint64_t n;
        int r;

        r = objects_canonical(objects, n_objects, &text);
        if (r < 0)
                return ledger_sqlite_error(d->ledger, SQLITE_NOMEM);
        r = ledger_execute(d->ledger, "INSERT INTO approvals (review, verb, uid, objects) SELECT ?1, ?2, ?3, ?4 WHERE NOT EXISTS "
                                      "(SELECT 1 FROM approvals WHERE review = ?1 AND verb = ?2 AND uid = ?3 AND objects = ?4)",
                           "utub", d->ordinal, verb, d->decision->uid, (const void *) strempty(text.data), text.size);
        if (r < 0)
                return r;
        r = ledger_query_u64(d->ledger, &n, "SELECT count(*) FROM approvals WHERE review = ? AND verb = ? AND objects = ?", "utb",
                             d->ordinal, verb, (const void *) strempty(text.data), text.size);
        if (r < 0)
                return r;
        *ret_missing = n < approvers ? approvers - (unsigned) n : 0;
        return 0;
}

/* Tells of each row; what is done to them is done by the caller at once. */
static int tell(Deciding *d, Statement *s) {
        Staged row;
        int r;

        while ((r = statement_step(s)) > 0) {
                r = read_staged(s, &row);
                if (r < 0)
                        return r;
                d->n_decided++;
                if (!d->f)
                        continue;
                if (d->allow) {
                        row.state = STAGED_ALLOWED;
                        row.allowed_at = d->decision->at;
                }
                r = d->f(&row, d->userdata);
                if (r < 0)
                        return r;
        }
        return r;
}

#define HOLD_COLUMNS "kind, source_id, member, link, target_id, display_name, cause, since, held_by, comment"
/* What a hold can keep: a withheld Create has nothing in the target, and whoever rejects the removal that an Update
 * waited for has not asked for its object never to be removed. */
#define HOLD_FROM_STAGED                                                                                                 \
        "INSERT OR REPLACE INTO holds (" HOLD_COLUMNS ") "                                                               \
        "SELECT kind, source_id, member, link, target_id, display_name, cause, ?, ?, ? FROM staged "                    \
        "WHERE action IN ('Disable', 'Delete', 'Members') AND state = 'undecided' AND joined <= ?"

static int decide_all(Deciding *d) {
        _cleanup_statement_ Statement *s = NULL;
        const Decision *n = d->decision;
        Ledger *l = d->ledger;
        int r;

        r = statement_open(l, &s, SELECT_STAGED "WHERE s.state = 'undecided' AND s.joined <= ? ORDER BY s.kind DESC, s.source_id, s.member", "u",
                           d->ordinal);
        if (r >= 0)
                r = tell(d, s);
        if (r >= 0 && d->allow)
                r = ledger_execute(l, "UPDATE staged SET state = 'allowed', allowed_at = ?, decision = ? WHERE state = 'undecided' AND joined <= ?",
                                   "uuu", n->at, d->seq, d->ordinal);
        else if (r >= 0) {
                r = ledger_execute(l, HOLD_FROM_STAGED, "uttu", n->at, n->user, n->comment, d->ordinal);
                if (r >= 0)
                        r = ledger_execute(l, "DELETE FROM staged WHERE state = 'undecided' AND joined <= ?", "u", d->ordinal);
        }
        if (r >= 0)
                r = ledger_execute(l, "UPDATE staged SET state = 'rejudge' WHERE state = 'undecided'", "");
        return r < 0 ? r : 0;
}

static int decide_one(Deciding *d, const ObjectName *o) {
        _cleanup_statement_ Statement *s = NULL;
        const char *kind = object_kind_to_string(o->kind);
        const Decision *n = d->decision;
        Ledger *l = d->ledger;
        int r;

        r = statement_open(l, &s, SELECT_STAGED "WHERE s.kind = ? AND s.source_id = ? AND s.state = 'undecided' AND s.joined <= ? ORDER BY s.member",
                           "ttu", kind, o->source_id, d->ordinal);
        if (r >= 0)
                r = tell(d, s);
        if (r >= 0 && d->allow)
                r = ledger_execute(l, "UPDATE staged SET state = 'allowed', allowed_at = ?, decision = ? WHERE kind = ? AND source_id = ? "
                                      "AND state = 'undecided' AND joined <= ?", "uuttu", n->at, d->seq, kind, o->source_id,
                                   d->ordinal);
        else if (r >= 0) {
                r = ledger_execute(l, HOLD_FROM_STAGED " AND kind = ? AND source_id = ?", "uttutt", n->at, n->user, n->comment,
                                   d->ordinal, kind, o->source_id);
                if (r >= 0)
                        r = ledger_execute(l, "DELETE FROM staged WHERE kind = ? AND source_id = ? AND state = 'undecided' "
                                              "AND joined <= ?", "ttu", kind, o->source_id, d->ordinal);
        }
        return r < 0 ? r : 0;
}

static int insert_decision(Ledger *l, const char *verb, const Decision *d, uint64_t n) {
        int r;

        r = ledger_execute(l, "INSERT INTO decisions (verb, review, comment, uid, user, at, decided) VALUES (?, ?, ?, ?, ?, ?, ?)",
                           "tttutuu", verb, d->review, d->comment, d->uid, d->user, d->at, n);
        return r < 0 ? r : 0;
}

static int decide(Deciding *d, const ObjectName *objects, size_t n_objects, unsigned approvers, uint64_t *ret_decided,
                  uint64_t *ret_joined_later, unsigned *ret_missing) {
        Ledger *l = d->ledger;
        unsigned missing = 0;
        uint64_t later, left;
        bool closed = !objects;
        int r;

        r = find_undecided_review(l, d->decision->review, &d->ordinal);
        if (r != 0)
                return r;
        r = check_objects(d, objects, n_objects);
        if (r != 0)
                return r;
        r = ledger_query_u64(l, &later, "SELECT count(*) FROM staged WHERE state = 'undecided' AND joined > ?", "u", d->ordinal);
        /* What SQLite will number the decision's own row, at the end of this same transaction. */
        if (r >= 0)
                r = ledger_query_u64(l, &d->seq, "SELECT coalesce(max(seq), 0) + 1 FROM decisions", "");
        if (r >= 0 && approvers > 1)
                r = add_approval(d, objects, n_objects, approvers, &missing);
        if (r >= 0 && missing == 0) {
                if (!objects)
                        r = decide_all(d);
                for (size_t i = 0; objects && i < n_objects && r >= 0; i++)
                        r = decide_one(d, &objects[i]);
                if (r >= 0 && objects) {
                        r = ledger_query_u64(l, &left, "SELECT EXISTS (SELECT 1 FROM staged WHERE state = 'undecided')", "");
                        closed = r >= 0 && left == 0;
                }
                if (r >= 0 && closed)
                        r = ledger_close_reviews(l, d->allow ? "allowed" : "rejected", d->decision->at);
        }
        if (r >= 0)
                r = insert_decision(l, d->allow ? "allow" : "reject", d->decision, d->n_decided);
        if (r < 0)
                return r;
        *ret_decided = d->n_decided;
        *ret_joined_later = later;
        *ret_missing = missing;
        return 0;
}

int ledger_allow(Ledger *l, const Decision *d, const ObjectName *objects, size_t n_objects, unsigned approvers,
                 LedgerStagedFunc f, void *userdata, uint64_t *ret_decided, uint64_t *ret_joined_later,
                 unsigned *ret_missing) {
        Deciding deciding = { .ledger = l, .decision = d, .allow = true, .f = f, .userdata = userdata };

        return decide(&deciding, objects, n_objects, approvers, ret_decided, ret_joined_later, ret_missing);
}

int ledger_reject(Ledger *l, const Decision *d, const ObjectName *objects, size_t n_objects, unsigned approvers,
                  LedgerStagedFunc f, void *userdata, uint64_t *ret_decided, uint64_t *ret_joined_later,
                  unsigned *ret_missing) {
        Deciding deciding = { .ledger = l, .decision = d, .f = f, .userdata = userdata };

        return decide(&deciding, objects, n_objects, approvers, ret_decided, ret_joined_later, ret_missing);
}

int ledger_add_decision(Ledger *l, const Decision *d, uint64_t n) {
        return insert_decision(l, d->verb, d, n);
}

int ledger_scan_decisions(Ledger *l, uint64_t limit, LedgerDecisionFunc f, void *userdata) {
        _cleanup_statement_ Statement *s = NULL;
        Decision d;
        uint64_t n;
        int r;

        r = statement_open(l, &s, "SELECT verb, review, comment, uid, user, at, decided FROM decisions ORDER BY seq DESC LIMIT ?",
                           "u", limit > 0 ? limit : UINT64_MAX);
        while (r >= 0 && (r = statement_step(s)) > 0) {
                d = (Decision) {
                        .verb = column_string(s, 0),
                        .review = column_text(s, 1),
                        .comment = column_text(s, 2),
                        .uid = column_u64(s, 3),
                        .user = column_text(s, 4),
                        .at = column_u64(s, 5),
                };
                n = column_u64(s, 6);
                r = statement_check(s);
                if (r >= 0)
                        r = f(&d, n, userdata);
        }
        return r;
}

/* ---- holds ---- */

int ledger_scan_holds(Ledger *l, uint64_t offset, uint64_t limit, LedgerHoldFunc f, void *userdata) {
        _cleanup_statement_ Statement *s = NULL;
        Hold h;
        int r;

        r = statement_open(l, &s, "SELECT " HOLD_COLUMNS " FROM holds ORDER BY kind DESC, source_id, member LIMIT ? OFFSET ?", "uu",
                           limit > 0 ? limit : UINT64_MAX, offset);
        while (r >= 0 && (r = statement_step(s)) > 0) {
                h = (Hold) {
                        .kind = column_kind(s, 0),
                        .source_id = column_string(s, 1),
                        .member = column_u32(s, 2),
                        .link = column_u32(s, 3),
                        .target_id = column_text(s, 4),
                        .display_name = column_text(s, 5),
                        .cause = column_cause(s, 6),
                        .since = column_u64(s, 7),
                        .by = column_text(s, 8),
                        .comment = column_text(s, 9),
                };
                r = statement_check(s);
                if (r >= 0)
                        r = f(&h, userdata);
        }
        return r;
}

int ledger_count_holds(Ledger *l, uint64_t *ret) {
        return ledger_query_u64(l, ret, "SELECT count(*) FROM holds", "");
}

int ledger_remove_hold(Ledger *l, ObjectKind kind, const char *source_id) {
        int r;

        r = ledger_execute(l, "DELETE FROM holds WHERE kind = ? AND source_id = ?", "tt", object_kind_to_string(kind), source_id);
        if (r < 0)
                return r;
        return r > 0 ? 0 : LEDGER_E_NOT_FOUND;
}

int ledger_end_hold(Ledger *l, ObjectKind kind, const char *source_id) {
        int r;

        r = ledger_execute(l, "DELETE FROM holds WHERE kind = ? AND source_id = ? AND member = 0", "tt",
                           object_kind_to_string(kind), source_id);
        if (r < 0)
                return r;
        return r > 0 ? 0 : LEDGER_E_NOT_FOUND;
}

int ledger_remove_member_hold(Ledger *l, uint64_t group, uint64_t member) {
        int r;

        r = ledger_execute(l, "DELETE FROM holds WHERE member = ? AND link = ? AND member > 0", "uu", member, group);
        if (r < 0)
                return r;
        return r > 0 ? 0 : LEDGER_E_NOT_FOUND;
}
