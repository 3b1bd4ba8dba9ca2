/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdio.h>

#include "cycle.h"
#include "mapping.h"
#include "reference.h"
#include "time-util.h"

/* The provisioning log: one structured entry for each thing that happened, with the fields of docs/journal.md. Values come
 * from outside; log.c sees to it that they can forge nothing. */

/* L1: beyond the limit one last entry says how many more there are. Decisions and the cycle's own entries always go out. */
static bool begin(Cycle *c, int priority, const char *message_id) {
        if (c->preview)
                return false;
        if (c->n_entries >= c->config->journal_limit) {
                c->n_entries_left_out++;
                return false;
        }
        c->n_entries++;
        /* What goes nowhere need not be put together. */
        if (priority > log_get_max_level())
                return false;
        log_entry_begin(&c->entry, priority, message_id);
        return true;
}

static void begin_always(Cycle *c, int priority, const char *message_id) {
        log_entry_begin(&c->entry, priority, message_id);
}

static void finish(Cycle *c) {
        log_entry_field(&c->entry, "REPRIEVE_JOB", c->config->name);
        log_entry_field(&c->entry, "REPRIEVE_CYCLE", c->record.id);
        if (log_entry_send(&c->entry) < 0)
                c->n_entries_left_out++;
}

static void add_object(Cycle *c, ObjectKind kind, const char *source_id, const char *target_id, const char *name) {
        log_entry_field(&c->entry, "REPRIEVE_KIND", object_kind_to_string(kind));
        log_entry_field(&c->entry, "REPRIEVE_SOURCE_ID", source_id);
        log_entry_field(&c->entry, "REPRIEVE_TARGET_ID", target_id);
        log_entry_field(&c->entry, "REPRIEVE_DISPLAY_NAME", name);
}

static void add_cause(Cycle *c, Cause cause) {
        if (cause != CAUSE_NONE)
                log_entry_field(&c->entry, "REPRIEVE_CAUSE", cause_to_string(cause));
}

/* R5: what the deletion of a disabled object is the end of. */
static void add_second_wave(Cycle *c, const Change *change) {
        const Disabling *d = change->second;
        char when[64];

        if (!d)
                return;
        log_entry_field(&c->entry, "REPRIEVE_DISABLED_AT", timestamp_format_rfc3339(d->at, when));
        log_entry_field(&c->entry, "REPRIEVE_DISABLED_CAUSE", cause_to_string(d->cause));
        log_entry_field(&c->entry, "REPRIEVE_DISABLED_BY", d->user);
        log_entry_field(&c->entry, "REPRIEVE_DISABLED_REVIEW", d->review);
}

/* "; it was disabled on …", or nothing; NULL for OOM */
static char *describe_second_wave(const Change *change) {
        const Disabling *d = change->second;
        char when[64], *text;
        int n;

        if (!d)
                return strdup("");
        if (d->review)
                n = asprintf(&text, "; it was disabled on %s, allowed by %s in review %s", timestamp_format(d->at, when),
                             strempty(d->user), d->review);
        else
                n = asprintf(&text, "; it was disabled on %s, within the limit", timestamp_format(d->at, when));
        return n < 0 ? NULL : text;
}

/* The journal knows no Members and no Adopt: both are updates of an object that is there. */
static const char *journal_action(ChangeAction a) {
        return a == CHANGE_MEMBERS || a == CHANGE_ADOPT ? "Update" : change_action_to_string(a);
}

static const char *verb(ChangeAction a) {
        switch (a) {
        case CHANGE_CREATE:
                return "Created";
        case CHANGE_ADOPT:
                return "Adopted";
        case CHANGE_UPDATE:
                return "Updated";
        case CHANGE_RESTORE:
                return "Restored";
        case CHANGE_MEMBERS:
                return "Changed the members of";
        case CHANGE_DISABLE:
                return "Disabled";
        case CHANGE_DELETE:
                return "Deleted";
        case _CHANGE_ACTION_MAX:
        case _CHANGE_ACTION_INVALID:
                break;
        }
        return "Changed";
}

static const char *noun(ChangeAction a) {
        switch (a) {
        case CHANGE_CREATE:
                return "creation";
        case CHANGE_ADOPT:
                return "adoption";
        case CHANGE_UPDATE:
                return "update";
        case CHANGE_RESTORE:
                return "restoring";
        case CHANGE_MEMBERS:
                return "membership change";
        case CHANGE_DISABLE:
                return "disabling";
        case CHANGE_DELETE:
                return "deletion";
        case _CHANGE_ACTION_MAX:
        case _CHANGE_ACTION_INVALID:
                break;
        }
        return "change";
}

