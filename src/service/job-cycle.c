/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

/* Which cycle of the job runs, and how one is started.
 *
 * A cycle is our own child (--launch=direct) or somebody else's: a unit's, or one that a person started by hand. Of
 * the others we hear over the private endpoint, and where we do not (we were not there, or it was killed) the ledger
 * and the job's lock tell: a cycle without an end whose lock is held runs; with a free lock it has ended, however
 * that went.
 *
 * A decision wants a cycle that starts after it. "wanted" stays until the ledger shows one, so neither a cycle that
 * had begun before the decision nor a start that systemd merged with it counts. */

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <unistd.h>

#include "file-util.h"
#include "job.h"
#include "service-internal.h"
#include "time-util.h"

#define POLL_USEC USEC_PER_SEC
/* systemd has that long to bring a cycle so far that it has a record; less than libdbus' 25 s for a reply. */
#define UNIT_START_USEC (20 * USEC_PER_SEC)
/* A unit that is just ending swallows our request: ask again every so many polls, so often. */
#define ATTEMPT_POLLS 5U
#define ATTEMPTS_MAX 60U

/* Exit statuses of reprieve-cycle */
enum {
        CYCLE_EXIT_FAILED = 1,
        CYCLE_EXIT_CONFIGURATION = 2,
        CYCLE_EXIT_BUSY = 75, /* EX_TEMPFAIL: another cycle of this job runs (C1) */
        CYCLE_EXIT_STOPPED = 128 + SIGTERM, /* asked to end before it had come so far as to listen */
};

static void cycle_poll(Job *j);
static void try_wanted(Job *j);

static bool lock_is_held(Job *j) {
        int fd = job_lock(j->manager->state_dir, j->name);

        (void) safe_close(fd);
        return fd == -EAGAIN;
}

static void answer_waiters(Job *j, const char *cycle, int r, const Error *error) {
        Waiter *list = j->waiters;
        size_t n = j->n_waiters;

        j->waiters = NULL;
        j->n_waiters = j->n_waiters_allocated = 0;
        for (size_t i = 0; i < n; i++)
                list[i].started(cycle, r, error, list[i].userdata);
        free(list);
}

static void fail_waiters(Job *j, const char *fmt, ...) _printf_(2, 3);
static void fail_waiters(Job *j, const char *fmt, ...) {
        _cleanup_error_ Error *error = NULL;
        _cleanup_free_ char *text = NULL;
        va_list ap;

        va_start(ap, fmt);
        if (vasprintf(&text, fmt, ap) < 0)
                text = NULL;
        va_end(ap);
        (void) error_set_full(&error, SERVICE_E_LAUNCH_FAILED, ERROR_SCOPE_CYCLE, ERROR_RETRY_AFTER_RECONFIGURE,
                              "LaunchFailed", "%s", text ? text : "out of memory");
        answer_waiters(j, NULL, SERVICE_E_LAUNCH_FAILED, error);
}

static void set_progress(Job *j, const char *phase, uint64_t done, uint64_t total) {
        (void) free_and_strdup(&j->phase, phase);
        j->done = done;
        j->total = total;
}

static void announce(Job *j, const char *cycle) {
        const Observer *o = j->manager->observer;

        if (streq(j->announced, cycle))
                return;
        (void) snprintf(j->announced, sizeof(j->announced), "%s", cycle);
        set_progress(j, NULL, 0, 0);
        if (o && o->cycle_started)
                o->cycle_started(j, cycle, j->manager->observer_userdata);
        job_tell(j, JOB_CHANGED_STATUS | JOB_CHANGED_PROGRESS);
        answer_waiters(j, j->announced, 0, NULL);
}

/* The end of cycle @id; @result for the case that it left no record. */
static void finish(Job *j, const char *id, CycleResult result) {
        const Observer *o = j->manager->observer;
        CycleRecord none = { .result = result };

        set_progress(j, NULL, 0, 0);
        job_refresh(j);
        (void) snprintf(none.id, sizeof(none.id), "%s", id);
        if (o && o->cycle_finished)
                o->cycle_finished(j, j->view.has_cycle && streq(j->view.cycle.id, id) ? &j->view.cycle : &none,
                                  j->manager->observer_userdata);
        job_tell(j, JOB_CHANGED_STATUS | JOB_CHANGED_PROGRESS);
        if (j->view.mails > 0)
                manager_mail_queued(j->manager);
        if (j->gone) {
                manager_remove_gone(j->manager, j);
                return;
        }
        try_wanted(j);
}

