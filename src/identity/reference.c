/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "reference.h"

#include <errno.h>

#include "attribute-name.h"
#include "attribute-path.h"
#include "object.h"
#include "syntax.h"
#include "unicode.h"

/* A mark is one byte before the id, and no id that anybody uses begins with it. Should one do, it is still marked on its way
 * from the source, and only the first byte is taken off again. */

typedef struct Entry {
        AttributeName name;       /* without ".value" */
        AttributePath *path;      /* the same */
        char *canonical;
        char *with_value;         /* with it: how a flat record may spell it */
} Entry;

struct References {
        Entry *entries;
        size_t n;
};

static void entry_done(Entry *e) {
        attribute_name_done(&e->name);
        attribute_path_free(e->path);
        free(e->canonical);
        free(e->with_value);
        *e = (Entry) {};
}

References *references_free(References *r) {
        if (!r)
                return NULL;
        for (size_t i = 0; i < r->n; i++)
                entry_done(&r->entries[i]);
        free(r->entries);
        free(r);
        return NULL;
}

size_t references_count(const References *r) {
        return r ? r->n : 0;
}

const char *references_name(const References *r, size_t i) {
        return r->entries[i].name.text;
}

const char *references_canonical_name(const References *r, size_t i) {
        return r->entries[i].canonical;
}

const char *references_head(const References *r, size_t i) {
        return attribute_path_head(r->entries[i].path);
}

/* ---- the list in the job file ---- */

static int check_name(const AttributeName *n, const char *text, size_t start, Error **ret_error) {
        static const char *const reserved[] = { "id", "meta", "schemas" };

        if (n->urn && !n->urn_is_core)
                return 0;
        if (ascii_strcaseeq(n->parts[0], "members"))
                return syntax_error(ret_error, text, start, "members are references anyway and cannot be named");
        for (size_t i = 0; i < ELEMENTSOF(reserved); i++)
                if (ascii_strcaseeq(n->parts[0], reserved[i]))
                        return syntax_error(ret_error, text, start, "%s belongs to the target and can be no reference",
                                            reserved[i]);
        return 0;
}

/* manager.value and manager are the same reference. */
static void drop_value(AttributeName *n) {
        if (n->n_parts < 2 || !ascii_strcaseeq(n->parts[n->n_parts - 1], "value"))
                return;
        n->n_parts--;
        free(n->parts[n->n_parts]);
        n->parts[n->n_parts] = NULL;
        n->text[strlen(n->text) - strlen(".value")] = '\0';
}

static int entry_parse(const char *text, size_t *offset, Entry *ret, Error **ret_error) {
        _cleanup_strbuf_ StrBuf canonical = STRBUF_INIT;
        size_t start = *offset;
        Entry e = {};
        int r;

        r = attribute_name_parse(text, offset, &e.name, ret_error);
        if (r < 0)
                return r;
        r = text[*offset] && !strchr(" \t,", text[*offset])
                    ? syntax_error(ret_error, text, *offset,
                                   "expected names of attributes with spaces between them, such as manager or owners, without brackets")
                    : check_name(&e.name, text, start, ret_error);
        if (r >= 0) {
                drop_value(&e.name);
                r = attribute_path_parse(e.name.text, &e.path, ret_error);
        }
        if (r >= 0)
                r = attribute_path_canonical(e.path, &canonical);
        if (r >= 0)
                r = strbuf_steal(&canonical, &e.canonical);
        if (r >= 0 && asprintf(&e.with_value, "%s.value", e.name.text) < 0) {
                e.with_value = NULL;
                r = -ENOMEM;
        }
        if (r < 0) {
                entry_done(&e);
                return r;
        }
        *ret = e;
        return 0;
}

static int compare_entries(const void *a, const void *b) {
        return strcmp(((const Entry *) a)->canonical, ((const Entry *) b)->canonical);
}

static bool has_entry(const References *r, const char *canonical) {
        for (size_t i = 0; i < references_count(r); i++)
                if (streq(r->entries[i].canonical, canonical))
                        return true;
        return false;
}

