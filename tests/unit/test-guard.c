/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdio.h>

#include "guard.h"
#include "tap.h"

#define ENABLED (UINT64_C(10000))

static Plan *plan_with(uint64_t deletes, uint64_t disables, uint64_t creates) {
        Plan *p = plan_new();
        Change *c;

        for (uint64_t i = 0; i < deletes + disables + creates; i++)
                if (plan_add(p, i < deletes ? CHANGE_DELETE : i < deletes + disables ? CHANGE_DISABLE : CHANGE_CREATE,
                             i % 3 == 0 ? OBJECT_KIND_GROUP : OBJECT_KIND_USER, &c) < 0)
                        abort();
        return p;
}

static uint64_t count_fate(SealedPlan *s, Fate wanted, bool removals) {
        uint64_t n = 0;
        Fate f;

        for (size_t i = 0; i < sealed_plan_size(s); i++)
                if (change_action_is_removal(sealed_plan_get(s, i, &f)->action) == removals && f == wanted)
                        n++;
        return n;
}

static bool tripped(uint64_t counted, GuardLimits l, GuardSituation s, GuardVerdict *ret) {
        _cleanup_(sealed_plan_freep) SealedPlan *sealed = NULL;

        if (guard_judge(plan_with(counted, 0, 0), &l, &s, &sealed, ret) < 0)
                abort();
        return ret->tripped;
}

TEST(g1_deletes_and_disables_of_both_kinds_are_counted_together) {
        _cleanup_(sealed_plan_freep) SealedPlan *sealed = NULL;
        GuardLimits l = GUARD_LIMITS_DEFAULT;
        GuardVerdict v;

        l.threshold = 10;
        CHECK_INT(guard_judge(plan_with(6, 4, 50), &l, &(GuardSituation) { .population = ENABLED }, &sealed, &v), 0);
        CHECK_INT(v.counted, 10);
        CHECK(v.tripped);
        CHECK_INT(count_fate(sealed, FATE_STAGE, true), 10);
        CHECK_INT(count_fate(sealed, FATE_APPLY, false), 50);
}

TEST(g1_held_and_staged_are_not_counted) {
        _cleanup_(sealed_plan_freep) SealedPlan *sealed = NULL;
        GuardLimits l = GUARD_LIMITS_DEFAULT;
        Plan *p = plan_with(20, 0, 0);
        GuardVerdict v;

        l.threshold = 5;
        for (int i = 0; i < 20; i++)
                p->changes[i].standing = i < 4 ? STANDING_NEW : i < 10 ? STANDING_HELD : STANDING_ALLOWED;
        CHECK_INT(guard_judge(p, &l, &(GuardSituation) { .population = ENABLED }, &sealed, &v), 0);
        CHECK_INT(v.counted, 4);
        CHECK(!v.tripped);
        CHECK_INT(v.headroom, 0);
        CHECK_INT(count_fate(sealed, FATE_APPLY, true), 14);
        CHECK_INT(count_fate(sealed, FATE_HELD, true), 6);
}

static GuardVerdict judge_second_wave(int n, int carried, GuardLimits l, GuardSituation s) {
        static const Disabling second = { .at = 1, .user = "alice", .review = "0123456789abcdef" };
        _cleanup_(sealed_plan_freep) SealedPlan *sealed = NULL;
        Plan *p = plan_with((uint64_t) n, 0, 0);
        GuardVerdict v;

        for (int i = 0; i < n; i++) {
                p->changes[i].second = &second;
                p->changes[i].carried = i < carried;
        }
        if (guard_judge(p, &l, &s, &sealed, &v) < 0 ||
            count_fate(sealed, v.tripped || s.review_open ? FATE_STAGE : FATE_APPLY, true) != (uint64_t) n)
                abort();
        return v;
}

TEST(r5_a_second_wave_is_counted_unless_its_approval_is_carried_over) {
        GuardSituation s = { .population = ENABLED };
        GuardLimits l = GUARD_LIMITS_DEFAULT;
        GuardVerdict v;

        l.threshold = 5;
        v = judge_second_wave(10, 0, l, s);
        CHECK(v.tripped && v.counted == 10 && v.second_wave == 10 && v.carried == 0);
        v = judge_second_wave(10, 7, l, s);
        CHECK(!v.tripped && v.counted == 3 && v.second_wave == 10 && v.carried == 7);
        CHECK_INT(v.headroom, 1);
        v = judge_second_wave(10, 5, l, s);
        CHECK(v.tripped && v.counted == 5);
}

