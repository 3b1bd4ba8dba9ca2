/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Secrets, which reach a program only as systemd credentials: files that systemd puts into $CREDENTIALS_DIRECTORY for the
 * one process that may read them. Memory that held one is wiped. Knows nothing of what a secret is for. */

#include <stddef.h>

#include "cleanup.h"
#include "error.h"

typedef struct Credential {
        char *data;                     /* NUL terminated */
        size_t size;                    /* without the NUL */
} Credential;

#define CREDENTIAL_INIT ((Credential) {})

/**
 * credential_read() - a credential by its name, e.g. "chat-ldap"
 *
 * A line end at its end is cut: most tools leave one. The file may be readable by its owner and, as systemd sets it up for
 * services that are not root, by one more user through an ACL; one that anybody else may read or write is refused.
 *
 * Errors: scope CONNECTOR, id "InvalidCredentials", never with the secret: -ENOENT for a missing file or
 * $CREDENTIALS_DIRECTORY; -EPERM for loose permissions; -EINVAL for a bad name, a NUL byte or an empty file; -E2BIG above
 * 1 MiB; errno. Source: systemd.exec(5), CREDENTIALS.
 */
int credential_read(const char *name, Credential *ret, Error **ret_error);

/** credential_done() - wipes, then frees */
void credential_done(Credential *c);
#define _cleanup_credential_ _cleanup_(credential_done)
