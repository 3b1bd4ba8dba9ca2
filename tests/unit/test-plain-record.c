/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>

#include "mapping.h"
#include "object.h"
#include "tap.h"

static int read_plain(ObjectKind kind, const char *text, bool kind_inside, Object **ret) {
        return object_new_from_plain(kind, text, strlen(text), "id", kind_inside, ret);
}

TEST(a_plain_record_is_split_into_id_members_and_canonical_attributes) {
        _cleanup_(object_freep) Object *o = NULL;

        CHECK_INT(read_plain(OBJECT_KIND_GROUP,
                             " { \"id\" : 7, \"members\":[{\"type\":\"User\",\"value\":\"z\"},\"a\",{\"value\":12},\"a\"],\"name\":{\"y\":[],\"x\": "
                             "[ 1 ,-20, {} ] }, \"active\" :false,\"\":null,\"displayName\":\"\",\"USERNAME\":\"u\"} ", false, &o), 0);
        CHECK_STR(o->id, "7");
        CHECK_INT(strv_length(o->members), 3);
        CHECK_STR(o->members[0], "12");
        CHECK_STR(o->members[1], "a");
        CHECK_STR(o->members[2], "z");
        CHECK_STR(o->text, "{\"\":null,\"USERNAME\":\"u\",\"active\":false,\"displayName\":\"\",\"name\":{\"x\":[1,-20,{}],\"y\":[]}}");
        CHECK_STR(object_display_name(o), "u");
        CHECK(json_object_is_type(json_object_object_get(object_attributes(o), "name"), json_type_object));
        CHECK_STR(object_display_name(o), "u");
}

TEST(a_record_says_what_it_is_where_the_file_holds_both_kinds) {
        _cleanup_(object_freep) Object *user = NULL, *group = NULL;
        Object *o = NULL;

        CHECK_INT(read_plain(OBJECT_KIND_GROUP, "{\"kind\":\"user\",\"id\":\"a\",\"members\":[]}", true, &user), 0);
        CHECK_INT(user->kind, OBJECT_KIND_USER);
        CHECK_STR(user->text, "{\"members\":[]}");
        CHECK(!user->members);
        CHECK_INT(read_plain(OBJECT_KIND_USER, "{\"kind\":\"group\",\"id\":\"a\",\"members\":[]}", true, &group), 0);
        CHECK_INT(group->kind, OBJECT_KIND_GROUP);
        CHECK_INT(strv_length(group->members), 0);
        CHECK_INT(read_plain(OBJECT_KIND_USER, "{\"kind\":\"User\",\"id\":\"a\"}", true, &o), OBJECT_E_NOT_PLAIN);
        CHECK_INT(read_plain(OBJECT_KIND_USER, "{\"id\":\"a\"}", true, &o), OBJECT_E_NOT_PLAIN);
}

TEST(what_is_in_doubt_is_left_to_the_parser) {
        static const char *const table[] = {
                "", "{", "[]", "{}", "{\"a\":1}", "{\"id\":\"\"}", "{\"id\":null}", "{\"id\":true}", "{\"id\":[]}", "{\"id\":\"a\"}x", "{\"id\":\"a\"",
                "{\"id\":\"a\",}", "{,\"id\":\"a\"}", "{\"id\":\"a\" \"b\":1}", "{\"id\":\"a\",\"b\"}", "{\"id\":\"a\",\"b\":}", "{\"id\":\"a\",b:1}",
                "{\"id\":\"a\\u0041\"}", "{\"id\":\"a\",\"b\":\"\\n\"}", "{\"id\":\"a\",\"b\":\"\t\"}", "{\"id\":\"a\",\"b\":\"\x7f\"}", "{\t\"id\":\"a\"}",
                "{\"id\":\"a\",\"b\":1.5}", "{\"id\":\"a\",\"b\":1e5}", "{\"id\":\"a\",\"b\":01}", "{\"id\":\"a\",\"b\":-0}", "{\"id\":\"a\",\"b\":-}",
                "{\"id\":\"a\",\"b\":1234567890123456789}", "{\"id\":\"a\",\"b\":NaN}", "{\"id\":\"a\",\"b\":True}", "{\"id\":\"a\",\"b\":nul}",
                "{\"id\":\"a\",\"id\":\"a\"}", "{\"id\":\"a\",\"b\":1,\"c\":2,\"b\":1}", "{\"id\":\"a\",\"b\":{\"x\":1,\"x\":1}}", "{\"id\":\"a\",\"b\":[1,]}",
                "{\"id\":\"a\",\"b\":[1 2]}", "{\"id\":\"a\",\"b\":[1}", "{\"id\":\"a\",\"b\":[[[[[[[[[[]]]]]]]]]]}", "{\"id\":\"a\",\"members\":null}",
                "{\"id\":\"a\",\"members\":{}}", "{\"id\":\"a\",\"members\":[{}]}", "{\"id\":\"a\",\"members\":[\"\"]}", "{\"id\":\"a\",\"members\":[true]}",
                "{\"id\":\"a\",\"members\":[[]]}", "{\"id\":\"a\",\"b\":truefalse}", "{\"id\":\"a\",\"b\":\"c}",
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                Object *o = NULL;

                CHECK_INT(read_plain(OBJECT_KIND_GROUP, table[i], false, &o), OBJECT_E_NOT_PLAIN);
                CHECK(!o);
        }
}

