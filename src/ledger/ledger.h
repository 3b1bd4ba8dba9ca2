/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Everything one job remembers: links, memberships, staged removals, reviews, holds, decisions, intents, escrow, cycles,
 * mail to send. SQLite in WAL mode, one file a job; two processes may have it open (a cycle and the service). Knows no
 * rule: what becomes of a removal is decided by guard and engine, and recorded here. Nothing is logged here.
 *
 * Strings handed out in structs are borrowed until the callback returns, unless a struct has a _done(). Numbers are kept
 * as SQLite keeps them, in 63 bits: UINT64_MAX ("no limit", "never") comes back as such, nothing else above INT64_MAX does.
 * Lists are ordered bytewise; "by kind" means users before groups. A callback may use the ledger, also to write; whether
 * a scan still meets a row that was changed while it ran is open. One thread at a time. */

#include <stdbool.h>
#include <stdint.h>

#include "change.h"
#include "error.h"

typedef struct Ledger Ledger;

/* Positive conditions */
enum {
        LEDGER_E_NOT_FOUND = 1,
        LEDGER_E_NO_SUCH_REVIEW,  /* unknown or decided (Q4) */
        LEDGER_E_NOT_STAGED,      /* a named object is not in the set under that review */
};

typedef enum LedgerMode {
        LEDGER_READ_ONLY,         /* -ENOENT if there is none yet */
        LEDGER_READ_WRITE,        /* made or migrated as needed */
} LedgerMode;

/**
 * ledger_open() - STATE_DIR/jobs/JOB/ledger.db
 *
 * Errors: -ENOENT; -EBADMSG corrupt ("… is damaged: …; restore it from a backup or move it away"), -EUCLEAN made by a newer
 * version (read-only: also by an older one, which only a writer may bring up to date); -EBUSY locked for longer than 30 s;
 * -ENOSPC; errno. The Error names the file and what to do.
 * The same codes may come from every function below; a failed transaction leaves the ledger as it was: after such an error
 * every write and the commit repeat it until ledger_rollback(). -EEXIST, -ENOENT and positive conditions break nothing.
 *
 * Read-only works beside a writer. Where the folder cannot be written either (a read-only file system, a mounted backup)
 * it works as long as no writer is active, and shows the ledger as it was when it was opened.
 */
int ledger_open(const char *state_dir, const char *job, LedgerMode mode, Ledger **ret, Error **ret_error);
/** ledger_open_to_look() - read-only, for those who may write as well: a ledger of an older version is brought up to date first */
int ledger_open_to_look(const char *state_dir, const char *job, Ledger **ret, Error **ret_error);
Ledger *ledger_free(Ledger *l);
DEFINE_CLEANUP(Ledger *, ledger_free)
/** ledger_last_error() - the text behind the last failure of a function without ret_error; borrowed */
const char *ledger_last_error(Ledger *l);
/** ledger_remove() - a job's whole state folder; none is fine. Never half: what is left after a kill is not read again.
 * Errors: errno. */
int ledger_remove(const char *state_dir, const char *job);

/* Everything between is one durable transaction (or one consistent view, when nothing is written). ledger_begin()
 * takes the write lock at once; ledger_begin_read() does not. Every writing function needs an open ledger_begin(). */
int ledger_begin(Ledger *l);
int ledger_begin_read(Ledger *l);
int ledger_commit(Ledger *l);
/** ledger_commit_to_log() - ledger_commit(), as durable, but the log is not carried over into the file: for rows that the
 * next transaction takes back */
int ledger_commit_to_log(Ledger *l);
void ledger_rollback(Ledger *l);

/* ---- the job's own state: one row ---- */

typedef enum QuarantineReason {
        QUARANTINE_NONE,
        QUARANTINE_TOO_MANY_DELETES,
        QUARANTINE_EMPTY_SOURCE,
        QUARANTINE_CONFIGURATION_CHANGED,
        QUARANTINE_INGESTION_INTERRUPTED,
        QUARANTINE_INVALID_CREDENTIALS,
        QUARANTINE_ESCROW,
        _QUARANTINE_REASON_MAX,
        _QUARANTINE_REASON_INVALID = -22,
} QuarantineReason;

/* "", "TooManyDeletes", "EmptySource", "ConfigurationChanged", "IngestionInterrupted", "InvalidCredentials",
 * "EncounteredEscrowThreshold" */
