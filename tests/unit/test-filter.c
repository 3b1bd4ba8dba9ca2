/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "filter.h"
#include "object.h"
#include "tap.h"

/* The full user of RFC 7643 sections 8.2 and 8.3, as far as filters look at it. */
static const char user[] =
        "{\"schemas\":[\"urn:ietf:params:scim:schemas:core:2.0:User\","
        "\"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User\"],"
        "\"id\":\"2819c223-7f76-453a-919d-413861904646\",\"externalId\":\"701984\",\"userName\":\"bjensen@example.com\","
        "\"name\":{\"formatted\":\"Ms. Barbara J Jensen, III\",\"familyName\":\"Jensen\",\"givenName\":\"Barbara\"},"
        "\"displayName\":\"Babs Jensen\",\"nickName\":\"\",\"active\":true,\"loginCount\":42,\"quota\":1.5,"
        "\"emails\":[{\"value\":\"bjensen@example.com\",\"type\":\"work\",\"primary\":true},"
        "{\"value\":\"babs@jensen.org\",\"type\":\"home\"}],"
        "\"ims\":[{\"value\":\"someaimhandle\",\"type\":\"aim\"}],"
        "\"tags\":[\"red\",\"green\"],\"photos\":[],\"profileUrl\":null,\"x509Certificates\":[null],"
        "\"userType\":\"Employee\",\"title\":\"Tour Guide\",\"timezone\":\"America/Los_Angeles\",\"street\":\"STRASSE Ä Ω\","
        "\"legacy\":\"False\",\"number\":\"0042\",\"flat.key\":\"flat\","
        "\"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User\":{\"employeeNumber\":\"701984\","
        "\"department\":\"Tour Operations\",\"manager\":{\"value\":\"26118915-6090-4610-87e4-49d8ca9f808d\","
        "\"displayName\":\"John Smith\"}},"
        "\"groups\":[{\"value\":\"e9e30dba\",\"display\":\"Tour Guides\"},{\"value\":\"fc348aa8\",\"display\":\"Employees\"}],"
        "\"meta\":{\"resourceType\":\"User\",\"created\":\"2010-01-23T04:56:22Z\","
        "\"lastModified\":\"2011-05-13T04:42:34Z\",\"version\":\"W/\\\"a330bc54f0671c9\\\"\"}}";

#define ENTERPRISE "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

typedef struct Row {
        const char *filter;
        bool matches;
        const char *source;
} Row;

static void check_rows(const char *record, const Row *rows, size_t n) {
        _cleanup_json_ json_object *o = json_tokener_parse(record);

        CHECK(o);
        for (size_t i = 0; i < n; i++) {
                _cleanup_(filter_freep) Filter *f = NULL;
                _cleanup_error_ Error *e = NULL;

                if (filter_parse(rows[i].filter, &f, &e) < 0) {
                        tap_fail(__FILE__, __LINE__, "%s (%s): %s", rows[i].filter, rows[i].source, error_text(e, -EINVAL));
                        continue;
                }
                if (filter_matches(f, o) != rows[i].matches)
                        tap_fail(__FILE__, __LINE__, "%s (%s) should %smatch", rows[i].filter, rows[i].source,
                                 rows[i].matches ? "" : "not ");
        }
}