TEST(r5_what_is_carried_over_meets_every_other_rule) {
        GuardSituation s = { .population = ENABLED };
        GuardLimits l = GUARD_LIMITS_DEFAULT;

        CHECK_INT(judge_second_wave(3, 3, l, (GuardSituation) { .empty_kinds = 3 }).reason, GUARD_TRIPPED_EMPTY_SOURCE);
        CHECK_INT(judge_second_wave(3, 3, l, (GuardSituation) { .configuration_changed = true }).reason, GUARD_TRIPPED_CONFIGURATION);
        CHECK(judge_second_wave(3, 3, l, (GuardSituation) { .review_open = true }).joined);
        l.budget = 10;
        s.budget_used = 8;
        CHECK_INT(judge_second_wave(3, 3, l, s).reason, GUARD_TRIPPED_BUDGET);
        s.budget_used = 7;
        CHECK_INT(judge_second_wave(3, 3, l, s).reason, GUARD_PASSED);
        CHECK_INT(judge_second_wave(3, 3, l, s).headroom, 0);
}

TEST(g2_the_threshold_trips_when_it_is_reached_or_exceeded) {
        static const struct {
                uint64_t threshold, counted;
                bool exceeded, trips;
        } table[] = {
                { 500, 499, false, false }, { 500, 500, false, true }, { 500, 501, false, true },
                { 500, 499, true, false },  { 500, 500, true, false }, { 500, 501, true, true },
                { 1, 0, false, false },     { 1, 1, false, true },     { 1, 1, true, false }, { 1, 2, true, true },
                { 0, 0, false, false },     { 0, 1, false, true },     { 0, 0, true, false }, { 0, 1, true, true },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                GuardLimits l = GUARD_LIMITS_DEFAULT;
                GuardVerdict v;

                l.threshold = table[i].threshold;
                l.exceeded = table[i].exceeded;
                CHECK_INT(tripped(table[i].counted, l, (GuardSituation) { .population = ENABLED }, &v),
                          table[i].trips);
                CHECK_INT(v.limit, MAX2((uint64_t) 1, l.threshold + l.exceeded));
                CHECK_INT(v.headroom, table[i].trips ? 0 : v.limit - 1 - v.counted);
        }
}

TEST(g2_two_to_the_31_and_beyond) {
        GuardLimits l = GUARD_LIMITS_DEFAULT;

        l.threshold = UINT64_C(1) << 31;
        CHECK_INT(guard_trips(&l, (UINT64_C(1) << 31) - 1, 1), GUARD_PASSED);
        CHECK_INT(guard_trips(&l, UINT64_C(1) << 31, 1), GUARD_TRIPPED_THRESHOLD);
        l.threshold = UINT64_MAX;
        l.percent = 100 * GUARD_PERCENT_SCALE;
        CHECK_INT(guard_trips(&l, UINT64_MAX - 1, UINT64_MAX), GUARD_PASSED);
        CHECK_INT(guard_trips(&l, UINT64_MAX / 2, UINT64_MAX / 2), GUARD_TRIPPED_PERCENT);
        CHECK(guard_smallest_trip(&l, UINT64_MAX - 1) == UINT64_MAX - 1);
}

TEST(g2_off_is_a_word_and_not_a_number) {
        GuardLimits l = GUARD_LIMITS_DEFAULT;
        GuardVerdict v;

        l.prevent = false;
        l.threshold = 0;
        CHECK(!tripped(100, l, (GuardSituation) { .population = 100 }, &v));
        CHECK(v.limit == GUARD_NO_LIMIT);
}

TEST(g2_without_limits_the_rules_of_evidence_still_hold) {
        char *missing[] = { (char *) "Sales", NULL };
        GuardLimits l = GUARD_LIMITS_DEFAULT;
        GuardVerdict v;

        l.prevent = false;
        CHECK(tripped(100, l, (GuardSituation) { .population = 100, .empty_kinds = 3 }, &v));
        CHECK_INT(v.reason, GUARD_TRIPPED_EMPTY_SOURCE);
        CHECK(tripped(1, l, (GuardSituation) { .population = 100, .configuration_changed = true }, &v));
        CHECK_INT(v.reason, GUARD_TRIPPED_CONFIGURATION);
        CHECK(tripped(30, l, (GuardSituation) { .population = 100, .links = { 20, 50 }, .enabled = { 20, 50 } }, &v));
        CHECK_INT(v.reason, GUARD_TRIPPED_EVERYTHING);
        /* Nobody is unassigned. */
        CHECK(!tripped(30, l, (GuardSituation) { .population = 100, .missing_groups = missing }, &v));
}

