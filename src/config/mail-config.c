/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>

#include "config-error.h"
#include "job-keys.h"
#include "job-load.h"
#include "string-util.h"

MailConfig *mail_config_free(MailConfig *c) {
        if (!c)
                return NULL;
        free(c->server);
        free(c->user);
        free(c->credential);
        free(c->from);
        free(c->client_certificate);
        free(c->certificate_authority);
        free(c->tls);
        free(c);
        return NULL;
}

static int apply_entry(MailConfig *c, const ConfigKey *keys, size_t n, const IniEntry *e, Error **ret_error) {
        ConfigNearest nearest = CONFIG_NEAREST_INIT(e->key);
        _cleanup_error_ Error *error = NULL;
        const ConfigKey *k;
        int r;

        k = config_key_find(keys, n, "Mail", e->key);
        if (!k && config_key_is_secret(e->key))
                return config_error_secret(ret_error, e->file, e->line, e->key);
        if (!k) {
                for (size_t i = 0; i < n; i++)
                        config_nearest_offer(&nearest, keys[i].name);
                if (nearest.best)
                        return config_error(ret_error, e->file, e->line,
                                            "%s=: unknown key in [Mail]; did you mean %s=?", e->key, nearest.best);
                return config_error(ret_error, e->file, e->line, "%s=: unknown key in [Mail]", e->key);
        }
        if (isempty(e->value))
                return config_key_set_default(k, c);
        r = k->parse(k, e->value, c, &error);
        if (r == -EINVAL)
                return config_key_error(ret_error, k, e->file, e->line, e->value, error_text(error, r));
        return r;
}

int mail_config_load(const char *config_dir, MailConfig **ret, Error **ret_error) {
        _cleanup_(mail_config_freep) MailConfig *c = calloc(1, sizeof(*c));
        _cleanup_free_ char *path = reprieve_conf_path(config_dir);
        _cleanup_ini_file_ IniFile ini = INI_FILE_INIT;
        _cleanup_error_ Error *error = NULL;
        const ConfigKey *keys;
        size_t n;
        int r;

        if (!c || !path)
                return -ENOMEM;
        r = ini_file_read(&ini, path, &error);
        if (r < 0 && r != -ENOENT) {
                if (ret_error)
                        *ret_error = TAKE_PTR(error);
                return r;
        }

        keys = mail_config_keys(&n);
        for (size_t i = 0; i < ini.n_entries; i++) {
                const IniEntry *e = ini.entries + i;

                if (!e->key || !streq(e->section, "Mail"))
                        continue;
                r = apply_entry(c, keys, n, e, ret_error);
                if (r < 0)
                        return r;
        }
        if (c->user && !c->credential)
                return config_error(ret_error, path, 0,
                                    "[Mail] User= needs Credential=, the systemd credential with the password");
        *ret = TAKE_PTR(c);
        return 0;
}
