/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "expression.h"
#include "object.h"
#include "tap.h"

/* Where an expectation comes from: "ref X" is the example or text about X on the reference's published page of functions
 * (entra-docs, functions-for-customizing-application-data.md); "VB" and ".NET" are the documented behaviour of what
 * that page refers to; "doc X" is what our own page docs/expressions/X.md promises where the reference says nothing. */
typedef struct Case {
        const char *expression;
        const char *record;
        const char *result;     /* as JSON; "skip"; or "error: " and a part of its text */
        const char *source;
} Case;

/* 2021-07-02 15:33:38 UTC, the reference's example of Now() */
#define NOW_USEC UINT64_C(1625240018000000)

static void run_cases(const Case *cases, size_t n) {
        for (size_t i = 0; i < n; i++) {
                const Case *c = &cases[i];
                _cleanup_(expression_freep) Expression *x = NULL, *again = NULL;
                _cleanup_json_ json_object *record = json_tokener_parse(c->record ? c->record : "{}"), *v = NULL;
                _cleanup_error_ Error *e = NULL;
                _cleanup_strbuf_ StrBuf canonical = STRBUF_INIT, second = STRBUF_INIT;
                ExpressionContext context = { .record = record, .now_usec = NOW_USEC };
                const char *wanted = startswith(c->result, "error: ");
                int r;

                if (expression_parse(c->expression, &x, &e) < 0) {
                        tap_fail(__FILE__, __LINE__, "%s: %s", c->expression, error_text(e, -EINVAL));
                        continue;
                }
                CHECK(record);
                r = expression_evaluate(x, &context, &v, &e);
                if (wanted) {
                        if (r != EXPRESSION_E_VALUE || !e || !strstr(e->text, wanted) || e->scope != ERROR_SCOPE_ITEM)
                                tap_fail(__FILE__, __LINE__, "%s (%s): %d %s", c->expression, c->source, r,
                                         e ? e->text : json_object_to_json_string(v));
                } else if (streq(c->result, "skip")) {
                        if (r != EXPRESSION_E_SKIP)
                                tap_fail(__FILE__, __LINE__, "%s (%s): %d", c->expression, c->source, r);
                } else if (r != 0)
                        tap_fail(__FILE__, __LINE__, "%s (%s): %d %s", c->expression, c->source, r, error_text(e, r));
                else if (!streq(json_object_to_json_string_ext(v, JSON_C_TO_STRING_PLAIN |
                                                               JSON_C_TO_STRING_NOSLASHESCAPE), c->result))
                        tap_fail(__FILE__, __LINE__, "%s (%s) gives %s, not %s", c->expression, c->source,
                                 json_object_to_json_string_ext(v, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE),
                                 c->result);

                /* The normal form is the same expression. */
                CHECK_INT(expression_canonical(x, &canonical), 0);
                if (expression_parse(canonical.data, &again, &e) < 0) {
                        tap_fail(__FILE__, __LINE__, "%s: %s", canonical.data, error_text(e, -EINVAL));
                        continue;
                }
                CHECK_INT(expression_canonical(again, &second), 0);
                CHECK_STR(second.data, canonical.data);
        }
}

TEST(attributes_literals_and_comparisons) {
        static const Case cases[] = {
                { "mail", "{\"mail\":\"a@b\"}", "\"a@b\"", "job-file" },
                { "[mail]", "{\"mail\":\"a@b\"}", "\"a@b\"", "ref syntax" },
                { "MAIL", "{\"mail\":\"a@b\"}", "\"a@b\"", "RFC 7643 section 2.1: names ignore case" },
                { "[ mail ]", "{\"mail\":\"a@b\"}", "\"a@b\"", "doc syntax" },
                { "[Employee Number]", "{\"Employee Number\":\"7\"}", "\"7\"", "doc syntax: a CSV column" },
                { "name.givenName", "{\"name\":{\"givenName\":\"Zoë\"}}", "\"Zoë\"", "RFC 7644 section 3.10" },
                { "emails[type eq \"work\"].value", "{\"emails\":[{\"type\":\"home\",\"value\":\"h\"},{\"type\":\"work\",\"value\":\"w\"}]}",
                  "\"w\"", "RFC 7644 section 3.5.2" },
                { "[emails[type eq \"work\"].value]", "{\"emails\":[{\"type\":\"work\",\"value\":\"w\"}]}", "\"w\"", "doc syntax" },
                { "emails.value", "{\"emails\":[{\"value\":\"a\"},{\"value\":\"b\"}]}", "[\"a\",\"b\"]", "doc syntax" },
                { "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
                  "{\"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User\":{\"department\":\"Sales\"}}", "\"Sales\"",
                  "RFC 7644 section 3.10" },
                { "nothing", NULL, "null", "ref IsNull: a null is an absent attribute" },
                { "tags", "{\"tags\":[\"a\",{\"b\":1}]}", "[\"a\",{\"b\":1}]", "doc syntax: an attribute flows as it is" },
                { "\"Company name: \\\"Contoso\\\"\"", NULL, "\"Company name: \\\"Contoso\\\"\"", "ref syntax" },
                { "\"a\\\\b\"", NULL, "\"a\\\\b\"", "ref syntax" },
                { "\"\\u00e4\"", NULL, "\"ä\"", "RFC 8259 section 7" },
                { "1000", NULL, "1000", "ref, last example" },
                { "-1.50", NULL, "-1.50", "RFC 8259 section 6" },
                { "&HF7", NULL, "247", "ref BitAnd" },
                { "true", NULL, "true", "doc syntax" },
                { "False", NULL, "false", "doc syntax" },
                { "null", NULL, "null", "doc syntax" },
                { "IsSoftDeleted", NULL, "false", "job-file" },
                { "[IsBlocked]", "{\"IsBlocked\":\"x\"}", "false", "doc syntax: the object's state, not an attribute" },
                { "country = \"USA\"", "{\"country\":\"USA\"}", "true", "ref IIF" },
                { "[country]=\"USA\"", "{\"country\":\"usa\"}", "false", "doc syntax: with case, as Switch" },
                { "country <> \"USA\"", "{\"country\":\"D\"}", "true", "ref IIF" },
                { "n > 5", "{\"n\":6}", "true", "ref IIF" },
                { "n >= 5", "{\"n\":5}", "true", "ref IIF" },
                { "n < 5", "{\"n\":5}", "false", "ref IIF" },
                { "n <= 5", "{\"n\":\"5\"}", "true", "ref IIF; a number as text, from CSV" },
                { "n > 5", "{\"n\":\"10\"}", "true", "doc syntax: by number where one side is a number" },
                { "n > \"5\"", "{\"n\":\"10\"}", "false", "doc syntax: two texts compare as texts" },
                { "n = 5.0", "{\"n\":5}", "true", "doc syntax" },
                { "n = 5", "{\"n\":\"five\"}", "false", "doc syntax" },
                { "n > 5", "{\"n\":\"five\"}", "error: one side is a number and the other is not", "doc syntax" },
                { "country = \"\"", NULL, "true", "doc syntax: null equals the empty text, as in Switch" },
                { "country <> \"\"", NULL, "false", "doc syntax" },
                { "country = null", "{\"country\":\"\"}", "true", "doc syntax" },
                { "country = \"USA\"", NULL, "false", "doc syntax" },
                { "country <> \"USA\"", NULL, "true", "doc syntax" },
                { "n < 5", NULL, "false", "doc syntax: null is not less" },
                { "active = true", "{\"active\":\"True\"}", "true", "doc syntax: a boolean as text" },
                { "active = \"false\"", "{\"active\":false}", "true", "doc syntax" },
                { "active = true", "{\"active\":\"maybe\"}", "false", "doc syntax" },
                { "active > false", "{\"active\":true}", "error: true and false have no order", "doc syntax" },
                { "tags = \"a\"", "{\"tags\":[\"a\",\"b\"]}", "error: several values", "doc syntax" },
                { "tags = \"a\"", "{\"tags\":[\"a\"]}", "true", "doc syntax: a list of one" },
                { "name = \"a\"", "{\"name\":{\"x\":1}}", "error: complex value", "doc syntax" },
                { "manager = \"42\"", "{\"manager\":{\"value\":\"42\"}}", "true", "doc syntax: a complex value's value" },
                { "(n > 1) = true", "{\"n\":2}", "true", "doc syntax" },
        };

        run_cases(cases, ELEMENTSOF(cases));
}