TEST(e6_a_plan_that_leaves_nobody_of_a_kind_trips) {
        /* plan_with() has one group in three. */
        static const struct {
                uint64_t removals, users, enabled_users;
                bool trips;
        } table[] = {
                { 9, 6, 6, true }, { 9, 7, 7, false }, { 9, 7, 6, true }, { 6, 4, 4, false }, { 8, 5, 5, true }, { 9, 100, 0, false },
        };
        GuardLimits l = GUARD_LIMITS_DEFAULT;
        GuardVerdict v;

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                GuardSituation s = { .population = ENABLED, .links = { table[i].users, 1000 }, .enabled = { table[i].enabled_users, 1000 } };

                CHECK_INT(tripped(table[i].removals, l, s, &v), table[i].trips);
                CHECK_INT(v.reason, table[i].trips ? GUARD_TRIPPED_EVERYTHING : GUARD_PASSED);
        }
}

TEST(e6_what_is_allowed_goes_and_what_is_disabled_counts_as_gone) {
        static const Disabling second = { .at = 1 };
        _cleanup_(sealed_plan_freep) SealedPlan *sealed = NULL, *other = NULL;
        GuardSituation s = { .population = 12, .links = { 12, 0 }, .enabled = { 10, 0 } };
        GuardLimits l = GUARD_LIMITS_DEFAULT;
        Plan *p = plan_with(12, 0, 0), *q = plan_with(12, 0, 0);
        GuardVerdict v;

        for (int i = 0; i < 12; i++) {
                p->changes[i].kind = q->changes[i].kind = OBJECT_KIND_USER;
                p->changes[i].standing = STANDING_ALLOWED;
                q->changes[i].standing = i < 8 ? STANDING_ALLOWED : i == 11 ? STANDING_HELD : STANDING_NEW;
                q->changes[i].second = i == 11 || i == 10 ? &second : NULL;
        }
        CHECK_INT(guard_judge(p, &l, &s, &sealed, &v), 0);
        CHECK_INT(v.reason, GUARD_PASSED);
        /* Eight allowed and two new ones are all ten that are enabled. */
        CHECK_INT(guard_judge(q, &l, &s, &other, &v), 0);
        CHECK_INT(v.reason, GUARD_TRIPPED_EVERYTHING);
        CHECK_INT(count_fate(other, FATE_STAGE, true), 3);
        CHECK_INT(count_fate(other, FATE_APPLY, true), 8);
}

TEST(e6_whose_removal_waits_in_escrow_is_no_sign_of_life) {
        GuardSituation s = { .population = 12, .links = { 12, 0 }, .enabled = { 10, 0 } };
        GuardLimits l = GUARD_LIMITS_DEFAULT;
        GuardVerdict v;

        /* plan_with() has one group in three. */
        s.waiting[OBJECT_KIND_USER] = s.waiting_enabled[OBJECT_KIND_USER] = 7;
        CHECK(!tripped(3, l, s, &v));
        s.waiting[OBJECT_KIND_USER] = s.waiting_enabled[OBJECT_KIND_USER] = 8;
        CHECK(tripped(3, l, s, &v));
        CHECK_INT(v.reason, GUARD_TRIPPED_EVERYTHING);
        s.waiting_enabled[OBJECT_KIND_USER] = 7;
        CHECK(!tripped(3, l, s, &v));
        s.waiting[OBJECT_KIND_USER] = 10;
        CHECK(tripped(3, l, s, &v));
        CHECK(!tripped(0, l, s, &v));
}

TEST(e6_who_is_held_is_no_sign_of_life) {
        for (int n_held = 7; n_held <= 9; n_held++) {
                _cleanup_(sealed_plan_freep) SealedPlan *sealed = NULL;
                GuardSituation s = { .population = 12, .links = { 12, 0 }, .enabled = { 12, 0 } };
                GuardLimits l = GUARD_LIMITS_DEFAULT;
                Plan *p = plan_with(n_held + 3, 0, 0);
                GuardVerdict v;

                for (int i = 0; i < n_held + 3; i++) {
                        p->changes[i].kind = OBJECT_KIND_USER;
                        p->changes[i].standing = i < n_held ? STANDING_HELD : STANDING_NEW;
                }
                CHECK_INT(guard_judge(p, &l, &s, &sealed, &v), 0);
                CHECK_INT(v.counted, 3);
                CHECK_INT(v.reason, n_held == 9 ? GUARD_TRIPPED_EVERYTHING : GUARD_PASSED);
        }
}

