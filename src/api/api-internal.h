/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of this room share. */

#include "api.h"

#define ACTION_LOOK "org.reprieve1.look"           /* names of people */
#define ACTION_RUN "org.reprieve1.run"             /* cycles, and whether there are any */
#define ACTION_CONFIGURE "org.reprieve1.configure" /* jobs and their settings */
#define ACTION_DECIDE "org.reprieve1.decide"       /* what becomes of a removal */

struct Api {
        ApiOptions options;
        Bus *bus;
        Manager *manager;
        uint64_t refusals_since;  /* of the journal's rate limit */
        unsigned n_refusals;
};

extern const BusInterface api_manager, api_worker, api_job, api_log_control;
extern const BusFallback api_jobs;
extern const Observer api_observer;

typedef struct Caller {
        Person person;
        char name[256];
} Caller;

/** api_get_caller() - who asks. Errors: those of bus_call_get_uid(). */
int api_get_caller(BusCall *call, Caller *ret);
/** api_answer() - end a handler with what the service said: conditions become errors of the bus */
int api_answer(BusCall *call, int r, Error **ret_error);
/** api_fail() - the same for a kept call */
void api_fail(BusCall *call, int r, const Error *error);
/** api_job_path() - object path of a job; the caller frees. Errors: -ENOMEM. */
int api_job_path(const Job *j, char **ret);
/** api_append_counts() - "a{st}" of a cycle; what has no limit has no "limit" */
int api_append_counts(BusMessage *m, const CycleRecord *c);

/* --- api-job-methods.c */
extern const BusMethod api_job_methods[];
