/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "mime.h"

#include <errno.h>

#include "tap.h"

static char *text_header(const char *value) {
        StrBuf b = STRBUF_INIT;
        char *s;

        mime_append_text_header(&b, "Subject", value);
        return strbuf_steal(&b, &s) < 0 ? NULL : s;
}

static char *quoted_printable(const char *value) {
        StrBuf b = STRBUF_INIT;
        char *s;

        mime_append_quoted_printable(&b, value, strlen(value));
        return strbuf_steal(&b, &s) < 0 ? NULL : s;
}

static char *file_name(const char *value) {
        StrBuf b = STRBUF_INIT;
        char *s;

        mime_append_file_name(&b, value);
        return strbuf_steal(&b, &s) < 0 ? NULL : s;
}

/* CRLF only as a pair, no line above @max. */
static bool lines_are_good(const char *s, size_t max) {
        size_t n = 0;

        for (; *s; s++) {
                if (*s == '\r') {
                        if (s[1] != '\n' || n > max)
                                return false;
                        s++;
                        n = 0;
                        continue;
                }
                if (*s == '\n' || (unsigned char) *s >= 0x80)
                        return false;
                n++;
        }
        return n == 0;
}

static const struct {
        const char *value, *header;
} headers[] = {
        { "plain", "Subject: plain\r\n" },
        { "", "Subject: \r\n" },
        { "  two\t words \n", "Subject: two words\r\n" },
        { "a\r\nBcc: x@example.com", "Subject: a Bcc: x@example.com\r\n" },
        { "a\r\n\r\nbody", "Subject: a body\r\n" },
        { "a\rb\nc", "Subject: a b c\r\n" },
        { "=?UTF-8?Q?smuggled?=", "Subject: =?UTF-8?B?PT9VVEYtOD9RP3NtdWdnbGVkPz0=?=\r\n" },
        { "gr\xc3\xbc\xc3\x9f"
          "e",
          "Subject: =?UTF-8?B?Z3LDvMOfZQ==?=\r\n" },
        { "one word in many: gr\xc3\xbc\xc3\x9f"
          "e",
          "Subject: =?UTF-8?Q?one_word_in_many=3A_gr=C3=BC=C3=9Fe?=\r\n" },
        { "no\xff utf8", "Subject: =?UTF-8?Q?no=EF=BF=BD_utf8?=\r\n" },
        { "The quick brown fox jumps over the lazy dog and the lazy dog does not mind it at all, it says",
          "Subject: The quick brown fox jumps over the lazy dog and the lazy dog does\r\n not mind it at all, it "
          "says\r\n" },
};

TEST(headers_are_one_line_of_safe_characters) {
        for (size_t i = 0; i < ELEMENTSOF(headers); i++) {
                _cleanup_free_ char *s = text_header(headers[i].value);

                CHECK_STR(s, headers[i].header);
                CHECK(lines_are_good(s, 78));
        }
}

TEST(long_headers_are_folded_whatever_they_hold) {
        static const char *const pieces[] = { "a", "ä", "€", "𝔸", " ", "x y ", "=?", "Ω" };

        for (size_t i = 0; i < ELEMENTSOF(pieces); i++)
                for (size_t n = 1; n < 400; n += 7) {
                        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;
                        _cleanup_free_ char *s = NULL;

                        for (size_t k = 0; k < n; k++)
                                strbuf_puts(&b, pieces[i]);
                        s = text_header(b.data);
                        if (!lines_are_good(s, 76))
                                tap_diag("%zu times '%s': %s", n, pieces[i], s);
                        CHECK(lines_are_good(s, 76));
                }
}

