/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

/* Verbs that change a job as a whole: pause, start, restart, set, create, remove, reload. */

#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "ctl-settings.h"
#include "ctl-terminal.h"
#include "ctl.h"
#include "i18n.h"
#include "time-util.h"

static int run_pause(Ctl *c, int n, char *argv[]) {
        return ctl_job_call(c, argv[0], "Pause");
}

const Verb verb_pause = { "pause", N_("JOB"), N_("Stop a job from running; all it remembers is kept."),
                          N_("A cycle that runs ends between two objects. \"start\" goes on."), NULL, 1, 1, run_pause };

static int run_start(Ctl *c, int n, char *argv[]) {
        return ctl_job_call(c, argv[0], "Start");
}

const Verb verb_start = { "start", N_("JOB"), N_("Let a paused or disabled job run again, at its normal times."),
                          N_("To run a cycle now: \"run\". A staged removal stays staged."), NULL, 1, 1, run_start };

/* ---- restart ---- */

static char **arg_scope = NULL;

static int parse_scope(const char *value, void *userdata, Error **ret_error) {
        static const char *const scopes[] = { "watermark", "escrows", "quarantine", "full" };
        _cleanup_strv_ char **words = NULL;
        int r;

        r = strv_split(value, ",", &words);
        for (char **w = words; r >= 0 && w && *w; w++) {
                bool known = false;

                for (size_t i = 0; i < ELEMENTSOF(scopes); i++)
                        known = known || streq(*w, scopes[i]);
                if (!known)
                        return error_set(ret_error, -EINVAL, _("expected watermark, escrows, quarantine or full"));
                r = strv_extend(&arg_scope, *w);
        }
        return r < 0 ? r : words && words[0] ? 0 : error_set(ret_error, -EINVAL, _("expected a value"));
}

static int run_restart(Ctl *c, int n, char *argv[]) {
        _cleanup_error_ Error *error = NULL;
        _cleanup_free_ char *path = NULL;
        int r;

        r = ctl_job_path(c, argv[0], &path);
        if (r != CTL_OK)
                return r;
        agent_open(c->on_system_bus);
        r = bus_client_call(c->client, path, CTL_JOB, "Restart", USEC_INFINITY, NULL, &error, "as", arg_scope);
        return r < 0 ? ctl_fail(c, argv[0], r, error) : CTL_OK;
}

static const Option restart_options[] = {
        { "scope", 's', "SCOPE,…", N_("What to forget: watermark, escrows, quarantine, full"), .parse = parse_scope },
        {},
};

const Verb verb_restart = { "restart", N_("JOB"), N_("Evaluate everything afresh, after a cause was fixed in the source."),
                            N_("Without --scope: watermark, escrows and quarantine. A removal that is still due trips again; none that waits\n"
                               "for a decision is carried out by a restart."),
                            restart_options, 1, 1, run_restart };

/* ---- set ---- */

static int set_property(Ctl *c, const char *path, const Setting *s, Error **ret_error) {
        switch (s->property->type) {
        case 'b':
                return bus_client_set_property(c->client, path, CTL_JOB, s->property->name, ret_error, "b", s->boolean);
        case 'u':
                return bus_client_set_property(c->client, path, CTL_JOB, s->property->name, ret_error, "u", s->number);
        case 'd':
                return bus_client_set_property(c->client, path, CTL_JOB, s->property->name, ret_error, "d", s->real);
        case 't':
                return bus_client_set_property(c->client, path, CTL_JOB, s->property->name, ret_error, "t", s->usec);
        case 's':
                return bus_client_set_property(c->client, path, CTL_JOB, s->property->name, ret_error, "s", s->text);
        default:
                return bus_client_set_property(c->client, path, CTL_JOB, s->property->name, ret_error, "as", s->list);
        }
}

static int run_set(Ctl *c, int n, char *argv[]) {
        _cleanup_free_ char *path = NULL;
        int r;

        /* Twice through the list: a mistake in the last one must not leave the first ones set. */
        for (int k = 1; k < n; k++) {
                _cleanup_(setting_done) Setting s = {};
                _cleanup_error_ Error *error = NULL;

                r = setting_parse(argv[k], &s, &error);
                if (r < 0)
                        return ctl_complain(CTL_USAGE, "%s", error_text(error, r));
        }
        r = ctl_job_path(c, argv[0], &path);
        if (r != CTL_OK)
                return r;
        agent_open(c->on_system_bus);
        for (int k = 1; k < n; k++) {
                _cleanup_(setting_done) Setting s = {};
                _cleanup_error_ Error *error = NULL;

                r = setting_parse(argv[k], &s, &error);
                if (r >= 0)
                        r = set_property(c, path, &s, &error);
                if (r < 0) {
                        if (k > 1)
                                (void) ctl_complain(0, _("%s and what comes after it were not set"), argv[k]);
                        return ctl_fail(c, argv[0], r, error);
                }
        }
        return CTL_OK;
}

