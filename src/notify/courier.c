/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "courier.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "delivery.h"
#include "mail-address.h"
#include "mail-text.h"
#include "mime.h"
#include "outbox.h"
#include "smtp.h"
#include "string-util.h"
#include "time-util.h"

/* After so many timeouts in a row the server is taken to be silent for everybody. */
#define SILENT_MAX 2U

/* A mail without its payload, which is read when it is needed. */
typedef struct Head {
        uint64_t id;
        char *event, *review, *delivery, *last_error, *message_id;
        uint64_t queued_at, next_attempt;
        uint32_t attempts;
        bool permanent;
} Head;

/* What happens in one run, over all jobs. */
typedef struct Run {
        const CourierSettings *settings;
        bool look_only;
        uint64_t now;
        char *unusable;                 /* why nothing more can be sent in this run */
        bool unusable_for_all;          /* it is certain; not only two silent transactions in a row */
        unsigned silent;                /* timeouts in a row */
        char **failed_jobs;             /* their ledger cannot be used; told once, left alone then */
        CourierResult result;
} Run;

/* One job while its outbox is open. */
typedef struct Visit {
        Run *run;
        const char *job;
        Ledger *ledger;
        JobConfig *config;              /* NULL if it cannot be loaded */
        Head *heads;
        size_t n_heads, n_allocated;
        bool has_unsent_review;         /* a review's mail is still in the outbox */
} Visit;

/* ---- small helpers ---- */

static void report(const Run *run, const CourierReport *r) {
        if (run->settings->report)
                run->settings->report(r, run->settings->report_userdata);
}

static int report_job_failure(Run *run, const char *job, const char *text) {
        run->result.failed_jobs++;
        report(run, &(CourierReport) { .outcome = COURIER_JOB_FAILED, .job = job, .error = text });
        return strv_extend(&run->failed_jobs, job);
}

static void note_next(Run *run, uint64_t at) {
        run->result.next_attempt = MIN2(run->result.next_attempt, at);
}

/* What lies further ahead than any gap was written by a clock that has been set back since: it would be years until it is due. */
#define TOLERANCE_USEC USEC_PER_HOUR

static uint64_t next_attempt(const Run *run, uint64_t at) {
        return at > run->now + DELIVERY_REFUSED_RETRY_USEC + TOLERANCE_USEC ? 0 : at;
}

static uint64_t reminder_at(const Visit *v, const JobState *state, uint64_t undecided) {
        uint64_t at = outbox_reminder_at(v->config, state, undecided);

        return at != USEC_INFINITY && state->mailed_at > v->run->now + TOLERANCE_USEC ? 0 : at;
}

static void head_done(Head *h) {
        free(h->event);
        free(h->review);
        free(h->delivery);
        free(h->last_error);
        free(h->message_id);
        *h = (Head) {};
}

static void forget_heads(Visit *v) {
        for (size_t i = 0; i < v->n_heads; i++)
                head_done(&v->heads[i]);
        v->n_heads = 0;
        v->has_unsent_review = false;
}

static void visit_done(Visit *v) {
        forget_heads(v);
        free(v->heads);
        job_config_free(v->config);
        ledger_free(v->ledger);
        *v = (Visit) {};
}

static int add_head(const Mail *m, void *userdata) {
        Visit *v = userdata;
        OutboxEvent event;
        Head *h;
        int r;

        r = ARRAY_GROW(v->heads, v->n_allocated, v->n_heads + 1);
        if (r < 0)
                return r;
        h = &v->heads[v->n_heads++];
        *h = (Head) { .id = m->id,
                     .queued_at = m->queued_at,
                     .next_attempt = next_attempt(v->run, m->next_attempt),
                     .attempts = m->attempts,
                     .permanent = m->permanent };
        if (free_and_strdup(&h->event, strempty(m->event)) < 0 || free_and_strdup(&h->review, m->review) < 0 ||
            free_and_strdup(&h->delivery, m->delivery) < 0 || free_and_strdup(&h->last_error, m->last_error) < 0 ||
            free_and_strdup(&h->message_id, strempty(m->message_id)) < 0)
                return -ENOMEM;
        event = outbox_event_from_string(h->event);
        if (event == OUTBOX_REVIEW_OPENED || event == OUTBOX_REVIEW_GROWN || event == OUTBOX_REMINDER)
                v->has_unsent_review = true;
        return 0;
}

