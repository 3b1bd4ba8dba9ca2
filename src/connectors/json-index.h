/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where in a file of objects a value of one attribute stands: a hash table of offsets, 16 to 32 bytes an object. Pure;
 * whoever asks must compare what stands there with what was asked for. */

#include <stdbool.h>
#include <stdint.h>

#include "cleanup.h"

typedef struct JsonIndex JsonIndex;

/** json_index_new() - @expected values or so; there may be more or fewer.
 * Errors: -ENOMEM; errno of the random number that keeps others from crafting collisions. */
int json_index_new(const char *attribute, size_t expected, JsonIndex **ret);
JsonIndex *json_index_free(JsonIndex *i);
DEFINE_CLEANUP(JsonIndex *, json_index_free)

const char *json_index_attribute(const JsonIndex *i);

/** json_index_add_object() - all values of the attribute in this object, whose text begins at @offset.
 * Errors: -EINVAL for text that is no object; -ENOMEM. */
int json_index_add_object(JsonIndex *i, const char *text, size_t size, uint64_t offset);

/** json_index_lookup() - offsets of objects that most likely have this value: two at most, and two only if there are
 * two or more. Returns how many. */
unsigned json_index_lookup(const JsonIndex *i, const char *value, size_t size, uint64_t ret_offsets[static 2]);

/** json_value_equal() - as the json target compares values of @attribute: id and externalId exactly (RFC 7643 3.1),
 * anything else without case */
bool json_value_equal(const char *attribute, const char *a, size_t a_size, const char *b, size_t b_size);

/** json_value_hash() - the same for all values that json_value_equal() calls equal; another in each process.
 * To be called once there has been a json_index_new(). */
uint64_t json_value_hash(const char *attribute, const char *value, size_t size);
