/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>

#include "planner.h"
#include "references.h"
#include "unicode.h"

/* What one record wants: to be matched, adopted, made or changed, under a name that is free. It looks at the target where
 * nothing is linked yet; it knows nothing of who leaves. */

int plan_add_wanted(Cycle *c, ChangeAction action, Evaluated *e, Change **ret) {
        Change *change;
        int r;

        r = plan_add(c->plan, action, e->kind, &change);
        if (r < 0)
                return r;
        change->link = e->link;
        change->record = (uint32_t) (e - c->evaluated);
        change->source_id = e->source_id;
        change->target_id = e->target_id;
        change->display_name = e->display_name;
        change->desired = e->desired;
        change->written = e->written;
        *ret = change;
        return 0;
}

/* Gives the change its id and puts it into the plan, or leaves it out while it waits in escrow. */
int plan_finish_wanted(Cycle *c, Change *change, Evaluated *e) {
        change->digest = cycle_digest(c, c->plan->arena, change->follows ? "allowed" : change->desired);
        if (!change->digest)
                return -ENOMEM;
        e->unsettled = e->unsettled || change->error;
        if (standing_waits_in_escrow(c, change)) {
                c->plan->n_changes--;
                c->record.counts[COUNT_SKIPPED]++;
                e->unsettled = true;
                return 0;
        }
        if (!change->id)
                change->id = cycle_change_id(c, c->plan->arena, change->action, change->kind, change->source_id,
                                             change->link, change->digest);
        if (!change->id)
                return -ENOMEM;
        e->arriving = e->arriving || (e->link == 0 && change->action != CHANGE_MEMBERS && !change->error && !change->blocked_by);
        e->pending++;
        return 0;
}

static int refuse_change(Cycle *c, Change *change, const char *code, const char *fmt, ...) _printf_(4, 5);
static int refuse_change(Cycle *c, Change *change, const char *code, const char *fmt, ...) {
        _cleanup_free_ char *text = NULL;
        va_list ap;
        int n;

        va_start(ap, fmt);
        n = vasprintf(&text, fmt, ap);
        va_end(ap);
        if (n < 0) {
                text = NULL;
                return -ENOMEM;
        }
        change->error_code = code;
        change->error = arena_strdup(c->plan->arena, text);
        return change->error ? 0 : -ENOMEM;
}

/* Whether the target's object @id may be touched for @e: not if it belongs to another source object. A removal that will
 * free it makes the change wait for it (G7). */
static int check_owner(Cycle *c, Evaluated *e, Change *change, const char *id, bool *ret_free, Error **ret_error) {
        Link owner;
        int r;

        arena_reset(c->scratch);
        r = ledger_find_target(c->ledger, e->kind, id, c->scratch, &owner);
        if (r < 0)
                return error_wrap(ret_error, r, "Failed to look up a target id in the ledger");
        *ret_free = r == LEDGER_E_NOT_FOUND || owner.id == e->link;
        if (*ret_free)
                return 0;
        if (link_set_has(&c->removed, owner.id)) {
                StagedRow *row = standing_find_staged(c, e->link, e->kind, e->source_id);

                change->blocked_by = arena_strdup(c->plan->arena, owner.source_id);
                if (!change->blocked_by)
                        return -ENOMEM;
                if (row && row->action == change->action) {
                        row->still_due = true;
                        change->standing = STANDING_STAGED;
                        change->id = row->change_id;
                }
                e->unsettled = true;
                return 0;
        }
        return refuse_change(c, change, "DuplicateTargetEntries",
                             "the matching object %s of the target belongs to source object %s", id, owner.source_id);
}

/* Matching: the first attribute that finds something decides. *ret is NULL if the target has no such object. */
static int find_match(Cycle *c, Evaluated *e, Change *change, Object **ret, Error **ret_error) {
        char *const *attributes = c->config->match[e->kind];
        bool any = false;

        for (; attributes && *attributes; attributes++) {
                Object *found[2] = {};
                const char *value;
                unsigned n = 0;
                int r;

                r = json_text_get_string(e->desired, *attributes, &c->text);
                if (r < 0)
                        return r;
                value = c->text.data;
                if (r == 0 || isempty(value))
                        continue;
                any = true;
                r = c->target->vtable->find(c->target, e->kind, *attributes, value, found, &n, ret_error);
                if (r < 0)
                        return error_wrap(ret_error, r, "Failed to look for %s \"%s\" in the target", *attributes, value);
                if (n == 1) {
                        *ret = found[0];
                        return 0;
                }
                if (n == 2) {
                        object_free(found[0]);
                        object_free(found[1]);
                        return refuse_change(c, change, "DuplicateTargetEntries",
                                             "the target has several objects whose %s is \"%s\"", *attributes, value);
                }
        }
        if (!any)
                return refuse_change(c, change, "MandatoryFieldsMissing",
                                     "the mapped object has no value for a matching attribute, so it could never be found again");
        return 0;
}

/* Two records of one reading may match the same object of the target: only one of them can have it. */
static int claim(Cycle *c, const Evaluated *e, Change *change, const char *id, bool *ret_free) {
        json_object **claimed = &c->claimed[e->kind];
        json_object *by;

        if (!*claimed)
                *claimed = json_object_new_object();
        if (!*claimed)
                return -ENOMEM;
        if (json_object_object_get_ex(*claimed, id, &by)) {
                *ret_free = false;
                return refuse_change(c, change, "DuplicateTargetEntries",
                                     "the matching object %s of the target is adopted for source object %s", id,
                                     json_object_get_string(by));
        }
        by = json_object_new_string(e->source_id);
        if (!by)
                return -ENOMEM;
        if (json_object_object_add(*claimed, id, by) < 0) {
                (void) json_object_put(by);
                return -ENOMEM;
        }
        return 0;
}