TEST(the_examples_of_rfc7644_figure_2) {
        static const Row rows[] = {
                /* The figure's filters in its order; whether they match follows from the user above. */
                { "userName eq \"bjensen\"", false, "figure 2, 1" },
                { "name.familyName co \"O'Malley\"", false, "figure 2, 2" },
                { "userName sw \"J\"", false, "figure 2, 3" },
                { "urn:ietf:params:scim:schemas:core:2.0:User:userName sw \"J\"", false, "figure 2, 4" },
                { "title pr", true, "figure 2, 5" },
                { "meta.lastModified gt \"2011-05-13T04:42:34Z\"", false, "figure 2, 6" },
                { "meta.lastModified ge \"2011-05-13T04:42:34Z\"", true, "figure 2, 7" },
                { "meta.lastModified lt \"2011-05-13T04:42:34Z\"", false, "figure 2, 8" },
                { "meta.lastModified le \"2011-05-13T04:42:34Z\"", true, "figure 2, 9" },
                { "title pr and userType eq \"Employee\"", true, "figure 2, 10" },
                { "title pr or userType eq \"Intern\"", true, "figure 2, 11" },
                { "schemas eq \"" ENTERPRISE "\"", true, "figure 2, 12" },
                { "userType eq \"Employee\" and (emails co \"example.com\" or emails.value co \"example.org\")", true,
                  "figure 2, 13" },
                { "userType ne \"Employee\" and not (emails co \"example.com\" or emails.value co \"example.org\")", false,
                  "figure 2, 14" },
                { "userType eq \"Employee\" and (emails.type eq \"work\")", true, "figure 2, 15" },
                { "userType eq \"Employee\" and emails[type eq \"work\" and value co \"@example.com\"]", true,
                  "figure 2, 16" },
                { "emails[type eq \"work\" and value co \"@example.com\"] or ims[type eq \"xmpp\" and value co "
                  "\"@foo.com\"]", true, "figure 2, 17" },
                /* The same filters turned so that they match, or no longer do. */
                { "userName eq \"bjensen@example.com\"", true, "figure 2, 1" },
                { "name.familyName co \"ense\"", true, "figure 2, 2" },
                { "userName sw \"B\"", true, "figure 2, 3; strings ignore case" },
                { "urn:ietf:params:scim:schemas:core:2.0:User:userName sw \"bj\"", true, "figure 2, 4" },
                { "nickName pr", false, "figure 2, 5" },
                { "meta.lastModified gt \"2011-05-13T04:42:33.999Z\"", true, "figure 2, 6" },
                { "emails[type eq \"home\" and value co \"@example.com\"]", false,
                  "figure 2, 16: both must hold for one value" },
                { "emails.type eq \"home\" and emails.value co \"@example.com\"", true,
                  "outside brackets each looks at every value" },
        };

        check_rows(user, rows, ELEMENTSOF(rows));
}

TEST(the_operators_of_rfc7644_table_3) {
        static const Row rows[] = {
                { "userType eq \"employee\"", true, "table 3 eq; caseExact false, RFC 7643 section 4.1.1" },
                { "userType ne \"employee\"", false, "table 3 ne" },
                { "userType ne \"Intern\"", true, "table 3 ne" },
                { "title co \"guide\"", true, "table 3 co" },
                { "title co \"\"", true, "table 3 co: the empty string is in every string" },
                { "title co \"Tour Guides\"", false, "table 3 co" },
                { "title sw \"tour\"", true, "table 3 sw" },
                { "title sw \"our\"", false, "table 3 sw" },
                { "title ew \"GUIDE\"", true, "table 3 ew" },
                { "title ew \"Tour\"", false, "table 3 ew" },
                { "title ew \"A Tour Guide\"", false, "table 3 ew: longer than the value" },
                { "title gt \"Aardvark\"", true, "table 3 gt: lexicographic for strings" },
                { "title gt \"tour guide\"", false, "table 3 gt; equal without case" },
                { "title ge \"tour guide\"", true, "table 3 ge" },
                { "title lt \"Z\"", true, "table 3 lt" },
                { "title le \"tour\"", false, "table 3 le: the longer string is greater" },
                { "loginCount gt 41", true, "table 3 gt: numeric for integers" },
                { "loginCount gt 42", false, "table 3 gt" },
                { "loginCount lt 100", true, "table 3 lt: by number, not by text" },
                { "loginCount eq 42.0", true, "RFC 8259: 42 and 42.0 are one number" },
                { "loginCount eq 4.2e1", true, "RFC 8259 section 6" },
                { "quota gt 1", true, "table 3 gt" },
                { "quota eq 1.5", true, "table 3 eq" },
                { "quota lt -1", false, "table 3 lt" },
                { "active eq true", true, "table 3 eq" },
                { "active ne true", false, "table 3 ne" },
                { "active eq false", false, "table 3 eq" },
                { "active gt \"a\"", false, "table 3 gt: a boolean has no order" },
                { "emails pr", true, "table 3 pr: a non-empty node" },
                { "name pr", true, "table 3 pr" },
                { "tags pr", true, "table 3 pr" },
                { "photos pr", false, "table 3 pr; RFC 7643 section 2.5: an empty array is unassigned" },
                { "profileUrl pr", false, "table 3 pr: null" },
                { "x509Certificates pr", false, "table 3 pr: no value" },
                { "active pr", true, "table 3 pr: false would be present too" },
                { "nothing pr", false, "table 3 pr" },
        };

        check_rows(user, rows, ELEMENTSOF(rows));
}

