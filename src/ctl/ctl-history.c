/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

/* "cycles" and "advise": what a job did, and what limit would suit that. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "ctl-advice.h"
#include "ctl-table.h"
#include "ctl-terminal.h"
#include "i18n.h"
#include "time-util.h"

#define CYCLES_MAX 1000U
#define CYCLES_SHOWN "20"
/* Of a UUIDv7: its time in milliseconds, which no two cycles of a job share. */
#define SHORT_ID 12

static bool arg_full = false;
static const char *arg_lines = CYCLES_SHOWN;

static int read_cycle(BusMessage *m, PastCycle *c) {
        const char *id, *result, *verdict;
        int r;

        r = bus_message_enter(m, '(', NULL);
        if (r >= 0)
                r = bus_message_read(m, "sstts", &id, &result, &c->started, &c->finished, &verdict);
        if (r >= 0)
                r = counts_read(m, &c->counts);
        if (r >= 0)
                r = bus_message_exit(m);
        if (r < 0)
                return r;
        c->id = strdup(id);
        c->result = strdup(result);
        c->verdict = strdup(verdict);
        return c->id && c->result && c->verdict ? 0 : -ENOMEM;
}

static int history_get(Ctl *c, const JobInfo *i, uint32_t limit, History *ret) {
        _cleanup_bus_message_ BusMessage *reply = NULL;
        _cleanup_error_ Error *error = NULL;
        _cleanup_history_ History h = {};
        int r;

        r = bus_client_call(c->client, i->path, CTL_JOB, "ListCycles", CTL_TIMEOUT_USEC, &reply, &error, "u", limit);
        if (r < 0)
                return ctl_fail(c, i->name, r, error);
        r = bus_message_enter(reply, 'a', "(ssttsa{st})");
        while (r >= 0 && bus_message_more(reply)) {
                r = ARRAY_GROW(h.items, h.n_allocated, h.n + 1);
                if (r < 0)
                        break;
                h.items[h.n] = (PastCycle) {};
                r = read_cycle(reply, h.items + h.n++);
        }
        if (r < 0)
                return r == -ENOMEM ? ctl_oom() : ctl_malformed();
        *ret = h;
        h = (History) {};
        return CTL_OK;
}

static int print_line(StrBuf *b) {
        if (strbuf_check(b) < 0)
                return ctl_oom();
        puts(b->data);
        return CTL_OK;
}

/* ---- cycles ---- */

/* Who has no end and is not what runs now was killed. */
static const char *result_of(const History *h, size_t k, bool running) {
        if (!streq(h->items[k].result, "running"))
                return h->items[k].result;
        return k == 0 && running ? "running" : "interrupted";
}

static CtlColor color_of(const char *result) {
        if (streq(result, "failed") || streq(result, "incomplete") || streq(result, "interrupted"))
                return CTL_COLOR_RED;
        return streq(result, "staged") ? CTL_COLOR_YELLOW : streq(result, "running") ? CTL_COLOR_GREEN : CTL_COLOR_NORMAL;
}

static void add_count(Table *t, const PastCycle *c, const char *name, CtlColor some) {
        uint64_t value = past_cycle_count(c, name);
        char text[32];

        (void) snprintf(text, sizeof(text), "%'" PRIu64, value);
        table_add_color(t, value > 0 ? some : CTL_COLOR_NORMAL, text);
}

static void put_cycle(Table *t, const PastCycle *c, const char *result) {
        char started[64], took[64], id[SHORT_ID + 1];
        uint64_t usec = c->finished > c->started ? c->finished - c->started : 0;

        (void) snprintf(id, sizeof(id), "%s", c->id);
        /* To the minute: eight more columns would not fit beside the counts. */
        timestamp_format(c->started, started)[sizeof("2026-11-22 05:17") - 1] = '\0';
        table_add(t, arg_full ? c->id : id);
        table_add(t, started);
        usec = usec < USEC_PER_SEC ? usec / USEC_PER_MSEC * USEC_PER_MSEC : usec / USEC_PER_SEC * USEC_PER_SEC;
        table_add(t, c->finished > 0 ? duration_format(usec, took) : "-");
        table_add_color(t, color_of(result), result);
        add_count(t, c, "created", CTL_COLOR_NORMAL);
        add_count(t, c, "updated", CTL_COLOR_NORMAL);
        add_count(t, c, "disabled", CTL_COLOR_NORMAL);
        add_count(t, c, "deleted", CTL_COLOR_NORMAL);
        add_count(t, c, "staged", CTL_COLOR_YELLOW);
}

