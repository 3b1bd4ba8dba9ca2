/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "connector-test.h"

#include <stdarg.h>

ConnectorConfig *test_config(bool is_source, const char *connector, ...) {
        ConnectorConfig *c;
        const char *key;
        size_t allocated = 0;
        va_list ap;

        c = calloc(1, sizeof(*c));
        if (!c)
                abort();
        c->is_source = is_source;
        c->connector = strdup(connector);
        c->file = strdup("/etc/reprieve/jobs.d/test.conf");
        va_start(ap, connector);
        while ((key = va_arg(ap, const char *))) {
                const char *value = va_arg(ap, const char *);

                if (ARRAY_GROW(c->settings, allocated, c->n_settings + 1) < 0)
                        abort();
                c->settings[c->n_settings] = (Setting) {
                        .key = strdup(key),
                        .value = strdup(value),
                        .file = strdup(c->file),
                        .line = (unsigned) c->n_settings + 3,
                };
                c->n_settings++;
        }
        va_end(ap);
        return c;
}

ConnectorConfig *test_config_free(ConnectorConfig *c) {
        if (!c)
                return NULL;
        for (size_t i = 0; i < c->n_settings; i++) {
                free(c->settings[i].key);
                free(c->settings[i].value);
                free(c->settings[i].file);
        }
        free(c->settings);
        free(c->connector);
        free(c->file);
        free(c);
        return NULL;
}

int read_all(const ConnectorConfig *c, Reading *ret, Error **ret_error) {
        _cleanup_(source_freep) Source *s = NULL;
        _cleanup_strbuf_ StrBuf ids = STRBUF_INIT;
        _cleanup_reading_ Reading reading = {};
        SourceEvidence evidence = {};
        SourceRecord record;
        int r;

        r = source_open(c, &s, ret_error);
        if (r < 0)
                return r;
        while ((r = s->vtable->next(s, &record)) == SOURCE_E_RECORD) {
                _cleanup_error_ Error *e = NULL;
                _cleanup_free_ char *id = NULL;
                Object *o = NULL;
                ObjectKind kind = 0;

                r = s->vtable->parse(s, &record, &o, &kind, &id, &e);
                if (r < 0)
                        return r;
                if (r == 0) {
                        strbuf_printf(&ids, "%c:%s ", object_kind_to_string(o->kind)[0], o->id);
                        if (o->kind == OBJECT_KIND_USER)
                                reading.n_users++;
                        else
                                reading.n_groups++;
                        object_free(reading.last);
                        reading.last = o;
                        continue;
                }
                if (r == SOURCE_E_INVALID_ID_KNOWN) {
                        strbuf_printf(&ids, "!%c:%s ", object_kind_to_string(kind)[0], id);
                        reading.n_invalid_known++;
                } else {
                        strbuf_puts(&ids, "? ");
                        reading.n_invalid++;
                }
                r = free_and_strdup(&reading.invalid_text, error_text(e, r));
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;
        r = s->vtable->evidence(s, &evidence);
        if (r < 0)
                return r;
        reading.complete = evidence.complete;
        if (evidence.reason)
                reading.reason = strdup(error_text(evidence.reason, 0));
        source_evidence_done(&evidence);
        r = strbuf_steal(&ids, &reading.ids);
        if (r < 0)
                return r;
        *ret = reading;
        reading = (Reading) {};
        return 0;
}

void reading_done(Reading *r) {
        free(r->reason);
        free(r->ids);
        free(r->invalid_text);
        object_free(r->last);
        *r = (Reading) {};
}
