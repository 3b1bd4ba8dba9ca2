/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

/* Decisions about a review, and the end of holds. The ledger knows what a decision does; here it is asked for,
 * written to the journal object by object (L1, Q9), told by mail (N1), and followed by a cycle. */

#include <errno.h>
#include <stdlib.h>

#include "job.h"
#include "service-internal.h"
#include "time-util.h"

/* A comment goes into the entry of each object that is decided, and into each hold. */
#define COMMENT_SIZE_MAX 4096U

typedef struct Decided {
        Job *job;
        const Person *by;
        const Decision *decision;
        bool allow;
        uint64_t n, limit;
        LogEntry entry;
} Decided;

static void log_decision(LogEntry *e, const Job *j, const Person *by, int priority, const char *message_id,
                         const char *review, const char *comment) {
        job_log_begin(e, j, priority, message_id, by);
        log_entry_field(e, "REPRIEVE_REVIEW", review);
        if (!isempty(comment))
                log_entry_field(e, "REPRIEVE_COMMENT", comment);
}

static int on_decided(const Staged *s, void *userdata) {
        Decided *d = userdata;
        LogEntry *e = &d->entry;

        if (d->n++ >= d->limit)
                return 0;
        log_decision(e, d->job, d->by, LOG_NOTICE, d->allow ? NULL : REPRIEVE_MESSAGE_HOLD_PLACED,
                     d->decision->review, d->decision->comment);
        log_entry_message(e, "%s %s the %s of %s %s%s.", d->by->name, d->allow ? "allowed" : "rejected",
                          change_action_to_string(s->action), object_kind_to_string(s->kind),
                          isempty(s->display_name) ? s->source_id : s->display_name, d->allow ? "" : ": it is held");
        log_entry_field(e, "REPRIEVE_CHANGE", s->change_id);
        log_entry_field(e, "REPRIEVE_STAGED_ACTION", change_action_to_string(s->action));
        log_entry_field(e, "REPRIEVE_KIND", object_kind_to_string(s->kind));
        log_entry_field(e, "REPRIEVE_SOURCE_ID", s->source_id);
        log_entry_field(e, "REPRIEVE_TARGET_ID", s->target_id);
        log_entry_field(e, "REPRIEVE_DISPLAY_NAME", s->display_name);
        if (s->cause != CAUSE_NONE)
                log_entry_field(e, "REPRIEVE_CAUSE", cause_to_string(s->cause));
        (void) log_entry_send(e);
        return 0;
}

typedef struct Aftermath {
        Job *job;
        const Decision *decision;
        bool allow;
        uint64_t decided, joined_later;
        bool lifted;
} Aftermath;

/* What follows from a decision that counts: its mail (N2), and the end of the quarantine when nothing is left to decide.
 * An allow is lifted by the cycle that carries it out (Q4). */
static int settle_decision(Ledger *l, Aftermath *a) {
        _cleanup_job_state_ JobState s = {};
        StagedCounts counts;
        int r;

        r = ledger_get_state(l, &s);
        if (r >= 0)
                r = ledger_count_staged(l, &counts);
        if (r >= 0)
                r = outbox_queue_decided(l, a->job->config, &s, a->decision, a->decided, a->joined_later,
                                         counts.undecided);
        if (r < 0)
                return r;
        if (!a->allow && counts.undecided == 0 && counts.allowed == 0 && quarantine_reason_is_review(s.quarantine)) {
                job_clear_quarantine(&s);
                s.mailed_staged = 0;
                s.mailed_at = 0;
                a->lifted = true;
        }
        return ledger_set_state(l, &s);
}

/* The decision and what follows from it: all of it or nothing. */
static int decide_and_settle(Ledger *l, Aftermath *a, const ObjectName *objects, size_t n_objects, Decided *decided,
                             unsigned *ret_missing) {
        unsigned missing = 0;
        int r;

        r = ledger_begin(l);
        if (r == 0)
                r = (a->allow ? ledger_allow : ledger_reject)(l, a->decision, objects, n_objects,
                                                              a->job->config->approvers, on_decided, decided,
                                                              &a->decided, &a->joined_later, &missing);
        if (r == 0 && missing == 0)
                r = settle_decision(l, a);
        if (r == 0)
                r = ledger_commit(l);
        else
                ledger_rollback(l);
        if (r == 0)
                *ret_missing = missing;
        return r;
}

static int refused(Job *j, int r, Ledger *l, const char *review, Error **ret_error) {
        if (r == LEDGER_E_NO_SUCH_REVIEW)
                return error_set(
                        ret_error, SERVICE_E_NO_SUCH_REVIEW,
                        "job %s has no open review \"%s\"; it may have been decided, or have grown: look at it again",
                        j->name, review);
        if (r == LEDGER_E_NOT_STAGED)
                return error_set(ret_error, SERVICE_E_NO_SUCH_OBJECT,
                                 "an object that was named is not part of review %s of job %s; nothing was decided",
                                 review, j->name);
        return job_ledger_failed(j, l, r, ret_error);
}

