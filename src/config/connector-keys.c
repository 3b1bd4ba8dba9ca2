/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "connector-keys.h"

#include <ctype.h>
#include <errno.h>

#include "config-error.h"
#include "string-util.h"

/* clang-format off */
#define FILE_KEYS                                                                                                         \
        { "Users", CONNECTOR_KEY_PATH, .help = "The file with the users; users are not provisioned without it" },       \
        { "Groups", CONNECTOR_KEY_PATH, .help = "The file with the groups; groups are not provisioned without it" },    \
        { "File", CONNECTOR_KEY_PATH, .help = "Instead of both: one file with a kind (user or group) in each record" }, \
        { "Id", CONNECTOR_KEY_NAME, .default_text = "id", .help = "The attribute that is the source id" }

static const ConnectorKey json_source[] = { FILE_KEYS, {} };
static const ConnectorKey csv_source[] = {
        FILE_KEYS,
        { "Delimiter", CONNECTOR_KEY_CHARACTER, .default_text = ",", .help = "What stands between two fields: a character, or tab" },
        {}
};
static const ConnectorKey json_target[] = {
        { "Directory", CONNECTOR_KEY_PATH, .required = true, .is_written = true, .help = "The folder for users.jsonl and groups.jsonl" },
        { "CanDisable", CONNECTOR_KEY_BOOLEAN, .help = "With no, what would be disabled is deleted; yes if unset" },
        { "Faults", CONNECTOR_KEY_PATH, .help = "For tests: a plan of what is to go wrong" },
        {}
};

static const struct {
        const char *name;
        const ConnectorKey *source, *target;
} connectors[] = {
        { "json", json_source, json_target },
        { "csv", csv_source, NULL },
        /* Named by the design, and named here so that the error can tell them from a misspelling. */
        { "ldap" }, { "ldif" }, { "scim" }, { "command" },
};

/* clang-format on */
const ConnectorKey *connector_keys(const char *connector, bool is_source) {
        for (size_t i = 0; i < ELEMENTSOF(connectors); i++)
                if (streq(connectors[i].name, connector))
                        return is_source ? connectors[i].source : connectors[i].target;
        return NULL;
}

int connector_name_check(const char *connector, bool is_source, Error **ret_error) {
        const char *expected = is_source ? "expected json or csv" : "expected json";

        if (connector_keys(connector, is_source))
                return 0;
        for (size_t i = 0; i < ELEMENTSOF(connectors); i++)
                if (streq(connectors[i].name, connector))
                        return error_set(ret_error, -EINVAL, "%s as a %s is not in this version; %s", connector,
                                         is_source ? "source" : "target", expected);
        return error_set(ret_error, -EINVAL, "%s", expected);
}

const char *connector_config_get(const ConnectorConfig *c, const char *key, const Setting **ret_setting) {
        for (size_t i = 0; i < c->n_settings; i++)
                if (streq(c->settings[i].key, key)) {
                        if (ret_setting)
                                *ret_setting = c->settings + i;
                        return c->settings[i].value;
                }
        return NULL;
}

static const char *value_error(ConnectorKeyType type, const char *value) {
        switch (type) {

        case CONNECTOR_KEY_PATH:
                return *value == '/' ? NULL : "expected an absolute path, such as /srv/hr/users.jsonl";

        case CONNECTOR_KEY_NAME:
                return strlen(value) <= 256 ? NULL : "expected the name of an attribute, at most 256 bytes";

        case CONNECTOR_KEY_CHARACTER:
                if (streq(value, "tab") || (strlen(value) == 1 && ispunct((unsigned char) *value) && *value != '"'))
                        return NULL;
                return "expected one ASCII punctuation character that is no quotation mark, or tab";

        case CONNECTOR_KEY_BOOLEAN:
                return parse_boolean(value) >= 0 ? NULL : "expected yes or no";
        }
        return NULL;
}

static const ConnectorKey *find_key(const ConnectorKey *keys, const char *name) {
        for (; keys->name; keys++)
                if (streq(keys->name, name))
                        return keys;
        return NULL;
}

