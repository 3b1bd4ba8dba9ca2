/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "cycle.h"

#include <errno.h>
#include <stdio.h>

#include "file-util.h"
#include "mapping.h"
#include "on-demand.h"
#include "outbox.h"
#include "preview.h"
#include "references.h"

/* The cycle from its lock to its last entry. The order is C2's; each step lives in a file of its own. */

/* E1: this many incomplete readings in a row quarantine the job. */
#define INCOMPLETE_LIMIT 3
/* Q10 */
#define DISABLE_AFTER_USEC (28 * USEC_PER_DAY)

/* ---- opening and closing ---- */

static void forget_reading(Cycle *c) {
        free(c->evaluated);
        free(c->buckets);
        c->evaluated = NULL;
        c->buckets = NULL;
        c->n_evaluated = c->n_evaluated_allocated = c->n_buckets = 0;
        link_set_done(&c->present);
        memset(c->n_read, 0, sizeof(c->n_read));
        c->kinds_unclear = c->ambiguous = false;
        c->n_doubles = 0;
        c->record.counts[COUNT_IMPORTED] = c->record.counts[COUNT_SKIPPED] = 0;
        c->incomplete_reason = error_free(c->incomplete_reason);
}

static void cycle_done(Cycle *c) {
        forget_reading(c);
        cycle_forget_assignment(c);
        strv_free(c->missing_groups);
        for (ObjectKind k = 0; k < _OBJECT_KIND_MAX; k++)
                json_object_put(c->claimed[k]);
        free(c->doubles);
        free(c->staged);
        free(c->escrow);
        free(c->holds);
        free(c->newly_absent);
        free(c->back);
        free(c->touched);
        link_set_done(&c->removed);
        link_set_done(&c->removed_new);
        link_set_done(&c->removed_allowed);
        link_set_done(&c->deleted);
        link_set_done(&c->unseen);
        link_set_done(&c->still_members);
        plan_free(c->plan);
        sealed_plan_free(c->sealed);
        snapshot_free(c->index);
        fingerprinter_free(c->fingerprinter);
        free(c->index_path);
        free(c->job_dir);
        source_free(c->source);
        target_free(c->target);
        ledger_free(c->ledger);
        job_state_done(&c->state);
        cycle_record_done(&c->record);
        arena_free(c->arena);
        arena_free(c->scratch);
        strbuf_done(&c->text);
        log_entry_done(&c->entry);
}

static int name_cycle(Cycle *c) {
        uint8_t id[16];
        _cleanup_free_ char *hex = NULL;
        int r;

        if (c->options->cycle_id) {
                (void) snprintf(c->record.id, sizeof(c->record.id), "%s", c->options->cycle_id);
                return 0;
        }
        r = random_bytes(id, sizeof(id));
        if (r < 0)
                return r;
        hex = hex_encode(id, sizeof(id));
        if (!hex)
                return -ENOMEM;
        memcpy(c->record.id, hex, 33);
        return 0;
}

static int cycle_init(Cycle *c, const CycleOptions *options, Ledger *ledger, Error **ret_error) {
        uint8_t secret[64];
        int r;

        c->options = options;
        c->config = options->config;
        c->ledger = ledger;
        c->now = clock_now();
        c->record.started = c->now;
        c->record.result = CYCLE_RUNNING;
        c->job_dir = job_state_dir(options->state_dir, c->config->name);
        if (!c->job_dir)
                return -ENOMEM;
        c->arena = arena_new_spilling(c->job_dir);
        c->scratch = arena_new();
        if (!c->arena || !c->scratch)
                return -ENOMEM;
        r = name_cycle(c);
        if (r < 0)
                return r;
        r = ledger_get_state(ledger, &c->state);
        if (r >= 0)
                r = ledger_get_secret(ledger, secret);
        if (r < 0)
                return error_set(ret_error, r, "Failed to read the ledger: %s", ledger_last_error(ledger));
        c->fingerprinter = fingerprinter_new(secret);
        explicit_bzero(secret, sizeof(secret));
        c->index_path = path_join(c->job_dir, "snapshot.index");
        return c->fingerprinter && c->index_path ? 0 : -ENOMEM;
}

