/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "mime.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "mail-address.h"
#include "time-util.h"

/* RFC 5322 section 2.1.1: should not be longer, without the CRLF. RFC 2045 allows 76 in encoded bodies, RFC 2047
 * section 2 allows 76 in a header line with encoded words and 75 for one of them. */
#define LINE_MAX_HEADER 76
#define LINE_MAX_BODY 76
#define ENCODED_WORD_MAX 75

static const char hex_upper[] = "0123456789ABCDEF";
static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* ---- base64 ---- */

void mime_append_base64(StrBuf *b, const void *data, size_t size, size_t columns) {
        const uint8_t *p = data;
        char block[4];
        size_t column = 0;

        for (size_t i = 0; i < size; i += 3) {
                uint32_t v = (uint32_t) p[i] << 16;

                if (i + 1 < size)
                        v |= (uint32_t) p[i + 1] << 8;
                if (i + 2 < size)
                        v |= p[i + 2];
                block[0] = base64_digits[v >> 18];
                block[1] = base64_digits[v >> 12 & 63];
                block[2] = i + 1 < size ? base64_digits[v >> 6 & 63] : '=';
                block[3] = i + 2 < size ? base64_digits[v & 63] : '=';
                strbuf_append(b, block, 4);
                column += 4;
                if (columns > 0 && (column == columns || i + 3 >= size)) {
                        strbuf_puts(b, "\r\n");
                        column = 0;
                }
        }
}

static int base64_value(char c) {
        const char *p = c ? strchr(base64_digits, c) : NULL;

        return p ? (int) (p - base64_digits) : -1;
}

int mime_decode_base64(const char *s, void **ret, size_t *ret_size) {
        _cleanup_free_ uint8_t *data = NULL;
        size_t n = strlen(s), size = 0;

        if (n % 4 != 0)
                return -EINVAL;
        data = malloc(n / 4 * 3 + 1);
        if (!data)
                return -ENOMEM;
        for (size_t i = 0; i < n; i += 4) {
                bool last = i + 4 == n;
                int pad = last && s[i + 3] == '=' ? 1 + (s[i + 2] == '=') : 0;
                uint32_t v = 0;

                for (size_t k = 0; k < 4; k++) {
                        int d = (int) k >= 4 - pad ? 0 : base64_value(s[i + k]);

                        if (d < 0)
                                return -EINVAL;
                        v = v << 6 | (uint32_t) d;
                }
                data[size++] = (uint8_t) (v >> 16);
                if (pad < 2)
                        data[size++] = (uint8_t) (v >> 8);
                if (pad < 1)
                        data[size++] = (uint8_t) v;
        }
        *ret = TAKE_PTR(data);
        *ret_size = size;
        return 0;
}

/* ---- quoted-printable ---- */

void mime_append_quoted_printable(StrBuf *b, const char *s, size_t size) {
        size_t column = 0;

        for (size_t i = 0; i < size; i++) {
                unsigned char c = (unsigned char) s[i];
                bool at_end = i + 1 == size || s[i + 1] == '\n', plain;
                size_t need;

                if (c == '\n') {
                        strbuf_puts(b, "\r\n");
                        column = 0;
                        continue;
                }
                plain = c == '\t' || (c >= 0x20 && c < 0x7f && c != '=');
                if ((c == ' ' || c == '\t') && at_end)
                        plain = false;
                /* A dot or "From " at the start of a line is what old relays and mailboxes mangle. */
                if (column == 0 && (c == '.' || (c == 'F' && size - i >= 5 && memcmp(s + i, "From ", 5) == 0)))
                        plain = false;
                need = plain ? 1 : 3;
                if (column + need > LINE_MAX_BODY - (at_end ? 0 : 1)) {
                        strbuf_puts(b, "=\r\n");
                        column = 0;
                        i--;
                        continue;
                }
                if (plain)
                        strbuf_putc(b, (char) c);
                else {
                        strbuf_putc(b, '=');
                        strbuf_putc(b, hex_upper[c >> 4]);
                        strbuf_putc(b, hex_upper[c & 15]);
                }
                column += need;
        }
        if (column > 0)
                strbuf_puts(b, "\r\n");
}

/* ---- headers ---- */