/* ---- what an update changed ---- */

static void put_value(StrBuf *b, json_object *value) {
        if (value)
                (void) json_canonical(value, b);
        else
                strbuf_puts(b, "null");
}

static void put_difference(const Cycle *c, ObjectKind kind, StrBuf *b, const char *key, json_object *old,
                           json_object *new) {
        _cleanup_strbuf_ StrBuf x = STRBUF_INIT, y = STRBUF_INIT;

        put_value(&x, old);
        put_value(&y, new);
        if (strbuf_check(&x) < 0 || strbuf_check(&y) < 0 || streq(strempty(x.data), strempty(y.data)))
                return;
        if (b->size > 1)
                strbuf_putc(b, ',');
        strbuf_json(b, key);
        if (mapping_redacts(c->config->map[kind], key))
                strbuf_puts(b, ":{\"old\":\"[Redact]\",\"new\":\"[Redact]\"}");
        else
                strbuf_printf(b, ":{\"old\":%s,\"new\":%s}", x.data, y.data);
}

static void modified_attributes(const Cycle *c, const Change *change, StrBuf *b) {
        _cleanup_json_ json_object *old = NULL, *new = NULL;

        if (!change->written || !change->desired ||
            json_parse_whole(change->written, strlen(change->written), &old, NULL) < 0 ||
            json_parse_whole(change->desired, strlen(change->desired), &new, NULL) < 0)
                return;
        strbuf_putc(b, '{');
        json_object_object_foreach(new, key, value)
                put_difference(c, change->kind, b, key, json_object_object_get(old, key), value);
        /* What an adopted object has besides is not taken away. */
        if (change->action != CHANGE_ADOPT) {
                json_object_object_foreach(old, k, v)
                        if (!json_object_object_get_ex(new, k, NULL))
                                put_difference(c, change->kind, b, k, v, NULL);
        }
        strbuf_putc(b, '}');
}

static void put_members(StrBuf *b, const char *name, const MemberRef *refs, uint32_t n) {
        strbuf_json(b, name);
        strbuf_puts(b, ":[");
        for (uint32_t i = 0; i < n; i++) {
                if (i > 0)
                        strbuf_putc(b, ',');
                strbuf_json(b, strempty(refs[i].target_id));
        }
        strbuf_putc(b, ']');
}

static void add_modified(Cycle *c, const Change *change) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;

        if (change->action == CHANGE_MEMBERS) {
                strbuf_puts(&b, "{\"members\":{");
                put_members(&b, "added", change->add, change->n_add);
                strbuf_putc(&b, ',');
                put_members(&b, "removed", change->remove, change->n_remove);
                strbuf_puts(&b, "}}");
        } else if (change->action == CHANGE_UPDATE || change->action == CHANGE_RESTORE || change->action == CHANGE_ADOPT)
                modified_attributes(c, change, &b);
        if (b.size > 0 && strbuf_check(&b) >= 0)
                log_entry_field(&c->entry, "REPRIEVE_MODIFIED", b.data);
}

/* ---- changes ---- */

static const char *name_of(const Change *change) {
        return change->display_name ?: change->source_id;
}

void cycle_log_change(Cycle *c, const Change *change, const char *target_id, uint64_t duration_usec, bool recovered) {
        _cleanup_free_ char *wave = describe_second_wave(change);

        if (!begin(c, LOG_INFO, recovered ? REPRIEVE_MESSAGE_CHANGE_RECOVERED : NULL))
                return;
        log_entry_message(&c->entry, "%s %s \"%s\" in the target%s.", verb(change->action),
                          object_kind_to_string(change->kind), name_of(change), strempty(wave));
        log_entry_field(&c->entry, "REPRIEVE_CHANGE", change->id);
        log_entry_field(&c->entry, "REPRIEVE_ACTION", journal_action(change->action));
        log_entry_field(&c->entry, "REPRIEVE_STATUS", "success");
        add_object(c, change->kind, change->source_id, target_id ?: change->target_id, change->display_name);
        add_cause(c, change->cause);
        add_second_wave(c, change);
        add_modified(c, change);
        if (recovered)
                log_entry_field(&c->entry, "REPRIEVE_RECOVERED", "1");
        else
                log_entry_field_u64(&c->entry, "REPRIEVE_DURATION_USEC", duration_usec);
        finish(c);
}

