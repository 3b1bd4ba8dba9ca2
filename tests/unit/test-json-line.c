/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "json-line.h"

#include <errno.h>
#include <stdio.h>

#include "tap.h"

static StrBuf out;

/* The result as a string that lives until the next call. */
static const char *result(int r) {
        if (r < 0)
                return r == -EINVAL ? "EINVAL" : "error";
        return out.data;
}

static const char *create(const char *desired, bool enable) {
        strbuf_clear(&out);
        return result(json_line_create("new", desired, enable, &out, NULL));
}

static const char *update(const char *line, const char *desired, const char *written, bool enable) {
        strbuf_clear(&out);
        return result(json_line_update(line, strlen(line), desired, written, enable, &out, NULL));
}

TEST(a_new_object_has_its_id_first_and_is_active) {
        CHECK_STR(create("{\"displayName\":\"D\",\"userName\":\"u\"}", true),
                  "{\"id\":\"new\",\"active\":true,\"displayName\":\"D\",\"userName\":\"u\"}");
        CHECK_STR(create("{\"active\":false,\"userName\":\"u\"}", true),
                  "{\"id\":\"new\",\"active\":false,\"userName\":\"u\"}");
        CHECK_STR(create("{\"Active\":false}", true), "{\"id\":\"new\",\"Active\":false}");
        CHECK_STR(create("{\"displayName\":\"G\"}", false), "{\"id\":\"new\",\"displayName\":\"G\"}");
        CHECK_STR(create("{}", false), "{\"id\":\"new\"}");
        CHECK_STR(create("{\"id\":\"other\",\"ID\":1}", false), "{\"id\":\"new\",\"ID\":1}");
        CHECK_STR(create("[]", false), "EINVAL");
}

TEST(an_update_sets_removes_and_leaves_what_belongs_to_others) {
        CHECK_STR(update("{\"id\":\"a\",\"b\":1,\"others\":1.50,\"z\":\"x\"}", "{\"b\":2,\"c\":[ 3 ]}", "{\"b\":1,\"z\":\"x\"}", false),
                  "{\"id\":\"a\",\"b\":2,\"c\":[ 3 ],\"others\":1.50}");
        CHECK_STR(update("{\"id\":\"a\",\"b\":1}", "{}", NULL, false), "{\"id\":\"a\",\"b\":1}");
        CHECK_STR(update("{\"id\":\"a\"}", "{\"id\":\"b\"}", "{\"id\":\"a\"}", false), "{\"id\":\"a\"}");
        /* An integer that fits no 64 bits, and a number as somebody else writes it. */
        CHECK_STR(update("{ \"n\" : 123456789012345678901234567890 , \"id\":\"a\", \"e\":1E+2 }", "{\"b\":1}", NULL, false),
                  "{\"id\":\"a\",\"b\":1,\"e\":1E+2,\"n\":123456789012345678901234567890}");
}

TEST(names_match_without_case_but_for_the_id) {
        CHECK_STR(update("{\"id\":\"a\",\"username\":\"x\"}", "{\"userName\":\"y\"}", "{\"USERNAME\":\"x\"}", false),
                  "{\"id\":\"a\",\"userName\":\"y\"}");
        CHECK_STR(update("{\"id\":\"a\"}", "{\"Id\":\"b\"}", NULL, false), "{\"id\":\"a\",\"Id\":\"b\"}");
}

TEST(r4_an_update_enables_only_if_asked_to) {
        CHECK_STR(update("{\"id\":\"a\",\"active\":false}", "{\"b\":1}", "{\"active\":true,\"b\":0}", false),
                  "{\"id\":\"a\",\"active\":false,\"b\":1}");
        CHECK_STR(update("{\"id\":\"a\",\"active\":true}", "{\"b\":1}", "{\"active\":true,\"b\":0}", false),
                  "{\"id\":\"a\",\"b\":1}");
        CHECK_STR(update("{\"id\":\"a\",\"active\":false}", "{\"active\":true}", NULL, false), "{\"id\":\"a\",\"active\":true}");
        CHECK_STR(update("{\"id\":\"a\",\"active\":false}", "{\"b\":1}", NULL, true), "{\"id\":\"a\",\"active\":true,\"b\":1}");
        CHECK_STR(update("{\"id\":\"a\"}", "{\"active\":false}", NULL, true), "{\"id\":\"a\",\"active\":true}");
}

TEST(disabling_changes_nothing_else) {
        const char *line = "{\"id\":\"a\",\"b\":1.0,\"Active\":true}";

        strbuf_clear(&out);
        CHECK_INT(json_line_disable(line, strlen(line), &out, NULL), 0);
        CHECK_STR(out.data, "{\"id\":\"a\",\"active\":false,\"b\":1.0}");
}

