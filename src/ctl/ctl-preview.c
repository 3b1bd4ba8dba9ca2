/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

/* "preview": the plan of a cycle that would run now, in words. The plan itself is lines of JSON that reprieve-cycle
 * writes, and nothing of it is carried out (C7). */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "ctl-table.h"
#include "ctl-terminal.h"
#include "ctl.h"
#include "file-util.h"
#include "i18n.h"
#include "time-util.h"

static const char *arg_with = NULL;
static bool arg_list = false;

/* What a plan does: actions by what becomes of them. */
enum {
        DO_CREATE, DO_ADOPT, DO_UPDATE, DO_RESTORE, DO_MEMBERS, DO_DISABLE, DO_DELETE, _DO_MAX
};
static const char *const action_names[_DO_MAX] = { "Create", "Adopt", "Update", "Restore", "Members", "Disable", "Delete" };

typedef struct Plan {
        uint64_t planned[_DO_MAX], withheld[_DO_MAX], staged, held, fails;
        Table *table;
        char **groups;            /* what those lose that lose much, in words (G11) */
        json_object *verdict;
        unsigned n_lines;
} Plan;

static void plan_done(Plan *p) {
        p->table = table_free(p->table);
        strv_free(p->groups);
        json_object_put(p->verdict);
}

static const char *text_of(json_object *o, const char *name) {
        json_object *v;

        return json_object_object_get_ex(o, name, &v) && json_object_is_type(v, json_type_string) ? json_object_get_string(v) : "";
}

static uint64_t number_of(json_object *o, const char *name) {
        json_object *v;

        return json_object_object_get_ex(o, name, &v) ? json_object_get_uint64(v) : 0;
}

static bool flag_of(json_object *o, const char *name) {
        json_object *v;

        return json_object_object_get_ex(o, name, &v) && json_object_get_boolean(v);
}

#define GROUPS_SHOWN 20U

/* G11 */
static int note_group_loss(Plan *p, json_object *o, bool withheld) {
        _cleanup_free_ char *name = text_escape(*text_of(o, "display_name") ? text_of(o, "display_name") : text_of(o, "source_id"));
        uint64_t members = number_of(o, "members"), lost = number_of(o, "lost");
        _cleanup_free_ char *line = NULL;

        if (members == 0 || strv_length(p->groups) >= GROUPS_SHOWN)
                return 0;
        if (!name || asprintf(&line, withheld ? _("Group %s would lose %'" PRIu64 " of its %'" PRIu64 " members, which waits for a decision.")
                                              : _("Group %s would lose %'" PRIu64 " of its %'" PRIu64 " members."), name, lost, members) < 0)
                return -ENOMEM;
        return strv_extend(&p->groups, line);
}

static void on_change(Plan *p, json_object *o) {
        const char *action = text_of(o, "action"), *fate = text_of(o, "fate");

        if (p->table) {
                table_add(p->table, action);
                table_add(p->table, fate);
                table_add(p->table, text_of(o, "kind"));
                table_add(p->table, text_of(o, "source_id"));
                table_add(p->table, text_of(o, "display_name"));
                table_add(p->table, text_of(o, "cause"));
        }
        if (streq(fate, "held"))
                p->held++;
        else if (streq(fate, "staged"))
                p->staged++;
        else if (streq(fate, "fail"))
                p->fails++;
        else
                for (unsigned i = 0; i < _DO_MAX; i++)
                        if (streq(action, action_names[i])) {
                                p->planned[i]++;
                                if (!streq(fate, "apply"))
                                        p->withheld[i]++;
                        }
}

static int on_line(Plan *p, const char *line) {
        json_object *o = json_tokener_parse(line), *v;
        int r;

        if (!o || !json_object_is_type(o, json_type_object)) {
                json_object_put(o);
                return -EBADMSG;
        }
        p->n_lines++;
        if (json_object_object_get_ex(o, "verdict", &v)) {
                json_object_put(p->verdict);
                p->verdict = o;
                return 0;
        }
        on_change(p, o);
        r = note_group_loss(p, o, !streq(text_of(o, "fate"), "apply"));
        json_object_put(o);
        return r;
}

