/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* All jobs: read from the job files, made, removed, watched. */

#include <systemd/sd-event.h>

#include "job.h"
#include "launcher.h"
#include "service.h"

typedef struct ManagerOptions {
        sd_event *event;
        const char *config_dir, *state_dir, *runtime_dir, *exec_dir;
        LaunchMode launch;
        const UnitHooks *units;   /* may be NULL with LAUNCH_DIRECT */
        void *units_userdata;
} ManagerOptions;

int manager_new(const ManagerOptions *o, Manager **ret);
/** manager_free() - ends all children at once; see manager_stop() */
Manager *manager_free(Manager *m);
DEFINE_CLEANUP(Manager *, manager_free)
/** manager_observe() - one observer; NULL: none */
void manager_observe(Manager *m, const Observer *o, void *userdata);

/** manager_load() - read the job files for the first time. A file with an error is a job that shows it. Errors: errno. */
int manager_load(Manager *m);
/**
 * manager_reload() - read them again
 * @by: NULL for SIGHUP
 *
 * A file with an error leaves its job without cycles. Errors: SERVICE_E_INVALID_SETTINGS with file, line and key of the first
 * (the others are in the journal); everything else is in place then.
 */
int manager_reload(Manager *m, const Person *by, Error **ret_error);

Job *manager_find(Manager *m, const char *name);
/** manager_list() - sorted by name; borrowed until control returns to the loop */
Job *const *manager_list(const Manager *m, size_t *ret_n);

/** manager_create_job() - @keys "Section.Key" and @values, NULL-terminated. It starts paused.
 * Errors: SERVICE_E_JOB_EXISTS, SERVICE_E_INVALID_ARGUMENT (the name), SERVICE_E_INVALID_SETTINGS. */
int manager_create_job(Manager *m, const Person *by, const char *name, char *const *keys, char *const *values, Job **ret,
                       Error **ret_error);
/** manager_remove_job() - file, drop-ins, ledger; the target is left as it is.
 * Errors: SERVICE_E_JOB_BUSY; SERVICE_E_JOB_NOT_EMPTY while objects are staged or linked, unless @force. */
int manager_remove_job(Manager *m, const Person *by, const char *name, bool force, Error **ret_error);

/* What a cycle says over the private endpoint. Unknown jobs are ignored: the file may be gone. */
void manager_worker_started(Manager *m, const char *job, const char *cycle);
void manager_worker_progress(Manager *m, const char *job, const char *cycle, const char *phase, uint64_t done, uint64_t total);
void manager_worker_finished(Manager *m, const char *job, const char *cycle);

/** manager_take_task() - what reprieve-task@JOB.service shall do: launcher_take_task() */
int manager_take_task(Manager *m, const char *job, TaskOrder *ret, Error **ret_error);

/* What systemd says to a UnitHooks request. */
void manager_unit_refused(Manager *m, const char *unit, const char *text);
void manager_units_reloaded(Manager *m);

/** manager_is_busy() - a cycle, a helper or reprieve-notify runs, or a cycle is wanted */
bool manager_is_busy(Manager *m);
/** manager_format_status() - one line for systemctl status; the caller frees. Errors: -ENOMEM. */
int manager_format_status(Manager *m, char **ret);
/** manager_stop() - no new cycle is started, and all children are asked to end; wait until !manager_is_busy() */
void manager_stop(Manager *m);