TEST(logic_grouping_and_precedence_of_rfc7644_table_4_and_5) {
        static const Row rows[] = {
                { "title pr or active pr and nothing pr", true, "section 3.4.2.2: and before or" },
                { "(title pr or active pr) and nothing pr", false, "table 5: ( )" },
                { "nothing pr and title pr or active pr", true, "section 3.4.2.2: and before or" },
                { "nothing pr and (title pr or active pr)", false, "table 5: ( )" },
                { "not (title pr) or active pr", true, "section 3.4.2.2: not before or" },
                { "not (title pr or active pr)", false, "table 4: not" },
                { "not(nothing pr)and not (nil pr)", true, "figure 1: *1\"not\" \"(\" has no space" },
                { "title pr AND NOT (nothing PR) Or nothing pr", true, "operators ignore case" },
                { "((((title pr))))", true, "table 5: ( )" },
                { "not eq \"x\"", false, "figure 1: \"not\" is also an ATTRNAME" },
                { "and pr or or pr or title pr", true, "figure 1: so are \"and\" and \"or\"" },
                { "emails[not (type eq \"work\")]", true, "figure 1: valFilter" },
                { "emails[type eq \"work\" or type eq \"other\" and value co \"x@\"]", true, "figure 1: valFilter" },
                { "emails[(type eq \"work\" or type eq \"other\") and value sw \"x@\"]", false, "figure 1: valFilter" },
                { "emails[ type eq \"home\" ]", true, "spaces in brackets" },
                { "emails[type eq \"home\"].value ew \".org\"", true, "as other services write it" },
                { "emails[type eq \"work\"].value ew \".org\"", false, "as other services write it" },
                { "emails[type eq \"fax\" or type eq \"home\"].value ew \".com\"", false, "as other services write it" },
                { "tags[value eq \"red\"]", true, "a simple value answers to \"value\"" },
                { "name[familyName eq \"jensen\"]", true, "a single complex value" },
        };

        check_rows(user, rows, ELEMENTSOF(rows));
}

