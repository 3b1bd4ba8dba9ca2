/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "json-line.h"

#include <errno.h>

#include "arena.h"
#include "json-scan.h"
#include "unicode.h"

/* More names than any object has; each is compared with every other. */
#define FIELDS_MAX 4096U

/* ---- the fields of a line ---- */

typedef struct Fields {
        JsonMember *items;
        size_t n, allocated;
} Fields;

static void fields_done(Fields *f) {
        free(f->items);
}
#define _cleanup_fields_ _cleanup_(fields_done)

static bool is_id(const JsonMember *m) {
        return json_member_is(m, "id");
}

static bool same_key(const JsonMember *a, const JsonMember *b) {
        if (a->key_size != b->key_size)
                return false;
        if (is_id(a) || is_id(b))
                return is_id(a) && is_id(b);
        return ascii_strncaseeq(a->key, b->key, a->key_size);
}

static JsonMember *fields_find(const Fields *f, const JsonMember *key) {
        for (size_t i = 0; i < f->n; i++)
                if (same_key(&f->items[i], key))
                        return &f->items[i];
        return NULL;
}

static JsonMember member(const char *key, const char *value) {
        return (JsonMember) { key, strlen(key), value, strlen(value) };
}

static int fields_append(Fields *f, const JsonMember *m) {
        int r;

        r = ARRAY_GROW(f->items, f->allocated, f->n + 1);
        if (r < 0)
                return r;
        f->items[f->n++] = *m;
        return 0;
}

static int fields_set(Fields *f, const JsonMember *m) {
        JsonMember *old = fields_find(f, m);

        if (!old)
                return fields_append(f, m);
        *old = *m;
        return 0;
}

static void fields_remove(Fields *f, const JsonMember *m) {
        JsonMember *old = fields_find(f, m);

        if (old)
                *old = f->items[--f->n];
}

/* Of a name that stands there twice the last one counts, as it does for every reader of JSON. */
static int fields_read(Fields *f, const char *text, size_t size, Error **ret_error) {
        JsonMember m;
        JsonScan s;
        int r;

        r = json_scan_begin(&s, text, size);
        if (r == 0 && s.closing != '}')
                r = -EINVAL;
        if (r < 0)
                return error_set(ret_error, r, "this is not a JSON object");
        while ((r = json_scan_next(&s, &m)) > 0) {
                if (f->n >= FIELDS_MAX)
                        return error_set(ret_error, -EINVAL, "it has more than %u attributes", FIELDS_MAX);
                r = fields_set(f, &m);
                if (r < 0)
                        return r;
        }
        return r < 0 ? error_set(ret_error, r, "this is not a whole JSON object") : 0;
}

static int compare_fields(const void *pa, const void *pb) {
        const JsonMember *a = pa, *b = pb;
        int r;

        if (is_id(a) || is_id(b))
                return is_id(b) - is_id(a);
        r = memcmp(a->key, b->key, MIN2(a->key_size, b->key_size));
        if (r != 0)
                return r;
        return (a->key_size > b->key_size) - (a->key_size < b->key_size);
}

static int fields_write(Fields *f, StrBuf *out) {
        for (size_t i = 1; i < f->n; i++)
                if (compare_fields(&f->items[i - 1], &f->items[i]) > 0) {
                        qsort(f->items, f->n, sizeof(JsonMember), compare_fields);
                        break;
                }
        for (size_t i = 0; i < f->n; i++) {
                strbuf_puts(out, i == 0 ? "{\"" : ",\"");
                strbuf_append(out, f->items[i].key, f->items[i].key_size);
                strbuf_puts(out, "\":");
                strbuf_append(out, f->items[i].value, f->items[i].value_size);
        }
        strbuf_puts(out, f->n == 0 ? "{}" : "}");
        return strbuf_check(out);
}

/* ---- changes ---- */

int json_line_check(const char *attributes) {
        unsigned n = 0;
        JsonMember m;
        JsonScan s;
        int r;

        r = json_scan_begin(&s, attributes, strlen(attributes));
        if (r < 0 || s.closing != '}')
                return -EINVAL;
        while ((r = json_scan_next(&s, &m)) > 0)
                if (++n >= FIELDS_MAX - 2)
                        return -EINVAL;
        return r;
}

