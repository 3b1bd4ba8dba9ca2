/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "preview.h"

#include "file-util.h"
#include "references.h"
#include "time-util.h"

static const char *fate_name(const Change *change, Fate fate) {
        switch (fate) {
        case FATE_APPLY:
                return change->error ? "fail" : "apply";
        case FATE_STAGE:
                return "stage";
        case FATE_KEEP_STAGED:
                return "staged";
        case FATE_HELD:
                return "held";
        case FATE_STAGE_MEMBERS:
                return "stage-members";
        case FATE_WITHHELD:
                return "withheld";
        case FATE_WAIT:
                return "wait";
        }
        assert(false);
        return "";
}

static void put(StrBuf *b, const char *key, const char *value) {
        if (isempty(value))
                return;
        strbuf_printf(b, ",\"%s\":", key);
        strbuf_json(b, value);
}

static void put_change(StrBuf *b, const Cycle *c, const Change *change, Fate fate) {
        const Evaluated *e = change->record == UINT32_MAX ? NULL : &c->evaluated[change->record];

        strbuf_printf(b, "{\"action\":\"%s\",\"fate\":\"%s\",\"kind\":\"%s\"", change_action_to_string(change->action),
                      fate_name(change, fate), object_kind_to_string(change->kind));
        put(b, "source_id", change->source_id);
        put(b, "target_id", change->target_id);
        put(b, "display_name", change->display_name);
        put(b, "cause", cause_to_string(change->cause));
        if (change->second) {
                char when[64];

                put(b, "disabled_at", timestamp_format_rfc3339(change->second->at, when));
                put(b, "disabled_cause", cause_to_string(change->second->cause));
                put(b, "disabled_by", change->second->user);
                put(b, "disabled_review", change->second->review);
        }
        put(b, "waits_for", change->blocked_by);
        put(b, "error", change->error);
        if (change->action == CHANGE_MEMBERS)
                strbuf_printf(b, ",\"added\":%u,\"removed\":%u", change->n_add, change->n_remove);
        if (guard_group_loses(&c->config->limits, change))
                strbuf_printf(b, ",\"members\":%u,\"lost\":%u", change->n_members, change->n_lost);
        /* A record has several changes at times; the one that completes the references of a new object says how many. */
        if (e && e->referring && change->late)
                strbuf_printf(b, ",\"completes\":%u", e->referring->n_pending);
        else if (e && e->referring && e->referring->n_unresolved > 0 && change->desired)
                strbuf_printf(b, ",\"unresolved\":%u", e->referring->n_unresolved);
        put(b, "change", change->id);
        strbuf_puts(b, "}\n");
}

static void put_limit(StrBuf *b, const char *key, uint64_t value) {
        if (value == GUARD_NO_LIMIT)
                strbuf_printf(b, ",\"%s\":null", key);
        else
                strbuf_printf(b, ",\"%s\":%llu", key, (unsigned long long) value);
}

static void put_verdict(StrBuf *b, const Cycle *c) {
        const GuardVerdict *v = &c->verdict;

        strbuf_printf(b, "{\"verdict\":\"%s\",\"tripped\":%s,\"complete\":%s,\"imported\":%llu,\"counted\":%llu",
                      guard_reason_to_string(v->reason), v->tripped ? "true" : "false", c->complete ? "true" : "false",
                      (unsigned long long) c->record.counts[COUNT_IMPORTED], (unsigned long long) v->counted);
        put_limit(b, "limit", v->limit);
        strbuf_printf(b, ",\"comparator\":\"%s\",\"population\":%llu", v->exceeded ? "exceeded" : "reached",
                      (unsigned long long) v->population);
        put_limit(b, "headroom", v->headroom);
        strbuf_printf(b, ",\"membership_removals\":%llu,\"memberships_tripped\":%s",
                      (unsigned long long) v->membership_removals, v->memberships_tripped ? "true" : "false");
        strbuf_printf(b, ",\"groups_losing\":%llu,\"groups_emptied\":%llu", (unsigned long long) v->groups_losing,
                      (unsigned long long) v->groups_emptied);
        strbuf_printf(b, ",\"second_wave\":%llu,\"carried\":%llu", (unsigned long long) v->second_wave,
                      (unsigned long long) v->carried);
        strbuf_printf(b, ",\"unresolved\":%llu", (unsigned long long) c->record.counts[COUNT_UNRESOLVED]);
        if (v->missing_groups) {
                strbuf_puts(b, ",\"missing_groups\":[");
                for (char *const *name = v->missing_groups; *name; name++) {
                        strbuf_puts(b, name > v->missing_groups ? "," : "");
                        strbuf_json(b, *name);
                }
                strbuf_putc(b, ']');
        }
        if (!c->complete)
                put(b, "incomplete", error_text(c->incomplete_reason, -74));
        strbuf_puts(b, "}\n");
}

int preview_write(Cycle *c, int fd, Error **ret_error) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < sealed_plan_size(c->sealed); i++) {
                const Change *change;
                Fate fate;

                change = sealed_plan_get(c->sealed, i, &fate);
                put_change(&b, c, change, fate);
                if (b.size >= 65536) {
                        r = strbuf_check(&b);
                        if (r >= 0)
                                r = loop_write(fd, b.data, b.size);
                        strbuf_clear(&b);
                }
        }
        put_verdict(&b, c);
        if (r >= 0)
                r = strbuf_check(&b);
        if (r >= 0)
                r = loop_write(fd, b.data, b.size);
        return r < 0 ? error_wrap(ret_error, r, "Failed to write the preview") : 0;
}