void cycle_log_failure(Cycle *c, const Change *change, const Error *error) {
        _cleanup_free_ char *text = NULL;

        if (!begin(c, LOG_ERR, REPRIEVE_MESSAGE_CHANGE_FAILED))
                return;
        text = strndup(error_text(error, -5), utf8_truncate(error_text(error, -5), 1024));
        log_entry_message(&c->entry, "The %s of %s \"%s\" failed: %s.", noun(change->action),
                          object_kind_to_string(change->kind), name_of(change), strempty(text));
        log_entry_field(&c->entry, "REPRIEVE_CHANGE", change->id);
        log_entry_field(&c->entry, "REPRIEVE_ACTION", journal_action(change->action));
        log_entry_field(&c->entry, "REPRIEVE_STATUS", "failure");
        add_object(c, change->kind, change->source_id, change->target_id, change->display_name);
        add_cause(c, change->cause);
        log_entry_field(&c->entry, "REPRIEVE_ERROR_CODE", error && error->id ? error->id : "Failed");
        log_entry_field(&c->entry, "REPRIEVE_ERROR", text);
        finish(c);
}

void cycle_log_staged(Cycle *c, const Change *change, const char *review) {
        _cleanup_free_ char *wave = describe_second_wave(change);
        bool delete = change->action == CHANGE_DELETE;

        if (!begin(c, LOG_WARNING, REPRIEVE_MESSAGE_OBJECT_STAGED))
                return;
        log_entry_message(&c->entry, "Withheld the %s of %s \"%s\" until review %s is decided%s.",
                          noun(change->action), object_kind_to_string(change->kind), name_of(change),
                          review, strempty(wave));
        log_entry_field(&c->entry, "REPRIEVE_CHANGE", change->id);
        log_entry_field(&c->entry, "REPRIEVE_ACTION", delete ? "StagedDelete" : "StagedAction");
        log_entry_field(&c->entry, "REPRIEVE_STATUS", "skipped");
        if (!delete)
                log_entry_field(&c->entry, "REPRIEVE_STAGED_ACTION", change_action_to_string(change->action));
        add_object(c, change->kind, change->source_id, change->target_id, change->display_name);
        add_cause(c, change->cause);
        add_second_wave(c, change);
        log_entry_field(&c->entry, "REPRIEVE_REVIEW", review);
        finish(c);
}

void cycle_log_staged_member(Cycle *c, const Change *group, const MemberRef *member, const char *review) {
        if (!begin(c, LOG_WARNING, REPRIEVE_MESSAGE_OBJECT_STAGED))
                return;
        log_entry_message(&c->entry, "Withheld the removal of %s from group \"%s\" until review %s is decided.",
                          member->source_id, name_of(group), review);
        log_entry_field(&c->entry, "REPRIEVE_CHANGE", group->id);
        log_entry_field(&c->entry, "REPRIEVE_ACTION", "StagedAction");
        log_entry_field(&c->entry, "REPRIEVE_STATUS", "skipped");
        log_entry_field(&c->entry, "REPRIEVE_STAGED_ACTION", "RemoveMember");
        log_entry_field(&c->entry, "REPRIEVE_MEMBER", member->source_id);
        add_object(c, group->kind, group->source_id, group->target_id, group->display_name);
        log_entry_field(&c->entry, "REPRIEVE_REVIEW", review);
        finish(c);
}

void cycle_log_healed(Cycle *c, const StagedRow *row) {
        if (!begin(c, LOG_NOTICE, REPRIEVE_MESSAGE_OBJECT_HEALED))
                return;
        log_entry_message(&c->entry, "The %s of %s \"%s\" is no longer due: it left the review by itself.",
                          noun(row->action), object_kind_to_string(row->kind),
                          row->display_name ?: row->source_id);
        log_entry_field(&c->entry, "REPRIEVE_CHANGE", row->change_id);
        log_entry_field(&c->entry, "REPRIEVE_ACTION", "Skip");
        log_entry_field(&c->entry, "REPRIEVE_STATUS", "skipped");
        add_object(c, row->kind, row->source_id, row->target_id, row->display_name);
        add_cause(c, row->cause);
        finish(c);
}

