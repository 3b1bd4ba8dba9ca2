/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the tests and fuzzers of the connectors share: settings made by hand, and a whole reading in one call. */

#include "connector.h"

/** test_config() - settings as KEY, VALUE, …, NULL; aborts for OOM */
ConnectorConfig *test_config(bool is_source, const char *connector, ...) _sentinel_;
ConnectorConfig *test_config_free(ConnectorConfig *c);
DEFINE_CLEANUP(ConnectorConfig *, test_config_free)

/* What a whole reading gave. */
typedef struct Reading {
        size_t n_users, n_groups;
        size_t n_invalid_known, n_invalid;
        bool complete;
        char *reason;             /* why it is not complete */
        char *ids;                /* "u:ID " or "g:ID " of each object, "!u:ID " of what is invalid but known, "? " */
        char *invalid_text;       /* the last parse error */
        Object *last;
} Reading;

/** read_all() - next() and parse() to the end; negative errno if opening failed */
int read_all(const ConnectorConfig *c, Reading *ret, Error **ret_error);
void reading_done(Reading *r);
#define _cleanup_reading_ _cleanup_(reading_done)
