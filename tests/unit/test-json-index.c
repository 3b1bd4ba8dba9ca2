/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "json-index.h"

#include <stdio.h>

#include "string-util.h"
#include "tap.h"

static unsigned lookup(const JsonIndex *i, const char *value, uint64_t offsets[static 2]) {
        return json_index_lookup(i, value, strlen(value), offsets);
}

static int add(JsonIndex *i, const char *line, uint64_t offset) {
        return json_index_add_object(i, line, strlen(line), offset);
}

TEST(values_are_found_without_regard_to_case) {
        _cleanup_(json_index_freep) JsonIndex *i = NULL;
        uint64_t at[2];

        CHECK_INT(json_index_new("userName", 10, &i), 0);
        CHECK_INT(add(i, "{\"userName\":\"J\xc3\x84rvi\"}", 0), 0);
        CHECK_INT(lookup(i, "j\xc3\xa4RVI", at), 1);
        CHECK_INT(at[0], 0);
        CHECK_INT(lookup(i, "jarvi", at), 0);
        CHECK_INT(lookup(i, "", at), 0);
        CHECK(json_value_equal("userName", "J\xc3\x84", 3, "j\xc3\xa4", 3));
        CHECK(!json_value_equal("userName", "ab", 2, "a", 1));
}

TEST(ids_are_exact) {
        _cleanup_(json_index_freep) JsonIndex *i = NULL;
        uint64_t at[2];

        CHECK_INT(json_index_new("externalId", 10, &i), 0);
        CHECK_INT(add(i, "{\"externalId\":\"Ab\"}", 7), 0);
        CHECK_INT(lookup(i, "Ab", at), 1);
        CHECK_INT(lookup(i, "ab", at), 0);
        CHECK(!json_value_equal("id", "A", 1, "a", 1));
}

TEST(a_value_twice_in_one_object_is_one_and_a_third_object_is_no_news) {
        _cleanup_(json_index_freep) JsonIndex *i = NULL;
        uint64_t at[2];

        CHECK_INT(json_index_new("emails", 10, &i), 0);
        CHECK_INT(add(i, "{\"emails\":[\"a\",\"A\"]}", 1), 0);
        CHECK_INT(lookup(i, "a", at), 1);
        CHECK_INT(add(i, "{\"emails\":[\"a\"]}", 2), 0);
        CHECK_INT(lookup(i, "a", at), 2);
        CHECK_INT(at[0] + at[1], 3);
        /* A million objects that share a value must not take a million squared steps. */
        for (unsigned k = 0; k < 1000000; k++)
                CHECK_INT(add(i, "{\"emails\":[\"a\"]}", 3 + k), 0);
        CHECK_INT(lookup(i, "a", at), 2);
}

TEST(many_values_are_all_found) {
        _cleanup_(json_index_freep) JsonIndex *i = NULL;
        char text[64];
        uint64_t at[2];

        CHECK_INT(json_index_new("id", 10, &i), 0);
        for (unsigned k = 0; k < 100000; k++) {
                snprintf(text, sizeof(text), "{\"id\":\"%u\"}", k);
                CHECK_INT(add(i, text, k * 10), 0);
        }
        for (unsigned k = 0; k < 100000; k++) {
                snprintf(text, sizeof(text), "%u", k);
                CHECK_INT(lookup(i, text, at), 1);
                CHECK_INT(at[0], k * 10);
        }
        CHECK_INT(lookup(i, "100000", at), 0);
}
