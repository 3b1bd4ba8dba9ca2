/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where the files of a job lie, and reading them in the order in which they count. Knows nothing of what they say. */

#include "ini-file.h"

/* The drop-in that we write; a person's own may come before or after it. */
#define JOB_DROP_IN "50-reprieve.conf"

/* What stands in the place of a file, while a change is tried that is not written yet. */
typedef struct FileOverride {
        const char *path;
        const char *text;
        size_t size;
} FileOverride;

/** job_file_path() - CONFIG_DIR/jobs.d/NAME.conf; NULL for OOM */
char *job_file_path(const char *config_dir, const char *name);
/** job_drop_in_dir() - CONFIG_DIR/jobs.d/NAME.conf.d; NULL for OOM */
char *job_drop_in_dir(const char *config_dir, const char *name);
/** job_drop_in_path() - of JOB_DROP_IN; NULL for OOM */
char *job_drop_in_path(const char *config_dir, const char *name);
/** reprieve_conf_path() - CONFIG_DIR/reprieve.conf; NULL for OOM */
char *reprieve_conf_path(const char *config_dir);

/** conf_files_list() - names of the *.conf files in @dir, sorted bytewise; hidden ones are left out, a missing folder is
 * an empty list. Errors: errno, -ENOMEM. */
int conf_files_list(const char *dir, char ***ret);

/**
 * job_files_read() - append the job's file and its drop-ins
 * @file:     instead of the job's own file; may be NULL
 * @override: may be NULL
 *
 * Errors: as ini_file_read(); -ENOENT without the job's own file.
 */
int job_files_read(IniFile *ini, const char *config_dir, const char *name, const char *file, const FileOverride *override,
                   Error **ret_error);
