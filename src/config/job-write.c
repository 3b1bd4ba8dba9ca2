/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

/* Changing job files. What is written is first loaded in the place it will have, so that nothing is written that
 * could not be read back, and a refused change has touched nothing. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "config-error.h"
#include "file-util.h"
#include "job-keys.h"
#include "job-load.h"
#include "string-util.h"

#define DROP_IN_HEADER                                                                                               \
        "# Written by reprieved for changes made over D-Bus. It is read after the job's own file, which stays as "   \
        "it is.\n"

/* "Section.Key": no section has a dot in its name, an attribute in [Map …] may. */
static int split_name(const char *name, char **ret_section, char **ret_key, Error **ret_error) {
        _cleanup_free_ char *section = NULL, *key = NULL;
        const char *dot = strchr(name, '.');
        _cleanup_free_ char *shown = printable_copy(name);
        int r;

        if (!shown)
                return -ENOMEM;
        if (!dot || dot == name || !dot[1])
                return config_error(ret_error, shown, 0, "expected Section.Key, such as Deletions.DeletionThreshold");
        section = strndup(name, (size_t) (dot - name));
        key = strdup(dot + 1);
        if (!section || !key)
                return -ENOMEM;
        if (!job_section_is_known(section))
                return config_error(ret_error, shown, 0, "there is no section of this name in a job file");
        /* What would be read back as something else. */
        if (!ini_text_is_printable(key) || strchr(key, '=') || strchr("[#; \t", key[0]) ||
            strchr(" \t\\", key[strlen(key) - 1]))
                return config_error(ret_error, shown, 0, "such a key cannot stand in a job file");
        r = job_key_check(section, key, shown, 0, ret_error);
        if (r < 0)
                return r;
        *ret_section = TAKE_PTR(section);
        *ret_key = TAKE_PTR(key);
        return 0;
}

static int check_value(const char *name, const char *value, Error **ret_error) {
        size_t n = strlen(value);

        if (!ini_text_is_printable(value))
                return config_error(ret_error, name, 0, "expected one line of UTF-8 text without control characters");
        if (n > INI_LINE_SIZE_MAX / 2)
                return config_error(ret_error, name, 0, "expected at most %u bytes", INI_LINE_SIZE_MAX / 2);
        /* It would join the next line (systemd.syntax(7)), and there is no way to escape it. */
        if (n > 0 && value[n - 1] == '\\')
                return config_error(ret_error, name, 0, "a value cannot end in a backslash");
        return 0;
}

static bool key_is_list(const char *section, const char *key) {
        size_t n;
        const ConfigKey *keys = job_config_keys(&n), *k;

        if (map_section_kind(section) >= 0)
                return true; /* CreateOnly= and its like are; an empty line before any other does no harm */
        k = config_key_find(keys, n, section, key);
        return k && k->is_list;
}

/* A list is set, not added to: what other files say of it is taken back first. */
static int put_assignment(IniFile *ini, const char *section, const char *key, const char *value) {
        int r;

        ini_file_remove(ini, section, key);
        if (!isempty(value) && key_is_list(section, key)) {
                r = ini_file_add(ini, section, key, "");
                if (r < 0)
                        return r;
        }
        return ini_file_add(ini, section, key, value);
}

