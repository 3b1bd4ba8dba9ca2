/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "filter.h"

#include <errno.h>

#include "attribute-name.h"
#include "datetime.h"
#include "object.h"
#include "syntax.h"
#include "unicode.h"

typedef enum FilterKind {
        FILTER_AND,
        FILTER_OR,
        FILTER_NOT,
        FILTER_VALUE_PATH,      /* name[child] */
        FILTER_PRESENT,
        FILTER_COMPARE,
} FilterKind;

typedef enum FilterOperator {
        FILTER_EQ,
        FILTER_NE,
        FILTER_CO,
        FILTER_SW,
        FILTER_EW,
        FILTER_GT,
        FILTER_GE,
        FILTER_LT,
        FILTER_LE,
        _FILTER_OPERATOR_MAX,
} FilterOperator;

static const char *const operator_names[_FILTER_OPERATOR_MAX] = {
        [FILTER_EQ] = "eq", [FILTER_NE] = "ne", [FILTER_CO] = "co", [FILTER_SW] = "sw", [FILTER_EW] = "ew",
        [FILTER_GT] = "gt", [FILTER_GE] = "ge", [FILTER_LT] = "lt", [FILTER_LE] = "le",
};

/* The value to the right of an operator, with what comparing needs computed once. */
typedef struct Literal {
        json_type type;                 /* null, boolean, int, double or string */
        bool boolean;
        bool is_number;                 /* a number, or a string that reads as one */
        bool is_integer;
        bool is_instant;                /* a string that is an RFC 3339 date-time */
        int64_t integer;
        double number;
        int64_t instant;
        char *text;                     /* a string's content; a number as it was written */
        size_t size;
        uint32_t *folded;               /* the string's characters, folded */
        size_t *back; /* for co: length of the longest border of each prefix (Knuth, Morris, Pratt) */
        size_t n_folded;
} Literal;

struct Filter {
        FilterKind kind;
        Filter **children; /* and, or: two or more, never of the same kind as the parent; not, value path: one */
        size_t n_children, n_allocated;
        AttributeName name;
        bool case_exact;
        FilterOperator op;
        Literal literal;
};

Filter *filter_free(Filter *f) {
        if (!f)
                return NULL;
        for (size_t i = 0; i < f->n_children; i++)
                filter_free(f->children[i]);
        free(f->children);
        attribute_name_done(&f->name);
        free(f->literal.text);
        free(f->literal.folded);
        free(f->literal.back);
        free(f);
        return NULL;
}

static Filter *filter_new(FilterKind kind) {
        Filter *f;

        f = calloc(1, sizeof(*f));
        if (f)
                f->kind = kind;
        return f;
}

/* Takes @child, also on failure. A child of the same associative kind is merged, so that depth is nesting only. */
static int filter_add_child(Filter *f, Filter *child) {
        if (child->kind == f->kind && (f->kind == FILTER_AND || f->kind == FILTER_OR)) {
                if (ARRAY_GROW(f->children, f->n_allocated, f->n_children + child->n_children) < 0)
                        goto oom;
                for (size_t i = 0; i < child->n_children; i++)
                        f->children[f->n_children++] = child->children[i];
                child->n_children = 0;
                filter_free(child);
                return 0;
        }
        if (ARRAY_GROW(f->children, f->n_allocated, f->n_children + 1) < 0)
                goto oom;
        f->children[f->n_children++] = child;
        return 0;
oom:
        filter_free(child);
        return -ENOMEM;
}

/* ---- parsing ---- */

typedef struct Parser {
        const char *text;
        size_t offset;
        unsigned depth;
        bool in_brackets;
        bool parent_case_exact;         /* of the attribute whose brackets we are in */
        Error **ret_error;
} Parser;

static int parse_or(Parser *p, Filter **ret);

static void skip_space(Parser *p) {
        p->offset = syntax_skip_space(p->text, p->offset);
}

/* Whether the next word is @word; nothing moves. */
static bool at_word(const Parser *p, const char *word) {
        size_t n = strlen(word);

        return ascii_strncaseeq(p->text + p->offset, word, n) && !syntax_is_name_char(p->text[p->offset + n]);
}

