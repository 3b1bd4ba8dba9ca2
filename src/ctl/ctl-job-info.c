/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

/* A job as its properties tell it. A property that the service leaves out (a ledger that cannot be read) stays empty. */

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "ctl-terminal.h"
#include "ctl.h"
#include "i18n.h"
#include "time-util.h"

/* ---- counts ---- */

void counts_done(Counts *c) {
        for (size_t i = 0; i < c->n; i++)
                free(c->items[i].name);
        free(c->items);
        *c = (Counts) {};
}

int counts_read(BusMessage *m, Counts *ret) {
        _cleanup_counts_ Counts c = {};
        int r;

        r = bus_message_enter(m, 'a', "{st}");
        while (r >= 0 && bus_message_more(m)) {
                const char *name;
                uint64_t value;

                r = bus_message_read(m, "{st}", &name, &value);
                if (r >= 0)
                        r = ARRAY_GROW(c.items, c.n_allocated, c.n + 1);
                if (r < 0)
                        return r;
                c.items[c.n] = (Count) { .name = strdup(name), .value = value };
                if (!c.items[c.n].name)
                        return -ENOMEM;
                c.n++;
        }
        if (r >= 0)
                r = bus_message_exit(m);
        if (r < 0)
                return r;
        counts_done(ret);
        *ret = c;
        c = (Counts) {};
        return 0;
}

/* The guard's numbers are not what a cycle did. */
static bool is_guard_count(const char *name) {
        return streq(name, "counted") || streq(name, "limit") || streq(name, "population");
}

static const char *count_phrase(const char *name) {
        static const struct {
                const char *name, *phrase;
        } phrases[] = {
                { "imported", N_("imported") },   { "created", N_("created") },         { "adopted", N_("adopted") },
                { "updated", N_("updated") },     { "restored", N_("restored") },       { "memberships", N_("memberships") },
                { "disabled", N_("disabled") },   { "deleted", N_("deleted") },         { "staged", N_("staged") },
                { "healed", N_("healed") },       { "held", N_("held") },               { "skipped", N_("skipped") },
                { "failed", N_("failed") },       { "unresolved", N_("unresolved references") },
        };

        for (size_t i = 0; i < ELEMENTSOF(phrases); i++)
                if (streq(name, phrases[i].name))
                        return _(phrases[i].phrase);
        return name;
}

char *counts_format(const Counts *c) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;
        char *result;

        for (size_t i = 0; i < c->n; i++)
                if (c->items[i].value > 0 && !is_guard_count(c->items[i].name))
                        strbuf_printf(&b, "%s%s %'" PRIu64, b.size > 0 ? ", " : "", count_phrase(c->items[i].name),
                                      c->items[i].value);
        if (b.size == 0)
                strbuf_puts(&b, _("nothing to do"));
        return strbuf_steal(&b, &result) < 0 ? NULL : result;
}

void counts_json(const Counts *c, StrBuf *b) {
        strbuf_putc(b, '{');
        for (size_t i = 0; i < c->n; i++) {
                strbuf_puts(b, i > 0 ? "," : "");
                strbuf_json(b, c->items[i].name);
                strbuf_printf(b, ":%" PRIu64, c->items[i].value);
        }
        strbuf_putc(b, '}');
}

/* ---- properties ---- */

enum { PROGRESS = 'P', LIST = 'L', COUNTS = 'C' };

static const struct Property {
        const char *name;
        char type;              /* as on the bus, or one of the above */
        size_t offset;
} properties[] = {
#define P(name, type, field) { name, type, offsetof(JobInfo, field) }
        P("Name", 's', name),
        P("Description", 's', description),
        P("Source", 's', source),
        P("Target", 's', target),
        P("Status", 's', status),
        P("Running", 'b', running),
        P("Progress", PROGRESS, phase),
        P("PreventAccidentalDeletions", 'b', prevent),
        P("DeletionThreshold", 'u', threshold),
        P("DeletionThresholdPercent", 'd', percent),
        P("DeletionThresholdTrips", 's', trips),
        P("MinimumPopulation", 'u', minimum_population),
        P("DeletionBudget", 's', budget),
        P("NotificationEmail", LIST, email),
        P("Interval", 't', interval),
        P("QuarantineReason", 's', quarantine_reason),
        P("QuarantineMessage", 's', quarantine_message),
        P("QuarantineSince", 't', quarantine_since),
        P("QuarantineCount", 'u', quarantine_count),
        P("NextAttempt", 't', next_attempt),
        P("Review", 's', review),
        P("StagedSince", 't', staged_since),
        P("StagedDeletes", 'u', staged_deletes),
        P("StagedActions", 'u', staged_actions),
        P("Held", 'u', held),
        P("Escrowed", 'u', escrowed),
        P("LinkedUsers", 'u', linked_users),
        P("LinkedGroups", 'u', linked_groups),
        P("NotificationProblem", 's', notification_problem),
        P("LastCycle", 's', last_cycle),
        P("LastCycleResult", 's', last_result),
        P("LastCycleStarted", 't', last_started),
        P("LastCycleFinished", 't', last_finished),
        P("LastCycleCounts", COUNTS, counts),
#undef P
};

