/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>

#include "arena.h"
#include "error.h"
#include "tap.h"

TEST(an_error_gathers_context_on_its_way_up) {
        _cleanup_error_ Error *e = NULL;

        CHECK_INT(error_set(&e, -EINVAL, "line %d", 7), -EINVAL);
        CHECK_INT(error_wrap(&e, -EINVAL, "Failed to read %s", "x.conf"), -EINVAL);
        CHECK_STR(e->text, "Failed to read x.conf: line 7");
        CHECK_STR(error_text(NULL, -ENOENT), "No such file or directory");
}

TEST(an_error_without_a_text_gets_the_system_s) {
        _cleanup_error_ Error *e = NULL;

        CHECK_INT(error_wrap(&e, -ENOSPC, "ledger"), -ENOSPC);
        CHECK_STR(e->text, "ledger: No space left on device");
}

TEST(the_text_is_always_utf8) {
        _cleanup_error_ Error *e = NULL;

        error_set(&e, -EINVAL, "bad \xff byte");
        CHECK_STR(e->text, "bad \xef\xbf\xbd byte");
}

TEST(an_arena_keeps_many_strings) {
        _cleanup_(arena_freep) Arena *a = arena_new();
        char *first, *big;

        CHECK(a);
        first = arena_strdup(a, "first");
        big = arena_alloc(a, 1024 * 1024);
        CHECK(first && big);
        memset(big, 'x', 1024 * 1024);
        for (int i = 0; i < 100000; i++)
                CHECK(arena_strdup(a, "another string"));
        CHECK_STR(first, "first");
        CHECK(!arena_strdup(a, NULL));
}
