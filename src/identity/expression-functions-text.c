/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

/* Functions of texts: docs/expressions/text.md. Positions and lengths count characters. */

#include <errno.h>

#include "attribute-name.h"
#include "expression-internal.h"
#include "unicode.h"

/* The text of argument @i after @convert, null for null. */
static int convert_text(Evaluation *e, const Node *call, json_object **ret,
                        void (*convert)(const Text *t, const char *option, StrBuf *out), const char *option) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;
        _cleanup_text_ Text t = {};
        int r;

        r = argument_text(e, call, 0, &t);
        if (r != 0 || !t.value)
                return r;
        buffer_reserve(&b, t.size + 16);
        convert(&t, option, &b);
        return give_buffer(e, call, &b, ret);
}

static int evaluate_append(Evaluation *e, const Node *call, json_object **ret) {
        _cleanup_text_ Text source = {}, suffix = {};
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;
        int r;

        r = argument_text(e, call, 0, &source);
        if (r != 0)
                return r;
        r = argument_text(e, call, 1, &suffix);
        if (r != 0)
                return r;
        /* There is nothing that the suffix could be the end of. */
        if (!source.value)
                return 0;
        buffer_reserve(&b, source.size + suffix.size);
        strbuf_append(&b, source.s, source.size);
        strbuf_append(&b, suffix.s, suffix.size);
        return give_buffer(e, call, &b, ret);
}

/* One source of Join(): takes @value. Empty ones are left out, with their separator. */
static int join_value(Evaluation *e, const Node *call, const Text *separator, json_object *value, StrBuf *b) {
        _cleanup_text_ Text t = {};
        int r;

        r = value_to_text(e, call, value, &t);
        if (r != 0 || t.size == 0)
                return r;
        if (b->size > 0)
                strbuf_append(b, separator->s, separator->size);
        strbuf_append(b, t.s, t.size);
        if (b->size > EXPRESSION_TEXT_MAX)
                return evaluation_fail(e, call, "the result is longer than %u bytes", EXPRESSION_TEXT_MAX);
        return 0;
}

static int evaluate_join(Evaluation *e, const Node *call, json_object **ret) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;
        _cleanup_text_ Text separator = {};
        int r;

        r = argument_text(e, call, 0, &separator);
        if (r != 0)
                return r;
        buffer_reserve(&b, 64);
        for (size_t i = 1; i < call->n_args; i++) {
                _cleanup_json_ json_object *v = NULL;

                r = argument(e, call, i, &v);
                if (r != 0)
                        return r;
                if (json_object_get_type(v) != json_type_array) {
                        r = join_value(e, call, &separator, TAKE_PTR(v), &b);
                        if (r != 0)
                                return r;
                        continue;
                }
                for (size_t k = 0; k < json_object_array_length(v); k++) {
                        r = join_value(e, call, &separator, json_object_get(json_object_array_get_idx(v, k)), &b);
                        if (r != 0)
                                return r;
                }
        }
        return give_buffer(e, call, &b, ret);
}

static int evaluate_left(Evaluation *e, const Node *call, json_object **ret) {
        _cleanup_text_ Text t = {};
        int64_t n = 0;
        bool is_null;
        int r;

        r = argument_text(e, call, 0, &t);
        if (r != 0)
                return r;
        r = argument_integer(e, call, 1, &n, &is_null);
        if (r != 0)
                return r;
        if (is_null)
                return evaluation_fail(e, call, "NumChars is empty");
        return give_text(e, call, t.s, n < 0 ? t.size : utf8_offset(t.s, t.size, (uint64_t) n), ret);
}

