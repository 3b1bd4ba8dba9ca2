/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "ctl-table.h"

#include <errno.h>
#include <wchar.h>

#include "string-util.h"

/* ---- text ---- */

/* Characters that take no room, or change how others are placed, and that no name needs. Zero width joiners are not
 * among them: names in Persian, Hindi and others are written with them. (Unicode 15, property Default_Ignorable and
 * Bidi_Control, UAX #9.) */
static bool is_treacherous(wchar_t c) {
        static const struct {
                wchar_t first, last;
        } ranges[] = {
                { 0xad, 0xad },       { 0x61c, 0x61c },     { 0x115f, 0x1160 },   { 0x180e, 0x180e },
                { 0x200b, 0x200b },   { 0x200e, 0x200f },   { 0x2028, 0x202e },   { 0x2060, 0x206f },
                { 0x3164, 0x3164 },   { 0xfeff, 0xfeff },   { 0xffa0, 0xffa0 },   { 0xfff0, 0xfffb },
                { 0x1d173, 0x1d17a }, { 0xe0000, 0xe0fff },
        };

        for (size_t i = 0; i < ELEMENTSOF(ranges); i++)
                if (c >= ranges[i].first && c <= ranges[i].last)
                        return true;
        return false;
}

/* The next character of @s in a UTF-8 locale; returns its size, 0 for what is none. */
static size_t next_char(const char *s, wchar_t *ret) {
        mbstate_t state = {};
        size_t n = mbrtowc(ret, s, strlen(s), &state);

        return n == (size_t) -1 || n == (size_t) -2 ? 0 : n;
}

char *text_escape(const char *s) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;
        bool utf8 = terminal_is_utf8();
        char *result;

        while (*s) {
                unsigned char u = (unsigned char) *s;
                wchar_t c;
                size_t n;

                if (u >= 0x20 && u < 0x7f) {
                        strbuf_putc(&b, *s++);
                        continue;
                }
                n = u < 0x80 || !utf8 ? 0 : next_char(s, &c);
                if (n == 0 || (c >= 0x80 && c < 0xa0)) {
                        for (size_t i = 0; i < MAX2(n, (size_t) 1); i++)
                                strbuf_printf(&b, "\\x%02x", (unsigned char) *s++);
                        continue;
                }
                if (is_treacherous(c) || wcwidth(c) < 0)
                        strbuf_printf(&b, "\\u{%04x}", (unsigned) c);
                else
                        strbuf_append(&b, s, n);
                s += n;
        }
        return strbuf_steal(&b, &result) < 0 ? NULL : result;
}

char *text_escape_lines(const char *s, unsigned indent) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;
        char *result;

        for (;;) {
                size_t n = strcspn(s, "\n");
                _cleanup_free_ char *line = strndup(s, n), *escaped = line ? text_escape(line) : NULL;

                if (!escaped)
                        return NULL;
                strbuf_puts(&b, escaped);
                if (!s[n])
                        break;
                strbuf_printf(&b, "\n%*s", (int) indent, "");
                s += n + 1;
        }
        return strbuf_steal(&b, &result) < 0 ? NULL : result;
}

/* Size of the longest beginning of @s that takes at most @max columns; marks that take none go with their letter. */
static size_t fit(const char *s, size_t max, size_t *ret_width) {
        size_t width = 0, i = 0;

        while (s[i]) {
                size_t n = 1;
                int w = 1;

                if ((unsigned char) s[i] >= 0x80) {
                        wchar_t c;

                        n = next_char(s + i, &c);
                        w = n == 0 ? 1 : wcwidth(c);
                        n = MAX2(n, (size_t) 1);
                        w = MAX2(w, 0);
                }
                if (width + (size_t) w > max)
                        break;
                width += (size_t) w;
                i += n;
        }
        *ret_width = width;
        return i;
}

size_t text_width(const char *s) {
        size_t width;

        (void) fit(s, SIZE_MAX, &width);
        return width;
}

char *text_ellipsize(const char *s, size_t width) {
        const char *dots = terminal_is_utf8() ? "…" : "...";
        size_t n_dots = terminal_is_utf8() ? 1 : 3, have, n;
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;
        char *result;

        if (text_width(s) <= width)
                return strdup(s);
        n_dots = MIN2(n_dots, width);
        n = fit(s, width - n_dots, &have);
        strbuf_append(&b, s, n);
        if (n_dots > 0)
                strbuf_append(&b, dots, terminal_is_utf8() ? strlen(dots) : n_dots);
        return strbuf_steal(&b, &result) < 0 ? NULL : result;
}

