/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "string-util.h"

int array_grow(void *array, size_t *n_allocated, size_t need, size_t size) {
        void **a = array;
        size_t n;
        void *p;

        if (need <= *n_allocated && *a)
                return 0;

        n = MAX2(need, *n_allocated * 2);
        n = MAX2(n, (size_t) 8);
        p = reallocarray(*a, n, size);
        if (!p)
                return -ENOMEM;

        *a = p;
        *n_allocated = n;
        return 0;
}

Error *error_free(Error *error) {
        if (!error)
                return NULL;

        free(error->id);
        free(error->text);
        free(error);
        return NULL;
}

static char *format_text(const char *fmt, va_list ap) {
        _cleanup_free_ char *raw = NULL;

        if (vasprintf(&raw, fmt, ap) < 0) {
                raw = NULL;
                return NULL;
        }
        return utf8_make_valid(raw);
}

static int error_setv(Error **ret, int code, ErrorScope scope, ErrorRetry retry, const char *id, const char *fmt,
                      va_list ap) {
        Error *e;

        if (!ret)
                return code;

        e = calloc(1, sizeof(*e));
        if (e) {
                e->code = code;
                e->scope = scope;
                e->retry = retry;
                e->id = id ? strdup(id) : NULL;
                e->text = format_text(fmt, ap);
        }
        error_free(*ret);
        *ret = e;
        return code;
}

int error_set(Error **ret, int code, const char *fmt, ...) {
        va_list ap;

        va_start(ap, fmt);
        error_setv(ret, code, ERROR_SCOPE_CYCLE, ERROR_RETRY_LATER, NULL, fmt, ap);
        va_end(ap);
        return code;
}

int error_set_full(Error **ret, int code, ErrorScope scope, ErrorRetry retry, const char *id, const char *fmt, ...) {
        va_list ap;

        va_start(ap, fmt);
        error_setv(ret, code, scope, retry, id, fmt, ap);
        va_end(ap);
        return code;
}

int error_wrap(Error **error, int code, const char *fmt, ...) {
        _cleanup_free_ char *context = NULL;
        va_list ap;
        char *text;

        if (!error)
                return code;
        if (!*error)
                (void) error_set(error, code, "%s", strerror(code < 0 ? -code : code));
        if (!*error)
                return code;

        va_start(ap, fmt);
        context = format_text(fmt, ap);
        va_end(ap);
        if (context && asprintf(&text, "%s: %s", context, error_text(*error, code)) >= 0) {
                free((*error)->text);
                (*error)->text = text;
        }
        return code;
}

const char *error_text(const Error *error, int code) {
        if (error && error->text)
                return error->text;
        return strerror(code < 0 ? -code : code);
}