TEST(functions_of_conditions_and_choices) {
        static const Case cases[] = {
                { "IIF([country]=\"USA\",[country],[department])", "{\"country\":\"USA\",\"department\":\"X\"}", "\"USA\"", "ref IIF" },
                { "IIF([country]=\"USA\",[country],[department])", "{\"country\":\"D\",\"department\":\"X\"}", "\"X\"", "ref IIF" },
                { "IIF([country]=\"USA\",IIF([state]=\"CA\",\"True\",\"False\"),\"False\")", "{\"country\":\"USA\",\"state\":\"CA\"}",
                  "\"True\"", "ref IIF: and by nesting" },
                { "IIF([country]=\"USA\",\"True\",IIF([state]=\"CA\",\"True\",\"False\"))", "{\"country\":\"D\",\"state\":\"NY\"}",
                  "\"False\"", "ref IIF: or by nesting" },
                { "IIF([country]=\"\",\"Other\",[country])", NULL, "\"Other\"", "doc logic: what the reference cannot do" },
                { "IIF(IsNullOrEmpty([country]),\"Other\",[country])", NULL, "\"Other\"", "doc logic" },
                { "IIF(IsPresent([country]),[country],\"Other\")", "{\"country\":\"D\"}", "\"D\"", "doc logic" },
                { "IIF(flag, 1, )", "{\"flag\":\"false\"}", "null", "doc logic: an empty argument is null" },
                { "IIF(flag, 1, 2)", NULL, "2", "doc logic: null is false" },
                { "IIF(flag, 1, 2)", "{\"flag\":\"perhaps\"}", "error: condition is neither true nor false", "doc logic" },
                { "IIF(And(a = 1, b = 2), \"both\", \"no\")", "{\"a\":1,\"b\":2}", "\"both\"", "doc logic" },
                { "And(true, 1, \"yes\")", NULL, "true", "doc logic" },
                { "And(true, x = 1, n > 5)", "{\"n\":\"no number\"}", "false", "doc logic: stops at the first false" },
                { "Or(false, n)", "{\"n\":\"0\"}", "false", "doc logic" },
                { "Or(true, n > 5)", "{\"n\":\"no number\"}", "true", "doc logic: stops at the first true" },
                { "Not(IsSoftDeleted)", NULL, "true", "job-file" },
                { "Not(\"True\")", NULL, "false", "ref Not" },
                { "Not(\"False\")", NULL, "true", "ref Not" },
                { "Not([x])", NULL, "true", "ref Not: otherwise True" },
                { "Not([x])", "{\"x\":\"anything\"}", "true", "ref Not: otherwise True" },
                { "Switch([state], \"Australia/Sydney\", \"NSW\", \"Australia/Sydney\",\"QLD\", \"Australia/Brisbane\", \"SA\", "
                  "\"Australia/Adelaide\")", "{\"state\":\"QLD\"}", "\"Australia/Brisbane\"", "ref Switch" },
                { "Switch([state], \"Australia/Sydney\", \"QLD\", \"Australia/Brisbane\")", "{\"state\":\"VIC\"}", "\"Australia/Sydney\"",
                  "ref Switch" },
                { "Switch([state], \"d\", \"QLD\", \"b\")", "{\"state\":\"qld\"}", "\"d\"", "ref Switch: case-sensitive" },
                { "Switch(ToLower([statusFlag]), \"0\", \"true\", \"1\", \"false\", \"0\")", "{\"statusFlag\":\"TRUE\"}", "\"1\"", "ref Switch" },
                { "Switch([statusFlag], \"Default Value\", \"true\", \"1\", \"\", \"0\")", NULL, "\"0\"", "ref Switch: an empty key" },
                { "Switch([country],[country],\"\",\"Other\")", NULL, "\"Other\"", "ref IIF: the work-around" },
                { "Switch([country],[country],\"\",\"Other\")", "{\"country\":\"D\"}", "\"D\"", "ref IIF: the work-around" },
                { "Switch([a], , \"1\", \"one\")", "{\"a\":\"2\"}", "null", "ref Switch: defaultValue is optional" },
                { "Switch([IsSoftDeleted], , \"False\", \"True\", \"True\", \"False\")", NULL, "\"True\"", "ref Switch: booleans by their text" },
                { "Switch(n, , 1, \"one\")", "{\"n\":\"1\"}", "\"one\"", "doc logic: numbers by their text" },
                { "Switch([Active], , \"1\", IIF(DateDiff(\"d\", Now(), CDate([StatusHireDate])) > 5, \"False\", \"True\"), \"0\", \"False\")",
                  "{\"Active\":\"1\",\"StatusHireDate\":\"2021-07-04\"}", "\"True\"", "ref DateDiff example 2" },
                { "Switch([Active], , \"1\", IIF(DateDiff(\"d\", Now(), CDate([StatusHireDate])) > 5, \"False\", \"True\"), \"0\", \"False\")",
                  "{\"Active\":\"1\",\"StatusHireDate\":\"2021-07-14\"}", "\"False\"", "ref DateDiff example 2" },
                { "Coalesce([mail],[userPrincipalName])", "{\"userPrincipalName\":\"John.Doe@contoso.com\"}", "\"John.Doe@contoso.com\"",
                  "ref Coalesce" },
                { "Coalesce([mail],[userPrincipalName],\"x\")", NULL, "\"x\"", "ref Coalesce" },
                { "Coalesce([mail],[other])", NULL, "null", "ref Coalesce" },
                { "Coalesce([mail],\"\")", NULL, "\"\"", "ref Coalesce: a default can be empty" },
                { "Coalesce([mail],\"x\")", "{\"mail\":\"\"}", "\"\"", "ref Coalesce: the empty text is not null" },
                { "Coalesce(phones,\"x\")", "{\"phones\":[]}", "\"x\"", "RFC 7643 section 2.5: an empty list is unassigned" },
                { "IsNull([displayName])", NULL, "true", "ref IsNull" },
                { "IsNull([displayName])", "{\"displayName\":\"\"}", "false", "ref IsNull" },
                { "IsNull([displayName])", "{\"displayName\":null}", "true", "RFC 7643 section 2.5" },
                { "IsNullOrEmpty([displayName])", NULL, "true", "ref IsNullOrEmpty" },
                { "IsNullOrEmpty([displayName])", "{\"displayName\":\"\"}", "true", "ref IsNullOrEmpty" },
                { "IsNullOrEmpty([displayName])", "{\"displayName\":\" \"}", "false", "ref IsNullOrEmpty" },
                { "IsNullOrEmpty(tags)", "{\"tags\":[]}", "true", "RFC 7643 section 2.5" },
                { "IsPresent([displayName])", "{\"displayName\":\"x\"}", "true", "ref IsPresent" },
                { "IsPresent([displayName])", "{\"displayName\":\"\"}", "false", "ref IsPresent" },
                { "IsString([displayName])", "{\"displayName\":\"x\"}", "true", "ref IsString" },
                { "IsString([n])", "{\"n\":1}", "false", "ref IsString" },
                { "IsString([n])", NULL, "false", "ref IsString" },
                { "CBool([attribute1] = [attribute2])", "{\"attribute1\":\"a\",\"attribute2\":\"a\"}", "true", "ref CBool" },
                { "CBool([n])", "{\"n\":2}", "true", "ref CBool: non-zero" },
                { "CBool([n])", "{\"n\":\"0\"}", "false", "ref CBool: zero" },
                { "CBool([n])", "{\"n\":\"TRUE\"}", "true", "VB CBool" },
                { "CBool([n])", NULL, "false", "doc logic: null is false" },
                { "CBool([n])", "{\"n\":\"abc\"}", "error: expression is neither true nor false", "VB CBool: type mismatch" },
                { "CStr([dn])", "{\"dn\":\"cn=Joe,dc=contoso,dc=com\"}", "\"cn=Joe,dc=contoso,dc=com\"", "ref CStr" },
                { "CStr([n])", "{\"n\":42}", "\"42\"", "ref CStr: numeric" },
                { "CStr([b])", "{\"b\":true}", "\"True\"", "ref CStr: Boolean; .NET Boolean.ToString" },
                { "CStr([manager])", "{\"manager\":{\"value\":\"42\",\"displayName\":\"J\"}}", "\"42\"", "ref CStr: reference attribute" },
                { "CStr([n])", NULL, "null", "doc logic" },
                { "CStr(1.50)", NULL, "\"1.50\"", "doc logic: a number keeps how it was written" },
                { "BitAnd(&HF, &HF7)", NULL, "7", "ref BitAnd" },
                { "BitAnd([userAccountControl], 2)", "{\"userAccountControl\":\"514\"}", "2", "ref BitAnd" },
                { "BitAnd([userAccountControl], 2)", NULL, "null", "doc logic" },
                { "BitAnd([x], 2)", "{\"x\":\"two\"}", "error: value1 is not a whole number", "doc logic" },
                { "BitAnd([x], 2)", "{\"x\":2.5}", "error: value1 is not a whole number", "doc logic" },
                { "IgnoreFlowIfNullOrEmpty([department])", NULL, "skip", "ref IgnoreFlowIfNullOrEmpty" },
                { "IgnoreFlowIfNullOrEmpty([department])", "{\"department\":\"\"}", "skip", "ref IgnoreFlowIfNullOrEmpty" },
                { "IgnoreFlowIfNullOrEmpty([department])", "{\"department\":\"x\"}", "\"x\"", "ref IgnoreFlowIfNullOrEmpty" },
                { "IgnoreFlowIfNullOrEmpty(Switch([prefix], \"\", \"3443\", \"Dr.\", \"3444\", \"Prof.\", \"3445\", \"Prof. Dr.\"))",
                  "{\"prefix\":\"1\"}", "skip", "ref IgnoreFlowIfNullOrEmpty" },
                { "IgnoreFlowIfNullOrEmpty(Switch([prefix], \"\", \"3443\", \"Dr.\", \"3444\", \"Prof.\", \"3445\", \"Prof. Dr.\"))",
                  "{\"prefix\":\"3444\"}", "\"Prof.\"", "ref IgnoreFlowIfNullOrEmpty" },
                { "Append(IgnoreFlowIfNullOrEmpty([a]), \"x\")", NULL, "skip", "doc logic: also from inside" },
                { "Redact([userPrincipalName])", "{\"userPrincipalName\":\"a\"}", "\"a\"", "ref Redact: only the logs change" },
                { "Redact(\"StringToBeRedacted\")", NULL, "\"StringToBeRedacted\"", "ref Redact" },
        };

        run_cases(cases, ELEMENTSOF(cases));
}