static int evaluate_mid(Evaluation *e, const Node *call, json_object **ret) {
        _cleanup_text_ Text t = {};
        int64_t start = 0, length = 0;
        bool no_start, no_length;
        size_t from;
        int r;

        r = argument_text(e, call, 0, &t);
        if (r != 0)
                return r;
        r = argument_integer(e, call, 1, &start, &no_start);
        if (r != 0)
                return r;
        r = argument_integer(e, call, 2, &length, &no_length);
        if (r != 0 || !t.value)
                return r;
        if (no_start || no_length)
                return evaluation_fail(e, call, "%s is empty", no_start ? "start" : "length");
        if (start < 1)
                return evaluation_fail(e, call, "the first character has the position 1");
        if (length < 0)
                return evaluation_fail(e, call, "a length cannot be negative");
        from = utf8_offset(t.s, t.size, (uint64_t) start - 1);
        return give_text(e, call, t.s + from, utf8_offset(t.s + from, t.size - from, (uint64_t) length), ret);
}

static int check_mid(Parser *p, Node *call) {
        return check_positive(p, call, 1, "the first character has the position 1");
}

static bool has_char(const Text *set, uint32_t c) {
        uint32_t x;

        for (size_t i = 0; i < set->size;) {
                i += utf8_next(set->s + i, set->size - i, &x);
                if (x == c)
                        return true;
        }
        return false;
}

static int evaluate_word(Evaluation *e, const Node *call, json_object **ret) {
        _cleanup_text_ Text t = {}, delimiters = {};
        size_t start = 0, i, n;
        int64_t number = 0;
        bool is_null, in_word = false;
        uint32_t c;
        int r;

        r = argument_text(e, call, 0, &t);
        if (r != 0)
                return r;
        r = argument_integer(e, call, 1, &number, &is_null);
        if (r != 0)
                return r;
        r = argument_text(e, call, 2, &delimiters);
        if (r != 0)
                return r;
        /* Comparing each character with each delimiter must stay linear enough. */
        if (delimiters.size > 100)
                return evaluation_fail(e, call, "delimiters are more than 100 bytes long");
        for (i = 0; i < t.size; i += n) {
                n = utf8_next(t.s + i, t.size - i, &c);
                if (has_char(&delimiters, c)) {
                        if (in_word && number == 0)
                                break;
                        in_word = false;
                } else if (!in_word) {
                        in_word = true;
                        start = i;
                        number--;
                }
        }
        if (!in_word || number != 0)
                return give_text(e, call, "", 0, ret);
        return give_text(e, call, t.s + start, i - start, ret);
}

static int evaluate_split(Evaluation *e, const Node *call, json_object **ret) {
        _cleanup_text_ Text t = {}, delimiter = {};
        _cleanup_json_ json_object *list = NULL;
        const char *p, *end;
        int r;

        r = argument_text(e, call, 0, &t);
        if (r != 0)
                return r;
        r = argument_text(e, call, 1, &delimiter);
        if (r != 0 || !t.value)
                return r;
        if (delimiter.size == 0)
                return evaluation_fail(e, call, "delimiter is empty");
        list = json_object_new_array();
        if (!list)
                return -ENOMEM;
        p = t.s;
        end = t.s + t.size;
        for (;;) {
                const char *found = memmem(p, (size_t) (end - p), delimiter.s, delimiter.size),
                           *stop = found ? found : end;
                json_object *item = NULL;

                while (p < stop && *p == ' ')
                        p++;
                while (stop > p && stop[-1] == ' ')
                        stop--;
                if (stop > p) {
                        if (json_object_array_length(list) >= EXPRESSION_ELEMENTS_MAX)
                                return evaluation_fail(e, call, "more than %u parts", EXPRESSION_ELEMENTS_MAX);
                        r = give_text(e, call, p, (size_t) (stop - p), &item);
                        if (r != 0)
                                return r;
                        if (json_object_array_add(list, item) < 0) {
                                json_object_put(item);
                                return -ENOMEM;
                        }
                }
                if (!found)
                        break;
                p = found + delimiter.size;
        }
        *ret = TAKE_PTR(list);
        return 0;
}

static int check_split(Parser *p, Node *call) {
        const char *delimiter = node_literal_text(call, 1);

        return delimiter && !*delimiter ? check_failed(p, call->args[1], "delimiter is empty") : 0;
}

