/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "credential.h"
#include "string-util.h"
#include "tap.h"

#define SECRET "correct horse battery staple"

static void put(const char *name, const void *data, size_t size, mode_t mode) {
        const char *path = tap_write_file(name, data, size);

        (void) chmod(path, mode);
        (void) setenv("CREDENTIALS_DIRECTORY", tap_tmpdir(), 1);
}

TEST(a_credential_is_read_without_its_line_end) {
        static const char *const texts[] = { SECRET, SECRET "\n", SECRET "\r\n" };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                _cleanup_credential_ Credential c = CREDENTIAL_INIT;
                _cleanup_error_ Error *error = NULL;

                put("chat-ldap", texts[i], strlen(texts[i]), 0400);
                CHECK_INT(credential_read("chat-ldap", &c, &error), 0);
                CHECK_STR(c.data, SECRET);
                CHECK_INT(c.size, strlen(SECRET));
                (void) chmod(tap_tmpdir(), 0700);
                (void) unlink(tap_write_file("chat-ldap", "", 0));
        }
}

TEST(done_twice_is_done) {
        Credential c = CREDENTIAL_INIT;

        put("twice", SECRET, strlen(SECRET), 0600);
        CHECK_INT(credential_read("twice", &c, NULL), 0);
        credential_done(&c);
        CHECK(!c.data && c.size == 0);
        credential_done(&c);
}

TEST(loose_permissions_are_refused) {
        static const struct {
                mode_t mode;
                int result;
        } cases[] = { { 0400, 0 },      { 0600, 0 },      { 0440, 0 },      { 0644, -EPERM },
                      { 0404, -EPERM }, { 0620, -EPERM }, { 0410, -EPERM }, { 0602, -EPERM } };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_credential_ Credential c = CREDENTIAL_INIT;
                _cleanup_error_ Error *error = NULL;
                char name[32];

                (void) snprintf(name, sizeof(name), "mode-%o", (unsigned) cases[i].mode);
                put(name, SECRET, strlen(SECRET), cases[i].mode);
                CHECK_INT(credential_read(name, &c, &error), cases[i].result);
                CHECK(cases[i].result == 0 || strstr(error->text, "expected our own user or root, and 0400 or 0600"));
        }
}

TEST(what_is_wrong_is_said_without_the_secret) {
        static const struct {
                const char *name, *data;
                size_t size;
                int result;
                const char *says;
        } cases[] = {
                { "../etc/shadow", "", 0, -EINVAL, "The name of the credential is not valid" },
                { "empty", "", 0, -EINVAL, "The credential empty is empty" },
                { "newline", "\n", 1, -EINVAL, "The credential newline is empty" },
                { "nul", "secret\0more", 11, -EINVAL, "The credential nul has a NUL byte in it" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_credential_ Credential c = CREDENTIAL_INIT;
                _cleanup_error_ Error *error = NULL;

                if (*cases[i].name != '.')
                        put(cases[i].name, cases[i].data, cases[i].size, 0400);
                CHECK_INT(credential_read(cases[i].name, &c, &error), cases[i].result);
                CHECK_STR(error->text, cases[i].says);
                CHECK_STR(error->id, "InvalidCredentials");
                CHECK(!c.data);
        }
}

TEST(a_missing_credential_is_named_with_the_way_to_give_it) {
        _cleanup_credential_ Credential c = CREDENTIAL_INIT;
        _cleanup_error_ Error *error = NULL;

        (void) setenv("CREDENTIALS_DIRECTORY", tap_tmpdir(), 1);
        CHECK_INT(credential_read("none", &c, &error), -ENOENT);
        CHECK(strstr(error->text, "The credential none is not there: put it into /etc/credstore/none"));
        (void) unsetenv("CREDENTIALS_DIRECTORY");
        CHECK_INT(credential_read("none", &c, &error), -ENOENT);
        CHECK(strstr(error->text, "$CREDENTIALS_DIRECTORY is not set"));
}

TEST(a_link_or_a_folder_is_no_credential) {
        _cleanup_credential_ Credential c = CREDENTIAL_INIT;
        _cleanup_error_ Error *error = NULL;
        char path[4096];

        (void) setenv("CREDENTIALS_DIRECTORY", tap_tmpdir(), 1);
        (void) snprintf(path, sizeof(path), "%s/folder", tap_tmpdir());
        CHECK_INT(mkdir(path, 0700), 0);
        CHECK_INT(credential_read("folder", &c, &error), -EINVAL);
        (void) snprintf(path, sizeof(path), "%s/link", tap_tmpdir());
        CHECK_INT(symlink("folder", path), 0);
        CHECK_INT(credential_read("link", &c, &error), -ELOOP);
}
