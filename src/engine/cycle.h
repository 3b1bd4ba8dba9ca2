/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the steps of a cycle share. The data goes one way: read -> plan -> guard -> stage and apply -> finish. */

#include <stdbool.h>

#include "connector.h"
#include "engine.h"
#include "guard.h"
#include "link-set.h"
#include "log.h"
#include "snapshot-index.h"

typedef struct Referring Referring;

/* A record of this reading that had to be looked at: new, changed, or unsettled last time. Strings are the cycle's. */
typedef struct Evaluated {
        const char *source_id;
        const char *display_name;
        const char *desired;      /* canonical JSON of the target's attributes; NULL: as written, or not wanted, or invalid */
        const char *written;      /* of the link, where desired differs from it or a removal needs it */
        const char *target_id;    /* of the link; completed when a Create has made one */
        Referring *referring;     /* references besides members; NULL: there are none. desired then waits for the plan */
        const char **members;     /* source ids; NULL: the record says nothing of members */
        uint64_t link;            /* 0: none (yet) */
        uint32_t n_members;
        uint32_t record;          /* ordinal in the reading */
        ObjectKind kind;
        Cause cause;              /* why it should not be in the target; CAUSE_NONE: it should */
        bool disabled;            /* the link is, by us */
        bool absent;              /* the link was, in the last reading */
        bool invalid;             /* seen but unusable (E2): nothing is planned for it */
        uint8_t pending;          /* changes planned and not carried out yet */
        bool arriving;            /* one of them will link it, if the target agrees */
        bool unsettled;           /* something about it must be looked at again by the next cycle */
} Evaluated;

/* The rows of the staged set, as they were when the cycle began; sorted by link, then source id. */
typedef struct StagedRow {
        uint64_t link, member;
        const char *source_id, *change_id, *display_name, *target_id;
        uint64_t staged_at, decision;
        ObjectKind kind;
        ChangeAction action;
        Cause cause;
        StagedState state;
        bool still_due;           /* this cycle's plan has the same removal, or cannot tell */
} StagedRow;

typedef struct EscrowRow {
        const char *source_id, *digest, *change_id;
        ObjectKind kind;
        ChangeAction action;
        uint64_t first_failed, next_attempt, decision;
        uint32_t attempts;
        bool allowed;
        bool still_due;           /* this cycle's plan has the same change, or cannot tell */
} EscrowRow;

typedef struct HoldRow {
        uint64_t link, member;    /* member 0: the object itself is kept */
        bool over;                /* the source has it again (Q7) */
        const char *source_id, *display_name;
        ObjectKind kind;
} HoldRow;

/* Source ids, as fingerprints: what finds a record unchanged tells two ids apart as well. */
typedef struct AssignedSet {
        Fingerprint *slots;
        size_t n_slots, n;        /* n_slots is a power of two, or 0 */
} AssignedSet;

typedef struct Cycle {
        const CycleOptions *options;
        const JobConfig *config;
        bool preview;
        bool on_demand;

        Ledger *ledger;
        Source *source;
        Target *target;
        JobState state;
        CycleRecord record;
        uint64_t now;                     /* one instant for the whole cycle */

        Arena *arena;                     /* what lives as long as the cycle */
        Arena *scratch;                   /* what lives as long as one object */
        StrBuf text;                      /* likewise */
        Fingerprinter *fingerprinter;
        SnapshotIndex *index;
        char *job_dir;                    /* the job's own, with the ledger */
        char *index_path;
        SnapshotStamp stamp;
        bool full;                        /* no usable index: every record is evaluated */

        AssignedSet assigned[_OBJECT_KIND_MAX]; /* if Assigned= says who is */
        Fingerprint assignment;           /* of that set */
        bool assignment_incomplete;
        char **missing_groups;            /* what Assigned= names, and the source has no group of (E7) */

        Evaluated *evaluated;
        size_t n_evaluated, n_evaluated_allocated;
        uint32_t *buckets;                /* kind and source id -> index into evaluated + 1 */
        size_t n_buckets;
        uint64_t n_links[_OBJECT_KIND_MAX], n_enabled[_OBJECT_KIND_MAX]; /* before this cycle */
        uint64_t n_read[_OBJECT_KIND_MAX];
        bool kinds_unclear;               /* unchanged records that may be of either kind */
        LinkSet present;                  /* links that a parsed record belongs to */
        uint64_t n_absent[_OBJECT_KIND_MAX];
        uint64_t *doubles;                /* links and hashes that two records claim */
        size_t n_doubles, n_doubles_allocated;
        bool ambiguous;                   /* a hash was met twice: only a full evaluation can tell */
        bool complete;
        Error *incomplete_reason;

        StagedRow *staged;
        size_t n_staged, n_staged_allocated;
        EscrowRow *escrow;
        size_t n_escrow, n_escrow_allocated;
        bool escrow_is_empty;             /* known, and still true */
        HoldRow *holds;
        size_t n_holds, n_holds_allocated;

        Plan *plan;
        json_object *claimed[_OBJECT_KIND_MAX]; /* target ids that this plan adopts */
        LinkSet removed;                  /* links with a planned removal that nobody holds back */
        LinkSet deleted;                  /* links with a planned Delete, or gone from the source, held or not: G5 */
        LinkSet removed_new, removed_allowed; /* links with a planned Delete, by standing */
        LinkSet unseen;                   /* links of the index's rows that no record matched */
        LinkSet still_members;            /* links whose removal from a group the target refused */
        uint64_t *newly_absent;           /* links whose flag must be set */
        size_t n_newly_absent, n_newly_absent_allocated;
        uint64_t *back;                   /* links whose flag must be cleared */
        size_t n_back, n_back_allocated;
        uint64_t *touched;                /* links whose index rows must be forgotten: whom they name has gone */
        size_t n_touched, n_touched_allocated;
        GuardSituation situation;
        GuardVerdict verdict;
        SealedPlan *sealed;
        bool configuration_changed;
        bool restored;                    /* ledger and target are not from the same time, which counts as changed too */
        char mark[LEDGER_MARK_SIZE];      /* that lay in the target when the cycle began */
        uint64_t n_staged_now;            /* rows that this cycle added to the set */
        uint64_t n_allowed;               /* rows whose approval its plan makes use of */
        uint64_t n_tried, n_refused;      /* changes, for X2 */
        uint64_t n_refused_references;    /* of those, memberships and references */
        ObjectKind only_kind;             /* on demand: nothing but the changes of this object is applied */
        const char *only;
        bool stopped;

        LogEntry entry;                   /* reused */
        uint64_t n_entries, n_entries_left_out;
} Cycle;

