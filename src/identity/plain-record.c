/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>

#include "json-scan.h"
#include "object.h"
#include "unicode.h"

/* A plain record from its text to its canonical text, in one pass and without a tree. What is accepted here is strict
 * JSON that json-c takes as well and writes back as it stands; whatever is in doubt is left to json-c. fuzz-plain-record
 * holds the two against each other. */

/* As many as an object of a directory has; more is json-c's. */
#define MEMBERS_MAX 64U
#define DEPTH_MAX 8U

typedef struct Member {
        const char *key;          /* in the record */
        size_t key_size;
        char *text;               /* `"key":value` in the output, */
        size_t size;
        size_t value_at;          /* the value from here on */
} Member;

typedef struct Plain {
        const char *p, *end;
        char *out;                /* never longer than what was read */
        char *scratch;            /* as much room again */
} Plain;

static bool is_plain_text(const char *text, size_t size) {
        unsigned char special = 0;

        for (size_t i = 0; i < size; i++) {
                unsigned char c = (unsigned char) text[i];

                special |= (unsigned char) ((c < 0x20) | (c == 0x7f) | (c == '\\'));
        }
        return !special;
}

static bool next_is(Plain *x, char c) {
        while (x->p < x->end && *x->p == ' ')
                x->p++;
        if (x->p == x->end || *x->p != c)
                return false;
        x->p++;
        return true;
}

static void put(Plain *x, const char *text, size_t size) {
        memcpy(x->out, text, size);
        x->out += size;
}

/* Behind the opening quote. */
static bool copy_string(Plain *x) {
        const char *begin = x->p - 1, *quote = memchr(x->p, '"', (size_t) (x->end - x->p));

        if (!quote)
                return false;
        x->p = quote + 1;
        put(x, begin, (size_t) (x->p - begin));
        return true;
}

static bool copy_word(Plain *x) {
        static const char *const words[] = { "true", "false", "null" };

        for (size_t i = 0; i < ELEMENTSOF(words); i++) {
                size_t n = strlen(words[i]);

                if ((size_t) (x->end - x->p) >= n && memcmp(x->p, words[i], n) == 0) {
                        put(x, x->p, n);
                        x->p += n;
                        return true;
                }
        }
        return false;
}

static bool copy_integer(Plain *x) {
        const char *begin = x->p, *digits;

        if (*x->p == '-')
                x->p++;
        digits = x->p;
        while (x->p < x->end && *x->p >= '0' && *x->p <= '9')
                x->p++;
        if (x->p == digits || x->p - digits > 18 || (*digits == '0' && x->p - begin > 1))
                return false;
        put(x, begin, (size_t) (x->p - begin));
        return true;
}

static bool copy_value(Plain *x, unsigned depth);

static int compare_keys(const Member *a, const Member *b) {
        int r = memcmp(a->key, b->key, MIN2(a->key_size, b->key_size));

        return r != 0 ? r : (a->key_size > b->key_size) - (a->key_size < b->key_size);
}

/* The members of an object, behind its brace, sorted; their texts stay in the order in which they were read. */
static bool copy_members(Plain *x, Member *members, size_t *ret_n, unsigned depth) {
        size_t n = 0, i;

        while (!next_is(x, '}')) {
                Member m = { .text = x->out };

                if (n == MEMBERS_MAX || (n > 0 && !next_is(x, ',')) || !next_is(x, '"'))
                        return false;
                m.key = x->p;
                if (!copy_string(x) || !next_is(x, ':'))
                        return false;
                m.key_size = (size_t) (x->p - m.key);
                while (m.key[--m.key_size] != '"')
                        ;
                put(x, ":", 1);
                m.value_at = (size_t) (x->out - m.text);
                if (!copy_value(x, depth))
                        return false;
                m.size = (size_t) (x->out - m.text);
                for (i = n; i > 0; i--) {
                        int r = compare_keys(&members[i - 1], &m);

                        if (r == 0)
                                return false;
                        if (r < 0)
                                break;
                        members[i] = members[i - 1];
                }
                members[i] = m;
                n++;
        }
        *ret_n = n;
        return true;
}

