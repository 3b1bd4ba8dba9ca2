/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

/* org.reprieve1.Job: its properties and signals. */

#include <errno.h>

#include "api-internal.h"
#include "time-util.h"

#define INTERFACE "org.reprieve1.Job"

/* ---- properties ---- */

/* One getter a property; "j" is the job, "c" its configuration, "v" what its ledger says. */
#define GETTER(id, ...)                                                                                               \
        static int get_##id(BusMessage *m, const BusProperty *property, void *object, Error **ret_error) {            \
                Job *j = object;                                                                                      \
                return bus_message_append(m, __VA_ARGS__);                                                            \
        }
#define GETTER_CONFIG(id, fallback, ...)                                                                              \
        static int get_##id(BusMessage *m, const BusProperty *property, void *object, Error **ret_error) {            \
                const JobConfig *c = job_get_config(object);                                                          \
                if (!c)                                                                                               \
                        return bus_message_append(m, property->signature, fallback);                                  \
                return bus_message_append(m, __VA_ARGS__);                                                            \
        }
#define GETTER_LEDGER(id, ...)                                                                                        \
        static int get_##id(BusMessage *m, const BusProperty *property, void *object, Error **ret_error) {            \
                const JobView *v = job_get_view(object);                                                              \
                if (v->error)                                                                                         \
                        return error_set(ret_error, -EIO, "%s", v->error);                                            \
                return bus_message_append(m, __VA_ARGS__);                                                            \
        }

static uint32_t to_u32(uint64_t n) {
        return n > UINT32_MAX ? UINT32_MAX : (uint32_t) n;
}

/* Which connector, and what it reads or writes. Nothing here is secret: secrets are credentials. */
static int append_connector(BusMessage *m, const ConnectorConfig *c) {
        static const char *const places[] = { "Uri", "Directory", "File", "Users", "Groups", "Command" };
        _cleanup_free_ char *text = NULL;

        for (size_t i = 0; i < ELEMENTSOF(places); i++) {
                const char *place = connector_config_get(c, places[i], NULL);

                if (isempty(place))
                        continue;
                if (asprintf(&text, "%s: %s", c->connector, place) < 0)
                        return -ENOMEM;
                return bus_message_append(m, "s", text);
        }
        return bus_message_append(m, "s", c->connector);
}

static int get_connector(BusMessage *m, const BusProperty *property, void *object, Error **ret_error) {
        const JobConfig *c = job_get_config(object);

        if (!c)
                return bus_message_append(m, "s", "");
        return append_connector(m, streq(property->name, "Source") ? &c->source : &c->target);
}

static double percent_of(const GuardLimits *l) {
        return l->percent == GUARD_NO_LIMIT ? -1 : (double) l->percent / (double) GUARD_PERCENT_SCALE;
}

static int get_budget(BusMessage *m, const BusProperty *property, void *object, Error **ret_error) {
        const JobConfig *c = job_get_config(object);
        char text[128] = "", window[64];

        if (c && c->limits.budget != GUARD_NO_LIMIT)
                (void) snprintf(text, sizeof(text), "%" PRIu64 " per %s", c->limits.budget,
                                duration_format(c->budget_window_usec, window));
        return bus_message_append(m, "s", text);
}

static int get_email(BusMessage *m, const BusProperty *property, void *object, Error **ret_error) {
        const JobConfig *c = job_get_config(object);

        return bus_message_append(m, "as", c ? c->email : NULL);
}

static int get_progress(BusMessage *m, const BusProperty *property, void *object, Error **ret_error) {
        uint64_t done, total;
        const char *phase;

        job_get_progress(object, &phase, &done, &total);
        return bus_message_append(m, "(stt)", phase, done, total);
}

static int get_quarantine(BusMessage *m, const BusProperty *property, void *object, Error **ret_error) {
        const char *reason, *message;

        job_get_quarantine(object, &reason, &message);
        return bus_message_append(m, "s", streq(property->name, "QuarantineReason") ? reason : message);
}

static int get_counts(BusMessage *m, const BusProperty *property, void *object, Error **ret_error) {
        const JobView *v = job_get_view(object);

        if (v->error)
                return error_set(ret_error, -EIO, "%s", v->error);
        if (!v->has_cycle)
                return bus_message_append_counts(m, NULL, NULL, 0);
        return api_append_counts(m, &v->cycle);
}

