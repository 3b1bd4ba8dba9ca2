/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "references.h"

#include <errno.h>

#include "planner.h"
#include "reference.h"

/* References besides members, such as a user's manager: from the source's ids to the target's.
 *
 * What a record wants is kept as a template, with marked ids in it (reference.h). Whoever is linked has a target id, and a template
 * that knows all of its ids is an update like any other. One that names somebody whom this plan creates goes out after all
 * creates; a new object does so twice, once without and once with the reference, so that objects may name each other and themselves.
 * Whoever is neither linked nor created is left out, and looked for again by each cycle. After a kill there is nothing to
 * mend: what is in the target and what is wanted differ, and the next cycle plans it. */

/* ---- who is meant ---- */

/* Was it there before? Whoever is about to go keeps the references that he has, and gets no new ones. */
static int was_written(Cycle *c, const Evaluated *e, const Reference *item, bool *ret) {
        _cleanup_json_ json_object *written = NULL;
        int r;

        *ret = false;
        if (!e->written)
                return 0;
        r = json_parse_whole(e->written, strlen(e->written), &written, NULL);
        if (r < 0)
                return r;
        return references_hold(c->config->references[e->kind], item->attribute, written, item->target_id, ret);
}

/* An id of the target that stays because nothing flows: of whom? Only those whom the job has there are known. */
static int find_by_target(Cycle *c, Reference *item) {
        for (ObjectKind k = 0; k < _OBJECT_KIND_MAX; k++) {
                Link link;
                int r;

                r = ledger_find_target(c->ledger, k, item->id, c->scratch, &link);
                if (r < 0)
                        return r;
                if (r == 0) {
                        item->link = link.id;
                        item->source_id = arena_strdup(c->arena, link.source_id);
                        item->target_id = item->id;
                        return item->source_id ? 0 : -ENOMEM;
                }
        }
        return 0;
}

static int find_by_source(Cycle *c, const Evaluated *e, Reference *item) {
        bool resolved, there;
        MemberRef m;
        Link link;
        int r;

        item->source_id = item->id;
        r = plan_resolve(c, item->id, &m, &resolved);
        if (r < 0 || !resolved)
                return r;
        /* It was to be made by this plan: by now, it may have been. */
        if (m.link == 0)
                m.link = c->evaluated[m.pending].link;
        item->pending = m.link == 0;
        if (item->pending)
                return 0;
        r = ledger_get_link(c->ledger, m.link, c->scratch, &link);
        if (r != 0)
                return MIN2(r, 0);
        item->target_id = link.target_id;
        if (link_set_has(&c->deleted, m.link) && link_set_has(&c->removed, m.link)) {
                r = was_written(c, e, item, &there);
                if (r < 0 || !there)
                        return r;
        }
        item->link = m.link;
        return 0;
}

/* Finds out for each id of the record whom it means now. Target ids are valid until the scratch arena is reset. When all is
 * @applied, nobody is pending any more: who has not arrived is not there. */
static int resolve(Cycle *c, Evaluated *e, bool applied) {
        Referring *s = e->referring;
        int r = 0;

        arena_reset(c->scratch);
        s->n_pending = s->n_unresolved = 0;
        for (uint32_t i = 0; r >= 0 && i < s->n; i++) {
                Reference *item = &s->items[i];

                item->link = 0;
                item->pending = false;
                item->source_id = item->target_id = NULL;
                r = item->of_target ? find_by_target(c, item) : find_by_source(c, e, item);
                item->pending = item->pending && !applied;
                if (item->pending)
                        s->n_pending++;
                else if (item->link == 0 && !item->of_target)
                        s->n_unresolved++;
        }
        return r;
}

/* ---- from the template to what is written ---- */

typedef struct Translation {
        const Referring *referring;
        uint32_t next;            /* ids come in the order in which they were found */
} Translation;

static int translate(size_t attribute, ReferenceMark mark, const char *id, const char **ret_id, void *userdata) {
        Translation *t = userdata;
        const Referring *s = t->referring;

        for (uint32_t i = 0; i < s->n; i++) {
                const Reference *item = &s->items[(t->next + i) % s->n];

                if (item->attribute != attribute || item->of_target != (mark == REFERENCE_OF_TARGET) || !streq(item->id, id))
                        continue;
                t->next += i + 1;
                *ret_id = item->link != 0 ? item->target_id : NULL;
                return 0;
        }
        /* What was written before references were configured may look like a mark. */
        *ret_id = NULL;
        return 0;
}

