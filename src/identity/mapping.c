/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "mapping.h"

#include <errno.h>

#include "attribute-name.h"
#include "attribute-path.h"
#include "json-scan.h"
#include "object.h"
#include "syntax.h"
#include "unicode.h"

typedef enum Apply {
        APPLY_ALWAYS,
        APPLY_CREATE_ONLY,
        APPLY_WHEN_EMPTY,
} Apply;

typedef struct Rule {
        char *name; /* the target's normal form: a rule's identity, and the order in which rules apply */
        AttributePath *target;
        Expression *expression;
        Expression *fallback;   /* Default: */
        Apply apply;
        bool flow_null;         /* FlowNull=, and after mapping_finish() both gates */
        bool multi_valued;
        bool own_copy;          /* another rule writes into this value: it must not be the record's own */
} Rule;

/* The keys that are no targets. */
typedef enum Option {
        OPTION_CREATE_ONLY,
        OPTION_WHEN_EMPTY,
        OPTION_FLOW_NULL,
        OPTION_FLOW_NULL_SOURCE,
        OPTION_MULTI_VALUED,
        _OPTION_MAX,
} Option;

static const char *const option_names[_OPTION_MAX] = {
        [OPTION_CREATE_ONLY] = "CreateOnly",
        [OPTION_WHEN_EMPTY] = "WhenEmpty",
        [OPTION_FLOW_NULL] = "FlowNull",
        [OPTION_FLOW_NULL_SOURCE] = "FlowNullSource",
        [OPTION_MULTI_VALUED] = "MultiValued",
};

struct Mapping {
        Rule *rules;
        size_t n_rules, n_allocated;
        char **options[_OPTION_MAX];    /* normal forms of the paths listed */
        bool finished;
};

static void rule_done(Rule *r) {
        free(r->name);
        attribute_path_free(r->target);
        expression_free(r->expression);
        expression_free(r->fallback);
        *r = (Rule) {};
}

Mapping *mapping_new(void) {
        return calloc(1, sizeof(Mapping));
}

Mapping *mapping_free(Mapping *m) {
        if (!m)
                return NULL;
        for (size_t i = 0; i < m->n_rules; i++)
                rule_done(&m->rules[i]);
        free(m->rules);
        for (Option o = 0; o < _OPTION_MAX; o++)
                strv_free(m->options[o]);
        free(m);
        return NULL;
}

static int refuse(Error **ret_error, const char *fmt, ...) _printf_(2, 3);
static int refuse(Error **ret_error, const char *fmt, ...) {
        _cleanup_free_ char *text = NULL;
        va_list ap;

        va_start(ap, fmt);
        if (vasprintf(&text, fmt, ap) < 0)
                text = NULL;
        va_end(ap);
        if (!text)
                return -ENOMEM;
        return error_set_full(ret_error, -EINVAL, ERROR_SCOPE_CYCLE, ERROR_RETRY_AFTER_RECONFIGURE, "InvalidMapping",
                              "%s", text);
}

static int path_name(const AttributePath *p, char **ret) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;
        int r;

        r = attribute_path_canonical(p, &b);
        return r < 0 ? r : strbuf_steal(&b, ret);
}

static Rule *find_rule(const Mapping *m, const char *name) {
        for (size_t i = 0; i < m->n_rules; i++)
                if (streq(m->rules[i].name, name))
                        return &m->rules[i];
        return NULL;
}

/* A list of paths, separated by spaces. */
static int set_option(Mapping *m, Option option, const char *value, Error **ret_error) {
        size_t i = syntax_skip_space(value, 0);
        int r;

        if (!value[i]) {
                m->options[option] = strv_free(m->options[option]);
                return 0;
        }
        r = syntax_check_text(value, "list of attributes", ret_error);
        if (r < 0)
                return r;
        while (value[i]) {
                _cleanup_(attribute_path_freep) AttributePath *p = NULL;
                _cleanup_free_ char *name = NULL;
                size_t start = i;

                r = attribute_path_parse_part(value, &i, &p, ret_error);
                if (r < 0)
                        return r;
                if (value[i] && !syntax_is_space(value[i]))
                        return syntax_error(ret_error, value, i, "expected a space between attributes");
                r = path_name(p, &name);
                if (r < 0)
                        return r;
                if (strv_length(m->options[option]) >= MAPPING_RULES_MAX)
                        return syntax_error(ret_error, value, start, "a list has at most %u attributes",
                                            MAPPING_RULES_MAX);
                if (!strv_contains(m->options[option], name)) {
                        r = strv_extend(&m->options[option], name);
                        if (r < 0)
                                return r;
                }
                i = syntax_skip_space(value, i);
        }
        return 0;
}