void cycle_log_hold_ended(Cycle *c, const HoldRow *row) {
        if (!begin(c, LOG_NOTICE, REPRIEVE_MESSAGE_HOLD_RELEASED))
                return;
        log_entry_message(&c->entry, "The hold on %s \"%s\" has ended: the source has it again.",
                          object_kind_to_string(row->kind), row->display_name ?: row->source_id);
        log_entry_field(&c->entry, "REPRIEVE_ACTION", "Skip");
        log_entry_field(&c->entry, "REPRIEVE_STATUS", "skipped");
        add_object(c, row->kind, row->source_id, NULL, row->display_name);
        finish(c);
}

void cycle_log_invalid(Cycle *c, ObjectKind kind, const char *source_id, const Error *error) {
        if (!begin(c, LOG_WARNING, REPRIEVE_MESSAGE_RECORD_INVALID))
                return;
        log_entry_message(&c->entry, "A record of the source cannot be used, and nothing is removed because of it: %s.",
                          error_text(error, -22));
        log_entry_field(&c->entry, "REPRIEVE_ACTION", "Skip");
        log_entry_field(&c->entry, "REPRIEVE_STATUS", "warning");
        if (kind >= 0)
                add_object(c, kind, source_id, NULL, NULL);
        log_entry_field(&c->entry, "REPRIEVE_ERROR_CODE", "InvalidRecord");
        log_entry_field(&c->entry, "REPRIEVE_ERROR", error_text(error, -22));
        finish(c);
}

void cycle_log_unresolved(Cycle *c, const Evaluated *e, size_t attribute, const char *source_id) {
        const References *references = c->config->references[e->kind];
        const char *name = references_name(references, attribute);

        if (!begin(c, LOG_WARNING, REPRIEVE_MESSAGE_REFERENCE_UNRESOLVED))
                return;
        if (mapping_redacts(c->config->map[e->kind], references_head(references, attribute)))
                source_id = "[Redact]";
        log_entry_message(&c->entry, "%s of %s \"%s\" is left out until there is an object \"%s\" in the target.", name,
                          object_kind_to_string(e->kind), e->display_name ?: e->source_id, source_id);
        log_entry_field(&c->entry, "REPRIEVE_ACTION", "Skip");
        log_entry_field(&c->entry, "REPRIEVE_STATUS", "warning");
        add_object(c, e->kind, e->source_id, e->target_id, e->display_name);
        log_entry_field(&c->entry, "REPRIEVE_ATTRIBUTE", name);
        log_entry_field(&c->entry, "REPRIEVE_REFERENCE", source_id);
        log_entry_field(&c->entry, "REPRIEVE_ERROR_CODE", "UnresolvedReference");
        finish(c);
}

/* ---- the cycle ---- */

void cycle_log_started(Cycle *c) {
        if (c->preview)
                return;
        begin_always(c, LOG_INFO, REPRIEVE_MESSAGE_CYCLE_STARTED);
        log_entry_message(&c->entry, "Cycle of job \"%s\" started.", c->config->name);
        finish(c);
}

static void add_limit(Cycle *c, const char *key, uint64_t value) {
        if (value == GUARD_NO_LIMIT)
                log_entry_field(&c->entry, key, "none");
        else
                log_entry_field_u64(&c->entry, key, value);
}

void cycle_log_verdict(Cycle *c) {
        const GuardVerdict *v = &c->verdict;
        char limit[32];

        if (c->preview)
                return;
        (void) snprintf(limit, sizeof(limit), "%llu", (unsigned long long) v->limit);
        begin_always(c, v->tripped ? LOG_WARNING : LOG_INFO,
                     v->tripped ? REPRIEVE_MESSAGE_GUARD_TRIPPED : REPRIEVE_MESSAGE_GUARD_PASSED);
        log_entry_message(&c->entry, "The guard %s: %llu removals counted, trips at %s, population %llu (%s).",
                          v->tripped ? "tripped, and every removal is withheld" : "let the plan pass",
                          (unsigned long long) v->counted, v->limit == GUARD_NO_LIMIT ? "no number" : limit,
                          (unsigned long long) v->population, guard_reason_to_string(v->reason));
        log_entry_field(&c->entry, "REPRIEVE_VERDICT", guard_reason_to_string(v->reason));
        log_entry_field_u64(&c->entry, "REPRIEVE_COUNTED", v->counted);
        add_limit(c, "REPRIEVE_LIMIT", v->limit);
        log_entry_field(&c->entry, "REPRIEVE_COMPARATOR", v->exceeded ? "exceeded" : "reached");
        log_entry_field_u64(&c->entry, "REPRIEVE_POPULATION", v->population);
        add_limit(c, "REPRIEVE_HEADROOM", v->headroom);
        log_entry_field_u64(&c->entry, "REPRIEVE_MEMBERSHIP_REMOVALS", v->membership_removals);
        log_entry_field_u64(&c->entry, "REPRIEVE_GROUPS_LOSING", v->groups_losing);
        log_entry_field_u64(&c->entry, "REPRIEVE_SECOND_WAVE", v->second_wave);
        log_entry_field_u64(&c->entry, "REPRIEVE_CARRIED", v->carried);
        finish(c);
}

