/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>

#include "attribute-name.h"
#include "cycle.h"
#include "expression.h"
#include "filter.h"
#include "json-scan.h"
#include "mapping.h"
#include "references.h"
#include "unicode.h"

/* Reading: one pass over the source. A record whose fingerprint is known is counted and passed by; any other is parsed,
 * scoped and mapped. What a reading proves is decided here (E1, E2), what follows from it is not. */

uint64_t cycle_unlinked(const Cycle *c, ObjectKind kind, const char *source_id) {
        Fingerprint f = fingerprint(c->fingerprinter, UINT64_C(0x1d0000) + (uint64_t) kind, source_id, strlen(source_id));

        return UNLINKED_MARK | (f.lo & (UNLINKED_MARK - 1));
}

/* Where the object is, or would be. */
static uint32_t *find_bucket(const Cycle *c, ObjectKind kind, const char *source_id) {
        Fingerprint f = fingerprint(c->fingerprinter, UINT64_C(0x1e0000) + (uint64_t) kind, source_id, strlen(source_id));

        for (size_t i = (size_t) f.hi & (c->n_buckets - 1);; i = (i + 1) & (c->n_buckets - 1)) {
                const Evaluated *e;

                if (c->buckets[i] == 0)
                        return &c->buckets[i];
                e = &c->evaluated[c->buckets[i] - 1];
                if (e->kind == kind && streq(e->source_id, source_id))
                        return &c->buckets[i];
        }
}

Evaluated *cycle_find_evaluated(const Cycle *c, ObjectKind kind, const char *source_id) {
        uint32_t *bucket = c->n_buckets > 0 ? find_bucket(c, kind, source_id) : NULL;

        return bucket && *bucket > 0 ? &c->evaluated[*bucket - 1] : NULL;
}

static int grow_buckets(Cycle *c) {
        size_t n = c->n_buckets == 0 ? 64 : c->n_buckets * 2;
        uint32_t *old = c->buckets;

        c->buckets = calloc(n, sizeof(uint32_t));
        if (!c->buckets) {
                c->buckets = old;
                return -ENOMEM;
        }
        free(old);
        c->n_buckets = n;
        for (size_t k = 0; k < c->n_evaluated; k++) {
                const Evaluated *e = &c->evaluated[k];
                uint32_t *bucket = find_bucket(c, e->kind, e->source_id);

                if (*bucket == 0)
                        *bucket = (uint32_t) k + 1;
        }
        return 0;
}

static int add_evaluated(Cycle *c, ObjectKind kind, const char *source_id, uint32_t record, Evaluated **ret) {
        uint32_t *bucket;
        Evaluated *e;

        if (c->n_evaluated >= UINT32_MAX - 1)
                return -E2BIG;
        if (2 * (c->n_evaluated + 1) > c->n_buckets && grow_buckets(c) < 0)
                return -ENOMEM;
        if (ARRAY_GROW(c->evaluated, c->n_evaluated_allocated, c->n_evaluated + 1) < 0)
                return -ENOMEM;

        bucket = find_bucket(c, kind, source_id);
        e = &c->evaluated[c->n_evaluated];
        *e = (Evaluated) { .kind = kind, .record = record };
        e->source_id = arena_strdup(c->arena, source_id);
        if (!e->source_id)
                return -ENOMEM;
        c->n_evaluated++;
        if (*bucket > 0) {
                /* E2: nobody can say which of the two is meant, so neither is used. */
                c->evaluated[*bucket - 1].invalid = true;
                e->invalid = true;
        } else
                *bucket = (uint32_t) c->n_evaluated;
        *ret = e;
        return 0;
}

static bool is_false(json_object *v) {
        const char *s;

        /* Databases export 0 and 1, some of them as 0.0 and 1.0. */
        if (json_object_is_type(v, json_type_boolean) || json_object_is_type(v, json_type_int) ||
            json_object_is_type(v, json_type_double))
                return !json_object_get_boolean(v);
        if (!json_object_is_type(v, json_type_string))
                return false;
        /* A CSV source has nothing but strings. */
        s = json_object_get_string(v);
        return parse_boolean(s) == 0;
}

