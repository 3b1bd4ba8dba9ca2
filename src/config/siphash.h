/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* SipHash-2-4 with a result of 128 bits. */

#include <stddef.h>
#include <stdint.h>

/** siphash128() - Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012, and the authors' reference
 * vectors for the 128-bit variant */
void siphash128(const uint8_t key[static 16], const void *data, size_t size, uint8_t ret[static 16]);