static int check_target(const AttributePath *target, const char *key, Error **ret_error) {
        static const char *const reserved[] = { "id", "meta", "schemas" };

        for (size_t i = 0; i < ELEMENTSOF(reserved); i++)
                if (ascii_strcaseeq(attribute_path_head(target), reserved[i]))
                        return syntax_error(ret_error, key, 0, "%s belongs to the target and cannot be mapped",
                                            reserved[i]);
        if (!attribute_path_is_settable(target))
                return syntax_error(
                        ret_error, key, 0,
                        "a target with brackets must say what to create, such as emails[type eq \"work\"].value");
        return 0;
}

int mapping_set(Mapping *m, const char *key, const char *value, Error **ret_error) {
        _cleanup_(attribute_path_freep) AttributePath *target = NULL;
        _cleanup_(expression_freep) Expression *x = NULL;
        _cleanup_free_ char *name = NULL;
        const char *of_default = startswith(key, "Default:");
        Rule *rule;
        int r;

        assert(!m->finished);

        for (Option o = 0; o < _OPTION_MAX; o++)
                if (streq(key, option_names[o]))
                        return set_option(m, o, value, ret_error);

        r = attribute_path_parse(of_default ? of_default : key, &target, ret_error);
        if (r < 0)
                return r;
        r = check_target(target, of_default ? of_default : key, ret_error);
        if (r < 0)
                return r;
        r = path_name(target, &name);
        if (r < 0)
                return r;
        if (value[syntax_skip_space(value, 0)]) {
                r = expression_parse(value, &x, ret_error);
                if (r < 0)
                        return r;
        }
        if (of_default && x && (expression_uses(x) & EXPRESSION_USES_UNIQUE))
                return refuse(ret_error, "SelectUniqueValue() cannot be a default value");

        rule = find_rule(m, name);
        if (!rule) {
                if (!x)
                        return 0;
                if (m->n_rules >= MAPPING_RULES_MAX)
                        return refuse(ret_error, "A mapping has at most %u lines", MAPPING_RULES_MAX);
                if (ARRAY_GROW(m->rules, m->n_allocated, m->n_rules + 1) < 0)
                        return -ENOMEM;
                rule = &m->rules[m->n_rules++];
                *rule = (Rule) { .name = TAKE_PTR(name), .target = TAKE_PTR(target) };
        }
        if (of_default) {
                expression_free(rule->fallback);
                rule->fallback = TAKE_PTR(x);
        } else {
                expression_free(rule->expression);
                rule->expression = TAKE_PTR(x);
                /* Taking a line back takes its default back. */
                if (!rule->expression)
                        rule->fallback = expression_free(rule->fallback);
        }
        return 0;
}

static int compare_rules(const void *a, const void *b) {
        return strcmp(((const Rule *) a)->name, ((const Rule *) b)->name);
}

/* Whether every attribute that the expression reads is in FlowNullSource=: the second gate. */
static int source_gate_is_open(const Mapping *m, const Rule *rule, bool *ret) {
        _cleanup_strv_ char **sources = NULL;
        int r;

        r = expression_attributes(rule->expression, &sources);
        if (r < 0)
                return r;
        *ret = true;
        for (char **s = sources; s && *s && *ret; s++) {
                *ret = false;
                for (char **o = m->options[OPTION_FLOW_NULL_SOURCE]; o && *o; o++)
                        *ret = *ret || ascii_strcaseeq(*o, *s);
        }
        return 0;
}

