/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "change.h"

#include <errno.h>

static const char *const action_names[_CHANGE_ACTION_MAX] = {
        [CHANGE_CREATE] = "Create",
        [CHANGE_ADOPT] = "Adopt",
        [CHANGE_UPDATE] = "Update",
        [CHANGE_RESTORE] = "Restore",
        [CHANGE_MEMBERS] = "Members",
        [CHANGE_DISABLE] = "Disable",
        [CHANGE_DELETE] = "Delete",
};

static const char *const cause_names[_CAUSE_MAX] = {
        [CAUSE_NONE] = "",
        [CAUSE_DELETED] = "deleted",
        [CAUSE_SOFT_DELETED] = "soft-deleted",
        [CAUSE_BLOCKED] = "blocked",
        [CAUSE_UNASSIGNED] = "unassigned",
        [CAUSE_OUT_OF_SCOPE] = "out-of-scope",
};

const char *change_action_to_string(ChangeAction a) {
        return a >= 0 && a < _CHANGE_ACTION_MAX ? action_names[a] : NULL;
}

ChangeAction change_action_from_string(const char *s) {
        for (ChangeAction a = 0; a < _CHANGE_ACTION_MAX; a++)
                if (streq(s, action_names[a]))
                        return a;
        return _CHANGE_ACTION_INVALID;
}

const char *cause_to_string(Cause c) {
        return c >= 0 && c < _CAUSE_MAX ? cause_names[c] : NULL;
}

Cause cause_from_string(const char *s) {
        for (Cause c = 0; c < _CAUSE_MAX; c++)
                if (streq(s, cause_names[c]))
                        return c;
        return _CAUSE_INVALID;
}

Plan *plan_new_take_arena(Arena *arena) {
        Plan *p;

        if (!arena)
                return NULL;
        p = calloc(1, sizeof(*p));
        if (!p) {
                arena_free(arena);
                return NULL;
        }
        p->arena = arena;
        return p;
}

Plan *plan_new(void) {
        return plan_new_take_arena(arena_new());
}

Plan *plan_free(Plan *p) {
        if (!p)
                return NULL;

        arena_free(p->arena);
        free(p->changes);
        free(p);
        return NULL;
}

int plan_add(Plan *p, ChangeAction action, ObjectKind kind, Change **ret) {
        Change *c;

        if (ARRAY_GROW(p->changes, p->n_allocated, p->n_changes + 1) < 0)
                return -ENOMEM;
        c = &p->changes[p->n_changes++];
        *c = (Change) { .action = action, .kind = kind, .record = UINT32_MAX };
        *ret = c;
        return 0;
}
