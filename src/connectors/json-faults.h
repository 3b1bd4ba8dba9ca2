/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The fault plan of the json target, for tests (Faults=FILE): what is to go wrong, and when. JSON Lines:
 *
 *   {"action":"Create","match":"jdoe","result":"failed","times":2}
 *
 * "action" is Open, Create, Update, Restore, Members, Disable or Delete; without it any change. "match" is a target id, a
 * userName or a displayName; without it any object. "times" is how often within one process; without it always.
 * "result" is one of the FaultResult below. Changes of the batch that stand before the one at which it crashes or
 * breaks off are carried out. */

#include "connector.h"

typedef enum FaultResult {
        FAULT_NONE,
        FAULT_FAILED,             /* TARGET_FAILED */
        FAULT_EXISTS,             /* TARGET_EXISTS */
        FAULT_NOT_FOUND,          /* TARGET_NOT_FOUND */
        FAULT_CRASH_BEFORE,       /* SIGKILL before the change */
        FAULT_CRASH_AFTER,        /* SIGKILL after it, before anybody hears of it */
        FAULT_DISCONNECT,         /* an error of scope CONNECTOR */
        FAULT_UNAUTHORIZED,       /* "InvalidCredentials" (X3) */
        FAULT_THROTTLE,           /* "Throttled" (X3) */
        _FAULT_MAX,
        _FAULT_INVALID = -22,
} FaultResult;

typedef struct JsonFaults JsonFaults;

/** json_faults_load() - Errors: -EINVAL with file and line; errno. */
int json_faults_load(const char *path, JsonFaults **ret, Error **ret_error);
JsonFaults *json_faults_free(JsonFaults *f);
DEFINE_CLEANUP(JsonFaults *, json_faults_free)

/** json_faults_open() - what is to happen when the target is opened */
FaultResult json_faults_open(JsonFaults *f);

/** json_faults_change() - what is to happen to this change; uses up one of its times
 * @name: the object's userName or displayName; NULL if it has none */
FaultResult json_faults_change(JsonFaults *f, const TargetChange *c, const char *name);

/** json_faults_error() - the Error of Failed, Disconnect, Unauthorized and Throttle. Returns its code. */
int json_faults_error(FaultResult result, Error **ret_error);
