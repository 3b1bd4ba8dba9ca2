/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "job-config.h"

#include <ctype.h>
#include <errno.h>

#include "attribute-path.h"
#include "config-error.h"
#include "connector-keys.h"
#include "expression.h"
#include "filter.h"
#include "job-keys.h"
#include "job-load.h"
#include "mapping.h"
#include "reference.h"
#include "string-util.h"

#define JOB_NAME_MAX 64U

/* Where the present value of a key comes from; a later one wins. */
typedef enum Layer {
        LAYER_BUILT_IN,
        LAYER_COMMON, /* reprieve.conf */
        LAYER_JOB,    /* the job's file and its drop-ins */
} Layer;

typedef struct JobLoad {
        JobConfig *config;
        const ConfigKey *keys;
        size_t n_keys;
        Layer *layers; /* one a key */
        const IniEntry **places; /* one a key: where it was set last */
        bool schedule_only;
} JobLoad;

static void job_load_done(JobLoad *l) {
        job_config_free(l->config);
        free(l->layers);
        free(l->places);
}

static void connector_config_done(ConnectorConfig *c) {
        for (size_t i = 0; i < c->n_settings; i++) {
                free(c->settings[i].key);
                free(c->settings[i].value);
                free(c->settings[i].file);
        }
        free(c->settings);
        free(c->connector);
        free(c->credential);
        free(c->file);
}

JobConfig *job_config_free(JobConfig *c) {
        if (!c)
                return NULL;
        free(c->name);
        free(c->file);
        free(c->description);
        free(c->language);
        connector_config_done(&c->source);
        connector_config_done(&c->target);
        expression_free(c->soft_deleted);
        expression_free(c->blocked);
        for (ObjectKind k = 0; k < _OBJECT_KIND_MAX; k++) {
                filter_free(c->scope[k]);
                strv_free(c->match[k]);
                mapping_free(c->map[k]);
                references_free(c->references[k]);
        }
        strv_free(c->assigned);
        strv_free(c->email);
        free(c->on_calendar);
        free(c);
        return NULL;
}

bool job_name_is_valid(const char *name) {
        size_t n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.");

        return n > 0 && n <= JOB_NAME_MAX && name[n] == '\0' && isalnum((unsigned char) name[0]);
}

ObjectKind map_section_kind(const char *section) {
        if (streq(section, "Map User"))
                return OBJECT_KIND_USER;
        if (streq(section, "Map Group"))
                return OBJECT_KIND_GROUP;
        return _OBJECT_KIND_INVALID;
}

bool job_section_is_known(const char *section) {
        size_t n;
        const ConfigKey *keys = job_config_keys(&n);

        for (size_t i = 0; i < n; i++)
                if (streq(keys[i].section, section))
                        return true;
        return map_section_kind(section) >= 0;
}

static int unknown_section(const IniEntry *e, Error **ret_error) {
        ConfigNearest nearest = CONFIG_NEAREST_INIT(e->section);
        size_t n;
        const ConfigKey *keys = job_config_keys(&n);

        if (streq(e->section, "Mail"))
                return config_error(ret_error, e->file, e->line,
                                    "[Mail] belongs into reprieve.conf: it is the same for all jobs");
        if (streq(e->section, "Map"))
                return config_error(ret_error, e->file, e->line, "[Map]: expected [Map User] or [Map Group]");
        for (size_t i = 0; i < n; i++)
                config_nearest_offer(&nearest, keys[i].section);
        config_nearest_offer(&nearest, "Map User");
        config_nearest_offer(&nearest, "Map Group");
        if (nearest.best)
                return config_error(ret_error, e->file, e->line, "[%s]: unknown section; did you mean [%s]?",
                                    e->section, nearest.best);
        return config_error(ret_error, e->file, e->line,
                            "[%s]: unknown section; expected Job, Source, Target, Scope, Match, References, Map User, "
                            "Map Group, Deprovision, Deletions, Notify or Schedule",
                            e->section);
}

int job_key_check(const char *section, const char *key, const char *file, unsigned line, Error **ret_error) {
        ConfigNearest nearest = CONFIG_NEAREST_INIT(key);
        size_t n;
        const ConfigKey *keys = job_config_keys(&n);

        if (config_key_find(keys, n, section, key) || map_section_kind(section) >= 0 || streq(section, "Source") ||
            streq(section, "Target"))
                return 0;
        if (config_key_is_secret(key))
                return config_error_secret(ret_error, file, line, key);
        for (size_t i = 0; i < n; i++)
                if (streq(keys[i].section, section))
                        config_nearest_offer(&nearest, keys[i].name);
        if (nearest.best)
                return config_error(ret_error, file, line, "%s=: unknown key in [%s]; did you mean %s=?", key,
                                    section, nearest.best);
        for (size_t i = 0; i < n; i++)
                if (streq(keys[i].name, key))
                        return config_error(ret_error, file, line, "%s=: unknown key in [%s]; it belongs into [%s]",
                                            key, section, keys[i].section);
        return config_error(ret_error, file, line, "%s=: unknown key in [%s]", key, section);
}