/* Fewest attempts first: a mail that hangs is not tried again before those that it kept waiting. */
static int compare_heads(const void *a, const void *b) {
        const Head *x = a, *y = b;

        if (x->attempts != y->attempts)
                return x->attempts < y->attempts ? -1 : 1;
        return x->id < y->id ? -1 : x->id > y->id;
}

static int read_heads(Visit *v) {
        int r;

        forget_heads(v);
        r = ledger_scan_mail(v->ledger, add_head, v);
        if (r < 0)
                return r;
        if (v->n_heads > 1)
                qsort(v->heads, v->n_heads, sizeof(v->heads[0]), compare_heads);
        return 0;
}

typedef struct Search {
        uint64_t id;
        char *payload;
} Search;

static int take_payload(const Mail *m, void *userdata) {
        Search *s = userdata;

        return m->id == s->id ? free_and_strdup(&s->payload, strempty(m->payload)) : 0;
}

/* ---- the ledger's side of one mail ---- */

/* Writes @h and @d, durably. -ENOENT: the mail is gone, with its job. */
static int store(Visit *v, const Head *h, const Delivery *d) {
        _cleanup_free_ char *delivery = NULL;
        int r;

        r = delivery_format(d, &delivery);
        if (r < 0)
                return r;
        r = ledger_begin(v->ledger);
        if (r < 0)
                return r;
        r = ledger_update_mail(v->ledger, &(Mail) { .id = h->id,
                                                   .next_attempt = h->next_attempt,
                                                   .attempts = h->attempts,
                                                   .last_error = h->last_error,
                                                   .permanent = h->permanent,
                                                   .delivery = delivery });
        if (r >= 0)
                r = ledger_commit(v->ledger);
        if (r < 0)
                ledger_rollback(v->ledger);
        return r;
}

static int take_out(Visit *v, const Head *h) {
        int r;

        r = ledger_begin(v->ledger);
        if (r < 0)
                return r;
        r = ledger_remove_mail(v->ledger, h->id);
        if (r >= 0)
                r = ledger_commit(v->ledger);
        if (r < 0)
                ledger_rollback(v->ledger);
        return r;
}

/* ---- one mail ---- */

/* "id@domain of From=". The caller frees; NULL for OOM. */
static char *full_id(const Run *run, const char *id) {
        char *s;

        return asprintf(&s, "%s%s", id, strchr(run->settings->from, '@')) < 0 ? NULL : s;
}

static int format_message(Visit *v, const Head *h, const MailFacts *f, char *const *recipients, bool with_list,
                          char **ret, size_t *ret_size) {
        const CourierSettings *settings = v->run->settings;
        _cleanup_free_ char *id = full_id(v->run, h->message_id), *thread = NULL;
        char *headers[] = { (char *) "X-Reprieve-Job", (char *) v->job, (char *) "X-Reprieve-Event", h->event,
                            (char *) (h->review ? "X-Reprieve-Review" : NULL), h->review, NULL };
        _cleanup_mail_text_ MailText text = {};
        int r;

        if (!isempty(f->thread))
                thread = full_id(v->run, f->thread);
        if (!id || (!isempty(f->thread) && !thread))
                return -ENOMEM;
        r = mail_text_set_language(v->config ? v->config->language : f->language);
        if (r < 0)
                return r;
        r = mail_text_compose(f, with_list, &text);
        if (r < 0)
                return r;
        return mime_format(&(MimeMessage) {
                                   .from_name = isempty(settings->from_name) ? "Reprieve" : settings->from_name,
                                   .from = settings->from,
                                   .to = recipients,
                                   .subject = text.subject,
                                   .message_id = id,
                                   .in_reply_to = thread,
                                   .date_usec = h->queued_at,
                                   .language = text.language,
                                   .headers = headers,
                                   .text = text.text,
                                   .html = text.html,
                                   .file_name = text.file_name,
                                   .file_type = text.file_type,
                                   .file = text.file,
                                   .file_size = text.file_size,
                           },
                           ret, ret_size);
}

