/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the verbs of reprievectl share: how a verb looks, its exit status, and the service as a client sees it. The room
 * knows org.reprieve1 through the bus alone, never a ledger or a job file of the service. */

#include <stdbool.h>
#include <stdint.h>

#include "bus-client.h"
#include "options.h"
#include "string-util.h"

#define CTL_SERVICE "org.reprieve1"
#define CTL_PATH "/org/reprieve1"
#define CTL_MANAGER "org.reprieve1.Manager"
#define CTL_JOB "org.reprieve1.Job"
#define CTL_PROPERTIES "org.freedesktop.DBus.Properties"

/* Exit statuses, documented in reprievectl(1). Verbs return them. */
enum {
        CTL_OK,
        CTL_FAILED,
        CTL_USAGE,
        CTL_NO_SUCH,            /* job, review or object */
        CTL_DENIED,
        CTL_UNREACHABLE,
        CTL_ATTENTION,          /* quarantined, or removals wait for a decision */
};

typedef struct Ctl {
        CommonOptions common;
        BusClient *client;      /* made by ctl_connect() */
        bool on_system_bus;
        char *self;             /* how to call us again on the same bus: for commands that a person shall type */
} Ctl;

typedef struct Verb {
        const char *name;
        const char *arguments;  /* N_("JOB [REVIEW]"), "" for none */
        const char *summary;    /* N_("…"), a sentence with its full stop */
        const char *details;    /* N_("…") for "VERB --help", may be NULL */
        const Option *options;
        int min, max;           /* number of arguments; max -1: any */
        int (*run)(Ctl *c, int n, char *argv[]);
} Verb;


/* One or more verbs each: the file of that name */
extern const Verb verb_list, verb_status, verb_staged, verb_held, verb_allow, verb_reject, verb_release, verb_run, verb_monitor,
        verb_preview, verb_pause, verb_start, verb_restart, verb_set, verb_create, verb_remove, verb_reload, verb_validate,
        verb_test_mail, verb_provision, verb_log, verb_cycles, verb_advise;

/* Options of several verbs */
extern bool arg_json, arg_no_legend, arg_no_pager, arg_yes;
#define CTL_OPTION_JSON { "json", 'j', NULL, N_("Print JSON, one object a line"), .flag = &arg_json }
#define CTL_OPTION_NO_LEGEND { "no-legend", 0, NULL, N_("Print no headers and no hints"), .flag = &arg_no_legend }
#define CTL_OPTION_NO_PAGER { "no-pager", 0, NULL, N_("Do not pipe the output into a pager"), .flag = &arg_no_pager }
#define CTL_OPTION_YES { "yes", 'y', NULL, N_("Do not ask"), .flag = &arg_yes }

/* ---- ctl-bus.c ---- */

/* The longest that a reading call may take; it may have to start the service. What may ask for a password has no limit. */
#define CTL_TIMEOUT_USEC (UINT64_C(60) * 1000 * 1000)

/** ctl_connect() - to the service, once. Where the system bus is not there but the private endpoint is, through that.
 * Returns an exit status, after the person was told why. */
int ctl_connect(Ctl *c);
/** ctl_job_path() - object path of a job; the caller frees. Returns an exit status, as above. */
int ctl_job_path(Ctl *c, const char *job, char **ret);
/** ctl_job_call() - call a method of a job without arguments and without an answer, for verbs that do nothing else */
int ctl_job_call(Ctl *c, const char *job, const char *method);

/**
 * ctl_fail() - tell on stderr that something failed, and what to do next
 * @job: may be NULL
 * @r, @error: as a function of bus-client.h returned them
 *
 * Returns the exit status that says so.
 */
int ctl_fail(const Ctl *c, const char *job, int r, const Error *error);
/** ctl_exit_status() - the status that goes with an error of a call */
int ctl_exit_status(int r, const Error *error);
/** ctl_complain() - print "reprievectl: …" on stderr; returns @status */
int ctl_complain(int status, const char *fmt, ...) _printf_(2, 3);
/** ctl_oom() - the same for -ENOMEM */
int ctl_oom(void);
/** ctl_malformed() - the same for an answer that does not have the types of the contract */
int ctl_malformed(void);

/* ---- ctl-job-info.c ---- */

typedef struct Count {
        char *name;
        uint64_t value;
} Count;

