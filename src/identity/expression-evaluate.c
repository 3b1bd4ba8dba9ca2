/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "attribute-name.h"
#include "datetime.h"
#include "expression-internal.h"
#include "syntax.h"
#include "unicode.h"

int evaluation_fail(Evaluation *e, const Node *n, const char *fmt, ...) {
        _cleanup_free_ char *reason = NULL;
        const char *who = "the expression";
        va_list ap;

        va_start(ap, fmt);
        if (vasprintf(&reason, fmt, ap) < 0)
                reason = NULL;
        va_end(ap);
        if (!reason)
                return -ENOMEM;
        if (n->kind == NODE_CALL)
                who = n->function->name;
        else if (n->kind == NODE_COMPARISON)
                who = "the comparison";
        return error_set_full(e->ret_error, EXPRESSION_E_VALUE, ERROR_SCOPE_ITEM, ERROR_RETRY_LATER, "InvalidValue",
                              "%s at byte %zu: %s", who, n->offset + 1, reason);
}

/* Every byte of text that is read or made counts, so that no expression and no record can ask for endless work. */
static int charge(Evaluation *e, const Node *n, size_t size) {
        e->work += size;
        if (e->work > EXPRESSION_WORK_MAX)
                return evaluation_fail(e, n, "the expression handles more than %u MiB of text",
                                       EXPRESSION_WORK_MAX / 1024U / 1024U);
        return 0;
}

bool value_is_empty(json_object *v) {
        return json_object_get_type(v) == json_type_string ? json_object_get_string_len(v) == 0
                                                           : json_is_unassigned(v);
}

/* The one value of a list or of a complex value; the container is given up for it. */
static int unwrap(Evaluation *e, const Node *n, json_object **value) {
        for (unsigned level = 0; level < 2; level++) {
                json_object *inner = NULL;

                if (json_object_get_type(*value) == json_type_array) {
                        size_t count = json_object_array_length(*value), values = 0;

                        for (size_t i = 0; i < count && values < 2; i++)
                                if (json_object_array_get_idx(*value, i)) {
                                        inner = json_object_array_get_idx(*value, i);
                                        values++;
                                }
                        if (values > 1)
                                return evaluation_fail(
                                        e, n,
                                        "an attribute has several values: take one of them with Item() "
                                        "or a path such as emails[type eq \"work\"].value, or Join() "
                                        "them");
                } else if (json_object_get_type(*value) == json_type_object) {
                        inner = json_get_member(*value, "value");
                        if (!inner)
                                return evaluation_fail(e, n,
                                                       "an attribute is a complex value: name a sub-attribute of it, "
                                                       "such as name.givenName");
                } else
                        return 0;
                inner = json_object_get(inner);
                json_object_put(*value);
                *value = inner;
        }
        if (json_object_get_type(*value) == json_type_array || json_object_get_type(*value) == json_type_object)
                return evaluation_fail(e, n, "an attribute is nested too deeply for a text");
        return 0;
}

int value_to_text(Evaluation *e, const Node *n, json_object *value, Text *ret) {
        _cleanup_json_ json_object *v = value;
        int r;

        *ret = (Text) { .s = "" };
        r = unwrap(e, n, &v);
        if (r != 0)
                return r;
        switch (json_object_get_type(v)) {
        case json_type_null:
        case json_type_array:
        case json_type_object:
                return 0;
        case json_type_boolean:
                ret->s = json_object_get_boolean(v) ? "True" : "False";
                ret->size = strlen(ret->s);
                break;
        case json_type_int:
                ret->s = integer_text(v, ret->buf);
                ret->size = strlen(ret->s);
                break;
        case json_type_double:
                ret->s = json_object_get_string(v);
                if (!ret->s)
                        return -ENOMEM;
                ret->size = strlen(ret->s);
                break;
        case json_type_string:
                ret->s = json_object_get_string(v);
                ret->size = (size_t) json_object_get_string_len(v);
                break;
        }
        ret->value = TAKE_PTR(v);
        return charge(e, n, ret->size);
}

int argument(Evaluation *e, const Node *call, size_t i, json_object **ret) {
        if (!node_has_argument(call, i)) {
                *ret = NULL;
                return 0;
        }
        return evaluate(e, call->args[i], ret);
}

