/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "job.h"

#include <errno.h>
#include <time.h>

#include "i18n.h"
#include "service-internal.h"
#include "string-util.h"

static const char *const status_names[_JOB_STATUS_MAX] = {
        [JOB_NOT_RUN] = "not-run",
        [JOB_ACTIVE] = "active",
        [JOB_PAUSED] = "paused",
        [JOB_QUARANTINE] = "quarantine",
        [JOB_DISABLED] = "disabled",
};

const char *job_status_to_string(JobStatus s) {
        return s >= 0 && s < _JOB_STATUS_MAX ? status_names[s] : NULL;
}

int job_new(Manager *m, const char *name, JobConfig *config, const char *config_error, Job **ret) {
        _cleanup_(job_config_freep) JobConfig *c = config;
        _cleanup_(job_freep) Job *j = NULL;
        int r;

        j = calloc(1, sizeof(*j));
        if (!j)
                return -ENOMEM;
        j->manager = m;
        j->name = strdup(name);
        if (!j->name)
                return -ENOMEM;
        if (config_error) {
                j->config_error = strdup(config_error);
                if (!j->config_error)
                        return -ENOMEM;
        }
        j->config = TAKE_PTR(c);
        r = job_view_read(m->state_dir, name, &j->view);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(j);
        return 0;
}

Job *job_free(Job *j) {
        if (!j)
                return NULL;
        job_forget_cycles(j);
        job_view_done(&j->view);
        (void) job_config_free(j->config);
        free(j->config_error);
        free(j->phase);
        free(j->name);
        free(j);
        return NULL;
}

const char *job_get_name(const Job *j) {
        return j->name;
}

const JobConfig *job_get_config(const Job *j) {
        return j->config;
}

void job_tell(Job *j, unsigned mask) {
        const Observer *o = j->manager->observer;

        if (mask != 0 && o && o->job_changed)
                o->job_changed(j, mask, j->manager->observer_userdata);
}

void job_take_config(Job *j, JobConfig *config) {
        (void) job_config_free(j->config);
        j->config = config;
        free(j->config_error);
        j->config_error = NULL;
        job_tell(j, JOB_CHANGED_SETTINGS | JOB_CHANGED_STATUS | JOB_CHANGED_QUARANTINE | JOB_CHANGED_NOTIFICATION);
}

/* The name of a lift is known for certain when the decision was made here; otherwise the reason tells: a review that
 * nobody decided has healed. */
static const char *lift_name(Job *j, const JobView *before) {
        const char *how = j->lift_how;

        j->lift_how = NULL;
        if (how)
                return how;
        return quarantine_reason_is_review(before->state.quarantine) ? "healed" : "recovered";
}

static void tell_quarantine(Job *j, const JobView *before) {
        const Observer *o = j->manager->observer;
        void *userdata = j->manager->observer_userdata;
        const JobView *now = &j->view;

        /* What cannot be read says nothing about a quarantine. */
        if (now->error || before->error)
                return;
        if (now->state.quarantine == QUARANTINE_NONE) {
                if (before->state.quarantine != QUARANTINE_NONE) {
                        const char *how = lift_name(j, before);

                        if (o && o->quarantine_lifted)
                                o->quarantine_lifted(j, how, userdata);
                }
                return;
        }
        if (now->state.quarantine == before->state.quarantine && streq(now->review, before->review))
                return;
        /* A review that was decided and whose quarantine waits for the cycle's end is no new quarantine. */
        if (now->state.quarantine == before->state.quarantine && now->review[0] == '\0')
                return;
        j->lift_how = NULL;
        if (o && o->quarantined)
                o->quarantined(j, quarantine_reason_to_string(now->state.quarantine), now->review,
                               now->staged.undecided, userdata);
}

void job_refresh(Job *j) {
        _cleanup_(job_view_done) JobView before = {};
        JobView now;

        if (sd_event_now(j->manager->event, CLOCK_MONOTONIC, &j->looked_at) != 0)
                j->looked_at = 0;
        if (job_view_is_current(&j->view, j->manager->state_dir, j->name) ||
            job_view_read(j->manager->state_dir, j->name, &now) < 0)
                return;
        before = j->view;
        j->view = now;
        tell_quarantine(j, &before);
        job_tell(j, job_view_differences(&before, &j->view));
}

const JobView *job_get_view(Job *j) {
        uint64_t turn;

        /* All properties of one answer come from one reading. What we write ourselves is followed by job_refresh().
         */
        if (sd_event_now(j->manager->event, CLOCK_MONOTONIC, &turn) != 0 || turn != j->looked_at)
                job_refresh(j);
        return &j->view;
}

