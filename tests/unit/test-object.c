/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>

#include "object.h"
#include "tap.h"

static json_object *parse(const char *text) {
        json_object *o = NULL;

        return json_parse_whole(text, strlen(text), &o, NULL) < 0 ? NULL : o;
}

TEST(a_record_is_split_into_id_members_and_attributes) {
        _cleanup_(object_freep) Object *o = NULL;
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;

        CHECK_INT(object_new_from_json(OBJECT_KIND_GROUP,
                                       parse("{\"id\":7,\"members\":[{\"value\":\"z\"},\"a\",{\"value\":\"z\"}],\"b\":1.50,\"a\":null}"),
                                       "id", &o, NULL, NULL), 0);
        CHECK_STR(o->id, "7");
        CHECK_INT(strv_length(o->members), 2);
        CHECK_STR(o->members[0], "a");
        CHECK_INT(json_canonical(o->attributes, &b), 0);
        CHECK_STR(b.data, "{\"a\":null,\"b\":1.50}");
        CHECK_STR(object_display_name(o), "7");
}

TEST(e2_a_broken_record_says_whose_it_is_if_it_can) {
        static const struct {
                const char *text, *id, *error;
        } table[] = {
                { "[1]", NULL, "the record is not a JSON object" },
                { "{\"x\":1}", NULL, "the record has no attribute \"id\"" },
                { "{\"x\":1,\"Id\":\"a\"}", NULL, "the record has no attribute \"id\" but \"Id\": upper and lower case differ" },
                { "{\"id\":null}", NULL, "\"id\" is neither a string nor a whole number" },
                { "{\"id\":\"\"}", NULL, "\"id\" is empty" },
                { "{\"id\":\"a\\u0000b\"}", NULL, "\"id\" holds a NUL byte or is no UTF-8" },
                { "{\"id\":\"a\",\"members\":5}", "a", "members is not an array" },
                { "{\"id\":\"a\",\"members\":[{}]}", "a", "members[0] has no value that is an id" },
                { "{\"id\":\"a\",\"members\":[\"\"]}", "a", "members[0] has an empty value" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_error_ Error *e = NULL;
                _cleanup_free_ char *id = NULL;
                Object *o = NULL;

                CHECK_INT(object_new_from_json(OBJECT_KIND_GROUP, parse(table[i].text), "id", &o, &id, &e), -EINVAL);
                CHECK_STR(id, table[i].id);
                CHECK_STR(e->text, table[i].error);
        }
}

TEST(canonical_form_ignores_order_and_spaces_only) {
        _cleanup_json_ json_object *a = parse("{ \"b\" : [ 1 , {\"y\":true,\"x\":\"\\u00e4\"} ], \"a\":\"\" }");
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;

        CHECK_INT(json_canonical(a, &b), 0);
        CHECK_STR(b.data, "{\"a\":\"\",\"b\":[1,{\"x\":\"\xc3\xa4\",\"y\":true}]}");
}

TEST(exactly_one_value_is_parsed) {
        static const char *const bad[] = { "", "{", "{}x", "{} {}", "{\"a\":\"\xff\"}", "{\"a\":'1'}", "{'a':1}", "{\"a\\\"\":1,'b':2}", "nul", "{\"a\":1,}",
                                           "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]" };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                _cleanup_error_ Error *e = NULL;
                json_object *o = NULL;

                CHECK_INT(json_parse_whole(bad[i], strlen(bad[i]), &o, &e), -EINVAL);
                CHECK(!isempty(error_text(e, 0)));
        }
        json_object *o = (json_object *) 1;
        CHECK_INT(json_parse_whole("null", 4, &o, NULL), 0);
        CHECK(o == NULL);
        CHECK_INT(json_parse_whole(" 17 ", 4, &o, NULL), 0);
        json_object_put(o);
}
