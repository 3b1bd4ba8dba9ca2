/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "string-util.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

int free_and_strdup(char **p, const char *s) {
        char *copy = NULL;

        if (s) {
                copy = strdup(s);
                if (!copy)
                        return -ENOMEM;
        }
        free(*p);
        *p = copy;
        return 0;
}

char *strstrip(char *s) {
        size_t n;

        s += strspn(s, " \t\r\n");
        n = strlen(s);
        while (n > 0 && strchr(" \t\r\n", s[n - 1]))
                n--;
        s[n] = '\0';
        return s;
}

static bool strbuf_reserve(StrBuf *b, size_t more) {
        if (b->failed)
                return false;
        if (more >= SIZE_MAX / 4 - b->size ||
            ARRAY_GROW(b->data, b->allocated, b->size + more + 1) < 0) {
                b->failed = true;
                return false;
        }
        return true;
}

void strbuf_append(StrBuf *b, const void *data, size_t size) {
        if (!strbuf_reserve(b, size))
                return;
        if (size > 0)
                memcpy(b->data + b->size, data, size);
        b->size += size;
        b->data[b->size] = '\0';
}

void strbuf_puts(StrBuf *b, const char *s) {
        strbuf_append(b, s, strlen(s));
}

void strbuf_putc(StrBuf *b, char c) {
        strbuf_append(b, &c, 1);
}

void strbuf_printf(StrBuf *b, const char *fmt, ...) {
        va_list ap, copy;
        int n;

        va_start(ap, fmt);
        va_copy(copy, ap);
        n = vsnprintf(NULL, 0, fmt, copy);
        va_end(copy);
        if (n < 0)
                b->failed = true;
        else if (strbuf_reserve(b, (size_t) n)) {
                (void) vsnprintf(b->data + b->size, (size_t) n + 1, fmt, ap);
                b->size += (size_t) n;
        }
        va_end(ap);
}

void strbuf_json(StrBuf *b, const char *s) {
        size_t n = strlen(s), i = 0, bad;

        strbuf_putc(b, '"');
        while (i < n) {
                bad = i + utf8_find_invalid(s + i, n - i);
                while (i < bad) {
                        size_t run = i;

                        while (run < bad && (unsigned char) s[run] >= 0x20 && s[run] != '"' && s[run] != '\\' &&
                               s[run] != 0x7f)
                                run++;
                        strbuf_append(b, s + i, run - i);
                        i = run;
                        if (i >= bad)
                                break;
                        switch (s[i]) {
                        case '"':
                                strbuf_puts(b, "\\\"");
                                break;
                        case '\\':
                                strbuf_puts(b, "\\\\");
                                break;
                        case '\n':
                                strbuf_puts(b, "\\n");
                                break;
                        case '\r':
                                strbuf_puts(b, "\\r");
                                break;
                        case '\t':
                                strbuf_puts(b, "\\t");
                                break;
                        default:
                                strbuf_printf(b, "\\u%04x", (unsigned char) s[i]);
                        }
                        i++;
                }
                if (i < n) {
                        strbuf_puts(b, "\xef\xbf\xbd");
                        i++;
                }
        }
        strbuf_putc(b, '"');
}

void strbuf_clear(StrBuf *b) {
        b->size = 0;
        b->failed = false;
        if (b->data)
                b->data[0] = '\0';
}

void strbuf_done(StrBuf *b) {
        free(b->data);
        *b = STRBUF_INIT;
}

int strbuf_check(const StrBuf *b) {
        return b->failed ? -ENOMEM : 0;
}

int strbuf_steal(StrBuf *b, char **ret) {
        strbuf_append(b, "", 0);
        if (b->failed) {
                strbuf_done(b);
                return -ENOMEM;
        }
        *ret = TAKE_PTR(b->data);
        *b = STRBUF_INIT;
        return 0;
}

