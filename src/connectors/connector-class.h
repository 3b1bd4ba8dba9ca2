/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the registry knows of each connector. Only the files of this room include it; the engine sees connector.h. A new
 * connector is a ConnectorClass, a line in registry.c, and its settings in config's connector-keys.c, where they are
 * checked before it is opened. */

#include "connector.h"

typedef struct ConnectorClass {
        const char *name;               /* Connector= */
        const SourceVTable *source;     /* one of the two is NULL: a source and a */
        const TargetVTable *target;     /* target of one name are two classes */
} ConnectorClass;

extern const ConnectorClass csv_source_class;
extern const ConnectorClass json_source_class;
extern const ConnectorClass json_target_class;