TEST(names_types_and_unassigned_attributes) {
        static const Row rows[] = {
                { "USERNAME sw \"b\"", true, "RFC 7644 3.4.2.2: names ignore case" },
                { "Name.FAMILYname eq \"Jensen\"", true, "RFC 7644 3.4.2.2: names ignore case" },
                { ENTERPRISE ":employeeNumber eq \"701984\"", true, "RFC 7644 section 3.10" },
                { ENTERPRISE ":manager.displayName eq \"john smith\"", true, "RFC 7644 section 3.10" },
                { ENTERPRISE ":manager co \"26118915\"", true, "its value stands for a complex attribute" },
                { ENTERPRISE " pr", true, "the extension as a whole" },
                { ENTERPRISE ":userName pr", false, "userName is not in the extension" },
                { "urn:ietf:params:scim:schemas:core:2.0:User:emails[type eq \"home\"]", true, "RFC 7644 section 3.10" },
                { "flat.key eq \"flat\"", true, "a CSV column may have the whole path as its name" },
                { "members.$ref pr", false, "RFC 7643 section 2.4: $ref" },
                { "id eq \"2819C223-7F76-453A-919D-413861904646\"", false, "RFC 7643 section 3.1: id is caseExact" },
                { "id co \"7f76\"", true, "caseExact" },
                { "id sw \"2819c\" and id ew \"4646\"", true, "caseExact" },
                { "id co \"7F76\" or id sw \"2819C\" or id ew \"D-413861904646\"", false, "caseExact" },
                { "meta.resourceType eq \"user\"", false, "RFC 7643 section 3.1: caseExact" },
                { "meta[resourceType eq \"user\"]", false, "RFC 7643 section 3.1: caseExact" },
                { "meta.resourceType eq \"User\"", true, "RFC 7643 section 3.1: caseExact" },
                { "meta.created eq \"2010-01-23T05:56:22.000+01:00\"", true, "RFC 7643 section 2.3.5: an instant" },
                { "meta.created lt \"2010-01-22T23:56:23-05:00\"", true, "chronological, RFC 7644 table 3" },
                { "meta.created gt \"2010\"", true, "no date-time on the right: by text" },
                { "street co \"strasse ä\"", true, "case beyond ASCII" },
                { "street ew \"ω\"", true, "case beyond ASCII" },
                { "tags eq \"green\"", true, "3.4.2.2: any value of a multi-valued attribute" },
                { "tags ne \"green\"", true, "3.4.2.2: any value, so red does" },
                { "not (tags eq \"green\")", false, "none of the values" },
                { "tags.value eq \"green\"", true, "a simple value answers to \"value\"" },
                { "groups co \"fc34\"", true, "its value stands for a complex attribute" },
                { "groups.display ew \"guides\"", true, "3.4.2.2" },
                { "profileUrl eq null", true, "RFC 7643 section 2.5: null is unassigned" },
                { "nothing eq null", true, "RFC 7643 section 2.5: absent is unassigned" },
                { "photos eq null", true, "RFC 7643 section 2.5: the empty array is unassigned" },
                { "x509Certificates eq null", true, "RFC 7643 section 2.5" },
                { "title eq null", false, "RFC 7643 section 2.5" },
                { "title ne null", true, "RFC 7643 section 2.5" },
                { "nothing ne null", false, "RFC 7643 section 2.5" },
                { "nothing ne \"x\"", true, "null is not identical to x, table 3" },
                { "nothing eq \"\"", false, "null is not the empty string" },
                { "nickName eq \"\"", true, "table 3 eq" },
                { "nothing co \"\" or nothing sw \"\" or nothing ew \"\"", false, "null contains nothing" },
                { "nothing gt 0 or nothing le \"z\"", false, "null has no order" },
                { "emails.nothing eq null", true, "no value has it" },
                { "emails.primary eq null", false, "one value has it" },
                { "nothing[type eq \"work\"]", false, "no value to look at" },
                { "nothing[not (type eq \"work\")]", false, "no value to look at" },
                { "legacy eq false", true, "booleans as text: entra-facts section 9" },
                { "active eq \"True\"", true, "booleans as text" },
                { "active ne \"true\"", false, "booleans as text" },
                { "title eq true", false, "no boolean" },
                { "number eq 42", false, "0042 is no number (RFC 8259 section 6), but a text of digits" },
                { "loginCount eq \"42\"", true, "numbers as text" },
                { "loginCount lt \"100\"", true, "numbers as text compare as numbers with a number" },
                { "loginCount sw \"4\"", true, "numbers as text" },
                { "title eq 42", false, "no number" },
                { "title ne 42", true, "no number" },
                { "title gt 42", false, "no number" },
                { "name eq \"Jensen\"", false, "a complex value without \"value\"" },
                { "name ne \"Jensen\"", true, "a complex value without \"value\"" },
        };

        check_rows(user, rows, ELEMENTSOF(rows));
        check_rows("{\"number\":\"42\",\"big\":9223372036854775807,\"other\":\"x\"}",
                   (Row[]) { { "number eq 42", true, "CSV" },
                             { "number gt 9", true, "CSV: by number" },
                             { "big gt 9223372036854775806", true, "64 bits, exactly" },
                             { "big lt 9223372036854775808", true, "beyond 64 bits" },
                             { "big gt 9223372036854775806.5", false, "this fraction is the double 2^63" },
                             { "big lt -9223372036854775809", false, "beyond 64 bits" },
                             { "number gt 41.5 and number lt 42.5 and number ge 42.0", true, "integer and fraction" },
                             { "big eq \"9223372036854775807\"", true, "64 bits, exactly" } },
                   8);
}

