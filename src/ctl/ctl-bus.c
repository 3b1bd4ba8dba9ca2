/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

/* The connection, and what becomes of its errors: a sentence, a hint and an exit status. */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "ctl-table.h"
#include "ctl-terminal.h"
#include "ctl.h"
#include "file-util.h"
#include "i18n.h"
#include "log.h"
#include "time-util.h"

bool arg_json = false, arg_no_legend = false, arg_no_pager = false, arg_yes = false;

int ctl_complain(int status, const char *fmt, ...) {
        _cleanup_free_ char *text = NULL, *shown = NULL;
        va_list ap;

        va_start(ap, fmt);
        if (vasprintf(&text, fmt, ap) < 0)
                text = NULL;
        va_end(ap);
        /* What the service says may quote names from outside. */
        shown = text ? text_escape_lines(text, strlen("reprievectl: ")) : NULL;
        fprintf(stderr, "reprievectl: %s\n", shown ? shown : _("Out of memory"));
        return status;
}

int ctl_oom(void) {
        return ctl_complain(CTL_FAILED, "%s", _("Out of memory"));
}

int ctl_malformed(void) {
        return ctl_complain(CTL_FAILED, "%s", _("The service made an answer that this version does not understand; are both of the "
                                                "same version? See \"reprievectl --version\""));
}

static bool service_did_not_start(const Error *error) {
        return error && error->id &&
               (startswith(error->id, "org.freedesktop.DBus.Error.Spawn.") || startswith(error->id, "org.freedesktop.systemd1."));
}

int ctl_exit_status(int r, const Error *error) {
        if (service_did_not_start(error))
                return CTL_UNREACHABLE;
        switch (bus_error_from_name(error ? error->id : NULL)) {
        case BUS_ERROR_NO_SUCH_JOB:
        case BUS_ERROR_NO_SUCH_REVIEW:
        case BUS_ERROR_NO_SUCH_OBJECT:
        case BUS_ERROR_UNKNOWN_OBJECT:
                return CTL_NO_SUCH;
        case BUS_ERROR_ACCESS_DENIED:
        case BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED:
        case BUS_ERROR_AUTH_FAILED:
                return CTL_DENIED;
        case BUS_ERROR_TIMEOUT:
        case BUS_ERROR_NO_REPLY:
        case BUS_ERROR_DISCONNECTED:
        case BUS_ERROR_NO_SERVER:
        case BUS_ERROR_SERVICE_UNKNOWN:
        case BUS_ERROR_NAME_HAS_NO_OWNER:
                return CTL_UNREACHABLE;
        case BUS_ERROR_FAILED:
        case BUS_ERROR_NO_MEMORY:
        case BUS_ERROR_INVALID_ARGS:
        case BUS_ERROR_LIMITS_EXCEEDED:
        case BUS_ERROR_NOT_SUPPORTED:
        case BUS_ERROR_FILE_NOT_FOUND:
        case BUS_ERROR_FILE_EXISTS:
        case BUS_ERROR_IO_ERROR:
        case BUS_ERROR_UNKNOWN_INTERFACE:
        case BUS_ERROR_UNKNOWN_METHOD:
        case BUS_ERROR_UNKNOWN_PROPERTY:
        case BUS_ERROR_PROPERTY_READ_ONLY:
        case BUS_ERROR_INVALID_SIGNATURE:
        case BUS_ERROR_INCONSISTENT_MESSAGE:
        case BUS_ERROR_JOB_EXISTS:
        case BUS_ERROR_JOB_BUSY:
        case BUS_ERROR_JOB_NOT_EMPTY:
        case BUS_ERROR_JOB_DISABLED:
        case BUS_ERROR_JOB_PAUSED:
        case BUS_ERROR_INVALID_SETTINGS:
        case BUS_ERROR_INVALID_SCOPE:
        case BUS_ERROR_LAUNCH_FAILED:
        case BUS_ERROR_LEDGER_FAILED:
        case BUS_ERROR_CONNECTION_FAILED:
        case BUS_ERROR_NOTIFICATION_FAILED:
        case _BUS_ERROR_MAX:
                return CTL_FAILED;
        }
        return CTL_FAILED;
}

