/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The staged list as CSV, as mails carry it and OpenStaged hands it out. It is opened in spreadsheets by people who
 * are in a hurry, and its cells come from outside: none of them starts a formula. */

#include "ledger.h"
#include "string-util.h"

/* RFC 4180, CRLF, UTF-8 with a byte order mark: without it Excel reads the file in a code page of its own. */
#define STAGED_CSV_HEADER \
        "\xef\xbb\xbfkind,source_id,target_id,display_name,action,cause,staged_at,member,disabled_at,disabled_cause,disabled_by," \
        "disabled_review\r\n"

/**
 * staged_csv_append() - one row
 * @member: source id of the member whose membership would be removed; NULL otherwise
 *
 * staged_at is "2026-11-22T05:17:40.123456Z". The last four are empty unless the job had disabled the object before (R5);
 * of them, by and review are empty where nobody had to allow it.
 */
void staged_csv_append(StrBuf *b, const Staged *s, const char *member);

/**
 * staged_csv_append_cell() - one value; NULL is an empty cell
 *
 * A value that a spreadsheet would take for a formula ("=", "+", "-", "@", also after blanks or in full width, and
 * what starts with a tab, a line feed or a carriage return) gets a "'" in front of it; bytes that are no UTF-8
 * become U+FFFD.
 */
void staged_csv_append_cell(StrBuf *b, const char *s);

/* The list compressed (gzip) while it is read, up to a size: a mail has to stay a mail. */
typedef struct StagedList StagedList;

/** staged_list_new() - @max_bytes of compressed data, roughly; NULL for OOM */
StagedList *staged_list_new(size_t max_bytes);
StagedList *staged_list_free(StagedList *l);
DEFINE_CLEANUP(StagedList *, staged_list_free)
/** staged_list_add() - one more row; what comes after the limit is counted and left out. Errors: -ENOMEM. */
int staged_list_add(StagedList *l, const Staged *s, const char *member);
/** staged_list_finish() - @ret: base64 of the gzip; @ret_rows: rows in it; @ret_size: bytes before compression.
 * Once. Errors: -ENOMEM. */
int staged_list_finish(StagedList *l, char **ret, uint64_t *ret_rows, uint64_t *ret_size);

/** staged_list_unpack() - the CSV again; refuses more than @max_bytes. Errors: -EBADMSG, -E2BIG, -ENOMEM. */
int staged_list_unpack(const void *gzip, size_t size, size_t max_bytes, char **ret, size_t *ret_size);
