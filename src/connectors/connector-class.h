/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the registry knows of each connector, and what connectors share about their settings. Only the files of this
 * room include it; the engine sees connector.h. A new connector is one ConnectorClass and one line in registry.c. */

#include <stdarg.h>

#include "connector.h"

typedef struct ConnectorClass {
        const char *name;               /* Connector= */
        const SourceVTable *source;     /* one of the two is NULL: */
        const TargetVTable *target;     /* [Source] and [Target] know different keys */
        const char *const *keys;        /* every key there is, NULL terminated */
        const char *const *shown;       /* keys whose values connector_describe() shows, NULL terminated */
        /* What is wrong with these settings beyond an unknown key? Opens nothing. Errors: -EINVAL. */
        int (*check)(const ConnectorConfig *config, Error **ret_error);
} ConnectorClass;

extern const ConnectorClass json_source_class;
extern const ConnectorClass json_target_class;

/** connector_setting_error() - -EINVAL about a key: "FILE:LINE: KEY=: …", or "FILE: KEY=: …" where it is not set */
int connector_setting_error(const ConnectorConfig *config, const char *key, Error **ret_error, const char *fmt, ...)
        _printf_(4, 5);