void cycle_log_incomplete(Cycle *c) {
        if (c->preview)
                return;
        begin_always(c, LOG_WARNING, REPRIEVE_MESSAGE_READING_INCOMPLETE);
        log_entry_message(&c->entry, "The source was not read whole, so nothing is removed: %s.",
                          error_text(c->incomplete_reason, -74));
        log_entry_field(&c->entry, "REPRIEVE_ERROR_CODE",
                        c->incomplete_reason && c->incomplete_reason->id ? c->incomplete_reason->id : "Incomplete");
        log_entry_field(&c->entry, "REPRIEVE_ERROR", error_text(c->incomplete_reason, -74));
        finish(c);
}

void cycle_log_missing_groups(Cycle *c) {
        for (char **name = c->missing_groups; name && *name; name++) {
                if (!begin(c, LOG_WARNING, REPRIEVE_MESSAGE_ASSIGNED_GROUP_MISSING))
                        return;
                log_entry_message(&c->entry, "Assigned= names \"%s\", and the source has no such group: nobody is unassigned "
                                  "because of that until somebody allows it.", *name);
                log_entry_field(&c->entry, "REPRIEVE_ASSIGNED", *name);
                finish(c);
        }
}

void cycle_log_restored(Cycle *c) {
        if (c->preview)
                return;
        begin_always(c, LOG_WARNING, NULL);
        log_entry_message(&c->entry, "Ledger and target are not from the same time, as if one was restored from a backup: every "
                                     "object is looked at again, and every removal is withheld. What the target lacks comes back "
                                     "with: reprievectl restart --scope=full %s", c->config->name);
        finish(c);
}

void cycle_log_vanished(Cycle *c, uint64_t n_links, uint64_t n_members) {
        begin_always(c, LOG_WARNING, NULL);
        log_entry_message(&c->entry, "%llu linked objects and %llu memberships were no longer in the target: they are matched or made "
                                     "anew.", (unsigned long long) n_links, (unsigned long long) n_members);
        finish(c);
}

/* G11: said also when no limit withholds it. */
void cycle_log_group_losses(Cycle *c) {
        for (size_t i = 0; c->verdict.groups_losing > 0 && i < sealed_plan_size(c->sealed); i++) {
                const Change *change;
                bool withheld;
                Fate fate;

                change = sealed_plan_get(c->sealed, i, &fate);
                if (!guard_group_loses(&c->config->limits, change))
                        continue;
                withheld = fate != FATE_APPLY;
                if (!begin(c, withheld ? LOG_WARNING : LOG_NOTICE, REPRIEVE_MESSAGE_GROUP_LOSS))
                        return;
                if (change->n_lost >= change->n_members)
                        log_entry_message(&c->entry, "Group \"%s\" %s all of its %u members%s.", name_of(change),
                                          withheld ? "would lose" : "loses", change->n_members, withheld ? ": withheld" : "");
                else
                        log_entry_message(&c->entry, "Group \"%s\" %s %u of its %u members%s.", name_of(change),
                                          withheld ? "would lose" : "loses", change->n_lost, change->n_members,
                                          withheld ? ": withheld" : "");
                log_entry_field(&c->entry, "REPRIEVE_STATUS", withheld ? "skipped" : "warning");
                add_object(c, change->kind, change->source_id, change->target_id, change->display_name);
                log_entry_field_u64(&c->entry, "REPRIEVE_MEMBERS", change->n_members);
                log_entry_field_u64(&c->entry, "REPRIEVE_MEMBERS_LOST", change->n_lost);
                finish(c);
        }
}

void cycle_log_expired(Cycle *c, uint64_t n, const char *why) {
        begin_always(c, LOG_WARNING, REPRIEVE_MESSAGE_APPROVAL_EXPIRED);
        log_entry_message(&c->entry, "The approval of %llu removals %s; they wait for a decision again.", (unsigned long long) n, why);
        finish(c);
}

