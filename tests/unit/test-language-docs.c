/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

/* Runs the examples of docs/filters.md and docs/expressions/: fenced blocks marked filter, expression or mapping.
 *
 *     record JSON                       what the lines below look at
 *     FILTER => matches | does not match | refused: BEGINNING OF THE ERROR
 *     EXPRESSION => JSON | skip | not unique | error: PART OF THE ERROR | refused: BEGINNING OF THE ERROR
 *     KEY=VALUE                         in a mapping block: a line of the section, before anything else
 *     create => JSON | error: …         in a mapping block
 *     update [JSON of the target] => JSON | error: …
 *     => refused: …                     in a mapping block: of the lines above */

#include <dirent.h>
#include <errno.h>
#include <stdio.h>

#include "expression-internal.h"
#include "file-util.h"
#include "filter.h"
#include "mapping.h"
#include "object.h"
#include "tap.h"

#define NOW_USEC UINT64_C(1625240018000000)
#define PLAIN (JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)

typedef struct Block {
        const char *file;
        unsigned line;
        char kind[16];          /* "" outside of a block */
        json_object *record;
        Mapping *mapping;
        char *refused;          /* why the mapping was */
        bool finished;
} Block;

static unsigned n_examples;
/* Everything that was called in an example, with spaces. */
static StrBuf all_examples;

static int is_taken(void *userdata, const char *target, const char *value) {
        return streq(value, "taken");
}

static void wrong(const Block *b, const char *example, const char *wanted, const char *got) {
        tap_fail(b->file, (int) b->line, "%s should give \"%s\", but gives \"%s\"", example, wanted, got);
}

/* Whether @wanted begins with @prefix; *ret_text is what follows. */
static bool is_error(const char *wanted, const char *prefix, const char **ret_text) {
        *ret_text = startswith(wanted, prefix);
        return *ret_text;
}

static void check_result(const Block *b, const char *example, const char *wanted, int r, json_object *v, const Error *e) {
        const char *got = r == 0                           ? json_object_to_json_string_ext(v, PLAIN)
                          : r == EXPRESSION_E_SKIP         ? "skip"
                          : r == EXPRESSION_E_NOT_UNIQUE   ? "not unique"
                                                           : error_text(e, r), *text;

        if (is_error(wanted, "error: ", &text) ? r != EXPRESSION_E_VALUE || !strstr(got, text) : !streq(got, wanted))
                wrong(b, example, wanted, got);
}

static void run_filter(Block *b, const char *text, const char *wanted) {
        _cleanup_(filter_freep) Filter *f = NULL;
        _cleanup_error_ Error *e = NULL;
        const char *refused, *got;

        if (filter_parse(text, &f, &e) < 0) {
                if (!is_error(wanted, "refused: ", &refused) || !startswith(e->text, refused))
                        wrong(b, text, wanted, e->text);
                return;
        }
        got = filter_matches(f, b->record) ? "matches" : "does not match";
        if (!streq(got, wanted))
                wrong(b, text, wanted, got);
}

static void run_expression(Block *b, const char *text, const char *wanted) {
        _cleanup_(expression_freep) Expression *x = NULL;
        _cleanup_json_ json_object *v = NULL;
        _cleanup_error_ Error *e = NULL;
        ExpressionContext context = { .record = b->record, .now_usec = NOW_USEC, .is_taken = is_taken };
        const char *refused;
        int r;

        strbuf_printf(&all_examples, " %s", text);
        if (expression_parse(text, &x, &e) < 0) {
                if (!is_error(wanted, "refused: ", &refused) || !startswith(e->text, refused))
                        wrong(b, text, wanted, e->text);
                return;
        }
        r = expression_evaluate(x, &context, &v, &e);
        check_result(b, text, wanted, r, v, e);
}

static void finish_mapping(Block *b) {
        _cleanup_error_ Error *e = NULL;

        if (b->finished)
                return;
        b->finished = true;
        if (!b->refused && mapping_finish(b->mapping, &e) < 0)
                b->refused = strdup(e->text);
}

static void run_mapping(Block *b, const char *text, const char *wanted) {
        _cleanup_json_ json_object *current = NULL, *v = NULL;
        _cleanup_error_ Error *e = NULL;
        ExpressionContext context = { .record = b->record, .now_usec = NOW_USEC, .is_taken = is_taken };
        const char *refused = NULL, *target = startswith(text, "update");
        int r;

        finish_mapping(b);
        if (!*text || b->refused) {
                if (!is_error(wanted, "refused: ", &refused) || !startswith(strempty(b->refused), refused))
                        wrong(b, "the mapping", wanted, strempty(b->refused));
                return;
        }
        if (target && *target)
                current = json_tokener_parse(target);
        r = mapping_apply(b->mapping, &context, !target, current, &v, &e);
        check_result(b, text, wanted, r, v, e);
}