TEST(functions_of_lists) {
        static const Case cases[] = {
                { "Count([proxyAddresses])", "{\"proxyAddresses\":[\"a\",\"b\"]}", "2", "ref Count" },
                { "Count([proxyAddresses])", NULL, "0", "doc lists" },
                { "Count([proxyAddresses])", "{\"proxyAddresses\":\"a\"}", "1", "doc lists" },
                { "Item([proxyAddresses], 1)", "{\"proxyAddresses\":[\"a\",\"b\"]}", "\"a\"", "ref Item: the first" },
                { "Item([proxyAddresses], 2)", "{\"proxyAddresses\":[\"a\",\"b\"]}", "\"b\"", "ref Item" },
                { "Item([proxyAddresses], 3)", "{\"proxyAddresses\":[\"a\",\"b\"]}", "null", "doc lists" },
                { "Item([proxyAddresses], n)", "{\"proxyAddresses\":[\"a\"],\"n\":0}", "error: the first item has the index 1",
                  "ref Item: 0 should not be used" },
                { "Item([proxyAddresses], 1)", "{\"proxyAddresses\":\"a\"}", "\"a\"", "doc lists: a single value is a list of one" },
                { "Item([proxyAddresses], 1)", NULL, "null", "doc lists" },
                { "Item([proxyAddresses], 2)", "{\"proxyAddresses\":[null,\"a\",\"b\"]}", "\"b\"", "RFC 7643 section 2.5: null is no value" },
                { "Item(Split(\"a,b\", \",\"), 2)", NULL, "\"b\"", "ref Item, Split" },
                { "RemoveDuplicates([proxyAddresses])", "{\"proxyAddresses\":[\"a\",\"b\",\"a\"]}", "[\"a\",\"b\"]", "ref RemoveDuplicates" },
                { "RemoveDuplicates([proxyAddresses])", "{\"proxyAddresses\":[\"a\",\"A\",1,\"1\",1]}", "[\"a\",\"A\",1,\"1\"]", "doc lists: exactly equal" },
                { "RemoveDuplicates([proxyAddresses])", "{\"proxyAddresses\":\"a\"}", "\"a\"", "doc lists" },
                { "RemoveDuplicates([proxyAddresses])", NULL, "null", "doc lists" },
                { "RemoveDuplicates([x])", "{\"x\":[{\"v\":1},{\"v\":1}]}", "[{\"v\":1}]", "doc lists" },
                { "Split([extensionAttribute5], \",\")", "{\"extensionAttribute5\":\"PermissionSetOne, PermissionSetTwo\"}",
                  "[\"PermissionSetOne\",\"PermissionSetTwo\"]", "ref Split" },
                { "Split(\"a;;b;\", \";\")", NULL, "[\"a\",\"b\"]", "doc lists: empty parts are left out" },
                { "Split(\"a -- b--c\", \"--\")", NULL, "[\"a\",\"b\",\"c\"]", "doc lists" },
                { "Split(\"abc\", \",\")", NULL, "[\"abc\"]", "doc lists" },
                { "Split(\"\", \",\")", NULL, "[]", "doc lists" },
                { "Split([x], \",\")", NULL, "null", "doc lists" },
                { "Split([x], [y])", "{\"x\":\"a\"}", "error: delimiter is empty", "doc lists" },
                { "Join(\"; \", [proxyAddresses])", "{\"proxyAddresses\":[\"a\",\"b\"]}", "\"a; b\"", "ref Join: a multi-value attribute" },
                { "Join(\"; \", emails.value)", "{\"emails\":[{\"value\":\"a\"},{\"value\":\"b\"}]}", "\"a; b\"", "ref Join" },
                { "Join(\"; \", emails)", "{\"emails\":[{\"value\":\"a\",\"type\":\"x\"},{\"value\":\"b\"}]}", "\"a; b\"", "doc lists: complex values by their value" },
        };

        run_cases(cases, ELEMENTSOF(cases));
}

