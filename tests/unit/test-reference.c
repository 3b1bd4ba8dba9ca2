/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>

#include "object.h"
#include "reference.h"
#include "tap.h"

static References *references_of(const char *list, Error **ret_error) {
        References *r = NULL;

        return references_add(&r, list, ret_error) < 0 ? NULL : r;
}

static StrBuf found = STRBUF_INIT;

static int note(size_t attribute, ReferenceMark mark, const char *id, void *userdata) {
        strbuf_printf(&found, "%s%s=%s", found.size > 0 ? " " : "", references_name(userdata, attribute), id);
        return strbuf_check(&found);
}

/* "T" in front of each id, but nobody knows who begins with an X. */
static int give(size_t attribute, ReferenceMark mark, const char *id, const char **ret_id, void *userdata) {
        static char text[256];

        snprintf(text, sizeof(text), "T%s", id);
        *ret_id = id[0] == 'X' ? NULL : mark == REFERENCE_OF_TARGET ? id : text;
        return 0;
}

/* What becomes of a record on the whole way, as JSON (static until the next call); @found has the ids. */
static const char *convert(const char *list, const char *record) {
        _cleanup_(references_freep) References *r = references_of(list, NULL);
        _cleanup_json_ json_object *o = json_tokener_parse(record);
        static char result[2048];

        strbuf_clear(&found);
        if (!r || references_mark(r, o, REFERENCE_OF_SOURCE, note, r) < 0 || references_translate(r, o, give, NULL) < 0)
                return "failed";
        snprintf(result, sizeof(result), "%s", json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
        return result;
}

#define MANAGER "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

TEST(an_id_an_object_with_a_value_and_lists_of_both) {
        CHECK_STR(convert("manager", "{\"userName\":\"A\",\"manager\":\"S1\"}"), "{\"userName\":\"A\",\"manager\":\"TS1\"}");
        CHECK_STR(found.data, "manager=S1");
        CHECK_STR(convert("manager", "{\"manager\":17}"), "{\"manager\":\"T17\"}");
        CHECK_STR(convert("manager", "{\"Manager\":{\"displayName\":\"B\",\"Value\":\"S1\",\"$ref\":\"../Users/S1\"}}"),
                  "{\"Manager\":{\"displayName\":\"B\",\"Value\":\"TS1\"}}");
        CHECK_STR(convert("owners", "{\"owners\":[\"S1\",{\"value\":\"S2\"},\"S3\"]}"),
                  "{\"owners\":[\"TS1\",{\"value\":\"TS2\"},\"TS3\"]}");
        CHECK_STR(found.data, "owners=S1 owners=S2 owners=S3");
}

TEST(a_path_leads_into_objects_lists_and_extensions) {
        CHECK_STR(convert(MANAGER ":manager.value", "{\"" MANAGER "\":{\"department\":\"d\",\"manager\":{\"value\":\"S1\"}}}"),
                  "{\"" MANAGER "\":{\"department\":\"d\",\"manager\":{\"value\":\"TS1\"}}}");
        CHECK_STR(convert(MANAGER ":manager", "{\"" MANAGER "\":{\"manager\":\"S1\"}}"), "{\"" MANAGER "\":{\"manager\":\"TS1\"}}");
        CHECK_STR(convert("works.boss", "{\"works\":[{\"boss\":\"S1\"},{\"boss\":\"X\"},{\"at\":\"x\"}]}"),
                  "{\"works\":[{\"boss\":\"TS1\"},{},{\"at\":\"x\"}]}");
        CHECK_STR(convert("manager.value", "{\"manager.value\":\"S1\"}"), "{\"manager.value\":\"TS1\"}");
        CHECK_STR(convert("works.boss", "{\"works.boss\":\"S1\"}"), "{\"works.boss\":\"TS1\"}");
}

TEST(whoever_is_not_found_leaves_nothing_behind) {
        CHECK_STR(convert("manager", "{\"manager\":\"X1\"}"), "{}");
        CHECK_STR(convert("manager", "{\"manager\":{\"displayName\":\"B\",\"value\":\"X1\"}}"), "{}");
        CHECK_STR(convert("owners", "{\"owners\":[\"X1\",{\"value\":\"S2\"},\"X3\"]}"), "{\"owners\":[{\"value\":\"TS2\"}]}");
        CHECK_STR(convert("owners", "{\"owners\":[\"X1\",\"X2\"]}"), "{}");
        CHECK_STR(convert(MANAGER ":manager", "{\"" MANAGER "\":{\"manager\":{\"value\":\"X1\"}}}"), "{}");
        CHECK_STR(convert("a.b.c", "{\"a\":{\"b\":{\"c\":\"X1\"}},\"x\":{}}"), "{\"x\":{}}");
}

TEST(who_names_nobody_has_no_reference_and_nonsense_is_one_that_nobody_has) {
        CHECK_STR(convert("manager", "{\"manager\":\"\"}"), "{}");
        CHECK(!found.data || found.size == 0);
        CHECK_STR(convert("manager", "{\"manager\":null}"), "{\"manager\":null}");
        CHECK_STR(convert("manager", "{\"manager\":{\"value\":null}}"), "{}");
        CHECK_STR(convert("manager", "{\"manager\":[]}"), "{}");
        CHECK(!found.data || found.size == 0);
        CHECK_STR(convert("manager", "{\"manager\":true}"), "{\"manager\":\"Ttrue\"}");
        CHECK_STR(convert("manager", "{\"manager\":{\"displayName\":\"B\"}}"), "{\"manager\":\"T{\\\"displayName\\\":\\\"B\\\"}\"}");
        CHECK_STR(convert("manager", "{\"manager\":[[\"S1\"]]}"), "{\"manager\":[\"T[\\\"S1\\\"]\"]}");
}

TEST(ids_of_the_target_are_told_apart_from_those_of_the_source) {
        _cleanup_(references_freep) References *r = references_of("manager owners", NULL);
        _cleanup_json_ json_object *o = json_tokener_parse("{\"manager\":\"S1\"}");

        strbuf_clear(&found);
        CHECK_INT(references_mark(r, o, REFERENCE_OF_SOURCE, note, r), 0);
        json_object_object_add(o, "owners", json_object_new_string("kept"));
        CHECK_INT(references_mark(r, o, REFERENCE_OF_TARGET, note, r), 0);
        CHECK_STR(found.data, "manager=S1 owners=kept");
        CHECK_INT(references_translate(r, o, give, NULL), 0);
        CHECK_STR(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN), "{\"manager\":\"TS1\",\"owners\":\"kept\"}");
        /* What is not marked stays: a target's id is never translated again. */
        CHECK_INT(references_translate(r, o, give, NULL), 0);
        CHECK_STR(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN), "{\"manager\":\"TS1\",\"owners\":\"kept\"}");
}

