/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "attribute-path.h"

#include <errno.h>

#include "attribute-name.h"
#include "filter.h"
#include "object.h"
#include "syntax.h"

struct AttributePath {
        AttributeName name;
        Filter *filter;         /* NULL: no brackets */
        AttributeName sub;      /* behind the brackets; n_parts is 0 or 1 */
        char *text;
};

AttributePath *attribute_path_free(AttributePath *p) {
        if (!p)
                return NULL;
        attribute_name_done(&p->name);
        filter_free(p->filter);
        attribute_name_done(&p->sub);
        free(p->text);
        free(p);
        return NULL;
}

int attribute_path_parse_part(const char *text, size_t *offset, AttributePath **ret, Error **ret_error) {
        _cleanup_(attribute_path_freep) AttributePath *p = NULL;
        size_t start = *offset, i = start;
        int r;

        p = calloc(1, sizeof(*p));
        if (!p)
                return -ENOMEM;
        r = attribute_name_parse(text, &i, &p->name, ret_error);
        if (r < 0)
                return r;
        if (text[i] == '[') {
                i++;
                r = filter_parse_part(text, &i, &p->filter, ret_error);
                if (r < 0)
                        return r;
                i++;
                if (text[i] == '.') {
                        size_t sub = ++i;

                        r = attribute_name_parse(text, &i, &p->sub, ret_error);
                        if (r < 0)
                                return r;
                        if (p->sub.n_parts > 1 || p->sub.urn)
                                return syntax_error(ret_error, text, sub,
                                                    "one sub-attribute follows the brackets, such as .value");
                }
        }
        p->text = strndup(text + start, i - start);
        if (!p->text)
                return -ENOMEM;
        *offset = i;
        *ret = TAKE_PTR(p);
        return 0;
}

int attribute_path_parse(const char *text, AttributePath **ret, Error **ret_error) {
        _cleanup_(attribute_path_freep) AttributePath *p = NULL;
        size_t i;
        int r;

        r = syntax_check_text(text, "attribute", ret_error);
        if (r < 0)
                return r;
        i = syntax_skip_space(text, 0);
        r = attribute_path_parse_part(text, &i, &p, ret_error);
        if (r < 0)
                return r;
        i = syntax_skip_space(text, i);
        if (text[i])
                return syntax_error(ret_error, text, i, "the attribute ends before this");
        *ret = TAKE_PTR(p);
        return 0;
}

AttributePath *attribute_path_new_flat(const char *key, size_t size) {
        _cleanup_(attribute_path_freep) AttributePath *p = NULL;

        p = calloc(1, sizeof(*p));
        if (!p || attribute_name_set_flat(&p->name, key, size) < 0)
                return NULL;
        p->text = strndup(key, size);
        return p->text ? TAKE_PTR(p) : NULL;
}

const char *attribute_path_text(const AttributePath *p) {
        return p->text;
}

const char *attribute_path_head(const AttributePath *p) {
        return p->name.urn && !p->name.urn_is_core ? p->name.urn : p->name.parts[0];
}

static void print_lower(StrBuf *b, const char *s) {
        for (; *s; s++)
                strbuf_putc(b, *s >= 'A' && *s <= 'Z' ? (char) (*s + 32) : *s);
}

int attribute_path_canonical(const AttributePath *p, StrBuf *out) {
        _cleanup_free_ char *filter = NULL;
        int r;

        print_lower(out, p->name.text);
        if (p->filter) {
                r = filter_canonical(p->filter, &filter);
                if (r < 0)
                        return r;
                strbuf_printf(out, "[%s]", filter);
        }
        if (p->sub.n_parts > 0) {
                strbuf_putc(out, '.');
                print_lower(out, p->sub.parts[0]);
        }
        return strbuf_check(out);
}

/* Append to @list what the parts from @used on lead to, each value of an array on its own. Recurses once a part. */
static int collect(const AttributeName *n, json_object *v, size_t used, json_object *list) {
        bool is_array = json_object_get_type(v) == json_type_array;
        size_t count = is_array ? json_object_array_length(v) : 1;
        int r;

        for (size_t i = 0; i < count; i++) {
                json_object *e = is_array ? json_object_array_get_idx(v, i) : v;

                if (!e)
                        continue;
                if (used < n->n_parts) {
                        e = json_get_member(e, n->parts[used]);
                        r = e ? collect(n, e, used + 1, list) : 0;
                        if (r < 0)
                                return r;
                        continue;
                }
                if (json_object_array_add(list, json_object_get(e)) < 0) {
                        json_object_put(e);
                        return -ENOMEM;
                }
        }
        return 0;
}

