/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "guard.h"

#include <errno.h>

/* The plan goes in, is judged as a whole, and comes out sealed: each change with its fate. The structure is known to this
 * file alone, so nothing else can make one. */
struct SealedPlan {
        Plan *plan;
        uint8_t *fates;           /* by index into plan->changes */
        uint32_t *order;          /* C4 */
        size_t n;
};

static const char *const reason_names[_GUARD_REASON_MAX] = {
        [GUARD_PASSED] = "pass",
        [GUARD_TRIPPED_THRESHOLD] = "threshold",
        [GUARD_TRIPPED_PERCENT] = "percent",
        [GUARD_TRIPPED_BUDGET] = "budget",
        [GUARD_TRIPPED_EMPTY_SOURCE] = "empty-source",
        [GUARD_TRIPPED_CONFIGURATION] = "configuration-changed",
        [GUARD_TRIPPED_ASSIGNMENT] = "assigned-group-missing",
        [GUARD_TRIPPED_EVERYTHING] = "everything",
};

static const char *const on_trip_names[_ON_TRIP_MAX] = {
        [ON_TRIP_HOLD_REMOVALS] = "hold-removals",
        [ON_TRIP_STOP] = "stop",
};

const char *guard_reason_to_string(GuardReason r) {
        return r >= 0 && r < _GUARD_REASON_MAX ? reason_names[r] : NULL;
}

const char *on_trip_to_string(OnTrip o) {
        return o >= 0 && o < _ON_TRIP_MAX ? on_trip_names[o] : NULL;
}

OnTrip on_trip_from_string(const char *s) {
        for (OnTrip o = 0; o < _ON_TRIP_MAX; o++)
                if (streq(s, on_trip_names[o]))
                        return o;
        return _ON_TRIP_INVALID;
}

static bool over(uint64_t count, uint64_t limit, bool exceeded) {
        return exceeded ? count > limit : count >= limit;
}

static bool percent_applies(const GuardLimits *l, uint64_t population) {
        return l->percent != GUARD_NO_LIMIT && population >= l->minimum_population;
}

GuardReason guard_trips(const GuardLimits *l, uint64_t counted, uint64_t population) {
        /* Nothing to remove can be no mass removal, not even with a limit of 0, which "holds every removal". */
        if (!l->prevent || counted == 0)
                return GUARD_PASSED;
        /* 0 holds every removal whatever the comparator says: "exceeds 0" and "reaches 0" both hold the first. */
        if (over(counted, l->threshold, l->exceeded))
                return GUARD_TRIPPED_THRESHOLD;
        if (percent_applies(l, population)) {
                /* G3: count * 100 against P * population, in 128 bits, both sides in millionths. */
                __uint128_t left = (__uint128_t) counted * 100 * GUARD_PERCENT_SCALE;
                __uint128_t right = (__uint128_t) l->percent * population;

                if (l->exceeded ? left > right : left >= right)
                        return GUARD_TRIPPED_PERCENT;
        }
        return GUARD_PASSED;
}

uint64_t guard_smallest_trip(const GuardLimits *l, uint64_t population) {
        uint64_t limit, by_percent;

        if (!l->prevent)
                return GUARD_NO_LIMIT;
        limit = l->exceeded ? l->threshold + 1 : l->threshold;
        if (l->exceeded && l->threshold == UINT64_MAX)
                limit = GUARD_NO_LIMIT;
        if (percent_applies(l, population)) {
                __uint128_t right = (__uint128_t) l->percent * population;
                __uint128_t unit = (__uint128_t) 100 * GUARD_PERCENT_SCALE;

                /* reached: the smallest c with c * unit >= right; exceeded: with c * unit > right. */
                by_percent = (uint64_t) (l->exceeded ? right / unit + 1 : (right + unit - 1) / unit);
                limit = MIN2(limit, by_percent);
        }
        return MAX2(limit, UINT64_C(1));
}

bool guard_group_loses(const GuardLimits *l, const Change *c) {
        return c->action == CHANGE_MEMBERS && !c->follows && c->n_remove > 0 && l->group_loss_share != GUARD_NO_LIMIT &&
               c->n_members >= l->group_loss_minimum &&
               (__uint128_t) c->n_lost * 100 * GUARD_PERCENT_SCALE >= (__uint128_t) l->group_loss_share * c->n_members;
}

/* G11: not one of those would stay who are in the group now. */
static bool empties_group(const GuardLimits *l, const Change *c) {
        return l->prevent && l->hold_emptied && c->action == CHANGE_MEMBERS && !c->follows && c->n_remove > 0 &&
               c->n_members >= MAX2(l->group_loss_minimum, UINT64_C(1)) && c->n_lost >= c->n_members;
}

