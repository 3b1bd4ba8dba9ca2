/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

/* "log": the journal is the provisioning log, and journalctl(1) the program that reads it. */

#include <errno.h>
#include <stdio.h>

#include "ctl.h"
#include "i18n.h"

static const char *arg_cycle = NULL, *arg_action = NULL, *arg_status = NULL, *arg_kind = NULL, *arg_review = NULL;
static char **arg_through = NULL;

static int pass(const char *value, void *userdata, Error **ret_error) {
        _cleanup_free_ char *word = NULL;

        if (!value)
                return strv_extend(&arg_through, userdata);
        if (asprintf(&word, "%s=%s", (const char *) userdata, value) < 0) {
                word = NULL;
                return -ENOMEM;
        }
        return strv_extend(&arg_through, word);
}

static int add_match(char ***arguments, const char *field, const char *value) {
        _cleanup_free_ char *match = NULL;

        if (!value)
                return 0;
        if (asprintf(&match, "%s=%s", field, value) < 0) {
                match = NULL;
                return -ENOMEM;
        }
        return strv_extend(arguments, match);
}

static int run_log(Ctl *c, int n, char *argv[]) {
        _cleanup_strv_ char **arguments = NULL;
        _cleanup_job_info_ JobInfo i = {};
        const char *cycle = arg_cycle;
        int r;

        if (cycle && streq(cycle, "last")) {
                r = job_info_get(c, argv[0], &i);
                if (r != CTL_OK)
                        return r;
                if (isempty(i.last_cycle))
                        return ctl_complain(CTL_NO_SUCH, _("Job %s has not run a cycle yet"), argv[0]);
                cycle = i.last_cycle;
        }
        r = strv_extend(&arguments, "journalctl");
        if (r >= 0 && arg_no_pager)
                r = strv_extend(&arguments, "--no-pager");
        if (r >= 0 && arg_json)
                r = strv_extend(&arguments, "--output=json");
        for (char **a = arg_through; r >= 0 && a && *a; a++)
                r = strv_extend(&arguments, *a);
        for (int k = 1; r >= 0 && k < n; k++)
                r = strv_extend(&arguments, argv[k]);
        if (r >= 0)
                r = add_match(&arguments, "REPRIEVE_JOB", argv[0]);
        if (r >= 0)
                r = add_match(&arguments, "REPRIEVE_CYCLE", cycle);
        if (r >= 0)
                r = add_match(&arguments, "REPRIEVE_ACTION", arg_action);
        if (r >= 0)
                r = add_match(&arguments, "REPRIEVE_STATUS", arg_status);
        if (r >= 0)
                r = add_match(&arguments, "REPRIEVE_KIND", arg_kind);
        if (r >= 0)
                r = add_match(&arguments, "REPRIEVE_REVIEW", arg_review);
        if (r < 0)
                return ctl_oom();
        fflush(stdout);
        (void) execvp(arguments[0], arguments);
        return ctl_complain(CTL_FAILED, _("Cannot run journalctl: %s. Where there is no journal, the entries go to the programs' standard "
                                          "error"), strerror(errno));
}

static const Option log_options[] = {
        { "cycle", 0, "ID", N_("Entries of this cycle alone; \"last\" for the last one"), .value = &arg_cycle },
        { "action", 0, "ACTION", N_("Create, Update, Restore, Disable, Delete, StagedDelete, StagedAction or Skip"), .value = &arg_action },
        { "status", 0, "STATUS", N_("success, failure, skipped or warning"), .value = &arg_status },
        { "kind", 0, "KIND", N_("user or group"), .value = &arg_kind },
        { "review", 0, "ID", N_("What was staged or decided under this review"), .value = &arg_review },
        { "follow", 'f', NULL, N_("Go on with what comes"), .parse = pass, .userdata = (void *) "--follow" },
        { "lines", 'n', "N", N_("The newest N alone"), .parse = pass, .userdata = (void *) "--lines" },
        { "reverse", 'r', NULL, N_("Newest first"), .parse = pass, .userdata = (void *) "--reverse" },
        { "catalog", 'x', NULL, N_("With the help behind each entry"), .parse = pass, .userdata = (void *) "--catalog" },
        { "since", 'S', "TIME", N_("Not older than that"), .parse = pass, .userdata = (void *) "--since" },
        { "until", 'U', "TIME", N_("Not newer than that"), .parse = pass, .userdata = (void *) "--until" },
        { "priority", 'p', "LEVEL", N_("Of this priority and more urgent ones"), .parse = pass, .userdata = (void *) "--priority" },
        { "output", 'o', "FORMAT", N_("As journalctl has them: short, verbose, json, …"), .parse = pass, .userdata = (void *) "--output" },
        CTL_OPTION_JSON,
        CTL_OPTION_NO_PAGER,
        {},
};

const Verb verb_log = { "log", N_("JOB [-- OPTION…]"), N_("Read what a job did, with journalctl."),
                        N_("What comes after \"--\" goes to journalctl as it is, further matches too."), log_options, 1, -1, run_log };
