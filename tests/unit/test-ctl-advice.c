/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdio.h>

#include "ctl-advice.h"
#include "tap.h"
#include "time-util.h"

/* As ListCycles gives them: newest first, so older ones are added later; an hour lies between two. */
static void add(History *h, const char *result, const char *verdict, uint64_t counted, uint64_t limit, uint64_t population) {
        const char *const names[] = { "counted", "limit", "population" };
        const uint64_t values[] = { counted, limit, population };
        PastCycle *c;
        char id[16];

        (void) ARRAY_GROW(h->items, h->n_allocated, h->n + 1);
        (void) snprintf(id, sizeof(id), "%zu", h->n);
        c = h->items + h->n;
        *c = (PastCycle) { .id = strdup(id), .result = strdup(result), .verdict = strdup(verdict),
                           .started = 10000 * USEC_PER_HOUR - h->n * USEC_PER_HOUR };
        h->n++;
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                (void) ARRAY_GROW(c->counts.items, c->counts.n_allocated, c->counts.n + 1);
                c->counts.items[c->counts.n++] = (Count) { .name = strdup(names[i]), .value = values[i] };
        }
}

static void add_ordinary(History *h, uint64_t counted) {
        add(h, "success", "pass", counted, 500, 1000);
}

TEST(a_cycle_without_evidence_is_not_ordinary) {
        static const struct { const char *result, *verdict; uint64_t population; PastKind kind; } cases[] = {
                { "success", "pass", 100, PAST_ORDINARY },
                { "staged", "pass", 100, PAST_ORDINARY },
                { "stopped", "pass", 100, PAST_ORDINARY },
                { "staged", "threshold", 100, PAST_TRIPPED },
                { "staged", "empty-source", 100, PAST_TRIPPED },
                { "success", "pass", 0, PAST_UNJUDGED },
                { "incomplete", "pass", 100, PAST_UNJUDGED },
                { "failed", "", 100, PAST_UNJUDGED },
                { "running", "pass", 100, PAST_UNJUDGED },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_history_ History h = {};

                add(&h, cases[i].result, cases[i].verdict, 1, 500, cases[i].population);
                CHECK_INT(past_cycle_kind(h.items), cases[i].kind);
        }
}

TEST(g2_a_limit_trips_when_it_is_reached_and_0_holds_every_removal) {
        Limit l = { .threshold = 5, .percent = LIMIT_NONE };

        CHECK(!limit_trips(&l, 4, 1000));
        CHECK(limit_trips(&l, 5, 1000));
        l.threshold = 0;
        CHECK(limit_trips(&l, 1, 1000));
        CHECK(!limit_trips(&l, 0, 1000));
        l.threshold = LIMIT_NONE;
        CHECK(!limit_trips(&l, UINT64_MAX - 1, 1000));
        CHECK(limit_smallest(&l, 1000) == LIMIT_NONE);
}

TEST(g3_a_percentage_is_exact_and_ignored_for_small_populations) {
        Limit l = { .threshold = LIMIT_NONE, .percent = 10 * LIMIT_PERCENT_SCALE, .minimum_population = 20 };

        CHECK_INT(limit_smallest(&l, 1000), 100);
        CHECK_INT(limit_smallest(&l, 1001), 101);
        CHECK(limit_smallest(&l, 19) == LIMIT_NONE);
        CHECK_INT(limit_smallest(&l, 20), 2);
        l.percent = 0;
        CHECK_INT(limit_smallest(&l, 20), 1);
        l.percent = 100 * LIMIT_PERCENT_SCALE;
        CHECK(limit_smallest(&l, UINT64_MAX - 1) == UINT64_MAX - 1);
        l.threshold = 7;
        CHECK_INT(limit_smallest(&l, 1000), 7);
}

TEST(g2_g3_exceeded_is_one_more_than_reached) {
        Limit l = { .threshold = 5, .percent = LIMIT_NONE, .exceeded = true };

        CHECK_INT(limit_smallest(&l, 1000), 6);
        l.threshold = 0;
        CHECK_INT(limit_smallest(&l, 1000), 1);
        l = (Limit) { .threshold = LIMIT_NONE, .percent = 10 * LIMIT_PERCENT_SCALE, .minimum_population = 100, .exceeded = true };
        CHECK_INT(limit_smallest(&l, 1000), 101);
        CHECK_INT(limit_smallest(&l, 1001), 101);
        CHECK_INT(limit_smallest(&l, 100), 11);
        CHECK(limit_smallest(&l, 99) == LIMIT_NONE);
}

