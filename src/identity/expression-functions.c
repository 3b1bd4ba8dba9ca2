/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

/* Functions of conditions, choices, conversions and lists: docs/expressions/logic.md and lists.md. */

#include <errno.h>

#include <json-c/linkhash.h>

#include "attribute-name.h"
#include "expression-internal.h"
#include "unicode.h"

static int evaluate_and(Evaluation *e, const Node *call, json_object **ret) {
        bool v = true;
        int r;

        for (size_t i = 0; v && i < call->n_args; i++) {
                r = argument_boolean(e, call, i, &v);
                if (r != 0)
                        return r;
        }
        return give_boolean(v, ret);
}

static int evaluate_or(Evaluation *e, const Node *call, json_object **ret) {
        bool v = false;
        int r;

        for (size_t i = 0; !v && i < call->n_args; i++) {
                r = argument_boolean(e, call, i, &v);
                if (r != 0)
                        return r;
        }
        return give_boolean(v, ret);
}

/* "If source is True, returns False. Otherwise, returns True": also for what is no boolean at all. */
static int evaluate_not(Evaluation *e, const Node *call, json_object **ret) {
        _cleanup_text_ Text t = {};
        int r;

        r = argument_text(e, call, 0, &t);
        if (r != 0)
                return r;
        return give_boolean(text_to_boolean(t.s, t.size) != 1, ret);
}

static int evaluate_iif(Evaluation *e, const Node *call, json_object **ret) {
        bool condition;
        int r;

        r = argument_boolean(e, call, 0, &condition);
        if (r != 0)
                return r;
        return argument(e, call, condition ? 1 : 2, ret);
}

/* What a choice may give is what any of its arguments from @first on, in steps of @step, may give. */
static void types_from(Node *call, size_t first, size_t step) {
        for (size_t i = first; i < call->n_args; i += step)
                call->types |= call->args[i]->types;
}

static int check_iif(Parser *p, Node *call) {
        if (call->n_args != 3)
                return check_failed(p, call, "IIF takes 3 arguments, of which the last two may be left empty: "
                                             "IIF(condition, valueIfTrue, valueIfFalse)");
        call->types = 0;
        types_from(call, 1, 1);
        return 0;
}

static int evaluate_switch(Evaluation *e, const Node *call, json_object **ret) {
        _cleanup_text_ Text source = {};
        int r;

        r = argument_text(e, call, 0, &source);
        if (r != 0)
                return r;
        for (size_t i = 2; i + 1 < call->n_args; i += 2) {
                _cleanup_text_ Text key = {};

                r = argument_text(e, call, i, &key);
                if (r != 0)
                        return r;
                if (key.size == source.size && memcmp(key.s, source.s, key.size) == 0)
                        return argument(e, call, i + 1, ret);
        }
        return argument(e, call, 1, ret);
}

static int check_switch(Parser *p, Node *call) {
        call->types = call->args[1]->types;
        types_from(call, 3, 2);
        return 0;
}

static int evaluate_coalesce(Evaluation *e, const Node *call, json_object **ret) {
        int r;

        for (size_t i = 0; i < call->n_args; i++) {
                r = argument(e, call, i, ret);
                if (r != 0 || !json_is_unassigned(*ret))
                        return r;
                json_object_put(*ret);
                *ret = NULL;
        }
        return 0;
}

static int check_coalesce(Parser *p, Node *call) {
        call->types = TYPE_NULL;
        types_from(call, 0, 1);
        return 0;
}

static int evaluate_is_null(Evaluation *e, const Node *call, json_object **ret) {
        _cleanup_json_ json_object *v = NULL;
        int r;

        r = argument(e, call, 0, &v);
        return r != 0 ? r : give_boolean(json_is_unassigned(v), ret);
}

static int evaluate_is_null_or_empty(Evaluation *e, const Node *call, json_object **ret) {
        _cleanup_json_ json_object *v = NULL;
        int r;

        r = argument(e, call, 0, &v);
        return r != 0 ? r : give_boolean(value_is_empty(v), ret);
}

static int evaluate_is_present(Evaluation *e, const Node *call, json_object **ret) {
        _cleanup_json_ json_object *v = NULL;
        int r;

        r = argument(e, call, 0, &v);
        return r != 0 ? r : give_boolean(!value_is_empty(v), ret);
}

static int evaluate_is_string(Evaluation *e, const Node *call, json_object **ret) {
        _cleanup_json_ json_object *v = NULL;
        int r;

        r = argument(e, call, 0, &v);
        return r != 0 ? r : give_boolean(json_object_get_type(v) == json_type_string, ret);
}

static int evaluate_cbool(Evaluation *e, const Node *call, json_object **ret) {
        bool v;
        int r;

        r = argument_boolean(e, call, 0, &v);
        return r != 0 ? r : give_boolean(v, ret);
}