static int unknown_key(const Setting *s, const ConnectorKey *keys, const ConnectorConfig *c, Error **ret_error) {
        ConfigNearest nearest = CONFIG_NEAREST_INIT(s->key);
        const char *section = c->is_source ? "Source" : "Target";

        if (config_key_is_secret(s->key))
                return config_error_secret(ret_error, s->file, s->line, s->key);
        config_nearest_offer(&nearest, "Connector");
        config_nearest_offer(&nearest, "Credential");
        if (c->is_source) {
                config_nearest_offer(&nearest, "SoftDeleted");
                config_nearest_offer(&nearest, "Blocked");
        }
        for (; keys->name; keys++)
                config_nearest_offer(&nearest, keys->name);
        if (nearest.best)
                return config_error(ret_error, s->file, s->line, "%s=: unknown key in [%s]; did you mean %s=?",
                                    s->key, section, nearest.best);
        return config_error(ret_error, s->file, s->line, "%s=: the connector %s has no such key in [%s]", s->key,
                            c->connector, section);
}

int connector_config_check(const ConnectorConfig *c, Error **ret_error) {
        const char *section = c->is_source ? "Source" : "Target";
        const ConnectorKey *keys = connector_keys(c->connector, c->is_source);
        const char *users, *groups;
        const Setting *file = NULL, *other = NULL;

        if (!keys)
                return config_error(ret_error, c->file, 0, "[%s] Connector=%s: there is no such connector", section,
                                    c->connector);

        for (size_t i = 0; i < c->n_settings; i++) {
                const Setting *s = c->settings + i;
                const ConnectorKey *k = find_key(keys, s->key);
                const char *why;

                if (!k)
                        return unknown_key(s, keys, c, ret_error);
                why = value_error(k->type, s->value);
                if (why)
                        return config_error_value(ret_error, s->file, s->line, s->key, s->value, why);
        }
        for (const ConnectorKey *k = keys; k->name; k++)
                if (k->required && !connector_config_get(c, k->name, NULL))
                        return config_error(ret_error, c->file, 0, "[%s] %s= is missing; expected: %s", section,
                                            k->name, k->help);

        /* The one rule that a table of keys does not say: File= stands instead of the two others. */
        if (!find_key(keys, "File"))
                return 0;
        users = connector_config_get(c, "Users", NULL);
        groups = connector_config_get(c, "Groups", &other);
        if (connector_config_get(c, "File", &file)) {
                if (users || groups)
                        return config_error_value(ret_error, file->file, file->line, "File", file->value,
                                                  "expected either File=, or Users= and Groups=, not both");
                return 0;
        }
        if (!users && !groups)
                return config_error(ret_error, c->file, 0,
                                    "[Source] names no file; expected Users= and Groups=, one of them, or File=");
        if (users && groups && streq(users, groups))
                return config_error_value(
                        ret_error, other->file, other->line, "Groups", groups,
                        "expected another file than that of Users=; one file for both, with a kind in each "
                        "record, is File=");
        return 0;
}

static int compare_names(const void *a, const void *b) {
        return strcmp((*(const ConnectorKey *const *) a)->name, (*(const ConnectorKey *const *) b)->name);
}

int connector_config_canonical(const ConnectorConfig *c, StrBuf *out) {
        const ConnectorKey *keys = connector_keys(c->connector, c->is_source), *sorted[16];
        size_t n = 0;

        assert(keys);
        for (; keys->name; keys++) {
                assert(n < ELEMENTSOF(sorted));
                sorted[n++] = keys;
        }
        qsort(sorted, n, sizeof(sorted[0]), compare_names);

        strbuf_printf(out, "Connector=%s\n", c->connector);
        for (size_t i = 0; i < n; i++) {
                const char *value = connector_config_get(c, sorted[i]->name, NULL);

                if (!value)
                        value = sorted[i]->default_text;
                if (value)
                        strbuf_printf(out, "%s=%s\n", sorted[i]->name, value);
        }
        return strbuf_check(out);
}