/* Remembers why it did not go out. */
static int set_error(Head *h, const char *recipient, const char *text) {
        char *s = NULL;

        if (asprintf(&s, "%s%s%s", strempty(recipient), recipient ? ": " : "", text) < 0)
                return -ENOMEM;
        free(h->last_error);
        h->last_error = s;
        return 0;
}

static void report_failure(Visit *v, const Head *h, const char *recipient, const char *text) {
        report(v->run, &(CourierReport) { .outcome = COURIER_FAILED,
                                         .job = v->job,
                                         .event = h->event,
                                         .review = h->review,
                                         .recipient = recipient,
                                         .message_id = h->message_id,
                                         .error = text,
                                         .permanent = h->permanent,
                                         .attempts = h->attempts,
                                         .next_attempt = h->next_attempt });
}

/* A mail that is not tried, for a reason that has nothing to do with a recipient. */
static int shelve(Visit *v, Head *h, Delivery *d, const char *text, uint64_t next_attempt) {
        int r;

        r = set_error(h, NULL, text);
        if (r < 0)
                return r;
        h->next_attempt = next_attempt;
        r = store(v, h, d);
        if (r >= 0)
                report_failure(v, h, NULL, text);
        return r;
}

/* One recipient. *@message is made anew, smaller, if the server finds it too large. */
static int send_one(Visit *v, const Head *h, const MailFacts *f, Delivery *d, char *const *recipients,
                    const char *to, char **message, size_t *size, Error **ret_error) {
        const CourierSettings *settings = v->run->settings;
        int r;

        r = settings->send(settings->send_userdata, settings->from, to, *message, *size, ret_error);
        if (r != SMTP_E_TOO_LARGE || isempty(f->list) || d->without_list)
                return r == SMTP_E_TOO_LARGE ? SMTP_E_REFUSED : r;
        d->without_list = true;
        free(*message);
        *message = NULL;
        r = format_message(v, h, f, recipients, false, message, size);
        if (r < 0)
                return r;
        r = settings->send(settings->send_userdata, settings->from, to, *message, *size, ret_error);
        return r == SMTP_E_TOO_LARGE ? SMTP_E_REFUSED : r;
}

/* All recipients that are due. */
static int send_to_all(Visit *v, Head *h, const MailFacts *f, Delivery *d, char *const *configured,
                       char *const *recipients) {
        _cleanup_free_ char *message = NULL, *error_recipient = NULL;
        _cleanup_error_ Error *worst = NULL;
        Run *run = v->run;
        size_t size;
        int r;

        r = format_message(v, h, f, configured, !d->without_list, &message, &size);
        if (r == -EBADMSG || r == -EINVAL) {
                h->permanent = true;
                return shelve(v, h, d, "the queued mail is damaged and cannot be made into a message",
                              run->now + DELIVERY_REFUSED_RETRY_USEC);
        }
        if (r < 0)
                return r;

        for (char *const *to = recipients; *to && !run->unusable; to++) {
                _cleanup_error_ Error *error = NULL;

                r = send_one(v, h, f, d, configured, *to, &message, &size, &error);
                if (r < 0)
                        return r;
                if (r == 0) {
                        run->silent = 0;
                        run->result.sent++;
                        r = delivery_accept(d, *to);
                        if (r < 0)
                                return r;
                        r = delivery_is_complete(d, configured) ? take_out(v, h) : store(v, h, d);
                        report(run, &(CourierReport) { .outcome = COURIER_SENT,
                                                      .job = v->job,
                                                      .event = h->event,
                                                      .review = h->review,
                                                      .recipient = *to,
                                                      .message_id = h->message_id,
                                                      .attempts = h->attempts });
                        if (r < 0)
                                return r;
                        continue;
                }
                if (r == SMTP_E_REFUSED) {
                        run->silent = 0;
                        r = delivery_refuse(d, *to, run->now);
                        if (r < 0)
                                return r;
                } else if (r == SMTP_E_UNUSABLE || (r == SMTP_E_SILENT && ++run->silent >= SILENT_MAX)) {
                        run->unusable = strdup(error_text(error, -EIO));
                        run->unusable_for_all = r == SMTP_E_UNUSABLE;
                        if (!run->unusable)
                                return -ENOMEM;
                }
                h->permanent = delivery_is_refused(d, configured);
                h->next_attempt = delivery_next_attempt(d, configured, h->attempts, run->now);
                report_failure(v, h, run->unusable ? NULL : *to, error_text(error, -EIO));
                /* A refusal is the worse news of two. */
                if (!worst || worst->retry != ERROR_RETRY_AFTER_RECONFIGURE) {
                        error_free(worst);
                        worst = TAKE_PTR(error);
                        r = free_and_strdup(&error_recipient, run->unusable ? NULL : *to);
                        if (r < 0)
                                return r;
                }
        }
        if (delivery_is_complete(d, configured))
                return 0;
        if (worst) {
                r = set_error(h, error_recipient, error_text(worst, -EIO));
                if (r < 0)
                        return r;
        }
        h->permanent = delivery_is_refused(d, configured);
        h->next_attempt = delivery_next_attempt(d, configured, h->attempts, run->now);
        return store(v, h, d);
}

