/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the tests of the ledger share: a fresh ledger, a few rows, and checks that show the ledger's own words. */

#include <stdio.h>

#include "ledger.h"
#include "string-util.h"
#include "tap.h"

#define OK(expr)                                                                                               \
        do {                                                                                                   \
                int _r_ = (expr);                                                                              \
                if (_r_ != 0) {                                                                                \
                        tap_fail(__FILE__, __LINE__, "%s: %d (%s)", #expr, _r_, ledger_last_error(l));         \
                        return;                                                                                \
                }                                                                                              \
        } while (0)

/* A list of strings as a compound literal. */
#define STRV_OF(...) ((char *[]) { __VA_ARGS__, NULL })

#define _cleanup_ledger_ _cleanup_(ledger_freep)

static inline _unused_ Ledger *ledger_open_test(const char *job, LedgerMode mode) {
        _cleanup_error_ Error *error = NULL;
        Ledger *l;
        int r;

        r = ledger_open(tap_tmpdir(), job, mode, &l, &error);
        if (r < 0) {
                tap_fail(__FILE__, __LINE__, "cannot open the ledger of %s: %s", job, error_text(error, r));
                return NULL;
        }
        return l;
}

/* A ledger of a job's own, for one test. */
#define NEW_LEDGER(l)                                                               \
        _cleanup_ledger_ Ledger *l = ledger_open_test(__func__, LEDGER_READ_WRITE); \
        if (!l)                                                                     \
        return

static inline _unused_ int add_user(Ledger *l, const char *id, uint64_t *ret) {
        char target[64], name[64];

        (void) snprintf(target, sizeof(target), "t-%s", id);
        (void) snprintf(name, sizeof(name), "Name of %s", id);
        return ledger_add_link(l, &(Link) { .kind = OBJECT_KIND_USER, .source_id = id, .target_id = target,
                                            .display_name = name, .written = "{\"active\":true}" }, ret);
}

static inline _unused_ int add_group(Ledger *l, const char *id, uint64_t *ret) {
        return ledger_add_link(l, &(Link) { .kind = OBJECT_KIND_GROUP, .source_id = id, .target_id = id,
                                            .display_name = id, .written = "{}" }, ret);
}

/* The end of the transaction that ledger_begin() began, and of what was done in it with the result @r. */
static inline _unused_ int end_transaction(Ledger *l, int r) {
        if (r == 0)
                return ledger_commit(l);
        ledger_rollback(l);
        return r;
}

/* The path of a file of a job's state. */
static inline _unused_ const char *state_file(const char *job, const char *name) {
        static char paths[4][4096];
        static unsigned next;
        char *p = paths[next++ % 4];

        (void) snprintf(p, sizeof(paths[0]), "%s/jobs/%s/%s", tap_tmpdir(), job, name);
        return p;
}