static bool is_true(json_object *v) {
        if (json_object_is_type(v, json_type_boolean) || json_object_is_type(v, json_type_int) ||
            json_object_is_type(v, json_type_double))
                return json_object_get_boolean(v);
        return json_object_is_type(v, json_type_string) && parse_boolean(json_object_get_string(v)) == 1;
}

/* A condition of the job file. What it cannot judge makes the record unusable (E2), never a removal. */
static int condition(const Expression *x, const ExpressionContext *context, const char *key, bool *ret, Error **ret_error) {
        int r;

        r = expression_evaluate_boolean(x, context, ret, ret_error);
        if (r > 0)
                r = -EINVAL;
        return r < 0 ? error_wrap(ret_error, r, "%s", key) : 0;
}

/* R1: the first cause that applies, in the order in which they weigh. */
static Cause weigh(Cycle *c, const Object *o, bool soft_deleted, bool blocked) {
        return soft_deleted ? CAUSE_SOFT_DELETED
               : blocked    ? CAUSE_BLOCKED
               : !cycle_is_assigned(c, o->kind, o->id) ? CAUSE_UNASSIGNED
                                                       : CAUSE_NONE;
}

static int find_cause(Cycle *c, const Object *o, ExpressionContext *context, Cause *ret, Error **ret_error) {
        bool soft_deleted = false, blocked = false;
        json_object *v;
        int r;

        if (c->config->soft_deleted) {
                r = condition(c->config->soft_deleted, context, "SoftDeleted=", &soft_deleted, ret_error);
                if (r < 0)
                        return r;
        } else
                soft_deleted = json_object_object_get_ex(o->attributes, "deleted", &v) && is_true(v);
        if (c->config->blocked) {
                r = condition(c->config->blocked, context, "Blocked=", &blocked, ret_error);
                if (r < 0)
                        return r;
        } else
                blocked = json_object_object_get_ex(o->attributes, "active", &v) && is_false(v);

        context->soft_deleted = soft_deleted;
        context->blocked = blocked;
        *ret = weigh(c, o, soft_deleted, blocked);
        if (*ret == CAUSE_NONE && c->config->scope[o->kind] && !filter_matches(c->config->scope[o->kind], o->attributes))
                *ret = CAUSE_OUT_OF_SCOPE;
        return 0;
}

static int keep_members(Cycle *c, const Object *o, Evaluated *e) {
        size_t n = strv_length(o->members);

        if (!o->members)
                return 0;
        e->members = arena_alloc(c->arena, (n + 1) * sizeof(char *));
        if (!e->members)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                e->members[i] = arena_strdup(c->arena, o->members[i]);
                if (!e->members[i])
                        return -ENOMEM;
        }
        e->n_members = (uint32_t) n;
        return 0;
}

/* What flows, laid over what was written before: an attribute that does not flow keeps its value, null clears it.
 * Without a mapping the record is the whole object, and @base is empty. */
static int lay_over(json_object *base, json_object *flowing) {
        json_object_object_foreach(flowing, key, value) {
                json_object *there;

                if (!value) {
                        json_object_object_del(base, key);
                        continue;
                }
                if (json_object_is_type(value, json_type_object) && json_object_object_get_ex(base, key, &there) &&
                    json_object_is_type(there, json_type_object)) {
                        int r = lay_over(there, value);

                        if (r < 0)
                                return r;
                        continue;
                }
                if (json_object_object_add(base, key, json_object_get(value)) < 0)
                        return -ENOMEM;
        }
        return 0;
}

/* Names of attributes do not count with case (RFC 7643, section 2.1). */
bool cycle_is_inactive(json_object *attributes) {
        json_object_object_foreach(attributes, key, value)
                if (ascii_strcaseeq(key, "active") && is_false(value))
                        return true;
        return false;
}

