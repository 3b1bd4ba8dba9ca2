/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* org.reprieve1 on D-Bus: tables over the service. Everything that is decided, is decided below; here are names, types,
 * who may, and which error is called what. The contract is data/org.reprieve1.xml; a test compares. */

#include <systemd/sd-event.h>

#include "bus-server.h"
#include "manager.h"

#define API_NAME "org.reprieve1"
#define API_PATH "/org/reprieve1"
#define API_JOBS "/org/reprieve1/job"

typedef struct Api Api;

typedef struct ApiOptions {
        sd_event *event;
        BusAuth auth;
        /* The bus has gone: leave with a failure status. */
        void (*lost)(const char *why, void *userdata);
        /* Something that the service's status line shows may have changed. */
        void (*changed)(void *userdata);
        void *userdata;
} ApiOptions;

int api_new(const ApiOptions *o, Api **ret);
/** api_free() - closes both doors; before manager_free() */
Api *api_free(Api *a);
DEFINE_CLEANUP(Api *, api_free)

/** api_unit_hooks - systemd over the system bus, for manager_new(); its userdata is the Api */
extern const UnitHooks api_unit_hooks;

/** api_attach() - show the jobs of @m; before the doors are opened */
int api_attach(Api *a, Manager *m);
/** api_get_bus() - for bus_open_bus(), bus_listen() and the idle exit */
Bus *api_get_bus(Api *a);

/** api_introspect() - <interface> elements of what is at @path. Errors: -ENOENT, -ENOMEM. */
int api_introspect(const char *path, char **ret);
