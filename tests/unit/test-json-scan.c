/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "json-scan.h"

#include <errno.h>

#include "tap.h"

/* "key=value|key=value" of all members, or "bad" */
static char *walk(const char *text) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;
        JsonMember m;
        JsonScan s;
        char *result;
        int r;

        r = json_scan_begin(&s, text, strlen(text));
        while (r >= 0 && (r = json_scan_next(&s, &m)) > 0) {
                if (m.key) {
                        strbuf_append(&b, m.key, m.key_size);
                        strbuf_putc(&b, '=');
                }
                strbuf_append(&b, m.value, m.value_size);
                strbuf_putc(&b, '|');
        }
        if (r < 0)
                return strdup("bad");
        return strbuf_steal(&b, &result) < 0 ? NULL : result;
}

TEST(members_are_found_with_their_raw_values) {
        static const struct {
                const char *text, *expected;
        } table[] = {
                { "{}", "" },
                { " { } ", "" },
                { "[]", "" },
                { "{\"a\":1}", "a=1|" },
                { "{\"a\":-1.50e3,\"b\":true,\"c\":null}", "a=-1.50e3|b=true|c=null|" },
                { "{ \"a\" : \"x, \\\"y\\\" }\" , \"b\":2 }\r\n", "a=\"x, \\\"y\\\" }\"|b=2|" },
                { "{\"a\\\"b\":1}", "a\\\"b=1|" },
                { "{\"a\":\"\\\\\",\"b\":\"\\\\\\\"\"}", "a=\"\\\\\"|b=\"\\\\\\\"\"|" },
                { "{\"a\":{\"b\":[1,{\"c\":\"}]\"}]},\"d\":[]}", "a={\"b\":[1,{\"c\":\"}]\"}]}|d=[]|" },
                { "[1, \"two\", {\"a\":3}]", "1|\"two\"|{\"a\":3}|" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_free_ char *got = walk(table[i].text);

                CHECK_STR(got, table[i].expected);
        }
}

TEST(broken_structure_is_noticed) {
        static const char *const table[] = {
                "", " ", "x", "1", "\"a\"", "{", "[", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "{\"a\":\"x", "{\"a\":{}",
                "{\"a\":[1}", "{\"a\" 1}", "{a:1}", "{,}", "{\"a\":1}x", "{\"a\":1}{\"b\":2}", "{\"a\":1 \"b\":2}", "{\"a\":}",
                "[1", "[1 2]", "{\"a\":1]", "{\"a\\\":1}",
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_free_ char *got = walk(table[i]);

                if (!streq(got, "bad"))
                        tap_diag("text: %s", table[i]);
                CHECK_STR(got, "bad");
        }
}

TEST(the_first_member_of_a_name_is_found) {
        const char *text = "{\"id\":\"a\",\"x\":{\"id\":\"no\"},\"id\":\"bc\"}";
        JsonMember m;

        CHECK_INT(json_scan_find(text, strlen(text), "id", &m), 1);
        CHECK_INT(m.value_size, 3);
        CHECK_INT(json_scan_find(text, strlen(text), "x", &m), 1);
        CHECK_INT(m.value_size, 11);
        CHECK_INT(json_scan_find(text, strlen(text), "y", &m), 0);
        CHECK_INT(json_scan_find("[1]", 3, "y", &m), -EINVAL);
}

TEST(text_of_a_value_is_without_escapes) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;
        const char *s;
        size_t n;

        CHECK_INT(json_scan_text("\"abc\"", 5, &b, &s, &n), 0);
        CHECK(n == 3 && memcmp(s, "abc", 3) == 0);
        CHECK_INT(json_scan_text("\"a\\u00e4\\\"\"", 11, &b, &s, &n), 0);
        CHECK(n == 4 && memcmp(s, "a\xc3\xa4\"", 4) == 0);
        CHECK_INT(json_scan_text("-12.50", 6, &b, &s, &n), 0);
        CHECK(n == 6);
        CHECK_INT(json_scan_text("true", 4, &b, &s, &n), 0);
        CHECK_INT(json_scan_text("null", 4, &b, &s, &n), -EINVAL);
        CHECK_INT(json_scan_text("[1]", 3, &b, &s, &n), -EINVAL);
        CHECK_INT(json_scan_text("\"\\x\"", 4, &b, &s, &n), -EINVAL);
}

TEST(an_escaped_nul_is_seen_and_an_escaped_backslash_is_not_one) {
        CHECK(json_has_nul_escape("{\"a\":\"\\u0000\"}", 14));
        CHECK(json_has_nul_escape("\\\\\\u0000", 8));
        CHECK(!json_has_nul_escape("\\\\u0000", 7));
        CHECK(!json_has_nul_escape("\\u0001", 6));
}
