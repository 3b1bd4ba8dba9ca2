/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

/* org.reprieve1.Manager, and org.reprieve1.Worker, by which a cycle tells how far it is. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "api-internal.h"

#define SETTINGS_MAX 1000U

static int get_version(BusMessage *m, const BusProperty *property, void *object, Error **ret_error) {
        return bus_message_append(m, "s", PACKAGE_VERSION);
}

static int method_list_jobs(BusCall *call, void *object, Error **ret_error) {
        BusMessage *m = bus_call_reply(call);
        Api *a = object;
        Job *const *jobs;
        size_t n;
        int r;

        jobs = manager_list(a->manager, &n);
        (void) bus_message_open(m, 'a', "(sso)");
        for (size_t i = 0; i < n; i++) {
                _cleanup_free_ char *path = NULL;

                r = api_job_path(jobs[i], &path);
                if (r < 0)
                        return r;
                (void) bus_message_append(m, "(sso)", job_get_name(jobs[i]),
                                          job_status_to_string(job_get_status(jobs[i])), path);
        }
        return bus_message_close(m);
}

static int method_get_job(BusCall *call, void *object, Error **ret_error) {
        _cleanup_free_ char *path = NULL;
        Api *a = object;
        const char *name;
        Job *j;
        int r;

        r = bus_call_read(call, "s", &name);
        if (r < 0)
                return r;
        j = manager_find(a->manager, name);
        if (!j)
                return bus_call_fail(call, BUS_ERROR_NO_SUCH_JOB, "no job is called \"%s\"", name);
        r = api_job_path(j, &path);
        return r < 0 ? r : bus_call_write(call, "o", path);
}

/* A setting's value in any type that a client finds natural, as the text that the job file would have. */
static int read_value(BusMessage *m, char **ret) {
        _cleanup_strv_ char **list = NULL;
        char signature[256];
        const char *s;
        uint64_t t;
        uint32_t u;
        int64_t x;
        int32_t i;
        bool b;
        double d;
        int r;

        r = bus_message_peek_variant(m, signature);
        if (r < 0)
                return r;
        r = bus_message_enter(m, 'v', NULL);
        if (r < 0)
                return r;
        *ret = NULL;
        if (streq(signature, "s")) {
                if (bus_message_read(m, "s", &s) >= 0)
                        *ret = strdup(s);
        } else if (streq(signature, "b")) {
                if (bus_message_read(m, "b", &b) >= 0)
                        *ret = strdup(b ? "yes" : "no");
        } else if (streq(signature, "as")) {
                if (bus_message_read(m, "as", &list) >= 0)
                        *ret = strv_length(list) > 0 ? strv_join(list, " ") : strdup("");
        } else {
                char text[64];

                if (streq(signature, "u") && bus_message_read(m, "u", &u) >= 0)
                        (void) snprintf(text, sizeof(text), "%" PRIu32, u);
                else if (streq(signature, "i") && bus_message_read(m, "i", &i) >= 0)
                        (void) snprintf(text, sizeof(text), "%" PRId32, i);
                else if (streq(signature, "t") && bus_message_read(m, "t", &t) >= 0)
                        (void) snprintf(text, sizeof(text), "%" PRIu64, t);
                else if (streq(signature, "x") && bus_message_read(m, "x", &x) >= 0)
                        (void) snprintf(text, sizeof(text), "%" PRId64, x);
                else if (streq(signature, "d") && bus_message_read(m, "d", &d) >= 0)
                        (void) snprintf(text, sizeof(text), "%.6f", d);
                else
                        return -EINVAL;
                *ret = strdup(text);
        }
        if (!*ret)
                return bus_message_status(m) < 0 ? bus_message_status(m) : -ENOMEM;
        return bus_message_exit(m);
}

static int read_settings(BusCall *call, char ***ret_keys, char ***ret_values, Error **ret_error) {
        _cleanup_strv_ char **keys = NULL, **values = NULL;
        BusMessage *m = bus_call_args(call);
        size_t n = 0;
        int r;

        r = bus_message_enter(m, 'a', "{sv}");
        while (r >= 0 && bus_message_more(m)) {
                _cleanup_free_ char *value = NULL;
                const char *key;

                if (n++ >= SETTINGS_MAX)
                        return error_set(ret_error, -EMSGSIZE, "a job has at most %u settings", SETTINGS_MAX);
                r = bus_message_enter(m, '{', NULL);
                if (r < 0)
                        return r;
                r = bus_message_read(m, "s", &key);
                if (r < 0)
                        return r;
                r = read_value(m, &value);
                if (r == -EINVAL)
                        return error_set(ret_error, r,
                                         "the value of %s is neither text, a list of texts, a number nor a boolean",
                                         key);
                if (r >= 0)
                        r = strv_extend(&keys, key);
                if (r >= 0)
                        r = strv_extend(&values, value);
                if (r >= 0)
                        r = bus_message_exit(m);
        }
        if (r < 0)
                return r;
        *ret_keys = TAKE_PTR(keys);
        *ret_values = TAKE_PTR(values);
        return bus_message_exit(m);
}