static int print_cycle_json(const PastCycle *c, const char *result) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;

        strbuf_puts(&b, "{\"id\":");
        strbuf_json(&b, c->id);
        strbuf_puts(&b, ",\"result\":");
        strbuf_json(&b, result);
        strbuf_printf(&b, ",\"started\":%" PRIu64 ",\"finished\":%" PRIu64 ",\"verdict\":", c->started, c->finished);
        strbuf_json(&b, c->verdict);
        strbuf_puts(&b, ",\"counts\":");
        counts_json(&c->counts, &b);
        strbuf_putc(&b, '}');
        return print_line(&b);
}

static int run_cycles(Ctl *c, int n, char *argv[]) {
        const TableColumn columns[] = {
                { _("CYCLE"), arg_full ? 0 : TABLE_SHRINK }, { _("STARTED"), 0 }, { _("TOOK"), TABLE_RIGHT }, { _("RESULT"), 0 },
                { _("CREATED"), TABLE_RIGHT }, { _("UPDATED"), TABLE_RIGHT }, { _("DISABLED"), TABLE_RIGHT },
                { _("DELETED"), TABLE_RIGHT }, { _("STAGED"), TABLE_RIGHT },
        };
        _cleanup_(table_freep) Table *t = table_new(columns, ELEMENTSOF(columns));
        _cleanup_free_ char *quoted = shell_quote(argv[0]);
        _cleanup_job_info_ JobInfo i = {};
        _cleanup_history_ History h = {};
        uint64_t lines;
        int r;

        if (parse_uint64(arg_lines, &lines) < 0 || lines == 0 || lines > CYCLES_MAX)
                return ctl_complain(CTL_USAGE, _("--lines=%s: expected a number from 1 to %u"), arg_lines, CYCLES_MAX);
        if (!t || !quoted)
                return ctl_oom();
        r = job_info_get(c, argv[0], &i);
        if (r == CTL_OK)
                r = history_get(c, &i, (uint32_t) lines, &h);
        if (r != CTL_OK)
                return r;
        if (!arg_no_pager)
                pager_open();
        for (size_t k = 0; k < h.n; k++) {
                const char *result = result_of(&h, k, i.running);

                if (!arg_json)
                        put_cycle(t, h.items + k, result);
                else if (print_cycle_json(h.items + k, result) != CTL_OK)
                        return CTL_FAILED;
        }
        if (arg_json)
                return CTL_OK;
        if (h.n > 0 && table_print(t, stdout, !arg_no_legend) < 0)
                return ctl_oom();
        if (arg_no_legend)
                return CTL_OK;
        if (h.n == 0)
                printf("%s\n", _("No cycle has run yet."));
        else if (arg_full)
                printf(_("\nWhat one of them did: %s log %s --cycle=ID\n"), c->self, quoted);
        else
                printf(_("\nWhat one of them did: %1$s log %2$s --cycle=ID; whole ids: %1$s cycles %2$s --full\n"), c->self, quoted);
        return CTL_OK;
}

static const Option cycles_options[] = {
        { "lines", 'n', "N", N_("The newest N, at most 1000; 20 without this"), .value = &arg_lines },
        { "full", 0, NULL, N_("Print whole ids"), .flag = &arg_full },
        CTL_OPTION_JSON,
        CTL_OPTION_NO_LEGEND,
        CTL_OPTION_NO_PAGER,
        {},
};

