/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How far one mail has come: who accepted it, who was refused, and when the next attempt is due. Pure: no clock, no
 * ledger, no network; the ledger keeps it as text between attempts. */

#include <stdbool.h>
#include <stdint.h>

#include "string-util.h"

/* A refused recipient is tried again after a day, or at once when the configuration has changed. */
#define DELIVERY_REFUSED_RETRY_USEC (24 * 60 * 60 * UINT64_C(1000000))

typedef struct DeliveryRefusal {
        char *address;
        uint64_t at;
} DeliveryRefusal;

typedef struct Delivery {
        char **done;                    /* never again, whatever Email= says later */
        DeliveryRefusal *refused;
        size_t n_refused, n_allocated;
        char config[17];                /* delivery_config_hash() at the last attempt; "" before the first */
        bool without_list;              /* the server found it too large: the attachment stays at home */
} Delivery;

void delivery_done(Delivery *d);
#define _cleanup_delivery_ _cleanup_(delivery_done)

/** delivery_parse() - @s may be NULL: nothing happened yet. Errors: -EBADMSG, -ENOMEM. */
int delivery_parse(const char *s, Delivery *ret);
/** delivery_format() - the caller frees. Errors: -ENOMEM. */
int delivery_format(const Delivery *d, char **ret);

/** delivery_config_hash() - of all that decides where a mail goes, without any secret; "" is no valid hash */
void delivery_config_hash(const char *const parts[], size_t n, char *const *recipients, char ret[static 17]);

/** delivery_is_due() - @next_attempt is the mail's; a changed configuration is due at once */
bool delivery_is_due(const Delivery *d, uint64_t next_attempt, const char *config, uint64_t now_usec);

/** delivery_set_config() - the next attempt is made with this configuration; if it is another one, or @anyway,
 * nobody counts as refused any more */
void delivery_set_config(Delivery *d, const char *config, bool anyway);

/** delivery_recipients() - whom to send to now: @configured without who has it, and without who was refused lately.
 * NULL for nobody. Errors: -ENOMEM. */
int delivery_recipients(const Delivery *d, char *const *configured, uint64_t now_usec, char ***ret);

/** delivery_accept() / delivery_refuse() - a recipient's result. Errors: -ENOMEM. */
int delivery_accept(Delivery *d, const char *address);
int delivery_refuse(Delivery *d, const char *address, uint64_t now_usec);

/** delivery_is_complete() - everybody in @configured has it */
bool delivery_is_complete(const Delivery *d, char *const *configured);
/** delivery_is_refused() - somebody in @configured was refused for good */
bool delivery_is_refused(const Delivery *d, char *const *configured);

/**
 * delivery_next_attempt() - when to try again
 * @attempts: how many were made, at least 1
 *
 * While somebody may simply be tried later: 1, 2, 4, … minutes after @now_usec, at most an hour. If all that are
 * left were refused: a day after the first of these refusals.
 */
uint64_t delivery_next_attempt(const Delivery *d, char *const *configured, uint32_t attempts, uint64_t now_usec);
