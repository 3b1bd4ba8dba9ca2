/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Attributes whose values name other objects, such as a user's manager (RFC 7643 section 2.3.7). A source names them by its
 * own ids, a target by other ones. Which attributes these are, and where in an object's tree the ids stand; pure, so nothing
 * is known here of who has which id. Members of a group are not among them.
 *
 * A value is an id, an object with the id as its "value" (RFC 7643 section 4.3, manager), or a list of either. On its way from
 * the source an id is marked, so that it can be told from a target's id that stood there before, and is never taken for one. */

#include <stdbool.h>
#include <stddef.h>

#include <json-c/json.h>

#include "cleanup.h"
#include "error.h"
#include "string-util.h"

#define REFERENCES_MAX 100U

typedef struct References References;

/**
 * references_add() - attributes of a job file, with spaces or commas between them
 * @r: *@r is made when it is NULL
 *
 * A path may lead into an extension; ".value" at its end means the same as nothing.
 * Errors: -EINVAL with column and caret, or for an attribute that can be no reference; -ENOMEM. *@r is then as it was.
 */
int references_add(References **r, const char *value, Error **ret_error);
References *references_free(References *r);
DEFINE_CLEANUP(References *, references_free)

/** references_count() - @r may be NULL */
size_t references_count(const References *r);
/** references_name() - attribute @i, as it was written, without ".value"; borrowed */
const char *references_name(const References *r, size_t i);
/** references_canonical_name() - the same in lower case; borrowed. They are sorted by it. */
const char *references_canonical_name(const References *r, size_t i);
/** references_head() - the key of the record that attribute @i begins at: itself, or an extension's URI; borrowed */
const char *references_head(const References *r, size_t i);

typedef enum ReferenceMark {
        REFERENCE_OF_SOURCE = 1,        /* an id of the source, to be translated */
        REFERENCE_OF_TARGET = 2,        /* the target's own, written earlier, and the source says nothing of it now */
} ReferenceMark;

/* One id: @attribute counts as in references_name(). Errors stop and are returned. */
typedef int (*ReferenceFoundFunc)(size_t attribute, ReferenceMark mark, const char *id, void *userdata);

/**
 * references_mark() - mark each id of @attributes that has no mark yet, and tell @f
 *
 * A number is an id too. The "$ref" beside a value is left out: it is an address in the source. What names nobody (null, an
 * empty text) is left out; what cannot be an id at all counts as one that nobody has. Values that are shared with another tree
 * are replaced, not changed.
 * Errors: -ENOMEM; what @f gave.
 */
int references_mark(const References *r, json_object *attributes, ReferenceMark mark, ReferenceFoundFunc f, void *userdata);

/* @ret_id: borrowed, what shall stand there; NULL: nothing. */
typedef int (*ReferenceTranslateFunc)(size_t attribute, ReferenceMark mark, const char *id, const char **ret_id, void *userdata);

/**
 * references_translate() - put something in the place of each marked id, in the order of references_mark()
 *
 * Where nothing takes its place the whole value goes: the object around the id, the element of the list; and what has become
 * empty by that.
 * Errors: -ENOMEM; what @f gave.
 */
int references_translate(const References *r, json_object *attributes, ReferenceTranslateFunc f, void *userdata);

/** references_hold() - does attribute @i hold @id, without a mark? Errors: -ENOMEM. */
int references_hold(const References *r, size_t i, json_object *attributes, const char *id, bool *ret);

/** references_copy() - what attribute @i is in @from becomes its value in @to, if there is any. Errors: -ENOMEM. */
int references_copy(const References *r, size_t i, json_object *from, json_object *to);
