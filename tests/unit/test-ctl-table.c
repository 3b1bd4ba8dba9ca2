/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <locale.h>
#include <stdio.h>

#include "ctl-table.h"
#include "string-util.h"
#include "tap.h"

/* What a terminal's program would see is decided once, by these. */
__attribute__((constructor)) static void set_up(void) {
        (void) setlocale(LC_ALL, "C.UTF-8");
        (void) setenv("COLUMNS", "40", 1);
        (void) unsetenv("SYSTEMD_COLORS");
}

static const char *escape(const char *s) {
        static char *last;

        free(last);
        last = text_escape(s);
        return last;
}

TEST(what_steers_a_terminal_is_shown) {
        CHECK_STR(escape("plain text, \\ too"), "plain text, \\ too");
        CHECK_STR(escape("a\nb\rc\td\x7f"), "a\\x0ab\\x0dc\\x09d\\x7f");
        CHECK_STR(escape("\033[31m"), "\\x1b[31m");
        CHECK_STR(escape("\xc2\x9b" "31m"), "\\xc2\\x9b31m");
        CHECK_STR(escape("caf\xe9!"), "caf\\xe9!");
        CHECK_STR(escape("\xc0\x80\xed\xa0\x80"), "\\xc0\\x80\\xed\\xa0\\x80");
        CHECK_STR(escape("cut \xe2\x82"), "cut \\xe2\\x82");
        CHECK_STR(escape(""), "");
}

TEST(what_is_invisible_or_turns_the_line_is_shown) {
        CHECK_STR(escape("a\u202eb\u200fc\u2066d"), "a\\u{202e}b\\u{200f}c\\u{2066}d");
        CHECK_STR(escape("\ufeffx\u200by\u00adz"), "\\u{feff}x\\u{200b}y\\u{00ad}z");
        CHECK_STR(escape("\U000e0041"), "\\u{e0041}");
        CHECK_STR(escape("line\u2028break"), "line\\u{2028}break");
}

TEST(what_people_are_called_is_left_alone) {
        CHECK_STR(escape("Zoë Łukasz Ærøskøbing 李雷 יעל دانیال‌ها"), "Zoë Łukasz Ærøskøbing 李雷 יעל دانیال‌ها");
        CHECK_STR(escape("e\u0301"), "e\u0301");
}

TEST(further_lines_are_indented) {
        _cleanup_free_ char *text = text_escape_lines("filter:\na zz b\n  ^\x1b[1m", 4), *one = text_escape_lines("one", 4);

        CHECK_STR(text, "filter:\n    a zz b\n      ^\\x1b[1m");
        CHECK_STR(one, "one");
}

TEST(width_is_counted_in_columns) {
        CHECK_INT(text_width("abc"), 3);
        CHECK_INT(text_width("日本"), 4);
        CHECK_INT(text_width("e\u0301e"), 2);
        CHECK_INT(text_width(""), 0);
}

static const char *cut(const char *s, size_t width) {
        static char *last;

        free(last);
        last = text_ellipsize(s, width);
        return last;
}

TEST(what_is_too_wide_ends_in_an_ellipsis) {
        CHECK_STR(cut("abcdef", 6), "abcdef");
        CHECK_STR(cut("abcdef", 5), "abcd…");
        CHECK_STR(cut("日本語", 6), "日本語");
        CHECK_STR(cut("日本語", 5), "日本…");
        CHECK_STR(cut("日本語", 4), "日…");
        CHECK_STR(cut("abce\u0301f", 4), "abc…");
        CHECK_STR(cut("abe\u0301fg", 4), "abe\u0301…");
        CHECK_STR(cut("abc", 1), "…");
        CHECK_STR(cut("abc", 0), "");
}

static char *print(Table *t, bool header) {
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        if (table_print(t, f, header) < 0)
                fprintf(f, "failed");
        fclose(f);
        return text;
}

TEST(a_table_fits_the_terminal) {
        const TableColumn columns[] = { { "ID", TABLE_SHRINK }, { "N", TABLE_RIGHT }, { "NAME", TABLE_SHRINK }, { "KIND", 0 } };
        _cleanup_(table_freep) Table *t = table_new(columns, ELEMENTSOF(columns));
        _cleanup_free_ char *text = NULL;

        table_add(t, "one");
        table_add(t, "7");
        table_add(t, "a name that is longer than there is room");
        table_add(t, "user");
        table_add(t, "two");
        table_add(t, "1204");
        table_add(t, "日本語の名前テスト日本語の名前テスト");
        table_add(t, "group");
        text = print(t, true);
        CHECK_STR(text, "ID     N NAME                      KIND\n"
                        "one    7 a name that is longer th… user\n"
                        "two 1204 日本語の名前テスト日本語… group\n");
        CHECK_INT(table_n_rows(t), 2);
}

TEST(a_table_that_cannot_shrink_stays_readable) {
        const TableColumn columns[] = { { "A", 0 }, { "B", TABLE_SHRINK } };
        _cleanup_(table_freep) Table *t = table_new(columns, ELEMENTSOF(columns));
        _cleanup_free_ char *text = NULL;

        table_add(t, "01234567890123456789012345678901234567890123456789");
        table_add(t, "abcdefghij");
        text = print(t, false);
        CHECK_STR(text, "01234567890123456789012345678901234567890123456789 abcde…\n");
}

TEST(an_empty_table_is_its_header) {
        const TableColumn columns[] = { { "A", 0 }, { "B", 0 } };
        _cleanup_(table_freep) Table *t = table_new(columns, ELEMENTSOF(columns));
        _cleanup_free_ char *with = NULL, *without = NULL;

        with = print(t, true);
        without = print(t, false);
        CHECK_STR(with, "A B\n");
        CHECK_STR(without, "");
}
