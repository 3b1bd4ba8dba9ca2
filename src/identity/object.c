/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "object.h"

#include <errno.h>

#include "json-scan.h"

static const char *const kind_names[_OBJECT_KIND_MAX] = {
        [OBJECT_KIND_USER] = "user",
        [OBJECT_KIND_GROUP] = "group",
};

const char *object_kind_to_string(ObjectKind k) {
        return k >= 0 && k < _OBJECT_KIND_MAX ? kind_names[k] : NULL;
}

ObjectKind object_kind_from_string(const char *s) {
        for (ObjectKind k = 0; k < _OBJECT_KIND_MAX; k++)
                if (streq(s, kind_names[k]))
                        return k;
        return _OBJECT_KIND_INVALID;
}

Object *object_free(Object *o) {
        if (!o)
                return NULL;

        free(o->id);
        if (o->attributes)
                (void) json_object_put(o->attributes);
        free(o->text);
        free(o->display_name);
        strv_free(o->members);
        free(o);
        return NULL;
}

json_object *object_attributes(Object *o) {
        if (!o->attributes && json_parse_whole(o->text, strlen(o->text), &o->attributes, NULL) < 0)
                return NULL;
        return o->attributes;
}

static int bad_record(Error **ret_error, const char *fmt, ...) _printf_(2, 3);
static int bad_record(Error **ret_error, const char *fmt, ...) {
        _cleanup_free_ char *text = NULL;
        va_list ap;
        int n;

        va_start(ap, fmt);
        n = vasprintf(&text, fmt, ap);
        va_end(ap);
        if (n < 0) {
                text = NULL;
                return -ENOMEM;
        }
        return error_set_full(ret_error, -EINVAL, ERROR_SCOPE_ITEM, ERROR_RETRY_LATER, "InvalidRecord", "%s", text);
}

/* json-c takes a whole number that is too large for the largest there is, so that two ids would be one. */
static bool is_too_large(json_object *v) {
        return json_object_is_type(v, json_type_int) &&
               (json_object_get_uint64(v) == UINT64_MAX || json_object_get_int64(v) == INT64_MIN);
}

static int read_members(json_object *value, char ***ret, Error **ret_error) {
        _cleanup_strv_ char **members = NULL;
        size_t n;

        if (!json_object_is_type(value, json_type_array))
                return bad_record(ret_error, "members is not an array");
        n = json_object_array_length(value);
        /* One allocation for all: strv_extend() counts its list each time. */
        members = calloc(2 * n + 2, sizeof(char *));
        if (!members)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                json_object *m = json_object_array_get_idx(value, i), *v = m;

                if (json_object_is_type(m, json_type_object) && !json_object_object_get_ex(m, "value", &v))
                        v = NULL;
                if ((!json_object_is_type(v, json_type_string) && !json_object_is_type(v, json_type_int)) || is_too_large(v))
                        return bad_record(ret_error, "members[%zu] has no value that is an id", i);
                members[i] = strdup(json_object_get_string(v));
                if (!members[i])
                        return -ENOMEM;
                if (!members[i][0])
                        return bad_record(ret_error, "members[%zu] has an empty value", i);
        }
        strv_sort_unique(members);
        *ret = TAKE_PTR(members);
        return 0;
}

/* A name that only differs in case is what is wrong most often, and hard to see. */
static int no_attribute(json_object *json, const char *name, Error **ret_error) {
        json_object_object_foreach(json, key, value) {
                (void) value;
                if (strcasecmp(key, name) == 0)
                        return bad_record(ret_error, "the record has no attribute \"%s\" but \"%s\": upper and lower case differ", name,
                                          key);
        }
        return bad_record(ret_error, "the record has no attribute \"%s\"", name);
}