static int apply_option(Mapping *m, Option option, Error **ret_error) {
        for (char **name = m->options[option]; name && *name; name++) {
                Rule *rule = find_rule(m, *name);

                if (!rule)
                        return refuse(ret_error, "%s= names \"%s\", which no line maps", option_names[option], *name);
                switch (option) {
                case OPTION_CREATE_ONLY:
                        rule->apply = APPLY_CREATE_ONLY;
                        break;
                case OPTION_WHEN_EMPTY:
                        if (rule->apply == APPLY_CREATE_ONLY)
                                return refuse(ret_error, "\"%s\" is in CreateOnly= and in WhenEmpty=: choose one",
                                              *name);
                        rule->apply = APPLY_WHEN_EMPTY;
                        break;
                case OPTION_FLOW_NULL:
                        rule->flow_null = true;
                        break;
                case OPTION_MULTI_VALUED:
                        rule->multi_valued = true;
                        break;
                case OPTION_FLOW_NULL_SOURCE:
                case _OPTION_MAX:
                        break;
                }
        }
        return 0;
}

static int check_null_sources(const Mapping *m, Error **ret_error) {
        _cleanup_strv_ char **sources = NULL;
        int r;

        r = mapping_sources(m, &sources);
        if (r < 0)
                return r;
        for (char **o = m->options[OPTION_FLOW_NULL_SOURCE]; o && *o; o++) {
                bool found = false;

                for (char **s = sources; s && *s; s++)
                        found = found || ascii_strcaseeq(*o, *s);
                if (!found)
                        return refuse(ret_error, "FlowNullSource= names \"%s\", which no expression reads", *o);
        }
        return 0;
}

int mapping_finish(Mapping *m, Error **ret_error) {
        size_t n = 0;
        int r;

        assert(!m->finished);

        for (size_t i = 0; i < m->n_rules; i++)
                if (!m->rules[i].expression && m->rules[i].fallback)
                        return refuse(ret_error, "Default: names \"%s\", which no line maps", m->rules[i].name);
        /* Lines that were taken back leave. */
        for (size_t i = 0; i < m->n_rules; i++) {
                if (!m->rules[i].expression)
                        rule_done(&m->rules[i]);
                else
                        m->rules[n++] = m->rules[i];
        }
        m->n_rules = n;
        /* The order of lines has no meaning: a whole attribute comes before the paths into it. */
        if (n > 0)
                qsort(m->rules, n, sizeof(Rule), compare_rules);

        for (Option o = 0; o < _OPTION_MAX; o++) {
                if (o == OPTION_FLOW_NULL_SOURCE)
                        continue;
                r = apply_option(m, o, ret_error);
                if (r < 0)
                        return r;
        }
        r = check_null_sources(m, ret_error);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++) {
                Rule *rule = &m->rules[i];

                if ((expression_uses(rule->expression) & EXPRESSION_USES_UNIQUE) && rule->apply != APPLY_CREATE_ONLY)
                        return refuse(ret_error,
                                      "\"%s\" uses SelectUniqueValue() and must be in CreateOnly=, or each cycle "
                                      "would choose another value",
                                      rule->name);
                if (rule->flow_null) {
                        r = source_gate_is_open(m, rule, &rule->flow_null);
                        if (r < 0)
                                return r;
                }
                for (size_t k = 0; k < n; k++)
                        rule->own_copy = rule->own_copy ||
                                         (k != i && ascii_strcaseeq(attribute_path_head(m->rules[k].target),
                                                                    attribute_path_head(rule->target)));
        }
        m->finished = true;
        return 0;
}

/* Null and the empty text: what does not flow by itself. */
static bool is_empty(json_object *v) {
        return json_object_get_type(v) == json_type_string ? json_object_get_string_len(v) == 0
                                                           : json_is_unassigned(v);
}

/* Without a mapping all attributes flow but these. */
static const char *const kept[] = { "id", "members", "meta", "schemas" };

/* json_is_unassigned() for a text */
static bool is_unassigned(const char *value, size_t size) {
        if (*value == '[')
                return strspn(value + 1, "nul,") == size - 2;
        return *value == 'n';
}

int mapping_identity(const char *text, StrBuf *ret) {
        JsonMember m;
        JsonScan s;
        size_t n = 0;
        int r;

        strbuf_putc(ret, '{');
        r = json_scan_begin(&s, text, strlen(text));
        while (r >= 0 && (r = json_scan_next(&s, &m)) > 0) {
                bool skip = is_unassigned(m.value, m.value_size);

                for (size_t i = 0; i < ELEMENTSOF(kept); i++)
                        skip = skip || (strlen(kept[i]) == m.key_size && ascii_strncaseeq(m.key, kept[i], m.key_size));
                if (skip)
                        continue;
                if (n++ > 0)
                        strbuf_putc(ret, ',');
                /* From the quote before the name to the end of the value: canonical as it is. */
                strbuf_append(ret, m.key - 1, (size_t) (m.value + m.value_size - m.key) + 1);
        }
        if (r < 0)
                return r;
        strbuf_putc(ret, '}');
        return strbuf_check(ret);
}

