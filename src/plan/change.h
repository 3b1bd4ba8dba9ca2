/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One change that a cycle would make, and the plan that holds them all. Pure: no I/O, no clock. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "object.h"

typedef enum ChangeAction {
        CHANGE_CREATE,
        CHANGE_ADOPT,             /* link what the target has already; writes only what differs */
        CHANGE_UPDATE,
        CHANGE_RESTORE,           /* enable again, and update (R4) */
        CHANGE_MEMBERS,           /* the memberships of one group; the journal calls it Update */
        CHANGE_DISABLE,
        CHANGE_DELETE,
        _CHANGE_ACTION_MAX,
        _CHANGE_ACTION_INVALID = -22,
} ChangeAction;

/* "Create" "Adopt" "Update" "Restore" "Members" "Disable" "Delete": the form of ledger, D-Bus and journal */
const char *change_action_to_string(ChangeAction a);
ChangeAction change_action_from_string(const char *s);

static inline bool change_action_is_removal(ChangeAction a) {
        return a == CHANGE_DISABLE || a == CHANGE_DELETE;
}

/* R1 */
typedef enum Cause {
        CAUSE_NONE,
        CAUSE_DELETED,
        CAUSE_SOFT_DELETED,
        CAUSE_BLOCKED,
        CAUSE_UNASSIGNED,
        CAUSE_OUT_OF_SCOPE,
        _CAUSE_MAX,
        _CAUSE_INVALID = -22,
} Cause;

/* "" "deleted" "soft-deleted" "blocked" "unassigned" "out-of-scope" */
const char *cause_to_string(Cause c);
Cause cause_from_string(const char *s);

/* What the ledger already says of a removal. */
typedef enum Standing {
        STANDING_NEW,             /* to be judged */
        STANDING_STAGED,          /* under review: judged before, withheld until somebody decides */
        STANDING_ALLOWED,         /* decided: carry out (Q4) */
        STANDING_HELD,            /* decided: keep (Q7) */
} Standing;

/* When and why the job disabled an object, and who allowed it. Its deletion, often 30 days later, is the second wave of the same
 * leaving: a removal of its own (R3), judged and shown with this. */
typedef struct Disabling {
        uint64_t at;
        Cause cause;
        const char *user, *review; /* NULL: nobody had to decide, it was within the limit */
        bool in_force;            /* the decision was made under the configuration of now */
} Disabling;

/* One end of a membership. */
typedef struct MemberRef {
        uint64_t link;            /* 0: a Create of this plan will make it */
        uint32_t pending;         /* then: the engine's number of the record */
        const char *source_id;
        const char *target_id;    /* completed when it is applied */
} MemberRef;

/* All strings live in the plan's arena. There can be a million of them: the order leaves no gaps. */
typedef struct Change {
        ChangeAction action;
        ObjectKind kind;
        Cause cause;              /* removals */
        Standing standing;        /* removals, and what follows from them */
        uint64_t link;            /* 0 for a Create or Adopt */
        uint32_t record;          /* the engine's number of the source record, UINT32_MAX if there is none */
        bool follows;             /* CHANGE_MEMBERS that is due only because a removal of this standing is carried out */
        bool carried;             /* its disabling was allowed by a person, and SecondWave=approved lets that count for it */
        const char *id;           /* REPRIEVE_CHANGE: the same when it is staged, retried and carried out */
        const char *source_id;
        const char *target_id;    /* NULL for a Create until the target has answered */
        const char *display_name;
        const char *desired;      /* canonical JSON of the attributes wanted; Create, Adopt, Update, Restore */
        const char *written;      /* canonical JSON last written (Adopt: found); Update, Restore, removals */
        bool late;                /* Update, Restore: refers to what other changes of this plan make, and is completed after them */
        const char *digest;       /* of what is wanted: the escrow's way to see that the object has changed */
        const char *error, *error_code; /* found while planning: cannot be carried out, and why */
        const char *blocked_by;   /* source id of the removal whose name this Create or Update needs (G7) */
        uint64_t decision;        /* ledger's number of the decision that allowed it; 0: none */
        const Disabling *second;  /* a Delete of what the job disabled before (R5); else NULL */
        MemberRef *add, *remove;  /* CHANGE_MEMBERS */
        uint32_t n_add, n_remove;
        uint32_t n_members, n_lost; /* of the group's members who stay themselves: before, and leaving it; staged ones among them */
} Change;

typedef struct Plan {
        Arena *arena;
        Change *changes;
        size_t n_changes, n_allocated;
} Plan;

Plan *plan_new(void);
/** plan_new_take_arena() - with an arena of the caller's, which is taken, also on failure; NULL is a failure */
Plan *plan_new_take_arena(Arena *arena);
Plan *plan_free(Plan *p);
DEFINE_CLEANUP(Plan *, plan_free)

/** plan_add() - a zeroed change at the end; valid until the next plan_add(). Errors: -ENOMEM. */
int plan_add(Plan *p, ChangeAction action, ObjectKind kind, Change **ret);
