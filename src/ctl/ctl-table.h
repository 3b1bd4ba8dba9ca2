/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Text from outside made fit for a terminal, and tables of it. Knows nothing of what the columns mean. */

#include <stdio.h>

#include "cleanup.h"
#include "ctl-terminal.h"

/**
 * text_escape() - a copy that cannot steer a terminal or reorder a line; NULL for OOM
 *
 * Control characters and bytes that are no UTF-8 as \xNN, characters that are invisible or change the direction of
 * writing as \u{NNNN}. Where the locale is not UTF-8, everything beyond ASCII as \xNN.
 */
char *text_escape(const char *s);
/** text_escape_lines() - the same for what may have several lines, such as a filter with a caret below it; every line but the
 * first begins with @indent spaces, so that none can be taken for one of ours */
char *text_escape_lines(const char *s, unsigned indent);
/** text_width() - columns that an escaped text takes */
size_t text_width(const char *s);
/** text_ellipsize() - at most @width columns, "…" at the end if something was cut; NULL for OOM */
char *text_ellipsize(const char *s, size_t width);

typedef struct Table Table;

enum {
        TABLE_RIGHT = 1 << 0,  /* numbers */
        TABLE_SHRINK = 1 << 1, /* may be cut to fit the terminal */
};

typedef struct TableColumn {
        const char *header;     /* translated */
        unsigned flags;
} TableColumn;

/** table_new() - @columns are copied, their headers are not. NULL for OOM. */
Table *table_new(const TableColumn *columns, size_t n_columns);
Table *table_free(Table *t);
DEFINE_CLEANUP(Table *, table_free)
/** table_add() - the next cell, row by row; escaped here. A failed add sticks: table_print() says it. */
void table_add(Table *t, const char *text);
void table_add_color(Table *t, CtlColor c, const char *text);
size_t table_n_rows(const Table *t);
/** table_print() - Errors: -ENOMEM. */
int table_print(Table *t, FILE *f, bool header);
