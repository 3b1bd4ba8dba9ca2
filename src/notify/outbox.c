/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "outbox.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "file-util.h"
#include "staged-csv.h"
#include "string-util.h"

/* How many names the mail itself shows (N3). */
#define NAMES_MAX 20U
/* How many lines say who allowed the first wave of a second one. */
#define WAVES_MAX 10U
/* How far back the cycle that tripped is looked for. */
#define CYCLES_MAX 2000U

static const char *const event_names[_OUTBOX_EVENT_MAX] = {
        [OUTBOX_REVIEW_OPENED] = "review-opened",
        [OUTBOX_REVIEW_GROWN] = "review-grown",
        [OUTBOX_REMINDER] = "reminder",
        [OUTBOX_ALLOWED] = "allowed",
        [OUTBOX_REJECTED] = "rejected",
        [OUTBOX_HEALED] = "healed",
        [OUTBOX_RESTARTED] = "restarted",
        [OUTBOX_EXPIRED] = "expired",
        [OUTBOX_QUARANTINED] = "quarantined",
        [OUTBOX_JOB_DISABLE_SOON] = "job-disable-soon",
        [OUTBOX_JOB_DISABLED] = "job-disabled",
        [OUTBOX_RECOVERED] = "recovered",
        [OUTBOX_TEST] = "test",
};

const char *outbox_event_to_string(OutboxEvent e) {
        return e >= 0 && e < _OUTBOX_EVENT_MAX ? event_names[e] : NULL;
}

OutboxEvent outbox_event_from_string(const char *s) {
        for (OutboxEvent e = 0; e < _OUTBOX_EVENT_MAX; e++)
                if (streq(s, event_names[e]))
                        return e;
        return _OUTBOX_EVENT_INVALID;
}

/* ---- the decisions of N1 ---- */

bool outbox_should_mail_growth(uint64_t mailed, uint64_t staged) {
        /* staged - mailed > mailed / 10, without rounding: for integers d, d * 10 > mailed is d > floor(mailed /
         * 10). */
        return staged > mailed && staged - mailed > mailed / 10;
}

OutboxEvent outbox_review_event(const JobState *state, QuarantineReason reason, uint64_t undecided) {
        if (undecided == 0)
                return _OUTBOX_EVENT_INVALID;
        if (state->mailed_staged == 0)
                return OUTBOX_REVIEW_OPENED;
        /* A failing quarantine may come and go while a review waits; that is no new reason for the review. */
        if (quarantine_reason_is_review(state->quarantine) && state->quarantine != reason)
                return OUTBOX_REVIEW_GROWN;
        return outbox_should_mail_growth(state->mailed_staged, undecided) ? OUTBOX_REVIEW_GROWN
                                                                          : _OUTBOX_EVENT_INVALID;
}

uint64_t outbox_reminder_at(const JobConfig *job, const JobState *state, uint64_t undecided) {
        uint64_t interval = job->reminder_interval_usec;

        if (undecided == 0 || strv_length(job->email) == 0)
                return USEC_INFINITY;
        if (state->mailed_staged == 0)
                return 0;
        if (interval == 0 || interval >= USEC_INFINITY - state->mailed_at)
                return USEC_INFINITY;
        return state->mailed_at + interval;
}

bool outbox_disable_soon_due(const JobState *state, uint64_t disable_at, uint64_t now_usec) {
        uint64_t from;

        if (disable_at <= OUTBOX_DISABLE_WARNING_USEC)
                return false;
        from = disable_at - OUTBOX_DISABLE_WARNING_USEC;
        return now_usec >= from && state->warned_at < from;
}

/* ---- payloads ---- */

static void put_key(StrBuf *b, const char *key) {
        strbuf_putc(b, b->size == 0 ? '{' : ',');
        strbuf_json(b, key);
        strbuf_putc(b, ':');
}

static void put_string(StrBuf *b, const char *key, const char *value) {
        if (isempty(value))
                return;
        put_key(b, key);
        strbuf_json(b, value);
}

/* GUARD_NO_LIMIT and times that never come are left out. */
static void put_number(StrBuf *b, const char *key, uint64_t value) {
        if (value == UINT64_MAX)
                return;
        put_key(b, key);
        strbuf_printf(b, "%llu", (unsigned long long) value);
}

static void put_boolean(StrBuf *b, const char *key, bool value) {
        put_key(b, key);
        strbuf_puts(b, value ? "true" : "false");
}

