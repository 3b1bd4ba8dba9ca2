/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One job as its administrator sees it: settings, what the ledger says, whether a cycle runs, and everything that may
 * be done to it. Rules are the engine's and the ledger's; here they are asked for, recorded and told.
 *
 * Unless said otherwise functions return 0, a SERVICE_E_* with a text, or -errno, and write an entry for each change. */

#include "job-config.h"
#include "job-view.h"
#include "launcher.h"
#include "service.h"

typedef enum JobStatus {
        JOB_NOT_RUN,
        JOB_ACTIVE,
        JOB_PAUSED,
        JOB_QUARANTINE,           /* also: its file or its ledger cannot be read */
        JOB_DISABLED,
        _JOB_STATUS_MAX,
        _JOB_STATUS_INVALID = -22,
} JobStatus;

/* "not-run", "active", "paused", "quarantine", "disabled" */
const char *job_status_to_string(JobStatus s);

const char *job_get_name(const Job *j);
/** job_get_config() - NULL if its file was never readable; the view says why */
const JobConfig *job_get_config(const Job *j);
/** job_get_view() - what the ledger says now; borrowed until control returns to the loop. view->error must be looked at. */
const JobView *job_get_view(Job *j);
JobStatus job_get_status(Job *j);
/** job_get_running() - id of the cycle that runs now, or NULL */
const char *job_get_running(Job *j);
/** job_get_progress() - of that cycle; "" and zeros if there is none */
void job_get_progress(Job *j, const char **ret_phase, uint64_t *ret_done, uint64_t *ret_total);
/** job_get_quarantine() - reason and message; "" when all is well. An unreadable ledger or file counts too. */
void job_get_quarantine(Job *j, const char **ret_reason, const char **ret_message);
/** job_get_notification_problem() - N4 and G4; "" when all is well */
const char *job_get_notification_problem(Job *j);

/* ---- running (job-cycle.c) ---- */

/* @cycle is NULL and @error tells why when no cycle could be started. */
typedef void (*JobStarted)(const char *cycle, int r, const Error *error, void *userdata);
/**
 * job_run() - start a cycle, or join the one that runs
 *
 * 0: @ret_id. SERVICE_E_LATER: systemd was asked, @started will be called once, also when the job goes away.
 */
int job_run(Job *j, const Person *by, JobStarted started, void *userdata, char ret_id[static 33], Error **ret_error);
int job_pause(Job *j, const Person *by, Error **ret_error);
int job_start(Job *j, const Person *by, Error **ret_error);
/**
 * job_restart() - @scopes: "watermark", "escrows", "quarantine", "full"; empty: the first three
 *
 * Q8 within Q3: the review is closed and its objects stay withheld under a new one, so that the cycle that starts at once
 * lets go what is back in the source, and nothing else. Errors: SERVICE_E_INVALID_SCOPE.
 */
int job_restart(Job *j, const Person *by, char *const *scopes, Error **ret_error);

/* ---- decisions (job-decide.c) ---- */

/**
 * job_allow(), job_reject() - Q4 to Q7, Q9, L1; a cycle follows at once unless the job is paused or disabled
 * @objects: NULL for the whole review
 * @ret_decided: 0 while another person must agree (Approvers=)
 *
 * Errors: SERVICE_E_NO_SUCH_REVIEW, SERVICE_E_NO_SUCH_OBJECT.
 */
int job_allow(Job *j, const Person *by, const char *review, const char *comment, const ObjectName *objects, size_t n_objects,
              uint64_t *ret_decided, uint64_t *ret_joined_later, Error **ret_error);
int job_reject(Job *j, const Person *by, const char *review, const char *comment, const ObjectName *objects, size_t n_objects,
               uint64_t *ret_decided, uint64_t *ret_joined_later, Error **ret_error);
/** job_release() - end these holds, all or none (Q7). Errors: SERVICE_E_NO_SUCH_OBJECT. */
int job_release(Job *j, const Person *by, const ObjectName *objects, size_t n_objects, Error **ret_error);

/* ---- lists (job-list.c) ---- */

/* @member: source id of the member whose membership is withheld; NULL for other changes */
typedef int (*JobStagedFunc)(const Staged *s, const char *member, void *userdata);
/** job_list_staged() - what waits for a decision, by kind and source id; @limit 0: all. @f: -ECANCELED ends the list */
int job_list_staged(Job *j, uint64_t offset, uint64_t limit, JobStagedFunc f, void *userdata, Error **ret_error);
int job_summarize_staged(Job *j, LedgerSummaryFunc f, void *userdata, Error **ret_error);
int job_summarize_group_losses(Job *j, LedgerGroupLossFunc f, void *userdata, Error **ret_error);
int job_summarize_second_wave(Job *j, LedgerSecondWaveFunc f, void *userdata, Error **ret_error);
int job_list_held(Job *j, uint64_t offset, uint64_t limit, LedgerHoldFunc f, void *userdata, Error **ret_error);
/** job_list_cycles() - newest first, at most @limit (0: all that the ledger keeps); the newest may have no end */
int job_list_cycles(Job *j, uint64_t limit, LedgerCycleFunc f, void *userdata, Error **ret_error);
/** job_open_staged() - the whole list in a sealed memfd. @format: "csv" (RFC 4180) or "json" (JSON Lines) */
int job_open_staged(Job *j, const char *format, int *ret_fd, Error **ret_error);

/* ---- settings (job-settings.c) ---- */

/** job_set() - "Section.Key" = @value, through the job's drop-in. Errors: SERVICE_E_INVALID_SETTINGS, as the file says. */
int job_set(Job *j, const Person *by, const char *key, const char *value, Error **ret_error);
int job_set_threshold_percent(Job *j, const Person *by, double percent, Error **ret_error);   /* -1: not set */
int job_set_interval(Job *j, const Person *by, uint64_t usec, Error **ret_error);
int job_set_email(Job *j, const Person *by, char *const *addresses, Error **ret_error);
/** job_send_test() - queue a test mail and start reprieve-notify */
int job_send_test(Job *j, const Person *by, Error **ret_error);

/* ---- tasks (job-task.c) ---- */

/**
 * job_preview() and friends - reprieve-cycle is run (launcher_run_task()) and its output handed over
 * @done: r as above; @fd is the callee's, -1 on errors
 */
typedef void (*JobTaskDone)(int r, int fd, const Error *error, void *userdata);
typedef struct JobTask JobTask;
int job_preview(Job *j, JobTaskDone done, void *userdata, JobTask **ret, Error **ret_error);
int job_validate(Job *j, JobTaskDone done, void *userdata, JobTask **ret, Error **ret_error);
int job_provision_on_demand(Job *j, const Person *by, ObjectKind kind, const char *source_id, JobTaskDone done, void *userdata,
                            JobTask **ret, Error **ret_error);
/** job_task_cancel() - @done is not called any more */
void job_task_cancel(JobTask *t);

/* One line that validate or on demand wrote. */
typedef struct TaskLine {
        const char *name;         /* "what" or "step" */
        const char *status;       /* "step" only */
        bool ok;                  /* "what" only */
        const char *details;      /* "message" or "details" */
} TaskLine;
typedef int (*TaskLineFunc)(const TaskLine *line, void *userdata);
/** job_task_read() - each line of @fd, which stays open. Errors: -EBADMSG what is no such line; @f's. */
int job_task_read(int fd, TaskLineFunc f, void *userdata);
