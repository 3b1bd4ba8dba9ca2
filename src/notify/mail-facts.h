/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A queued mail's payload, read: what outbox.c wrote into the ledger, perhaps by an older version. Knows no words.
 */

#include <json-c/json.h>

#include "outbox.h"

/* One row of the counts or of the first names. Unknown words of a newer version stay words. */
typedef struct MailRow {
        const char *action, *kind, *cause;
        const char *name, *source_id, *member;  /* first names */
        uint64_t count;                         /* counts; groups: members that it would lose */
        uint64_t members;                       /* groups: of so many */
        const char *by, *review;                /* waves: who allowed the disabling; "": nobody had to */
        uint64_t at, last;                      /* waves: when the first and the last were disabled */
} MailRow;

/* Strings are borrowed from the payload and "" where it has none; numbers are 0, limits GUARD_NO_LIMIT. */
typedef struct MailFacts {
        OutboxEvent event;
        json_object *payload;
        const char *job, *description, *host, *thread, *language;
        char **to;                              /* Email= when it was queued; owned */
        char **missing_groups;                  /* of Assigned=; owned */
        const char *review, *reason, *verdict, *message;
        const char *by, *comment;
        uint64_t at, since, next_attempt, disable_at;
        uint64_t counted, limit, population, threshold, percent, budget, budget_window;
        uint64_t memberships, membership_threshold;
        bool exceeded, stopped;
        uint64_t staged, decided, joined_later, remaining, count, times, uid;
        uint64_t approval_expires;
        MailRow *causes, *waves, *groups, *first;
        size_t n_causes, n_waves, n_groups, n_first;
        uint64_t groups_total;
        uint64_t second_wave;                   /* how many had been disabled before */
        const char *list;                       /* base64 of the gzip of the CSV */
        uint64_t list_rows, list_size;
} MailFacts;

/** mail_facts_parse() - Errors: -EBADMSG, -ENOMEM. */
int mail_facts_parse(OutboxEvent event, const char *payload, MailFacts *ret);
void mail_facts_done(MailFacts *f);
#define _cleanup_mail_facts_ _cleanup_(mail_facts_done)