const Verb verb_cycles = { "cycles", N_("JOB"), N_("List a job's last cycles, the newest first."),
                           N_("JSON has the fields id, result, started, finished (microseconds since 1970), verdict and counts. The verdict is\n"
                              "pass, or why the guard tripped; it is empty where a cycle ended before the guard was asked."),
                           cycles_options, 1, 1, run_cycles };

/* ---- advise ---- */

static void percent_text(uint64_t percent, char buf[static 32]) {
        size_t n;

        if (percent % LIMIT_PERCENT_SCALE == 0) {
                (void) snprintf(buf, 32, "%" PRIu64, percent / LIMIT_PERCENT_SCALE);
                return;
        }
        n = (size_t) snprintf(buf, 32, "%" PRIu64 ".%06" PRIu64, percent / LIMIT_PERCENT_SCALE, percent % LIMIT_PERCENT_SCALE);
        while (buf[n - 1] == '0')
                buf[--n] = '\0';
}

/* As the job file has it */
static void limit_text(const Limit *l, char buf[static 128]) {
        char percent[32];

        if (l->percent != LIMIT_NONE)
                percent_text(l->percent, percent);
        if (l->threshold == LIMIT_NONE && l->percent == LIMIT_NONE)
                (void) snprintf(buf, 128, "PreventAccidentalDeletions=no");
        else if (l->threshold == LIMIT_NONE)
                (void) snprintf(buf, 128, "DeletionThresholdPercent=%s", percent);
        else if (l->percent == LIMIT_NONE)
                (void) snprintf(buf, 128, "DeletionThreshold=%" PRIu64, l->threshold);
        else
                (void) snprintf(buf, 128, "DeletionThreshold=%" PRIu64 " DeletionThresholdPercent=%s", l->threshold, percent);
}

static const char *verdict_phrase(const char *verdict) {
        static const struct {
                const char *verdict, *phrase;
        } phrases[] = {
                { "threshold", N_("DeletionThreshold") },
                { "percent", N_("DeletionThresholdPercent") },
                { "budget", N_("DeletionBudget") },
                { "empty-source", N_("the source had no objects of a kind that is linked") },
                { "assigned-group-missing", N_("a group that Assigned= names was not in the source") },
                { "everything", N_("every linked object of a kind would have gone") },
                { "configuration-changed", N_("scope, mapping, source or target had changed") },
        };

        for (size_t i = 0; i < ELEMENTSOF(phrases); i++)
                if (streq(verdict, phrases[i].verdict))
                        return _(phrases[i].phrase);
        return verdict;
}

/* Does @c, which was judged, trip with @l? */
static bool would_trip(const Limit *l, const PastCycle *c) {
        return limit_trips(l, past_cycle_count(c, "counted"), past_cycle_count(c, "population"));
}

static void put_seen(const History *h, const Advice *a) {
        char when[128];

        printf(ngettext("Looked at %'zu cycle since %s.\n", "Looked at %'zu cycles since %s.\n", h->n), h->n,
               instant_format(a->since, when));
        if (h->n >= CYCLES_MAX)
                printf(_("These are the newest %u; what was before was not looked at.\n"), CYCLES_MAX);
        printf(_("Ordinary: %'zu; tripped: %'zu; silent about removals: %'zu (ended before the guard was asked, could not read the\n"
                 "whole source, or ran when nothing was linked).\n"),
               a->n[PAST_ORDINARY], a->n[PAST_TRIPPED], a->n[PAST_UNJUDGED]);
        if (a->n_unguarded > 0)
                printf(ngettext("%'zu of the ordinary ones ran with no limit, so it may have been an accident all the same.\n",
                                "%'zu of the ordinary ones ran with no limit, so there may be accidents among them.\n", a->n_unguarded),
                       a->n_unguarded);
}

