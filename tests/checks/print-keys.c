/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

/* Prints the tables of configuration keys, one a line: section, key, default ("-" if there is none), "common" if it may
 * stand in reprieve.conf too. check-man.py compares them with the manual pages. */

#include <stdio.h>

#include "connector-keys.h"
#include "job-keys.h"
#include "string-util.h"

static void print(const ConfigKey *keys, size_t n) {
        for (size_t i = 0; i < n; i++)
                printf("%s\t%s\t%s\t%s\n", keys[i].section, keys[i].name, keys[i].default_text ? keys[i].default_text : "-",
                       keys[i].is_common ? "common" : "own");
}

static void print_connector(const char *section, const char *connector, bool is_source) {
        const ConnectorKey *k = connector_keys(connector, is_source);

        for (; k && k->name; k++)
                printf("%s\t%s\t%s\town\n", section, k->name, k->default_text ? k->default_text : "-");
}

int main(void) {
        static const char *const connectors[] = { "json", "csv", "ldif", "ldap", "scim", "command" };
        const ConfigKey *keys;
        size_t n;

        keys = job_config_keys(&n);
        print(keys, n);
        keys = mail_config_keys(&n);
        print(keys, n);
        for (size_t i = 0; i < ELEMENTSOF(connectors); i++) {
                print_connector("Source", connectors[i], true);
                print_connector("Target", connectors[i], false);
        }
        return 0;
}
