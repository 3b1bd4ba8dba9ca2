/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of this room share about loading; others use job-config.h. */

#include "config-key.h"
#include "ini-file.h"
#include "job-config.h"
#include "job-files.h"

/** job_config_load_override() - job_config_load_file(), where @file and @override may be NULL */
int job_config_load_override(const char *config_dir, const char *name, const char *file, const FileOverride *override,
                             JobConfig **ret, Error **ret_error);

/** section_is_known() - of a job file: those of the table, [Map User] and [Map Group] */
bool job_section_is_known(const char *section);

/** job_key_is_known() - is there such a key, as far as can be said without knowing the connector? Errors: -EINVAL that says
 * what was perhaps meant. @file and @line are for the error. */
int job_key_check(const char *section, const char *key, const char *file, unsigned line, Error **ret_error);

/** map_section_kind() - of [Map User] or [Map Group], else _OBJECT_KIND_INVALID */
ObjectKind map_section_kind(const char *section);

/** job_fingerprint() - E4, from all of @c but the fingerprint. Errors: -ENOMEM. */
int job_fingerprint(const JobConfig *c, char ret[static 33]);
