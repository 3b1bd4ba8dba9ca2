/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

/* "list" and "status": how the jobs are, at a glance, and what to type next. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "ctl-table.h"
#include "ctl-terminal.h"
#include "ctl.h"
#include "i18n.h"
#include "time-util.h"

typedef struct JobList {
        char **names, **paths;
} JobList;

static void job_list_done(JobList *l) {
        strv_free(l->names);
        strv_free(l->paths);
}

static int list_jobs(Ctl *c, JobList *l) {
        _cleanup_bus_message_ BusMessage *reply = NULL;
        _cleanup_error_ Error *error = NULL;
        int r;

        r = ctl_connect(c);
        if (r != CTL_OK)
                return r;
        r = bus_client_call(c->client, CTL_PATH, CTL_MANAGER, "ListJobs", CTL_TIMEOUT_USEC, &reply, &error, "");
        if (r < 0)
                return ctl_fail(c, NULL, r, error);
        r = bus_message_enter(reply, 'a', "(sso)");
        while (r >= 0 && bus_message_more(reply)) {
                const char *name, *path;

                r = bus_message_read(reply, "(sso)", &name, NULL, &path);
                if (r < 0)
                        break;
                if (strv_extend(&l->names, name) < 0 || strv_extend(&l->paths, path) < 0)
                        return ctl_oom();
        }
        return r < 0 ? ctl_malformed() : CTL_OK;
}

static CtlColor status_color(const JobInfo *i) {
        if (streq(i->status, "active"))
                return CTL_COLOR_GREEN;
        if (streq(i->status, "quarantine"))
                return CTL_COLOR_YELLOW;
        if (streq(i->status, "disabled"))
                return CTL_COLOR_RED;
        return CTL_COLOR_NORMAL;
}

static CtlColor result_color(const char *result) {
        if (streq(result, "failed") || streq(result, "incomplete"))
                return CTL_COLOR_RED;
        return streq(result, "staged") ? CTL_COLOR_YELLOW : CTL_COLOR_NORMAL;
}

static uint64_t n_waiting(const JobInfo *i) {
        return (uint64_t) i->staged_deletes + i->staged_actions;
}

static bool needs_attention(const JobInfo *i) {
        return streq(i->status, "quarantine") || !isempty(i->quarantine_reason) || n_waiting(i) > 0;
}

/* When the next cycle is due, as far as the properties tell: 0 if nobody can say. */
static uint64_t next_cycle(const JobInfo *i) {
        if (streq(i->status, "paused") || streq(i->status, "disabled"))
                return 0;
        if (i->next_attempt > 0)
                return i->next_attempt;
        return i->interval > 0 && i->last_started > 0 ? i->last_started + i->interval : 0;
}

/* ---- list ---- */

static bool arg_names = false;

static int put_row(Table *t, const JobInfo *i) {
        char waiting[24], last[64], next[64];
        uint64_t due = next_cycle(i);

        (void) snprintf(waiting, sizeof(waiting), "%'" PRIu64, n_waiting(i));
        table_add(t, i->name);
        table_add_color(t, status_color(i), i->status);
        table_add_color(t, n_waiting(i) > 0 ? CTL_COLOR_YELLOW : CTL_COLOR_NORMAL, waiting);
        table_add_color(t, result_color(i->last_result), isempty(i->last_result) ? "-" : i->last_result);
        table_add(t, i->last_finished > 0 ? relative_format(i->last_finished, last) : "-");
        table_add(t, i->running ? _("running") : due > 0 ? relative_format(due, next) : "-");
        table_add(t, i->description);
        return 0;
}

static int put_json(const JobInfo *i) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;

        job_info_json(i, &b);
        if (strbuf_check(&b) < 0)
                return ctl_oom();
        puts(b.data);
        return CTL_OK;
}

