/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>

#include "connector-test.h"
#include "tap.h"

static bool fails_with(ConnectorConfig *config, const char *text) {
        _cleanup_(test_config_freep) ConnectorConfig *c = config;
        _cleanup_error_ Error *e = NULL;

        if (connector_check(c, &e) != -EINVAL || !e || !strstr(e->text, text)) {
                tap_diag("got \"%s\", expected \"%s\"", error_text(e, 0), text);
                return false;
        }
        return e->scope == ERROR_SCOPE_CONNECTOR && e->retry == ERROR_RETRY_AFTER_RECONFIGURE;
}

TEST(settings_are_checked_with_file_line_and_key) {
        CHECK(fails_with(test_config(true, "telepathy", NULL), "test.conf: [Source] Connector=telepathy: there is no such"));
        CHECK(fails_with(test_config(false, "csv", NULL), "test.conf: [Target] Connector=csv: there is no such"));
        CHECK(fails_with(test_config(true, "json", "Users", "/a", "Grups", "/b", NULL), "test.conf:4: Grups=: unknown key"));
        CHECK(fails_with(test_config(true, "json", NULL), "test.conf: [Source] names no file"));
        CHECK(fails_with(test_config(true, "json", "Users", "a", NULL), "test.conf:3: Users=a: expected an absolute path"));
        CHECK(fails_with(test_config(true, "json", "Users", "/a", "File", "/b", NULL), "test.conf:4: File=/b: expected either"));
        CHECK(fails_with(test_config(true, "csv", "Users", "/a", "Delimiter", "x", NULL), "test.conf:4: Delimiter=x: expected"));
        CHECK(fails_with(test_config(false, "json", NULL), "test.conf: [Target] Directory= is missing"));
        CHECK(fails_with(test_config(false, "json", "Directory", "/x", "CanDisable", "never", NULL),
                         "test.conf:4: CanDisable=never: expected yes or no"));
        CHECK(fails_with(test_config(false, "json", "Directory", "/x", "Faults", "y", NULL),
                         "test.conf:4: Faults=y: expected an absolute path"));
}

TEST(opening_checks_too) {
        _cleanup_(test_config_freep) ConnectorConfig *c = test_config(true, "json", NULL);
        _cleanup_(source_freep) Source *s = NULL;
        _cleanup_(target_freep) Target *t = NULL;
        _cleanup_error_ Error *e = NULL;

        CHECK_INT(source_open(c, &s, &e), -EINVAL);
        CHECK(e && !s);
        c->is_source = false;
        CHECK_INT(target_open(c, &t, &e), -EINVAL);
        CHECK(e && !t);
}
