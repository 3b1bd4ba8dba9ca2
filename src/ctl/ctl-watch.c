/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

/* "run" and "monitor": what takes time, followed by the service's signals. */

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>

#include "ctl-table.h"
#include "ctl-terminal.h"
#include "ctl.h"
#include "i18n.h"
#include "time-util.h"

static volatile sig_atomic_t interrupted = 0;

static void on_interrupt(int sig) {
        interrupted = 1;
}

/* Without SA_RESTART, so that waiting ends. */
static void catch_interrupts(void) {
        struct sigaction sa = { .sa_handler = on_interrupt };

        (void) sigaction(SIGINT, &sa, NULL);
        (void) sigaction(SIGTERM, &sa, NULL);
}

/* ---- run ---- */

static bool arg_wait = false;

typedef struct Run {
        char *cycle;
        char *result;
        Counts counts;
        bool ended;
} Run;

static void run_done(Run *q) {
        free(q->cycle);
        free(q->result);
        counts_done(&q->counts);
}

/* A signal of the job: is it the end of our cycle? */
static int on_finished(Run *q, BusMessage *m) {
        const char *cycle, *result;
        int r;

        r = bus_message_read(m, "ss", &cycle, &result);
        if (r < 0 || !streq(cycle, q->cycle))
                return r;
        r = free_and_strdup(&q->result, result);
        if (r >= 0)
                r = counts_read(m, &q->counts);
        q->ended = r >= 0;
        return r;
}

static int on_progress(BusMessage *m) {
        const char *name, *phase;
        uint64_t done, total;
        int r;

        r = bus_message_read(m, "s", NULL);
        if (r >= 0)
                r = bus_message_enter(m, 'a', "{sv}");
        while (r >= 0 && bus_message_more(m)) {
                r = bus_message_enter(m, '{', NULL);
                if (r >= 0)
                        r = bus_message_read(m, "s", &name);
                if (r >= 0 && streq(name, "Progress")) {
                        r = bus_message_enter(m, 'v', "(stt)");
                        if (r >= 0)
                                r = bus_message_read(m, "(stt)", &phase, &done, &total);
                        if (r >= 0 && !isempty(phase))
                                progress_draw(phase, done, total);
                        if (r >= 0)
                                r = bus_message_exit(m);
                } else if (r >= 0)
                        r = bus_message_skip(m);
                if (r >= 0)
                        r = bus_message_exit(m);
        }
        return r;
}

/* For the case that the signal is lost: the service may be restarted while the cycle, a unit of its own, goes on. */
static int poll_cycle(Ctl *c, const char *job, const char *path, Run *q, unsigned *n_missing) {
        _cleanup_job_info_ JobInfo i = {};
        int r;

        r = job_info_get_path(c, job, path, &i);
        if (r != CTL_OK)
                return r;
        if (i.running) {
                *n_missing = 0;
                if (!isempty(i.phase))
                        progress_draw(i.phase, i.done, i.expected);
        } else if (streq(i.last_cycle, q->cycle)) {
                q->ended = true;
                if (free_and_strdup(&q->result, i.last_result) < 0)
                        return ctl_oom();
                counts_done(&q->counts);
                q->counts = i.counts;
                i.counts = (Counts) {};
        } else if (++*n_missing > 3) {
                q->ended = true;
                if (free_and_strdup(&q->result, "failed") < 0)
                        return ctl_oom();
        }
        return CTL_OK;
}

