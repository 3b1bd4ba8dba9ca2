/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pattern.h"

#include <errno.h>
#include <stdint.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "syntax.h"
#include "unicode.h"

struct Pattern {
        pcre2_code *code;
        pcre2_match_data *match;        /* reused; a pattern belongs to one thread */
        pcre2_match_context *limits;
};

Pattern *pattern_free(Pattern *p) {
        if (!p)
                return NULL;
        pcre2_match_context_free(p->limits);
        pcre2_match_data_free(p->match);
        pcre2_code_free(p->code);
        free(p);
        return NULL;
}

int pattern_compile(const char *pattern, Pattern **ret, size_t *ret_offset, char ret_message[static 128]) {
        _cleanup_(pattern_freep) Pattern *p = NULL;
        pcre2_compile_context *context;
        PCRE2_SIZE offset = 0;
        int code = 0;

        p = calloc(1, sizeof(*p));
        context = pcre2_compile_context_create(NULL);
        if (!p || !context) {
                pcre2_compile_context_free(context);
                return -ENOMEM;
        }
        (void) pcre2_set_max_pattern_length(context, SYNTAX_LENGTH_MAX);
        (void) pcre2_set_parens_nest_limit(context, SYNTAX_DEPTH_MAX);
        p->code = pcre2_compile((PCRE2_SPTR) pattern, PCRE2_ZERO_TERMINATED,
                                PCRE2_UTF | PCRE2_UCP | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C, &code,
                                &offset, context);
        pcre2_compile_context_free(context);
        if (!p->code) {
                *ret_offset = offset;
                if (pcre2_get_error_message(code, (PCRE2_UCHAR *) ret_message, 128) < 0)
                        (void) snprintf(ret_message, 128, "error %d", code);
                return code == PCRE2_ERROR_NOMEMORY ? -ENOMEM : -EINVAL;
        }
        p->match = pcre2_match_data_create_from_pattern(p->code, NULL);
        p->limits = pcre2_match_context_create(NULL);
        if (!p->match || !p->limits)
                return -ENOMEM;
        (void) pcre2_set_match_limit(p->limits, PATTERN_STEPS_MAX);
        (void) pcre2_set_heap_limit(p->limits, 8192);
        *ret = TAKE_PTR(p);
        return 0;
}

int pattern_group(const Pattern *p, const char *name) {
        uint32_t count = 0;
        uint64_t number;
        int n;

        n = pcre2_substring_number_from_name(p->code, (PCRE2_SPTR) name);
        if (n >= 0)
                return n;
        (void) pcre2_pattern_info(p->code, PCRE2_INFO_CAPTURECOUNT, &count);
        if (parse_uint64(name, &number) < 0 || number > count)
                return -1;
        return (int) number;
}

/* The next match at or after @start; *ret_found is false where there is none. */
static int search(Pattern *p, const char *s, size_t size, size_t start, uint32_t options, bool *ret_found) {
        int n;

        if (size > PATTERN_SUBJECT_MAX)
                return PATTERN_E_TOO_LONG;
        n = pcre2_match(p->code, (PCRE2_SPTR) s, size, start, options, p->match, p->limits);
        if (n == PCRE2_ERROR_NOMEMORY)
                return -ENOMEM;
        if (n == PCRE2_ERROR_MATCHLIMIT || n == PCRE2_ERROR_HEAPLIMIT || n == PCRE2_ERROR_DEPTHLIMIT ||
            n == PCRE2_ERROR_RECURSELOOP)
                return PATTERN_E_TOO_HARD;
        *ret_found = n > 0;
        return 0;
}

/* What @group matched; false if it took no part. */
static bool matched(const Pattern *p, int group, size_t *ret_start, size_t *ret_end) {
        PCRE2_SIZE *ends = pcre2_get_ovector_pointer(p->match);

        if (group < 0 || (uint32_t) group >= pcre2_get_ovector_count(p->match) || ends[2 * group] == PCRE2_UNSET ||
            ends[2 * group] > ends[2 * group + 1])
                return false;
        *ret_start = ends[2 * group];
        *ret_end = ends[2 * group + 1];
        return true;
}