static int run_list(Ctl *c, int n, char *argv[]) {
        const TableColumn columns[] = {
                { _("JOB"), TABLE_SHRINK },        { _("STATUS"), 0 },    { _("STAGED"), TABLE_RIGHT }, { _("LAST RESULT"), 0 },
                { _("LAST CYCLE"), 0 },           { _("NEXT"), 0 }, { _("DESCRIPTION"), TABLE_SHRINK },
        };
        _cleanup_(table_freep) Table *t = table_new(columns, ELEMENTSOF(columns));
        _cleanup_(job_list_done) JobList l = {};
        size_t n_shown = 0;
        int r;

        if (!t)
                return ctl_oom();
        r = list_jobs(c, &l);
        if (r != CTL_OK)
                return r;
        if (!arg_no_pager)
                pager_open();
        for (char **name = l.names, **path = l.paths; name && *name; name++, path++) {
                _cleanup_job_info_ JobInfo i = {};

                if (arg_names) {
                        puts(*name);
                        continue;
                }
                r = job_info_get_path(c, *name, *path, &i);
                if (r == CTL_NO_SUCH)
                        continue; /* removed in between */
                if (r != CTL_OK)
                        return r;
                n_shown++;
                if (arg_json)
                        r = put_json(&i);
                else
                        (void) put_row(t, &i);
                if (r != CTL_OK)
                        return r;
        }
        if (arg_json || arg_names)
                return CTL_OK;
        if (n_shown > 0 || !arg_no_legend)
                if (table_print(t, stdout, !arg_no_legend) < 0)
                        return ctl_oom();
        if (!arg_no_legend)
                printf(ngettext("\n%zu job.\n", "\n%zu jobs.\n", n_shown), n_shown);
        return CTL_OK;
}

static const Option list_options[] = {
        CTL_OPTION_JSON,
        { "names", 0, NULL, N_("Print the names of the jobs alone"), .flag = &arg_names },
        CTL_OPTION_NO_LEGEND,
        CTL_OPTION_NO_PAGER,
        {},
};

const Verb verb_list = { "list", "", N_("List the jobs and how they are."),
                         N_("A line for each job: its status, how many removals wait for a decision, how its last cycle ended and\n"
                            "when, and when the next is due. With --json the objects that \"status --json\" prints."),
                         list_options, 0, 0, run_list };

/* ---- status ---- */

/* Where the colons stand */
#define FIELD_WIDTH 12U

static void field(const char *name, const char *value, CtlColor c) {
        _cleanup_free_ char *escaped = text_escape_lines(value, FIELD_WIDTH + 2);
        size_t width = text_width(name);

        printf("%*s%s: %s%s%s\n", width < FIELD_WIDTH ? (int) (FIELD_WIDTH - width) : 0, "", name, c == CTL_COLOR_NORMAL ? "" : color(c),
               escaped ? escaped : "", c == CTL_COLOR_NORMAL ? "" : color(CTL_COLOR_NORMAL));
}

static void fieldf(const char *name, CtlColor c, const char *fmt, ...) _printf_(3, 4);
static void fieldf(const char *name, CtlColor c, const char *fmt, ...) {
        _cleanup_free_ char *text = NULL;
        va_list ap;

        va_start(ap, fmt);
        if (vasprintf(&text, fmt, ap) < 0)
                text = NULL;
        va_end(ap);
        field(name, text ? text : "", c);
}

static void put_quarantine(const JobInfo *i) {
        char since[128];

        if (isempty(i->quarantine_reason)) {
                field(_("Status"), status_phrase(i->status), status_color(i));
                return;
        }
        if (i->quarantine_since > 0)
                fieldf(_("Status"), status_color(i), _("%s (%s) since %s"), status_phrase(i->status), i->quarantine_reason,
                       instant_format(i->quarantine_since, since));
        else
                fieldf(_("Status"), status_color(i), "%s (%s)", status_phrase(i->status), i->quarantine_reason);
        if (!isempty(i->quarantine_message))
                field(_("Reason"), i->quarantine_message, CTL_COLOR_NORMAL);
        if (i->quarantine_count > 0)
                fieldf(_("Evaluated"), CTL_COLOR_NORMAL, ngettext("by %u cycle so far", "by %u cycles so far",
                                                                  i->quarantine_count), i->quarantine_count);
}

