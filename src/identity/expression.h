/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The mapping expressions of a job file: how a source record becomes the value of a target attribute. Syntax and
 * functions follow the reference product's published language (docs/expressions/ has a page a function group, with
 * examples that the tests run). Pure: time, uniqueness and the state of the object come from the context.
 *
 *     Join(" ", givenName, [sn])      bare or bracketed attributes and paths, "strings" with \" and \\, numbers,
 *     IIF(country = "US", 1, null)    true, false, null, comparisons = <> < <= > >=, function calls with
 *     Switch(state, , "a", "b")       positional arguments, of which optional ones may be left empty
 *
 * Limits: 10,000 bytes of text, 50 levels of nesting, 1 MiB a computed string, 10,000 elements a computed list,
 * 8 MiB of text read and written in one evaluation; patterns as Replace's page says. A value that breaks one is an
 * error of its record. An Expression belongs to one thread: its patterns keep their scratch memory. */

#include <stdbool.h>
#include <stdint.h>

#include <json-c/json.h>

#include "cleanup.h"
#include "error.h"
#include "string-util.h"

/* Conditions of expression_evaluate() */
enum {
        EXPRESSION_E_VALUE = 1,  /* this record does not suit the expression; the error (scope item) says why */
        EXPRESSION_E_SKIP,       /* IgnoreFlowIfNullOrEmpty(): leave the target attribute alone */
        EXPRESSION_E_NOT_UNIQUE, /* SelectUniqueValue(): every candidate is taken; with an error */
};

/* What an expression depends on besides the record's attributes, or does with its value. */
typedef enum ExpressionUse {
        EXPRESSION_USES_TIME = 1 << 0,          /* Now(): another day may give another value */
        EXPRESSION_USES_SOFT_DELETED = 1 << 1,  /* IsSoftDeleted */
        EXPRESSION_USES_BLOCKED = 1 << 2,       /* IsBlocked */
        EXPRESSION_USES_UNIQUE = 1 << 3,        /* SelectUniqueValue() */
        EXPRESSION_REDACTS = 1 << 4,            /* Redact(): the value must not be shown (rule L3) */
} ExpressionUse;

typedef struct ExpressionContext {
        json_object *record;
        bool soft_deleted, blocked;             /* the values of IsSoftDeleted and IsBlocked */
        uint64_t now_usec;                      /* the value of Now() */
        /* For SelectUniqueValue(): whether another object of the target has @value. 1 taken, 0 free, or -errno.
         * mapping_apply() sets @target. May be NULL: then the function is an error of the record. */
        int (*is_taken)(void *userdata, const char *target, const char *value);
        void *userdata;
        const char *target;
} ExpressionContext;

typedef struct Expression Expression;

/** expression_parse() - read and check an expression: names, numbers and types of arguments, patterns, formats.
 * Errors: -EINVAL with column, reason and caret; -ENOMEM. */
int expression_parse(const char *text, Expression **ret, Error **ret_error);

Expression *expression_free(Expression *x);
DEFINE_CLEANUP(Expression *, expression_free)

/**
 * expression_evaluate() - the value for one record, as a new reference; NULL is null
 *
 * Attributes that flow unchanged are shared with the record, not copied.
 * Errors: EXPRESSION_E_…; -ENOMEM; what is_taken() gave. No error text contains a value of the record.
 */
int expression_evaluate(const Expression *x, const ExpressionContext *context, json_object **ret, Error **ret_error);

/** expression_evaluate_boolean() - the same as a condition, as in SoftDeleted= and Blocked=: true, a number that is
 * not zero, or such a text ("true", "yes", "1"); null and what IgnoreFlowIfNullOrEmpty() leaves out are false */
int expression_evaluate_boolean(const Expression *x, const ExpressionContext *context, bool *ret, Error **ret_error);

/** expression_uses() - a mask of ExpressionUse */
unsigned expression_uses(const Expression *x);

/** expression_attributes() - add the attributes that the expression reads to @l, each once. Errors: -ENOMEM. */
int expression_attributes(const Expression *x, char ***l);

/** expression_canonical() - append the one text of the expression, for fingerprints; it parses to the same one */
int expression_canonical(const Expression *x, StrBuf *out);