/* E1: who could not be read might have been the one. What was there stays until a whole reading says otherwise. */
static int keep_unresolved(Cycle *c, const Evaluated *e, json_object *attributes) {
        _cleanup_json_ json_object *written = NULL;
        int r;

        if (c->complete || e->referring->n_unresolved == 0 || !e->written)
                return 0;
        r = json_parse_whole(e->written, strlen(e->written), &written, NULL);
        for (uint32_t i = 0; r >= 0 && i < e->referring->n; i++) {
                const Reference *item = &e->referring->items[i];

                if (item->link == 0 && !item->pending)
                        r = references_copy(c->config->references[e->kind], item->attribute, written, attributes);
        }
        return r;
}

/* Resolves, and leaves what is to be written in c->text. */
static int compose(Cycle *c, Evaluated *e, bool applied) {
        _cleanup_json_ json_object *attributes = NULL;
        Translation t = { .referring = e->referring };
        int r;

        r = resolve(c, e, applied);
        if (r < 0)
                return r;
        r = json_parse_whole(e->referring->template, strlen(e->referring->template), &attributes, NULL);
        if (r >= 0)
                r = references_translate(c->config->references[e->kind], attributes, translate, &t);
        if (r >= 0)
                r = keep_unresolved(c, e, attributes);
        if (r < 0)
                return r;
        strbuf_clear(&c->text);
        return json_canonical(attributes, &c->text);
}

/* ---- planning ---- */

int plan_known_references(Cycle *c, Evaluated *e) {
        int r;

        r = compose(c, e, false);
        if (r < 0)
                return r;
        e->desired = arena_strndup(c->arena, c->text.data, c->text.size);
        return e->desired ? 0 : -ENOMEM;
}

static void note_unresolved(Cycle *c, Evaluated *e) {
        Referring *s = e->referring;

        c->record.counts[COUNT_UNRESOLVED] += s->n_unresolved;
        c->record.counts[COUNT_UNRESOLVED] -= s->n_counted;
        s->n_counted = s->n_unresolved;
        for (uint32_t i = 0; i < s->n; i++)
                e->unsettled = e->unsettled || (s->items[i].link == 0 && !s->items[i].pending);
}

/* The second half of a Create or Adopt. */
static int plan_completion(Cycle *c, Evaluated *e) {
        Change *change;
        int r;

        r = plan_add_wanted(c, CHANGE_UPDATE, e, &change);
        if (r < 0)
                return r;
        change->desired = e->referring->template;
        change->written = NULL;
        change->late = true;
        return plan_finish_wanted(c, change, e);
}

int plan_references(Cycle *c, Evaluated *e, Error **ret_error) {
        Referring *s = e->referring;
        int r;

        if (e->link == 0) {
                r = resolve(c, e, false);
                if (r < 0)
                        return r;
                note_unresolved(c, e);
                return e->arriving && s->n_pending > 0 && !s->as_found ? plan_completion(c, e) : 0;
        }
        r = plan_known_references(c, e);
        if (r < 0)
                return r;
        note_unresolved(c, e);
        if (!e->disabled && s->n_pending == 0 && streq_ptr(e->desired, e->written)) {
                e->desired = NULL;
                return 0;
        }
        return plan_update(c, e, s->n_pending > 0, ret_error);
}

/* ---- applying ---- */

int apply_references(Cycle *c, Change *change, bool *ret_left) {
        Evaluated *e = &c->evaluated[change->record];
        Arena *arena = sealed_plan_arena(c->sealed);
        int r;

        /* Its Create failed, or waits. */
        *ret_left = e->link != 0;
        if (e->link == 0)
                return 0;
        change->link = e->link;
        change->target_id = e->target_id;
        change->written = e->written;
        r = compose(c, e, true);
        if (r < 0)
                return r;
        *ret_left = change->action != CHANGE_UPDATE || !streq_ptr(c->text.data, e->written);
        change->desired = arena_strndup(arena, c->text.data, c->text.size);
        if (!change->desired)
                return -ENOMEM;
        /* X1: the escrow compares it with what the next cycle will want. */
        change->digest = cycle_digest(c, arena, change->desired);
        return change->digest ? 0 : -ENOMEM;
}

/* ---- what the ledger remembers of it ---- */

typedef struct Remembered {
        const char *attribute, *source_id;
        uint64_t referenced;
} Remembered;

typedef struct Comparison {
        Arena *arena;
        Remembered *items;
        size_t n, n_allocated;
} Comparison;

static int remember(const char *attribute, const char *source_id, uint64_t referenced, void *userdata) {
        Comparison *s = userdata;

        if (ARRAY_GROW(s->items, s->n_allocated, s->n + 1) < 0)
                return -ENOMEM;
        s->items[s->n] = (Remembered) { arena_strdup(s->arena, attribute), arena_strdup(s->arena, source_id), referenced };
        if (!s->items[s->n].attribute || !s->items[s->n].source_id)
                return -ENOMEM;
        s->n++;
        return 0;
}

