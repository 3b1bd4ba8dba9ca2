/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What sources that are files have in common: Users=, Groups=, File= and Id=, raw records found without parsing them,
 * and the evidence (E1) that what was read is the whole of files that nobody touched meanwhile. Knows nothing of what
 * stands in a record.
 *
 * A record ends with a newline (LF or CRLF; inside double quotes of CSV a newline ends nothing). What follows the
 * last newline is not handed out and makes the reading incomplete, even if it looks like a whole record: a file that
 * was cut off may end anywhere. A UTF-8 byte order mark at the beginning of a file is skipped, and so are empty lines.
 * An empty file is a complete reading of nothing. All files are opened together, by open(), and looked at again
 * together, at the end: users and groups are of one moment. */

#include <sys/stat.h>

#include "connector-class.h"

/* Positive conditions of source_file_next(). */
enum {
        SOURCE_FILE_E_RECORD = 1,
        SOURCE_FILE_E_BROKEN,           /* nothing more can be had from this file; the reason is set */
};

typedef struct SourceFile {
        char *path;
        uint32_t kinds;
        bool csv;                       /* a newline inside double quotes ends no record */
        bool tabs_count;                /* a line of tabs is no empty line */
        int fd;                         /* -1: not open */
        struct stat st;                 /* when it was opened */
        Error *error;                   /* why it could not be opened */
        bool failed;                    /* … as @error may be missing for want of memory */
        char *buffer;                   /* [start, end) is unread, [start, scan) of it is known to hold no record end */
        size_t allocated, start, scan, end;
        uint64_t n_read;
        uint64_t line;                  /* of the byte at start */
        bool quoted;                    /* the byte at scan is inside quotes */
        uint64_t quoted_lines;          /* newlines in [start, scan) */
} SourceFile;

typedef struct FileSource {
        Source source;
        char *id_name;
        bool kind_inside;               /* File=: each record says in `kind` what it is */
        SourceFile files[_OBJECT_KIND_MAX];
        unsigned n_files;
        uint32_t wanted;                /* files of other kinds are left alone */
        unsigned current;               /* the file that next() reads from */
        bool at_end;
        bool incomplete;
        Error *reason;
} FileSource;

/** file_source_init() - from checked settings; opens the files. What is wrong with a file is kept as evidence.
 * Errors: -ENOMEM. */
int file_source_init(FileSource *s, const SourceVTable *vtable, const ConnectorConfig *config, bool csv);
void file_source_done(FileSource *s);

/** source_file_next() - the next raw record of one file, empty lines left out
 *
 * SOURCE_FILE_E_RECORD with *ret; 0 at the end; SOURCE_FILE_E_BROKEN with *ret_reason. Errors: -ENOMEM. */
int source_file_next(SourceFile *f, SourceRecord *ret, Error **ret_reason);

/** file_source_want() - SourceVTable.want for all of them */
void file_source_want(Source *s, uint32_t kinds);

/** file_source_next() - SourceVTable.next for all of them */
int file_source_next(Source *s, SourceRecord *ret);

/** file_source_evidence() - SourceVTable.evidence for all of them */
int file_source_evidence(Source *s, SourceEvidence *ret);

/** file_source_id_is_padded() - does it begin or end with a blank? Of "7" and "7 " nobody can say that they are two people, and
 * a removal must not depend on it (E2). */
bool file_source_id_is_padded(const char *id);

/** file_source_doubtful() - for SourceVTable.parse: the record could be anybody's, and the reading is incomplete.
 * Returns SOURCE_E_INVALID. Errors: -ENOMEM. */
int file_source_doubtful(FileSource *s, const SourceRecord *record, Error **ret_error, const char *fmt, ...)
        _printf_(4, 5);

/** file_source_invalid() - for SourceVTable.parse: an error about a record whose id is known.
 * Returns SOURCE_E_INVALID_ID_KNOWN. */
int file_source_invalid(const SourceRecord *record, Error **ret_error, const char *fmt, ...) _printf_(3, 4);

/** source_reason() - an Error about the reading: scope SOURCE, "FILE:LINE: text". Returns @code. */
int source_reason(Error **ret, int code, const char *file, uint64_t line, const char *fmt, ...) _printf_(5, 6);

/** source_file_fail() - nothing of this file is read; @reason is taken */
void source_file_fail(SourceFile *f, Error *reason);