const char *quarantine_reason_to_string(QuarantineReason r);
QuarantineReason quarantine_reason_from_string(const char *s);
/** quarantine_reason_is_review() - the first three: somebody must decide, and time never does (Q3, Q10) */
bool quarantine_reason_is_review(QuarantineReason r);

typedef struct JobState {
        bool paused, disabled;
        uint64_t generation;              /* another, never used before, with each commit that changed links or memberships */
        char fingerprint[33];             /* of the configuration the ledger was last brought in line with (E4) */
        uint32_t kinds;                   /* OBJECT_KIND_MASK last provisioned */
        QuarantineReason quarantine;
        char *quarantine_message;
        uint64_t quarantine_since;
        uint32_t quarantine_count;        /* how often re-evaluated and kept */
        uint64_t next_attempt;            /* of a failing quarantine; 0 = the normal rhythm */
        uint32_t incomplete_in_a_row;     /* E1 */
        char *notification_problem;       /* N4 */
        uint64_t mailed_staged;           /* size of the staged set when last mailed (N1) */
        uint64_t mailed_at;               /* when the last review mail was queued (N1) */
        uint64_t warned_at;               /* when its people were told that the job will be disabled (Q10) */
        char *mail_thread;                /* message id of the first mail of this review: what the others refer to */
        bool full_requested;              /* Restart: evaluate everything afresh */
} JobState;

void job_state_done(JobState *s);
#define _cleanup_job_state_ _cleanup_(job_state_done)
int ledger_get_state(Ledger *l, JobState *ret);
/** ledger_set_state() - writes all fields but generation */
int ledger_set_state(Ledger *l, const JobState *s);
/** ledger_get_secret() - 64 random bytes made with the ledger: the key of the snapshot index */
int ledger_get_secret(Ledger *l, uint8_t ret[static 64]);

/* ---- the mark ---- */

#define LEDGER_MARK_SIZE 33

/* 32 hex digits, or "", which the target keeps for the job: a ledger and a target with different ones are not from the same
 * time, because one of them was restored from a backup (E4). */
typedef struct LedgerMark {
        char now[LEDGER_MARK_SIZE];
        char before[LEDGER_MARK_SIZE];    /* as good: whoever was killed between ledger and target has left it there */
        bool current;                     /* no link, no review and no decision has changed since it was made */
} LedgerMark;

int ledger_get_mark(Ledger *l, LedgerMark *ret);
/** ledger_set_mark() - for the ledger as it is; in a transaction that changes nothing else */
int ledger_set_mark(Ledger *l, const char *now, const char *before);

/* ---- links ---- */

typedef struct Link {
        uint64_t id;                      /* small positive integers, never used again; fits 31 bits */
        ObjectKind kind;
        const char *source_id, *target_id, *display_name;
        const char *written;              /* canonical JSON of the attributes last written */
        bool disabled;                    /* by us (R3) */
        bool absent;                      /* was not in the last complete reading, or kept out of scope */
        uint64_t disabled_at;
        Cause disabled_cause;
        uint64_t disabled_by;             /* Decision's seq; 0: nobody had to decide */
} Link;

/** ledger_add_link() - Errors: -EEXIST if the source id or the target id is linked already. @l->id is ignored. */
int ledger_add_link(Ledger *l, const Link *link, uint64_t *ret_id);
/** ledger_update_link() - writes everything but kind and source id. Errors: -ENOENT, -EEXIST as above. */
int ledger_update_link(Ledger *l, const Link *link);
/** ledger_set_absent() - the flag alone. It moves the generation on: to an index from before, whoever has come back meanwhile
 * would be unchanged, and to the flag still gone. Errors: -ENOENT. */
int ledger_set_absent(Ledger *l, uint64_t link, bool absent);
/** ledger_remove_link() - with its memberships, references from and to it, staged rows, hold and escrow. Errors: -ENOENT. */
int ledger_remove_link(Ledger *l, uint64_t link);

/* A link copied into an arena, for what outlives the statement. */
int ledger_get_link(Ledger *l, uint64_t id, Arena *arena, Link *ret);                  /* LEDGER_E_NOT_FOUND */
int ledger_find_link(Ledger *l, ObjectKind kind, const char *source_id, Arena *arena, Link *ret);
/** ledger_find_id() - the link's id alone, for resolving members; LEDGER_E_NOT_FOUND */
int ledger_find_id(Ledger *l, ObjectKind kind, const char *source_id, uint64_t *ret);
int ledger_find_target(Ledger *l, ObjectKind kind, const char *target_id, Arena *arena, Link *ret);

