/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>

#include "mapping.h"
#include "object.h"
#include "tap.h"

/* A mapping from "KEY=VALUE" lines as the job file's reader would give them; NULL and an error if it is refused. */
static Mapping *mapping_of(const char *const *lines, Error **ret_error) {
        _cleanup_(mapping_freep) Mapping *m = mapping_new();

        for (; *lines; lines++) {
                _cleanup_free_ char *key = strdup(*lines);
                char *value = strchr(key, '=');

                *value++ = '\0';
                if (mapping_set(m, key, value, ret_error) < 0)
                        return NULL;
        }
        return mapping_finish(m, ret_error) < 0 ? NULL : TAKE_PTR(m);
}
#define LINES(...) ((const char *const[]) { __VA_ARGS__, NULL })

static int no_one_has_it(void *userdata, const char *target, const char *value) {
        return streq(value, "taken");
}

/* What the mapping gives for a record, as a JSON text (static until the next call). */
static const char *apply(const Mapping *m, const char *record, bool creating, const char *current) {
        static char result[1024];
        _cleanup_json_ json_object *o = json_tokener_parse(record), *c = current ? json_tokener_parse(current) : NULL, *v = NULL;
        _cleanup_error_ Error *e = NULL;
        _cleanup_free_ char *before = NULL;
        ExpressionContext context = { .record = o, .soft_deleted = false, .is_taken = no_one_has_it };
        int r;

        before = strdup(json_object_to_json_string(o));
        r = mapping_apply(m, &context, creating, c, &v, &e);
        snprintf(result, sizeof(result), "%s",
                 r == 0 ? json_object_to_json_string_ext(v, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)
                        : error_text(e, r));
        if (!streq(before, json_object_to_json_string(o)))
                return "the record was changed";
        return result;
}

TEST(the_mapping_of_the_job_file) {
        _cleanup_(mapping_freep) Mapping *m =
                mapping_of(LINES("userName=mail", "displayName=Join(\" \", givenName, sn)", "active=Not(IsSoftDeleted)"), NULL);

        CHECK(m);
        CHECK_STR(apply(m, "{\"mail\":\"a@b\",\"givenName\":\"Ada\",\"sn\":\"L\",\"other\":1}", true, NULL),
                  "{\"active\":true,\"displayName\":\"Ada L\",\"userName\":\"a@b\"}");
}

TEST(without_a_mapping_every_attribute_flows_under_its_own_name) {
        CHECK_STR(apply(NULL, "{\"id\":\"1\",\"userName\":\"a\",\"meta\":{},\"Schemas\":[],\"members\":[],\"empty\":\"\",\"null\":null,"
                              "\"emails\":[{\"value\":\"x\"}]}", false, NULL),
                  "{\"userName\":\"a\",\"empty\":\"\",\"emails\":[{\"value\":\"x\"}]}");
}

TEST(paths_build_complex_values) {
        _cleanup_(mapping_freep) Mapping *m = mapping_of(
                LINES("name.givenName=first", "name.familyName=last", "emails[type eq \"work\"].value=mail",
                      "emails[type eq \"home\"].value=homeMail",
                      "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department=ou"), NULL);

        CHECK(m);
        CHECK_STR(apply(m, "{\"first\":\"A\",\"last\":\"L\",\"mail\":\"m\",\"homeMail\":\"h\",\"ou\":\"o\"}", true, NULL),
                  "{\"emails\":[{\"type\":\"home\",\"value\":\"h\"},{\"type\":\"work\",\"value\":\"m\"}],"
                  "\"name\":{\"familyName\":\"L\",\"givenName\":\"A\"},"
                  "\"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User\":{\"department\":\"o\"}}");
}

TEST(a_line_into_an_attribute_that_flows_whole_changes_a_copy) {
        /* apply() checks that the record itself stays as it was. */
        _cleanup_(mapping_freep) Mapping *m =
                mapping_of(LINES("emails[type eq \"work\"].value=mail", "emails=emails", "name=name", "name.x=mail"), NULL);

        CHECK(m);
        CHECK_STR(apply(m, "{\"mail\":\"new\",\"emails\":[{\"type\":\"work\",\"value\":\"old\"}],\"name\":{\"x\":\"old\"}}", true, NULL),
                  "{\"emails\":[{\"type\":\"work\",\"value\":\"new\"}],\"name\":{\"x\":\"new\"}}");
        CHECK_STR(apply(m, "{\"mail\":\"new\",\"emails\":\"simple\"}", true, NULL),
                  "Attribute \"emails[type eq \"work\"].value\": another line gives \"emails\" a value that nothing can be put "
                  "into");
}

