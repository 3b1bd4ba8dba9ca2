/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "manager.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "file-util.h"
#include "schedule.h"
#include "service-internal.h"

int manager_new(const ManagerOptions *o, Manager **ret) {
        _cleanup_(manager_freep) Manager *m = NULL;
        LauncherOptions lo = {
                .event = o->event,
                .mode = o->launch,
                .config_dir = o->config_dir,
                .state_dir = o->state_dir,
                .runtime_dir = o->runtime_dir,
                .exec_dir = o->exec_dir,
                .units = o->units,
                .units_userdata = o->units_userdata,
        };
        int r;

        assert(o->units || o->launch == LAUNCH_DIRECT);
        m = calloc(1, sizeof(*m));
        if (!m)
                return -ENOMEM;
        m->event = sd_event_ref(o->event);
        m->config_dir = strdup(o->config_dir);
        m->state_dir = strdup(o->state_dir);
        if (!m->config_dir || !m->state_dir)
                return -ENOMEM;
        r = launcher_new(&lo, &m->launcher);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(m);
        return 0;
}

Manager *manager_free(Manager *m) {
        if (!m)
                return NULL;
        m->observer = NULL;
        m->stopping = true;
        for (size_t i = 0; i < m->n_jobs; i++)
                (void) job_free(m->jobs[i]);
        free(m->jobs);
        (void) launcher_free(m->launcher);
        (void) strv_free(m->timers);
        free(m->config_dir);
        free(m->state_dir);
        (void) sd_event_unref(m->event);
        free(m);
        return NULL;
}

void manager_observe(Manager *m, const Observer *o, void *userdata) {
        m->observer = o;
        m->observer_userdata = userdata;
}

