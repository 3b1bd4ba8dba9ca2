/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

/* "staged", "held" and "release": the people and groups behind the numbers. */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#include "ctl-table.h"
#include "ctl-terminal.h"
#include "ctl.h"
#include "file-util.h"
#include "i18n.h"
#include "time-util.h"

/* ---- staged ---- */

static bool arg_csv = false;

static int put_staged(const StagedItem *s, void *userdata) {
        Table *t = userdata;
        char since[64];

        table_add(t, s->kind);
        table_add(t, s->source_id);
        table_add(t, s->display_name);
        table_add(t, s->action);
        table_add(t, s->cause);
        table_add(t, timestamp_format(s->since, since));
        return 0;
}

static int copy(int from) {
        char buffer[65536];
        ssize_t n;

        fflush(stdout);
        while ((n = read(from, buffer, sizeof(buffer))) != 0) {
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return ctl_complain(CTL_FAILED, _("Cannot read the list: %s"), strerror(errno));
                if (loop_write(STDOUT_FILENO, buffer, (size_t) n) < 0)
                        return errno == EPIPE ? CTL_OK : ctl_complain(CTL_FAILED, _("Cannot write the list: %s"), strerror(errno));
        }
        return CTL_OK;
}

/* CSV keeps names as they are. A file takes that; a terminal would obey them. */
static int copy_escaped(int from) {
        _cleanup_free_ char *line = NULL;
        _cleanup_fclose_ FILE *f = NULL;
        size_t allocated = 0;
        ssize_t n;
        int fd;

        fd = fcntl(from, F_DUPFD_CLOEXEC, 3);
        f = fd < 0 ? NULL : fdopen(fd, "r");
        if (!f) {
                (void) safe_close(fd);
                return ctl_complain(CTL_FAILED, _("Cannot read the list: %s"), strerror(errno));
        }
        while ((n = getline(&line, &allocated, f)) > 0) {
                _cleanup_free_ char *escaped = NULL;

                line[strcspn(line, "\r\n")] = '\0';
                escaped = text_escape(line);
                if (!escaped)
                        return ctl_oom();
                puts(escaped);
        }
        return CTL_OK;
}

static int copy_list(Ctl *c, const char *job) {
        _cleanup_bus_message_ BusMessage *reply = NULL;
        _cleanup_error_ Error *error = NULL;
        _cleanup_free_ char *path = NULL;
        _cleanup_close_ int fd = -1;
        int r;

        r = ctl_job_path(c, job, &path);
        if (r != CTL_OK)
                return r;
        agent_open(c->on_system_bus);
        r = bus_client_call(c->client, path, CTL_JOB, "OpenStaged", USEC_INFINITY, &reply, &error, "s", arg_csv ? "csv" : "json");
        if (r < 0)
                return ctl_fail(c, job, r, error);
        if (bus_message_read(reply, "h", &fd) < 0)
                return ctl_malformed();
        if (!arg_no_pager && !arg_csv)
                pager_open();
        return arg_csv && isatty(STDOUT_FILENO) > 0 ? copy_escaped(fd) : copy(fd);
}

/* R5: of what shall be deleted, what the job had disabled before, and by whose leave. */
static int put_second_wave(Ctl *c, const JobInfo *i) {
        _cleanup_bus_message_ BusMessage *reply = NULL;
        _cleanup_error_ Error *error = NULL;
        int r;

        r = bus_client_call(c->client, i->path, CTL_JOB, "SummarizeSecondWave", USEC_INFINITY, &reply, &error, "");
        if (r < 0)
                return ctl_fail(c, i->name, r, error);
        r = bus_message_enter(reply, 'a', "(uttss)");
        while (r >= 0 && bus_message_more(reply)) {
                _cleanup_free_ char *range = NULL, *by = NULL;
                char from[64], to[64];
                const char *user, *review;
                uint64_t first, last;
                uint32_t n;

                r = bus_message_read(reply, "(uttss)", &n, &first, &last, &user, &review);
                if (r < 0)
                        break;
                by = text_escape(user);
                if (!by || asprintf(&range, last != first ? "%s – %s" : "%s", timestamp_format(first, from),
                                    timestamp_format(last, to)) < 0)
                        return ctl_oom();
                if (isempty(review))
                        printf(ngettext("%'u of them had been disabled before, within the limit: %s.\n",
                                        "%'u of them had been disabled before, within the limit: %s.\n", n), n, range);
                else
                        printf(ngettext("%'u of them had been disabled before, allowed by %s in review %s: %s.\n",
                                        "%'u of them had been disabled before, allowed by %s in review %s: %s.\n", n), n, by, review,
                               range);
        }
        return r < 0 ? ctl_malformed() : CTL_OK;
}

#define GROUPS_SHOWN 20U