/* R1, G1: to write "active":false to an object that has been active disables it, by whatever name; so it is a removal, not an
 * update. What was inactive when it was linked is none of the job's doing. */
static int becomes_inactive(json_object *desired, const char *written, bool *ret, Error **ret_error) {
        _cleanup_json_ json_object *before = NULL;
        int r;

        *ret = false;
        if (!written || !cycle_is_inactive(desired))
                return 0;
        r = json_parse_whole(written, strlen(written), &before, ret_error);
        if (r < 0)
                return error_wrap(ret_error, r, "the ledger's copy of what was written last");
        *ret = !cycle_is_inactive(before);
        return 0;
}

/* A line for members says whom the source means. They are resolved, judged and written as memberships (G5), never as an attribute. */
static int take_members(Object *o, json_object *mapped, Error **ret_error) {
        const char *key = o->kind == OBJECT_KIND_GROUP ? json_find_key(mapped, "members") : NULL;
        _cleanup_json_ json_object *none = NULL;
        json_object *value;
        int r;

        if (!key)
                return 0;
        /* Null flows only where both gates of FlowNull= are open: it clears. */
        value = json_object_object_get(mapped, key) ?: (none = json_object_new_array());
        r = value ? object_set_members(o, value, ret_error) : -ENOMEM;
        if (r >= 0)
                json_object_object_del(mapped, key);
        return r;
}

typedef struct UniqueSearch {
        Cycle *cycle;
        ObjectKind kind;
} UniqueSearch;

/* SelectUniqueValue() asks the target. */
static int is_taken(void *userdata, const char *attribute, const char *value) {
        const UniqueSearch *s = userdata;
        Object *found[2] = {};
        unsigned n = 0;
        int r;

        r = s->cycle->target->vtable->find(s->cycle->target, s->kind, attribute, value, found, &n, NULL);
        object_free(found[0]);
        object_free(found[1]);
        return r < 0 ? r : n > 0;
}

/* Without filter, expression and mapping the text says all, and no tree is needed. Whatever might be a reason to leave is
 * judged in one place only, on the tree. */
static bool is_simple(const Cycle *c, const Object *o) {
        JsonMember m;
        JsonScan s;

        if (!o->text || c->config->map[o->kind] || c->config->references[o->kind] || c->config->scope[o->kind] || c->config->soft_deleted || c->config->blocked ||
            json_scan_begin(&s, o->text, strlen(o->text)) < 0)
                return false;
        while (json_scan_next(&s, &m) > 0)
                if ((m.key_size == 6 && ascii_strncaseeq(m.key, "active", 6) && *m.value != 't') ||
                    (m.key_size == 7 && ascii_strncaseeq(m.key, "deleted", 7) && *m.value != 'f'))
                        return false;
        return true;
}

static int evaluate_text(Cycle *c, const Object *o, Evaluated *e, StrBuf *ret) {
        e->cause = weigh(c, o, false, false);
        return e->cause == CAUSE_NONE ? mapping_identity(o->text, ret) : 0;
}

