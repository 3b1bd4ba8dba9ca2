/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Reads everything that a ledger holds, through every function that reads: for what is damaged or made up. */

#include "ledger.h"
#include "string-util.h"

typedef struct Everything {
        Ledger *ledger;
        StrBuf text;              /* the same for the same content */
        char review[17];
} Everything;

static inline int everything_link(const Link *k, void *userdata) {
        Everything *e = userdata;

        strbuf_printf(&e->text, "link %llu %d %s %s %s %s %d %d %llu %d\n", (unsigned long long) k->id, k->kind, k->source_id,
                      k->target_id, strempty(k->display_name), strempty(k->written), k->disabled, k->absent,
                      (unsigned long long) k->disabled_at, k->disabled_cause);
        return 0;
}

static inline int everything_id(uint64_t id, void *userdata) {
        Everything *e = userdata;

        strbuf_printf(&e->text, "id %llu\n", (unsigned long long) id);
        return 0;
}

static inline int everything_staged(const Staged *s, void *userdata) {
        Everything *e = userdata;

        strbuf_printf(&e->text, "staged %llu %d %s %s %s %d %d %llu %s %d %llu %llu %llu %llu %s\n", (unsigned long long) s->link, s->kind,
                      s->source_id, strempty(s->target_id), strempty(s->display_name), s->action, s->cause,
                      (unsigned long long) s->staged_at, strempty(s->change_id), s->state, (unsigned long long) s->joined,
                      (unsigned long long) s->allowed_at, (unsigned long long) s->member, (unsigned long long) s->disabled.at,
                      strempty(s->disabled.review));
        return 0;
}

static inline int everything_summary(Cause cause, ObjectKind kind, ChangeAction action, uint64_t count, void *userdata) {
        Everything *e = userdata;

        strbuf_printf(&e->text, "summary %d %d %d %llu\n", cause, kind, action, (unsigned long long) count);
        return 0;
}

static inline int everything_wave(uint64_t count, const Disabling *first, uint64_t last_at, void *userdata) {
        Everything *e = userdata;

        strbuf_printf(&e->text, "wave %llu %llu %s %s %llu\n", (unsigned long long) count, (unsigned long long) first->at,
                      strempty(first->user), strempty(first->review), (unsigned long long) last_at);
        return 0;
}

static inline int everything_reference(const char *attribute, const char *source_id, uint64_t referenced, void *userdata) {
        Everything *e = userdata;

        strbuf_printf(&e->text, "reference %s %s %llu\n", attribute, source_id, (unsigned long long) referenced);
        return 0;
}

static inline int everything_decision(const Decision *d, uint64_t n, void *userdata) {
        Everything *e = userdata;

        strbuf_printf(&e->text, "decision %s %s %s %llu %s %llu %llu\n", d->verb, strempty(d->review), strempty(d->comment),
                      (unsigned long long) d->uid, strempty(d->user), (unsigned long long) d->at, (unsigned long long) n);
        return 0;
}

static inline int everything_hold(const Hold *h, void *userdata) {
        Everything *e = userdata;

        strbuf_printf(&e->text, "hold %llu %d %s %s %s %d %llu %s %s %llu\n", (unsigned long long) h->link, h->kind, h->source_id,
                      strempty(h->target_id), strempty(h->display_name), h->cause, (unsigned long long) h->since, strempty(h->by),
                      strempty(h->comment), (unsigned long long) h->member);
        return 0;
}

static inline int everything_intent(const Intent *i, void *userdata) {
        Everything *e = userdata;

        strbuf_printf(&e->text, "intent %llu %d %d %d %llu %s %s %s %s %s %s\n", (unsigned long long) i->seq, i->action, i->kind,
                      i->cause, (unsigned long long) i->link, strempty(i->change_id), strempty(i->cycle), strempty(i->source_id),
                      strempty(i->target_id), strempty(i->display_name), strempty(i->desired));
        return 0;
}