static int read_plan(int fd, Plan *p) {
        _cleanup_free_ char *line = NULL;
        _cleanup_fclose_ FILE *f = NULL;
        int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3), r;
        size_t allocated = 0;
        ssize_t n;

        f = copy < 0 ? NULL : fdopen(copy, "r");
        if (!f) {
                r = -errno;
                (void) safe_close(copy);
                return r;
        }
        while ((n = getline(&line, &allocated, f)) > 0) {
                if (arg_json) {
                        if (fwrite(line, 1, (size_t) n, stdout) != (size_t) n)
                                return 0;
                        continue;
                }
                r = on_line(p, line);
                if (r < 0)
                        return r;
        }
        return ferror(f) ? -EIO : 0;
}

/* ---- in words ---- */

static void put_part(StrBuf *b, const char *fmt, uint64_t n) {
        if (n == 0)
                return;
        strbuf_puts(b, b->size > 0 ? ", " : "");
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        strbuf_printf(b, fmt, n);
#pragma GCC diagnostic pop
}

static const char *reason_phrase(const char *reason) {
        static const struct {
                const char *reason, *phrase;
        } phrases[] = {
                { "threshold", N_("DeletionThreshold") },
                { "percent", N_("DeletionThresholdPercent") },
                { "budget", N_("DeletionBudget") },
                { "empty-source", N_("the source has no objects of a kind that is linked") },
                { "assigned-group-missing", N_("a group that Assigned= names is not in the source") },
                { "everything", N_("every linked object of a kind would go") },
                { "configuration-changed", N_("scope, mapping, source or target have changed") },
        };

        for (size_t i = 0; i < ELEMENTSOF(phrases); i++)
                if (streq(reason, phrases[i].reason))
                        return _(phrases[i].phrase);
        return reason;
}

/* R5 */
static void put_second_wave(const Plan *p) {
        uint64_t n = number_of(p->verdict, "second_wave"), carried = number_of(p->verdict, "carried");

        if (n > 0)
                printf(ngettext("%'" PRIu64 " deletion is of an object that had been disabled before.\n",
                                "%'" PRIu64 " deletions are of objects that had been disabled before.\n", n), n);
        if (carried > 0)
                printf(ngettext("%'" PRIu64 " of them is not counted, because a person allowed that (SecondWave=approved).\n",
                                "%'" PRIu64 " of them are not counted, because a person allowed that (SecondWave=approved).\n", carried),
                       carried);
}

static void put_verdict(const Plan *p) {
        json_object *limit = NULL;
        uint64_t counted = number_of(p->verdict, "counted");

        if (!flag_of(p->verdict, "complete")) {
                _cleanup_free_ char *why = text_escape(text_of(p->verdict, "incomplete"));

                printf(_("The source could not be read whole, so no removal is planned: %s\n"), why ? why : "");
                return;
        }
        if (json_object_object_get_ex(p->verdict, "limit", &limit) && limit)
                printf(_("The guard counts %'" PRIu64 " removals of %'" PRIu64 " linked objects; %'" PRIu64 " would trip it.\n"), counted,
                       number_of(p->verdict, "population"), number_of(p->verdict, "limit"));
        else
                printf(_("The guard counts %'" PRIu64 " removals of %'" PRIu64 " linked objects; no number would trip it.\n"), counted,
                       number_of(p->verdict, "population"));
        if (flag_of(p->verdict, "tripped")) {
                put_second_wave(p);
                printf(_("%sIt trips (%s): no removal would be carried out, all would wait for a decision.%s\n"), color(CTL_COLOR_YELLOW),
                       reason_phrase(text_of(p->verdict, "verdict")), color(CTL_COLOR_NORMAL));
                return;
        }
        put_second_wave(p);
        if (flag_of(p->verdict, "memberships_tripped"))
                printf(_("%sIt trips for memberships: %'" PRIu64 " would be taken away, and wait for a decision.%s\n"),
                       color(CTL_COLOR_YELLOW), number_of(p->verdict, "membership_removals"), color(CTL_COLOR_NORMAL));
}

