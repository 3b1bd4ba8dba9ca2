/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

/* Requests that reprieve-cycle answers on its stdout. */

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>

#include "job.h"
#include "service-internal.h"

struct JobTask {
        Task *task;
        JobTaskDone done;
        void *userdata;
};

/* Exit statuses of reprieve-cycle that matter here */
enum {
        TASK_EXIT_FAILED = 1,        /* it says so in what it wrote */
        TASK_EXIT_CONFIGURATION = 2,
        TASK_EXIT_BUSY = 75,
};

static void on_done(int status, int fd, const char *text, void *userdata) {
        _cleanup_close_ int output = fd;
        _cleanup_free_ JobTask *t = userdata;
        _cleanup_error_ Error *error = NULL;
        int r = 0;

        if (status == TASK_NOT_STARTED)
                r = error_set(&error, SERVICE_E_LAUNCH_FAILED, "%s", text);
        else if (status == TASK_EXIT_BUSY)
                r = error_set(&error, SERVICE_E_JOB_BUSY, "%s",
                              *text ? text : "a cycle of this job is running; try again when it has ended");
        else if (status == TASK_EXIT_CONFIGURATION)
                r = error_set(&error, SERVICE_E_INVALID_SETTINGS, "%s",
                              *text ? text : "the job's settings cannot be used");
        else if (status > TASK_EXIT_FAILED || output < 0)
                r = error_set(&error, SERVICE_E_CONNECTION_FAILED, "%s",
                              *text ? text : "reprieve-cycle ended without an answer");
        t->done(r, r == 0 ? TAKE_FD(output) : -1, error, t->userdata);
}

static int run_task(Job *j, char *const *arguments, JobTaskDone done, void *userdata, JobTask **ret, Error **ret_error) {
        _cleanup_free_ JobTask *t = NULL;
        int r;

        r = job_check_config(j, ret_error);
        if (r != 0)
                return r;
        t = calloc(1, sizeof(*t));
        if (!t)
                return -ENOMEM;
        t->done = done;
        t->userdata = userdata;
        r = launcher_run_task(j->manager->launcher, j->name, arguments, on_done, t, &t->task, ret_error);
        if (r != 0)
                return r;
        *ret = TAKE_PTR(t);
        return 0;
}

int job_preview(Job *j, JobTaskDone done, void *userdata, JobTask **ret, Error **ret_error) {
        char *arguments[] = { (char *) "--preview", NULL };

        return run_task(j, arguments, done, userdata, ret, ret_error);
}

int job_validate(Job *j, JobTaskDone done, void *userdata, JobTask **ret, Error **ret_error) {
        char *arguments[] = { (char *) "--validate", NULL };

        return run_task(j, arguments, done, userdata, ret, ret_error);
}

int job_provision_on_demand(Job *j, const Person *by, ObjectKind kind, const char *source_id, JobTaskDone done,
                            void *userdata, JobTask **ret, Error **ret_error) {
        _cleanup_log_entry_ LogEntry e = LOG_ENTRY_INIT;
        _cleanup_free_ char *option = NULL;
        char *arguments[] = { NULL, NULL };
        int r;

        if (isempty(source_id))
                return error_set(ret_error, SERVICE_E_INVALID_ARGUMENT, "the source id is empty");
        if (asprintf(&option, "--on-demand=%s:%s", object_kind_to_string(kind), source_id) < 0)
                return -ENOMEM;
        arguments[0] = option;
        r = run_task(j, arguments, done, userdata, ret, ret_error);
        if (r != 0)
                return r;
        job_log_begin(&e, j, LOG_NOTICE, NULL, by);
        log_entry_message(&e, "%s asked to provision %s %s of job %s on demand.", by->name,
                          object_kind_to_string(kind), source_id, j->name);
        log_entry_field(&e, "REPRIEVE_KIND", object_kind_to_string(kind));
        log_entry_field(&e, "REPRIEVE_SOURCE_ID", source_id);
        (void) log_entry_send(&e);
        return 0;
}

void job_task_cancel(JobTask *t) {
        task_cancel(t->task);
        free(t);
}

static const char *member(json_object *o, const char *name) {
        json_object *v;

        return json_object_object_get_ex(o, name, &v) && json_object_is_type(v, json_type_string)
                       ? json_object_get_string(v)
                       : NULL;
}

static int read_line(const char *text, TaskLineFunc f, void *userdata) {
        _cleanup_json_ json_object *o = json_tokener_parse(text);
        TaskLine line = {};
        json_object *ok;

        if (!o || !json_object_is_type(o, json_type_object))
                return -EBADMSG;
        line.name = member(o, "step");
        if (line.name) {
                line.status = member(o, "status");
                line.details = member(o, "details");
        } else {
                line.name = member(o, "what");
                line.details = member(o, "message");
                line.ok = json_object_object_get_ex(o, "ok", &ok) && json_object_get_boolean(ok);
        }
        return line.name ? f(&line, userdata) : -EBADMSG;
}

int job_task_read(int fd, TaskLineFunc f, void *userdata) {
        _cleanup_free_ char *line = NULL;
        _cleanup_fclose_ FILE *file = NULL;
        size_t allocated = 0;
        ssize_t n;
        int copy, r;

        copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (copy < 0)
                return -errno;
        file = fdopen(copy, "r");
        if (!file) {
                r = -errno;
                (void) close(copy);
                return r;
        }
        while ((n = getline(&line, &allocated, file)) > 0) {
                if (line[n - 1] == '\n')
                        line[n - 1] = '\0';
                r = read_line(line, f, userdata);
                if (r < 0)
                        return r;
        }
        return ferror(file) ? -EIO : 0;
}
