/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Files in the syntax of systemd.syntax(7), as a list of assignments with their places. Knows the syntax only: neither
 * which sections and keys there are, nor what an empty or repeated assignment means. */

#include <stdbool.h>
#include <stddef.h>

#include "error.h"
#include "string-util.h"

/* Larger files and lines are mistakes: a job file of 100 mappings has some 10 kB. */
#define INI_FILE_SIZE_MAX (1024U * 1024U)
#define INI_LINE_SIZE_MAX (32U * 1024U)

typedef struct IniEntry {
        const char *file;               /* borrowed from the IniFile; NULL after ini_file_add() */
        unsigned line;                  /* where it begins, from 1 */
        char *section;
        char *key;                      /* NULL: the header of the section itself */
        char *value;                    /* without the white space at both ends; may be empty */
} IniEntry;

typedef struct IniFile {
        IniEntry *entries;
        size_t n_entries, n_allocated;
        char **files;
} IniFile;

#define INI_FILE_INIT ((IniFile) {})

/**
 * ini_file_parse() - append what @text says to @ini
 * @name: what errors and entries call the file
 *
 * As systemd.syntax(7): "[Section]", "Key=Value", lines that begin with "#" or ";" are comments, a backslash at the end
 * of a line joins the next one with a space and skips comments between. There are no comments at the end of a line. White
 * space around section, key and value is cut, a UTF-8 byte order mark at the start is skipped, CRLF ends a line as LF
 * does. Text that is no UTF-8 and control characters but tabs are refused. Unlike systemd, which warns and goes on, the
 * first bad line is an error.
 *
 * Errors: -EINVAL with file, line and what would be right, and then @ini has what stood before that line; -E2BIG with
 * the same for a line or text that is too long; -ENOMEM.
 */
int ini_file_parse(IniFile *ini, const char *name, const char *text, size_t size, Error **ret_error);

/** ini_file_read() - the same from a file. Errors: also errno of open(2) and read(2), with a text. */
int ini_file_read(IniFile *ini, const char *path, Error **ret_error);

/** ini_file_add() - append an assignment to @ini. Errors: -ENOMEM. */
int ini_file_add(IniFile *ini, const char *section, const char *key, const char *value);

/** ini_file_remove() - take out every assignment of this key */
void ini_file_remove(IniFile *ini, const char *section, const char *key);

/** ini_file_format() - append the text that reads back as the same assignments, section by section in the order in which
 * each comes first. Keys and values must be fit for one line. Errors: -ENOMEM. */
int ini_file_format(const IniFile *ini, StrBuf *out);

/** ini_text_is_printable() - UTF-8 without control characters but tabs: may stand in a file as a part of one line */
bool ini_text_is_printable(const char *s);

void ini_file_done(IniFile *ini);
#define _cleanup_ini_file_ _cleanup_(ini_file_done)