TEST(create_only_flows_into_new_objects_only) {
        _cleanup_(mapping_freep) Mapping *m =
                mapping_of(LINES("userName=mail", "title=t", "CreateOnly=userName", "CreateOnly=title", "CreateOnly=", "CreateOnly=USERNAME"),
                           NULL);

        CHECK(m);
        CHECK_STR(apply(m, "{\"mail\":\"m\",\"t\":\"x\"}", true, NULL), "{\"title\":\"x\",\"userName\":\"m\"}");
        CHECK_STR(apply(m, "{\"mail\":\"m\",\"t\":\"x\"}", false, "{\"userName\":\"old\"}"), "{\"title\":\"x\"}");
}

TEST(when_empty_flows_while_the_target_has_nothing) {
        _cleanup_(mapping_freep) Mapping *m =
                mapping_of(LINES("nickName=n", "emails[type eq \"work\"].value=n", "WhenEmpty=nickName emails[type eq \"work\"].value"), NULL);

        CHECK(m);
        CHECK_STR(apply(m, "{\"n\":\"x\"}", false, "{\"nickName\":\"y\",\"emails\":[{\"type\":\"home\",\"value\":\"h\"}]}"),
                  "{\"emails\":[{\"type\":\"work\",\"value\":\"x\"}]}");
        CHECK_STR(apply(m, "{\"n\":\"x\"}", false, "{\"nickName\":\"\",\"emails\":[{\"type\":\"work\",\"value\":\"w\"}]}"),
                  "{\"nickName\":\"x\"}");
        CHECK_STR(apply(m, "{\"n\":\"x\"}", false, NULL), "{\"emails\":[{\"type\":\"work\",\"value\":\"x\"}],\"nickName\":\"x\"}");
}

TEST(a_default_is_for_new_objects_without_a_value) {
        _cleanup_(mapping_freep) Mapping *m = mapping_of(LINES("title=t", "Default:title=Append(\"no \", \"title\")"), NULL);

        CHECK(m);
        CHECK_STR(apply(m, "{}", true, NULL), "{\"title\":\"no title\"}");
        CHECK_STR(apply(m, "{\"t\":\"\"}", true, NULL), "{\"title\":\"no title\"}");
        CHECK_STR(apply(m, "{\"t\":\"x\"}", true, NULL), "{\"title\":\"x\"}");
        CHECK_STR(apply(m, "{}", false, NULL), "{}");
}

TEST(null_flows_only_through_both_gates) {
        static const char *const one_gate[] = { "FlowNull=title", "FlowNullSource=jobTitle" };

        for (size_t i = 0; i < ELEMENTSOF(one_gate); i++) {
                _cleanup_(mapping_freep) Mapping *m = mapping_of(LINES("title=jobTitle", one_gate[i]), NULL);

                CHECK(m);
                CHECK_STR(apply(m, "{}", false, NULL), "{}");
                CHECK_STR(apply(m, "{\"jobTitle\":\"\"}", false, NULL), "{}");
                CHECK_STR(apply(m, "{\"jobTitle\":null}", false, NULL), "{}");
        }
        {
                _cleanup_(mapping_freep) Mapping *m = mapping_of(
                        LINES("title=jobTitle", "tags=Split(tags, \",\")", "full=Coalesce(jobTitle, tags, other)",
                              "FlowNull=title tags full", "FlowNullSource=JobTitle tags", "MultiValued=tags"), NULL);

                CHECK(m);
                /* full also reads "other", which is not in the source's gate. */
                CHECK_STR(apply(m, "{}", false, NULL), "{\"tags\":[],\"title\":null}");
                CHECK_STR(apply(m, "{\"jobTitle\":\"\"}", false, NULL), "{\"tags\":[],\"title\":null}");
                /* A new object has nothing to clear. */
                CHECK_STR(apply(m, "{}", true, NULL), "{}");
        }
}