TEST(functions_of_text) {
        static const Case cases[] = {
                { "Append([userPrincipalName], \".test\")", "{\"userPrincipalName\":\"John.Doe@contoso.com\"}",
                  "\"John.Doe@contoso.com.test\"", "ref Append" },
                { "Append([x], \".test\")", NULL, "null", "doc text: nothing to append to" },
                { "Append(\"a\", [x])", NULL, "\"a\"", "doc text" },
                { "Append(Mid([givenName], 1, 3), Mid([surname], 1, 5))", "{\"givenName\":\"John\",\"surname\":\"Doe\"}", "\"JohDoe\"",
                  "ref examples: alias" },
                { "Join(\", \", \"\", [surname], [givenName])", "{\"surname\":\"Doe\",\"givenName\":\"John\"}", "\"Doe, John\"",
                  "ref examples: an empty source is left out" },
                { "Join(\" \", givenName, sn)", "{\"sn\":\"Doe\"}", "\"Doe\"", "doc text: a missing source is left out" },
                { "Join(\"\", 1000, true)", NULL, "\"1000True\"", "ref examples: a number as source" },
                { "Join(\"@\", NormalizeDiacritics(StripSpaces(Join(\".\",  [PreferredFirstName], [PreferredLastName]))), \"contoso.com\")",
                  "{\"PreferredFirstName\":\"José Maria\",\"PreferredLastName\":\"Nuñez\"}", "\"JoseMaria.Nunez@contoso.com\"",
                  "ref SelectUniqueValue" },
                { "Join(\"-\", [x])", NULL, "\"\"", "doc text" },
                { "Left(\"John Doe\", 3)", NULL, "\"Joh\"", "ref Left" },
                { "Left(\"John Doe\", 0)", NULL, "\"\"", "ref Left: 0 gives the empty text" },
                { "Left(\"John Doe\", -1)", NULL, "\"John Doe\"", "ref Left: negative gives the input" },
                { "Left([x], 3)", NULL, "\"\"", "ref Left: null gives the empty text" },
                { "Left(\"Jo\", 3)", NULL, "\"Jo\"", "ref Left: fewer characters" },
                { "Left(\"äöü\", 2)", NULL, "\"äö\"", "ref Left: characters" },
                { "Mid(\"abcdef\", 2, 3)", NULL, "\"bcd\"", "ref Mid: the first has index 1" },
                { "Mid(\"abcdef\", 4, 10)", NULL, "\"def\"", "ref Mid: until the end" },
                { "Mid(\"abcdef\", 7, 1)", NULL, "\"\"", "doc text: beyond the end" },
                { "Mid(\"abcdef\", 2, 0)", NULL, "\"\"", "doc text" },
                { "Mid([x], 1, 3)", NULL, "null", "doc text" },
                { "Mid(\"äbc\", 1, 1)", NULL, "\"ä\"", "ref Mid: characters" },
                { "Mid(\"abc\", n, 1)", "{\"n\":0}", "error: the first character has the position 1", "ref Mid" },
                { "Mid(\"abc\", 1, n)", "{\"n\":-1}", "error: a length cannot be negative", "doc text" },
                { "Word(\"The quick brown fox\",3,\" \")", NULL, "\"brown\"", "ref Word" },
                { "Word(\"This,string!has&many separators\",3,\",!&#\")", NULL, "\"has\"", "ref Word" },
                { "Word(\"a b\",0,\" \")", NULL, "\"\"", "ref Word: number < 1" },
                { "Word([x],1,\" \")", NULL, "\"\"", "ref Word: null" },
                { "Word(\"a b\",3,\" \")", NULL, "\"\"", "ref Word: fewer words" },
                { "Word(\"  a   b  \",2,\" \")", NULL, "\"b\"", "doc text: several delimiters in a row" },
                { "Word(\"a b\",1,\"\")", NULL, "\"a b\"", "doc text: no delimiter, one word" },
                { "Word(\"aöböc\",2,\"ö\")", NULL, "\"b\"", "doc text: characters" },
                { "StripSpaces(\" a b\\tc \")", NULL, "\"ab\\tc\"", "ref StripSpaces: only the space" },
                { "StripSpaces([x])", NULL, "null", "doc text" },
                { "ToLower(Join(\"@\", NormalizeDiacritics(StripSpaces(Join(\".\",  [PreferredFirstName], [PreferredLastName]))), \"contoso.com\"))",
                  "{\"PreferredFirstName\":\"John\",\"PreferredLastName\":\"Smith\"}", "\"john.smith@contoso.com\"", "ref ToLower" },
                { "ToLower(\"ÄÖÜ ΑΒΓ\")", NULL, "\"äöü αβγ\"", "Unicode simple case mapping" },
                { "ToUpper(\"straße ÿ\")", NULL, "\"STRAßE Ÿ\"", "Unicode simple case mapping; .NET invariant" },
                { "ToLower(\"TITLE I\", \"en-US\")", NULL, "\"title i\"", "ref ToLower: culture" },
                { "ToLower(\"TITLE I\", \"tr-TR\")", NULL, "\"tıtle ı\"", ".NET: Turkish i" },
                { "ToUpper(\"title i\", \"tr\")", NULL, "\"TİTLE İ\"", ".NET: Turkish i" },
                { "ToUpper([x])", NULL, "null", "doc text" },
                { "PCase([firstName])", "{\"firstName\":\"PABLO GONSALVES (SECOND)\"}", "\"Pablo Gonsalves (Second)\"", "ref PCase" },
                { "PCase([lastName],\" '-\")", "{\"lastName\":\"PINTO-DE'SILVA\"}", "\"Pinto-De'Silva\"", "ref PCase" },
                { "PCase(Join(\" \",[firstName],[lastName]))", "{\"firstName\":\"GREGORY\",\"lastName\":\"JAMES\"}", "\"Gregory James\"", "ref PCase" },
                { "PCase(\"PINTO-DE'SILVA\")", NULL, "\"Pinto-De'silva\"", ".NET ToTitleCase: an apostrophe separates nothing" },
                { "PCase(\"pinto-de silva\", \" \")", NULL, "\"Pinto-de Silva\"", "ref PCase: only the separators given" },
                { "PCase(\"élan_vital\")", NULL, "\"Élan_Vital\"", "ref PCase: ConnectorPunctuation" },
                { "PCase([x])", NULL, "null", "doc text" },
                { "NormalizeDiacritics([givenName])", "{\"givenName\":\"Zoë\"}", "\"Zoe\"", "ref NormalizeDiacritics" },
                { "NormalizeDiacritics(\"äàâãåáąăāǟǡ ÄÀÂÃÅÁĄĂĀǞǠ\")", NULL, "\"aaaaaaaaaaa AAAAAAAAAAA\"", "ref NormalizeDiacritics table" },
                { "NormalizeDiacritics(\"æǣ ÆǢ ß øœ ØŒ\")", NULL, "\"aeae AEAE ss oeoe OEOE\"", "ref NormalizeDiacritics table" },
                { "NormalizeDiacritics(\"çčć ďḏ ëèéêęěėēḗḕ ğḡ ïîìíıī İ\")", NULL, "\"ccc dd eeeeeeeeee gg iiiiii I\"", "ref NormalizeDiacritics table" },
                { "NormalizeDiacritics(\"ľłḹḻ ñńňṉ öòőõôóōṓṑȫǭȭȱ řṟṝ šśșşť\")", NULL, "\"llll nnnn ooooooooooooo rrr sssst\"", "ref NormalizeDiacritics table" },
                { "NormalizeDiacritics(\"țṯ üùûúůűūǖṻ ÿýȳ źžżẕ\")", NULL, "\"tt uuuuuuuuu yyy zzzz\"", "ref NormalizeDiacritics table" },
                { "NormalizeDiacritics(\"a\\u0331 A\\u0304\\u0301 u\\u0307\\u0304\")", NULL, "\"a A u\"", "ref NormalizeDiacritics table: combining marks" },
                { "NormalizeDiacritics(\"Đorđe й ά ẽ\")", NULL, "\"Đorđe й ά e\"", "doc text: other letters stay" },
                { "NormalizeDiacritics([x])", NULL, "null", "doc text" },
                { "InStr(\"The quick brown fox\",\"quick\")", NULL, "5", "ref InStr" },
                { "InStr(\"repEated\",\"e\",3,vbBinaryCompare)", NULL, "7", "ref InStr" },
                { "InStr(\"repEated\",\"e\",3,vbTextCompare)", NULL, "4", "VB InStr" },
                { "InStr(\"abc\",\"x\")", NULL, "0", "VB InStr: not found" },
                { "InStr(\"ÄBC\",\"bc\", , vbTextCompare)", NULL, "2", "VB InStr" },
                { "InStr(\"abc\",\"\",2)", NULL, "2", "VB InStr: nothing is found at start" },
                { "InStr(\"abc\",\"c\",9)", NULL, "0", "VB InStr: start beyond the end" },
                { "InStr([x],\"c\")", NULL, "0", "doc text" },
                { "InStr(\"abc\",\"c\",n)", "{\"n\":0}", "error: the first character has the position 1", "VB InStr" },
                { "ConvertToBase64(\"Hello world!\")", NULL, "\"SABlAGwAbABvACAAdwBvAHIAbABkACEA\"", "ref ConvertToBase64" },
                { "ConvertToBase64(\"😀\")", NULL, "\"PdgA3g==\"", "RFC 4648, UTF-16LE D83D DE00" },
                { "ConvertToBase64(\"a\")", NULL, "\"YQA=\"", "RFC 4648" },
                { "ConvertToUTF8Hex(\"Hello world!\")", NULL, "\"48656C6C6F20776F726C6421\"", "ref ConvertToUTF8Hex" },
                { "ConvertToUTF8Hex([x])", NULL, "null", "doc text" },
                { "ToLower([x])", "{\"x\":[\"A\",\"B\"]}", "error: several values", "doc text" },
        };

        run_cases(cases, ELEMENTSOF(cases));
}

