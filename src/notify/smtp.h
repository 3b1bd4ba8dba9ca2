/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One server, one connection, one message to one recipient at a time. Knows nothing of jobs and outboxes, keeps the
 * password to itself, and never logs.
 *
 * A message goes to each recipient in a transaction of its own. That costs the message's size once more for each,
 * but the answer after the final dot is then the answer for exactly one person: nobody gets a mail twice because it
 * failed for somebody else. The window that SMTP itself leaves open (RFC 5321 section 4.5.3.2.6, RFC 1047) stays:
 * when the connection is lost between the final dot and the server's answer, the message may have been accepted,
 * and it is sent again. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "job-config.h"

typedef enum SmtpTls {
        SMTP_TLS_NO,
        SMTP_TLS_OPPORTUNISTIC,         /* STARTTLS where it is offered; the certificate is verified then */
        SMTP_TLS_REQUIRED,
        SMTP_TLS_UNVERIFIED,            /* required, but any certificate will do */
        _SMTP_TLS_MAX,
        _SMTP_TLS_INVALID = -22,
} SmtpTls;

/* "no", "opportunistic", "required", "unverified": the forms of Tls= */
const char *smtp_tls_to_string(SmtpTls t);
SmtpTls smtp_tls_from_string(const char *s);

/* RFC 5321 section 4.5.3.2: five minutes for most answers and ten after the final dot. libcurl has one time for
 * all; the longest is right, because whoever gives up too early after the dot sends the message twice. */
#define SMTP_RESPONSE_TIMEOUT_USEC (10 * USEC_PER_MINUTE)
#define SMTP_CONNECT_TIMEOUT_USEC (30 * USEC_PER_SEC)
#define SMTP_TOTAL_TIMEOUT_USEC (30 * USEC_PER_MINUTE)

typedef struct SmtpSettings {           /* all borrowed until smtp_free() */
        const char *server;             /* smtp://HOST[:PORT] or smtps://… */
        const char *user, *password;    /* NULL for none */
        const void *client_certificate; /* PEM with certificate and key; NULL for none */
        size_t client_certificate_size;
        const char *ca_file;            /* NULL: the system's */
        SmtpTls tls;
        uint64_t response_timeout_usec; /* 0: the times above; else at most this for each of them */
} SmtpSettings;

/** smtp_server_is_local() - does "smtp://HOST…" name this machine: localhost, 127.0.0.0/8, ::1? */
bool smtp_server_is_local(const char *server);

/**
 * smtp_tls_choose() - what Tls= means for this server
 *
 * Not set: required, for a server on this machine none. A password never goes in clear unless Tls=no says so or the
 * server is local: with User=, opportunistic is required.
 */
SmtpTls smtp_tls_choose(const MailConfig *c);

typedef struct Smtp Smtp;

/** smtp_new() - nothing is connected yet. Errors: -EINVAL for a server that is no such URL; -ENOMEM. */
int smtp_new(const SmtpSettings *settings, Smtp **ret, Error **ret_error);
Smtp *smtp_free(Smtp *s);
DEFINE_CLEANUP(Smtp *, smtp_free)

/* Positive conditions of smtp_send(), each with an Error whose text has the server's words. */
enum {
        SMTP_E_LATER = 1, /* this message to this recipient: 4xx, or the connection was lost while it was sent */
        SMTP_E_REFUSED,   /* 5xx: for good, until somebody changes something */
        SMTP_E_TOO_LARGE, /* 552 and the like: refused, a smaller one might pass */
        SMTP_E_SILENT,    /* no answer in time within the session; perhaps only for this recipient */
        SMTP_E_UNUSABLE,  /* no session: name, network, TLS, login, 421; nothing else can be sent now either */
};

/**
 * smtp_send() - one message to one recipient
 * @from, @to: as mail_address_check() accepts them
 * @message:   as mime_format() made it
 *
 * 0: the server has accepted it. After an error the connection is made anew by the next call.
 * Errors: the conditions above; -ENOMEM.
 */
int smtp_send(Smtp *s, const char *from, const char *to, const char *message, size_t size, Error **ret_error);
