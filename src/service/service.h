/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What manager and jobs have in common: conditions, who asks, who is told. The room knows no D-Bus: whoever shows it to
 * the world is an observer, and whoever can speak to systemd gives it three functions. */

#include <stdbool.h>
#include <stdint.h>

#include "ledger.h"

typedef struct Manager Manager;
typedef struct Job Job;

/* Positive conditions; each comes with a text in *ret_error. */
enum {
        SERVICE_E_NO_SUCH_JOB = 1,
        SERVICE_E_JOB_EXISTS,
        SERVICE_E_NO_SUCH_REVIEW,
        SERVICE_E_NO_SUCH_OBJECT,
        SERVICE_E_JOB_BUSY,
        SERVICE_E_JOB_NOT_EMPTY,
        SERVICE_E_JOB_DISABLED,
        SERVICE_E_JOB_PAUSED,
        SERVICE_E_INVALID_ARGUMENT,
        SERVICE_E_INVALID_SETTINGS,
        SERVICE_E_INVALID_SCOPE,
        SERVICE_E_LAUNCH_FAILED,
        SERVICE_E_LEDGER_FAILED,
        SERVICE_E_CONNECTION_FAILED,
        SERVICE_E_NOTIFICATION_FAILED,
        SERVICE_E_NO_TASK,        /* none waits */
        SERVICE_E_TOO_MANY,
        SERVICE_E_LATER,          /* no error: the answer comes through the callback */
        _SERVICE_E_MAX,
};

/* Who asks, for ledger and journal (Q9). */
typedef struct Person {
        uint64_t uid;
        const char *name;
} Person;

typedef enum LaunchMode {
        LAUNCH_SYSTEMD,           /* units of the system's manager */
        LAUNCH_DIRECT,            /* children of the service */
        _LAUNCH_MODE_MAX,
        _LAUNCH_MODE_INVALID = -22,
} LaunchMode;

/* "systemd", "direct" */
LaunchMode launch_mode_from_string(const char *s);

/* How to reach systemd. Each returns 0 when the request is on its way, or -errno; what becomes of it is told through
 * manager_unit_refused() and manager_units_reloaded(). */
typedef struct UnitHooks {
        int (*start)(const char *unit, void *userdata);
        int (*stop)(const char *unit, void *userdata);
        int (*reload)(void *userdata);
} UnitHooks;

/* What changed of a job, as a mask. */
enum {
        JOB_CHANGED_STATUS = 1 << 0,       /* status, running */
        JOB_CHANGED_PROGRESS = 1 << 1,
        JOB_CHANGED_SETTINGS = 1 << 2,     /* everything that comes from its file */
        JOB_CHANGED_QUARANTINE = 1 << 3,
        JOB_CHANGED_REVIEW = 1 << 4,       /* staged, held and escrowed objects too */
        JOB_CHANGED_LINKS = 1 << 5,
        JOB_CHANGED_NOTIFICATION = 1 << 6,
        JOB_CHANGED_CYCLE = 1 << 7,        /* the last finished one */
};

/* Called from inside the functions that cause it; must not call back into the room but to read. Any may be NULL. */
typedef struct Observer {
        void (*job_added)(Job *j, void *userdata);
        void (*job_removed)(Job *j, void *userdata);
        void (*job_changed)(Job *j, unsigned mask, void *userdata);
        void (*cycle_started)(Job *j, const char *cycle, void *userdata);
        /* @cycle->result is CYCLE_FAILED without counts when the process left no record. */
        void (*cycle_finished)(Job *j, const CycleRecord *cycle, void *userdata);
        void (*quarantined)(Job *j, const char *reason, const char *review, uint64_t staged, void *userdata);
        void (*quarantine_lifted)(Job *j, const char *how, void *userdata);
} Observer;
