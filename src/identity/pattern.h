/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Regular expressions of mappings, by PCRE2: the syntax of the reference's (.NET) as far as both agree, which is
 * nearly all that is used: groups (?<name>…), \d \s \w, lazy quantifiers, look-around, with Unicode's properties. The
 * only room member that includes <pcre2.h>. */

#include <stdbool.h>
#include <stddef.h>

#include "cleanup.h"
#include "string-util.h"

/* A longer text is not searched, and a search that takes more steps at one place is given up: whoever writes source
 * records must not be able to keep a cycle busy. */
#define PATTERN_SUBJECT_MAX 10000U
#define PATTERN_STEPS_MAX 10000U

typedef struct Pattern Pattern;

/* Conditions of the functions that search */
enum {
        PATTERN_E_TOO_LONG = 1,         /* the text */
        PATTERN_E_TOO_HARD,             /* PATTERN_STEPS_MAX */
};

/**
 * pattern_compile() - Errors: -ENOMEM; -EINVAL, with what is wrong at which byte of @pattern in @ret_message
 */
int pattern_compile(const char *pattern, Pattern **ret, size_t *ret_offset, char ret_message[static 128]);
Pattern *pattern_free(Pattern *p);
DEFINE_CLEANUP(Pattern *, pattern_free)

/** pattern_group() - number of the group with this name or number, or -1 */
int pattern_group(const Pattern *p, const char *name);

/**
 * pattern_replace() - append @s with each match replaced by @replacement, in which $1, ${1}, ${name}, $& and $$ stand
 * for groups, the match and a dollar sign; any other $ stands for itself
 */
int pattern_replace(Pattern *p, const char *s, size_t size, const char *replacement, size_t replacement_size,
                    size_t max, StrBuf *out);

/** pattern_replace_group() - append @s with what @group matched, unless that is nothing, replaced by @replacement */
int pattern_replace_group(Pattern *p, int group, const char *s, size_t size, const char *replacement,
                          size_t replacement_size, size_t max, StrBuf *out);

/** pattern_extract() - append what @group matched first in @s; *@ret_found says whether it did */
int pattern_extract(Pattern *p, int group, const char *s, size_t size, StrBuf *out, bool *ret_found);