/** ledger_get_disabling() - what is known of a disabled link, copied into @arena; LEDGER_E_NOT_FOUND: it is not disabled */
int ledger_get_disabling(Ledger *l, uint64_t link, Arena *arena, Disabling *ret);

typedef int (*LedgerLinkFunc)(const Link *link, void *userdata);  /* < 0 stops and is returned */
/** ledger_scan_links() - every link of @kind, ordered by source id; @only_absent: those alone */
int ledger_scan_links(Ledger *l, ObjectKind kind, bool only_absent, LedgerLinkFunc f, void *userdata);

/** ledger_count_links() - all, and those not disabled (the guard's population) */
int ledger_count_links(Ledger *l, ObjectKind kind, uint64_t *ret_all, uint64_t *ret_enabled);

/* ---- memberships last written ---- */

typedef int (*LedgerIdFunc)(uint64_t id, void *userdata);
int ledger_scan_members(Ledger *l, uint64_t group, LedgerIdFunc f, void *userdata);   /* member links, ascending */
int ledger_scan_groups_of(Ledger *l, uint64_t member, LedgerIdFunc f, void *userdata);
/* Adding what is there and removing what is not is fine, and no change (generation). */
int ledger_add_member(Ledger *l, uint64_t group, uint64_t member);
int ledger_remove_member(Ledger *l, uint64_t group, uint64_t member);

/* ---- references: what an object names besides its members ----
 *
 * Who is named so must be known when he goes, and who was looked for in vain, so that it is reported once. They are no part of
 * what a generation stands for. */

/* @referenced: the link; 0: there is none, the reference is unresolved. */
typedef int (*LedgerReferenceFunc)(const char *attribute, const char *source_id, uint64_t referenced, void *userdata);
/** ledger_scan_references() - those of @holder, ordered by attribute, then source id */
int ledger_scan_references(Ledger *l, uint64_t holder, LedgerReferenceFunc f, void *userdata);
/** ledger_scan_referrers() - the links that name @referenced, ascending */
int ledger_scan_referrers(Ledger *l, uint64_t referenced, LedgerIdFunc f, void *userdata);
/** ledger_put_reference() - a new one, or @referenced of one that is there */
int ledger_put_reference(Ledger *l, uint64_t holder, const char *attribute, const char *source_id, uint64_t referenced);
/** ledger_clear_references() - all of @holder; 0: of everybody */
int ledger_clear_references(Ledger *l, uint64_t holder);
/** ledger_has_references() - does anybody have one? */
int ledger_has_references(Ledger *l, bool *ret);

/* ---- staged removals and reviews ---- */

typedef enum StagedState {
        STAGED_UNDECIDED,
        STAGED_ALLOWED,           /* to be carried out by the next cycle (Q5) */
        STAGED_REJUDGE,           /* joined after the review that was decided: the next cycle judges it anew (Q4, Q7) */
} StagedState;

typedef struct Staged {
        uint64_t link;            /* 0 for a withheld Create */
        ObjectKind kind;
        const char *source_id, *target_id, *display_name;
        ChangeAction action;      /* Disable, Delete; Members for a membership removal; Create, Update (G7) */
        Cause cause;
        uint64_t staged_at;
        const char *change_id;
        StagedState state;
        uint64_t joined;          /* ordinal of the review under which it joined */
        uint64_t allowed_at;      /* Q5 */
        uint64_t member;          /* Members: link of the member */
        uint64_t decision;        /* ALLOWED: seq of the decision */
        Disabling disabled;       /* Delete: when the job had disabled it; @at 0: it had not. Not written, but looked up */
} Staged;

/**
 * ledger_stage() - a row of the set; call ledger_open_review() afterwards, in the same transaction
 *
 * The set has one row an object, and one for each membership of a group that is withheld (@s->member). A row that is
 * there, undecided and of the same action and cause stays as it is, with its time and its review. Any other is replaced and
 * joins anew: it is a new removal, which no earlier id names. @s->state, @s->joined, @s->allowed_at, @s->decision
 * and @s->disabled are ignored.
 */