static void on_cycle_exit(Process *p, int status, void *userdata) {
        Job *j = userdata;
        CycleResult result = CYCLE_FAILED;
        char id[33];

        (void) snprintf(id, sizeof(id), "%s", j->cycle_id);
        (void) snprintf(j->dead_id, sizeof(j->dead_id), "%s", j->cycle_id);
        j->cycle = process_free(p);
        j->cycle_id[0] = '\0';
        if (status == CYCLE_EXIT_BUSY && j->attempts < ATTEMPTS_MAX)
                j->wanted = true; /* somebody else's cycle was faster: ours comes after it */
        if (status == CYCLE_EXIT_BUSY || status == CYCLE_EXIT_STOPPED)
                result = CYCLE_STOPPED;
        else if (status > CYCLE_EXIT_FAILED)
                job_log_plain(j, LOG_ERR, NULL, NULL,
                              status == CYCLE_EXIT_CONFIGURATION ? "The cycle of job %s could not begin (status %d)."
                              : status > 128                     ? "The cycle of job %s was killed (status %d)."
                                                                 : "The cycle of job %s failed (status %d).",
                              j->name, status);
        finish(j, id, result);
}

static int may_run(Job *j, Error **ret_error) {
        const JobView *v = job_get_view(j);
        int r;

        r = job_check_config(j, ret_error);
        if (r != 0)
                return r;
        if (v->error)
                return error_set(ret_error, SERVICE_E_LEDGER_FAILED, "%s", v->error);
        switch (job_get_status(j)) {
        case JOB_DISABLED:
                return error_set(ret_error, SERVICE_E_JOB_DISABLED,
                                 "job %s was disabled because it failed for 28 days; Start enables it", j->name);
        case JOB_PAUSED:
                return error_set(ret_error, SERVICE_E_JOB_PAUSED, "job %s is paused; Start lets it run", j->name);
        case JOB_NOT_RUN:
        case JOB_ACTIVE:
        case JOB_QUARANTINE:
        case _JOB_STATUS_MAX:
        case _JOB_STATUS_INVALID:
                break;
        }
        if (j->manager->stopping || j->gone)
                return error_set(ret_error, SERVICE_E_LAUNCH_FAILED,
                                 "the service is about to stop, or the job to go");
        return 0;
}

static int new_cycle_id(char ret[static 33]) {
        _cleanup_free_ char *hex = NULL;
        uint8_t bytes[16];
        int r;

        r = random_bytes(bytes, sizeof(bytes));
        if (r < 0)
                return r;
        hex = hex_encode(bytes, sizeof(bytes));
        if (!hex)
                return -ENOMEM;
        (void) snprintf(ret, 33, "%s", hex);
        return 0;
}

static int set_due(Ledger *l, JobState *s, void *userdata) {
        s->next_attempt = 0;
        return 0;
}

static int launch(Job *j, Error **ret_error) {
        int r;

        if (launcher_get_mode(j->manager->launcher) == LAUNCH_SYSTEMD) {
                /* The unit is the timer's too, and does nothing before the next attempt is due (Q10). A person need
                 * not wait. */
                if (job_get_view(j)->state.next_attempt > 0) {
                        r = job_change_state(j, set_due, NULL, ret_error);
                        if (r != 0)
                                return r;
                }
                return launcher_start_unit(j->manager->launcher, j->name, "service", ret_error);
        }
        r = new_cycle_id(j->cycle_id);
        if (r < 0)
                return r;
        r = launcher_spawn_cycle(j->manager->launcher, j->name, j->cycle_id, on_cycle_exit, j, &j->cycle, ret_error);
        if (r != 0) {
                j->cycle_id[0] = '\0';
                return r;
        }
        j->wanted = false;
        announce(j, j->cycle_id);
        return 0;
}

