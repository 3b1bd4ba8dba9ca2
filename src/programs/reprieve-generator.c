/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

/* Writes the timers and credential drop-ins of all jobs, as systemd.generator(7) wants it: early in the boot and on
 * every daemon-reload, without talking to anybody. A job file with a mistake stops no other job. */

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "i18n.h"
#include "job-config.h"
#include "log.h"
#include "options.h"
#include "schedule.h"
#include "string-util.h"

static const OptionsHelp help = {
        .program = "reprieve-generator",
        .usage = N_("[OPTION…] NORMAL-DIR [EARLY-DIR LATE-DIR]"),
        .summary = N_("Write the timers and credential settings of all jobs. systemd runs this."),
        .manual = "reprieve-generator(8)",
};

/* In front of messages that go to the kernel's log, which knows no sender. */
static char log_prefix[64] = "";

/* systemd runs us with nowhere to write to. While journald runs (a daemon-reload) it takes what we say; while it does
 * not yet (the boot), the kernel's log keeps it for journald. */
static void find_a_log(void) {
        int fd;

        if (!getenv("SYSTEMD_SCOPE"))
                return;
        if (access("/run/systemd/journal/socket", W_OK) == 0) {
                log_set_target(LOG_TARGET_JOURNAL);
                return;
        }
        fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC | O_NOCTTY);
        if (fd < 0)
                return;
        (void) dup2(fd, STDERR_FILENO);
        (void) close(fd);
        log_set_target(LOG_TARGET_STDERR);
        (void) snprintf(log_prefix, sizeof(log_prefix), "reprieve-generator[%d]: ", (int) getpid());
}

static void log_config_error(const Error *error, int code, const char *what_follows, const char *job) {
        if (job)
                log_error("%s%.*s; job %s %s.", log_prefix, ERROR_LINE(error, code), job, what_follows);
        else
                log_error("%s%.*s; %s.", log_prefix, ERROR_LINE(error, code), what_follows);
}

static int generate_job(const char *dir, const char *config_dir, const char *name) {
        _cleanup_(job_config_freep) JobConfig *c = NULL;
        _cleanup_error_ Error *error = NULL;
        bool is_whole;
        int r;

        r = job_config_load_schedule(config_dir, name, &c, &error);
        if (r == -ENOMEM)
                return r;
        if (r < 0) {
                log_config_error(error, r, "has no timer until this is mended and systemd reloaded", name);
                return 0;
        }
        is_whole = r == 0;
        if (r == JOB_CONFIG_E_SCHEDULE_ONLY)
                log_config_error(error, -EINVAL,
                                 "keeps its timer, but its credentials are not set up until this is mended and "
                                 "systemd reloaded",
                                 name);
        error = error_free(error);

        r = schedule_write_units(dir, c, is_whole, &error);
        if (r < 0)
                log_config_error(error, r, "lacks units", name);
        return r;
}

static int generate_notify(const char *dir, const char *config_dir) {
        _cleanup_(mail_config_freep) MailConfig *c = NULL;
        _cleanup_error_ Error *error = NULL;
        int r;

        r = mail_config_load(config_dir, &c, &error);
        if (r == -ENOMEM)
                return r;
        if (r < 0) {
                log_config_error(error, r, "no mail can be sent until this is mended and systemd reloaded", NULL);
                return 0;
        }
        r = schedule_write_notify_units(dir, c, &error);
        if (r < 0)
                log_config_error(error, r, "reprieve-notify gets no credentials", NULL);
        return r;
}

/* Goes on after what fails, and returns the first failure. */
static int generate(const char *dir, const char *config_dir) {
        _cleanup_strv_ char **names = NULL;
        int r, result;

        result = generate_notify(dir, config_dir);
        r = job_config_list(config_dir, &names);
        if (r < 0) {
                log_error_errno(r, "%sFailed to list the jobs in %s/jobs.d: %m", log_prefix, config_dir);
                return r;
        }
        for (size_t i = 0; names[i]; i++) {
                r = generate_job(dir, config_dir, names[i]);
                if (r < 0 && result == 0)
                        result = r;
        }
        return result;
}

int main(int argc, char *argv[]) {
        CommonOptions options;
        int r, first;

        (void) setlocale(LC_ALL, "");
        (void) bindtextdomain(PACKAGE, LOCALEDIR);
        (void) textdomain(PACKAGE);
        log_setup("reprieve-generator");
        find_a_log();
        umask(0022);

        r = options_parse(argc, argv, &help, NULL, &options, &first);
        if (r == OPTIONS_DONE)
                return EXIT_SUCCESS;
        if (r < 0)
                return 2;
        /* One folder, for a look by hand, or the three that systemd gives; ours go into the normal one. */
        if (argc - first != 1 && argc - first != 3) {
                fprintf(stderr, _("%s: expected one folder or three\n"), help.program);
                return 2;
        }
        r = generate(argv[first], options.config_dir);
        if (r == -ENOMEM)
                log_error_errno(r, "%sFailed to generate units: %m", log_prefix);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
