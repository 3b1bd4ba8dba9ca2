/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

/* "allow" and "reject": show what is decided upon, ask, and decide on exactly that (Q4 to Q7).
 *
 * What was shown is a review, named by its id, and the id that was shown is the id that is sent: whatever happens
 * in between, a removal that nobody saw is not part of it. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "ctl-table.h"
#include "ctl-terminal.h"
#include "ctl.h"
#include "i18n.h"
#include "time-util.h"

#define N_SHOWN 10U

static const char *arg_comment = "";
static ObjectList arg_objects;

static int parse_object(const char *value, void *userdata, Error **ret_error) {
        return object_list_add(&arg_objects, value, ret_error);
}

static int parse_objects(const char *value, void *userdata, Error **ret_error) {
        _cleanup_strv_ char **words = NULL;
        int r;

        r = strv_split(value, ",", &words);
        for (char **w = words; r >= 0 && w && *w; w++)
                r = object_list_add(&arg_objects, *w, ret_error);
        return r;
}

/* What a person is shown before the question. */
typedef struct View {
        JobInfo info;
        Summary summary;
        Table *names;
        bool *found;            /* of arg_objects */
        uint64_t n_names;
} View;

static void view_done(View *v) {
        job_info_done(&v->info);
        summary_done(&v->summary);
        v->names = table_free(v->names);
        free(v->found);
        *v = (View) {};
}

static ssize_t find_object(const StagedItem *s) {
        for (size_t i = 0; i < arg_objects.n; i++)
                if (streq(arg_objects.kinds[i], s->kind) && streq(arg_objects.ids[i], s->source_id))
                        return (ssize_t) i;
        return -1;
}

static int on_staged(const StagedItem *s, void *userdata) {
        View *v = userdata;

        if (arg_objects.n > 0) {
                ssize_t i = find_object(s);

                if (i < 0)
                        return 0;
                v->found[i] = true;
        }
        if (v->n_names++ < N_SHOWN) {
                table_add(v->names, "");
                table_add(v->names, s->kind);
                table_add(v->names, s->source_id);
                table_add(v->names, s->display_name);
                table_add(v->names, s->action);
                table_add(v->names, s->cause);
        }
        return 0;
}

static int view_read(Ctl *c, const char *job, const char *path, View *ret) {
        const TableColumn columns[] = {
                { "", 0 }, { "", 0 }, { "", TABLE_SHRINK }, { "", TABLE_SHRINK }, { "", 0 }, { "", 0 },
        };
        _cleanup_(view_done) View v = {};
        int r;

        v.names = table_new(columns, ELEMENTSOF(columns));
        v.found = calloc(arg_objects.n + 1, sizeof(bool));
        if (!v.names || !v.found)
                return ctl_oom();
        r = job_info_get_path(c, job, path, &v.info);
        if (r == CTL_OK)
                r = job_summarize(c, &v.info, &v.summary);
        if (r == CTL_OK)
                r = job_list_staged(c, job, path, arg_objects.n > 0 ? 0 : N_SHOWN, on_staged, &v);
        if (r != CTL_OK)
                return r;
        view_done(ret);
        *ret = v;
        v = (View) {};
        return CTL_OK;
}

/* A cycle may change the set while we read it: what is shown must be one review's. */
static int view_read_stable(Ctl *c, const char *job, const char *path, View *v) {
        for (unsigned attempt = 0; attempt < 5; attempt++) {
                _cleanup_job_info_ JobInfo after = {};
                int r;

                r = view_read(c, job, path, v);
                if (r == CTL_OK)
                        r = job_info_get_path(c, job, path, &after);
                if (r != CTL_OK)
                        return r;
                if (streq(after.review, v->info.review) && after.staged_deletes == v->info.staged_deletes &&
                    after.staged_actions == v->info.staged_actions)
                        return CTL_OK;
        }
        return ctl_complain(CTL_FAILED, _("What waits for a decision changes all the time; try again when the cycle has ended"));
}

static uint64_t n_waiting(const View *v) {
        return (uint64_t) v->info.staged_deletes + v->info.staged_actions;
}