static int put_summary(const Plan *p) {
        static const char *const formats[_DO_MAX] = {
                N_("create %'" PRIu64), N_("adopt %'" PRIu64), N_("update %'" PRIu64), N_("restore %'" PRIu64),
                N_("change the members of %'" PRIu64), N_("disable %'" PRIu64), N_("delete %'" PRIu64),
        };
        _cleanup_strbuf_ StrBuf would = STRBUF_INIT;
        uint64_t joining = p->withheld[DO_DISABLE] + p->withheld[DO_DELETE], others = 0;
        bool tripped = flag_of(p->verdict, "tripped");

        for (unsigned i = 0; i < _DO_MAX; i++) {
                put_part(&would, _(formats[i]), p->planned[i]);
                if (i != DO_DISABLE && i != DO_DELETE)
                        others += p->withheld[i];
        }
        if (strbuf_check(&would) < 0)
                return ctl_oom();
        if (would.size == 0)
                printf("%s\n", _("Would change nothing."));
        else if (tripped)
                printf(_("Would %s (trips: %s).\n"), would.data, reason_phrase(text_of(p->verdict, "verdict")));
        else
                printf(_("Would %s.\n"), would.data);
        put_verdict(p);
        for (char **line = p->groups; line && *line; line++)
                puts(*line);
        if (!tripped && joining > 0)
                printf(ngettext("%'" PRIu64 " removal would join the review that is open.\n",
                                "%'" PRIu64 " removals would join the review that is open.\n", joining), joining);
        if (p->staged > 0)
                printf(ngettext("%'" PRIu64 " removal waits for a decision already.\n",
                                "%'" PRIu64 " removals wait for a decision already.\n", p->staged), p->staged);
        if (others > 0)
                printf(ngettext("%'" PRIu64 " other change would have to wait.\n", "%'" PRIu64 " other changes would have to wait.\n", others),
                       others);
        if (number_of(p->verdict, "unresolved") > 0)
                printf(ngettext("%'" PRIu64 " reference names nobody in the target and would be left out.\n",
                                "%'" PRIu64 " references name nobody in the target and would be left out.\n", number_of(p->verdict, "unresolved")),
                       number_of(p->verdict, "unresolved"));
        if (p->held > 0)
                printf(ngettext("%'" PRIu64 " object is held and stays.\n", "%'" PRIu64 " objects are held and stay.\n", p->held), p->held);
        if (p->fails > 0)
                printf(ngettext("%'" PRIu64 " change would fail; see them with --list.\n",
                                "%'" PRIu64 " changes would fail; see them with --list.\n", p->fails), p->fails);
        return CTL_OK;
}

static int show(int fd) {
        const TableColumn columns[] = {
                { _("ACTION"), 0 },          { _("FATE"), 0 },  { _("KIND"), 0 }, { _("SOURCE ID"), TABLE_SHRINK },
                { _("NAME"), TABLE_SHRINK }, { _("CAUSE"), 0 },
        };
        _cleanup_(plan_done) Plan p = {};
        int r;

        if (arg_list) {
                p.table = table_new(columns, ELEMENTSOF(columns));
                if (!p.table)
                        return ctl_oom();
        }
        r = read_plan(fd, &p);
        if (r < 0)
                return r == -ENOMEM ? ctl_oom() : ctl_complain(CTL_FAILED, _("Cannot read the plan: %s"), strerror(-r));
        if (arg_json)
                return CTL_OK;
        if (!p.verdict)
                return ctl_complain(CTL_FAILED, "%s", _("The plan ends without a verdict: the preview was cut short"));
        if (!arg_no_pager)
                pager_open();
        if (p.table && table_n_rows(p.table) > 0) {
                if (table_print(p.table, stdout, !arg_no_legend) < 0)
                        return ctl_oom();
                printf("\n");
        }
        return put_summary(&p);
}

