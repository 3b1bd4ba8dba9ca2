/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "ctl-settings.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "file-util.h"
#include "i18n.h"
#include "string-util.h"
#include "time-util.h"

#define FILE_SIZE_MAX ((size_t) 1024 * 1024)

static const SettingProperty properties[] = {
        { "Deletions", "PreventAccidentalDeletions", NULL, 'b' }, { "Deletions", "DeletionThreshold", NULL, 'u' },
        { "Deletions", "DeletionThresholdPercent", NULL, 'd' },   { "Deletions", "DeletionThresholdTrips", NULL, 's' },
        { "Deletions", "MinimumPopulation", NULL, 'u' },          { "Deletions", "DeletionBudget", NULL, 's' },
        { "Notify", "NotificationEmail", "Email", 'L' },
        { "Schedule", "Interval", NULL, 't' },
};

static bool key_is(const SettingProperty *p, const char *key) {
        const char *dot = strrchr(key, '.');

        if (dot) {
                if ((size_t) (dot - key) != strlen(p->section) || strncmp(key, p->section, strlen(p->section)) != 0)
                        return false;
                key = dot + 1;
        }
        return streq(key, p->name) || (p->key && streq(key, p->key));
}

/* Not strtod(), whose decimal point is the locale's. */
static int parse_decimal(const char *s, double *ret) {
        const char *dot = strchr(s, '.');
        _cleanup_free_ char *whole = dot ? strndup(s, (size_t) (dot - s)) : strdup(s);
        double fraction = 0, scale = 1;
        uint64_t n;
        int r;

        if (!whole)
                return -ENOMEM;
        r = parse_uint64(whole, &n);
        if (r < 0 || n > UINT32_MAX)
                return -EINVAL;
        if (dot && !dot[1])
                return -EINVAL;
        for (const char *p = dot ? dot + 1 : ""; *p; p++) {
                if (*p < '0' || *p > '9')
                        return -EINVAL;
                fraction = fraction * 10 + (*p - '0');
                scale *= 10;
        }
        *ret = (double) n + fraction / scale;
        return 0;
}

static int parse_value(const char *value, Setting *s, Error **ret_error) {
        const char *name = s->property->name;
        uint64_t n;
        int r;

        switch (s->property->type) {
        case 'b':
                r = parse_boolean(value);
                if (r < 0)
                        return error_set(ret_error, -EINVAL, _("%s=%s: expected yes or no"), name, value);
                s->boolean = r;
                return 0;
        case 'u':
                if (parse_uint64(value, &n) >= 0 && n <= UINT32_MAX)
                        s->number = (uint32_t) n;
                else if (!streq(name, "DeletionThreshold"))
                        return error_set(ret_error, -EINVAL, _("%s=%s: expected a number from 0 to %u"), name, value, UINT32_MAX);
                else
                        return error_set(ret_error, -EINVAL, _("%s=%s: expected a number from 0 to %u; to switch the limit off set "
                                                               "PreventAccidentalDeletions=no"), name, value, UINT32_MAX);
                return 0;
        case 'd':
                s->real = -1;
                if (isempty(value))
                        return 0;
                r = parse_decimal(value, &s->real);
                if (r == -EINVAL || s->real > 100)
                        return error_set(ret_error, -EINVAL, _("%s=%s: expected a number from 0 to 100, such as 2.5, or nothing for no "
                                                               "such limit"), name, value);
                return r;
        case 't':
                if (duration_parse(value, &s->usec) < 0)
                        return error_set(ret_error, -EINVAL, _("%s=%s: expected a time span such as 40min or \"1h 30min\""), name, value);
                return 0;
        case 's':
                s->text = strdup(value);
                return s->text ? 0 : -ENOMEM;
        default:
                return strv_split(value, " ,\t", &s->list);
        }
}

int setting_parse(const char *text, Setting *ret, Error **ret_error) {
        const char *equals = strchr(text, '=');
        _cleanup_free_ char *key = equals ? strndup(text, (size_t) (equals - text)) : strdup(text);
        Setting s = {};
        int r;

        if (!key)
                return -ENOMEM;
        for (size_t i = 0; i < ELEMENTSOF(properties); i++)
                if (key_is(properties + i, key))
                        s.property = properties + i;
        if (!s.property)
                return error_set(ret_error, -EINVAL, _("%s cannot be set while the job is there; expected PreventAccidentalDeletions, "
                                                       "DeletionThreshold, DeletionThresholdPercent, DeletionThresholdTrips, "
                                                       "MinimumPopulation, DeletionBudget, NotificationEmail or Interval. "
                                                       "Everything else: edit the job's file and run: reprievectl reload"), key);
        if (!equals)
                return error_set(ret_error, -EINVAL, _("%s: expected %s=VALUE"), text, key);
        r = parse_value(equals + 1, &s, ret_error);
        if (r < 0)
                return r;
        *ret = s;
        return 0;
}