/* Has a cycle begun since somebody wanted one? One of the future, which a clock that was set back has left, has not. */
static bool wanted_is_served(Job *j) {
        const JobView *v = job_get_view(j);
        uint64_t now = clock_now();

        return (v->unfinished[0] && v->unfinished_since > j->wanted_at && v->unfinished_since <= now) ||
               (v->has_cycle && v->cycle.started > j->wanted_at && v->cycle.started <= now);
}

static void try_wanted(Job *j) {
        _cleanup_error_ Error *error = NULL;
        int r;

        if (!j->wanted)
                return;
        if (wanted_is_served(j)) {
                j->wanted = false;
                return;
        }
        if (!job_get_running(j) && j->attempts++ % ATTEMPT_POLLS == 0) {
                r = may_run(j, &error);
                if (r == 0 && j->attempts > ATTEMPTS_MAX)
                        r = error_set(&error, SERVICE_E_LAUNCH_FAILED, "it was asked for %u times and did not begin",
                                      ATTEMPTS_MAX / ATTEMPT_POLLS);
                if (r == 0)
                        r = launch(j, &error);
                if (r != 0) {
                        j->wanted = false;
                        if (r != SERVICE_E_JOB_PAUSED && r != SERVICE_E_JOB_DISABLED)
                                job_log_plain(j, LOG_ERR, NULL, NULL,
                                              "No cycle of job %s follows the decision at once: %.*s.", j->name,
                                              ERROR_LINE(error, r));
                }
        }
        cycle_poll(j);
}

void job_want_cycle(Job *j) {
        _cleanup_error_ Error *error = NULL;

        if (may_run(j, &error) != 0)
                return;
        j->wanted = true;
        j->wanted_at = clock_now();
        j->attempts = 0;
        try_wanted(j);
}

const char *job_get_running(Job *j) {
        const JobView *v;

        if (j->cycle)
                return j->cycle_id;
        if (j->other_id[0])
                return j->other_id;
        v = job_get_view(j);
        if (v->unfinished[0] == '\0' || streq(v->unfinished, j->dead_id))
                return NULL;
        if (!lock_is_held(j)) {
                /* Asked once only: to ask, the lock is taken for a moment, in which a cycle could not start. */
                memcpy(j->dead_id, v->unfinished, sizeof(j->dead_id));
                return NULL;
        }
        job_other_started(j, v->unfinished);
        return j->other_id;
}

void job_other_started(Job *j, const char *cycle) {
        if ((j->cycle && streq(j->cycle_id, cycle)) || streq(j->other_id, cycle))
                return;
        (void) snprintf(j->other_id, sizeof(j->other_id), "%s", cycle);
        announce(j, j->other_id);
        cycle_poll(j);
}

void job_other_finished(Job *j, const char *cycle) {
        char id[33];

        if (!streq(j->other_id, cycle))
                return; /* our own child: its exit says so, and only then the lock is free */
        (void) snprintf(id, sizeof(id), "%s", j->other_id);
        (void) snprintf(j->dead_id, sizeof(j->dead_id), "%s", j->other_id);
        j->other_id[0] = '\0';
        finish(j, id, CYCLE_FAILED);
}

void job_unit_refused(Job *j, const char *text) {
        if (j->n_waiters > 0)
                fail_waiters(j, "systemd refuses to start the cycle of job %s: %s", j->name, text);
        if (j->wanted) {
                j->wanted = false;
                job_log_plain(j, LOG_ERR, NULL, NULL, "Systemd refuses to start the cycle of job %s: %s.", j->name,
                              text);
        }
}

static void poll_waiters(Job *j) {
        const JobView *v;

        /* A cycle that runs answers them when it is met. */
        if (job_get_running(j) || j->n_waiters == 0)
                return;
        v = job_get_view(j);
        if (v->has_cycle && v->cycle.started >= j->waiting_since && v->cycle.started <= clock_now())
                answer_waiters(j, v->cycle.id, 0, NULL);
        else if (clock_monotonic() > j->poll_until)
                fail_waiters(
                        j,
                        "systemd has not begun reprieve-cycle@%s.service within %u s; see \"systemctl status\" of it",
                        j->name, (unsigned) (UNIT_START_USEC / USEC_PER_SEC));
}

