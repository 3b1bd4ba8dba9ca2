/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdio.h>

#include "service-internal.h"

void job_log_begin(LogEntry *e, const Job *j, int priority, const char *message_id, const Person *by) {
        log_entry_begin(e, priority, message_id);
        log_entry_field(e, "REPRIEVE_JOB", j->name);
        if (by) {
                log_entry_field(e, "REPRIEVE_DECIDED_BY", by->name);
                log_entry_field_u64(e, "REPRIEVE_UID", by->uid);
        }
}

void job_log_plain(const Job *j, int priority, const char *message_id, const Person *by, const char *fmt, ...) {
        _cleanup_log_entry_ LogEntry e = LOG_ENTRY_INIT;
        _cleanup_free_ char *text = NULL;
        va_list ap;
        int n;

        va_start(ap, fmt);
        n = vasprintf(&text, fmt, ap);
        va_end(ap);
        if (n < 0)
                return;
        job_log_begin(&e, j, priority, message_id, by);
        log_entry_message(&e, "%s", text);
        (void) log_entry_send(&e);
}

void job_warn_nobody(const Job *j) {
        if (j->config && j->config->limits.prevent && strv_length(j->config->email) == 0)
                job_log_plain(
                        j, LOG_WARNING, REPRIEVE_MESSAGE_NOTIFICATION_NOBODY, NULL,
                        "Job %s is protected against accidental deletions, but nobody is told when it trips: set "
                        "Email= in [Notify].",
                        j->name);
}
