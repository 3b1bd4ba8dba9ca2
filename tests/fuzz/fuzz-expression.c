/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "expression.h"
#include "object.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int is_taken(void *userdata, const char *target, const char *value) {
        return value[0] == 'a';
}

/* The first line is an expression, the rest a record. Whatever parses has a normal form that parses to the same expression,
 * gives a value or a named condition, and gives the same one again. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const char *line = (const char *) data, *end = size > 0 ? memchr(data, '\n', size) : NULL;
        _cleanup_(expression_freep) Expression *x = NULL, *y = NULL;
        _cleanup_strbuf_ StrBuf canonical = STRBUF_INIT, again = STRBUF_INIT, a = STRBUF_INIT, b = STRBUF_INIT;
        _cleanup_json_ json_object *record = NULL, *v = NULL, *w = NULL;
        _cleanup_free_ char *text = NULL;
        _cleanup_error_ Error *e = NULL;
        _cleanup_strv_ char **names = NULL;
        ExpressionContext context = { .now_usec = UINT64_C(1625240018000000), .is_taken = is_taken, .target = "userName" };
        int r;

        text = strndup(line, end ? (size_t) (end - line) : size);
        assert(text);
        if (expression_parse(text, &x, &e) < 0) {
                assert(e && (strchr(e->text, '^') || strlen(text) > 10000));
                return 0;
        }
        if (end)
                (void) json_parse_whole(end + 1, size - (size_t) (end + 1 - line), &record, NULL);
        context.record = record;
        assert(expression_attributes(x, &names) == 0);
        assert(expression_canonical(x, &canonical) == 0);
        r = expression_evaluate(x, &context, &v, &e);
        assert(r >= 0 && r <= EXPRESSION_E_NOT_UNIQUE);
        assert(r != EXPRESSION_E_VALUE || (e && e->scope == ERROR_SCOPE_ITEM));
        assert(json_canonical(v, &a) == 0);
        if (canonical.size > 10000)
                return 0;
        assert(expression_parse(canonical.data, &y, NULL) == 0);
        assert(expression_canonical(y, &again) == 0);
        assert(streq(canonical.data, again.data));
        assert(expression_uses(x) == expression_uses(y));
        assert(expression_evaluate(y, &context, &w, NULL) == r);
        assert(json_canonical(w, &b) == 0);
        assert(streq(strempty(a.data), strempty(b.data)));
        return 0;
}
