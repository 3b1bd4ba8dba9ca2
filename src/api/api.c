/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "api.h"

#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

#include "api-internal.h"
#include "log.h"
#include "time-util.h"

/* ---- conditions of the service as errors of the bus ---- */

static BusErrorCode code_of(int condition) {
        static const BusErrorCode codes[_SERVICE_E_MAX] = {
                [SERVICE_E_NO_SUCH_JOB] = BUS_ERROR_NO_SUCH_JOB,
                [SERVICE_E_JOB_EXISTS] = BUS_ERROR_JOB_EXISTS,
                [SERVICE_E_NO_SUCH_REVIEW] = BUS_ERROR_NO_SUCH_REVIEW,
                [SERVICE_E_NO_SUCH_OBJECT] = BUS_ERROR_NO_SUCH_OBJECT,
                [SERVICE_E_JOB_BUSY] = BUS_ERROR_JOB_BUSY,
                [SERVICE_E_JOB_NOT_EMPTY] = BUS_ERROR_JOB_NOT_EMPTY,
                [SERVICE_E_JOB_DISABLED] = BUS_ERROR_JOB_DISABLED,
                [SERVICE_E_JOB_PAUSED] = BUS_ERROR_JOB_PAUSED,
                [SERVICE_E_INVALID_ARGUMENT] = BUS_ERROR_INVALID_ARGS,
                [SERVICE_E_INVALID_SETTINGS] = BUS_ERROR_INVALID_SETTINGS,
                [SERVICE_E_INVALID_SCOPE] = BUS_ERROR_INVALID_SCOPE,
                [SERVICE_E_LAUNCH_FAILED] = BUS_ERROR_LAUNCH_FAILED,
                [SERVICE_E_LEDGER_FAILED] = BUS_ERROR_LEDGER_FAILED,
                [SERVICE_E_CONNECTION_FAILED] = BUS_ERROR_CONNECTION_FAILED,
                [SERVICE_E_NOTIFICATION_FAILED] = BUS_ERROR_NOTIFICATION_FAILED,
                [SERVICE_E_NO_TASK] = BUS_ERROR_NO_SUCH_OBJECT,
                [SERVICE_E_TOO_MANY] = BUS_ERROR_LIMITS_EXCEEDED,
        };

        assert(condition > 0 && condition < SERVICE_E_LATER);
        return codes[condition];
}

int api_answer(BusCall *call, int r, Error **ret_error) {
        if (r <= 0)
                return r;
        return bus_call_fail(call, code_of(r), "%s", error_text(*ret_error, -EINVAL));
}

void api_fail(BusCall *call, int r, const Error *error) {
        if (r < 0)
                (void) bus_call_fail_errno(call, r, error);
        else
                (void) bus_call_fail(call, code_of(r), "%s", error_text(error, -EINVAL));
}

int api_get_caller(BusCall *call, Caller *ret) {
        char buffer[4096];
        struct passwd pw, *found = NULL;
        uid_t uid;
        int r;

        r = bus_call_get_uid(call, &uid);
        if (r < 0)
                return r;
        if (getpwuid_r(uid, &pw, buffer, sizeof(buffer), &found) == 0 && found)
                (void) snprintf(ret->name, sizeof(ret->name), "%s", found->pw_name);
        else
                (void) snprintf(ret->name, sizeof(ret->name), "%" PRIu64, (uint64_t) uid);
        ret->person = (Person) { .uid = uid, .name = ret->name };
        return 0;
}

int api_job_path(const Job *j, char **ret) {
        return bus_path_encode(API_JOBS, job_get_name(j), ret);
}

int api_append_counts(BusMessage *m, const CycleRecord *c) {
        const char *names[_CYCLE_COUNT_MAX];
        uint64_t values[_CYCLE_COUNT_MAX];
        size_t n = 0;

        for (CycleCount i = 0; i < _CYCLE_COUNT_MAX; i++) {
                if (i == COUNT_LIMIT && c->counts[i] == GUARD_NO_LIMIT)
                        continue;
                names[n] = cycle_count_to_string(i);
                values[n++] = c->counts[i];
        }
        return bus_message_append_counts(m, names, values, n);
}

/* ---- systemd ---- */

#define SYSTEMD_NAME "org.freedesktop.systemd1"
#define SYSTEMD_PATH "/org/freedesktop/systemd1"
#define SYSTEMD_INTERFACE "org.freedesktop.systemd1.Manager"

typedef struct UnitRequest {
        Api *api;
        char unit[]; /* "" for a reload */
} UnitRequest;

static void on_systemd(const char *error_name, const char *text, void *userdata) {
        _cleanup_free_ UnitRequest *q = userdata;

        if (!q->api->manager)
                return;
        if (error_name)
                manager_unit_refused(q->api->manager, q->unit[0] ? q->unit : "to read its units again", text);
        else if (!q->unit[0])
                manager_units_reloaded(q->api->manager);
}

static UnitRequest *request_new(Api *a, const char *unit) {
        UnitRequest *q = malloc(sizeof(*q) + strlen(unit) + 1);

        if (q) {
                q->api = a;
                memcpy(q->unit, unit, strlen(unit) + 1);
        }
        return q;
}

