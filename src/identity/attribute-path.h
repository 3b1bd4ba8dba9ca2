/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where a mapping reads and writes: an attribute, a sub-attribute, one value of several, or an attribute of an
 * extension (RFC 7644 section 3.5.2, "PATH"): userName, name.givenName, emails[type eq "work"].value,
 * urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value. Names match without case. */

#include <stdbool.h>
#include <stddef.h>

#include <json-c/json.h>

#include "cleanup.h"
#include "error.h"
#include "string-util.h"

/* Conditions */
enum {
        ATTRIBUTE_PATH_E_CONFLICT = 1, /* something simple stands where the path needs an object, or an array does */
};

typedef struct AttributePath AttributePath;

/** attribute_path_parse() - a whole text. Errors: -EINVAL with column and caret, -ENOMEM. */
int attribute_path_parse(const char *text, AttributePath **ret, Error **ret_error);

/** attribute_path_parse_part() - the path at text[*offset]; *offset moves behind it */
int attribute_path_parse_part(const char *text, size_t *offset, AttributePath **ret, Error **ret_error);

/** attribute_path_new_flat() - one key of the record, whatever characters it has (a CSV column with spaces); NULL for
 * OOM */
AttributePath *attribute_path_new_flat(const char *key, size_t size);

AttributePath *attribute_path_free(AttributePath *p);
DEFINE_CLEANUP(AttributePath *, attribute_path_free)

/** attribute_path_text() - as it was written; borrowed */
const char *attribute_path_text(const AttributePath *p);

/** attribute_path_head() - the record's own key that the path begins at: the attribute, or an extension's URI;
 * borrowed */
const char *attribute_path_head(const AttributePath *p);

/** attribute_path_canonical() - append the one text of the path: names in lower case */
int attribute_path_canonical(const AttributePath *p, StrBuf *out);

/**
 * attribute_path_get() - the value, as a new reference; *@ret is NULL where the attribute is unassigned
 *
 * emails.value gives the values of all emails as an array; emails[type eq "work"] gives the first email that matches.
 * Errors: -ENOMEM.
 */
int attribute_path_get(const AttributePath *p, json_object *record, json_object **ret);

/** attribute_path_is_settable() - whether attribute_path_set() knows what to create: brackets hold eq comparisons
 * joined by "and", and a sub-attribute follows them */
bool attribute_path_is_settable(const AttributePath *p);

/**
 * attribute_path_set() - put @value (borrowed, NULL is JSON's null) there and create what is missing on the way
 *
 * emails[type eq "work"].value adds {"type":"work","value":…} unless a value with that type is there.
 * What is on the way is changed in place: it must not be shared with another record.
 * Errors: ATTRIBUTE_PATH_E_CONFLICT; -ENOMEM.
 */
int attribute_path_set(const AttributePath *p, json_object *record, json_object *value);
