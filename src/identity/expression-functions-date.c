/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

/* Functions of dates: docs/expressions/dates.md. A date is a text, as in the reference; in UTC. */

#include <errno.h>

#include "datetime.h"
#include "expression-internal.h"
#include "unicode.h"

static int evaluate_now(Evaluation *e, const Node *call, json_object **ret) {
        uint64_t usec = MIN2(e->context->now_usec, (uint64_t) (TICKS_MAX - TICKS_1970 - 1) / 10);

        return give_date(e, call, (int64_t) usec * 10 + TICKS_1970, ret);
}

static int evaluate_cdate(Evaluation *e, const Node *call, json_object **ret) {
        int64_t ticks = 0;
        bool is_null;
        int r;

        r = argument_date(e, call, 0, &ticks, &is_null);
        return r != 0 || is_null ? r : give_date(e, call, ticks, ret);
}

static int argument_unit(Evaluation *e, const Node *call, DateUnit *ret) {
        _cleanup_text_ Text t = {};
        int r;

        r = argument_text(e, call, 0, &t);
        if (r != 0)
                return r;
        *ret = date_unit_from_string(t.s, t.size);
        if (*ret < 0)
                return evaluation_fail(e, call,
                                       "interval is none of \"yyyy\", \"m\", \"d\", \"ww\", \"h\", \"n\", \"s\"");
        return 0;
}

static int evaluate_date_add(Evaluation *e, const Node *call, json_object **ret) {
        DateUnit unit = 0;
        int64_t n = 0, ticks = 0;
        bool no_number, no_date;
        int r;

        r = argument_unit(e, call, &unit);
        if (r != 0)
                return r;
        r = argument_integer(e, call, 1, &n, &no_number);
        if (r != 0)
                return r;
        r = argument_date(e, call, 2, &ticks, &no_date);
        if (r != 0 || no_number || no_date)
                return r;
        if (!date_add(ticks, unit, n, &ticks))
                return evaluation_fail(e, call, "the result is beyond the years 1 to 9999");
        return give_date(e, call, ticks, ret);
}

static int evaluate_date_diff(Evaluation *e, const Node *call, json_object **ret) {
        DateUnit unit = 0;
        int64_t a = 0, b = 0;
        bool no_a, no_b;
        int r;

        r = argument_unit(e, call, &unit);
        if (r != 0)
                return r;
        r = argument_date(e, call, 1, &a, &no_a);
        if (r != 0)
                return r;
        r = argument_date(e, call, 2, &b, &no_b);
        return r != 0 || no_a || no_b ? r : give_integer(date_diff(unit, a, b), ret);
}

static int evaluate_date_from_num(Evaluation *e, const Node *call, json_object **ret) {
        int64_t v = 0;
        bool is_null;
        int r;

        r = argument_integer(e, call, 0, &v, &is_null);
        if (r != 0 || is_null)
                return r;
        if (v < 0 || v >= TICKS_MAX - TICKS_1601)
                return evaluation_fail(e, call, "value is no date of Active Directory's");
        return give_date(e, call, v + TICKS_1601, ret);
}

static int evaluate_num_from_date(Evaluation *e, const Node *call, json_object **ret) {
        int64_t ticks = 0;
        bool is_null;
        int r;

        r = argument_date(e, call, 0, &ticks, &is_null);
        if (r != 0 || is_null)
                return r;
        if (ticks < TICKS_1601)
                return evaluation_fail(e, call, "Active Directory's dates begin with 1601");
        return give_integer(ticks - TICKS_1601, ret);
}

static const struct {
        const char *name;
        unsigned space;
} styles[] = {
        { "None", 0 },
        { "RoundtripKind", 0 },
        { "AssumeUniversal", 0 },
        { "AdjustToUniversal", 0 },
        { "AllowLeadingWhite", DATE_SPACE_LEADING },
        { "AllowTrailingWhite", DATE_SPACE_TRAILING },
        { "AllowInnerWhite", DATE_SPACE_INNER },
        { "AllowWhiteSpaces", DATE_SPACE_LEADING | DATE_SPACE_TRAILING | DATE_SPACE_INNER },
};

