/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "change.h"
#include "tap.h"

TEST(names_survive_a_round_trip) {
        for (ChangeAction a = 0; a < _CHANGE_ACTION_MAX; a++)
                CHECK_INT(change_action_from_string(change_action_to_string(a)), a);
        for (Cause c = 0; c < _CAUSE_MAX; c++)
                CHECK_INT(cause_from_string(cause_to_string(c)), c);
        CHECK(change_action_from_string("Destroy") < 0);
        CHECK(cause_from_string("whim") < 0);
}

TEST(a_plan_grows) {
        _cleanup_(plan_freep) Plan *p = plan_new();
        Change *c;

        for (int i = 0; i < 1000; i++) {
                CHECK_INT(plan_add(p, CHANGE_DELETE, OBJECT_KIND_USER, &c), 0);
                CHECK(c->record == UINT32_MAX);
                c->source_id = arena_strdup(p->arena, "x");
        }
        CHECK_INT(p->n_changes, 1000);
        CHECK_STR(p->changes[7].source_id, "x");
}
