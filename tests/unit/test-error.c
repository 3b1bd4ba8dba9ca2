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

TEST(a_large_arena_goes_on_in_a_file_where_it_can) {
        static const char *const dirs[] = { "/tmp", "/proc/self", "/no/such/folder" };

        for (size_t d = 0; d < ELEMENTSOF(dirs); d++) {
                _cleanup_(arena_freep) Arena *a = arena_new_spilling(dirs[d]);
                enum { N = 400 };
                char *parts[N];
                size_t size = 99991;

                for (size_t i = 0; i < N; i++) {
                        parts[i] = arena_alloc(a, size);
                        CHECK(parts[i]);
                        memset(parts[i], (int) (i % 251), size);
                }
                CHECK(arena_alloc(a, 16 * 1024 * 1024));
                for (size_t i = 0; i < N; i++)
                        CHECK(parts[i][0] == (char) (i % 251) && parts[i][size - 1] == (char) (i % 251));
                arena_reset(a);
                CHECK(arena_strdup(a, "again"));
        }
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

TEST(what_an_arena_gives_is_aligned) {
        _cleanup_(arena_freep) Arena *a = arena_new();

        for (size_t i = 1; i < 5000; i++) {
                CHECK(a && arena_strndup(a, "0123456789", i % 10));
                CHECK_INT((uintptr_t) arena_alloc(a, i) % 8, 0);
        }
}
