/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The ChaCha20 block function, to make much key out of little. Knows nothing of what it is used for. */

#include <stdint.h>

/**
 * chacha20_block() - 64 bytes of the key stream
 *
 * Source: RFC 8439, section 2.3.
 */
void chacha20_block(const uint8_t key[static 32], uint32_t counter, const uint8_t nonce[static 12], uint8_t ret[static 64]);
