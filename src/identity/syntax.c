/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "syntax.h"

#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "unicode.h"

/* A longer text is shown in part: so many characters before and after the place. */
#define EXCERPT_WHOLE 100U
#define EXCERPT_BEFORE 50U
#define EXCERPT_AFTER 25U

int syntax_error(Error **ret_error, const char *text, size_t offset, const char *fmt, ...) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;
        _cleanup_free_ char *message = NULL;
        size_t size = strlen(text), column, first = 0, last = size, shown;
        va_list ap;

        if (!ret_error)
                return -EINVAL;
        va_start(ap, fmt);
        if (vasprintf(&message, fmt, ap) < 0)
                message = NULL;
        va_end(ap);
        if (!message)
                return -ENOMEM;

        offset = MIN2(offset, size);
        column = utf8_count(text, offset);
        if (utf8_count(text, size) > EXCERPT_WHOLE) {
                if (column > EXCERPT_BEFORE)
                        first = utf8_offset(text, size, column - EXCERPT_BEFORE);
                last = offset + utf8_offset(text + offset, size - offset, EXCERPT_AFTER);
        }

        strbuf_printf(&b, "column %zu: %s\n", column + 1, message);
        if (first > 0)
                strbuf_puts(&b, "…");
        shown = b.size;
        strbuf_append(&b, text + first, last - first);
        /* What would move the caret, or begin a new line, is shown as a space. */
        for (size_t i = shown; i < b.size; i++)
                if ((unsigned char) b.data[i] < 0x20)
                        b.data[i] = ' ';
        if (last < size)
                strbuf_puts(&b, "…");
        strbuf_putc(&b, '\n');
        for (size_t i = utf8_count(text + first, offset - first) + (first > 0); i > 0; i--)
                strbuf_putc(&b, ' ');
        strbuf_putc(&b, '^');
        if (strbuf_check(&b) < 0)
                return -ENOMEM;
        return error_set_full(ret_error, -EINVAL, ERROR_SCOPE_CYCLE, ERROR_RETRY_AFTER_RECONFIGURE, "SyntaxError",
                              "%s", b.data);
}

int syntax_check_text(const char *text, const char *what, Error **ret_error) {
        size_t size = strlen(text), bad;

        if (size > SYNTAX_LENGTH_MAX)
                return error_set_full(ret_error, -EINVAL, ERROR_SCOPE_CYCLE, ERROR_RETRY_AFTER_RECONFIGURE,
                                      "SyntaxError", "The %s is %zu bytes long; at most %u are allowed", what, size,
                                      SYNTAX_LENGTH_MAX);
        bad = utf8_find_invalid(text, size);
        if (bad < size)
                return syntax_error(ret_error, text, bad, "this byte is not UTF-8");
        for (size_t i = 0; i < size; i++)
                if ((unsigned char) text[i] < 0x20 && text[i] != '\t')
                        return syntax_error(ret_error, text, i, "a %s is one line without control characters", what);
        if (text[syntax_skip_space(text, 0)] == '\0')
                return syntax_error(ret_error, text, size, "the %s is empty", what);
        return 0;
}

size_t syntax_skip_space(const char *text, size_t offset) {
        while (syntax_is_space(text[offset]))
                offset++;
        return offset;
}

bool syntax_is_name_start(char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '$';
}

