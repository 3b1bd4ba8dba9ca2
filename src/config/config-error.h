/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How an error of a configuration file reads: file, line, key, and what would be right. */

#include "error.h"

/** config_error() - "FILE:LINE: …" ("FILE: …" for line 0), to be mended by a person. Returns -EINVAL. */
int config_error(Error **ret, const char *file, unsigned line, const char *fmt, ...) _printf_(4, 5);

/** config_error_full() - the same with another code, which it returns */
int config_error_full(Error **ret, int code, const char *file, unsigned line, const char *fmt, ...) _printf_(5, 6);

/**
 * config_error_value() - "FILE:LINE: KEY=VALUE: WHY", with a long value cut
 *
 * Adds a hint where the value seems to have a comment at its end. Returns -EINVAL.
 */
int config_error_value(Error **ret, const char *file, unsigned line, const char *key, const char *value, const char *why);

/** config_error_secret() - a password where none may be. Does not show the value. Returns -EINVAL. */
int config_error_secret(Error **ret, const char *file, unsigned line, const char *key);