static int count_links(Cycle *c, Error **ret_error) {
        for (ObjectKind k = 0; k < _OBJECT_KIND_MAX; k++) {
                int r = ledger_count_links(c->ledger, k, &c->n_links[k], &c->n_enabled[k]);

                if (r < 0)
                        return error_set(ret_error, r, "Failed to count the links: %s", ledger_last_error(c->ledger));
        }
        return 0;
}

/* Rows of the index are right only for the ledger, the configuration and the schema they were written with. */
static void fill_stamp(Cycle *c) {
        const char *schema = strempty(c->source->schema);

        c->stamp.generation = c->state.generation;
        memcpy(c->stamp.configuration, c->config->fingerprint, sizeof(c->stamp.configuration));
        c->stamp.schema = fingerprint(c->fingerprinter, 1, schema, strlen(schema));
        c->stamp.schema.hi ^= c->assignment.hi ^ c->assignment.lo;
        c->stamp.secret_check = fingerprint(c->fingerprinter, 2, c->config->name, strlen(c->config->name));
}

/* Does what becomes of a record depend on the day? */
static bool goes_by_time(const JobConfig *config) {
        unsigned uses = 0;

        for (ObjectKind k = 0; k < _OBJECT_KIND_MAX; k++)
                uses |= mapping_uses(config->map[k]);
        if (config->soft_deleted)
                uses |= expression_uses(config->soft_deleted);
        if (config->blocked)
                uses |= expression_uses(config->blocked);
        return uses & EXPRESSION_USES_TIME;
}

static int open_index(Cycle *c, bool full) {
        _cleanup_error_ Error *reason = NULL;
        int r;

        snapshot_free(c->index);
        c->index = NULL;
        c->full = true;
        fill_stamp(c);
        /* A value that depends on the day makes each record worth another look. */
        if (!full && !goes_by_time(c->config) && !c->configuration_changed && !c->state.full_requested) {
                r = snapshot_open(c->index_path, &c->stamp, &c->index, &reason);
                if (r < 0)
                        return r;
                if (r == 0) {
                        c->full = false;
                        return 0;
                }
                log_debug("Every record is evaluated: %s.", error_text(reason, -ENOENT));
        }
        c->index = snapshot_new_empty();
        return c->index ? 0 : -ENOMEM;
}

/* ---- the steps ---- */

static int read_source(Cycle *c, Error **ret_error) {
        int r;

        r = cycle_read_assignment(c, ret_error);
        if (r < 0)
                return r;
        r = open_index(c, c->on_demand);
        if (r < 0)
                return error_wrap(ret_error, r, "Failed to open the snapshot index");
        r = cycle_read(c, ret_error);
        if (r < 0 || c->stopped)
                return r;
        r = cycle_find_doubles(c);
        if (r < 0 || !c->ambiguous)
                return r < 0 ? error_wrap(ret_error, r, "Failed to look for repeated ids") : 0;

        /* Once in two thousand million records: only the whole source can tell which is which. */
        forget_reading(c);
        c->source = source_free(c->source);
        r = source_open(&c->config->source, &c->source, ret_error);
        if (r < 0)
                return error_wrap(ret_error, r, "Failed to open the source again");
        r = open_index(c, true);
        return r < 0 ? error_wrap(ret_error, r, "Failed to open the snapshot index") : cycle_read(c, ret_error);
}