static void hash_config(Visit *v, char *const *recipients, char ret[static 17]) {
        const CourierSettings *s = v->run->settings;

        delivery_config_hash((const char *[]) { s->server, s->server_settings, s->from }, 3, recipients, ret);
}

static int deliver(Visit *v, Head *h) {
        _cleanup_mail_facts_ MailFacts f = {};
        _cleanup_delivery_ Delivery d = {};
        _cleanup_strv_ char **recipients = NULL;
        char *const *configured;
        Search search = { .id = h->id };
        Run *run = v->run;
        char config[17];
        int r;

        r = delivery_parse(h->delivery, &d);
        if (r < 0 && r != -EBADMSG)     /* damaged: better twice than never */
                return r;
        r = ledger_scan_mail(v->ledger, take_payload, &search);
        if (r >= 0)
                r = search.payload ? mail_facts_parse(outbox_event_from_string(h->event), search.payload, &f)
                                   : -ENOENT;
        free(search.payload);
        if (r < 0 && r != -EBADMSG)
                return r;

        configured = v->config ? v->config->email : f.to;
        hash_config(v, configured, config);
        if (!run->settings->try_all && !delivery_is_due(&d, h->next_attempt, config, run->now))
                return 0;
        delivery_set_config(&d, config, run->settings->try_all);
        if (r == -EBADMSG) {
                h->permanent = true;
                return shelve(v, h, &d, "the queued mail is damaged and cannot be read",
                              run->now + DELIVERY_REFUSED_RETRY_USEC);
        }
        if (delivery_is_complete(&d, configured)) {
                if (!configured || !*configured)
                        report(run, &(CourierReport) { .outcome = COURIER_NOBODY,
                                                      .job = v->job,
                                                      .event = h->event,
                                                      .review = h->review,
                                                      .message_id = h->message_id });
                return take_out(v, h);
        }
        if (run->unusable) {
                /* Where perhaps another mail alone is to blame, it is no attempt of this one: it comes before that
                 * next time. */
                if (run->unusable_for_all)
                        h->attempts++;
                return shelve(v, h, &d, run->unusable,
                              delivery_next_attempt(&d, configured, MAX2(h->attempts, 1U), run->now));
        }
        r = delivery_recipients(&d, configured, run->now, &recipients);
        if (r < 0)
                return r;
        if (!recipients)
                return 0;

        /* Before anything is sent: a ledger that cannot be written must not make the same mail go out each minute,
         * and neither must a mail that kills us. */
        h->attempts++;
        h->next_attempt = delivery_next_attempt(&d, configured, h->attempts, run->now);
        r = store(v, h, &d);
        if (r < 0)
                return r;
        return send_to_all(v, h, &f, &d, configured, recipients);
}

/* ---- one job ---- */

/* Queues the reminder that is due (N1), unless the last mail of that review has not even gone out: people would get
 * a heap of them when the server is back. */