void job_info_done(JobInfo *i) {
        free(i->path);
        for (size_t k = 0; k < ELEMENTSOF(properties); k++)
                if (properties[k].type == 's')
                        free(*(char **) ((char *) i + properties[k].offset));
        free(i->phase);
        strv_free(i->email);
        counts_done(&i->counts);
        *i = (JobInfo) {};
}

static int read_text(BusMessage *m, char **field) {
        const char *s;
        int r;

        r = bus_message_read(m, "s", &s);
        return r < 0 ? r : free_and_strdup(field, s);
}

static int read_property(BusMessage *m, const struct Property *p, JobInfo *i) {
        void *field = (char *) i + p->offset;
        const char *phase;
        int r;

        switch (p->type) {
        case 's':
                return read_text(m, field);
        case 'b':
                return bus_message_read(m, "b", (bool *) field);
        case 'u':
                return bus_message_read(m, "u", (uint32_t *) field);
        case 't':
                return bus_message_read(m, "t", (uint64_t *) field);
        case 'd':
                return bus_message_read(m, "d", (double *) field);
        case PROGRESS:
                r = bus_message_read(m, "(stt)", &phase, &i->done, &i->expected);
                return r < 0 ? r : free_and_strdup(&i->phase, phase);
        case LIST:
                i->email = strv_free(i->email);
                return bus_message_read(m, "as", &i->email);
        case COUNTS:
                return counts_read(m, &i->counts);
        default:
                assert(false);
                return -EINVAL;
        }
}

static int read_properties(BusMessage *m, JobInfo *i) {
        int r;

        r = bus_message_enter(m, 'a', "{sv}");
        while (r >= 0 && bus_message_more(m)) {
                const struct Property *p = NULL;
                const char *name;

                r = bus_message_enter(m, '{', NULL);
                if (r >= 0)
                        r = bus_message_read(m, "s", &name);
                if (r < 0)
                        return r;
                for (size_t k = 0; k < ELEMENTSOF(properties) && !p; k++)
                        if (streq(name, properties[k].name))
                                p = properties + k;
                if (p) {
                        r = bus_message_enter(m, 'v', NULL);
                        if (r >= 0)
                                r = read_property(m, p, i);
                        if (r >= 0)
                                r = bus_message_exit(m);
                } else
                        r = bus_message_skip(m);
                if (r >= 0)
                        r = bus_message_exit(m);
        }
        return r;
}

static int fill_strings(JobInfo *i) {
        for (size_t k = 0; k < ELEMENTSOF(properties); k++) {
                char **field = (char **) ((char *) i + properties[k].offset);

                if (properties[k].type != 's' || *field)
                        continue;
                *field = strdup("");
                if (!*field)
                        return -ENOMEM;
        }
        if (!i->phase)
                i->phase = strdup("");
        return i->phase ? 0 : -ENOMEM;
}

int job_info_get_path(Ctl *c, const char *job, const char *path, JobInfo *ret) {
        _cleanup_bus_message_ BusMessage *reply = NULL;
        _cleanup_job_info_ JobInfo i = { .percent = -1 };
        _cleanup_error_ Error *error = NULL;
        int r;

        r = bus_client_call(c->client, path, CTL_PROPERTIES, "GetAll", CTL_TIMEOUT_USEC, &reply, &error, "s", CTL_JOB);
        if (r < 0)
                return ctl_fail(c, job, r, error);
        r = read_properties(reply, &i);
        if (r >= 0)
                r = fill_strings(&i);
        if (r >= 0)
                r = free_and_strdup(&i.path, path);
        if (r < 0)
                return r == -ENOMEM ? ctl_oom() : ctl_malformed();
        *ret = i;
        i = (JobInfo) {};
        return CTL_OK;
}

int job_info_get(Ctl *c, const char *job, JobInfo *ret) {
        _cleanup_free_ char *path = NULL;
        int r;

        r = ctl_job_path(c, job, &path);
        return r == CTL_OK ? job_info_get_path(c, job, path, ret) : r;
}