static int decide(Job *j, const Person *by, bool allow, const char *review, const char *comment,
                  const ObjectName *objects, size_t n_objects, uint64_t *ret_decided, uint64_t *ret_joined_later,
                  Error **ret_error) {
        Decision d = {
                .verb = allow ? "allow" : "reject",
                .review = review,
                .comment = comment,
                .uid = by->uid,
                .user = by->name,
                .at = clock_now(),
        };
        Decided decided = {
                .job = j, .by = by, .decision = &d, .allow = allow,
                .limit = j->config ? j->config->journal_limit : 0, .entry = LOG_ENTRY_INIT,
        };
        Aftermath a = { .job = j, .decision = &d, .allow = allow };
        _cleanup_(ledger_freep) Ledger *l = NULL;
        LogEntry *e = &decided.entry;
        unsigned missing = 0;
        int r;

        if (objects && n_objects == 0)
                return error_set(ret_error, SERVICE_E_INVALID_ARGUMENT, "the list of objects is empty");
        if (strlen(comment) > COMMENT_SIZE_MAX)
                return error_set(ret_error, SERVICE_E_INVALID_ARGUMENT, "the comment is longer than %u bytes",
                                 COMMENT_SIZE_MAX);
        r = job_check_config(j, ret_error);
        if (r == SERVICE_E_INVALID_SETTINGS)
                return error_wrap(ret_error, r,
                                  "how many people must agree (Approvers=) is not known while the settings of job %s "
                                  "cannot be read", j->name);
        if (r != 0)
                return r;
        r = job_open_ledger(j, LEDGER_READ_WRITE, false, &l, ret_error);
        if (r != 0)
                return r;
        if (!l)
                return refused(j, LEDGER_E_NO_SUCH_REVIEW, NULL, review, ret_error);
        r = decide_and_settle(l, &a, objects, n_objects, &decided, &missing);
        if (r != 0) {
                r = refused(j, r, l, review, ret_error);
                if (decided.n > 0) {
                        /* The entries are written before the commit, so that none can be missing: now they are not
                         * true. */
                        log_decision(e, j, by, LOG_ERR, NULL, review, NULL);
                        log_entry_message(e,
                                          "The decision of %s on review %s could not be recorded and has no effect.",
                                          by->name, review);
                        (void) log_entry_send(e);
                }
                log_entry_done(e);
                return r;
        }
        l = ledger_free(l);

        log_decision(e, j, by, LOG_NOTICE,
                     missing > 0 ? NULL :
                     allow       ? REPRIEVE_MESSAGE_REVIEW_ALLOWED :
                                   REPRIEVE_MESSAGE_REVIEW_REJECTED,
                     review, comment);
        if (missing > 0)
                log_entry_message(e, "%s would %s review %s of job %s; %u more must agree.", by->name, d.verb, review,
                                  j->name, missing);
        else
                log_entry_message(e, "%s %s %sreview %s of job %s: %llu decided, %llu joined later.", by->name,
                                  allow ? "allowed" : "rejected", objects ? "a part of " : "", review, j->name,
                                  (unsigned long long) a.decided, (unsigned long long) a.joined_later);
        log_entry_field_u64(e, "REPRIEVE_COUNTED", a.decided);
        (void) log_entry_send(e);
        if (decided.n > decided.limit) {
                log_decision(e, j, by, LOG_NOTICE, REPRIEVE_MESSAGE_JOURNAL_LIMIT, review, NULL);
                log_entry_message(e, "%llu more objects of this decision have no entry of their own (JournalLimit=).",
                                  (unsigned long long) (decided.n - decided.limit));
                (void) log_entry_send(e);
        }
        log_entry_done(e);

        *ret_decided = a.decided;
        *ret_joined_later = a.joined_later;
        if (missing == 0)
                j->lift_how = allow ? "allowed" : "rejected";
        job_refresh(j);
        if (missing > 0)
                return 0;
        if (a.lifted)
                job_log_plain(j, LOG_NOTICE, REPRIEVE_MESSAGE_QUARANTINE_LIFTED, by,
                              "Job %s is out of quarantine: its review was rejected.", j->name);
        if (j->view.staged.undecided > 0)
                j->lift_how = NULL; /* a part was decided; how the rest ends is not known yet */
        if (j->view.mails > 0)
                manager_mail_queued(j->manager);
        job_want_cycle(j);
        return 0;
}

int job_allow(Job *j, const Person *by, const char *review, const char *comment, const ObjectName *objects,
              size_t n_objects, uint64_t *ret_decided, uint64_t *ret_joined_later, Error **ret_error) {
        return decide(j, by, true, review, comment, objects, n_objects, ret_decided, ret_joined_later, ret_error);
}

int job_reject(Job *j, const Person *by, const char *review, const char *comment, const ObjectName *objects,
               size_t n_objects, uint64_t *ret_decided, uint64_t *ret_joined_later, Error **ret_error) {
        return decide(j, by, false, review, comment, objects, n_objects, ret_decided, ret_joined_later, ret_error);
}

