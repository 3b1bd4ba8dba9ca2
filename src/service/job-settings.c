/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "job.h"
#include "service-internal.h"
#include "time-util.h"

static int refused(Job *j, const Person *by, const char *key, int r, const Error *error, Error **ret_error) {
        _cleanup_log_entry_ LogEntry e = LOG_ENTRY_INIT;

        if (r == -ENOMEM)
                return r;
        job_log_begin(&e, j, LOG_WARNING, REPRIEVE_MESSAGE_CONFIGURATION_REFUSED, by);
        log_entry_message(&e, "The setting %s of job %s stays as it was: %.*s.", key, j->name, ERROR_LINE(error, r));
        log_entry_field(&e, "REPRIEVE_ERROR", error_text(error, r));
        (void) log_entry_send(&e);
        return error_set_full(ret_error, SERVICE_E_INVALID_SETTINGS, ERROR_SCOPE_CYCLE, ERROR_RETRY_AFTER_RECONFIGURE,
                              "InvalidSettings", "%s", error_text(error, r));
}

int job_set(Job *j, const Person *by, const char *key, const char *value, Error **ret_error) {
        _cleanup_log_entry_ LogEntry e = LOG_ENTRY_INIT;
        _cleanup_error_ Error *error = NULL;
        JobConfig *config = NULL;
        char *keys[] = { (char *) key, NULL }, *values[] = { (char *) value, NULL };
        bool interval;
        int r;

        r = job_config_set(j->manager->config_dir, j->name, keys, values, &config, &error);
        if (r < 0)
                return refused(j, by, key, r, error, ret_error);
        interval = j->config &&
                   (j->config->interval_usec != config->interval_usec || j->config->enabled != config->enabled);
        job_take_config(j, config);
        job_log_begin(&e, j, LOG_NOTICE, REPRIEVE_MESSAGE_CONFIGURATION_CHANGED, by);
        log_entry_message(&e, "%s set %s=%s of job %s.", by->name, key, value, j->name);
        (void) log_entry_send(&e);
        if (interval)
                manager_units_changed(j->manager, j->config->enabled ? j->name : NULL);
        return 0;
}

int job_set_threshold_percent(Job *j, const Person *by, double percent, Error **ret_error) {
        char value[64] = "";
        size_t n;

        if (percent == -1)
                return job_set(j, by, "Deletions.DeletionThresholdPercent", "", ret_error);
        if (!isfinite(percent) || percent < 0 || percent > 100)
                return error_set(ret_error, SERVICE_E_INVALID_ARGUMENT,
                                 "DeletionThresholdPercent is a number from 0 to 100, or -1 for no such limit");
        /* Six decimals are all that the guard knows (G3); what is smaller would be lost without a word. */
        (void) snprintf(value, sizeof(value), "%.6f", percent);
        if (fabs(strtod(value, NULL) - percent) > 1e-9)
                return error_set(ret_error, SERVICE_E_INVALID_ARGUMENT,
                                 "DeletionThresholdPercent has at most six decimals");
        for (n = strlen(value); value[n - 1] == '0'; n--)
                ;
        value[value[n - 1] == '.' ? n - 1 : n] = '\0';
        return job_set(j, by, "Deletions.DeletionThresholdPercent", value, ret_error);
}

int job_set_interval(Job *j, const Person *by, uint64_t usec, Error **ret_error) {
        char value[64];

        if (usec < USEC_PER_SEC || usec % USEC_PER_SEC != 0 || usec > 52 * USEC_PER_WEEK)
                return error_set(ret_error, SERVICE_E_INVALID_ARGUMENT,
                                 "Interval is whole seconds, in microseconds: from 1000000 (1s) to %" PRIu64
                                 " (52w); to stop a job, "
                                 "pause it",
                                 52 * USEC_PER_WEEK);
        return job_set(j, by, "Schedule.Interval", duration_format(usec, value), ret_error);
}

int job_set_email(Job *j, const Person *by, char *const *addresses, Error **ret_error) {
        _cleanup_free_ char *value = NULL;

        for (char *const *a = addresses; a && *a; a++)
                if (isempty(*a) || strpbrk(*a, " \t\r\n"))
                        return error_set(ret_error, SERVICE_E_INVALID_ARGUMENT,
                                         "\"%s\" is no mail address: one address an element, without spaces", *a);
        value = strv_length(addresses) > 0 ? strv_join(addresses, " ") : strdup("");
        if (!value)
                return -ENOMEM;
        return job_set(j, by, "Notify.Email", value, ret_error);
}

int job_send_test(Job *j, const Person *by, Error **ret_error) {
        _cleanup_(ledger_freep) Ledger *l = NULL;
        int r;

        r = job_check_config(j, ret_error);
        if (r != 0)
                return r;
        r = job_open_ledger(j, LEDGER_READ_WRITE, true, &l, ret_error);
        if (r != 0)
                return r;
        r = ledger_begin(l);
        if (r >= 0) {
                r = outbox_queue_test(l, j->config, by->name, clock_now());
                if (r == 0)
                        r = ledger_commit(l);
                else
                        ledger_rollback(l);
        }
        if (r == OUTBOX_E_NOBODY)
                return error_set(ret_error, SERVICE_E_NOTIFICATION_FAILED,
                                 "job %s has nobody to notify: set Email= in [Notify]", j->name);
        if (r < 0)
                return job_ledger_failed(j, l, r, ret_error);
        l = ledger_free(l);
        job_refresh(j);
        job_log_plain(j, LOG_NOTICE, NULL, by, "%s asked for a test notification of job %s.", by->name, j->name);
        return launcher_notify(j->manager->launcher, ret_error);
}