/* Both ways to read a record give the same. */
TEST(a_plain_record_is_what_the_parser_makes_of_it) {
        static const char *const atoms[] = { "{", "}", "[", "]", ",", ":", "\"id\":\"a\"", "\"id\"", "\"b\"", "\"b\":", "\"c\":1", "\"B\":\"\xc3\xa4\"", " ", "0", "-7", "null",
                                             "true", "\"members\":[", "\"members\":[\"m\"]", "\"n\":[\"x\"]", "{\"value\":\"m\"}", "{\"d\":{\"f\":1,\"e\":[]}}", "\"\"", "12" };
        unsigned n_plain = 0;
        uint64_t seed = 1;

        for (unsigned round = 0; round < 200000; round++) {
                _cleanup_(object_freep) Object *plain = NULL, *parsed = NULL;
                _cleanup_strbuf_ StrBuf text = STRBUF_INIT, canonical = STRBUF_INIT;
                json_object *json = NULL;
                unsigned n;

                seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407U;
                n = (unsigned) (seed >> 60);
                strbuf_puts(&text, round % 2 ? "{\"id\":\"a\"," : "{");
                for (unsigned i = 0; i < n; i++) {
                        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407U;
                        strbuf_puts(&text, atoms[(seed >> 33) % ELEMENTSOF(atoms)]);
                }
                strbuf_putc(&text, '}');
                if (read_plain(OBJECT_KIND_GROUP, text.data, false, &plain) != 0)
                        continue;
                n_plain++;
                if (json_parse_whole(text.data, text.size, &json, NULL) < 0 ||
                    object_new_from_json(OBJECT_KIND_GROUP, json, "id", &parsed, NULL, NULL) < 0 ||
                    json_canonical(parsed->attributes, &canonical) < 0 || !streq(canonical.data, plain->text) ||
                    !streq(parsed->id, plain->id) || !parsed->members != !plain->members ||
                    !strv_equal(parsed->members, plain->members)) {
                        tap_diag("%s", text.data);
                        CHECK(false);
                        return;
                }
        }
        CHECK(n_plain > 100);
}

TEST(a_string_is_found_in_the_text_as_in_the_tree) {
        static const struct {
                const char *text, *name, *value;
        } table[] = {
                { "{\"userName\":\"a\"}", "userName", "a" },
                { "{\"USERNAME\":\"b\",\"userName\":\"a\"}", "userName", "a" },
                { "{\"USERNAME\":\"b\"}", "userName", "b" },
                { "{\"USERNAME\":\"b\",\"userName\":1}", "userName", NULL },
                { "{\"userName\":\"a\\\"\\u00e4\"}", "userName", "a\"\xc3\xa4" },
                { "{\"userName\":null}", "userName", NULL },
                { "{\"x\":{\"userName\":\"a\"}}", "userName", NULL },
                { "{}", "userName", NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_json_ json_object *tree = NULL;
                _cleanup_strbuf_ StrBuf b = STRBUF_INIT;

                CHECK_INT(json_parse_whole(table[i].text, strlen(table[i].text), &tree, NULL), 0);
                CHECK_STR(object_get_string(tree, table[i].name), table[i].value);
                CHECK_INT(json_text_get_string(table[i].text, table[i].name, &b), table[i].value != NULL);
                CHECK_STR(b.data, table[i].value);
        }
        StrBuf b = STRBUF_INIT;
        CHECK_INT(json_text_get_string("", "a", &b), -EINVAL);
        CHECK_INT(json_text_get_string("[]", "a", &b), -EINVAL);
}

TEST(without_a_mapping_text_and_tree_flow_alike) {
        static const char *const table[] = {
                "{}", "{\"a\":null,\"b\":[],\"c\":[null,null],\"d\":[[null]],\"e\":{}}",
                "{\"ID\":\"x\",\"Members\":1,\"a\":\"null\",\"meta\":{},\"schemas\":[\"u\"],\"z\":[null,1]}", "{\"a\":\"{\\\"\",\"b\":[{}]}",
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_strbuf_ StrBuf from_text = STRBUF_INIT, from_tree = STRBUF_INIT;
                _cleanup_json_ json_object *tree = NULL, *mapped = NULL;
                ExpressionContext context = {};

                CHECK_INT(json_parse_whole(table[i], strlen(table[i]), &tree, NULL), 0);
                context.record = tree;
                CHECK_INT(mapping_apply(NULL, &context, true, NULL, &mapped, NULL), 0);
                CHECK_INT(json_canonical(mapped, &from_tree), 0);
                CHECK_INT(mapping_identity(table[i], &from_text), 0);
                CHECK_STR(from_text.data, from_tree.data);
        }
}

