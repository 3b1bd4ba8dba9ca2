/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <csv.h>
#include <errno.h>
#include <stdio.h>

#include "file-source.h"
#include "unicode.h"

/* The csv source: RFC 4180 with a header line that names the attributes.
 *
 * - A name with dots is a path: name.givenName becomes {"name":{"givenName":…}}. Any other name is one attribute.
 * - An empty field is an attribute that is not there: CSV does not know the difference.
 * - `active` and `deleted` are booleans (yes/no, true/false, on/off, 1/0), all else is a string. A record with
 *   anything else in them is invalid: it must not be guessed whether somebody is blocked.
 * - `members` of a group is a list of ids, separated by ";". An empty field is a group without members.
 * - With File= the column `kind` says "user" or "group" and is no attribute of the object.
 * - Spaces belong to the field (an id that begins or ends with one is nobody's for certain), and a quotation mark in a field that is not quoted is an error, as RFC 4180 says.
 *
 * Names of columns count with case where they are named in the job (Id=, `kind`); two that differ in case only are the
 * same attribute twice, and an error.
 *
 * What a broken record means (E2): it is seen but invalid where its id is beyond doubt. With fields too few or too many
 * only a first column is, if a delimiter ends it, and not even that if so many are left over that a lost line end would explain it: then
 * another record is in this one. */

#define NO_COLUMN SIZE_MAX
/* A record may be 32 deep; nobody names a column so. */
#define PATH_MAX_PARTS 8U

static const SourceVTable csv_source_vtable;

typedef enum ColumnType {
        COLUMN_STRING,
        COLUMN_BOOLEAN,
        COLUMN_MEMBERS,
        COLUMN_ID,
        COLUMN_KIND,
} ColumnType;

typedef struct Column {
        char *name;
        char **path;              /* the name, taken apart at its dots */
        ColumnType type;
} Column;

typedef struct Header {
        Column *columns;
        size_t n, allocated;
        size_t id, kind;
} Header;

typedef struct CsvSource {
        FileSource base;
        char delimiter;
        Header headers[_OBJECT_KIND_MAX];       /* of base.files */
        struct csv_parser parser;
        bool parser_ready;
        /* the fields of the row that was parsed last */
        StrBuf text;              /* each with a NUL behind it */
        size_t *fields;           /* where each begins in @text */
        size_t n_fields, fields_allocated;
        unsigned n_rows;
} CsvSource;

/* ---- rows ---- */

static int never_space(unsigned char c) {
        return 0;
}

static void take_field(void *data, size_t size, void *userdata) {
        CsvSource *s = userdata;

        if (ARRAY_GROW(s->fields, s->fields_allocated, s->n_fields + 1) < 0) {
                s->text.failed = true;
                return;
        }
        s->fields[s->n_fields++] = s->text.size;
        strbuf_append(&s->text, data, size);
        strbuf_putc(&s->text, '\0');
}

static void take_row(int terminator, void *userdata) {
        CsvSource *s = userdata;

        s->n_rows++;
}

static int make_parser(CsvSource *s) {
        if (s->parser_ready)
                return 0;
        if (csv_init(&s->parser, CSV_STRICT | CSV_STRICT_FINI) != 0)
                return -ENOMEM;
        csv_set_delim(&s->parser, (unsigned char) s->delimiter);
        csv_set_space_func(&s->parser, never_space);
        s->parser_ready = true;
        return 0;
}

/* One raw record into s->fields. Errors: -EINVAL if it is not one row of CSV; -ENOMEM. */
static int parse_row(CsvSource *s, const char *data, size_t size) {
        int r, error;

        r = make_parser(s);
        if (r < 0)
                return r;
        strbuf_clear(&s->text);
        s->n_fields = 0;
        s->n_rows = 0;
        if (csv_parse(&s->parser, data, size, take_field, take_row, s) == size &&
            csv_fini(&s->parser, take_field, take_row, s) == 0) {
                r = strbuf_check(&s->text);
                return r < 0 ? r : s->n_rows == 1 ? 0 : -EINVAL;
        }
        error = csv_error(&s->parser);
        csv_free(&s->parser);
        s->parser_ready = false;
        return error == CSV_EPARSE ? -EINVAL : -ENOMEM;
}