static int put_assignments(IniFile *ini, char *const *keys, char *const *values, Error **ret_error) {
        for (size_t i = 0; keys[i]; i++) {
                _cleanup_free_ char *section = NULL, *key = NULL, *copy = NULL;
                char *value;
                int r;

                r = split_name(keys[i], &section, &key, ret_error);
                if (r < 0)
                        return r;
                copy = strdup(values[i]);
                if (!copy)
                        return -ENOMEM;
                value = strstrip(copy);
                r = check_value(keys[i], value, ret_error);
                if (r < 0)
                        return r;
                r = put_assignment(ini, section, key, value);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Loads the job as it will be and returns what to write. */
static int prepare(const char *config_dir, const char *name, const char *path, const char *header, const IniFile *ini,
                   StrBuf *text, JobConfig **ret, Error **ret_error) {
        FileOverride override = {.path = path};
        int r;

        strbuf_puts(text, header);
        r = ini_file_format(ini, text);
        if (r < 0)
                return r;
        override.text = text->data;
        override.size = text->size;
        return job_config_load_override(config_dir, name, NULL, &override, ret, ret_error);
}

int job_config_set(const char *config_dir, const char *name, char *const *keys, char *const *values, JobConfig **ret,
                   Error **ret_error) {
        _cleanup_(job_config_freep) JobConfig *c = NULL;
        _cleanup_free_ char *path = NULL, *dir = NULL;
        _cleanup_ini_file_ IniFile ini = INI_FILE_INIT;
        _cleanup_strbuf_ StrBuf text = STRBUF_INIT;
        _cleanup_error_ Error *error = NULL;
        bool made_dir;
        int r;

        if (!job_name_is_valid(name))
                return config_error(ret_error, config_dir, 0, "\"%.80s\" is no name of a job", name);
        path = job_drop_in_path(config_dir, name);
        dir = job_drop_in_dir(config_dir, name);
        if (!path || !dir)
                return -ENOMEM;

        r = ini_file_read(&ini, path, &error);
        if (r < 0 && r != -ENOENT) {
                if (ret_error)
                        *ret_error = TAKE_PTR(error);
                return r;
        }
        r = put_assignments(&ini, keys, values, ret_error);
        if (r < 0)
                return r;
        r = prepare(config_dir, name, path, DROP_IN_HEADER, &ini, &text, &c, ret_error);
        if (r < 0)
                return r;

        made_dir = mkdir(dir, 0755) == 0;
        if (!made_dir && errno != EEXIST)
                return config_error_full(ret_error, -errno, dir, 0, "cannot be made: %s", strerror(errno));
        r = file_write_atomic(path, text.data, text.size, 0644);
        if (r < 0) {
                if (made_dir)
                        (void) rmdir(dir);
                return config_error_full(ret_error, r, path, 0, "cannot be written: %s", strerror(-r));
        }
        *ret = TAKE_PTR(c);
        return 0;
}

int job_config_create(const char *config_dir, const char *name, char *const *keys, char *const *values,
                      JobConfig **ret, Error **ret_error) {
        _cleanup_(job_config_freep) JobConfig *c = NULL;
        _cleanup_free_ char *path = NULL, *jobs_dir = NULL, *temporary = NULL;
        _cleanup_ini_file_ IniFile ini = INI_FILE_INIT;
        _cleanup_strbuf_ StrBuf text = STRBUF_INIT;
        int r;

        if (!job_name_is_valid(name))
                return config_error(ret_error, config_dir, 0,
                                    "\"%.80s\" is no name of a job; expected at most 64 letters, digits, "
                                    "-, _ and ., beginning with a letter or digit",
                                    name);
        path = job_file_path(config_dir, name);
        jobs_dir = path_join(config_dir, "jobs.d");
        if (!path || !jobs_dir || asprintf(&temporary, "%s/.%s.conf", jobs_dir, name) < 0)
                return -ENOMEM;
        if (access(path, F_OK) == 0)
                return config_error_full(ret_error, -EEXIST, path, 0, "there is such a job already");

        r = put_assignments(&ini, keys, values, ret_error);
        if (r < 0)
                return r;
        r = prepare(config_dir, name, path, "", &ini, &text, &c, ret_error);
        if (r < 0)
                return r;

        r = mkdir_parents(jobs_dir, 0755);
        if (r < 0)
                return config_error_full(ret_error, r, jobs_dir, 0, "cannot be made: %s", strerror(-r));
        r = file_write_atomic(temporary, text.data, text.size, 0644);
        if (r < 0)
                return config_error_full(ret_error, r, path, 0, "cannot be written: %s", strerror(-r));
        /* Unlike rename(2), link(2) never replaces a file that somebody has made meanwhile. */
        r = link(temporary, path) < 0 ? -errno : 0;
        (void) unlink(temporary);
        if (r == 0)
                r = fsync_parent(path);
        if (r == -EEXIST)
                return config_error_full(ret_error, r, path, 0, "there is such a job already");
        if (r < 0)
                return config_error_full(ret_error, r, path, 0, "cannot be written: %s", strerror(-r));
        *ret = TAKE_PTR(c);
        return 0;
}

int job_config_remove(const char *config_dir, const char *name, Error **ret_error) {
        _cleanup_free_ char *path = NULL, *dir = NULL;
        _cleanup_strv_ char **names = NULL;
        int r;

        if (!job_name_is_valid(name))
                return config_error(ret_error, config_dir, 0, "\"%.80s\" is no name of a job", name);
        path = job_file_path(config_dir, name);
        dir = job_drop_in_dir(config_dir, name);
        if (!path || !dir)
                return -ENOMEM;

        /* The job's own file first: without it there is no job, whatever is left of the rest. */
        if (unlink(path) < 0)
                return config_error_full(ret_error, -errno, path, 0, "cannot be removed: %s", strerror(errno));
        r = conf_files_list(dir, &names);
        if (r < 0)
                return config_error_full(ret_error, r, dir, 0, "%s", strerror(-r));
        for (size_t i = 0; names[i]; i++) {
                _cleanup_free_ char *drop_in = path_join(dir, names[i]);

                if (!drop_in)
                        return -ENOMEM;
                if (unlink(drop_in) < 0)
                        return config_error_full(ret_error, -errno, drop_in, 0, "cannot be removed: %s",
                                                 strerror(errno));
        }
        /* Other files of somebody's may be in it; they say nothing to us. */
        if (rmdir(dir) < 0 && errno != ENOENT && errno != ENOTEMPTY && errno != EEXIST)
                return config_error_full(ret_error, -errno, dir, 0, "cannot be removed: %s", strerror(errno));
        return fsync_parent(path);
}

int job_config_list(const char *config_dir, char ***ret) {
        _cleanup_free_ char *dir = path_join(config_dir, "jobs.d");
        _cleanup_strv_ char **names = NULL;
        size_t n = 0;
        int r;

        if (!dir)
                return -ENOMEM;
        r = conf_files_list(dir, &names);
        if (r < 0)
                return r;
        for (size_t i = 0; names[i]; i++) {
                char *s = names[i];

                names[i] = NULL;
                s[strlen(s) - strlen(".conf")] = '\0';
                if (job_name_is_valid(s))
                        names[n++] = s;
                else
                        free(s);
        }
        names[n] = NULL;
        *ret = TAKE_PTR(names);
        return 0;
}
