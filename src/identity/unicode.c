/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "unicode.h"

#include "unicode-data.h"

size_t utf8_next(const char *s, size_t size, uint32_t *ret) {
        const unsigned char *u = (const unsigned char *) s;
        size_t n;

        if (u[0] < 0x80) {
                *ret = u[0];
                return 1;
        }
        n = u[0] >= 0xf0 ? 4 : u[0] >= 0xe0 ? 3 : 2;
        if (n > size || !utf8_is_valid(s, n)) {
                *ret = UTF8_BAD_BYTE(u[0]);
                return 1;
        }
        *ret = u[0] & (0xffU >> (n + 1));
        for (size_t i = 1; i < n; i++)
                *ret = *ret << 6 | (u[i] & 0x3fU);
        return n;
}

size_t utf8_count(const char *s, size_t size) {
        size_t n = 0;
        uint32_t c;

        for (size_t i = 0; i < size; n++)
                i += utf8_next(s + i, size - i, &c);
        return n;
}

size_t utf8_offset(const char *s, size_t size, uint64_t n) {
        size_t i = 0;
        uint32_t c;

        for (; n > 0 && i < size; n--)
                i += utf8_next(s + i, size - i, &c);
        return i;
}

void strbuf_put_char(StrBuf *b, uint32_t c) {
        if (c < 0x80)
                strbuf_putc(b, (char) c);
        else if (c < 0x800) {
                strbuf_putc(b, (char) (0xc0 | c >> 6));
                strbuf_putc(b, (char) (0x80 | (c & 0x3f)));
        } else if (c < 0x10000) {
                strbuf_putc(b, (char) (0xe0 | c >> 12));
                strbuf_putc(b, (char) (0x80 | (c >> 6 & 0x3f)));
                strbuf_putc(b, (char) (0x80 | (c & 0x3f)));
        } else if (c < 0x110000) {
                strbuf_putc(b, (char) (0xf0 | c >> 18));
                strbuf_putc(b, (char) (0x80 | (c >> 12 & 0x3f)));
                strbuf_putc(b, (char) (0x80 | (c >> 6 & 0x3f)));
                strbuf_putc(b, (char) (0x80 | (c & 0x3f)));
        } else
                strbuf_putc(b, (char) (c - 0x110000U));
}

static uint32_t convert_case(const CaseRange *table, size_t n, uint32_t c) {
        size_t low = 0, high = n;

        while (low < high) {
                size_t mid = (low + high) / 2;

                if (c > table[mid].last)
                        low = mid + 1;
                else if (c < table[mid].first)
                        high = mid;
                else if ((c - table[mid].first) % table[mid].step == 0)
                        return (uint32_t) ((int64_t) c + table[mid].delta);
                else
                        return c;
        }
        return c;
}

uint32_t char_to_lower(uint32_t c) {
        if (c < 0x80)
                return c >= 'A' && c <= 'Z' ? c + 32 : c;
        return convert_case(to_lower, ELEMENTSOF(to_lower), c);
}

uint32_t char_to_upper(uint32_t c) {
        if (c < 0x80)
                return c >= 'a' && c <= 'z' ? c - 32 : c;
        return convert_case(to_upper, ELEMENTSOF(to_upper), c);
}

uint32_t char_fold(uint32_t c) {
        /* By way of the upper case, so that ς and σ, ſ and s meet. */
        return c < 0x80 ? char_to_lower(c) : char_to_lower(char_to_upper(c));
}

static bool in_ranges(const CharRange *table, size_t n, uint32_t c) {
        size_t low = 0, high = n;

        while (low < high) {
                size_t mid = (low + high) / 2;

                if (c > table[mid].last)
                        low = mid + 1;
                else if (c < table[mid].first)
                        high = mid;
                else
                        return true;
        }
        return false;
}

bool char_is_separator(uint32_t c) {
        return in_ranges(separators, ELEMENTSOF(separators), c);
}

bool char_is_combining(uint32_t c) {
        return c >= 0x300 && in_ranges(combining, ELEMENTSOF(combining), c);
}

const char *char_base_letters(uint32_t c) {
        size_t low = 0, high = ELEMENTSOF(base_letters);

        if (c < 0x80)
                return NULL;
        while (low < high) {
                size_t mid = (low + high) / 2;

                if (c > base_letters[mid].c)
                        low = mid + 1;
                else if (c < base_letters[mid].c)
                        high = mid;
                else
                        return base_letters[mid].base;
        }
        return NULL;
}

int text_compare_folded(const char *a, size_t a_size, const char *b, size_t b_size) {
        size_t i = 0, k = 0;

        while (i < a_size && k < b_size) {
                uint32_t x, y;

                i += utf8_next(a + i, a_size - i, &x);
                k += utf8_next(b + k, b_size - k, &y);
                if (x == y)
                        continue;
                x = char_fold(x);
                y = char_fold(y);
                if (x != y)
                        return x < y ? -1 : 1;
        }
        return i < a_size ? 1 : k < b_size ? -1 : 0;
}

bool ascii_strncaseeq(const char *a, const char *b, size_t n) {
        for (size_t i = 0; i < n; i++) {
                unsigned char x = (unsigned char) a[i], y = (unsigned char) b[i];

                if (x != y && (x >= 0x80 || y >= 0x80 || char_to_lower(x) != char_to_lower(y)))
                        return false;
                if (x == 0)
                        return true;
        }
        return true;
}

bool ascii_strcaseeq(const char *a, const char *b) {
        return ascii_strncaseeq(a, b, SIZE_MAX);
}
