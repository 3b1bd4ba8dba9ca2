/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "bus-error.h"

#include <errno.h>

#include "bus-internal.h"
#include "string-util.h"

#define OURS(name) "org.reprieve1.Error." name

static const struct {
        const char *name;
        int error;
} table[_BUS_ERROR_MAX] = {
        [BUS_ERROR_FAILED] = {DBUS_ERROR_FAILED, EREMOTEIO},
        [BUS_ERROR_NO_MEMORY] = {DBUS_ERROR_NO_MEMORY, ENOMEM},
        [BUS_ERROR_ACCESS_DENIED] = {DBUS_ERROR_ACCESS_DENIED, EACCES},
        [BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED] = {DBUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED, EPERM},
        [BUS_ERROR_INVALID_ARGS] = {DBUS_ERROR_INVALID_ARGS, EINVAL},
        [BUS_ERROR_LIMITS_EXCEEDED] = {DBUS_ERROR_LIMITS_EXCEEDED, EMSGSIZE},
        [BUS_ERROR_NOT_SUPPORTED] = {DBUS_ERROR_NOT_SUPPORTED, EOPNOTSUPP},
        [BUS_ERROR_FILE_NOT_FOUND] = {DBUS_ERROR_FILE_NOT_FOUND, ENOENT},
        [BUS_ERROR_FILE_EXISTS] = {DBUS_ERROR_FILE_EXISTS, EEXIST},
        [BUS_ERROR_IO_ERROR] = {DBUS_ERROR_IO_ERROR, EIO},
        [BUS_ERROR_TIMEOUT] = {DBUS_ERROR_TIMEOUT, ETIMEDOUT},
        [BUS_ERROR_NO_REPLY] = {DBUS_ERROR_NO_REPLY, ETIME},
        [BUS_ERROR_DISCONNECTED] = {DBUS_ERROR_DISCONNECTED, ECONNRESET},
        [BUS_ERROR_NO_SERVER] = {DBUS_ERROR_NO_SERVER, ECONNREFUSED},
        [BUS_ERROR_SERVICE_UNKNOWN] = {DBUS_ERROR_SERVICE_UNKNOWN, EHOSTUNREACH},
        [BUS_ERROR_NAME_HAS_NO_OWNER] = {DBUS_ERROR_NAME_HAS_NO_OWNER, ENXIO},
        [BUS_ERROR_AUTH_FAILED] = {DBUS_ERROR_AUTH_FAILED, EKEYREJECTED},
        [BUS_ERROR_UNKNOWN_OBJECT] = {DBUS_ERROR_UNKNOWN_OBJECT, EBADR},
        [BUS_ERROR_UNKNOWN_INTERFACE] = {DBUS_ERROR_UNKNOWN_INTERFACE, EBADR},
        [BUS_ERROR_UNKNOWN_METHOD] = {DBUS_ERROR_UNKNOWN_METHOD, EBADR},
        [BUS_ERROR_UNKNOWN_PROPERTY] = {DBUS_ERROR_UNKNOWN_PROPERTY, EBADR},
        [BUS_ERROR_PROPERTY_READ_ONLY] = {DBUS_ERROR_PROPERTY_READ_ONLY, EROFS},
        [BUS_ERROR_INVALID_SIGNATURE] = {DBUS_ERROR_INVALID_SIGNATURE, EBADMSG},
        [BUS_ERROR_INCONSISTENT_MESSAGE] = {DBUS_ERROR_INCONSISTENT_MESSAGE, EPROTO},
        [BUS_ERROR_NO_SUCH_JOB] = {OURS("NoSuchJob"), ENOENT},
        [BUS_ERROR_NO_SUCH_REVIEW] = {OURS("NoSuchReview"), ENOENT},
        [BUS_ERROR_NO_SUCH_OBJECT] = {OURS("NoSuchObject"), ENOENT},
        [BUS_ERROR_JOB_EXISTS] = {OURS("JobExists"), EEXIST},
        [BUS_ERROR_JOB_BUSY] = {OURS("JobBusy"), EBUSY},
        [BUS_ERROR_JOB_NOT_EMPTY] = {OURS("JobNotEmpty"), ENOTEMPTY},
        [BUS_ERROR_JOB_DISABLED] = {OURS("JobDisabled"), ESHUTDOWN},
        [BUS_ERROR_JOB_PAUSED] = {OURS("JobPaused"), ESHUTDOWN},
        [BUS_ERROR_INVALID_SETTINGS] = {OURS("InvalidSettings"), EINVAL},
        [BUS_ERROR_INVALID_SCOPE] = {OURS("InvalidScope"), EINVAL},
        [BUS_ERROR_LAUNCH_FAILED] = {OURS("LaunchFailed"), ECHILD},
        [BUS_ERROR_LEDGER_FAILED] = {OURS("LedgerFailed"), EUCLEAN},
        [BUS_ERROR_CONNECTION_FAILED] = {OURS("ConnectionFailed"), ENETUNREACH},
        [BUS_ERROR_NOTIFICATION_FAILED] = {OURS("NotificationFailed"), ENETUNREACH},
};

const char *bus_error_to_name(BusErrorCode code) {
        if ((unsigned) code >= _BUS_ERROR_MAX)
                code = BUS_ERROR_FAILED;
        return table[code].name;
}

BusErrorCode bus_error_from_name(const char *name) {
        if (name)
                for (size_t i = 0; i < _BUS_ERROR_MAX; i++)
                        if (streq(name, table[i].name))
                                return (BusErrorCode) i;
        return BUS_ERROR_FAILED;
}

BusErrorCode bus_error_from_errno(int error) {
        switch (error < 0 ? -error : error) {
        case ENOMEM:
                return BUS_ERROR_NO_MEMORY;
        case EACCES:
        case EPERM:
                return BUS_ERROR_ACCESS_DENIED;
        case EINVAL:
        case EBADMSG:
        case ERANGE:
        case EDOM:
                return BUS_ERROR_INVALID_ARGS;
        case EMSGSIZE:
        case E2BIG:
        case EOVERFLOW:
        case EMFILE:
        case ENFILE:
        case EDQUOT:
        case ENOSPC:
                return BUS_ERROR_LIMITS_EXCEEDED;
        case EOPNOTSUPP:
        case ENOSYS:
                return BUS_ERROR_NOT_SUPPORTED;
        case ENOENT:
                return BUS_ERROR_FILE_NOT_FOUND;
        case EEXIST:
                return BUS_ERROR_FILE_EXISTS;
        case EIO:
                return BUS_ERROR_IO_ERROR;
        case ETIMEDOUT:
        case ETIME:
                return BUS_ERROR_TIMEOUT;
        case ECONNRESET:
        case ENOTCONN:
        case EPIPE:
                return BUS_ERROR_DISCONNECTED;
        default:
                return BUS_ERROR_FAILED;
        }
}

int bus_error_to_errno(BusErrorCode code) {
        if ((unsigned) code >= _BUS_ERROR_MAX)
                code = BUS_ERROR_FAILED;
        return table[code].error;
}

int bus_error_take(DBusError *e, Error **ret_error) {
        int r = -bus_error_to_errno(bus_error_from_name(e->name));

        r = error_set_full(ret_error, r, ERROR_SCOPE_CONNECTOR, ERROR_RETRY_LATER, e->name, "%s",
                           isempty(e->message) ? strempty(e->name) : e->message);
        dbus_error_free(e);
        return r;
}