GETTER(name, "s", job_get_name(j))
GETTER(status, "s", job_status_to_string(job_get_status(j)))
GETTER(running, "b", job_get_running(j) != NULL)
GETTER(notification_problem, "s", job_get_notification_problem(j))
GETTER_CONFIG(description, "", "s", c->description)
GETTER_CONFIG(prevent, true, "b", c->limits.prevent)
GETTER_CONFIG(threshold, 0U, "u", to_u32(c->limits.threshold))
GETTER_CONFIG(percent, -1.0, "d", percent_of(&c->limits))
GETTER_CONFIG(trips, "", "s", c->limits.exceeded ? "exceeded" : "reached")
GETTER_CONFIG(minimum_population, 0U, "u", to_u32(c->limits.minimum_population))
GETTER_CONFIG(interval, UINT64_C(0), "t", c->interval_usec)
GETTER_LEDGER(quarantine_since, "t", v->state.quarantine_since)
GETTER_LEDGER(quarantine_count, "u", v->state.quarantine_count)
GETTER_LEDGER(next_attempt, "t", v->state.next_attempt)
GETTER_LEDGER(review, "s", v->review)
GETTER_LEDGER(staged_since, "t", v->staged.since)
GETTER_LEDGER(staged_deletes, "u", to_u32(v->staged.deletes))
GETTER_LEDGER(staged_actions, "u", to_u32(v->staged.actions))
GETTER_LEDGER(held, "u", to_u32(v->held))
GETTER_LEDGER(escrowed, "u", to_u32(v->escrowed))
GETTER_LEDGER(linked_users, "u", to_u32(v->users))
GETTER_LEDGER(linked_groups, "u", to_u32(v->groups))
GETTER_LEDGER(last_cycle, "s", v->cycle.id)
GETTER_LEDGER(last_result, "s", v->has_cycle ? cycle_result_to_string(v->cycle.result) : "")
GETTER_LEDGER(last_started, "t", v->cycle.started)
GETTER_LEDGER(last_finished, "t", v->cycle.finished)

/* A setting that the file would refuse is an argument that the property refuses. */
static int answer_setting(BusCall *call, int r, Error **ret_error) {
        if (r == SERVICE_E_INVALID_SETTINGS)
                return bus_call_fail(call, BUS_ERROR_INVALID_ARGS, "%s", error_text(*ret_error, -EINVAL));
        return api_answer(call, r, ret_error);
}

static int set_prevent(BusCall *call, void *object, Error **ret_error) {
        Caller caller;
        bool value;
        int r;

        r = bus_call_read(call, "b", &value);
        if (r >= 0)
                r = api_get_caller(call, &caller);
        if (r < 0)
                return r;
        return answer_setting(call,
                              job_set(object, &caller.person, "Deletions.PreventAccidentalDeletions",
                                      value ? "yes" : "no", ret_error),
                              ret_error);
}

static int set_number(BusCall *call, void *object, const char *key, Error **ret_error) {
        uint32_t value;
        char text[16];
        Caller caller;
        int r;

        r = bus_call_read(call, "u", &value);
        if (r >= 0)
                r = api_get_caller(call, &caller);
        if (r < 0)
                return r;
        (void) snprintf(text, sizeof(text), "%u", value);
        return answer_setting(call, job_set(object, &caller.person, key, text, ret_error), ret_error);
}

static int set_threshold(BusCall *call, void *object, Error **ret_error) {
        return set_number(call, object, "Deletions.DeletionThreshold", ret_error);
}

static int set_minimum_population(BusCall *call, void *object, Error **ret_error) {
        return set_number(call, object, "Deletions.MinimumPopulation", ret_error);
}

static int set_text(BusCall *call, void *object, const char *key, Error **ret_error) {
        const char *value;
        Caller caller;
        int r;

        r = bus_call_read(call, "s", &value);
        if (r >= 0)
                r = api_get_caller(call, &caller);
        if (r < 0)
                return r;
        return answer_setting(call, job_set(object, &caller.person, key, value, ret_error), ret_error);
}

static int set_trips(BusCall *call, void *object, Error **ret_error) {
        return set_text(call, object, "Deletions.DeletionThresholdTrips", ret_error);
}

static int set_budget(BusCall *call, void *object, Error **ret_error) {
        return set_text(call, object, "Deletions.DeletionBudget", ret_error);
}

static int set_percent(BusCall *call, void *object, Error **ret_error) {
        Caller caller;
        double value;
        int r;

        r = bus_call_read(call, "d", &value);
        if (r >= 0)
                r = api_get_caller(call, &caller);
        if (r < 0)
                return r;
        return answer_setting(call, job_set_threshold_percent(object, &caller.person, value, ret_error), ret_error);
}

static int set_email(BusCall *call, void *object, Error **ret_error) {
        _cleanup_strv_ char **value = NULL;
        Caller caller;
        int r;

        r = bus_call_read(call, "as", &value);
        if (r >= 0)
                r = api_get_caller(call, &caller);
        if (r < 0)
                return r;
        return answer_setting(call, job_set_email(object, &caller.person, value, ret_error), ret_error);
}