static void put_waiting(const JobInfo *i, const Summary *s) {
        uint64_t n = n_waiting(i);
        char since[128];

        if (n > 0) {
                fieldf(_("Waiting"), CTL_COLOR_YELLOW, ngettext("%'" PRIu64 " removal, review %s", "%'" PRIu64 " removals, review %s", n),
                       n, i->review);
                for (size_t k = 0; k < s->n; k++) {
                        _cleanup_free_ char *cause = text_escape(cause_phrase(s->items[k].cause));
                        _cleanup_free_ char *kind = text_escape(kind_word(s->items[k].kind, s->items[k].count));

                        printf("%14s%'8u %s %s\n", "", s->items[k].count, kind ? kind : "", cause ? cause : "");
                }
                fieldf(_("Oldest"), CTL_COLOR_NORMAL, "%s", instant_format(i->staged_since, since));
        }
        if (i->held > 0)
                fieldf(_("Held"), CTL_COLOR_NORMAL, ngettext("%'u object is kept, whatever the source says",
                                                             "%'u objects are kept, whatever the source says", i->held), i->held);
        if (i->escrowed > 0)
                fieldf(_("Refused"), CTL_COLOR_YELLOW, ngettext("%'u change the target refused is tried again",
                                                                "%'u changes the target refused are tried again", i->escrowed),
                       i->escrowed);
}

static void put_cycle(const JobInfo *i) {
        _cleanup_free_ char *counts = counts_format(&i->counts);
        char when[128], took[64];

        if (i->running && i->expected > 0)
                fieldf(_("Running"), CTL_COLOR_GREEN, "%s, %'" PRIu64 "/%'" PRIu64, i->phase, i->done, i->expected);
        else if (i->running)
                field(_("Running"), isempty(i->phase) ? _("a cycle") : i->phase, CTL_COLOR_GREEN);
        if (isempty(i->last_result)) {
                field(_("Last cycle"), _("none yet"), CTL_COLOR_NORMAL);
                return;
        }
        if (i->last_finished >= i->last_started && i->last_finished > 0) {
                /* More than milliseconds nobody wants to read. */
                uint64_t usec = i->last_finished - i->last_started;

                fieldf(_("Last cycle"), result_color(i->last_result), _("%s, %s (took %s)"), i->last_result,
                       instant_format(i->last_finished, when),
                       duration_format(usec < USEC_PER_SEC ? usec / USEC_PER_MSEC * USEC_PER_MSEC : usec / USEC_PER_SEC * USEC_PER_SEC,
                                       took));
        } else
                field(_("Last cycle"), i->last_result, result_color(i->last_result));
        field(_("Its counts"), counts ? counts : "", CTL_COLOR_NORMAL);
}

static void put_next(const JobInfo *i) {
        uint64_t due = next_cycle(i);
        char when[128], every[64];

        if (i->running)
                return;
        if (streq(i->status, "paused") || streq(i->status, "disabled"))
                fieldf(_("Next"), CTL_COLOR_NORMAL, _("none, the job is %s"), status_phrase(i->status));
        else if (i->next_attempt > 0)
                fieldf(_("Next"), CTL_COLOR_NORMAL, _("another attempt %s"), instant_format(i->next_attempt, when));
        else if (due > 0)
                fieldf(_("Next"), CTL_COLOR_NORMAL, due <= clock_now() ? _("due since %s") : _("about %s"), instant_format(due, when));
        else if (i->interval > 0)
                fieldf(_("Next"), CTL_COLOR_NORMAL, _("every %s"), duration_format(i->interval, every));
        else
                field(_("Next"), _("as its timer says: systemctl list-timers 'reprieve-cycle@*'"), CTL_COLOR_NORMAL);
}