bool syntax_is_name_char(char c) {
        return syntax_is_name_start(c) || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

size_t syntax_name_length(const char *s) {
        size_t n = 0;

        if (!syntax_is_name_start(s[0]))
                return 0;
        while (syntax_is_name_char(s[n]))
                n++;
        return n;
}

static int hex4(const char *s, uint32_t *ret) {
        uint32_t v = 0;

        for (int i = 0; i < 4; i++) {
                char c = s[i];

                if (c >= '0' && c <= '9')
                        v = v << 4 | (uint32_t) (c - '0');
                else if (c >= 'a' && c <= 'f')
                        v = v << 4 | (uint32_t) (c - 'a' + 10);
                else if (c >= 'A' && c <= 'F')
                        v = v << 4 | (uint32_t) (c - 'A' + 10);
                else
                        return -EINVAL;
        }
        *ret = v;
        return 0;
}

int syntax_string(const char *text, size_t *offset, StrBuf *out, Error **ret_error) {
        static const char escapes[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
        size_t start = *offset, i = start + 1;

        while (text[i] != '"') {
                const char *known;
                uint32_t c, low;

                if (text[i] == '\0')
                        return syntax_error(ret_error, text, start, "this string has no end: a \" is missing");
                if (text[i] != '\\') {
                        strbuf_putc(out, text[i++]);
                        continue;
                }
                known = text[i + 1] ? strchr(escapes, text[i + 1]) : NULL;
                if (known) {
                        strbuf_putc(out, meant[known - escapes]);
                        i += 2;
                        continue;
                }
                if (text[i + 1] != 'u')
                        return syntax_error(
                                ret_error, text, i,
                                "unknown escape: write \\\\ for a backslash and \\\" for a quotation mark");
                if (hex4(text + i + 2, &c) < 0)
                        return syntax_error(ret_error, text, i, "\\u needs four hexadecimal digits");
                if (c >= 0xd800 && c < 0xdc00 && text[i + 6] == '\\' && text[i + 7] == 'u' &&
                    hex4(text + i + 8, &low) >= 0 && low >= 0xdc00 && low < 0xe000) {
                        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
                        strbuf_put_char(out, c);
                        i += 12;
                        continue;
                }
                if (c == 0 || (c >= 0xd800 && c < 0xe000))
                        return syntax_error(ret_error, text, i, "\\u%04x is no character that a value may contain",
                                            c);
                strbuf_put_char(out, c);
                i += 6;
        }
        strbuf_append(out, "", 0);
        if (strbuf_check(out) < 0)
                return -ENOMEM;
        *offset = i + 1;
        return 0;
}

/* strtod(3) and json-c's own printing follow the locale; a mapping must not. */
static double double_from_text(const char *s) {
        static locale_t c_locale;

        if (!c_locale)
                c_locale = newlocale(LC_ALL_MASK, "C", NULL);
        return c_locale ? strtod_l(s, NULL, c_locale) : strtod(s, NULL);
}

/* Length of the JSON number at @s, 0 if there is none. */
static size_t number_length(const char *s, size_t size, bool *ret_is_integer) {
        size_t i = 0, digits;

        *ret_is_integer = true;
        if (i < size && s[i] == '-')
                i++;
        for (digits = i; i < size && s[i] >= '0' && s[i] <= '9';)
                i++;
        if (i == digits || (s[digits] == '0' && i > digits + 1))
                return 0;
        if (i + 1 < size && s[i] == '.' && s[i + 1] >= '0' && s[i + 1] <= '9') {
                *ret_is_integer = false;
                for (i++; i < size && s[i] >= '0' && s[i] <= '9';)
                        i++;
        }
        if (i < size && (s[i] == 'e' || s[i] == 'E')) {
                size_t e = i + 1;

                if (e < size && (s[e] == '+' || s[e] == '-'))
                        e++;
                if (e < size && s[e] >= '0' && s[e] <= '9') {
                        *ret_is_integer = false;
                        for (i = e; i < size && s[i] >= '0' && s[i] <= '9';)
                                i++;
                }
        }
        return i;
}

bool number_from_text(const char *s, size_t size, bool *ret_is_integer, int64_t *ret_integer, double *ret_double) {
        char copy[64];
        bool is_integer;
        long long v;

        /* No number that a person or a program writes is longer, and none longer is compared as one. */
        if (size == 0 || size >= sizeof(copy) || number_length(s, size, &is_integer) != size)
                return false;
        memcpy(copy, s, size);
        copy[size] = '\0';
        if (is_integer) {
                errno = 0;
                v = strtoll(copy, NULL, 10);
                is_integer = errno == 0;
                *ret_integer = v;
                *ret_double = (double) v;
        }
        if (!is_integer)
                *ret_double = double_from_text(copy);
        *ret_is_integer = is_integer;
        return true;
}

int syntax_number(const char *text, size_t *offset, json_object **ret, Error **ret_error) {
        bool is_integer;
        int64_t integer = 0;
        double d;
        size_t n = number_length(text + *offset, strlen(text + *offset), &is_integer);
        char copy[64];

        if (n == 0)
                return syntax_error(ret_error, text, *offset,
                                    "this is no number as JSON writes it, such as 12 or -0.5");
        if (!number_from_text(text + *offset, n, &is_integer, &integer, &d))
                return syntax_error(ret_error, text, *offset, "this number is too long");
        if (syntax_is_name_char(text[*offset + n]) || text[*offset + n] == '.')
                return syntax_error(ret_error, text, *offset + n, "a number ends before this; write text as \"…\"");
        memcpy(copy, text + *offset, n);
        copy[n] = '\0';
        *ret = is_integer ? json_object_new_int64(integer) : json_object_new_double_s(d, copy);
        if (!*ret)
                return -ENOMEM;
        *offset += n;
        return 0;
}

const char *integer_text(json_object *v, char buf[static INTEGER_TEXT_MAX]) {
        int64_t i = json_object_get_int64(v);

        /* json-c cuts what does not fit to the nearest that does. */
        if (i == INT64_MAX)
                (void) snprintf(buf, INTEGER_TEXT_MAX, "%" PRIu64, json_object_get_uint64(v));
        else
                (void) snprintf(buf, INTEGER_TEXT_MAX, "%" PRId64, i);
        return buf;
}

static int integer_compare(int64_t a, double b) {
        int64_t whole;

        /* 2^63 and -2^63 are doubles; what lies between them converts without overflow. */
        if (b >= 9223372036854775808.0)
                return -1;
        if (b < -9223372036854775808.0)
                return 1;
        whole = (int64_t) b;
        if (a != whole)
                return a < whole ? -1 : 1;
        return ((double) whole > b) - ((double) whole < b);
}

int numbers_compare(bool a_is_integer, int64_t a, double a_double, bool b_is_integer, int64_t b, double b_double) {
        if (a_is_integer && b_is_integer)
                return (a > b) - (a < b);
        if (a_is_integer)
                return integer_compare(a, b_double);
        if (b_is_integer)
                return -integer_compare(b, a_double);
        return (a_double > b_double) - (a_double < b_double);
}