static const char *field(const CsvSource *s, size_t i) {
        return s->text.data + s->fields[i];
}

/* ---- the header ---- */

static void header_done(Header *h) {
        for (size_t i = 0; i < h->n; i++) {
                free(h->columns[i].name);
                strv_free(h->columns[i].path);
        }
        free(h->columns);
}

static ColumnType column_type(const FileSource *s, uint32_t kinds, const char *name) {
        if (streq(name, s->id_name))
                return COLUMN_ID;
        if (s->kind_inside && streq(name, "kind"))
                return COLUMN_KIND;
        if (ascii_strcaseeq(name, "active") || ascii_strcaseeq(name, "deleted"))
                return COLUMN_BOOLEAN;
        if (ascii_strcaseeq(name, "members") && (kinds & OBJECT_KIND_MASK(OBJECT_KIND_GROUP)))
                return COLUMN_MEMBERS;
        return COLUMN_STRING;
}

/* "a" beside "a", and "a" beside "a.b", cannot be one object. */
static bool names_clash(const char *a, const char *b) {
        size_t n = strlen(a);

        return strlen(b) >= n && ascii_strncaseeq(a, b, n) && (b[n] == '\0' || b[n] == '.');
}

static int add_column(CsvSource *s, Header *h, uint32_t kinds, const char *name) {
        Column *c;
        int r;

        r = ARRAY_GROW(h->columns, h->allocated, h->n + 1);
        if (r < 0)
                return r;
        c = &h->columns[h->n++];
        *c = (Column) { .type = column_type(&s->base, kinds, name) };
        c->name = strdup(name);
        if (!c->name)
                return -ENOMEM;
        if (c->type == COLUMN_ID)
                h->id = h->n - 1;
        if (c->type == COLUMN_KIND)
                h->kind = h->n - 1;
        if (c->type == COLUMN_STRING)
                return strv_split(name, ".", &c->path);
        c->path = calloc(2, sizeof(char *));
        return c->path ? 0 : -ENOMEM;
}

/* A column that is missing; perhaps it is only spelt otherwise. */
static int missing_column(const SourceFile *f, uint64_t line, const Header *h, const char *name, Error **ret_reason) {
        for (size_t i = 0; i < h->n; i++) {
                const char *n = h->columns[i].name, *begin = n + strspn(n, " \t");
                size_t size = strlen(begin);

                while (size > 0 && strchr(" \t", begin[size - 1]))
                        size--;
                if (size == strlen(name) && ascii_strncaseeq(begin, name, size))
                        return source_reason(ret_reason, -EINVAL, f->path, line,
                                             "the header has a column \"%s\", expected is \"%s\"", n, name);
        }
        return source_reason(ret_reason, -EINVAL, f->path, line, "the header has no column \"%s\"%s", name,
                             h->n == 1 ? ", and one column only: is Delimiter= right?" : "");
}

static int check_names(const SourceFile *f, uint64_t line, const Header *h, Error **ret_reason) {
        for (size_t i = 0; i < h->n; i++) {
                const char *name = h->columns[i].name;

                if (isempty(name) || name[0] == '.' || name[strlen(name) - 1] == '.' || strstr(name, ".."))
                        return source_reason(ret_reason, -EINVAL, f->path, line, "column %zu of the header has no name, "
                                             "or an empty part in it", i + 1);
                if (strv_length(h->columns[i].path) > PATH_MAX_PARTS)
                        return source_reason(ret_reason, -EINVAL, f->path, line,
                                             "column %zu of the header has more than %u parts", i + 1, PATH_MAX_PARTS);
                if (!utf8_is_valid(name, strlen(name)))
                        return source_reason(ret_reason, -EINVAL, f->path, line,
                                             "column %zu of the header is no UTF-8", i + 1);
                for (size_t k = 0; k < h->n; k++)
                        if (k != i && names_clash(name, h->columns[k].name))
                                return source_reason(ret_reason, -EINVAL, f->path, line, "the header has both a column "
                                                     "\"%s\" and a column \"%s\"", name, h->columns[k].name);
        }
        return 0;
}