/* The last one counts, and an empty one takes it away. */
static int connector_config_put(ConnectorConfig *c, const IniEntry *e) {
        Setting *s = NULL;

        for (size_t i = 0; i < c->n_settings; i++)
                if (streq(c->settings[i].key, e->key))
                        s = c->settings + i;
        if (!s) {
                if (isempty(e->value))
                        return 0;
                s = realloc(c->settings, (c->n_settings + 1) * sizeof(*s));
                if (!s)
                        return -ENOMEM;
                c->settings = s;
                s += c->n_settings++;
                *s = (Setting){};
        } else if (isempty(e->value)) {
                free(s->key);
                free(s->value);
                free(s->file);
                *s = c->settings[--c->n_settings];
                return 0;
        }
        s->line = e->line;
        if (free_and_strdup(&s->key, e->key) < 0 || free_and_strdup(&s->value, e->value) < 0 ||
            free_and_strdup(&s->file, e->file) < 0)
                return -ENOMEM;
        return 0;
}

static int apply_map_line(JobLoad *l, const IniEntry *e, Error **ret_error) {
        Mapping **m = l->config->map + map_section_kind(e->section);
        _cleanup_error_ Error *error = NULL;
        int r;

        if (!*m) {
                *m = mapping_new();
                if (!*m)
                        return -ENOMEM;
        }
        r = mapping_set(*m, e->key, e->value, &error);
        if (r == -EINVAL)
                return config_error_value(ret_error, e->file, e->line, e->key, e->value, error_text(error, r));
        return r;
}

static int apply_key(JobLoad *l, const ConfigKey *k, const IniEntry *e, Layer layer, Error **ret_error) {
        _cleanup_error_ Error *error = NULL;
        Layer *present = l->layers + (k - l->keys);
        int r;

        if (isempty(e->value)) {
                *present = LAYER_BUILT_IN;
                return config_key_set_default(k, l->config);
        }
        /* What a job says of itself is not added to what is said of all, nor to the built-in list. */
        if (k->is_list && *present < layer) {
                r = k->parse(k, NULL, l->config, NULL);
                if (r < 0)
                        return r;
        }
        r = k->parse(k, e->value, l->config, &error);
        if (r == -EINVAL)
                return config_key_error(ret_error, k, e->file, e->line, e->value, error_text(error, r));
        if (r < 0)
                return r;
        *present = layer;
        l->places[k - l->keys] = e;
        return 0;
}

static int apply_entry(JobLoad *l, const IniEntry *e, Layer layer, Error **ret_error) {
        const ConfigKey *k;
        int r;

        if (l->schedule_only && !streq(e->section, "Job") && !streq(e->section, "Schedule"))
                return 0;
        if (layer == LAYER_COMMON && streq(e->section, "Mail"))
                return 0; /* mail_config_load() reads it; a mistake there stops no job */
        if (!job_section_is_known(e->section))
                return unknown_section(e, ret_error);
        if (!e->key)
                return 0;

        r = job_key_check(e->section, e->key, e->file, e->line, ret_error);
        if (r < 0)
                return r;
        k = config_key_find(l->keys, l->n_keys, e->section, e->key);
        if (layer == LAYER_COMMON && (!k || !k->is_common))
                return config_error(ret_error, e->file, e->line,
                                    "%s=: a key of [%s] that belongs into a job's own file", e->key, e->section);
        if (k)
                return apply_key(l, k, e, layer, ret_error);
        if (streq(e->section, "Source"))
                return connector_config_put(&l->config->source, e);
        if (streq(e->section, "Target"))
                return connector_config_put(&l->config->target, e);
        return apply_map_line(l, e, ret_error);
}

static Layer layer_of(const JobLoad *l, const char *section, const char *key) {
        const ConfigKey *k = config_key_find(l->keys, l->n_keys, section, key);

        assert(k);
        return l->layers[k - l->keys];
}

/* A job with its own OnCalendar= does not get the Interval= of reprieve.conf or our default besides, nor the reverse.
 */
static void settle_schedule(JobLoad *l) {
        Layer interval = layer_of(l, "Schedule", "Interval"), calendar = layer_of(l, "Schedule", "OnCalendar");

        if (calendar > interval)
                l->config->interval_usec = 0;
        if (interval > calendar) {
                free(l->config->on_calendar);
                l->config->on_calendar = NULL;
        }
}