static int literal_set_string(Literal *l) {
        uint32_t c;

        l->folded = calloc(l->size + 1, sizeof(*l->folded));
        l->back = calloc(l->size + 1, sizeof(*l->back));
        if (!l->folded || !l->back)
                return -ENOMEM;
        for (size_t i = 0; i < l->size;) {
                i += utf8_next(l->text + i, l->size - i, &c);
                l->folded[l->n_folded++] = char_fold(c);
        }
        for (size_t i = 1, k = 0; i < l->n_folded; i++) {
                while (k > 0 && l->folded[i] != l->folded[k])
                        k = l->back[k - 1];
                if (l->folded[i] == l->folded[k])
                        k++;
                l->back[i] = k;
        }
        l->is_instant = date_parse_rfc3339(l->text, l->size, &l->instant);
        l->is_number = number_from_text(l->text, l->size, &l->is_integer, &l->integer, &l->number);
        return 0;
}

static int parse_literal(Parser *p, Literal *l) {
        const char *s = p->text + p->offset;
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;
        _cleanup_json_ json_object *number = NULL;
        size_t start = p->offset;
        int r;

        if (*s == '"') {
                r = syntax_string(p->text, &p->offset, &b, p->ret_error);
                if (r < 0)
                        return r;
                l->type = json_type_string;
                l->size = b.size;
                r = strbuf_steal(&b, &l->text);
                return r < 0 ? r : literal_set_string(l);
        }
        if (*s == '-' || (*s >= '0' && *s <= '9')) {
                r = syntax_number(p->text, &p->offset, &number, p->ret_error);
                if (r < 0)
                        return r;
                l->type = json_object_get_type(number);
                l->size = p->offset - start;
                l->text = strndup(s, l->size);
                if (!l->text)
                        return -ENOMEM;
                l->is_number = number_from_text(s, l->size, &l->is_integer, &l->integer, &l->number);
                return 0;
        }
        for (size_t i = 0; i < 3; i++) {
                static const char *const words[] = { "true", "false", "null" };
                size_t n = strlen(words[i]);

                if (!at_word(p, words[i]))
                        continue;
                if (strncmp(s, words[i], n) != 0)
                        return syntax_error(p->ret_error, p->text, start, "write %s in lower case", words[i]);
                l->type = i == 2 ? json_type_null : json_type_boolean;
                l->boolean = i == 0;
                p->offset += n;
                return 0;
        }
        if (*s == '\'')
                return syntax_error(p->ret_error, p->text, start, "a string stands in \"double\" quotation marks");
        if (syntax_is_name_char(*s) && !at_word(p, "and") && !at_word(p, "or")) {
                size_t n = 0;

                while (syntax_is_name_char(s[n]))
                        n++;
                return syntax_error(p->ret_error, p->text, start,
                                    "expected a value; a string stands in quotation marks: \"%.*s\"",
                                    (int) MIN2(n, 40U), s);
        }
        return syntax_error(p->ret_error, p->text, start,
                            "expected a value: \"string\", number, true, false or null");
}

static int parse_operator(Parser *p, FilterOperator *ret, bool *ret_present) {
        static const struct {
                const char *wrong, *right;
        } habits[] = {
                { "==", "eq" }, { "=", "eq" },  { "!=", "ne" }, { "<>", "ne" }, { "<=", "le" },
                { "<", "lt" },  { ">=", "ge" }, { ">", "gt" },
        };
        const char *s = p->text + p->offset;

        *ret_present = at_word(p, "pr");
        if (*ret_present) {
                p->offset += 2;
                return 0;
        }
        for (FilterOperator op = 0; op < _FILTER_OPERATOR_MAX; op++)
                if (at_word(p, operator_names[op])) {
                        p->offset += 2;
                        *ret = op;
                        return 0;
                }
        for (size_t i = 0; i < ELEMENTSOF(habits); i++)
                if (startswith(s, habits[i].wrong))
                        return syntax_error(p->ret_error, p->text, p->offset, "write %s in the place of %s",
                                            habits[i].right, habits[i].wrong);
        return syntax_error(p->ret_error, p->text, p->offset,
                            "expected an operator after the attribute: eq, ne, co, sw, ew, gt, ge, lt, le or pr");
}