static int remind(Visit *v, bool *ret_queued) {
        _cleanup_job_state_ JobState state = {};
        StagedCounts counts;
        uint64_t at;
        int r;

        *ret_queued = false;
        if (!v->config)
                return 0;
        r = ledger_get_state(v->ledger, &state);
        if (r == 0)
                r = ledger_count_staged(v->ledger, &counts);
        if (r < 0)
                return r;
        at = reminder_at(v, &state, counts.undecided);
        if (v->has_unsent_review || at > v->run->now)
                return 0;

        r = ledger_begin(v->ledger);
        if (r < 0)
                return r;
        /* Again, under the lock: somebody may have decided meanwhile. */
        job_state_done(&state);
        state = (JobState) {};
        r = ledger_get_state(v->ledger, &state);
        if (r == 0)
                r = ledger_count_staged(v->ledger, &counts);
        if (r == 0 && reminder_at(v, &state, counts.undecided) <= v->run->now) {
                r = outbox_queue_reminder(v->ledger, v->config, &state, v->run->now);
                if (r == 0)
                        r = ledger_set_state(v->ledger, &state);
                *ret_queued = r == 0;
        }
        if (r == 0)
                r = ledger_commit(v->ledger);
        if (r < 0)
                ledger_rollback(v->ledger);
        return r;
}

/* What status shows (N4): the worst of what is stuck; NULL if nothing is. */
static int make_problem(const Visit *v, char **ret) {
        const Head *worst = NULL;
        size_t stuck = 0;
        int r;

        for (size_t i = 0; i < v->n_heads; i++) {
                const Head *h = &v->heads[i];

                if (isempty(h->last_error))
                        continue;
                stuck++;
                if (!worst || (h->permanent && !worst->permanent))
                        worst = h;
        }
        *ret = NULL;
        if (!worst)
                return 0;
        if (stuck == 1)
                r = asprintf(ret, "the mail %s is not sent: %s", worst->event, worst->last_error);
        else
                r = asprintf(ret, "%zu mails are not sent; %s: %s", stuck, worst->event, worst->last_error);
        return r < 0 ? -ENOMEM : 0;
}

/* Counts what is left, and writes the job's notification_problem if it is another one now. */
static int conclude(Visit *v) {
        _cleanup_job_state_ JobState state = {};
        _cleanup_free_ char *problem = NULL;
        StagedCounts counts;
        int r;

        r = read_heads(v);
        if (r == 0)
                r = ledger_get_state(v->ledger, &state);
        if (r == 0)
                r = ledger_count_staged(v->ledger, &counts);
        if (r < 0)
                return r;
        if (v->config && !v->has_unsent_review)
                note_next(v->run, reminder_at(v, &state, counts.undecided));
        v->run->result.waiting += v->n_heads;
        for (size_t i = 0; i < v->n_heads; i++) {
                note_next(v->run, v->heads[i].next_attempt);
                v->run->result.stuck += !isempty(v->heads[i].last_error);
        }
        if (v->run->look_only)
                return 0;
        r = make_problem(v, &problem);
        if (r < 0)
                return r;
        if (streq_ptr(problem, state.notification_problem) || (!problem && isempty(state.notification_problem)))
                return 0;

        r = ledger_begin(v->ledger);
        if (r < 0)
                return r;
        job_state_done(&state);
        state = (JobState) {};
        r = ledger_get_state(v->ledger, &state);
        if (r == 0) {
                free(state.notification_problem);
                state.notification_problem = TAKE_PTR(problem);
                r = ledger_set_state(v->ledger, &state);
        }
        if (r == 0)
                r = ledger_commit(v->ledger);
        if (r < 0)
                ledger_rollback(v->ledger);
        return r;
}

/* Whether there is anything to do, without making or changing a ledger. */
static int is_idle(Visit *v, bool *ret) {
        _cleanup_job_state_ JobState state = {};
        StagedCounts counts;
        uint64_t n, at;
        int r;

        r = ledger_count_mail(v->ledger, &n);
        if (r == 0)
                r = ledger_get_state(v->ledger, &state);
        if (r == 0)
                r = ledger_count_staged(v->ledger, &counts);
        if (r < 0)
                return r;
        if (n > 0 || !isempty(state.notification_problem)) {
                *ret = false;
                return 0;
        }
        at = v->config ? reminder_at(v, &state, counts.undecided) : USEC_INFINITY;
        note_next(v->run, at);
        *ret = at > v->run->now;
        return 0;
}

typedef enum Pass {
        PASS_FRESH,                     /* reminders, and what was never tried */
        PASS_RETRY,
        PASS_CONCLUDE,
        _PASS_MAX,
} Pass;

