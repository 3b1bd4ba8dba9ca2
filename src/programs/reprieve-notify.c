/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sends the mail that waits in the outboxes of all jobs, queues the reminders that are due, and leaves. Started by
 * the end of a cycle and by a timer; needs no running service. Talks to the mail server alone: no source, no
 * target, no bus. */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <stdio.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "courier.h"
#include "credential.h"
#include "file-util.h"
#include "i18n.h"
#include "log.h"
#include "mail-address.h"
#include "mail-text.h"
#include "options.h"
#include "smtp.h"
#include "time-util.h"

/* sysexits(3): mail waits that did not go out when it was tried. */
#define EXIT_STUCK 75

static bool arg_print_next = false;
static bool arg_all = false;
static const char *arg_timeout = NULL;
static const char *arg_locale_dir = NULL;

static const Option options[] = {
        { .name = "print-next",
          .help = N_("Print when the next mail or reminder is due, and send nothing"),
          .flag = &arg_print_next },
        { .name = "all", .help = N_("Also try the mail that waits for its next attempt"), .flag = &arg_all },
        { .name = "timeout",
          .argument = N_("TIME"),
          .help = N_("Wait so long for an answer of the server (default: 10min)"),
          .value = &arg_timeout },
        { .name = "locale-dir",
          .argument = N_("FOLDER"),
          .help = N_("Look for the translations of the mail there"),
          .value = &arg_locale_dir },
        {},
};

static const OptionsHelp help = {
        .program = "reprieve-notify",
        .usage = N_("[OPTION…]"),
        .summary = N_("Sends the mail of all jobs that is due, and the reminders of open reviews."),
        .details = N_("Exit status: 0 nothing is stuck, 75 some mail did not go out and is tried again, 1 another "
                      "failure."),
        .manual = "reprieve-notify(8)",
};

/* What is known of the server, ready for the courier. */
typedef struct Server {
        MailConfig *config;
        Credential password, certificate;
        char *from_name, *from;
        char *description;              /* for noticing an edit; no secret */
        char *problem;                  /* why nothing can be sent */
        SmtpTls tls;
        uint64_t timeout_usec;
        Smtp *smtp;                     /* made with the first mail */
} Server;

static void server_done(Server *s) {
        smtp_free(s->smtp);
        credential_done(&s->password);
        credential_done(&s->certificate);
        mail_config_free(s->config);
        free(s->from_name);
        free(s->from);
        free(s->description);
        free(s->problem);
}

static const char *server_url(const Server *s) {
        return s->config && s->config->server ? s->config->server : "smtp://localhost";
}

/* reprieve@this-host, where From= is not set. */
static int default_from(char **ret) {
        char host[256] = "";

        if (gethostname(host, sizeof(host) - 1) < 0)
                return -errno;
        if (asprintf(ret, "reprieve@%s", host) < 0)
                return -ENOMEM;
        if (mail_address_check(*ret, NULL) == 0)
                return 0;
        free(*ret);
        *ret = strdup("reprieve@localhost");
        return *ret ? 0 : -ENOMEM;
}

/* A problem of the configuration does not end the program: it is written to every job that has mail. */
static int server_load(Server *s, const char *config_dir) {
        _cleanup_error_ Error *error = NULL;
        int r;

        r = mail_config_load(config_dir, &s->config, &error);
        if (r == 0 && s->config->from)
                r = mail_address_parse(s->config->from, &s->from_name, &s->from, NULL);
        if (r == 0 && s->config->credential)
                r = credential_read(s->config->credential, &s->password, &error);
        if (r == 0 && s->config->client_certificate)
                r = credential_read(s->config->client_certificate, &s->certificate, &error);
        if (r == -ENOMEM)
                return r;
        if (r < 0 && !(s->problem = strdup(error_text(error, r))))
                return -ENOMEM;
        if (!s->from) {
                r = default_from(&s->from);
                if (r < 0)
                        return r;
        }
        s->tls = s->config ? smtp_tls_choose(s->config) : SMTP_TLS_REQUIRED;
        if (asprintf(&s->description, "%s %s %s %s", smtp_tls_to_string(s->tls),
                     s->config ? strempty(s->config->user) : "",
                     s->config ? strempty(s->config->client_certificate) : "",
                     s->config ? strempty(s->config->certificate_authority) : "") < 0) {
                s->description = NULL;
                return -ENOMEM;
        }
        return 0;
}

static int send_message(void *userdata, const char *from, const char *to, const char *message, size_t size,
                        Error **ret_error) {
        Server *s = userdata;
        int r;

        if (!s->smtp) {
                r = smtp_new(&(SmtpSettings) { .server = server_url(s),
                                               .user = s->config->user,
                                               .password = s->password.data,
                                               .client_certificate = s->certificate.data,
                                               .client_certificate_size = s->certificate.size,
                                               .ca_file = s->config->certificate_authority,
                                               .tls = s->tls,
                                               .response_timeout_usec = s->timeout_usec },
                             &s->smtp, ret_error);
                if (r == -EINVAL)
                        return SMTP_E_UNUSABLE;
                if (r < 0)
                        return r;
        }
        return smtp_send(s->smtp, from, to, message, size, ret_error);
}

/* ---- the journal ---- */