static void begin_payload(StrBuf *b, const JobConfig *job, uint64_t now_usec) {
        char host[256] = "";

        put_string(b, "job", job->name);
        put_string(b, "description", job->description);
        put_number(b, "at", now_usec);
        /* For the day when the job's file cannot be read; else Email= as it is when the mail is sent decides. */
        put_key(b, "to");
        for (char **p = job->email; *p; p++) {
                strbuf_putc(b, p == job->email ? '[' : ',');
                strbuf_json(b, *p);
        }
        strbuf_putc(b, ']');
        put_string(b, "language", job->language);
        if (gethostname(host, sizeof(host) - 1) == 0)
                put_string(b, "host", host);
}

/* "reprieve.RANDOM": the part before the "@"; the domain is that of From= when it is sent. Random, because a server
 * may drop a second mail with an id that it knows; short, so that it stays on a line. */
static int make_message_id(char **ret) {
        _cleanup_free_ char *hex = NULL;
        uint8_t random[12];
        int r;

        r = random_bytes(random, sizeof(random));
        if (r < 0)
                return r;
        hex = hex_encode(random, sizeof(random));
        if (!hex || asprintf(ret, "reprieve.%s", hex) < 0)
                return -ENOMEM;
        return 0;
}

/* @thread: "" to start a thread, NULL to have none, else what to refer to. @ret_id may be NULL. */
static int queue(Ledger *l, OutboxEvent e, const char *review, const char *thread, StrBuf *payload,
                 uint64_t now_usec, char **ret_id) {
        _cleanup_free_ char *id = NULL;
        Mail mail = {};
        int r;

        r = make_message_id(&id);
        if (r < 0)
                return r;
        put_string(payload, "thread", thread);
        strbuf_putc(payload, '}');
        r = strbuf_check(payload);
        if (r < 0)
                return r;
        mail = (Mail) {
                .event = outbox_event_to_string(e),
                .review = review,
                .payload = payload->data,
                .queued_at = now_usec,
                .next_attempt = now_usec,
                .message_id = id,
        };
        r = ledger_queue_mail(l, &mail);
        if (r < 0)
                return r;
        if (ret_id)
                *ret_id = TAKE_PTR(id);
        return 0;
}

/* Queues within the review's thread; a mail that finds none is its first. */
static int queue_in_thread(Ledger *l, JobState *state, OutboxEvent e, const char *review, StrBuf *payload,
                           uint64_t now_usec, bool start) {
        _cleanup_free_ char *id = NULL;
        int r;

        if (isempty(state->mail_thread))
                start = true;
        r = queue(l, e, review, start ? "" : state->mail_thread, payload, now_usec, &id);
        if (r < 0)
                return r;
        if (start) {
                free(state->mail_thread);
                state->mail_thread = TAKE_PTR(id);
        }
        return 0;
}

static void forget_review(JobState *state) {
        state->mailed_staged = 0;
        state->mailed_at = 0;
}

/* ---- the staged set ---- */

typedef struct Collection {
        Ledger *ledger;
        StagedList *list;
        StrBuf names;
        uint64_t n;
        uint64_t counts[_CAUSE_MAX][_OBJECT_KIND_MAX][_CHANGE_ACTION_MAX];
} Collection;

static int collect_row(const Staged *s, void *userdata) {
        _cleanup_(arena_freep) Arena *arena = NULL;
        Collection *c = userdata;
        Link member = {};
        int r;

        if (s->state != STAGED_UNDECIDED)
                return 0;
        if (s->member != 0) {
                arena = arena_new();
                if (!arena)
                        return -ENOMEM;
                r = ledger_get_link(c->ledger, s->member, arena, &member);
                if (r < 0)
                        return r;
        }
        c->n++;
        c->counts[s->cause][s->kind][s->action]++;
        if (c->n <= NAMES_MAX) {
                strbuf_puts(&c->names, c->n == 1 ? "[{\"action\":" : ",{\"action\":");
                strbuf_json(&c->names, change_action_to_string(s->action));
                strbuf_puts(&c->names, ",\"kind\":");
                strbuf_json(&c->names, object_kind_to_string(s->kind));
                strbuf_puts(&c->names, ",\"cause\":");
                strbuf_json(&c->names, cause_to_string(s->cause));
                strbuf_puts(&c->names, ",\"name\":");
                strbuf_json(&c->names, strempty(s->display_name));
                strbuf_puts(&c->names, ",\"source_id\":");
                strbuf_json(&c->names, strempty(s->source_id));
                if (member.source_id) {
                        strbuf_puts(&c->names, ",\"member\":");
                        strbuf_json(&c->names,
                                    isempty(member.display_name) ? member.source_id : member.display_name);
                }
                strbuf_putc(&c->names, '}');
        }
        return staged_list_add(c->list, s, member.source_id);
}

