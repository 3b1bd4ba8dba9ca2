/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "on-demand.h"

#include <errno.h>
#include <stdio.h>

#include "file-util.h"
#include "mapping.h"
#include "reference.h"
#include "references.h"

static void put_step(StrBuf *b, const char *step, const char *status, const char *fmt, ...) _printf_(4, 5);
static void put_step(StrBuf *b, const char *step, const char *status, const char *fmt, ...) {
        _cleanup_strbuf_ StrBuf details = STRBUF_INIT;
        _cleanup_free_ char *text = NULL;
        va_list ap;
        int n;

        va_start(ap, fmt);
        n = vasprintf(&text, fmt, ap);
        va_end(ap);
        if (n < 0) {
                text = NULL;
                b->failed = true;
                return;
        }
        strbuf_printf(b, "{\"step\":\"%s\",\"status\":\"%s\",\"details\":", step, status);
        strbuf_json(b, text);
        strbuf_puts(b, "}\n");
}

static void describe_reading(const Cycle *c, const Evaluated *e, StrBuf *b) {
        if (!c->complete)
                put_step(b, "import", "warning", "the source was not read whole: %s", error_text(c->incomplete_reason, -74));
        else if (!e)
                put_step(b, "import", "skipped", "the source has no such object");
        else if (e->invalid)
                put_step(b, "import", "failure", "the record cannot be used; the journal says why");
        else
                put_step(b, "import", "success", "read from the source");

        if (e && !e->invalid)
                put_step(b, "scope", e->cause == CAUSE_NONE ? "success" : "skipped", "%s",
                         e->cause == CAUSE_NONE ? "in scope" : cause_to_string(e->cause));
        if (e && e->target_id)
                put_step(b, "match", "success", "linked to %s", e->target_id);
}

/* What became of a change is in the record's counts: nothing else was applied meanwhile. */
static void describe_change(const Cycle *c, const Change *change, Fate fate, uint64_t failed_before, StrBuf *b) {
        const char *action = change_action_to_string(change->action);

        if (change->action == CHANGE_ADOPT || change->action == CHANGE_CREATE)
                put_step(b, "match", "success", "%s",
                         change->action == CHANGE_ADOPT ? "adopts what the target has already" : "the target has no such object");
        switch (fate) {
        case FATE_APPLY:
        case FATE_STAGE_MEMBERS:
                if (change->error)
                        put_step(b, "action", "failure", "%s: %s", action, change->error);
                else if (c->record.counts[COUNT_FAILED] > failed_before)
                        put_step(b, "action", "failure", "%s: the target refused it; the journal says why", action);
                else
                        put_step(b, "action", "success", "%s", action);
                return;
        case FATE_STAGE:
        case FATE_KEEP_STAGED:
                put_step(b, "action", "skipped", "%s is withheld by the guard (%s): it needs a decision", action,
                         guard_reason_to_string(c->verdict.reason));
                return;
        case FATE_HELD:
                put_step(b, "action", "skipped", "%s is held back by a hold", action);
                return;
        case FATE_WITHHELD:
                put_step(b, "action", "skipped", "%s waits: OnTrip=stop, and a review is open", action);
                return;
        case FATE_WAIT:
                put_step(b, "action", "skipped", "%s waits for a name that a removal will free", action);
                return;
        }
}

/* A mistyped id is no success, or a script would believe that somebody was provisioned. */
static int describe_nothing(const Cycle *c, const Evaluated *e, ObjectKind kind, const char *source_id, StrBuf *b) {
        uint64_t link;
        int r;

        r = e ? 0 : ledger_find_id(c->ledger, kind, source_id, &link);
        if (r < 0)
                return r;
        if (r == 0)
                put_step(b, "action", "skipped", "nothing is to be done");
        else
                put_step(b, "action", "failure", "neither the source nor the job knows a %s \"%s\"", object_kind_to_string(kind), source_id);
        return 0;
}

/* What is left out of the object, and why. */
static int describe_references(Cycle *c, Evaluated *e, StrBuf *b) {
        const References *references = e ? c->config->references[e->kind] : NULL;
        int r;

        if (!e || !e->referring || e->invalid || e->cause != CAUSE_NONE)
                return 0;
        r = cycle_look_at_references(c, e);
        if (r < 0)
                return r;
        for (uint32_t i = 0; i < e->referring->n; i++) {
                const Reference *item = &e->referring->items[i];
                const char *name = references_name(references, item->attribute);
                bool redacts = mapping_redacts(c->config->map[e->kind], references_head(references, item->attribute));

                if (item->of_target)
                        continue;
                if (item->link != 0)
                        put_step(b, "reference", "success", "%s: \"%s\" is %s", name, redacts ? "[Redact]" : item->id,
                                 redacts ? "[Redact]" : item->target_id);
                else
                        put_step(b, "reference", "warning", "%s: there is no object \"%s\" in the target, so it is left out; each cycle "
                                 "looks again", name, redacts ? "[Redact]" : item->id);
        }
        return 0;
}

int on_demand_run(Cycle *c, ObjectKind kind, const char *source_id, int fd, Error **ret_error) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;
        uint64_t failed_before = c->record.counts[COUNT_FAILED];
        Evaluated *e = cycle_find_evaluated(c, kind, source_id);
        bool any = false;
        int r;

        describe_reading(c, e, &b);
        c->only_kind = kind;
        c->only = source_id;
        r = cycle_apply(c, ret_error);
        if (r < 0)
                put_step(&b, "action", "failure", "%s", error_text(ret_error ? *ret_error : NULL, r));
        for (size_t i = 0; r >= 0 && i < sealed_plan_size(c->sealed); i++) {
                const Change *change;
                Fate fate;

                change = sealed_plan_get(c->sealed, i, &fate);
                if (change->kind != kind || !streq(change->source_id, source_id))
                        continue;
                any = true;
                describe_change(c, change, fate, failed_before, &b);
        }
        if (r >= 0 && !any)
                r = describe_nothing(c, e, kind, source_id, &b);
        if (r >= 0)
                r = describe_references(c, e, &b);
        if (strbuf_check(&b) < 0)
                return -ENOMEM;
        if (r < 0) {
                (void) loop_write(fd, b.data, b.size);
                return r;
        }
        return loop_write(fd, b.data, b.size);
}