static int identity(json_object *record, json_object **ret) {
        _cleanup_json_ json_object *o = NULL;
        struct lh_entry *e;

        o = json_object_new_object();
        if (!o)
                return -ENOMEM;
        if (json_object_get_type(record) == json_type_object)
                lh_foreach(json_object_get_object(record), e) {
                        json_object *v = (json_object *) lh_entry_v(e);
                        bool skip = json_is_unassigned(v);

                        for (size_t i = 0; i < ELEMENTSOF(kept); i++)
                                skip = skip || ascii_strcaseeq(lh_entry_k(e), kept[i]);
                        if (!skip && json_object_object_add(o, lh_entry_k(e), json_object_get(v)) < 0) {
                                json_object_put(v);
                                return -ENOMEM;
                        }
                }
        *ret = TAKE_PTR(o);
        return 0;
}

/* What flows for one rule; *ret_flows says whether anything does. */
static int rule_value(const Rule *rule, const ExpressionContext *context, bool creating, json_object **ret,
                      bool *ret_flows, Error **ret_error) {
        _cleanup_json_ json_object *v = NULL, *list = NULL;
        int r;

        *ret_flows = false;
        r = expression_evaluate(rule->expression, context, &v, ret_error);
        if (r == 0 && is_empty(v) && creating && rule->fallback) {
                json_object_put(v);
                v = NULL;
                r = expression_evaluate(rule->fallback, context, &v, ret_error);
        }
        if (r == EXPRESSION_E_SKIP)
                return 0;
        if (r != 0)
                return r;
        if (is_empty(v)) {
                /* A new object has nothing that could be cleared. */
                if (!rule->flow_null || creating)
                        return 0;
                json_object_put(v);
                v = NULL;
        }
        if (rule->multi_valued && json_object_get_type(v) != json_type_array) {
                list = json_object_new_array();
                if (!list || (v && json_object_array_add(list, v) < 0))
                        return -ENOMEM;
                v = TAKE_PTR(list);
        }
        if (rule->own_copy &&
            (json_object_get_type(v) == json_type_array || json_object_get_type(v) == json_type_object)) {
                json_object *copy = NULL;

                if (json_object_deep_copy(v, &copy, NULL) < 0)
                        return -ENOMEM;
                json_object_put(v);
                v = copy;
        }
        *ret = TAKE_PTR(v);
        *ret_flows = true;
        return 0;
}

int mapping_apply(const Mapping *m, const ExpressionContext *context, bool creating, json_object *current_target,
                  json_object **ret_attributes, Error **ret_error) {
        _cleanup_json_ json_object *o = NULL;
        ExpressionContext own = *context;
        int r;

        if (!m)
                return identity(context->record, ret_attributes);
        assert(m->finished);

        o = json_object_new_object();
        if (!o)
                return -ENOMEM;
        for (size_t i = 0; i < m->n_rules; i++) {
                _cleanup_json_ json_object *v = NULL, *present = NULL;
                const Rule *rule = &m->rules[i];
                bool flows;

                if (rule->apply != APPLY_ALWAYS && !creating) {
                        if (rule->apply == APPLY_CREATE_ONLY)
                                continue;
                        if (current_target) {
                                r = attribute_path_get(rule->target, current_target, &present);
                                if (r < 0)
                                        return r;
                        }
                        if (!is_empty(present))
                                continue;
                }
                own.target = attribute_path_text(rule->target);
                r = rule_value(rule, &own, creating, &v, &flows, ret_error);
                if (r != 0)
                        return r < 0 ? r : error_wrap(ret_error, r, "Attribute \"%s\"", own.target);
                if (!flows)
                        continue;
                r = attribute_path_set(rule->target, o, v);
                if (r < 0)
                        return r;
                if (r == ATTRIBUTE_PATH_E_CONFLICT)
                        return error_set_full(
                                ret_error, EXPRESSION_E_VALUE, ERROR_SCOPE_ITEM, ERROR_RETRY_LATER, "InvalidValue",
                                "Attribute \"%s\": another line gives \"%s\" a value that nothing can be put into",
                                own.target, attribute_path_head(rule->target));
        }
        *ret_attributes = TAKE_PTR(o);
        return 0;
}

