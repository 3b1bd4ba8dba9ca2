/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "ctl-advice.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define THRESHOLD_DEFAULT UINT64_C(500)
#define PERCENT_COMPARED (10 * LIMIT_PERCENT_SCALE)
#define MARGIN_MIN 10U

void history_done(History *h) {
        for (size_t i = 0; i < h->n; i++) {
                free(h->items[i].id);
                free(h->items[i].result);
                free(h->items[i].verdict);
                counts_done(&h->items[i].counts);
        }
        free(h->items);
        *h = (History) {};
}

uint64_t past_cycle_count(const PastCycle *c, const char *name) {
        for (size_t i = 0; i < c->counts.n; i++)
                if (streq(c->counts.items[i].name, name))
                        return c->counts.items[i].value;
        return 0;
}

PastKind past_cycle_kind(const PastCycle *c) {
        if (isempty(c->verdict) || streq(c->result, "running"))
                return PAST_UNJUDGED;
        if (!streq(c->verdict, "pass"))
                return PAST_TRIPPED;
        /* Where the reading is incomplete no removal is planned (E1), and where nothing is linked there is none to plan. */
        if (streq(c->result, "incomplete") || past_cycle_count(c, "population") == 0)
                return PAST_UNJUDGED;
        return PAST_ORDINARY;
}

bool past_cycle_trips_anyway(const PastCycle *c) {
        static const char *const evidence[] = { "empty-source", "configuration-changed", "assigned-group-missing", "everything", NULL };

        return strv_contains((char *const *) evidence, c->verdict);
}

/* ---- limits ---- */

static bool percent_applies(const Limit *l, uint64_t population) {
        return l->percent != LIMIT_NONE && population >= l->minimum_population;
}

bool limit_trips(const Limit *l, uint64_t counted, uint64_t population) {
        return counted > 0 && counted >= limit_smallest(l, population);
}

uint64_t limit_smallest(const Limit *l, uint64_t population) {
        uint64_t smallest = l->threshold == LIMIT_NONE ? LIMIT_NONE : MAX2(l->threshold + l->exceeded, UINT64_C(1));

        if (percent_applies(l, population)) {
                __uint128_t unit = (__uint128_t) 100 * LIMIT_PERCENT_SCALE, scaled = (__uint128_t) l->percent * population;
                uint64_t by_percent = (uint64_t) (l->exceeded ? scaled / unit + 1 : (scaled + unit - 1) / unit);

                smallest = MIN2(smallest, MAX2(by_percent, UINT64_C(1)));
        }
        return smallest;
}

Limit limit_of_job(const JobInfo *i) {
        Limit l = {
                .threshold = LIMIT_NONE, .percent = LIMIT_NONE, .current = true,
                .minimum_population = i->minimum_population, .exceeded = streq_ptr(i->trips, "exceeded"),
        };

        if (!i->prevent)
                return l;
        l.threshold = i->threshold;
        if (i->percent >= 0 && i->percent <= 100)
                l.percent = (uint64_t) llround(i->percent * (double) LIMIT_PERCENT_SCALE);
        return l;
}

size_t advice_limits(const Advice *a, const Limit *current, Limit ret[static ADVICE_LIMITS_MAX]) {
        Limit wanted[ADVICE_LIMITS_MAX] = {
                { .threshold = a->suggestion, .percent = LIMIT_NONE, .suggested = true },
                *current,
                { .threshold = THRESHOLD_DEFAULT, .percent = LIMIT_NONE },
                { .threshold = LIMIT_NONE, .percent = PERCENT_COMPARED },
        };
        size_t n = 0;

        for (size_t i = a->enough ? 0 : 1; i < ELEMENTSOF(wanted); i++) {
                size_t same = 0;

                wanted[i].minimum_population = current->minimum_population;
                wanted[i].exceeded = current->exceeded;
                while (same < n && (ret[same].threshold != wanted[i].threshold || ret[same].percent != wanted[i].percent))
                        same++;
                if (same == n)
                        ret[n++] = wanted[i];
                else
                        ret[same].current = ret[same].current || wanted[i].current;
        }
        return n;
}

/* ---- the history ---- */

uint64_t advice_suggest(uint64_t largest) {
        uint64_t wanted, step = 5;

        /* Beyond what the setting can hold no step is worth its arithmetic. */
        if (largest >= UINT32_MAX / 2)
                return UINT32_MAX;
        wanted = largest + MAX2(largest / 2, (uint64_t) MARGIN_MIN);
        while (wanted >= step * 20)
                step *= 10;
        wanted = (wanted + step - 1) / step * step;
        return MIN2(wanted, (uint64_t) UINT32_MAX);
}

static int compare(const void *a, const void *b) {
        uint64_t x = *(const uint64_t *) a, y = *(const uint64_t *) b;

        return x < y ? -1 : x > y;
}

/* The mean of the two in the middle, rounded down, where no one is. */
static uint64_t median(const uint64_t *sorted, size_t n) {
        if (n == 0)
                return 0;
        return n % 2 == 1 ? sorted[n / 2] : sorted[n / 2 - 1] + (sorted[n / 2] - sorted[n / 2 - 1]) / 2;
}

int advice_make(const History *h, size_t asked, Advice *ret) {
        _cleanup_free_ uint64_t *counted = calloc(h->n + 1, sizeof(*counted));
        uint64_t newest = 0, oldest = 0;
        Advice a = {};
        size_t n;

        if (!counted)
                return -ENOMEM;
        for (size_t i = 0; i < h->n; i++) {
                const PastCycle *c = h->items + i;
                PastKind kind = past_cycle_kind(c);
                uint64_t value = past_cycle_count(c, "counted");

                a.since = c->started;
                n = a.n[kind]++;
                if (kind != PAST_UNJUDGED && a.population == 0)
                        a.population = past_cycle_count(c, "population");
                if (kind != PAST_ORDINARY)
                        continue;
                counted[n] = value;
                oldest = c->started;
                newest = n == 0 ? c->started : newest;
                a.n_removing += value > 0;
                a.n_unguarded += past_cycle_count(c, "limit") == 0;
                if (!a.largest || value > a.largest_counted) {
                        a.largest = c;
                        a.largest_counted = value;
                }
        }
        n = a.n[PAST_ORDINARY];
        qsort(counted, n, sizeof(*counted), compare);
        a.median = median(counted, n);
        a.median_removing = median(counted + n - a.n_removing, a.n_removing);
        a.enough = n >= ADVICE_CYCLES_MIN &&
                   (h->n >= asked || (newest > oldest && newest - oldest >= ADVICE_SPAN_MIN_USEC));
        a.suggestion = a.enough ? advice_suggest(a.largest_counted) : 0;
        *ret = a;
        return 0;
}
