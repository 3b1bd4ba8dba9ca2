/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>

#include "attribute-path.h"
#include "object.h"
#include "tap.h"

#define ENTERPRISE "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

static const char *text_of(json_object *v) {
        return json_object_to_json_string_ext(v, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
}

TEST(a_path_reads) {
        static const char record[] =
                "{\"userName\":\"b\",\"name\":{\"givenName\":\"Barbara\"},\"flat.key\":1,"
                "\"emails\":[{\"type\":\"home\",\"value\":\"h\"},{\"type\":\"work\",\"value\":\"w\"},{\"type\":\"work\",\"value\":\"w2\"}],"
                "\"tags\":[\"x\",\"y\"],\"one\":{\"type\":\"work\",\"value\":\"only\"},\"deep\":[{\"a\":[{\"b\":1},{\"b\":[2,3]}]}],"
                "\"" ENTERPRISE "\":{\"manager\":{\"value\":\"m\"}}}";
        static const struct {
                const char *path, *value;
        } table[] = {
                { "userName", "\"b\"" },
                { "USERNAME", "\"b\"" },
                { " name.givenName ", "\"Barbara\"" },
                { "name", "{\"givenName\":\"Barbara\"}" },
                { "name.familyName", "null" },
                { "nothing.at.all", "null" },
                { "flat.key", "1" },
                { "emails.value", "[\"h\",\"w\",\"w2\"]" },
                { "emails.display", "null" },
                { "emails[type eq \"work\"].value", "\"w\"" },
                { "emails[type eq \"work\"]", "{\"type\":\"work\",\"value\":\"w\"}" },
                { "emails[type eq \"work\" and value ew \"2\"].value", "\"w2\"" },
                { "emails[type eq \"fax\"].value", "null" },
                { "one[type eq \"work\"].value", "\"only\"" },
                { "tags", "[\"x\",\"y\"]" },
                { "tags.value", "[\"x\",\"y\"]" },
                { "tags[value eq \"y\"]", "\"y\"" },
                { "deep.a.b", "[1,2,3]" },
                { ENTERPRISE ":manager.value", "\"m\"" },
                { ENTERPRISE, "{\"manager\":{\"value\":\"m\"}}" },
                { "urn:ietf:params:scim:schemas:core:2.0:User:name.givenName", "\"Barbara\"" },
        };
        _cleanup_json_ json_object *o = json_tokener_parse(record);

        CHECK(o);
        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_(attribute_path_freep) AttributePath *p = NULL;
                _cleanup_json_ json_object *v = NULL;

                CHECK_INT(attribute_path_parse(table[i].path, &p, NULL), 0);
                CHECK_INT(attribute_path_get(p, o, &v), 0);
                if (!streq(text_of(v), table[i].value))
                        tap_fail(__FILE__, __LINE__, "%s gives %s", table[i].path, text_of(v));
        }
}