static void put_ordinary(const Advice *a) {
        char when[128];

        if (!a->largest)
                return;
        if (a->n_removing == 0) {
                printf("\n%s\n", _("No ordinary cycle had anything to remove."));
                return;
        }
        printf(ngettext("\nThe largest ordinary cycle counted %'" PRIu64 " removal (cycle %.*s, %s).\n",
                        "\nThe largest ordinary cycle counted %'" PRIu64 " removals (cycle %.*s, %s).\n", a->largest_counted),
               a->largest_counted, SHORT_ID, a->largest->id, instant_format(a->largest->started, when));
        printf(_("The median is %'" PRIu64 "; among the %'zu that had something to remove it is %'" PRIu64 ".\n"), a->median, a->n_removing,
               a->median_removing);
}

static void put_tripped(const History *h, const Advice *a) {
        bool anyway = false;

        if (a->n[PAST_TRIPPED] == 0)
                return;
        printf("\n%s\n", _("Tripped:"));
        for (size_t i = 0; i < h->n; i++) {
                const PastCycle *c = h->items + i;
                char when[64];

                if (past_cycle_kind(c) != PAST_TRIPPED)
                        continue;
                anyway = anyway || past_cycle_trips_anyway(c);
                printf(_("  %.*s  %s  %'" PRIu64 " removals of %'" PRIu64 " objects: %s\n"), SHORT_ID, c->id,
                       timestamp_format(c->started, when), past_cycle_count(c, "counted"), past_cycle_count(c, "population"),
                       verdict_phrase(c->verdict));
        }
        if (anyway)
                printf("%s\n", _("An empty source and a changed configuration trip whatever the limit is."));
}

static void put_current(const Advice *a, const Limit *current, const char *budget) {
        uint64_t smallest = limit_smallest(current, a->population);
        char text[256];

        limit_text(current, text);
        if (current->exceeded)
                (void) strcat(text, " DeletionThresholdTrips=exceeded");
        printf(_("\nThe limit is now %s"), text);
        if (smallest == LIMIT_NONE) {
                printf("%s\n", _(": any number of removals is carried out without asking."));
                return;
        }
        printf(ngettext(": %'" PRIu64 " removal of %'" PRIu64 " objects trips.\n",
                        ": %'" PRIu64 " removals of %'" PRIu64 " objects trip.\n", smallest), smallest, a->population);
        if (!isempty(budget))
                printf(_("DeletionBudget=%s holds besides; it looks at several cycles, and is not in what follows.\n"), budget);
        if (smallest > a->population)
                printf("%s%s%s\n", color(CTL_COLOR_YELLOW), _("That is more than there are: it can never trip."), color(CTL_COLOR_NORMAL));
        if (!a->largest)
                return;
        if (a->largest_counted >= smallest)
                printf("%s\n", _("It would have stopped the largest ordinary cycle."));
        else
                printf(_("It left the largest ordinary cycle a headroom of %'" PRIu64 ".\n"), smallest - 1 - a->largest_counted);
}

#define IDS_SHOWN 3