static int check_operand(Parser *p, FilterOperator op, json_type type, size_t place) {
        switch (op) {
        case FILTER_EQ:
        case FILTER_NE:
                return 0;
        case FILTER_CO:
        case FILTER_SW:
        case FILTER_EW:
                if (type == json_type_string)
                        return 0;
                return syntax_error(p->ret_error, p->text, place, "%s compares with a \"string\"",
                                    operator_names[op]);
        case FILTER_GT:
        case FILTER_GE:
        case FILTER_LT:
        case FILTER_LE:
                if (type != json_type_boolean && type != json_type_null)
                        return 0;
                return syntax_error(p->ret_error, p->text, place,
                                    "true, false and null have no order: %s compares with a number or a \"string\"; "
                                    "write eq or ne",
                                    operator_names[op]);
        case _FILTER_OPERATOR_MAX:
                break;
        }
        return 0;
}

/* "op value" or "pr" behind a name that was read already; takes the name. */
static int parse_comparison(Parser *p, AttributeName *name, Filter **ret) {
        _cleanup_(filter_freep) Filter *f = NULL;
        bool present;
        size_t place;
        int r;

        f = filter_new(FILTER_COMPARE);
        if (!f) {
                attribute_name_done(name);
                return -ENOMEM;
        }
        f->name = *name;
        *name = (AttributeName) {};
        f->case_exact = p->in_brackets ? p->parent_case_exact : attribute_name_is_case_exact(&f->name);

        skip_space(p);
        r = parse_operator(p, &f->op, &present);
        if (r < 0)
                return r;
        if (present)
                f->kind = FILTER_PRESENT;
        else {
                if (p->text[p->offset] && !syntax_is_space(p->text[p->offset]))
                        return syntax_error(p->ret_error, p->text, p->offset, "a space stands before the value");
                skip_space(p);
                place = p->offset;
                r = parse_literal(p, &f->literal);
                if (r < 0)
                        return r;
                r = check_operand(p, f->op, f->literal.type, place);
                if (r < 0)
                        return r;
        }
        if (p->text[p->offset] && !syntax_is_space(p->text[p->offset]) && !strchr(")]", p->text[p->offset]))
                return syntax_error(p->ret_error, p->text, p->offset, "expected a space, \")\" or the end");
        *ret = TAKE_PTR(f);
        return 0;
}

static int enter(Parser *p) {
        if (++p->depth > SYNTAX_DEPTH_MAX)
                return syntax_error(p->ret_error, p->text, p->offset, "nested too deeply: at most %u levels",
                                    SYNTAX_DEPTH_MAX);
        return 0;
}

/* The filter between @open at the current place and its @close. */
static int parse_enclosed(Parser *p, char close, Filter **ret) {
        _cleanup_(filter_freep) Filter *f = NULL;
        size_t open = p->offset;
        int r;

        r = enter(p);
        if (r < 0)
                return r;
        p->offset++;
        r = parse_or(p, &f);
        if (r < 0)
                return r;
        if (p->text[p->offset] != close)
                return syntax_error(p->ret_error, p->text, p->offset,
                                    "expected \"and\", \"or\" or the \"%c\" that closes column %zu", close,
                                    utf8_count(p->text, open) + 1);
        p->offset++;
        p->depth--;
        *ret = TAKE_PTR(f);
        return 0;
}

/* name[ … ], and behind it perhaps .name op value */
static int parse_value_path(Parser *p, AttributeName *name, Filter **ret) {
        _cleanup_(filter_freep) Filter *f = NULL, *child = NULL, *tail = NULL, *both = NULL;
        AttributeName sub = {};
        int r;

        f = filter_new(FILTER_VALUE_PATH);
        if (!f) {
                attribute_name_done(name);
                return -ENOMEM;
        }
        f->name = *name;
        *name = (AttributeName) {};
        if (p->in_brackets)
                return syntax_error(p->ret_error, p->text, p->offset,
                                    "brackets cannot stand in brackets: only names of sub-attributes do");

        p->in_brackets = true;
        p->parent_case_exact = attribute_name_is_case_exact(&f->name);
        r = parse_enclosed(p, ']', &child);
        if (r < 0)
                return r;
        if (p->text[p->offset] == '.') {
                p->offset++;
                r = attribute_name_parse(p->text, &p->offset, &sub, p->ret_error);
                if (r < 0)
                        return r;
                r = parse_comparison(p, &sub, &tail);
                if (r < 0)
                        return r;
                both = filter_new(FILTER_AND);
                if (!both)
                        return -ENOMEM;
                r = filter_add_child(both, TAKE_PTR(child));
                if (r < 0)
                        return r;
                r = filter_add_child(both, TAKE_PTR(tail));
                if (r < 0)
                        return r;
                child = TAKE_PTR(both);
        }
        p->in_brackets = false;
        r = filter_add_child(f, TAKE_PTR(child));
        if (r < 0)
                return r;
        *ret = TAKE_PTR(f);
        return 0;
}