TEST(replace_in_its_five_modes) {
        static const Case cases[] = {
                { "Replace([BusinessTitle],\"Product Developer\", , , \"Software Engineer\", , )", "{\"BusinessTitle\":\"Product Developer\"}",
                  "\"Software Engineer\"", "ref Replace example 1" },
                { "Replace([mail], \"@contoso.com\", , ,\"\", ,)", "{\"mail\":\"john.doe@contoso.com\"}", "\"john.doe\"", "ref examples: strip domain" },
                { "Replace([x], \"a\", , , \"bb\")", "{\"x\":\"aAa\"}", "\"bbAbb\"", "ref Replace: all occurrences, case-sensitive" },
                { "Replace([x], \"a\", , , [nothing])", "{\"x\":\"banana\"}", "\"bnn\"", "doc replace: null is the empty text" },
                { "Replace([UserID],\"<username>\", , , , , \"<username>@contoso.com\")", "{\"UserID\":\"jsmith\"}", "\"jsmith@contoso.com\"",
                  "ref Replace example 2" },
                { "Replace([UserID],\"<username>\", , , , , \"<username>@contoso.com\")", NULL, "null", "doc replace" },
                { "Replace([telephoneNumber], , \"\\\\+(?<isdCode>\\\\d* )(?<phoneNumber>\\\\d{10})\", , \"${phoneNumber}\", , )",
                  "{\"telephoneNumber\":\"+91 9998887777\"}", "\"9998887777\"", "ref Replace example 3" },
                { "Replace([mobile], , \"[()\\\\s-]+\", , \"\", , )", "{\"mobile\":\"+1 (999) 888-7777\"}", "\"+19998887777\"",
                  "ref Replace example 3; its page shows 19998887777, but the pattern does not name the plus sign" },
                { "Replace([AddressLineData], ,\"(?<streetNumber>^\\\\d*)\",\"streetNumber\", \"888\", , )",
                  "{\"AddressLineData\":\"545 Tremont Street\"}", "\"888 Tremont Street\"", "ref Replace example 4" },
                { "Replace([AddressLineData], ,\"(?<streetNumber>^\\\\d*)\",\"streetNumber\", \"888\", , )",
                  "{\"AddressLineData\":\"Tremont Street\"}", "\"Tremont Street\"", "doc replace: a group that matches nothing" },
                { "Replace([userPrincipalName], , \"(?<Suffix>@(.)*)\", \"Suffix\", \"\", , )", "{\"userPrincipalName\":\"jsmith@contoso.com\"}",
                  "\"jsmith\"", "ref Replace example 4" },
                { "Replace([telephoneNumber], , \"\\\\+(?<isdCode>\\\\d* )(?<phoneNumber>\\\\d{10})\", \"phoneNumber\" , , [mobile], )",
                  "{\"telephoneNumber\":\"\",\"mobile\":\"+91 8887779999\"}", "\"8887779999\"", "ref Replace example 5" },
                { "Replace([telephoneNumber], , \"\\\\+(?<isdCode>\\\\d* )(?<phoneNumber>\\\\d{10})\", \"phoneNumber\" , , [mobile], )",
                  "{\"telephoneNumber\":\"1\",\"mobile\":\"+91 8887779999\"}", "\"1\"", "ref Replace: if source has a value" },
                { "Replace([telephoneNumber], , \"x(\\\\d+)\", \"1\" , , [mobile], )", "{\"mobile\":\"y5\"}", "null", "doc replace: no match" },
                { "Replace([mailNickname], , \"[a-zA-Z_]*\", , \"\", , )", "{\"mailNickname\":\"john_doe72\"}", "\"72\"", "ref Replace example 6" },
                { "Join(\"\", 1000, Replace(ConvertToUTF8Hex([objectId]), , \"[a-zA-Z_]*\", , \"\", , ))", "{\"objectId\":\"Jo\"}", "\"100046\"",
                  "ref examples: 4A and 6F without letters" },
                { "Replace([x], , \"(a)(b)\", , \"$2$1$$1$&$9\", , )", "{\"x\":\"-ab-\"}", "\"-ba$1ab$9-\"", ".NET substitutions" },
                { "Replace([x], , \"(?<f>\\\\w+) (?<l>\\\\w+)\", , \"${l}, ${f} ${no}\", , )", "{\"x\":\"Jo Doe\"}", "\"Doe, Jo ${no}\"", ".NET substitutions" },
                { "Replace([x], , \"b*\", , \"-\", , )", "{\"x\":\"abc\"}", "\"-a--c-\"", ".NET Regex.Replace of empty matches" },
                { "Replace([x], , \"[a-z]*\", , \"x\", , )", "{\"x\":\"abc1\"}", "\"xx1x\"", ".NET Regex.Replace of empty matches" },
                { "Replace([x], , \"ä+?\", , \"x\", , )", "{\"x\":\"ää\"}", "\"xx\"", ".NET lazy quantifier, characters" },
                { "Replace([x], , \"\\\\bdo\\\\b\", , \"x\", , )", "{\"x\":\"do dot do\"}", "\"x dot x\"", ".NET \\b" },
                { "Replace([x], , \"(?i)ABC\", , \"x\", , )", "{\"x\":\"abc\"}", "\"x\"", ".NET inline options" },
                { "Replace([x], , \"(?<=@).*\", , \"example.org\", , )", "{\"x\":\"a@b.c\"}", "\"a@example.org\"", ".NET look-behind" },
                { "Replace([x], , \"\\\\p{Lu}\", , \"x\", , )", "{\"x\":\"aÄB\"}", "\"axx\"", ".NET Unicode category" },
                { "Replace([x], , \"(?<n>\\\\d+)\", \"n\", \"#\", , )", "{\"x\":\"a1b22\"}", "\"a#b#\"", "ref Replace: all values matching the group" },
                { "Replace([x], , \"(a+)+$\", , \"\", , )", "{\"x\":\"aaaaaaaaaaaaaaaaaab\"}",
                  "error: too many steps", "doc replace: limits" },
                { "Replace([x], \"a\", , , \"b\")", NULL, "null", "doc replace" },
        };

        run_cases(cases, ELEMENTSOF(cases));
}

