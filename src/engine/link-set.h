/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Links of the ledger, by number: a set with a bit each, because the numbers are small and dense, and a list for those that
 * are few or must be sorted. It knows nothing of what they mean. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct LinkSet {
        uint64_t *words;
        size_t n_words;
} LinkSet;

/** link_set_add() - 0, or -ENOMEM */
int link_set_add(LinkSet *s, uint64_t link);
bool link_set_has(const LinkSet *s, uint64_t link);
/** link_set_done() - an empty set again */
void link_set_done(LinkSet *s);

/** link_list_push() - at the end of @*array. Errors: -ENOMEM. */
int link_list_push(uint64_t **array, size_t *n, size_t *n_allocated, uint64_t value);
/** link_list_compare() - for qsort(3) and bsearch(3) */
int link_list_compare(const void *a, const void *b);