static int ask_systemd(Api *a, const char *member, const char *unit) {
        _cleanup_free_ UnitRequest *q = request_new(a, strempty(unit));
        int r;

        if (!q)
                return -ENOMEM;
        r = unit ? bus_ask(a->bus, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_INTERFACE, member, on_systemd, q, "ss", unit,
                           "replace")
                 : bus_ask(a->bus, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_INTERFACE, member, on_systemd, q, "");
        if (r < 0)
                return r;
        (void) TAKE_PTR(q);
        return 0;
}

static int start_unit(const char *unit, void *userdata) {
        return ask_systemd(userdata, "StartUnit", unit);
}

static int stop_unit(const char *unit, void *userdata) {
        return ask_systemd(userdata, "StopUnit", unit);
}

static int reload_units(void *userdata) {
        return ask_systemd(userdata, "Reload", NULL);
}

const UnitHooks api_unit_hooks = { .start = start_unit, .stop = stop_unit, .reload = reload_units };

/* ---- the doors ---- */

static void on_lost(Bus *bus, const char *why, void *userdata) {
        Api *a = userdata;

        a->options.lost(why, a->options.userdata);
}

/* Whoever is refused could fill the journal: so many entries a minute, then one that says so. */
#define REFUSALS_PER_MINUTE 30U

static void on_refused(Bus *bus, const BusRefusal *refusal, void *userdata) {
        _cleanup_log_entry_ LogEntry e = LOG_ENTRY_INIT;
        _cleanup_free_ char *job = NULL;
        uint64_t now = clock_monotonic();
        Api *a = userdata;

        if (now - a->refusals_since > USEC_PER_MINUTE) {
                a->refusals_since = now;
                a->n_refusals = 0;
        }
        if (++a->n_refusals > REFUSALS_PER_MINUTE + 1)
                return;
        log_entry_begin(&e, LOG_WARNING, REPRIEVE_MESSAGE_ACCESS_REFUSED);
        if (a->n_refusals > REFUSALS_PER_MINUTE)
                log_entry_message(&e, "More callers were refused; for a minute no more are named.");
        else if (refusal->uid_known)
                log_entry_message(&e, "User %lu may not use %s.", (unsigned long) refusal->uid,
                                  strempty(refusal->member));
        else
                log_entry_message(&e, "%s may not use %s.", refusal->sender, strempty(refusal->member));
        if (refusal->path && bus_path_decode(refusal->path, API_JOBS, &job) >= 0)
                log_entry_field(&e, "REPRIEVE_JOB", job);
        log_entry_field(&e, "REPRIEVE_SENDER", refusal->sender);
        if (refusal->uid_known)
                log_entry_field_u64(&e, "REPRIEVE_UID", refusal->uid);
        log_entry_field(&e, "REPRIEVE_PERMISSION", refusal->action);
        log_entry_field(&e, "REPRIEVE_ERROR_CODE", bus_error_to_name(refusal->code));
        (void) log_entry_send(&e);
}

/* On the private endpoint root has everything and our own user only what a cycle needs; where the service runs as the
 * person who uses it, that person has everything. */
static bool private_access(uid_t uid, const char *interface, void *userdata) {
        Api *a = userdata;

        if (uid == 0)
                return true;
        if (uid != geteuid())
                return false;
        return a->options.auth == BUS_AUTH_SAME_UID_OR_ROOT || !interface || streq(interface, api_worker.name);
}

int api_new(const ApiOptions *o, Api **ret) {
        static const BusHooks hooks = { .lost = on_lost, .refused = on_refused, .private_access = private_access };
        _cleanup_(api_freep) Api *a = NULL;
        int r;

        a = calloc(1, sizeof(*a));
        if (!a)
                return -ENOMEM;
        a->options = *o;
        r = bus_new(o->event, o->auth, &hooks, a, &a->bus);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(a);
        return 0;
}

Api *api_free(Api *a) {
        if (!a)
                return NULL;
        if (a->manager)
                manager_observe(a->manager, NULL, NULL);
        a->manager = NULL;
        (void) bus_free(a->bus);
        free(a);
        return NULL;
}

Bus *api_get_bus(Api *a) {
        return a->bus;
}

static const BusInterface *const root_interfaces[] = { &api_manager, &api_worker, NULL };
static const BusInterface *const job_interfaces[] = { &api_job, NULL };
static const BusInterface *const log_interfaces[] = { &api_log_control, NULL };

int api_attach(Api *a, Manager *m) {
        int r;

        a->manager = m;
        r = bus_add_object(a->bus, API_PATH, root_interfaces, a);
        if (r >= 0)
                r = bus_add_object_manager(a->bus, API_PATH);
        if (r >= 0)
                r = bus_add_fallback(a->bus, API_JOBS, job_interfaces, &api_jobs, a);
        if (r >= 0)
                r = bus_add_object(a->bus, "/org/freedesktop/LogControl1", log_interfaces, a);
        if (r < 0)
                return r;
        manager_observe(m, &api_observer, a);
        return 0;
}

int api_introspect(const char *path, char **ret) {
        if (streq(path, API_PATH))
                return bus_introspect(root_interfaces, ret);
        if (startswith(path, API_JOBS "/"))
                return bus_introspect(job_interfaces, ret);
        if (streq(path, "/org/freedesktop/LogControl1"))
                return bus_introspect(log_interfaces, ret);
        return -ENOENT;
}
