/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How a cycle tells the service that it runs, how far it is, and that it has ended. For reprieve-cycle; knows nothing of
 * the service but its private endpoint. It is told, never asked: a thread of its own does the talking, so that a service
 * that is slow, hangs or is not there costs the cycle nothing. */

#include <stdint.h>

#include "cleanup.h"

typedef struct WorkerClient WorkerClient;

/**
 * worker_client_new() - say that the cycle has started
 *
 * Without RUNTIME_DIR/bus *ret is NULL, which the functions below accept. The connection is kept until the end, which
 * also keeps the service from leaving when idle. Errors: errno of starting a thread.
 */
int worker_client_new(const char *runtime_dir, const char *job, const char *cycle, WorkerClient **ret);
/** worker_client_progress() - as often as you like: the newest is told, a few times a second. @phase: a string constant */
void worker_client_progress(WorkerClient *w, const char *phase, uint64_t done, uint64_t total);
/** worker_client_free() - say that it has ended, after the ledger has; waits for that at most 300 ms */
WorkerClient *worker_client_free(WorkerClient *w);
DEFINE_CLEANUP(WorkerClient *, worker_client_free)
