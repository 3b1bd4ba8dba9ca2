/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a job's past cycles say about the limit that would suit it. Arithmetic alone: knows neither a bus nor what is
 * printed. */

#include "ctl.h"

/* One row of ListCycles */
typedef struct PastCycle {
        char *id, *result, *verdict;
        uint64_t started, finished;
        Counts counts;
} PastCycle;

/* Newest first */
typedef struct History {
        PastCycle *items;
        size_t n, n_allocated;
} History;

void history_done(History *h);
#define _cleanup_history_ _cleanup_(history_done)

typedef enum PastKind {
        PAST_ORDINARY,          /* judged a whole reading, with something linked to lose, and passed */
        PAST_TRIPPED,
        PAST_UNJUDGED,          /* no evidence of what is ordinary: running, killed, failed, incomplete, or the initial one */
} PastKind;

PastKind past_cycle_kind(const PastCycle *c);
/** past_cycle_count() - one of its counts, 0 if it has none of that name */
uint64_t past_cycle_count(const PastCycle *c, const char *name);
/** past_cycle_trips_anyway() - did it trip on something that no limit changes (E3, E4)? */
bool past_cycle_trips_anyway(const PastCycle *c);

#define LIMIT_NONE UINT64_MAX
#define LIMIT_PERCENT_SCALE UINT64_C(1000000)

/* What one cycle is judged by; a DeletionBudget= looks at several, and is not in it. */
typedef struct Limit {
        uint64_t threshold;     /* or LIMIT_NONE */
        uint64_t percent;       /* millionths of a percent, or LIMIT_NONE */
        uint64_t minimum_population;
        bool exceeded;          /* DeletionThresholdTrips= */
        bool suggested, current;
} Limit;

/** limit_trips() - G2 and G3: would @counted removals of @population linked objects trip? */
bool limit_trips(const Limit *l, uint64_t counted, uint64_t population);
/** limit_smallest() - the smallest count that trips, or LIMIT_NONE */
uint64_t limit_smallest(const Limit *l, uint64_t population);
/** limit_of_job() - the current one; nothing trips while PreventAccidentalDeletions=no */
Limit limit_of_job(const JobInfo *i);

typedef struct Advice {
        size_t n[PAST_UNJUDGED + 1];
        size_t n_removing;              /* ordinary ones that counted a removal */
        size_t n_unguarded;             /* ordinary ones that no limit watched */
        uint64_t since;                 /* start of the oldest */
        const PastCycle *largest;       /* ordinary, the newest of several; NULL if there is none */
        uint64_t largest_counted;
        uint64_t median, median_removing;
        uint64_t population;            /* of the newest that was judged */
        bool enough;                    /* to say what limit suits */
        uint64_t suggestion;            /* a DeletionThreshold=; 0 unless @enough */
} Advice;

/* What is enough: some cycles, over as long as it takes to see a job's usual week. */
#define ADVICE_CYCLES_MIN 10U
#define ADVICE_SPAN_MIN_USEC (UINT64_C(7) * 24 * 3600 * 1000 * 1000)

/**
 * advice_make() - @h as asked for with @asked as the limit: a history that fills it is not short, however little time it spans
 *
 * Borrows from @h. Errors: -ENOMEM.
 */
int advice_make(const History *h, size_t asked, Advice *ret);
/** advice_suggest() - @largest and half of it again, at least 10 more, rounded up to a plain number; fits DeletionThreshold= */
uint64_t advice_suggest(uint64_t largest);

#define ADVICE_LIMITS_MAX 4U
/** advice_limits() - what to compare, none twice: the suggestion, @current, 500, 10 %; all of them with MinimumPopulation=
 * and DeletionThresholdTrips= of @current. Returns how many. */
size_t advice_limits(const Advice *a, const Limit *current, Limit ret[static ADVICE_LIMITS_MAX]);