static char *join(char *to, const Member *members, size_t n) {
        *to++ = '{';
        for (size_t i = 0; i < n; i++) {
                if (i > 0)
                        *to++ = ',';
                memcpy(to, members[i].text, members[i].size);
                to += members[i].size;
        }
        *to++ = '}';
        return to;
}

static bool copy_object(Plain *x, unsigned depth) {
        Member members[MEMBERS_MAX];
        char *begin = x->out;
        size_t n, size;

        if (!copy_members(x, members, &n, depth))
                return false;
        /* The members stand there without their punctuation: it is put in on the way through the scratch. */
        size = (size_t) (join(x->scratch, members, n) - x->scratch);
        memcpy(begin, x->scratch, size);
        x->out = begin + size;
        return true;
}

static bool copy_array(Plain *x, unsigned depth) {
        put(x, "[", 1);
        for (bool first = true; !next_is(x, ']'); first = false) {
                if (!first) {
                        if (!next_is(x, ','))
                                return false;
                        put(x, ",", 1);
                }
                if (!copy_value(x, depth))
                        return false;
        }
        put(x, "]", 1);
        return true;
}

static bool copy_value(Plain *x, unsigned depth) {
        while (x->p < x->end && *x->p == ' ')
                x->p++;
        if (depth == DEPTH_MAX || x->p == x->end)
                return false;
        switch (*x->p) {
        case '"':
                x->p++;
                return copy_string(x);
        case '{':
                x->p++;
                return copy_object(x, depth + 1);
        case '[':
                x->p++;
                return copy_array(x, depth + 1);
        case 't':
        case 'f':
        case 'n':
                return copy_word(x);
        default:
                return copy_integer(x);
        }
}

/* ---- the object ---- */

static bool is_named(const Member *m, const char *name) {
        return m->key_size == strlen(name) && memcmp(m->key, name, m->key_size) == 0;
}

/* Is this attribute there in two spellings? */
static bool says_twice(const Member *members, size_t n, const char *name) {
        size_t size = strlen(name);
        unsigned found = 0;

        for (size_t i = 0; i < n; i++)
                found += members[i].key_size == size && ascii_strncaseeq(members[i].key, name, size);
        return found > 1;
}

/* A string or a whole number, as object_new_from_json() takes it for an id. */
static int copy_id(const char *value, size_t size, size_t max, char **ret) {
        if (size > 0 && *value == '"') {
                value++;
                size -= 2;
        } else if (size == 0 || (*value != '-' && (*value < '0' || *value > '9')))
                return OBJECT_E_NOT_PLAIN;
        if (size == 0 || size > max)
                return OBJECT_E_NOT_PLAIN;
        *ret = strndup(value, size);
        return *ret ? 0 : -ENOMEM;
}

static int copy_member_ids(const char *value, size_t size, char ***ret) {
        _cleanup_strv_ char **ids = NULL;
        size_t n = 0, allocated = 0;
        JsonMember m, id;
        JsonScan s;
        int r;

        if (*value != '[')
                return OBJECT_E_NOT_PLAIN;
        r = json_scan_begin(&s, value, size);
        while (r >= 0 && (r = json_scan_next(&s, &m)) > 0) {
                if (ARRAY_GROW(ids, allocated, n + 2) < 0)
                        return -ENOMEM;
                ids[n] = NULL;
                id = m;
                if (*m.value == '{' && json_scan_find(m.value, m.value_size, "value", &id) <= 0)
                        return OBJECT_E_NOT_PLAIN;
                r = copy_id(id.value, id.value_size, SIZE_MAX, &ids[n]);
                if (r != 0)
                        return r;
                ids[++n] = NULL;
        }
        if (r < 0)
                return r;
        if (!ids) {
                ids = calloc(1, sizeof(char *));
                if (!ids)
                        return -ENOMEM;
        }
        strv_sort_unique(ids);
        *ret = TAKE_PTR(ids);
        return 0;
}