/* Takes the entries of @from. */
static int merge(References *r, References *from) {
        Entry *entries;

        entries = reallocarray(r->entries, r->n + from->n + 1, sizeof(Entry));
        if (!entries)
                return -ENOMEM;
        r->entries = entries;
        for (size_t i = 0; i < from->n; i++)
                if (has_entry(r, from->entries[i].canonical))
                        entry_done(&from->entries[i]);
                else
                        r->entries[r->n++] = from->entries[i];
        from->n = 0;
        if (r->n > 0)
                qsort(r->entries, r->n, sizeof(Entry), compare_entries);
        return 0;
}

int references_add(References **r, const char *value, Error **ret_error) {
        _cleanup_(references_freep) References *own = NULL, *more = NULL;
        size_t offset = 0;
        int k;

        more = calloc(1, sizeof(*more));
        if (!more)
                return -ENOMEM;
        more->entries = calloc(REFERENCES_MAX, sizeof(Entry));
        if (!more->entries)
                return -ENOMEM;
        offset += strspn(value, " \t,");
        while (value[offset]) {
                if (more->n + references_count(*r) >= REFERENCES_MAX)
                        return error_set(ret_error, -EINVAL, "expected at most %u attributes", REFERENCES_MAX);
                k = entry_parse(value, &offset, &more->entries[more->n], ret_error);
                if (k < 0)
                        return k;
                more->n++;
                offset += strspn(value + offset, " \t,");
        }
        if (!*r) {
                own = calloc(1, sizeof(*own));
                if (!own)
                        return -ENOMEM;
        }
        k = merge(own ?: *r, more);
        if (k < 0)
                return k;
        if (own)
                *r = TAKE_PTR(own);
        return 0;
}

/* ---- the ids in a tree ---- */

/* What becomes of one value: *ret a new reference, to @value itself if nothing changes, NULL if it goes. */
typedef struct Visit Visit;
struct Visit {
        int (*f)(Visit *v, json_object *value, json_object **ret);
        size_t attribute;
        ReferenceMark mark;
        ReferenceFoundFunc found;
        ReferenceTranslateFunc translate;
        void *userdata;
};

static int visit_list(Visit *v, json_object *list, json_object **ret);

/* {"value": …} */
static int visit_complex(Visit *v, json_object *o, const char *key, json_object **ret) {
        _cleanup_json_ json_object *copy = NULL, *inner = NULL;
        json_object *value = json_object_object_get(o, key);
        int r;

        r = value ? v->f(v, value, &inner) : 0;
        if (r < 0)
                return r;
        if (!inner) {
                *ret = NULL;
                return 0;
        }
        if (inner == value) {
                *ret = json_object_get(o);
                return 0;
        }
        copy = json_object_new_object();
        if (!copy)
                return -ENOMEM;
        json_object_object_foreach(o, k, member) {
                if (streq(k, "$ref"))
                        continue;
                member = json_object_get(streq(k, key) ? inner : member);
                if (json_object_object_add(copy, k, member) < 0) {
                        json_object_put(member);
                        return -ENOMEM;
                }
        }
        *ret = TAKE_PTR(copy);
        return 0;
}

static int visit_value(Visit *v, json_object *value, json_object **ret) {
        const char *key = NULL;

        if (json_object_get_type(value) == json_type_array)
                return visit_list(v, value, ret);
        if (json_object_get_type(value) == json_type_object)
                key = json_find_key(value, "value");
        return key ? visit_complex(v, value, key, ret) : v->f(v, value, ret);
}