TEST(an_error_shows_the_place_and_what_would_be_right) {
        static const struct {
                const char *filter, *error;
        } table[] = {
                { "", "column 1: the filter is empty\n\n^" },
                { "userName", "column 9: expected an operator after the attribute: eq, ne, co, sw, ew, gt, ge, lt, le or pr\n"
                              "userName\n        ^" },
                { "userName eq", "column 12: expected a value: \"string\", number, true, false or null\nuserName eq\n"
                                 "           ^" },
                { "userName is \"x\"", "column 10: expected an operator after the attribute: eq, ne, co, sw, ew, gt, ge, "
                                       "lt, le or pr\nuserName is \"x\"\n         ^" },
                { "userName = \"x\"", "column 10: write eq in the place of =\nuserName = \"x\"\n         ^" },
                { "a==1", "column 2: write eq in the place of ==\na==1\n ^" },
                { "a eq x", "column 6: expected a value; a string stands in quotation marks: \"x\"\na eq x\n     ^" },
                { "a eq 'x'", "column 6: a string stands in \"double\" quotation marks\na eq 'x'\n     ^" },
                { "a eq \"x", "column 6: this string has no end: a \" is missing\na eq \"x\n     ^" },
                { "a eq True", "column 6: write true in lower case\na eq True\n     ^" },
                { "a eq 01", "column 6: this is no number as JSON writes it, such as 12 or -0.5\na eq 01\n     ^" },
                { "a eq 1x", "column 7: a number ends before this; write text as \"…\"\na eq 1x\n      ^" },
                { "a eq \"\\d\"", "column 7: unknown escape: write \\\\ for a backslash and \\\" for a quotation mark\n"
                                  "a eq \"\\d\"\n      ^" },
                { "a eq \"\\u0000\"", "column 7: \\u0000 is no character that a value may contain\na eq \"\\u0000\"\n      ^" },
                { "a gt true", "column 6: true, false and null have no order: gt compares with a number or a \"string\"; "
                               "write eq or ne\na gt true\n     ^" },
                { "a co 1", "column 6: co compares with a \"string\"\na co 1\n     ^" },
                { "(a pr", "column 6: expected \"and\", \"or\" or the \")\" that closes column 1\n(a pr\n     ^" },
                { "a pr)", "column 5: nothing is open that this \")\" could close\na pr)\n    ^" },
                { "a pr b pr", "column 6: expected \"and\", \"or\" or the end of the filter\na pr b pr\n     ^" },
                { "a pr and", "column 9: expected the name of an attribute, such as userName, name.familyName or "
                              ENTERPRISE ":department\na pr and\n        ^" },
                { "not userName pr", "column 5: \"not\" stands before parentheses: not (…)\nnot userName pr\n    ^" },
                { "a[b[c pr]]", "column 4: brackets cannot stand in brackets: only names of sub-attributes do\n"
                                "a[b[c pr]]\n   ^" },
                { "a[b pr", "column 7: expected \"and\", \"or\" or the \"]\" that closes column 2\na[b pr\n      ^" },
                { "a.b. pr", "column 5: expected the name of an attribute, such as userName, name.familyName or "
                             ENTERPRISE ":department\na.b. pr\n    ^" },
                { "ä pr", "column 1: expected the name of an attribute, such as userName, name.familyName or "
                          ENTERPRISE ":department\nä pr\n^" },
                { "a eq \"ä\" x", "column 10: expected \"and\", \"or\" or the end of the filter\na eq \"ä\" x\n         ^" },
                { "a eq \"b\"and b pr", "column 9: expected a space, \")\" or the end\na eq \"b\"and b pr\n        ^" },
                { "a eq\"b\"", "column 5: a space stands before the value\na eq\"b\"\n    ^" },
                { "a.b.c.d.e pr", "column 9: a name has at most 4 parts\na.b.c.d.e pr\n        ^" },
                { "a%b pr", "column 2: this character cannot stand in the name of an attribute\na%b pr\n ^" },
                { "a\npr", "column 2: a filter is one line without control characters\na pr\n ^" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_(filter_freep) Filter *f = NULL;
                _cleanup_error_ Error *e = NULL;

                CHECK_INT(filter_parse(table[i].filter, &f, &e), -EINVAL);
                CHECK(e && !f);
                CHECK_STR(e->text, table[i].error);
        }
}

TEST(a_long_filter_is_shown_in_part) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;
        _cleanup_(filter_freep) Filter *f = NULL;
        _cleanup_error_ Error *e = NULL;

        for (int i = 0; i < 20; i++)
                strbuf_puts(&b, "aaaa pr and ");
        strbuf_puts(&b, "x");
        for (int i = 0; i < 20; i++)
                strbuf_puts(&b, " or bbbb pr");
        CHECK_INT(filter_parse(b.data, &f, &e), -EINVAL);
        CHECK_STR(e->text, "column 243: expected an operator after the attribute: eq, ne, co, sw, ew, gt, ge, lt, le or pr\n"
                           "…aaaa pr and aaaa pr and aaaa pr and aaaa pr and x or bbbb pr or bbbb pr or …\n"
                           "                                                   ^");
}

