/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>

#include "ledger-private.h"

/* Mail that waits to be sent, queued in the transaction that it tells of (N2). */

int ledger_queue_mail(Ledger *l, const Mail *m) {
        int r;

        r = ledger_execute(l, "INSERT INTO outbox (event, review, payload, queued_at, next_attempt, attempts, last_error, "
                              "permanent, delivery, message_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", "tttuuutitt",
                           m->event, m->review, m->payload, m->queued_at, m->next_attempt, (uint64_t) m->attempts,
                           m->last_error, (int) m->permanent, m->delivery, m->message_id);
        return r < 0 ? r : 0;
}

int ledger_scan_mail(Ledger *l, LedgerMailFunc f, void *userdata) {
        _cleanup_statement_ Statement *s = NULL;
        Mail m;
        int r;

        r = statement_open(l, &s, "SELECT id, event, review, payload, queued_at, next_attempt, attempts, last_error, permanent, "
                                  "delivery, message_id FROM outbox ORDER BY id", "");
        while (r >= 0 && (r = statement_step(s)) > 0) {
                m = (Mail) {
                        .id = column_u64(s, 0),
                        .event = column_string(s, 1),
                        .review = column_text(s, 2),
                        .payload = column_text(s, 3),
                        .queued_at = column_u64(s, 4),
                        .next_attempt = column_u64(s, 5),
                        .attempts = column_u32(s, 6),
                        .last_error = column_text(s, 7),
                        .permanent = column_bool(s, 8),
                        .delivery = column_text(s, 9),
                        .message_id = column_text(s, 10),
                };
                r = statement_check(s);
                if (r >= 0)
                        r = f(&m, userdata);
        }
        return r;
}

int ledger_update_mail(Ledger *l, const Mail *m) {
        int r;

        r = ledger_execute(l, "UPDATE outbox SET next_attempt = ?, attempts = ?, last_error = ?, permanent = ?, delivery = ? "
                              "WHERE id = ?", "uutitu", m->next_attempt, (uint64_t) m->attempts, m->last_error,
                           (int) m->permanent, m->delivery, m->id);
        if (r < 0)
                return r;
        return r > 0 ? 0 : ledger_fail(l, -ENOENT, "there is no mail %llu", (unsigned long long) m->id);
}

int ledger_remove_mail(Ledger *l, uint64_t id) {
        int r;

        r = ledger_execute(l, "DELETE FROM outbox WHERE id = ?", "u", id);
        return r < 0 ? r : 0;
}

int ledger_count_mail(Ledger *l, uint64_t *ret) {
        return ledger_query_u64(l, ret, "SELECT count(*) FROM outbox", "");
}
