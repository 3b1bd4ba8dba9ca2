/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "mail-doc.h"

#include <errno.h>
#include <stdarg.h>

#include "string-util.h"

#define TEXT_COLUMNS 76U
#define CELL_MAX 48U
#define CELLS_MAX 6U
#define VALUE_MAX 2000U

typedef enum BlockType {
        BLOCK_NONE,
        BLOCK_FACTS,
        BLOCK_TABLE,
        BLOCK_OTHER,
} BlockType;

struct MailDoc {
        StrBuf text, html;
        BlockType open;
        /* The open list or table: cells row by row, because the text form needs the widths of all. */
        char **cells;
        size_t n_cells, n_allocated, columns;
        unsigned numbers;
        bool failed;
};

/* What mail programs know is the HTML of twenty years ago: tables for layout, styles on each element. The classes
 * carry only what a dark theme changes. */
static const struct {
        const char *bar, *label;
} tones[] = {
        [MAIL_TONE_DECIDE] = { "#b45309", "#92400e" },
        [MAIL_TONE_TROUBLE] = { "#b91c1c", "#991b1b" },
        [MAIL_TONE_GOOD] = { "#15803d", "#166534" },
        [MAIL_TONE_PLAIN] = { "#1d4ed8", "#1e40af" },
};

#define FONT                                                                                                       \
        "font-family:-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,'Noto Sans','Helvetica "                   \
        "Neue',Arial,sans-serif;"
#define MONO "font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;"

/* ---- characters ---- */

/* C0, C1, the line separators, and what turns the direction of the text around it: U+061C, U+200E, U+200F, U+202A
 * to U+202E, U+2066 to U+2069. With those a name could make the rest of its line read backwards. */
