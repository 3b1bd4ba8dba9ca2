/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One child process, watched by the event loop. Every program that the service starts is started here; SIGCHLD must be
 * blocked, as sd_event_add_child(3) wants it. Knows nothing of jobs. */

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "cleanup.h"

typedef struct Process Process;

/** ProcessExited - @status is the exit status, or 128 + the signal that ended it. The process may be freed from here. */
typedef void (*ProcessExited)(Process *p, int status, void *userdata);

/**
 * process_spawn() - start @argv[0], a path
 * @stdout_fd, @stderr_fd: borrowed; -1: /dev/null for stdout, our own for stderr
 *
 * The child has no other descriptor, default signal handling and our environment without what systemd said to us alone
 * ($NOTIFY_SOCKET, $LISTEN_FDS, $WATCHDOG_USEC ...). Errors: errno of posix_spawn(3).
 */
int process_spawn(sd_event *event, char *const *argv, int stdout_fd, int stderr_fd, ProcessExited exited, void *userdata,
                  Process **ret);
/** process_terminate() - SIGTERM now, SIGKILL when it is still there after @grace_usec; asking again changes nothing */
void process_terminate(Process *p, uint64_t grace_usec);
/** process_free() - a process that still runs is killed and waited for */
Process *process_free(Process *p);
DEFINE_CLEANUP(Process *, process_free)