static int judge(Cycle *c, Error **ret_error) {
        int r;

        r = guard_judge(TAKE_PTR(c->plan), &c->config->limits, &c->situation, &c->sealed, &c->verdict);
        if (r < 0)
                return error_wrap(ret_error, r, "Failed to judge the plan");
        c->record.counts[COUNT_COUNTED] = c->verdict.counted;
        c->record.counts[COUNT_LIMIT] = c->verdict.limit;
        c->record.counts[COUNT_POPULATION] = c->verdict.population;
        (void) snprintf(c->record.verdict, sizeof(c->record.verdict), "%s", guard_reason_to_string(c->verdict.reason));
        for (size_t i = 0; i < sealed_plan_size(c->sealed); i++) {
                Fate fate;

                (void) sealed_plan_get(c->sealed, i, &fate);
                if (fate == FATE_HELD)
                        c->record.counts[COUNT_HELD]++;
                else if (fate == FATE_WAIT || fate == FATE_WITHHELD)
                        c->record.counts[COUNT_SKIPPED]++;
        }
        return 0;
}

/* A step that looks things up in the ledger one by one. In one view of it, else each look has a lock of its own. */
static int run_reading(Cycle *c, int (*step)(Cycle *c, Error **ret_error), Error **ret_error) {
        int r;

        r = ledger_begin_read(c->ledger);
        if (r < 0)
                return error_set(ret_error, r, "Failed to read the ledger: %s", ledger_last_error(c->ledger));
        r = step(c, ret_error);
        ledger_rollback(c->ledger);
        return r;
}

/* From the source to the verdict: what a cycle and its preview share (C7). */
static int prepare(Cycle *c, Error **ret_error) {
        int r;

        r = count_links(c, ret_error);
        if (r < 0)
                return r;
        r = run_reading(c, read_source, ret_error);
        if (r < 0 || c->stopped)
                return r;
        /* A view of its own: what was decided while the source was read counts. */
        r = run_reading(c, cycle_plan, ret_error);
        if (r < 0)
                return r;
        return judge(c, ret_error);
}

static int open_systems(Cycle *c, Error **ret_error) {
        int r;

        r = source_open(&c->config->source, &c->source, ret_error);
        if (r < 0)
                return error_wrap(ret_error, r, "Failed to open the source");
        r = target_open(&c->config->target, &c->target, ret_error);
        if (r < 0)
                return error_wrap(ret_error, r, "Failed to open the target");
        r = target_writable(c->target, ret_error);
        if (r >= 0)
                r = cycle_check_mark(c, ret_error);
        return r < 0 ? error_wrap(ret_error, r, "Failed to open the target") : 0;
}

static int compare_u64(const void *a, const void *b) {
        uint64_t x = *(const uint64_t *) a, y = *(const uint64_t *) b;

        return x < y ? -1 : x > y;
}

/* A fingerprint is stored only once its record's effect is committed, so this is the very last step. */
static int write_index(Cycle *c, Error **ret_error) {
        JobState state = {};
        int r;

        for (size_t i = 0; i < c->n_evaluated; i++) {
                const Evaluated *e = &c->evaluated[i];

                if (e->invalid || e->unsettled || e->pending > 0) {
                        r = snapshot_unsettle(c->index, e->record, e->link);
                        if (r < 0)
                                return r;
                        continue;
                }
                r = snapshot_settle(c->index, e->record, e->link != 0 ? e->link : cycle_unlinked(c, e->kind, e->source_id));
                if (r < 0)
                        return r;
        }
        if (c->n_touched > 0) {
                qsort(c->touched, c->n_touched, sizeof(*c->touched), compare_u64);
                r = snapshot_forget_links(c->index, c->touched, c->n_touched);
                if (r < 0)
                        return r;
        }
        r = ledger_get_state(c->ledger, &state);
        if (r < 0)
                return error_set(ret_error, r, "Failed to read the ledger: %s", ledger_last_error(c->ledger));
        c->stamp.generation = state.generation;
        job_state_done(&state);
        if (!c->full && c->stamp.generation == c->state.generation && snapshot_is_identical(c->index))
                return 0;
        r = snapshot_write(c->index, c->index_path, &c->stamp);
        return r < 0 ? error_wrap(ret_error, r, "Failed to write %s", c->index_path) : 0;
}