TEST(e7_nobody_is_unassigned_because_a_group_is_missing) {
        _cleanup_(sealed_plan_freep) SealedPlan *sealed = NULL;
        char *missing[] = { (char *) "Sales", NULL };
        GuardLimits l = GUARD_LIMITS_DEFAULT;
        Plan *p = plan_with(1, 1, 1);
        GuardVerdict v;

        p->changes[1].cause = CAUSE_UNASSIGNED;
        CHECK_INT(guard_judge(p, &l, &(GuardSituation) { .population = ENABLED, .missing_groups = missing }, &sealed, &v), 0);
        CHECK_INT(v.reason, GUARD_TRIPPED_ASSIGNMENT);
        CHECK_STR(v.missing_groups[0], "Sales");
        CHECK_INT(count_fate(sealed, FATE_STAGE, true), 2);
        CHECK_INT(count_fate(sealed, FATE_APPLY, false), 1);
}

TEST(g3_the_percentage_is_compared_exactly) {
        static const struct {
                uint64_t percent_millionths, population, counted;
                bool exceeded, trips;
        } table[] = {
                /* 10 % of 30 is 3 exactly; of 29 it is 2.9, of 31 it is 3.1: neither is rounded. */
                { 10000000, 30, 2, false, false }, { 10000000, 30, 3, false, true },
                { 10000000, 30, 3, true, false },  { 10000000, 30, 4, true, true },
                { 10000000, 29, 2, false, false }, { 10000000, 29, 3, true, true },
                { 10000000, 31, 3, false, false }, { 10000000, 31, 4, false, true },
                /* 33.333333 % of 3,000,000 is 999,999.99: one more than 999,999 reaches it. */
                { 33333333, 3000000, 999999, false, false }, { 33333333, 3000000, 1000000, false, true },
                { 12500000, 80, 10, false, true }, { 12500000, 80, 10, true, false }, { 12500000, 80, 9, false, false },
                { 100000000, 20, 19, false, false }, { 100000000, 20, 20, false, true },
                { 0, 100, 1, false, true }, { 0, 100, 0, false, false }, { 1, 100, 1, false, true },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                GuardLimits l = GUARD_LIMITS_DEFAULT;
                GuardReason expected = table[i].trips ? GUARD_TRIPPED_PERCENT : GUARD_PASSED;

                l.threshold = UINT64_C(1) << 40;
                l.percent = table[i].percent_millionths;
                l.exceeded = table[i].exceeded;
                CHECK_INT(guard_trips(&l, table[i].counted, table[i].population), expected);
                CHECK_INT(table[i].counted >= guard_smallest_trip(&l, table[i].population), table[i].trips);
        }
}

TEST(g3_the_percentage_is_ignored_below_the_minimum_population) {
        GuardLimits l = GUARD_LIMITS_DEFAULT;

        l.percent = 10 * GUARD_PERCENT_SCALE;
        l.minimum_population = 20;
        CHECK_INT(guard_trips(&l, 19, 19), GUARD_PASSED);
        CHECK_INT(guard_trips(&l, 2, 20), GUARD_TRIPPED_PERCENT);
        CHECK_INT(guard_trips(&l, 1, 0), GUARD_PASSED);
        l.minimum_population = 0;
        CHECK_INT(guard_trips(&l, 1, 0), GUARD_TRIPPED_PERCENT);
        CHECK_INT(guard_trips(&l, 0, 0), GUARD_PASSED);
}

TEST(g4_the_default_is_on_at_500) {
        GuardLimits l = GUARD_LIMITS_DEFAULT;

        CHECK(l.prevent);
        CHECK_INT(guard_trips(&l, 499, 1000000), GUARD_PASSED);
        CHECK_INT(guard_trips(&l, 500, 1000000), GUARD_TRIPPED_THRESHOLD);
}

TEST(g5_memberships_have_a_limit_of_their_own) {
        for (uint32_t n = 1; n <= 3; n++) {
                _cleanup_(sealed_plan_freep) SealedPlan *sealed = NULL;
                GuardLimits l = GUARD_LIMITS_DEFAULT;
                Plan *p = plan_with(3, 0, 0);
                GuardVerdict v;
                Change *c;

                l.membership_threshold = 2;
                CHECK_INT(plan_add(p, CHANGE_MEMBERS, OBJECT_KIND_GROUP, &c), 0);
                c->n_remove = n;
                CHECK_INT(guard_judge(p, &l, &(GuardSituation) { .population = ENABLED }, &sealed, &v), 0);
                CHECK(!v.tripped);
                CHECK_INT(v.memberships_tripped, n >= 2);
                CHECK_INT(v.counted, 3);
                CHECK_INT(count_fate(sealed, FATE_STAGE_MEMBERS, false), n >= 2);
                CHECK_INT(count_fate(sealed, FATE_APPLY, true), 3);
        }
}