static int put_staged(StrBuf *b, Ledger *l, uint64_t *ret_n) {
        _cleanup_(staged_list_freep) StagedList *list = staged_list_new(OUTBOX_LIST_MAX);
        _cleanup_free_ char *packed = NULL;
        uint64_t rows, size;
        Collection c = { .ledger = l, .list = list };
        bool first = true;
        int r;

        if (!list)
                return -ENOMEM;
        r = ledger_scan_staged(l, 0, 0, collect_row, &c);
        if (r == 0)
                r = staged_list_finish(list, &packed, &rows, &size);
        if (r == 0)
                r = strbuf_check(&c.names);
        if (r != 0)
                goto finish;

        put_number(b, "staged", c.n);
        put_key(b, "causes");
        strbuf_putc(b, '[');
        for (Cause cause = 0; cause < _CAUSE_MAX; cause++)
                for (ObjectKind kind = 0; kind < _OBJECT_KIND_MAX; kind++)
                        for (ChangeAction action = 0; action < _CHANGE_ACTION_MAX; action++) {
                                if (c.counts[cause][kind][action] == 0)
                                        continue;
                                strbuf_printf(
                                        b, "%s{\"cause\":\"%s\",\"kind\":\"%s\",\"action\":\"%s\",\"count\":%llu}",
                                        first ? "" : ",", cause_to_string(cause), object_kind_to_string(kind),
                                        change_action_to_string(action),
                                        (unsigned long long) c.counts[cause][kind][action]);
                                first = false;
                        }
        strbuf_putc(b, ']');
        if (c.n > 0) {
                put_key(b, "first");
                strbuf_append(b, c.names.data, c.names.size);
                strbuf_putc(b, ']');
                put_number(b, "list_rows", rows);
                put_number(b, "list_size", size);
                put_string(b, "list", packed);
        }
        *ret_n = c.n;
finish:
        strbuf_done(&c.names);
        return r;
}

typedef struct Waves {
        StrBuf *b;
        uint64_t total;
        unsigned rows;
} Waves;

static int put_wave(uint64_t count, const Disabling *first, uint64_t last_at, void *userdata) {
        Waves *w = userdata;

        w->total += count;
        if (w->rows == WAVES_MAX)
                return 0;
        if (w->rows++ == 0)
                put_key(w->b, "waves");
        strbuf_printf(w->b, "%s{\"count\":%llu,\"at\":%llu,\"last\":%llu,\"by\":", w->rows == 1 ? "[" : ",",
                      (unsigned long long) count, (unsigned long long) first->at, (unsigned long long) last_at);
        strbuf_json(w->b, strempty(first->user));
        strbuf_puts(w->b, ",\"review\":");
        strbuf_json(w->b, strempty(first->review));
        strbuf_putc(w->b, '}');
        return 0;
}

/* R5: what the job had disabled before, and who had allowed that. */
static int put_second_wave(StrBuf *b, Ledger *l) {
        Waves w = { .b = b };
        int r;

        r = ledger_summarize_second_wave(l, put_wave, &w);
        if (r < 0 || w.rows == 0)
                return r;
        strbuf_putc(b, ']');
        put_number(b, "second_wave", w.total);
        return 0;
}

typedef struct GroupLosses {
        StrBuf *b;
        uint64_t total;
} GroupLosses;

static int put_group_loss(const char *source_id, const char *display_name, uint64_t lost, uint64_t members, void *userdata) {
        GroupLosses *g = userdata;

        if (g->total++ >= NAMES_MAX)
                return 0;
        if (g->total == 1)
                put_key(g->b, "groups");
        strbuf_printf(g->b, "%s{\"count\":%llu,\"members\":%llu,\"source_id\":", g->total == 1 ? "[" : ",",
                      (unsigned long long) lost, (unsigned long long) members);
        strbuf_json(g->b, source_id);
        strbuf_puts(g->b, ",\"name\":");
        strbuf_json(g->b, strempty(display_name));
        strbuf_putc(g->b, '}');
        return 0;
}