TEST(the_limit_of_a_job_that_is_not_guarded_never_trips) {
        JobInfo i = { .prevent = true, .threshold = 500, .percent = 2.5 };
        Limit l = limit_of_job(&i);

        CHECK(l.current && l.threshold == 500 && l.percent == 2500000);
        i.percent = -1;
        CHECK(limit_of_job(&i).percent == LIMIT_NONE);
        i.prevent = false;
        l = limit_of_job(&i);
        CHECK(!limit_trips(&l, 1000000, 1000000));
}

TEST(a_suggestion_is_half_as_much_again_and_plain) {
        static const uint64_t cases[][2] = {
                { 0, 10 }, { 1, 15 }, { 10, 20 }, { 12, 25 }, { 20, 30 }, { 21, 35 }, { 60, 90 }, { 66, 100 }, { 67, 100 }, { 70, 150 },
                { 412, 650 }, { 4000, 6000 }, { UINT32_MAX, UINT32_MAX }, { UINT64_MAX, UINT32_MAX },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                CHECK_INT(advice_suggest(cases[i][0]), cases[i][1]);
}

TEST(advice_is_from_ordinary_cycles_alone) {
        _cleanup_history_ History h = {};
        Limit current = { .threshold = 20, .percent = LIMIT_NONE, .current = true }, limits[ADVICE_LIMITS_MAX];
        Advice a;

        add(&h, "running", "", 0, 0, 0);
        add(&h, "staged", "threshold", 900, 500, 1200);
        for (size_t i = 0; i < 168; i++)
                add_ordinary(&h, i % 10 == 0 ? i % 7 + 4 : 0);
        add(&h, "success", "pass", 7, 0, 1000);
        add(&h, "success", "pass", 0, 500, 0);
        CHECK_INT(advice_make(&h, 1000, &a), 0);
        CHECK_INT(a.n[PAST_ORDINARY], 169);
        CHECK_INT(a.n[PAST_TRIPPED], 1);
        CHECK_INT(a.n[PAST_UNJUDGED], 2);
        CHECK_INT(a.n_unguarded, 1);
        CHECK_INT(a.n_removing, 18);
        CHECK_INT(a.largest_counted, 10);
        CHECK_STR(a.largest->id, "22");
        CHECK_INT(a.median, 0);
        CHECK_INT(a.median_removing, 7);
        CHECK_INT(a.population, 1200);
        CHECK(a.since == h.items[h.n - 1].started);
        CHECK(a.enough);
        CHECK_INT(a.suggestion, 20);
        CHECK_INT(advice_limits(&a, &current, limits), 3);
        CHECK(limits[0].suggested && limits[0].current && limits[0].threshold == 20);
        CHECK(limits[1].threshold == 500 && limits[2].percent == 10 * LIMIT_PERCENT_SCALE);
        CHECK(!limits[1].current && !limits[2].suggested);
}

TEST(a_short_history_has_no_suggestion) {
        Limit current = { .threshold = 500, .percent = LIMIT_NONE, .current = true }, limits[ADVICE_LIMITS_MAX];
        _cleanup_history_ History h = {};
        Advice a;

        CHECK_INT(advice_make(&h, 1000, &a), 0);
        CHECK(!a.enough && !a.largest && a.suggestion == 0 && a.since == 0);
        for (size_t i = 0; i < 168; i++)
                add_ordinary(&h, 1);
        CHECK_INT(advice_make(&h, 1000, &a), 0);
        CHECK(!a.enough);
        CHECK_INT(advice_limits(&a, &current, limits), 2);
        CHECK(limits[0].threshold == 500 && limits[0].current && !limits[0].suggested);
        /* All that one may ask for is not short, however often the job runs. */
        CHECK_INT(advice_make(&h, 168, &a), 0);
        CHECK(a.enough);
        add_ordinary(&h, 1);
        CHECK_INT(advice_make(&h, 1000, &a), 0);
        CHECK(a.enough);
}

TEST(few_cycles_are_short_however_long_they_took) {
        _cleanup_history_ History h = {};
        Advice a;

        for (size_t i = 0; i < 9; i++) {
                add_ordinary(&h, 1);
                h.items[i].started -= i * USEC_PER_WEEK;
        }
        CHECK_INT(advice_make(&h, 1000, &a), 0);
        CHECK(!a.enough);
}