/* G1: who is adopted is not disabled by the way. It is linked as it is; the next cycle judges the rest. */
static int adopt_active(Cycle *c, Evaluated *e, Change *change, const Object *found, Error **ret_error) {
        _cleanup_json_ json_object *desired = NULL;
        _cleanup_strbuf_ StrBuf text = STRBUF_INIT;
        int r;

        r = json_parse_whole(e->desired, strlen(e->desired), &desired, ret_error);
        if (r < 0)
                return r;
        if (!cycle_is_inactive(desired) || cycle_is_inactive(found->attributes))
                return 0;
        json_object_object_foreach(desired, key, value) {
                if (!ascii_strcaseeq(key, "active"))
                        continue;
                value = json_object_new_boolean(true);
                if (!value || json_object_object_add(desired, key, value) < 0) {
                        (void) json_object_put(value);
                        return -ENOMEM;
                }
        }
        r = json_canonical(desired, &text);
        if (r < 0)
                return r;
        change->desired = arena_strndup(c->plan->arena, text.data, text.size);
        e->unsettled = true;
        if (e->referring)
                e->referring->as_found = true;
        return change->desired ? 0 : -ENOMEM;
}

int plan_create(Cycle *c, Evaluated *e, Error **ret_error) {
        _cleanup_(object_freep) Object *found = NULL;
        _cleanup_strbuf_ StrBuf text = STRBUF_INIT;
        bool is_free = true;
        Change *change;
        int r;

        r = plan_add_wanted(c, CHANGE_CREATE, e, &change);
        if (r < 0)
                return r;
        r = find_match(c, e, change, &found, ret_error);
        if (r < 0)
                return r;
        if (found) {
                r = check_owner(c, e, change, found->id, &is_free, ret_error);
                if (r < 0)
                        return r;
                if (is_free) {
                        r = claim(c, e, change, found->id, &is_free);
                        if (r < 0)
                                return r;
                }
                if (is_free) {
                        r = adopt_active(c, e, change, found, ret_error);
                        if (r < 0)
                                return r;
                        change->action = CHANGE_ADOPT;
                        change->target_id = arena_strdup(c->plan->arena, found->id);
                        r = json_canonical(found->attributes, &text);
                        if (r < 0)
                                return r;
                        change->written = arena_strndup(c->plan->arena, text.data, text.size);
                        if (!change->target_id || !change->written)
                                return -ENOMEM;
                }
        }
        return plan_finish_wanted(c, change, e);
}

/* Does the linked object @id, which is called @name, get another name in this cycle? Then the target may give its name to
 * another one at the same time: two who swap names are no conflict. */
static int is_renamed(Cycle *c, ObjectKind kind, const char *id, const char *attribute, const char *name) {
        _cleanup_strbuf_ StrBuf wanted = STRBUF_INIT;
        const Evaluated *e;
        Link owner;
        int r;

        arena_reset(c->scratch);
        r = ledger_find_target(c->ledger, kind, id, c->scratch, &owner);
        if (r != 0)
                return MIN2(r, 0);
        e = cycle_find_evaluated(c, kind, owner.source_id);
        if (!e || !e->desired || e->link != owner.id || owner.disabled || link_set_has(&c->removed, owner.id))
                return 0;
        r = json_text_get_string(e->desired, attribute, &wanted);
        if (r <= 0)
                return r;
        return strcasecmp(wanted.data, name) != 0;
}

/* G7 for an update: does it take a name that a staged or removed object still has? */
static int check_new_name(Cycle *c, Evaluated *e, Change *change, Error **ret_error) {
        _cleanup_strbuf_ StrBuf was = STRBUF_INIT;
        char *const *attributes = c->config->match[e->kind];
        const char *is;
        int r, had;

        if (!attributes || !*attributes)
                return 0;
        had = json_text_get_string(strempty(e->written), *attributes, &was);
        if (had < 0)
                return error_wrap(ret_error, had, "the ledger's copy of %s", e->source_id);
        r = json_text_get_string(e->desired, *attributes, &c->text);
        is = c->text.data;
        if (r <= 0 || isempty(is) || (had > 0 && strcasecmp(was.data, is) == 0))
                return MIN2(r, 0);

        Object *found[2] = {};
        unsigned n = 0;
        bool is_free;

        r = c->target->vtable->find(c->target, e->kind, *attributes, is, found, &n, ret_error);
        if (r < 0)
                return error_wrap(ret_error, r, "Failed to look for %s \"%s\" in the target", *attributes, is);
        if (n == 1) {
                r = is_renamed(c, e->kind, found[0]->id, *attributes, is);
                if (r < 0)
                        error_wrap(ret_error, r, "Failed to look at who has %s \"%s\" in the target", *attributes, is);
        }
        if (r == 0 && n > 0)
                r = check_owner(c, e, change, found[0]->id, &is_free, ret_error);
        object_free(found[0]);
        object_free(found[1]);
        return MIN2(r, 0);
}

int plan_update(Cycle *c, Evaluated *e, bool late, Error **ret_error) {
        Change *change;
        int r;

        if (!e->desired)
                return 0;
        r = plan_add_wanted(c, e->disabled ? CHANGE_RESTORE : CHANGE_UPDATE, e, &change);
        if (r < 0)
                return r;
        change->late = late;
        r = check_new_name(c, e, change, ret_error);
        if (r < 0)
                return r;
        return plan_finish_wanted(c, change, e);
}