char **strv_free(char **l) {
        if (l)
                for (char **p = l; *p; p++)
                        free(*p);
        free(l);
        return NULL;
}

size_t strv_length(char *const *l) {
        size_t n = 0;

        while (l && l[n])
                n++;
        return n;
}

bool strv_contains(char *const *l, const char *s) {
        for (; l && *l; l++)
                if (streq(*l, s))
                        return true;
        return false;
}

int strv_extend(char ***l, const char *s) {
        size_t n = strv_length(*l);
        char **grown, *copy;

        copy = strdup(s);
        if (!copy)
                return -ENOMEM;
        /* Powers of two only, so that building a list stays linear. */
        if (n == 0 || (n + 1) == 0 || ((n + 1) & n) == 0) {
                grown = reallocarray(*l, 2 * (n + 1), sizeof(char *));
                if (!grown) {
                        free(copy);
                        return -ENOMEM;
                }
                *l = grown;
        }
        (*l)[n] = copy;
        (*l)[n + 1] = NULL;
        return 0;
}

char **strv_copy(char *const *l) {
        char **copy;
        size_t n = strv_length(l);

        /* Sized as strv_extend() expects it: the next power of two above n + 1. */
        copy = calloc(2 * (n + 1), sizeof(char *));
        if (!copy)
                return NULL;
        for (size_t i = 0; i < n; i++) {
                copy[i] = strdup(l[i]);
                if (!copy[i])
                        return strv_free(copy);
        }
        return copy;
}

bool strv_equal(char *const *a, char *const *b) {
        size_t n = strv_length(a);

        if (n != strv_length(b))
                return false;
        for (size_t i = 0; i < n; i++)
                if (!streq(a[i], b[i]))
                        return false;
        return true;
}

static int compare_strings(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

void strv_sort_unique(char **l) {
        size_t n = strv_length(l), k = 0;

        if (n == 0)
                return;
        qsort(l, n, sizeof(char *), compare_strings);
        for (size_t i = 1; i < n; i++) {
                if (streq(l[k], l[i]))
                        free(l[i]);
                else
                        l[++k] = l[i];
        }
        l[k + 1] = NULL;
}

int strv_split(const char *s, const char *separators, char ***ret) {
        _cleanup_strv_ char **l = NULL;
        _cleanup_free_ char *copy = NULL;
        char *state = NULL;
        int r;

        copy = strdup(s);
        l = calloc(2, sizeof(char *));
        if (!copy || !l)
                return -ENOMEM;
        for (char *word = strtok_r(copy, separators, &state); word; word = strtok_r(NULL, separators, &state)) {
                r = strv_extend(&l, word);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(l);
        return 0;
}

char *strv_join(char *const *l, const char *separator) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;
        char *s;

        for (size_t i = 0; l && l[i]; i++) {
                if (i > 0)
                        strbuf_puts(&b, separator);
                strbuf_puts(&b, l[i]);
        }
        return strbuf_steal(&b, &s) < 0 ? NULL : s;
}

/* Length of the valid character at s, or 0. */
static size_t utf8_char(const unsigned char *s, size_t size) {
        if (s[0] == 0)
                return 0;
        if (s[0] < 0x80)
                return 1;
        if (s[0] < 0xc2)
                return 0;
        if (s[0] < 0xe0)
                return size >= 2 && (s[1] & 0xc0) == 0x80 ? 2 : 0;
        if (s[0] < 0xf0) {
                if (size < 3 || (s[1] & 0xc0) != 0x80 || (s[2] & 0xc0) != 0x80)
                        return 0;
                if (s[0] == 0xe0 && s[1] < 0xa0)
                        return 0;
                if (s[0] == 0xed && s[1] > 0x9f)
                        return 0;
                return 3;
        }
        if (s[0] < 0xf5) {
                if (size < 4 || (s[1] & 0xc0) != 0x80 || (s[2] & 0xc0) != 0x80 || (s[3] & 0xc0) != 0x80)
                        return 0;
                if (s[0] == 0xf0 && s[1] < 0x90)
                        return 0;
                if (s[0] == 0xf4 && s[1] > 0x8f)
                        return 0;
                return 4;
        }
        return 0;
}

size_t utf8_find_invalid(const char *s, size_t size) {
        const unsigned char *u = (const unsigned char *) s;
        size_t i = 0, n;

        while (i < size) {
                uint64_t word;

                /* Most text is ASCII: eight characters at a time, none of them NUL or above 0x7f. */
                for (; size - i >= sizeof(word); i += sizeof(word)) {
                        memcpy(&word, u + i, sizeof(word));
                        if (((word | (word - UINT64_C(0x0101010101010101))) & UINT64_C(0x8080808080808080)) != 0)
                                break;
                }
                if (i == size)
                        break;
                n = utf8_char(u + i, size - i);
                if (n == 0)
                        return i;
                i += n;
        }
        return size;
}

bool utf8_is_valid(const char *s, size_t size) {
        return utf8_find_invalid(s, size) == size;
}

char *utf8_make_valid(const char *s) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;
        size_t n = strlen(s), i = 0;
        char *result;

        while (i < n) {
                size_t good = utf8_find_invalid(s + i, n - i);

                strbuf_append(&b, s + i, good);
                i += good;
                if (i < n) {
                        strbuf_puts(&b, "\xef\xbf\xbd");
                        i++;
                }
        }
        return strbuf_steal(&b, &result) < 0 ? NULL : result;
}