static int visit(Visit *v, Pass pass, const char **ret_error, Error **error) {
        const char *state_dir = v->run->settings->state_dir;
        bool idle, queued;
        int r;

        r = job_config_load(v->run->settings->config_dir, v->job, &v->config, NULL);
        if (r == -ENOMEM)
                return r;
        r = ledger_open(state_dir, v->job, LEDGER_READ_ONLY, &v->ledger, error);
        if (r == -ENOENT)
                return 0;
        if (r == 0) {
                r = is_idle(v, &idle);
                if (r < 0)
                        *ret_error = ledger_last_error(v->ledger);
                if (r < 0 || idle)
                        return r;
                if (!v->run->look_only)
                        v->ledger = ledger_free(v->ledger);
        } else if (r != -EUCLEAN || v->run->look_only)
                return r;
        if (!v->ledger) {
                *error = error_free(*error);
                r = ledger_open(state_dir, v->job, LEDGER_READ_WRITE, &v->ledger, error);
                if (r < 0)
                        return r;
        }

        r = read_heads(v);
        if (r == 0 && pass == PASS_FRESH) {
                r = remind(v, &queued);
                if (r == 0 && queued)
                        r = read_heads(v);
        }
        if (pass == PASS_CONCLUDE) {
                if (r == 0)
                        r = conclude(v);
        } else
                for (size_t i = 0; r == 0 && i < v->n_heads; i++) {
                        if ((v->heads[i].attempts == 0) != (pass == PASS_FRESH))
                                continue;
                        r = deliver(v, &v->heads[i]);
                        if (r == -ENOENT)
                                r = 0;
                }
        if (r < 0)
                *ret_error = ledger_last_error(v->ledger);
        return r;
}

/* ---- all jobs ---- */

static int select_job(const struct dirent *e) {
        return job_name_is_valid(e->d_name);
}

static int list_jobs(const char *state_dir, char ***ret) {
        _cleanup_free_ char *path = NULL;
        _cleanup_strv_ char **jobs = NULL;
        struct dirent **entries;
        int n, r = 0;

        if (asprintf(&path, "%s/jobs", state_dir) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        n = scandir(path, &entries, select_job, alphasort);
        if (n < 0 && errno != ENOENT)
                return -errno;
        for (int i = 0; i < n; i++) {
                if (r == 0)
                        r = strv_extend(&jobs, entries[i]->d_name);
                free(entries[i]);
        }
        if (n >= 0)
                free(entries);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(jobs);
        return 0;
}

static int go(Run *run) {
        _cleanup_strv_ char **jobs = NULL;
        Pass first = run->look_only ? PASS_CONCLUDE : PASS_FRESH;
        int r;

        r = list_jobs(run->settings->state_dir, &jobs);
        if (r < 0)
                return r;
        for (Pass pass = first; pass < _PASS_MAX; pass++) {
                run->result.next_attempt = USEC_INFINITY;
                for (char **job = jobs; job && *job; job++) {
                        _cleanup_error_ Error *error = NULL;
                        _cleanup_(visit_done) Visit v = { .run = run, .job = *job };
                        const char *text = NULL;

                        if (strv_contains(run->failed_jobs, *job))
                                continue;
                        r = visit(&v, pass, &text, &error);
                        if (r < 0 && r != -ENOMEM)
                                r = report_job_failure(run, *job, isempty(text) ? error_text(error, r) : text);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

int courier_run(const CourierSettings *settings, uint64_t now_usec, CourierResult *ret) {
        Run run = { .settings = settings, .now = now_usec, .unusable_for_all = true };
        int r;

        assert(mail_address_check(settings->from, NULL) == 0);
        if (settings->unusable) {
                run.unusable = strdup(settings->unusable);
                if (!run.unusable)
                        return -ENOMEM;
        }
        r = go(&run);
        free(run.unusable);
        strv_free(run.failed_jobs);
        if (r < 0)
                return r;
        *ret = run.result;
        return 0;
}

int courier_look(const CourierSettings *settings, uint64_t now_usec, CourierResult *ret) {
        Run run = { .settings = settings, .now = now_usec, .look_only = true };
        int r;

        r = go(&run);
        strv_free(run.failed_jobs);
        if (r < 0)
                return r;
        *ret = run.result;
        return 0;
}