/* A list of names, with commas; false if one is unknown. */
static bool parse_styles(const char *s, unsigned *ret) {
        unsigned space = 0;

        for (;;) {
                size_t i, n;

                s += strspn(s, " ,");
                if (!*s)
                        break;
                if (startswith(s, "DateTimeStyles."))
                        s += strlen("DateTimeStyles.");
                n = strcspn(s, " ,");
                for (i = 0; i < ELEMENTSOF(styles); i++)
                        if (strlen(styles[i].name) == n && ascii_strncaseeq(styles[i].name, s, n))
                                break;
                if (i == ELEMENTSOF(styles))
                        return false;
                space |= styles[i].space;
                s += n;
        }
        *ret = space;
        return true;
}

static int check_format_date_time(Parser *p, Node *call) {
        const char *names = node_literal_text(call, 1);
        unsigned space;

        if (names && !parse_styles(names, &space))
                return check_failed(
                        p, call->args[1],
                        "dateTimeStyles knows None, AllowLeadingWhite, AllowTrailingWhite, AllowInnerWhite, "
                        "AllowWhiteSpaces, RoundtripKind, AssumeUniversal and AdjustToUniversal; all dates are "
                        "UTC here");
        return 0;
}

static int evaluate_format_date_time(Evaluation *e, const Node *call, json_object **ret) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;
        _cleanup_text_ Text t = {}, output = {};
        unsigned space = DATE_SPACE_LEADING | DATE_SPACE_TRAILING;
        const char *names = node_literal_text(call, 1);
        int64_t ticks;
        size_t offset;
        int r;

        r = argument_text(e, call, 0, &t);
        if (r != 0)
                return r;
        r = argument_text(e, call, 3, &output);
        if (r != 0 || t.size == 0)
                return r;
        if (names)
                (void) parse_styles(names, &space);
        if (!date_parse_pattern(t.s, t.size, node_literal_text(call, 2), space, &ticks))
                return evaluation_fail(e, call, "source is not a date as inputFormat says");
        if (strlen(output.s) != output.size || date_pattern_check(output.s, false, &offset))
                return evaluation_fail(e, call, "outputFormat is no date format");
        date_format_pattern(ticks, output.s, &b);
        return give_buffer(e, call, &b, ret);
}

#define TEXT_OR_NULL (TYPE_NULL | TYPE_STRING)

const Function date_functions[] = {
        { "CDate", { { "expression", PARAMETER_DATE } }, .types = TEXT_OR_NULL, .evaluate = evaluate_cdate },
        { "DateAdd", { { "interval", PARAMETER_UNIT }, { "value", PARAMETER_INTEGER }, { "dateTime", PARAMETER_DATE } },
          .types = TEXT_OR_NULL, .evaluate = evaluate_date_add },
        { "DateDiff", { { "interval", PARAMETER_UNIT }, { "date1", PARAMETER_DATE }, { "date2", PARAMETER_DATE } },
          .types = TYPE_NULL | TYPE_NUMBER, .evaluate = evaluate_date_diff },
        { "DateFromNum", { { "value", PARAMETER_INTEGER } }, .types = TEXT_OR_NULL, .evaluate = evaluate_date_from_num },
        { "FormatDateTime", { { "source", PARAMETER_TEXT }, { "dateTimeStyles", PARAMETER_STYLES, true },
                              { "inputFormat", PARAMETER_INPUT_FORMAT }, { "outputFormat", PARAMETER_FORMAT } },
          .types = TEXT_OR_NULL, .evaluate = evaluate_format_date_time, .check = check_format_date_time },
        { "Now", {}, .types = TYPE_STRING, .evaluate = evaluate_now, .uses = EXPRESSION_USES_TIME },
        { "NumFromDate", { { "value", PARAMETER_DATE } }, .types = TYPE_NULL | TYPE_NUMBER,
          .evaluate = evaluate_num_from_date },
        {},
};
