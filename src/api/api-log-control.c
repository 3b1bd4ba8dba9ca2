/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

/* org.freedesktop.LogControl1(5): "systemctl service-log-level reprieved debug". */

#include "api-internal.h"
#include "log.h"

static int get(BusMessage *m, const BusProperty *property, void *object, Error **ret_error) {
        if (streq(property->name, "LogLevel"))
                return bus_message_append(m, "s", log_level_to_string(log_get_max_level()));
        if (streq(property->name, "LogTarget"))
                return bus_message_append(m, "s", log_target_to_string(log_get_target()));
        return bus_message_append(m, "s", "reprieved");
}

static int set_level(BusCall *call, void *object, Error **ret_error) {
        const char *value;
        int r;

        r = bus_call_read(call, "s", &value);
        if (r < 0)
                return r;
        r = log_level_from_string(value);
        if (r < 0)
                return bus_call_fail(call, BUS_ERROR_INVALID_ARGS,
                                     "\"%s\" is no log level; debug, info, notice, warning, err, crit, "
                                     "alert and emerg are",
                                     value);
        log_set_max_level(r);
        return 0;
}

static int set_target(BusCall *call, void *object, Error **ret_error) {
        const char *value;
        LogTarget t;
        int r;

        r = bus_call_read(call, "s", &value);
        if (r < 0)
                return r;
        t = log_target_from_string(value);
        if (t < 0)
                return bus_call_fail(call, BUS_ERROR_INVALID_ARGS,
                                     "\"%s\" is no log target; auto, journal and stderr are", value);
        log_set_target(t);
        return 0;
}

static const BusProperty properties[] = {
        { "LogLevel", "s", get, set_level, BUS_PROPERTY_SILENT, ACTION_CONFIGURE },
        { "LogTarget", "s", get, set_target, BUS_PROPERTY_SILENT, ACTION_CONFIGURE },
        { "SyslogIdentifier", "s", get, NULL, BUS_PROPERTY_CONST, NULL },
        {},
};

const BusInterface api_log_control = { .name = "org.freedesktop.LogControl1", .properties = properties };