/* C4, as a number to sort by. Restores enable an object again: they belong to the updates. */
static unsigned rank(const Change *c) {
        switch (c->action) {
        case CHANGE_CREATE:
        case CHANGE_ADOPT:
        case CHANGE_UPDATE:
        case CHANGE_RESTORE:
                return c->late ? 2 : c->kind == OBJECT_KIND_USER ? 0 : 1;
        case CHANGE_MEMBERS:
                /* A change of memberships that only takes away belongs to the removals. */
                return c->n_add > 0 ? 3 : 4;
        case CHANGE_DISABLE:
        case CHANGE_DELETE:
                return c->kind == OBJECT_KIND_GROUP ? 5 : 6;
        case _CHANGE_ACTION_MAX:
        case _CHANGE_ACTION_INVALID:
                break;
        }
        assert(false);
        return 7;
}

/* A stable counting sort: within a rank the order of the source stays. */
static void sort_by_rank(SealedPlan *s) {
        size_t start[8] = {};

        for (size_t i = 0; i < s->n; i++)
                start[rank(&s->plan->changes[i]) + 1]++;
        for (size_t k = 1; k < ELEMENTSOF(start); k++)
                start[k] += start[k - 1];
        for (size_t i = 0; i < s->n; i++)
                s->order[start[rank(&s->plan->changes[i])]++] = (uint32_t) i;
}

static bool needs_judgement(const Change *c) {
        return change_action_is_removal(c->action) && c->standing == STANDING_NEW;
}

/* Whom the source has given up: what is judged now, was allowed before, or is in the target only because somebody holds it. */
typedef struct Toll {
        uint64_t all[_OBJECT_KIND_MAX], enabled[_OBJECT_KIND_MAX];
        uint32_t kinds;           /* with a removal that is to be judged */
        bool unassigned;          /* and one for that cause */
} Toll;

static Toll take_toll(const Plan *plan, const GuardSituation *s) {
        Toll t = {};

        /* What the target has refused is tried again: it is no sign of life. */
        memcpy(t.all, s->waiting, sizeof(t.all));
        memcpy(t.enabled, s->waiting_enabled, sizeof(t.enabled));
        for (size_t i = 0; i < plan->n_changes; i++) {
                const Change *c = &plan->changes[i];

                if (!change_action_is_removal(c->action) || c->standing == STANDING_STAGED)
                        continue;
                t.all[c->kind]++;
                t.enabled[c->kind] += !c->second;
                if (c->standing != STANDING_NEW)
                        continue;
                t.kinds |= OBJECT_KIND_MASK(c->kind);
                t.unassigned = t.unassigned || c->cause == CAUSE_UNASSIGNED;
        }
        return t;
}

/* E6 */
static bool takes_every(const Toll *t, const GuardSituation *s, ObjectKind k) {
        return (t->kinds & OBJECT_KIND_MASK(k)) &&
               ((s->enabled[k] >= GUARD_HANDFUL && t->enabled[k] >= s->enabled[k]) ||
                (s->links[k] >= GUARD_HANDFUL && t->all[k] >= s->links[k]));
}

/* The rules of evidence. They hold whatever the limits are, and also without any. */
static GuardReason judge_evidence(const Plan *plan, const GuardSituation *s) {
        Toll t = take_toll(plan, s);

        if (s->empty_kinds & t.kinds)
                return GUARD_TRIPPED_EMPTY_SOURCE;
        if (s->configuration_changed && t.kinds != 0)
                return GUARD_TRIPPED_CONFIGURATION;
        if (s->missing_groups && t.unassigned)
                return GUARD_TRIPPED_ASSIGNMENT;
        for (ObjectKind k = 0; k < _OBJECT_KIND_MAX; k++)
                if (takes_every(&t, s, k))
                        return GUARD_TRIPPED_EVERYTHING;
        return GUARD_PASSED;
}