static int visit_list(Visit *v, json_object *list, json_object **ret) {
        _cleanup_json_ json_object *copy = NULL;
        int r;

        copy = json_object_new_array();
        if (!copy)
                return -ENOMEM;
        for (size_t i = 0; i < json_object_array_length(list); i++) {
                json_object *e = json_object_array_get_idx(list, i), *becomes = NULL;

                /* A list in a list is no form of reference: it counts as a value that cannot be an id. */
                r = !e                                                     ? 0
                    : json_object_get_type(e) == json_type_array           ? v->f(v, e, &becomes)
                                                                           : visit_value(v, e, &becomes);
                if (r < 0)
                        return r;
                if (becomes && json_object_array_add(copy, becomes) < 0) {
                        json_object_put(becomes);
                        return -ENOMEM;
                }
        }
        *ret = json_object_array_length(copy) > 0 ? TAKE_PTR(copy) : NULL;
        return 0;
}

static int visit_member(Visit *v, json_object *o, const char *key) {
        json_object *value = json_object_object_get(o, key), *becomes = NULL;
        int r;

        if (!value)
                return 0;
        r = visit_value(v, value, &becomes);
        if (r < 0)
                return r;
        if (!becomes)
                json_object_object_del(o, key);
        else if (becomes == value)
                json_object_put(becomes);
        else if (json_object_object_add(o, key, becomes) < 0) {
                json_object_put(becomes);
                return -ENOMEM;
        }
        return 0;
}

/* Below @o, from part @part of the name on; recurses once a part. */
static int visit_parts(Visit *v, const AttributeName *n, size_t part, json_object *o) {
        json_object *next;
        const char *key;
        int r = 0;

        if (json_object_get_type(o) == json_type_array) {
                for (size_t i = 0; r >= 0 && i < json_object_array_length(o); i++)
                        r = visit_parts(v, n, part, json_object_array_get_idx(o, i));
                return r;
        }
        if (json_object_get_type(o) != json_type_object)
                return 0;
        key = json_find_key(o, n->parts[part]);
        if (!key)
                return 0;
        if (part + 1 == n->n_parts)
                return visit_member(v, o, key);
        next = json_object_object_get(o, key);
        if (json_object_get_type(next) == json_type_object && json_object_object_length(next) == 0)
                return 0;
        r = visit_parts(v, n, part + 1, next);
        if (r >= 0 && json_object_get_type(next) == json_type_object && json_object_object_length(next) == 0)
                json_object_object_del(o, key);
        return r;
}

static int visit_entry(Visit *v, const Entry *e, json_object *attributes) {
        const char *extension = NULL, *flat[2] = { e->name.text, e->with_value };
        json_object *container = NULL;
        int r;

        if (e->name.urn)
                extension = json_find_key(attributes, e->name.urn);
        if (extension) {
                container = json_object_object_get(attributes, extension);
                r = visit_parts(v, &e->name, 0, container);
                if (r >= 0 && json_object_get_type(container) == json_type_object && json_object_object_length(container) == 0)
                        json_object_object_del(attributes, extension);
                if (r < 0)
                        return r;
        }
        if (!e->name.urn || e->name.urn_is_core) {
                r = visit_parts(v, &e->name, 0, attributes);
                if (r < 0)
                        return r;
        }
        /* A record may have the whole name as one key (a CSV column "manager.value"). */
        for (size_t i = e->name.urn || e->name.n_parts > 1 ? 0 : 1; i < ELEMENTSOF(flat); i++) {
                const char *key = json_find_key(attributes, flat[i]);

                r = key ? visit_member(v, attributes, key) : 0;
                if (r < 0)
                        return r;
        }
        return 0;
}

static int visit_all(Visit *v, const References *r, json_object *attributes) {
        int k = 0;

        if (json_object_get_type(attributes) != json_type_object)
                return 0;
        for (v->attribute = 0; k >= 0 && v->attribute < references_count(r); v->attribute++)
                k = visit_entry(v, &r->entries[v->attribute], attributes);
        return k;
}

static bool is_marked(json_object *value) {
        const char *s = json_object_get_type(value) == json_type_string ? json_object_get_string(value) : "";

        return s[0] == REFERENCE_OF_SOURCE || s[0] == REFERENCE_OF_TARGET;
}