static void strip_spaces(const Text *t, const char *option, StrBuf *out) {
        for (size_t i = 0; i < t->size; i++)
                if (t->s[i] != ' ')
                        strbuf_putc(out, t->s[i]);
}

static int evaluate_strip_spaces(Evaluation *e, const Node *call, json_object **ret) {
        return convert_text(e, call, ret, strip_spaces, NULL);
}

static bool is_turkic(const char *culture) {
        return culture && (ascii_strncaseeq(culture, "tr", 2) || ascii_strncaseeq(culture, "az", 2)) &&
               (culture[2] == '\0' || culture[2] == '-');
}

static void to_lower(const Text *t, const char *culture, StrBuf *out) {
        bool turkic = is_turkic(culture);
        uint32_t c;

        for (size_t i = 0; i < t->size;) {
                i += utf8_next(t->s + i, t->size - i, &c);
                if (turkic && (c == 'I' || c == 0x130))
                        strbuf_put_char(out, c == 'I' ? 0x131 : 'i');
                else
                        strbuf_put_char(out, char_to_lower(c));
        }
}

static void to_upper(const Text *t, const char *culture, StrBuf *out) {
        bool turkic = is_turkic(culture);
        uint32_t c;

        for (size_t i = 0; i < t->size;) {
                i += utf8_next(t->s + i, t->size - i, &c);
                if (turkic && (c == 'i' || c == 0x131))
                        strbuf_put_char(out, c == 'i' ? 0x130 : 'I');
                else
                        strbuf_put_char(out, char_to_upper(c));
        }
}

static int evaluate_case(Evaluation *e, const Node *call, json_object **ret,
                         void (*convert)(const Text *t, const char *option, StrBuf *out)) {
        _cleanup_text_ Text culture = {};
        char tag[16] = "";
        int r;

        r = argument_text(e, call, 1, &culture);
        if (r != 0)
                return r;
        memcpy(tag, culture.s, MIN2(culture.size, sizeof(tag) - 1));
        return convert_text(e, call, ret, convert, tag);
}

static int evaluate_to_lower(Evaluation *e, const Node *call, json_object **ret) {
        return evaluate_case(e, call, ret, to_lower);
}

static int evaluate_to_upper(Evaluation *e, const Node *call, json_object **ret) {
        return evaluate_case(e, call, ret, to_upper);
}

static int evaluate_pcase(Evaluation *e, const Node *call, json_object **ret) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;
        _cleanup_text_ Text t = {}, own = {};
        bool has_own = node_has_argument(call, 1), in_word = false, separates;
        uint32_t c;
        int r;

        r = argument_text(e, call, 0, &t);
        if (r != 0)
                return r;
        r = argument_text(e, call, 1, &own);
        if (r != 0 || !t.value)
                return r;
        if (own.size > 100)
                return evaluation_fail(e, call, "wordSeparators are more than 100 bytes long");
        buffer_reserve(&b, t.size);
        for (size_t i = 0; i < t.size;) {
                i += utf8_next(t.s + i, t.size - i, &c);
                /* .NET's ToTitleCase takes an apostrophe for a part of its word. */
                separates = has_own ? has_char(&own, c) : char_is_separator(c) && !(c == '\'' && in_word);
                strbuf_put_char(&b, in_word ? char_to_lower(c) : char_to_upper(c));
                in_word = !separates;
        }
        return give_buffer(e, call, &b, ret);
}

/* Marks go with a Latin letter before them only: й and ά are letters of their own right. */
static void normalize_diacritics(const Text *t, const char *option, StrBuf *out) {
        bool after_latin = false;
        uint32_t c;

        for (size_t i = 0; i < t->size;) {
                const char *base;

                i += utf8_next(t->s + i, t->size - i, &c);
                if (after_latin && char_is_combining(c))
                        continue;
                base = char_base_letters(c);
                if (base)
                        strbuf_puts(out, base);
                else
                        strbuf_put_char(out, c);
                after_latin = base || (char_to_lower(c) >= 'a' && char_to_lower(c) <= 'z');
        }
}

