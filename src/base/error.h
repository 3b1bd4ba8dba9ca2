/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* An error that a person will read: a code, how far it reaches, when a retry makes sense, and a text that is built
 * where the error happens and wrapped with context on the way up. Knows nothing of where it will be shown. */

#include "macro.h"
#include "cleanup.h"

/* How much is broken. The engine decides from this, never from the text. */
typedef enum ErrorScope {
        ERROR_SCOPE_ITEM,          /* this object only */
        ERROR_SCOPE_SOURCE,        /* the reading */
        ERROR_SCOPE_CONNECTOR,     /* the connection to one system */
        ERROR_SCOPE_CYCLE,         /* this cycle */
        ERROR_SCOPE_INTERNAL,      /* ourselves */
} ErrorScope;

typedef enum ErrorRetry {
        ERROR_RETRY_LATER,             /* the next cycle may succeed */
        ERROR_RETRY_NOW,               /* once more at once */
        ERROR_RETRY_AFTER_RECONFIGURE, /* not before a person changed something */
} ErrorRetry;

typedef struct Error {
        int code;              /* negative errno, or a positive condition of the module that made it */
        ErrorScope scope;
        ErrorRetry retry;
        char *id;              /* stable name for programs, e.g. "InvalidCredentials"; may be NULL */
        char *text;            /* valid UTF-8, no secret, ends without a full stop */
} Error;

/**
 * error_set() - build an error at its origin
 * @ret:  where to put it; NULL if the caller does not want to know
 * @code: returned unchanged, so that "return error_set(…)" is one line
 *
 * An error already in *@ret is freed. The text is made valid UTF-8. Out of memory leaves a static text.
 */
int error_set(Error **ret, int code, const char *fmt, ...) _printf_(3, 4);

/** error_set_full() - the same with scope, retry class and stable id (may be NULL) */
int error_set_full(Error **ret, int code, ErrorScope scope, ErrorRetry retry, const char *id, const char *fmt, ...)
        _printf_(6, 7);

/** error_wrap() - put "context: " in front of the text; does nothing if there is no error. Returns @code. */
int error_wrap(Error **error, int code, const char *fmt, ...) _printf_(3, 4);

/** error_text() - the text, or strerror(-@code) where there is none; never NULL */
const char *error_text(const Error *error, int code);
/* An error's first line, for "%.*s". Those of the languages go on with the text and a caret under the place: for a terminal,
 * where a log shows them badly. */
#define ERROR_LINE(error, code) (int) strcspn(error_text(error, code), "\n"), error_text(error, code)

Error *error_free(Error *error);
DEFINE_CLEANUP(Error *, error_free)
#define _cleanup_error_ _cleanup_(error_freep)
