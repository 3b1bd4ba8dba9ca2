/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <stdio.h>

#include "connector-test.h"
#include "tap.h"

static int read_kind(const char *kind, const char *data, size_t size, const char *key, const char *value, Reading *ret) {
        _cleanup_(test_config_freep) ConnectorConfig *c = NULL;

        c = test_config(true, "csv", kind, tap_write_file("file.csv", data, size), key, value, NULL);
        return read_all(c, ret, NULL);
}

static int read_users(const char *text, Reading *ret) {
        return read_kind("Users", text, strlen(text), NULL, NULL, ret);
}

static int read_groups(const char *text, Reading *ret) {
        return read_kind("Groups", text, strlen(text), NULL, NULL, ret);
}

static bool contains(const char *text, const char *part) {
        if (text && strstr(text, part))
                return true;
        tap_diag("\"%s\" lacks \"%s\"", strempty(text), part);
        return false;
}

#define CHECK_CONTAINS(text, part) CHECK(contains((text), (part)))

/* The last object as canonical JSON; lives until the next call. */
static const char *attributes(const Reading *r) {
        static StrBuf b;

        strbuf_clear(&b);
        if (!r->last || json_canonical(r->last->attributes, &b) < 0)
                return NULL;
        return b.data;
}

TEST(the_header_names_the_attributes) {
        _cleanup_reading_ Reading r = {};

        CHECK_INT(read_users("userName,id,name.givenName,name.familyName,active,x y\n"
                             "jdoe,u1,John,\"Doe, \"\"Jr\"\"\",yes,\"a\r\nb\"\n", &r), 0);
        CHECK(r.complete);
        CHECK_STR(r.ids, "u:u1 ");
        CHECK_STR(attributes(&r), "{\"active\":true,\"name\":{\"familyName\":\"Doe, \\\"Jr\\\"\",\"givenName\":\"John\"},"
                                  "\"userName\":\"jdoe\",\"x y\":\"a\\r\\nb\"}");
}

TEST(an_empty_field_is_an_attribute_that_is_not_there) {
        _cleanup_reading_ Reading r = {};

        CHECK_INT(read_users("id,a,b.c,active\nu1,\"\",,\n", &r), 0);
        CHECK_STR(attributes(&r), "{}");
        CHECK(r.complete);
}

TEST(spaces_belong_to_the_field) {
        _cleanup_reading_ Reading r = {};

        CHECK_INT(read_users("id,a\nu1, x \n", &r), 0);
        CHECK_STR(attributes(&r), "{\"a\":\" x \"}");
}

TEST(active_and_deleted_are_booleans_and_nothing_is_guessed) {
        _cleanup_reading_ Reading r = {}, bad = {};

        CHECK_INT(read_users("id,active,Deleted\nu1,FALSE,1\n", &r), 0);
        CHECK_STR(attributes(&r), "{\"Deleted\":true,\"active\":false}");
        CHECK_INT(read_users("id,active\nu1,no\nu2,nein\n", &bad), 0);
        CHECK_STR(bad.ids, "u:u1 !u:u2 ");
        CHECK(bad.complete);
        CHECK_CONTAINS(bad.invalid_text, "file.csv:3: \"active\" is neither true nor false");
}

TEST(members_of_a_group_are_separated_by_semicolons) {
        _cleanup_reading_ Reading r = {}, none = {}, absent = {};

        CHECK_INT(read_groups("id,displayName,members\ng,G,b; a;;c\n", &r), 0);
        CHECK_INT(strv_length(r.last->members), 3);
        CHECK_STR(r.last->members[0], "a");
        CHECK_STR(r.last->members[2], "c");
        CHECK_INT(read_groups("id,Members\ng,\n", &none), 0);
        CHECK(none.last->members && !none.last->members[0]);
        CHECK_INT(read_groups("id,displayName\ng,G\n", &absent), 0);
        CHECK(!absent.last->members);
}

TEST(one_file_with_a_kind_in_each_record) {
        _cleanup_reading_ Reading r = {}, bad = {};
        const char all[] = "kind,id,members,userName\nuser,x,,u\ngroup,x,x,\n";
        const char doubtful[] = "id,kind\nx,user\ny,User\nz\n";

        CHECK_INT(read_kind("File", all, strlen(all), NULL, NULL, &r), 0);
        CHECK(r.complete);
        CHECK_STR(r.ids, "u:x g:x ");
        CHECK_STR(attributes(&r), "{}");
        CHECK_STR(r.last->members[0], "x");
        CHECK_INT(read_kind("File", doubtful, strlen(doubtful), NULL, NULL, &bad), 0);
        CHECK_STR(bad.ids, "u:x ? ? ");
        CHECK(!bad.complete);
        CHECK_CONTAINS(bad.reason, "file.csv:3: \"kind\" is neither");
}

