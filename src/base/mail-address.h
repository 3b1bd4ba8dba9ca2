/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Mail addresses as people configure them. What passes here can stand in an SMTP command and in a header as it is:
 * ASCII, no white space, no quoting. Knows nothing of DNS: whether somebody reads mail there, the server says. */

#include <stdbool.h>

/**
 * mail_address_check() - may we send to @s, an address without a display name?
 * @ret_why: may be NULL; a static English half sentence about what is wrong, without a full stop
 *
 * Accepts dot-atom "@" host name. Quoted local parts, comments, address literals, source routes and non-ASCII are
 * refused on purpose: nobody needs them here, and each is a way to smuggle something into a command. A domain in
 * another script is written in its "xn--" form.
 *
 * Errors: -EINVAL.
 * Source: RFC 5321 section 4.1.2 and 4.5.3.1, RFC 5322 section 3.4.1, RFC 1123 section 2.1.
 */
int mail_address_check(const char *s, const char **ret_why);

/**
 * mail_address_parse() - "a@b", "<a@b>", "Some Name <a@b>" or "\"Name, Some\" <a@b>"
 * @ret_name:    the display name, unquoted, UTF-8 without control characters; NULL if there is none
 * @ret_address: as mail_address_check() accepts it
 * @ret_why:     may be NULL; as above
 *
 * Errors: -EINVAL, -ENOMEM.
 */
int mail_address_parse(const char *s, char **ret_name, char **ret_address, const char **ret_why);
