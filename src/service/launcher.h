/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Starts reprieve-cycle and reprieve-notify, as units or as children, and the short-lived helpers whose output goes back
 * to a caller (preview, validate, on demand), which are always children. Knows command lines and unit names; not what a
 * job is. */

#include <systemd/sd-event.h>

#include "error.h"
#include "process.h"
#include "service.h"

typedef struct Launcher Launcher;

typedef struct LauncherOptions {
        sd_event *event;
        LaunchMode mode;
        const char *config_dir, *state_dir, *runtime_dir;
        const char *exec_dir;     /* where the programs are */
        const UnitHooks *units;   /* LAUNCH_SYSTEMD */
        void *units_userdata;
} LauncherOptions;

/* How long a child may take to end after SIGTERM: a cycle finishes the object in hand. */
#define LAUNCHER_GRACE_USEC (30 * USEC_PER_SEC)
/* Helpers that run at the same time. */
#define LAUNCHER_TASKS_MAX 4U

int launcher_new(const LauncherOptions *o, Launcher **ret);
/** launcher_free() - children that still run are killed; see launcher_stop() */
Launcher *launcher_free(Launcher *l);
DEFINE_CLEANUP(Launcher *, launcher_free)
LaunchMode launcher_get_mode(const Launcher *l);
/** launcher_get_cycle_program() - path of reprieve-cycle; the launcher's */
const char *launcher_get_cycle_program(const Launcher *l);

/** launcher_spawn_cycle() - LAUNCH_DIRECT: reprieve-cycle as a child. @cycle_id: 32 hex digits.
 * Errors: SERVICE_E_LAUNCH_FAILED, -ENOMEM. */
int launcher_spawn_cycle(Launcher *l, const char *job, const char *cycle_id, ProcessExited exited, void *userdata,
                         Process **ret, Error **ret_error);
/** launcher_start_unit() - LAUNCH_SYSTEMD: ask for reprieve-cycle@JOB.@suffix ("service", "timer"). Errors: as above. */
int launcher_start_unit(Launcher *l, const char *job, const char *suffix, Error **ret_error);
int launcher_stop_unit(Launcher *l, const char *job, const char *suffix, Error **ret_error);
/** launcher_reload_units() - the job files changed; nothing to do for LAUNCH_DIRECT */
int launcher_reload_units(Launcher *l, Error **ret_error);

/** launcher_notify() - see that reprieve-notify looks at the outboxes from now on. A child that runs already is
 * followed by another, because it may have looked before. */
int launcher_notify(Launcher *l, Error **ret_error);

typedef struct Task Task;
/**
 * TaskDone - @fd: what it wrote to stdout, a sealed memfd at its start, the callee's; -1 if it wrote nothing
 * @text: the last line on its stderr, "" if none. The task is gone afterwards.
 */
typedef void (*TaskDone)(int status, int fd, const char *text, void *userdata);
/**
 * launcher_run_task() - reprieve-cycle with @arguments (before the job's name) as a child
 *
 * Errors: SERVICE_E_TOO_MANY, SERVICE_E_LAUNCH_FAILED, -ENOMEM, errno.
 */
int launcher_run_task(Launcher *l, const char *job, char *const *arguments, TaskDone done, void *userdata, Task **ret,
                      Error **ret_error);
/** task_cancel() - nobody wants the answer any more: it is asked to end, and @done is not called */
void task_cancel(Task *t);

/** launcher_is_busy() - does a notify or helper child run? Cycles belong to their job. */
bool launcher_is_busy(const Launcher *l);
/** launcher_stop() - ask all notify and helper children to end */
void launcher_stop(Launcher *l);
