/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "file-source.h"

#include <errno.h>
#include <stdio.h>

#include "json-scan.h"
#include "unicode.h"

/* The json source: JSON Lines, one object a line. With File= the attribute "kind" ("user" or "group") says what a
 * record is, and is no attribute of the object.
 *
 * What a broken record means (E2): where the id is beyond doubt the record is seen but invalid. Where anything hints at
 * bytes that were lost (a NUL byte is what a crash leaves in a file; text that is no JSON; the id twice in a
 * record) the line may have held other records as well, and the reading is incomplete. */

static const SourceVTable json_source_vtable;

static Source *json_source_free(Source *source) {
        FileSource *s = (FileSource *) source;

        if (!s)
                return NULL;
        file_source_done(s);
        free(s);
        return NULL;
}
DEFINE_CLEANUP(Source *, json_source_free)

static int json_source_open(const ConnectorConfig *config, Source **ret, Error **ret_error) {
        _cleanup_(json_source_freep) Source *source = NULL;
        FileSource *s;
        int r;

        s = calloc(1, sizeof(*s));
        if (!s)
                return -ENOMEM;
        source = &s->source;
        r = file_source_init(s, &json_source_vtable, config, false);
        if (r < 0)
                return r;
        if (asprintf(&source->schema, "json;Id=%s%s", s->id_name, s->kind_inside ? ";kind" : "") < 0) {
                source->schema = NULL;
                return -ENOMEM;
        }
        *ret = TAKE_PTR(source);
        return 0;
}

/* The `kind` of a record of File=, which is then taken out of it. */
static int take_kind(json_object *json, ObjectKind *ret, Error **ret_error) {
        json_object *value;
        ObjectKind kind;

        if (!json_object_is_type(json, json_type_object) || !json_object_object_get_ex(json, "kind", &value))
                return error_set_full(ret_error, -EINVAL, ERROR_SCOPE_ITEM, ERROR_RETRY_LATER, "InvalidRecord",
                                      "the record has no \"kind\"");
        kind = json_object_is_type(value, json_type_string) ? object_kind_from_string(json_object_get_string(value))
                                                            : _OBJECT_KIND_INVALID;
        if (kind < 0)
                return error_set_full(ret_error, -EINVAL, ERROR_SCOPE_ITEM, ERROR_RETRY_LATER, "InvalidRecord",
                                      "\"kind\" is neither \"user\" nor \"group\"");
        json_object_object_del(json, "kind");
        *ret = kind;
        return 0;
}

static ObjectKind kind_of(uint32_t kinds) {
        return kinds == OBJECT_KIND_MASK(OBJECT_KIND_GROUP) ? OBJECT_KIND_GROUP : OBJECT_KIND_USER;
}

/* What must not be guessed: whose record it is and of which kind, and what decides on removals. */
typedef enum Once {
        ONCE_ID,
        ONCE_KIND,
        ONCE_ACTIVE,
        ONCE_DELETED,
        ONCE_MEMBERS,
        _ONCE_MAX,
} Once;

static bool is_name(const char *key, size_t size, const char *name) {
        return size == strlen(name) && memcmp(key, name, size) == 0;
}

/* The names as json-c reads them: without escapes, and up to a NUL. Attributes do not count with case (RFC 7643, section 2.1);
 * id and kind are ours, and do. */
static int count_names(const FileSource *s, const char *text, size_t size, unsigned ret[static _ONCE_MAX]) {
        static const char *const attributes[_ONCE_MAX] = {
                [ONCE_ACTIVE] = "active", [ONCE_DELETED] = "deleted", [ONCE_MEMBERS] = "members",
        };
        _cleanup_strbuf_ StrBuf buffer = STRBUF_INIT;
        JsonMember m;
        JsonScan scan;
        int r;

        r = json_scan_begin(&scan, text, size);
        while (r >= 0 && (r = json_scan_next(&scan, &m)) > 0) {
                const char *key;
                size_t n;

                r = json_scan_text(m.key - 1, m.key_size + 2, &buffer, &key, &n);
                if (r < 0)
                        return r;
                n = strnlen(key, n);
                ret[ONCE_ID] += is_name(key, n, s->id_name);
                ret[ONCE_KIND] += s->kind_inside && is_name(key, n, "kind");
                for (Once i = ONCE_ACTIVE; i < _ONCE_MAX; i++)
                        ret[i] += n == strlen(attributes[i]) && ascii_strncaseeq(key, attributes[i], n);
        }
        return r;
}

static int stands_twice(const char *name, Error **ret_error) {
        return error_set_full(ret_error, -EINVAL, ERROR_SCOPE_ITEM, ERROR_RETRY_LATER, "InvalidRecord",
                              "\"%s\" stands twice in the record", name);
}