TEST(quoted_printable_follows_rfc_2045) {
        static const struct {
                const char *plain, *encoded;
        } cases[] = {
                { "", "" },
                { "a\n", "a\r\n" },
                { "a", "a\r\n" },
                { "a \nb\t\n", "a=20\r\nb=09\r\n" },
                { "a=b\n", "a=3Db\r\n" },
                { "\xc3\xa4\n", "=C3=A4\r\n" },
                { ".\n..\n", "=2E\r\n=2E.\r\n" },
                { "From me\nFrom\n", "=46rom me\r\nFrom\r\n" },
                { "a\rb\r\n", "a=0Db=0D\r\n" },
                { "-- \nx\n", "--=20\r\nx\r\n" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_free_ char *s = quoted_printable(cases[i].plain);

                CHECK_STR(s, cases[i].encoded);
        }
        for (size_t n = 60; n < 200; n++) {
                _cleanup_free_ char *s = NULL, *long_line = calloc(1, n + 1);

                memset(long_line, n % 3 == 0 ? '=' : n % 3 == 1 ? ' ' : 'x', n);
                s = quoted_printable(long_line);
                CHECK(lines_are_good(s, 76));
        }
}

TEST(base64_goes_there_and_back) {
        static const struct {
                const char *plain, *encoded;
        } cases[] = { { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg==" },
                      { "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" } }; /* RFC 4648 section 10 */
        static const char *const bad[] = { "Z", "Zg=", "Zg=a", "====", "Z===", "Zm9v Zm9v", "Zg==Zg==", "Zm9\xff" };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_strbuf_ StrBuf b = STRBUF_INIT;
                _cleanup_free_ void *data = NULL;
                size_t size;

                mime_append_base64(&b, cases[i].plain, strlen(cases[i].plain), 0);
                CHECK_STR(strempty(b.data), cases[i].encoded);
                CHECK_INT(mime_decode_base64(cases[i].encoded, &data, &size), 0);
                CHECK_INT(size, strlen(cases[i].plain));
                CHECK(memcmp(data, cases[i].plain, size) == 0);
        }
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                void *data = NULL;
                size_t size;

                CHECK_INT(mime_decode_base64(bad[i], &data, &size), -EINVAL);
                CHECK(!data);
        }
        for (size_t n = 0; n < 200; n++) {
                _cleanup_strbuf_ StrBuf b = STRBUF_INIT;
                char bytes[200];

                memset(bytes, 0xfe, sizeof(bytes));
                mime_append_base64(&b, bytes, n, 76);
                CHECK(lines_are_good(strempty(b.data), 76));
        }
}