int object_new_from_json(ObjectKind kind, json_object *json, const char *id_name, Object **ret, char **ret_id,
                         Error **ret_error) {
        _cleanup_json_ json_object *owned = json;
        _cleanup_(object_freep) Object *o = NULL;
        json_object *id = NULL, *members = NULL;
        const char *s;
        int r;

        if (!json_object_is_type(json, json_type_object))
                return bad_record(ret_error, "the record is not a JSON object");
        if (!json_object_object_get_ex(json, id_name, &id))
                return no_attribute(json, id_name, ret_error);
        if (!json_object_is_type(id, json_type_string) && !json_object_is_type(id, json_type_int))
                return bad_record(ret_error, "\"%s\" is neither a string nor a whole number", id_name);
        if (is_too_large(id))
                return bad_record(ret_error, "\"%s\" is a number that is too large; put it in quotation marks", id_name);
        s = json_object_get_string(id);
        if (isempty(s))
                return bad_record(ret_error, "\"%s\" is empty", id_name);
        if ((json_object_is_type(id, json_type_string) && strlen(s) != (size_t) json_object_get_string_len(id)) ||
            !utf8_is_valid(s, strlen(s)))
                return bad_record(ret_error, "\"%s\" holds a NUL byte or is no UTF-8", id_name);
        if (strlen(s) > 1024)
                return bad_record(ret_error, "\"%s\" is longer than 1024 bytes", id_name);

        o = calloc(1, sizeof(*o));
        if (!o)
                return -ENOMEM;
        o->kind = kind;
        o->id = strdup(s);
        if (!o->id)
                return -ENOMEM;
        if (ret_id) {
                r = free_and_strdup(ret_id, o->id);
                if (r < 0)
                        return r;
        }

        if (kind == OBJECT_KIND_GROUP && json_object_object_get_ex(json, "members", &members)) {
                /* Null is no empty list: it says nothing. */
                r = members ? read_members(members, &o->members, ret_error) : 0;
                if (r < 0)
                        return r;
                json_object_object_del(json, "members");
        }
        json_object_object_del(json, id_name);
        o->attributes = TAKE_PTR(owned);
        *ret = TAKE_PTR(o);
        return 0;
}

int object_set_members(Object *o, json_object *value, Error **ret_error) {
        char **members = NULL;
        int r;

        r = read_members(value, &members, ret_error);
        if (r < 0)
                return r;
        strv_free(o->members);
        o->members = members;
        return 0;
}

const char *object_get_string(json_object *attributes, const char *name) {
        json_object *value = NULL;
        const char *found = NULL;

        if (!json_object_object_get_ex(attributes, name, &value)) {
                /* Of several the first one in the order of bytes, as in a canonical text. */
                json_object_object_foreach(attributes, key, v)
                        if (strcasecmp(key, name) == 0 && (!found || strcmp(key, found) < 0)) {
                                found = key;
                                value = v;
                        }
        }
        return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;
}

int json_text_get_string(const char *text, const char *name, StrBuf *ret) {
        _cleanup_strbuf_ StrBuf unescaped = STRBUF_INIT;
        size_t name_size = strlen(name), size;
        JsonMember m, found = {};
        const char *s;
        JsonScan scan;
        int r;

        r = json_scan_begin(&scan, text, strlen(text));
        if (r == 0 && scan.closing != '}')
                r = -EINVAL;
        while (r >= 0 && (r = json_scan_next(&scan, &m)) > 0) {
                if (m.key_size != name_size)
                        continue;
                if (json_member_is(&m, name)) {
                        found = m;
                        r = 0;
                        break;
                }
                if (!found.key && strncasecmp(m.key, name, name_size) == 0)
                        found = m;
        }
        if (r < 0 || !found.key || *found.value != '"')
                return MIN2(r, 0);
        r = json_scan_text(found.value, found.value_size, &unescaped, &s, &size);
        if (r < 0)
                return r;
        strbuf_clear(ret);
        strbuf_append(ret, s, size);
        r = strbuf_check(ret);
        return r < 0 ? r : 1;
}

const char *object_display_name(const Object *o) {
        const char *s;

        if (!o->attributes)
                return o->display_name ?: o->id;
        s = object_get_string(o->attributes, "displayName");
        if (isempty(s))
                s = object_get_string(o->attributes, "userName");
        return isempty(s) ? o->id : s;
}
