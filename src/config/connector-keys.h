/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which connectors there are and which settings they take, so that a mistake in a job file is found when it is loaded and
 * not when a cycle begins. The connectors themselves stand above and rely on what is checked here. */

#include <stdbool.h>

#include "config-key.h"
#include "job-config.h"

typedef enum ConnectorKeyType {
        CONNECTOR_KEY_PATH,             /* absolute */
        CONNECTOR_KEY_NAME,             /* of an attribute */
        CONNECTOR_KEY_CHARACTER,        /* one ASCII character, or "tab" */
        CONNECTOR_KEY_BOOLEAN,
} ConnectorKeyType;

typedef struct ConnectorKey {
        const char *name;
        ConnectorKeyType type;
        bool required;
        bool is_written;                /* a path below which the cycle writes: its sandbox must let it */
        const char *default_text;
        const char *help;               /* one line without a full stop */
} ConnectorKey;

/** connector_keys() - what the connector takes in [Source] or [Target]; an element without a name ends the table. NULL if
 * there is no such connector. */
const ConnectorKey *connector_keys(const char *connector, bool is_source);

/** connector_name_check() - is there such a source or target? Errors: -EINVAL with "expected …". */
int connector_name_check(const char *connector, bool is_source, Error **ret_error);

/**
 * connector_config_check() - are all settings known, well formed and together enough?
 *
 * Errors: -EINVAL with file, line, key and what would be right; -ENOMEM.
 */
int connector_config_check(const ConnectorConfig *c, Error **ret_error);

/** connector_config_canonical() - append the settings as they take effect, one a line, sorted: for the fingerprint
 * (E4). Errors: -ENOMEM. */
int connector_config_canonical(const ConnectorConfig *c, StrBuf *out);