int ledger_stage(Ledger *l, const Staged *s);
/** ledger_unstage() - take out one object's own row (healed, carried out); withheld memberships of a group stay */
int ledger_unstage(Ledger *l, uint64_t link, ObjectKind kind, const char *source_id);
/** ledger_unstage_member() - take out one membership of a group */
int ledger_unstage_member(Ledger *l, uint64_t group, uint64_t member);
int ledger_clear_staged(Ledger *l);
/** ledger_reset_allowed() - what was not allowed within [@from, @until] is undecided again: expired, or with an empty span void
 * (Q5). It joins anew, so that no earlier id names it: call ledger_open_review() afterwards, in the same transaction. */
int ledger_reset_allowed(Ledger *l, uint64_t from, uint64_t until, uint64_t *ret_n);

typedef int (*LedgerStagedFunc)(const Staged *s, void *userdata);
/** ledger_scan_staged() - ordered by kind, then source id; @limit 0: all */
int ledger_scan_staged(Ledger *l, uint64_t offset, uint64_t limit, LedgerStagedFunc f, void *userdata);

typedef struct StagedCounts {
        uint64_t undecided, allowed, rejudge;
        uint64_t deletes, actions;        /* of the undecided: Delete; anything else */
        uint64_t since;                   /* of the oldest undecided */
} StagedCounts;
int ledger_count_staged(Ledger *l, StagedCounts *ret);
/* Of the undecided, the largest count first. */
typedef int (*LedgerSummaryFunc)(Cause cause, ObjectKind kind, ChangeAction action, uint64_t count, void *userdata);
int ledger_summarize_staged(Ledger *l, LedgerSummaryFunc f, void *userdata);
/* Of the undecided, those that had been disabled before, by who allowed that: how many, and when the first and the last of
 * them were disabled. The largest count first. */
typedef int (*LedgerSecondWaveFunc)(uint64_t count, const Disabling *first, uint64_t last_at, void *userdata);
int ledger_summarize_second_wave(Ledger *l, LedgerSecondWaveFunc f, void *userdata);

/* Groups some of whose memberships are withheld, the largest number first: how many, and how many members the group has. */
typedef int (*LedgerGroupLossFunc)(const char *source_id, const char *display_name, uint64_t lost, uint64_t members, void *userdata);
int ledger_summarize_group_losses(Ledger *l, LedgerGroupLossFunc f, void *userdata);

/**
 * ledger_open_review() - give the set a new id because it has grown (Q, "review")
 * @ret_id: 16 hex digits and NUL
 *
 * Rows staged since the last call belong to the new id and to every later one; older ids stay valid for what they named.
 */
int ledger_open_review(Ledger *l, QuarantineReason reason, uint64_t now_usec, char ret_id[static 17]);
/** ledger_current_review() - id of the newest undecided review; LEDGER_E_NOT_FOUND. @ret_opened_at of its first id */
int ledger_current_review(Ledger *l, char ret_id[static 17], QuarantineReason *ret_reason, uint64_t *ret_opened_at);
/** ledger_close_reviews() - every undecided id is decided: "healed", "restarted", "expired" */
int ledger_close_reviews(Ledger *l, const char *how, uint64_t now_usec);

typedef struct Decision {
        const char *verb;         /* "allow", "reject", "release" */
        const char *review;       /* NULL for release */
        const char *comment;
        uint64_t uid;
        const char *user;         /* name of the uid, or its number */
        uint64_t at;
} Decision;

typedef struct ObjectName {       /* kind and source id, as AllowSelected has them */
        ObjectKind kind;
        const char *source_id;
} ObjectName;

/**
 * ledger_allow() / ledger_reject() - Q4, Q6, Q7, within the caller's transaction: what follows from the decision, its
 * mail for one (N2), belongs into the same
 * @objects: NULL for all that the review names; else only these: a selection of none is not NULL, and decides nothing
 * @approvers: how many different uids must have decided the same before it counts (Approvers=); 1 = at once
 * @ret_decided: rows that this decision took effect on; 0 while another person is still needed (*ret_missing > 0)
 * @ret_joined_later: rows of the set that this id does not name
 *
 * Whole review: its rows become ALLOWED (or leave, with a hold each), what joined later becomes REJUDGE, all its ids are decided.
 * Selected: the named rows alone; the review stays open unless nothing undecided is left. One that is not named refuses all.
 * A rejected Create or Update that waited for a name (G7) leaves without a hold: there is nothing to keep.
 * @f (may be NULL) is called for each row that was decided, for the journal; what it answers < 0 is the result.
 * Errors: LEDGER_E_NO_SUCH_REVIEW; LEDGER_E_NOT_STAGED; any result but 0 may have written a part: roll back.
 */
