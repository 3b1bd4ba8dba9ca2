/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a ledger says of its job at one moment, read in one transaction and kept until the ledger's files change. Knows
 * neither configuration nor processes. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "ledger.h"

/* Size, inode and times of the ledger and its write-ahead log: SQLite changes one of them with each commit. */
typedef struct LedgerSignature {
        struct { ino_t inode; off_t size; struct timespec mtime; } file[2];
} LedgerSignature;

typedef struct JobView {
        char *error;                      /* the ledger cannot be read: why; everything below is empty then */
        bool exists;                      /* there is a ledger */
        JobState state;
        StagedCounts staged;
        char review[17];                  /* "" when none is open */
        uint64_t held, escrowed, users, groups, mails;
        bool has_cycle;
        CycleRecord cycle;                /* the newest that ended */
        char unfinished[33];              /* id of the newest, if it has no end: it runs, or was killed; "" otherwise */
        uint64_t unfinished_since;

        LedgerSignature signature;
        uint64_t read_at;                 /* clock_now() before it was read */
} JobView;

void job_view_done(JobView *v);
/** job_view_read() - never fails but for want of memory: a ledger that cannot be read is a view with an error */
int job_view_read(const char *state_dir, const char *job, JobView *ret);
/** job_view_is_current() - has nothing been written since? */
bool job_view_is_current(const JobView *v, const char *state_dir, const char *job);
/** job_view_differences() - JOB_CHANGED_* of what the ledger decides */
unsigned job_view_differences(const JobView *a, const JobView *b);
