/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Mail as bytes: headers, encoded words, body parts. Every value may hold anything (a job's name, an object's name
 * come from outside); no value can make a header or a part of its own. Lines end in CRLF and have at most 78
 * characters. Knows nothing of what the mail says and how it is sent. */

#include <stdint.h>

#include "string-util.h"

typedef struct MimeMessage {
        const char *from_name;          /* or NULL */
        const char *from;               /* addresses are those of mail_address_check() */
        char *const *to;                /* NULL terminated, at least one */
        const char *subject;
        const char *message_id;         /* without "<>"; likewise */
        const char *in_reply_to;        /* or NULL */
        uint64_t date_usec;
        const char *language;           /* "de", or NULL */
        char *const *headers;           /* further ones: name, value, name, value, …, NULL; the names are ours */
        const char *text;               /* UTF-8, lines end in "\n" */
        const char *html;
        const char *file_name;          /* of the attachment; NULL if there is none */
        const char *file_type;          /* e.g. "text/csv; charset=utf-8; header=present" */
        const void *file;
        size_t file_size;
} MimeMessage;

/**
 * mime_format() - the whole message
 * @ret: CRLF lines, without the dots and the end mark of SMTP
 *
 * The same input gives the same bytes. text/plain and text/html as alternatives; with an attachment both within a
 * multipart/mixed.
 *
 * Errors: -EINVAL if an address, a message id or a language is none; -ENOMEM.
 * Source: RFC 5322; RFC 2045 to 2047, 2231; RFC 3834 section 5 (Auto-Submitted); RFC 4021.
 */
int mime_format(const MimeMessage *m, char **ret, size_t *ret_size);

/* ---- the pieces, for tests and for what else needs them ---- */

/** mime_append_text_header() - "Name: value", folded, with encoded words where the value is not plain ASCII.
 * White space and control characters become single spaces. Source: RFC 5322 section 2.2.3, RFC 2047. */
void mime_append_text_header(StrBuf *b, const char *name, const char *value);
/** mime_append_quoted_printable() - RFC 2045 section 6.7; "\n" becomes CRLF */
void mime_append_quoted_printable(StrBuf *b, const char *s, size_t size);
/** mime_append_base64() - @columns a line (a multiple of 4), each with CRLF; 0: one piece and no line end */
void mime_append_base64(StrBuf *b, const void *data, size_t size, size_t columns);
/** mime_decode_base64() - what mime_append_base64() wrote with 0 columns. Errors: -EINVAL, -ENOMEM. */
int mime_decode_base64(const char *s, void **ret, size_t *ret_size);
/** mime_append_file_name() - "; filename=…" in the form that the name needs. Source: RFC 2183, RFC 2231. */
void mime_append_file_name(StrBuf *b, const char *name);