void cycle_log_quarantine(Cycle *c, bool entered, const char *how) {
        begin_always(c, entered ? (quarantine_reason_is_review(c->state.quarantine) ? LOG_WARNING : LOG_ERR) : LOG_NOTICE,
                     entered ? REPRIEVE_MESSAGE_QUARANTINE_ENTERED : REPRIEVE_MESSAGE_QUARANTINE_LIFTED);
        if (entered)
                log_entry_message(&c->entry, "Job \"%s\" is quarantined (%s): %s.", c->config->name,
                                  quarantine_reason_to_string(c->state.quarantine),
                                  strempty(c->state.quarantine_message));
        else
                log_entry_message(&c->entry, "Job \"%s\" is healthy again (%s).", c->config->name, how);
        log_entry_field(&c->entry, "REPRIEVE_QUARANTINE_REASON", quarantine_reason_to_string(c->state.quarantine));
        log_entry_field(&c->entry, "REPRIEVE_HOW", how);
        finish(c);
}

void cycle_log_disabled(Cycle *c) {
        begin_always(c, LOG_ERR, REPRIEVE_MESSAGE_JOB_DISABLED);
        log_entry_message(&c->entry, "Job \"%s\" has failed for 28 days and is disabled: %s.", c->config->name,
                          strempty(c->state.quarantine_message));
        finish(c);
}

static void log_left_out(Cycle *c) {
        if (c->n_entries_left_out == 0)
                return;
        begin_always(c, LOG_WARNING, REPRIEVE_MESSAGE_JOURNAL_LIMIT);
        log_entry_message(&c->entry, "%llu more entries of this cycle are not in the journal (JournalLimit=%llu); "
                          "\"reprievectl staged %s\" lists everything that is withheld.",
                          (unsigned long long) c->n_entries_left_out, (unsigned long long) c->config->journal_limit,
                          c->config->name);
        log_entry_field_u64(&c->entry, "REPRIEVE_LEFT_OUT", c->n_entries_left_out);
        finish(c);
}

static bool changed_something(const CycleRecord *r) {
        static const CycleCount counts[] = { COUNT_CREATED, COUNT_ADOPTED, COUNT_UPDATED, COUNT_RESTORED,
                                             COUNT_MEMBERSHIPS, COUNT_DISABLED, COUNT_DELETED };

        for (size_t i = 0; i < ELEMENTSOF(counts); i++)
                if (r->counts[counts[i]] > 0)
                        return true;
        return false;
}

void cycle_log_finished(Cycle *c) {
        bool failed = c->record.result == CYCLE_FAILED;

        if (c->preview)
                return;
        log_left_out(c);
        begin_always(c, failed ? LOG_ERR : changed_something(&c->record) ? LOG_NOTICE : LOG_INFO,
                     failed ? REPRIEVE_MESSAGE_CYCLE_FAILED : REPRIEVE_MESSAGE_CYCLE_FINISHED);
        if (failed)
                log_entry_message(&c->entry, "Cycle of job \"%s\" failed: %s.", c->config->name,
                                  strempty(c->record.error));
        else
                log_entry_message(&c->entry, "Cycle of job \"%s\" finished: %s.", c->config->name,
                                  cycle_result_to_string(c->record.result));
        log_entry_field(&c->entry, "REPRIEVE_RESULT", cycle_result_to_string(c->record.result));
        log_entry_field(&c->entry, "REPRIEVE_ERROR", c->record.error);
        log_entry_field_u64(&c->entry, "REPRIEVE_DURATION_USEC", c->record.finished - c->record.started);
        for (CycleCount k = 0; k < _CYCLE_COUNT_MAX; k++) {
                char key[64] = "REPRIEVE_";
                size_t n = strlen(key);

                /* The guard's numbers have an entry of their own. */
                if (k == COUNT_COUNTED || k == COUNT_LIMIT || k == COUNT_POPULATION)
                        continue;
                for (const char *p = cycle_count_to_string(k); *p && n < sizeof(key) - 1; p++)
                        key[n++] = *p >= 'a' && *p <= 'z' ? (char) (*p - 'a' + 'A') : *p;
                key[n] = '\0';
                log_entry_field_u64(&c->entry, key, c->record.counts[k]);
        }
        finish(c);
}