static int set_interval(BusCall *call, void *object, Error **ret_error) {
        uint64_t value;
        Caller caller;
        int r;

        r = bus_call_read(call, "t", &value);
        if (r >= 0)
                r = api_get_caller(call, &caller);
        if (r < 0)
                return r;
        return answer_setting(call, job_set_interval(object, &caller.person, value, ret_error), ret_error);
}

static const BusProperty properties[] = {
        { "Name", "s", get_name, NULL, BUS_PROPERTY_CONST, NULL },
        { "Description", "s", get_description, NULL, BUS_PROPERTY_EMITS, NULL },
        { "Source", "s", get_connector, NULL, BUS_PROPERTY_EMITS, NULL },
        { "Target", "s", get_connector, NULL, BUS_PROPERTY_EMITS, NULL },
        { "Status", "s", get_status, NULL, BUS_PROPERTY_EMITS, NULL },
        { "Running", "b", get_running, NULL, BUS_PROPERTY_EMITS, NULL },
        { "Progress", "(stt)", get_progress, NULL, BUS_PROPERTY_EMITS, NULL },
        { "PreventAccidentalDeletions", "b", get_prevent, set_prevent, BUS_PROPERTY_EMITS, ACTION_CONFIGURE },
        { "DeletionThreshold", "u", get_threshold, set_threshold, BUS_PROPERTY_EMITS, ACTION_CONFIGURE },
        { "DeletionThresholdPercent", "d", get_percent, set_percent, BUS_PROPERTY_EMITS, ACTION_CONFIGURE },
        { "DeletionThresholdTrips", "s", get_trips, set_trips, BUS_PROPERTY_EMITS, ACTION_CONFIGURE },
        { "MinimumPopulation", "u", get_minimum_population, set_minimum_population, BUS_PROPERTY_EMITS,
          ACTION_CONFIGURE },
        { "DeletionBudget", "s", get_budget, set_budget, BUS_PROPERTY_EMITS, ACTION_CONFIGURE },
        { "NotificationEmail", "as", get_email, set_email, BUS_PROPERTY_EMITS, ACTION_CONFIGURE },
        { "Interval", "t", get_interval, set_interval, BUS_PROPERTY_EMITS, ACTION_CONFIGURE },
        { "QuarantineReason", "s", get_quarantine, NULL, BUS_PROPERTY_EMITS, NULL },
        { "QuarantineMessage", "s", get_quarantine, NULL, BUS_PROPERTY_EMITS, NULL },
        { "QuarantineSince", "t", get_quarantine_since, NULL, BUS_PROPERTY_EMITS, NULL },
        { "QuarantineCount", "u", get_quarantine_count, NULL, BUS_PROPERTY_EMITS, NULL },
        { "NextAttempt", "t", get_next_attempt, NULL, BUS_PROPERTY_EMITS, NULL },
        { "Review", "s", get_review, NULL, BUS_PROPERTY_EMITS, NULL },
        { "StagedSince", "t", get_staged_since, NULL, BUS_PROPERTY_EMITS, NULL },
        { "StagedDeletes", "u", get_staged_deletes, NULL, BUS_PROPERTY_EMITS, NULL },
        { "StagedActions", "u", get_staged_actions, NULL, BUS_PROPERTY_EMITS, NULL },
        { "Held", "u", get_held, NULL, BUS_PROPERTY_EMITS, NULL },
        { "Escrowed", "u", get_escrowed, NULL, BUS_PROPERTY_EMITS, NULL },
        { "LinkedUsers", "u", get_linked_users, NULL, BUS_PROPERTY_EMITS, NULL },
        { "LinkedGroups", "u", get_linked_groups, NULL, BUS_PROPERTY_EMITS, NULL },
        { "NotificationProblem", "s", get_notification_problem, NULL, BUS_PROPERTY_EMITS, NULL },
        { "LastCycle", "s", get_last_cycle, NULL, BUS_PROPERTY_EMITS, NULL },
        { "LastCycleResult", "s", get_last_result, NULL, BUS_PROPERTY_EMITS, NULL },
        { "LastCycleStarted", "t", get_last_started, NULL, BUS_PROPERTY_EMITS, NULL },
        { "LastCycleFinished", "t", get_last_finished, NULL, BUS_PROPERTY_EMITS, NULL },
        { "LastCycleCounts", "a{st}", get_counts, NULL, BUS_PROPERTY_EMITS, NULL },
        {},
};

static const BusSignal signals[] = {
        { "CycleStarted", "s", "cycle" },
        { "CycleFinished", "ssa{st}", "cycle result counts" },
        { "Quarantined", "ssu", "reason review staged" },
        { "QuarantineLifted", "s", "how" },
        {},
};

const BusInterface api_job = {
        .name = INTERFACE, .methods = api_job_methods, .signals = signals, .properties = properties};

/* ---- the objects ---- */

static void *find(const char *name, void *userdata) {
        Api *a = userdata;

        return manager_find(a->manager, name);
}

