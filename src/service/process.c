/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include "string-util.h"

extern char **environ;

struct Process {
        pid_t pid; /* 0 once it was waited for */
        sd_event_source *child, *grace;
        ProcessExited exited;
        void *userdata;
};

static const char *const private_variables[] = {
        "NOTIFY_SOCKET=", "LISTEN_FDS=", "LISTEN_PID=", "LISTEN_FDNAMES=", "WATCHDOG_USEC=", "WATCHDOG_PID=",
        "DBUS_STARTER_ADDRESS=", "DBUS_STARTER_BUS_TYPE=",
};

static int child_environment(char ***ret) {
        _cleanup_strv_ char **l = NULL;

        for (char **e = environ; e && *e; e++) {
                bool private = false;
                int r;

                for (size_t i = 0; i < ELEMENTSOF(private_variables) && !private; i++)
                        private = startswith(*e, private_variables[i]);
                if (private)
                        continue;
                r = strv_extend(&l, *e);
                if (r < 0)
                        return r;
        }
        if (!l) {
                l = calloc(1, sizeof(char *));
                if (!l)
                        return -ENOMEM;
        }
        *ret = TAKE_PTR(l);
        return 0;
}

static int on_exit_of_child(sd_event_source *s, const siginfo_t *si, void *userdata) {
        Process *p = userdata;

        p->pid = 0;
        p->child = sd_event_source_disable_unref(p->child);
        p->grace = sd_event_source_disable_unref(p->grace);
        p->exited(p, si->si_code == CLD_EXITED ? si->si_status : 128 + si->si_status, p->userdata);
        return 0;
}

static int spawn(char *const *argv, char **envp, int stdout_fd, int stderr_fd, pid_t *ret) {
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attr;
        sigset_t none, all;
        int r;

        r = posix_spawn_file_actions_init(&actions);
        if (r != 0)
                return -r;
        r = posix_spawnattr_init(&attr);
        if (r != 0) {
                (void) posix_spawn_file_actions_destroy(&actions);
                return -r;
        }
        (void) sigemptyset(&none);
        (void) sigfillset(&all);
        r = posix_spawnattr_setsigmask(&attr, &none);
        if (r == 0)
                r = posix_spawnattr_setsigdefault(&attr, &all);
        if (r == 0)
                r = posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        if (r == 0)
                r = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        if (r == 0)
                r = stdout_fd >= 0
                            ? posix_spawn_file_actions_adddup2(&actions, stdout_fd, STDOUT_FILENO)
                            : posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
        if (r == 0 && stderr_fd >= 0)
                r = posix_spawn_file_actions_adddup2(&actions, stderr_fd, STDERR_FILENO);
        if (r == 0)
                r = posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
        if (r == 0)
                r = posix_spawn(ret, argv[0], &actions, &attr, argv, envp);
        (void) posix_spawnattr_destroy(&attr);
        (void) posix_spawn_file_actions_destroy(&actions);
        return -r;
}

int process_spawn(sd_event *event, char *const *argv, int stdout_fd, int stderr_fd, ProcessExited exited,
                  void *userdata, Process **ret) {
        _cleanup_(process_freep) Process *p = NULL;
        _cleanup_strv_ char **envp = NULL;
        int r;

        r = child_environment(&envp);
        if (r < 0)
                return r;
        p = calloc(1, sizeof(*p));
        if (!p)
                return -ENOMEM;
        p->exited = exited;
        p->userdata = userdata;
        r = spawn(argv, envp, stdout_fd, stderr_fd, &p->pid);
        if (r < 0) {
                p->pid = 0;
                return r;
        }
        r = sd_event_add_child(event, &p->child, p->pid, WEXITED, on_exit_of_child, p);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(p);
        return 0;
}

static int on_grace_over(sd_event_source *s, uint64_t usec, void *userdata) {
        Process *p = userdata;

        if (p->pid > 0)
                (void) kill(p->pid, SIGKILL);
        return 0;
}

void process_terminate(Process *p, uint64_t grace_usec) {
        if (p->pid <= 0 || p->grace)
                return;
        (void) kill(p->pid, SIGTERM);
        if (sd_event_add_time_relative(sd_event_source_get_event(p->child), &p->grace, CLOCK_MONOTONIC, grace_usec, 0,
                                       on_grace_over, p) < 0)
                (void) kill(p->pid, SIGKILL);
}

Process *process_free(Process *p) {
        if (!p)
                return NULL;
        (void) sd_event_source_disable_unref(p->grace);
        (void) sd_event_source_disable_unref(p->child);
        if (p->pid > 0) {
                (void) kill(p->pid, SIGKILL);
                while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
                        ;
        }
        free(p);
        return NULL;
}