TEST(another_delimiter_and_another_id) {
        _cleanup_(test_config_freep) ConnectorConfig *c = NULL;
        _cleanup_(source_freep) Source *s = NULL;
        _cleanup_reading_ Reading r = {}, tab = {};
        const char text[] = "a;uid\n1,5;u1\n", tabs[] = "id\ta\nu1\tx\n";

        c = test_config(true, "csv", "Users", tap_write_file("file.csv", text, strlen(text)), "Delimiter", ";", "Id", "uid", NULL);
        CHECK_INT(read_all(c, &r, NULL), 0);
        CHECK_STR(r.ids, "u:u1 ");
        CHECK_STR(attributes(&r), "{\"a\":\"1,5\"}");
        CHECK_INT(source_open(c, &s, NULL), 0);
        CHECK_STR(s->schema, "csv;Delimiter=;;Id=uid\na;uid");
        CHECK_INT(read_kind("Users", tabs, strlen(tabs), "Delimiter", "tab", &tab), 0);
        CHECK_STR(tab.ids, "u:u1 ");
}

TEST(the_schema_holds_the_headers_of_all_files) {
        _cleanup_(test_config_freep) ConnectorConfig *c = NULL;
        _cleanup_(source_freep) Source *s = NULL;

        c = test_config(true, "csv", "Users", tap_write_file("u.csv", "\xef\xbb\xbfid,a\r\n", 9), "Groups",
                        tap_write_file("g.csv", "id,b\n", 5), NULL);
        CHECK_INT(source_open(c, &s, NULL), 0);
        CHECK_STR(s->schema, "csv;Delimiter=,;Id=id\nid,a\nid,b");
        CHECK_INT(s->kinds, 3);
}

TEST(crlf_empty_lines_and_a_byte_order_mark_do_not_matter) {
        _cleanup_reading_ Reading r = {};

        CHECK_INT(read_users("\xef\xbb\xbf\r\n\"id\",a\r\n\r\nu1,x\r\n\nu2,\"y\"\r\n", &r), 0);
        CHECK(r.complete);
        CHECK_STR(r.ids, "u:u1 u:u2 ");
        CHECK_STR(attributes(&r), "{\"a\":\"y\"}");
}

TEST(e3_a_header_alone_is_a_complete_reading_of_nothing) {
        _cleanup_reading_ Reading r = {};

        CHECK_INT(read_users("id,userName\n", &r), 0);
        CHECK(r.complete);
        CHECK_STR(r.ids, "");
}

