/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* JSON as text, both ways: the one canonical text of a value, and strict parsing of a whole one. Knows nothing of records. */

#include <json-c/json.h>

#include "cleanup.h"
#include "error.h"
#include "string-util.h"

static inline void json_object_putp(json_object **o) {
        if (*o)
                (void) json_object_put(*o);
}
#define _cleanup_json_ _cleanup_(json_object_putp)

/**
 * json_canonical() - the one text of a JSON value: keys sorted bytewise, no spaces, numbers as they were written
 *
 * Two values are the same for us exactly if their canonical texts are. Errors: -ENOMEM.
 */
int json_canonical(json_object *value, StrBuf *out);

/** json_parse_whole() - exactly one JSON value and nothing but white space after it; depth at most 32.
 * Errors: -EINVAL with column and reason; -ENOMEM. */
int json_parse_whole(const char *text, size_t size, json_object **ret, Error **ret_error);