static int settle_connector(ConnectorConfig *c, const JobConfig *job, Error **ret_error) {
        if (free_and_strdup(&c->file, job->file) < 0)
                return -ENOMEM;
        if (!c->connector)
                return config_error(ret_error, job->file, 0, "[%s] Connector= is missing; expected %s",
                                    c->is_source ? "Source" : "Target", c->is_source ? "json or csv" : "json");
        return connector_config_check(c, ret_error);
}

/* Is @path the file @name in @folder? As they are written: "//" and "/./" say nothing, links are not looked at. */
static bool is_file_in(const char *path, const char *folder, const char *name) {
        for (;;) {
                size_t n;

                while (*folder == '/' || (folder[0] == '.' && (folder[1] == '/' || folder[1] == '\0')))
                        folder++;
                while (*path == '/' || (path[0] == '.' && path[1] == '/'))
                        path++;
                n = strcspn(folder, "/");
                if (n == 0)
                        return streq(path, name);
                if (strncmp(path, folder, n) != 0 || path[n] != '/')
                        return false;
                path += n;
                folder += n;
        }
}

/* A job that reads what it writes would take its own work for the source, and change the source by it. */
static int settle_apart(const JobConfig *c, Error **ret_error) {
        static const char *const keys[] = { "Users", "Groups", "File" }, *const written[] = { "users.jsonl", "groups.jsonl" };
        const char *folder = connector_config_get(&c->target, "Directory", NULL);

        for (size_t i = 0; folder && i < ELEMENTSOF(keys); i++) {
                const Setting *s;
                const char *path = connector_config_get(&c->source, keys[i], &s);

                for (size_t k = 0; path && k < ELEMENTSOF(written); k++)
                        if (is_file_in(path, folder, written[k]))
                                return config_error_value(ret_error, s->file, s->line, keys[i], path,
                                                          "expected another file than one that this job writes, in Directory= of [Target]");
        }
        return 0;
}

static int settle_maps(JobConfig *c, Error **ret_error) {
        static const char *const sections[_OBJECT_KIND_MAX] = {
                [OBJECT_KIND_USER] = "Map User",
                [OBJECT_KIND_GROUP] = "Map Group",
        };

        for (ObjectKind k = 0; k < _OBJECT_KIND_MAX; k++) {
                _cleanup_strv_ char **targets = NULL;
                _cleanup_error_ Error *error = NULL;
                int r;

                if (!c->map[k])
                        continue;
                r = mapping_finish(c->map[k], &error);
                if (r == -EINVAL)
                        return config_error(ret_error, c->file, 0, "[%s] %s", sections[k], error_text(error, r));
                if (r < 0)
                        return r;
                r = mapping_targets(c->map[k], &targets);
                if (r < 0)
                        return r;
                /* Every line was taken back: as if there were no section, all attributes flow. */
                if (strv_length(targets) == 0)
                        c->map[k] = mapping_free(c->map[k]);
        }
        return 0;
}

/* Without a value there would be nothing to look for the object by until another cycle has found who is meant. */
static int check_match_is_no_reference(const JobConfig *c, ObjectKind kind, const char *name, Error **ret_error) {
        for (char **match = c->match[kind]; match && *match; match++) {
                _cleanup_(attribute_path_freep) AttributePath *path = NULL;
                _cleanup_strbuf_ StrBuf text = STRBUF_INIT;
                const char *rest;
                int r;

                r = attribute_path_parse(*match, &path, NULL);
                if (r >= 0)
                        r = attribute_path_canonical(path, &text);
                if (r < 0)
                        return r;
                rest = startswith(text.data, name);
                if (rest && (!*rest || *rest == '.'))
                        return error_set(ret_error, -EINVAL, "expected no attribute of [Match]; \"%s\" is one", name);
        }
        return 0;
}

static int settle_references(const JobLoad *l, Error **ret_error) {
        static const char *const names[_OBJECT_KIND_MAX] = { [OBJECT_KIND_USER] = "User", [OBJECT_KIND_GROUP] = "Group" };
        const JobConfig *c = l->config;

        for (ObjectKind k = 0; k < _OBJECT_KIND_MAX; k++)
                for (size_t i = 0; i < references_count(c->references[k]); i++) {
                        const char *name = references_canonical_name(c->references[k], i);
                        _cleanup_error_ Error *error = NULL;
                        int r;

                        r = check_match_is_no_reference(c, k, name, &error);
                        if (r >= 0 && c->map[k])
                                r = mapping_check_reference(c->map[k], name, &error);
                        if (r == -EINVAL) {
                                const ConfigKey *key = config_key_find(l->keys, l->n_keys, "References", names[k]);
                                const IniEntry *e = l->places[key - l->keys];

                                return config_key_error(ret_error, key, e->file, e->line, e->value, error_text(error, r));
                        }
                        if (r < 0)
                                return r;
                }
        return 0;
}