/* 0: the limits pass; 1: they trip; 2: a review is open */
TEST(g5_a_membership_that_ends_with_its_object_shares_its_fate) {
        for (int withholding = 0; withholding < 3; withholding++) {
                _cleanup_(sealed_plan_freep) SealedPlan *sealed = NULL;
                GuardSituation s = { .population = ENABLED, .review_open = withholding == 2 };
                GuardLimits l = GUARD_LIMITS_DEFAULT;
                Plan *p = plan_with(1, 0, 0);
                GuardVerdict v;
                Change *c;
                Fate f;

                l.threshold = withholding == 1 ? 1 : 2;
                l.membership_threshold = 0;
                for (int i = 0; i < 2; i++) {
                        CHECK_INT(plan_add(p, CHANGE_MEMBERS, OBJECT_KIND_GROUP, &c), 0);
                        c->follows = true;
                        c->standing = i == 0 ? STANDING_NEW : STANDING_ALLOWED;
                        c->n_remove = 5;
                }
                CHECK_INT(guard_judge(p, &l, &s, &sealed, &v), 0);
                CHECK_INT(v.membership_removals, 0);
                CHECK(!v.memberships_tripped);
                for (size_t i = 0; i < sealed_plan_size(sealed); i++) {
                        c = sealed_plan_get(sealed, i, &f);
                        if (c->action == CHANGE_MEMBERS)
                                CHECK_INT(f, c->standing == STANDING_ALLOWED || withholding == 0 ? FATE_APPLY : FATE_WITHHELD);
                }
        }
}

TEST(g6_on_a_trip_not_one_removal_is_carried_out) {
        _cleanup_(sealed_plan_freep) SealedPlan *sealed = NULL;
        GuardLimits l = GUARD_LIMITS_DEFAULT;
        GuardVerdict v;

        CHECK_INT(guard_judge(plan_with(2000, 0, 0), &l, &(GuardSituation) { .population = ENABLED }, &sealed, &v), 0);
        CHECK_INT(count_fate(sealed, FATE_APPLY, true), 0);
        CHECK_INT(count_fate(sealed, FATE_STAGE, true), 2000);
        CHECK_INT(v.headroom, 0);
}

TEST(g7_on_trip_stop_carries_out_nothing) {
        _cleanup_(sealed_plan_freep) SealedPlan *sealed = NULL;
        GuardLimits l = GUARD_LIMITS_DEFAULT;
        GuardVerdict v;

        l.threshold = 3;
        l.on_trip = ON_TRIP_STOP;
        CHECK_INT(guard_judge(plan_with(3, 0, 9), &l, &(GuardSituation) { .population = ENABLED }, &sealed, &v), 0);
        CHECK_INT(count_fate(sealed, FATE_WITHHELD, false), 9);
        CHECK_INT(count_fate(sealed, FATE_APPLY, true) + count_fate(sealed, FATE_APPLY, false), 0);
}

TEST(g7_a_change_that_needs_a_staged_object_s_name_is_staged_with_it) {
        for (int trip = 0; trip < 2; trip++) {
                _cleanup_(sealed_plan_freep) SealedPlan *sealed = NULL;
                GuardLimits l = GUARD_LIMITS_DEFAULT;
                Plan *p = plan_with(1, 0, 2);
                GuardVerdict v;

                l.threshold = trip ? 1 : 2;
                p->changes[1].blocked_by = "S1";
                CHECK_INT(guard_judge(p, &l, &(GuardSituation) { .population = ENABLED }, &sealed, &v), 0);
                CHECK_INT(count_fate(sealed, FATE_STAGE, false), trip);
                CHECK_INT(count_fate(sealed, FATE_WAIT, false), !trip);
                CHECK_INT(count_fate(sealed, FATE_APPLY, false), 1);
        }
}

TEST(g8_below_the_limit_removals_are_carried_out) {
        _cleanup_(sealed_plan_freep) SealedPlan *sealed = NULL;
        GuardLimits l = GUARD_LIMITS_DEFAULT;
        GuardVerdict v;

        CHECK_INT(guard_judge(plan_with(400, 99, 1), &l, &(GuardSituation) { .population = ENABLED }, &sealed, &v), 0);
        CHECK_INT(count_fate(sealed, FATE_APPLY, true), 499);
}

TEST(g9_the_verdict_carries_its_numbers) {
        GuardLimits l = GUARD_LIMITS_DEFAULT;
        GuardVerdict v;

        l.percent = 10 * GUARD_PERCENT_SCALE;
        CHECK(!tripped(7, l, (GuardSituation) { .population = 1000 }, &v));
        CHECK_INT(v.counted, 7);
        CHECK_INT(v.limit, 100);
        CHECK_INT(v.population, 1000);
        CHECK_INT(v.headroom, 92);
}