static void put_limit(const JobInfo *i) {
        bool exceeded = streq(i->trips, "exceeded");

        if (!i->prevent)
                field(_("Limit"), _("none: PreventAccidentalDeletions=no lets every removal through"), CTL_COLOR_RED);
        else if (i->threshold == 0)
                field(_("Limit"), _("0: every removal waits for a decision"), CTL_COLOR_NORMAL);
        else if (i->percent >= 0 && exceeded)
                fieldf(_("Limit"), CTL_COLOR_NORMAL,
                       _("more than %'u removals, or than %g %% of the linked objects if there are %'u or more"), i->threshold, i->percent,
                       i->minimum_population);
        else if (i->percent >= 0)
                fieldf(_("Limit"), CTL_COLOR_NORMAL, _("%'u removals, or %g %% of the linked objects if there are %'u or more"), i->threshold,
                       i->percent, i->minimum_population);
        else if (exceeded)
                fieldf(_("Limit"), CTL_COLOR_NORMAL, ngettext("more than %'u removal", "more than %'u removals", i->threshold),
                       i->threshold);
        else
                fieldf(_("Limit"), CTL_COLOR_NORMAL, ngettext("%'u removal", "%'u removals", i->threshold), i->threshold);
        if (i->prevent && !isempty(i->budget))
                field(_("Budget"), i->budget, CTL_COLOR_NORMAL);
}

/* One command and what it is for; @job may be NULL. */
static void command(const Ctl *c, const char *job, const char *what, const char *verb) {
        _cleanup_free_ char *quoted = job ? shell_quote(job) : strdup(""), *line = NULL, *escaped = NULL;
        const char *tail = streq(verb, "set") ? " NotificationEmail=ADDRESS" : "";

        if (!quoted)
                return;
        if (asprintf(&line, "%s %s%s%s%s", c->self, verb, job ? " " : "", quoted, tail) < 0)
                line = NULL;
        escaped = line ? text_escape(line) : NULL;
        if (escaped)
                printf("  %s%s%s%*s  %s\n", color(CTL_COLOR_BOLD), escaped, color(CTL_COLOR_NORMAL),
                       text_width(escaped) < 36 ? (int) (36 - text_width(escaped)) : 0, "", what);
}

static void put_commands(const Ctl *c, const JobInfo *i) {
        if (n_waiting(i) > 0) {
                command(c, i->name, _("look at all of them"), "staged");
                command(c, i->name, _("let them go (asks first)"), "allow");
                command(c, i->name, _("keep them (asks first)"), "reject");
        } else if (streq(i->status, "disabled") || streq(i->quarantine_reason, "IngestionInterrupted")) {
                command(c, i->name, _("see why"), "log");
                command(c, i->name, _("try source and target"), "validate");
                if (streq(i->status, "disabled"))
                        command(c, i->name, _("let it run again"), "start");
                else
                        command(c, i->name, _("then do not wait for the next attempt"), "restart");
        } else if (streq(i->quarantine_reason, "InvalidSettings"))
                command(c, NULL, _("after the job's file was corrected"), "reload");
        else if (streq(i->quarantine_reason, "InvalidCredentials")) {
                command(c, i->name, _("try source and target"), "validate");
                command(c, i->name, _("then do not wait for the next attempt"), "restart");
        } else if (streq(i->quarantine_reason, "EncounteredEscrowThreshold")) {
                command(c, i->name, _("see what the target refuses"), "log --status=failure");
                command(c, i->name, _("then try all of it again"), "restart");
        } else if (!isempty(i->quarantine_reason) && !i->running) {
                command(c, i->name, _("see why"), "log");
                command(c, i->name, _("evaluate it again"), "run --wait");
        } else if (streq(i->status, "paused"))
                command(c, i->name, _("let it run again"), "start");
        else if (streq(i->status, "not-run") && !i->running) {
                command(c, i->name, _("see what its first cycle would do"), "preview");
                command(c, i->name, _("run it now"), "run --wait");
        } else if (streq(i->last_result, "failed") || streq(i->last_result, "incomplete"))
                command(c, i->name, _("see why the last cycle did not succeed"), "log --cycle=last");
        if (!isempty(i->notification_problem) && strv_length(i->email) > 0)
                command(c, i->name, _("send a test mail"), "test-mail");
        else if (!isempty(i->notification_problem))
                command(c, i->name, _("say who is to be told"), "set");
}