static bool at_negation(const Parser *p) {
        const char *s = p->text + p->offset;

        if (!at_word(p, "not"))
                return false;
        s += 3;
        s += syntax_skip_space(s, 0);
        if (*s == '(')
                return true;
        /* Even "not" may be the name of an attribute: then an operator follows. */
        for (FilterOperator op = 0; op < _FILTER_OPERATOR_MAX; op++)
                if (ascii_strncaseeq(s, operator_names[op], 2) && !syntax_is_name_char(s[2]))
                        return false;
        return !(ascii_strncaseeq(s, "pr", 2) && !syntax_is_name_char(s[2]));
}

static int parse_term(Parser *p, Filter **ret) {
        _cleanup_(filter_freep) Filter *f = NULL, *child = NULL;
        AttributeName name = {};
        int r;

        skip_space(p);
        if (p->text[p->offset] == '(')
                return parse_enclosed(p, ')', ret);
        if (at_negation(p)) {
                p->offset += 3;
                skip_space(p);
                if (p->text[p->offset] != '(')
                        return syntax_error(p->ret_error, p->text, p->offset,
                                            "\"not\" stands before parentheses: not (…)");
                f = filter_new(FILTER_NOT);
                if (!f)
                        return -ENOMEM;
                r = parse_enclosed(p, ')', &child);
                if (r < 0)
                        return r;
                r = filter_add_child(f, TAKE_PTR(child));
                if (r < 0)
                        return r;
                *ret = TAKE_PTR(f);
                return 0;
        }
        r = attribute_name_parse(p->text, &p->offset, &name, p->ret_error);
        if (r < 0)
                return r;
        if (p->text[p->offset] == '[')
                return parse_value_path(p, &name, ret);
        if (p->text[p->offset] && !syntax_is_space(p->text[p->offset]) && !strchr("=!<>", p->text[p->offset])) {
                attribute_name_done(&name);
                return syntax_error(p->ret_error, p->text, p->offset, "expected a space and an operator");
        }
        return parse_comparison(p, &name, ret);
}

/* term *(@word term): both operators are associative, so that a chain is one node and not a deep tree. */
static int parse_chain(Parser *p, FilterKind kind, const char *word, int (*next)(Parser *p, Filter **ret),
                       Filter **ret) {
        _cleanup_(filter_freep) Filter *chain = NULL, *f = NULL;
        int r;

        r = next(p, &f);
        if (r < 0)
                return r;
        for (;;) {
                skip_space(p);
                if (!at_word(p, word))
                        break;
                p->offset += strlen(word);
                if (!chain) {
                        chain = filter_new(kind);
                        if (!chain)
                                return -ENOMEM;
                        r = filter_add_child(chain, TAKE_PTR(f));
                        if (r < 0)
                                return r;
                }
                r = next(p, &f);
                if (r < 0)
                        return r;
                r = filter_add_child(chain, TAKE_PTR(f));
                if (r < 0)
                        return r;
        }
        *ret = chain ? TAKE_PTR(chain) : TAKE_PTR(f);
        return 0;
}

static int parse_and(Parser *p, Filter **ret) {
        return parse_chain(p, FILTER_AND, "and", parse_term, ret);
}

static int parse_or(Parser *p, Filter **ret) {
        return parse_chain(p, FILTER_OR, "or", parse_and, ret);
}

