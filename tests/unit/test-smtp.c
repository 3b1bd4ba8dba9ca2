/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

/* What needs no server; tests/system/test-notify-*.py have the servers. */

#include "smtp.h"

#include <errno.h>

#include "tap.h"

TEST(this_machine_is_recognised) {
        static const char *const local[] = { "smtp://localhost", "smtp://LOCALHOST:25",   "smtps://localhost:465",
                                             "smtp://127.0.0.1", "smtp://127.1.2.3:2525", "smtp://[::1]:25" };
        static const char *const remote[] = { "smtp://mail.example.com",
                                              "smtp://localhost.example.com",
                                              "smtp://127.evil.example",
                                              "smtp://127.0.0.1.example.com",
                                              "smtp://128.0.0.1",
                                              "smtp://[::2]",
                                              "smtp://[fe80::1]",
                                              "http://localhost",
                                              "" };

        for (size_t i = 0; i < ELEMENTSOF(local); i++)
                CHECK(smtp_server_is_local(local[i]));
        for (size_t i = 0; i < ELEMENTSOF(remote); i++)
                CHECK(!smtp_server_is_local(remote[i]));
}

TEST(tls_is_required_unless_somebody_says_otherwise) {
        static const struct {
                const char *server, *user, *tls;
                SmtpTls result;
        } cases[] = {
                { "smtp://mail.example.com", NULL, NULL, SMTP_TLS_REQUIRED },
                { "smtp://mail.example.com", "u", NULL, SMTP_TLS_REQUIRED },
                { "smtp://localhost", NULL, NULL, SMTP_TLS_NO },
                { NULL, NULL, NULL, SMTP_TLS_NO },
                { "smtp://localhost", NULL, "required", SMTP_TLS_REQUIRED },
                { "smtp://mail.example.com", NULL, "opportunistic", SMTP_TLS_OPPORTUNISTIC },
                { "smtp://mail.example.com", "u", "opportunistic", SMTP_TLS_REQUIRED },
                { "smtp://localhost", "u", "opportunistic", SMTP_TLS_OPPORTUNISTIC },
                { "smtp://mail.example.com", "u", "no", SMTP_TLS_NO },
                { "smtp://mail.example.com", NULL, "unverified", SMTP_TLS_UNVERIFIED },
                { "smtp://mail.example.com", NULL, "nonsense", SMTP_TLS_REQUIRED },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                MailConfig c = { .server = (char *) cases[i].server,
                                 .user = (char *) cases[i].user,
                                 .tls = (char *) cases[i].tls };

                CHECK_INT(smtp_tls_choose(&c), cases[i].result);
        }
}

TEST(only_a_server_is_taken_for_one) {
        static const char *const bad[] = {
                "",           "smtp://",    "http://localhost", "file:///etc/passwd", "smtp://u:p@localhost",
                "smtp://a/b", "smtp://a b", "smtp://a?x",       "smtp://a#x",         "mail.example.com"
        };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                _cleanup_error_ Error *error = NULL;
                Smtp *s = NULL;

                CHECK_INT(smtp_new(&(SmtpSettings) { .server = bad[i], .tls = SMTP_TLS_REQUIRED }, &s, &error),
                          -EINVAL);
                CHECK(error && !s);
        }
}

TEST(nobody_listens) {
        _cleanup_(smtp_freep) Smtp *s = NULL;
        _cleanup_error_ Error *error = NULL;

        CHECK_INT(smtp_new(&(SmtpSettings) { .server = "smtp://127.0.0.1:1", .tls = SMTP_TLS_NO }, &s, &error), 0);
        CHECK_INT(smtp_send(s, "a@b", "c@d", "x\r\n", 3, &error), SMTP_E_UNUSABLE);
        CHECK(error && error->scope == ERROR_SCOPE_CONNECTOR && error->retry == ERROR_RETRY_LATER);
}
