/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the filter and the expression language share: literals, and errors that point at the place. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>

#include "error.h"
#include "string-util.h"

/* Longest filter or expression; the reference's limit for an expression. */
#define SYNTAX_LENGTH_MAX 10000U
/* Deepest nesting of parentheses, brackets and calls: the parsers recurse once a level. */
#define SYNTAX_DEPTH_MAX 50U

/**
 * syntax_error() - an error at @offset of @text: one line that says what is wrong and what would be right, then the
 * text (an excerpt of a long one), then a caret under the place
 *
 * Returns -EINVAL, so that "return syntax_error(…)" is one line.
 */
int syntax_error(Error **ret_error, const char *text, size_t offset, const char *fmt, ...) _printf_(4, 5);

/** syntax_check_text() - not empty, not too long, valid UTF-8, nothing but one line; @what names it in the error */
int syntax_check_text(const char *text, const char *what, Error **ret_error);

static inline bool syntax_is_space(char c) {
        return c == ' ' || c == '\t';
}
/** syntax_skip_space() - offset of the next character that is no space */
size_t syntax_skip_space(const char *text, size_t offset);

bool syntax_is_name_start(char c);
bool syntax_is_name_char(char c);
/** syntax_name_length() - ALPHA *(ALPHA / DIGIT / "-" / "_" / "$") at @s (RFC 7643 2.1; "$" may begin, as in $ref);
 * 0 if there is none */
size_t syntax_name_length(const char *s);

/** syntax_string() - the JSON string that begins at text[*offset]; decoded into @out, *offset moves behind it.
 * Errors: -EINVAL, -ENOMEM. */
int syntax_string(const char *text, size_t *offset, StrBuf *out, Error **ret_error);

/** syntax_number() - the JSON number (RFC 8259 section 6) at text[*offset] as json-c's integer or double, which keeps
 * how it was written; *offset moves behind it. Errors: -EINVAL, -ENOMEM. */
int syntax_number(const char *text, size_t *offset, json_object **ret, Error **ret_error);

/** number_from_text() - true if the whole text is a JSON number; an integer that fits is exact, all else a double */
bool number_from_text(const char *s, size_t size, bool *ret_is_integer, int64_t *ret_integer, double *ret_double);

/** integer_text() - the digits of a JSON integer, of either sign and up to 2^64 - 1, in @buf */
#define INTEGER_TEXT_MAX 24
const char *integer_text(json_object *v, char buf[static INTEGER_TEXT_MAX]);

/** numbers_compare() - exactly, whatever the width of a floating-point number: <0, 0, >0. Arguments as
 * number_from_text() gives them. */
int numbers_compare(bool a_is_integer, int64_t a, double a_double, bool b_is_integer, int64_t b, double b_double);