TEST(functions_of_dates) {
        static const Case cases[] = {
                { "Now()", NULL, "\"7/2/2021 3:33:38 PM\"", "ref Now" },
                { "CDate([StatusHireDate])", "{\"StatusHireDate\":\"2020-03-16-07:00\"}", "\"3/16/2020 7:00:00 AM\"", "ref CDate example 1" },
                { "CDate(\"2021-06-30+08:00\")", NULL, "\"6/29/2021 4:00:00 PM\"", "ref CDate example 2" },
                { "CDate(\"2009-06-15T01:45:30-07:00\")", NULL, "\"6/15/2009 8:45:30 AM\"", "ref CDate example 3" },
                { "CDate(\"8/25/2021 5:41:18 PM\")", NULL, "\"8/25/2021 5:41:18 PM\"", "ref DateDiff table" },
                { "CDate(\"12/31/2021\")", NULL, "\"12/31/2021 12:00:00 AM\"", ".NET invariant culture" },
                { "CDate(\"2021-08-24 12:01\")", NULL, "\"8/24/2021 12:01:00 PM\"", ".NET invariant culture" },
                { "CDate(\"20150123105347.1Z\")", NULL, "\"1/23/2015 10:53:47 AM\"", "RFC 4517 section 3.3.13" },
                { "CDate([x])", NULL, "null", "doc dates" },
                { "CDate([x])", "{\"x\":\"2021-02-29\"}", "error: expression is not a date", "the calendar" },
                { "CDate([x])", "{\"x\":\"soon\"}", "error: expression is not a date", "doc dates" },
                { "DateAdd(\"d\", 7, CDate([StatusHireDate]))", "{\"StatusHireDate\":\"2012-03-16-07:00\"}", "\"3/23/2012 7:00:00 AM\"", "ref DateAdd" },
                { "DateAdd(\"d\", -10, CDate([StatusHireDate]))", "{\"StatusHireDate\":\"2012-03-16-07:00\"}", "\"3/6/2012 7:00:00 AM\"", "ref DateAdd" },
                { "DateAdd(\"ww\", 2, CDate([StatusHireDate]))", "{\"StatusHireDate\":\"2012-03-16-07:00\"}", "\"3/30/2012 7:00:00 AM\"", "ref DateAdd" },
                { "DateAdd(\"m\", 10, CDate([StatusHireDate]))", "{\"StatusHireDate\":\"2012-03-16-07:00\"}", "\"1/16/2013 7:00:00 AM\"", "ref DateAdd" },
                { "DateAdd(\"yyyy\", 2, CDate([StatusHireDate]))", "{\"StatusHireDate\":\"2012-03-16-07:00\"}", "\"3/16/2014 7:00:00 AM\"", "ref DateAdd" },
                { "DateAdd(\"m\", 1, \"2021-01-31\")", NULL, "\"2/28/2021 12:00:00 AM\"", ".NET AddMonths keeps the last day" },
                { "DateAdd(\"yyyy\", -1, \"2020-02-29\")", NULL, "\"2/28/2019 12:00:00 AM\"", ".NET AddYears" },
                { "DateAdd(\"h\", 25, \"2021-01-01\")", NULL, "\"1/2/2021 1:00:00 AM\"", "ref DateAdd" },
                { "DateAdd(\"n\", -1, \"2021-01-01\")", NULL, "\"12/31/2020 11:59:00 PM\"", "ref DateAdd" },
                { "DateAdd(\"s\", 61, \"2021-01-01\")", NULL, "\"1/1/2021 12:01:01 AM\"", "ref DateAdd" },
                { "DateAdd(\"d\", 1, [x])", NULL, "null", "doc dates" },
                { "DateAdd(\"yyyy\", n, \"2021-01-01\")", "{\"n\":9000}", "error: beyond the years 1 to 9999", ".NET DateTime" },
                { "DateAdd(\"d\", n, \"2021-01-01\")", "{\"n\":\"9223372036854775807\"}", "error: beyond the years 1 to 9999", ".NET DateTime" },
                { "DateAdd([u], 1, \"2021-01-01\")", "{\"u\":\"x\"}", "error: interval is none of", "ref DateAdd" },
                { "DateDiff(\"d\", \"2021-08-18+08:00\", \"2021-08-31+08:00\")", NULL, "13", "ref DateDiff" },
                { "DateDiff(\"d\", \"8/25/2021 5:41:18 PM\", \"2012-03-16-07:00\")", NULL, "-3449", "ref DateDiff" },
                { "DateDiff(\"ww\", \"8/25/2021 5:41:18 PM\", \"2012-03-16-07:00\")", NULL, "-493", "ref DateDiff" },
                { "DateDiff(\"m\", \"8/25/2021 5:41:18 PM\", \"2012-03-16-07:00\")", NULL, "-113", "ref DateDiff" },
                { "DateDiff(\"yyyy\", \"8/25/2021 5:41:18 PM\", \"2012-03-16-07:00\")", NULL, "-9", "ref DateDiff" },
                { "DateDiff(\"d\", \"2021-08-31+08:00\", \"2021-08-31+08:00\")", NULL, "0", "ref DateDiff" },
                { "DateDiff(\"h\", \"2021-08-24\", \"2021-08-25\")", NULL, "24", "ref DateDiff" },
                { "DateDiff(\"n\", \"2021-08-24\", \"2021-08-25\")", NULL, "1440", "ref DateDiff" },
                { "DateDiff(\"s\", \"2021-08-24\", \"2021-08-25\")", NULL, "86400", "ref DateDiff" },
                { "DateDiff(\"yyyy\", \"2020-12-31\", \"2021-01-01\")", NULL, "1", ".NET DateAndTime.DateDiff: by the calendar" },
                { "DateDiff(\"ww\", \"2021-08-21\", \"2021-08-22\")", NULL, "1", ".NET DateAndTime.DateDiff: Saturday to Sunday" },
                { "DateDiff(\"d\", [x], \"2021-08-22\")", NULL, "null", "doc dates" },
                { "DateFromNum(129699324000000000)", NULL, "\"1/1/2012 11:00:00 PM\"", "ref DateFromNum" },
                { "DateFromNum([lastLogonTimestamp])", "{\"lastLogonTimestamp\":\"129699324000000000\"}", "\"1/1/2012 11:00:00 PM\"", "ref DateFromNum" },
                { "DateFromNum([x])", NULL, "null", "doc dates" },
                { "DateFromNum([x])", "{\"x\":\"9223372036854775807\"}", "error: no date of Active Directory's", "accountExpires: never" },
                { "NumFromDate(\"2012-01-01T23:00:00Z\")", NULL, "129699324000000000", "ref DateFromNum, backwards" },
                { "NumFromDate(Join(\"\", FormatDateTime([ContractEndDate], ,\"yyyy-MM-ddzzz\", \"yyyy-MM-dd\"), \" 23:59:59-08:00\"))",
                  "{\"ContractEndDate\":\"2020-12-31-08:00\"}", "132539615990000000", "ref NumFromDate; 2021-01-01 07:59:59 UTC" },
                { "NumFromDate(Join(\"\",FormatDateTime([endDate], ,\"M/d/yyyy hh:mm:ss tt\",\"yyyy-MM-dd\"),\" 23:59:59-08:00\"))",
                  "{\"endDate\":\"12/31/2020 12:00:00 AM\"}", "132539615990000000", "ref NumFromDate" },
                { "NumFromDate([x])", "{\"x\":\"1600-01-01\"}", "error: begin with 1601", "doc dates" },
                { "FormatDateTime([extensionAttribute1], , \"yyyyMMddHHmmss.fZ\", \"yyyy-MM-dd\")", "{\"extensionAttribute1\":\"20150123105347.1Z\"}",
                  "\"2015-01-23\"", "ref FormatDateTime" },
                { "FormatDateTime([x], , \"d.M.yy\", \"dddd, d MMMM yyyy\")", "{\"x\":\"1.2.21\"}", "\"Monday, 1 February 2021\"", ".NET custom formats" },
                { "FormatDateTime([x], , \"dd MMM yyyy HH:mm\", \"ddd MMM dd h:mm tt\")", "{\"x\":\"25 Aug 2021 17:41\"}", "\"Wed Aug 25 5:41 PM\"", ".NET custom formats" },
                { "FormatDateTime([x], , \"yyyy-MM-ddTHH:mm:ss.fffK\", \"o\")", "{\"x\":\"2021-08-25T17:41:18.250+02:00\"}",
                  "\"2021-08-25T15:41:18.2500000Z\"", ".NET round-trip format" },
                { "FormatDateTime([x], , \"yyyy\", \"yy 'year' \\\\d %d FFF.FFF zzz\")", "{\"x\":\"2021\"}", "\"21 year d 1  +00:00\"", ".NET custom formats" },
                { "FormatDateTime([x], , \"MM/dd/yyyy\", \"s\")", "{\"x\":\" 01/02/2021 \"}", "\"2021-01-02T00:00:00\"", "ref FormatDateTime: default styles" },
                { "FormatDateTime([x], \"None\", \"MM/dd/yyyy\", \"s\")", "{\"x\":\" 01/02/2021 \"}", "error: source is not a date", "ref FormatDateTime: styles" },
                { "FormatDateTime([x], \"AllowWhiteSpaces\", \"MM/dd/yyyy\", \"u\")", "{\"x\":\" 01 / 02/2021 \"}", "\"2021-01-02 00:00:00Z\"", ".NET DateTimeStyles" },
                { "FormatDateTime([x], , \"MM/dd/yyyy\", \"s\")", "{\"x\":\"1/2/2021\"}", "error: source is not a date", ".NET: MM wants two digits" },
                { "FormatDateTime([x], , \"ddd yyyy-MM-dd\", \"s\")", "{\"x\":\"Mon 2021-01-02\"}", "error: source is not a date", ".NET: it was a Saturday" },
                { "FormatDateTime([x], , \"yyyy\", \"s\")", NULL, "null", "doc dates" },
                { "FormatDateTime([x], , \"yyyy\", \"s\")", "{\"x\":\"\"}", "null", "doc dates" },
        };

        run_cases(cases, ELEMENTSOF(cases));
}