static int run_steps(Cycle *c, Error **ret_error) {
        int r;

        r = open_systems(c, ret_error);
        if (r < 0)
                return r;
        r = cycle_recover(c, ret_error);
        if (r >= 0 && c->state.full_requested)
                r = cycle_forget_vanished(c, ret_error);
        if (r < 0)
                return r;
        r = cycle_expire_approvals(c, ret_error);
        if (r < 0)
                return r;
        r = prepare(c, ret_error);
        if (r < 0 || c->stopped)
                return r;
        if (!c->complete)
                cycle_log_incomplete(c);
        else
                cycle_log_missing_groups(c);
        if (c->restored)
                cycle_log_restored(c);
        cycle_log_verdict(c);
        cycle_log_group_losses(c);
        r = cycle_stage(c, ret_error);
        if (r < 0)
                return r;
        r = cycle_apply(c, ret_error);
        if (r < 0 || c->stopped)
                return r;
        r = cycle_settle_references(c, ret_error);
        if (r < 0 || !c->complete)
                return r;
        r = write_index(c, ret_error);
        return r < 0 ? r : cycle_renew_mark(c, ret_error);
}

/* ---- what it all means for the job ---- */

/* X2, and its last sentence. */
static bool too_many_failures(const Cycle *c) {
        uint64_t own = c->n_refused - c->n_refused_references;

        if (own > 40000 || (own >= 5000 && own * 100 > c->n_tried * 40) || c->n_refused > 60000)
                return true;
        return c->n_tried >= 10 && c->n_refused == c->n_tried;
}

/* Q10: 6 h, 12 h, 24 h, then daily. */
static uint64_t next_attempt(uint64_t now, uint32_t count) {
        return now + (count == 0 ? 6 : count == 1 ? 12 : 24) * USEC_PER_HOUR;
}

static int set_message(Cycle *c, const char *text) {
        return free_and_strdup(&c->state.quarantine_message, text);
}

/* A quarantine by failure. One that a person must decide stands above it and stays. */
static int fail(Cycle *c, QuarantineReason reason, const char *text, int *ret_mail) {
        JobState *s = &c->state;
        uint64_t disable_at;

        if (quarantine_reason_is_review(s->quarantine))
                return 0;
        if (s->quarantine != reason) {
                if (s->quarantine == QUARANTINE_NONE)
                        s->quarantine_since = c->now;
                s->quarantine = reason;
                s->quarantine_count = 0;
                *ret_mail = OUTBOX_QUARANTINED;
        } else
                s->quarantine_count++;
        s->next_attempt = next_attempt(c->now, s->quarantine_count);
        disable_at = s->quarantine_since + DISABLE_AFTER_USEC;
        if (c->now >= disable_at && !s->disabled) {
                s->disabled = true;
                *ret_mail = OUTBOX_JOB_DISABLED;
        } else if (outbox_disable_soon_due(s, disable_at, c->now))
                *ret_mail = OUTBOX_JOB_DISABLE_SOON;
        return set_message(c, text);
}

static void lift(JobState *s) {
        s->quarantine = QUARANTINE_NONE;
        free(s->quarantine_message);
        s->quarantine_message = NULL;
        s->quarantine_since = s->next_attempt = 0;
        s->quarantine_count = 0;
        s->mailed_staged = s->mailed_at = 0;
        s->warned_at = 0;
}