/* @review: the one that was asked for, when it is not the newest */
static int view_print(const View *v, const char *review) {
        char since[128];

        if (review) {
                _cleanup_free_ char *shown = text_escape(review);

                /* What an older review held, only the service knows. */
                printf(_("Review %s is not the newest, which is %s: what joined since then is not decided now.\n"), shown ? shown : "",
                       v->info.review);
                printf(ngettext("%'" PRIu64 " removal waits in all.\n", "%'" PRIu64 " removals wait in all.\n", n_waiting(v)),
                       n_waiting(v));
        } else {
                printf(ngettext("%'" PRIu64 " removal waits as review %s, since %s:\n",
                                "%'" PRIu64 " removals wait as review %s, the oldest since %s:\n", n_waiting(v)),
                       n_waiting(v), v->info.review, instant_format(v->info.staged_since, since));
                for (size_t i = 0; i < v->summary.n; i++) {
                        const struct SummaryItem *s = v->summary.items + i;
                        _cleanup_free_ char *cause = text_escape(cause_phrase(s->cause)), *kind = text_escape(kind_word(s->kind, s->count));

                        printf("%'10u %s %s\n", s->count, kind ? kind : "", cause ? cause : "");
                }
        }
        if (arg_objects.n > 0)
                printf(ngettext("Of these, %'zu object was named:\n", "Of these, %'zu objects were named:\n", arg_objects.n), arg_objects.n);
        else if (n_waiting(v) > N_SHOWN)
                printf(_("The first %u of them:\n"), N_SHOWN);
        if (table_print(v->names, stdout, false) < 0)
                return ctl_oom();
        if (arg_objects.n > N_SHOWN)
                printf(_("  … and %'zu more\n"), arg_objects.n - N_SHOWN);
        return CTL_OK;
}

static int check_objects(const Ctl *c, const View *v) {
        for (size_t i = 0; i < arg_objects.n; i++)
                if (!v->found[i]) {
                        _cleanup_free_ char *quoted = shell_quote(v->info.name);

                        return ctl_complain(CTL_NO_SUCH, _("%s:%s does not wait for a decision; nothing was decided. What does: %s staged %s"),
                                            arg_objects.kinds[i], arg_objects.ids[i], c->self, quoted ? quoted : "");
                }
        return CTL_OK;
}

static bool ask(const View *v, const char *review, bool allow) {
        uint64_t n = arg_objects.n > 0 ? arg_objects.n : n_waiting(v);

        if (arg_objects.n == 0 && review)
                return terminal_ask(allow ? _("Allow the removals of review %s that still wait?")
                                          : _("Keep the objects of review %s that still wait?"), review);
        return allow ? terminal_ask(ngettext("Allow this %'" PRIu64 " removal?", "Allow these %'" PRIu64 " removals?", n), n)
                     : terminal_ask(ngettext("Keep this %'" PRIu64 " object in the target?",
                                             "Keep these %'" PRIu64 " objects in the target?", n), n);
}

static int send(Ctl *c, const View *v, const char *review, bool allow, uint32_t *ret_decided, uint32_t *ret_joined) {
        _cleanup_bus_message_ BusMessage *m = NULL, *reply = NULL;
        bool selected = arg_objects.n > 0;
        _cleanup_error_ Error *error = NULL;
        int r;

        r = bus_client_message(c->client, v->info.path, CTL_JOB,
                               allow ? (selected ? "AllowSelected" : "AllowDeletes") : (selected ? "RejectSelected" : "RejectDeletes"),
                               &m);
        if (r >= 0)
                r = bus_message_append(m, "s", review);
        if (r >= 0 && selected)
                r = object_list_append(&arg_objects, m);
        if (r >= 0)
                r = bus_message_append(m, "s", arg_comment);
        if (r < 0)
                return ctl_complain(CTL_FAILED, _("Cannot send this decision: %s"), strerror(-r));
        agent_open(c->on_system_bus);
        r = bus_client_send(c->client, m, USEC_INFINITY, &reply, &error);
        if (r < 0)
                return ctl_fail(c, v->info.name, r, error);
        *ret_joined = 0;
        r = bus_message_read(reply, "u", ret_decided);
        if (r >= 0 && !selected)
                r = bus_message_read(reply, "u", ret_joined);
        return r < 0 ? ctl_malformed() : CTL_OK;
}

