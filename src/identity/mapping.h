/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A section [Map User] or [Map Group] of a job file: which attributes of the target a record of the source gives, and
 * when they flow. Pure; knows neither connectors nor the ledger. docs/expressions/mapping.md is its manual.
 *
 *     title=jobTitle                          TARGET=EXPRESSION; an empty one takes back an earlier line
 *     emails[type eq "work"].value=mail       a target may be a path
 *     Default:title="none"                    the value for a new object where the expression gives null
 *     CreateOnly=userName                     flows into new objects only
 *     WhenEmpty=nickName                      flows while the target's attribute is empty
 *     FlowNull=title                          null may clear this attribute of the target, ...
 *     FlowNullSource=jobTitle                 ... if every source attribute that the expression reads is listed here
 *     MultiValued=tags                        a single value flows as a list
 *
 * Null and the empty text do not flow, unless both gates are open: an attribute that a source omits by accident
 * empties nothing. No mapping at all (NULL) lets every attribute flow under its own name, but id, members, meta and
 * schemas. */

#include <stdbool.h>

#include <json-c/json.h>

#include "cleanup.h"
#include "error.h"
#include "expression.h"

#define MAPPING_RULES_MAX 1000U

typedef struct Mapping Mapping;

/** mapping_new() - without a line; NULL for OOM */
Mapping *mapping_new(void);
Mapping *mapping_free(Mapping *m);
DEFINE_CLEANUP(Mapping *, mapping_free)

/**
 * mapping_set() - one line of the section, in the order of file and drop-ins: a later line for a target replaces the
 * earlier one, lists add up, an empty value resets
 *
 * Errors: -EINVAL with column and caret in @key or @value; -ENOMEM.
 */
int mapping_set(Mapping *m, const char *key, const char *value, Error **ret_error);

/**
 * mapping_finish() - check what only shows when all lines are there; nothing may be set afterwards
 *
 * Errors: -EINVAL: a list names what no line maps; SelectUniqueValue() without CreateOnly=; both CreateOnly= and
 * WhenEmpty=. -ENOMEM.
 */
int mapping_finish(Mapping *m, Error **ret_error);

/**
 * mapping_apply() - the target attributes that a source record gives, as a new object
 * @m:              may be NULL
 * @creating:       whether the target object is about to be made
 * @current_target: attributes of the target object, for WhenEmpty=; NULL if there are none
 *
 * What is not in *@ret_attributes does not flow: the target keeps what it has. Null there means: clear. Values may be
 * shared with the record: change neither.
 * Errors: EXPRESSION_E_VALUE and EXPRESSION_E_NOT_UNIQUE, with an error (scope item) that names the attribute;
 * -ENOMEM; what is_taken() gave.
 */
int mapping_apply(const Mapping *m, const ExpressionContext *context, bool creating, json_object *current_target,
                  json_object **ret_attributes, Error **ret_error);

/** mapping_identity() - what mapping_apply() gives without a mapping, as canonical JSON appended to @ret
 * @text: the record's own canonical JSON. Errors: -EINVAL: it is none; -ENOMEM. */
int mapping_identity(const char *text, StrBuf *ret);

/** mapping_canonical() - the one text of a mapping for the configuration's fingerprint (rule E4); @m may be NULL */
int mapping_canonical(const Mapping *m, char **ret);

/** mapping_redacts() - whether some line for this attribute (the target's own key, such as "emails") marks its value
 * with Redact(), so that it must not be shown (rule L3); @m may be NULL */
bool mapping_redacts(const Mapping *m, const char *attribute);

/**
 * mapping_check_reference() - can the job complete the reference @name (references_canonical_name()) later?
 *
 * Errors: -EINVAL: no line writes it; CreateOnly= and Default: flow once, and not again when it can be resolved.
 */
int mapping_check_reference(const Mapping *m, const char *name, Error **ret_error);

/** mapping_uses() - the mask of ExpressionUse of all lines; @m may be NULL */
unsigned mapping_uses(const Mapping *m);

/** mapping_sources() - add the source attributes that are read to @l, each once. Errors: -ENOMEM. */
int mapping_sources(const Mapping *m, char ***l);

/** mapping_targets() - add the target attributes that are written to @l, each once, paths as written. Errors:
 * -ENOMEM. */
int mapping_targets(const Mapping *m, char ***l);
