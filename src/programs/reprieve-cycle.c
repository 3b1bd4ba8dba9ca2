/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One cycle of one job, then gone: started by a timer, by the service, or by hand. It needs no bus: where the private
 * endpoint can be reached it says there how far it is, and where not it works just the same. */
#include "config.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <sysexits.h>

#include <systemd/sd-daemon.h>

#include "connector.h"
#include "engine.h"
#include "file-util.h"
#include "i18n.h"
#include "log.h"
#include "options.h"
#include "time-util.h"
#include "worker-client.h"
#include "worker-task.h"

static bool arg_preview = false, arg_validate = false, arg_scheduled = false, arg_task = false;
static const char *arg_with = NULL, *arg_cycle_id = NULL, *arg_on_demand = NULL;
static ObjectKind arg_kind;

static volatile sig_atomic_t stop_requested = 0;

static void request_stop(int sig) {
        stop_requested = 1;
}

static int parse_cycle_id(const char *value, void *userdata, Error **ret_error) {
        if (strlen(value) != 32 || strspn(value, "0123456789abcdef") != 32)
                return error_set(ret_error, -EINVAL, "expected 32 hexadecimal digits");
        arg_cycle_id = value;
        return 0;
}

static int parse_on_demand(const char *value, void *userdata, Error **ret_error) {
        for (ObjectKind k = 0; k < _OBJECT_KIND_MAX; k++) {
                const char *id = startswith(value, object_kind_to_string(k));

                if (id && id[0] == ':' && id[1] != '\0') {
                        arg_kind = k;
                        arg_on_demand = id + 1;
                        return 0;
                }
        }
        return error_set(ret_error, -EINVAL, "expected user:ID or group:ID");
}

static const Option own_options[] = {
        { .name = "preview", .help = N_("Print the plan as JSON, its verdict last, and change nothing"), .flag = &arg_preview },
        { .name = "with", .argument = "FILE", .help = N_("With --preview: use FILE in the place of the job's own file"), .value = &arg_with },
        { .name = "validate", .help = N_("Only try to open source and target, and say what came of it as JSON"), .flag = &arg_validate },
        { .name = "task", .help = N_("Do what clients asked the service to do for this job, as reprieve-task@JOB.service does"), .flag = &arg_task },
        { .name = "on-demand", .argument = "KIND:ID", .help = N_("Only this object, guarded like a cycle; prints each step as JSON"), .parse = parse_on_demand },
        { .name = "scheduled", .help = N_("Do nothing while the job is paused or waits after a failure, as its timer does"), .flag = &arg_scheduled },
        { .name = "cycle-id", .argument = "ID", .help = N_("Give the cycle this id (32 hexadecimal digits)"), .parse = parse_cycle_id },
        {}
};

static const OptionsHelp help = {
        .program = "reprieve-cycle",
        .usage = N_("[OPTION…] JOB"),
        .summary = N_("Run one cycle of a provisioning job."),
        .details = N_("Exit status: 0 the cycle ended well, even if removals are staged; 1 it failed or the source was not\n"
                      "read whole; 2 usage or configuration; 75 another cycle of this job is running."),
        .manual = "reprieve-cycle(8)",
};

/* ---- progress ---- */

typedef struct Reporter {
        const char *runtime_dir, *job;
        WorkerClient *worker;     /* NULL where no service listens */
        uint64_t last_usec;
        bool quiet;
} Reporter;

static void report_start(const char *cycle_id, void *userdata) {
        Reporter *r = userdata;
        int k;

        k = worker_client_new(r->runtime_dir, r->job, cycle_id, &r->worker);
        if (k < 0)
                log_warning_errno(k, "Failed to start the thread that tells the service of this cycle: %m");
}

static void report_progress(const char *phase, uint64_t done, uint64_t total, void *userdata) {
        Reporter *r = userdata;
        uint64_t now = clock_monotonic();

        worker_client_progress(r->worker, phase, done, total);
        /* Ten times a second is more than anybody reads. */
        if (r->quiet || now - r->last_usec < 100 * USEC_PER_MSEC)
                return;
        r->last_usec = now;
        if (total > 0)
                (void) sd_notifyf(0, "STATUS=%s: %llu of %llu", phase, (unsigned long long) done,
                                  (unsigned long long) total);
        else
                (void) sd_notifyf(0, "STATUS=%s: %llu", phase, (unsigned long long) done);
}

/* ---- what it can be asked for ---- */

static void put_result(const char *what, int r, const Error *error) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;

        strbuf_printf(&b, "{\"what\":\"%s\",\"ok\":%s,\"message\":", what, r < 0 ? "false" : "true");
        strbuf_json(&b, r < 0 ? error_text(error, r) : "");
        strbuf_puts(&b, "}\n");
        if (strbuf_check(&b) >= 0)
                (void) fputs(b.data, stdout);
}