const Verb verb_set = { "set", N_("JOB KEY=VALUE…"), N_("Change limits, addresses and the interval of a job."),
                        N_("Keys, with or without their section:\n"
                           "  Deletions.PreventAccidentalDeletions=BOOLEAN\n"
                           "  Deletions.DeletionThreshold=NUMBER\n"
                           "  Deletions.DeletionThresholdPercent=PERCENT, or nothing for no such limit\n"
                           "  Deletions.DeletionThresholdTrips=reached|exceeded\n"
                           "  Deletions.MinimumPopulation=NUMBER of linked objects below which the percentage is ignored\n"
                           "  Deletions.DeletionBudget=NUMBER per TIMESPAN, such as \"1000 per 7d\", or nothing for none\n"
                           "  Notify.NotificationEmail=ADDRESS…, with spaces or commas between (Email for short)\n"
                           "  Schedule.Interval=TIMESPAN, such as 40min\n"
                           "They go to a drop-in beside the job's own file. A raised limit releases no removal that waits already."),
                        NULL, 2, -1, run_set };

/* ---- create ---- */

static const char *arg_from = NULL;

static int append_settings(BusMessage *m, const SettingList *l) {
        (void) bus_message_open(m, 'a', "{sv}");
        for (size_t i = 0; i < l->n; i++) {
                char **values = l->items[i].values;

                if (strv_length(values) == 1)
                        (void) bus_message_append(m, "{sv}", l->items[i].key, "s", values[0]);
                else
                        (void) bus_message_append(m, "{sv}", l->items[i].key, "as", values);
        }
        return bus_message_close(m);
}

static int run_create(Ctl *c, int n, char *argv[]) {
        _cleanup_(setting_list_done) SettingList l = {};
        _cleanup_free_ char *quoted = shell_quote(argv[0]);
        _cleanup_bus_message_ BusMessage *m = NULL;
        _cleanup_error_ Error *error = NULL;
        const char *file = arg_from;
        int r, first = 1;

        /* "create JOB FILE" is what one types first; a setting always has a "=". */
        if (!file && n > 1 && !strchr(argv[1], '=')) {
                file = argv[1];
                first = 2;
        }
        if (!file && n == 1)
                return ctl_complain(CTL_USAGE, "%s", _("Say what the job is to be: a FILE, or Section.Key=VALUE…"));
        if (file) {
                r = setting_list_read(&l, file, &error);
                if (r < 0)
                        return ctl_complain(CTL_FAILED, "%s", error_text(error, r));
        }
        for (int k = first; k < n; k++) {
                r = setting_list_put(&l, argv[k], &error);
                if (r < 0)
                        return ctl_complain(CTL_USAGE, "%s", error_text(error, r));
        }
        r = ctl_connect(c);
        if (r != CTL_OK)
                return r;
        r = bus_client_message(c->client, CTL_PATH, CTL_MANAGER, "CreateJob", &m);
        if (r >= 0)
                r = bus_message_append(m, "s", argv[0]);
        if (r >= 0)
                r = append_settings(m, &l);
        if (r < 0)
                return ctl_complain(CTL_FAILED, _("Cannot send these settings: %s"), strerror(-r));
        agent_open(c->on_system_bus);
        r = bus_client_send(c->client, m, USEC_INFINITY, NULL, &error);
        if (r < 0)
                return ctl_fail(c, argv[0], r, error);
        printf(_("The job is there, and paused. To see what it would do: %s preview %s\n"), c->self, quoted ? quoted : argv[0]);
        printf(_("To let it run: %s start %s\n"), c->self, quoted ? quoted : argv[0]);
        return CTL_OK;
}

static const Option create_options[] = {
        { "from", 'f', "FILE", N_("The same, for a FILE with a = in its name"), .value = &arg_from },
        {},
};

const Verb verb_create = { "create", N_("JOB [FILE] [KEY=VALUE…]"), N_("Make a job, which is paused at first."),
                           N_("FILE is a job file as /etc/reprieve/jobs.d has them. For example:\n"
                              "  reprievectl create staff Source.Connector=json Source.Users=/srv/hr/users.jsonl \\\n"
                              "      Target.Connector=json Target.Directory=/srv/chat Notify.Email=root"),
                           create_options, 1, -1, run_create };

/* ---- remove, reload ---- */

static bool arg_force = false;

static int run_remove(Ctl *c, int n, char *argv[]) {
        _cleanup_error_ Error *error = NULL;
        int r;

        r = ctl_connect(c);
        if (r != CTL_OK)
                return r;
        agent_open(c->on_system_bus);
        r = bus_client_call(c->client, CTL_PATH, CTL_MANAGER, "RemoveJob", USEC_INFINITY, NULL, &error, "sb", argv[0], arg_force);
        return r < 0 ? ctl_fail(c, argv[0], r, error) : CTL_OK;
}

static const Option remove_options[] = {
        { "force", 0, NULL, N_("Even if objects are linked or wait for a decision"), .flag = &arg_force },
        {},
};

const Verb verb_remove = { "remove", N_("JOB"), N_("Forget a job; its target is left as it is."),
                           N_("Refused while objects are linked or wait for a decision, unless --force is given."),
                           remove_options, 1, 1, run_remove };

static int run_reload(Ctl *c, int n, char *argv[]) {
        _cleanup_error_ Error *error = NULL;
        int r;

        r = ctl_connect(c);
        if (r != CTL_OK)
                return r;
        agent_open(c->on_system_bus);
        r = bus_client_call(c->client, CTL_PATH, CTL_MANAGER, "Reload", USEC_INFINITY, NULL, &error, "");
        return r < 0 ? ctl_fail(c, NULL, r, error) : CTL_OK;
}

const Verb verb_reload = { "reload", "", N_("Read the job files again."),
                           N_("The message names file, line and key of a mistake. A job whose file has one runs no cycle until it is\n"
                              "mended, and \"status\" says so."),
                           NULL, 0, 0, run_reload };