static bool has_next_step(const JobInfo *i) {
        return needs_attention(i) || streq(i->status, "paused") || streq(i->status, "disabled") ||
               (streq(i->status, "not-run") && !i->running) || streq(i->last_result, "failed") ||
               streq(i->last_result, "incomplete") || !isempty(i->notification_problem);
}

static int put_status(Ctl *c, const JobInfo *i) {
        _cleanup_free_ char *name = text_escape(i->name), *description = text_escape(i->description);
        _cleanup_summary_ Summary s = {};
        int r;

        if (!name || !description)
                return ctl_oom();
        if (n_waiting(i) > 0) {
                r = job_summarize(c, i, &s);
                if (r != CTL_OK)
                        return r;
        }
        printf("%s%s%s %s%s%s\n", color(status_color(i)), terminal_is_utf8() ? "●" : "*", color(CTL_COLOR_NORMAL), name,
               isempty(description) ? "" : " - ", description);
        put_quarantine(i);
        put_waiting(i, &s);
        put_cycle(i);
        put_next(i);
        if (!isempty(i->notification_problem))
                field(_("Mail"), i->notification_problem, CTL_COLOR_RED);
        fieldf(_("Linked"), CTL_COLOR_NORMAL, "%'u %s, %'u %s", i->linked_users, kind_word("user", i->linked_users),
               i->linked_groups, kind_word("group", i->linked_groups));
        /* Without any readable file of the job there is nothing to tell. */
        if (!isempty(i->source)) {
                put_limit(i);
                field(_("Source"), i->source, CTL_COLOR_NORMAL);
                field(_("Target"), i->target, CTL_COLOR_NORMAL);
        }
        if (!arg_no_legend && has_next_step(i)) {
                printf("\n%s\n", _("What to do next:"));
                put_commands(c, i);
        }
        return CTL_OK;
}

static int status_one(Ctl *c, const char *job, const char *path, bool *first) {
        _cleanup_job_info_ JobInfo i = {};
        int r;

        r = path ? job_info_get_path(c, job, path, &i) : job_info_get(c, job, &i);
        if (r != CTL_OK)
                return r;
        if (arg_json)
                r = put_json(&i);
        else {
                if (!*first)
                        printf("\n");
                r = put_status(c, &i);
        }
        *first = false;
        return r != CTL_OK ? r : needs_attention(&i) ? CTL_ATTENTION : CTL_OK;
}

static int run_status(Ctl *c, int n, char *argv[]) {
        _cleanup_(job_list_done) JobList l = {};
        int status = CTL_OK, r;
        bool first = true;

        if (n == 0)
                r = list_jobs(c, &l);
        else
                r = ctl_connect(c);
        if (r != CTL_OK)
                return r;
        if (!arg_no_pager)
                pager_open();
        for (int k = 0; k < n; k++) {
                r = status_one(c, argv[k], NULL, &first);
                status = MAX2(status, r);
        }
        for (size_t k = 0; n == 0 && l.names && l.names[k]; k++) {
                r = status_one(c, l.names[k], l.paths[k], &first);
                status = MAX2(status, r);
        }
        if (n == 0 && !l.names && !arg_json && !arg_no_legend)
                printf("%s\n", _("There are no jobs. To make one, write /etc/reprieve/jobs.d/NAME.conf and run: reprievectl reload"));
        return status;
}

static const Option status_options[] = { CTL_OPTION_JSON, CTL_OPTION_NO_LEGEND, CTL_OPTION_NO_PAGER, {} };

const Verb verb_status = { "status", N_("[JOB…]"), N_("Show how jobs are, what waits for a decision, and what to do next."),
                           N_("Without JOB: all of them. Exit status: 6 if one of them is in quarantine or has removals that wait for a\n"
                              "decision; of several jobs the highest."),
                           status_options, 0, -1, run_status };
