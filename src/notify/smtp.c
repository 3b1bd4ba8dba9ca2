/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "smtp.h"

#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>

#include "mail-address.h"
#include "string-util.h"
#include "time-util.h"

#define REPLY_MAX 300U

struct Smtp {
        CURL *curl;
        struct curl_slist *recipient;
        char *server;                   /* for error texts */
        const char *password;
        char curl_error[CURL_ERROR_SIZE];

        /* of the message that is being sent */
        const char *message;
        size_t size, sent;
        bool established;               /* EHLO, STARTTLS and AUTH are through: MAIL is next */
        bool all_read;                  /* libcurl has taken it to its end: the final dot may be on its way */
        unsigned reply_code;            /* of the last reply, its last line's text beside it */
        char reply[REPLY_MAX + 1];
};

static const char *const tls_names[_SMTP_TLS_MAX] = {
        [SMTP_TLS_NO] = "no",
        [SMTP_TLS_OPPORTUNISTIC] = "opportunistic",
        [SMTP_TLS_REQUIRED] = "required",
        [SMTP_TLS_UNVERIFIED] = "unverified",
};

const char *smtp_tls_to_string(SmtpTls t) {
        return t >= 0 && t < _SMTP_TLS_MAX ? tls_names[t] : NULL;
}

SmtpTls smtp_tls_from_string(const char *s) {
        for (SmtpTls t = 0; t < _SMTP_TLS_MAX; t++)
                if (streq(s, tls_names[t]))
                        return t;
        return _SMTP_TLS_INVALID;
}

bool smtp_server_is_local(const char *server) {
        const char *host = startswith(server, "smtp://");
        size_t n;

        if (!host)
                host = startswith(server, "smtps://");
        if (!host)
                return false;
        if (*host == '[')
                return startswith(host, "[::1]") != NULL;
        n = strcspn(host, ":/");
        if (n == 9 && strncasecmp(host, "localhost", 9) == 0)
                return true;
        /* 127.x.y.z, and not a name that only begins like that */
        return startswith(host, "127.") && strspn(host, "0123456789.") == n;
}

SmtpTls smtp_tls_choose(const MailConfig *c) {
        bool local = isempty(c->server) || smtp_server_is_local(c->server);
        SmtpTls t;

        if (isempty(c->tls))
                return local ? SMTP_TLS_NO : SMTP_TLS_REQUIRED;
        t = smtp_tls_from_string(c->tls);
        if (t < 0)
                return SMTP_TLS_REQUIRED;
        return t == SMTP_TLS_OPPORTUNISTIC && c->user && !local ? SMTP_TLS_REQUIRED : t;
}

/* ---- callbacks ---- */

static size_t read_message(char *buffer, size_t size, size_t n, void *userdata) {
        Smtp *s = userdata;
        size_t k = MIN2(size * n, s->size - s->sent);

        memcpy(buffer, s->message + s->sent, k);
        s->sent += k;
        if (s->sent == s->size)
                s->all_read = true;
        return k;
}

/* Every line of a reply. The last one is kept, but nothing after a refusal: after it libcurl says QUIT, which is
 * answered as well. */
static size_t take_reply(char *line, size_t size, size_t n, void *userdata) {
        Smtp *s = userdata;
        size_t length = size * n, k;

        if (s->established && s->reply_code >= 400)
                return size * n;
        if (length < 4 || !isdigit((unsigned char) line[0]) || !isdigit((unsigned char) line[1]) ||
            !isdigit((unsigned char) line[2]) || strncmp(line, "221", 3) == 0)
                return size * n;
        s->reply_code =
                (unsigned) (line[0] - '0') * 100 + (unsigned) (line[1] - '0') * 10 + (unsigned) (line[2] - '0');
        line += 4;
        length -= 4;
        while (length > 0 && isspace((unsigned char) line[length - 1]))
                length--;
        k = MIN2(length, (size_t) REPLY_MAX);
        memcpy(s->reply, line, k);
        s->reply[k] = '\0';
        /* NUL bytes would hide the rest, which is no harm. */
        return size * n;
}

/* libcurl calls it between the two halves of its work: the session is there, new or used before, and the message is
 * next. */
static int note_session(void *userdata, char *primary_ip, char *local_ip, int primary_port, int local_port) {
        Smtp *s = userdata;

        s->established = true;
        s->reply_code = 0;
        s->reply[0] = '\0';
        return CURL_PREREQFUNC_OK;
}

static size_t ignore_body(char *data, size_t size, size_t n, void *userdata) {
        return size * n;
}

/* ---- the handle ---- */