/* So that it shows what is asked for and not there. */
static int tell_attributes(Source *source, const SourceFile *f, const Header *h) {
        for (ObjectKind k = 0; k < _OBJECT_KIND_MAX; k++) {
                if (!(f->kinds & OBJECT_KIND_MASK(k)))
                        continue;
                source->attributes_file[k] = f->path;
                for (size_t i = 0; i < h->n; i++) {
                        int r = strv_extend(&source->attributes[k], h->columns[i].name);

                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

/* Errors: -EINVAL with the reason why the file cannot be read; -ENOMEM. */
static int read_header(CsvSource *s, SourceFile *f, Header *h, StrBuf *schema, Error **ret_reason) {
        SourceRecord record;
        int r;

        r = source_file_next(f, &record, ret_reason);
        if (r < 0)
                return r;
        if (r == 0)
                return source_reason(ret_reason, -EINVAL, f->path, 0, "the file is empty, even the header is missing");
        if (r == SOURCE_FILE_E_BROKEN)
                return -EINVAL;
        if (memchr(record.data, '\0', record.size))
                return source_reason(ret_reason, -EINVAL, f->path, record.line, "a NUL byte in the header");
        r = parse_row(s, record.data, record.size);
        if (r == -EINVAL)
                return source_reason(ret_reason, r, f->path, record.line, "the header is no line of CSV");
        for (size_t i = 0; r == 0 && i < s->n_fields; i++)
                r = add_column(s, h, f->kinds, field(s, i));
        if (r < 0)
                return r;
        r = check_names(f, record.line, h, ret_reason);
        if (r < 0)
                return r;
        if (h->id == NO_COLUMN)
                return missing_column(f, record.line, h, s->base.id_name, ret_reason);
        if (s->base.kind_inside && h->kind == NO_COLUMN)
                return missing_column(f, record.line, h, "kind", ret_reason);
        strbuf_putc(schema, '\n');
        strbuf_append(schema, record.data, record.size);
        r = strbuf_check(schema);
        return r < 0 ? r : tell_attributes(&s->base.source, f, h);
}

/* ---- opening ---- */

static Source *csv_source_free(Source *source) {
        CsvSource *s = (CsvSource *) source;

        if (!s)
                return NULL;
        for (size_t i = 0; i < ELEMENTSOF(s->headers); i++)
                header_done(&s->headers[i]);
        for (ObjectKind k = 0; k < _OBJECT_KIND_MAX; k++)
                strv_free(source->attributes[k]);
        if (s->parser_ready)
                csv_free(&s->parser);
        free(s->fields);
        strbuf_done(&s->text);
        file_source_done(&s->base);
        free(s);
        return NULL;
}
DEFINE_CLEANUP(Source *, csv_source_free)

static int csv_source_open(const ConnectorConfig *config, Source **ret, Error **ret_error) {
        const char *delimiter = connector_config_get(config, "Delimiter", NULL);
        _cleanup_(csv_source_freep) Source *source = NULL;
        _cleanup_strbuf_ StrBuf schema = STRBUF_INIT;
        CsvSource *s;
        int r;

        s = calloc(1, sizeof(*s));
        if (!s)
                return -ENOMEM;
        source = &s->base.source;
        s->delimiter = !delimiter ? ',' : streq(delimiter, "tab") ? '\t' : *delimiter;
        r = file_source_init(&s->base, &csv_source_vtable, config, true);
        if (r < 0)
                return r;

        strbuf_printf(&schema, "csv;Delimiter=%c;Id=%s%s", s->delimiter, s->base.id_name,
                      s->base.kind_inside ? ";kind" : "");
        for (unsigned i = 0; i < s->base.n_files; i++) {
                SourceFile *f = &s->base.files[i];
                Error *reason = NULL;

                s->headers[i].id = s->headers[i].kind = NO_COLUMN;
                f->tabs_count = s->delimiter == '\t';
                if (f->failed)
                        continue;
                r = read_header(s, f, &s->headers[i], &schema, &reason);
                if (r == -ENOMEM) {
                        error_free(reason);
                        return r;
                }
                if (r < 0)
                        source_file_fail(f, reason);
        }
        r = strbuf_steal(&schema, &source->schema);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(source);
        return 0;
}

/* ---- records ---- */

static int put_members(json_object *object, const char *list) {
        _cleanup_json_ json_object *members = json_object_new_array();
        _cleanup_strv_ char **ids = NULL;
        int r;

        if (!members)
                return -ENOMEM;
        r = strv_split(list, ";", &ids);
        if (r < 0)
                return r;
        for (char **id = ids; *id; id++) {
                json_object *value;
                char *stripped = strstrip(*id);

                if (!*stripped)
                        continue;
                value = json_object_new_string(stripped);
                if (!value)
                        return -ENOMEM;
                if (json_object_array_add(members, value) < 0) {
                        (void) json_object_put(value);
                        return -ENOMEM;
                }
        }
        return json_object_object_add(object, "members", TAKE_PTR(members)) < 0 ? -ENOMEM : 0;
}

/* Takes @value. */
static int put_value(json_object *object, const char *name, json_object *value) {
        if (!value)
                return -ENOMEM;
        if (json_object_object_add(object, name, value) < 0) {
                (void) json_object_put(value);
                return -ENOMEM;
        }
        return 0;
}

static int put_path(json_object *object, char *const *path, const char *value) {
        int r;

        for (; path[1]; path++) {
                json_object *inner;

                if (!json_object_object_get_ex(object, *path, &inner)) {
                        inner = json_object_new_object();
                        r = put_value(object, *path, inner);
                        if (r < 0)
                                return r;
                }
                object = inner;
        }
        return put_value(object, *path, json_object_new_string(value));
}

/* Errors: -EINVAL, with *ret_bad, for a value that is not what the column needs; -ENOMEM. */
static int put_field(json_object *object, const Column *c, ObjectKind kind, const char *value, const Column **ret_bad) {
        int b;

        switch (c->type) {
        case COLUMN_ID:
                return put_value(object, c->name, json_object_new_string(value));
        case COLUMN_KIND:
                return 0;
        case COLUMN_MEMBERS:
                if (kind == OBJECT_KIND_GROUP)
                        return put_members(object, value);
                return isempty(value) ? 0 : put_value(object, c->name, json_object_new_string(value));
        case COLUMN_BOOLEAN:
                if (isempty(value))
                        return 0;
                b = parse_boolean(value);
                if (b < 0) {
                        *ret_bad = c;
                        return -EINVAL;
                }
                return put_value(object, c->name, json_object_new_boolean(b));
        case COLUMN_STRING:
                return isempty(value) ? 0 : put_path(object, c->path, value);
        }
        return 0;
}

static bool id_is_usable(const char *id) {
        return !isempty(id) && strlen(id) <= 1024 && utf8_is_valid(id, strlen(id)) && !file_source_id_is_padded(id);
}

/* The kind of the record of which s->fields are the fields. */
static ObjectKind record_kind(const CsvSource *s, const Header *h, uint32_t kinds) {
        if (s->base.kind_inside)
                return h->kind < s->n_fields ? object_kind_from_string(field(s, h->kind)) : _OBJECT_KIND_INVALID;
        return kinds == OBJECT_KIND_MASK(OBJECT_KIND_GROUP) ? OBJECT_KIND_GROUP : OBJECT_KIND_USER;
}

/* Whose record is this, though it has too few fields or too many? Only the first column is where it should be, and what no
 * delimiter ends may be a part of it. */
static bool first_column_tells(const CsvSource *s, const Header *h) {
        return h->id == 0 && !s->base.kind_inside && s->n_fields > 1 && id_is_usable(field(s, 0)) &&
               s->n_fields + 1 < 2 * h->n;
}

static int csv_source_parse(Source *source, const SourceRecord *record, Object **ret, ObjectKind *ret_kind,
                            char **ret_id, Error **ret_error) {
        CsvSource *s = (CsvSource *) source;
        const Header *h = &s->headers[s->base.current];
        _cleanup_(object_freep) Object *o = NULL;
        _cleanup_json_ json_object *json = NULL;
        _cleanup_error_ Error *e = NULL;
        _cleanup_free_ char *id = NULL;
        const Column *bad = NULL;
        ObjectKind kind;
        int r;

        if (memchr(record->data, '\0', record->size))
                return file_source_doubtful(&s->base, record, ret_error, "a NUL byte");
        r = parse_row(s, record->data, record->size);
        if (r == -EINVAL)
                return file_source_doubtful(&s->base, record, ret_error, "this is no line of CSV: a quotation mark or a "
                                            "carriage return stands where none may be");
        if (r < 0)
                return r;

        kind = record_kind(s, h, record->kinds);
        if (s->n_fields != h->n) {
                if (!first_column_tells(s, h))
                        return file_source_doubtful(&s->base, record, ret_error, "%zu fields, but the header has %zu",
                                                    s->n_fields, h->n);
                id = strdup(field(s, 0));
                if (!id)
                        return -ENOMEM;
                r = file_source_invalid(record, ret_error, "%zu fields, but the header has %zu", s->n_fields, h->n);
                goto invalid;
        }
        if (!id_is_usable(field(s, h->id)))
                return file_source_doubtful(&s->base, record, ret_error,
                                            "\"%s\" is empty, begins or ends with a blank, is too long or no UTF-8",
                                            s->base.id_name);
        if (kind < 0)
                return file_source_doubtful(&s->base, record, ret_error, "\"kind\" is neither \"user\" nor \"group\"");
        id = strdup(field(s, h->id));
        json = json_object_new_object();
        if (!id || !json)
                return -ENOMEM;
        if (!utf8_is_valid(record->data, record->size)) {
                r = file_source_invalid(record, ret_error, "this is no UTF-8");
                goto invalid;
        }
        for (size_t i = 0; i < h->n; i++) {
                r = put_field(json, &h->columns[i], kind, field(s, i), &bad);
                if (r == -ENOMEM)
                        return r;
                if (r < 0) {
                        r = file_source_invalid(record, ret_error, "\"%s\" is neither true nor false", bad->name);
                        goto invalid;
                }
        }
        r = object_new_from_json(kind, TAKE_PTR(json), s->base.id_name, &o, NULL, &e);
        if (r == -ENOMEM)
                return r;
        if (r < 0) {
                r = file_source_invalid(record, ret_error, "%s", error_text(e, r));
                goto invalid;
        }
        *ret = TAKE_PTR(o);
        return 0;

invalid:
        *ret_kind = kind;
        *ret_id = TAKE_PTR(id);
        return r;
}

static const SourceVTable csv_source_vtable = {
        .name = "csv",
        .open = csv_source_open,
        .want = file_source_want,
        .next = file_source_next,
        .parse = csv_source_parse,
        .evidence = file_source_evidence,
        .free = csv_source_free,
};

const ConnectorClass csv_source_class = {
        .name = "csv",
        .source = &csv_source_vtable,
};
