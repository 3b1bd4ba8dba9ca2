/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Carries out a batch of changes on one file of the json target: the new file is written beside the old one, merged
 * from it and from the changes, and takes its place with a rename; either all of it is there or nothing. Knows nothing
 * of locks and folders. */

#include "connector.h"
#include "json-store.h"
#include "uuid7.h"

/**
 * json_commit() - the changes of the store's kind among @changes, in their order; others are left alone
 * @decided: of each change, whether its outcome is already decided, so that it is not carried out
 *
 * To be called under the lock, with the store refreshed. Where nothing changes nothing is written.
 * Errors: scope CONNECTOR; the file is then as it was, unless making it durable was what failed.
 */
int json_commit(JsonStore *store, Uuid7 *ids, bool can_disable, TargetChange *changes, size_t n, const bool *decided,
                Error **ret_error);

/** json_change_name() - the value of @attribute in a text of attributes, replacing @out; 1 if there is one, 0 if not.
 * Errors: -EINVAL, -ENOMEM. */
int json_change_name(const char *attributes, const char *attribute, StrBuf *out);
