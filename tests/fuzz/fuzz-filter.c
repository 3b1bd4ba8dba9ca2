/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "filter.h"
#include "object.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first line is a filter, the rest a record. Whatever parses has a normal form that parses to the same filter. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const char *line = (const char *) data, *end = size > 0 ? memchr(data, '\n', size) : NULL;
        _cleanup_(filter_freep) Filter *f = NULL, *g = NULL;
        _cleanup_free_ char *text = NULL, *canonical = NULL, *again = NULL;
        _cleanup_json_ json_object *record = NULL;
        _cleanup_error_ Error *e = NULL;
        _cleanup_strv_ char **names = NULL;

        text = strndup(line, end ? (size_t) (end - line) : size);
        assert(text);
        if (filter_parse(text, &f, &e) < 0) {
                assert(e && (strchr(e->text, '^') || strlen(text) > 10000));
                return 0;
        }
        if (end)
                (void) json_parse_whole(end + 1, size - (size_t) (end + 1 - line), &record, NULL);
        assert(filter_attributes(f, &names) == 0);
        assert(filter_canonical(f, &canonical) == 0);
        if (strlen(canonical) > 10000)
                return 0;
        assert(filter_parse(canonical, &g, NULL) == 0);
        assert(filter_canonical(g, &again) == 0);
        assert(streq(canonical, again));
        assert(filter_matches(f, record) == filter_matches(g, record));
        return 0;
}