static int list(void *userdata, char ***ret_names) {
        _cleanup_strv_ char **names = NULL;
        Api *a = userdata;
        Job *const *jobs;
        size_t n;

        jobs = manager_list(a->manager, &n);
        names = calloc(n + 1, sizeof(*names));
        if (!names)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                names[i] = strdup(job_get_name(jobs[i]));
                if (!names[i])
                        return -ENOMEM;
        }
        *ret_names = TAKE_PTR(names);
        return 0;
}

const BusFallback api_jobs = { .find = find, .list = list };

/* ---- what happens to them. A signal lost for want of memory is no harm: properties can be read again. ---- */

static void changed(Api *a) {
        if (a->options.changed)
                a->options.changed(a->options.userdata);
}

static void on_added(Job *j, void *userdata) {
        _cleanup_free_ char *path = NULL;
        Api *a = userdata;

        if (api_job_path(j, &path) >= 0)
                (void) bus_emit_added(a->bus, path);
        changed(a);
}

static void on_removed(Job *j, void *userdata) {
        _cleanup_free_ char *path = NULL;
        Api *a = userdata;

        if (api_job_path(j, &path) >= 0)
                (void) bus_emit_removed(a->bus, path);
        changed(a);
}

static void on_changed(Job *j, unsigned mask, void *userdata) {
        _cleanup_free_ char *path = NULL;
        Api *a = userdata;

        if (api_job_path(j, &path) < 0)
                return;
#define EMIT(bit, ...)    \
        if (mask & (bit)) \
                (void) bus_emit_properties_changed(a->bus, path, INTERFACE, __VA_ARGS__, NULL)
        EMIT(JOB_CHANGED_STATUS, "Status", "Running");
        EMIT(JOB_CHANGED_PROGRESS, "Progress");
        EMIT(JOB_CHANGED_SETTINGS, "Description", "Source", "Target", "PreventAccidentalDeletions",
             "DeletionThreshold", "DeletionThresholdPercent", "DeletionThresholdTrips", "MinimumPopulation",
             "DeletionBudget", "NotificationEmail", "Interval");
        EMIT(JOB_CHANGED_QUARANTINE, "QuarantineReason", "QuarantineMessage", "QuarantineSince", "QuarantineCount",
             "NextAttempt");
        EMIT(JOB_CHANGED_REVIEW, "Review", "StagedSince", "StagedDeletes", "StagedActions", "Held", "Escrowed");
        EMIT(JOB_CHANGED_LINKS, "LinkedUsers", "LinkedGroups");
        EMIT(JOB_CHANGED_NOTIFICATION, "NotificationProblem");
        EMIT(JOB_CHANGED_CYCLE, "LastCycle", "LastCycleResult", "LastCycleStarted", "LastCycleFinished",
             "LastCycleCounts");
#undef EMIT
        if (mask & (JOB_CHANGED_STATUS | JOB_CHANGED_QUARANTINE))
                changed(a);
}

static void on_cycle_started(Job *j, const char *cycle, void *userdata) {
        _cleanup_free_ char *path = NULL;
        Api *a = userdata;

        if (api_job_path(j, &path) >= 0)
                (void) bus_emit_signal(a->bus, path, INTERFACE, "CycleStarted", "s", cycle);
}

static void on_cycle_finished(Job *j, const CycleRecord *cycle, void *userdata) {
        _cleanup_bus_message_ BusMessage *m = NULL;
        _cleanup_free_ char *path = NULL;
        Api *a = userdata;

        if (api_job_path(j, &path) < 0 || bus_signal_new(a->bus, path, INTERFACE, "CycleFinished", &m) < 0)
                return;
        (void) bus_message_append(m, "ss", cycle->id, cycle_result_to_string(cycle->result));
        if (api_append_counts(m, cycle) >= 0)
                (void) bus_send_signal(a->bus, m);
}

static void on_quarantined(Job *j, const char *reason, const char *review, uint64_t staged, void *userdata) {
        _cleanup_free_ char *path = NULL;
        Api *a = userdata;

        if (api_job_path(j, &path) >= 0)
                (void) bus_emit_signal(a->bus, path, INTERFACE, "Quarantined", "ssu", reason, review, to_u32(staged));
}

static void on_quarantine_lifted(Job *j, const char *how, void *userdata) {
        _cleanup_free_ char *path = NULL;
        Api *a = userdata;

        if (api_job_path(j, &path) >= 0)
                (void) bus_emit_signal(a->bus, path, INTERFACE, "QuarantineLifted", "s", how);
}

const Observer api_observer = {
        .job_added = on_added,
        .job_removed = on_removed,
        .job_changed = on_changed,
        .cycle_started = on_cycle_started,
        .cycle_finished = on_cycle_finished,
        .quarantined = on_quarantined,
        .quarantine_lifted = on_quarantine_lifted,
};
