/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

/* Whatever a person configures as an address: what is accepted can stand in an SMTP command and in a header. */

#include <stddef.h>
#include <stdint.h>

#include "mail-address.h"
#include "string-util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *s = strndup((const char *) data, size), *name = NULL, *address = NULL;

        if (!s)
                return 0;
        if (mail_address_check(s, NULL) == 0)
                assert(strlen(s) <= 254 && !strpbrk(s, " \t\r\n<>,;:()[]\"\\"));
        if (mail_address_parse(s, &name, &address, NULL) == 0) {
                assert(mail_address_check(address, NULL) == 0);
                if (name)
                        for (const char *p = name; *p; p++)
                                assert((unsigned char) *p >= 0x20 && *p != 0x7f);
        } else
                assert(!name && !address);
        return 0;
}
