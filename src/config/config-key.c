/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "config-key.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <strings.h>

#include "config-error.h"
#include "string-util.h"
#include "time-util.h"

const ConfigKey *config_key_find(const ConfigKey *keys, size_t n, const char *section, const char *name) {
        for (size_t i = 0; i < n; i++)
                if (streq(keys[i].section, section) && streq(keys[i].name, name))
                        return keys + i;
        return NULL;
}

int config_key_set_default(const ConfigKey *k, void *object) {
        int r;

        /* A list must be emptied first: its default would be added to what is there. */
        if (!k->default_text || k->is_list) {
                r = k->parse(k, NULL, object, NULL);
                if (r < 0)
                        return r;
        }
        if (!k->default_text)
                return 0;
        r = k->parse(k, k->default_text, object, NULL);
        assert(r != -EINVAL);
        return r;
}

int config_key_error(Error **ret, const ConfigKey *k, const char *file, unsigned line, const char *value,
                     const char *why) {
        if (k->is_delicate)
                return config_error(ret, file, line, "%s=: %s", k->name, why);
        return config_error_value(ret, file, line, k->name, value, why);
}

int config_parse_boolean(const ConfigKey *k, const char *value, void *object, Error **ret_error) {
        int b;

        b = value ? parse_boolean(value) : 0;
        if (b < 0)
                return error_set(ret_error, -EINVAL, "expected yes or no");
        *(bool *) config_key_field(k, object) = b > 0;
        return 0;
}

static int parse_in_range(const ConfigKey *k, const char *value, uint64_t *ret, Error **ret_error) {
        uint64_t u;

        if (parse_uint64(value, &u) < 0 || u < k->min || u > k->max)
                return error_set(ret_error, -EINVAL, "expected a whole number from %llu to %llu",
                                 (unsigned long long) k->min, (unsigned long long) k->max);
        *ret = u;
        return 0;
}

/* A number without a default means "no limit" when it is not set. */
int config_parse_number(const ConfigKey *k, const char *value, void *object, Error **ret_error) {
        uint64_t *field = config_key_field(k, object);

        if (!value) {
                *field = UINT64_MAX;
                return 0;
        }
        return parse_in_range(k, value, field, ret_error);
}

int config_parse_unsigned(const ConfigKey *k, const char *value, void *object, Error **ret_error) {
        uint64_t u = 0;
        int r;

        r = value ? parse_in_range(k, value, &u, ret_error) : 0;
        if (r < 0)
                return r;
        *(unsigned *) config_key_field(k, object) = (unsigned) u;
        return 0;
}

int config_parse_duration(const ConfigKey *k, const char *value, void *object, Error **ret_error) {
        uint64_t u = 0;

        if (value && (duration_parse(value, &u) < 0 || u < k->min || u > k->max)) {
                char min[64], max[64];

                return error_set(ret_error, -EINVAL, "expected a time span from %s to %s, such as 40min or 1h 30min",
                                 duration_format(k->min, min), duration_format(k->max, max));
        }
        *(uint64_t *) config_key_field(k, object) = u;
        return 0;
}

static int find_choice(const ConfigKey *k, const char *value, Error **ret_error) {
        _cleanup_strbuf_ StrBuf text = STRBUF_INIT;
        size_t n = 0;

        if (!value)
                return 0;
        for (; k->choices[n]; n++)
                if (streq(k->choices[n], value))
                        return (int) (n + k->min);
        for (size_t i = 0; i < n; i++)
                strbuf_printf(&text, "%s%s", i == 0 ? "" : i + 1 < n ? ", " : " or ", k->choices[i]);
        if (strbuf_check(&text) < 0)
                return -ENOMEM;
        return error_set(ret_error, -EINVAL, "expected %s", text.data);
}

int config_parse_choice(const ConfigKey *k, const char *value, void *object, Error **ret_error) {
        int r;

        r = find_choice(k, value, ret_error);
        if (r < 0)
                return r;
        *(int *) config_key_field(k, object) = r;
        return 0;
}