/* G11: which groups would lose how many of their members. */
static int put_group_losses(Ctl *c, const JobInfo *i) {
        _cleanup_bus_message_ BusMessage *reply = NULL;
        _cleanup_error_ Error *error = NULL;
        unsigned n = 0;
        int r;

        r = bus_client_call(c->client, i->path, CTL_JOB, "ListGroupLosses", USEC_INFINITY, &reply, &error, "");
        if (r < 0)
                return ctl_fail(c, i->name, r, error);
        r = bus_message_enter(reply, 'a', "(ssuu)");
        for (; r >= 0 && bus_message_more(reply); n++) {
                _cleanup_free_ char *escaped = NULL;
                const char *source_id, *name;
                uint32_t lost, members;

                r = bus_message_read(reply, "(ssuu)", &source_id, &name, &lost, &members);
                if (r < 0)
                        break;
                if (n >= GROUPS_SHOWN)
                        continue;
                escaped = text_escape(isempty(name) ? source_id : name);
                if (!escaped)
                        return ctl_oom();
                if (lost >= members)
                        printf(ngettext("Group %s would lose its only member.\n", "Group %s would lose all of its %'u members.\n", members),
                               escaped, members);
                else
                        printf(ngettext("Group %s would lose %'u of its %'u members.\n", "Group %s would lose %'u of its %'u members.\n",
                                        lost), escaped, lost, members);
        }
        if (r >= 0 && n > GROUPS_SHOWN)
                printf(ngettext("%'u more group would lose members.\n", "%'u more groups would lose members.\n", n - GROUPS_SHOWN),
                       n - GROUPS_SHOWN);
        return r < 0 ? ctl_malformed() : CTL_OK;
}

static int run_staged(Ctl *c, int n, char *argv[]) {
        const TableColumn columns[] = {
                { _("KIND"), 0 }, { _("SOURCE ID"), TABLE_SHRINK }, { _("NAME"), TABLE_SHRINK }, { _("ACTION"), 0 },
                { _("CAUSE"), 0 }, { _("STAGED"), 0 },
        };
        _cleanup_(table_freep) Table *t = table_new(columns, ELEMENTSOF(columns));
        _cleanup_free_ char *quoted = shell_quote(argv[0]);
        _cleanup_job_info_ JobInfo i = {};
        int r;

        if (arg_csv && arg_json)
                return ctl_complain(CTL_USAGE, "%s", _("--csv and --json exclude each other"));
        if (arg_csv || arg_json)
                return copy_list(c, argv[0]);
        if (!t || !quoted)
                return ctl_oom();
        r = job_info_get(c, argv[0], &i);
        if (r != CTL_OK)
                return r;
        agent_open(c->on_system_bus);
        r = job_list_staged(c, i.name, i.path, 0, put_staged, t);
        if (r != CTL_OK)
                return r;
        if (!arg_no_pager)
                pager_open();
        if (table_n_rows(t) > 0 && table_print(t, stdout, !arg_no_legend) < 0)
                return ctl_oom();
        if (arg_no_legend)
                return CTL_OK;
        if (table_n_rows(t) == 0) {
                printf("%s\n", _("Nothing waits for a decision."));
                return CTL_OK;
        }
        printf(ngettext("\n%'zu removal waits for a decision, as review %s.\n", "\n%'zu removals wait for a decision, as review %s.\n",
                        table_n_rows(t)), table_n_rows(t), i.review);
        r = put_second_wave(c, &i);
        if (r == CTL_OK)
                r = put_group_losses(c, &i);
        if (r != CTL_OK)
                return r;
        printf(_("Let them go: %s allow %s %s\n"), c->self, quoted, i.review);
        printf(_("Keep them:   %s reject %s %s\n"), c->self, quoted, i.review);
        return CTL_OK;
}

static const Option staged_options[] = {
        { "csv", 0, NULL, N_("Print comma-separated values with a header line (RFC 4180)"), .flag = &arg_csv },
        CTL_OPTION_JSON,
        CTL_OPTION_NO_LEGEND,
        CTL_OPTION_NO_PAGER,
        {},
};

const Verb verb_staged = { "staged", N_("JOB"), N_("List the removals that wait for a decision, and why."),
                           N_("JSON has the fields kind, source_id, target_id, display_name, action, cause, member, change and staged_at\n"
                              "(microseconds since 1970); of what the job had disabled before also disabled_at, disabled_cause, disabled_by and\n"
                              "disabled_review. CSV is for spreadsheets, and the same list as in the mail."),
                           staged_options, 1, 1, run_staged };

/* ---- held ---- */

typedef struct Held {
        const char *kind, *source_id, *target_id, *display_name;
        uint64_t since;
} Held;

static void put_held(Table *t, const Held *h) {
        char since[64];

        table_add(t, h->kind);
        table_add(t, h->source_id);
        table_add(t, h->display_name);
        table_add(t, h->target_id);
        table_add(t, timestamp_format(h->since, since));
}

static int put_held_json(const Held *h) {
        const char *const names[] = { "kind", "source_id", "target_id", "display_name" };
        const char *const values[] = { h->kind, h->source_id, h->target_id, h->display_name };
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                strbuf_printf(&b, "%s\"%s\":", i == 0 ? "{" : ",", names[i]);
                strbuf_json(&b, values[i]);
        }
        strbuf_printf(&b, ",\"since\":%" PRIu64 "}", h->since);
        if (strbuf_check(&b) < 0)
                return ctl_oom();
        puts(b.data);
        return CTL_OK;
}

