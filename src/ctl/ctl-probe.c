/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

/* Verbs that try things out: validate, test-mail, provision. */

#include <stdio.h>

#include "ctl-table.h"
#include "ctl-terminal.h"
#include "ctl.h"
#include "i18n.h"
#include "time-util.h"

static int call(Ctl *c, const char *job, const char *method, BusMessage **ret, const char *kind, const char *id) {
        _cleanup_error_ Error *error = NULL;
        _cleanup_free_ char *path = NULL;
        int r;

        r = ctl_job_path(c, job, &path);
        if (r != CTL_OK)
                return r;
        agent_open(c->on_system_bus);
        r = kind ? bus_client_call(c->client, path, CTL_JOB, method, USEC_INFINITY, ret, &error, "ss", kind, id)
                 : bus_client_call(c->client, path, CTL_JOB, method, USEC_INFINITY, ret, &error, "");
        return r < 0 ? ctl_fail(c, job, r, error) : CTL_OK;
}

static int put_json(const char *const names[3], const char *first, const char *second, bool is_flag, const char *third) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;

        strbuf_printf(&b, "{\"%s\":", names[0]);
        strbuf_json(&b, first);
        strbuf_printf(&b, ",\"%s\":", names[1]);
        if (is_flag)
                strbuf_puts(&b, second);
        else
                strbuf_json(&b, second);
        strbuf_printf(&b, ",\"%s\":", names[2]);
        strbuf_json(&b, third);
        strbuf_putc(&b, '}');
        if (strbuf_check(&b) < 0)
                return ctl_oom();
        puts(b.data);
        return CTL_OK;
}

/* ---- validate ---- */

static int run_validate(Ctl *c, int n, char *argv[]) {
        static const char *const names[] = { "what", "ok", "message" };
        const TableColumn columns[] = { { _("WHAT"), 0 }, { _("RESULT"), 0 }, { _("MESSAGE"), TABLE_SHRINK } };
        _cleanup_(table_freep) Table *t = table_new(columns, ELEMENTSOF(columns));
        _cleanup_bus_message_ BusMessage *reply = NULL;
        int r, status = CTL_OK;

        if (!t)
                return ctl_oom();
        r = call(c, argv[0], "ValidateConnections", &reply, NULL, NULL);
        if (r != CTL_OK)
                return r;
        r = bus_message_enter(reply, 'a', "(sbs)");
        while (r >= 0 && bus_message_more(reply)) {
                const char *what, *message;
                bool ok;

                r = bus_message_read(reply, "(sbs)", &what, &ok, &message);
                if (r < 0)
                        break;
                if (!ok)
                        status = CTL_FAILED;
                if (arg_json) {
                        if (put_json(names, what, ok ? "true" : "false", true, message) != CTL_OK)
                                return CTL_FAILED;
                        continue;
                }
                table_add(t, what);
                table_add_color(t, ok ? CTL_COLOR_GREEN : CTL_COLOR_RED, ok ? _("ok") : _("failed"));
                table_add(t, message);
        }
        if (r < 0)
                return ctl_malformed();
        if (!arg_json && table_print(t, stdout, !arg_no_legend) < 0)
                return ctl_oom();
        return status;
}

static const Option probe_options[] = { CTL_OPTION_JSON, CTL_OPTION_NO_LEGEND, {} };

const Verb verb_validate = { "validate", N_("JOB"), N_("Try to reach source and target, and change nothing."),
                             N_("Exit status: 1 if one of them cannot be reached. JSON has the fields what, ok and message."),
                             probe_options, 1, 1, run_validate };

/* ---- provision ---- */

static int run_provision(Ctl *c, int n, char *argv[]) {
        static const char *const names[] = { "step", "status", "details" };
        const TableColumn columns[] = { { _("STEP"), 0 }, { _("STATUS"), 0 }, { _("DETAILS"), TABLE_SHRINK } };
        _cleanup_(table_freep) Table *t = table_new(columns, ELEMENTSOF(columns));
        _cleanup_bus_message_ BusMessage *reply = NULL;
        int r, status = CTL_OK;

        if (!t)
                return ctl_oom();
        if (!streq(argv[1], "user") && !streq(argv[1], "group"))
                return ctl_complain(CTL_USAGE, _("\"%s\" is no kind of object; expected user or group"), argv[1]);
        r = call(c, argv[0], "ProvisionOnDemand", &reply, argv[1], argv[2]);
        if (r != CTL_OK)
                return r;
        r = bus_message_enter(reply, 'a', "(sss)");
        while (r >= 0 && bus_message_more(reply)) {
                const char *step, *result, *details;
                bool failed;

                r = bus_message_read(reply, "(sss)", &step, &result, &details);
                if (r < 0)
                        break;
                failed = startswith(result, "fail") != NULL;
                if (failed)
                        status = CTL_FAILED;
                if (arg_json) {
                        if (put_json(names, step, result, false, details) != CTL_OK)
                                return CTL_FAILED;
                        continue;
                }
                table_add(t, step);
                table_add_color(t, failed ? CTL_COLOR_RED : CTL_COLOR_NORMAL, result);
                table_add(t, details);
        }
        if (r < 0)
                return ctl_malformed();
        if (!arg_json && table_print(t, stdout, !arg_no_legend) < 0)
                return ctl_oom();
        return status;
}

const Verb verb_provision = { "provision", N_("JOB KIND ID"), N_("Provision one user or group now, and show each step."),
                              N_("KIND is user or group, ID the object's id in the source. The guard judges it like a cycle. Exit status: 1 if a\n"
                                 "step failed. JSON has the fields step, status and details."),
                              probe_options, 3, 3, run_provision };

/* ---- test-mail ---- */

static int run_test_mail(Ctl *c, int n, char *argv[]) {
        int r;

        r = ctl_job_call(c, argv[0], "SendTestNotification");
        if (r == CTL_OK)
                printf("%s\n", _("The mail is on its way; what becomes of it: journalctl -u reprieve-notify.service"));
        return r;
}

const Verb verb_test_mail = { "test-mail", N_("JOB"), N_("Send a test mail to those whom a job notifies."), NULL, NULL, 1, 1,
                              run_test_mail };