int filter_parse(const char *text, Filter **ret, Error **ret_error) {
        _cleanup_(filter_freep) Filter *f = NULL;
        Parser p = { .text = text, .ret_error = ret_error };
        int r;

        r = syntax_check_text(text, "filter", ret_error);
        if (r < 0)
                return r;
        r = parse_or(&p, &f);
        if (r < 0)
                return r;
        if (p.text[p.offset] == ')' || p.text[p.offset] == ']')
                return syntax_error(ret_error, text, p.offset, "nothing is open that this \"%c\" could close",
                                    p.text[p.offset]);
        if (p.text[p.offset])
                return syntax_error(ret_error, text, p.offset, "expected \"and\", \"or\" or the end of the filter");
        *ret = TAKE_PTR(f);
        return 0;
}

int filter_parse_part(const char *text, size_t *offset, Filter **ret, Error **ret_error) {
        _cleanup_(filter_freep) Filter *f = NULL;
        Parser p = { .text = text, .offset = *offset, .in_brackets = true, .ret_error = ret_error };
        int r;

        r = parse_or(&p, &f);
        if (r < 0)
                return r;
        if (text[p.offset] != ']')
                return syntax_error(ret_error, text, p.offset, "expected \"and\", \"or\" or \"]\"");
        *offset = p.offset;
        *ret = TAKE_PTR(f);
        return 0;
}

/* ---- matching ---- */

typedef enum Order {
        ORDER_LESS,
        ORDER_EQUAL,
        ORDER_GREATER,
        ORDER_DIFFERENT,        /* not equal, and neither is the greater one */
} Order;

static Order order_from(int c) {
        return c < 0 ? ORDER_LESS : c > 0 ? ORDER_GREATER : ORDER_EQUAL;
}

/* The value as text: a string's own bytes, else printed into @buf or by json-c. */
static const char *value_text(json_object *v, char buf[static INTEGER_TEXT_MAX], size_t *ret_size) {
        const char *s = NULL;

        switch (json_object_get_type(v)) {
        case json_type_string:
                *ret_size = (size_t) json_object_get_string_len(v);
                return json_object_get_string(v);
        case json_type_boolean:
                s = json_object_get_boolean(v) ? "true" : "false";
                break;
        case json_type_int:
                s = integer_text(v, buf);
                break;
        case json_type_double:
                s = json_object_get_string(v);
                break;
        case json_type_null:
        case json_type_object:
        case json_type_array:
                break;
        }
        *ret_size = s ? strlen(s) : 0;
        return s;
}

static Order compare_texts(const Filter *f, const char *s, size_t size) {
        const Literal *l = &f->literal;
        int c;

        if (!f->case_exact)
                return order_from(text_compare_folded(s, size, l->text, l->size));
        c = memcmp(s, l->text, MIN2(size, l->size));
        return order_from(c != 0 ? c : (size > l->size) - (size < l->size));
}

static Order compare(const Filter *f, json_object *v) {
        const Literal *l = &f->literal;
        json_type type = json_object_get_type(v);
        char buf[INTEGER_TEXT_MAX];
        const char *s;
        size_t size;
        bool is_integer;
        int64_t integer = 0;
        double d = 0;

        if (type == json_type_null || l->type == json_type_null)
                return type == l->type ? ORDER_EQUAL : ORDER_DIFFERENT;
        s = value_text(v, buf, &size);
        if (!s)
                return ORDER_DIFFERENT;

        if (l->type == json_type_boolean) {
                const char *word = l->boolean ? "true" : "false";

                return size == strlen(word) && ascii_strncaseeq(s, word, size) ? ORDER_EQUAL : ORDER_DIFFERENT;
        }
        if (type == json_type_boolean)
                return compare_texts(f, s, size) == ORDER_EQUAL ? ORDER_EQUAL : ORDER_DIFFERENT;
        if (l->type != json_type_string || type != json_type_string) {
                if (l->is_number && number_from_text(s, size, &is_integer, &integer, &d))
                        return order_from(
                                numbers_compare(is_integer, integer, d, l->is_integer, l->integer, l->number));
                if (l->type != json_type_string)
                        return ORDER_DIFFERENT;
        }
        if (l->is_instant && date_parse_rfc3339(s, size, &integer))
                return order_from((integer > l->instant) - (integer < l->instant));
        return compare_texts(f, s, size);
}