static void json_value(const struct Property *p, const JobInfo *i, StrBuf *b) {
        const void *field = (const char *) i + p->offset;

        switch (p->type) {
        case 's':
                strbuf_json(b, *(char *const *) field);
                break;
        case 'b':
                strbuf_puts(b, *(const bool *) field ? "true" : "false");
                break;
        case 'u':
                strbuf_printf(b, "%" PRIu32, *(const uint32_t *) field);
                break;
        case 't':
                strbuf_printf(b, "%" PRIu64, *(const uint64_t *) field);
                break;
        case 'd':
                /* Negative is "no such limit"; printf() would write a decimal comma in some locales. */
                if (i->percent < 0 || !isfinite(i->percent))
                        strbuf_puts(b, "null");
                else
                        strbuf_printf(b, "%lld.%06lld", llround(i->percent * 1e6) / 1000000, llround(i->percent * 1e6) % 1000000);
                break;
        case PROGRESS:
                strbuf_puts(b, "{\"phase\":");
                strbuf_json(b, i->phase);
                strbuf_printf(b, ",\"done\":%" PRIu64 ",\"expected\":%" PRIu64 "}", i->done, i->expected);
                break;
        case LIST:
                strbuf_putc(b, '[');
                for (char **s = i->email; s && *s; s++) {
                        strbuf_puts(b, s == i->email ? "" : ",");
                        strbuf_json(b, *s);
                }
                strbuf_putc(b, ']');
                break;
        case COUNTS:
                counts_json(&i->counts, b);
                break;
        default:
                assert(false);
        }
}

/* "LastCycle" as "last_cycle" */
static void json_name(const char *name, StrBuf *b) {
        strbuf_putc(b, '"');
        for (const char *p = name; *p; p++) {
                if (*p >= 'A' && *p <= 'Z' && p > name)
                        strbuf_putc(b, '_');
                strbuf_putc(b, *p >= 'A' && *p <= 'Z' ? (char) (*p - 'A' + 'a') : *p);
        }
        strbuf_puts(b, "\":");
}

void job_info_json(const JobInfo *i, StrBuf *b) {
        strbuf_putc(b, '{');
        for (size_t k = 0; k < ELEMENTSOF(properties); k++) {
                strbuf_puts(b, k > 0 ? "," : "");
                json_name(properties[k].name, b);
                json_value(properties + k, i, b);
        }
        strbuf_putc(b, '}');
}

/* ---- what waits for a decision ---- */

void summary_done(Summary *s) {
        for (size_t i = 0; i < s->n; i++) {
                free(s->items[i].cause);
                free(s->items[i].kind);
        }
        free(s->items);
        *s = (Summary) {};
}

int job_summarize(Ctl *c, const JobInfo *i, Summary *ret) {
        _cleanup_bus_message_ BusMessage *reply = NULL;
        _cleanup_error_ Error *error = NULL;
        _cleanup_summary_ Summary s = {};
        int r;

        r = bus_client_call(c->client, i->path, CTL_JOB, "SummarizeStaged", CTL_TIMEOUT_USEC, &reply, &error, "");
        if (r < 0)
                return ctl_fail(c, i->name, r, error);
        r = bus_message_enter(reply, 'a', "(ssu)");
        while (r >= 0 && bus_message_more(reply)) {
                const char *cause, *kind;
                uint32_t count;

                r = bus_message_read(reply, "(ssu)", &cause, &kind, &count);
                if (r < 0)
                        break;
                if (ARRAY_GROW(s.items, s.n_allocated, s.n + 1) < 0)
                        return ctl_oom();
                s.items[s.n] = (struct SummaryItem) { .cause = strdup(cause), .kind = strdup(kind), .count = count };
                s.total += count;
                s.n++;
                if (!s.items[s.n - 1].cause || !s.items[s.n - 1].kind)
                        return ctl_oom();
        }
        if (r < 0)
                return ctl_malformed();
        *ret = s;
        s = (Summary) {};
        return CTL_OK;
}

#define PAGE 1000U

int job_list_staged(Ctl *c, const char *job, const char *path, uint64_t limit, StagedFunc f, void *userdata) {
        uint64_t offset = 0, n = 1;
        int r;

        /* A page may be shorter than asked for; only an empty one is the end. */
        for (; n > 0 && (limit == 0 || offset < limit); offset += n) {
                uint32_t want = limit == 0 ? PAGE : (uint32_t) MIN2(limit - offset, (uint64_t) PAGE);
                _cleanup_bus_message_ BusMessage *reply = NULL;
                _cleanup_error_ Error *error = NULL;

                r = bus_client_call(c->client, path, CTL_JOB, "ListStaged", USEC_INFINITY, &reply, &error, "uu",
                                    (uint32_t) offset, want);
                if (r < 0)
                        return ctl_fail(c, job, r, error);
                r = bus_message_enter(reply, 'a', "(ssssssst)");
                for (n = 0; r >= 0 && bus_message_more(reply); n++) {
                        StagedItem s;

                        r = bus_message_read(reply, "(ssssssst)", &s.kind, &s.source_id, &s.target_id, &s.display_name, &s.action,
                                             &s.cause, &s.member, &s.since);
                        if (r < 0)
                                break;
                        r = f(&s, userdata);
                        if (r != 0)
                                return r < 0 ? ctl_oom() : CTL_OK;
                }
                if (r < 0)
                        return ctl_malformed();
        }
        return CTL_OK;
}