static int wait_cycle(Ctl *c, const char *job, const char *path, Run *q) {
        unsigned n_missing = 0;
        int r;

        while (!q->ended) {
                _cleanup_bus_message_ BusMessage *m = NULL;

                r = interrupted ? -EINTR : bus_client_wait(c->client, 2 * USEC_PER_SEC, &m);
                if (r == -EINTR && interrupted) {
                        _cleanup_free_ char *quoted = shell_quote(job);

                        progress_clear();
                        fprintf(stderr, _("The cycle goes on. To see how far it is: %s status %s\n"), c->self, quoted ? quoted : "");
                        return 128 + SIGINT;
                }
                if (r == -EINTR)
                        continue;
                if (r == BUS_CLIENT_TIMEOUT) {
                        r = poll_cycle(c, job, path, q, &n_missing);
                        if (r != CTL_OK)
                                return r;
                        continue;
                }
                if (r < 0) {
                        progress_clear();
                        return ctl_complain(CTL_UNREACHABLE, _("The connection to the service has ended; the cycle goes on"));
                }
                if (!streq_ptr(bus_message_get_path(m), path))
                        continue;
                if (bus_message_is_signal(m, CTL_JOB, "CycleFinished"))
                        r = on_finished(q, m);
                else if (bus_message_is_signal(m, CTL_PROPERTIES, "PropertiesChanged"))
                        r = on_progress(m);
                if (r < 0) {
                        progress_clear();
                        return ctl_malformed();
                }
        }
        progress_clear();
        return CTL_OK;
}

static int report_cycle(Ctl *c, const char *job, const char *path, const Run *q) {
        _cleanup_free_ char *counts = counts_format(&q->counts), *quoted = shell_quote(job);
        _cleanup_job_info_ JobInfo i = {};
        bool attention;
        int r;

        if (!counts || !quoted)
                return ctl_oom();
        r = job_info_get_path(c, job, path, &i);
        if (r != CTL_OK)
                return r;
        attention = !isempty(i.quarantine_reason) || i.staged_deletes > 0 || i.staged_actions > 0;
        if (arg_json) {
                _cleanup_strbuf_ StrBuf b = STRBUF_INIT;

                strbuf_puts(&b, "{\"cycle\":");
                strbuf_json(&b, q->cycle);
                strbuf_puts(&b, ",\"result\":");
                strbuf_json(&b, q->result);
                strbuf_puts(&b, ",\"counts\":");
                counts_json(&q->counts, &b);
                strbuf_puts(&b, ",\"quarantine_reason\":");
                strbuf_json(&b, i.quarantine_reason);
                strbuf_printf(&b, ",\"staged\":%" PRIu64 "}", (uint64_t) i.staged_deletes + i.staged_actions);
                if (strbuf_check(&b) < 0)
                        return ctl_oom();
                puts(b.data);
        } else {
                printf("%s: %s\n", q->result, counts);
                if (attention || streq(q->result, "failed") || streq(q->result, "incomplete"))
                        printf(_("What to do: %s status %s\n"), c->self, quoted);
        }
        if (!streq(q->result, "success") && !streq(q->result, "staged"))
                return CTL_FAILED;
        return attention ? CTL_ATTENTION : CTL_OK;
}

static int run_run(Ctl *c, int n, char *argv[]) {
        _cleanup_bus_message_ BusMessage *reply = NULL;
        _cleanup_error_ Error *error = NULL;
        _cleanup_free_ char *path = NULL;
        _cleanup_(run_done) Run q = {};
        const char *cycle;
        int r;

        r = ctl_job_path(c, argv[0], &path);
        if (r != CTL_OK)
                return r;
        if (arg_wait) {
                r = bus_client_subscribe(c->client, path, &error);
                if (r < 0)
                        return ctl_fail(c, argv[0], r, error);
        }
        agent_open(c->on_system_bus);
        r = bus_client_call(c->client, path, CTL_JOB, "RunCycle", USEC_INFINITY, &reply, &error, "");
        if (r < 0)
                return ctl_fail(c, argv[0], r, error);
        if (bus_message_read(reply, "s", &cycle) < 0)
                return ctl_malformed();
        q.cycle = strdup(cycle);
        if (!q.cycle)
                return ctl_oom();
        if (!arg_wait) {
                if (arg_json)
                        printf("{\"cycle\":\"%s\"}\n", q.cycle);
                else
                        printf(_("Cycle %s runs.\n"), q.cycle);
                return CTL_OK;
        }
        catch_interrupts();
        r = wait_cycle(c, argv[0], path, &q);
        return r == CTL_OK ? report_cycle(c, argv[0], path, &q) : r;
}

