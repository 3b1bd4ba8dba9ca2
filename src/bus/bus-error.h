/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The only place where D-Bus error names are spelled: one table code <-> name <-> errno, read by both sides. */

#include "macro.h"

typedef enum BusErrorCode {
        /* the bus' own */
        BUS_ERROR_FAILED,
        BUS_ERROR_NO_MEMORY,
        BUS_ERROR_ACCESS_DENIED,
        BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED,
        BUS_ERROR_INVALID_ARGS,
        BUS_ERROR_LIMITS_EXCEEDED,
        BUS_ERROR_NOT_SUPPORTED,
        BUS_ERROR_FILE_NOT_FOUND,
        BUS_ERROR_FILE_EXISTS,
        BUS_ERROR_IO_ERROR,
        BUS_ERROR_TIMEOUT,
        BUS_ERROR_NO_REPLY,
        BUS_ERROR_DISCONNECTED,
        BUS_ERROR_NO_SERVER,
        BUS_ERROR_SERVICE_UNKNOWN,
        BUS_ERROR_NAME_HAS_NO_OWNER,
        BUS_ERROR_AUTH_FAILED,
        BUS_ERROR_UNKNOWN_OBJECT,
        BUS_ERROR_UNKNOWN_INTERFACE,
        BUS_ERROR_UNKNOWN_METHOD,
        BUS_ERROR_UNKNOWN_PROPERTY,
        BUS_ERROR_PROPERTY_READ_ONLY,
        BUS_ERROR_INVALID_SIGNATURE,
        BUS_ERROR_INCONSISTENT_MESSAGE,
        /* org.reprieve1.Error.* */
        BUS_ERROR_NO_SUCH_JOB,
        BUS_ERROR_NO_SUCH_REVIEW,
        BUS_ERROR_NO_SUCH_OBJECT,
        BUS_ERROR_JOB_EXISTS,
        BUS_ERROR_JOB_BUSY,
        BUS_ERROR_JOB_NOT_EMPTY,
        BUS_ERROR_JOB_DISABLED,
        BUS_ERROR_JOB_PAUSED,
        BUS_ERROR_INVALID_SETTINGS,
        BUS_ERROR_INVALID_SCOPE,
        BUS_ERROR_LAUNCH_FAILED,
        BUS_ERROR_LEDGER_FAILED,
        BUS_ERROR_CONNECTION_FAILED,
        BUS_ERROR_NOTIFICATION_FAILED,
        _BUS_ERROR_MAX,
} BusErrorCode;

/** bus_error_to_name() - e.g. "org.reprieve1.Error.NoSuchJob"; never NULL */
const char *bus_error_to_name(BusErrorCode code);
/** bus_error_from_name() - BUS_ERROR_FAILED for a name that is not in the table, or NULL */
BusErrorCode bus_error_from_name(const char *name);
/** bus_error_from_errno() - what a failed call says for this errno (either sign); BUS_ERROR_FAILED by default */
BusErrorCode bus_error_from_errno(int error);
/** bus_error_to_errno() - the positive errno that comes nearest */
int bus_error_to_errno(BusErrorCode code);