static int put_limits(const History *h, const Advice *a, const Limit *limits, size_t n) {
        const TableColumn columns[] = {
                { _("LIMIT"), 0 }, { "", 0 }, { _("OF THE TRIPPED"), TABLE_RIGHT }, { _("OF THE ORDINARY"), TABLE_RIGHT },
                { _("WOULD HAVE TRIPPED"), TABLE_SHRINK },
        };
        _cleanup_(table_freep) Table *t = table_new(columns, ELEMENTSOF(columns));

        if (!t)
                return ctl_oom();
        for (size_t k = 0; k < n; k++) {
                size_t hits[PAST_UNJUDGED + 1] = {}, shown = 0;
                _cleanup_strbuf_ StrBuf ids = STRBUF_INIT;
                char text[128];

                for (size_t i = 0; i < h->n; i++) {
                        const PastCycle *c = h->items + i;
                        PastKind kind = past_cycle_kind(c);

                        if (kind == PAST_UNJUDGED || !would_trip(limits + k, c))
                                continue;
                        hits[kind]++;
                        if (shown < IDS_SHOWN)
                                strbuf_printf(&ids, "%s%.*s", shown > 0 ? " " : "", SHORT_ID, c->id);
                        else if (shown == IDS_SHOWN)
                                strbuf_puts(&ids, " …");
                        shown++;
                }
                if (strbuf_check(&ids) < 0)
                        return ctl_oom();
                limit_text(limits + k, text);
                table_add(t, text);
                if (limits[k].suggested)
                        table_add(t, limits[k].current ? _("suggested, now") : _("suggested"));
                else
                        table_add(t, limits[k].current ? _("now") : "");
                (void) snprintf(text, sizeof(text), "%'zu/%'zu", hits[PAST_TRIPPED], a->n[PAST_TRIPPED]);
                table_add(t, text);
                (void) snprintf(text, sizeof(text), "%'zu/%'zu", hits[PAST_ORDINARY], a->n[PAST_ORDINARY]);
                table_add_color(t, hits[PAST_ORDINARY] > 0 ? CTL_COLOR_YELLOW : CTL_COLOR_NORMAL, text);
                table_add(t, shown > 0 ? ids.data : "-");
        }
        putchar('\n');
        return table_print(t, stdout, !arg_no_legend) < 0 ? ctl_oom() : CTL_OK;
}

static void put_suggestion(const Ctl *c, const char *quoted, const Advice *a, const Limit *current) {
        printf(_("\nThe suggestion, %'" PRIu64 ", is the largest ordinary cycle and half of it again, but at least 10 more, rounded up.\n"),
               a->suggestion);
        if (a->n_removing == 0)
                printf("%s\n", _("It rests on little, since nothing had to be removed so far."));
        if (a->suggestion > a->population)
                printf("%s\n", _("So few objects are linked that it can never trip: 0 would ask about every removal."));
        else if (a->suggestion != current->threshold)
                printf(_("To take it: %s set %s DeletionThreshold=%" PRIu64 "\n"), c->self, quoted, a->suggestion);
}

static void json_cycle(StrBuf *b, const PastCycle *c) {
        strbuf_puts(b, "{\"id\":");
        strbuf_json(b, c->id);
        strbuf_printf(b, ",\"started\":%" PRIu64 ",\"verdict\":", c->started);
        strbuf_json(b, c->verdict);
        strbuf_printf(b, ",\"counted\":%" PRIu64 ",\"population\":%" PRIu64 "}", past_cycle_count(c, "counted"),
                      past_cycle_count(c, "population"));
}

static void json_number(StrBuf *b, const char *name, uint64_t value, bool known) {
        strbuf_printf(b, ",\"%s\":", name);
        if (known)
                strbuf_printf(b, "%" PRIu64, value);
        else
                strbuf_puts(b, "null");
}

static void json_limit(StrBuf *b, const Limit *l, const History *h) {
        char percent[32] = "null";
        bool first = true;

        if (l->percent != LIMIT_NONE)
                percent_text(l->percent, percent);
        strbuf_printf(b, "{\"suggested\":%s,\"current\":%s", l->suggested ? "true" : "false", l->current ? "true" : "false");
        json_number(b, "threshold", l->threshold, l->threshold != LIMIT_NONE);
        strbuf_printf(b, ",\"percent\":%s,\"minimum_population\":%" PRIu64 ",\"trips\":\"%s\",\"would_have_tripped\":[", percent,
                      l->minimum_population, l->exceeded ? "exceeded" : "reached");
        for (size_t i = 0; i < h->n; i++)
                if (past_cycle_kind(h->items + i) != PAST_UNJUDGED && would_trip(l, h->items + i)) {
                        strbuf_puts(b, first ? "" : ",");
                        strbuf_json(b, h->items[i].id);
                        first = false;
                }
        strbuf_puts(b, "]}");
}

