/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "mail-doc.h"

#include "string-util.h"
#include "tap.h"

TEST(values_become_text_never_markup) {
        static const char *const nasty = "<script>alert('x')</script>&\"\r\n\x1b[31m\u202e\x7f";
        _cleanup_(mail_doc_freep) MailDoc *d = mail_doc_new("en\"><script>", MAIL_TONE_PLAIN, nasty, nasty);
        _cleanup_free_ char *text = NULL, *html = NULL;

        CHECK(d);
        mail_doc_heading(d, nasty);
        mail_doc_paragraph(d, "%s", nasty);
        mail_doc_fact(d, nasty, "%s", nasty);
        mail_doc_row(d, 2, (const char *[]) { nasty, nasty }, 0);
        mail_doc_row(d, 2, (const char *[]) { nasty, nasty }, 2);
        mail_doc_command(d, nasty, nasty);
        mail_doc_footer(d, "%s", nasty);
        CHECK_INT(mail_doc_finish(d, &text, &html), 0);
        CHECK(!strstr(html, "<script"));
        CHECK(strstr(html, "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;&quot;"));
        CHECK(!strpbrk(html, "\r\x1b\x7f") && !strstr(html, "\u202e"));
        CHECK(!strpbrk(text, "\r\x1b\x7f") && !strstr(text, "\u202e"));
}

TEST(long_text_is_wrapped_and_tables_are_aligned) {
        _cleanup_(mail_doc_freep) MailDoc *d = mail_doc_new("en", MAIL_TONE_PLAIN, "label", "title");
        _cleanup_free_ char *text = NULL, *html = NULL;

        CHECK(d);
        mail_doc_paragraph(
                d, "%s",
                "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen");
        mail_doc_fact(d, "Key", "value");
        mail_doc_fact(d, "Longer key", "%s",
                      "one two three four five six seven eight nine ten eleven twelve thirteen");
        mail_doc_row(d, 2, (const char *[]) { "Wörter", "Zahl" }, 2);
        mail_doc_row(d, 2, (const char *[]) { "Ωμέγα μακρύ", "1" }, 2);
        mail_doc_row(d, 2, (const char *[]) { "x", "1234" }, 2);
        mail_doc_command(d, "Do:", "command");
        CHECK_INT(mail_doc_finish(d, &text, &html), 0);
        CHECK_STR(text,
                  "title\n"
                  "\n"
                  "one two three four five six seven eight nine ten eleven twelve thirteen\n"
                  "fourteen fifteen\n"
                  "\n"
                  "  Key         value\n"
                  "  Longer key  one two three four five six seven eight nine ten eleven twelve\n"
                  "              thirteen\n"
                  "\n"
                  "  Wörter       Zahl\n"
                  "  Ωμέγα μακρύ     1\n"
                  "  x            1234\n"
                  "\n"
                  "Do:\n"
                  "    command\n"
                  "\n");
}

TEST(cleaning_cuts_at_characters) {
        static const struct {
                const char *in;
                size_t max;
                const char *out;
        } cases[] = {
                { "abc", 3, "abc" },
                { "abcd", 3, "abc…" },
                { "äöü€", 3, "äöü…" },
                { "a\xff"
                  "b",
                  9,
                  "a\xef\xbf\xbd"
                  "b" },
                { "a\nb\tc\rd", 9, "a b c d" },
                { "", 0, "" },
                { "\u2066x\u2069", 9, "\xef\xbf\xbdx\xef\xbf\xbd" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_free_ char *s = mail_doc_clean(cases[i].in, cases[i].max);

                CHECK_STR(s, cases[i].out);
        }
}