int ledger_allow(Ledger *l, const Decision *d, const ObjectName *objects, size_t n_objects, unsigned approvers,
                 LedgerStagedFunc f, void *userdata, uint64_t *ret_decided, uint64_t *ret_joined_later,
                 unsigned *ret_missing);
int ledger_reject(Ledger *l, const Decision *d, const ObjectName *objects, size_t n_objects, unsigned approvers,
                  LedgerStagedFunc f, void *userdata, uint64_t *ret_decided, uint64_t *ret_joined_later,
                  unsigned *ret_missing);

/** ledger_add_decision() - the record of a decision that no function above makes: a Release, of @n objects (Q9) */
int ledger_add_decision(Ledger *l, const Decision *d, uint64_t n);
typedef int (*LedgerDecisionFunc)(const Decision *d, uint64_t n, void *userdata);
/** ledger_scan_decisions() - newest first, at most @limit (0: all); one that waits for another person has @n 0 */
int ledger_scan_decisions(Ledger *l, uint64_t limit, LedgerDecisionFunc f, void *userdata);

/* ---- holds ---- */

typedef struct Hold {
        uint64_t link;
        ObjectKind kind;
        const char *source_id, *target_id, *display_name;
        Cause cause;
        uint64_t since;
        const char *by, *comment;
        uint64_t member;          /* only this member of the group is kept in it, by link (G5); 0: the object is kept */
} Hold;

typedef int (*LedgerHoldFunc)(const Hold *h, void *userdata);
int ledger_scan_holds(Ledger *l, uint64_t offset, uint64_t limit, LedgerHoldFunc f, void *userdata);
int ledger_count_holds(Ledger *l, uint64_t *ret);
/** ledger_remove_hold() - a Release; a group's kept members too; LEDGER_E_NOT_FOUND */
int ledger_remove_hold(Ledger *l, ObjectKind kind, const char *source_id);
/** ledger_end_hold() - the source has the object again: a group's kept members stay; LEDGER_E_NOT_FOUND */
int ledger_end_hold(Ledger *l, ObjectKind kind, const char *source_id);
/** ledger_remove_member_hold() - the source has the membership again; LEDGER_E_NOT_FOUND */
int ledger_remove_member_hold(Ledger *l, uint64_t group, uint64_t member);

/* ---- intents: what was about to reach the target (C5) ---- */

typedef struct Intent {
        uint64_t seq;
        ChangeAction action;
        ObjectKind kind;
        Cause cause;
        uint64_t link;            /* 0 for a Create */
        const char *change_id, *cycle;
        const char *source_id, *target_id, *display_name;
        uint64_t decision;        /* of an allowed removal: seq; 0: none */
        const char *desired;      /* Update, Restore: canonical JSON; Members: {"add":[links],"remove":[links]} */
} Intent;

int ledger_add_intent(Ledger *l, const Intent *i);
/** ledger_clear_intents() - their results are recorded in this same transaction */
int ledger_clear_intents(Ledger *l);
typedef int (*LedgerIntentFunc)(const Intent *i, void *userdata);
int ledger_scan_intents(Ledger *l, LedgerIntentFunc f, void *userdata);

/* ---- escrow: changes that the target refused (X1) ---- */

typedef struct Escrow {
        ObjectKind kind;
        const char *source_id;
        ChangeAction action;
        const char *change_id;
        uint64_t first_failed, next_attempt;
        uint32_t attempts;
        bool allowed;             /* an approved removal: its retry is not counted again */
        uint64_t decision;        /* then: seq of the decision */
        const char *digest;       /* of what was wanted: another digest means that the object has changed (X1) */
        const char *code, *text;
} Escrow;

/** ledger_put_escrow() - one row an object and action; replaces, and may thus change the time of the first failure */
int ledger_put_escrow(Ledger *l, const Escrow *e);
/** ledger_void_decisions() - the configuration has changed: no retry is an approved one any more (Q5), and what was allowed before
 * counts for nothing that comes after (R5) */
int ledger_void_decisions(Ledger *l);
int ledger_remove_escrow(Ledger *l, ObjectKind kind, const char *source_id, ChangeAction action);
int ledger_clear_escrow(Ledger *l);
typedef int (*LedgerEscrowFunc)(const Escrow *e, void *userdata);
int ledger_scan_escrow(Ledger *l, LedgerEscrowFunc f, void *userdata);
int ledger_count_escrow(Ledger *l, uint64_t *ret);