static const Option run_options[] = {
        { "wait", 'w', NULL, N_("Wait for the end of the cycle and say how it ended"), .flag = &arg_wait },
        CTL_OPTION_JSON,
        {},
};

const Verb verb_run = { "run", N_("JOB"), N_("Run a cycle now, or join the one that runs."),
                        N_("Exit status with --wait: 0 if it ended well; 1 if it failed or could not read the whole source; otherwise 6 if\n"
                           "the job is in quarantine or removals wait for a decision. ^C ends the waiting, not the cycle."),
                        run_options, 1, 1, run_run };

/* ---- monitor ---- */

static void put_text(StrBuf *b, const char *text) {
        if (arg_json)
                strbuf_json(b, text);
        else
                strbuf_puts(b, isempty(text) ? "-" : text);
}

static void put_counts(const Counts *c, StrBuf *b) {
        _cleanup_free_ char *text = NULL;

        if (arg_json) {
                counts_json(c, b);
                return;
        }
        text = counts_format(c);
        strbuf_puts(b, strempty(text));
}

/* A value of a type of the contract, as JSON or as a person reads it; the message is inside the variant. */
static int put_value(BusMessage *m, const char *signature, StrBuf *b) {
        _cleanup_strv_ char **list = NULL;
        _cleanup_counts_ Counts counts = {};
        const char *text;
        uint64_t t, total;
        uint32_t u;
        bool flag;
        double d;
        int r;

        if (streq(signature, "s")) {
                r = bus_message_read(m, "s", &text);
                if (r >= 0)
                        put_text(b, text);
        } else if (streq(signature, "b")) {
                r = bus_message_read(m, "b", &flag);
                if (r >= 0)
                        strbuf_puts(b, arg_json ? (flag ? "true" : "false") : flag ? _("yes") : _("no"));
        } else if (streq(signature, "u")) {
                r = bus_message_read(m, "u", &u);
                if (r >= 0)
                        strbuf_printf(b, "%" PRIu32, u);
        } else if (streq(signature, "t")) {
                r = bus_message_read(m, "t", &t);
                if (r >= 0)
                        strbuf_printf(b, "%" PRIu64, t);
        } else if (streq(signature, "d")) {
                r = bus_message_read(m, "d", &d);
                /* Negative is "no such limit"; "%f" would write the locale's decimal point. */
                if (r >= 0 && d < 0)
                        strbuf_puts(b, arg_json ? "null" : _("none"));
                else if (r >= 0)
                        strbuf_printf(b, "%lld.%06lld", llround(d * 1e6) / 1000000, llround(d * 1e6) % 1000000);
        } else if (streq(signature, "(stt)")) {
                r = bus_message_read(m, "(stt)", &text, &t, &total);
                if (r >= 0 && arg_json) {
                        strbuf_puts(b, "{\"phase\":");
                        strbuf_json(b, text);
                        strbuf_printf(b, ",\"done\":%" PRIu64 ",\"expected\":%" PRIu64 "}", t, total);
                } else if (r >= 0)
                        strbuf_printf(b, "%s %" PRIu64 "/%" PRIu64, isempty(text) ? "-" : text, t, total);
        } else if (streq(signature, "as")) {
                r = bus_message_read(m, "as", &list);
                strbuf_puts(b, arg_json ? "[" : "");
                for (char **l = list; r >= 0 && l && *l; l++) {
                        strbuf_puts(b, l == list ? "" : arg_json ? "," : " ");
                        if (arg_json)
                                strbuf_json(b, *l);
                        else
                                strbuf_puts(b, *l);
                }
                strbuf_puts(b, arg_json ? "]" : "");
        } else if (streq(signature, "a{st}")) {
                r = counts_read(m, &counts);
                if (r >= 0)
                        put_counts(&counts, b);
        } else {
                strbuf_puts(b, arg_json ? "null" : "?");
                r = bus_message_skip(m);
        }
        return r;
}

