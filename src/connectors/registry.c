/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "connector-class.h"

#include <errno.h>
#include <stdio.h>

static const ConnectorClass *const classes[] = {
        &json_source_class,
        &json_target_class,
};

static bool class_serves(const ConnectorClass *c, bool is_source) {
        return is_source ? c->source != NULL : c->target != NULL;
}

static const ConnectorClass *class_find(const ConnectorConfig *config) {
        if (!config->connector)
                return NULL;
        for (size_t i = 0; i < ELEMENTSOF(classes); i++)
                if (class_serves(classes[i], config->is_source) && streq(classes[i]->name, config->connector))
                        return classes[i];
        return NULL;
}

int connector_setting_error(const ConnectorConfig *config, const char *key, Error **ret_error, const char *fmt, ...) {
        const Setting *setting = NULL;
        _cleanup_free_ char *text = NULL;
        va_list ap;
        int n;

        va_start(ap, fmt);
        n = vasprintf(&text, fmt, ap);
        va_end(ap);
        if (n < 0) {
                text = NULL;
                return -ENOMEM;
        }
        (void) connector_config_get(config, key, &setting);
        if (setting && setting->file)
                return error_set_full(ret_error, -EINVAL, ERROR_SCOPE_CONNECTOR, ERROR_RETRY_AFTER_RECONFIGURE,
                                      "InvalidSettings", "%s:%u: %s=: %s", setting->file, setting->line, key, text);
        return error_set_full(ret_error, -EINVAL, ERROR_SCOPE_CONNECTOR, ERROR_RETRY_AFTER_RECONFIGURE,
                              "InvalidSettings", "%s: [%s] %s=: %s", config->file ? config->file : "job",
                              config->is_source ? "Source" : "Target", key, text);
}

static int unknown_connector(const ConnectorConfig *config, Error **ret_error) {
        _cleanup_strbuf_ StrBuf known = STRBUF_INIT;

        for (size_t i = 0; i < ELEMENTSOF(classes); i++)
                if (class_serves(classes[i], config->is_source))
                        strbuf_printf(&known, "%s%s", known.size > 0 ? ", " : "", classes[i]->name);
        if (strbuf_check(&known) < 0)
                return -ENOMEM;
        if (isempty(config->connector))
                return connector_setting_error(config, "Connector", ret_error, "missing; one of %s is needed",
                                               strempty(known.data));
        return connector_setting_error(config, "Connector", ret_error, "there is no %s connector \"%s\"; known are %s",
                                       config->is_source ? "source" : "target", config->connector,
                                       strempty(known.data));
}

/* A key that differs in case only is most likely meant. */
static const char *similar_key(const ConnectorClass *class, const char *key) {
        for (const char *const *k = class->keys; *k; k++)
                if (strcasecmp(*k, key) == 0)
                        return *k;
        return NULL;
}

static int check_keys(const ConnectorClass *class, const ConnectorConfig *config, Error **ret_error) {
        for (size_t i = 0; i < config->n_settings; i++) {
                const char *key = config->settings[i].key, *similar;

                if (strv_contains((char *const *) class->keys, key))
                        continue;
                similar = similar_key(class, key);
                if (similar)
                        return connector_setting_error(config, key, ret_error, "unknown key; is %s= meant?", similar);
                return connector_setting_error(config, key, ret_error, "the %s connector \"%s\" knows no such key",
                                               config->is_source ? "source" : "target", class->name);
        }
        return 0;
}

int connector_check(const ConnectorConfig *config, Error **ret_error) {
        const ConnectorClass *class = class_find(config);
        int r;

        if (!class)
                return unknown_connector(config, ret_error);
        r = check_keys(class, config, ret_error);
        if (r < 0)
                return r;
        return class->check(config, ret_error);
}

int source_open(const ConnectorConfig *config, Source **ret, Error **ret_error) {
        int r;

        r = connector_check(config, ret_error);
        if (r < 0)
                return r;
        return class_find(config)->source->open(config, ret, ret_error);
}

Source *source_free(Source *s) {
        return s ? s->vtable->free(s) : NULL;
}

void source_evidence_done(SourceEvidence *e) {
        error_free(e->reason);
        *e = (SourceEvidence) {};
}

int target_open(const ConnectorConfig *config, Target **ret, Error **ret_error) {
        int r;

        r = connector_check(config, ret_error);
        if (r < 0)
                return r;
        return class_find(config)->target->open(config, ret, ret_error);
}

Target *target_free(Target *t) {
        return t ? t->vtable->free(t) : NULL;
}

void target_outcome_done(TargetOutcome *o) {
        free(o->target_id);
        error_free(o->error);
        *o = (TargetOutcome) {};
}

char *connector_describe(const ConnectorConfig *config) {
        const ConnectorClass *class = class_find(config);
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;
        char separator = ':';
        char *s;

        strbuf_puts(&b, strempty(config->connector));
        for (const char *const *k = class ? class->shown : NULL; k && *k; k++) {
                const char *value = connector_config_get(config, *k, NULL);

                if (isempty(value))
                        continue;
                strbuf_putc(&b, separator);
                strbuf_puts(&b, value);
                separator = ' ';
        }
        return strbuf_steal(&b, &s) < 0 ? NULL : s;
}