static int evaluate_tree(Cycle *c, Object *o, Evaluated *e, const char *written, StrBuf *ret, Error **ret_error) {
        _cleanup_json_ json_object *mapped = NULL, *current = NULL;
        const Mapping *map = c->config->map[o->kind];
        UniqueSearch search = { c, o->kind };
        bool inactive;
        ExpressionContext context = { .record = object_attributes(o), .now_usec = c->now, .is_taken = is_taken,
                                      .userdata = &search };
        json_object *id;
        int r;

        if (!context.record)
                return -ENOMEM;
        /* The whole record, id included, is what filters and expressions see. */
        id = json_object_new_string(o->id);
        if (!id || json_object_object_add(context.record, "id", id) < 0)
                return -ENOMEM;
        r = find_cause(c, o, &context, &e->cause, ret_error);
        if (r < 0 || e->cause != CAUSE_NONE)
                return r;

        if (written && map) {
                r = json_parse_whole(written, strlen(written), &current, ret_error);
                if (r < 0)
                        return error_wrap(ret_error, r, "the ledger's copy of what was written last");
        }
        r = mapping_apply(map, &context, !written, current, &mapped, ret_error);
        if (r > 0)
                r = -EINVAL;
        if (r >= 0)
                r = take_members(o, mapped, ret_error);
        if (r < 0)
                return r;
        r = references_read(c, e, mapped, false);
        if (r < 0)
                return r;
        if (!current)
                current = json_object_new_object();
        r = current ? lay_over(current, mapped) : -ENOMEM;
        if (r >= 0)
                r = references_read(c, e, current, true);
        if (r >= 0)
                r = becomes_inactive(current, written, &inactive, ret_error);
        if (r < 0)
                return r;
        if (inactive) {
                e->cause = CAUSE_BLOCKED;
                return 0;
        }
        return json_canonical(current, ret);
}

/* Scope and mapping of one record; fills in @e. An Error means that the record is unusable (E2). */
static int evaluate(Cycle *c, Object *o, Evaluated *e, const char *written, Error **ret_error) {
        StrBuf *text = &c->text;
        int r;

        strbuf_clear(text);
        r = is_simple(c, o) ? evaluate_text(c, o, e, text) : evaluate_tree(c, o, e, written, text, ret_error);
        if (r < 0)
                return r;
        if (e->cause != CAUSE_NONE) {
                e->written = arena_strdup(c->arena, written);
                return written && !e->written ? -ENOMEM : 0;
        }
        if (e->referring) {
                e->referring->template = arena_strndup(c->arena, text->data, text->size);
                e->written = arena_strdup(c->arena, written);
                return !e->referring->template || (written && !e->written) ? -ENOMEM : keep_members(c, o, e);
        }
        /* What is as it was written needs no memory, unless it has to be enabled again. */
        if (!written || e->disabled || !streq(text->data, written)) {
                e->desired = arena_strndup(c->arena, text->data, text->size);
                e->written = arena_strdup(c->arena, written);
                if (!e->desired || (written && !e->written))
                        return -ENOMEM;
        }
        return keep_members(c, o, e);
}

static int find_link(Cycle *c, Evaluated *e, const char **ret_written) {
        Link link;
        int r;

        *ret_written = NULL;
        if (c->n_links[e->kind] == 0)
                return 0;
        arena_reset(c->scratch);
        r = ledger_find_link(c->ledger, e->kind, e->source_id, c->scratch, &link);
        if (r != 0)
                return r == LEDGER_E_NOT_FOUND ? 0 : r;
        e->link = link.id;
        e->disabled = link.disabled;
        e->absent = link.absent;
        e->target_id = arena_strdup(c->arena, link.target_id);
        if (!e->target_id)
                return -ENOMEM;
        *ret_written = link.written;
        return link_set_add(&c->present, link.id);
}