/* The text of an id; of what can be none its JSON, which nobody has as an id. */
static int id_of(json_object *value, StrBuf *ret) {
        json_type type = json_object_get_type(value);

        if (type == json_type_string || type == json_type_int) {
                strbuf_puts(ret, json_object_get_string(value));
                return strbuf_check(ret);
        }
        return json_canonical(value, ret);
}

static int mark_one(Visit *v, json_object *value, json_object **ret) {
        _cleanup_strbuf_ StrBuf id = STRBUF_INIT;
        json_object *marked;
        int r;

        /* Only what another tree was laid over may have marks already: the other ids there are the target's. */
        if (v->mark == REFERENCE_OF_TARGET && is_marked(value)) {
                *ret = json_object_get(value);
                return 0;
        }
        strbuf_putc(&id, (char) v->mark);
        r = id_of(value, &id);
        if (r < 0)
                return r;
        if (id.size == 1) {
                *ret = NULL;
                return 0;
        }
        r = v->found(v->attribute, v->mark, id.data + 1, v->userdata);
        if (r < 0)
                return r;
        marked = json_object_new_string(id.data);
        if (!marked)
                return -ENOMEM;
        *ret = marked;
        return 0;
}

int references_mark(const References *r, json_object *attributes, ReferenceMark mark, ReferenceFoundFunc f, void *userdata) {
        Visit v = { .f = mark_one, .mark = mark, .found = f, .userdata = userdata };

        return visit_all(&v, r, attributes);
}

static int translate_one(Visit *v, json_object *value, json_object **ret) {
        const char *s, *id = NULL;
        int r;

        if (!is_marked(value)) {
                *ret = json_object_get(value);
                return 0;
        }
        s = json_object_get_string(value);
        r = v->translate(v->attribute, (ReferenceMark) s[0], s + 1, &id, v->userdata);
        if (r < 0)
                return r;
        *ret = NULL;
        if (id) {
                *ret = json_object_new_string(id);
                if (!*ret)
                        return -ENOMEM;
        }
        return 0;
}

int references_translate(const References *r, json_object *attributes, ReferenceTranslateFunc f, void *userdata) {
        Visit v = { .f = translate_one, .translate = f, .userdata = userdata };

        return visit_all(&v, r, attributes);
}

/* @depth: an id, in an object, in a list, in an object on the way that is a list. */
static bool holds(json_object *v, const char *id, unsigned depth) {
        json_type type = json_object_get_type(v);

        if (type == json_type_string)
                return streq(json_object_get_string(v), id);
        if (depth == 0)
                return false;
        if (type == json_type_object)
                return holds(json_get_member(v, "value"), id, depth - 1);
        for (size_t i = 0; type == json_type_array && i < json_object_array_length(v); i++)
                if (holds(json_object_array_get_idx(v, i), id, depth - 1))
                        return true;
        return false;
}

/* Flat spellings count as well. */
static int get(const Entry *e, json_object *attributes, json_object **ret) {
        json_object *flat = NULL;
        int r;

        r = attribute_path_get(e->path, attributes, ret);
        if (r < 0 || *ret)
                return r;
        if (json_object_get_type(attributes) == json_type_object)
                flat = json_get_member(attributes, e->with_value);
        *ret = json_object_get(flat);
        return 0;
}

int references_hold(const References *r, size_t i, json_object *attributes, const char *id, bool *ret) {
        _cleanup_json_ json_object *v = NULL;
        int k;

        k = get(&r->entries[i], attributes, &v);
        if (k < 0)
                return k;
        *ret = holds(v, id, 4);
        return 0;
}

int references_copy(const References *r, size_t i, json_object *from, json_object *to) {
        _cleanup_json_ json_object *v = NULL;
        int k;

        k = attribute_path_get(r->entries[i].path, from, &v);
        if (k < 0 || !v)
                return k;
        k = attribute_path_set(r->entries[i].path, to, v);
        return MIN2(k, 0);
}