int config_parse_choice_bool(const ConfigKey *k, const char *value, void *object, Error **ret_error) {
        int r;

        r = find_choice(k, value, ret_error);
        if (r < 0)
                return r;
        *(bool *) config_key_field(k, object) = r > 0;
        return 0;
}

int config_parse_string(const ConfigKey *k, const char *value, void *object, Error **ret_error) {
        if (value && strlen(value) > k->max)
                return error_set(ret_error, -EINVAL, "expected at most %llu bytes", (unsigned long long) k->max);
        return free_and_strdup(config_key_field(k, object), value);
}

bool credential_name_is_valid(const char *s) {
        size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.");

        return n > 0 && n <= 128 && s[n] == '\0' && isalnum((unsigned char) s[0]);
}

int config_parse_credential(const ConfigKey *k, const char *value, void *object, Error **ret_error) {
        if (value && !credential_name_is_valid(value))
                return error_set(ret_error, -EINVAL,
                                 "expected the name of a systemd credential (letters, digits, -, _ and .), "
                                 "never the secret itself");
        return free_and_strdup(config_key_field(k, object), value);
}

bool config_key_is_secret(const char *name) {
        static const char *const words[] = {"password", "passwd", "passphrase", "passwort", "secret",
                                            "token",    "apikey", "privatekey", "bearer",   "bindpw"};

        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                if (strcasestr(name, words[i]))
                        return true;
        return false;
}

int config_words(const char *value, char ***l, bool *ret_quoted, Error **ret_error) {
        bool any_quoted = false;
        int r;

        for (const char *p = value + strspn(value, " \t"); *p; p += strspn(p, " \t")) {
                _cleanup_strbuf_ StrBuf word = STRBUF_INIT;

                if (*p == '"' || *p == '\'') {
                        char quote = *p++;

                        any_quoted = true;
                        for (; *p != quote; p++) {
                                if (quote == '"' && p[0] == '\\' && (p[1] == '"' || p[1] == '\\'))
                                        p++;
                                if (!*p)
                                        return error_set(ret_error, -EINVAL, "expected a %c at the end", quote);
                                strbuf_putc(&word, *p);
                        }
                        p++;
                        if (*p && *p != ' ' && *p != '\t')
                                return error_set(ret_error, -EINVAL, "expected a space after %c", quote);
                        if (word.size == 0)
                                return error_set(ret_error, -EINVAL,
                                                 "expected something between the quotation marks");
                } else
                        for (; *p && *p != ' ' && *p != '\t'; p++) {
                                if (*p == '"' || *p == '\'')
                                        return error_set(ret_error, -EINVAL, "expected %c only around a whole word",
                                                         *p);
                                strbuf_putc(&word, *p);
                        }
                if (strbuf_check(&word) < 0)
                        return -ENOMEM;
                r = strv_extend(l, word.data);
                if (r < 0)
                        return r;
        }
        if (ret_quoted)
                *ret_quoted = any_quoted;
        return 0;
}

/* Levenshtein's distance without regard to case; SIZE_MAX for what is too long to be a key. */
static size_t edit_distance(const char *a, const char *b) {
        size_t row[65], la = strlen(a), lb = strlen(b);

        if (la > 64 || lb > 64)
                return SIZE_MAX;
        for (size_t j = 0; j <= lb; j++)
                row[j] = j;
        for (size_t i = 1; i <= la; i++) {
                size_t diagonal = row[0];

                row[0] = i;
                for (size_t j = 1; j <= lb; j++) {
                        size_t above = row[j];
                        bool same = tolower((unsigned char) a[i - 1]) == tolower((unsigned char) b[j - 1]);

                        row[j] = MIN2(MIN2(row[j] + 1, row[j - 1] + 1), diagonal + (same ? 0 : 1));
                        diagonal = above;
                }
        }
        return row[lb];
}

void config_nearest_offer(ConfigNearest *n, const char *candidate) {
        size_t distance = edit_distance(n->s, candidate);

        /* A third of the letters wrong is a misspelling; more is another word. */
        if (distance < n->distance && distance <= (strlen(candidate) + 2) / 3) {
                n->best = candidate;
                n->distance = distance;
        }
}
