/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "worker-task.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bus-client.h"
#include "file-util.h"
#include "string-util.h"
#include "time-util.h"

#define CALL_USEC (30 * USEC_PER_SEC)

static _noreturn_ void run(char *const *argv, int output, int errors) {
        (void) signal(SIGTERM, SIG_DFL);
        (void) signal(SIGPIPE, SIG_DFL);
        if (dup2(output, STDOUT_FILENO) >= 0 && dup2(errors, STDERR_FILENO) >= 0)
                (void) execv(argv[0], argv);
        (void) dprintf(errors, "Cannot run %s: %s\n", argv[0], strerror(errno));
        _exit(EXIT_FAILURE);
}

static int run_and_wait(char *const *argv, int output, int errors, int life) {
        int status;
        pid_t pid;

        pid = fork();
        if (pid < 0)
                return -errno;
        if (pid == 0)
                run(argv, output, errors);
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        (void) dprintf(life, "%d", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
        return 0;
}

/* 1: one was run. 0: none waits. */
static int serve_one(BusClient *c, const char *job, char *const *command, Error **ret_error) {
        _cleanup_strv_ char **arguments = NULL, **argv = NULL;
        _cleanup_close_ int output = -1, errors = -1, life = -1;
        _cleanup_bus_message_ BusMessage *reply = NULL;
        _cleanup_error_ Error *error = NULL;
        int r;

        r = bus_client_call(c, "/org/reprieve1", "org.reprieve1.Worker", "TakeTask", CALL_USEC, &reply, &error, "s", job);
        if (r < 0 && error && bus_error_from_name(error->id) == BUS_ERROR_NO_SUCH_OBJECT)
                return 0;
        if (r >= 0)
                r = bus_message_read(reply, "ashhh", &arguments, &output, &errors, &life);
        if (r < 0)
                return error_set(ret_error, r, "cannot fetch a task from the service: %s", error_text(error, r));
        argv = strv_copy(command);
        r = argv ? 0 : -ENOMEM;
        for (char **a = arguments; r >= 0 && a && *a; a++)
                r = strv_extend(&argv, *a);
        if (r >= 0)
                r = strv_extend(&argv, job);
        if (r >= 0)
                r = run_and_wait(argv, output, errors, life);
        return r < 0 ? error_set(ret_error, r, "cannot run a task: %s", strerror(-r)) : 1;
}

int worker_serve_tasks(const char *runtime_dir, const char *job, char *const *command, Error **ret_error) {
        _cleanup_free_ char *path = path_join(runtime_dir, "bus");
        _cleanup_(bus_client_freep) BusClient *c = NULL;
        int r;

        if (!path)
                return -ENOMEM;
        /* Who stops the unit means the child; we stay to say how it ended. */
        (void) signal(SIGTERM, SIG_IGN);
        (void) signal(SIGPIPE, SIG_IGN);
        r = bus_client_connect(path, "org.reprieve1", &c, ret_error);
        if (r < 0)
                return r;
        do
                r = serve_one(c, job, command, ret_error);
        while (r > 0);
        return r;
}
