/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

/* Replace() in its five modes: docs/expressions/replace.md. */

#include <errno.h>
#include <stdio.h>

#include "expression-internal.h"

enum {
        SOURCE,
        OLD_VALUE,
        REGEX_PATTERN,
        REGEX_GROUP_NAME,
        REPLACEMENT_VALUE,
        REPLACEMENT_ATTRIBUTE_NAME,
        TEMPLATE,
};

/* Which arguments are there decides what Replace() does. */
typedef enum Mode {
        MODE_VALUE,             /* oldValue, replacementValue */
        MODE_TEMPLATE,          /* oldValue, template */
        MODE_PATTERN,           /* regexPattern, replacementValue */
        MODE_GROUP,             /* regexPattern, regexGroupName, replacementValue */
        MODE_ATTRIBUTE,         /* regexPattern, regexGroupName, replacementAttributeName */
        _MODE_MAX,
} Mode;

static Mode mode_of(const Node *call) {
        static const unsigned masks[_MODE_MAX] = {
                [MODE_VALUE] = 1 << OLD_VALUE | 1 << REPLACEMENT_VALUE,
                [MODE_TEMPLATE] = 1 << OLD_VALUE | 1 << TEMPLATE,
                [MODE_PATTERN] = 1 << REGEX_PATTERN | 1 << REPLACEMENT_VALUE,
                [MODE_GROUP] = 1 << REGEX_PATTERN | 1 << REGEX_GROUP_NAME | 1 << REPLACEMENT_VALUE,
                [MODE_ATTRIBUTE] = 1 << REGEX_PATTERN | 1 << REGEX_GROUP_NAME | 1 << REPLACEMENT_ATTRIBUTE_NAME,
        };
        unsigned mask = 0;
        Mode m;

        for (size_t i = OLD_VALUE; i <= TEMPLATE; i++)
                if (node_has_argument(call, i))
                        mask |= 1U << i;
        for (m = 0; m < _MODE_MAX; m++)
                if (masks[m] == mask)
                        break;
        return m;
}

static int check_replace(Parser *p, Node *call) {
        const char *old = node_literal_text(call, OLD_VALUE), *group = node_literal_text(call, REGEX_GROUP_NAME);
        char message[128], text[192];
        size_t offset;
        int r;

        if (mode_of(call) == _MODE_MAX)
                return check_failed(p, call,
                                    "these arguments of Replace do not go together: give oldValue with "
                                    "replacementValue or template, or regexPattern with replacementValue, with "
                                    "regexGroupName and replacementValue, or with regexGroupName and "
                                    "replacementAttributeName");
        if (old && !*old)
                return check_failed(p, call->args[OLD_VALUE], "oldValue is empty");
        if (!node_has_argument(call, REGEX_PATTERN))
                return 0;
        r = pattern_compile(node_literal_text(call, REGEX_PATTERN), &call->pattern, &offset, message);
        if (r == -EINVAL) {
                (void) snprintf(text, sizeof(text), "character %zu of the regular expression: %s", offset + 1,
                                message);
                return check_failed(p, call->args[REGEX_PATTERN], text);
        }
        if (r < 0)
                return r;
        if (node_has_argument(call, REGEX_GROUP_NAME)) {
                if (!group)
                        return check_failed(p, call->args[REGEX_GROUP_NAME],
                                            "regexGroupName must stand there in quotation marks");
                if (pattern_group(call->pattern, group) < 0)
                        return check_failed(p, call->args[REGEX_GROUP_NAME],
                                            "the regular expression has no such group");
        }
        return 0;
}

/* @text with each @old replaced by @new. */
static int replace_value(Evaluation *e, const Node *call, const Text *text, const Text *old, const Text *new,
                         StrBuf *b) {
        const char *p = text->s, *end = text->s + text->size, *found;

        if (old->size == 0) {
                strbuf_append(b, text->s, text->size);
                return 0;
        }
        while ((found = memmem(p, (size_t) (end - p), old->s, old->size)) && b->size <= EXPRESSION_TEXT_MAX) {
                strbuf_append(b, p, (size_t) (found - p));
                strbuf_append(b, new->s, new->size);
                p = found + old->size;
        }
        strbuf_append(b, p, (size_t) (end - p));
        return 0;
}