#define UNLINKED_MARK UINT64_C(0x80000000)

/* X1 */
#define ESCROW_LARGEST_GAP_USEC USEC_PER_DAY

/* cycle-common.c: for every step */

/** cycle_change_id() - 32 hex digits in @arena; the same for the same change tried again after a crash */
char *cycle_change_id(Cycle *c, Arena *arena, ChangeAction action, ObjectKind kind, const char *source_id,
                      uint64_t link, const char *detail);
/** cycle_digest() - 32 hex digits in @arena for a text; NULL gives that of "" */
char *cycle_digest(Cycle *c, Arena *arena, const char *text);
bool cycle_should_stop(Cycle *c);
void cycle_progress(Cycle *c, const char *phase, uint64_t done, uint64_t total);

/* mark.c: are ledger and target from the same time? */

/** cycle_check_mark() - sets restored, and with it configuration_changed */
int cycle_check_mark(Cycle *c, Error **ret_error);
/** cycle_renew_mark() - a new one in both, if what a removal depends on has changed */
int cycle_renew_mark(Cycle *c, Error **ret_error);

/* vanished.c: what the target has lost */

/** cycle_forget_vanished() - every link and membership that the target does not have */
int cycle_forget_vanished(Cycle *c, Error **ret_error);

/* approvals.c */

/** cycle_approval_is_void() - Q5: given too long ago, in a future that a clock set back has left, or for another configuration */
bool cycle_approval_is_void(const Cycle *c, uint64_t allowed_at);
/** cycle_take_back_approvals() - those that are void wait for a decision again, under a new id (Q3, Q5); in an open transaction */
int cycle_take_back_approvals(Cycle *c);
/** cycle_expire_approvals() - the same, in a transaction of its own, before the source is read */
int cycle_expire_approvals(Cycle *c, Error **ret_error);

/* evaluate.c: the source, to evaluated records */
int cycle_read(Cycle *c, Error **ret_error);
/** cycle_unlinked() - what stands in the index for a record that has no link: a hash of whose it is, so that a second
 * record with that id is noticed */
uint64_t cycle_unlinked(const Cycle *c, ObjectKind kind, const char *source_id);
Evaluated *cycle_find_evaluated(const Cycle *c, ObjectKind kind, const char *source_id);

/** cycle_is_inactive() - does it say "active":false? */
bool cycle_is_inactive(json_object *attributes);

/* assignment.c: Assigned=, before anything else is read */
int cycle_read_assignment(Cycle *c, Error **ret_error);
void cycle_forget_assignment(Cycle *c);
bool cycle_is_assigned(const Cycle *c, ObjectKind kind, const char *source_id);

/* planner.c: evaluated records and ledger, to a plan; writes nothing */
int cycle_plan(Cycle *c, Error **ret_error);
/** cycle_find_doubles() - records that contradict what the index knows (E2); may set c->ambiguous */
int cycle_find_doubles(Cycle *c);

/* stage.c: what the guard withheld, healed and lifted, to ledger and outbox in one transaction */
int cycle_stage(Cycle *c, Error **ret_error);

/* apply.c: a sealed plan to the target */
int cycle_apply(Cycle *c, Error **ret_error);
/** apply_record() - the ledger's side of a change that reached the target; in an open transaction */
int apply_record(Cycle *c, const Change *change, const char *target_id, uint64_t *ret_link);

/* recover.c: intents without a result, looked up at the target (C5) */
int cycle_recover(Cycle *c, Error **ret_error);

/* cycle-log.c: the journal's entries */
void cycle_log_started(Cycle *c);
void cycle_log_verdict(Cycle *c);
void cycle_log_finished(Cycle *c);
void cycle_log_change(Cycle *c, const Change *change, const char *target_id, uint64_t duration_usec, bool recovered);
void cycle_log_failure(Cycle *c, const Change *change, const Error *error);
void cycle_log_staged(Cycle *c, const Change *change, const char *review);
void cycle_log_staged_member(Cycle *c, const Change *group, const MemberRef *member, const char *review);
void cycle_log_healed(Cycle *c, const StagedRow *row);
void cycle_log_hold_ended(Cycle *c, const HoldRow *row);
void cycle_log_expired(Cycle *c, uint64_t n, const char *why);
void cycle_log_invalid(Cycle *c, ObjectKind kind, const char *source_id, const Error *error);
/* @attribute: references_name() */
void cycle_log_unresolved(Cycle *c, const Evaluated *e, size_t attribute, const char *source_id);
void cycle_log_quarantine(Cycle *c, bool entered, const char *how);
void cycle_log_incomplete(Cycle *c);
void cycle_log_missing_groups(Cycle *c);
void cycle_log_restored(Cycle *c);
void cycle_log_vanished(Cycle *c, uint64_t n_links, uint64_t n_members);
void cycle_log_group_losses(Cycle *c);
void cycle_log_disabled(Cycle *c);