/* One page; *ret_n is what it held. */
static int held_page(Ctl *c, const char *job, const char *path, uint32_t offset, Table *t, uint32_t *ret_n) {
        _cleanup_bus_message_ BusMessage *reply = NULL;
        _cleanup_error_ Error *error = NULL;
        uint32_t n = 0;
        int r;

        r = bus_client_call(c->client, path, CTL_JOB, "ListHeld", USEC_INFINITY, &reply, &error, "uu", offset, UINT32_C(1000));
        if (r < 0)
                return ctl_fail(c, job, r, error);
        r = bus_message_enter(reply, 'a', "(sssst)");
        for (; r >= 0 && bus_message_more(reply); n++) {
                Held h;

                r = bus_message_read(reply, "(sssst)", &h.kind, &h.source_id, &h.target_id, &h.display_name, &h.since);
                if (r < 0)
                        break;
                if (!arg_json)
                        put_held(t, &h);
                else if (put_held_json(&h) != CTL_OK)
                        return CTL_FAILED;
        }
        *ret_n = n;
        return r < 0 ? ctl_malformed() : CTL_OK;
}

static int run_held(Ctl *c, int n, char *argv[]) {
        const TableColumn columns[] = {
                { _("KIND"), 0 }, { _("SOURCE ID"), TABLE_SHRINK }, { _("NAME"), TABLE_SHRINK }, { _("TARGET ID"), TABLE_SHRINK },
                { _("SINCE"), 0 },
        };
        _cleanup_(table_freep) Table *t = table_new(columns, ELEMENTSOF(columns));
        _cleanup_free_ char *path = NULL, *quoted = shell_quote(argv[0]);
        uint32_t page = 1;
        int r;

        if (!t || !quoted)
                return ctl_oom();
        r = ctl_job_path(c, argv[0], &path);
        if (r != CTL_OK)
                return r;
        agent_open(c->on_system_bus);
        for (uint32_t offset = 0; page > 0; offset += page) {
                r = held_page(c, argv[0], path, offset, t, &page);
                if (r != CTL_OK)
                        return r;
        }
        if (arg_json)
                return CTL_OK;
        if (!arg_no_pager)
                pager_open();
        if (table_n_rows(t) > 0 && table_print(t, stdout, !arg_no_legend) < 0)
                return ctl_oom();
        if (arg_no_legend)
                return CTL_OK;
        if (table_n_rows(t) == 0)
                printf("%s\n", _("Nothing is held."));
        else {
                printf(ngettext("\n%'zu object is kept in the target, whatever the source says.\n",
                                "\n%'zu objects are kept in the target, whatever the source says.\n", table_n_rows(t)),
                       table_n_rows(t));
                printf(_("End that: %s release %s KIND:ID…\n"), c->self, quoted);
        }
        return CTL_OK;
}

static const Option held_options[] = { CTL_OPTION_JSON, CTL_OPTION_NO_LEGEND, CTL_OPTION_NO_PAGER, {} };

const Verb verb_held = { "held", N_("JOB"), N_("List the objects that a rejection keeps in the target."),
                         N_("JSON has the fields kind, source_id, target_id, display_name and since (microseconds since 1970)."),
                         held_options, 1, 1, run_held };

/* ---- release ---- */

static int run_release(Ctl *c, int n, char *argv[]) {
        _cleanup_(object_list_done) ObjectList objects = {};
        _cleanup_bus_message_ BusMessage *m = NULL;
        _cleanup_free_ char *path = NULL;
        _cleanup_error_ Error *error = NULL;
        int r;

        for (int k = 1; k < n; k++) {
                _cleanup_error_ Error *bad = NULL;

                r = object_list_add(&objects, argv[k], &bad);
                if (r < 0)
                        return ctl_complain(CTL_USAGE, "%s", error_text(bad, r));
        }
        r = ctl_job_path(c, argv[0], &path);
        if (r != CTL_OK)
                return r;
        r = bus_client_message(c->client, path, CTL_JOB, "Release", &m);
        if (r >= 0)
                r = object_list_append(&objects, m);
        if (r < 0)
                return ctl_complain(CTL_FAILED, _("Too many objects in one command: %s"), strerror(-r));
        agent_open(c->on_system_bus);
        r = bus_client_send(c->client, m, USEC_INFINITY, NULL, &error);
        if (r < 0)
                return ctl_fail(c, argv[0], r, error);
        printf(ngettext("Released %'zu object; the next cycle judges it like any other.\n",
                        "Released %'zu objects; the next cycle judges them like any other.\n", objects.n), objects.n);
        return CTL_OK;
}

const Verb verb_release = { "release", N_("JOB KIND:ID…"), N_("End the hold on objects, all of them or none."),
                            N_("KIND is user or group, ID the object's id in the source, as \"held\" shows them."),
                            NULL, 2, -1, run_release };