int mapping_canonical(const Mapping *m, char **ret) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;
        int r;

        /* No target is called "*": a mapping that happens to name every attribute is another one. */
        if (!m)
                strbuf_puts(&b, "*\n");
        for (size_t i = 0; m && i < m->n_rules; i++) {
                const Rule *rule = &m->rules[i];

                strbuf_printf(&b, "%s=", rule->name);
                r = expression_canonical(rule->expression, &b);
                if (r < 0)
                        return r;
                strbuf_putc(&b, '\n');
                if (rule->fallback) {
                        strbuf_puts(&b, "  default ");
                        r = expression_canonical(rule->fallback, &b);
                        if (r < 0)
                                return r;
                        strbuf_putc(&b, '\n');
                }
                if (rule->apply != APPLY_ALWAYS)
                        strbuf_puts(&b, rule->apply == APPLY_CREATE_ONLY ? "  create-only\n" : "  when-empty\n");
                if (rule->flow_null)
                        strbuf_puts(&b, "  flow-null\n");
                if (rule->multi_valued)
                        strbuf_puts(&b, "  multi-valued\n");
        }
        return strbuf_steal(&b, ret);
}

/* Whether the rule's target is the reference, the value in it, or something whole that it is a part of. */
static bool writes_reference(const Rule *rule, const char *name) {
        const char *rest = startswith(rule->name, name);

        if (rest && (!*rest || streq(rest, ".value")))
                return true;
        rest = startswith(name, rule->name);
        return rest && (*rest == '.' || *rest == ':');
}

int mapping_check_reference(const Mapping *m, const char *name, Error **ret_error) {
        bool found = false;

        for (size_t i = 0; i < m->n_rules; i++) {
                const Rule *rule = &m->rules[i];

                if (!writes_reference(rule, name))
                        continue;
                found = true;
                if (rule->apply == APPLY_CREATE_ONLY)
                        return refuse(ret_error, "\"%s\" is in CreateOnly=, so it could not be completed later; expected WhenEmpty=",
                                      rule->name);
                if (rule->fallback)
                        return refuse(ret_error, "\"%s\" has a Default:, which could not be completed later; expected Coalesce()",
                                      rule->name);
        }
        return found ? 0 : refuse(ret_error, "no line of the mapping writes \"%s\"", name);
}

bool mapping_redacts(const Mapping *m, const char *attribute) {
        for (size_t i = 0; m && i < m->n_rules; i++) {
                const Rule *rule = &m->rules[i];
                unsigned uses =
                        expression_uses(rule->expression) | (rule->fallback ? expression_uses(rule->fallback) : 0);

                if ((uses & EXPRESSION_REDACTS) && ascii_strcaseeq(attribute_path_head(rule->target), attribute))
                        return true;
        }
        return false;
}

unsigned mapping_uses(const Mapping *m) {
        unsigned uses = 0;

        for (size_t i = 0; m && i < m->n_rules; i++)
                uses |= expression_uses(m->rules[i].expression) |
                        (m->rules[i].fallback ? expression_uses(m->rules[i].fallback) : 0);
        return uses;
}

int mapping_sources(const Mapping *m, char ***l) {
        int r;

        for (size_t i = 0; m && i < m->n_rules; i++) {
                r = expression_attributes(m->rules[i].expression, l);
                if (r >= 0 && m->rules[i].fallback)
                        r = expression_attributes(m->rules[i].fallback, l);
                if (r < 0)
                        return r;
        }
        return 0;
}

int mapping_targets(const Mapping *m, char ***l) {
        int r;

        for (size_t i = 0; m && i < m->n_rules; i++) {
                if (strv_contains(*l, attribute_path_text(m->rules[i].target)))
                        continue;
                r = strv_extend(l, attribute_path_text(m->rules[i].target));
                if (r < 0)
                        return r;
        }
        return 0;
}
