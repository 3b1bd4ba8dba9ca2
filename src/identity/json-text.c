/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "json-text.h"

#include <errno.h>

static int compare_keys(const void *a, const void *b) {
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

static void canonical(json_object *value, StrBuf *out, unsigned depth) {
        const char *small[32];
        const char **keys = small;
        size_t n, i = 0;

        if (depth > 64) {
                out->failed = true;
                return;
        }
        switch (json_object_get_type(value)) {
        case json_type_object:
                n = (size_t) json_object_object_length(value);
                if (n > ELEMENTSOF(small)) {
                        keys = calloc(n, sizeof(char *));
                        if (!keys) {
                                out->failed = true;
                                return;
                        }
                }
                json_object_object_foreach(value, key, unused) {
                        (void) unused;
                        keys[i++] = key;
                }
                qsort(keys, n, sizeof(char *), compare_keys);
                strbuf_putc(out, '{');
                for (i = 0; i < n; i++) {
                        if (i > 0)
                                strbuf_putc(out, ',');
                        strbuf_json(out, keys[i]);
                        strbuf_putc(out, ':');
                        canonical(json_object_object_get(value, keys[i]), out, depth + 1);
                }
                strbuf_putc(out, '}');
                if (keys != small)
                        free(keys);
                return;
        case json_type_array:
                n = json_object_array_length(value);
                strbuf_putc(out, '[');
                for (i = 0; i < n; i++) {
                        if (i > 0)
                                strbuf_putc(out, ',');
                        canonical(json_object_array_get_idx(value, i), out, depth + 1);
                }
                strbuf_putc(out, ']');
                return;
        case json_type_string:
                strbuf_json(out, json_object_get_string(value));
                return;
        case json_type_null:
        case json_type_boolean:
        case json_type_double:
        case json_type_int:
                strbuf_puts(out, json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN));
                return;
        }
}

int json_canonical(json_object *value, StrBuf *out) {
        canonical(value, out, 0);
        return strbuf_check(out);
}

/* json-c takes names in single quotes even when it is strict; RFC 8259 knows none. Where such a quote stands outside of a string,
 * its offset is given, else @size. */
static size_t find_single_quote(const char *text, size_t size) {
        bool inside = false;

        if (!memchr(text, '\'', size))
                return size;
        for (size_t i = 0; i < size; i++) {
                if (inside && text[i] == '\\')
                        i++;
                else if (text[i] == '"')
                        inside = !inside;
                else if (text[i] == '\'' && !inside)
                        return i;
        }
        return size;
}

int json_parse_whole(const char *text, size_t size, json_object **ret, Error **ret_error) {
        static __thread json_tokener *tokener = NULL;
        json_object *value;
        size_t end, quote;

        if (size > INT32_MAX)
                return error_set_full(ret_error, -EINVAL, ERROR_SCOPE_ITEM, ERROR_RETRY_LATER, "InvalidRecord",
                                      "the record is longer than 2 GiB");
        quote = find_single_quote(text, size);
        if (quote < size)
                return error_set_full(ret_error, -EINVAL, ERROR_SCOPE_ITEM, ERROR_RETRY_LATER, "InvalidRecord",
                                      "column %zu: a string stands in double quotes", quote + 1);
        /* One tokener a thread: setting one up costs as much as parsing a small record. */
        if (!tokener) {
                tokener = json_tokener_new_ex(32);
                if (!tokener)
                        return -ENOMEM;
        }
        json_tokener_reset(tokener);
        json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8 |
                                                JSON_TOKENER_ALLOW_TRAILING_CHARS);
        value = json_tokener_parse_ex(tokener, text, (int) size);
        /* A bare number, true or null needs a byte after it before json-c knows that it has ended. */
        if (!value && json_tokener_get_error(tokener) == json_tokener_continue) {
                value = json_tokener_parse_ex(tokener, " ", 1);
                end = size;
        } else
                end = json_tokener_get_parse_end(tokener);
        if (json_tokener_get_error(tokener) != json_tokener_success) {
                enum json_tokener_error e = json_tokener_get_error(tokener);

                if (value)
                        (void) json_object_put(value);
                if (e == json_tokener_continue)
                        return error_set_full(ret_error, -EINVAL, ERROR_SCOPE_ITEM, ERROR_RETRY_LATER,
                                              "InvalidRecord", "the JSON text ends too early, after column %zu", size);
                return error_set_full(ret_error, -EINVAL, ERROR_SCOPE_ITEM, ERROR_RETRY_LATER, "InvalidRecord",
                                      "column %zu: %s", end + 1, json_tokener_error_desc(e));
        }
        for (; end < size; end++)
                if (!strchr(" \t\r\n", text[end]) || text[end] == '\0') {
                        if (value)
                                (void) json_object_put(value);
                        return error_set_full(ret_error, -EINVAL, ERROR_SCOPE_ITEM, ERROR_RETRY_LATER,
                                              "InvalidRecord", "column %zu: text after the end of the JSON value",
                                              end + 1);
                }
        *ret = value;
        return 0;
}
