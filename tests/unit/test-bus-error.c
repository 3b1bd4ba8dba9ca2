/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <dbus/dbus.h>
#include <errno.h>

#include "bus-error.h"
#include "string-util.h"
#include "tap.h"

TEST(every_code_has_a_valid_name_that_leads_back_to_it) {
        for (int i = 0; i < _BUS_ERROR_MAX; i++) {
                const char *name = bus_error_to_name((BusErrorCode) i);

                CHECK(name && dbus_validate_error_name(name, NULL));
                CHECK_INT(bus_error_from_name(name), i);
                CHECK(bus_error_to_errno((BusErrorCode) i) > 0);
        }
}

TEST(unknown_names_and_codes_are_plain_failures) {
        CHECK_INT(bus_error_from_name("com.example.Error"), BUS_ERROR_FAILED);
        CHECK_INT(bus_error_from_name(NULL), BUS_ERROR_FAILED);
        CHECK_STR(bus_error_to_name(_BUS_ERROR_MAX), "org.freedesktop.DBus.Error.Failed");
        CHECK_STR(bus_error_to_name((BusErrorCode) -1), "org.freedesktop.DBus.Error.Failed");
}

TEST(an_errno_of_either_sign_has_its_code) {
        CHECK_INT(bus_error_from_errno(-EACCES), BUS_ERROR_ACCESS_DENIED);
        CHECK_INT(bus_error_from_errno(EINVAL), BUS_ERROR_INVALID_ARGS);
        CHECK_INT(bus_error_from_errno(-EMSGSIZE), BUS_ERROR_LIMITS_EXCEEDED);
        CHECK_INT(bus_error_from_errno(-ENOTTY), BUS_ERROR_FAILED);
}