/* The value below @record that the name leads to, through objects only; an array on the way makes a list. */
static int name_get(const AttributeName *n, json_object *record, json_object **ret) {
        _cleanup_json_ json_object *list = NULL;
        json_object *v;
        size_t used;
        int r;

        v = attribute_name_get(n, record, &used);
        for (; v && used < n->n_parts; used++) {
                if (json_object_get_type(v) == json_type_array) {
                        list = json_object_new_array();
                        if (!list)
                                return -ENOMEM;
                        r = collect(n, v, used, list);
                        if (r < 0)
                                return r;
                        *ret = json_object_array_length(list) > 0 ? TAKE_PTR(list) : NULL;
                        return 0;
                }
                v = json_get_member(v, n->parts[used]);
        }
        *ret = json_object_get(v);
        return 0;
}

static json_object *find_element(const AttributePath *p, json_object *v) {
        if (json_object_get_type(v) != json_type_array)
                return v && filter_matches(p->filter, v) ? v : NULL;
        for (size_t i = 0; i < json_object_array_length(v); i++) {
                json_object *e = json_object_array_get_idx(v, i);

                if (e && filter_matches(p->filter, e))
                        return e;
        }
        return NULL;
}

int attribute_path_get(const AttributePath *p, json_object *record, json_object **ret) {
        _cleanup_json_ json_object *v = NULL;
        json_object *e;
        int r;

        if (!p->filter)
                return name_get(&p->name, record, ret);
        r = name_get(&p->name, record, &v);
        if (r < 0)
                return r;
        e = find_element(p, v);
        if (e && p->sub.n_parts > 0)
                e = json_get_member(e, p->sub.parts[0]);
        *ret = json_object_get(e);
        return 0;
}

bool attribute_path_is_settable(const AttributePath *p) {
        bool possible;

        if (!p->filter)
                return true;
        return p->sub.n_parts > 0 && filter_make_example(p->filter, NULL, &possible) == 0 && possible;
}

/* @key of the object, with the spelling that it already has there. @value: a new reference, taken. */
static int set_member(json_object *o, const char *key, json_object *value) {
        const char *present = json_find_key(o, key);

        if (json_object_object_add(o, present ? present : key, value) < 0) {
                json_object_put(value);
                return -ENOMEM;
        }
        return 0;
}

/* The member that is an object or array of @type; made if it is missing. Borrowed. */
static int open_member(json_object *o, const char *key, json_type type, json_object **ret) {
        json_object *v;
        int r;

        v = json_get_member(o, key);
        if (!v) {
                v = type == json_type_array ? json_object_new_array() : json_object_new_object();
                if (!v)
                        return -ENOMEM;
                r = set_member(o, key, v);
                if (r < 0)
                        return r;
        }
        if (json_object_get_type(v) != type)
                return ATTRIBUTE_PATH_E_CONFLICT;
        *ret = v;
        return 0;
}

int attribute_path_set(const AttributePath *p, json_object *record, json_object *value) {
        json_object *o = record, *list = NULL, *e;
        bool possible;
        int r;

        assert(attribute_path_is_settable(p));

        if (p->name.urn && !p->name.urn_is_core) {
                r = open_member(o, p->name.urn, json_type_object, &o);
                if (r != 0)
                        return r;
        }
        for (size_t i = 0; i + 1 < p->name.n_parts; i++) {
                r = open_member(o, p->name.parts[i], json_type_object, &o);
                if (r != 0)
                        return r;
        }
        if (!p->filter)
                return set_member(o, p->name.parts[p->name.n_parts - 1], json_object_get(value));

        r = open_member(o, p->name.parts[p->name.n_parts - 1], json_type_array, &list);
        if (r != 0)
                return r;
        e = find_element(p, list);
        if (e && json_object_get_type(e) != json_type_object)
                return ATTRIBUTE_PATH_E_CONFLICT;
        if (!e) {
                e = json_object_new_object();
                if (!e)
                        return -ENOMEM;
                if (json_object_array_add(list, e) < 0) {
                        json_object_put(e);
                        return -ENOMEM;
                }
                r = filter_make_example(p->filter, e, &possible);
                if (r < 0)
                        return r;
        }
        return set_member(e, p->sub.parts[0], json_object_get(value));
}