static bool is_unwanted(uint32_t c) {
        return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c || c == 0x200e || c == 0x200f || c == 0x2028 ||
               c == 0x2029 || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

/* @s is valid UTF-8 */
static size_t next_character(const char *s, uint32_t *ret) {
        unsigned char c = (unsigned char) *s;
        size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
        uint32_t v = n == 1 ? c : c & (0x7fU >> n);

        for (size_t i = 1; i < n; i++)
                v = v << 6 | ((unsigned char) s[i] & 0x3f);
        *ret = v;
        return n;
}

static size_t count_characters(const char *s) {
        size_t n = 0;

        for (; *s; s++)
                n += ((unsigned char) *s & 0xc0) != 0x80;
        return n;
}

char *mail_doc_clean(const char *s, size_t max) {
        _cleanup_free_ char *valid = utf8_make_valid(s);
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;
        char *result;
        size_t n = 0;
        uint32_t c;

        if (!valid)
                return NULL;
        for (const char *p = valid; *p;) {
                size_t k = next_character(p, &c);

                if (++n > max) {
                        strbuf_puts(&b, "…");
                        break;
                }
                if (is_unwanted(c))
                        strbuf_puts(&b, c == '\n' || c == '\r' || c == '\t' ? " " : "\xef\xbf\xbd");
                else
                        strbuf_append(&b, p, k);
                p += k;
        }
        return strbuf_steal(&b, &result) < 0 ? NULL : result;
}

static void put_escaped(StrBuf *b, const char *s) {
        for (; *s; s++)
                switch (*s) {
                case '&':
                        strbuf_puts(b, "&amp;");
                        break;
                case '<':
                        strbuf_puts(b, "&lt;");
                        break;
                case '>':
                        strbuf_puts(b, "&gt;");
                        break;
                case '"':
                        strbuf_puts(b, "&quot;");
                        break;
                case '\'':
                        strbuf_puts(b, "&#39;");
                        break;
                default:
                        strbuf_putc(b, *s);
                }
}

static void put_padding(StrBuf *b, size_t n) {
        while (n-- > 0)
                strbuf_putc(b, ' ');
}

/* Words of @s in lines of TEXT_COLUMNS; @indent before each line but the first, which starts at @column already. */
static void put_wrapped(StrBuf *b, const char *s, size_t column, size_t indent) {
        bool start = true;

        while (*s) {
                size_t n = strcspn(s, " "), width = 0;

                for (size_t i = 0; i < n; i++)
                        width += ((unsigned char) s[i] & 0xc0) != 0x80;
                if (!start && column + 1 + width > TEXT_COLUMNS) {
                        strbuf_putc(b, '\n');
                        put_padding(b, indent);
                        column = indent;
                } else if (!start) {
                        strbuf_putc(b, ' ');
                        column++;
                }
                strbuf_append(b, s, n);
                column += width;
                start = false;
                s += n;
                s += strspn(s, " ");
        }
        strbuf_putc(b, '\n');
}

/* ---- lists and tables ---- */

static void clear_cells(MailDoc *d) {
        for (size_t i = 0; i < d->n_cells; i++)
                free(d->cells[i]);
        d->n_cells = 0;
        d->open = BLOCK_NONE;
}

static void add_cell(MailDoc *d, const char *s, size_t max) {
        if (d->failed)
                return;
        if (ARRAY_GROW(d->cells, d->n_allocated, d->n_cells + 1) < 0 ||
            !(d->cells[d->n_cells] = mail_doc_clean(s, max))) {
                d->failed = true;
                return;
        }
        d->n_cells++;
}

static void flush_facts(MailDoc *d) {
        size_t width = 0;

        for (size_t i = 0; i < d->n_cells; i += 2)
                width = MAX2(width, count_characters(d->cells[i]));
        strbuf_puts(&d->html,
                    "<table role=\"presentation\" cellpadding=\"0\" cellspacing=\"0\" style=\"margin:0 0 18px;"
                    "border-collapse:collapse\">\n");
        for (size_t i = 0; i + 1 < d->n_cells; i += 2) {
                const char *label = d->cells[i], *value = d->cells[i + 1];

                strbuf_puts(&d->text, "  ");
                strbuf_puts(&d->text, label);
                put_padding(&d->text, width - count_characters(label) + 2);
                put_wrapped(&d->text, value, width + 4, width + 4);

                strbuf_puts(&d->html,
                            "<tr><td class=\"dim\" valign=\"top\" style=\"" FONT "font-size:14px;line-height:22px;"
                            "color:#57606a;padding:2px 18px 2px 0;white-space:nowrap\">");
                put_escaped(&d->html, label);
                strbuf_puts(&d->html,
                            "</td><td class=\"ink\" valign=\"top\" style=\"" FONT "font-size:14px;line-height:22px;"
                            "color:#1f2328;padding:2px 0\">");
                put_escaped(&d->html, value);
                strbuf_puts(&d->html, "</td></tr>\n");
        }
        strbuf_puts(&d->html, "</table>\n");
        strbuf_putc(&d->text, '\n');
}

static void flush_table(MailDoc *d) {
        size_t widths[CELLS_MAX] = {}, rows = d->n_cells / d->columns;

        for (size_t i = 0; i < d->n_cells; i++)
                widths[i % d->columns] = MAX2(widths[i % d->columns], count_characters(d->cells[i]));

        strbuf_puts(&d->html, "<table cellpadding=\"0\" cellspacing=\"0\" width=\"100%\" style=\"margin:0 0 18px;"
                              "border-collapse:collapse;width:100%\">\n");
        for (size_t row = 0; row < rows; row++) {
                const char *tag = row == 0 ? "th" : "td";
                size_t behind = 0;

                strbuf_puts(&d->text, "  ");
                strbuf_puts(&d->html, "<tr>");
                for (size_t i = 0; i < d->columns; i++) {
                        const char *cell = d->cells[row * d->columns + i];
                        bool right = d->numbers & 1U << i;
                        size_t gap = widths[i] - count_characters(cell);

                        /* No blanks at the end of a line. */
                        put_padding(&d->text, behind + (right ? gap : 0));
                        strbuf_puts(&d->text, cell);
                        behind = 2 + (right ? 0 : gap);

                        strbuf_printf(&d->html, "<%s align=\"%s\" valign=\"top\" class=\"%s\" style=\"" FONT, tag,
                                      right ? "right" : "left", row == 0 ? "dim line" : "ink line");
                        strbuf_puts(&d->html,
                                    row == 0 ? "font-size:12px;line-height:18px;font-weight:600;color:#57606a;"
                                               "border-bottom:1px solid #d0d7de;padding:0 "
                                             : "font-size:14px;line-height:20px;color:#1f2328;"
                                               "border-bottom:1px solid #eaeef2;padding:6px ");
                        strbuf_puts(&d->html, i + 1 < d->columns ? "12px 6px 0" : "0 6px 0");
                        if (right)
                                strbuf_puts(&d->html, ";font-variant-numeric:tabular-nums");
                        strbuf_puts(&d->html, "\">");
                        put_escaped(&d->html, cell);
                        strbuf_printf(&d->html, "</%s>", tag);
                }
                strbuf_putc(&d->text, '\n');
                strbuf_puts(&d->html, "</tr>\n");
        }
        strbuf_putc(&d->text, '\n');
        strbuf_puts(&d->html, "</table>\n");
}

/* Ends the open list or table, unless the next element continues it. */
static void begin(MailDoc *d, BlockType type) {
        if (d->open == type && type != BLOCK_OTHER)
                return;
        if (!d->failed && d->n_cells > 0) {
                if (d->open == BLOCK_FACTS)
                        flush_facts(d);
                else
                        flush_table(d);
        }
        clear_cells(d);
        d->open = type;
}

/* ---- elements ---- */

/* The formatted value, cleaned; NULL and failed for OOM. */
static char *format(MailDoc *d, size_t max, const char *fmt, va_list ap) _printf_(3, 0);
static char *format(MailDoc *d, size_t max, const char *fmt, va_list ap) {
        _cleanup_free_ char *raw = NULL;
        char *clean;

        if (vasprintf(&raw, fmt, ap) < 0) {
                raw = NULL;
                d->failed = true;
                return NULL;
        }
        clean = mail_doc_clean(raw, max);
        if (!clean)
                d->failed = true;
        return clean;
}

void mail_doc_paragraph(MailDoc *d, const char *fmt, ...) {
        _cleanup_free_ char *s = NULL;
        va_list ap;

        va_start(ap, fmt);
        s = format(d, VALUE_MAX, fmt, ap);
        va_end(ap);
        if (!s)
                return;
        begin(d, BLOCK_OTHER);
        put_wrapped(&d->text, s, 0, 0);
        strbuf_putc(&d->text, '\n');
        strbuf_puts(&d->html, "<p class=\"ink\" style=\"" FONT
                              "font-size:15px;line-height:23px;color:#1f2328;margin:0 0 14px\">");
        put_escaped(&d->html, s);
        strbuf_puts(&d->html, "</p>\n");
}

void mail_doc_heading(MailDoc *d, const char *text) {
        _cleanup_free_ char *s = mail_doc_clean(text, VALUE_MAX);

        if (!s) {
                d->failed = true;
                return;
        }
        begin(d, BLOCK_OTHER);
        strbuf_printf(&d->text, "%s\n", s);
        for (size_t n = count_characters(s); n > 0; n--)
                strbuf_putc(&d->text, '-');
        strbuf_puts(&d->text, "\n\n");
        strbuf_puts(&d->html, "<h2 class=\"ink\" style=\"" FONT
                              "font-size:16px;line-height:24px;font-weight:600;color:#1f2328;"
                              "margin:26px 0 10px\">");
        put_escaped(&d->html, s);
        strbuf_puts(&d->html, "</h2>\n");
}

void mail_doc_fact(MailDoc *d, const char *label, const char *fmt, ...) {
        _cleanup_free_ char *s = NULL;
        va_list ap;

        va_start(ap, fmt);
        s = format(d, VALUE_MAX, fmt, ap);
        va_end(ap);
        if (!s)
                return;
        begin(d, BLOCK_FACTS);
        add_cell(d, label, CELL_MAX);
        add_cell(d, s, VALUE_MAX);
}

void mail_doc_row(MailDoc *d, size_t n, const char *const cells[], unsigned numbers) {
        assert(n > 0 && n <= CELLS_MAX);

        if (d->open == BLOCK_TABLE && d->columns != n)
                begin(d, BLOCK_OTHER);
        begin(d, BLOCK_TABLE);
        d->columns = n;
        d->numbers = numbers;
        for (size_t i = 0; i < n; i++)
                add_cell(d, cells[i], CELL_MAX);
}

void mail_doc_command(MailDoc *d, const char *label, const char *command) {
        _cleanup_free_ char *l = mail_doc_clean(label, VALUE_MAX), *c = mail_doc_clean(command, VALUE_MAX);

        if (!l || !c) {
                d->failed = true;
                return;
        }
        begin(d, BLOCK_OTHER);
        put_wrapped(&d->text, l, 0, 0);
        strbuf_printf(&d->text, "    %s\n\n", c);
        strbuf_puts(&d->html, "<p class=\"dim\" style=\"" FONT
                              "font-size:14px;line-height:20px;color:#57606a;margin:0 0 4px\">");
        put_escaped(&d->html, l);
        strbuf_puts(&d->html,
                    "</p>\n<p class=\"code\" style=\"" MONO "font-size:14px;line-height:20px;color:#1f2328;"
                    "background-color:#f6f8fa;border:1px solid #d0d7de;border-radius:6px;padding:9px 12px;margin:0 "
                    "0 14px;"
                    "word-break:break-word\">");
        put_escaped(&d->html, c);
        strbuf_puts(&d->html, "</p>\n");
}

void mail_doc_footer(MailDoc *d, const char *fmt, ...) {
        _cleanup_free_ char *s = NULL;
        va_list ap;

        va_start(ap, fmt);
        s = format(d, VALUE_MAX, fmt, ap);
        va_end(ap);
        if (!s)
                return;
        begin(d, BLOCK_OTHER);
        /* "-- " alone is how a signature begins; mail programs show it apart. */
        strbuf_puts(&d->text, "-- \n");
        put_wrapped(&d->text, s, 0, 0);
        strbuf_puts(&d->html, "</td></tr>\n<tr><td class=\"dim line\" style=\"" FONT
                              "font-size:12px;line-height:18px;color:#57606a;"
                              "padding:14px 28px 18px;border-top:1px solid #eaeef2\">");
        put_escaped(&d->html, s);
        strbuf_putc(&d->html, '\n');
}

/* ---- the frame ---- */

MailDoc *mail_doc_new(const char *language, MailTone tone, const char *label, const char *title) {
        _cleanup_free_ char *l = mail_doc_clean(label, VALUE_MAX), *t = mail_doc_clean(title, VALUE_MAX);
        _cleanup_(mail_doc_freep) MailDoc *d = calloc(1, sizeof(*d));
        StrBuf *h;

        if (!d || !l || !t)
                return NULL;
        put_wrapped(&d->text, t, 0, 0);
        strbuf_putc(&d->text, '\n');

        h = &d->html;
        strbuf_puts(h, "<!DOCTYPE html>\n<html lang=\"");
        put_escaped(h, language);
        strbuf_puts(h, "\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
                       "content=\"width=device-width,initial-scale=1\">\n"
                       "<meta name=\"color-scheme\" content=\"light dark\">\n"
                       "<meta name=\"supported-color-schemes\" content=\"light dark\">\n<title>");
        put_escaped(h, t);
        strbuf_puts(
                h,
                "</title>\n<style>\n"
                ":root { color-scheme: light dark; }\n"
                "@media (prefers-color-scheme: dark) {\n"
                ".page { background-color: #0d1117 !important; }\n"
                ".card { background-color: #161b22 !important; border-color: #30363d !important; }\n"
                ".ink { color: #e6edf3 !important; }\n"
                ".dim { color: #9198a1 !important; }\n"
                ".line { border-color: #30363d !important; }\n"
                ".code { color: #e6edf3 !important; background-color: #0d1117 !important; border-color: #30363d "
                "!important; }\n"
                "}\n"
                "@media (max-width: 480px) { .pad { padding-left: 16px !important; padding-right: 16px !important; "
                "} }\n"
                "</style>\n</head>\n<body class=\"page\" style=\"margin:0;padding:0;background-color:#f3f4f6\">\n"
                "<table class=\"page\" role=\"presentation\" width=\"100%\" cellpadding=\"0\" cellspacing=\"0\" "
                "style=\"background-color:#f3f4f6\">\n<tr><td align=\"center\" style=\"padding:24px 12px\">\n"
                "<table class=\"card\" role=\"presentation\" width=\"640\" cellpadding=\"0\" cellspacing=\"0\" "
                "style=\"width:100%;max-width:640px;text-align:left;background-color:#ffffff;border:1px solid "
                "#d0d7de;"
                "border-radius:8px\">\n");
        strbuf_printf(h,
                      "<tr><td class=\"pad\" style=\"border-top:5px solid %s;border-radius:8px 8px 0 "
                      "0;padding:22px 28px 4px\">\n"
                      "<p style=\"" FONT
                      "font-size:13px;line-height:18px;font-weight:600;color:%s;margin:0 0 4px\">"
                      "<span class=\"dim\">",
                      tones[tone].bar, tones[tone].label);
        put_escaped(h, l);
        strbuf_puts(h, "</span></p>\n<h1 class=\"ink\" style=\"" FONT
                       "font-size:22px;line-height:30px;font-weight:600;color:#1f2328;"
                       "margin:0 0 14px\">");
        put_escaped(h, t);
        strbuf_puts(h, "</h1>\n</td></tr>\n<tr><td class=\"pad\" style=\"padding:0 28px 14px\">\n");
        return TAKE_PTR(d);
}

int mail_doc_finish(MailDoc *d, char **ret_text, char **ret_html) {
        _cleanup_free_ char *text = NULL, *html = NULL;
        int r;

        begin(d, BLOCK_OTHER);
        strbuf_puts(&d->html, "</td></tr>\n</table>\n</td></tr>\n</table>\n</body>\n</html>\n");
        if (d->failed)
                return -ENOMEM;
        r = strbuf_steal(&d->text, &text);
        if (r < 0)
                return r;
        r = strbuf_steal(&d->html, &html);
        if (r < 0)
                return r;
        *ret_text = TAKE_PTR(text);
        *ret_html = TAKE_PTR(html);
        return 0;
}

MailDoc *mail_doc_free(MailDoc *d) {
        if (!d)
                return NULL;
        clear_cells(d);
        free(d->cells);
        strbuf_done(&d->text);
        strbuf_done(&d->html);
        free(d);
        return NULL;
}
