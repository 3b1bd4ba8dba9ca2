/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "json-scan.h"

#include <errno.h>

#include "json-text.h"

static const char *skip_space(const char *p, const char *end) {
        while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
                p++;
        return p;
}

/* @p is behind the opening quote; gives the place of the closing one, or NULL. */
static const char *string_end(const char *p, const char *end) {
        const char *begin = p, *q, *b;

        for (;;) {
                q = memchr(p, '"', (size_t) (end - p));
                if (!q)
                        return NULL;
                for (b = q; b > begin && b[-1] == '\\'; b--)
                        ;
                if (((q - b) & 1) == 0)
                        return q;
                p = q + 1;
        }
}

/* The end of the value at @p, or NULL. */
static const char *value_end(const char *p, const char *end) {
        size_t depth = 0;

        if (p < end && *p == '"') {
                p = string_end(p + 1, end);
                return p ? p + 1 : NULL;
        }
        if (p < end && (*p == '{' || *p == '[')) {
                while (p < end) {
                        switch (*p) {
                        case '"':
                                p = string_end(p + 1, end);
                                if (!p)
                                        return NULL;
                                break;
                        case '{':
                        case '[':
                                depth++;
                                break;
                        case '}':
                        case ']':
                                depth--;
                                if (depth == 0)
                                        return p + 1;
                                break;
                        }
                        p++;
                }
                return NULL;
        }
        /* A number or a word. */
        const char *begin = p;
        while (p < end && ((*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
                           *p == '.' || *p == '-' || *p == '+'))
                p++;
        return p > begin ? p : NULL;
}

int json_scan_begin(JsonScan *s, const char *text, size_t size) {
        const char *end = text + size, *p = skip_space(text, end);

        if (p == end || (*p != '{' && *p != '['))
                return -EINVAL;
        *s = (JsonScan) { .p = p + 1, .end = end, .closing = *p == '{' ? '}' : ']', .first = true };
        return 0;
}

int json_scan_next(JsonScan *s, JsonMember *ret) {
        const char *p = skip_space(s->p, s->end), *e;
        JsonMember m = {};

        if (!s->closing)
                return 0;
        if (p < s->end && *p == s->closing) {
                s->closing = '\0';
                s->p = p + 1;
                return skip_space(s->p, s->end) == s->end ? 0 : -EINVAL;
        }
        if (!s->first) {
                if (p == s->end || *p != ',')
                        return -EINVAL;
                p = skip_space(p + 1, s->end);
        }
        s->first = false;
        if (s->closing == '}') {
                if (p == s->end || *p != '"')
                        return -EINVAL;
                e = string_end(p + 1, s->end);
                if (!e)
                        return -EINVAL;
                m.key = p + 1;
                m.key_size = (size_t) (e - m.key);
                p = skip_space(e + 1, s->end);
                if (p == s->end || *p != ':')
                        return -EINVAL;
                p = skip_space(p + 1, s->end);
        }
        e = value_end(p, s->end);
        if (!e)
                return -EINVAL;
        m.value = p;
        m.value_size = (size_t) (e - p);
        s->p = e;
        *ret = m;
        return 1;
}

int json_scan_find(const char *text, size_t size, const char *name, JsonMember *ret) {
        JsonMember m;
        JsonScan s;
        int r;

        r = json_scan_begin(&s, text, size);
        if (r < 0 || s.closing != '}')
                return -EINVAL;
        while ((r = json_scan_next(&s, &m)) > 0) {
                if (!json_member_is(&m, name))
                        continue;
                *ret = m;
                return 1;
        }
        return r;
}

int json_scan_text(const char *value, size_t size, StrBuf *buffer, const char **ret, size_t *ret_size) {
        _cleanup_json_ json_object *parsed = NULL;
        int r;

        if (size == 0 || *value == '{' || *value == '[' || *value == 'n')
                return -EINVAL;
        if (*value != '"') {
                *ret = value;
                *ret_size = size;
                return 0;
        }
        if (size < 2)
                return -EINVAL;
        if (!memchr(value, '\\', size)) {
                *ret = value + 1;
                *ret_size = size - 2;
                return 0;
        }
        r = json_parse_whole(value, size, &parsed, NULL);
        if (r < 0)
                return r;
        if (!json_object_is_type(parsed, json_type_string))
                return -EINVAL;
        strbuf_clear(buffer);
        strbuf_append(buffer, json_object_get_string(parsed), (size_t) json_object_get_string_len(parsed));
        r = strbuf_check(buffer);
        if (r < 0)
                return r;
        *ret = buffer->data;
        *ret_size = buffer->size;
        return 0;
}

bool json_has_nul_escape(const char *text, size_t size) {
        const char *end = text + size, *p = text, *b;

        while ((p = memmem(p, (size_t) (end - p), "\\u0000", 6))) {
                for (b = p; b > text && b[-1] == '\\'; b--)
                        ;
                if (((p - b) & 1) == 0)
                        return true;
                p += 6;
        }
        return false;
}