TEST(multi_valued_makes_lists) {
        _cleanup_(mapping_freep) Mapping *m = mapping_of(LINES("tags=t", "plain=t", "MultiValued=tags"), NULL);

        CHECK(m);
        CHECK_STR(apply(m, "{\"t\":\"x\"}", false, NULL), "{\"plain\":\"x\",\"tags\":[\"x\"]}");
        CHECK_STR(apply(m, "{\"t\":[\"x\",\"y\"]}", false, NULL), "{\"plain\":[\"x\",\"y\"],\"tags\":[\"x\",\"y\"]}");
        CHECK_STR(apply(m, "{}", false, NULL), "{}");
}

TEST(an_attribute_that_is_ignored_does_not_flow) {
        _cleanup_(mapping_freep) Mapping *m = mapping_of(
                LINES("title=IgnoreFlowIfNullOrEmpty(t)", "Default:title=\"x\"", "FlowNull=title", "FlowNullSource=t"), NULL);

        CHECK(m);
        CHECK_STR(apply(m, "{}", true, NULL), "{}");
        CHECK_STR(apply(m, "{}", false, NULL), "{}");
        CHECK_STR(apply(m, "{\"t\":\"y\"}", false, NULL), "{\"title\":\"y\"}");
}

TEST(an_error_names_the_attribute) {
        _cleanup_(mapping_freep) Mapping *m = mapping_of(LINES("a=\"ok\"", "hired=CDate(h)"), NULL);
        _cleanup_(mapping_freep) Mapping *u =
                mapping_of(LINES("userName=SelectUniqueValue(x, \"taken\")", "CreateOnly=userName"), NULL);

        CHECK(m && u);
        CHECK_STR(apply(m, "{\"h\":\"soon\"}", true, NULL), "Attribute \"hired\": CDate at byte 1: expression is not a date");
        CHECK_STR(apply(u, "{\"x\":\"free\"}", true, NULL), "{\"userName\":\"free\"}");
        CHECK_STR(apply(u, "{\"x\":\"taken\"}", true, NULL),
                  "Attribute \"userName\": SelectUniqueValue: every one of the 2 candidate values is empty or taken");
        CHECK_STR(apply(u, "{\"x\":\"taken\"}", false, NULL), "{}");
}

TEST(l3_a_redacted_attribute_is_known) {
        _cleanup_(mapping_freep) Mapping *m = mapping_of(
                LINES("ssn=Redact(s)", "emails[type eq \"home\"].value=ToLower(Redact(h))", "title=t", "Default:nick=Redact(\"x\")", "nick=n"), NULL);

        CHECK(m);
        CHECK(mapping_redacts(m, "ssn") && mapping_redacts(m, "SSN") && mapping_redacts(m, "emails") && mapping_redacts(m, "nick"));
        CHECK(!mapping_redacts(m, "title") && !mapping_redacts(m, "s") && !mapping_redacts(NULL, "ssn"));
        CHECK_STR(apply(m, "{\"s\":\"secret\"}", false, NULL), "{\"ssn\":\"secret\"}");
}