/* ---- where it comes from ---- */

static int from_service(Ctl *c, const char *job) {
        _cleanup_bus_message_ BusMessage *reply = NULL;
        _cleanup_error_ Error *error = NULL;
        _cleanup_free_ char *path = NULL;
        _cleanup_close_ int fd = -1;
        int r;

        r = ctl_job_path(c, job, &path);
        if (r != CTL_OK)
                return r;
        agent_open(c->on_system_bus);
        r = bus_client_call(c->client, path, CTL_JOB, "Preview", USEC_INFINITY, &reply, &error, "");
        if (r < 0)
                return ctl_fail(c, job, r, error);
        if (bus_message_read(reply, "h", &fd) < 0)
                return ctl_malformed();
        return show(fd);
}

/* The service takes no file from a client: it would read it with its own rights. So this one runs here, with ours. */
static int may_run_here(const Ctl *c) {
        struct stat st;

        if (geteuid() == 0 || (stat(c->common.state_dir, &st) >= 0 && st.st_uid == geteuid()))
                return CTL_OK;
        return ctl_complain(CTL_DENIED, _("--with reads the source, the job's credentials and %s itself, which you may not; try again as "
                                          "root"), c->common.state_dir);
}

static int from_program(Ctl *c, const char *job) {
        const char *program = secure_getenv("REPRIEVE_CYCLE");
        _cleanup_free_ char *with = NULL, *config_dir = NULL, *state_dir = NULL;
        _cleanup_close_ int output = -1;
        int fds[2], status, r;
        pid_t pid;

        r = may_run_here(c);
        if (r != CTL_OK)
                return r;
        if (isempty(program))
                program = PKGLIBEXECDIR "/reprieve-cycle";
        if (access(arg_with, R_OK) < 0)
                return ctl_complain(CTL_FAILED, _("Cannot read %s: %s"), arg_with, strerror(errno));
        if (asprintf(&with, "--with=%s", arg_with) < 0 || asprintf(&config_dir, "--config-dir=%s", c->common.config_dir) < 0 ||
            asprintf(&state_dir, "--state-dir=%s", c->common.state_dir) < 0)
                return ctl_oom();
        if (pipe2(fds, O_CLOEXEC) < 0)
                return ctl_complain(CTL_FAILED, _("Cannot make a pipe: %s"), strerror(errno));
        pid = fork();
        if (pid == 0) {
                (void) dup2(fds[1], STDOUT_FILENO);
                (void) execl(program, program, "--preview", with, config_dir, state_dir, "--", job, NULL);
                (void) ctl_complain(0, _("Cannot run %s: %s"), program, strerror(errno));
                _exit(127);
        }
        output = fds[0];
        (void) close(fds[1]);
        if (pid < 0)
                return ctl_complain(CTL_FAILED, _("Cannot run %s: %s"), program, strerror(errno));
        r = show(output);
        output = safe_close(output);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
                ;
        return r == CTL_OK && (!WIFEXITED(status) || WEXITSTATUS(status) != 0) ? CTL_FAILED : r;
}

static int run_preview(Ctl *c, int n, char *argv[]) {
        return arg_with ? from_program(c, argv[0]) : from_service(c, argv[0]);
}

static const Option preview_options[] = {
        { "with", 'f', "FILE", N_("As if FILE were the job's file"), .value = &arg_with },
        { "list", 'l', NULL, N_("List every change"), .flag = &arg_list },
        CTL_OPTION_JSON,
        CTL_OPTION_NO_LEGEND,
        CTL_OPTION_NO_PAGER,
        {},
};

const Verb verb_preview = { "preview", N_("JOB"), N_("Say what a cycle would do now, and do nothing."),
                            N_("With --with the effect of an edited job file is seen before it is taken. That runs reprieve-cycle here and not\n"
                               "in the service, so it needs root, or the service's user.\n"
                               "JSON is the plan itself: a line for each change, its verdict last."),
                            preview_options, 1, 1, run_preview };
