/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "mail-address.h"

#include <errno.h>

#include "string-util.h"

/* RFC 5321 section 4.5.3.1: 64 octets before the "@"; a path has 256 octets with its brackets. */
#define LOCAL_PART_MAX 64
#define ADDRESS_MAX 254
#define LABEL_MAX 63

static bool is_alnum(char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* RFC 5322 section 3.2.3 */
static bool is_atext(char c) {
        return is_alnum(c) || (c && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

static const char *complain_local_part(const char *s, size_t n) {
        if (n == 0)
                return "nothing stands before the \"@\"";
        if (n > LOCAL_PART_MAX)
                return "more than 64 characters stand before the \"@\"";
        for (size_t i = 0; i < n; i++) {
                if (s[i] == '.') {
                        if (i == 0 || i + 1 == n || s[i - 1] == '.')
                                return "a dot stands at an end or beside another one before the \"@\"";
                        continue;
                }
                if ((unsigned char) s[i] >= 0x80)
                        return "only ASCII characters may stand before the \"@\"";
                if (!is_atext(s[i]))
                        return "a character before the \"@\" is not allowed";
        }
        return NULL;
}

static const char *complain_domain(const char *s) {
        size_t label = 0;

        if (*s == '\0')
                return "nothing stands after the \"@\"";
        for (size_t i = 0; s[i]; i++) {
                if (s[i] == '.') {
                        if (label == 0 || s[i - 1] == '-')
                                return "the domain has an empty label or one that ends in a hyphen";
                        label = 0;
                        continue;
                }
                if ((unsigned char) s[i] >= 0x80)
                        return "the domain has to be written in its ASCII form, \"xn--…\"";
                if (!is_alnum(s[i]) && !(s[i] == '-' && label > 0))
                        return "the domain is no host name";
                if (++label > LABEL_MAX)
                        return "a label of the domain is longer than 63 characters";
        }
        if (label == 0 || s[strlen(s) - 1] == '-')
                return "the domain has an empty label or one that ends in a hyphen";
        return NULL;
}

int mail_address_check(const char *s, const char **ret_why) {
        const char *at = strchr(s, '@'), *why;

        if (!at)
                why = "it has no \"@\"";
        else if (strlen(s) > ADDRESS_MAX)
                why = "it is longer than 254 characters";
        else {
                why = complain_local_part(s, (size_t) (at - s));
                if (!why)
                        why = complain_domain(at + 1);
        }
        if (!why)
                return 0;
        if (ret_why)
                *ret_why = why;
        return -EINVAL;
}

/* The display name in front of "<": a quoted string as a whole, or words as they are. */
static int parse_name(char *s, char **ret, const char **ret_why) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;

        s = strstrip(s);
        if (*s == '"') {
                const char *p = s + 1;

                for (; *p && *p != '"'; p++) {
                        if (*p == '\\' && p[1])
                                p++;
                        strbuf_putc(&b, *p);
                }
                if (p[0] != '"' || p[1] != '\0') {
                        *ret_why = "the quotes of the name are not closed, or something follows them";
                        return -EINVAL;
                }
        } else {
                if (strpbrk(s, "\"<>@,;:\\()[]")) {
                        *ret_why = "the name has to be in quotes";
                        return -EINVAL;
                }
                strbuf_puts(&b, s);
        }
        for (size_t i = 0; i < b.size; i++)
                if ((unsigned char) b.data[i] < 0x20 || b.data[i] == 0x7f) {
                        *ret_why = "the name has a control character";
                        return -EINVAL;
                }
        if (b.size > 0 && !utf8_is_valid(b.data, b.size)) {
                *ret_why = "the name is no UTF-8";
                return -EINVAL;
        }
        if (b.size == 0 && !b.failed) {
                *ret = NULL;
                return 0;
        }
        return strbuf_steal(&b, ret);
}

int mail_address_parse(const char *s, char **ret_name, char **ret_address, const char **ret_why) {
        _cleanup_free_ char *copy = NULL, *name = NULL, *address = NULL;
        const char *dummy;
        char *start, *open, *close;
        int r;

        if (!ret_why)
                ret_why = &dummy;
        copy = strdup(s);
        if (!copy)
                return -ENOMEM;
        start = strstrip(copy);

        /* The last bracket: the name may have one in its quotes. */
        open = strrchr(start, '<');
        close = open ? strchr(open, '>') : NULL;
        if (open && (!close || close[1] != '\0')) {
                *ret_why = "the \"<\" is not closed by a \">\" at the end";
                return -EINVAL;
        }
        if (open) {
                *open = *close = '\0';
                r = parse_name(start, &name, ret_why);
                if (r < 0)
                        return r;
                start = open + 1;
        }
        r = mail_address_check(start, ret_why);
        if (r < 0)
                return r;
        address = strdup(start);
        if (!address)
                return -ENOMEM;

        *ret_name = TAKE_PTR(name);
        *ret_address = TAKE_PTR(address);
        return 0;
}