TEST(g10_the_budget_trips_a_plan_that_would_pass_it) {
        GuardLimits l = GUARD_LIMITS_DEFAULT;
        GuardVerdict v;

        l.budget = 100;
        CHECK(!tripped(40, l, (GuardSituation) { .population = ENABLED, .budget_used = 60 }, &v));
        CHECK_INT(v.headroom, 0);
        CHECK(tripped(41, l, (GuardSituation) { .population = ENABLED, .budget_used = 60 }, &v));
        CHECK_INT(v.reason, GUARD_TRIPPED_BUDGET);
        CHECK(tripped(1, l, (GuardSituation) { .population = ENABLED, .budget_used = 200 }, &v));
}

TEST(e3_an_empty_kind_trips_whatever_the_limits_are) {
        GuardLimits l = GUARD_LIMITS_DEFAULT;
        GuardVerdict v;

        l.threshold = UINT64_MAX;
        /* plan_with() makes change 0 a group */
        CHECK(tripped(1, l, (GuardSituation) { .population = 1, .empty_kinds = OBJECT_KIND_MASK(OBJECT_KIND_GROUP) }, &v));
        CHECK_INT(v.reason, GUARD_TRIPPED_EMPTY_SOURCE);
        CHECK(!tripped(1, l, (GuardSituation) { .population = 1, .empty_kinds = OBJECT_KIND_MASK(OBJECT_KIND_USER) }, &v));
        CHECK(!tripped(0, l, (GuardSituation) { .population = 0, .empty_kinds = 3 }, &v));
}

TEST(e4_any_removal_after_a_changed_configuration_trips) {
        GuardLimits l = GUARD_LIMITS_DEFAULT;
        GuardVerdict v;

        CHECK(tripped(1, l, (GuardSituation) { .population = ENABLED, .configuration_changed = true }, &v));
        CHECK_INT(v.reason, GUARD_TRIPPED_CONFIGURATION);
        CHECK(!tripped(0, l, (GuardSituation) { .population = ENABLED, .configuration_changed = true }, &v));
}

TEST(q2_new_removals_join_an_open_review) {
        _cleanup_(sealed_plan_freep) SealedPlan *sealed = NULL;
        GuardLimits l = GUARD_LIMITS_DEFAULT;
        Plan *p = plan_with(8, 0, 1);
        GuardVerdict v;

        for (int i = 0; i < 5; i++)
                p->changes[i].standing = STANDING_STAGED;
        p->changes[5].standing = STANDING_ALLOWED;
        CHECK_INT(guard_judge(p, &l, &(GuardSituation) { .population = ENABLED, .review_open = true }, &sealed, &v), 0);
        CHECK(!v.tripped && v.joined);
        CHECK_INT(count_fate(sealed, FATE_STAGE, true), 2);
        CHECK_INT(count_fate(sealed, FATE_KEEP_STAGED, true), 5);
        CHECK_INT(count_fate(sealed, FATE_APPLY, true), 1);
}

TEST(q3_no_limit_releases_what_is_staged) {
        _cleanup_(sealed_plan_freep) SealedPlan *sealed = NULL;
        GuardLimits l = GUARD_LIMITS_DEFAULT;
        Plan *p = plan_with(8, 0, 0);
        GuardVerdict v;

        l.prevent = false;
        for (int i = 0; i < 5; i++)
                p->changes[i].standing = STANDING_STAGED;
        CHECK_INT(guard_judge(p, &l, &(GuardSituation) { .population = ENABLED, .review_open = true }, &sealed, &v), 0);
        CHECK_INT(count_fate(sealed, FATE_APPLY, true), 0);
}

