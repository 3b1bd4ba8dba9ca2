/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the parser and evaluator of expressions share with the functions. For expression*.c only. */

#include "attribute-path.h"
#include "expression.h"
#include "object.h"
#include "pattern.h"
#include "syntax.h"

#define EXPRESSION_TEXT_MAX (1024U * 1024U)
#define EXPRESSION_ELEMENTS_MAX 10000U
#define EXPRESSION_WORK_MAX (8U * 1024U * 1024U)

/* What a value can be; a node has the set of what it may give. */
typedef enum Type {
        TYPE_NULL = 1 << 0,
        TYPE_BOOLEAN = 1 << 1,
        TYPE_NUMBER = 1 << 2,
        TYPE_STRING = 1 << 3,
        TYPE_LIST = 1 << 4,
        TYPE_OBJECT = 1 << 5,
        TYPE_ANY = (1 << 6) - 1,
} Type;

typedef enum Comparison {
        COMPARISON_EQUAL,
        COMPARISON_NOT_EQUAL,
        COMPARISON_LESS,
        COMPARISON_LESS_OR_EQUAL,
        COMPARISON_GREATER,
        COMPARISON_GREATER_OR_EQUAL,
        _COMPARISON_MAX,
} Comparison;

typedef enum NodeKind {
        NODE_EMPTY,             /* an argument that was left out */
        NODE_LITERAL,
        NODE_ATTRIBUTE,
        NODE_SOFT_DELETED,
        NODE_BLOCKED,
        NODE_CALL,
        NODE_COMPARISON,        /* args[0] comparison args[1] */
} NodeKind;

typedef struct Function Function;
typedef struct Node Node;
struct Node {
        NodeKind kind;
        size_t offset;                  /* of its text, for errors */
        unsigned types;
        json_object *literal;           /* NULL for the literal null */
        AttributePath *path;
        const Function *function;
        Comparison comparison;
        Node **args;
        size_t n_args, n_allocated;
        Pattern *pattern;               /* Replace: compiled once */
};

typedef enum ParameterKind {
        PARAMETER_ANY,
        PARAMETER_TEXT,         /* also numbers and booleans, by their text */
        PARAMETER_INTEGER,      /* also a text that is one */
        PARAMETER_BOOLEAN,      /* also a text or number that reads as one */
        PARAMETER_DATE,         /* a text that is a date */
        PARAMETER_UNIT,         /* "yyyy", "m", … */
        PARAMETER_FORMAT,       /* a date format to write */
        PARAMETER_INPUT_FORMAT, /* a date format to read, as a literal */
        PARAMETER_STYLES,       /* .NET's DateTimeStyles, as a literal */
        PARAMETER_COMPARE_TYPE, /* vbBinaryCompare or vbTextCompare */
        PARAMETER_PATTERN,      /* a regular expression, as a literal */
        PARAMETER_CULTURE,      /* a language tag */
} ParameterKind;

#define PARAMETERS_MAX 7U

typedef struct Parameter {
        const char *name;
        ParameterKind kind;
        bool optional;          /* may be left empty or, at the end, out */
} Parameter;

typedef struct Parser Parser;
typedef struct Evaluation Evaluation;

struct Function {
        const char *name;
        Parameter parameters[PARAMETERS_MAX];
        size_t repeat;          /* how many of the last parameters may be repeated */
        unsigned types;         /* what it gives; TYPE_ANY: what the check finds out */
        int (*evaluate)(Evaluation *e, const Node *call, json_object **ret);
        /* What the table cannot say; may be NULL. */
        int (*check)(Parser *p, Node *call);
        unsigned uses;          /* ExpressionUse */
};

/* One table a file of functions, each ending with a name of NULL. */
extern const Function logic_functions[], text_functions[], date_functions[], pattern_functions[];

struct Parser {
        const char *text;
        size_t offset;
        unsigned depth;
        unsigned uses;
        Error **ret_error;
};

/* For check functions: the literal text of argument @i, or NULL if it is none. */
const char *node_literal_text(const Node *call, size_t i);
bool node_has_argument(const Node *call, size_t i);
/** check_failed() - an error at the place of @n; -EINVAL */
int check_failed(Parser *p, const Node *n, const char *message);
/** check_positive() - refuse a literal argument @i below 1 */
int check_positive(Parser *p, const Node *call, size_t i, const char *message);

struct Evaluation {
        const ExpressionContext *context;
        size_t work;            /* bytes of text so far */
        Error **ret_error;
};

int evaluate(Evaluation *e, const Node *n, json_object **ret);

/** evaluation_fail() - EXPRESSION_E_VALUE with an error that names the function and its place */
int evaluation_fail(Evaluation *e, const Node *n, const char *fmt, ...) _printf_(3, 4);

/* An argument as text. */
typedef struct Text {
        json_object *value;     /* owns s, unless that is buf or static; NULL for null */
        const char *s;          /* "" for null; not NUL terminated where a string contains NUL */
        size_t size;
        char buf[INTEGER_TEXT_MAX];
} Text;

static inline void text_done(Text *t) {
        json_object_put(t->value);
}
#define _cleanup_text_ _cleanup_(text_done)

/** value_to_text() - a simple value, or a list or complex value that holds one; takes @value, also on failure.
 * @n is who asks, for the error. */
int value_to_text(Evaluation *e, const Node *n, json_object *value, Text *ret);

/* Arguments of a call; one that was left out is null. */
int argument(Evaluation *e, const Node *call, size_t i, json_object **ret);
int argument_text(Evaluation *e, const Node *call, size_t i, Text *ret);
int argument_integer(Evaluation *e, const Node *call, size_t i, int64_t *ret, bool *ret_is_null);
int argument_boolean(Evaluation *e, const Node *call, size_t i, bool *ret);
int argument_date(Evaluation *e, const Node *call, size_t i, int64_t *ret_ticks, bool *ret_is_null);

/** text_to_boolean() - 1, 0, or -EINVAL if it is neither (nor a number) */
int text_to_boolean(const char *s, size_t size);

/* Results */
int give_text(Evaluation *e, const Node *call, const char *s, size_t size, json_object **ret);
/** buffer_reserve() - room for @size bytes, so that appending character by character allocates once */
void buffer_reserve(StrBuf *b, size_t size);
/** give_buffer() - the same; also checks that building it did not fail */
int give_buffer(Evaluation *e, const Node *call, const StrBuf *b, json_object **ret);
int give_integer(int64_t v, json_object **ret);
int give_boolean(bool v, json_object **ret);
int give_date(Evaluation *e, const Node *call, int64_t ticks, json_object **ret);

/** value_is_empty() - null, "", or a list without a value */
bool value_is_empty(json_object *v);
