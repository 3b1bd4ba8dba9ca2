/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A job's schedule and credentials as systemd units, and where their files go: what reprieve-generator writes. Knows the
 * text of units; starts nothing and asks nobody. */

#include <stdbool.h>

#include "job-config.h"
#include "string-util.h"

/** schedule_has_timer() - does this job run by itself? No with Enabled=no, or with neither Interval= nor OnCalendar=. */
bool schedule_has_timer(const JobConfig *c);

/**
 * schedule_timer_format() - append reprieve-cycle@NAME.timer
 *
 * Interval= is counted from the end of a cycle, so that cycles never queue up. Source: systemd.timer(5).
 * Errors: -ENOMEM.
 */
int schedule_timer_format(const JobConfig *c, StrBuf *out);

/**
 * schedule_credentials_format() - append a drop-in that loads these credentials
 * @names:          valid, each once
 * @encrypted_dirs: NULL: where systemd 252 looks for encrypted ones
 *
 * What lies in a folder for encrypted credentials is loaded with LoadCredentialEncrypted=, all else with LoadCredential=;
 * in both cases systemd finds the file by the name (systemd.exec(5)). One that is missing is left out by systemd and named
 * by credential_read(). Errors: -ENOMEM.
 */
int schedule_credentials_format(char *const *names, const char *const *encrypted_dirs, StrBuf *out);

/** job_config_credentials() - the names of the credentials that the cycles of this job get; NULL if there are none.
 * Errors: -ENOMEM. */
int job_config_credentials(const JobConfig *c, char ***ret);
/** mail_config_credentials() - those that reprieve-notify gets */
int mail_config_credentials(const MailConfig *c, char ***ret);

/**
 * schedule_target_format() - append a drop-in that lets the cycle write where its target is; nothing if that is no folder
 *
 * The unit's sandbox shows it the whole file system read-only but for the state. Errors: -ENOMEM.
 */
int schedule_target_format(const JobConfig *c, StrBuf *out);

/**
 * schedule_write_units() - the files of one job into a generator's folder
 * @is_whole: false if only the schedule of @c is right (job_config_load_schedule())
 *
 * A timer with its link in timers.target.wants, and reprieve.target.d/50-NAME.conf, which starts it on a daemon-reload;
 * in reprieve-cycle@NAME.service.d 50-credentials.conf and 50-target.conf. Job names need no escaping as an instance:
 * systemd.unit(5) allows all that job_name_is_valid() does.
 * Errors: -EEXIST if such a file is there; errno.
 */
int schedule_write_units(const char *dir, const JobConfig *c, bool is_whole, Error **ret_error);
/** schedule_write_notify_units() - reprieve-notify.service.d/50-credentials.conf. Errors: as above. */
int schedule_write_notify_units(const char *dir, const MailConfig *c, Error **ret_error);