/* Whether the folded literal is at the beginning of @s. */
static bool begins_with(const Literal *l, const char *s, size_t size) {
        size_t i = 0;
        uint32_t c;

        for (size_t k = 0; k < l->n_folded; k++) {
                if (i >= size)
                        return false;
                i += utf8_next(s + i, size - i, &c);
                if (char_fold(c) != l->folded[k])
                        return false;
        }
        return true;
}

static bool contains(const Literal *l, const char *s, size_t size) {
        size_t k = 0;
        uint32_t c;

        if (l->n_folded == 0)
                return true;
        for (size_t i = 0; i < size;) {
                i += utf8_next(s + i, size - i, &c);
                c = char_fold(c);
                while (k > 0 && c != l->folded[k])
                        k = l->back[k - 1];
                if (c == l->folded[k] && ++k == l->n_folded)
                        return true;
        }
        return false;
}

static bool part_matches(const Filter *f, json_object *v) {
        const Literal *l = &f->literal;
        char buf[INTEGER_TEXT_MAX];
        const char *s;
        size_t size, n;

        s = value_text(v, buf, &size);
        if (!s)
                return false;
        if (f->case_exact) {
                if (size < l->size)
                        return false;
                if (f->op == FILTER_CO)
                        return memmem(s, size, l->text, l->size);
                return memcmp(f->op == FILTER_SW ? s : s + size - l->size, l->text, l->size) == 0;
        }
        if (f->op == FILTER_CO)
                return contains(l, s, size);
        if (f->op == FILTER_SW)
                return begins_with(l, s, size);
        n = utf8_count(s, size);
        if (n < l->n_folded)
                return false;
        n = utf8_offset(s, size, n - l->n_folded);
        return begins_with(l, s + n, size - n);
}

static bool value_matches(json_object *v, void *userdata) {
        const Filter *f = userdata;
        Order order;

        if (json_object_get_type(v) == json_type_object)
                v = json_get_member(v, "value");
        switch (f->op) {
        case FILTER_EQ:
                return compare(f, v) == ORDER_EQUAL;
        case FILTER_NE:
                return compare(f, v) != ORDER_EQUAL;
        case FILTER_CO:
        case FILTER_SW:
        case FILTER_EW:
                return part_matches(f, v);
        case FILTER_GT:
        case FILTER_GE:
        case FILTER_LT:
        case FILTER_LE:
                /* Booleans have no order (RFC 7644 table 3). */
                if (json_object_get_type(v) == json_type_boolean)
                        return false;
                order = compare(f, v);
                return (order == ORDER_EQUAL && (f->op == FILTER_GE || f->op == FILTER_LE)) ||
                       (order == ORDER_GREATER && (f->op == FILTER_GT || f->op == FILTER_GE)) ||
                       (order == ORDER_LESS && (f->op == FILTER_LT || f->op == FILTER_LE));
        case _FILTER_OPERATOR_MAX:
                break;
        }
        return false;
}

/* "Non-empty or non-null value, or … a non-empty node for complex attributes" (RFC 7644 table 3). */
static bool value_is_present(json_object *v, void *userdata) {
        struct lh_entry *e;

        switch (json_object_get_type(v)) {
        case json_type_null:
                return false;
        case json_type_string:
                return json_object_get_string_len(v) > 0;
        case json_type_object:
                lh_foreach(json_object_get_object(v), e) {
                        json_object *member = (json_object *) lh_entry_v(e);

                        if (json_object_get_type(member) == json_type_string ? json_object_get_string_len(member) > 0
                                                                             : !json_is_unassigned(member))
                                return true;
                }
                return false;
        case json_type_array:
                return !json_is_unassigned(v);
        case json_type_boolean:
        case json_type_int:
        case json_type_double:
                return true;
        }
        return false;
}

static bool element_matches(json_object *element, void *userdata) {
        return element && filter_matches(userdata, element);
}

bool filter_matches(const Filter *f, json_object *record) {
        switch (f->kind) {
        case FILTER_AND:
                for (size_t i = 0; i < f->n_children; i++)
                        if (!filter_matches(f->children[i], record))
                                return false;
                return true;
        case FILTER_OR:
                for (size_t i = 0; i < f->n_children; i++)
                        if (filter_matches(f->children[i], record))
                                return true;
                return false;
        case FILTER_NOT:
                return !filter_matches(f->children[0], record);
        case FILTER_VALUE_PATH:
                return attribute_name_any(&f->name, record, element_matches, f->children[0]);
        case FILTER_PRESENT:
                return attribute_name_any(&f->name, record, value_is_present, NULL);
        case FILTER_COMPARE:
                return attribute_name_any(&f->name, record, value_matches, (void *) f);
        }
        return false;
}

