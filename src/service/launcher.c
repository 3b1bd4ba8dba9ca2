/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file-util.h"
#include "log.h"
#include "time-util.h"

struct Launcher {
        sd_event *event;
        LaunchMode mode;
        char *options[4];         /* --config-dir= --state-dir= --runtime-dir= */
        char *cycle_program, *notify_program;
        const UnitHooks *units;
        void *units_userdata;
        Process *notify;
        bool notify_again, stopping;
        Task *tasks;
        unsigned n_tasks;
};

struct Task {
        Launcher *launcher;
        Process *process;         /* LAUNCH_DIRECT */
        char *job, **arguments;   /* LAUNCH_SYSTEMD */
        sd_event_source *waiting; /* for its unit; NULL once that has taken it */
        sd_event_source *living;
        uint64_t wait_until;
        int life;
        char status[16];          /* what came through @life */
        int out, err;
        TaskDone done;
        void *userdata;
        Task *prev, *next;
};

static const char *const mode_names[_LAUNCH_MODE_MAX] = {
        [LAUNCH_SYSTEMD] = "systemd",
        [LAUNCH_DIRECT] = "direct",
};

LaunchMode launch_mode_from_string(const char *s) {
        for (LaunchMode m = 0; m < _LAUNCH_MODE_MAX; m++)
                if (streq(s, mode_names[m]))
                        return m;
        return _LAUNCH_MODE_INVALID;
}

static int option(char **ret, const char *name, const char *value) {
        return asprintf(ret, "--%s=%s", name, value) < 0 ? -ENOMEM : 0;
}

static Task *task_free(Task *t) {
        if (!t)
                return NULL;
        if (t->launcher) {
                if (t->prev)
                        t->prev->next = t->next;
                else
                        t->launcher->tasks = t->next;
                if (t->next)
                        t->next->prev = t->prev;
                t->launcher->n_tasks--;
        }
        (void) process_free(t->process);
        (void) sd_event_source_disable_unref(t->waiting);
        (void) sd_event_source_disable_unref(t->living);
        strv_free(t->arguments);
        free(t->job);
        (void) safe_close(t->life);
        (void) safe_close(t->out);
        (void) safe_close(t->err);
        free(t);
        return NULL;
}
DEFINE_CLEANUP(Task *, task_free)

int launcher_new(const LauncherOptions *o, Launcher **ret) {
        _cleanup_(launcher_freep) Launcher *l = NULL;

        l = calloc(1, sizeof(*l));
        if (!l)
                return -ENOMEM;
        l->event = sd_event_ref(o->event);
        l->mode = o->mode;
        l->units = o->units;
        l->units_userdata = o->units_userdata;
        if (option(&l->options[0], "config-dir", o->config_dir) < 0 ||
            option(&l->options[1], "state-dir", o->state_dir) < 0 ||
            option(&l->options[2], "runtime-dir", o->runtime_dir) < 0)
                return -ENOMEM;
        l->cycle_program = path_join(o->exec_dir, "reprieve-cycle");
        l->notify_program = path_join(o->exec_dir, "reprieve-notify");
        if (!l->cycle_program || !l->notify_program)
                return -ENOMEM;
        *ret = TAKE_PTR(l);
        return 0;
}

Launcher *launcher_free(Launcher *l) {
        if (!l)
                return NULL;
        while (l->tasks)
                (void) task_free(l->tasks);
        (void) process_free(l->notify);
        for (size_t i = 0; i < ELEMENTSOF(l->options); i++)
                free(l->options[i]);
        free(l->cycle_program);
        free(l->notify_program);
        (void) sd_event_unref(l->event);
        free(l);
        return NULL;
}

LaunchMode launcher_get_mode(const Launcher *l) {
        return l->mode;
}

static int launch_failed(Error **ret_error, int r, const char *what) {
        if (r == -ENOMEM)
                return r;
        return error_set_full(ret_error, SERVICE_E_LAUNCH_FAILED, ERROR_SCOPE_INTERNAL, ERROR_RETRY_AFTER_RECONFIGURE,
                              "LaunchFailed", "cannot start %s: %s", what, strerror(-r));
}

static int spawn_program(Launcher *l, const char *program, char *const *arguments, const char *job, int out, int err,
                         ProcessExited exited, void *userdata, Process **ret, Error **ret_error) {
        _cleanup_strv_ char **argv = NULL;
        int r;

        r = strv_extend(&argv, program);
        for (char **o = l->options; r >= 0 && *o; o++)
                r = strv_extend(&argv, *o);
        for (char *const *a = arguments; r >= 0 && a && *a; a++)
                r = strv_extend(&argv, *a);
        if (r >= 0 && job)
                r = strv_extend(&argv, job);
        if (r >= 0)
                r = process_spawn(l->event, argv, out, err, exited, userdata, ret);
        return r < 0 ? launch_failed(ret_error, r, program) : 0;
}

