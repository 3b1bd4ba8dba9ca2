/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

/* A recursive-descent parser makes a tree of nodes; what can be checked without a record is checked while it is
 * built: each node has the set of types it may give, each parameter says what it takes. Evaluating walks the tree;
 * functions ask for the arguments they need, so that IIF, Switch and Coalesce evaluate only what they choose. */

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "datetime.h"
#include "expression-internal.h"
#include "syntax.h"
#include "unicode.h"

struct Expression {
        Node *root;
        unsigned uses;
};

static const Function *const function_tables[] = {logic_functions, text_functions, date_functions, pattern_functions};

static const char *const comparison_names[_COMPARISON_MAX] = {
        [COMPARISON_EQUAL] = "=",
        [COMPARISON_NOT_EQUAL] = "<>",
        [COMPARISON_LESS] = "<",
        [COMPARISON_LESS_OR_EQUAL] = "<=",
        [COMPARISON_GREATER] = ">",
        [COMPARISON_GREATER_OR_EQUAL] = ">=",
};

static Node *node_free(Node *n) {
        if (!n)
                return NULL;
        json_object_put(n->literal);
        attribute_path_free(n->path);
        for (size_t i = 0; i < n->n_args; i++)
                node_free(n->args[i]);
        free(n->args);
        pattern_free(n->pattern);
        free(n);
        return NULL;
}
DEFINE_CLEANUP(Node *, node_free)

Expression *expression_free(Expression *x) {
        if (!x)
                return NULL;
        node_free(x->root);
        free(x);
        return NULL;
}

static Node *node_new(NodeKind kind, size_t offset, unsigned types) {
        Node *n;

        n = calloc(1, sizeof(*n));
        if (n) {
                n->kind = kind;
                n->offset = offset;
                n->types = types;
        }
        return n;
}

/* Takes @arg, also on failure. */
static int node_add(Node *n, Node *arg) {
        if (ARRAY_GROW(n->args, n->n_allocated, n->n_args + 1) < 0) {
                node_free(arg);
                return -ENOMEM;
        }
        n->args[n->n_args++] = arg;
        return 0;
}

bool node_has_argument(const Node *call, size_t i) {
        return i < call->n_args && call->args[i]->kind != NODE_EMPTY;
}

const char *node_literal_text(const Node *call, size_t i) {
        if (!node_has_argument(call, i) || call->args[i]->kind != NODE_LITERAL ||
            json_object_get_type(call->args[i]->literal) != json_type_string)
                return NULL;
        return json_object_get_string(call->args[i]->literal);
}

int check_failed(Parser *p, const Node *n, const char *message) {
        return syntax_error(p->ret_error, p->text, n->offset, "%s", message);
}

int check_positive(Parser *p, const Node *call, size_t i, const char *message) {
        if (call->args[i]->kind == NODE_LITERAL && json_object_get_int64(call->args[i]->literal) < 1)
                return check_failed(p, call->args[i], message);
        return 0;
}

/* ---- parsing ---- */

static int parse_expression(Parser *p, Node **ret);

static void skip_space(Parser *p) {
        p->offset = syntax_skip_space(p->text, p->offset);
}

static int enter(Parser *p) {
        if (++p->depth > SYNTAX_DEPTH_MAX)
                return syntax_error(p->ret_error, p->text, p->offset, "nested too deeply: at most %u levels",
                                    SYNTAX_DEPTH_MAX);
        return 0;
}

static int parse_string(Parser *p, Node **ret) {
        _cleanup_(node_freep) Node *n = NULL;
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;
        int r;

        n = node_new(NODE_LITERAL, p->offset, TYPE_STRING);
        if (!n)
                return -ENOMEM;
        r = syntax_string(p->text, &p->offset, &b, p->ret_error);
        if (r < 0)
                return r;
        n->literal = json_object_new_string_len(strempty(b.data), (int) b.size);
        if (!n->literal)
                return -ENOMEM;
        *ret = TAKE_PTR(n);
        return 0;
}