static int method_create_job(BusCall *call, void *object, Error **ret_error) {
        _cleanup_strv_ char **keys = NULL, **values = NULL;
        static char *const nothing[] = { NULL };
        _cleanup_free_ char *path = NULL;
        Api *a = object;
        const char *name;
        Caller caller;
        Job *j;
        int r;

        r = bus_call_read(call, "s", &name);
        if (r >= 0)
                r = read_settings(call, &keys, &values, ret_error);
        if (r >= 0)
                r = api_get_caller(call, &caller);
        if (r < 0)
                return r;
        r = manager_create_job(a->manager, &caller.person, name, keys ? keys : nothing, values ? values : nothing, &j,
                               ret_error);
        if (r != 0)
                return api_answer(call, r, ret_error);
        r = api_job_path(j, &path);
        return r < 0 ? r : bus_call_write(call, "o", path);
}

static int method_remove_job(BusCall *call, void *object, Error **ret_error) {
        Api *a = object;
        const char *name;
        Caller caller;
        bool force;
        int r;

        r = bus_call_read(call, "sb", &name, &force);
        if (r >= 0)
                r = api_get_caller(call, &caller);
        if (r < 0)
                return r;
        return api_answer(call, manager_remove_job(a->manager, &caller.person, name, force, ret_error), ret_error);
}

static int method_reload(BusCall *call, void *object, Error **ret_error) {
        Api *a = object;
        Caller caller;
        int r;

        r = api_get_caller(call, &caller);
        if (r < 0)
                return r;
        return api_answer(call, manager_reload(a->manager, &caller.person, ret_error), ret_error);
}

static const BusMethod manager_methods[] = {
        { "ListJobs", "", "", "a(sso)", "jobs", method_list_jobs, 0, NULL },
        { "GetJob", "s", "name", "o", "job", method_get_job, 0, NULL },
        { "CreateJob", "sa{sv}", "name settings", "o", "job", method_create_job, 0, ACTION_CONFIGURE },
        { "RemoveJob", "sb", "name force", "", "", method_remove_job, 0, ACTION_CONFIGURE },
        { "Reload", "", "", "", "", method_reload, 0, ACTION_CONFIGURE },
        {},
};

static const BusProperty manager_properties[] = {
        { "Version", "s", get_version, NULL, BUS_PROPERTY_CONST, NULL },
        {},
};

const BusInterface api_manager = {
        .name = "org.reprieve1.Manager", .methods = manager_methods, .properties = manager_properties,
};

/* ---- the worker: only on the private endpoint, where the kernel says who speaks ---- */

static int method_cycle_started(BusCall *call, void *object, Error **ret_error) {
        const char *job, *cycle;
        Api *a = object;
        int r;

        r = bus_call_read(call, "ss", &job, &cycle);
        if (r < 0)
                return r;
        manager_worker_started(a->manager, job, cycle);
        return 0;
}

static int method_progress(BusCall *call, void *object, Error **ret_error) {
        const char *job, *cycle, *phase;
        uint64_t done, total;
        Api *a = object;
        int r;

        r = bus_call_read(call, "ssstt", &job, &cycle, &phase, &done, &total);
        if (r < 0)
                return r;
        manager_worker_progress(a->manager, job, cycle, phase, done, total);
        return 0;
}

static int method_cycle_finished(BusCall *call, void *object, Error **ret_error) {
        const char *job, *cycle;
        Api *a = object;
        int r;

        r = bus_call_read(call, "ss", &job, &cycle);
        if (r < 0)
                return r;
        manager_worker_finished(a->manager, job, cycle);
        return 0;
}

static int method_take_task(BusCall *call, void *object, Error **ret_error) {
        TaskOrder order;
        const char *job;
        Api *a = object;
        int r;

        r = bus_call_read(call, "s", &job);
        if (r < 0)
                return r;
        r = manager_take_task(a->manager, job, &order, ret_error);
        if (r != 0)
                return api_answer(call, r, ret_error);
        r = bus_call_write(call, "ashhh", order.arguments, order.output, order.errors, order.life);
        /* With nobody at its other end the task ends here and now. */
        (void) close(order.life);
        return r;
}

static const BusMethod worker_methods[] = {
        { "CycleStarted", "ss", "job cycle", "", "", method_cycle_started, 0, NULL },
        { "Progress", "ssstt", "job cycle phase done total", "", "", method_progress, 0, NULL },
        { "CycleFinished", "ss", "job cycle", "", "", method_cycle_finished, 0, NULL },
        { "TakeTask", "s", "job", "ashhh", "arguments output errors life", method_take_task, 0, NULL },
        {},
};

const BusInterface api_worker = { .name = "org.reprieve1.Worker", .methods = worker_methods, .flags = BUS_PRIVATE };