TEST(mistakes_are_found_when_the_expression_is_read) {
        static const struct {
                const char *expression;
                unsigned column;
                const char *error;      /* how it begins */
        } table[] = {
                { "", 1, "the expression is empty" },
                { "Lower(a)", 1, "there is no function Lower" },
                { "tolower(a)", 1, "unknown function: write ToLower" },
                { "IsNullorEmpty(a)", 1, "unknown function: write IsNullOrEmpty" },
                { "Append(a)", 1, "Append takes 2 arguments, not 1: Append(source, suffix)" },
                { "Append(a, b, c)", 1, "Append takes 2 arguments, not 3: Append(source, suffix)" },
                { "Now(1)", 1, "Now takes 0 arguments, not 1: Now()" },
                { "Join(\",\")", 1, "Join takes at least 2 arguments, not 1: Join(separator, source, …)" },
                { "ToLower(a, \"x\", 1)", 1, "ToLower takes up to 2 arguments, not 3: ToLower(source, culture?)" },
                { "IIF(a, b)", 1, "IIF takes 3 arguments" },
                { "Switch(a, b, c)", 1, "the last argument of Switch has no partner: Switch(source, defaultValue?, key, value?, …)" },
                { "Append(, \"x\")", 8, "argument 1 (source) is missing: Append(source, suffix)" },
                { "Left(\"abc\", \"x\")", 13, "argument 2 (NumChars) of Left must be a whole number" },
                { "Left(\"abc\", 1.5)", 13, "argument 2 (NumChars) of Left must be a whole number" },
                { "Left(\"abc\", true)", 13, "argument 2 (NumChars) of Left must be a whole number" },
                { "Left(Split(a, \",\"), 1)", 6, "argument 1 (String) of Left must be a text" },
                { "ToUpper(Left(a, Now()), 5)", 25, "argument 2 (culture) of ToUpper must be the tag of a language" },
                { "Left(a, a = b)", 11, "argument 2 (NumChars) of Left must be a whole number" },
                { "DateAdd(\"w\", 1, Now())", 9, "argument 1 (interval) of DateAdd must be one of" },
                { "DateAdd(\"d\", 1, \"soon\")", 17, "argument 3 (dateTime) of DateAdd must be a date" },
                { "DateAdd(\"d\", 1, Count(a))", 17, "argument 3 (dateTime) of DateAdd must be a date" },
                { "IIF(\"perhaps\", 1, 2)", 5, "argument 1 (condition) of IIF must be true or false" },
                { "InStr(a, b, 1, binary)", 16, "argument 4 (compareType) of InStr must be vbBinaryCompare or vbTextCompare" },
                { "InStr(a, b, 0)", 13, "the first character has the position 1" },
                { "Mid(a, 0, 1)", 8, "the first character has the position 1" },
                { "Item(a, 0)", 9, "the first item has the index 1" },
                { "Split(a, \"\")", 10, "delimiter is empty" },
                { "FormatDateTime(a, , \"MM/dd\", \"s\")", 22, "a format to read a date with must contain the year" },
                { "FormatDateTime(a, , \"yyyy'x\", \"s\")", 28, "a quotation mark of the format is not closed" },
                { "FormatDateTime(a, , \"yyyy\", \"d\")", 30, "of the one-letter formats only s, u and o are known" },
                { "FormatDateTime(a, \"AssumeLocal\", \"yyyy\", \"s\")", 19, "dateTimeStyles knows" },
                { "FormatDateTime(a, , b, \"s\")", 21, "argument 3 (inputFormat) of FormatDateTime must stand there in quotation marks" },
                { "Replace(a, \"x\")", 1, "these arguments of Replace do not go together" },
                { "Replace(a, \"x\", \"y\", , \"z\")", 1, "these arguments of Replace do not go together" },
                { "Replace(a, \"\", , , \"z\")", 12, "oldValue is empty" },
                { "Replace(a, , \"(x\", , \"z\")", 14, "character 3 of the regular expression: missing closing parenthesis" },
                { "Replace(a, , b, , \"z\")", 14, "argument 3 (regexPattern) of Replace must stand there in quotation marks" },
                { "Replace(a, , \"(?<x>y)\", \"z\", \"\")", 25, "the regular expression has no such group" },
                { "Replace(a, , \"((ab{9999}){9999}){9999}\", , \"\")", 14, "character 25 of the regular expression: regular expression is too large" },
                { "SelectUniqueValue(a)", 1, "SelectUniqueValue takes at least 2 arguments" },
                { "ToLower(SelectUniqueValue(a, b))", 9, "SelectUniqueValue must be the outermost function" },
                { "SelectUniqueValue(a, b) = c", 1, "SelectUniqueValue must be the outermost function" },
                { "c = SelectUniqueValue(a, b)", 5, "SelectUniqueValue must be the outermost function" },
                { "Append(a \"b\")", 10, "expected \",\" or the \")\" of Append" },
                { "Append(a, b", 12, "expected \",\" or the \")\" of Append" },
                { "Append(a, b))", 13, "the expression ends before this" },
                { "a b", 3, "the expression ends before this" },
                { "a and b", 3, "write And(…, …)" },
                { "a & b", 3, "write Append(…, …) or Join(\"\", …)" },
                { "a != b", 3, "write <>" },
                { "a = b = c", 7, "a comparison has two sides; join several with And(…, …)" },
                { "Split(a, \",\") = b", 15, "a list cannot be compared" },
                { "a =", 4, "expected a value: an attribute, \"string\", number, true, false, null or a function" },
                { "'a'", 1, "a string stands in \"double\" quotation marks" },
                { "\"a", 1, "this string has no end" },
                { "\"\\d\"", 2, "unknown escape" },
                { "[a", 3, "expected the \"]\" that closes column 1" },
                { "[]", 2, "expected the name of an attribute in [ ]" },
                { "[a[b]]", 5, "expected a space and an operator" },
                { "(a", 3, "expected the \")\" that closes column 1" },
                { "&HX", 3, "expected hexadecimal digits after &H" },
                { "&O7", 1, "a hexadecimal number begins with &H" },
                { "12a", 3, "a number ends before this" },
                { "a.", 3, "expected the name of an attribute" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_(expression_freep) Expression *x = NULL;
                _cleanup_error_ Error *e = NULL;
                _cleanup_free_ char *wanted = NULL, *caret = NULL;

                if (expression_parse(table[i].expression, &x, &e) != -EINVAL || !e || x) {
                        tap_fail(__FILE__, __LINE__, "%s is accepted", table[i].expression);
                        continue;
                }
                CHECK(asprintf(&wanted, "column %u: %s", table[i].column, table[i].error) > 0);
                CHECK(asprintf(&caret, "\n%s\n%*s^", table[i].expression, (int) table[i].column - 1, "") > 0);
                if (!startswith(e->text, wanted) || strlen(e->text) < strlen(caret) ||
                    !streq(e->text + strlen(e->text) - strlen(caret), caret))
                        tap_fail(__FILE__, __LINE__, "%s: %s", table[i].expression, e->text);
        }
}

static int is_taken(void *userdata, const char *target, const char *value) {
        unsigned *asked = userdata;

        (*asked)++;
        if (!streq(target, "userName"))
                return -EINVAL;
        if (streq(value, "broken"))
                return -EIO;
        return streq(value, "John.Smith@contoso.com") || streq(value, "J.Smith@contoso.com");
}

TEST(select_unique_value_takes_the_first_that_is_free) {
        static const char rules[] =
                "SelectUniqueValue(Join(\"@\", Join(\".\", [first], [last]), \"contoso.com\"), [missing], "
                "Join(\"@\", Join(\".\", Mid([first], 1, 1), [last]), \"contoso.com\"), "
                "Join(\"@\", Join(\".\", Mid([first], 1, 2), [last]), \"contoso.com\"))";
        _cleanup_(expression_freep) Expression *x = NULL, *y = NULL, *z = NULL;
        _cleanup_json_ json_object *record = json_tokener_parse("{\"first\":\"John\",\"last\":\"Smith\"}"), *v = NULL;
        _cleanup_error_ Error *e = NULL;
        unsigned asked = 0;
        ExpressionContext context = { .record = record, .is_taken = is_taken, .userdata = &asked, .target = "userName" };

        CHECK_INT(expression_parse(rules, &x, NULL), 0);
        CHECK(expression_uses(x) & EXPRESSION_USES_UNIQUE);
        CHECK_INT(expression_evaluate(x, &context, &v, &e), 0);
        CHECK_STR(json_object_get_string(v), "Jo.Smith@contoso.com");
        CHECK_INT(asked, 3);

        CHECK_INT(expression_parse("SelectUniqueValue(\"John.Smith@contoso.com\", \"J.Smith@contoso.com\")", &y, NULL), 0);
        CHECK_INT(expression_evaluate(y, &context, &v, &e), EXPRESSION_E_NOT_UNIQUE);
        CHECK_STR(e->text, "SelectUniqueValue: every one of the 2 candidate values is empty or taken");
        CHECK(e->scope == ERROR_SCOPE_ITEM);
        CHECK_INT(expression_parse("SelectUniqueValue(\"broken\", \"x\")", &z, NULL), 0);
        CHECK_INT(expression_evaluate(z, &context, &v, NULL), -EIO);
        context.is_taken = NULL;
        CHECK_INT(expression_evaluate(z, &context, &v, NULL), EXPRESSION_E_VALUE);
}

TEST(the_state_of_the_object_comes_from_the_context) {
        _cleanup_(expression_freep) Expression *x = NULL;
        ExpressionContext context = { .soft_deleted = true, .blocked = true };
        bool b = false;

        CHECK_INT(expression_parse("And(isSoftDeleted, [IsBlocked])", &x, NULL), 0);
        CHECK_INT(expression_uses(x), EXPRESSION_USES_SOFT_DELETED | EXPRESSION_USES_BLOCKED);
        CHECK_INT(expression_evaluate_boolean(x, &context, &b, NULL), 0);
        CHECK(b);
        context.blocked = false;
        CHECK_INT(expression_evaluate_boolean(x, &context, &b, NULL), 0);
        CHECK(!b);
}

TEST(a_condition_is_true_false_or_an_error) {
        static const struct {
                const char *expression, *record;
                int result;     /* 1, 0, or -1 for an error */
        } table[] = {
                { "deleted", "{\"deleted\":true}", 1 },      { "deleted", "{}", 0 },
                { "deleted", "{\"deleted\":\"\"}", 0 },      { "deleted", "{\"deleted\":\"Yes\"}", 1 },
                { "deleted", "{\"deleted\":1}", 1 },         { "deleted", "{\"deleted\":\"0\"}", 0 },
                { "deleted", "{\"deleted\":\"soon\"}", -1 }, { "active = false", "{\"active\":false}", 1 },
                { "active = false", "{}", 0 },               { "IgnoreFlowIfNullOrEmpty(x)", "{}", 0 },
                { "IsPresent(terminated)", "{\"terminated\":\"2021-01-01\"}", 1 },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_(expression_freep) Expression *x = NULL;
                _cleanup_json_ json_object *record = json_tokener_parse(table[i].record);
                ExpressionContext context = { .record = record };
                bool b = false;

                CHECK_INT(expression_parse(table[i].expression, &x, NULL), 0);
                CHECK_INT(expression_evaluate_boolean(x, &context, &b, NULL), table[i].result < 0 ? EXPRESSION_E_VALUE : 0);
                CHECK(table[i].result < 0 || b == table[i].result);
        }
}

TEST(an_expression_tells_what_it_depends_on) {
        _cleanup_(expression_freep) Expression *x = NULL;
        _cleanup_strv_ char **l = NULL;
        _cleanup_free_ char *s = NULL;

        CHECK_INT(expression_parse("IIF(DateDiff(\"d\", Now(), [hired]) > 0, Redact(a), InStr(a, b.c, , vbTextCompare))", &x, NULL), 0);
        CHECK_INT(expression_uses(x), EXPRESSION_USES_TIME | EXPRESSION_REDACTS);
        CHECK_INT(expression_attributes(x, &l), 0);
        s = strv_join(l, " ");
        CHECK_STR(s, "hired a b.c");
}

TEST(the_normal_form_is_one_for_all_spellings) {
        _cleanup_(expression_freep) Expression *x = NULL, *y = NULL;
        _cleanup_strbuf_ StrBuf a = STRBUF_INIT, b = STRBUF_INIT;

        CHECK_INT(expression_parse(" IIF ( Mail = \"x\" ,  Join(\" \",a,[ B ]) , )", &x, NULL), 0);
        CHECK_INT(expression_parse("IIF([mail]=\"\\u0078\",Join(\" \",[A],b),)", &y, NULL), 0);
        CHECK_INT(expression_canonical(x, &a), 0);
        CHECK_INT(expression_canonical(y, &b), 0);
        CHECK_STR(a.data, "IIF([mail]=\"x\",Join(\" \",[a],[b]),)");
        CHECK_STR(a.data, b.data);
}

TEST(nothing_grows_or_recurses_without_bound) {
        static const char step[] = "Replace(", end[] = ", \"a\", , , \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\")";
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;
        _cleanup_json_ json_object *v = NULL;
        ExpressionContext context = {};

        for (unsigned depth = 49; depth <= 51; depth++) {
                _cleanup_(expression_freep) Expression *x = NULL;

                strbuf_clear(&b);
                for (unsigned i = 0; i < depth; i++)
                        strbuf_puts(&b, i % 2 ? "(" : "ToLower(");
                strbuf_puts(&b, "a");
                for (unsigned i = 0; i < depth; i++)
                        strbuf_putc(&b, ')');
                CHECK_INT(expression_parse(b.data, &x, NULL), depth <= 50 ? 0 : -EINVAL);
        }
        /* 32^n bytes, if nobody counted. */
        for (unsigned n = 3; n <= 6; n += 3) {
                _cleanup_(expression_freep) Expression *x = NULL;
                _cleanup_error_ Error *e = NULL;

                strbuf_clear(&b);
                for (unsigned i = 0; i < n; i++)
                        strbuf_puts(&b, step);
                strbuf_puts(&b, "\"a\"");
                for (unsigned i = 0; i < n; i++)
                        strbuf_puts(&b, end);
                CHECK_INT(expression_parse(b.data, &x, NULL), 0);
                CHECK_INT(expression_evaluate(x, &context, &v, &e), n == 3 ? 0 : EXPRESSION_E_VALUE);
                CHECK(n == 3 || strstr(e->text, "the result is longer than 1048576 bytes"));
                json_object_put(v);
                v = NULL;
        }
}

TEST(a_large_value_takes_linear_time) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;
        _cleanup_json_ json_object *record = json_object_new_object(), *v = NULL, *list = json_object_new_array();
        _cleanup_(expression_freep) Expression *x = NULL, *y = NULL;
        _cleanup_error_ Error *e = NULL;
        ExpressionContext context = { .record = record };

        for (int i = 0; i < 200000; i++)
                json_object_array_add(list, json_object_new_int(i % 100000));
        json_object_object_add(record, "list", json_object_get(list));
        CHECK_INT(expression_parse("Count(RemoveDuplicates(list))", &x, NULL), 0);
        CHECK_INT(expression_evaluate(x, &context, &v, NULL), 0);
        CHECK_INT(json_object_get_int(v), 100000);

        /* A megabyte at most, and not often: then it is the record's error. */
        for (int i = 0; i < 1000000; i++)
                strbuf_putc(&b, 'a');
        json_object_object_add(record, "text", json_object_new_string_len(b.data, (int) b.size));
        CHECK_INT(expression_parse("Join(\"\", Left(text, 1), Left(text, 1), Left(text, 1), Left(text, 1), Left(text, 1), "
                                   "Left(text, 1), Left(text, 1), Left(text, 1), Left(text, 1))", &y, NULL), 0);
        CHECK_INT(expression_evaluate(y, &context, &v, &e), EXPRESSION_E_VALUE);
        CHECK(strstr(e->text, "handles more than 8 MiB of text"));
}