/* ---- release ---- */

typedef struct Release {
        Job *job;
        const Person *by;
        const ObjectName *sorted;
        size_t n;
        bool *found;
        bool logging;
        LogEntry entry;
} Release;

static int compare_names(const void *a, const void *b) {
        const ObjectName *x = a, *y = b;

        if (x->kind != y->kind)
                return x->kind < y->kind ? -1 : 1;
        return strcmp(x->source_id, y->source_id);
}

static void log_release(Release *q, const Hold *h) {
        LogEntry *e = &q->entry;

        log_decision(e, q->job, q->by, LOG_NOTICE, REPRIEVE_MESSAGE_HOLD_RELEASED, NULL, NULL);
        log_entry_message(e, "%s released %s %s: the next cycle judges it like any other.", q->by->name,
                          object_kind_to_string(h->kind), isempty(h->display_name) ? h->source_id : h->display_name);
        log_entry_field(e, "REPRIEVE_KIND", object_kind_to_string(h->kind));
        log_entry_field(e, "REPRIEVE_SOURCE_ID", h->source_id);
        log_entry_field(e, "REPRIEVE_TARGET_ID", h->target_id);
        log_entry_field(e, "REPRIEVE_DISPLAY_NAME", h->display_name);
        if (h->cause != CAUSE_NONE)
                log_entry_field(e, "REPRIEVE_CAUSE", cause_to_string(h->cause));
        (void) log_entry_send(e);
}

static int on_hold(const Hold *h, void *userdata) {
        Release *q = userdata;
        ObjectName name = { .kind = h->kind, .source_id = h->source_id };
        const ObjectName *p = bsearch(&name, q->sorted, q->n, sizeof(*q->sorted), compare_names);

        if (p && q->logging)
                log_release(q, h);
        else if (p)
                q->found[p - q->sorted] = true;
        return 0;
}

/* All or none: what cannot be found is known before anything is written or removed. */
static int release_all(Ledger *l, Release *q, const ObjectName **ret_missing) {
        int r;

        r = ledger_scan_holds(l, 0, 0, on_hold, q);
        if (r < 0)
                return r;
        for (size_t i = 0; i < q->n; i++)
                if (!q->found[i]) {
                        *ret_missing = &q->sorted[i];
                        return LEDGER_E_NOT_FOUND;
                }
        q->logging = true;
        r = ledger_scan_holds(l, 0, 0, on_hold, q);
        for (size_t i = 0; r >= 0 && i < q->n; i++)
                r = ledger_remove_hold(l, q->sorted[i].kind, q->sorted[i].source_id);
        return r;
}

static size_t sort_unique(ObjectName *names, size_t n) {
        size_t m = 0;

        qsort(names, n, sizeof(*names), compare_names);
        for (size_t i = 0; i < n; i++)
                if (m == 0 || compare_names(&names[m - 1], &names[i]) != 0)
                        names[m++] = names[i];
        return m;
}

int job_release(Job *j, const Person *by, const ObjectName *objects, size_t n_objects, Error **ret_error) {
        const Decision d = { .verb = "release", .uid = by->uid, .user = by->name, .at = clock_now() };
        Release q = { .job = j, .by = by, .entry = LOG_ENTRY_INIT };
        _cleanup_(ledger_freep) Ledger *l = NULL;
        _cleanup_free_ ObjectName *sorted = NULL;
        _cleanup_free_ bool *found = NULL;
        const ObjectName *missing = NULL;
        int r;

        if (n_objects == 0)
                return error_set(ret_error, SERVICE_E_INVALID_ARGUMENT, "the list of objects is empty");
        sorted = calloc(n_objects, sizeof(*sorted));
        found = calloc(n_objects, sizeof(*found));
        if (!sorted || !found)
                return -ENOMEM;
        memcpy(sorted, objects, n_objects * sizeof(*sorted));
        q.n = sort_unique(sorted, n_objects);
        q.sorted = missing = sorted;
        q.found = found;
        r = job_open_ledger(j, LEDGER_READ_WRITE, false, &l, ret_error);
        if (r != 0)
                return r;
        r = l ? ledger_begin(l) : LEDGER_E_NOT_FOUND;
        if (r == 0) {
                r = release_all(l, &q, &missing);
                if (r == 0)
                        r = ledger_add_decision(l, &d, q.n);
                if (r == 0)
                        r = ledger_commit(l);
                else
                        ledger_rollback(l);
        }
        log_entry_done(&q.entry);
        if (r == LEDGER_E_NOT_FOUND)
                return error_set(ret_error, SERVICE_E_NO_SUCH_OBJECT,
                                 "job %s holds no %s \"%s\"; nothing was released", j->name,
                                 object_kind_to_string(missing->kind), missing->source_id);
        if (r < 0)
                return job_ledger_failed(j, l, r, ret_error);
        job_refresh(j);
        job_want_cycle(j);
        return 0;
}
