/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>

#include "string-util.h"
#include "tap.h"

TEST(broken_utf8_is_found_and_mended) {
        _cleanup_free_ char *s = utf8_make_valid("a\xff" "b\xc3");

        CHECK(!utf8_is_valid("\xc0\x80", 2));
        CHECK(!utf8_is_valid("\xed\xa0\x80", 3));
        CHECK(!utf8_is_valid("\xf4\x90\x80\x80", 4));
        CHECK(!utf8_is_valid("a\0b", 3));
        CHECK(utf8_is_valid("\xf0\x9f\x98\x80", 4));
        CHECK_STR(s, "a\xef\xbf\xbd" "b\xef\xbf\xbd");
        CHECK_INT(utf8_truncate("a\xc3\xa4", 2), 1);
}

TEST(a_name_cannot_steer_a_terminal) {
        _cleanup_free_ char *s = printable_copy("a\n\x1b[2J\xc2\x9b\xff\xc3\xa4");

        CHECK_STR(s, "a\\x0a\\x1b[2J\\xc2\\x9b\\xff\xc3\xa4");
}

TEST(json_strings_are_escaped) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;

        strbuf_json(&b, "a\"\\\n\x01\xff\x7f");
        CHECK_STR(b.data, "\"a\\\"\\\\\\n\\u0001\xef\xbf\xbd\\u007f\"");
}

TEST(lists_split_join_and_compare) {
        _cleanup_strv_ char **l = NULL, **copy = NULL;
        _cleanup_free_ char *joined = NULL;

        CHECK_INT(strv_split("  a b  c d e f g h i ", " ", &l), 0);
        CHECK_INT(strv_length(l), 9);
        copy = strv_copy(l);
        CHECK(strv_equal(l, copy));
        for (int i = 0; i < 20; i++)
                CHECK_INT(strv_extend(&copy, "x"), 0);
        CHECK_INT(strv_length(copy), 29);
        CHECK(!strv_equal(l, copy));
        joined = strv_join(l, ",");
        CHECK_STR(joined, "a,b,c,d,e,f,g,h,i");
        CHECK(strv_contains(l, "c") && !strv_contains(l, "z"));
}

TEST(numbers_and_booleans_are_strict) {
        uint64_t v = 7;

        CHECK_INT(parse_uint64("", &v), -EINVAL);
        CHECK_INT(parse_uint64("-1", &v), -EINVAL);
        CHECK_INT(parse_uint64("1 ", &v), -EINVAL);
        CHECK_INT(parse_uint64("18446744073709551616", &v), -ERANGE);
        CHECK_INT(v, 7);
        CHECK_INT(parse_uint64("18446744073709551615", &v), 0);
        CHECK(v == UINT64_MAX);
        CHECK_INT(parse_boolean("Yes"), 1);
        CHECK_INT(parse_boolean("off"), 0);
        CHECK_INT(parse_boolean("maybe"), -EINVAL);
}

TEST(a_bad_byte_is_found_wherever_it_stands) {
        static const char bad[] = { '\0', '\x80', '\xc3', '\xff' };
        char text[40];

        for (size_t b = 0; b < sizeof(bad); b++)
                for (size_t i = 0; i < sizeof(text); i++) {
                        memset(text, 'x', sizeof(text));
                        text[i] = bad[b];
                        CHECK_INT(utf8_find_invalid(text, sizeof(text)), i);
                }
        memset(text, 1, sizeof(text));
        CHECK_INT(utf8_find_invalid(text, sizeof(text)), sizeof(text));
}
