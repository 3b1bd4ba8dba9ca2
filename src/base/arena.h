/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Many small strings that live and die together: a cycle's plan. Freed as a whole, never one by one. */

#include <stddef.h>

#include "cleanup.h"

typedef struct Arena Arena;

Arena *arena_new(void);
/**
 * arena_new_spilling() - one that, once it is large, goes on in a nameless file in @dir: page cache, which the kernel can
 * write out and take back, instead of memory that nobody but its owner can free
 *
 * Where no file can be made it is as any other arena. NULL for OOM.
 */
Arena *arena_new_spilling(const char *dir);
Arena *arena_free(Arena *a);
DEFINE_CLEANUP(Arena *, arena_free)

/** arena_alloc() - @size bytes, aligned to 8, not zeroed; NULL for OOM */
void *arena_alloc(Arena *a, size_t size);
/** arena_strdup() - NULL gives NULL; NULL for OOM as well, so check only where @s is not NULL */
char *arena_strdup(Arena *a, const char *s);
char *arena_strndup(Arena *a, const char *s, size_t size);
/** arena_reset() - forget everything, keep a chunk for what comes next */
void arena_reset(Arena *a);
