/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of this room share. */

#include "job.h"
#include "log.h"
#include "manager.h"
#include "outbox.h"

/* One who waits for the id of a cycle that systemd was asked to start. */
typedef struct Waiter {
        JobStarted started;
        void *userdata;
} Waiter;

struct Job {
        Manager *manager;
        char *name;
        JobConfig *config;
        char *config_error;       /* of the newest reading of its file */
        bool gone;                /* its file is: leaves when its cycle ends */

        JobView view;
        uint64_t looked_at;       /* turn of the loop in which the view was last compared with the files */

        Process *cycle;           /* our child */
        char cycle_id[33];        /* its id */
        char other_id[33];        /* of a cycle that is not our child, "" if there is none */
        char dead_id[33];         /* of the last one known to have ended, whatever its record says */
        char announced[33];       /* the last cycle that observers were told of */
        char *phase;
        uint64_t done, total;

        bool wanted;              /* one more cycle, as soon as none runs: something was decided */
        uint64_t wanted_at;
        unsigned attempts;
        sd_event_source *poll;    /* while a cycle runs that is not our child, or one is wanted or waited for */
        uint64_t waiting_since, poll_until;
        Waiter *waiters;
        size_t n_waiters, n_waiters_allocated;

        const char *lift_how;     /* what the next end of the quarantine will be called */
};

struct Manager {
        sd_event *event;
        char *config_dir, *state_dir;
        Launcher *launcher;
        Job **jobs;               /* sorted by name */
        size_t n_jobs, n_allocated;
        const Observer *observer;
        void *observer_userdata;
        char **timers;            /* jobs whose timers wait for systemd to have read the new units */
        bool stopping;
};

/* --- job.c */
int job_new(Manager *m, const char *name, JobConfig *config /* taken */, const char *config_error, Job **ret);
Job *job_free(Job *j);
DEFINE_CLEANUP(Job *, job_free)
/** job_take_config() - put a new configuration in place, and tell */
void job_take_config(Job *j, JobConfig *config);
/** job_refresh() - read the ledger if it changed, and tell observers what is different */
void job_refresh(Job *j);
void job_tell(Job *j, unsigned mask);
/** job_check_config() - is there a configuration that a cycle would take? A file that was mended without a reload is taken up.
 * Errors: SERVICE_E_INVALID_SETTINGS with file, line and key; -ENOMEM. */
int job_check_config(Job *j, Error **ret_error);
/** job_open_ledger() - for writing, if there is one or @create. 0 with NULL: there is none. Errors: SERVICE_E_LEDGER_FAILED,
 * -ENOMEM. */
int job_open_ledger(Job *j, LedgerMode mode, bool create, Ledger **ret, Error **ret_error);
/** job_ledger_failed() - @r < 0 of a ledger function as a condition with the ledger's own text */
int job_ledger_failed(Job *j, Ledger *l, int r, Error **ret_error);
/** job_change_state() - one transaction around @change, which edits the state and may write more.
 * @change returns as the ledger does. */
int job_change_state(Job *j, int (*change)(Ledger *l, JobState *s, void *userdata), void *userdata, Error **ret_error);
void job_clear_quarantine(JobState *s);

/* --- job-cycle.c */
/** job_want_cycle() - start one as soon as none runs, unless the job may not run */
void job_want_cycle(Job *j);
void job_other_started(Job *j, const char *cycle);
void job_other_finished(Job *j, const char *cycle);
void job_unit_refused(Job *j, const char *text);
void job_forget_cycles(Job *j);

/* --- job-log.c */
/** job_log_begin() - an entry about this job; @by may be NULL */
void job_log_begin(LogEntry *e, const Job *j, int priority, const char *message_id, const Person *by);
void job_log_plain(const Job *j, int priority, const char *message_id, const Person *by, const char *fmt, ...) _printf_(5, 6);
/** job_warn_nobody() - G4 */
void job_warn_nobody(const Job *j);

/* --- manager.c */
void manager_remove_gone(Manager *m, Job *j);
/** manager_units_changed() - the generator must run again; then the job's timer is started, if @timer */
void manager_units_changed(Manager *m, const char *timer);
void manager_mail_queued(Manager *m);
