/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Takes the outboxes of all jobs and sends what is due. Everything it learns is in the ledger before it goes on, so
 * that it may be killed at any time: what the server has accepted and the ledger knows is never sent again. From
 * the final dot on its way to the server until the ledger's commit a kill, a power cut, a lost connection or a full
 * disk makes one recipient get one mail twice, under the same Message-ID. That window is SMTP's (RFC 5321
 * section 4.5.3.2.6, RFC 1047) and the commit's; there is no other.
 *
 * Logs nothing: what is worth telling goes to a callback. */

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "job-config.h"
#include "ledger.h"

typedef enum CourierOutcome {
        COURIER_SENT,                   /* one recipient has it */
        COURIER_FAILED,                 /* it did not go out, and is tried again */
        COURIER_NOBODY,                 /* Email= is empty now: the mail was taken out of the outbox (G4) */
        COURIER_JOB_FAILED,             /* the ledger could not be read or written; other jobs go on */
} CourierOutcome;

typedef struct CourierReport {          /* borrowed during the callback; what does not apply is NULL or 0 */
        CourierOutcome outcome;
        const char *job, *event, *review, *recipient, *message_id;
        const char *error;
        bool permanent;
        uint32_t attempts;
        uint64_t next_attempt;
} CourierReport;

typedef void (*CourierReportFunc)(const CourierReport *r, void *userdata);

/* Sends one message to one recipient: smtp_send(), or a test. */
typedef int (*CourierSendFunc)(void *userdata, const char *from, const char *to, const char *message, size_t size,
                               Error **ret_error);

typedef struct CourierSettings {        /* all borrowed */
        const char *config_dir, *state_dir;
        bool try_all;                   /* also what waits for its next attempt */
        const char *server;             /* for texts and for noticing an edit */
        const char *server_settings;    /* what else decides where mail goes, as one string without secrets */
        const char *from_name, *from;   /* as mail_address_parse() gives them */
        const char *unusable; /* why nothing can be sent at all (a bad reprieve.conf, no credential), or NULL */
        CourierSendFunc send;
        void *send_userdata;
        CourierReportFunc report;
        void *report_userdata;
} CourierSettings;

typedef struct CourierResult {
        uint64_t sent;                  /* recipients */
        uint64_t waiting;               /* mails that are still in an outbox */
        uint64_t stuck;                 /* of these, such as did not go out when they were tried */
        uint64_t failed_jobs;
        uint64_t next_attempt;          /* when the next mail or reminder is due; USEC_INFINITY for never */
} CourierResult;

/**
 * courier_run() - queue reminders that are due, then send what is due
 *
 * What was never tried goes first, so that a mail which fails slowly does not keep a new one waiting. A failure of
 * the server as a whole ends the sending; what is left then shows the same problem and is tried when that mail is.
 * Each job's notification_problem is kept up to date.
 *
 * Errors: -ENOMEM; errno of reading STATE_DIR/jobs. A single job's trouble is reported, not returned.
 */
int courier_run(const CourierSettings *settings, uint64_t now_usec, CourierResult *ret);

/** courier_look() - the same numbers without sending, queueing or writing anything */
int courier_look(const CourierSettings *settings, uint64_t now_usec, CourierResult *ret);