static inline int everything_escrow(const Escrow *x, void *userdata) {
        Everything *e = userdata;

        strbuf_printf(&e->text, "escrow %d %s %d %s %llu %llu %u %d %s %s %s\n", x->kind, x->source_id, x->action,
                      strempty(x->change_id), (unsigned long long) x->first_failed, (unsigned long long) x->next_attempt, x->attempts,
                      x->allowed, strempty(x->digest), strempty(x->code), strempty(x->text));
        return 0;
}

static inline int everything_cycle(const CycleRecord *c, void *userdata) {
        Everything *e = userdata;

        strbuf_printf(&e->text, "cycle %s %llu %llu %d %s %s", c->id, (unsigned long long) c->started, (unsigned long long) c->finished,
                      c->result, c->verdict, strempty(c->error));
        for (CycleCount i = 0; i < _CYCLE_COUNT_MAX; i++)
                strbuf_printf(&e->text, " %llu", (unsigned long long) c->counts[i]);
        strbuf_putc(&e->text, '\n');
        return 0;
}

static inline int everything_mail(const Mail *m, void *userdata) {
        Everything *e = userdata;

        strbuf_printf(&e->text, "mail %llu %s %s %s %llu %llu %u %s %d %s %s\n", (unsigned long long) m->id, m->event,
                      strempty(m->review), strempty(m->payload), (unsigned long long) m->queued_at,
                      (unsigned long long) m->next_attempt, m->attempts, strempty(m->last_error), m->permanent,
                      strempty(m->delivery), strempty(m->message_id));
        return 0;
}

static inline int everything_counts(Everything *e) {
        static int (*const counters[])(Ledger *, uint64_t *) = { ledger_count_holds, ledger_count_escrow, ledger_count_mail };
        uint64_t n, m;
        int r, worst = 0;

        for (size_t i = 0; i < ELEMENTSOF(counters); i++) {
                r = counters[i](e->ledger, &n);
                worst = r < 0 ? r : worst;
                if (r >= 0)
                        strbuf_printf(&e->text, "count %llu\n", (unsigned long long) n);
        }
        r = ledger_count_removals(e->ledger, 1, &n);
        worst = r < 0 ? r : worst;
        if (r >= 0)
                strbuf_printf(&e->text, "removals %llu\n", (unsigned long long) n);
        for (ObjectKind k = 0; k < _OBJECT_KIND_MAX; k++) {
                r = ledger_count_links(e->ledger, k, &n, &m);
                worst = r < 0 ? r : worst;
                if (r >= 0)
                        strbuf_printf(&e->text, "links %llu %llu\n", (unsigned long long) n, (unsigned long long) m);
        }
        return worst;
}

static inline int everything_state(Everything *e) {
        _cleanup_job_state_ JobState s = {};
        _cleanup_(cycle_record_done) CycleRecord c = {};
        QuarantineReason reason;
        StagedCounts counts;
        uint8_t secret[64];
        uint64_t opened;
        int r, worst = 0;

        r = ledger_get_state(e->ledger, &s);
        worst = r < 0 ? r : worst;
        if (r >= 0)
                strbuf_printf(&e->text, "state %d %d %llu %s %u %d %s %llu %u %llu %u %s %llu %llu %llu %s %d\n", s.paused, s.disabled,
                              (unsigned long long) s.generation, s.fingerprint, s.kinds, s.quarantine, strempty(s.quarantine_message),
                              (unsigned long long) s.quarantine_since, s.quarantine_count, (unsigned long long) s.next_attempt,
                              s.incomplete_in_a_row, strempty(s.notification_problem), (unsigned long long) s.mailed_staged,
                              (unsigned long long) s.mailed_at, (unsigned long long) s.warned_at, strempty(s.mail_thread),
                              s.full_requested);
        r = ledger_get_secret(e->ledger, secret);
        worst = r < 0 ? r : worst;
        for (size_t i = 0; r >= 0 && i < sizeof(secret); i++)
                strbuf_printf(&e->text, "%02x", secret[i]);
        r = ledger_count_staged(e->ledger, &counts);
        worst = r < 0 ? r : worst;
        if (r >= 0)
                strbuf_printf(&e->text, "counts %llu %llu %llu %llu %llu\n", (unsigned long long) counts.undecided,
                              (unsigned long long) counts.allowed, (unsigned long long) counts.rejudge,
                              (unsigned long long) counts.deletes, (unsigned long long) counts.since);
        r = ledger_current_review(e->ledger, e->review, &reason, &opened);
        worst = r < 0 ? r : worst;
        if (r == 0)
                strbuf_printf(&e->text, "review %s %d %llu\n", e->review, reason, (unsigned long long) opened);
        else
                e->review[0] = '\0';
        r = ledger_last_cycle(e->ledger, &c);
        worst = r < 0 ? r : worst;
        return worst;
}