TEST(a_path_writes_and_makes_what_is_missing) {
        static const struct {
                const char *record, *path, *result;     /* NULL: a conflict */
        } table[] = {
                { "{}", "userName", "{\"userName\":1}" },
                { "{\"username\":0}", "userName", "{\"username\":1}" },
                { "{}", "name.givenName", "{\"name\":{\"givenName\":1}}" },
                { "{\"name\":{\"x\":0}}", "name.givenName", "{\"name\":{\"x\":0,\"givenName\":1}}" },
                { "{\"name\":null}", "name.givenName", "{\"name\":{\"givenName\":1}}" },
                { "{\"name\":\"x\"}", "name.givenName", NULL },
                { "{}", "emails[type eq \"work\"].value", "{\"emails\":[{\"type\":\"work\",\"value\":1}]}" },
                { "{\"emails\":[{\"type\":\"home\",\"value\":0}]}", "emails[type eq \"work\"].value",
                  "{\"emails\":[{\"type\":\"home\",\"value\":0},{\"type\":\"work\",\"value\":1}]}" },
                { "{\"emails\":[{\"type\":\"WORK\",\"value\":0}]}", "emails[type eq \"work\"].value",
                  "{\"emails\":[{\"type\":\"WORK\",\"value\":1}]}" },
                { "{}", "emails[type eq \"work\" and primary eq true and n eq 1 and d eq 1.5 and z eq null].value",
                  "{\"emails\":[{\"type\":\"work\",\"primary\":true,\"n\":1,\"d\":1.5,\"z\":null,\"value\":1}]}" },
                { "{\"emails\":\"x\"}", "emails[type eq \"work\"].value", NULL },
                { "{\"emails\":[\"work\"]}", "emails[value eq \"work\"].display", NULL },
                { "{\"emails\":[]}", "emails.value", NULL },
                { "{}", ENTERPRISE ":department", "{\"" ENTERPRISE "\":{\"department\":1}}" },
                { "{}", ENTERPRISE ":manager.value", "{\"" ENTERPRISE "\":{\"manager\":{\"value\":1}}}" },
                { "{}", "urn:ietf:params:scim:schemas:core:2.0:User:userName", "{\"userName\":1}" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_(attribute_path_freep) AttributePath *p = NULL;
                _cleanup_json_ json_object *o = json_tokener_parse(table[i].record), *v = json_object_new_int(1);
                int r;

                CHECK_INT(attribute_path_parse(table[i].path, &p, NULL), 0);
                CHECK(attribute_path_is_settable(p));
                r = attribute_path_set(p, o, v);
                if (!table[i].result) {
                        CHECK_INT(r, ATTRIBUTE_PATH_E_CONFLICT);
                        continue;
                }
                CHECK_INT(r, 0);
                CHECK_STR(text_of(o), table[i].result);
                /* Once more changes nothing. */
                CHECK_INT(attribute_path_set(p, o, v), 0);
                CHECK_STR(text_of(o), table[i].result);
        }
}

TEST(null_is_written_as_null) {
        _cleanup_(attribute_path_freep) AttributePath *p = NULL;
        _cleanup_json_ json_object *o = json_tokener_parse("{\"name\":{\"givenName\":\"x\"}}");

        CHECK_INT(attribute_path_parse("name.givenName", &p, NULL), 0);
        CHECK_INT(attribute_path_set(p, o, NULL), 0);
        CHECK_STR(text_of(o), "{\"name\":{\"givenName\":null}}");
}

TEST(only_what_says_what_to_create_is_settable) {
        static const char *const table[] = {
                "emails[type eq \"work\"]",          "emails[type ne \"work\"].value",
                "emails[type pr].value",             "emails[type eq \"a\" or type eq \"b\"].value",
                "emails[not (type eq \"a\")].value", "emails[a.b eq \"x\"].value",
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_(attribute_path_freep) AttributePath *p = NULL;

                CHECK_INT(attribute_path_parse(table[i], &p, NULL), 0);
                CHECK(!attribute_path_is_settable(p));
        }
}

TEST(a_path_knows_its_head_and_its_normal_form) {
        static const struct {
                const char *path, *head, *canonical;
        } table[] = {
                { "UserName", "UserName", "username" },
                { "name.givenName", "name", "name.givenname" },
                { "Emails[ Type  EQ \"Work\" ].Value", "Emails", "emails[type eq \"Work\"].value" },
                { ENTERPRISE ":department", ENTERPRISE,
                  "urn:ietf:params:scim:schemas:extension:enterprise:2.0:user:department" },
                { "urn:ietf:params:scim:schemas:core:2.0:User:userName", "userName",
                  "urn:ietf:params:scim:schemas:core:2.0:user:username" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_(attribute_path_freep) AttributePath *p = NULL;
                _cleanup_strbuf_ StrBuf b = STRBUF_INIT;

                CHECK_INT(attribute_path_parse(table[i].path, &p, NULL), 0);
                CHECK_STR(attribute_path_head(p), table[i].head);
                CHECK_STR(attribute_path_text(p), table[i].path);
                CHECK_INT(attribute_path_canonical(p, &b), 0);
                CHECK_STR(b.data, table[i].canonical);
        }
}

TEST(a_wrong_path_is_shown_with_a_caret) {
        static const struct {
                const char *path, *error;
        } table[] = {
                { "name given", "column 6: the attribute ends before this\nname given\n     ^" },
                { "emails[type eq \"work\".value", "column 22: expected a space, \")\" or the end\n"
                                                   "emails[type eq \"work\".value\n                     ^" },
                { "emails[type eq \"work\"].a.b", "column 24: one sub-attribute follows the brackets, such as .value\n"
                                                   "emails[type eq \"work\"].a.b\n                       ^" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_(attribute_path_freep) AttributePath *p = NULL;
                _cleanup_error_ Error *e = NULL;

                CHECK_INT(attribute_path_parse(table[i].path, &p, &e), -EINVAL);
                CHECK_STR(e->text, table[i].error);
        }
}
