/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Characters of UTF-8 text: decoding, case, what separates words. The same on every host: no locale is asked. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "string-util.h"

/* What utf8_next() gives for a byte that is no UTF-8: beyond every character, so that it equals none but the same
 * byte. */
#define UTF8_BAD_BYTE(byte) (0x110000U + (byte))

/** utf8_next() - the character at @s (@size > 0 bytes left) and its length; a bad byte counts as one character */
size_t utf8_next(const char *s, size_t size, uint32_t *ret);

/** utf8_count() - characters of @s */
size_t utf8_count(const char *s, size_t size);

/** utf8_offset() - bytes that the first @n characters take; @size if there are fewer */
size_t utf8_offset(const char *s, size_t size, uint64_t n);

/** strbuf_put_char() - append one character, or the byte that UTF8_BAD_BYTE() stands for */
void strbuf_put_char(StrBuf *b, uint32_t c);

uint32_t char_to_lower(uint32_t c);
uint32_t char_to_upper(uint32_t c);
/** char_fold() - what two characters that differ in case only have in common (simple folding, one to one) */
uint32_t char_fold(uint32_t c);
/** char_is_separator() - punctuation, symbol, space or control: Unicode's Z*, C*, P* and S* categories */
bool char_is_separator(uint32_t c);
/** char_is_combining() - a mark that belongs to the character before it */
bool char_is_combining(uint32_t c);
/** char_base_letters() - "a" for ä, "AE" for Ǣ; NULL if @c is no Latin letter with a diacritical mark */
const char *char_base_letters(uint32_t c);

/** text_compare_folded() - order of two texts by folded characters: <0, 0, >0 */
int text_compare_folded(const char *a, size_t a_size, const char *b, size_t b_size);

/** ascii_strcaseeq() - names of attributes and operators; no locale changes what an ASCII letter is */
bool ascii_strcaseeq(const char *a, const char *b);
bool ascii_strncaseeq(const char *a, const char *b, size_t n);