TEST(c4_the_order_of_application) {
        static const struct {
                ChangeAction action;
                ObjectKind kind;
                uint32_t n_add, n_remove;
                int rank;
                bool late;
        } table[] = {
                { CHANGE_DELETE, OBJECT_KIND_USER, 0, 0, 6, false },   { CHANGE_CREATE, OBJECT_KIND_GROUP, 0, 0, 1, false },
                { CHANGE_MEMBERS, OBJECT_KIND_GROUP, 1, 1, 3, false }, { CHANGE_DISABLE, OBJECT_KIND_GROUP, 0, 0, 5, false },
                { CHANGE_RESTORE, OBJECT_KIND_USER, 0, 0, 2, true },   { CHANGE_UPDATE, OBJECT_KIND_GROUP, 0, 0, 2, true },
                { CHANGE_UPDATE, OBJECT_KIND_USER, 0, 0, 0, false },   { CHANGE_MEMBERS, OBJECT_KIND_GROUP, 0, 1, 4, false },
                { CHANGE_RESTORE, OBJECT_KIND_USER, 0, 0, 0, false },  { CHANGE_DISABLE, OBJECT_KIND_USER, 0, 0, 6, false },
                { CHANGE_CREATE, OBJECT_KIND_USER, 0, 0, 0, false },
        };
        _cleanup_(sealed_plan_freep) SealedPlan *sealed = NULL;
        GuardLimits l = GUARD_LIMITS_DEFAULT;
        Plan *p = plan_new();
        GuardVerdict v;
        int last = 0;
        Change *c;
        Fate f;

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                CHECK_INT(plan_add(p, table[i].action, table[i].kind, &c), 0);
                c->n_add = table[i].n_add;
                c->n_remove = table[i].n_remove;
                c->late = table[i].late;
                c->record = (uint32_t) table[i].rank;
        }
        CHECK_INT(guard_judge(p, &l, &(GuardSituation) { .population = ENABLED }, &sealed, &v), 0);
        for (size_t i = 0; i < sealed_plan_size(sealed); i++) {
                int rank = (int) sealed_plan_get(sealed, i, &f)->record;

                CHECK(rank >= last);
                last = rank;
        }
}

/* One group with @members, of whom @lost leave. */
static Fate group_fate(uint32_t members, uint32_t lost, GuardLimits l, GuardVerdict *ret) {
        _cleanup_(sealed_plan_freep) SealedPlan *sealed = NULL;
        Plan *p = plan_new();
        Change *c;
        Fate f;

        if (plan_add(p, CHANGE_MEMBERS, OBJECT_KIND_GROUP, &c) < 0)
                abort();
        c->n_members = members;
        c->n_lost = c->n_remove = lost;
        if (guard_judge(p, &l, &(GuardSituation) { .population = ENABLED }, &sealed, ret) < 0)
                abort();
        (void) sealed_plan_get(sealed, 0, &f);
        return f;
}

TEST(g11_a_group_that_would_be_emptied_keeps_its_members_and_one_that_loses_many_is_counted) {
        static const struct {
                uint32_t members, lost;
                bool named, held;
        } table[] = {
                { 40, 40, true, true }, { 40, 39, true, false }, { 40, 20, true, false }, { 40, 19, false, false },
                { 10, 10, true, true }, { 9, 9, false, false },  { 11, 5, false, false }, { 11, 6, true, false },
        };
        GuardLimits l = GUARD_LIMITS_DEFAULT;
        GuardVerdict v;

        l.hold_emptied = true;
        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                CHECK_INT(group_fate(table[i].members, table[i].lost, l, &v),
                          table[i].held ? FATE_STAGE_MEMBERS : FATE_APPLY);
                CHECK_INT(v.groups_losing, table[i].named);
                CHECK_INT(v.groups_emptied, table[i].held);
                CHECK(!v.tripped && !v.memberships_tripped);
        }
}

TEST(g11_by_default_the_limits_decide) {
        GuardLimits l = GUARD_LIMITS_DEFAULT;
        GuardVerdict v;

        CHECK_INT(group_fate(40, 40, l, &v), FATE_APPLY);
        CHECK_INT(v.groups_losing, 1);
        l.hold_emptied = true;
        l.prevent = false;
        CHECK_INT(group_fate(40, 40, l, &v), FATE_APPLY);
        l.prevent = true;
        l.group_loss_minimum = 0;
        l.group_loss_share = 100 * GUARD_PERCENT_SCALE;
        CHECK_INT(group_fate(3, 3, l, &v), FATE_STAGE_MEMBERS);
        CHECK_INT(group_fate(3, 2, l, &v), FATE_APPLY);
        CHECK_INT(v.groups_losing, 0);
}

TEST(g5_memberships_have_a_limit_by_default) {
        GuardVerdict v;

        CHECK_INT(group_fate(100000, 1999, GUARD_LIMITS_DEFAULT, &v), FATE_APPLY);
        CHECK_INT(group_fate(100000, 2000, GUARD_LIMITS_DEFAULT, &v), FATE_STAGE_MEMBERS);
        CHECK(v.memberships_tripped);
}

/* ---- random plans against a second, naive implementation ---- */

static uint64_t state = 1;

static uint64_t rnd(uint64_t n) {
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        return (state >> 33) % n;
}