static int evaluate_normalize_diacritics(Evaluation *e, const Node *call, json_object **ret) {
        return convert_text(e, call, ret, normalize_diacritics, NULL);
}

static int evaluate_instr(Evaluation *e, const Node *call, json_object **ret) {
        _cleanup_text_ Text in = {}, what = {};
        bool by_text = node_has_argument(call, 3) && streq(attribute_path_text(call->args[3]->path), "vbTextCompare");
        int64_t start = 1;
        size_t from, n;
        bool no_start;
        int r;

        r = argument_text(e, call, 0, &in);
        if (r != 0)
                return r;
        r = argument_text(e, call, 1, &what);
        if (r != 0)
                return r;
        r = argument_integer(e, call, 2, &start, &no_start);
        if (r != 0)
                return r;
        if (no_start)
                start = 1;
        if (start < 1)
                return evaluation_fail(e, call, "the first character has the position 1");
        n = utf8_count(in.s, in.size);
        if (!in.value || (uint64_t) start > n)
                return give_integer(0, ret);
        from = utf8_offset(in.s, in.size, (uint64_t) start - 1);
        if (!by_text) {
                const char *found = memmem(in.s + from, in.size - from, strempty(what.s), what.size);

                return give_integer(found ? (int64_t) utf8_count(in.s, (size_t) (found - in.s)) + 1 : 0, ret);
        }
        /* Without case the lengths in bytes may differ: compare character by character. The product of the lengths is
         * charged as work. */
        if (what.size > 0 && in.size > EXPRESSION_WORK_MAX / what.size)
                return evaluation_fail(e, call, "the texts are too long to be compared without case");
        for (int64_t position = start; from < in.size; position++) {
                size_t i = from, k = 0;
                uint32_t x, y;

                while (k < what.size && i < in.size) {
                        i += utf8_next(in.s + i, in.size - i, &x);
                        k += utf8_next(what.s + k, what.size - k, &y);
                        if (char_fold(x) != char_fold(y)) {
                                k = SIZE_MAX;
                                break;
                        }
                }
                if (k == what.size)
                        return give_integer(position, ret);
                from += utf8_next(in.s + from, in.size - from, &x);
        }
        return give_integer(0, ret);
}

static int check_instr(Parser *p, Node *call) {
        return node_has_argument(call, 2) ? check_positive(p, call, 2, "the first character has the position 1") : 0;
}

static void put_base64(StrBuf *out, const unsigned char *s, size_t size) {
        static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

        for (size_t i = 0; i < size; i += 3) {
                size_t n = MIN2(size - i, (size_t) 3);
                uint32_t v = (uint32_t) s[i] << 16 | (n > 1 ? (uint32_t) s[i + 1] << 8 : 0) | (n > 2 ? s[i + 2] : 0);

                strbuf_putc(out, digits[v >> 18]);
                strbuf_putc(out, digits[v >> 12 & 63]);
                strbuf_putc(out, n > 1 ? digits[v >> 6 & 63] : '=');
                strbuf_putc(out, n > 2 ? digits[v & 63] : '=');
        }
}

/* "Unicode" is the reference's word for UTF-16, low byte first. */
static void to_base64(const Text *t, const char *option, StrBuf *out) {
        _cleanup_strbuf_ StrBuf wide = STRBUF_INIT;
        uint32_t c;

        for (size_t i = 0; i < t->size;) {
                uint32_t units[2];
                size_t n = 1;

                i += utf8_next(t->s + i, t->size - i, &c);
                units[0] = c < 0x110000 ? c : 0xfffd;
                if (c >= 0x10000 && c < 0x110000) {
                        units[0] = 0xd800 + ((c - 0x10000) >> 10);
                        units[1] = 0xdc00 + ((c - 0x10000) & 0x3ff);
                        n = 2;
                }
                for (size_t k = 0; k < n; k++) {
                        strbuf_putc(&wide, (char) (units[k] & 0xff));
                        strbuf_putc(&wide, (char) (units[k] >> 8));
                }
        }
        if (wide.failed)
                out->failed = true;
        else
                put_base64(out, (const unsigned char *) wide.data, wide.size);
}