static bool is_alnum(char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* What may stand for itself in a "Q" encoded word wherever it is, also in a display name: RFC 2047 section 5 (3).
 */
static bool is_q_plain(char c) {
        return is_alnum(c) || (c && strchr("!*+-/", c));
}

/* Valid UTF-8 without control characters, white space runs as one blank, none at the ends. NULL for OOM. */
static char *one_line(const char *s) {
        char *copy = utf8_make_valid(s), *w;
        bool blank = false;

        if (!copy)
                return NULL;
        w = copy;
        for (const char *p = copy; *p; p++) {
                if ((unsigned char) *p <= 0x20 || *p == 0x7f) {
                        blank = w > copy;
                        continue;
                }
                if (blank)
                        *w++ = ' ';
                blank = false;
                *w++ = *p;
        }
        *w = '\0';
        return copy;
}

static bool is_ascii(const char *s) {
        for (; *s; s++)
                if ((unsigned char) *s >= 0x80)
                        return false;
        return true;
}

/* Whether folding at blanks alone keeps every line short, whichever word the first line ends with, and nothing
 * looks like an encoded word. */
static bool folds_plainly(const char *s, size_t column) {
        size_t word = 0;

        if (!is_ascii(s) || strstr(s, "=?"))
                return false;
        for (; *s; s++) {
                word = *s == ' ' ? 0 : word + 1;
                if (column + word > LINE_MAX_HEADER)
                        return false;
        }
        return true;
}

static void append_folded(StrBuf *b, const char *s, size_t column) {
        while (*s) {
                size_t n = strcspn(s, " ");

                strbuf_append(b, s, n);
                column += n;
                s += n;
                if (*s == ' ') {
                        s++;
                        if (column + 1 + strcspn(s, " ") > LINE_MAX_HEADER) {
                                strbuf_puts(b, "\r\n ");
                                column = 1;
                        } else {
                                strbuf_putc(b, ' ');
                                column++;
                        }
                }
        }
}

static size_t utf8_length(const char *p) {
        size_t n = 1;

        while (((unsigned char) p[n] & 0xc0) == 0x80)
                n++;
        return n;
}

/* Encoded words, as many as needed, each within its line and made of whole characters. Returns the column it ends
 * at. */
static size_t append_encoded_words(StrBuf *b, const char *s, size_t column) {
        size_t plain = 0, n = strlen(s);
        bool q;

        for (const char *p = s; *p; p++)
                plain += is_q_plain(*p) || *p == ' ';
        q = plain + 3 * (n - plain) <= (n + 2) / 3 * 4;

        while (*s) {
                /* "=?UTF-8?Q?" and "?=" are 12 characters */
                size_t room, used = 0, take = 0;

                if (column + 12 + 12 > LINE_MAX_HEADER) {
                        strbuf_puts(b, "\r\n ");
                        column = 1;
                }
                room = MIN2((size_t) ENCODED_WORD_MAX, LINE_MAX_HEADER - column) - 12;
                while (s[take]) {
                        size_t k = utf8_length(s + take), cost;

                        if (q)
                                cost = used + (is_q_plain(s[take]) || s[take] == ' ' ? 1 : 3 * k);
                        else
                                cost = (take + k + 2) / 3 * 4;
                        if (cost > room)
                                break;
                        used = cost;
                        take += k;
                }
                strbuf_puts(b, q ? "=?UTF-8?Q?" : "=?UTF-8?B?");
                if (q)
                        for (size_t i = 0; i < take; i++) {
                                unsigned char c = (unsigned char) s[i];

                                if (c == ' ')
                                        strbuf_putc(b, '_');
                                else if (is_q_plain((char) c))
                                        strbuf_putc(b, (char) c);
                                else {
                                        strbuf_putc(b, '=');
                                        strbuf_putc(b, hex_upper[c >> 4]);
                                        strbuf_putc(b, hex_upper[c & 15]);
                                }
                        }
                else
                        mime_append_base64(b, s, take, 0);
                strbuf_puts(b, "?=");
                column += 12 + used;
                s += take;
                if (*s) {
                        strbuf_puts(b, "\r\n ");
                        column = 1;
                }
        }
        return column;
}

void mime_append_text_header(StrBuf *b, const char *name, const char *value) {
        _cleanup_free_ char *line = one_line(value);
        size_t column = strlen(name) + 2;

        if (!line) {
                b->failed = true;
                return;
        }
        strbuf_puts(b, name);
        strbuf_puts(b, ": ");
        if (folds_plainly(line, column))
                append_folded(b, line, column);
        else
                (void) append_encoded_words(b, line, column);
        strbuf_puts(b, "\r\n");
}

static bool needs_backslash(char c) {
        return c == '"' || c == '\\';
}

/* As a quoted-string of RFC 5322 section 3.2.4, in bytes. */
static size_t quoted_length(const char *s) {
        size_t n = 2;

        for (; *s; s++)
                n += needs_backslash(*s) ? 2 : 1;
        return n;
}

static void append_from(StrBuf *b, const char *name, const char *address) {
        _cleanup_free_ char *line = NULL;
        size_t column = 6;

        strbuf_puts(b, "From: ");
        line = one_line(strempty(name));
        if (!line) {
                b->failed = true;
                return;
        }
        if (*line) {
                size_t quoted = quoted_length(line);

                if (is_ascii(line) && !strstr(line, "=?") && column + quoted <= LINE_MAX_HEADER) {
                        strbuf_putc(b, '"');
                        for (const char *p = line; *p; p++) {
                                if (needs_backslash(*p))
                                        strbuf_putc(b, '\\');
                                strbuf_putc(b, *p);
                        }
                        strbuf_putc(b, '"');
                        column += quoted;
                } else
                        column = append_encoded_words(b, line, column);
                strbuf_puts(b, column + strlen(address) + 3 > LINE_MAX_HEADER ? "\r\n " : " ");
        }
        strbuf_printf(b, "<%s>\r\n", address);
}

static void append_to(StrBuf *b, char *const *to) {
        size_t column = 4;

        strbuf_puts(b, "To: ");
        for (char *const *p = to; *p; p++) {
                size_t n = strlen(*p) + (p[1] ? 1 : 0);

                if (p != to) {
                        bool fold = column + 1 + n > LINE_MAX_HEADER;

                        strbuf_puts(b, fold ? "\r\n " : " ");
                        column = fold ? 1 : column + 1;
                }
                strbuf_puts(b, *p);
                if (p[1])
                        strbuf_putc(b, ',');
                column += n;
        }
        strbuf_puts(b, "\r\n");
}

/* RFC 5322 section 3.3, in UTC; not strftime(), whose names follow the locale. */
static void append_date(StrBuf *b, uint64_t usec) {
        static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
        static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                              "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
        time_t t = (time_t) (usec / USEC_PER_SEC);
        struct tm tm;

        if (!gmtime_r(&t, &tm)) {
                t = 0;
                assert(gmtime_r(&t, &tm));
        }
        strbuf_printf(b, "Date: %s, %d %s %04d %02d:%02d:%02d +0000\r\n", days[tm.tm_wday], tm.tm_mday,
                      months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

void mime_append_file_name(StrBuf *b, const char *name) {
        _cleanup_free_ char *line = one_line(name);
        bool token;

        if (!line) {
                b->failed = true;
                return;
        }
        /* A path would be somebody else's folder. */
        for (char *p = line; *p; p++)
                if (*p == '/' || *p == '\\')
                        *p = '_';
        line[utf8_truncate(line, 180)] = '\0';

        token = is_ascii(line) && strlen(line) <= 60 && *line;
        for (const char *p = line; *p && token; p++)
                token = is_alnum(*p) || strchr("-._", *p);
        if (token) {
                strbuf_printf(b, ";\r\n filename=%s", line);
                return;
        }
        /* Continuations, RFC 2231 section 4.1: "filename*0*=UTF-8''…" */
        for (size_t section = 0, i = 0; line[i] || section == 0; section++) {
                size_t column;

                strbuf_printf(b, ";\r\n filename*%zu*=%s", section, section == 0 ? "UTF-8''" : "");
                column = 24;
                while (line[i]) {
                        size_t k = utf8_length(line + i);
                        bool plain = k == 1 && (is_alnum(line[i]) || strchr("-._", line[i]));
                        size_t cost = plain ? 1 : 3 * k;

                        if (column + cost > LINE_MAX_HEADER)
                                break;
                        column += cost;
                        if (plain) {
                                strbuf_putc(b, line[i++]);
                                continue;
                        }
                        for (; k > 0; k--, i++) {
                                unsigned char c = (unsigned char) line[i];

                                strbuf_putc(b, '%');
                                strbuf_putc(b, hex_upper[c >> 4]);
                                strbuf_putc(b, hex_upper[c & 15]);
                        }
                }
        }
}

/* ---- the message ---- */

static void append_text_part(StrBuf *b, const char *type, const char *s) {
        size_t n = strlen(s), foreign = 0;
        bool base64;

        for (size_t i = 0; i < n; i++)
                foreign += (unsigned char) s[i] >= 0x80;
        /* Greek in quoted-printable takes three times its size and no person can read it in the source anyway. */
        base64 = foreign * 6 > n;

        strbuf_printf(b, "Content-Type: %s; charset=utf-8\r\nContent-Transfer-Encoding: %s\r\n", type,
                      base64 ? "base64" : "quoted-printable");
        if (streq(type, "text/plain"))
                strbuf_puts(b, "Content-Disposition: inline\r\n");
        strbuf_puts(b, "\r\n");
        if (base64) {
                _cleanup_strbuf_ StrBuf crlf = STRBUF_INIT;

                for (size_t i = 0; i < n; i++) {
                        if (s[i] == '\n')
                                strbuf_putc(&crlf, '\r');
                        strbuf_putc(&crlf, s[i]);
                }
                if (strbuf_check(&crlf) < 0) {
                        b->failed = true;
                        return;
                }
                mime_append_base64(b, crlf.data, crlf.size, LINE_MAX_BODY);
        } else
                mime_append_quoted_printable(b, s, n);
}

/* "id-left@id-right" of atoms; ours are never quoted (RFC 5322 section 3.6.4). */
static bool message_id_is_valid(const char *s) {
        const char *at = strchr(s, '@');

        if (!at || at == s || !at[1] || strlen(s) > 250)
                return false;
        for (const char *p = s; *p; p++)
                if (p != at && !is_alnum(*p) && !strchr("-._", *p))
                        return false;
        return true;
}

/* On one line if at all possible: not everything that reads mail unfolds these. */
static void append_id(StrBuf *b, const char *name, const char *id) {
        strbuf_printf(b, "%s:%s<%s>\r\n", name, strlen(name) + strlen(id) + 4 > LINE_MAX_HEADER ? "\r\n " : " ",
                      id);
}

static int check(const MimeMessage *m) {
        if (mail_address_check(m->from, NULL) < 0 || !m->to || !*m->to || !message_id_is_valid(m->message_id))
                return -EINVAL;
        for (char *const *p = m->to; *p; p++)
                if (mail_address_check(*p, NULL) < 0)
                        return -EINVAL;
        if (m->in_reply_to && !message_id_is_valid(m->in_reply_to))
                return -EINVAL;
        for (const char *p = strempty(m->language); *p; p++)
                if (!is_alnum(*p) && *p != '-')
                        return -EINVAL;
        return 0;
}

int mime_format(const MimeMessage *m, char **ret, size_t *ret_size) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;
        char mixed[64], alternative[64];
        uint64_t hash = UINT64_C(0xcbf29ce484222325);
        size_t size;
        int r;

        r = check(m);
        if (r < 0)
                return r;

        /* "=_" occurs neither in quoted-printable nor in base64 (RFC 2045 section 6.7), so no content can hold a
         * boundary; the rest (FNV-1a of the message id) only tells forwarded mails apart. */
        for (const char *p = m->message_id; *p; p++)
                hash = (hash ^ (unsigned char) *p) * UINT64_C(0x100000001b3);
        (void) snprintf(mixed, sizeof(mixed), "=_m%016llx", (unsigned long long) hash);
        (void) snprintf(alternative, sizeof(alternative), "=_a%016llx", (unsigned long long) hash);

        append_date(&b, m->date_usec);
        append_from(&b, m->from_name, m->from);
        append_to(&b, m->to);
        mime_append_text_header(&b, "Subject", m->subject);
        append_id(&b, "Message-ID", m->message_id);
        if (m->in_reply_to) {
                append_id(&b, "In-Reply-To", m->in_reply_to);
                append_id(&b, "References", m->in_reply_to);
        }
        strbuf_puts(&b, "Auto-Submitted: auto-generated\r\n");
        if (!isempty(m->language))
                strbuf_printf(&b, "Content-Language: %s\r\n", m->language);
        for (char *const *h = m->headers; h && *h; h += 2)
                mime_append_text_header(&b, h[0], h[1]);
        strbuf_puts(&b, "MIME-Version: 1.0\r\n");

        if (m->file_name)
                strbuf_printf(&b, "Content-Type: multipart/mixed; boundary=\"%s\"\r\n\r\n--%s\r\n", mixed, mixed);
        strbuf_printf(&b, "Content-Type: multipart/alternative; boundary=\"%s\"\r\n\r\n--%s\r\n", alternative,
                      alternative);
        append_text_part(&b, "text/plain", m->text);
        strbuf_printf(&b, "\r\n--%s\r\n", alternative);
        append_text_part(&b, "text/html", m->html);
        strbuf_printf(&b, "\r\n--%s--\r\n", alternative);
        if (m->file_name) {
                strbuf_printf(&b, "\r\n--%s\r\nContent-Type: %s\r\nContent-Transfer-Encoding: base64\r\n"
                              "Content-Disposition: attachment", mixed, m->file_type);
                mime_append_file_name(&b, m->file_name);
                strbuf_puts(&b, "\r\n\r\n");
                mime_append_base64(&b, m->file, m->file_size, LINE_MAX_BODY);
                strbuf_printf(&b, "\r\n--%s--\r\n", mixed);
        }
        size = b.size;
        r = strbuf_steal(&b, ret);
        if (r < 0)
                return r;
        *ret_size = size;
        return 0;
}