TEST(text_that_is_no_object_is_refused_with_a_reason) {
        static const char *const table[] = { "", "x", "[]", "{\"id\":\"a\"", "{\"id\":\"a\",}", "{\"id\":\"a\"}x" };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_error_ Error *e = NULL;

                CHECK_STR(update(table[i], "{}", NULL, false), "EINVAL");
                CHECK_INT(json_line_disable(table[i], strlen(table[i]), &out, &e), -EINVAL);
                CHECK(e && e->text);
        }
}

TEST(too_many_attributes_are_refused) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;

        strbuf_puts(&b, "{\"a\":1");
        for (unsigned i = 0; i < 5000; i++)
                strbuf_printf(&b, ",\"k%u\":%u", i, i);
        strbuf_putc(&b, '}');
        CHECK_INT(json_line_check("{\"a\":1}"), 0);
        CHECK_INT(json_line_check("[1]"), -EINVAL);
        CHECK_INT(json_line_check(b.data), -EINVAL);
        CHECK_STR(create(b.data, true), "EINVAL");
}

static const char *members(const char *line, const char *add, const char *remove) {
        _cleanup_strv_ char **a = NULL, **r = NULL;

        if (strv_split(add, " ", &a) < 0 || strv_split(remove, " ", &r) < 0)
                abort();
        strbuf_clear(&out);
        return result(json_line_members(line, strlen(line), (const char *const *) a, (uint32_t) strv_length(a),
                                        (const char *const *) r, (uint32_t) strv_length(r), &out, NULL));
}

TEST(members_are_a_set_and_keep_what_else_they_hold) {
        CHECK_STR(members("{\"id\":\"g\"}", "b a", ""), "{\"id\":\"g\",\"members\":[{\"value\":\"a\"},{\"value\":\"b\"}]}");
        CHECK_STR(members("{\"id\":\"g\",\"members\":[{\"value\":\"b\",\"display\":\"B\"},{\"value\":\"a\"}]}", "b c b", "a x"),
                  "{\"id\":\"g\",\"members\":[{\"value\":\"b\",\"display\":\"B\"},{\"value\":\"c\"}]}");
        CHECK_STR(members("{\"id\":\"g\",\"members\":[{\"value\":\"a\"}],\"z\":1}", "", "a"), "{\"id\":\"g\",\"members\":[],\"z\":1}");
        CHECK_STR(members("{\"id\":\"g\",\"members\":[\"b\",7,{\"value\":\"\\u0061\"}]}", "", ""),
                  "{\"id\":\"g\",\"members\":[7,{\"value\":\"\\u0061\"},\"b\"]}");
        CHECK_STR(members("{\"id\":\"g\",\"members\":[\"b\",7,{\"value\":\"\\u0061\"}]}", "a", "7 b"),
                  "{\"id\":\"g\",\"members\":[{\"value\":\"\\u0061\"}]}");
        CHECK_STR(members("{\"id\":\"g\",\"members\":{}}", "a", ""), "EINVAL");
        CHECK_STR(members("{\"id\":\"g\",\"members\":[{\"x\":1}]}", "a", ""), "EINVAL");
        CHECK_STR(members("{\"id\":\"g\",\"members\":null}", "a", ""), "EINVAL");
}

static int collect(const char *value, size_t size, void *userdata) {
        strbuf_append(userdata, value, size);
        strbuf_putc(userdata, '|');
        return 0;
}

static const char *values(const char *line, const char *path) {
        strbuf_clear(&out);
        strbuf_puts(&out, "");
        return result(json_line_values(line, strlen(line), path, collect, &out));
}

TEST(values_are_reached_through_objects_and_arrays) {
        const char *line = "{\"id\":\"a\",\"userName\":\"U\",\"n\":5,\"name\":{\"familyName\":\"F\",\"x\":{\"y\":1}},"
                           "\"emails\":[{\"value\":\"e1\",\"type\":\"work\"},{\"value\":\"e2\"},\"e3\"],\"flat.name\":\"f\","
                           "\"none\":null,\"esc\":\"a\\\"b\"}";

        CHECK_STR(values(line, "username"), "U|");
        CHECK_STR(values(line, "n"), "5|");
        CHECK_STR(values(line, "name.familyname"), "F|");
        CHECK_STR(values(line, "name.x.y"), "1|");
        CHECK_STR(values(line, "emails"), "e1|e2|e3|");
        CHECK_STR(values(line, "emails.value"), "e1|e2|e3|");
        CHECK_STR(values(line, "emails.type"), "work|");
        CHECK_STR(values(line, "flat.name"), "f|");
        CHECK_STR(values(line, "none"), "");
        CHECK_STR(values(line, "missing.too"), "");
        CHECK_STR(values(line, "esc"), "a\"b|");
        CHECK_STR(values("[]", "a"), "EINVAL");
        CHECK_STR(values("{\"a\":1", "b"), "EINVAL");
        strbuf_done(&out);
}