static void put_group(const Pattern *p, int group, const char *s, StrBuf *out) {
        size_t start, end;

        if (matched(p, group, &start, &end))
                strbuf_append(out, s + start, end - start);
}

/* Length of the reference to a group at @r ($1, ${name}, $&), 0 if there is none. */
static size_t reference(const Pattern *p, const char *r, size_t size, int *ret_group) {
        char name[64];
        size_t n = 1, k = 0;

        if (size >= 2 && r[1] == '&') {
                *ret_group = 0;
                return 2;
        }
        if (size >= 2 && r[1] == '{') {
                for (n = 2; n < size && r[n] != '}' && k + 1 < sizeof(name); n++)
                        name[k++] = r[n];
                if (n == size || r[n] != '}')
                        return 0;
                n++;
        } else
                for (; n < size && r[n] >= '0' && r[n] <= '9' && k + 1 < sizeof(name); n++)
                        name[k++] = r[n];
        name[k] = '\0';
        *ret_group = k > 0 ? pattern_group(p, name) : -1;
        return *ret_group >= 0 ? n : 0;
}

static void expand(const Pattern *p, const char *s, const char *replacement, size_t size, size_t max, StrBuf *out) {
        int group;

        for (size_t i = 0; i < size && out->size <= max;) {
                size_t n = 0;

                if (replacement[i] == '$') {
                        if (i + 1 < size && replacement[i + 1] == '$') {
                                strbuf_putc(out, '$');
                                i += 2;
                                continue;
                        }
                        n = reference(p, replacement + i, size - i, &group);
                }
                if (n > 0) {
                        put_group(p, group, s, out);
                        i += n;
                } else
                        strbuf_putc(out, replacement[i++]);
        }
}

static int replace(Pattern *p, int group, const char *s, size_t size, const char *replacement,
                   size_t replacement_size, size_t max, StrBuf *out) {
        size_t at = 0, copied = 0, start, end, from, to;
        uint32_t options = 0;
        bool found;
        int r;

        while (at <= size && out->size <= max) {
                r = search(p, s, size, at, options, &found);
                if (r != 0)
                        return r;
                if (!found && options == 0)
                        break;
                if (!found || !matched(p, 0, &start, &end)) {
                        /* After an empty match there was no other at its place: go on behind the next character. */
                        uint32_t c;

                        if (at == size)
                                break;
                        at += utf8_next(s + at, size - at, &c);
                        options = 0;
                        continue;
                }
                /* \K, where a PCRE2 allows it in a look-around, can put the ends of a match before what was searched.
                 */
                if (start < copied || (end <= at && end > start))
                        break;
                if (group < 0) {
                        strbuf_append(out, s + copied, start - copied);
                        expand(p, s, replacement, replacement_size, max, out);
                        copied = end;
                } else if (matched(p, group, &from, &to) && to > from && from >= copied) {
                        strbuf_append(out, s + copied, from - copied);
                        strbuf_append(out, replacement, replacement_size);
                        copied = to;
                }
                options = end == start ? PCRE2_NOTEMPTY_ATSTART | PCRE2_ANCHORED : 0;
                at = end;
        }
        strbuf_append(out, s + copied, size - copied);
        return strbuf_check(out);
}

int pattern_replace(Pattern *p, const char *s, size_t size, const char *replacement, size_t replacement_size,
                    size_t max, StrBuf *out) {
        return replace(p, -1, s, size, replacement, replacement_size, max, out);
}

int pattern_replace_group(Pattern *p, int group, const char *s, size_t size, const char *replacement,
                          size_t replacement_size, size_t max, StrBuf *out) {
        return replace(p, group, s, size, replacement, replacement_size, max, out);
}

int pattern_extract(Pattern *p, int group, const char *s, size_t size, StrBuf *out, bool *ret_found) {
        bool found;
        size_t start, end;
        int r;

        *ret_found = false;
        r = search(p, s, size, 0, 0, &found);
        if (r != 0 || !found || !matched(p, group, &start, &end))
                return r;
        strbuf_append(out, s + start, end - start);
        *ret_found = true;
        return strbuf_check(out);
}