static const Remembered *find_remembered(const Comparison *s, const char *attribute, const char *source_id) {
        for (size_t i = 0; i < s->n; i++)
                if (streq(s->items[i].attribute, attribute) && streq(s->items[i].source_id, source_id))
                        return &s->items[i];
        return NULL;
}

/* Is the ledger to be written? And if so, and @write, does it; who was not found before is in the journal already. */
static int compare(Cycle *c, Evaluated *e, bool write, bool *ret_differs) {
        const References *references = c->config->references[e->kind];
        uint32_t n = e->referring ? e->referring->n : 0;
        Comparison s = { .arena = c->scratch }, now = { .arena = c->scratch };
        int r;

        arena_reset(c->scratch);
        r = ledger_scan_references(c->ledger, e->link, remember, &s);
        *ret_differs = false;
        for (uint32_t i = 0; r >= 0 && i < n; i++) {
                const Reference *item = &e->referring->items[i];
                const char *attribute = references_name(references, item->attribute);
                const Remembered *before;

                /* A target's id that nobody has any more is just left out. */
                if (!item->source_id || find_remembered(&now, attribute, item->source_id))
                        continue;
                r = remember(attribute, item->source_id, item->link, &now);
                before = find_remembered(&s, attribute, item->source_id);
                *ret_differs = *ret_differs || !before || before->referenced != item->link;
                if (write && item->link == 0 && (!before || before->referenced != 0))
                        cycle_log_unresolved(c, e, item->attribute, item->source_id);
        }
        *ret_differs = *ret_differs || now.n != s.n;
        if (r >= 0 && write && *ret_differs) {
                r = ledger_clear_references(c->ledger, e->link);
                for (size_t i = 0; r >= 0 && i < now.n; i++)
                        r = ledger_put_reference(c->ledger, e->link, now.items[i].attribute, now.items[i].source_id,
                                                 now.items[i].referenced);
        }
        free(s.items);
        free(now.items);
        return r;
}

static bool is_concerned(const Cycle *c, const Evaluated *e) {
        return !e->invalid && e->cause == CAUSE_NONE && e->link != 0 && references_count(c->config->references[e->kind]) > 0;
}

/* Looks at each record again, now that everything is done: whoever has come or gone in this cycle has done so by now. */
static int find_first_difference(Cycle *c, size_t *ret) {
        bool any, differs;
        int r;

        *ret = c->n_evaluated;
        r = ledger_has_references(c->ledger, &any);
        for (size_t i = 0; r >= 0 && i < c->n_evaluated; i++) {
                Evaluated *e = &c->evaluated[i];

                if (!is_concerned(c, e))
                        continue;
                if (e->referring) {
                        r = resolve(c, e, true);
                        if (r < 0)
                                break;
                        note_unresolved(c, e);
                }
                if (*ret < c->n_evaluated || (!any && !e->referring))
                        continue;
                r = compare(c, e, false, &differs);
                if (r >= 0 && differs)
                        *ret = i;
        }
        return r;
}

static int write_differences(Cycle *c, size_t first) {
        bool differs;
        int r;

        r = ledger_begin(c->ledger);
        for (size_t i = first; r >= 0 && i < c->n_evaluated; i++)
                if (is_concerned(c, &c->evaluated[i]))
                        r = compare(c, &c->evaluated[i], true, &differs);
        if (r >= 0)
                r = ledger_commit(c->ledger);
        if (r < 0)
                ledger_rollback(c->ledger);
        return r;
}

int cycle_settle_references(Cycle *c, Error **ret_error) {
        size_t first = 0;
        int r;

        if (!cycle_has_references(c) || c->n_evaluated == 0)
                return 0;
        r = ledger_begin_read(c->ledger);
        if (r >= 0) {
                r = find_first_difference(c, &first);
                ledger_rollback(c->ledger);
        }
        if (r >= 0 && first < c->n_evaluated)
                r = write_differences(c, first);
        return r < 0 ? error_set(ret_error, r, "Failed to record who refers to whom: %s", ledger_last_error(c->ledger)) : 0;
}

bool cycle_has_references(const Cycle *c) {
        for (ObjectKind k = 0; k < _OBJECT_KIND_MAX; k++)
                if (references_count(c->config->references[k]) > 0)
                        return true;
        return false;
}

int cycle_look_at_references(Cycle *c, Evaluated *e) {
        return e->referring ? resolve(c, e, true) : 0;
}