static void print_decided(const Ctl *c, const View *v, bool allow, uint32_t decided, uint32_t joined) {
        _cleanup_free_ char *quoted = shell_quote(v->info.name);

        if (decided == 0) {
                printf("%s\n", allow ? _("No removal is allowed yet: either all of them are back in the source by now, or another "
                                         "person has to allow the same review too.")
                                     : _("No object is kept yet: either all of them are back in the source by now, or another "
                                         "person has to reject the same review too."));
                return;
        }
        if (allow)
                printf(ngettext("Allowed %'u removal; the next cycle carries it out.\n",
                                "Allowed %'u removals; the next cycle carries them out.\n", decided), decided);
        else
                printf(ngettext("Kept %'u object; it stays in the target until the source has it again or it is released.\n",
                                "Kept %'u objects; they stay in the target until the source has them again or they are released.\n",
                                decided), decided);
        if (joined > 0)
                printf(ngettext("%'u removal joined later and was not decided: the next cycle judges it. See: %s status %s\n",
                                "%'u removals joined later and were not decided: the next cycle judges them. See: %s status %s\n",
                                joined), joined, c->self, quoted ? quoted : "");
}

static int decide(Ctl *c, int n, char *argv[], bool allow) {
        const char *job = argv[0], *asked = n > 1 ? argv[1] : NULL, *review;
        _cleanup_(view_done) View v = {};
        _cleanup_free_ char *path = NULL;
        uint32_t decided, joined;
        bool older;
        int r;

        if (asked && isempty(asked))
                return ctl_complain(CTL_USAGE, "%s", _("The review's id is empty"));
        if (!arg_yes && !terminal_can_ask())
                return ctl_complain(CTL_USAGE, _("There is no terminal to ask on; to decide without being asked, name the review and add "
                                                 "--yes: reprievectl %s JOB REVIEW --yes"), allow ? "allow" : "reject");
        r = ctl_job_path(c, job, &path);
        if (r != CTL_OK)
                return r;
        agent_open(c->on_system_bus);
        r = view_read_stable(c, job, path, &v);
        if (r != CTL_OK)
                return r;
        if (isempty(v.info.review)) {
                if (asked)
                        return ctl_complain(CTL_NO_SUCH, _("Review %s is not open any more, and nothing else waits for a decision"), asked);
                printf("%s\n", _("Nothing waits for a decision."));
                return CTL_OK;
        }
        review = asked ? asked : v.info.review;
        older = !streq(review, v.info.review);
        r = check_objects(c, &v);
        if (r == CTL_OK)
                r = view_print(&v, older ? review : NULL);
        if (r != CTL_OK)
                return r;
        if (!arg_yes && !ask(&v, older ? review : NULL, allow)) {
                printf("%s\n", _("Nothing was decided."));
                return CTL_FAILED;
        }
        r = send(c, &v, review, allow, &decided, &joined);
        if (r != CTL_OK)
                return r;
        print_decided(c, &v, allow, decided, joined);
        return CTL_OK;
}

static int run_allow(Ctl *c, int n, char *argv[]) {
        return decide(c, n, argv, true);
}

static int run_reject(Ctl *c, int n, char *argv[]) {
        return decide(c, n, argv, false);
}

static const Option decide_options[] = {
        { "object", 'o', "KIND:ID", N_("Decide on this object alone; may be repeated"), .parse = parse_object },
        { "objects", 0, "KIND:ID,...", N_("The same for several, with commas between"), .parse = parse_objects },
        { "comment", 'c', "TEXT", N_("Why, for the record"), .value = &arg_comment },
        CTL_OPTION_YES,
        {},
};

const Verb verb_allow = { "allow", N_("JOB [REVIEW]"), N_("Let the removals of a review go."),
                          N_("Shows what will go, with the review's id, and asks. Without REVIEW that is what waits now; removals that join\n"
                             "later are never covered. The next cycle, which starts at once, carries the allowed removals out.\n"
                             "Without a terminal nothing is decided unless --yes is given."),
                          decide_options, 1, 2, run_allow };

const Verb verb_reject = { "reject", N_("JOB [REVIEW]"), N_("Keep the objects of a review in the target."),
                           N_("Shows what is to be kept, with the review's id, and asks. Each object is held until the source has it again,\n"
                              "or until \"release\". Without a terminal nothing is decided unless --yes is given."),
                           decide_options, 1, 2, run_reject };