/* Links by id, by source and by target, and their memberships. */
static inline int everything_by_key(Everything *e) {
        _cleanup_(arena_freep) Arena *arena = arena_new();
        Disabling disabling;
        Link k, other;
        uint64_t id;
        bool any;
        int r, worst;

        if (!arena)
                return -12;
        r = ledger_has_references(e->ledger, &any);
        worst = MIN2(r, 0);
        for (uint64_t i = 0; i < 8; i++) {
                r = ledger_scan_members(e->ledger, i, everything_id, e);
                worst = r < 0 ? r : worst;
                r = ledger_scan_groups_of(e->ledger, i, everything_id, e);
                worst = r < 0 ? r : worst;
                r = ledger_scan_references(e->ledger, i, everything_reference, e);
                worst = r < 0 ? r : worst;
                r = ledger_scan_referrers(e->ledger, i, everything_id, e);
                worst = r < 0 ? r : worst;
                r = ledger_get_disabling(e->ledger, i, arena, &disabling);
                worst = r < 0 ? r : worst;
                if (r == 0)
                        (void) everything_wave(i, &disabling, 0, e);
                r = ledger_get_link(e->ledger, i, arena, &k);
                worst = r < 0 ? r : worst;
                if (r != 0)
                        continue;
                (void) everything_link(&k, e);
                r = ledger_find_link(e->ledger, k.kind, k.source_id, arena, &other);
                worst = r < 0 ? r : worst;
                r = ledger_find_id(e->ledger, k.kind, k.source_id, &id);
                worst = r < 0 ? r : worst;
                r = ledger_find_target(e->ledger, k.kind, k.target_id, arena, &other);
                worst = r < 0 ? r : worst;
        }
        return worst;
}

/* Reads all, whatever fails on the way; the last failure, or 0. */
static inline int everything_read(Everything *e) {
        int r, worst;

        worst = everything_state(e);
        for (ObjectKind k = 0; k < _OBJECT_KIND_MAX; k++) {
                r = ledger_scan_links(e->ledger, k, false, everything_link, e);
                worst = r < 0 ? r : worst;
                r = ledger_scan_links(e->ledger, k, true, everything_link, e);
                worst = r < 0 ? r : worst;
        }
        r = ledger_scan_staged(e->ledger, 0, 0, everything_staged, e);
        worst = r < 0 ? r : worst;
        r = ledger_summarize_staged(e->ledger, everything_summary, e);
        worst = r < 0 ? r : worst;
        r = ledger_summarize_second_wave(e->ledger, everything_wave, e);
        worst = r < 0 ? r : worst;
        r = ledger_scan_decisions(e->ledger, 0, everything_decision, e);
        worst = r < 0 ? r : worst;
        r = ledger_scan_holds(e->ledger, 0, 0, everything_hold, e);
        worst = r < 0 ? r : worst;
        r = ledger_scan_intents(e->ledger, everything_intent, e);
        worst = r < 0 ? r : worst;
        r = ledger_scan_escrow(e->ledger, everything_escrow, e);
        worst = r < 0 ? r : worst;
        r = ledger_scan_cycles(e->ledger, 0, everything_cycle, e);
        worst = r < 0 ? r : worst;
        r = ledger_scan_mail(e->ledger, everything_mail, e);
        worst = r < 0 ? r : worst;
        r = everything_counts(e);
        worst = r < 0 ? r : worst;
        r = everything_by_key(e);
        return r < 0 ? r : worst;
}