/* What all lines begin with. */
static void begin_line(StrBuf *b, const char *job, const char *what) {
        char at[64];

        strbuf_clear(b);
        if (arg_json) {
                strbuf_printf(b, "{\"time\":%" PRIu64 ",\"job\":", clock_now());
                strbuf_json(b, job);
                strbuf_puts(b, ",\"event\":");
                strbuf_json(b, what);
        } else
                strbuf_printf(b, "%s %s: %s", timestamp_format(clock_now(), at), job, what);
}

static int end_line(StrBuf *b) {
        _cleanup_free_ char *escaped = NULL;

        if (arg_json)
                strbuf_putc(b, '}');
        if (strbuf_check(b) < 0)
                return -ENOMEM;
        escaped = arg_json ? strdup(b->data) : text_escape(b->data);
        if (!escaped)
                return -ENOMEM;
        puts(escaped);
        fflush(stdout);
        return 0;
}

static int put_properties(StrBuf *b, const char *job, BusMessage *m) {
        int r;

        r = bus_message_read(m, "s", NULL);
        if (r >= 0)
                r = bus_message_enter(m, 'a', "{sv}");
        while (r >= 0 && bus_message_more(m)) {
                char signature[256];
                const char *name;

                r = bus_message_enter(m, '{', NULL);
                if (r >= 0)
                        r = bus_message_read(m, "s", &name);
                if (r < 0)
                        return r;
                begin_line(b, job, arg_json ? "PropertyChanged" : name);
                if (arg_json) {
                        strbuf_puts(b, ",\"property\":");
                        strbuf_json(b, name);
                        strbuf_puts(b, ",\"value\":");
                } else
                        strbuf_puts(b, " = ");
                r = bus_message_peek_variant(m, signature);
                if (r >= 0)
                        r = bus_message_enter(m, 'v', NULL);
                if (r >= 0)
                        r = put_value(m, signature, b);
                if (r >= 0)
                        r = bus_message_exit(m);
                if (r >= 0)
                        r = bus_message_exit(m);
                if (r >= 0)
                        r = end_line(b);
        }
        return r;
}

/* The signals of org.reprieve1.Job */
static int put_signal(StrBuf *b, const char *job, BusMessage *m) {
        _cleanup_counts_ Counts counts = {};
        const char *member = bus_message_get_member(m), *text, *review;
        uint32_t staged;
        int r;

        begin_line(b, job, strempty(member));
        if (streq_ptr(member, "CycleStarted")) {
                r = bus_message_read(m, "s", &text);
                if (r >= 0) {
                        strbuf_puts(b, arg_json ? ",\"cycle\":" : " ");
                        put_text(b, text);
                }
        } else if (streq_ptr(member, "CycleFinished")) {
                r = bus_message_read(m, "ss", &review, &text);
                if (r >= 0)
                        r = counts_read(m, &counts);
                if (r >= 0 && arg_json) {
                        strbuf_puts(b, ",\"cycle\":");
                        strbuf_json(b, review);
                        strbuf_puts(b, ",\"result\":");
                        strbuf_json(b, text);
                        strbuf_puts(b, ",\"counts\":");
                        put_counts(&counts, b);
                } else if (r >= 0) {
                        strbuf_printf(b, " %s %s: ", review, text);
                        put_counts(&counts, b);
                }
        } else if (streq_ptr(member, "Quarantined")) {
                r = bus_message_read(m, "ssu", &text, &review, &staged);
                if (r >= 0 && arg_json) {
                        strbuf_puts(b, ",\"reason\":");
                        strbuf_json(b, text);
                        strbuf_puts(b, ",\"review\":");
                        strbuf_json(b, review);
                        strbuf_printf(b, ",\"staged\":%" PRIu32, staged);
                } else if (r >= 0)
                        strbuf_printf(b, _(" %s, review %s, %'u staged"), text, isempty(review) ? "-" : review, staged);
        } else if (streq_ptr(member, "QuarantineLifted")) {
                r = bus_message_read(m, "s", &text);
                if (r >= 0) {
                        strbuf_puts(b, arg_json ? ",\"how\":" : " ");
                        put_text(b, text);
                }
        } else
                r = 0; /* a signal of a newer version: its name says something too */
        return r < 0 ? r : end_line(b);
}