int argument_text(Evaluation *e, const Node *call, size_t i, Text *ret) {
        json_object *v = NULL;
        int r;

        r = argument(e, call, i, &v);
        if (r != 0)
                return r;
        return value_to_text(e, call, v, ret);
}

static const char *argument_name(const Node *call, size_t i) {
        const Parameter *p = call->function->parameters;
        size_t n = 0;

        while (n < PARAMETERS_MAX && p[n].name)
                n++;
        return i < n ? p[i].name : p[n - 1].name;
}

int argument_integer(Evaluation *e, const Node *call, size_t i, int64_t *ret, bool *ret_is_null) {
        _cleanup_text_ Text t = {};
        json_object *v = NULL;
        bool is_integer;
        double d;
        int r;

        r = argument(e, call, i, &v);
        if (r != 0)
                return r;
        /* What is larger than an int64_t is cut down to its maximum: read the text of that instead. */
        if (json_object_get_type(v) == json_type_int && json_object_get_int64(v) < INT64_MAX) {
                *ret = json_object_get_int64(v);
                *ret_is_null = false;
                json_object_put(v);
                return 0;
        }
        r = value_to_text(e, call, v, &t);
        if (r != 0)
                return r;
        *ret_is_null = !t.value || t.size == 0;
        if (*ret_is_null)
                return 0;
        if (!number_from_text(t.s, t.size, &is_integer, ret, &d) || !is_integer)
                return evaluation_fail(e, call, "%s is not a whole number", argument_name(call, i));
        return 0;
}

int text_to_boolean(const char *s, size_t size) {
        bool is_integer;
        int64_t v;
        double d;

        for (size_t i = 0; i < 4; i++) {
                static const char *const words[] = { "false", "true", "no", "yes" };

                if (size == strlen(words[i]) && ascii_strncaseeq(s, words[i], size))
                        return i % 2 == 1;
        }
        if (number_from_text(s, size, &is_integer, &v, &d))
                return d < 0 || d > 0;
        return -EINVAL;
}

/* 1, 0, or -EINVAL for a text that is neither; null and the empty text are false. */
static int text_truth(const Text *t) {
        return t->size == 0 ? 0 : text_to_boolean(t->s, t->size);
}

int argument_boolean(Evaluation *e, const Node *call, size_t i, bool *ret) {
        _cleanup_text_ Text t = {};
        int r;

        r = argument_text(e, call, i, &t);
        if (r != 0)
                return r;
        r = text_truth(&t);
        if (r < 0)
                return evaluation_fail(e, call, "%s is neither true nor false", argument_name(call, i));
        *ret = r;
        return 0;
}

int argument_date(Evaluation *e, const Node *call, size_t i, int64_t *ret_ticks, bool *ret_is_null) {
        _cleanup_text_ Text t = {};
        int r;

        r = argument_text(e, call, i, &t);
        if (r != 0)
                return r;
        *ret_is_null = t.size == 0;
        if (t.size > 0 && !date_parse(t.s, t.size, ret_ticks))
                return evaluation_fail(e, call, "%s is not a date", argument_name(call, i));
        return 0;
}

int give_text(Evaluation *e, const Node *call, const char *s, size_t size, json_object **ret) {
        int r;

        if (size > EXPRESSION_TEXT_MAX)
                return evaluation_fail(e, call, "the result is longer than %u bytes", EXPRESSION_TEXT_MAX);
        r = charge(e, call, size);
        if (r != 0)
                return r;
        *ret = json_object_new_string_len(s, (int) size);
        return *ret ? 0 : -ENOMEM;
}

void buffer_reserve(StrBuf *b, size_t size) {
        if (ARRAY_GROW(b->data, b->allocated, size + 1) < 0)
                b->failed = true;
}

int give_buffer(Evaluation *e, const Node *call, const StrBuf *b, json_object **ret) {
        int r;

        r = strbuf_check(b);
        if (r < 0)
                return r;
        return give_text(e, call, strempty(b->data), b->size, ret);
}

int give_integer(int64_t v, json_object **ret) {
        *ret = json_object_new_int64(v);
        return *ret ? 0 : -ENOMEM;
}

