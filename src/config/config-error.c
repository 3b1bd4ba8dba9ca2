/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "config-error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "string-util.h"

/* As much of a value as an error shows. */
#define VALUE_SHOWN_MAX 80U

static _printf_(5, 0) int config_errorv(Error **ret, int code, const char *file, unsigned line, const char *fmt,
                                        va_list ap) {
        _cleanup_free_ char *text = NULL;

        if (vasprintf(&text, fmt, ap) < 0) {
                text = NULL;
                return -ENOMEM;
        }
        if (line == 0)
                return error_set_full(ret, code, ERROR_SCOPE_CYCLE, ERROR_RETRY_AFTER_RECONFIGURE, "InvalidSettings",
                                      "%s: %s", file, text);
        return error_set_full(ret, code, ERROR_SCOPE_CYCLE, ERROR_RETRY_AFTER_RECONFIGURE, "InvalidSettings",
                              "%s:%u: %s", file, line, text);
}

int config_error(Error **ret, const char *file, unsigned line, const char *fmt, ...) {
        va_list ap;
        int r;

        va_start(ap, fmt);
        r = config_errorv(ret, -EINVAL, file, line, fmt, ap);
        va_end(ap);
        return r;
}

int config_error_full(Error **ret, int code, const char *file, unsigned line, const char *fmt, ...) {
        va_list ap;
        int r;

        va_start(ap, fmt);
        r = config_errorv(ret, code, file, line, fmt, ap);
        va_end(ap);
        return r;
}

int config_error_value(Error **ret, const char *file, unsigned line, const char *key, const char *value,
                       const char *why) {
        size_t n = utf8_truncate(value, VALUE_SHOWN_MAX);
        bool comment = strstr(value, " #") || strstr(value, "\t#");

        /* Errors of the languages show the text themselves, with a caret under the place. */
        if (strchr(why, '\n'))
                return config_error(ret, file, line, "%s=: %s", key, why);
        return config_error(ret, file, line, "%s=%.*s%s: %s%s", key, (int) n, value, value[n] ? "…" : "", why,
                            comment ? " (a comment needs a line of its own)" : "");
}

int config_error_secret(Error **ret, const char *file, unsigned line, const char *key) {
        return config_error(
                ret, file, line,
                "%s=: a secret does not belong into this file, which many may read; put it into a systemd "
                "credential, /etc/credstore/NAME or encrypted with systemd-creds(1) "
                "/etc/credstore.encrypted/NAME, and say Credential=NAME",
                key);
}