int json_line_create(const char *id, const char *desired, bool enable, StrBuf *out, Error **ret_error) {
        const JsonMember active = member("active", "true");
        _cleanup_strbuf_ StrBuf quoted = STRBUF_INIT;
        _cleanup_fields_ Fields f = {};
        JsonMember m = member("id", "");
        int r;

        r = fields_read(&f, desired, strlen(desired), ret_error);
        if (r < 0)
                return r;
        strbuf_json(&quoted, id);
        r = strbuf_check(&quoted);
        if (r < 0)
                return r;
        m.value = quoted.data;
        m.value_size = quoted.size;
        r = fields_set(&f, &m);
        if (r == 0 && enable && !fields_find(&f, &active))
                r = fields_append(&f, &active);
        return r < 0 ? r : fields_write(&f, out);
}

int json_line_update(const char *line, size_t size, const char *desired, const char *written, bool enable, StrBuf *out,
                     Error **ret_error) {
        const JsonMember active = member("active", "true");
        _cleanup_fields_ Fields f = {}, wanted = {}, ours = {};
        JsonMember *old;
        int r;

        r = fields_read(&f, line, size, ret_error);
        if (r < 0)
                return r;
        r = fields_read(&wanted, desired, strlen(desired), ret_error);
        if (r == 0 && written)
                r = fields_read(&ours, written, strlen(written), ret_error);
        if (r < 0)
                return r;

        for (size_t i = 0; i < ours.n; i++) {
                if (is_id(&ours.items[i]) || fields_find(&wanted, &ours.items[i]))
                        continue;
                old = fields_find(&f, &ours.items[i]);
                if (old && same_key(old, &active) && old->value_size == 5 && memcmp(old->value, "false", 5) == 0)
                        continue;
                fields_remove(&f, &ours.items[i]);
        }
        for (size_t i = 0; i < wanted.n; i++) {
                if (is_id(&wanted.items[i]))
                        continue;
                r = fields_set(&f, &wanted.items[i]);
                if (r < 0)
                        return r;
        }
        if (enable) {
                r = fields_set(&f, &active);
                if (r < 0)
                        return r;
        }
        return fields_write(&f, out);
}

int json_line_disable(const char *line, size_t size, StrBuf *out, Error **ret_error) {
        const JsonMember inactive = member("active", "false");
        _cleanup_fields_ Fields f = {};
        int r;

        r = fields_read(&f, line, size, ret_error);
        if (r == 0)
                r = fields_set(&f, &inactive);
        return r < 0 ? r : fields_write(&f, out);
}

/* ---- members ---- */

typedef struct Entry {
        const char *value;        /* text of the id */
        const char *raw;          /* the entry as it stands; NULL if it is new */
        size_t raw_size;
} Entry;

/* One that stands there already before a new one, so that the latter is dropped as a repetition. */
static int compare_entries(const void *pa, const void *pb) {
        const Entry *a = pa, *b = pb;
        int r = strcmp(a->value, b->value);

        return r != 0 ? r : (a->raw == NULL) - (b->raw == NULL);
}

