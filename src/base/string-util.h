/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Strings, lists of strings and a growing buffer. Pure; knows nothing of the program. */

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "cleanup.h"
#include "macro.h"

static inline bool streq(const char *a, const char *b) {
        return strcmp(a, b) == 0;
}

/** streq_ptr() - equal, where NULL equals only NULL */
static inline bool streq_ptr(const char *a, const char *b) {
        return a && b ? streq(a, b) : a == b;
}

static inline bool isempty(const char *s) {
        return !s || !*s;
}

static inline const char *strempty(const char *s) {
        return s ? s : "";
}

/** startswith() - what follows @prefix in @s, or NULL */
static inline const char *startswith(const char *s, const char *prefix) {
        size_t n = strlen(prefix);

        return strncmp(s, prefix, n) == 0 ? s + n : NULL;
}

/** free_and_strdup() - replace *@p by a copy of @s (may be NULL). Errors: -ENOMEM, *@p unchanged. */
int free_and_strdup(char **p, const char *s);

/** strstrip() - cut white space at both ends, in place; returns the new start */
char *strstrip(char *s);

/* A growing byte buffer, always NUL terminated after data[size]. Errors stick: appending after a failed append
 * does nothing and strbuf_finish() says -ENOMEM, so that a run of appends needs one check. */
typedef struct StrBuf {
        char *data;
        size_t size;
        size_t allocated;
        bool failed;
} StrBuf;

#define STRBUF_INIT ((StrBuf) {})

void strbuf_append(StrBuf *b, const void *data, size_t size);
void strbuf_puts(StrBuf *b, const char *s);
void strbuf_putc(StrBuf *b, char c);
void strbuf_printf(StrBuf *b, const char *fmt, ...) _printf_(2, 3);
/** strbuf_json() - append @s as a JSON string with its quotes; bytes that are no UTF-8 become U+FFFD */
void strbuf_json(StrBuf *b, const char *s);
/** strbuf_clear() - empty, memory kept */
void strbuf_clear(StrBuf *b);
void strbuf_done(StrBuf *b);
/** strbuf_steal() - hand out the string (the caller frees), empty the buffer. Errors: -ENOMEM if an append failed. */
int strbuf_steal(StrBuf *b, char **ret);
/** strbuf_check() - 0, or -ENOMEM if an append failed */
int strbuf_check(const StrBuf *b);
#define _cleanup_strbuf_ _cleanup_(strbuf_done)

/* NULL-terminated lists of strings, owned */
char **strv_free(char **l);
DEFINE_CLEANUP(char **, strv_free)
#define _cleanup_strv_ _cleanup_(strv_freep)
size_t strv_length(char *const *l);
bool strv_contains(char *const *l, const char *s);
/** strv_extend() - append a copy of @s to *@l. Errors: -ENOMEM. */
int strv_extend(char ***l, const char *s);
char **strv_copy(char *const *l);
bool strv_equal(char *const *a, char *const *b);
/** strv_sort_unique() - bytewise, repetitions dropped */
void strv_sort_unique(char **l);
/** strv_split() - split at any of @separators, empty parts left out. Errors: -ENOMEM. */
int strv_split(const char *s, const char *separators, char ***ret);
/** strv_join() - NULL for OOM */
char *strv_join(char *const *l, const char *separator);

/** utf8_is_valid() - RFC 3629: no overlong forms, no surrogates, at most U+10FFFF; NUL bytes are refused */
bool utf8_is_valid(const char *s, size_t size);
/** utf8_find_invalid() - offset of the first byte that is no UTF-8 (or is NUL), or @size */
size_t utf8_find_invalid(const char *s, size_t size);
/** utf8_make_valid() - a copy with each bad byte replaced by U+FFFD; NULL for OOM */
char *utf8_make_valid(const char *s);
/** utf8_truncate() - largest length <= @max that does not cut a character of @s */
size_t utf8_truncate(const char *s, size_t max);
/** printable_copy() - valid UTF-8 with control characters shown as \xNN, for a terminal or one line of a log;
 * NULL for OOM */
char *printable_copy(const char *s);

/** parse_boolean() - 1 or 0 for yes/no, true/false, on/off, 1/0 (systemd.syntax(7)). Errors: -EINVAL. */
int parse_boolean(const char *s);
/** parse_uint64() - decimal digits only. Errors: -EINVAL, -ERANGE. */
int parse_uint64(const char *s, uint64_t *ret);

/** hex_encode() - lower case; NULL for OOM */
char *hex_encode(const void *data, size_t size);