TEST(the_normal_form_is_one_for_all_spellings) {
        static const struct {
                const char *filter, *canonical;
        } table[] = {
                { "  UserName   EQ  \"Bob\" ", "username eq \"Bob\"" },
                { "((a pr) AND ((b pr) and c pr))", "a pr and b pr and c pr" },
                { "(a pr and b pr) or c pr", "a pr and b pr or c pr" },
                { "a pr and (b pr or c pr)", "a pr and (b pr or c pr)" },
                { "not  ((a pr))", "not (a pr)" },
                { "Emails[ (type eq \"work\") ].value co \"\\u0040x\"", "emails[type eq \"work\" and value co \"@x\"]" },
                { "emails[a pr or b pr].value pr", "emails[(a pr or b pr) and value pr]" },
                { "a eq 1.50 or b ne null or c eq true or d eq -7", "a eq 1.50 or b ne null or c eq true or d eq -7" },
                { "a eq \"\\\"\\\\\\n\"", "a eq \"\\\"\\\\\\n\"" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_(filter_freep) Filter *f = NULL, *g = NULL;
                _cleanup_free_ char *s = NULL, *t = NULL;

                CHECK_INT(filter_parse(table[i].filter, &f, NULL), 0);
                CHECK_INT(filter_canonical(f, &s), 0);
                CHECK_STR(s, table[i].canonical);
                CHECK_INT(filter_parse(s, &g, NULL), 0);
                CHECK_INT(filter_canonical(g, &t), 0);
                CHECK_STR(t, s);
        }
}

TEST(a_filter_tells_what_it_reads) {
        _cleanup_(filter_freep) Filter *f = NULL;
        _cleanup_strv_ char **l = NULL;
        _cleanup_free_ char *s = NULL;

        CHECK_INT(filter_parse("title pr and not (name.givenName eq \"x\" or emails[type eq \"work\"]) and title co \"y\"", &f,
                               NULL), 0);
        CHECK_INT(filter_attributes(f, &l), 0);
        s = strv_join(l, " ");
        CHECK_STR(s, "title name.givenName emails");
}

TEST(no_input_recurses_or_grows_without_bound) {
        static const struct {
                const char *open, *close;
        } nests[] = { { "(", ")" }, { "not (", ")" } };
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;

        for (size_t k = 0; k < ELEMENTSOF(nests); k++)
                for (unsigned depth = 50; depth <= 51; depth++) {
                        _cleanup_(filter_freep) Filter *f = NULL;

                        strbuf_clear(&b);
                        for (unsigned i = 0; i < depth; i++)
                                strbuf_puts(&b, nests[k].open);
                        strbuf_puts(&b, "a pr");
                        for (unsigned i = 0; i < depth; i++)
                                strbuf_puts(&b, nests[k].close);
                        CHECK_INT(filter_parse(b.data, &f, NULL), depth == 50 ? 0 : -EINVAL);
                }
        for (size_t size = 10000; size <= 10001; size++) {
                _cleanup_(filter_freep) Filter *f = NULL;
                _cleanup_free_ char *s = NULL, *t = NULL;

                strbuf_clear(&b);
                strbuf_puts(&b, "a pr");
                while (b.size + 8 <= size)
                        strbuf_puts(&b, " or b pr");
                while (b.size < size)
                        strbuf_putc(&b, ' ');
                CHECK_INT(filter_parse(b.data, &f, NULL), size == 10000 ? 0 : -EINVAL);
        }
}

/* ---- random filters against an evaluator that knows nothing of the real one ---- */

static uint32_t seed = 20261122;

static unsigned roll(unsigned n) {
        seed = seed * 1664525U + 1013904223U;
        return (seed >> 8) % n;
}

/* The record: s a string, n a number, b a boolean, m several strings, c complex values, z absent. */
typedef struct Sample {
        const char *s;
        int n;
        bool b;
        const char *m[3];
        size_t n_m;
        struct {
                const char *type, *value;
        } c[3];
        size_t n_c;
} Sample;

static const char *const words[] = { "", "a", "ab", "B", "bA", "AbA", "c" };

static const char *word(void) {
        return words[roll(ELEMENTSOF(words))];
}

static json_object *sample_to_json(const Sample *r) {
        json_object *o = json_object_new_object(), *m = json_object_new_array(), *c = json_object_new_array();

        json_object_object_add(o, "s", json_object_new_string(r->s));
        json_object_object_add(o, "n", json_object_new_int(r->n));
        json_object_object_add(o, "b", json_object_new_boolean(r->b));
        for (size_t i = 0; i < r->n_m; i++)
                json_object_array_add(m, json_object_new_string(r->m[i]));
        for (size_t i = 0; i < r->n_c; i++) {
                json_object *e = json_object_new_object();

                json_object_object_add(e, "type", json_object_new_string(r->c[i].type));
                json_object_object_add(e, "value", json_object_new_string(r->c[i].value));
                json_object_array_add(c, e);
        }
        json_object_object_add(o, "m", m);
        json_object_object_add(o, "c", c);
        return o;
}

static void lower(const char *s, char *out) {
        for (; *s; s++)
                *out++ = (char) tolower((unsigned char) *s);
        *out = '\0';
}

static bool naive_string(const char *value, const char *op, const char *literal) {
        char v[16], l[16];
        int c;

        if (!value)
                return streq(op, "ne");
        lower(value, v);
        lower(literal, l);
        c = strcmp(v, l);
        if (streq(op, "eq"))
                return c == 0;
        if (streq(op, "ne"))
                return c != 0;
        if (streq(op, "gt"))
                return c > 0;
        if (streq(op, "ge"))
                return c >= 0;
        if (streq(op, "lt"))
                return c < 0;
        if (streq(op, "le"))
                return c <= 0;
        if (streq(op, "sw"))
                return strlen(v) >= strlen(l) && strncmp(v, l, strlen(l)) == 0;
        if (streq(op, "ew"))
                return strlen(v) >= strlen(l) && streq(v + strlen(v) - strlen(l), l);
        return strstr(v, l) != NULL;
}

static const char *const string_operators[] = { "eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le" };

static void noise(StrBuf *b, const char *s) {
        for (; *s; s++)
                strbuf_putc(b, roll(2) ? (char) toupper((unsigned char) *s) : *s);
}

static void space(StrBuf *b) {
        for (unsigned i = roll(3) + 1; i > 0; i--)
                strbuf_putc(b, ' ');
}

static bool string_test(StrBuf *b, const char *name, const char *const *values, size_t n) {
        const char *op = string_operators[roll(ELEMENTSOF(string_operators))], *literal = word();
        bool any = false;

        noise(b, name);
        space(b);
        noise(b, op);
        space(b);
        strbuf_printf(b, "\"%s\"", literal);
        for (size_t i = 0; i < n; i++)
                any = any || naive_string(values[i], op, literal);
        return n == 0 ? naive_string(NULL, op, literal) : any;
}

/* Appends a random filter and returns what it says of @r. */
static bool random_filter(StrBuf *b, const Sample *r, unsigned depth) {
        unsigned kind = roll(depth == 0 ? 6 : 10);
        bool x, y;

        if (kind == 0)
                return string_test(b, "s", &r->s, 1);
        if (kind == 1)
                return string_test(b, roll(2) ? "m" : "m.value", r->m, r->n_m);
        if (kind == 2)
                return string_test(b, "z", NULL, 0);
        if (kind == 3) {
                static const char *const ops[] = { "eq", "ne", "gt", "ge", "lt", "le" };
                unsigned op = roll(6);
                int v = (int) roll(5) - 2;

                strbuf_printf(b, "n %s %d", ops[op], v);
                return op == 0 ? r->n == v : op == 1 ? r->n != v : op == 2 ? r->n > v : op == 3 ? r->n >= v
                     : op == 4 ? r->n < v : r->n <= v;
        }
        if (kind == 4) {
                static const char *const names[] = { "s", "m", "c", "z", "b" };
                unsigned k = roll(5);
                bool present[5] = { *r->s, false, r->n_c > 0, false, true };

                for (size_t i = 0; i < r->n_m; i++)
                        present[1] = present[1] || *r->m[i];
                for (size_t i = 0; k == 2 && i < r->n_c; i++)
                        present[2] = i == 0 ? *r->c[0].type || *r->c[0].value
                                            : present[2] || *r->c[i].type || *r->c[i].value;
                noise(b, names[k]);
                space(b);
                noise(b, "pr");
                return present[k];
        }
        if (kind == 5) {
                /* A value path: both tests on the same element. */
                const char *op1 = string_operators[roll(9)], *op2 = string_operators[roll(9)], *w1 = word(), *w2 = word();
                bool is_and = roll(2), any = false;

                strbuf_printf(b, "c[type %s \"%s\" %s value %s \"%s\"]", op1, w1, is_and ? "and" : "or", op2, w2);
                for (size_t i = 0; i < r->n_c; i++) {
                        x = naive_string(r->c[i].type, op1, w1);
                        y = naive_string(r->c[i].value, op2, w2);
                        any = any || (is_and ? x && y : x || y);
                }
                return any;
        }
        if (kind == 6) {
                noise(b, "not");
                strbuf_puts(b, roll(2) ? "(" : " (");
                x = random_filter(b, r, depth - 1);
                strbuf_puts(b, ")");
                return !x;
        }
        if (kind == 7) {
                strbuf_puts(b, "(");
                x = random_filter(b, r, depth - 1);
                strbuf_puts(b, ")");
                return x;
        }
        if (kind == 8) {
                /* Without parentheses: x and y or z must be read as (x and y) or z. */
                bool z;

                strbuf_puts(b, "(");
                x = random_filter(b, r, 0);
                strbuf_puts(b, " and ");
                y = random_filter(b, r, 0);
                strbuf_puts(b, " or ");
                z = random_filter(b, r, 0);
                strbuf_puts(b, ")");
                return (x && y) || z;
        }
        strbuf_puts(b, "(");
        x = random_filter(b, r, 0);
        strbuf_puts(b, " or ");
        y = random_filter(b, r, 0);
        strbuf_puts(b, " and ");
        kind = roll(2);
        strbuf_puts(b, kind ? "not(" : "(");
        {
                bool z = random_filter(b, r, depth - 1);

                strbuf_puts(b, "))");
                return x || (y && (kind ? !z : z));
        }
}

TEST(random_filters_agree_with_a_naive_evaluator) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;
        unsigned n_matched = 0;

        for (unsigned i = 0; i < 20000; i++) {
                Sample r = { .s = word(), .n = (int) roll(5) - 2, .b = roll(2), .n_m = roll(4), .n_c = roll(4) };
                _cleanup_(filter_freep) Filter *f = NULL, *g = NULL;
                _cleanup_json_ json_object *o = NULL;
                _cleanup_error_ Error *e = NULL;
                _cleanup_free_ char *canonical = NULL;
                bool expected;

                for (size_t k = 0; k < r.n_m; k++)
                        r.m[k] = word();
                for (size_t k = 0; k < r.n_c; k++) {
                        r.c[k].type = word();
                        r.c[k].value = word();
                }
                o = sample_to_json(&r);
                strbuf_clear(&b);
                expected = random_filter(&b, &r, 4);
                n_matched += expected;
                if (filter_parse(b.data, &f, &e) < 0) {
                        tap_fail(__FILE__, __LINE__, "%s", error_text(e, -EINVAL));
                        return;
                }
                if (filter_matches(f, o) != expected) {
                        tap_fail(__FILE__, __LINE__, "%s on %s should give %d", b.data, json_object_to_json_string(o),
                                 expected);
                        return;
                }
                CHECK_INT(filter_canonical(f, &canonical), 0);
                CHECK_INT(filter_parse(canonical, &g, NULL), 0);
                if (filter_matches(g, o) != expected) {
                        tap_fail(__FILE__, __LINE__, "the normal form of %s is another filter: %s", b.data, canonical);
                        return;
                }
        }
        /* A sample in which nearly all or nothing matches would prove little. */
        CHECK(n_matched > 5000 && n_matched < 15000);
}

TEST(a_long_value_takes_linear_time) {
        _cleanup_(filter_freep) Filter *f = NULL;
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT, v = STRBUF_INIT;
        _cleanup_json_ json_object *o = json_object_new_object();

        /* aaa…ab in aaa…a, the case that a naive search needs length times length steps for. */
        strbuf_puts(&b, "x co \"");
        for (int i = 0; i < 5000; i++)
                strbuf_putc(&b, 'a');
        strbuf_puts(&b, "b\"");
        for (int i = 0; i < 4000000; i++)
                strbuf_putc(&v, 'A');
        CHECK_INT(filter_parse(b.data, &f, NULL), 0);
        json_object_object_add(o, "x", json_object_new_string_len(v.data, (int) v.size));
        CHECK(!filter_matches(f, o));
}