typedef struct Counts {
        Count *items;
        size_t n, n_allocated;
} Counts;

void counts_done(Counts *c);
/** counts_read() - an a{st}. Errors: of bus_message_read(). */
int counts_read(BusMessage *m, Counts *ret);
/** counts_format() - "imported 538, created 2", zeros and the guard's own numbers left out; NULL for OOM */
char *counts_format(const Counts *c);
void counts_json(const Counts *c, StrBuf *b);
#define _cleanup_counts_ _cleanup_(counts_done)

/* All properties of a job; strings are never NULL after job_info_read(). */
typedef struct JobInfo {
        char *path;
        char *name, *description, *source, *target, *status;
        bool running;
        char *phase;
        uint64_t done, expected;
        bool prevent;
        uint32_t threshold;
        double percent;
        char *trips;
        uint32_t minimum_population;
        char *budget;
        char **email;
        uint64_t interval;
        char *quarantine_reason, *quarantine_message;
        uint64_t quarantine_since;
        uint32_t quarantine_count;
        uint64_t next_attempt;
        char *review;
        uint64_t staged_since;
        uint32_t staged_deletes, staged_actions, held, escrowed, linked_users, linked_groups;
        char *notification_problem;
        char *last_cycle, *last_result;
        uint64_t last_started, last_finished;
        Counts counts;
} JobInfo;

void job_info_done(JobInfo *i);
#define _cleanup_job_info_ _cleanup_(job_info_done)
/** job_info_get() - by name. Returns an exit status after telling. */
int job_info_get(Ctl *c, const char *job, JobInfo *ret);
/** job_info_get_path() - by object path; @job for messages */
int job_info_get_path(Ctl *c, const char *job, const char *path, JobInfo *ret);
/** job_info_json() - append an object with all of it: the names of the contract as lower_case words */
void job_info_json(const JobInfo *i, StrBuf *b);

/* How many of a kind wait for one cause. */
typedef struct Summary {
        struct SummaryItem {
                char *cause, *kind;
                uint32_t count;
        } *items;
        size_t n, n_allocated;
        uint64_t total;
} Summary;

void summary_done(Summary *s);
#define _cleanup_summary_ _cleanup_(summary_done)
/** job_summarize() - SummarizeStaged. Returns an exit status after telling. */
int job_summarize(Ctl *c, const JobInfo *i, Summary *ret);

/* One that waits for a decision; strings are borrowed from a message. */
typedef struct StagedItem {
        const char *kind, *source_id, *target_id, *display_name, *action, *cause, *member;
        uint64_t since;
} StagedItem;

typedef int (*StagedFunc)(const StagedItem *s, void *userdata);  /* <0 or CTL_STOP ends the list */
#define CTL_STOP 1
/** job_list_staged() - page by page, at most @limit (0: all). Returns an exit status after telling, also of @f's < 0. */
int job_list_staged(Ctl *c, const char *job, const char *path, uint64_t limit, StagedFunc f, void *userdata);

/* ---- ctl-words.c: what people read ---- */

/** kind_word() - "user", "users", "group" … for @n of them, translated; a kind that is not known as it is */
const char *kind_word(const char *kind, uint64_t n);
/** cause_phrase() - "deleted in the source", translated; a cause that is not known as it is */
const char *cause_phrase(const char *cause);
/** status_phrase() - a job's status, translated */
const char *status_phrase(const char *status);
/** instant_format() - "2026-11-22 05:17:40 UTC; 2h ago"; "never" for 0 */
char *instant_format(uint64_t usec, char buf[static 128]);
/** relative_format() - "2h 1min ago", "in 12min", "now" */
char *relative_format(uint64_t usec, char buf[static 64]);
/** shell_quote() - as one word of a command that a person may paste; NULL for OOM */
char *shell_quote(const char *s);

/* ---- objects that were named ---- */

typedef struct ObjectList {
        char **kinds, **ids;
        size_t n;
} ObjectList;

void object_list_done(ObjectList *l);
/** object_list_add() - "user:ID" or "group:ID". Errors: -EINVAL with a text, -ENOMEM. */
int object_list_add(ObjectList *l, const char *text, Error **ret_error);
/** object_list_append() - as a(ss) */
int object_list_append(const ObjectList *l, BusMessage *m);
