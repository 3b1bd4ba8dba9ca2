/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Settings as a person types them, made into what the bus wants. Knows no job and does no call; whether a value makes
 * sense is for the service to say. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

typedef struct SettingProperty {
        const char *section;
        const char *name;       /* of the property */
        const char *key;        /* in the job file, where it is another */
        char type;              /* 'b', 'u', 'd', 't', 's', or 'L' for a list of texts */
} SettingProperty;

/* Value of a property that can be set */
typedef struct Setting {
        const SettingProperty *property;
        bool boolean;
        uint32_t number;
        double real;            /* -1: no limit */
        uint64_t usec;
        char *text;
        char **list;
} Setting;

/** setting_parse() - "Section.Key=VALUE" or "Key=VALUE". Errors: -EINVAL with a text, -ENOMEM. */
int setting_parse(const char *text, Setting *ret, Error **ret_error);
void setting_done(Setting *s);

/* Any settings of a new job: "Section.Key" and its values; one that is assigned several times has several */
typedef struct SettingList {
        struct SettingItem {
                char *key;
                char **values;
        } *items;
        size_t n, n_allocated;
} SettingList;

void setting_list_done(SettingList *l);
/** setting_list_put() - "Section.Key=VALUE" replaces what was there. Errors: -EINVAL with a text, -ENOMEM. */
int setting_list_put(SettingList *l, const char *text, Error **ret_error);
/**
 * setting_list_read() - all that a job file says, in the syntax of systemd.syntax(7)
 *
 * An empty assignment takes back the ones before it. Errors: -errno with file and line.
 */
int setting_list_read(SettingList *l, const char *path, Error **ret_error);