TEST(a_shared_value_is_not_changed) {
        _cleanup_(references_freep) References *r = references_of("manager owners", NULL);
        _cleanup_json_ json_object *record = json_tokener_parse("{\"m\":{\"value\":\"S1\",\"$ref\":\"x\"},\"o\":[\"S2\"]}"),
                                   *o = json_object_new_object();

        json_object_object_add(o, "manager", json_object_get(json_object_object_get(record, "m")));
        json_object_object_add(o, "owners", json_object_get(json_object_object_get(record, "o")));
        CHECK_INT(references_mark(r, o, REFERENCE_OF_SOURCE, note, r), 0);
        CHECK_INT(references_translate(r, o, give, NULL), 0);
        CHECK_STR(json_object_to_json_string_ext(record, JSON_C_TO_STRING_PLAIN), "{\"m\":{\"value\":\"S1\",\"$ref\":\"x\"},\"o\":[\"S2\"]}");
        CHECK_STR(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN), "{\"manager\":{\"value\":\"TS1\"},\"owners\":[\"TS2\"]}");
}

TEST(what_an_object_holds_and_keeps) {
        _cleanup_(references_freep) References *r = references_of("manager", NULL);
        _cleanup_json_ json_object *from = json_tokener_parse("{\"manager\":[{\"value\":\"T1\"},\"T2\"]}"), *to = json_object_new_object();
        bool there;

        CHECK_INT(references_hold(r, 0, from, "T1", &there), 0);
        CHECK(there);
        CHECK_INT(references_hold(r, 0, from, "T2", &there), 0);
        CHECK(there);
        CHECK_INT(references_hold(r, 0, from, "T3", &there), 0);
        CHECK(!there);
        CHECK_INT(references_hold(r, 0, to, "T1", &there), 0);
        CHECK(!there);
        CHECK_INT(references_copy(r, 0, from, to), 0);
        CHECK_STR(json_object_to_json_string_ext(to, JSON_C_TO_STRING_PLAIN), "{\"manager\":[{\"value\":\"T1\"},\"T2\"]}");
}

TEST(a_list_adds_up_and_names_each_attribute_once) {
        _cleanup_(references_freep) References *r = references_of("manager.value, owners", NULL);

        CHECK_INT(references_count(r), 2);
        CHECK_STR(references_name(r, 0), "manager");
        CHECK_INT(references_add(&r, "Manager " MANAGER ":Manager.value", NULL), 0);
        CHECK_INT(references_count(r), 3);
        CHECK_STR(references_canonical_name(r, 2), "urn:ietf:params:scim:schemas:extension:enterprise:2.0:user:manager");
        CHECK_STR(references_head(r, 2), MANAGER);
        CHECK_STR(references_head(r, 1), "owners");
        CHECK_INT(references_count(NULL), 0);
}

TEST(what_can_be_no_reference_is_refused) {
        static const char *const bad[] = { "members", "Members.value", "id", "meta", "schemas", "manager[type eq \"x\"]", "a;b", "a b.", "\xff" };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                _cleanup_error_ Error *error = NULL;
                References *r = references_of(bad[i], &error);

                CHECK(!r);
                CHECK(error && error->text);
        }
}