int launcher_spawn_cycle(Launcher *l, const char *job, const char *cycle_id, ProcessExited exited, void *userdata,
                         Process **ret, Error **ret_error) {
        _cleanup_free_ char *id = NULL;
        char *arguments[] = { NULL, NULL };

        if (option(&id, "cycle-id", cycle_id) < 0)
                return -ENOMEM;
        arguments[0] = id;
        return spawn_program(l, l->cycle_program, arguments, job, -1, -1, exited, userdata, ret, ret_error);
}

static int unit_request(Launcher *l, int (*f)(const char *unit, void *userdata), const char *unit,
                        Error **ret_error) {
        int r = f(unit, l->units_userdata);

        return r < 0 ? launch_failed(ret_error, r, unit) : 0;
}

/* Job names need no escaping in an instance name: what job_name_is_valid() allows, systemd.unit(5) allows. */
int launcher_start_unit(Launcher *l, const char *job, const char *suffix, Error **ret_error) {
        _cleanup_free_ char *unit = NULL;

        if (asprintf(&unit, "reprieve-cycle@%s.%s", job, suffix) < 0)
                return -ENOMEM;
        return unit_request(l, l->units->start, unit, ret_error);
}

int launcher_stop_unit(Launcher *l, const char *job, const char *suffix, Error **ret_error) {
        _cleanup_free_ char *unit = NULL;

        if (asprintf(&unit, "reprieve-cycle@%s.%s", job, suffix) < 0)
                return -ENOMEM;
        return unit_request(l, l->units->stop, unit, ret_error);
}

int launcher_reload_units(Launcher *l, Error **ret_error) {
        int r;

        if (l->mode != LAUNCH_SYSTEMD)
                return 0;
        r = l->units->reload(l->units_userdata);
        return r < 0 ? launch_failed(ret_error, r, "the reloading of units") : 0;
}

static void on_notify_exit(Process *p, int status, void *userdata) {
        Launcher *l = userdata;
        bool again = l->notify_again && !l->stopping;

        l->notify = process_free(p);
        l->notify_again = false;
        if (again) {
                _cleanup_error_ Error *error = NULL;
                int r = launcher_notify(l, &error);

                if (r != 0)
                        log_error("Mail waits in the outbox: %s.", error_text(error, r));
        }
}

int launcher_notify(Launcher *l, Error **ret_error) {
        if (l->mode == LAUNCH_SYSTEMD)
                return unit_request(l, l->units->start, "reprieve-notify.service", ret_error);
        if (l->notify) {
                l->notify_again = true;
                return 0;
        }
        return spawn_program(l, l->notify_program, NULL, NULL, -1, -1, on_notify_exit, l, &l->notify, ret_error);
}

static int task_unit(const Task *t, char **ret) {
        return asprintf(ret, "reprieve-task@%s.service", t->job) < 0 ? -ENOMEM : 0;
}

static int start_task_unit(Task *t, Error **ret_error) {
        _cleanup_free_ char *unit = NULL;
        int r = task_unit(t, &unit);

        return r < 0 ? r : unit_request(t->launcher, t->launcher->units->start, unit, ret_error);
}

void task_cancel(Task *t) {
        _cleanup_free_ char *unit = NULL;

        t->done = NULL;
        if (t->process)
                process_terminate(t->process, LAUNCHER_GRACE_USEC);
        else if (t->waiting)
                (void) task_free(t);
        else if (task_unit(t, &unit) >= 0)
                (void) unit_request(t->launcher, t->launcher->units->stop, unit, NULL);
}

/* The last line, without the "<3>" that syslog(3)'s levels look like when stderr is no terminal. */
static char *last_line(int fd) {
        char buf[4096], *p;
        struct stat st;
        off_t from;
        ssize_t n;

        if (fstat(fd, &st) < 0)
                return strdup("");
        from = st.st_size > (off_t) sizeof(buf) - 1 ? st.st_size - ((off_t) sizeof(buf) - 1) : 0;
        n = pread(fd, buf, sizeof(buf) - 1, from);
        if (n <= 0)
                return strdup("");
        buf[n] = '\0';
        while (n > 0 && (buf[n - 1] == '\n' || buf[n - 1] == '\0'))
                buf[--n] = '\0';
        p = strrchr(buf, '\n');
        p = p ? p + 1 : buf;
        if (p[0] == '<' && p[1] >= '0' && p[1] <= '7' && p[2] == '>')
                p += 3;
        return strdup(p);
}