/* What becomes of the job's state; says how a quarantine was lifted, or what has to be mailed. */
static int settle_state(Cycle *c, int result, const Error *error, const StagedCounts *counts, const char **ret_how,
                        int *ret_mail) {
        JobState *s = &c->state;

        /* A Restart in the middle of a cycle asks for another one. */
        if (result >= 0 && !c->stopped && c->complete && c->full)
                s->full_requested = false;
        if (c->stopped)
                return 0;
        /* X3 */
        if (result < 0 && error && streq_ptr(error->id, "InvalidCredentials"))
                return fail(c, QUARANTINE_INVALID_CREDENTIALS, error_text(error, result), ret_mail);
        /* A source that cannot even be opened has not been read whole either. */
        if (result < 0 ? error && error->scope == ERROR_SCOPE_SOURCE : !c->complete) {
                s->incomplete_in_a_row++;
                return s->incomplete_in_a_row >= INCOMPLETE_LIMIT
                               ? fail(c, QUARANTINE_INGESTION_INTERRUPTED,
                                      result < 0 ? error_text(error, result) : error_text(c->incomplete_reason, -EBADMSG),
                                      ret_mail)
                               : 0;
        }
        if (result < 0)
                return 0;
        s->incomplete_in_a_row = 0;
        if (too_many_failures(c))
                return fail(c, QUARANTINE_ESCROW, "the target refused too many changes of one cycle", ret_mail);
        if (s->quarantine == QUARANTINE_NONE)
                return 0;
        if (quarantine_reason_is_review(s->quarantine) && counts->undecided > 0) {
                s->quarantine_count++;
                return 0;
        }
        /* Allowed in the middle of this cycle: the next one carries it out, and lifts the quarantine (Q4). */
        if (quarantine_reason_is_review(s->quarantine) && counts->allowed > 0 && c->n_allowed == 0)
                return 0;
        *ret_how = !quarantine_reason_is_review(s->quarantine) ? "recovered" : c->n_allowed > 0 ? "allowed" : "healed";
        return 0;
}

static int queue_mail(Cycle *c, const char *how, int mail, const char *review) {
        int r = 0;

        if (mail != _OUTBOX_EVENT_INVALID)
                r = outbox_queue_state(c->ledger, c->config, &c->state, (OutboxEvent) mail,
                                       c->state.quarantine_since + DISABLE_AFTER_USEC, c->now);
        else if (how && streq(how, "healed"))
                r = outbox_queue_closed(c->ledger, c->config, &c->state, OUTBOX_HEALED, review,
                                        c->record.counts[COUNT_HEALED], c->now);
        else if (how && streq(how, "recovered"))
                r = outbox_queue_state(c->ledger, c->config, &c->state, OUTBOX_RECOVERED, 0, c->now);
        return r < 0 ? r : 0;
}

static CycleResult result_of(const Cycle *c, int result, const StagedCounts *counts) {
        if (result < 0)
                return CYCLE_FAILED;
        if (c->stopped)
                return CYCLE_STOPPED;
        if (!c->complete)
                return CYCLE_INCOMPLETE;
        return counts->undecided > 0 ? CYCLE_STAGED : CYCLE_SUCCESS;
}

/* The last transaction: record, state and mail together (N2). */
static int record_end(Cycle *c, int result, const Error *error, bool *ret_entered, bool *ret_disabled, const char **ret_how) {
        int mail = _OUTBOX_EVENT_INVALID, r;
        QuarantineReason before;
        char review[17] = "";
        StagedCounts counts;

        r = ledger_begin(c->ledger);
        if (r < 0)
                return r;
        /* A decision may have come in the meantime: the state is the ledger's, not the one from the beginning. */
        job_state_done(&c->state);
        r = ledger_get_state(c->ledger, &c->state);
        if (r >= 0)
                r = ledger_count_staged(c->ledger, &counts);
        if (r < 0)
                return r;
        before = c->state.quarantine;
        c->record.counts[COUNT_STAGED] = counts.undecided;
        c->record.result = result_of(c, result, &counts);
        if (result < 0 || !c->complete) {
                free(c->record.error);
                c->record.error = strdup(result < 0 ? error_text(error, result)
                                                    : error_text(c->incomplete_reason, -EBADMSG));
                if (!c->record.error)
                        return -ENOMEM;
        }
        r = settle_state(c, result, error, &counts, ret_how, &mail);
        if (r < 0)
                return r;
        *ret_entered = before != c->state.quarantine;
        *ret_disabled = mail == OUTBOX_JOB_DISABLED;
        if (*ret_how && quarantine_reason_is_review(c->state.quarantine)) {
                r = ledger_current_review(c->ledger, review, NULL, NULL);
                if (r >= 0)
                        r = ledger_close_reviews(c->ledger, *ret_how, c->now);
                if (r < 0)
                        return r;
        }
        r = queue_mail(c, *ret_how, mail, review[0] ? review : NULL);
        if (r < 0)
                return r;
        if (*ret_how) {
                cycle_log_quarantine(c, false, *ret_how);
                lift(&c->state);
        }
        r = ledger_set_state(c->ledger, &c->state);
        if (r < 0)
                return r;
        c->record.finished = clock_now();
        return ledger_finish_cycle(c->ledger, &c->record);
}