/* Errors: -EINVAL, with *ret_kind and *ret_id where it is beyond doubt whose record this is; -ENOMEM. */
static int read_record(const FileSource *s, uint32_t kinds, const char *text, size_t size, Object **ret,
                       ObjectKind *ret_kind, char **ret_id, Error **ret_error) {
        _cleanup_json_ json_object *json = NULL;
        _cleanup_(object_freep) Object *o = NULL;
        ObjectKind kind = kind_of(kinds);
        unsigned n[_ONCE_MAX] = {};
        int r;

        r = json_parse_whole(text, size, &json, ret_error);
        if (r < 0)
                return r;
        if (json_object_is_type(json, json_type_object)) {
                r = count_names(s, text, size, n);
                if (r < 0)
                        return r == -EINVAL ? error_set(ret_error, r, "this is not a JSON object") : r;
        }
        if (n[ONCE_ID] > 1)
                return stands_twice(s->id_name, ret_error);
        if (n[ONCE_KIND] > 1)
                return stands_twice("kind", ret_error);
        if (s->kind_inside) {
                r = take_kind(json, &kind, ret_error);
                if (r < 0)
                        return r;
        }
        *ret_kind = kind;
        r = object_new_from_json(kind, TAKE_PTR(json), s->id_name, &o, ret_id, ret_error);
        if (r < 0)
                return r;
        if (n[ONCE_ACTIVE] > 1 || n[ONCE_DELETED] > 1 || n[ONCE_MEMBERS] > 1)
                return stands_twice(n[ONCE_ACTIVE] > 1    ? "active"
                                    : n[ONCE_DELETED] > 1 ? "deleted"
                                                          : "members", ret_error);
        *ret = TAKE_PTR(o);
        return 0;
}

/* Whose record is it, were its bytes UTF-8? The id must not be among what had to be replaced. Errors: -EINVAL. */
static int repaired_id(const FileSource *s, const SourceRecord *record, ObjectKind *ret_kind, char **ret_id) {
        _cleanup_(object_freep) Object *o = NULL;
        _cleanup_free_ char *copy = NULL, *valid = NULL, *id = NULL;
        ObjectKind kind;
        int r;

        copy = strndup(record->data, record->size);
        valid = copy ? utf8_make_valid(copy) : NULL;
        if (!valid)
                return -ENOMEM;
        r = read_record(s, record->kinds, valid, strlen(valid), &o, &kind, &id, NULL);
        if (r < 0 && !id)
                return r;
        if (strstr(id, "\xef\xbf\xbd") || file_source_id_is_padded(id))
                return -EINVAL;
        *ret_kind = kind;
        *ret_id = TAKE_PTR(id);
        return 0;
}

static int json_source_parse(Source *source, const SourceRecord *record, Object **ret, ObjectKind *ret_kind,
                             char **ret_id, Error **ret_error) {
        FileSource *s = (FileSource *) source;
        _cleanup_(object_freep) Object *o = NULL;
        _cleanup_error_ Error *e = NULL;
        _cleanup_free_ char *id = NULL;
        ObjectKind kind = OBJECT_KIND_USER;
        const char *nul;
        size_t bad;
        int r;

        nul = memchr(record->data, '\0', record->size);
        if (nul)
                return file_source_doubtful(s, record, ret_error, "column %zu: a NUL byte",
                                            (size_t) (nul - record->data) + 1);

        bad = utf8_find_invalid(record->data, record->size);
        if (bad < record->size) {
                r = repaired_id(s, record, &kind, &id);
                if (r == -ENOMEM)
                        return r;
                if (r < 0)
                        return file_source_doubtful(s, record, ret_error, "column %zu: this is no UTF-8", bad + 1);
                r = file_source_invalid(record, ret_error, "column %zu: this is no UTF-8", bad + 1);
        } else {
                r = object_new_from_plain(kind_of(record->kinds), record->data, record->size, s->id_name, s->kind_inside, &o);
                if (r < 0)
                        return r;
                if (r == 0 && !file_source_id_is_padded(o->id)) {
                        *ret = TAKE_PTR(o);
                        return 0;
                }
                o = object_free(o);
                r = read_record(s, record->kinds, record->data, record->size, &o, &kind, &id, &e);
                if (r == -ENOMEM)
                        return r;
                if (r < 0 && !id)
                        return file_source_doubtful(s, record, ret_error, "%s", error_text(e, r));
                if (file_source_id_is_padded(id))
                        return file_source_doubtful(s, record, ret_error, "\"%s\" begins or ends with a blank", s->id_name);
                if (r == 0 && !json_has_nul_escape(record->data, record->size)) {
                        *ret = TAKE_PTR(o);
                        return 0;
                }
                r = file_source_invalid(record, ret_error, "%s",
                                        r < 0 ? error_text(e, r) : "a NUL character (\\u0000) in a string");
        }
        *ret_kind = kind;
        *ret_id = TAKE_PTR(id);
        return r;
}

static const SourceVTable json_source_vtable = {
        .name = "json",
        .open = json_source_open,
        .want = file_source_want,
        .next = file_source_next,
        .parse = json_source_parse,
        .evidence = file_source_evidence,
        .free = json_source_free,
};

const ConnectorClass json_source_class = {
        .name = "json",
        .source = &json_source_vtable,
};
