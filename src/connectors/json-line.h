/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One line of the json target: what a change makes of an object's text. Pure. A value that is not changed stays byte
 * for byte as it was written; the result is compact, "id" first, the other names sorted bytewise. Names of attributes
 * match without case (RFC 7643 2.1), but for "id", which is never changed here. */

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "string-util.h"

/* All of them append to @out, without a line end. Errors: -EINVAL if @line or an attribute in it is not what it must
 * be, with the reason; -ENOMEM. */

/** json_line_create() - a new object; @enable adds "active":true where @desired says nothing of it */
int json_line_create(const char *id, const char *desired, bool enable, StrBuf *out, Error **ret_error);

/**
 * json_line_update() - attributes as @desired has them; those of @written (may be NULL) that it has no more go
 * @enable: "active" is true afterwards, whatever @desired says
 *
 * An "active":false that @desired says nothing of stays: an update enables nobody in passing.
 */
int json_line_update(const char *line, size_t size, const char *desired, const char *written, bool enable, StrBuf *out,
                     Error **ret_error);

/** json_line_check() - can these attributes be what is desired? Errors: -EINVAL. */
int json_line_check(const char *attributes);

int json_line_disable(const char *line, size_t size, StrBuf *out, Error **ret_error);

/** json_line_members() - members without those whose value is in @remove, and with one for each of @add; none twice,
 * sorted by value. What else an entry holds stays. */
int json_line_members(const char *line, size_t size, const char *const *add, uint32_t n_add, const char *const *remove,
                      uint32_t n_remove, StrBuf *out, Error **ret_error);

/**
 * json_line_values() - every simple value that @path reaches in the object
 * @path: "userName", "name.familyName"; a name with dots may also be one flat key; arrays are entered, and an element
 *        that is an object stands for its "value"
 * @visit: returns 0, or anything else to end the walk; the text is borrowed
 *
 * Returns what @visit ended the walk with, or 0. Errors: -EINVAL for text that is no object; -ENOMEM.
 */
int json_line_values(const char *line, size_t size, const char *path,
                     int (*visit)(const char *value, size_t size, void *userdata), void *userdata);