static size_t position(const Manager *m, const char *name, bool *ret_found) {
        size_t low = 0, high = m->n_jobs;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                int c = strcmp(m->jobs[middle]->name, name);

                if (c == 0) {
                        *ret_found = true;
                        return middle;
                }
                if (c < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        *ret_found = false;
        return low;
}

Job *manager_find(Manager *m, const char *name) {
        bool found;
        size_t i = position(m, name, &found);

        return found ? m->jobs[i] : NULL;
}

Job *const *manager_list(const Manager *m, size_t *ret_n) {
        *ret_n = m->n_jobs;
        return m->jobs;
}

/* Takes @config, also on failure. */
static int add_job(Manager *m, const char *name, JobConfig *config, const char *error, Job **ret) {
        _cleanup_(job_freep) Job *j = NULL;
        bool found;
        size_t i;
        int r;

        r = job_new(m, name, config, error, &j);
        if (r < 0)
                return r;
        r = ARRAY_GROW(m->jobs, m->n_allocated, m->n_jobs + 1);
        if (r < 0)
                return r;
        i = position(m, name, &found);
        assert(!found);
        memmove(&m->jobs[i + 1], &m->jobs[i], (m->n_jobs - i) * sizeof(*m->jobs));
        m->n_jobs++;
        *ret = m->jobs[i] = TAKE_PTR(j);
        if (m->observer && m->observer->job_added)
                m->observer->job_added(*ret, m->observer_userdata);
        return 0;
}

static void drop_job(Manager *m, Job *j) {
        bool found;
        size_t i = position(m, j->name, &found);

        assert(found);
        memmove(&m->jobs[i], &m->jobs[i + 1], (m->n_jobs - i - 1) * sizeof(*m->jobs));
        m->n_jobs--;
        if (m->observer && m->observer->job_removed)
                m->observer->job_removed(j, m->observer_userdata);
        (void) job_free(j);
}

void manager_remove_gone(Manager *m, Job *j) {
        assert(j->gone);
        drop_job(m, j);
}

static void log_refused(const char *name, int r, const Error *error) {
        _cleanup_log_entry_ LogEntry e = LOG_ENTRY_INIT;

        log_entry_begin(&e, LOG_ERR, REPRIEVE_MESSAGE_CONFIGURATION_REFUSED);
        log_entry_field(&e, "REPRIEVE_JOB", name);
        log_entry_message(&e, "Job %s runs no cycle until its file is mended: %.*s.", name, ERROR_LINE(error, r));
        log_entry_field(&e, "REPRIEVE_ERROR", error_text(error, r));
        (void) log_entry_send(&e);
}

static bool config_equal(const JobConfig *a, const JobConfig *b) {
        return streq(a->fingerprint, b->fingerprint) && streq_ptr(a->description, b->description) &&
               streq_ptr(a->language, b->language) && a->enabled == b->enabled &&
               a->journal_limit == b->journal_limit && a->limits.prevent == b->limits.prevent &&
               a->limits.threshold == b->limits.threshold && a->limits.exceeded == b->limits.exceeded &&
               a->limits.percent == b->limits.percent &&
               a->limits.minimum_population == b->limits.minimum_population && a->limits.budget == b->limits.budget &&
               a->limits.membership_threshold == b->limits.membership_threshold &&
               a->limits.group_loss_share == b->limits.group_loss_share &&
               a->limits.group_loss_minimum == b->limits.group_loss_minimum &&
               a->limits.hold_emptied == b->limits.hold_emptied &&
               a->limits.on_trip == b->limits.on_trip && a->budget_window_usec == b->budget_window_usec &&
               a->approval_expires_usec == b->approval_expires_usec &&
               a->judge_configuration_change == b->judge_configuration_change && a->approvers == b->approvers &&
               a->carry_approvals == b->carry_approvals &&
               strv_equal(a->email, b->email) && a->reminder_interval_usec == b->reminder_interval_usec &&
               a->interval_usec == b->interval_usec && streq_ptr(a->on_calendar, b->on_calendar) &&
               a->randomized_delay_usec == b->randomized_delay_usec;
}

/* One job file that is there. 0, or -EINVAL (and others) with an error that was logged. */
static int load_job(Manager *m, const char *name, const Person *by, Error **ret_error) {
        _cleanup_(job_config_freep) JobConfig *config = NULL;
        _cleanup_error_ Error *error = NULL;
        Job *j = manager_find(m, name);
        int r;

        r = job_config_load(m->config_dir, name, &config, &error);
        if (r == -ENOMEM)
                return r;
        if (r < 0) {
                int q;

                log_refused(name, r, error);
                if (j) {
                        (void) free_and_strdup(&j->config_error, error_text(error, r));
                        job_tell(j, JOB_CHANGED_QUARANTINE | JOB_CHANGED_STATUS);
                } else {
                        q = add_job(m, name, NULL, error_text(error, r), &j);
                        if (q < 0)
                                return q;
                }
                return error_set(ret_error, r, "%s", error_text(error, r));
        }
        if (!j) {
                r = add_job(m, name, TAKE_PTR(config), NULL, &j);
                if (r < 0)
                        return r;
        } else {
                bool changed = !j->config || !config_equal(j->config, config);

                j->gone = false;
                if (changed && by)
                        job_log_plain(j, LOG_NOTICE, REPRIEVE_MESSAGE_CONFIGURATION_CHANGED, by,
                                      "The configuration of job %s was read again and has changed.", name);
                if (changed || j->config_error)
                        job_take_config(j, TAKE_PTR(config));
        }
        job_warn_nobody(j);
        return 0;
}

/* Where reprieve.target is not active, a timer whose unit file is gone would go on until the next boot. */
static void stop_timer(Manager *m, const char *name) {
        if (launcher_get_mode(m->launcher) == LAUNCH_SYSTEMD)
                (void) launcher_stop_unit(m->launcher, name, "timer", NULL);
}

/* Reads all files; the first error and how many there are. < 0: the folder cannot be read. */
static int load_all(Manager *m, const Person *by, unsigned *ret_refused, Error **ret_error) {
        _cleanup_strv_ char **names = NULL;
        unsigned refused = 0;
        int r;

        r = job_config_list(m->config_dir, &names);
        if (r < 0)
                return r;
        for (char **n = names; n && *n; n++) {
                r = load_job(m, *n, by, refused == 0 ? ret_error : NULL);
                if (r == -ENOMEM)
                        return r;
                if (r < 0)
                        refused++;
        }
        for (size_t i = m->n_jobs; i > 0; i--) {
                Job *j = m->jobs[i - 1];

                if (strv_contains(names, j->name))
                        continue;
                j->gone = true;
                stop_timer(m, j->name);
                if (job_get_view(j)->staged.undecided > 0)
                        job_log_plain(j, LOG_WARNING, NULL, by,
                                      "Job %s has no job file any more; its ledger is kept, with %llu removals that wait for a decision.",
                                      j->name, (unsigned long long) j->view.staged.undecided);
                else
                        job_log_plain(j, LOG_NOTICE, NULL, by, "Job %s has no job file any more; its ledger is kept.", j->name);
                if (!j->cycle)
                        manager_remove_gone(m, j);
        }
        *ret_refused = refused;
        return 0;
}

int manager_load(Manager *m) {
        unsigned refused;

        return load_all(m, NULL, &refused, NULL);
}

int manager_reload(Manager *m, const Person *by, Error **ret_error) {
        static const Person signal = { .uid = 0, .name = "SIGHUP" };
        _cleanup_error_ Error *error = NULL;
        unsigned refused;
        int r;

        r = load_all(m, by ? by : &signal, &refused, &error);
        if (r < 0)
                return error_set(ret_error, r, "cannot read the folder of job files in %s: %s", m->config_dir,
                                 strerror(-r));
        for (size_t i = 0; i < m->n_jobs; i++) {
                const JobConfig *c = m->jobs[i]->config;

                job_refresh(m->jobs[i]);
                /* systemd starts the timer of a new job file by itself only while reprieve.target is active. That it is new
                 * we cannot know: this process may have been started for this very call. */
                if (c && schedule_has_timer(c) && launcher_get_mode(m->launcher) == LAUNCH_SYSTEMD &&
                    !strv_contains(m->timers, c->name) && strv_extend(&m->timers, c->name) < 0)
                        return -ENOMEM;
        }
        manager_units_changed(m, NULL);
        if (refused == 0)
                return 0;
        if (refused == 1)
                return error_set(ret_error, SERVICE_E_INVALID_SETTINGS, "%s", error_text(error, -EINVAL));
        return error_set(ret_error, SERVICE_E_INVALID_SETTINGS, "%s (and %u more files, see the journal)",
                         error_text(error, -EINVAL), refused - 1);
}

/* ---- making and removing ---- */

static int set_new_paused(Ledger *l, JobState *s, void *userdata) {
        s->paused = true;
        return 0;
}

/* The ledger first: a job whose file is there before it is paused could run. */
static int prepare_paused(Manager *m, const char *name, Error **ret_error) {
        Job *j = NULL;
        int r;

        r = job_new(m, name, NULL, NULL, &j);
        if (r < 0)
                return r;
        r = job_change_state(j, set_new_paused, NULL, ret_error);
        (void) job_free(j);
        return r;
}

int manager_create_job(Manager *m, const Person *by, const char *name, char *const *keys, char *const *values,
                       Job **ret, Error **ret_error) {
        _cleanup_(job_config_freep) JobConfig *config = NULL;
        _cleanup_error_ Error *error = NULL;
        _cleanup_free_ char *dir = NULL;
        bool had_ledger;
        Job *j;
        int r;

        if (!job_name_is_valid(name))
                return error_set(ret_error, SERVICE_E_INVALID_ARGUMENT,
                                 "\"%s\" is no name of a job: letters, digits, \"-\", \"_\" and \".\", the first a "
                                 "letter or digit, at "
                                 "most 64",
                                 name);
        if (manager_find(m, name))
                return error_set(ret_error, SERVICE_E_JOB_EXISTS, "there is a job %s already", name);
        dir = job_state_dir(m->state_dir, name);
        if (!dir)
                return -ENOMEM;
        had_ledger = access(dir, F_OK) >= 0;
        r = prepare_paused(m, name, ret_error);
        if (r != 0)
                return r;
        r = job_config_create(m->config_dir, name, keys, values, &config, &error);
        if (r < 0) {
                if (!had_ledger)
                        (void) ledger_remove(m->state_dir, name);
                if (r == -ENOMEM)
                        return r;
                if (r == -EEXIST)
                        return error_set(ret_error, SERVICE_E_JOB_EXISTS,
                                         "there is a file of a job %s already; Reload reads it", name);
                log_refused(name, r, error);
                return error_set(ret_error, SERVICE_E_INVALID_SETTINGS, "%s", error_text(error, r));
        }
        r = add_job(m, name, TAKE_PTR(config), NULL, &j);
        if (r < 0)
                return r;
        job_log_plain(j, LOG_NOTICE, REPRIEVE_MESSAGE_CONFIGURATION_CHANGED, by,
                      "%s created job %s. It is paused until it is started.", by->name, name);
        job_warn_nobody(j);
        manager_units_changed(m, name);
        *ret = j;
        return 0;
}

int manager_remove_job(Manager *m, const Person *by, const char *name, bool force, Error **ret_error) {
        _cleanup_error_ Error *error = NULL;
        _cleanup_close_ int lock = -1;
        Job *j = manager_find(m, name);
        const JobView *v;
        int r;

        if (!j)
                return error_set(ret_error, SERVICE_E_NO_SUCH_JOB, "no job is called %s", name);
        v = job_get_view(j);
        if (v->exists) {
                /* Held until the folder is gone: nobody starts a cycle in between. */
                lock = job_lock(m->state_dir, name);
                if (j->cycle || lock == -EAGAIN)
                        return error_set(ret_error, SERVICE_E_JOB_BUSY,
                                         "a cycle of job %s is running; pause the job first", name);
                if (lock < 0)
                        return error_set(ret_error, SERVICE_E_LEDGER_FAILED, "cannot lock job %s: %s", name,
                                         strerror(-lock));
        }
        if (!force && v->error)
                return error_set(ret_error, SERVICE_E_LEDGER_FAILED, "%s", v->error);
        if (!force && v->staged.undecided + v->staged.allowed + v->staged.rejudge + v->users + v->groups > 0)
                return error_set(ret_error, SERVICE_E_JOB_NOT_EMPTY,
                                 "job %s has %" PRIu64 " linked users, %" PRIu64 " linked groups and %" PRIu64
                                 " staged changes; they are "
                                 "forgotten if removal is forced, and stay in the target",
                                 name, v->users, v->groups,
                                 v->staged.undecided + v->staged.allowed + v->staged.rejudge);
        r = job_config_remove(m->config_dir, name, &error);
        if (r == -ENOMEM)
                return r;
        if (r < 0 && r != -ENOENT)
                return error_set(ret_error, SERVICE_E_INVALID_SETTINGS, "%s", error_text(error, r));
        r = v->exists ? ledger_remove(m->state_dir, name) : 0;
        if (r < 0 && r != -ENOENT)
                log_error_errno(r, "The state of job %s, whose file is gone, could not be removed: %m", name);
        job_log_plain(j, LOG_NOTICE, REPRIEVE_MESSAGE_CONFIGURATION_CHANGED, by,
                      "%s removed job %s. Its target is left as it is.", by->name, name);
        stop_timer(m, name);
        drop_job(m, j);
        manager_units_changed(m, NULL);
        return 0;
}

/* ---- systemd ---- */

void manager_units_changed(Manager *m, const char *timer) {
        _cleanup_error_ Error *error = NULL;
        int r = 0;

        if (launcher_get_mode(m->launcher) != LAUNCH_SYSTEMD)
                return;
        if (timer && !strv_contains(m->timers, timer))
                r = strv_extend(&m->timers, timer);
        if (r >= 0)
                r = launcher_reload_units(m->launcher, &error);
        if (r != 0)
                log_warning("The timers of the jobs are not up to date: %s; run \"systemctl daemon-reload\".",
                            error_text(error, r));
}

void manager_units_reloaded(Manager *m) {
        _cleanup_strv_ char **timers = TAKE_PTR(m->timers);

        for (char **t = timers; t && *t; t++) {
                _cleanup_error_ Error *error = NULL;
                int r = launcher_start_unit(m->launcher, *t, "timer", &error);

                if (r != 0)
                        log_warning("The timer of job %s does not run: %s.", *t, error_text(error, r));
        }
}

void manager_unit_refused(Manager *m, const char *unit, const char *text) {
        const char *task = startswith(unit, "reprieve-task@"), *p = task ?: startswith(unit, "reprieve-cycle@"), *dot;
        _cleanup_free_ char *name = NULL;
        Job *j;

        dot = p ? strrchr(p, '.') : NULL;
        name = dot ? strndup(p, (size_t) (dot - p)) : NULL;
        j = name ? manager_find(m, name) : NULL;
        if (name && task)
                launcher_task_refused(m->launcher, name, text);
        else if (j && streq(dot, ".service"))
                job_unit_refused(j, text);
        else
                log_warning("Systemd refuses %s: %s.", unit, text);
}

void manager_mail_queued(Manager *m) {
        _cleanup_error_ Error *error = NULL;
        int r;

        if (m->stopping)
                return;
        r = launcher_notify(m->launcher, &error);
        if (r != 0)
                log_error("Mail waits in the outbox: %s.", error_text(error, r));
}

/* ---- what a cycle says ---- */

void manager_worker_started(Manager *m, const char *job, const char *cycle) {
        Job *j = manager_find(m, job);

        if (j && strlen(cycle) == 32)
                job_other_started(j, cycle);
}

void manager_worker_progress(Manager *m, const char *job, const char *cycle, const char *phase, uint64_t done,
                             uint64_t total) {
        Job *j = manager_find(m, job);

        if (!j || strlen(cycle) != 32)
                return;
        /* We may have been started by this very message. */
        job_other_started(j, cycle);
        (void) free_and_strdup(&j->phase, phase);
        j->done = done;
        j->total = total;
        job_tell(j, JOB_CHANGED_PROGRESS);
}

void manager_worker_finished(Manager *m, const char *job, const char *cycle) {
        Job *j = manager_find(m, job);

        if (!j)
                return;
        job_refresh(j);
        job_other_finished(j, cycle);
}

int manager_take_task(Manager *m, const char *job, TaskOrder *ret, Error **ret_error) {
        int r = launcher_take_task(m->launcher, job, ret);

        return r > 0 ? error_set(ret_error, r, "no task of job %s waits", job) : r;
}

/* ---- the service's own life ---- */

bool manager_is_busy(Manager *m) {
        if (launcher_is_busy(m->launcher))
                return true;
        for (size_t i = 0; i < m->n_jobs; i++) {
                Job *j = m->jobs[i];

                if (j->cycle || (!m->stopping && (j->other_id[0] || j->wanted || j->n_waiters > 0)))
                        return true;
        }
        return false;
}

int manager_format_status(Manager *m, char **ret) {
        size_t running = 0, quarantined = 0, paused = 0;
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;

        for (size_t i = 0; i < m->n_jobs; i++) {
                running += job_get_running(m->jobs[i]) != NULL;
                switch (job_get_status(m->jobs[i])) {
                case JOB_QUARANTINE:
                case JOB_DISABLED:
                        quarantined++;
                        break;
                case JOB_PAUSED:
                        paused++;
                        break;
                case JOB_NOT_RUN:
                case JOB_ACTIVE:
                case _JOB_STATUS_MAX:
                case _JOB_STATUS_INVALID:
                        break;
                }
        }
        strbuf_printf(&b, "%zu jobs, %zu running", m->n_jobs, running);
        if (quarantined > 0)
                strbuf_printf(&b, ", %zu need attention", quarantined);
        if (paused > 0)
                strbuf_printf(&b, ", %zu paused", paused);
        return strbuf_steal(&b, ret);
}

void manager_stop(Manager *m) {
        m->stopping = true;
        for (size_t i = 0; i < m->n_jobs; i++)
                if (m->jobs[i]->cycle)
                        process_terminate(m->jobs[i]->cycle, LAUNCHER_GRACE_USEC);
        launcher_stop(m->launcher);
}