/* One record that is not known. Errors: -ENOMEM and the like; an unusable record is no error here. */
static int read_new(Cycle *c, const SourceRecord *raw, uint32_t record, Error **ret_error) {
        _cleanup_(object_freep) Object *o = NULL;
        _cleanup_error_ Error *error = NULL;
        _cleanup_free_ char *id = NULL;
        ObjectKind kind = _OBJECT_KIND_INVALID;
        const char *written;
        Evaluated *e;
        int r;

        r = c->source->vtable->parse(c->source, raw, &o, &kind, &id, &error);
        if (r < 0)
                return error_wrap(ret_error, r, "Failed to parse a record of the source");
        if (r == SOURCE_E_INVALID) {
                /* E2: it could be anybody's, so nobody's absence is proved any more. */
                cycle_log_invalid(c, kind, NULL, error);
                c->record.counts[COUNT_SKIPPED]++;
                if (c->complete) {
                        c->complete = false;
                        (void) error_set_full(&c->incomplete_reason, -EBADMSG, ERROR_SCOPE_SOURCE, ERROR_RETRY_LATER,
                                              "InvalidRecord", "%s", error_text(error, -EBADMSG));
                }
                return 0;
        }
        if (r != SOURCE_E_INVALID_ID_KNOWN)
                kind = o->kind;
        r = add_evaluated(c, kind, o ? o->id : id, record, &e);
        if (r < 0)
                return r;
        c->n_read[kind]++;
        r = find_link(c, e, &written);
        if (r < 0)
                return error_wrap(ret_error, r, "Failed to look up a link in the ledger");

        if (!o)
                e->invalid = true;
        else if (e->invalid)
                (void) error_set(&error, -EINVAL, "%s:%llu: the id \"%s\" was used by an earlier record", raw->file,
                                 (unsigned long long) raw->line, o->id);
        else {
                e->display_name = arena_strdup(c->arena, object_display_name(o));
                if (!e->display_name)
                        return -ENOMEM;
                r = evaluate(c, o, e, written, &error);
                if (r == -ENOMEM)
                        return r;
                if (r < 0) {
                        (void) error_wrap(&error, r, "%s:%llu", raw->file, (unsigned long long) raw->line);
                        e->invalid = true;
                }
        }
        if (e->invalid) {
                cycle_log_invalid(c, kind, e->source_id, error);
                c->record.counts[COUNT_SKIPPED]++;
        }
        return 0;
}

/* Which fingerprint a record gets depends on the kinds it can be and on the source's schema. */
static uint64_t context_of(const Cycle *c, uint32_t kinds) {
        return c->stamp.schema.lo ^ ((uint64_t) kinds * UINT64_C(0x9e3779b97f4a7c15));
}

static int note_repeated(Cycle *c, const SourceRecord *raw, uint64_t link, uint32_t record) {
        _cleanup_error_ Error *error = NULL;
        int r;

        (void) error_set(&error, -EINVAL, "%s:%llu: this record stands in the source twice", raw->file,
                         (unsigned long long) raw->line);
        cycle_log_invalid(c, _OBJECT_KIND_INVALID, NULL, error);
        c->record.counts[COUNT_SKIPPED]++;
        r = snapshot_unsettle(c->index, record, link);
        if (r < 0)
                return r;
        return snapshot_forget_links(c->index, &link, 1);
}

/* May records have this attribute, or something in it, or it as a part of something? */
static bool source_knows(char *const *attributes, const char *wanted) {
        size_t n = strcspn(wanted, "["), m;

        /* The id is there whatever its column is called. An extension's name says nothing of columns. */
        if (ascii_strcaseeq(wanted, "id") || memchr(wanted, ':', n))
                return true;
        for (; *attributes; attributes++) {
                m = strlen(*attributes);
                if (ascii_strncaseeq(*attributes, wanted, MIN2(n, m)) &&
                    (n == m || (m > n ? (*attributes)[n] == '.' : wanted[m] == '.')))
                        return true;
        }
        return false;
}

static void note_missing(Cycle *c, const char *file, const char *name, const char *keys) {
        if (!c->complete)
                return;
        c->complete = false;
        (void) error_set_full(&c->incomplete_reason, -EBADMSG, ERROR_SCOPE_SOURCE, ERROR_RETRY_LATER, "MissingAttribute",
                              "%s:1: the header has no column \"%s\", which %s asks for", file, name, keys);
}