/* G11: which groups would lose how many of their members. */
static int put_group_losses(StrBuf *b, Ledger *l) {
        GroupLosses g = { .b = b };
        int r;

        r = ledger_summarize_group_losses(l, put_group_loss, &g);
        if (r < 0 || g.total == 0)
                return r;
        strbuf_putc(b, ']');
        put_number(b, "groups_total", g.total);
        return 0;
}

static void put_limits(StrBuf *b, const JobConfig *job) {
        put_number(b, "threshold", job->limits.threshold);
        put_number(b, "percent", job->limits.percent);
        put_number(b, "budget", job->limits.budget);
        if (job->limits.budget != GUARD_NO_LIMIT)
                put_number(b, "budget_window", job->budget_window_usec);
        put_boolean(b, "exceeded", job->limits.exceeded);
        put_boolean(b, "stopped", job->limits.on_trip == ON_TRIP_STOP);
}

/* The review as it stands in the ledger: id, reason, since when, the set. */
static int put_review(StrBuf *b, Ledger *l, char ret_id[static 17], uint64_t *ret_n) {
        QuarantineReason reason;
        uint64_t opened_at;
        int r;

        r = ledger_current_review(l, ret_id, &reason, &opened_at);
        if (r == LEDGER_E_NOT_FOUND)
                return -ENOENT;
        if (r < 0)
                return r;
        put_string(b, "review", ret_id);
        put_string(b, "reason", quarantine_reason_to_string(reason));
        put_number(b, "since", opened_at);
        r = put_second_wave(b, l);
        if (r >= 0)
                r = put_group_losses(b, l);
        return r < 0 ? r : put_staged(b, l, ret_n);
}

int outbox_queue_review(Ledger *l, const JobConfig *job, JobState *state, OutboxEvent event,
                        const GuardVerdict *verdict, uint64_t now_usec) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;
        char review[17];
        uint64_t n;
        int r;

        assert(event == OUTBOX_REVIEW_OPENED || event == OUTBOX_REVIEW_GROWN);

        if (strv_length(job->email) == 0)
                return OUTBOX_E_NOBODY;
        begin_payload(&b, job, now_usec);
        r = put_review(&b, l, review, &n);
        if (r < 0)
                return r;
        put_string(&b, "verdict", verdict->tripped ? guard_reason_to_string(verdict->reason)
                                  : verdict->memberships_tripped ? "memberships"
                                  : verdict->groups_emptied > 0  ? "group-emptied"
                                                                 : "joined");
        put_number(&b, "counted", verdict->counted);
        put_number(&b, "limit", verdict->limit);
        put_number(&b, "population", verdict->population);
        put_limits(&b, job);
        if (verdict->missing_groups) {
                put_key(&b, "missing_groups");
                for (char *const *name = verdict->missing_groups; *name; name++) {
                        strbuf_putc(&b, name == verdict->missing_groups ? '[' : ',');
                        strbuf_json(&b, *name);
                }
                strbuf_putc(&b, ']');
        }
        if (verdict->memberships_tripped) {
                put_number(&b, "memberships", verdict->membership_removals);
                put_number(&b, "membership_threshold", job->limits.membership_threshold);
        }
        r = queue_in_thread(l, state, event, review, &b, now_usec, event == OUTBOX_REVIEW_OPENED);
        if (r < 0)
                return r;
        state->mailed_staged = n;
        state->mailed_at = now_usec;
        return 0;
}

/* Finds the newest cycle whose verdict was a trip. */
static int find_trip(const CycleRecord *c, void *userdata) {
        CycleRecord *found = userdata;

        if (c->verdict[0] == '\0' || streq(c->verdict, guard_reason_to_string(GUARD_PASSED)))
                return 0;
        *found = *c;
        found->error = NULL;
        return -ECANCELED;
}