TEST(file_names_follow_rfc_2231) {
        static const struct {
                const char *name, *parameter;
        } cases[] = {
                { "staff-0123.csv", ";\r\n filename=staff-0123.csv" },
                { "a b", ";\r\n filename*0*=UTF-8''a%20b" },
                { "../../etc/passwd", ";\r\n filename=.._.._etc_passwd" },
                { "\xc3\xa4.csv", ";\r\n filename*0*=UTF-8''%C3%A4.csv" },
                { "a\"; x=y\r\nBcc: z", ";\r\n filename*0*=UTF-8''a%22%3B%20x%3Dy%20Bcc%3A%20z" },
                { "", ";\r\n filename*0*=UTF-8''" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_free_ char *s = file_name(cases[i].name);

                CHECK_STR(s, cases[i].parameter);
        }
}

static MimeMessage example(void) {
        static char *to[] = { (char *) "identity@example.com", (char *) "security@example.com", NULL };

        return (MimeMessage) {
                .from_name = "Reprieve",
                .from = "reprieve@example.com",
                .to = to,
                .subject = "Subject",
                .message_id = "id@example.com",
                .date_usec = UINT64_C(1795324660000000),
                .text = "text\n",
                .html = "<p>html</p>\n",
        };
}

TEST(a_message_is_reproducible) {
        MimeMessage m = example();
        _cleanup_free_ char *a = NULL, *b = NULL;
        size_t na, nb;

        m.in_reply_to = "root@example.com";
        m.language = "de";
        m.headers = (char *[]) { (char *) "X-Reprieve-Job", (char *) "staff", NULL };
        CHECK_INT(mime_format(&m, &a, &na), 0);
        CHECK_INT(mime_format(&m, &b, &nb), 0);
        CHECK_STR(a, b);
        CHECK_INT(na, strlen(a));
        CHECK_STR(a,
                  "Date: Sun, 22 Nov 2026 05:17:40 +0000\r\n"
                  "From: \"Reprieve\" <reprieve@example.com>\r\n"
                  "To: identity@example.com, security@example.com\r\n"
                  "Subject: Subject\r\n"
                  "Message-ID: <id@example.com>\r\n"
                  "In-Reply-To: <root@example.com>\r\n"
                  "References: <root@example.com>\r\n"
                  "Auto-Submitted: auto-generated\r\n"
                  "Content-Language: de\r\n"
                  "X-Reprieve-Job: staff\r\n"
                  "MIME-Version: 1.0\r\n"
                  "Content-Type: multipart/alternative; boundary=\"=_a870322cb631ccb6d\"\r\n"
                  "\r\n"
                  "--=_a870322cb631ccb6d\r\n"
                  "Content-Type: text/plain; charset=utf-8\r\n"
                  "Content-Transfer-Encoding: quoted-printable\r\n"
                  "Content-Disposition: inline\r\n"
                  "\r\n"
                  "text\r\n"
                  "\r\n"
                  "--=_a870322cb631ccb6d\r\n"
                  "Content-Type: text/html; charset=utf-8\r\n"
                  "Content-Transfer-Encoding: quoted-printable\r\n"
                  "\r\n"
                  "<p>html</p>\r\n"
                  "\r\n"
                  "--=_a870322cb631ccb6d--\r\n");
}

TEST(no_value_makes_a_header) {
        static const char *const nasty[] = { "\r\nBcc: evil@example.com\r\n", "\nBcc: evil@example.com",
                                             "\rBcc: evil@example.com",       "\r\n\r\nbody",
                                             "\"\r\nBcc: evil@example.com",   "\xc3\xa4\r\nBcc: evil@example.com" };

        for (size_t i = 0; i < ELEMENTSOF(nasty); i++) {
                MimeMessage m = example();
                _cleanup_free_ char *s = NULL;
                size_t n;

                m.from_name = m.subject = m.file_name = nasty[i];
                m.file_type = "text/csv";
                m.file = "";
                m.headers = (char *[]) { (char *) "X-Reprieve-Job", (char *) nasty[i], NULL };
                CHECK_INT(mime_format(&m, &s, &n), 0);
                CHECK(lines_are_good(s, 78));
                CHECK(!strstr(s, "\nBcc") && !strstr(s, "\nbody"));

                m = example();
                m.message_id = nasty[i];
                CHECK_INT(mime_format(&m, &s, &n), -EINVAL);
                m = example();
                m.in_reply_to = nasty[i];
                CHECK_INT(mime_format(&m, &s, &n), -EINVAL);
                m = example();
                m.from = nasty[i];
                CHECK_INT(mime_format(&m, &s, &n), -EINVAL);
                m = example();
                m.to = (char *[]) { (char *) "a@b", (char *) nasty[i], NULL };
                CHECK_INT(mime_format(&m, &s, &n), -EINVAL);
                m = example();
                m.language = nasty[i];
                CHECK_INT(mime_format(&m, &s, &n), -EINVAL);
        }
}

TEST(display_names_are_quoted_or_encoded) {
        static const struct {
                const char *name, *header;
        } cases[] = {
                { NULL, "\r\nFrom: <reprieve@example.com>\r\n" },
                { "A \"B\" <c@d>, e", "\r\nFrom: \"A \\\"B\\\" <c@d>, e\" <reprieve@example.com>\r\n" },
                { "\xc3\xa4", "\r\nFrom: =?UTF-8?B?w6Q=?= <reprieve@example.com>\r\n" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                MimeMessage m = example();
                _cleanup_free_ char *s = NULL;
                size_t n;

                m.from_name = cases[i].name;
                CHECK_INT(mime_format(&m, &s, &n), 0);
                CHECK(strstr(s, cases[i].header));
        }
}

/* RFC 5322 section 2.1.1: what the quoting adds counts as well. */
TEST(a_display_name_that_grows_when_it_is_quoted_keeps_its_line_short) {
        char name[80];

        for (size_t n = 30; n < sizeof(name); n++) {
                MimeMessage m = example();
                _cleanup_free_ char *s = NULL;
                const char *from;
                size_t size;

                memset(name, '\\', n);
                name[n] = '\0';
                m.from_name = name;
                CHECK_INT(mime_format(&m, &s, &size), 0);
                from = strstr(s, "\r\nFrom: ");
                CHECK(from && strcspn(from + 2, "\r") <= 78);
        }
}