static int on_poll(sd_event_source *s, uint64_t usec, void *userdata) {
        Job *j = userdata;

        j->poll = sd_event_source_disable_unref(j->poll);
        if (j->other_id[0] && !lock_is_held(j)) {
                bool gone = j->gone;

                job_other_finished(j, j->other_id);
                if (gone)
                        return 0;
        }
        poll_waiters(j);
        try_wanted(j);
        cycle_poll(j);
        return 0;
}

static void cycle_poll(Job *j) {
        if (j->poll || (!j->other_id[0] && j->n_waiters == 0 && (!j->wanted || j->cycle)))
                return;
        if (sd_event_add_time_relative(j->manager->event, &j->poll, CLOCK_MONOTONIC, POLL_USEC, 0, on_poll, j) < 0)
                j->poll = NULL;
}

int job_run(Job *j, const Person *by, JobStarted started, void *userdata, char ret_id[static 33], Error **ret_error) {
        const char *running = job_get_running(j);
        int r;

        if (running) {
                memcpy(ret_id, running, strlen(running) + 1);
                return 0;
        }
        r = may_run(j, ret_error);
        if (r != 0)
                return r;
        j->attempts = 0;
        j->wanted_at = clock_now();
        r = launch(j, ret_error);
        if (r != 0)
                return r;
        job_log_plain(j, LOG_INFO, NULL, by, "%s asked for a cycle of job %s.", by->name, j->name);
        if (j->cycle) {
                memcpy(ret_id, j->cycle_id, sizeof(j->cycle_id));
                return 0;
        }
        r = ARRAY_GROW(j->waiters, j->n_waiters_allocated, j->n_waiters + 1);
        if (r < 0)
                return r;
        if (j->n_waiters == 0)
                j->waiting_since = j->wanted_at;
        j->poll_until = clock_monotonic() + UNIT_START_USEC;
        j->waiters[j->n_waiters++] = (Waiter) { .started = started, .userdata = userdata };
        cycle_poll(j);
        return SERVICE_E_LATER;
}

void job_forget_cycles(Job *j) {
        j->poll = sd_event_source_disable_unref(j->poll);
        if (j->n_waiters > 0)
                fail_waiters(j, "job %s is gone", j->name);
        j->cycle = process_free(j->cycle);
}

/* ---- pause, start, restart ---- */

static int set_paused(Ledger *l, JobState *s, void *userdata) {
        s->paused = true;
        return 0;
}

int job_pause(Job *j, const Person *by, Error **ret_error) {
        int r;

        r = job_change_state(j, set_paused, NULL, ret_error);
        if (r != 0)
                return r;
        j->wanted = false;
        job_log_plain(j, LOG_NOTICE, NULL, by, "Job %s was paused by %s.", j->name, by->name);
        if (j->cycle)
                process_terminate(j->cycle, LAUNCHER_GRACE_USEC);
        else if (job_get_running(j) && launcher_get_mode(j->manager->launcher) == LAUNCH_SYSTEMD)
                return launcher_stop_unit(j->manager->launcher, j->name, "service", ret_error);
        return 0;
}

static int set_started(Ledger *l, JobState *s, void *userdata) {
        s->paused = false;
        /* Back from Q10: a fresh set of attempts, not the end of a review. */
        if (s->disabled && !quarantine_reason_is_review(s->quarantine))
                job_clear_quarantine(s);
        s->disabled = false;
        return 0;
}

int job_start(Job *j, const Person *by, Error **ret_error) {
        int r;

        r = job_check_config(j, ret_error);
        if (r != 0)
                return r;
        if (!j->config->enabled) {
                r = job_set(j, by, "Job.Enabled", "yes", ret_error);
                if (r != 0)
                        return r;
        }
        r = job_change_state(j, set_started, NULL, ret_error);
        if (r != 0)
                return r;
        job_log_plain(j, LOG_NOTICE, NULL, by, "Job %s was started by %s.", j->name, by->name);
        return 0;
}

enum {
        SCOPE_WATERMARK = 1 << 0,
        SCOPE_ESCROWS = 1 << 1,
        SCOPE_QUARANTINE = 1 << 2,
};