static int job_load_begin(JobLoad *l, const char *name, const char *file) {
        int r;

        l->keys = job_config_keys(&l->n_keys);
        l->layers = calloc(l->n_keys, sizeof(*l->layers));
        l->places = calloc(l->n_keys, sizeof(*l->places));
        l->config = calloc(1, sizeof(*l->config));
        if (!l->layers || !l->places || !l->config)
                return -ENOMEM;
        for (size_t i = 0; i < l->n_keys; i++) {
                r = config_key_set_default(l->keys + i, l->config);
                if (r < 0)
                        return r;
        }
        l->config->source.is_source = true;
        l->config->name = strdup(name);
        l->config->file = strdup(file);
        return l->config->name && l->config->file ? 0 : -ENOMEM;
}

static int job_config_from_ini(const IniFile *ini, size_t n_common, const char *name, const char *file,
                               bool schedule_only, JobConfig **ret, Error **ret_error) {
        _cleanup_(job_load_done) JobLoad l = {.schedule_only = schedule_only};
        int r;

        r = job_load_begin(&l, name, file);
        if (r < 0)
                return r;
        for (size_t i = 0; i < ini->n_entries; i++) {
                r = apply_entry(&l, ini->entries + i, i < n_common ? LAYER_COMMON : LAYER_JOB, ret_error);
                if (r < 0)
                        return r;
        }
        settle_schedule(&l);
        if (!schedule_only) {
                r = settle_connector(&l.config->source, l.config, ret_error);
                if (r < 0)
                        return r;
                r = settle_connector(&l.config->target, l.config, ret_error);
                if (r < 0)
                        return r;
                r = settle_apart(l.config, ret_error);
                if (r < 0)
                        return r;
                r = settle_maps(l.config, ret_error);
                if (r < 0)
                        return r;
                r = settle_references(&l, ret_error);
                if (r < 0)
                        return r;
                r = job_fingerprint(l.config, l.config->fingerprint);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(l.config);
        return 0;
}

/* reprieve.conf, then the job's files. @ret_file is what stands for the job's own file. */
static int read_files(IniFile *ini, size_t *ret_n_common, const char *config_dir, const char *name, const char *file,
                      const FileOverride *override, char **ret_file, Error **ret_error) {
        _cleanup_free_ char *common = NULL, *own = NULL;
        int r;

        if (!job_name_is_valid(name))
                return config_error(ret_error, config_dir, 0,
                                    "\"%.80s\" is no name of a job; expected at most %u letters, digits, -, _ "
                                    "and ., beginning with a letter or digit",
                                    name, JOB_NAME_MAX);
        common = reprieve_conf_path(config_dir);
        own = file ? strdup(file) : job_file_path(config_dir, name);
        if (!common || !own)
                return -ENOMEM;

        r = ini_file_read(ini, common, ret_error);
        if (r < 0 && r != -ENOENT)
                return r;
        if (r == -ENOENT && ret_error)
                *ret_error = error_free(*ret_error);
        *ret_n_common = ini->n_entries;

        r = job_files_read(ini, config_dir, name, file, override, ret_error);
        if (r < 0)
                return r;
        *ret_file = TAKE_PTR(own);
        return 0;
}

int job_config_load_override(const char *config_dir, const char *name, const char *file, const FileOverride *override,
                             JobConfig **ret, Error **ret_error) {
        _cleanup_ini_file_ IniFile ini = INI_FILE_INIT;
        _cleanup_free_ char *own = NULL;
        size_t n_common;
        int r;

        r = read_files(&ini, &n_common, config_dir, name, file, override, &own, ret_error);
        if (r < 0)
                return r;
        return job_config_from_ini(&ini, n_common, name, own, false, ret, ret_error);
}

int job_config_load(const char *config_dir, const char *name, JobConfig **ret, Error **ret_error) {
        return job_config_load_override(config_dir, name, NULL, NULL, ret, ret_error);
}

int job_config_load_file(const char *config_dir, const char *name, const char *file, JobConfig **ret,
                         Error **ret_error) {
        return job_config_load_override(config_dir, name, file, NULL, ret, ret_error);
}

int job_config_load_schedule(const char *config_dir, const char *name, JobConfig **ret, Error **ret_error) {
        _cleanup_ini_file_ IniFile ini = INI_FILE_INIT;
        _cleanup_free_ char *own = NULL;
        size_t n_common;
        int r;

        r = read_files(&ini, &n_common, config_dir, name, NULL, NULL, &own, ret_error);
        if (r < 0)
                return r;
        r = job_config_from_ini(&ini, n_common, name, own, false, ret, ret_error);
        if (r != -EINVAL)
                return r;
        /* *ret_error keeps the first mistake; one in the schedule itself is that mistake. */
        r = job_config_from_ini(&ini, n_common, name, own, true, ret, NULL);
        return r < 0 ? r : JOB_CONFIG_E_SCHEDULE_ONLY;
}