TEST(e4_the_normal_form_changes_with_the_meaning_only) {
        const struct {
                const char *const *lines;
                bool same;
        } table[] = {
                { LINES("b=y", "a=x", "CreateOnly=a"), true },
                { LINES("a=nonsense", "A= [X] ", "CreateOnly=a", "b=y"), true },
                { LINES("a=x", "b=y", "c=z", "c=", "CreateOnly=a b", "CreateOnly=", "CreateOnly=a"), true },
                { LINES("a=x", "b=y", "CreateOnly=a", "FlowNull=b"), true },            /* one gate alone changes nothing */
                { LINES("a=x", "b=y"), false },
                { LINES("a=x", "b=y", "WhenEmpty=a"), false },
                { LINES("a=x", "b=y", "CreateOnly=a b"), false },
                { LINES("a=x", "b=z", "CreateOnly=a"), false },
                { LINES("a=x", "b=y", "CreateOnly=a", "Default:a=1"), false },
                { LINES("a=x", "b=y", "CreateOnly=a", "MultiValued=b"), false },
                { LINES("a=x", "b=y", "CreateOnly=a", "FlowNull=b", "FlowNullSource=y"), false },
                { LINES("a=x", "b=y", "c=z", "CreateOnly=a"), false },
        };
        _cleanup_(mapping_freep) Mapping *m = mapping_of(LINES("a=x", "b=y", "CreateOnly=a"), NULL);
        _cleanup_free_ char *wanted = NULL, *none = NULL;

        CHECK_INT(mapping_canonical(m, &wanted), 0);
        CHECK_STR(wanted, "a=[x]\n  create-only\nb=[y]\n");
        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_(mapping_freep) Mapping *other = mapping_of(table[i].lines, NULL);
                _cleanup_free_ char *s = NULL;

                CHECK(other);
                CHECK_INT(mapping_canonical(other, &s), 0);
                if (streq(s, wanted) != table[i].same)
                        tap_fail(__FILE__, __LINE__, "row %zu: %s", i, s);
        }
        CHECK_INT(mapping_canonical(NULL, &none), 0);
        CHECK_STR(none, "*\n");
}

TEST(a_mapping_tells_what_it_reads_and_writes) {
        _cleanup_(mapping_freep) Mapping *m =
                mapping_of(LINES("emails[type eq \"work\"].value=mail", "title=IIF(DateDiff(\"d\", Now(), hired) > 0, a, mail)", "Default:title=b"), NULL);
        _cleanup_strv_ char **sources = NULL, **targets = NULL;
        _cleanup_free_ char *s = NULL, *t = NULL;

        CHECK(m);
        CHECK_INT(mapping_sources(m, &sources), 0);
        CHECK_INT(mapping_targets(m, &targets), 0);
        s = strv_join(sources, " ");
        t = strv_join(targets, " ");
        CHECK_STR(s, "mail hired a b");
        CHECK_STR(t, "emails[type eq \"work\"].value title");
        CHECK_INT(mapping_uses(m), EXPRESSION_USES_TIME);
        CHECK_INT(mapping_uses(NULL), 0);
}

TEST(a_wrong_mapping_is_refused_with_what_would_be_right) {
        const struct {
                const char *const *lines;
                const char *error;
        } table[] = {
                { LINES("title=Join("), "column 6: expected a value: an attribute, \"string\", number, true, false, null or a "
                                        "function\nJoin(\n     ^" },
                { LINES("ti tle=x"), "column 4: the attribute ends before this\nti tle\n   ^" },
                { LINES("id=x"), "column 1: id belongs to the target and cannot be mapped\nid\n^" },
                { LINES("Meta.created=x"), "column 1: meta belongs to the target and cannot be mapped\nMeta.created\n^" },
                { LINES("emails[type ne \"x\"].value=x"),
                  "column 1: a target with brackets must say what to create, such as emails[type eq \"work\"].value\n"
                  "emails[type ne \"x\"].value\n^" },
                { LINES("title=x", "CreateOnly=titel"), "CreateOnly= names \"titel\", which no line maps" },
                { LINES("title=x", "CreateOnly=title,x"), "column 6: expected a space between attributes\ntitle,x\n     ^" },
                { LINES("title=x", "CreateOnly=title", "WhenEmpty=title"),
                  "\"title\" is in CreateOnly= and in WhenEmpty=: choose one" },
                { LINES("title=x", "FlowNullSource=y"), "FlowNullSource= names \"y\", which no expression reads" },
                { LINES("Default:title=x"), "Default: names \"title\", which no line maps" },
                { LINES("userName=SelectUniqueValue(a, b)"),
                  "\"username\" uses SelectUniqueValue() and must be in CreateOnly=, or each cycle would choose another value" },
                { LINES("a=x", "Default:a=SelectUniqueValue(a, b)"), "SelectUniqueValue() cannot be a default value" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_error_ Error *e = NULL;
                _cleanup_(mapping_freep) Mapping *m = mapping_of(table[i].lines, &e);

                CHECK(!m && e);
                CHECK_STR(e->text, table[i].error);
        }
}