int outbox_queue_reminder(Ledger *l, const JobConfig *job, JobState *state, uint64_t now_usec) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;
        CycleRecord trip = {};
        char review[17];
        uint64_t n;
        int r;

        if (strv_length(job->email) == 0)
                return OUTBOX_E_NOBODY;
        begin_payload(&b, job, now_usec);
        r = put_review(&b, l, review, &n);
        if (r < 0)
                return r;
        r = ledger_scan_cycles(l, CYCLES_MAX, find_trip, &trip);
        if (r < 0 && r != -ECANCELED)
                return r;
        if (r == -ECANCELED) {
                put_string(&b, "verdict", trip.verdict);
                put_number(&b, "counted", trip.counts[COUNT_COUNTED]);
                /* The record knows no "no limit" but 0. */
                if (trip.counts[COUNT_LIMIT] > 0)
                        put_number(&b, "limit", trip.counts[COUNT_LIMIT]);
                put_number(&b, "population", trip.counts[COUNT_POPULATION]);
                put_limits(&b, job);
        }
        r = queue_in_thread(l, state, OUTBOX_REMINDER, review, &b, now_usec, false);
        if (r < 0)
                return r;
        state->mailed_staged = n;
        state->mailed_at = now_usec;
        return 0;
}

int outbox_queue_decided(Ledger *l, const JobConfig *job, JobState *state, const Decision *d, uint64_t decided,
                         uint64_t joined_later, uint64_t remaining) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;
        OutboxEvent event = streq(d->verb, "allow") ? OUTBOX_ALLOWED : OUTBOX_REJECTED;
        int r;

        if (strv_length(job->email) == 0)
                return OUTBOX_E_NOBODY;
        begin_payload(&b, job, d->at);
        put_string(&b, "review", d->review);
        put_string(&b, "by", d->user);
        put_number(&b, "uid", d->uid);
        put_string(&b, "comment", d->comment);
        put_number(&b, "decided", decided);
        put_number(&b, "joined_later", joined_later);
        put_number(&b, "remaining", remaining);
        put_number(&b, "approval_expires", job->approval_expires_usec);
        r = queue_in_thread(l, state, event, d->review, &b, d->at, false);
        if (r < 0)
                return r;
        if (remaining == 0)
                forget_review(state);
        else {
                state->mailed_staged = remaining;
                state->mailed_at = d->at;
        }
        return 0;
}

int outbox_queue_closed(Ledger *l, const JobConfig *job, JobState *state, OutboxEvent event, const char *review,
                        uint64_t count, uint64_t now_usec) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;
        int r;

        assert(event == OUTBOX_HEALED || event == OUTBOX_RESTARTED || event == OUTBOX_EXPIRED);

        if (strv_length(job->email) == 0)
                return OUTBOX_E_NOBODY;
        begin_payload(&b, job, now_usec);
        put_string(&b, "review", review);
        put_number(&b, "count", count);
        put_number(&b, "approval_expires", job->approval_expires_usec);
        r = queue_in_thread(l, state, event, review, &b, now_usec, false);
        if (r < 0)
                return r;
        forget_review(state);
        return 0;
}

int outbox_queue_state(Ledger *l, const JobConfig *job, JobState *state, OutboxEvent event, uint64_t disable_at,
                       uint64_t now_usec) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;
        bool start;
        int r;

        assert(event == OUTBOX_QUARANTINED || event == OUTBOX_JOB_DISABLE_SOON || event == OUTBOX_JOB_DISABLED ||
               event == OUTBOX_RECOVERED);

        if (strv_length(job->email) == 0)
                return OUTBOX_E_NOBODY;
        begin_payload(&b, job, now_usec);
        put_string(&b, "reason", quarantine_reason_to_string(state->quarantine));
        put_string(&b, "message", state->quarantine_message);
        put_number(&b, "since", state->quarantine_since);
        put_number(&b, "times", state->quarantine_count);
        if (state->next_attempt > 0)
                put_number(&b, "next_attempt", state->next_attempt);
        if (disable_at > 0)
                put_number(&b, "disable_at", disable_at);

        /* A failing quarantine has a thread of its own, unless it hits a job whose review waits. */
        start = event == OUTBOX_QUARANTINED && state->mailed_staged == 0;
        r = queue_in_thread(l, state, event, NULL, &b, now_usec, start);
        if (r < 0)
                return r;
        if (event == OUTBOX_JOB_DISABLE_SOON)
                state->warned_at = now_usec;
        return 0;
}

int outbox_queue_test(Ledger *l, const JobConfig *job, const char *user, uint64_t now_usec) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;

        if (strv_length(job->email) == 0)
                return OUTBOX_E_NOBODY;
        begin_payload(&b, job, now_usec);
        put_string(&b, "by", user);
        return queue(l, OUTBOX_TEST, NULL, NULL, &b, now_usec, NULL);
}