static int take_kind(const Member *m, ObjectKind *ret) {
        for (ObjectKind k = 0; k < _OBJECT_KIND_MAX; k++) {
                const char *name = object_kind_to_string(k);
                size_t n = strlen(name);

                if (m->size == m->value_at + n + 2 && memcmp(m->text + m->value_at + 1, name, n) == 0) {
                        *ret = k;
                        return 0;
                }
        }
        return OBJECT_E_NOT_PLAIN;
}

static int take_display_name(Object *o) {
        static const char *const names[] = { "displayName", "userName" };
        _cleanup_strbuf_ StrBuf s = STRBUF_INIT;

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                int r = json_text_get_string(o->text, names[i], &s);

                if (r < 0)
                        return r;
                if (r > 0 && s.size > 0)
                        return strbuf_steal(&s, &o->display_name);
        }
        return 0;
}

/* Takes out what is no attribute. */
static int make_object(Object *o, Member *members, size_t n, const char *id_name, bool kind_inside, char *to) {
        const Member *group_members = NULL;
        size_t k = 0;
        int r;

        if (says_twice(members, n, "active") || says_twice(members, n, "deleted") || says_twice(members, n, "members"))
                return OBJECT_E_NOT_PLAIN;
        if (kind_inside)
                o->kind = _OBJECT_KIND_INVALID;
        for (size_t i = 0; i < n; i++) {
                const Member *m = &members[i];

                if (is_named(m, id_name))
                        r = copy_id(m->text + m->value_at, m->size - m->value_at, 1024, &o->id);
                else if (kind_inside && is_named(m, "kind"))
                        r = take_kind(m, &o->kind);
                else {
                        if (is_named(m, "members"))
                                group_members = &members[k];
                        members[k++] = *m;
                        continue;
                }
                if (r != 0)
                        return r;
        }
        if (!o->id || o->kind < 0)
                return OBJECT_E_NOT_PLAIN;
        if (o->kind == OBJECT_KIND_GROUP && group_members) {
                r = copy_member_ids(group_members->text + group_members->value_at,
                                    group_members->size - group_members->value_at, &o->members);
                if (r != 0)
                        return r;
                n = k;
                for (size_t i = k = 0; i < n; i++)
                        if (!is_named(&members[i], "members"))
                                members[k++] = members[i];
        }
        *join(to, members, k) = '\0';
        return 0;
}

int object_new_from_plain(ObjectKind kind, const char *text, size_t size, const char *id_name, bool kind_inside,
                          Object **ret) {
        _cleanup_(object_freep) Object *o = NULL;
        _cleanup_free_ char *room = NULL;
        Member members[MEMBERS_MAX];
        Plain x = { .p = text, .end = text + size };
        size_t n;
        int r;

        if (streq(id_name, "members") || !is_plain_text(text, size) || !next_is(&x, '{'))
                return OBJECT_E_NOT_PLAIN;
        room = malloc(size);
        o = calloc(1, sizeof(*o));
        if (!room || !o)
                return -ENOMEM;
        o->kind = kind;
        o->text = malloc(size + 1);
        if (!o->text)
                return -ENOMEM;
        x.out = room;
        x.scratch = o->text;
        if (!copy_members(&x, members, &n, 0))
                return OBJECT_E_NOT_PLAIN;
        while (x.p < x.end && *x.p == ' ')
                x.p++;
        if (x.p != x.end)
                return OBJECT_E_NOT_PLAIN;
        r = make_object(o, members, n, id_name, kind_inside, o->text);
        if (r == 0)
                r = take_display_name(o);
        if (r != 0)
                return r;
        *ret = TAKE_PTR(o);
        return 0;
}
