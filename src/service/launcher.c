/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

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
        Process *process;
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

const char *launcher_get_cycle_program(const Launcher *l) {
        return l->cycle_program;
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

void task_cancel(Task *t) {
        t->done = NULL;
        process_terminate(t->process, LAUNCHER_GRACE_USEC);
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

static void on_task_exit(Process *p, int status, void *userdata) {
        _cleanup_(task_freep) Task *t = userdata;
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
        t->err = -1;
        t->out = memfd_create("reprieve-output", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (t->out >= 0)
                t->err = memfd_create("reprieve-errors", MFD_CLOEXEC);
        if (t->err < 0)
                return -errno;
        r = spawn_program(l, l->cycle_program, arguments, job, t->out, t->err, on_task_exit, t, &t->process,
                          ret_error);
        if (r != 0)
                return r;
        t->launcher = l;
        t->next = l->tasks;
        if (t->next)
                t->next->prev = t;
        l->tasks = t;
        l->n_tasks++;
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
        for (Task *t = l->tasks; t; t = t->next)
                task_cancel(t);
}
