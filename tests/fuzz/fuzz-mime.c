/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

/* Whatever a payload holds, the mail that comes of it has our headers and parts and no others, in short lines. The
 * first byte chooses the event; the rest is the payload, and each of the values as it is. */

#include <stddef.h>
#include <stdint.h>

#include "mail-text.h"
#include "mime.h"
#include "string-util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Names at the start of the lines of a header block; each known, the whole in printable ASCII. */
static void check_message(const char *s) {
        static const char *const known[] = { "Date: ",      "From: ",           "To: ",
                                             "Subject: ",   "Message-ID:",      "In-Reply-To:",
                                             "References:", "Auto-Submitted: ", "Content-Language: ",
                                             "X-Test: ",    "MIME-Version: ",   "Content-Type: " };
        bool headers = true;

        while (*s) {
                const char *end = strstr(s, "\r\n");
                bool found = *s == ' ';

                assert(end && end - s <= 78);
                for (const char *p = s; p < end; p++)
                        assert((unsigned char) *p < 0x7f && ((unsigned char) *p >= 0x20 || *p == '\t'));
                if (end == s)
                        headers = false;
                for (size_t i = 0; i < ELEMENTSOF(known) && headers && !found; i++)
                        found = strncmp(s, known[i], strlen(known[i])) == 0;
                assert(!headers || found);
                s = end + 2;
        }
        assert(!headers);
}

static void format(const char *value, const MailText *t) {
        _cleanup_free_ char *s = NULL;
        char *to[] = { (char *) "a@example.com", NULL }, *headers[] = { (char *) "X-Test", (char *) value, NULL };
        MimeMessage m = {
                .from_name = value, .from = "b@example.com", .to = to, .headers = headers,
                .subject = t ? t->subject : value, .message_id = "id@example.com",
                .text = t ? t->text : value, .html = t ? t->html : value,
                .file_name = t ? t->file_name : value, .file_type = "text/csv",
                .file = t ? t->file : value, .file_size = t ? t->file_size : strlen(value),
        };
        size_t n;
        int r;

        r = mime_format(&m, &s, &n);
        assert(r == 0 && n == strlen(s));
        check_message(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *value = NULL;
        _cleanup_mail_facts_ MailFacts f = {};
        _cleanup_mail_text_ MailText t = {};
        void *decoded = NULL;
        size_t n;

        if (size == 0)
                return 0;
        value = strndup((const char *) data + 1, size - 1);
        if (!value)
                return 0;
        format(value, NULL);
        if (mime_decode_base64(value, &decoded, &n) == 0)
                free(decoded);
        if (mail_facts_parse((OutboxEvent) (data[0] % _OUTBOX_EVENT_MAX), value, &f) == 0 &&
            mail_text_compose(&f, true, &t) == 0) {
                assert(utf8_is_valid(t.text, strlen(t.text)) && utf8_is_valid(t.html, strlen(t.html)));
                format("x", &t);
        }
        return 0;
}