static int print_advice_json(const JobInfo *i, const History *h, const Advice *a, const Limit *current, const Limit *limits,
                             size_t n) {
        uint64_t smallest = limit_smallest(current, a->population);
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;
        bool first = true;

        strbuf_puts(&b, "{\"job\":");
        strbuf_json(&b, i->name);
        strbuf_printf(&b, ",\"cycles\":%zu,\"since\":%" PRIu64 ",\"ordinary\":%zu,\"unjudged\":%zu,\"unguarded\":%zu", h->n, a->since,
                      a->n[PAST_ORDINARY], a->n[PAST_UNJUDGED], a->n_unguarded);
        strbuf_puts(&b, ",\"tripped\":[");
        for (size_t k = 0; k < h->n; k++)
                if (past_cycle_kind(h->items + k) == PAST_TRIPPED) {
                        strbuf_puts(&b, first ? "" : ",");
                        json_cycle(&b, h->items + k);
                        first = false;
                }
        strbuf_puts(&b, "],\"largest\":");
        if (a->largest)
                json_cycle(&b, a->largest);
        else
                strbuf_puts(&b, "null");
        json_number(&b, "median", a->median, a->largest != NULL);
        json_number(&b, "median_removing", a->median_removing, a->n_removing > 0);
        json_number(&b, "population", a->population, true);
        json_number(&b, "limit", smallest, smallest != LIMIT_NONE);
        json_number(&b, "headroom", smallest - 1 - a->largest_counted,
                    a->largest && smallest != LIMIT_NONE && a->largest_counted < smallest);
        strbuf_printf(&b, ",\"enough\":%s", a->enough ? "true" : "false");
        json_number(&b, "suggestion", a->suggestion, a->enough);
        strbuf_puts(&b, ",\"limits\":[");
        for (size_t k = 0; k < n; k++) {
                strbuf_puts(&b, k > 0 ? "," : "");
                json_limit(&b, limits + k, h);
        }
        strbuf_puts(&b, "]}");
        return print_line(&b);
}

static int run_advise(Ctl *c, int n, char *argv[]) {
        _cleanup_free_ char *quoted = shell_quote(argv[0]);
        _cleanup_job_info_ JobInfo i = {};
        _cleanup_history_ History h = {};
        Limit limits[ADVICE_LIMITS_MAX], current;
        size_t n_limits;
        Advice a;
        int r;

        if (!quoted)
                return ctl_oom();
        r = job_info_get(c, argv[0], &i);
        if (r == CTL_OK)
                r = history_get(c, &i, CYCLES_MAX, &h);
        if (r != CTL_OK)
                return r;
        if (advice_make(&h, CYCLES_MAX, &a) < 0)
                return ctl_oom();
        current = limit_of_job(&i);
        n_limits = advice_limits(&a, &current, limits);
        if (arg_json)
                return print_advice_json(&i, &h, &a, &current, limits, n_limits);
        if (h.n == 0) {
                printf("%s\n", _("No cycle has run yet, so there is nothing to learn from."));
                return CTL_OK;
        }
        if (!arg_no_pager)
                pager_open();
        put_seen(&h, &a);
        put_ordinary(&a);
        put_tripped(&h, &a);
        if (a.population > 0)
                put_current(&a, &current, i.prevent ? i.budget : "");
        if (!a.enough) {
                printf(_("\nThat is too little to say what limit would suit: it takes %u ordinary cycles over a week at least.\n"),
                       ADVICE_CYCLES_MIN);
                return CTL_OK;
        }
        r = put_limits(&h, &a, limits, n_limits);
        if (r == CTL_OK && !arg_no_legend)
                put_suggestion(c, quoted, &a, &current);
        return r;
}

static const Option advise_options[] = { CTL_OPTION_JSON, CTL_OPTION_NO_LEGEND, CTL_OPTION_NO_PAGER, {} };

const Verb verb_advise = { "advise", N_("JOB"), N_("Say what limit would suit a job, from its last cycles."),
                           N_("An ordinary cycle is one that read the whole source and did not trip. Counted is what the guard counts: new\n"
                              "removals, not what a person allowed. Nothing is changed."),
                           advise_options, 1, 1, run_advise };
