/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <stdio.h>

#include "ini-file.h"
#include "string-util.h"
#include "tap.h"

/* The entries as "LINE[SECTION]KEY=VALUE|". */
static int parse(const char *text, size_t size, char **ret, Error **ret_error) {
        _cleanup_ini_file_ IniFile ini = INI_FILE_INIT;
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;
        int r, k;

        r = ini_file_parse(&ini, "x.conf", text, size, ret_error);
        strbuf_puts(&b, "");
        for (size_t i = 0; i < ini.n_entries; i++) {
                const IniEntry *e = ini.entries + i;

                if (e->key)
                        strbuf_printf(&b, "%u[%s]%s=%s|", e->line, e->section, e->key, e->value);
                else
                        strbuf_printf(&b, "%u[%s]|", e->line, e->section);
        }
        k = strbuf_steal(&b, ret);
        return r < 0 ? r : k;
}

TEST(the_syntax_is_that_of_systemd) {
        static const struct {
                const char *text, *entries;
        } cases[] = {
                { "", "" },
                { "\n\n  \n", "" },
                { "# a\n; b\n  # c\n\t; d\n", "" },
                { "[Job]\nA=b", "1[Job]|2[Job]A=b|" },
                { "[Job]\nA=b\n", "1[Job]|2[Job]A=b|" },
                { "  [Job]  \n \t A \t =  b c \t \n", "1[Job]|2[Job]A=b c|" },
                { "[Map User]\nx=y\n", "1[Map User]|2[Map User]x=y|" },
                { "[A]\nx=1\n[B]\nx=2\n[A]\nx=3\n", "1[A]|2[A]x=1|3[B]|4[B]x=2|5[A]|6[A]x=3|" },
                { "[A]\nx=\n", "1[A]|2[A]x=|" },
                { "[A]\nx=a=b # no comment\n", "1[A]|2[A]x=a=b # no comment|" },
                { "[A]\r\nx=1\r\n", "1[A]|2[A]x=1|" },
                { "\xef\xbb\xbf[A]\nx=1\n", "1[A]|2[A]x=1|" },
                { "[A]\nx=\xc3\xa4\n", "1[A]|2[A]x=\xc3\xa4|" },
                /* systemd.syntax(7), example 1 */
                { "[Section A]\nKeyOne=value 1\nKeyTwo=value 2\n\n# a comment\n\n[Section B]\nSetting=\"something\" \"some thing\" \"\xe2\x80\xa6\"\n"
                  "KeyTwo=value 2 \\\n       value 2 continued\n\n[Section C]\nKeyThree=value 3\\\n# this line is ignored\n"
                  "; this line is ignored too\n       value 3 continued\n",
                  "1[Section A]|2[Section A]KeyOne=value 1|3[Section A]KeyTwo=value 2|7[Section B]|8[Section B]Setting=\"something\" \"some "
                  "thing\" \"\xe2\x80\xa6\"|9[Section B]KeyTwo=value 2         value 2 continued|12[Section C]|13[Section C]KeyThree=value 3 "
                  "       value 3 continued|" },
                { "[A]\nx=1\\", "1[A]|2[A]x=1|" },
                { "[A]\nx=1\\\n", "1[A]|2[A]x=1|" },
                { "[A]\nx=1\\\\\ny=2\n", "1[A]|2[A]x=1\\\\|3[A]y=2|" },
                { "[A]\nx=1\\\n\ny=2\n", "1[A]|2[A]x=1|4[A]y=2|" },
                { "[A]\nx\\\n=1\n", "1[A]|2[A]x=1|" },
                { "[A]\nx=1\\\r\n2\r\n", "1[A]|2[A]x=1 2|" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_error_ Error *error = NULL;
                _cleanup_free_ char *entries = NULL;

                CHECK_INT(parse(cases[i].text, strlen(cases[i].text), &entries, &error), 0);
                CHECK_STR(entries, cases[i].entries);
                CHECK(!error);
        }
}

TEST(a_bad_line_is_named_and_ends_the_reading) {
#define TEXT(s) s, sizeof(s) - 1
        static const struct {
                const char *text;
                size_t size;
                const char *says;
        } cases[] = {
                { TEXT("x=1\n"), "x.conf:1: x= stands before the first section; expected a line such as [Job] above it" },
                { TEXT("[A]\njunk\n"), "x.conf:2: expected Key=Value, [Section] or a comment that begins with #" },
                { TEXT("[A]\n=1\n"), "x.conf:2: expected a key before the =" },
                { TEXT("[A\n"), "x.conf:1: [A: expected a section in brackets, such as [Job], and nothing after it" },
                { TEXT("[]\n"), "x.conf:1: []: expected a section in brackets, such as [Job], and nothing after it" },
                { TEXT("[A] # b\n"), "x.conf:1: [A] # b: expected a section in brackets, such as [Job], and nothing after it" },
                { TEXT("[A]\nx=\0\n"), "x.conf:2: byte 3 is a control character (0x00); expected text" },
                { TEXT("[A]\nx=\033[1m\n"), "x.conf:2: byte 3 is a control character (0x1b); expected text" },
                { TEXT("[A]\nx=1\ry=2\n"), "x.conf:2: byte 4 is a control character (0x0d); expected text" },
                { TEXT("[A]\nx=\x7f\n"), "x.conf:2: byte 3 is a control character (0x7f); expected text" },
                { TEXT("[A]\nx=\xff\n"), "x.conf:2: byte 3 (0xff) is no UTF-8" },
                { TEXT("[A]\nx=\xc0\xaf\n"), "x.conf:2: byte 3 (0xc0) is no UTF-8" },
                { TEXT("# \xe4\n"), "x.conf:1: byte 3 (0xe4) is no UTF-8" },
                { TEXT("[A]\nx=1\\\ny\n\nz"), "x.conf:5: expected Key=Value, [Section] or a comment that begins with #" },
                { TEXT("[A]\n\nx\\\n\\\ny\n"), "x.conf:3: expected Key=Value, [Section] or a comment that begins with #" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_error_ Error *error = NULL;
                _cleanup_free_ char *entries = NULL;

                CHECK_INT(parse(cases[i].text, cases[i].size, &entries, &error), -EINVAL);
                CHECK(error);
                CHECK_STR(error->text, cases[i].says);
                CHECK_INT(error->retry, ERROR_RETRY_AFTER_RECONFIGURE);
        }
}

TEST(sizes_are_limited) {
        size_t size = INI_FILE_SIZE_MAX + 1;
        _cleanup_free_ char *big = malloc(size), *entries = NULL, *more = NULL, *fits = NULL, *joined = NULL;
        _cleanup_error_ Error *error = NULL;

        CHECK(big);
        memset(big, '#', size);
        CHECK_INT(parse(big, size, &entries, &error), -E2BIG);
        CHECK_STR(error->text, "x.conf: the file is larger than 1048576 bytes");

        memset(big, 'x', size);
        memcpy(big, "[A]\nx=", 6);
        CHECK_INT(parse(big, 4 + INI_LINE_SIZE_MAX, &fits, &error), 0);
        CHECK_INT(parse(big, 4 + INI_LINE_SIZE_MAX + 1, &more, &error), -E2BIG);
        CHECK_STR(error->text, "x.conf:2: the line is longer than 32768 bytes");

        /* and no way around it */
        for (size_t i = 100; i < 100000; i += 100)
                memcpy(big + i, "\\\n", 2);
        CHECK_INT(parse(big, 100000, &joined, &error), -E2BIG);
        CHECK_STR(error->text, "x.conf:2: the line is longer than 32768 bytes");
}

TEST(a_file_that_cannot_be_read_is_named) {
        _cleanup_ini_file_ IniFile ini = INI_FILE_INIT;
        _cleanup_error_ Error *error = NULL;
        char path[4096], says[8192];

        (void) snprintf(path, sizeof(path), "%s/none", tap_tmpdir());
        (void) snprintf(says, sizeof(says), "%s: No such file or directory", path);
        CHECK_INT(ini_file_read(&ini, path, &error), -ENOENT);
        CHECK_STR(error->text, says);

        (void) snprintf(says, sizeof(says), "%s: Is a directory", tap_tmpdir());
        CHECK_INT(ini_file_read(&ini, tap_tmpdir(), &error), -EISDIR);
        CHECK_STR(error->text, says);

        CHECK_INT(ini_file_read(&ini, "/dev/null", &error), -EINVAL);
        CHECK_STR(error->text, "/dev/null: expected a regular file");
}

TEST(what_is_formatted_reads_back_the_same) {
        _cleanup_ini_file_ IniFile ini = INI_FILE_INIT, back = INI_FILE_INIT;
        _cleanup_strbuf_ StrBuf text = STRBUF_INIT;
        static const char *const entries[][3] = {
                { "B", "x", "1" }, { "A", "y", "# 2" }, { "B", "x", "" }, { "B", "z", "[a]=b;c" }, { "A", "\xc3\xa4", "3 4" },
        };

        for (size_t i = 0; i < ELEMENTSOF(entries); i++)
                CHECK_INT(ini_file_add(&ini, entries[i][0], entries[i][1], entries[i][2]), 0);
        CHECK_INT(ini_file_format(&ini, &text), 0);
        CHECK_STR(text.data, "[B]\nx=1\nx=\nz=[a]=b;c\n\n[A]\ny=# 2\n\xc3\xa4=3 4\n");
        CHECK_INT(ini_file_parse(&back, "x.conf", text.data, text.size, NULL), 0);
        CHECK_INT(back.n_entries, 7);
        CHECK_STR(back.entries[3].value, "[a]=b;c");

        ini_file_remove(&ini, "B", "x");
        strbuf_clear(&text);
        CHECK_INT(ini_file_format(&ini, &text), 0);
        CHECK_STR(text.data, "[A]\ny=# 2\n\xc3\xa4=3 4\n\n[B]\nz=[a]=b;c\n");
}
