/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

/* What the fingerprint of rule E4 is of: one text for all ways to write the same configuration. Each line is a
 * section in brackets or Key=Value, and no value holds a line end, so two different configurations have different
 * texts. What is not set stands there with its default, so that writing a default down changes nothing. */

#include <errno.h>

#include "attribute-path.h"
#include "connector-keys.h"
#include "expression.h"
#include "filter.h"
#include "job-load.h"
#include "mapping.h"
#include "reference.h"
#include "siphash.h"
#include "string-util.h"

static int put_expression(StrBuf *out, const char *key, const Expression *x) {
        int r;

        strbuf_printf(out, "%s=", key);
        r = x ? expression_canonical(x, out) : 0;
        strbuf_putc(out, '\n');
        return r;
}

static int put_filter(StrBuf *out, const char *key, const Filter *f) {
        _cleanup_free_ char *text = NULL;
        int r;

        r = f ? filter_canonical(f, &text) : 0;
        if (r < 0)
                return r;
        strbuf_printf(out, "%s=%s\n", key, strempty(text));
        return 0;
}

static int compare_strings(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

/* A set: the order in which groups are named means nothing. */
static int put_assigned(StrBuf *out, char *const *assigned) {
        _cleanup_strv_ char **sorted = NULL;

        if (!assigned) {
                strbuf_puts(out, "AssignedAll=yes\n");
                return 0;
        }
        sorted = strv_copy(assigned);
        if (!sorted)
                return -ENOMEM;
        qsort(sorted, strv_length(sorted), sizeof(*sorted), compare_strings);
        for (size_t i = 0; sorted[i]; i++)
                strbuf_printf(out, "Assigned=%s\n", sorted[i]);
        return 0;
}

/* A list: the order is the priority. */
static int put_match(StrBuf *out, const char *key, char *const *match) {
        int r;

        for (size_t i = 0; match && match[i]; i++) {
                _cleanup_(attribute_path_freep) AttributePath *path = NULL;

                strbuf_printf(out, "%s=", key);
                r = attribute_path_parse(match[i], &path, NULL);
                if (r == 0)
                        r = attribute_path_canonical(path, out);
                if (r < 0)
                        return r;
                strbuf_putc(out, '\n');
        }
        return 0;
}

/* A set as well. Without any there is nothing, as it was before there were such keys. */
static void put_references(StrBuf *out, const JobConfig *c) {
        static const char *const keys[_OBJECT_KIND_MAX] = { [OBJECT_KIND_USER] = "User", [OBJECT_KIND_GROUP] = "Group" };

        if (references_count(c->references[OBJECT_KIND_USER]) + references_count(c->references[OBJECT_KIND_GROUP]) == 0)
                return;
        strbuf_puts(out, "[References]\n");
        for (ObjectKind k = 0; k < _OBJECT_KIND_MAX; k++)
                for (size_t i = 0; i < references_count(c->references[k]); i++)
                        strbuf_printf(out, "%s=%s\n", keys[k], references_canonical_name(c->references[k], i));
}

/* What the fingerprint is of. */
static int job_fingerprint_text(const JobConfig *c, StrBuf *out) {
        static const struct {
                ObjectKind kind;
                const char *scope, *match, *map;
        } kinds[] = {
                {OBJECT_KIND_USER, "Users", "User", "[Map User]\n"},
                {OBJECT_KIND_GROUP, "Groups", "Group", "[Map Group]\n"},
        };
        int r;

        strbuf_puts(out, "[Source]\n");
        r = connector_config_canonical(&c->source, out);
        if (r < 0)
                return r;
        r = put_expression(out, "SoftDeleted", c->soft_deleted);
        if (r < 0)
                return r;
        r = put_expression(out, "Blocked", c->blocked);
        if (r < 0)
                return r;

        strbuf_puts(out, "[Target]\n");
        r = connector_config_canonical(&c->target, out);
        if (r < 0)
                return r;

        strbuf_puts(out, "[Scope]\n");
        r = put_assigned(out, c->assigned);
        if (r < 0)
                return r;
        strbuf_printf(out, "AssignedNested=%s\n", c->assigned_nested ? "yes" : "no");
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                r = put_filter(out, kinds[i].scope, c->scope[kinds[i].kind]);
                if (r < 0)
                        return r;
        }

        strbuf_puts(out, "[Match]\n");
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                r = put_match(out, kinds[i].match, c->match[kinds[i].kind]);
                if (r < 0)
                        return r;
        }

        put_references(out, c);

        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                _cleanup_free_ char *text = NULL;

                r = mapping_canonical(c->map[kinds[i].kind], &text);
                if (r < 0)
                        return r;
                strbuf_printf(out, "%s%s\n", kinds[i].map, text);
        }

        strbuf_puts(out, "[Deprovision]\n");
        for (Cause cause = CAUSE_NONE + 1; cause < _CAUSE_MAX; cause++)
                strbuf_printf(out, "%s=%s\n", cause_to_string(cause), deprovision_to_string(c->deprovision[cause]));
        return strbuf_check(out);
}

int job_fingerprint(const JobConfig *c, char ret[static 33]) {
        /* Nothing secret: a change of the key would make every job look reconfigured. */
        static const uint8_t key[16] = "reprieve config";
        _cleanup_strbuf_ StrBuf text = STRBUF_INIT;
        _cleanup_free_ char *hex = NULL;
        uint8_t hash[16];
        int r;

        r = job_fingerprint_text(c, &text);
        if (r < 0)
                return r;
        siphash128(key, text.data, text.size, hash);
        hex = hex_encode(hash, sizeof(hash));
        if (!hex)
                return -ENOMEM;
        memcpy(ret, hex, 33);
        return 0;
}