static int compare_strings(const void *a, const void *b) {
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

static int entry_value(const JsonMember *element, Arena *arena, StrBuf *buffer, const char **ret) {
        const char *value = element->value, *text;
        size_t size = element->value_size, text_size;
        JsonMember m;
        int r;

        if (size > 0 && *value == '{') {
                r = json_scan_find(value, size, "value", &m);
                if (r <= 0)
                        return r < 0 ? r : -EINVAL;
                value = m.value;
                size = m.value_size;
        }
        r = json_scan_text(value, size, buffer, &text, &text_size);
        if (r < 0)
                return r;
        *ret = arena_strndup(arena, text, text_size);
        return *ret ? 0 : -ENOMEM;
}

static int read_entries(const JsonMember *members, Arena *arena, Entry **entries, size_t *n, size_t *allocated) {
        _cleanup_strbuf_ StrBuf buffer = STRBUF_INIT;
        JsonMember m;
        JsonScan s;
        int r;

        r = json_scan_begin(&s, members->value, members->value_size);
        if (r < 0 || s.closing != ']')
                return -EINVAL;
        while ((r = json_scan_next(&s, &m)) > 0) {
                r = array_grow(entries, allocated, *n + 1, sizeof(Entry));
                if (r < 0)
                        return r;
                (*entries)[*n] = (Entry) { .raw = m.value, .raw_size = m.value_size };
                r = entry_value(&m, arena, &buffer, &(*entries)[*n].value);
                if (r < 0)
                        return r;
                (*n)++;
        }
        return r;
}

int json_line_members(const char *line, size_t size, const char *const *add, uint32_t n_add, const char *const *remove,
                      uint32_t n_remove, StrBuf *out, Error **ret_error) {
        _cleanup_(arena_freep) Arena *arena = arena_new();
        _cleanup_strbuf_ StrBuf text = STRBUF_INIT;
        _cleanup_free_ const char **gone = NULL;
        _cleanup_free_ Entry *entries = NULL;
        _cleanup_fields_ Fields f = {};
        JsonMember m = member("members", "");
        size_t n = 0, allocated = 0;
        JsonMember *old;
        int r;

        gone = calloc(n_remove + 1U, sizeof(char *));
        if (!arena || !gone)
                return -ENOMEM;
        if (n_remove > 0)
                memcpy(gone, remove, n_remove * sizeof(char *));
        qsort(gone, n_remove, sizeof(char *), compare_strings);

        r = fields_read(&f, line, size, ret_error);
        if (r < 0)
                return r;
        old = fields_find(&f, &m);
        if (old) {
                r = read_entries(old, arena, &entries, &n, &allocated);
                if (r == -EINVAL)
                        return error_set(ret_error, r, "members is not an array of entries with a value");
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < n;) {
                if (bsearch(&entries[i].value, gone, n_remove, sizeof(char *), compare_strings))
                        entries[i] = entries[--n];
                else
                        i++;
        }
        r = ARRAY_GROW(entries, allocated, n + n_add + 1);
        if (r < 0)
                return r;
        for (uint32_t i = 0; i < n_add; i++)
                entries[n++] = (Entry) { .value = add[i] };
        qsort(entries, n, sizeof(Entry), compare_entries);

        strbuf_putc(&text, '[');
        for (size_t i = 0; i < n; i++) {
                if (i > 0 && streq(entries[i].value, entries[i - 1].value))
                        continue;
                if (i > 0)
                        strbuf_putc(&text, ',');
                if (entries[i].raw)
                        strbuf_append(&text, entries[i].raw, entries[i].raw_size);
                else {
                        strbuf_puts(&text, "{\"value\":");
                        strbuf_json(&text, entries[i].value);
                        strbuf_putc(&text, '}');
                }
        }
        strbuf_putc(&text, ']');
        r = strbuf_check(&text);
        if (r < 0)
                return r;
        m.value = text.data;
        m.value_size = text.size;
        r = fields_set(&f, &m);
        return r < 0 ? r : fields_write(&f, out);
}

/* ---- values ---- */

typedef struct Walk {
        int (*visit)(const char *value, size_t size, void *userdata);
        void *userdata;
        StrBuf buffer;
} Walk;

static int walk_object(Walk *w, const char *text, size_t size, const char *path, unsigned depth);

static int walk_value(Walk *w, const char *value, size_t size, const char *path, unsigned depth) {
        const char *text;
        size_t text_size;
        JsonMember m;
        JsonScan s;
        int r;

        /* As deep as a record may be: json_parse_whole() */
        if (depth > 32)
                return 0;
        if (size > 0 && *value == '[') {
                r = json_scan_begin(&s, value, size);
                while (r >= 0 && (r = json_scan_next(&s, &m)) > 0) {
                        r = walk_value(w, m.value, m.value_size, path, depth + 1);
                        if (r != 0)
                                return r;
                }
                return r;
        }
        if (size > 0 && *value == '{')
                return walk_object(w, value, size, path ? path : "value", depth + 1);
        /* A simple value is its own "value". */
        if (path && !ascii_strcaseeq(path, "value"))
                return 0;
        r = json_scan_text(value, size, &w->buffer, &text, &text_size);
        if (r == -EINVAL)
                return 0;
        return r < 0 ? r : w->visit(text, text_size, w->userdata);
}

static int walk_object(Walk *w, const char *text, size_t size, const char *path, unsigned depth) {
        size_t whole = strlen(path), first = strcspn(path, ".");
        JsonMember m;
        JsonScan s;
        int r;

        r = json_scan_begin(&s, text, size);
        if (r < 0 || s.closing != '}')
                return -EINVAL;
        while ((r = json_scan_next(&s, &m)) > 0) {
                if (m.key_size == whole && ascii_strncaseeq(m.key, path, whole))
                        r = walk_value(w, m.value, m.value_size, NULL, depth);
                else if (first < whole && m.key_size == first && ascii_strncaseeq(m.key, path, first))
                        r = walk_value(w, m.value, m.value_size, path + first + 1, depth);
                else
                        continue;
                if (r != 0)
                        return r;
        }
        return r;
}

int json_line_values(const char *line, size_t size, const char *path,
                     int (*visit)(const char *value, size_t size, void *userdata), void *userdata) {
        Walk w = { .visit = visit, .userdata = userdata };
        int r;

        r = walk_object(&w, line, size, path, 0);
        strbuf_done(&w.buffer);
        return r;
}