TEST(no_error_text_contains_a_value_of_the_record) {
        static const char *const expressions[] = {
                "CDate(s)", "Left(a, s)", "BitAnd(s, 1)", "CBool(s)", "IIF(s, 1, 2)", "s > 1", "DateFromNum(s)", "Mid(s, s, 1)",
                "FormatDateTime(s, , \"yyyy\", \"s\")", "DateAdd(s, 1, Now())", "ToLower(l)", "CStr(c)",
                "Replace(s, , \"(s+)+$\", , \"\")",
        };
        _cleanup_json_ json_object *record = json_tokener_parse(
                "{\"s\":\"sssssssssssssssssssssssssssssssssssssssecret\",\"l\":[\"secret\",\"secret2\"],\"c\":{\"x\":\"secret\"}}");
        ExpressionContext context = { .record = record };

        for (size_t i = 0; i < ELEMENTSOF(expressions); i++) {
                _cleanup_(expression_freep) Expression *x = NULL;
                _cleanup_json_ json_object *v = NULL;
                _cleanup_error_ Error *e = NULL;

                CHECK_INT(expression_parse(expressions[i], &x, NULL), 0);
                if (expression_evaluate(x, &context, &v, &e) == 0 || !e || strstr(e->text, "secret"))
                        tap_fail(__FILE__, __LINE__, "%s: %s", expressions[i], e ? e->text : "no error");
        }
}

TEST(integers_beyond_64_bits_are_not_cut) {
        static const Case cases[] = {
                { "CStr([n])", "{\"n\":18446744073709551615}", "\"18446744073709551615\"", "RFC 8259 section 6" },
                { "BitAnd([n], 1)", "{\"n\":18446744073709551615}", "error: value1 is not a whole number", "doc logic" },
                { "BitAnd([n], 3)", "{\"n\":9223372036854775807}", "3", "doc logic" },
                { "n > 9223372036854775807", "{\"n\":18446744073709551615}", "true", "doc syntax" },
        };

        run_cases(cases, ELEMENTSOF(cases));
}