static int finish(Cycle *c, int result, const Error *error, Error **ret_error) {
        const char *how = NULL;
        bool entered = false, disabled = false;
        int r;

        r = record_end(c, result, error, &entered, &disabled, &how);
        if (r >= 0)
                r = ledger_commit(c->ledger);
        if (r < 0) {
                ledger_rollback(c->ledger);
                c->record.result = CYCLE_FAILED;
                c->record.finished = clock_now();
                if (!c->record.error)
                        c->record.error = strdup(ledger_last_error(c->ledger));
        }
        if (r >= 0 && entered)
                cycle_log_quarantine(c, true, NULL);
        if (r >= 0 && disabled)
                cycle_log_disabled(c);
        cycle_log_finished(c);
        return r < 0 ? error_set(ret_error, r, "Failed to record the end of the cycle: %s", ledger_last_error(c->ledger)) : 0;
}

static int begin_record(Cycle *c, Error **ret_error) {
        int r;

        r = ledger_begin(c->ledger);
        if (r >= 0)
                r = ledger_begin_cycle(c->ledger, &c->record);
        if (r >= 0)
                r = ledger_commit(c->ledger);
        if (r < 0) {
                ledger_rollback(c->ledger);
                return error_set(ret_error, r, "Failed to record the beginning of the cycle: %s",
                                 ledger_last_error(c->ledger));
        }
        return 0;
}

/* The lock, the ledger, and whether the job may run at all. */
static int open_cycle(Cycle *c, const CycleOptions *options, int *ret_lock, Error **ret_error) {
        Ledger *ledger = NULL;
        int lock, r;

        lock = job_lock(options->state_dir, options->config->name);
        if (lock == -EAGAIN)
                return CYCLE_E_BUSY;
        if (lock < 0)
                return error_set(ret_error, lock, "Failed to lock job \"%s\" in %s: %s", options->config->name,
                                 options->state_dir, strerror(-lock));
        *ret_lock = lock;
        r = ledger_open(options->state_dir, options->config->name, LEDGER_READ_WRITE, &ledger, ret_error);
        if (r < 0)
                return r;
        r = cycle_init(c, options, ledger, ret_error);
        if (r < 0)
                return r;
        if (c->state.disabled)
                return CYCLE_E_DISABLED;
        c->configuration_changed = c->state.fingerprint[0] != '\0' &&
                                   !streq(c->state.fingerprint, options->config->fingerprint);
        return 0;
}

int cycle_run(const CycleOptions *options, CycleRecord *ret, Error **ret_error) {
        _cleanup_close_ int lock = -1;
        _cleanup_(cycle_done) Cycle c = {};
        _cleanup_error_ Error *error = NULL;
        int r;

        r = open_cycle(&c, options, &lock, ret_error);
        if (r != 0)
                return r;
        r = begin_record(&c, ret_error);
        if (r < 0)
                return r;
        cycle_log_started(&c);
        if (options->started)
                options->started(c.record.id, options->userdata);
        r = run_steps(&c, &error);
        r = finish(&c, r, error, ret_error);
        if (r < 0)
                return r;

        *ret = c.record;
        c.record.error = NULL;
        return 0;
}