/* E1: an export that has lost a column on which it depends who leaves says nothing of who leaves. */
static int check_attributes(Cycle *c) {
        static const char *const keys[_OBJECT_KIND_MAX] = { [OBJECT_KIND_USER] = "Users=", [OBJECT_KIND_GROUP] = "Groups=" };
        _cleanup_strv_ char **conditions = NULL;
        char **const *known = c->source->attributes;
        int r = 0;

        for (ObjectKind k = 0; k < _OBJECT_KIND_MAX; k++) {
                _cleanup_strv_ char **wanted = NULL;

                if (!known[k] || !c->config->scope[k])
                        continue;
                r = filter_attributes(c->config->scope[k], &wanted);
                if (r < 0)
                        return r;
                for (char **w = wanted; w && *w; w++)
                        if (!source_knows(known[k], *w))
                                note_missing(c, c->source->attributes_file[k], *w, keys[k]);
        }
        /* These are for both kinds, and may ask for what one of them alone has. */
        if (c->config->soft_deleted)
                r = expression_attributes(c->config->soft_deleted, &conditions);
        if (r >= 0 && c->config->blocked)
                r = expression_attributes(c->config->blocked, &conditions);
        for (char **w = conditions; r >= 0 && w && *w; w++) {
                const char *file = NULL;

                for (ObjectKind k = 0; k < _OBJECT_KIND_MAX; k++) {
                        if (!(c->source->kinds & OBJECT_KIND_MASK(k)))
                                continue;
                        if (!known[k] || source_knows(known[k], *w)) {
                                file = NULL;
                                break;
                        }
                        file = file ?: c->source->attributes_file[k];
                }
                if (file)
                        note_missing(c, file, *w, "SoftDeleted= or Blocked=");
        }
        return r;
}

int cycle_read(Cycle *c, Error **ret_error) {
        uint64_t context_cache[4];
        SourceEvidence evidence = {};
        SourceRecord raw;
        int r;

        for (uint32_t k = 0; k < ELEMENTSOF(context_cache); k++)
                context_cache[k] = context_of(c, k);

        c->complete = !c->assignment_incomplete;
        if (!c->complete)
                (void) error_set_full(&c->incomplete_reason, -EBADMSG, ERROR_SCOPE_SOURCE, ERROR_RETRY_LATER, "Incomplete",
                                      "the groups that Assigned= names could not be read whole, or do not say who is in them");
        r = check_attributes(c);
        if (r < 0)
                return r;
        for (uint64_t n = 0;; n++) {
                SnapshotMatch match;
                uint64_t link;
                uint32_t record;

                r = c->source->vtable->next(c->source, &raw);
                if (r < 0)
                        return error_wrap(ret_error, r, "Failed to read the source");
                if (r == 0)
                        break;
                if ((n & 8191) == 0) {
                        cycle_progress(c, "import", n, 0);
                        if (cycle_should_stop(c))
                                return 0;
                }

                c->record.counts[COUNT_IMPORTED]++;
                r = snapshot_next(c->index,
                                  fingerprint(c->fingerprinter, context_cache[raw.kinds & 3], raw.data, raw.size), &match,
                                  &link, &record);
                if (r < 0)
                        return error_wrap(ret_error, r, "Failed to remember a record of the source");
                switch (match) {
                case SNAPSHOT_UNCHANGED:
                        if ((raw.kinds & (raw.kinds - 1)) == 0)
                                c->n_read[raw.kinds == OBJECT_KIND_MASK(OBJECT_KIND_GROUP)]++;
                        else
                                c->kinds_unclear = true;
                        break;
                case SNAPSHOT_REPEATED:
                        r = note_repeated(c, &raw, link, record);
                        break;
                case SNAPSHOT_NEW:
                        r = read_new(c, &raw, record, ret_error);
                        break;
                }
                if (r < 0)
                        return error_wrap(ret_error, r, "Failed to evaluate a record of the source");
        }

        r = c->source->vtable->evidence(c->source, &evidence);
        if (r < 0)
                return error_wrap(ret_error, r, "Failed to ask the source whether it was read whole");
        if (!evidence.complete) {
                c->complete = false;
                if (!c->incomplete_reason)
                        c->incomplete_reason = TAKE_PTR(evidence.reason);
        }
        source_evidence_done(&evidence);
        cycle_progress(c, "import", c->record.counts[COUNT_IMPORTED], c->record.counts[COUNT_IMPORTED]);
        return 0;
}