static void task_end(Task *task, int status) {
        _cleanup_(task_freep) Task *t = task;
        _cleanup_free_ char *text = NULL;
        _cleanup_close_ int fd = -1;
        struct stat st;

        text = last_line(t->err);
        if (fstat(t->out, &st) >= 0 && st.st_size > 0) {
                (void) fcntl(t->out, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
                (void) lseek(t->out, 0, SEEK_SET);
                fd = TAKE_FD(t->out);
        }
        if (t->done)
                t->done(status, TAKE_FD(fd), strempty(text), t->userdata);
}

/* ---- tasks as children ---- */

static void on_task_exit(Process *p, int status, void *userdata) {
        Task *t = userdata;
        off_t from = 0;

        /* The entries of what it changed belong into our log, which is where a cycle's go. */
        while (sendfile(STDERR_FILENO, t->err, &from, SSIZE_MAX) > 0)
                ;
        task_end(t, status);
}

/* ---- tasks as units ---- */

static int on_waited(sd_event_source *s, uint64_t usec, void *userdata) {
        Task *t = userdata;

        if (clock_monotonic() >= t->wait_until) {
                (void) dprintf(t->err, "systemd has not begun reprieve-task@%s.service within %u s; see \"systemctl status\" of it\n",
                               t->job, (unsigned) (LAUNCHER_WAIT_USEC / USEC_PER_SEC));
                task_end(t, TASK_NOT_STARTED);
                return 0;
        }
        /* A unit that was about to end when it was asked for has ended now: systemd took the two for one. */
        (void) start_task_unit(t, NULL);
        (void) sd_event_source_set_time_relative(s, USEC_PER_SEC);
        (void) sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
        return 0;
}

static int on_life(sd_event_source *s, int fd, uint32_t events, void *userdata) {
        Task *t = userdata;
        size_t n = strlen(t->status);
        ssize_t k;
        int status;

        k = read(fd, t->status + n, sizeof(t->status) - 1 - n);
        if (k > 0 || (k < 0 && (errno == EAGAIN || errno == EINTR)))
                return 0;
        if (sscanf(t->status, "%d", &status) != 1)
                status = 128 + SIGKILL;
        task_end(t, status);
        return 0;
}

int launcher_take_task(Launcher *l, const char *job, TaskOrder *ret) {
        _cleanup_close_ int life = -1;
        Task *t = NULL;
        int fds[2], r;

        for (Task *i = l->tasks; i; i = i->next)
                if (i->waiting && streq(i->job, job))
                        t = i;
        if (!t)
                return SERVICE_E_NO_TASK;
        if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
                return -errno;
        t->life = fds[0];
        life = fds[1];
        r = sd_event_add_io(l->event, &t->living, t->life, EPOLLIN, on_life, t);
        if (r < 0) {
                t->life = safe_close(t->life);
                return r;
        }
        t->waiting = sd_event_source_disable_unref(t->waiting);
        *ret = (TaskOrder) { .arguments = t->arguments, .output = t->out, .errors = t->err, .life = TAKE_FD(life) };
        return 0;
}

void launcher_task_refused(Launcher *l, const char *job, const char *text) {
        for (Task *t = l->tasks, *next; t; t = next) {
                next = t->next;
                if (!t->waiting || !streq(t->job, job))
                        continue;
                (void) dprintf(t->err, "systemd refuses reprieve-task@%s.service: %s\n", job, text);
                task_end(t, TASK_NOT_STARTED);
        }
}

static int wait_for_unit(Task *t, const char *job, char *const *arguments, Error **ret_error) {
        int r;

        t->job = strdup(job);
        t->arguments = strv_copy(arguments);
        if (!t->job || !t->arguments)
                return -ENOMEM;
        /* Its errors are told twice, to the journal and to us. */
        r = strv_extend(&t->arguments, "--log-target=journal");
        if (r < 0)
                return r;
        t->wait_until = clock_monotonic() + LAUNCHER_WAIT_USEC;
        r = sd_event_add_time_relative(t->launcher->event, &t->waiting, CLOCK_MONOTONIC, USEC_PER_SEC, 0, on_waited, t);
        return r < 0 ? r : start_task_unit(t, ret_error);
}

int launcher_run_task(Launcher *l, const char *job, char *const *arguments, TaskDone done, void *userdata, Task **ret,
                      Error **ret_error) {
        _cleanup_(task_freep) Task *t = NULL;
        int r;

        if (l->n_tasks >= LAUNCHER_TASKS_MAX)
                return error_set(
                        ret_error, SERVICE_E_TOO_MANY,
                        "%u previews, validations and requests on demand run already; try again when one has ended",
                        LAUNCHER_TASKS_MAX);
        t = calloc(1, sizeof(*t));
        if (!t)
                return -ENOMEM;
        t->done = done;
        t->userdata = userdata;
        t->err = t->life = -1;
        t->out = memfd_create("reprieve-output", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (t->out >= 0)
                t->err = memfd_create("reprieve-errors", MFD_CLOEXEC);
        if (t->err < 0)
                return -errno;
        t->launcher = l;
        t->next = l->tasks;
        if (t->next)
                t->next->prev = t;
        l->tasks = t;
        l->n_tasks++;
        r = l->mode == LAUNCH_SYSTEMD ? wait_for_unit(t, job, arguments, ret_error)
                                      : spawn_program(l, l->cycle_program, arguments, job, t->out, t->err, on_task_exit, t,
                                                      &t->process, ret_error);
        if (r != 0)
                return r;
        *ret = TAKE_PTR(t);
        return 0;
}

bool launcher_is_busy(const Launcher *l) {
        return l->notify || l->tasks;
}

void launcher_stop(Launcher *l) {
        l->stopping = true;
        if (l->notify)
                process_terminate(l->notify, LAUNCHER_GRACE_USEC);
        for (Task *t = l->tasks, *next; t; t = next) {
                next = t->next;
                task_cancel(t);
        }
}
