/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One cycle of one job, from reading the source to the last entry in the journal, as plain blocking code without an event
 * loop: a cycle is a process of its own. Knows connectors only by their contract, and nothing of D-Bus or systemd. */

#include <signal.h>

#include "error.h"
#include "job-config.h"
#include "ledger.h"

typedef struct CycleOptions {
        const JobConfig *config;
        const char *state_dir;
        const char *cycle_id;                   /* 32 hex digits; NULL: one is made */
        const volatile sig_atomic_t *stop;      /* becomes true: end between two objects; may be NULL */
        /* Phases are "import", "plan", "apply"; @total 0 if it is not known. May be NULL. */
        void (*progress)(const char *phase, uint64_t done, uint64_t total, void *userdata);
        void (*started)(const char *cycle_id, void *userdata);
        void *userdata;
} CycleOptions;

/* Positive conditions of cycle_run() */
enum {
        CYCLE_E_BUSY = 1,         /* another cycle of this job is running (C1) */
        CYCLE_E_DISABLED,         /* the job was disabled after 28 days of failing (Q10) */
};

/**
 * cycle_run() - one cycle (C1 to C6)
 * @ret: what it did; its error says why it was incomplete or failed. cycle_record_done().
 *
 * Logs the cycle, its verdict and each change (L1). A cycle that failed is a result, not an error of this function.
 * Errors: CYCLE_E_BUSY, CYCLE_E_DISABLED; errno when there is no ledger to record anything in.
 */
int cycle_run(const CycleOptions *options, CycleRecord *ret, Error **ret_error);

/**
 * cycle_preview() - the plan of a cycle run now, one change a line as JSON, the verdict last (C7)
 * @fd: where to write
 *
 * The same code as cycle_run() up to the guard; nothing else is written, no decision is used.
 * Errors: errno; an incomplete reading is no error: the verdict's line says so.
 */
int cycle_preview(const CycleOptions *options, int fd, Error **ret_error);

/**
 * cycle_on_demand() - one object now: what a cycle would do to it, done, and nothing else (ProvisionOnDemand)
 * @fd: gets a line of JSON for each step: import, scope, match, action
 *
 * The whole plan is made and judged, so that doing it one by one is no way around the guard: what the guard withholds is
 * withheld here too, without being staged. Memberships are those of objects that are linked already.
 * Errors: CYCLE_E_BUSY, CYCLE_E_DISABLED; errno.
 */
int cycle_on_demand(const CycleOptions *options, ObjectKind kind, const char *source_id, int fd, Error **ret_error);
