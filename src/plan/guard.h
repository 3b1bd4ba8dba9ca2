/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The guard: judges a whole plan, and is the only one that can make a sealed plan, which is the only thing that can be
 * applied. Pure: no I/O, no clock. The rules are G1 to G10 and E3 to E7 of docs/semantics.md. */

#include <stdbool.h>
#include <stdint.h>

#include "change.h"

typedef enum OnTrip {
        ON_TRIP_HOLD_REMOVALS,
        ON_TRIP_STOP,
        _ON_TRIP_MAX,
        _ON_TRIP_INVALID = -22,
} OnTrip;

const char *on_trip_to_string(OnTrip o);
OnTrip on_trip_from_string(const char *s);

#define GUARD_NO_LIMIT UINT64_MAX
/* DeletionThresholdPercent= is kept as millionths of a percent, so that every comparison is exact. */
#define GUARD_PERCENT_SCALE UINT64_C(1000000)

typedef struct GuardLimits {
        bool prevent;                   /* PreventAccidentalDeletions=: whether these limits hold; the rules of evidence always do */
        uint64_t threshold;             /* DeletionThreshold=; 0 holds every removal */
        bool exceeded;                  /* DeletionThresholdTrips=exceeded */
        uint64_t percent;               /* millionths of a percent, or GUARD_NO_LIMIT */
        uint64_t minimum_population;    /* the percentage is ignored below it */
        uint64_t budget;                /* DeletionBudget=, or GUARD_NO_LIMIT */
        uint64_t membership_threshold;  /* MembershipThreshold=, or GUARD_NO_LIMIT */
        uint64_t group_loss_share;      /* GroupLossShare=, millionths of a percent, or GUARD_NO_LIMIT (G11) */
        uint64_t group_loss_minimum;    /* GroupLossMinimum= */
        bool hold_emptied;              /* OnGroupEmptied=hold */
        OnTrip on_trip;
} GuardLimits;

#define GUARD_LIMITS_DEFAULT                                                                              \
        ((GuardLimits) { .prevent = true, .threshold = 500, .percent = GUARD_NO_LIMIT, .minimum_population = 20, \
                         .budget = GUARD_NO_LIMIT, .membership_threshold = 2000, .group_loss_minimum = 10,        \
                         .group_loss_share = 50 * GUARD_PERCENT_SCALE })

/* E6: fewer objects of a kind are a handful, and may all leave. */
#define GUARD_HANDFUL UINT64_C(5)

/* What the guard must know besides the plan. */
typedef struct GuardSituation {
        uint64_t links[_OBJECT_KIND_MAX], enabled[_OBJECT_KIND_MAX]; /* of each kind, before the cycle (E6) */
        uint64_t waiting[_OBJECT_KIND_MAX], waiting_enabled[_OBJECT_KIND_MAX]; /* of these, with a removal that waits in escrow */
        uint64_t population;            /* linked, enabled objects before the cycle */
        uint64_t budget_used;           /* removals carried out within the budget's window */
        uint32_t empty_kinds;           /* OBJECT_KIND_MASK: a complete reading had none, but the ledger has (E3) */
        char *const *missing_groups;    /* E7: what Assigned= names and the source has no group of; NULL: none; borrowed */
        bool configuration_changed;     /* E4, and the job does not say OnConfigurationChange=judge */
        bool review_open;               /* something undecided is staged (Q2) */
} GuardSituation;

typedef enum GuardReason {
        GUARD_PASSED,
        GUARD_TRIPPED_THRESHOLD,
        GUARD_TRIPPED_PERCENT,
        GUARD_TRIPPED_BUDGET,
        GUARD_TRIPPED_EMPTY_SOURCE,
        GUARD_TRIPPED_CONFIGURATION,
        GUARD_TRIPPED_ASSIGNMENT,
        GUARD_TRIPPED_EVERYTHING,
        _GUARD_REASON_MAX,
} GuardReason;

/* "pass", "threshold", "percent", "budget", "empty-source", "configuration-changed", "assigned-group-missing", "everything" */
const char *guard_reason_to_string(GuardReason r);

typedef struct GuardVerdict {
        GuardReason reason;             /* of several, the first in the order: empty source, configuration, assignment,
                                         * everything, threshold, percent, budget */
        bool tripped;
        bool joined;                    /* nothing tripped, but new removals joined an open review (Q2) */
        bool memberships_tripped;       /* G5 */
        uint64_t counted;               /* G1 */
        uint64_t second_wave;           /* new removals of what the job had disabled before (R5), counted or not */
        uint64_t carried;               /* of those, the ones that the limits do not count (SecondWave=approved) */
        uint64_t limit;                 /* the smallest count that trips, or GUARD_NO_LIMIT */
        uint64_t population;
        uint64_t headroom;              /* removals that would still have passed; 0 when tripped */
        uint64_t membership_removals;
        uint64_t groups_losing;         /* groups that stay and lose GroupLossShare= of their members or more (G11) */
        uint64_t groups_emptied;        /* of those, the ones whose removals are withheld because they lose all */
        char *const *missing_groups;    /* as in the situation */
        bool exceeded;                  /* the comparator */
} GuardVerdict;

/* What becomes of a change. */
typedef enum Fate {
        FATE_APPLY,
        FATE_STAGE,                     /* removal withheld by a trip, or by joining an open review */
        FATE_KEEP_STAGED,               /* was staged and still is */
        FATE_HELD,
        FATE_STAGE_MEMBERS,             /* the removals of a CHANGE_MEMBERS are staged, its additions applied (G5) */
        FATE_WITHHELD,                  /* OnTrip=stop: not carried out, not staged; recomputed by the next cycle */
        FATE_WAIT,                      /* needs a name that a removal of this plan will free: next cycle */
} Fate;

typedef struct SealedPlan SealedPlan;

/**
 * guard_judge() - the only way from a plan to something that can be applied
 * @plan: taken, also on failure
 *
 * Sorts by C4: users, groups, references, memberships for creates and updates; then memberships, groups, users for removals.
 *
 * Errors: -ENOMEM.
 * Source: G1 to G10, E3, E4, Q2, C4.
 */
int guard_judge(Plan *plan, const GuardLimits *limits, const GuardSituation *situation, SealedPlan **ret,
                GuardVerdict *ret_verdict);

/** guard_trips() - rules G2 and G3 alone: would @counted new removals of @population trip, and why? */
GuardReason guard_trips(const GuardLimits *limits, uint64_t counted, uint64_t population);
/** guard_group_loses() - G11: is @c a change of memberships that takes a large share of a group's members away? */
bool guard_group_loses(const GuardLimits *limits, const Change *c);
/** guard_smallest_trip() - the smallest count that trips G2 or G3, at least 1; GUARD_NO_LIMIT if none does */
uint64_t guard_smallest_trip(const GuardLimits *limits, uint64_t population);

size_t sealed_plan_size(const SealedPlan *p);
/** sealed_plan_get() - change @i in the order of C4 and its fate; borrowed. The change may be completed by apply
 * (target id, member ids), never redirected. */
Change *sealed_plan_get(SealedPlan *p, size_t i, Fate *ret_fate);
/** sealed_plan_arena() - for strings that complete a change; lives as long as the plan */
Arena *sealed_plan_arena(SealedPlan *p);
SealedPlan *sealed_plan_free(SealedPlan *p);
DEFINE_CLEANUP(SealedPlan *, sealed_plan_free)