/* Straight from the words of the rules, with long division by hand instead of 128 bits. */
static bool naive_trips(const GuardLimits *l, const GuardSituation *s, uint64_t counted, uint32_t kinds, const uint64_t *going,
                        uint64_t unassigned) {
        if (counted == 0)
                return false;
        if (s->empty_kinds & kinds)
                return true;
        if (s->configuration_changed)
                return true;
        if (s->missing_groups && unassigned > 0)
                return true;
        for (int k = 0; k < 2; k++)
                if ((kinds & OBJECT_KIND_MASK(k)) && s->enabled[k] > 4 && going[k] >= s->enabled[k])
                        return true;
        if (!l->prevent)
                return false;
        if (l->exceeded ? counted > l->threshold : counted >= l->threshold)
                return true;
        if (l->percent != GUARD_NO_LIMIT && s->population >= l->minimum_population) {
                /* P in whole percent here, populations small: doubles of integers are exact. */
                double left = (double) counted * 100.0 * 1e6, right = (double) l->percent * (double) s->population;

                if (l->exceeded ? left > right : left >= right)
                        return true;
        }
        return l->budget != GUARD_NO_LIMIT && s->budget_used + counted > l->budget;
}

TEST(random_plans_agree_with_a_naive_guard) {
        uint64_t seed = 20261122;

        state = seed;
        tap_diag("seed %llu", (unsigned long long) seed);
        for (int round = 0; round < 20000; round++) {
                _cleanup_(sealed_plan_freep) SealedPlan *sealed = NULL;
                GuardLimits l = GUARD_LIMITS_DEFAULT;
                static char *const missing[] = { (char *) "Sales", NULL };
                GuardSituation s = { .population = rnd(60), .budget_used = rnd(10), .empty_kinds = (uint32_t) (rnd(8) == 0 ? rnd(4) : 0),
                                     .configuration_changed = rnd(10) == 0, .review_open = rnd(4) == 0,
                                     .links = { 100, 100 }, .enabled = { rnd(12), rnd(12) },
                                     .missing_groups = rnd(10) == 0 ? missing : NULL };
                uint64_t counted = 0, applied_new = 0, n = rnd(25), unassigned = 0, going[2] = {};
                uint32_t kinds = 0;
                Plan *p = plan_new();
                GuardVerdict v;
                Change *c;
                Fate f;

                l.prevent = rnd(8) != 0;
                l.threshold = rnd(16);
                l.exceeded = rnd(2);
                l.percent = rnd(2) ? rnd(101) * GUARD_PERCENT_SCALE : GUARD_NO_LIMIT;
                l.minimum_population = rnd(30);
                l.budget = rnd(3) == 0 ? rnd(20) : GUARD_NO_LIMIT;
                l.on_trip = rnd(2) ? ON_TRIP_STOP : ON_TRIP_HOLD_REMOVALS;
                for (uint64_t i = 0; i < n; i++) {
                        CHECK_INT(plan_add(p, (ChangeAction) rnd(_CHANGE_ACTION_MAX), rnd(2) ? OBJECT_KIND_USER : OBJECT_KIND_GROUP, &c), 0);
                        c->standing = (Standing) rnd(4);
                        if (!change_action_is_removal(c->action))
                                c->standing = STANDING_NEW;
                        if (change_action_is_removal(c->action) && c->standing != STANDING_STAGED)
                                going[c->kind]++;
                        if (change_action_is_removal(c->action) && c->standing == STANDING_NEW) {
                                c->cause = (Cause) (1 + rnd(_CAUSE_MAX - 1));
                                unassigned += c->cause == CAUSE_UNASSIGNED;
                                counted++;
                                kinds |= OBJECT_KIND_MASK(c->kind);
                        }
                }
                CHECK_INT(guard_judge(p, &l, &s, &sealed, &v), 0);
                CHECK_INT(v.counted, counted);
                CHECK_INT(v.tripped, naive_trips(&l, &s, counted, kinds, going, unassigned));
                for (size_t i = 0; i < sealed_plan_size(sealed); i++) {
                        c = sealed_plan_get(sealed, i, &f);
                        if (!change_action_is_removal(c->action))
                                continue;
                        if (c->standing == STANDING_NEW && f == FATE_APPLY)
                                applied_new++;
                        CHECK(c->standing != STANDING_STAGED || f == FATE_KEEP_STAGED);
                        CHECK(c->standing != STANDING_HELD || f == FATE_HELD);
                        CHECK(c->standing != STANDING_ALLOWED || f == FATE_APPLY);
                }
                CHECK_INT(applied_new, v.tripped || s.review_open ? 0 : counted);
        }
}