/* A hint whose commands begin with "%s" (how to call us) and may name the job in a second "%s". NULL: none. */
static const char *hint_of(const Error *error, bool has_job) {
        if (service_did_not_start(error))
                return N_("The service could not be started; look at: systemctl status reprieved.service");
        switch (bus_error_from_name(error ? error->id : NULL)) {
        case BUS_ERROR_NO_SUCH_JOB:
        case BUS_ERROR_UNKNOWN_OBJECT:
                return N_("These jobs are there: %s list");
        case BUS_ERROR_NO_SUCH_REVIEW:
                return has_job ? N_("What waits for a decision now: %s status %s") : NULL;
        case BUS_ERROR_NO_SUCH_OBJECT:
                return has_job ? N_("See what there is: %1$s staged %2$s, %1$s held %2$s") : NULL;
        case BUS_ERROR_ACCESS_DENIED:
        case BUS_ERROR_AUTH_FAILED:
                return N_("Try again as root, or as a user whom polkit allows it (actions org.reprieve1.*)");
        case BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED:
                return N_("This asks for a password: try again in a terminal or desktop session, or as root");
        case BUS_ERROR_NO_SERVER:
        case BUS_ERROR_SERVICE_UNKNOWN:
        case BUS_ERROR_NAME_HAS_NO_OWNER:
        case BUS_ERROR_DISCONNECTED:
                return N_("Is the service there? Look at: systemctl status reprieved.socket reprieved.service");
        case BUS_ERROR_TIMEOUT:
        case BUS_ERROR_NO_REPLY:
                return N_("The service is there but does not answer; look at: journalctl -u reprieved.service");
        case BUS_ERROR_JOB_BUSY:
                return has_job ? N_("See how far it is: %s status %s") : NULL;
        case BUS_ERROR_JOB_NOT_EMPTY:
                return has_job ? N_("To forget its links as well, and leave the target as it is: %s remove --force %s") : NULL;
        case BUS_ERROR_JOB_DISABLED:
        case BUS_ERROR_JOB_PAUSED:
                return has_job ? N_("To let it run again: %s start %s") : NULL;
        case BUS_ERROR_JOB_EXISTS:
                return has_job ? N_("To change it: %1$s set %2$s Section.Key=VALUE, or edit its file and run: %1$s reload") : NULL;
        case BUS_ERROR_INVALID_SETTINGS:
                return N_("Correct that and try again");
        case BUS_ERROR_LAUNCH_FAILED:
                return N_("Look at: systemctl status 'reprieve-*'");
        case BUS_ERROR_CONNECTION_FAILED:
                return has_job ? N_("Try source and target one by one: %s validate %s") : NULL;
        case BUS_ERROR_NOTIFICATION_FAILED:
                return has_job ? N_("To say who is to be notified: %s set %s NotificationEmail=ADDRESS") : NULL;
        case BUS_ERROR_UNKNOWN_INTERFACE:
        case BUS_ERROR_UNKNOWN_METHOD:
        case BUS_ERROR_UNKNOWN_PROPERTY:
                return N_("Service and reprievectl seem to be of different versions; restart the service after an upgrade");
        case BUS_ERROR_FAILED:
        case BUS_ERROR_NO_MEMORY:
        case BUS_ERROR_INVALID_ARGS:
        case BUS_ERROR_LIMITS_EXCEEDED:
        case BUS_ERROR_NOT_SUPPORTED:
        case BUS_ERROR_FILE_NOT_FOUND:
        case BUS_ERROR_FILE_EXISTS:
        case BUS_ERROR_IO_ERROR:
        case BUS_ERROR_PROPERTY_READ_ONLY:
        case BUS_ERROR_INVALID_SIGNATURE:
        case BUS_ERROR_INCONSISTENT_MESSAGE:
        case BUS_ERROR_INVALID_SCOPE:
        case BUS_ERROR_LEDGER_FAILED:
        case _BUS_ERROR_MAX:
                return NULL;
        }
        return NULL;
}

int ctl_fail(const Ctl *c, const char *job, int r, const Error *error) {
        const char *hint = hint_of(error, job != NULL);
        _cleanup_free_ char *quoted = NULL, *text = NULL, *shown = NULL;

        (void) ctl_complain(0, "%s", error_text(error, r));
        if (hint) {
                quoted = job ? shell_quote(job) : strdup("");
                /* Translations keep the order of the two arguments or name them (%1$s); the table above is ours. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
                if (!quoted || asprintf(&text, _(hint), c->self, quoted) < 0)
                        text = NULL;
#pragma GCC diagnostic pop
                shown = text ? text_escape(text) : NULL;
                if (shown)
                        fprintf(stderr, "%s\n", shown);
        }
        return ctl_exit_status(r, error);
}

int ctl_connect(Ctl *c) {
        _cleanup_error_ Error *error = NULL;
        _cleanup_free_ char *socket = NULL;
        int r, status;

        if (c->client)
                return CTL_OK;
        r = bus_client_connect(c->common.bus, CTL_SERVICE, &c->client, &error);
        c->on_system_bus = r >= 0 && streq(c->common.bus, "system");
        if (r < 0 && streq(c->common.bus, "system")) {
                socket = path_join(c->common.runtime_dir, "bus");
                if (!socket)
                        return ctl_oom();
                if (access(socket, R_OK | W_OK) >= 0) {
                        log_debug("The system bus cannot be reached (%s), using %s.", error_text(error, r), socket);
                        r = bus_client_connect(socket, CTL_SERVICE, &c->client, NULL);
                }
        }
        if (r >= 0)
                return CTL_OK;
        (void) ctl_complain(0, _("Cannot connect to %s: %s"), c->common.bus, error_text(error, r));
        status = ctl_exit_status(r, error);
        fprintf(stderr, "%s\n", status == CTL_DENIED ? _("Try again as root")
                                                     : _("Is the service there? Look at: systemctl status reprieved.socket "
                                                         "reprieved.service"));
        return status == CTL_DENIED ? status : CTL_UNREACHABLE;
}

int ctl_job_path(Ctl *c, const char *job, char **ret) {
        _cleanup_bus_message_ BusMessage *reply = NULL;
        _cleanup_error_ Error *error = NULL;
        const char *path;
        int r;

        r = ctl_connect(c);
        if (r != CTL_OK)
                return r;
        r = bus_client_call(c->client, CTL_PATH, CTL_MANAGER, "GetJob", CTL_TIMEOUT_USEC, &reply, &error, "s", job);
        if (r < 0)
                return ctl_fail(c, job, r, error);
        r = bus_message_read(reply, "o", &path);
        if (r < 0)
                return ctl_malformed();
        *ret = strdup(path);
        return *ret ? CTL_OK : ctl_oom();
}

int ctl_job_call(Ctl *c, const char *job, const char *method) {
        _cleanup_error_ Error *error = NULL;
        _cleanup_free_ char *path = NULL;
        int r;

        r = ctl_job_path(c, job, &path);
        if (r != CTL_OK)
                return r;
        agent_open(c->on_system_bus);
        r = bus_client_call(c->client, path, CTL_JOB, method, USEC_INFINITY, NULL, &error, "");
        return r < 0 ? ctl_fail(c, job, r, error) : CTL_OK;
}
