/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "attribute-name.h"

#include <errno.h>

#include "string-util.h"
#include "syntax.h"
#include "unicode.h"

void attribute_name_done(AttributeName *n) {
        free(n->text);
        free(n->urn);
        for (size_t i = 0; i < n->n_parts; i++)
                free(n->parts[i]);
        *n = (AttributeName) {};
}

static size_t token_length(const char *s) {
        size_t n = 0;

        while (syntax_is_name_char(s[n]) || (s[n] && strchr(":./%+~", s[n])))
                n++;
        return n;
}

int attribute_name_parse(const char *text, size_t *offset, AttributeName *ret, Error **ret_error) {
        size_t start = *offset, size = token_length(text + start), i = start, end = start + size;
        AttributeName n = {};

        for (size_t k = start; k < end; k++)
                if (text[k] == ':')
                        i = k + 1;
        n.text = strndup(text + start, size);
        if (!n.text)
                return -ENOMEM;
        if (i > start) {
                n.urn = strndup(text + start, i - 1 - start);
                if (!n.urn)
                        goto oom;
                n.urn_is_core = ascii_strncaseeq(n.urn, "urn:ietf:params:scim:schemas:core:", 34);
        }
        for (;;) {
                size_t length = i < end ? syntax_name_length(text + i) : 0;

                if (length == 0) {
                        attribute_name_done(&n);
                        return syntax_error(ret_error, text, i,
                                            "expected the name of an attribute, such as userName, name.familyName or "
                                            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department");
                }
                if (n.n_parts == ATTRIBUTE_NAME_PARTS_MAX) {
                        attribute_name_done(&n);
                        return syntax_error(ret_error, text, i, "a name has at most %u parts",
                                            ATTRIBUTE_NAME_PARTS_MAX);
                }
                n.parts[n.n_parts] = strndup(text + i, length);
                if (!n.parts[n.n_parts++])
                        goto oom;
                i += length;
                if (i == end)
                        break;
                if (text[i] != '.') {
                        attribute_name_done(&n);
                        return syntax_error(ret_error, text, i,
                                            "this character cannot stand in the name of an attribute");
                }
                i++;
        }
        *offset = end;
        *ret = n;
        return 0;
oom:
        attribute_name_done(&n);
        return -ENOMEM;
}

int attribute_name_set_flat(AttributeName *n, const char *key, size_t size) {
        n->text = strndup(key, size);
        n->parts[0] = strndup(key, size);
        n->n_parts = 1;
        if (!n->text || !n->parts[0]) {
                attribute_name_done(n);
                return -ENOMEM;
        }
        return 0;
}

bool attribute_name_is_case_exact(const AttributeName *n) {
        if (n->urn && !n->urn_is_core)
                return false;
        return ascii_strcaseeq(n->parts[0], "id") || ascii_strcaseeq(n->parts[0], "externalId") ||
               ascii_strcaseeq(n->parts[0], "meta");
}

/* Of several names that differ in case alone the first one in the order of bytes: a record's meaning must not depend on the order
 * of its members. */
static struct lh_entry *find_entry(json_object *o, const char *name) {
        struct lh_entry *found, *e;

        found = lh_table_lookup_entry(json_object_get_object(o), name);
        if (found)
                return found;
        lh_foreach(json_object_get_object(o), e)
                if (ascii_strcaseeq(lh_entry_k(e), name) && (!found || strcmp(lh_entry_k(e), lh_entry_k(found)) < 0))
                        found = e;
        return found;
}

const char *json_find_key(json_object *o, const char *name) {
        struct lh_entry *e = find_entry(o, name);

        return e ? lh_entry_k(e) : NULL;
}

json_object *json_get_member(json_object *o, const char *name) {
        struct lh_entry *e;

        switch (json_object_get_type(o)) {
        case json_type_object:
                e = find_entry(o, name);
                return e ? (json_object *) lh_entry_v(e) : NULL;
        case json_type_array:
        case json_type_null:
                return NULL;
        case json_type_boolean:
        case json_type_double:
        case json_type_int:
        case json_type_string:
                return ascii_strcaseeq(name, "value") ? o : NULL;
        }
        return NULL;
}

bool json_is_unassigned(json_object *v) {
        if (json_object_get_type(v) == json_type_array) {
                for (size_t i = 0; i < json_object_array_length(v); i++)
                        if (json_object_array_get_idx(v, i))
                                return false;
                return true;
        }
        return !v;
}

json_object *attribute_name_get(const AttributeName *n, json_object *record, size_t *ret_used) {
        json_object *container = record, *v = NULL;

        if (n->urn) {
                container = json_get_member(record, n->urn);
                if (!container && n->urn_is_core)
                        container = record;
        }
        *ret_used = 1;
        if (container)
                v = json_get_member(container, n->parts[0]);
        if (!v && (n->urn || n->n_parts > 1)) {
                v = json_get_member(record, n->text);
                *ret_used = n->n_parts;
        }
        return v;
}

typedef struct Visit {
        const AttributeName *name;
        bool (*test)(json_object *value, void *userdata);
        void *userdata;
        bool any_value;
} Visit;

/* @used parts of the name lead to @v; recurses once a part. */
static bool visit(Visit *s, json_object *v, size_t used) {
        json_object *one[1] = { v };
        size_t n = 1;
        bool is_array = json_object_get_type(v) == json_type_array;

        if (is_array)
                n = json_object_array_length(v);
        for (size_t i = 0; i < n; i++) {
                json_object *e = is_array ? json_object_array_get_idx(v, i) : one[0], *member;

                if (!e)
                        continue;
                if (used == s->name->n_parts) {
                        s->any_value = true;
                        if (s->test(e, s->userdata))
                                return true;
                        continue;
                }
                member = json_get_member(e, s->name->parts[used]);
                if (member && visit(s, member, used + 1))
                        return true;
        }
        return false;
}

bool attribute_name_any(const AttributeName *n, json_object *record, bool (*test)(json_object *value, void *userdata),
                        void *userdata) {
        Visit s = { .name = n, .test = test, .userdata = userdata };
        json_object *v;
        size_t used;

        v = attribute_name_get(n, record, &used);
        if (v && visit(&s, v, used))
                return true;
        return !s.any_value && test(NULL, userdata);
}
