/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What is provisioned: a user or a group as a record of the source or of the target, and the canonical form in which
 * two of them are compared. Pure: no I/O, no clock. */

#include <stdbool.h>
#include <stdint.h>

#include "json-text.h"

typedef enum ObjectKind {
        OBJECT_KIND_USER,
        OBJECT_KIND_GROUP,
        _OBJECT_KIND_MAX,
        _OBJECT_KIND_INVALID = -22,
} ObjectKind;

#define OBJECT_KIND_MASK(kind) (1U << (kind))

const char *object_kind_to_string(ObjectKind k);
ObjectKind object_kind_from_string(const char *s);

/* One record, as a connector hands it over. Its attributes (everything but the id and, for a group, the members) are a
 * tree, or the text of one, or both. */
typedef struct Object {
        ObjectKind kind;
        char *id;                 /* source id or target id */
        json_object *attributes;  /* owned; NULL: only the text is there yet, see object_attributes() */
        char *text;               /* canonical JSON of the attributes, without a backslash in it; owned; may be NULL */
        char *display_name;       /* beside a text: displayName, else userName; owned; may be NULL */
        char **members;           /* a group's members[].value; owned; NULL if the record has no such attribute, or null there */
} Object;

Object *object_free(Object *o);
DEFINE_CLEANUP(Object *, object_free)

/** object_attributes() - the tree, made from the text if need be; borrowed. NULL for OOM. */
json_object *object_attributes(Object *o);

/**
 * object_new_from_json() - split a record into id, members and the other attributes
 * @json:    taken, also on failure
 * @id_name: the attribute that is the id, e.g. "id"
 *
 * Errors: -EINVAL with an Error that says what is wrong with the record: no object, no id, an id that is neither a
 * string nor an integer (of 64 bits) or is empty, members that are not an array of {"value": …} or of strings. If the id itself
 * was readable, *@ret_id (may be NULL) is set even then, so that the caller can tell rule E2's two cases apart.
 */
int object_new_from_json(ObjectKind kind, json_object *json, const char *id_name, Object **ret, char **ret_id,
                         Error **ret_error);

/**
 * object_new_from_plain() - the same object as from json_parse_whole() and object_new_from_json(), straight from the text
 * @text:        valid UTF-8
 * @kind_inside: the attribute "kind" says what the record is, and is left out; @kind does not count then
 *
 * A first reading of a million records has no time to build and take apart a million trees. Most records are plain: an
 * object without escapes, tabs, line ends, names that stand there twice (without case, where a name decides on removals), and numbers other than whole ones of up to 18
 * digits. They get an object with a text and no tree.
 *
 * 0 with *@ret; OBJECT_E_NOT_PLAIN: for json-c to read, or to say what is wrong with it. Errors: -ENOMEM.
 */
enum { OBJECT_E_NOT_PLAIN = 1 };
int object_new_from_plain(ObjectKind kind, const char *text, size_t size, const char *id_name, bool kind_inside,
                          Object **ret);

/** object_set_members() - the members of @value, an array as object_new_from_json() takes it, in the place of those of the record.
 * Errors: -EINVAL with what is wrong with it; -ENOMEM. */
int object_set_members(Object *o, json_object *value, Error **ret_error);

/** object_display_name() - displayName, else userName, else the id; borrowed */
const char *object_display_name(const Object *o);

/** object_get_string() - a top-level attribute (name matched without case, RFC 7643 2.1) as a string, or NULL; borrowed */
const char *object_get_string(json_object *attributes, const char *name);

/** json_text_get_string() - object_get_string() for an object's text: 1 with the string in *@ret (overwritten), or 0.
 * Errors: -EINVAL: this is no JSON object; -ENOMEM. */
int json_text_get_string(const char *text, const char *name, StrBuf *ret);
