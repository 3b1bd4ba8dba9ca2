/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "mail-address.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "tap.h"

TEST(ordinary_addresses_pass) {
        static const char *const good[] = {
                "a@b",
                "identity@example.com",
                "root@localhost",
                "first.last+tag@sub.example.co.uk",
                "o'hara@example.com",
                "x_y-z=1@xn--bcher-kva.example",
                "1@2.example",
                "!#$%&'*+-/=?^_`{|}~@example.com",
        };

        for (size_t i = 0; i < ELEMENTSOF(good); i++)
                CHECK_INT(mail_address_check(good[i], NULL), 0);
}

TEST(whatever_could_leave_a_command_or_header_is_refused) {
        static const char *const bad[] = {
                "",
                "@",
                "a",
                "a@",
                "@b",
                "a@b@c",
                "a b@c",
                "a@b c",
                "a@b\r\nBcc: x@y",
                "a\n@b",
                "a@b>",
                "<a@b>",
                "a@b,c@d",
                "\"a b\"@c",
                "a@[127.0.0.1]",
                "a@b\t",
                "a(comment)@b",
                "@relay:a@b",
                ".a@b",
                "a.@b",
                "a..b@c",
                "a@.b",
                "a@b.",
                "a@b..c",
                "a@-b",
                "a@b-",
                "a@b-.c",
                "a@b_c",
                "\xc3\xa4@b",
                "a@b\xc3\xbc"
                "cher.example",
                "a@b\x7f",
        };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                const char *why = NULL;

                if (mail_address_check(bad[i], &why) != -EINVAL)
                        tap_diag("accepted: %s", bad[i]);
                CHECK_INT(mail_address_check(bad[i], &why), -EINVAL);
                CHECK(why && *why);
        }
}

TEST(lengths_follow_rfc_5321) {
        char s[400];

        memset(s, 'a', sizeof(s));
        strcpy(s + 64, "@example.com");
        CHECK_INT(mail_address_check(s, NULL), 0);
        memset(s, 'a', sizeof(s));
        strcpy(s + 65, "@example.com");
        CHECK_INT(mail_address_check(s, NULL), -EINVAL);
        memset(s, 'a', sizeof(s));
        s[1] = '@';
        s[65] = '\0';
        CHECK_INT(mail_address_check(s, NULL), 0);
        s[65] = 'a';
        s[66] = '\0';
        CHECK_INT(mail_address_check(s, NULL), -EINVAL);
        for (size_t i = 2; i < sizeof(s) - 1; i++)
                s[i] = i % 2 ? '.' : 'a';
        s[254] = 'a';
        s[255] = '\0';
        CHECK_INT(mail_address_check(s, NULL), -EINVAL);
        s[253] = '\0';
        CHECK_INT(mail_address_check(s, NULL), 0);
}

static const struct {
        const char *text, *name, *address;
} mailboxes[] = {
        { "a@b", NULL, "a@b" },
        { "  a@b ", NULL, "a@b" },
        { "<a@b>", NULL, "a@b" },
        { "Some Name <a@b>", "Some Name", "a@b" },
        { "\"Name, Some\" <a@b>", "Name, Some", "a@b" },
        { "\"a \\\"b\\\" <c>\" <a@b>", "a \"b\" <c>", "a@b" },
        { "\"\" <a@b>", NULL, "a@b" },
        { "Αρχείο Χρηστών <a@b>", "Αρχείο Χρηστών", "a@b" },
};

TEST(a_mailbox_may_have_a_name) {
        for (size_t i = 0; i < ELEMENTSOF(mailboxes); i++) {
                _cleanup_free_ char *name = NULL, *address = NULL;

                CHECK_INT(mail_address_parse(mailboxes[i].text, &name, &address, NULL), 0);
                CHECK_STR(name, mailboxes[i].name);
                CHECK_STR(address, mailboxes[i].address);
        }
}

TEST(a_broken_mailbox_is_refused_with_a_reason) {
        static const char *const bad[] = {
                "",
                "Name",
                "Name <a@b",
                "Name a@b",
                "Name <a@b> x",
                "a@b <c@d>",
                "Name, Some <a@b>",
                "\"Name <a@b>",
                "\"Name\" x <a@b>",
                "Na\nme <a@b>",
                "Na\xff <a@b>",
                "<>",
                "Name <a@b\r\nX: y>",
                "\"a\\\" <a@b>",
        };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                _cleanup_free_ char *name = NULL, *address = NULL;
                const char *why = NULL;

                CHECK_INT(mail_address_parse(bad[i], &name, &address, &why), -EINVAL);
                CHECK(why && *why && !name && !address);
        }
}
