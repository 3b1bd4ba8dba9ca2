/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Walks the members of a JSON object, or the elements of an array, in its text: nothing is copied, built or
 * normalised, so that what others wrote stays as they wrote it. Finds its way through any valid JSON; of invalid JSON
 * it notices what breaks the structure only. Knows nothing of records. */

#include <stdbool.h>
#include <stddef.h>

#include "string-util.h"

typedef struct JsonScan {
        const char *p, *end;
        char closing;             /* '}' or ']'; '\0' once it has been seen */
        bool first;
} JsonScan;

typedef struct JsonMember {
        const char *key;          /* between its quotes, escapes as they stand; NULL in an array */
        size_t key_size;
        const char *value;
        size_t value_size;
} JsonMember;

/** json_scan_begin() - at the text of one object or array. Errors: -EINVAL if it is neither. */
int json_scan_begin(JsonScan *s, const char *text, size_t size);

/** json_scan_next() - 1 with the next member in *ret; 0 at the end of an object after which only white space stands.
 * Errors: -EINVAL. */
int json_scan_next(JsonScan *s, JsonMember *ret);

/** json_scan_find() - the first member @name, compared bytewise with the key as it stands. 1, or 0 if there is none.
 * Errors: -EINVAL. */
int json_scan_find(const char *text, size_t size, const char *name, JsonMember *ret);

/** json_member_is() - is the key @name? */
static inline bool json_member_is(const JsonMember *m, const char *name) {
        size_t n = strlen(name);

        return m->key_size == n && memcmp(m->key, name, n) == 0;
}

/** json_scan_text() - the text of a simple value: a string without its quotes and escapes, anything else as it stands
 *
 * @buffer is used where escapes must be undone. Borrowed from the value or from @buffer.
 * Errors: -EINVAL for an object, an array, null or a broken string; -ENOMEM. */
int json_scan_text(const char *value, size_t size, StrBuf *buffer, const char **ret, size_t *ret_size);

/** json_has_nul_escape() - is there a \u0000 in the text? json-c's strings end there. */
bool json_has_nul_escape(const char *text, size_t size);