static int validate(const JobConfig *config) {
        _cleanup_(source_freep) Source *source = NULL;
        _cleanup_(target_freep) Target *target = NULL;
        _cleanup_error_ Error *source_error = NULL, *target_error = NULL;
        int rs, rt;

        rs = source_open(&config->source, &source, &source_error);
        put_result("source", rs, source_error);
        rt = target_open(&config->target, &target, &target_error);
        if (rt >= 0)
                rt = target_writable(target, &target_error);
        put_result("target", rt, target_error);
        return rs < 0 || rt < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* A timer's cycle keeps away from a paused job, and from one whose next attempt is still to come (Q10). */
static bool is_due(const CycleOptions *options) {
        _cleanup_(ledger_freep) Ledger *ledger = NULL;
        _cleanup_job_state_ JobState state = {};
        uint64_t now = clock_now();
        bool due;

        if (ledger_open_to_look(options->state_dir, options->config->name, &ledger, NULL) < 0 ||
            ledger_get_state(ledger, &state) < 0)
                return options->config->enabled;
        /* No gap is longer than a day (Q10): what lies further ahead was written by a clock that has been set back since. */
        due = !state.paused && (now >= state.next_attempt || state.next_attempt - now > USEC_PER_DAY);
        if (!due)
                log_info("Job \"%s\" is %s: no cycle now.", options->config->name,
                         state.paused ? "paused" : "waiting after a failure");
        return due;
}

/* What kept a cycle from being run at all, as an exit status. */
static int report_refusal(const CycleOptions *options, int r, const Error *error) {
        if (r == CYCLE_E_BUSY) {
                log_notice("Another cycle of job \"%s\" is running.", options->config->name);
                return EX_TEMPFAIL;
        }
        if (r == CYCLE_E_DISABLED) {
                log_error("Job \"%s\" is disabled, because it failed for 28 days; \"reprievectl start %s\" enables it again.",
                          options->config->name, options->config->name);
                return EXIT_FAILURE;
        }
        if (r < 0) {
                log_error("Failed to run a cycle of job \"%s\": %s.", options->config->name, error_text(error, r));
                return EXIT_FAILURE;
        }
        return EXIT_SUCCESS;
}

static int run_on_demand(const CycleOptions *options) {
        _cleanup_error_ Error *error = NULL;
        int r;

        r = cycle_on_demand(options, arg_kind, arg_on_demand, STDOUT_FILENO, &error);
        return report_refusal(options, r, error);
}

static int run_cycle(const CycleOptions *options) {
        _cleanup_error_ Error *error = NULL;
        CycleRecord record = {};
        bool failed;
        int r;

        if (arg_scheduled && !is_due(options))
                return EXIT_SUCCESS;
        r = cycle_run(options, &record, &error);
        if (r != 0)
                return report_refusal(options, r, error);
        (void) sd_notifyf(0, "STATUS=Last cycle: %s.", cycle_result_to_string(record.result));
        failed = record.result == CYCLE_FAILED || record.result == CYCLE_INCOMPLETE;
        cycle_record_done(&record);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* The same program runs each task, with our options. */
static int serve_tasks(const CommonOptions *common, const char *job) {
        _cleanup_free_ char *config_dir = NULL, *state_dir = NULL, *runtime_dir = NULL;
        char *command[] = { (char *) "/proc/self/exe", NULL, NULL, NULL, NULL };
        _cleanup_error_ Error *error = NULL;
        int r = -ENOMEM;

        if (asprintf(&config_dir, "--config-dir=%s", common->config_dir) >= 0 &&
            asprintf(&state_dir, "--state-dir=%s", common->state_dir) >= 0 &&
            asprintf(&runtime_dir, "--runtime-dir=%s", common->runtime_dir) >= 0) {
                command[1] = config_dir;
                command[2] = state_dir;
                command[3] = runtime_dir;
                r = worker_serve_tasks(common->runtime_dir, job, command, &error);
        }
        if (r < 0)
                log_error("Failed to serve the tasks of job \"%s\": %s.", job, error_text(error, r));
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char *argv[]) {
        _cleanup_(job_config_freep) JobConfig *config = NULL;
        _cleanup_error_ Error *error = NULL;
        Reporter reporter = {};
        CommonOptions common;
        const char *job;
        int r, first;

        (void) setlocale(LC_ALL, "");
        (void) bindtextdomain(PACKAGE, LOCALEDIR);
        (void) textdomain(PACKAGE);
        log_setup("reprieve-cycle");

        r = options_parse(argc, argv, &help, own_options, &common, &first);
        if (r != 0)
                return r < 0 ? 2 : EXIT_SUCCESS;
        if (argc - first != 1 || (arg_with && !arg_preview)) {
                fprintf(stderr, arg_with && !arg_preview ? _("%s: --with= goes with --preview.\n")
                                                         : _("%s: name one job; see --help.\n"), "reprieve-cycle");
                return 2;
        }
        job = argv[first];
        if (arg_task)
                return serve_tasks(&common, job);
        r = arg_with ? job_config_load_file(common.config_dir, job, arg_with, &config, &error)
                     : job_config_load(common.config_dir, job, &config, &error);
        if (r < 0) {
                const char *caret = strchr(error_text(error, r), '\n');

                log_error("Failed to load job \"%s\": %.*s.", job, ERROR_LINE(error, r));
                if (caret && isatty(STDERR_FILENO))
                        fprintf(stderr, "%s\n", caret + 1);
                return 2;
        }

        r = become_owner(common.state_dir);
        if (r < 0) {
                log_error_errno(r, "Failed to become the user whom %s belongs to: %m", common.state_dir);
                return EXIT_FAILURE;
        }

        CycleOptions options = { .config = config, .state_dir = common.state_dir, .cycle_id = arg_cycle_id,
                                 .stop = &stop_requested, .progress = report_progress, .started = report_start, .userdata = &reporter };
        struct sigaction sa = { .sa_handler = request_stop };

        reporter.runtime_dir = common.runtime_dir;
        reporter.job = job;
        (void) sigaction(SIGTERM, &sa, NULL);
        (void) sigaction(SIGINT, &sa, NULL);
        (void) signal(SIGPIPE, SIG_IGN);

        if (arg_validate)
                return validate(config);
        if (arg_preview) {
                reporter.quiet = true;
                r = cycle_preview(&options, STDOUT_FILENO, &error);
                if (r < 0)
                        log_error("Failed to preview job \"%s\": %s.", job, error_text(error, r));
                return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        }
        r = arg_on_demand ? run_on_demand(&options) : run_cycle(&options);
        /* After the ledger has it all: the service reads it again when it hears of the end. */
        worker_client_free(reporter.worker);
        return r;
}