int give_boolean(bool v, json_object **ret) {
        *ret = json_object_new_boolean(v);
        return *ret ? 0 : -ENOMEM;
}

int give_date(Evaluation *e, const Node *call, int64_t ticks, json_object **ret) {
        char buf[DATE_TEXT_MAX];

        (void) date_format(ticks, buf);
        return give_text(e, call, buf, strlen(buf), ret);
}

static int ordered(Comparison c, int order) {
        switch (c) {
        case COMPARISON_EQUAL:
                return order == 0;
        case COMPARISON_NOT_EQUAL:
                return order != 0;
        case COMPARISON_LESS:
                return order < 0;
        case COMPARISON_LESS_OR_EQUAL:
                return order <= 0;
        case COMPARISON_GREATER:
                return order > 0;
        case COMPARISON_GREATER_OR_EQUAL:
                return order >= 0;
        case _COMPARISON_MAX:
                break;
        }
        return false;
}

static bool is_number(const Text *t) {
        json_type type = json_object_get_type(t->value);

        return type == json_type_int || type == json_type_double;
}

static int compare(Evaluation *e, const Node *n, const Text *a, const Text *b, bool *ret) {
        bool for_equality = n->comparison == COMPARISON_EQUAL || n->comparison == COMPARISON_NOT_EQUAL;
        bool a_integer = false, b_integer = false;
        int64_t x = 0, y = 0;
        double dx, dy;
        int c;

        /* As for Switch(), nothing equals the empty text; it is neither less nor greater than anything. */
        if (!a->value || !b->value) {
                *ret = for_equality && ordered(n->comparison, a->size != b->size);
                return 0;
        }
        if (json_object_get_type(a->value) == json_type_boolean ||
            json_object_get_type(b->value) == json_type_boolean) {
                int p = text_truth(a), q = text_truth(b);

                if (!for_equality)
                        return evaluation_fail(e, n, "true and false have no order");
                *ret = ordered(n->comparison, p < 0 || q < 0 || p != q);
                return 0;
        }
        if (is_number(a) || is_number(b)) {
                if (number_from_text(a->s, a->size, &a_integer, &x, &dx) &&
                    number_from_text(b->s, b->size, &b_integer, &y, &dy)) {
                        *ret = ordered(n->comparison, numbers_compare(a_integer, x, dx, b_integer, y, dy));
                        return 0;
                }
                if (!for_equality)
                        return evaluation_fail(e, n, "one side is a number and the other is not");
        }
        c = memcmp(a->s, b->s, MIN2(a->size, b->size));
        *ret = ordered(n->comparison, c != 0 ? c : (a->size > b->size) - (a->size < b->size));
        return 0;
}

static int evaluate_comparison(Evaluation *e, const Node *n, json_object **ret) {
        _cleanup_text_ Text a = {}, b = {};
        json_object *v = NULL;
        bool result = false;
        int r;

        r = evaluate(e, n->args[0], &v);
        if (r != 0)
                return r;
        r = value_to_text(e, n, v, &a);
        if (r != 0)
                return r;
        v = NULL;
        r = evaluate(e, n->args[1], &v);
        if (r != 0)
                return r;
        r = value_to_text(e, n, v, &b);
        if (r != 0)
                return r;
        r = compare(e, n, &a, &b, &result);
        return r != 0 ? r : give_boolean(result, ret);
}

int evaluate(Evaluation *e, const Node *n, json_object **ret) {
        switch (n->kind) {
        case NODE_EMPTY:
                *ret = NULL;
                return 0;
        case NODE_LITERAL:
                *ret = json_object_get(n->literal);
                return 0;
        case NODE_ATTRIBUTE:
                return attribute_path_get(n->path, e->context->record, ret);
        case NODE_SOFT_DELETED:
                return give_boolean(e->context->soft_deleted, ret);
        case NODE_BLOCKED:
                return give_boolean(e->context->blocked, ret);
        case NODE_CALL:
                return n->function->evaluate(e, n, ret);
        case NODE_COMPARISON:
                return evaluate_comparison(e, n, ret);
        }
        return 0;
}