static int parse_number(Parser *p, Node **ret) {
        _cleanup_(node_freep) Node *n = NULL;
        int r;

        n = node_new(NODE_LITERAL, p->offset, TYPE_NUMBER);
        if (!n)
                return -ENOMEM;
        if (p->text[p->offset] == '&') {
                size_t i = p->offset + 2;
                int64_t v = 0;

                if (p->text[i - 1] != 'H' && p->text[i - 1] != 'h')
                        return syntax_error(p->ret_error, p->text, p->offset, "a hexadecimal number begins with &H");
                for (;; i++) {
                        static const char hex[] = "0123456789abcdef";
                        const char *digit =
                                p->text[i] ? strchr(hex, (int) char_to_lower((unsigned char) p->text[i])) : NULL;

                        if (!digit)
                                break;
                        if (i >= p->offset + 2 + 15)
                                return syntax_error(p->ret_error, p->text, i,
                                                    "a hexadecimal number has at most 15 digits");
                        v = v << 4 | (digit - hex);
                }
                if (i == p->offset + 2)
                        return syntax_error(p->ret_error, p->text, i, "expected hexadecimal digits after &H");
                p->offset = i;
                n->literal = json_object_new_int64(v);
                if (!n->literal)
                        return -ENOMEM;
        } else {
                r = syntax_number(p->text, &p->offset, &n->literal, p->ret_error);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(n);
        return 0;
}

/* Function names are matched with case, as the reference does; a slip is answered with the right spelling. */
static int find_function(Parser *p, size_t offset, size_t size, const Function **ret) {
        const char *name = p->text + offset, *similar = NULL;

        for (size_t t = 0; t < ELEMENTSOF(function_tables); t++)
                for (const Function *f = function_tables[t]; f->name; f++) {
                        if (strlen(f->name) != size)
                                continue;
                        if (memcmp(f->name, name, size) == 0) {
                                *ret = f;
                                return 0;
                        }
                        if (ascii_strncaseeq(f->name, name, size))
                                similar = f->name;
                }
        if (similar)
                return syntax_error(p->ret_error, p->text, offset, "unknown function: write %s", similar);
        return syntax_error(p->ret_error, p->text, offset, "there is no function %.*s", (int) MIN2(size, 40U), name);
}

static const Parameter *parameter_of(const Function *f, size_t i) {
        size_t n = 0;

        while (n < PARAMETERS_MAX && f->parameters[n].name)
                n++;
        if (i < n)
                return &f->parameters[i];
        return f->repeat > 0 ? &f->parameters[n - f->repeat + (i - n) % f->repeat] : NULL;
}

/* "Left(String, NumChars)", "Join(separator, source, …)" */
static void print_signature(const Function *f, StrBuf *b) {
        strbuf_printf(b, "%s(", f->name);
        for (size_t i = 0; i < PARAMETERS_MAX && f->parameters[i].name; i++)
                strbuf_printf(b, "%s%s%s", i > 0 ? ", " : "", f->parameters[i].name,
                              f->parameters[i].optional ? "?" : "");
        strbuf_puts(b, f->repeat > 0 ? ", …)" : ")");
}

static const struct {
        unsigned types;
        const char *what;
} accepted[] = {
        [PARAMETER_ANY] = {TYPE_ANY, "a value"},
        [PARAMETER_TEXT] = {TYPE_NULL | TYPE_BOOLEAN | TYPE_NUMBER | TYPE_STRING, "a text"},
        [PARAMETER_INTEGER] = {TYPE_NUMBER | TYPE_STRING, "a whole number"},
        [PARAMETER_BOOLEAN] = {TYPE_NULL | TYPE_BOOLEAN | TYPE_NUMBER | TYPE_STRING, "true or false"},
        [PARAMETER_DATE] = {TYPE_NULL | TYPE_STRING, "a date, such as CDate(…), Now() or \"2020-03-16\""},
        [PARAMETER_UNIT] = {TYPE_STRING, "one of \"yyyy\", \"m\", \"d\", \"ww\", \"h\", \"n\", \"s\""},
        [PARAMETER_FORMAT] = {TYPE_STRING, "a date format, such as \"yyyy-MM-dd\""},
        [PARAMETER_INPUT_FORMAT] = {TYPE_STRING, "a date format, such as \"yyyy-MM-dd\""},
        [PARAMETER_STYLES] = {TYPE_STRING,
                              "a list of DateTimeStyles, such as \"AllowLeadingWhite, AllowTrailingWhite\""},
        [PARAMETER_COMPARE_TYPE] = {TYPE_ANY, "vbBinaryCompare or vbTextCompare"},
        [PARAMETER_PATTERN] = {TYPE_STRING, "a regular expression in quotation marks"},
        [PARAMETER_CULTURE] = {TYPE_STRING, "the tag of a language, such as \"tr-TR\""},
};

static int refuse_argument(Parser *p, const Node *call, size_t i, const Parameter *parameter) {
        return syntax_error(p->ret_error, p->text, call->args[i]->offset, "argument %zu (%s) of %s must be %s", i + 1,
                            parameter->name, call->function->name, accepted[parameter->kind].what);
}

static bool is_language_tag(const char *s) {
        size_t n = 0;

        for (; *s; s++) {
                if (*s == '-' && n > 0)
                        n = 0;
                else if ((syntax_is_name_start(*s) && *s != '$') || (*s >= '0' && *s <= '9'))
                        n++;
                else
                        return false;
                if (n > 8)
                        return false;
        }
        return true;
}

/* What can be said of a literal beyond its type. */
static int check_literal(Parser *p, Node *call, size_t i, const Parameter *parameter) {
        const Node *arg = call->args[i];
        const char *text = node_literal_text(call, i), *reason;
        bool is_integer = true, is_number = true, ok = true;
        int64_t ignored;
        double d;
        size_t offset;

        switch (parameter->kind) {
        case PARAMETER_ANY:
        case PARAMETER_TEXT:
                return 0;
        case PARAMETER_INTEGER:
                if (text)
                        is_number = number_from_text(text, strlen(text), &is_integer, &ignored, &d);
                ok = is_number && is_integer && (text || json_object_get_type(arg->literal) == json_type_int);
                break;
        case PARAMETER_BOOLEAN:
                ok = !text || text_to_boolean(text, strlen(text)) >= 0;
                break;
        case PARAMETER_DATE:
                ok = !text || date_parse(text, strlen(text), &ignored);
                break;
        case PARAMETER_UNIT:
                ok = text && date_unit_from_string(text, strlen(text)) >= 0;
                break;
        case PARAMETER_FORMAT:
        case PARAMETER_INPUT_FORMAT:
                reason = date_pattern_check(text, parameter->kind == PARAMETER_INPUT_FORMAT, &offset);
                if (reason)
                        return syntax_error(p->ret_error, p->text, arg->offset + 1 + offset, "%s", reason);
                break;
        case PARAMETER_CULTURE:
                ok = is_language_tag(text);
                break;
        case PARAMETER_COMPARE_TYPE:
        case PARAMETER_STYLES:
        case PARAMETER_PATTERN:
                break;
        }
        return ok ? 0 : refuse_argument(p, call, i, parameter);
}

/* A function that gives a list, or null where its source is null, is no good as a text: null alone excuses nothing.
 */
static unsigned sure_types(const Node *n) {
        return n->types & ~(unsigned) TYPE_NULL ? n->types & ~(unsigned) TYPE_NULL : n->types;
}

static int check_call(Parser *p, Node *call) {
        const Function *f = call->function;
        _cleanup_strbuf_ StrBuf signature = STRBUF_INIT;
        size_t required = 0, n = 0;

        for (; n < PARAMETERS_MAX && f->parameters[n].name; n++)
                if (!f->parameters[n].optional)
                        required = n + 1;
        print_signature(f, &signature);
        if (strbuf_check(&signature) < 0)
                return -ENOMEM;
        if (call->n_args < required || (f->repeat == 0 && call->n_args > n))
                return syntax_error(p->ret_error, p->text, call->offset, "%s takes %s%zu argument%s, not %zu: %s",
                                    f->name,
                                    f->repeat > 0  ? "at least "
                                    : required < n ? "up to "
                                                   : "",
                                    f->repeat > 0 ? required : n, (f->repeat > 0 ? required : n) == 1 ? "" : "s",
                                    call->n_args, signature.data);
        if (f->repeat > 1 && (call->n_args - (n - f->repeat)) % f->repeat != 0)
                return syntax_error(p->ret_error, p->text, call->offset, "the last argument of %s has no partner: %s",
                                    f->name, signature.data);
        for (size_t i = 0; i < call->n_args; i++) {
                const Parameter *parameter = parameter_of(f, i);
                Node *arg = call->args[i];
                int r;

                if (arg->kind == NODE_EMPTY) {
                        if (!parameter->optional)
                                return syntax_error(p->ret_error, p->text, arg->offset,
                                                    "argument %zu (%s) is missing: %s", i + 1, parameter->name,
                                                    signature.data);
                        continue;
                }
                /* The two words look like attributes; only here they are not. */
                if (parameter->kind == PARAMETER_COMPARE_TYPE) {
                        const char *name = arg->kind == NODE_ATTRIBUTE ? attribute_path_text(arg->path) : "";

                        if (!streq(name, "vbTextCompare") && !streq(name, "vbBinaryCompare"))
                                return refuse_argument(p, call, i, parameter);
                        continue;
                }
                if ((sure_types(arg) & accepted[parameter->kind].types) == 0)
                        return refuse_argument(p, call, i, parameter);
                if (arg->kind != NODE_LITERAL &&
                    (parameter->kind == PARAMETER_PATTERN || parameter->kind == PARAMETER_STYLES ||
                     parameter->kind == PARAMETER_INPUT_FORMAT))
                        return syntax_error(p->ret_error, p->text, arg->offset,
                                            "argument %zu (%s) of %s must stand there in quotation marks", i + 1,
                                            parameter->name, f->name);
                if (arg->kind == NODE_LITERAL) {
                        r = check_literal(p, call, i, parameter);
                        if (r < 0)
                                return r;
                }
        }
        p->uses |= f->uses;
        return f->check ? f->check(p, call) : 0;
}

static int parse_call(Parser *p, size_t name_size, Node **ret) {
        _cleanup_(node_freep) Node *n = NULL;
        int r;

        n = node_new(NODE_CALL, p->offset, TYPE_ANY);
        if (!n)
                return -ENOMEM;
        r = find_function(p, p->offset, name_size, &n->function);
        if (r < 0)
                return r;
        n->types = n->function->types;
        /* An inner call would be asked for a value that is not the one that has to be unique. */
        if ((n->function->uses & EXPRESSION_USES_UNIQUE) && p->depth > 0)
                return syntax_error(p->ret_error, p->text, p->offset, "%s must be the outermost function",
                                    n->function->name);
        p->offset += name_size;
        skip_space(p);
        r = enter(p);
        if (r < 0)
                return r;
        p->offset++;
        for (;;) {
                Node *arg = NULL;

                skip_space(p);
                if (p->text[p->offset] == ')' && n->n_args == 0)
                        break;
                if (p->text[p->offset] == ',' || p->text[p->offset] == ')') {
                        arg = node_new(NODE_EMPTY, p->offset, TYPE_NULL);
                        if (!arg)
                                return -ENOMEM;
                } else {
                        r = parse_expression(p, &arg);
                        if (r < 0)
                                return r;
                }
                r = node_add(n, arg);
                if (r < 0)
                        return r;
                skip_space(p);
                if (p->text[p->offset] == ')')
                        break;
                if (p->text[p->offset] != ',')
                        return syntax_error(p->ret_error, p->text, p->offset, "expected \",\" or the \")\" of %s",
                                            n->function->name);
                p->offset++;
        }
        p->offset++;
        p->depth--;
        r = check_call(p, n);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(n);
        return 0;
}

/* A bare attribute, or what looks like one. */
static int finish_attribute(Parser *p, size_t offset, AttributePath *path, Node **ret) {
        static const struct {
                const char *name;
                NodeKind kind;
                unsigned types, uses;
        } words[] = {
                { "IsSoftDeleted", NODE_SOFT_DELETED, TYPE_BOOLEAN, EXPRESSION_USES_SOFT_DELETED },
                { "IsBlocked", NODE_BLOCKED, TYPE_BOOLEAN, EXPRESSION_USES_BLOCKED },
        };
        NodeKind kind = NODE_ATTRIBUTE;
        unsigned types = TYPE_ANY;

        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                if (ascii_strcaseeq(attribute_path_text(path), words[i].name)) {
                        kind = words[i].kind;
                        types = words[i].types;
                        p->uses |= words[i].uses;
                }
        *ret = node_new(kind, offset, types);
        if (!*ret) {
                attribute_path_free(path);
                return -ENOMEM;
        }
        (*ret)->path = path;
        return 0;
}

/* [attribute], or any key of the record that needs brackets: [Employee Number] */
static int parse_bracketed(Parser *p, Node **ret) {
        AttributePath *path = NULL;
        size_t start = p->offset, i = syntax_skip_space(p->text, start + 1), end = i;
        int r;

        while (p->text[end] && p->text[end] != '[' && p->text[end] != ']')
                end++;
        if (p->text[end] == '[') {
                r = attribute_path_parse_part(p->text, &i, &path, p->ret_error);
                if (r < 0)
                        return r;
                i = syntax_skip_space(p->text, i);
        } else {
                r = attribute_path_parse_part(p->text, &i, &path, NULL);
                if (r == -ENOMEM)
                        return r;
                i = syntax_skip_space(p->text, i);
                if (r < 0 || p->text[i] != ']') {
                        path = attribute_path_free(path);
                        i = syntax_skip_space(p->text, start + 1);
                        while (end > i && syntax_is_space(p->text[end - 1]))
                                end--;
                        if (end == i)
                                return syntax_error(p->ret_error, p->text, i,
                                                    "expected the name of an attribute in [ ]");
                        path = attribute_path_new_flat(p->text + i, end - i);
                        if (!path)
                                return -ENOMEM;
                        i = syntax_skip_space(p->text, end);
                }
        }
        if (p->text[i] != ']') {
                attribute_path_free(path);
                return syntax_error(p->ret_error, p->text, i, "expected the \"]\" that closes column %zu",
                                    utf8_count(p->text, start) + 1);
        }
        p->offset = i + 1;
        return finish_attribute(p, start, path, ret);
}

static int parse_operand(Parser *p, Node **ret) {
        AttributePath *path = NULL;
        const char *s;
        size_t n, start;
        int r;

        skip_space(p);
        start = p->offset;
        s = p->text + start;
        if (*s == '"')
                return parse_string(p, ret);
        if (*s == '-' || *s == '&' || (*s >= '0' && *s <= '9'))
                return parse_number(p, ret);
        if (*s == '[')
                return parse_bracketed(p, ret);
        if (*s == '(') {
                r = enter(p);
                if (r < 0)
                        return r;
                p->offset++;
                r = parse_expression(p, ret);
                if (r < 0)
                        return r;
                skip_space(p);
                if (p->text[p->offset] != ')') {
                        *ret = node_free(*ret);
                        return syntax_error(p->ret_error, p->text, p->offset,
                                            "expected the \")\" that closes column %zu",
                                            utf8_count(p->text, start) + 1);
                }
                p->offset++;
                p->depth--;
                return 0;
        }
        if (*s == '\'')
                return syntax_error(p->ret_error, p->text, start, "a string stands in \"double\" quotation marks");
        n = syntax_name_length(s);
        if (n == 0)
                return syntax_error(
                        p->ret_error, p->text, start,
                        "expected a value: an attribute, \"string\", number, true, false, null or a function");
        if (s[syntax_skip_space(s, n)] == '(')
                return parse_call(p, n, ret);
        for (size_t i = 0; i < 3; i++) {
                static const char *const words[] = { "true", "false", "null" };

                if (n != strlen(words[i]) || !ascii_strncaseeq(s, words[i], n) || (s[n] && strchr(".:[", s[n])))
                        continue;
                *ret = node_new(NODE_LITERAL, start, i == 2 ? TYPE_NULL : TYPE_BOOLEAN);
                if (!*ret)
                        return -ENOMEM;
                if (i < 2)
                        (*ret)->literal = json_object_new_boolean(i == 0);
                if (i < 2 && !(*ret)->literal) {
                        *ret = node_free(*ret);
                        return -ENOMEM;
                }
                p->offset += n;
                return 0;
        }
        r = attribute_path_parse_part(p->text, &p->offset, &path, p->ret_error);
        if (r < 0)
                return r;
        return finish_attribute(p, start, path, ret);
}

static bool at_comparison(const Parser *p, Comparison *ret, size_t *ret_size) {
        const char *s = p->text + p->offset;

        *ret_size = 0;
        for (Comparison c = 0; c < _COMPARISON_MAX; c++)
                if (startswith(s, comparison_names[c]) && strlen(comparison_names[c]) > *ret_size) {
                        *ret = c;
                        *ret_size = strlen(comparison_names[c]);
                }
        return *ret_size > 0;
}

static int parse_expression(Parser *p, Node **ret) {
        _cleanup_(node_freep) Node *left = NULL, *right = NULL, *n = NULL;
        Comparison comparison = 0;
        size_t size;
        int r;

        r = parse_operand(p, &left);
        if (r < 0)
                return r;
        skip_space(p);
        if (!at_comparison(p, &comparison, &size)) {
                const char *s = p->text + p->offset;

                for (size_t i = 0; i < 4; i++) {
                        static const struct {
                                const char *wrong, *right;
                        } habits[] = { { "and", "And(…, …)" }, { "or", "Or(…, …)" }, { "&", "Append(…, …) or Join(\"\", …)" },
                                       { "!=", "<>" } };
                        size_t k = strlen(habits[i].wrong);

                        if (ascii_strncaseeq(s, habits[i].wrong, k) && !syntax_is_name_char(s[k]))
                                return syntax_error(p->ret_error, p->text, p->offset, "write %s", habits[i].right);
                }
                *ret = TAKE_PTR(left);
                return 0;
        }
        n = node_new(NODE_COMPARISON, p->offset, TYPE_BOOLEAN);
        if (!n)
                return -ENOMEM;
        n->comparison = comparison;
        p->offset += size;
        /* The right side is an operand of this comparison: no SelectUniqueValue() there. */
        p->depth++;
        r = parse_operand(p, &right);
        p->depth--;
        if (r < 0)
                return r;
        if (left->kind == NODE_CALL && (left->function->uses & EXPRESSION_USES_UNIQUE))
                return syntax_error(p->ret_error, p->text, left->offset, "%s must be the outermost function",
                                    left->function->name);
        if (sure_types(left) == TYPE_LIST || sure_types(right) == TYPE_LIST)
                return syntax_error(p->ret_error, p->text, n->offset,
                                    "a list cannot be compared: take one of it with Item(…), or Join(…) it");
        r = node_add(n, TAKE_PTR(left));
        if (r < 0)
                return r;
        r = node_add(n, TAKE_PTR(right));
        if (r < 0)
                return r;
        skip_space(p);
        if (at_comparison(p, &comparison, &size))
                return syntax_error(p->ret_error, p->text, p->offset,
                                    "a comparison has two sides; join several with And(…, …)");
        *ret = TAKE_PTR(n);
        return 0;
}

int expression_parse(const char *text, Expression **ret, Error **ret_error) {
        _cleanup_(expression_freep) Expression *x = NULL;
        Parser p = { .text = text, .ret_error = ret_error };
        int r;

        r = syntax_check_text(text, "expression", ret_error);
        if (r < 0)
                return r;
        x = calloc(1, sizeof(*x));
        if (!x)
                return -ENOMEM;
        r = parse_expression(&p, &x->root);
        if (r < 0)
                return r;
        skip_space(&p);
        if (text[p.offset])
                return syntax_error(ret_error, text, p.offset, "the expression ends before this");
        x->uses = p.uses;
        *ret = TAKE_PTR(x);
        return 0;
}

unsigned expression_uses(const Expression *x) {
        return x->uses;
}

static int node_attributes(const Node *n, char ***l) {
        int r;

        if (n->kind == NODE_ATTRIBUTE && !strv_contains(*l, attribute_path_text(n->path))) {
                r = strv_extend(l, attribute_path_text(n->path));
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < n->n_args; i++) {
                if (n->kind == NODE_CALL && parameter_of(n->function, i)->kind == PARAMETER_COMPARE_TYPE)
                        continue;
                r = node_attributes(n->args[i], l);
                if (r < 0)
                        return r;
        }
        return 0;
}

int expression_attributes(const Expression *x, char ***l) {
        return node_attributes(x->root, l);
}

static int print_node(const Node *n, StrBuf *b) {
        bool parentheses;
        int r;

        switch (n->kind) {
        case NODE_EMPTY:
                return 0;
        case NODE_LITERAL:
                if (json_object_get_type(n->literal) == json_type_string)
                        strbuf_json(b, json_object_get_string(n->literal));
                else
                        strbuf_puts(b, json_object_to_json_string(n->literal));
                return strbuf_check(b);
        case NODE_ATTRIBUTE:
                strbuf_putc(b, '[');
                r = attribute_path_canonical(n->path, b);
                strbuf_putc(b, ']');
                return r;
        case NODE_SOFT_DELETED:
                strbuf_puts(b, "IsSoftDeleted");
                return strbuf_check(b);
        case NODE_BLOCKED:
                strbuf_puts(b, "IsBlocked");
                return strbuf_check(b);
        case NODE_CALL:
                strbuf_printf(b, "%s(", n->function->name);
                for (size_t i = 0; i < n->n_args; i++) {
                        if (i > 0)
                                strbuf_putc(b, ',');
                        if (node_has_argument(n, i) && parameter_of(n->function, i)->kind == PARAMETER_COMPARE_TYPE) {
                                strbuf_puts(b, attribute_path_text(n->args[i]->path));
                                continue;
                        }
                        r = print_node(n->args[i], b);
                        if (r < 0)
                                return r;
                }
                strbuf_putc(b, ')');
                return strbuf_check(b);
        case NODE_COMPARISON:
                for (size_t i = 0; i < 2; i++) {
                        if (i > 0)
                                strbuf_puts(b, comparison_names[n->comparison]);
                        parentheses = n->args[i]->kind == NODE_COMPARISON;
                        if (parentheses)
                                strbuf_putc(b, '(');
                        r = print_node(n->args[i], b);
                        if (r < 0)
                                return r;
                        if (parentheses)
                                strbuf_putc(b, ')');
                }
                return strbuf_check(b);
        }
        return 0;
}

int expression_canonical(const Expression *x, StrBuf *out) {
        return print_node(x->root, out);
}

int expression_evaluate(const Expression *x, const ExpressionContext *context, json_object **ret, Error **ret_error) {
        Evaluation e = { .context = context, .ret_error = ret_error };
        json_object *v = NULL;
        int r;

        r = evaluate(&e, x->root, &v);
        if (r != 0) {
                json_object_put(v);
                return r;
        }
        *ret = v;
        return 0;
}

int expression_evaluate_boolean(const Expression *x, const ExpressionContext *context, bool *ret, Error **ret_error) {
        Evaluation e = { .context = context, .ret_error = ret_error };
        _cleanup_text_ Text t = {};
        json_object *v = NULL;
        int r;

        r = evaluate(&e, x->root, &v);
        if (r == EXPRESSION_E_SKIP) {
                *ret = false;
                return 0;
        }
        if (r != 0)
                return r;
        r = value_to_text(&e, x->root, v, &t);
        if (r != 0)
                return r;
        r = t.size > 0 ? text_to_boolean(t.s, t.size) : 0;
        if (r < 0)
                return evaluation_fail(&e, x->root, "the value is neither true nor false");
        *ret = r;
        return 0;
}