static void log_report(const CourierReport *r, void *userdata) {
        _cleanup_log_entry_ LogEntry e = LOG_ENTRY_INIT;
        char when[64];

        switch (r->outcome) {
        case COURIER_SENT:
                log_entry_begin(&e, LOG_INFO, REPRIEVE_MESSAGE_NOTIFICATION_SENT);
                log_entry_message(&e, "Mail %s of job %s was accepted for %s.", r->event, r->job, r->recipient);
                break;
        case COURIER_FAILED:
                log_entry_begin(&e, LOG_ERR, REPRIEVE_MESSAGE_NOTIFICATION_FAILING);
                log_entry_message(&e, "Failed to send mail %s of job %s%s%s, next attempt %s: %s", r->event, r->job,
                                  r->recipient ? " to " : "", strempty(r->recipient),
                                  timestamp_format(r->next_attempt, when), r->error);
                break;
        case COURIER_NOBODY:
                log_entry_begin(&e, LOG_WARNING, REPRIEVE_MESSAGE_NOTIFICATION_NOBODY);
                log_entry_message(
                        &e, "Mail %s of job %s was taken out of the outbox: nobody is named by Email= any more.",
                        r->event, r->job);
                break;
        case COURIER_JOB_FAILED:
                log_entry_begin(&e, LOG_ERR, REPRIEVE_MESSAGE_NOTIFICATION_FAILING);
                log_entry_message(&e, "Failed to use the outbox of job %s: %s", r->job, r->error);
                break;
        }
        log_entry_field(&e, "REPRIEVE_JOB", r->job);
        log_entry_field(&e, "REPRIEVE_EVENT", r->event);
        log_entry_field(&e, "REPRIEVE_REVIEW", r->review);
        log_entry_field(&e, "REPRIEVE_RECIPIENT", r->recipient);
        log_entry_field(&e, "REPRIEVE_MAIL", r->message_id);
        log_entry_field(&e, "REPRIEVE_ERROR", r->error);
        if (r->attempts > 0)
                log_entry_field_u64(&e, "REPRIEVE_ATTEMPTS", r->attempts);
        (void) log_entry_send(&e);
}

/* ---- one instance ---- */

/* Nobody's mail may fall between two instances: of those that come while one runs, one waits and looks again, and
 * the others may leave, because that one comes after them. Returns the descriptor of the lock. -EAGAIN: leave. */
static int lock_outboxes(const char *state_dir) {
        _cleanup_free_ char *next_path = path_join(state_dir, "notify.next"),
                            *path = path_join(state_dir, "notify.lock");
        _cleanup_close_ int next = -1;

        if (!next_path || !path)
                return -ENOMEM;
        next = file_lock(next_path, false);
        if (next < 0)
                return next;
        return file_lock(path, true);
}

static int print_next(const CourierSettings *settings) {
        CourierResult result;
        int r;

        r = courier_look(settings, clock_now(), &result);
        if (r < 0)
                return r;
        if (result.next_attempt != USEC_INFINITY)
                printf("@%" PRIu64 "\n", (result.next_attempt + USEC_PER_SEC - 1) / USEC_PER_SEC);
        return result.failed_jobs > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static void tell_systemd(const CourierResult *result) {
        char when[64];

        if (result->next_attempt == USEC_INFINITY)
                (void) sd_notify(0, "STATUS=No mail waits.");
        else
                (void) sd_notifyf(0, "STATUS=%" PRIu64 " mails wait, %" PRIu64 " of them stuck; next is due %s.",
                                  result->waiting, result->stuck, timestamp_format(result->next_attempt, when));
}

static int run(const CommonOptions *common) {
        _cleanup_(server_done) Server server = {};
        CourierSettings settings = {};
        CourierResult result;
        int r;

        if (arg_timeout &&
            (duration_parse(arg_timeout, &server.timeout_usec) < 0 || server.timeout_usec < USEC_PER_SEC)) {
                log_error("--timeout= takes a time of at least a second, such as 30s, not %s.", arg_timeout);
                return EXIT_FAILURE;
        }
        r = server_load(&server, common->config_dir);
        if (r < 0)
                return log_error_errno(r, "Failed to load the settings of the mail server: %m");
        settings = (CourierSettings) {
                .config_dir = common->config_dir,
                .state_dir = common->state_dir,
                .try_all = arg_all,
                .server = server_url(&server),
                .server_settings = server.description,
                .from_name = server.from_name,
                .from = server.from,
                .unusable = server.problem,
                .send = send_message,
                .send_userdata = &server,
                .report = log_report,
        };
        if (arg_print_next)
                return print_next(&settings);

        r = courier_run(&settings, clock_now(), &result);
        if (r < 0)
                return log_error_errno(r, "Failed to look at the outboxes in %s: %m", common->state_dir);
        tell_systemd(&result);
        if (result.failed_jobs > 0)
                return EXIT_FAILURE;
        return result.stuck > 0 ? EXIT_STUCK : EXIT_SUCCESS;
}

int main(int argc, char *argv[]) {
        _cleanup_close_ int lock = -1;
        CommonOptions common;
        int r;

        (void) setlocale(LC_ALL, "");
        log_setup("reprieve-notify");
        mail_text_setup(NULL);

        r = options_parse(argc, argv, &help, options, &common, NULL);
        if (r == OPTIONS_DONE)
                return EXIT_SUCCESS;
        if (r < 0)
                return 2;
        if (arg_locale_dir)
                mail_text_setup(arg_locale_dir);

        r = become_owner(common.state_dir);
        if (r < 0) {
                log_error_errno(r, "Failed to become the user whom %s belongs to: %m", common.state_dir);
                return EXIT_FAILURE;
        }
        if (!arg_print_next) {
                lock = lock_outboxes(common.state_dir);
                /* Another one comes after us, or there is no job yet. */
                if (lock == -EAGAIN || lock == -ENOENT)
                        return EXIT_SUCCESS;
                if (lock < 0) {
                        log_error_errno(lock, "Failed to lock the outboxes in %s: %m", common.state_dir);
                        return EXIT_FAILURE;
                }
        }
        r = run(&common);
        return r < 0 ? EXIT_FAILURE : r;
}
