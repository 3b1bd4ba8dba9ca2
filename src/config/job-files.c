/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "job-files.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>

#include "config-error.h"
#include "file-util.h"
#include "string-util.h"

static char *format_path(const char *config_dir, const char *name, const char *suffix) {
        char *s;

        return asprintf(&s, "%s/jobs.d/%s%s", config_dir, name, suffix) < 0 ? NULL : s;
}

char *job_file_path(const char *config_dir, const char *name) {
        return format_path(config_dir, name, ".conf");
}

char *job_drop_in_dir(const char *config_dir, const char *name) {
        return format_path(config_dir, name, ".conf.d");
}

char *job_drop_in_path(const char *config_dir, const char *name) {
        return format_path(config_dir, name, ".conf.d/" JOB_DROP_IN);
}

char *reprieve_conf_path(const char *config_dir) {
        return path_join(config_dir, "reprieve.conf");
}

static int compare_strings(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

int conf_files_list(const char *dir, char ***ret) {
        _cleanup_strv_ char **l = NULL;
        _cleanup_closedir_ DIR *d = NULL;
        int r;

        d = opendir(dir);
        if (!d && errno != ENOENT)
                return -errno;
        while (d) {
                struct dirent *entry;
                size_t n;

                errno = 0;
                entry = readdir(d);
                if (!entry && errno != 0)
                        return -errno;
                if (!entry)
                        break;
                n = strlen(entry->d_name);
                if (entry->d_name[0] == '.' || n <= strlen(".conf") ||
                    !streq(entry->d_name + n - strlen(".conf"), ".conf"))
                        continue;
                r = strv_extend(&l, entry->d_name);
                if (r < 0)
                        return r;
        }
        if (!l) {
                l = calloc(1, sizeof(*l));
                if (!l)
                        return -ENOMEM;
        }
        qsort(l, strv_length(l), sizeof(*l), compare_strings);
        *ret = TAKE_PTR(l);
        return 0;
}

static int read_one(IniFile *ini, const char *path, const FileOverride *override, Error **ret_error) {
        if (override && streq(override->path, path))
                return ini_file_parse(ini, path, override->text, override->size, ret_error);
        return ini_file_read(ini, path, ret_error);
}

int job_files_read(IniFile *ini, const char *config_dir, const char *name, const char *file,
                   const FileOverride *override, Error **ret_error) {
        _cleanup_free_ char *path = job_file_path(config_dir, name), *dir = job_drop_in_dir(config_dir, name);
        _cleanup_strv_ char **names = NULL;
        int r;

        if (!path || !dir)
                return -ENOMEM;
        r = read_one(ini, file ? file : path, override, ret_error);
        if (r < 0)
                return r;

        r = conf_files_list(dir, &names);
        if (r < 0)
                return config_error_full(ret_error, r, dir, 0, "%s", strerror(-r));
        if (override) {
                const char *base = startswith(override->path, dir);

                /* A drop-in that is not there yet takes its place among the others. */
                if (base && *base == '/' && !strv_contains(names, base + 1)) {
                        r = strv_extend(&names, base + 1);
                        if (r < 0)
                                return r;
                        qsort(names, strv_length(names), sizeof(*names), compare_strings);
                }
        }
        for (size_t i = 0; names[i]; i++) {
                _cleanup_free_ char *drop_in = path_join(dir, names[i]);

                if (!drop_in)
                        return -ENOMEM;
                r = read_one(ini, drop_in, override, ret_error);
                if (r < 0)
                        return r;
        }
        return 0;
}
