/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "connector-class.h"

#include "connector-keys.h"

static const ConnectorClass *const classes[] = {
        &csv_source_class,
        &json_source_class,
        &json_target_class,
};

static const ConnectorClass *class_find(const ConnectorConfig *config) {
        for (size_t i = 0; i < ELEMENTSOF(classes); i++)
                if ((classes[i]->source != NULL) == config->is_source && streq(classes[i]->name, config->connector))
                        return classes[i];
        return NULL;
}

int connector_check(const ConnectorConfig *config, Error **ret_error) {
        int r;

        r = connector_config_check(config, ret_error);
        if (r < 0 && ret_error && *ret_error)
                (*ret_error)->scope = ERROR_SCOPE_CONNECTOR;
        return r;
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

int target_writable(Target *t, Error **ret_error) {
        return t->vtable->writable(t, ret_error);
}

Target *target_free(Target *t) {
        return t ? t->vtable->free(t) : NULL;
}

void target_outcome_done(TargetOutcome *o) {
        free(o->target_id);
        error_free(o->error);
        *o = (TargetOutcome) {};
}