/* ---- cycles ---- */

typedef enum CycleCount {
        COUNT_IMPORTED, COUNT_CREATED, COUNT_ADOPTED, COUNT_UPDATED, COUNT_RESTORED, COUNT_MEMBERSHIPS, COUNT_DISABLED, COUNT_DELETED,
        COUNT_STAGED, COUNT_HEALED, COUNT_HELD, COUNT_SKIPPED, COUNT_FAILED, COUNT_COUNTED, COUNT_LIMIT, COUNT_POPULATION,
        COUNT_UNRESOLVED,
        _CYCLE_COUNT_MAX,
} CycleCount;
/* "imported", "created", … */
const char *cycle_count_to_string(CycleCount c);

typedef enum CycleResult {
        CYCLE_RUNNING,            /* or interrupted, if nobody holds the job's lock */
        CYCLE_SUCCESS,
        CYCLE_STAGED,
        CYCLE_INCOMPLETE,
        CYCLE_FAILED,
        CYCLE_STOPPED,            /* ended between two objects on request */
        _CYCLE_RESULT_MAX,
        _CYCLE_RESULT_INVALID = -22,
} CycleResult;
const char *cycle_result_to_string(CycleResult r);
CycleResult cycle_result_from_string(const char *s);

typedef struct CycleRecord {
        char id[33];
        uint64_t started, finished;
        CycleResult result;
        uint64_t counts[_CYCLE_COUNT_MAX];
        char verdict[32];         /* guard_reason_to_string() */
        char *error;              /* why it failed or was incomplete; owned, see _done */
} CycleRecord;

void cycle_record_done(CycleRecord *c);
int ledger_begin_cycle(Ledger *l, const CycleRecord *c);
int ledger_finish_cycle(Ledger *l, const CycleRecord *c);
/** ledger_last_cycle() - the newest; LEDGER_E_NOT_FOUND */
int ledger_last_cycle(Ledger *l, CycleRecord *ret);
typedef int (*LedgerCycleFunc)(const CycleRecord *c, void *userdata);
/** ledger_scan_cycles() - newest first, at most @limit (0: all); history beyond 10,000 cycles is dropped by finish */
int ledger_scan_cycles(Ledger *l, uint64_t limit, LedgerCycleFunc f, void *userdata);

/** ledger_add_removals() - @n removals were carried out now (G10) */
int ledger_add_removals(Ledger *l, uint64_t at, uint64_t n);
/** ledger_count_removals() - carried out at @since or later */
int ledger_count_removals(Ledger *l, uint64_t since, uint64_t *ret);

/* ---- mail to send (N2) ---- */

typedef struct Mail {
        uint64_t id;
        const char *event;        /* "review-opened", "review-grown", "reminder", "allowed", "rejected", "healed", … */
        const char *review;       /* or NULL */
        const char *payload;      /* JSON: everything the text needs that may be gone when it is sent */
        uint64_t queued_at;
        uint64_t next_attempt;
        uint32_t attempts;
        const char *last_error;
        bool permanent;           /* the server said 5xx: shown at once, tried daily */
        const char *delivery;     /* JSON, notify's own: who accepted it already and who was refused; NULL: nobody yet */
        const char *message_id;   /* the same for each attempt */
} Mail;

/** ledger_queue_mail() - @m->id is ignored; ids ascend */
int ledger_queue_mail(Ledger *l, const Mail *m);
typedef int (*LedgerMailFunc)(const Mail *m, void *userdata);
/** ledger_scan_mail() - the oldest first */
int ledger_scan_mail(Ledger *l, LedgerMailFunc f, void *userdata);
/** ledger_update_mail() - what an attempt changes: next_attempt, attempts, last_error, permanent, delivery.
 * Errors: -ENOENT. */
int ledger_update_mail(Ledger *l, const Mail *m);
int ledger_remove_mail(Ledger *l, uint64_t id);
int ledger_count_mail(Ledger *l, uint64_t *ret);

/** job_state_dir() - STATE_DIR/jobs/JOB; NULL for OOM */
char *job_state_dir(const char *state_dir, const char *job);
/** job_lock() - C1: the job's lock, held by the cycle; a descriptor. Errors: -EAGAIN: another cycle runs; errno. */
int job_lock(const char *state_dir, const char *job);