/* ---- on demand ---- */

int cycle_on_demand(const CycleOptions *options, ObjectKind kind, const char *source_id, int fd, Error **ret_error) {
        _cleanup_close_ int lock = -1;
        _cleanup_(cycle_done) Cycle c = { .on_demand = true };
        int r;

        r = open_cycle(&c, options, &lock, ret_error);
        if (r != 0)
                return r;
        r = open_systems(&c, ret_error);
        if (r >= 0)
                r = cycle_recover(&c, ret_error);
        if (r >= 0)
                r = cycle_expire_approvals(&c, ret_error);
        if (r >= 0)
                r = prepare(&c, ret_error);
        if (r >= 0 && c.stopped)
                r = error_set(ret_error, -ECANCELED, "it was asked to stop");
        return r < 0 ? r : on_demand_run(&c, kind, source_id, fd, ret_error);
}

/* ---- preview ---- */

static int refuse_interrupted(const Intent *i, void *userdata) {
        return -EUCLEAN;
}

/* A job that has never run has no ledger: an empty one in a folder of its own stands in for it. */
static int open_for_preview(const CycleOptions *options, char **ret_scratch, Ledger **ret, Error **ret_error) {
        const char *tmp = secure_getenv("TMPDIR");
        _cleanup_free_ char *dir = NULL;
        int r;

        r = ledger_open(options->state_dir, options->config->name, LEDGER_READ_ONLY, ret, ret_error);
        if (r != -ENOENT)
                return r;
        if (asprintf(&dir, "%s/reprieve-preview-XXXXXX", tmp ?: "/tmp") < 0) {
                dir = NULL;
                return -ENOMEM;
        }
        if (!mkdtemp(dir))
                return error_set(ret_error, -errno, "Failed to make a folder for a preview at %s: %m", dir);
        *ret_scratch = TAKE_PTR(dir);
        return ledger_open(*ret_scratch, options->config->name, LEDGER_READ_WRITE, ret, ret_error);
}

static int preview(Cycle *c, int fd, Error **ret_error) {
        int r;

        r = open_systems(c, ret_error);
        if (r < 0)
                return r;
        r = ledger_scan_intents(c->ledger, refuse_interrupted, NULL);
        if (r == -EUCLEAN)
                return error_set(ret_error, r, "A cycle of job \"%s\" was interrupted and has to be finished first: run one",
                                 c->config->name);
        if (r < 0)
                return r;
        r = prepare(c, ret_error);
        if (r >= 0 && c->stopped)
                r = error_set(ret_error, -ECANCELED, "it was asked to stop");
        return r < 0 ? r : preview_write(c, fd, ret_error);
}

int cycle_preview(const CycleOptions *options, int fd, Error **ret_error) {
        _cleanup_(cycle_done) Cycle c = { .preview = true };
        _cleanup_free_ char *scratch = NULL;
        Ledger *ledger = NULL;
        int r;

        r = open_for_preview(options, &scratch, &ledger, ret_error);
        if (r >= 0)
                r = cycle_init(&c, options, ledger, ret_error);
        if (r >= 0) {
                c.configuration_changed = c.state.fingerprint[0] != '\0' &&
                                          !streq(c.state.fingerprint, options->config->fingerprint);
                r = preview(&c, fd, ret_error);
        }
        if (scratch) {
                (void) ledger_remove(scratch, options->config->name);
                _cleanup_free_ char *jobs = path_join(scratch, "jobs");
                if (jobs)
                        (void) rmdir(jobs);
                (void) rmdir(scratch);
        }
        return r;
}