static void set_mapping(Block *b, char *line) {
        char *value = strchr(line, '=');
        _cleanup_error_ Error *e = NULL;

        if (!value || b->finished) {
                wrong(b, line, "a line of a mapping", "none");
                return;
        }
        *value++ = '\0';
        if (!b->refused && mapping_set(b->mapping, line, value, &e) < 0)
                b->refused = strdup(e->text);
}

static void block_done(Block *b) {
        json_object_put(b->record);
        mapping_free(b->mapping);
        free(b->refused);
        b->kind[0] = '\0';
        b->record = NULL;
        b->mapping = NULL;
        b->refused = NULL;
        b->finished = false;
}

static void run_line(Block *b, char *line) {
        const char *fence = startswith(line, "```"), *record = startswith(line, "record ");
        char *arrow;

        if (fence) {
                bool inside = b->kind[0];

                block_done(b);
                if (!inside) {
                        (void) snprintf(b->kind, sizeof(b->kind), "%s", *fence ? fence : "text");
                        b->mapping = mapping_new();
                }
                return;
        }
        if (!streq(b->kind, "filter") && !streq(b->kind, "expression") && !streq(b->kind, "mapping"))
                return;
        if (record) {
                json_object_put(b->record);
                b->record = json_tokener_parse(record);
                if (!b->record)
                        wrong(b, line, "a record", "no JSON");
                return;
        }
        arrow = strstr(line, "=> ");
        if (!arrow) {
                if (streq(b->kind, "mapping"))
                        set_mapping(b, line);
                else if (*strstrip(line))
                        wrong(b, line, "an example", "no =>");
                return;
        }
        *arrow = '\0';
        n_examples++;
        if (streq(b->kind, "filter"))
                run_filter(b, strstrip(line), arrow + 3);
        else if (streq(b->kind, "expression"))
                run_expression(b, strstrip(line), arrow + 3);
        else
                run_mapping(b, strstrip(line), arrow + 3);
}

static void run_page(const char *name) {
        _cleanup_free_ char *text = NULL;
        char path[512];
        Block b = { .file = path };

        (void) snprintf(path, sizeof(path), "%s/docs/%s", getenv("TOP_SRCDIR"), name);
        if (file_read_full(path, 1 << 20, &text, NULL) < 0) {
                tap_fail(__FILE__, __LINE__, "%s cannot be read", path);
                return;
        }
        for (char *line = text, *next; line; line = next) {
                next = strchr(line, '\n');
                if (next)
                        *next++ = '\0';
                b.line++;
                run_line(&b, line);
        }
        if (b.kind[0])
                wrong(&b, "the last block", "an end", "none");
        block_done(&b);
}

TEST(every_function_has_an_example) {
        static const Function *const tables[] = { logic_functions, text_functions, date_functions, pattern_functions };
        static const char *const pages[] = { "README", "dates", "lists", "logic", "replace", "text" };

        if (!getenv("TOP_SRCDIR"))
                SKIP("TOP_SRCDIR is not set");
        for (size_t i = 0; i < ELEMENTSOF(pages); i++) {
                char name[64];

                (void) snprintf(name, sizeof(name), "expressions/%s.md", pages[i]);
                run_page(name);
        }
        for (size_t t = 0; t < ELEMENTSOF(tables); t++)
                for (const Function *f = tables[t]; f->name; f++) {
                        char call[64];

                        (void) snprintf(call, sizeof(call), "%s(", f->name);
                        if (!strstr(all_examples.data, call))
                                tap_fail(__FILE__, __LINE__, "%s has no example in docs/expressions", f->name);
                }
        strbuf_done(&all_examples);
        CHECK(n_examples >= 100);
}

TEST(the_examples_of_the_filter_page) {
        if (!getenv("TOP_SRCDIR"))
                SKIP("TOP_SRCDIR is not set");
        n_examples = 0;
        run_page("filters.md");
        CHECK(n_examples >= 30);
}

TEST(the_examples_of_the_mapping_page) {
        if (!getenv("TOP_SRCDIR"))
                SKIP("TOP_SRCDIR is not set");
        n_examples = 0;
        run_page("expressions/mapping.md");
        CHECK(n_examples >= 8);
}
