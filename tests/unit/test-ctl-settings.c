/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <stdio.h>

#include "ctl-settings.h"
#include "file-util.h"
#include "string-util.h"
#include "tap.h"
#include "time-util.h"

static int parse(const char *text, Setting *s, char *error, size_t size) {
        _cleanup_error_ Error *e = NULL;
        int r;

        *s = (Setting) {};
        r = setting_parse(text, s, &e);
        (void) snprintf(error, size, "%s", r < 0 ? error_text(e, r) : "");
        return r;
}

TEST(settings_are_typed) {
        char error[512];
        Setting s;

        CHECK_INT(parse("Deletions.DeletionThreshold=0", &s, error, sizeof(error)), 0);
        CHECK(s.property->type == 'u' && s.number == 0);
        CHECK_INT(parse("PreventAccidentalDeletions=no", &s, error, sizeof(error)), 0);
        CHECK(s.property->type == 'b' && !s.boolean);
        CHECK_INT(parse("DeletionThresholdPercent=2.5", &s, error, sizeof(error)), 0);
        CHECK(s.real == 2.5);
        CHECK_INT(parse("DeletionThresholdPercent=", &s, error, sizeof(error)), 0);
        CHECK(s.real == -1);
        CHECK_INT(parse("Schedule.Interval=1h 30min", &s, error, sizeof(error)), 0);
        CHECK(s.usec == 90 * USEC_PER_MINUTE);
        CHECK_INT(parse("Notify.Email=a@example.com, b@example.com", &s, error, sizeof(error)), 0);
        CHECK_STR(s.property->name, "NotificationEmail");
        CHECK_INT(strv_length(s.list), 2);
        setting_done(&s);
        CHECK_INT(parse("Deletions.DeletionBudget=5 per 1d", &s, error, sizeof(error)), 0);
        CHECK(s.property->type == 's');
        CHECK_STR(s.text, "5 per 1d");
        setting_done(&s);
        CHECK_INT(parse("NotificationEmail=", &s, error, sizeof(error)), 0);
        CHECK_INT(strv_length(s.list), 0);
        setting_done(&s);
}

TEST(what_is_no_setting_is_said) {
        static const char *const bad[] = {
                "DeletionThreshold=-1", "DeletionThreshold=4294967296", "DeletionThreshold=", "DeletionThreshold", "DeletionThresholdPercent=101",
                "DeletionThresholdPercent=1,5", "DeletionThresholdPercent=.", "DeletionThresholdPercent=1.", "DeletionThresholdPercent=-1",
                "MinimumPopulation=-1", "PreventAccidentalDeletions=maybe", "Interval=soon", "Notify.Interval=1h", "Uri=x", "", "=", ".Interval=1h",
        };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                char error[512];
                Setting s;

                if (parse(bad[i], &s, error, sizeof(error)) != -EINVAL || !*error)
                        CHECK_STR(bad[i], "refused with a text");
        }
}

static int read_text(const char *text, SettingList *l, char *error, size_t size) {
        _cleanup_error_ Error *e = NULL;
        char path[4096];
        int r;

        (void) snprintf(path, sizeof(path), "%s/job.conf", tap_tmpdir());
        r = file_write_atomic(path, text, strlen(text), 0600);
        if (r < 0)
                return r;
        r = setting_list_read(l, path, &e);
        (void) snprintf(error, size, "%s", r < 0 ? error_text(e, r) + strlen(tap_tmpdir()) + 1 : "");
        return r;
}

TEST(a_job_file_becomes_settings) {
        _cleanup_(setting_list_done) SettingList l = {};
        char error[512];

        CHECK_INT(read_text("# comment\n[Source]\nConnector=json\r\n  Users = /a \\\n # between\n  b\n[Map User]\nuserName=Join(\"=\", a)\n"
                            "[Notify]\nEmail=a\nEmail=b\n[Scope]\nAssigned=x\nAssigned=\nAssigned=y\n", &l, error, sizeof(error)), 0);
        CHECK_STR(error, "");
        CHECK_INT(l.n, 5);
        CHECK_STR(l.items[0].key, "Source.Connector");
        CHECK_STR(l.items[0].values[0], "json");
        CHECK_STR(l.items[1].key, "Source.Users");
        CHECK_STR(l.items[1].values[0], "/a    b");
        CHECK_STR(l.items[2].key, "Map User.userName");
        CHECK_STR(l.items[2].values[0], "Join(\"=\", a)");
        CHECK_INT(strv_length(l.items[3].values), 2);
        CHECK_INT(strv_length(l.items[4].values), 1);
        CHECK_STR(l.items[4].values[0], "y");
}

TEST(the_command_line_replaces_the_file) {
        _cleanup_(setting_list_done) SettingList l = {};
        _cleanup_error_ Error *e = NULL;
        char error[512];

        CHECK_INT(read_text("[Notify]\nEmail=a\nEmail=b\n", &l, error, sizeof(error)), 0);
        CHECK_INT(setting_list_put(&l, "Notify.Email=c", &e), 0);
        CHECK_INT(l.n, 1);
        CHECK_INT(strv_length(l.items[0].values), 1);
        CHECK_STR(l.items[0].values[0], "c");
        CHECK_INT(setting_list_put(&l, "Email=c", &e), -EINVAL);
        CHECK_INT(setting_list_put(&l, "Notify.Email", &e), -EINVAL);
        CHECK_INT(setting_list_put(&l, ".Email=x", &e), -EINVAL);
        CHECK_INT(setting_list_put(&l, "Notify.=x", &e), -EINVAL);
}

TEST(a_bad_file_is_named_with_its_line) {
        _cleanup_(setting_list_done) SettingList l = {};
        char error[512];

        CHECK_INT(read_text("[Source]\n\nnonsense\n", &l, error, sizeof(error)), -EINVAL);
        CHECK_STR(error, "job.conf:3: expected [Section], Key=VALUE or a comment that begins with #");
        CHECK_INT(read_text("Key=x\n", &l, error, sizeof(error)), -EINVAL);
        CHECK_STR(error, "job.conf:1: this stands before the first [Section]");
        CHECK_INT(read_text("[A]\n=x\n", &l, error, sizeof(error)), -EINVAL);
        CHECK_INT(read_text("[A]\nx=\xff\n", &l, error, sizeof(error)), -EINVAL);
}
