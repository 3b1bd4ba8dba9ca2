/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A job as its file, its drop-ins and the defaults of reprieve.conf say it is. Knows the syntax and the ranges; does not
 * know whether the source can be reached or what the ledger holds. */

#include <stdbool.h>
#include <stdint.h>

#include "change.h"
#include "error.h"
#include "guard.h"
#include "object.h"

typedef struct Mapping Mapping;
typedef struct Filter Filter;
typedef struct Expression Expression;
typedef struct References References;

/* A key that belongs to a connector: kept with its place, so that the connector can name it in an error. */
typedef struct Setting {
        char *key, *value;
        char *file;
        unsigned line;
} Setting;

typedef struct ConnectorConfig {
        char *connector;                /* "json", "csv", … */
        char *credential;               /* Credential=, for credential_read(); NULL; not among the settings */
        bool is_source;
        Setting *settings;
        size_t n_settings;
        char *file;                     /* the job's own file, for "[Source] is missing Users=" */
} ConnectorConfig;

/** connector_config_get() - the value of @key, or NULL; borrowed. @ret_setting (may be NULL) says where it stands. */
const char *connector_config_get(const ConnectorConfig *c, const char *key, const Setting **ret_setting);

/* R2 */
typedef enum Deprovision {
        DEPROVISION_DEFAULT,            /* deleted deletes; any other cause disables a user and deletes a group */
        DEPROVISION_DISABLE,
        DEPROVISION_DELETE,
        DEPROVISION_KEEP,
        _DEPROVISION_MAX,
        _DEPROVISION_INVALID = -22,
} Deprovision;

const char *deprovision_to_string(Deprovision d);
Deprovision deprovision_from_string(const char *s);

typedef struct MailConfig {             /* [Mail] of reprieve.conf */
        char *server;                   /* smtp://host:port or smtps://host:port */
        char *user, *credential, *from, *client_certificate;
        char *certificate_authority;    /* a PEM file that is trusted in place of the system's; NULL: the system's */
        char *tls;                      /* "required", "opportunistic", "no" or "unverified"; NULL: required unless the server
                                         * is local */
} MailConfig;

typedef struct JobConfig {
        char *name;
        char *file;                     /* NAME.conf */
        char *description;
        char *language;                 /* of the mail, e.g. "de"; NULL: the system's */
        bool enabled;                   /* [Job] Enabled= */
        uint64_t journal_limit;         /* L1 */
        ConnectorConfig source, target;
        Expression *soft_deleted, *blocked;     /* [Source] SoftDeleted=, Blocked=; NULL: the defaults */
        Filter *scope[_OBJECT_KIND_MAX];        /* [Scope] Users=, Groups=; NULL: everything */
        char **assigned;                /* [Scope] Assigned=: names of groups; NULL: all */
        bool assigned_nested;
        char **match[_OBJECT_KIND_MAX]; /* [Match] User=, Group=: attributes by priority */
        References *references[_OBJECT_KIND_MAX]; /* [References] User=, Group=; NULL: none but members */
        Mapping *map[_OBJECT_KIND_MAX]; /* NULL: every attribute under its own name */
        Deprovision deprovision[_CAUSE_MAX];
        GuardLimits limits;
        uint64_t budget_window_usec;
        uint64_t approval_expires_usec; /* Q5 */
        bool judge_configuration_change;/* OnConfigurationChange=judge (E4) */
        bool carry_approvals;           /* SecondWave=approved (R5) */
        unsigned approvers;             /* [Deletions] Approvers= */
        char **email;
        uint64_t reminder_interval_usec;
        uint64_t interval_usec;         /* [Schedule]; 0 with OnCalendar= only, and with Interval=infinity */
        char *on_calendar;
        uint64_t randomized_delay_usec;
        bool persistent;
        char fingerprint[33];           /* E4: hex; covers source, target, scope, match, references, map, deprovision */
} JobConfig;

JobConfig *job_config_free(JobConfig *c);
DEFINE_CLEANUP(JobConfig *, job_config_free)

/** job_name_is_valid() - letters, digits, "-", "_" and "."; starts with a letter or digit; at most 64 */
bool job_name_is_valid(const char *name);

/**
 * job_config_load() - CONFIG_DIR/jobs.d/NAME.conf, its drop-ins in NAME.conf.d and CONFIG_DIR/reprieve.conf
 *
 * The last assignment of a key counts; those of a list add up. An empty one takes back all before it, also a default
 * of reprieve.conf, and leaves the built-in default. A job's own list takes the place of a list in reprieve.conf.
 *
 * Errors: -EINVAL with file, line, key and what would be right; -ENOENT if there is no such file; errno.
 * Source: doc job-file, systemd.syntax(7).
 */
int job_config_load(const char *config_dir, const char *name, JobConfig **ret, Error **ret_error);

/** job_config_load_file() - the same from FILE in the place of the job's own file (reprievectl preview --with) */
int job_config_load_file(const char *config_dir, const char *name, const char *file, JobConfig **ret,
                         Error **ret_error);

/* Positive condition of job_config_load_schedule(). */
enum {
        JOB_CONFIG_E_SCHEDULE_ONLY = 1,
};

/**
 * job_config_load_schedule() - for the generator: as much as a timer needs
 *
 * A mistake elsewhere must not silently take away the timer of a job: its cycles then fail and say why.
 * Errors: JOB_CONFIG_E_SCHEDULE_ONLY: of *@ret only name, file, description, enabled and what [Schedule] says is right,
 * and *@ret_error says why; else as job_config_load().
 */
int job_config_load_schedule(const char *config_dir, const char *name, JobConfig **ret, Error **ret_error);

/** job_config_list() - names of all job files, sorted. Errors: errno; a missing folder is an empty list. */
int job_config_list(const char *config_dir, char ***ret);

/**
 * job_config_set() - change "Section.Key" in the drop-in that D-Bus writes (NAME.conf.d/50-reprieve.conf)
 * @keys, @values: NULL terminated, same length; a NULL-free value of "" resets the key
 *
 * The result is loaded before it is put in place: a refused change leaves everything as it was.
 * Errors: as job_config_load(); errno of writing.
 */
int job_config_set(const char *config_dir, const char *name, char *const *keys, char *const *values,
                   JobConfig **ret, Error **ret_error);

/** job_config_create() - write a new NAME.conf from "Section.Key" settings. Errors: -EEXIST; as job_config_set(). */
int job_config_create(const char *config_dir, const char *name, char *const *keys, char *const *values,
                      JobConfig **ret, Error **ret_error);

/** job_config_remove() - the job's file and its drop-ins. Errors: errno. */
int job_config_remove(const char *config_dir, const char *name, Error **ret_error);

/** mail_config_load() - [Mail] of CONFIG_DIR/reprieve.conf; no file or no section is an empty one */
int mail_config_load(const char *config_dir, MailConfig **ret, Error **ret_error);
MailConfig *mail_config_free(MailConfig *c);
DEFINE_CLEANUP(MailConfig *, mail_config_free)