size_t utf8_truncate(const char *s, size_t max) {
        size_t n = strlen(s);

        if (n <= max)
                return n;
        while (max > 0 && ((unsigned char) s[max] & 0xc0) == 0x80)
                max--;
        return max;
}

char *printable_copy(const char *s) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;
        const unsigned char *u = (const unsigned char *) s;
        size_t size = strlen(s), n;
        char *result;

        for (size_t i = 0; i < size; i += n) {
                n = utf8_char(u + i, size - i);
                /* C1 controls (U+0080 to U+009F) steer terminals as well as C0 ones do. */
                if (n == 0 || u[i] < 0x20 || u[i] == 0x7f || (n == 2 && u[i] == 0xc2 && u[i + 1] < 0xa0)) {
                        n = n == 0 ? 1 : n;
                        for (size_t k = 0; k < n; k++)
                                strbuf_printf(&b, "\\x%02x", u[i + k]);
                } else
                        strbuf_append(&b, s + i, n);
        }
        return strbuf_steal(&b, &result) < 0 ? NULL : result;
}

int parse_boolean(const char *s) {
        static const char *const yes[] = { "yes", "true", "on", "1", "y", "t" };
        static const char *const no[] = { "no", "false", "off", "0", "n", "f" };

        for (size_t i = 0; i < ELEMENTSOF(yes); i++) {
                if (strcasecmp(s, yes[i]) == 0)
                        return 1;
                if (strcasecmp(s, no[i]) == 0)
                        return 0;
        }
        return -EINVAL;
}

int parse_uint64(const char *s, uint64_t *ret) {
        uint64_t v = 0;

        if (!*s)
                return -EINVAL;
        for (; *s; s++) {
                if (*s < '0' || *s > '9')
                        return -EINVAL;
                if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, (uint64_t) (*s - '0'), &v))
                        return -ERANGE;
        }
        *ret = v;
        return 0;
}

char *hex_encode(const void *data, size_t size) {
        static const char digits[] = "0123456789abcdef";
        const unsigned char *u = data;
        char *s;

        s = malloc(2 * size + 1);
        if (!s)
                return NULL;
        for (size_t i = 0; i < size; i++) {
                s[2 * i] = digits[u[i] >> 4];
                s[2 * i + 1] = digits[u[i] & 15];
        }
        s[2 * size] = '\0';
        return s;
}