/* ---- normal form ---- */

static void print_lower(StrBuf *b, const char *s) {
        for (; *s; s++)
                strbuf_putc(b, *s >= 'A' && *s <= 'Z' ? (char) (*s + 32) : *s);
}

static void print_filter(const Filter *f, StrBuf *b, FilterKind parent) {
        bool parentheses = f->kind == FILTER_OR && parent == FILTER_AND;

        switch (f->kind) {
        case FILTER_AND:
        case FILTER_OR:
                if (parentheses)
                        strbuf_putc(b, '(');
                for (size_t i = 0; i < f->n_children; i++) {
                        if (i > 0)
                                strbuf_puts(b, f->kind == FILTER_AND ? " and " : " or ");
                        print_filter(f->children[i], b, f->kind);
                }
                if (parentheses)
                        strbuf_putc(b, ')');
                return;
        case FILTER_NOT:
                strbuf_puts(b, "not (");
                print_filter(f->children[0], b, f->kind);
                strbuf_putc(b, ')');
                return;
        case FILTER_VALUE_PATH:
                print_lower(b, f->name.text);
                strbuf_putc(b, '[');
                print_filter(f->children[0], b, f->kind);
                strbuf_putc(b, ']');
                return;
        case FILTER_PRESENT:
                print_lower(b, f->name.text);
                strbuf_puts(b, " pr");
                return;
        case FILTER_COMPARE:
                print_lower(b, f->name.text);
                strbuf_printf(b, " %s ", operator_names[f->op]);
                if (f->literal.type == json_type_string)
                        strbuf_json(b, f->literal.text);
                else if (f->literal.type == json_type_null)
                        strbuf_puts(b, "null");
                else if (f->literal.type == json_type_boolean)
                        strbuf_puts(b, f->literal.boolean ? "true" : "false");
                else
                        strbuf_puts(b, f->literal.text);
                return;
        }
}

int filter_canonical(const Filter *f, char **ret) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;

        print_filter(f, &b, FILTER_OR);
        return strbuf_steal(&b, ret);
}

int filter_attributes(const Filter *f, char ***l) {
        int r;

        if (f->name.text && !strv_contains(*l, f->name.text)) {
                r = strv_extend(l, f->name.text);
                if (r < 0)
                        return r;
        }
        /* What stands in brackets are sub-attributes of the name before them. */
        for (size_t i = 0; f->kind != FILTER_VALUE_PATH && i < f->n_children; i++) {
                r = filter_attributes(f->children[i], l);
                if (r < 0)
                        return r;
        }
        return 0;
}

static bool is_example(const Filter *f) {
        if (f->kind == FILTER_AND) {
                for (size_t i = 0; i < f->n_children; i++)
                        if (!is_example(f->children[i]))
                                return false;
                return true;
        }
        return f->kind == FILTER_COMPARE && f->op == FILTER_EQ && f->name.n_parts == 1 && !f->name.urn;
}

int filter_make_example(const Filter *f, json_object *element, bool *ret_possible) {
        const Literal *l = &f->literal;
        json_object *v = NULL;
        int r;

        *ret_possible = is_example(f);
        if (!*ret_possible || !element)
                return 0;
        if (f->kind == FILTER_AND) {
                for (size_t i = 0; i < f->n_children; i++) {
                        r = filter_make_example(f->children[i], element, ret_possible);
                        if (r < 0)
                                return r;
                }
                return 0;
        }
        if (l->type == json_type_string)
                v = json_object_new_string_len(l->text, (int) l->size);
        else if (l->type == json_type_boolean)
                v = json_object_new_boolean(l->boolean);
        else if (l->type == json_type_int)
                v = json_object_new_int64(l->integer);
        else if (l->type == json_type_double)
                v = json_object_new_double_s(l->number, l->text);
        if ((!v && l->type != json_type_null) || json_object_object_add(element, f->name.parts[0], v) < 0) {
                json_object_put(v);
                return -ENOMEM;
        }
        return 0;
}