/* ---- tables ---- */

#define COLUMNS_MAX 16U
#define WIDTH_MIN 6U

typedef struct Cell {
        char *text;
        CtlColor color;
} Cell;

struct Table {
        TableColumn columns[COLUMNS_MAX];
        size_t n_columns;
        Cell *cells;
        size_t n_cells, n_allocated;
        bool failed;
};

Table *table_new(const TableColumn *columns, size_t n_columns) {
        Table *t = calloc(1, sizeof(*t));

        assert(n_columns > 0 && n_columns <= COLUMNS_MAX);
        if (!t)
                return NULL;
        memcpy(t->columns, columns, n_columns * sizeof(*columns));
        t->n_columns = n_columns;
        return t;
}

Table *table_free(Table *t) {
        if (!t)
                return NULL;
        for (size_t i = 0; i < t->n_cells; i++)
                free(t->cells[i].text);
        free(t->cells);
        free(t);
        return NULL;
}

void table_add_color(Table *t, CtlColor c, const char *text) {
        char *escaped = text_escape(strempty(text));

        if (!escaped || ARRAY_GROW(t->cells, t->n_allocated, t->n_cells + 1) < 0) {
                free(escaped);
                t->failed = true;
                return;
        }
        t->cells[t->n_cells++] = (Cell) { .text = escaped, .color = c };
}

void table_add(Table *t, const char *text) {
        table_add_color(t, CTL_COLOR_NORMAL, text);
}

size_t table_n_rows(const Table *t) {
        return t->n_cells / t->n_columns;
}

static void measure(const Table *t, bool header, size_t widths[COLUMNS_MAX]) {
        for (size_t k = 0; k < t->n_columns; k++)
                widths[k] = header ? text_width(t->columns[k].header) : 0;
        for (size_t i = 0; i < t->n_cells; i++)
                widths[i % t->n_columns] = MAX2(widths[i % t->n_columns], text_width(t->cells[i].text));
}

/* Takes from the widest that may be cut, until the line fits or nothing is left to take. */
static void shrink(const Table *t, size_t widths[COLUMNS_MAX]) {
        size_t limit = terminal_columns(), sum = t->n_columns - 1;

        if (limit == 0)
                return;
        for (size_t k = 0; k < t->n_columns; k++)
                sum += widths[k];
        while (sum > limit) {
                size_t widest = t->n_columns;

                for (size_t k = 0; k < t->n_columns; k++)
                        if ((t->columns[k].flags & TABLE_SHRINK) && widths[k] > WIDTH_MIN &&
                            (widest == t->n_columns || widths[k] > widths[widest]))
                                widest = k;
                if (widest == t->n_columns)
                        return;
                widths[widest]--;
                sum--;
        }
}

static int print_cell(const Table *t, FILE *f, size_t k, const char *text, CtlColor c, size_t width) {
        _cleanup_free_ char *cut = text_ellipsize(text, width);
        size_t used, pad;

        if (!cut)
                return -ENOMEM;
        used = text_width(cut);
        pad = width > used ? width - used : 0;
        if (k > 0)
                fputc(' ', f);
        if (t->columns[k].flags & TABLE_RIGHT)
                fprintf(f, "%*s", (int) pad, "");
        fprintf(f, "%s%s%s", c == CTL_COLOR_NORMAL ? "" : color(c), cut, c == CTL_COLOR_NORMAL ? "" : color(CTL_COLOR_NORMAL));
        if (k + 1 == t->n_columns)
                fputc('\n', f);
        else if (!(t->columns[k].flags & TABLE_RIGHT))
                fprintf(f, "%*s", (int) pad, "");
        return 0;
}

int table_print(Table *t, FILE *f, bool header) {
        size_t widths[COLUMNS_MAX];
        int r = 0;

        if (t->failed)
                return -ENOMEM;
        assert(t->n_cells % t->n_columns == 0);
        measure(t, header, widths);
        shrink(t, widths);
        for (size_t k = 0; r >= 0 && header && k < t->n_columns; k++)
                r = print_cell(t, f, k, t->columns[k].header, CTL_COLOR_BOLD, widths[k]);
        for (size_t i = 0; r >= 0 && i < t->n_cells; i++)
                r = print_cell(t, f, i % t->n_columns, t->cells[i].text, t->cells[i].color, widths[i % t->n_columns]);
        return r;
}