static int evaluate_cstr(Evaluation *e, const Node *call, json_object **ret) {
        _cleanup_text_ Text t = {};
        int r;

        r = argument_text(e, call, 0, &t);
        if (r != 0 || !t.value)
                return r;
        return give_text(e, call, t.s, t.size, ret);
}

static int evaluate_bitand(Evaluation *e, const Node *call, json_object **ret) {
        int64_t a = 0, b = 0;
        bool a_is_null, b_is_null;
        int r;

        r = argument_integer(e, call, 0, &a, &a_is_null);
        if (r != 0)
                return r;
        r = argument_integer(e, call, 1, &b, &b_is_null);
        if (r != 0 || a_is_null || b_is_null)
                return r;
        return give_integer(a & b, ret);
}

/* The mark is set when the expression is read (EXPRESSION_REDACTS); the value itself stays as it is. */
static int evaluate_redact(Evaluation *e, const Node *call, json_object **ret) {
        return argument(e, call, 0, ret);
}

static int check_same_type(Parser *p, Node *call) {
        call->types = call->args[0]->types;
        return 0;
}

static int evaluate_ignore_flow(Evaluation *e, const Node *call, json_object **ret) {
        int r;

        r = argument(e, call, 0, ret);
        if (r != 0 || !value_is_empty(*ret))
                return r;
        json_object_put(*ret);
        *ret = NULL;
        return EXPRESSION_E_SKIP;
}

static int evaluate_select_unique_value(Evaluation *e, const Node *call, json_object **ret) {
        int r;

        if (!e->context->is_taken)
                return evaluation_fail(e, call, "this target cannot be asked whether a value is taken");
        for (size_t i = 0; i < call->n_args; i++) {
                _cleanup_text_ Text t = {};
                _cleanup_free_ char *value = NULL;

                r = argument_text(e, call, i, &t);
                if (r != 0)
                        return r;
                if (t.size == 0)
                        continue;
                value = strndup(t.s, t.size);
                if (!value)
                        return -ENOMEM;
                r = e->context->is_taken(e->context->userdata, e->context->target, value);
                if (r < 0)
                        return r;
                if (r == 0)
                        return give_text(e, call, t.s, t.size, ret);
        }
        return error_set_full(e->ret_error, EXPRESSION_E_NOT_UNIQUE, ERROR_SCOPE_ITEM, ERROR_RETRY_LATER, "NotUnique",
                              "%s: every one of the %zu candidate values is empty or taken", call->function->name,
                              call->n_args);
}

/* ---- lists ---- */

static size_t value_count(json_object *v) {
        size_t n = 0;

        if (json_object_get_type(v) != json_type_array)
                return v ? 1 : 0;
        for (size_t i = 0; i < json_object_array_length(v); i++)
                n += json_object_array_get_idx(v, i) != NULL;
        return n;
}

static int evaluate_count(Evaluation *e, const Node *call, json_object **ret) {
        _cleanup_json_ json_object *v = NULL;
        int r;

        r = argument(e, call, 0, &v);
        return r != 0 ? r : give_integer((int64_t) value_count(v), ret);
}

static int evaluate_item(Evaluation *e, const Node *call, json_object **ret) {
        _cleanup_json_ json_object *v = NULL;
        int64_t index = 0;
        bool is_null;
        int r;

        r = argument(e, call, 0, &v);
        if (r != 0)
                return r;
        r = argument_integer(e, call, 1, &index, &is_null);
        if (r != 0 || is_null)
                return r;
        if (index < 1)
                return evaluation_fail(e, call, "the first item has the index 1");
        if (json_object_get_type(v) != json_type_array) {
                *ret = index == 1 ? TAKE_PTR(v) : NULL;
                return 0;
        }
        for (size_t i = 0; i < json_object_array_length(v); i++) {
                json_object *item = json_object_array_get_idx(v, i);

                if (item && --index == 0) {
                        *ret = json_object_get(item);
                        return 0;
                }
        }
        return 0;
}

static int check_item(Parser *p, Node *call) {
        return check_positive(p, call, 1, "the first item has the index 1");
}

