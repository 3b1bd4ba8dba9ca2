/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The name of an attribute, [URI ":"] ATTRNAME *("." ATTRNAME), and how it is looked up in a record (RFC 7644 section
 * 3.10). Names match without case (RFC 7643 section 2.1). Knows neither filters nor expressions. */

#include <stdbool.h>
#include <stddef.h>

#include <json-c/json.h>

#include "error.h"

/* RFC 7643 knows attribute and sub-attribute; a JSON source may nest a little deeper. */
#define ATTRIBUTE_NAME_PARTS_MAX 4U

typedef struct AttributeName {
        char *text;                             /* as written */
        char *urn;                              /* the schema's URI, or NULL */
        bool urn_is_core;                       /* its attributes are the record's own, not those of an extension */
        size_t n_parts;
        char *parts[ATTRIBUTE_NAME_PARTS_MAX];
} AttributeName;

/** attribute_name_parse() - the name at text[*offset]; *offset moves behind it. Errors: -EINVAL, -ENOMEM. */
int attribute_name_parse(const char *text, size_t *offset, AttributeName *ret, Error **ret_error);

/** attribute_name_set_flat() - a name that is one key of the record, whatever characters it has. Errors: -ENOMEM. */
int attribute_name_set_flat(AttributeName *n, const char *key, size_t size);

void attribute_name_done(AttributeName *n);

/** attribute_name_is_case_exact() - whether its values are compared with case: id, externalId and meta.* (RFC 7643
 * sections 3.1 and 7 declare these caseExact; without a schema every other string is taken as case-insensitive) */
bool attribute_name_is_case_exact(const AttributeName *n);

/** json_get_member() - member @name of an object, without case, or NULL where it is absent or null; borrowed.
 * A simple value is its own "value", so that ["a"] and [{"value":"a"}] answer alike. */
json_object *json_get_member(json_object *o, const char *name);

/** json_find_key() - the key of @o that is @name without case, or NULL; borrowed */
const char *json_find_key(json_object *o, const char *name);

/** json_is_unassigned() - null, or an array without a value (RFC 7643 section 2.5) */
bool json_is_unassigned(json_object *v);

/**
 * attribute_name_get() - what stands at the first part of the name, and how many parts that used up
 *
 * A record may also have the whole name as one flat key (a CSV column "name.givenName"): that uses up all parts.
 * Borrowed; NULL if there is none.
 */
json_object *attribute_name_get(const AttributeName *n, json_object *record, size_t *ret_used);

/**
 * attribute_name_any() - whether @test holds for any value that the name reaches in @record
 *
 * Arrays are entered: each element counts as a value (RFC 7644 section 3.4.2.2). Where the attribute is unassigned
 * @test is asked once, about NULL. Allocates nothing.
 */
bool attribute_name_any(const AttributeName *n, json_object *record, bool (*test)(json_object *value, void *userdata),
                        void *userdata);
