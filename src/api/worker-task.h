/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The unit's side of a task: what a client of the service asked of one job (a preview, a validation, one object on
 * demand) is fetched from the service and run here, where the job's network, credentials and target are. Knows the
 * service's private endpoint; not what the tasks are. */

#include "error.h"

/**
 * worker_serve_tasks() - run the tasks of @job that wait, one after another, until there is none
 * @command: program and options; the task's own arguments and the job's name follow
 *
 * Each runs as a child, whose end and status the service hears of, also when we are killed. Errors: -errno of reaching
 * the service or of making a process.
 */
int worker_serve_tasks(const char *runtime_dir, const char *job, char *const *command, Error **ret_error);