static int put_plain(StrBuf *b, const char *job, const char *event) {
        begin_line(b, job, event);
        return end_line(b);
}

static int put_message(StrBuf *b, const char *only, BusMessage *m) {
        _cleanup_free_ char *job = NULL;
        const char *path = bus_message_get_path(m), *owner;
        int r;

        if (bus_message_is_signal(m, "org.freedesktop.DBus", "NameOwnerChanged")) {
                r = bus_message_read(m, "sss", NULL, NULL, &owner);
                if (r >= 0)
                        r = put_plain(b, "reprieved", isempty(owner) ? "ServiceStopped" : "ServiceStarted");
                return r;
        }
        if (bus_message_is_signal(m, "org.freedesktop.DBus.ObjectManager", "InterfacesAdded") ||
            bus_message_is_signal(m, "org.freedesktop.DBus.ObjectManager", "InterfacesRemoved")) {
                r = bus_message_read(m, "o", &path);
                if (r >= 0)
                        r = bus_path_decode(path, CTL_PATH "/job", &job);
                if (r < 0 || !job || (only && !streq(job, only)))
                        return r;
                return put_plain(b, job, streq(bus_message_get_member(m), "InterfacesAdded") ? "JobAdded" : "JobRemoved");
        }
        if (!path)
                return 0;
        r = bus_path_decode(path, CTL_PATH "/job", &job);
        if (r < 0 || !job || (only && !streq(job, only)))
                return r;
        if (bus_message_is_signal(m, CTL_PROPERTIES, "PropertiesChanged"))
                return put_properties(b, job, m);
        return streq_ptr(bus_message_get_interface(m), CTL_JOB) ? put_signal(b, job, m) : 0;
}

static int run_monitor(Ctl *c, int n, char *argv[]) {
        const char *only = n > 0 ? argv[0] : NULL;
        _cleanup_strbuf_ StrBuf line = STRBUF_INIT;
        _cleanup_error_ Error *error = NULL;
        _cleanup_free_ char *path = NULL;
        int r;

        r = ctl_connect(c);
        if (r != CTL_OK)
                return r;
        /* All of it even for one job: that it is added or removed is told by what lies above. */
        r = bus_client_subscribe(c->client, CTL_PATH, &error);
        if (r < 0)
                return ctl_fail(c, only, r, error);
        if (only) {
                r = ctl_job_path(c, only, &path);
                if (r != CTL_OK)
                        return r;
        }
        catch_interrupts();
        if (!arg_json && !arg_no_legend && terminal_can_ask())
                fprintf(stderr, "%s\n", _("Waiting for what happens; ^C ends it."));
        while (!interrupted) {
                _cleanup_bus_message_ BusMessage *m = NULL;

                r = bus_client_wait(c->client, 60 * USEC_PER_SEC, &m);
                if (r == -EINTR || r == BUS_CLIENT_TIMEOUT)
                        continue;
                if (r < 0)
                        return ctl_complain(CTL_UNREACHABLE, "%s", _("The connection has ended"));
                r = put_message(&line, only, m);
                if (r == -ENOMEM)
                        return ctl_oom();
                if (ferror(stdout))
                        return CTL_OK; /* nobody reads it any more */
        }
        return CTL_OK;
}

static const Option monitor_options[] = { CTL_OPTION_JSON, CTL_OPTION_NO_LEGEND, {} };

const Verb verb_monitor = { "monitor", N_("[JOB]"), N_("Print a line for each thing that happens to jobs, until ^C."),
                            N_("Cycles that start and end, quarantines, changed properties, jobs that come and go. JSON has time, job, event\n"
                               "and what the signal carries; for a PropertyChanged property and value."),
                            monitor_options, 0, 1, run_monitor };
