/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Starts reprieve-cycle and reprieve-notify, as units or as children, for cycles and for the tasks whose output goes back
 * to a caller (preview, validate, on demand). Knows command lines and unit names; not what a job is. */

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
/* Tasks that run or wait at the same time. */
#define LAUNCHER_TASKS_MAX 4U
/* How long a task may wait for its unit to begin, behind another task of its job for one. */
#define LAUNCHER_WAIT_USEC (60 * USEC_PER_SEC)

int launcher_new(const LauncherOptions *o, Launcher **ret);
/** launcher_free() - children that still run are killed; see launcher_stop() */
Launcher *launcher_free(Launcher *l);
DEFINE_CLEANUP(Launcher *, launcher_free)
LaunchMode launcher_get_mode(const Launcher *l);

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
/* In the place of an exit status: it never ran. */
#define TASK_NOT_STARTED (-1)
/**
 * TaskDone - @status: exit status, 128 and more for a signal, or TASK_NOT_STARTED
 * @fd: what it wrote to stdout, a sealed memfd at its start, the callee's; -1 if it wrote nothing
 * @text: the last line on its stderr, "" if none. The task is gone afterwards.
 */
typedef void (*TaskDone)(int status, int fd, const char *text, void *userdata);
/**
 * launcher_run_task() - reprieve-cycle with @arguments (before the job's name)
 *
 * LAUNCH_DIRECT: as a child. LAUNCH_SYSTEMD: as reprieve-task@JOB.service, because only a unit of the job has its
 * network, its credentials and its target; the unit fetches the task with launcher_take_task(), one after another.
 *
 * Errors: SERVICE_E_TOO_MANY, SERVICE_E_LAUNCH_FAILED, -ENOMEM, errno.
 */
int launcher_run_task(Launcher *l, const char *job, char *const *arguments, TaskDone done, void *userdata, Task **ret,
                      Error **ret_error);
/** task_cancel() - nobody wants the answer any more: it is asked to end, and @done is not called */
void task_cancel(Task *t);

/* What a unit is given: its arguments, where its output and its last words go, and a pipe that says by its end that it
 * has ended, and before that its exit status in decimal. */
typedef struct TaskOrder {
        char *const *arguments;   /* the launcher's */
        int output, errors;       /* likewise */
        int life;                 /* the callee's */
} TaskOrder;
/** launcher_take_task() - the oldest that waits. Errors: SERVICE_E_NO_TASK, errno. */
int launcher_take_task(Launcher *l, const char *job, TaskOrder *ret);
/** launcher_task_refused() - systemd does not start reprieve-task@JOB.service, and says why */
void launcher_task_refused(Launcher *l, const char *job, const char *text);

/** launcher_is_busy() - does a notify child or a task run? Cycles belong to their job. */
bool launcher_is_busy(const Launcher *l);
/** launcher_stop() - ask notify child and tasks to end */
void launcher_stop(Launcher *l);
