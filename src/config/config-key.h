/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The keys of the configuration as tables: what parses a key also documents it, so that manual page, completion and
 * program cannot drift apart. Knows how values are written; does not know files or layers. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

typedef struct ConfigKey ConfigKey;

/* Parses @value into the field of @object; for NULL, clears the field. On failure the field is as it was and the error
 * says "expected …". Errors: -EINVAL, -ENOMEM. */
typedef int (*ConfigParse)(const ConfigKey *k, const char *value, void *object, Error **ret_error);

struct ConfigKey {
        const char *section, *name;
        const char *argument;           /* what help calls the value, e.g. "BOOLEAN" */
        const char *default_text;       /* as one would write it; NULL: nothing */
        const char *help;               /* one line without a full stop */
        bool is_list;                   /* an assignment adds to those before it */
        bool is_common;                 /* may stand in reprieve.conf as a default for all jobs */
        bool is_delicate;               /* errors do not show the value: somebody may have put a secret there */
        ConfigParse parse;
        size_t offset;                  /* of the field in the object */
        uint64_t min, max;              /* numbers; durations, in microseconds; length of a string in bytes */
        const char *const *choices;     /* what config_parse_choice() accepts; the first one is number @min */
};

#define KEY_BOOLEAN "BOOLEAN"
#define KEY_NUMBER "NUMBER"
#define KEY_DURATION "DURATION"

static inline void *config_key_field(const ConfigKey *k, void *object) {
        return (uint8_t *) object + k->offset;
}

/** config_key_find() - the key of this section and name, or NULL */
const ConfigKey *config_key_find(const ConfigKey *keys, size_t n, const char *section, const char *name);

/** config_key_set_default() - what the key is when nobody says anything. Errors: -ENOMEM. */
int config_key_set_default(const ConfigKey *k, void *object);

/** config_key_error() - "FILE:LINE: KEY=VALUE: WHY". Returns -EINVAL. */
int config_key_error(Error **ret, const ConfigKey *k, const char *file, unsigned line, const char *value, const char *why);

/* Parsers for a field of type bool, uint64_t, uint64_t (microseconds), unsigned, an enum or bool, and char *. */
int config_parse_boolean(const ConfigKey *k, const char *value, void *object, Error **ret_error);
int config_parse_number(const ConfigKey *k, const char *value, void *object, Error **ret_error);
int config_parse_duration(const ConfigKey *k, const char *value, void *object, Error **ret_error);
int config_parse_unsigned(const ConfigKey *k, const char *value, void *object, Error **ret_error);
int config_parse_choice(const ConfigKey *k, const char *value, void *object, Error **ret_error);
int config_parse_choice_bool(const ConfigKey *k, const char *value, void *object, Error **ret_error);
int config_parse_string(const ConfigKey *k, const char *value, void *object, Error **ret_error);
/** config_parse_credential() - the name of a systemd credential */
int config_parse_credential(const ConfigKey *k, const char *value, void *object, Error **ret_error);

/** credential_name_is_valid() - letters, digits, "-", "_" and ".", starting with a letter or digit, at most 128: what
 * may stand in LoadCredential= (systemd.exec(5)) and in a path without escaping */
bool credential_name_is_valid(const char *s);

/** config_key_is_secret() - does the name of an unknown key look as if its value were a password? */
bool config_key_is_secret(const char *name);

/**
 * config_words() - append the words of @value to @l
 *
 * Words are separated by white space; one in "double" or 'single' quotation marks may hold it; in double ones \" and \\
 * stand for " and \. @ret_quoted (may be NULL) is set if any word was quoted.
 * Errors: -EINVAL with "expected …"; -ENOMEM.
 */
int config_words(const char *value, char ***l, bool *ret_quoted, Error **ret_error);

/** config_nearest() - the candidate of which @s may be a misspelling, or NULL */
typedef struct ConfigNearest {
        const char *s, *best;
        size_t distance;
} ConfigNearest;

#define CONFIG_NEAREST_INIT(text) ((ConfigNearest) { .s = (text), .distance = SIZE_MAX })
/** config_nearest_offer() - look at one more candidate; n->best is the nearest so far that is near enough, or NULL */
void config_nearest_offer(ConfigNearest *n, const char *candidate);