static bool is_server_url(const char *s) {
        const char *host = startswith(s, "smtp://");

        if (!host)
                host = startswith(s, "smtps://");
        return host && *host &&
               strspn(host, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._:[]") == strlen(host);
}

int smtp_new(const SmtpSettings *settings, Smtp **ret, Error **ret_error) {
        _cleanup_(smtp_freep) Smtp *s = NULL;
        uint64_t connect = SMTP_CONNECT_TIMEOUT_USEC, response = SMTP_RESPONSE_TIMEOUT_USEC,
                 total = SMTP_TOTAL_TIMEOUT_USEC;
        CURLcode c = CURLE_OK;
        long use_ssl = CURLUSESSL_ALL;

        if (!is_server_url(settings->server))
                return error_set(ret_error, -EINVAL,
                                 "the mail server has to be smtp://HOST:PORT or smtps://HOST:PORT");
        if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
                return -ENOMEM;
        s = calloc(1, sizeof(*s));
        if (!s)
                return -ENOMEM;
        s->server = strdup(settings->server);
        s->password = settings->password;
        s->curl = curl_easy_init();
        if (!s->server || !s->curl)
                return -ENOMEM;

        if (settings->response_timeout_usec > 0) {
                response = MIN2(response, settings->response_timeout_usec);
                connect = MIN2(connect, settings->response_timeout_usec);
                total = MIN2(total, 10 * settings->response_timeout_usec);
        }
        switch (settings->tls) {
        case SMTP_TLS_NO:
                use_ssl = CURLUSESSL_NONE;
                break;
        case SMTP_TLS_OPPORTUNISTIC:
                use_ssl = CURLUSESSL_TRY;
                break;
        case SMTP_TLS_REQUIRED:
        case SMTP_TLS_UNVERIFIED:
        case _SMTP_TLS_MAX:
        case _SMTP_TLS_INVALID:
                break;
        }

#define SET(option, value)                                               \
        do {                                                             \
                if (c == CURLE_OK)                                       \
                        c = curl_easy_setopt(s->curl, option, value);    \
        } while (0)
        SET(CURLOPT_URL, s->server);
        SET(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
        /* The environment of a service is no place to name a proxy for passwords. */
        SET(CURLOPT_PROXY, "");
        SET(CURLOPT_NOSIGNAL, 1L);
        SET(CURLOPT_VERBOSE, 0L);
        SET(CURLOPT_ERRORBUFFER, s->curl_error);
        SET(CURLOPT_UPLOAD, 1L);
        SET(CURLOPT_READFUNCTION, read_message);
        SET(CURLOPT_READDATA, s);
        SET(CURLOPT_HEADERFUNCTION, take_reply);
        SET(CURLOPT_HEADERDATA, s);
        SET(CURLOPT_WRITEFUNCTION, ignore_body);
        SET(CURLOPT_PREREQFUNCTION, note_session);
        SET(CURLOPT_PREREQDATA, s);
        SET(CURLOPT_CONNECTTIMEOUT_MS, (long) (connect / USEC_PER_MSEC));
        SET(CURLOPT_SERVER_RESPONSE_TIMEOUT, (long) MAX2(response / USEC_PER_SEC, UINT64_C(1)));
        SET(CURLOPT_TIMEOUT_MS, (long) (total / USEC_PER_MSEC));
        SET(CURLOPT_TCP_KEEPALIVE, 1L);
        SET(CURLOPT_USE_SSL, use_ssl);
        SET(CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
        SET(CURLOPT_SSL_VERIFYPEER, settings->tls == SMTP_TLS_UNVERIFIED ? 0L : 1L);
        SET(CURLOPT_SSL_VERIFYHOST, settings->tls == SMTP_TLS_UNVERIFIED ? 0L : 2L);
        if (settings->ca_file)
                SET(CURLOPT_CAINFO, settings->ca_file);
        if (settings->client_certificate) {
                struct curl_blob pem = {
                        .data = (void *) settings->client_certificate,
                        .len = settings->client_certificate_size,
                        .flags = CURL_BLOB_NOCOPY,
                };

                SET(CURLOPT_SSLCERT_BLOB, &pem);
                SET(CURLOPT_SSLKEY_BLOB, &pem);
        }
        if (settings->user) {
                SET(CURLOPT_USERNAME, settings->user);
                SET(CURLOPT_PASSWORD, strempty(settings->password));
        }
#undef SET
        if (c != CURLE_OK)
                return c == CURLE_OUT_OF_MEMORY
                               ? -ENOMEM
                               : error_set(ret_error, -EINVAL, "libcurl: %s", curl_easy_strerror(c));
        *ret = TAKE_PTR(s);
        return 0;
}

Smtp *smtp_free(Smtp *s) {
        if (!s)
                return NULL;
        /* Says QUIT. */
        if (s->curl)
                curl_easy_cleanup(s->curl);
        curl_slist_free_all(s->recipient);
        free(s->server);
        free(s);
        return NULL;
}

/* ---- sending ---- */

/* The server's words as one printable line; NULL for OOM. What holds the password is left out: a server may echo
 * what it was sent. */
static char *reply_text(const Smtp *s) {
        _cleanup_free_ char *clean = printable_copy(s->reply);
        char *text = NULL;

        if (!clean)
                return NULL;
        if (!isempty(s->password) && strstr(s->reply, s->password))
                clean[0] = '\0';
        if (asprintf(&text, "%u%s%s", s->reply_code, *clean ? " " : "", clean) < 0)
                return NULL;
        return text;
}

static const char *curl_text(const Smtp *s, CURLcode c) {
        return s->curl_error[0] ? s->curl_error : curl_easy_strerror(c);
}

static int fail(int code, const Smtp *s, Error **ret_error, const char *what) {
        ErrorRetry retry = code == SMTP_E_REFUSED || code == SMTP_E_TOO_LARGE ? ERROR_RETRY_AFTER_RECONFIGURE
                                                                              : ERROR_RETRY_LATER;
        ErrorScope scope = code == SMTP_E_UNUSABLE ? ERROR_SCOPE_CONNECTOR : ERROR_SCOPE_ITEM;

        return error_set_full(ret_error, code, scope, retry, NULL, "%s: %s", s->server, what);
}

/* RFC 3463: 5.2.3 too large for the mailbox, 5.3.4 too large for the system; RFC 1870: 552 */
static bool is_about_size(const Smtp *s) {
        return s->reply_code == 552 || startswith(s->reply, "5.2.3 ") || startswith(s->reply, "5.3.4 ");
}

/* What libcurl's result means; shared/components/README.md has the table of what was measured. */
static int judge(Smtp *s, CURLcode c, Error **ret_error) {
        _cleanup_free_ char *reply = reply_text(s), *lost = NULL;

        if (!reply || c == CURLE_OUT_OF_MEMORY)
                return -ENOMEM;

        if (c == CURLE_LOGIN_DENIED)
                /* Not the server's words: this is the one answer that could quote what was sent. */
                return fail(SMTP_E_UNUSABLE, s, ret_error,
                            s->reply_code == 454 ? "the server cannot check passwords at the moment (454)"
                                                 : "the server refused the user name or the password");
        if (c == CURLE_PEER_FAILED_VERIFICATION || c == CURLE_USE_SSL_FAILED || !s->established)
                return fail(SMTP_E_UNUSABLE, s, ret_error,
                            c == CURLE_USE_SSL_FAILED
                                    ? "the server offers no TLS, which is required; nothing was sent"
                            : s->reply_code >= 400 ? reply
                                                   : curl_text(s, c));
        if (s->reply_code == 421)
                return fail(SMTP_E_UNUSABLE, s, ret_error, reply);
        /* SEND_ERROR: MAIL, RCPT or DATA refused. WEIRD_SERVER_REPLY: refused after the final dot, or an answer
         * that is none. */
        if ((c == CURLE_SEND_ERROR || c == CURLE_WEIRD_SERVER_REPLY) && s->reply_code >= 500 && s->reply_code < 600)
                return fail(is_about_size(s) ? SMTP_E_TOO_LARGE : SMTP_E_REFUSED, s, ret_error, reply);
        if ((c == CURLE_SEND_ERROR || c == CURLE_WEIRD_SERVER_REPLY) && s->reply_code >= 400 && s->reply_code < 500)
                return fail(SMTP_E_LATER, s, ret_error, reply);
        if (asprintf(&lost, "%s%s", curl_text(s, c),
                     s->all_read ? "; the server may have accepted the message all the same" : "") < 0) {
                lost = NULL;
                return -ENOMEM;
        }
        return fail(c == CURLE_OPERATION_TIMEDOUT ? SMTP_E_SILENT : SMTP_E_LATER, s, ret_error, lost);
}

int smtp_send(Smtp *s, const char *from, const char *to, const char *message, size_t size, Error **ret_error) {
        struct curl_slist *recipient;
        CURLcode c;

        assert(mail_address_check(from, NULL) == 0 && mail_address_check(to, NULL) == 0);

        recipient = curl_slist_append(NULL, to);
        if (!recipient)
                return -ENOMEM;
        if (curl_easy_setopt(s->curl, CURLOPT_MAIL_FROM, from) != CURLE_OK) {
                curl_slist_free_all(recipient);
                return -ENOMEM;
        }
        /* libcurl keeps the list, so it has to outlive the next use of the handle. */
        (void) curl_easy_setopt(s->curl, CURLOPT_MAIL_RCPT, recipient);
        curl_slist_free_all(s->recipient);
        s->recipient = recipient;
        (void) curl_easy_setopt(s->curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t) size);
        s->message = message;
        s->size = size;
        s->sent = 0;
        s->established = s->all_read = false;
        s->reply_code = 0;
        s->reply[0] = '\0';
        s->curl_error[0] = '\0';

        c = curl_easy_perform(s->curl);
        if (c == CURLE_OK)
                return 0;
        return judge(s, c, ret_error);
}