static int evaluate_convert_to_base64(Evaluation *e, const Node *call, json_object **ret) {
        return convert_text(e, call, ret, to_base64, NULL);
}

static void to_hex(const Text *t, const char *option, StrBuf *out) {
        static const char digits[] = "0123456789ABCDEF";

        for (size_t i = 0; i < t->size; i++) {
                strbuf_putc(out, digits[(unsigned char) t->s[i] >> 4]);
                strbuf_putc(out, digits[(unsigned char) t->s[i] & 15]);
        }
}

static int evaluate_convert_to_utf8_hex(Evaluation *e, const Node *call, json_object **ret) {
        return convert_text(e, call, ret, to_hex, NULL);
}

#define TEXT_OR_NULL (TYPE_NULL | TYPE_STRING)

const Function text_functions[] = {
        { "Append", { { "source", PARAMETER_TEXT }, { "suffix", PARAMETER_TEXT } }, .types = TEXT_OR_NULL,
          .evaluate = evaluate_append },
        { "ConvertToBase64", { { "source", PARAMETER_TEXT } }, .types = TEXT_OR_NULL,
          .evaluate = evaluate_convert_to_base64 },
        { "ConvertToUTF8Hex", { { "source", PARAMETER_TEXT } }, .types = TEXT_OR_NULL,
          .evaluate = evaluate_convert_to_utf8_hex },
        { "InStr", { { "value1", PARAMETER_TEXT }, { "value2", PARAMETER_TEXT }, { "start", PARAMETER_INTEGER, true },
                     { "compareType", PARAMETER_COMPARE_TYPE, true } },
          .types = TYPE_NUMBER, .evaluate = evaluate_instr, .check = check_instr },
        { "Join", { { "separator", PARAMETER_TEXT }, { "source", PARAMETER_ANY } }, .repeat = 1, .types = TYPE_STRING,
          .evaluate = evaluate_join },
        { "Left", { { "String", PARAMETER_TEXT }, { "NumChars", PARAMETER_INTEGER } }, .types = TYPE_STRING,
          .evaluate = evaluate_left },
        { "Mid", { { "source", PARAMETER_TEXT }, { "start", PARAMETER_INTEGER }, { "length", PARAMETER_INTEGER } },
          .types = TEXT_OR_NULL, .evaluate = evaluate_mid, .check = check_mid },
        { "NormalizeDiacritics", { { "source", PARAMETER_TEXT } }, .types = TEXT_OR_NULL,
          .evaluate = evaluate_normalize_diacritics },
        { "PCase", { { "source", PARAMETER_TEXT }, { "wordSeparators", PARAMETER_TEXT, true } }, .types = TEXT_OR_NULL,
          .evaluate = evaluate_pcase },
        { "Split", { { "source", PARAMETER_TEXT }, { "delimiter", PARAMETER_TEXT } }, .types = TYPE_NULL | TYPE_LIST,
          .evaluate = evaluate_split, .check = check_split },
        { "StripSpaces", { { "source", PARAMETER_TEXT } }, .types = TEXT_OR_NULL, .evaluate = evaluate_strip_spaces },
        { "ToLower", { { "source", PARAMETER_TEXT }, { "culture", PARAMETER_CULTURE, true } }, .types = TEXT_OR_NULL,
          .evaluate = evaluate_to_lower },
        { "ToUpper", { { "source", PARAMETER_TEXT }, { "culture", PARAMETER_CULTURE, true } }, .types = TEXT_OR_NULL,
          .evaluate = evaluate_to_upper },
        { "Word", { { "String", PARAMETER_TEXT }, { "WordNumber", PARAMETER_INTEGER }, { "delimiters", PARAMETER_TEXT } },
          .types = TYPE_STRING, .evaluate = evaluate_word },
        {},
};