static int evaluate_remove_duplicates(Evaluation *e, const Node *call, json_object **ret) {
        _cleanup_json_ json_object *v = NULL, *list = NULL;
        struct lh_table *seen;
        int r;

        r = argument(e, call, 0, &v);
        if (r != 0)
                return r;
        if (json_object_get_type(v) != json_type_array) {
                *ret = TAKE_PTR(v);
                return 0;
        }
        list = json_object_new_array();
        /* The keys are the elements' own texts, borrowed while @v lives. */
        seen = lh_kchar_table_new((int) MIN2(json_object_array_length(v) + 1, (size_t) 1 << 24), NULL);
        if (!list || !seen) {
                if (seen)
                        lh_table_free(seen);
                return -ENOMEM;
        }
        for (size_t i = 0; r == 0 && i < json_object_array_length(v); i++) {
                json_object *item = json_object_array_get_idx(v, i);
                const char *key = item ? json_object_to_json_string_ext(item, JSON_C_TO_STRING_PLAIN) : NULL;

                if (!item || lh_table_lookup_entry(seen, key))
                        continue;
                if (!key || lh_table_insert(seen, (void *) key, NULL) < 0 ||
                    json_object_array_add(list, json_object_get(item)) < 0)
                        r = -ENOMEM;
        }
        lh_table_free(seen);
        if (r == 0)
                *ret = TAKE_PTR(list);
        return r;
}

const Function logic_functions[] = {
        { "And", { { "condition", PARAMETER_BOOLEAN }, { "condition", PARAMETER_BOOLEAN } }, .repeat = 1,
          .types = TYPE_BOOLEAN, .evaluate = evaluate_and },
        { "BitAnd", { { "value1", PARAMETER_INTEGER }, { "value2", PARAMETER_INTEGER } },
          .types = TYPE_NULL | TYPE_NUMBER, .evaluate = evaluate_bitand },
        { "CBool", { { "expression", PARAMETER_BOOLEAN } }, .types = TYPE_BOOLEAN, .evaluate = evaluate_cbool },
        { "Coalesce", { { "source", PARAMETER_ANY } }, .repeat = 1, .types = TYPE_ANY, .evaluate = evaluate_coalesce,
          .check = check_coalesce },
        { "Count", { { "attribute", PARAMETER_ANY } }, .types = TYPE_NUMBER, .evaluate = evaluate_count },
        { "CStr", { { "value", PARAMETER_TEXT } }, .types = TYPE_NULL | TYPE_STRING, .evaluate = evaluate_cstr },
        { "IgnoreFlowIfNullOrEmpty", { { "expression", PARAMETER_ANY } }, .types = TYPE_ANY,
          .evaluate = evaluate_ignore_flow, .check = check_same_type },
        { "IIF", { { "condition", PARAMETER_BOOLEAN }, { "valueIfTrue", PARAMETER_ANY, true },
                   { "valueIfFalse", PARAMETER_ANY, true } },
          .types = TYPE_ANY, .evaluate = evaluate_iif, .check = check_iif },
        { "IsNull", { { "expression", PARAMETER_ANY } }, .types = TYPE_BOOLEAN, .evaluate = evaluate_is_null },
        { "IsNullOrEmpty", { { "expression", PARAMETER_ANY } }, .types = TYPE_BOOLEAN,
          .evaluate = evaluate_is_null_or_empty },
        { "IsPresent", { { "expression", PARAMETER_ANY } }, .types = TYPE_BOOLEAN, .evaluate = evaluate_is_present },
        { "IsString", { { "expression", PARAMETER_ANY } }, .types = TYPE_BOOLEAN, .evaluate = evaluate_is_string },
        { "Item", { { "attribute", PARAMETER_ANY }, { "index", PARAMETER_INTEGER } }, .types = TYPE_ANY,
          .evaluate = evaluate_item, .check = check_item },
        { "Not", { { "source", PARAMETER_TEXT } }, .types = TYPE_BOOLEAN, .evaluate = evaluate_not },
        { "Or", { { "condition", PARAMETER_BOOLEAN }, { "condition", PARAMETER_BOOLEAN } }, .repeat = 1,
          .types = TYPE_BOOLEAN, .evaluate = evaluate_or },
        { "Redact", { { "value", PARAMETER_ANY } }, .types = TYPE_ANY, .evaluate = evaluate_redact,
          .check = check_same_type, .uses = EXPRESSION_REDACTS },
        { "RemoveDuplicates", { { "attribute", PARAMETER_ANY } }, .types = TYPE_ANY,
          .evaluate = evaluate_remove_duplicates, .check = check_same_type },
        { "SelectUniqueValue", { { "uniqueValueRule1", PARAMETER_TEXT }, { "uniqueValueRule2", PARAMETER_TEXT } },
          .repeat = 1, .types = TYPE_STRING, .evaluate = evaluate_select_unique_value, .uses = EXPRESSION_USES_UNIQUE },
        { "Switch", { { "source", PARAMETER_TEXT }, { "defaultValue", PARAMETER_ANY, true }, { "key", PARAMETER_TEXT },
                      { "value", PARAMETER_ANY, true } },
          .repeat = 2, .types = TYPE_ANY, .evaluate = evaluate_switch, .check = check_switch },
        {},
};