TEST(e1_a_header_that_will_not_do_makes_the_reading_incomplete) {
        static const struct {
                const char *text, *reason;
        } table[] = {
                { "", "file.csv: the file is empty, even the header is missing" },
                { "\n\n", "file.csv: the file is empty, even the header is missing" },
                { "id,userName", "file.csv:1: the file ends in the middle of a record: its last line has no newline" },
                { "userName,mail\nx,y\n", "file.csv:1: the header has no column \"id\"" },
                { "u1,jdoe\nu2,jane\n", "file.csv:1: the header has no column \"id\"" },
                { "ID,userName\nx,y\n", "file.csv:1: the header has a column \"ID\", expected is \"id\"" },
                { "userName, id\nx,y\n", "file.csv:1: the header has a column \" id\", expected is \"id\"" },
                { "id;userName\nx;y\n", "file.csv:1: the header has no column \"id\", and one column only: is Delimiter= right?" },
                { "id,a,a\nx,y,z\n", "file.csv:1: the header has both a column \"a\" and a column \"a\"" },
                { "id,a,A\nx,y,z\n", "file.csv:1: the header has both a column \"a\" and a column \"A\"" },
                { "id,name,name.x\nx,y,z\n", "file.csv:1: the header has both a column \"name\" and a column \"name.x\"" },
                { "id,,b\nx,y,z\n", "file.csv:1: column 2 of the header has no name" },
                { "id,a..b\nx,y\n", "file.csv:1: column 2 of the header has no name, or an empty part" },
                { "id,a.b.c.d.e.f.g.h.i\nx,y\n", "file.csv:1: column 2 of the header has more than 8 parts" },
                { "id,\xff\nx,y\n", "file.csv:1: column 2 of the header is no UTF-8" },
                { "id,\"a\"b\nx,y\n", "file.csv:1: the header is no line of CSV" },
                { "\n\nid,a\rb\nx,y\n", "file.csv:3: the header is no line of CSV" },
                { "id,\"a\nx,y\n", "file.csv:1: the file ends in the middle of a record: a quotation mark is never closed" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_reading_ Reading r = {};

                CHECK_INT(read_users(table[i].text, &r), 0);
                CHECK(!r.complete);
                CHECK_STR(r.ids, "");
                CHECK_CONTAINS(r.reason, table[i].reason);
        }
}

TEST(e1_kind_is_looked_for_like_the_id) {
        _cleanup_reading_ Reading r = {};

        CHECK_INT(read_kind("File", "id,Kind\nx,user\n", 15, NULL, NULL, &r), 0);
        CHECK(!r.complete);
        CHECK_CONTAINS(r.reason, "file.csv:1: the header has a column \"Kind\", expected is \"kind\"");
}

TEST(e1_truncated_at_any_byte_it_is_never_complete_with_less) {
        static const char whole[] = "id,a\nu1,\"x\n\"\"y\"\r\n\nu2,z\n\xc3\xa4,\"\"\n";

        for (size_t n = 0; n < sizeof(whole); n++) {
                _cleanup_reading_ Reading r = {};
                bool in_quotes = false, at_end;

                CHECK_INT(read_kind("Users", whole, n, NULL, NULL, &r), 0);
                for (size_t i = 0; i < n; i++)
                        in_quotes ^= whole[i] == '"';
                at_end = n > 0 && whole[n - 1] == '\n' && !in_quotes;
                if (r.complete != at_end)
                        tap_diag("cut at %zu: %s", n, strempty(r.reason));
                CHECK(r.complete == at_end);
                CHECK_INT(r.n_invalid + r.n_invalid_known, 0);
                CHECK(r.complete || r.reason);
        }
}

TEST(e1_an_unclosed_quotation_mark_names_the_line_where_its_record_begins) {
        _cleanup_reading_ Reading r = {};

        CHECK_INT(read_users("id,a\nu1,x\nu2,\"y\nu3,z\nu4,z\n", &r), 0);
        CHECK(!r.complete);
        CHECK_STR(r.ids, "u:u1 ");
        CHECK_CONTAINS(r.reason, "file.csv:3: the file ends in the middle of a record: a quotation mark is never closed");
}

TEST(lines_are_counted_through_quoted_ones) {
        _cleanup_reading_ Reading r = {};

        CHECK_INT(read_users("id,active\n\"u\n\n1\",yes\nu2,maybe\n", &r), 0);
        CHECK_CONTAINS(r.invalid_text, "file.csv:5: \"active\"");
}

TEST(e2_an_unusable_record_with_an_id_is_seen_but_invalid) {
        static const struct {
                const char *text, *ids, *reason;
        } table[] = {
                { "id,a,b\nu1,x\n", "!u:u1 ", "file.csv:2: 2 fields, but the header has 3" },
                { "id,a,b\nu1,Doe, John,x\n", "!u:u1 ", "file.csv:2: 4 fields, but the header has 3" },
                { "id,a\nu1,M\xfcller\n", "!u:u1 ", "file.csv:2: this is no UTF-8" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_reading_ Reading r = {};

                CHECK_INT(read_users(table[i].text, &r), 0);
                CHECK(r.complete);
                CHECK_STR(r.ids, table[i].ids);
                CHECK_CONTAINS(r.invalid_text, table[i].reason);
        }
}

TEST(e2_a_record_that_could_be_anybodys_makes_the_reading_incomplete) {
        static const struct {
                const char *text;
                size_t size;
                const char *reason;
        } table[] = {
#define TEXT(literal) literal, sizeof(literal) - 1
                { TEXT("id,a\n,x\n"), "file.csv:2: \"id\" is empty" },
                { TEXT("id,a,b\nu1\n"), "file.csv:2: 1 fields, but the header has 3" },
                { TEXT("id,a\n\xff,x\n"), "too long or no UTF-8" },
                /* An export that pads one id: its person is not gone. */
                { TEXT("id,a\n  ,x\n"), "file.csv:2: \"id\" is empty, begins or ends with a blank" },
                { TEXT("id,a\n u1,x\n"), "begins or ends with a blank" },
                { TEXT("id,a\n\"u1\t\",x\n"), "begins or ends with a blank" },
                { TEXT("id,a,b\nu1 ,x\n"), "file.csv:2: 2 fields, but the header has 3" },
                { TEXT("a,id,b\nu1,x\n"), "file.csv:2: 2 fields, but the header has 3" },
                { TEXT("a,id\nu1,x,y\n"), "file.csv:2: 3 fields, but the header has 2" },
                /* Two records whose line end was lost. */
                { TEXT("id,a,b\nu1,x,yu2,x,y\n"), "file.csv:2: 5 fields, but the header has 3" },
                { TEXT("id,a\nu1,\"x\"y\n"), "file.csv:2: this is no line of CSV" },
                { TEXT("id,a\nu1,5\" disk\nu2,6\" disk\n"), "file.csv:2: this is no line of CSV" },
                { TEXT("id,a\nu1,x\ry,z\n"), "file.csv:2: this is no line of CSV" },
                { TEXT("id,a\nu1,x\0y\n"), "file.csv:2: a NUL byte" },
                { TEXT("id,a\n,\n"), "file.csv:2: \"id\" is empty" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_reading_ Reading r = {};

                CHECK_INT(read_kind("Users", table[i].text, table[i].size, NULL, NULL, &r), 0);
                CHECK(!r.complete);
                CHECK_STR(r.ids, "? ");
                CHECK_CONTAINS(r.reason, table[i].reason);
        }
}

TEST(e2_a_line_of_tabs_is_a_record_where_tabs_delimit) {
        static const struct {
                const char *delimiter, *text;
                bool complete;
        } table[] = { { "tab", "id\ta\tb\nu1\tx\ty\n\t\t\n", false }, { ",", "id,a,b\nu1,x,y\n\t \n", true }, { "tab", "id\ta\tb\nu1\tx\ty\n  \n", true } };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_(test_config_freep) ConnectorConfig *c = NULL;
                _cleanup_reading_ Reading r = {};

                c = test_config(true, "csv", "Delimiter", table[i].delimiter, "Users",
                                tap_write_file("tabs.csv", table[i].text, strlen(table[i].text)), NULL);
                CHECK_INT(read_all(c, &r, NULL), 0);
                CHECK(r.complete == table[i].complete);
                CHECK_INT(r.n_users, 1);
        }
}

TEST(after_a_record_that_is_no_csv_the_next_is_read_well) {
        _cleanup_reading_ Reading r = {};

        CHECK_INT(read_users("id,a\nu1,\"x\"y\nu2,\"fine\"\n", &r), 0);
        CHECK_STR(r.ids, "? u:u2 ");
        CHECK_STR(attributes(&r), "{\"a\":\"fine\"}");
}

TEST(e1_one_bad_header_does_not_hide_the_other_file) {
        _cleanup_(test_config_freep) ConnectorConfig *c = NULL;
        _cleanup_reading_ Reading r = {};

        c = test_config(true, "csv", "Users", tap_write_file("u.csv", "id,a\nu1,x\n", 10), "Groups",
                        tap_write_file("g.csv", "name\nx\n", 7), NULL);
        CHECK_INT(read_all(c, &r, NULL), 0);
        CHECK_STR(r.ids, "u:u1 ");
        CHECK(!r.complete);
        CHECK_CONTAINS(r.reason, "g.csv:1: the header has no column \"id\"");
}

TEST(records_larger_than_the_buffer_come_whole) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;
        _cleanup_reading_ Reading r = {};

        strbuf_puts(&b, "id,x\n");
        for (size_t i = 0; i < 40; i++)
                strbuf_printf(&b, "u%zu,\"%*s\n\"\"\"\n", i, (int) (256 * 1024 - 20 + i), "\n");
        strbuf_printf(&b, "big,\"%*s\"\n", 3 * 1024 * 1024, "x");
        CHECK_INT(read_users(b.data, &r), 0);
        CHECK(r.complete);
        CHECK_INT(r.n_users, 41);
        CHECK_CONTAINS(r.ids, "u:u39 u:big ");
}
