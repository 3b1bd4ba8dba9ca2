/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A set of links of the ledger, a bit each: the links' numbers are small and dense. It knows nothing of what they
 * mean. */

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