/* The cycle reads the file itself: one that was mended without a reload is no reason to refuse it. */
int job_check_config(Job *j, Error **ret_error) {
        _cleanup_error_ Error *error = NULL;
        JobConfig *config;
        int r;

        if (!j->config_error)
                return 0;
        r = job_config_load(j->manager->config_dir, j->name, &config, &error);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return error_set(ret_error, SERVICE_E_INVALID_SETTINGS, "%s", error_text(error, r));
        job_take_config(j, config);
        return 0;
}

JobStatus job_get_status(Job *j) {
        const JobView *v = job_get_view(j);

        if (v->state.disabled)
                return JOB_DISABLED;
        /* A file that cannot be used stops the cycles, whatever it said before. */
        if (v->error || !j->config || j->config_error)
                return JOB_QUARANTINE;
        if (v->state.paused || !j->config->enabled)
                return JOB_PAUSED;
        if (v->state.quarantine != QUARANTINE_NONE)
                return JOB_QUARANTINE;
        return v->has_cycle ? JOB_ACTIVE : JOB_NOT_RUN;
}

void job_get_progress(Job *j, const char **ret_phase, uint64_t *ret_done, uint64_t *ret_total) {
        bool running = job_get_running(j);

        *ret_phase = running ? strempty(j->phase) : "";
        *ret_done = running ? j->done : 0;
        *ret_total = running ? j->total : 0;
}

void job_get_quarantine(Job *j, const char **ret_reason, const char **ret_message) {
        const JobView *v = job_get_view(j);

        if (v->error) {
                *ret_reason = "LedgerFailed";
                *ret_message = v->error;
        } else if (!j->config || j->config_error) {
                *ret_reason = "InvalidSettings";
                *ret_message = strempty(j->config_error);
        } else {
                *ret_reason = strempty(quarantine_reason_to_string(v->state.quarantine));
                *ret_message = strempty(v->state.quarantine_message);
        }
}

const char *job_get_notification_problem(Job *j) {
        const JobView *v = job_get_view(j);

        if (!isempty(v->state.notification_problem))
                return v->state.notification_problem;
        if (j->config && j->config->limits.prevent && strv_length(j->config->email) == 0)
                return _("Nobody is told when the job trips: set Email= in [Notify]");
        return "";
}

int job_ledger_failed(Job *j, Ledger *l, int r, Error **ret_error) {
        if (r == -ENOMEM)
                return r;
        return error_set_full(ret_error, SERVICE_E_LEDGER_FAILED, ERROR_SCOPE_CYCLE, ERROR_RETRY_LATER,
                              "LedgerFailed", "the ledger of job %s: %s", j->name,
                              l && !isempty(ledger_last_error(l)) ? ledger_last_error(l) : strerror(-r));
}

int job_open_ledger(Job *j, LedgerMode mode, bool create, Ledger **ret, Error **ret_error) {
        _cleanup_error_ Error *error = NULL;
        int r;

        if (mode == LEDGER_READ_WRITE && !create && !job_get_view(j)->exists) {
                *ret = NULL;
                return 0;
        }
        r = mode == LEDGER_READ_ONLY ? ledger_open_to_look(j->manager->state_dir, j->name, ret, &error)
                                     : ledger_open(j->manager->state_dir, j->name, mode, ret, &error);
        if (r == -ENOENT) {
                *ret = NULL;
                return 0;
        }
        if (r == -ENOMEM || r >= 0)
                return r;
        return error_set_full(ret_error, SERVICE_E_LEDGER_FAILED, ERROR_SCOPE_CYCLE, ERROR_RETRY_LATER,
                              "LedgerFailed", "%s", error_text(error, r));
}

int job_change_state(Job *j, int (*change)(Ledger *l, JobState *s, void *userdata), void *userdata,
                     Error **ret_error) {
        _cleanup_(ledger_freep) Ledger *l = NULL;
        JobState s = {};
        int r;

        r = job_open_ledger(j, LEDGER_READ_WRITE, true, &l, ret_error);
        if (r != 0)
                return r;
        r = ledger_begin(l);
        if (r >= 0) {
                r = ledger_get_state(l, &s);
                if (r >= 0)
                        r = change(l, &s, userdata);
                if (r >= 0)
                        r = ledger_set_state(l, &s);
                if (r >= 0)
                        r = ledger_commit(l);
                else
                        ledger_rollback(l);
                job_state_done(&s);
        }
        if (r < 0)
                return job_ledger_failed(j, l, r, ret_error);
        job_refresh(j);
        return 0;
}

void job_clear_quarantine(JobState *s) {
        s->quarantine = QUARANTINE_NONE;
        free(s->quarantine_message);
        s->quarantine_message = NULL;
        s->quarantine_since = 0;
        s->quarantine_count = 0;
        s->next_attempt = 0;
        s->incomplete_in_a_row = 0;
}