static int parse_scopes(char *const *scopes, unsigned *ret, Error **ret_error) {
        unsigned mask = 0;

        if (strv_length(scopes) == 0) {
                *ret = SCOPE_WATERMARK | SCOPE_ESCROWS | SCOPE_QUARANTINE;
                return 0;
        }
        for (char *const *s = scopes; *s; s++)
                if (streq(*s, "watermark"))
                        mask |= SCOPE_WATERMARK;
                else if (streq(*s, "escrows"))
                        mask |= SCOPE_ESCROWS;
                else if (streq(*s, "quarantine"))
                        mask |= SCOPE_QUARANTINE;
                else if (streq(*s, "full"))
                        mask |= SCOPE_WATERMARK | SCOPE_ESCROWS | SCOPE_QUARANTINE;
                else
                        return error_set(
                                ret_error, SERVICE_E_INVALID_SCOPE,
                                "\"%s\" is no scope of a restart; watermark, escrows, quarantine and full are", *s);
        *ret = mask;
        return 0;
}

typedef struct RestartRequest {
        const JobConfig *config;
        unsigned scopes;
        uint64_t now;
        bool lifted;
} RestartRequest;

static int restart_review(Ledger *l, JobState *s, RestartRequest *q) {
        QuarantineReason reason;
        StagedCounts counts;
        uint64_t opened;
        char id[17];
        int r;

        r = ledger_count_staged(l, &counts);
        if (r < 0)
                return r;
        r = ledger_current_review(l, id, &reason, &opened);
        if (r < 0)
                return r;
        if (r == LEDGER_E_NOT_FOUND || counts.undecided == 0) {
                /* Nothing is withheld: the reason is all that there is to drop. */
                q->lifted = s->quarantine != QUARANTINE_NONE;
                job_clear_quarantine(s);
                return 0;
        }
        r = outbox_queue_closed(l, q->config, s, OUTBOX_RESTARTED, id, counts.undecided, q->now);
        if (r < 0)
                return r;
        r = ledger_close_reviews(l, "restarted", q->now);
        if (r < 0)
                return r;
        /* The rows stay where they are, under an id that nobody has looked at yet. Dropping them would let the next
         * cycle judge them against limits that may have been raised since: that would be a Restart, not a decision,
         * that carries them out (Q3). What is back in the source leaves by itself; people are told of the rest as of
         * a new review (N1). */
        s->mailed_staged = 0;
        s->mailed_at = 0;
        return ledger_open_review(l, reason, q->now, id);
}

static int set_restarted(Ledger *l, JobState *s, void *userdata) {
        RestartRequest *q = userdata;
        int r;

        if (q->scopes & SCOPE_WATERMARK)
                s->full_requested = true;
        if (q->scopes & SCOPE_ESCROWS) {
                r = ledger_clear_escrow(l);
                if (r < 0)
                        return r;
        }
        if (q->scopes & SCOPE_QUARANTINE) {
                r = restart_review(l, s, q);
                if (r < 0)
                        return r;
                s->disabled = false;
        }
        return 0;
}

int job_restart(Job *j, const Person *by, char *const *scopes, Error **ret_error) {
        RestartRequest q = { .config = j->config, .now = clock_now() };
        _cleanup_free_ char *what = NULL;
        int r;

        r = parse_scopes(scopes, &q.scopes, ret_error);
        if (r != 0)
                return r;
        r = job_check_config(j, ret_error);
        if (r != 0)
                return r;
        if (q.scopes & SCOPE_QUARANTINE)
                j->lift_how = "restarted";
        r = job_change_state(j, set_restarted, &q, ret_error);
        if (r != 0)
                return r;
        what = strv_length(scopes) > 0 ? strv_join(scopes, ", ") : strdup("watermark, escrows, quarantine");
        job_log_plain(j, LOG_NOTICE, q.lifted ? REPRIEVE_MESSAGE_QUARANTINE_LIFTED : NULL, by,
                      "Job %s was restarted by %s (%s).", j->name, by->name, strempty(what));
        /* The new id of a review that goes on is told as a quarantine, which forgets the name. */
        if (q.scopes & SCOPE_QUARANTINE)
                j->lift_how = "restarted";
        if (j->view.mails > 0)
                manager_mail_queued(j->manager);
        job_want_cycle(j);
        return 0;
}