/* A search may take PATTERN_STEPS_MAX steps at each place: that much work is charged in advance, so that an
 * expression with many patterns cannot take long either. */
static int charge_search(Evaluation *e, const Node *call, const Text *t) {
        e->work += t->size * 16;
        if (e->work > EXPRESSION_WORK_MAX)
                return evaluation_fail(e, call, "the expression searches too much text with regular expressions");
        return 0;
}

static int search_result(Evaluation *e, const Node *call, int r) {
        switch (r) {
        case PATTERN_E_TOO_LONG:
                return evaluation_fail(e, call,
                                       "a text of more than %u bytes is not searched with a regular expression",
                                       PATTERN_SUBJECT_MAX);
        case PATTERN_E_TOO_HARD:
                return evaluation_fail(e, call, "the regular expression needs too many steps for this text");
        }
        return r;
}

static int evaluate_replace(Evaluation *e, const Node *call, json_object **ret) {
        _cleanup_text_ Text source = {}, old = {}, new = {};
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;
        const char *name = node_literal_text(call, REGEX_GROUP_NAME);
        int group = name ? pattern_group(call->pattern, name) : -1, r;
        Mode mode = mode_of(call);
        bool found;

        r = argument_text(e, call, SOURCE, &source);
        if (r != 0)
                return r;
        if (mode == MODE_ATTRIBUTE) {
                if (source.size > 0)
                        return give_text(e, call, source.s, source.size, ret);
                r = argument_text(e, call, REPLACEMENT_ATTRIBUTE_NAME, &new);
                if (r != 0 || new.size == 0)
                        return r;
                r = charge_search(e, call, &new);
                if (r != 0)
                        return r;
                r = search_result(e, call, pattern_extract(call->pattern, group, new.s, new.size, &b, &found));
                return r != 0 || !found ? r : give_buffer(e, call, &b, ret);
        }
        if (!source.value)
                return 0;
        if (mode == MODE_VALUE || mode == MODE_TEMPLATE) {
                r = argument_text(e, call, OLD_VALUE, &old);
                if (r != 0)
                        return r;
        }
        r = argument_text(e, call, mode == MODE_TEMPLATE ? TEMPLATE : REPLACEMENT_VALUE, &new);
        if (r != 0)
                return r;
        buffer_reserve(&b, source.size + new.size);
        switch (mode) {
        case MODE_VALUE:
                r = replace_value(e, call, &source, &old, &new, &b);
                break;
        case MODE_TEMPLATE:
                r = replace_value(e, call, &new, &old, &source, &b);
                break;
        case MODE_PATTERN:
        case MODE_GROUP:
                r = charge_search(e, call, &source);
                if (r != 0)
                        return r;
                r = search_result(e, call,
                                  mode == MODE_PATTERN
                                          ? pattern_replace(call->pattern, source.s, source.size, new.s, new.size,
                                                            EXPRESSION_TEXT_MAX, &b)
                                          : pattern_replace_group(call->pattern, group, source.s, source.size, new.s,
                                                                  new.size, EXPRESSION_TEXT_MAX, &b));
                break;
        case MODE_ATTRIBUTE:
        case _MODE_MAX:
                break;
        }
        return r != 0 ? r : give_buffer(e, call, &b, ret);
}

const Function pattern_functions[] = {
        { "Replace", { { "source", PARAMETER_TEXT }, { "oldValue", PARAMETER_TEXT, true },
                       { "regexPattern", PARAMETER_PATTERN, true }, { "regexGroupName", PARAMETER_TEXT, true },
                       { "replacementValue", PARAMETER_TEXT, true }, { "replacementAttributeName", PARAMETER_TEXT, true },
                       { "template", PARAMETER_TEXT, true } },
          .types = TYPE_NULL | TYPE_STRING, .evaluate = evaluate_replace, .check = check_replace },
        {},
};
