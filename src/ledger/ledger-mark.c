/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "ledger-private.h"

/* The mark that ledger and target have in common. */

/* All that an older ledger would do otherwise with a removal: what is linked, what waits, what was decided. */
#define STATE "(generation || '.' || next_review || '.' || (SELECT coalesce(max(seq), 0) FROM decisions))"

static int copy_mark(Statement *s, int column, char ret[static LEDGER_MARK_SIZE]) {
        const char *text = column_string(s, column);

        if (strlen(text) >= LEDGER_MARK_SIZE)
                return ledger_damaged(s->ledger, "a mark is too long");
        strcpy(ret, text);
        return 0;
}

int ledger_get_mark(Ledger *l, LedgerMark *ret) {
        _cleanup_statement_ Statement *s = NULL;
        LedgerMark m = {};
        int r;

        r = statement_open(l, &s, "SELECT mark, mark_before, mark_of = " STATE " FROM job", "");
        if (r >= 0)
                r = statement_job_row(s);
        if (r != 0)
                return r;
        m.current = column_bool(s, 2);
        r = copy_mark(s, 0, m.now);
        if (r >= 0)
                r = copy_mark(s, 1, m.before);
        if (r >= 0)
                r = statement_check(s);
        if (r < 0)
                return r;
        *ret = m;
        return 0;
}

int ledger_set_mark(Ledger *l, const char *now, const char *before) {
        int r = ledger_execute(l, "UPDATE job SET mark = ?, mark_before = ?, mark_of = " STATE, "tt", now, before);

        return r < 0 ? r : 0;
}
