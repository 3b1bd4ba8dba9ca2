/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The filter language of RFC 7644 section 3.4.2.2: who is in scope. Pure: knows records, not what is done with them.
 *
 * There is no schema here, so a few things the RFC leaves to it are decided by these rules:
 * - Strings are compared without case, but those of id, externalId and meta.* exactly.
 * - A string that is an RFC 3339 date-time on both sides is compared as an instant by eq, ne, gt, ge, lt and le.
 * - A number or true/false in quotation marks (a CSV source has nothing else) is compared as what the other side is.
 * - An unassigned attribute (absent, null, or an empty array: RFC 7643 section 2.5) compares as the single value
 * null: eq null and ne "x" hold for it, nothing else does.
 * - A multi-valued attribute matches if any of its values does, also with ne; "not (a eq "x")" asks for none.
 * - A complex value without a sub-attribute is compared by its "value", a simple value also answers to "value".
 * - emails[type eq "work"].value co "x", which other services send, means emails[type eq "work" and value co "x"]. */

#include <stdbool.h>

#include <json-c/json.h>

#include "cleanup.h"
#include "error.h"

typedef struct Filter Filter;

/**
 * filter_parse() - read a filter
 *
 * At most 10,000 bytes and 50 levels of nesting. Errors: -EINVAL, with column, reason, and a caret under the place on
 * a line of its own; -ENOMEM. Source: RFC 7644 section 3.4.2.2, figure 1.
 */
int filter_parse(const char *text, Filter **ret, Error **ret_error);

/** filter_parse_part() - the same for the filter at text[*offset] inside brackets, up to the "]", where *offset ends.
 * For attribute paths; no value path may stand in it. */
int filter_parse_part(const char *text, size_t *offset, Filter **ret, Error **ret_error);

/** filter_matches() - time linear in filter times record; allocates nothing */
bool filter_matches(const Filter *f, json_object *record);

/**
 * filter_canonical() - the one text of a filter, for fingerprints: names and operators in lower case, single spaces,
 * no parentheses that precedence makes needless; it parses to the same filter. Errors: -ENOMEM.
 */
int filter_canonical(const Filter *f, char **ret);

/** filter_attributes() - add the attributes that the filter reads to the list @l, each once. Errors: -ENOMEM. */
int filter_attributes(const Filter *f, char ***l);

/** filter_make_example() - set in @element what makes the filter true of it, if it is eq comparisons joined by "and";
 * returns false if it is anything else, and then @element (may be NULL, to ask only) is as it was. Errors: -ENOMEM.
 */
int filter_make_example(const Filter *f, json_object *element, bool *ret_possible);

Filter *filter_free(Filter *f);
DEFINE_CLEANUP(Filter *, filter_free)