static GuardVerdict judge(const Plan *plan, const GuardLimits *limits, const GuardSituation *s) {
        GuardVerdict v = { .population = s->population, .exceeded = limits->exceeded, .missing_groups = s->missing_groups };
        uint64_t budget_left;

        for (size_t i = 0; i < plan->n_changes; i++) {
                const Change *c = &plan->changes[i];

                if (needs_judgement(c)) {
                        *(c->carried ? &v.carried : &v.counted) += 1;
                        v.second_wave += c->second != NULL;
                } else if (c->action == CHANGE_MEMBERS && !c->follows) {
                        v.membership_removals += c->n_remove;
                        v.groups_losing += guard_group_loses(limits, c);
                        v.groups_emptied += empties_group(limits, c);
                }
        }

        v.limit = guard_smallest_trip(limits, s->population);
        budget_left = limits->budget == GUARD_NO_LIMIT       ? GUARD_NO_LIMIT
                      : limits->budget > s->budget_used      ? limits->budget - s->budget_used
                                                             : 0;
        v.reason = judge_evidence(plan, s);
        if (limits->prevent) {
                if (v.reason == GUARD_PASSED)
                        v.reason = guard_trips(limits, v.counted, s->population);
                if (v.reason == GUARD_PASSED && v.counted + v.carried > budget_left)
                        v.reason = GUARD_TRIPPED_BUDGET;
                v.memberships_tripped = limits->membership_threshold != GUARD_NO_LIMIT && v.membership_removals > 0 &&
                                        over(v.membership_removals, limits->membership_threshold, limits->exceeded);
        }
        v.tripped = v.reason != GUARD_PASSED;
        v.joined = !v.tripped && s->review_open && v.counted + v.carried > 0;
        if (!v.tripped) {
                uint64_t most = v.limit == GUARD_NO_LIMIT ? GUARD_NO_LIMIT : v.limit - 1;

                if (limits->prevent)
                        most = MIN2(most, budget_left == GUARD_NO_LIMIT ? budget_left : budget_left - v.carried);
                v.headroom = most == GUARD_NO_LIMIT ? GUARD_NO_LIMIT : most - v.counted;
        }
        return v;
}

static Fate decide(const Change *c, const GuardLimits *limits, const GuardSituation *s, const GuardVerdict *v) {
        /* Q2: what a review withholds, and what a trip of this cycle withholds, is the same to the rest of the plan. */
        bool withholding = v->tripped || s->review_open;

        if (change_action_is_removal(c->action))
                switch (c->standing) {
                case STANDING_NEW:
                        return withholding ? FATE_STAGE : FATE_APPLY;
                case STANDING_STAGED:
                        return FATE_KEEP_STAGED;
                case STANDING_HELD:
                        return FATE_HELD;
                case STANDING_ALLOWED:
                        return FATE_APPLY;
                }

        /* A membership that ends because its object does shares the object's fate. */
        if (c->follows)
                return c->standing == STANDING_ALLOWED || !withholding ? FATE_APPLY : FATE_WITHHELD;
        if (withholding && limits->on_trip == ON_TRIP_STOP)
                return FATE_WITHHELD;
        if (c->blocked_by)
                return withholding ? (c->standing == STANDING_STAGED ? FATE_KEEP_STAGED : FATE_STAGE) : FATE_WAIT;
        if (c->action == CHANGE_MEMBERS && c->n_remove > 0 && (v->memberships_tripped || empties_group(limits, c)))
                return FATE_STAGE_MEMBERS;
        return FATE_APPLY;
}

int guard_judge(Plan *plan, const GuardLimits *limits, const GuardSituation *situation, SealedPlan **ret,
                GuardVerdict *ret_verdict) {
        _cleanup_(sealed_plan_freep) SealedPlan *s = NULL;
        GuardVerdict verdict;

        s = calloc(1, sizeof(*s));
        if (!s) {
                plan_free(plan);
                return -ENOMEM;
        }
        s->plan = plan;
        s->n = plan->n_changes;
        s->fates = malloc(s->n + 1);
        s->order = reallocarray(NULL, s->n + 1, sizeof(uint32_t));
        if (!s->fates || !s->order)
                return -ENOMEM;
        if (s->n > UINT32_MAX)
                return -E2BIG;

        verdict = judge(plan, limits, situation);
        for (size_t i = 0; i < s->n; i++)
                s->fates[i] = (uint8_t) decide(&plan->changes[i], limits, situation, &verdict);
        sort_by_rank(s);

        *ret_verdict = verdict;
        *ret = TAKE_PTR(s);
        return 0;
}

size_t sealed_plan_size(const SealedPlan *p) {
        return p->n;
}

Change *sealed_plan_get(SealedPlan *p, size_t i, Fate *ret_fate) {
        assert(i < p->n);
        *ret_fate = (Fate) p->fates[p->order[i]];
        return &p->plan->changes[p->order[i]];
}

Arena *sealed_plan_arena(SealedPlan *p) {
        return p->plan->arena;
}

SealedPlan *sealed_plan_free(SealedPlan *p) {
        if (!p)
                return NULL;

        plan_free(p->plan);
        free(p->fates);
        free(p->order);
        free(p);
        return NULL;
}
