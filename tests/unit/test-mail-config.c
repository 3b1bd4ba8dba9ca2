/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <stdio.h>

#include "job-config.h"
#include "string-util.h"
#include "tap.h"

static int load(const char *text, MailConfig **ret, char **ret_says) {
        _cleanup_error_ Error *error = NULL;
        int r;

        (void) tap_write_file("reprieve.conf", text, strlen(text));
        r = mail_config_load(tap_tmpdir(), ret, &error);
        *ret_says = NULL;
        if (error) {
                const char *rest = startswith(error->text, tap_tmpdir());

                *ret_says = strdup(rest ? rest + 1 : error->text);
        }
        return r;
}

TEST(a_missing_file_or_section_is_an_empty_one) {
        _cleanup_(mail_config_freep) MailConfig *a = NULL, *b = NULL;
        _cleanup_free_ char *says = NULL;

        CHECK_INT(mail_config_load("/nonexistent", &a, NULL), 0);
        CHECK(a && !a->server && !a->from && !a->tls);
        CHECK_INT(load("[Deletions]\nDeletionThreshold=junk for jobs\n", &b, &says), 0);
        CHECK(b && !b->server);
}

TEST(every_key_is_read) {
        _cleanup_(mail_config_freep) MailConfig *c = NULL;
        _cleanup_free_ char *says = NULL;

        CHECK_INT(load("[Mail]\nServer=smtps://mail.example.com:465\nUser=u\nCredential=smtp\nFrom=Reprieve <r@example.com>\n"
                       "Tls=required\nClientCertificate=smtp-cert\nTls=\nTls=opportunistic\n", &c, &says), 0);
        CHECK_STR(c->server, "smtps://mail.example.com:465");
        CHECK_STR(c->user, "u");
        CHECK_STR(c->credential, "smtp");
        CHECK_STR(c->from, "Reprieve <r@example.com>");
        CHECK_STR(c->tls, "opportunistic");
        CHECK_STR(c->client_certificate, "smtp-cert");
}

TEST(servers_of_all_forms_are_taken) {
        static const char *const servers[] = { "smtp://localhost", "smtp://127.0.0.1:2525", "smtps://[::1]", "smtps://[2001:db8::1]:465",
                                               "smtp://a-b.example.com:1", "smtp://mail:65535" };

        for (size_t i = 0; i < ELEMENTSOF(servers); i++) {
                _cleanup_(mail_config_freep) MailConfig *c = NULL;
                _cleanup_free_ char *says = NULL, *text = NULL;

                CHECK(asprintf(&text, "[Mail]\nServer=%s\n", servers[i]) > 0);
                CHECK_INT(load(text, &c, &says), 0);
        }
}

#define SERVER_ERROR "reprieve.conf:2: Server=: expected smtp://HOST, smtps://HOST or the same with :PORT"

TEST(mistakes_are_named) {
        static const struct {
                const char *line, *says;
        } cases[] = {
                { "Server=mail.example.com", SERVER_ERROR },
                { "Server=http://mail.example.com", SERVER_ERROR },
                { "Server=smtp://", SERVER_ERROR },
                { "Server=smtp://:25", SERVER_ERROR },
                { "Server=smtp://mail:0", SERVER_ERROR },
                { "Server=smtp://mail:65536", SERVER_ERROR },
                { "Server=smtp://mail:", SERVER_ERROR },
                { "Server=smtp://mail/x", SERVER_ERROR },
                { "Server=smtp://[::1", SERVER_ERROR },
                { "Server=smtp://[]", SERVER_ERROR },
                { "Server=smtp://[x]", SERVER_ERROR },
                { "Server=smtp://user:hunter2@mail", "reprieve.conf:2: Server=: expected no user or password here; name them with User= and "
                                                    "Credential=" },
                { "User=u", "reprieve.conf: [Mail] User= needs Credential=, the systemd credential with the password" },
                { "Tls=yes", "reprieve.conf:2: Tls=yes: expected required, opportunistic, no or unverified" },
                { "From=nobody", "reprieve.conf:2: From=nobody: expected a mail address, with or without a name; it has no \"@\"" },
                { "Sever=x", "reprieve.conf:2: Sever=: unknown key in [Mail]; did you mean Server=?" },
                { "Colour=x", "reprieve.conf:2: Colour=: unknown key in [Mail]" },
                { "Credential=my secret", "reprieve.conf:2: Credential=: expected the name of a systemd credential (letters, digits, -, _ "
                                          "and .), never the secret itself" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(mail_config_freep) MailConfig *c = NULL;
                _cleanup_free_ char *says = NULL, *text = NULL;

                CHECK(asprintf(&text, "[Mail]\n%s\n", cases[i].line) > 0);
                CHECK_INT(load(text, &c, &says), -EINVAL);
                CHECK_STR(says, cases[i].says);
        }
}

TEST(a_password_is_refused_and_not_repeated) {
        _cleanup_(mail_config_freep) MailConfig *c = NULL;
        _cleanup_free_ char *says = NULL;

        CHECK_INT(load("[Mail]\nPassword=hunter2\n", &c, &says), -EINVAL);
        CHECK(startswith(says, "reprieve.conf:2: Password=: a secret does not belong into this file"));
        CHECK(!strstr(says, "hunter2"));
}