void setting_done(Setting *s) {
        free(s->text);
        s->text = NULL;
        s->list = strv_free(s->list);
}

/* ---- any settings ---- */

void setting_list_done(SettingList *l) {
        for (size_t i = 0; i < l->n; i++) {
                free(l->items[i].key);
                strv_free(l->items[i].values);
        }
        free(l->items);
        *l = (SettingList) {};
}

/* @again: add to what is there, as a file does; an empty value takes it back */
static int put(SettingList *l, const char *key, const char *value, bool again) {
        struct SettingItem *item = NULL;

        for (size_t i = 0; i < l->n && !item; i++)
                if (streq(l->items[i].key, key))
                        item = l->items + i;
        if (!item) {
                if (ARRAY_GROW(l->items, l->n_allocated, l->n + 1) < 0)
                        return -ENOMEM;
                item = l->items + l->n;
                *item = (struct SettingItem) { .key = strdup(key) };
                if (!item->key)
                        return -ENOMEM;
                l->n++;
        } else if (!again || isempty(value) || isempty(item->values[0]))
                item->values = strv_free(item->values);
        return strv_extend(&item->values, value);
}

int setting_list_put(SettingList *l, const char *text, Error **ret_error) {
        const char *equals = strchr(text, '=');
        _cleanup_free_ char *key = equals ? strndup(text, (size_t) (equals - text)) : NULL;

        if (!equals)
                return error_set(ret_error, -EINVAL, _("\"%s\" is no setting; expected Section.Key=VALUE"), text);
        if (!key)
                return -ENOMEM;
        if (!strchr(key, '.') || key[0] == '.' || key[strlen(key) - 1] == '.')
                return error_set(ret_error, -EINVAL, _("\"%s\" has no section; expected Section.Key=VALUE, such as "
                                                       "Source.Connector=json"), text);
        return put(l, key, equals + 1, false);
}

static int read_line(SettingList *l, char *line, char **section, const char *path, unsigned number, Error **ret_error) {
        char *s = strstrip(line), *equals;
        _cleanup_free_ char *key = NULL;
        size_t n = strlen(s);

        if (n == 0)
                return 0;
        if (s[0] == '[' && s[n - 1] == ']' && n > 2) {
                s[n - 1] = '\0';
                return free_and_strdup(section, s + 1);
        }
        equals = strchr(s, '=');
        if (!equals || equals == s)
                return error_set(ret_error, -EINVAL, _("%s:%u: expected [Section], Key=VALUE or a comment that begins with #"), path, number);
        if (!*section)
                return error_set(ret_error, -EINVAL, _("%s:%u: this stands before the first [Section]"), path, number);
        *equals = '\0';
        if (asprintf(&key, "%s.%s", *section, strstrip(s)) < 0) {
                key = NULL;
                return -ENOMEM;
        }
        return put(l, key, strstrip(equals + 1), true);
}

int setting_list_read(SettingList *l, const char *path, Error **ret_error) {
        _cleanup_free_ char *text = NULL, *section = NULL;
        _cleanup_strbuf_ StrBuf joined = STRBUF_INIT;
        unsigned number = 0, first = 0;
        size_t size;
        int r;

        r = file_read_full(path, FILE_SIZE_MAX, &text, &size);
        if (r < 0)
                return error_set(ret_error, r, _("Cannot read %s: %s"), path, r == -EBADFD ? _("it is no regular file") : strerror(-r));
        if (!utf8_is_valid(text, size))
                return error_set(ret_error, -EINVAL, _("%s is no UTF-8 text"), path);
        for (char *p = text, *end; p; p = end) {
                bool comment;
                size_t n;

                end = strchr(p, '\n');
                if (end)
                        *end++ = '\0';
                number++;
                n = strlen(p);
                if (n > 0 && p[n - 1] == '\r')
                        p[--n] = '\0';
                comment = strchr("#;", p[strspn(p, " \t")]) && p[strspn(p, " \t")];
                if (comment)
                        continue;
                if (first == 0)
                        first = number;
                /* A backslash at the end joins the next line with a space (systemd.syntax(7)). */
                if (n > 0 && p[n - 1] == '\\' && end) {
                        p[n - 1] = ' ';
                        strbuf_puts(&joined, p);
                        continue;
                }
                strbuf_puts(&joined, p);
                if (strbuf_check(&joined) < 0)
                        return -ENOMEM;
                r = read_line(l, joined.data ? joined.data : p, &section, path, first, ret_error);
                if (r < 0)
                        return r;
                strbuf_clear(&joined);
                first = 0;
        }
        if (l->n == 0)
                return error_set(ret_error, -EINVAL, _("%s holds no settings"), path);
        return 0;
}
