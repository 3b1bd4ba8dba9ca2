/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "delivery.h"

#include <errno.h>

#include "tap.h"
#include "time-util.h"

#define NOW UINT64_C(1795324660000000)

static char *everybody[] = { (char *) "a@b", (char *) "c@d", (char *) "e@f", NULL };

TEST(n2_the_gaps_double_from_a_minute_to_an_hour) {
        static const unsigned minutes[] = { 1, 2, 4, 8, 16, 32, 60, 60 };
        Delivery d = {};

        for (uint32_t i = 0; i < ELEMENTSOF(minutes); i++)
                CHECK_INT(delivery_next_attempt(&d, everybody, i + 1, NOW), NOW + minutes[i] * USEC_PER_MINUTE);
        CHECK_INT(delivery_next_attempt(&d, everybody, UINT32_MAX, NOW), NOW + USEC_PER_HOUR);
}

TEST(n2_who_has_it_never_gets_it_again) {
        _cleanup_delivery_ Delivery d = {};
        _cleanup_strv_ char **list = NULL;
        char *later[] = { (char *) "new@x", (char *) "a@b", (char *) "new@x", NULL };

        CHECK_INT(delivery_accept(&d, "a@b"), 0);
        CHECK_INT(delivery_accept(&d, "a@b"), 0);
        CHECK_INT(strv_length(d.done), 1);
        CHECK_INT(delivery_recipients(&d, later, NOW, &list), 0);
        CHECK_INT(strv_length(list), 1);
        CHECK_STR(list[0], "new@x");
        CHECK(!delivery_is_complete(&d, later));
        CHECK_INT(delivery_accept(&d, "new@x"), 0);
        CHECK(delivery_is_complete(&d, later));
        CHECK(!delivery_is_complete(&d, everybody));
}

TEST(n2_a_refusal_is_tried_daily_or_when_the_configuration_changed) {
        _cleanup_delivery_ Delivery d = {};
        _cleanup_strv_ char **now = NULL, **next_day = NULL, **changed = NULL;
        char *one[] = { (char *) "a@b", NULL };

        strcpy(d.config, "1");
        CHECK_INT(delivery_refuse(&d, "a@b", NOW - 1), 0);
        CHECK_INT(delivery_refuse(&d, "a@b", NOW), 0);
        CHECK_INT(d.n_refused, 1);
        CHECK(delivery_is_refused(&d, one));
        CHECK_INT(delivery_next_attempt(&d, one, 1, NOW), NOW + USEC_PER_DAY);
        CHECK_INT(delivery_next_attempt(&d, everybody, 1, NOW), NOW + USEC_PER_MINUTE);

        CHECK_INT(delivery_recipients(&d, one, NOW + USEC_PER_DAY - 1, &now), 0);
        CHECK_INT(strv_length(now), 0);
        CHECK_INT(delivery_recipients(&d, one, NOW + USEC_PER_DAY, &next_day), 0);
        CHECK_INT(strv_length(next_day), 1);
        CHECK(!delivery_is_due(&d, NOW + 1, "1", NOW));
        CHECK(delivery_is_due(&d, NOW + 1, "2", NOW));
        CHECK(delivery_is_due(&d, NOW, "1", NOW));
        delivery_set_config(&d, "1", false);
        CHECK(delivery_is_refused(&d, one));
        delivery_set_config(&d, "2", false);
        CHECK(!delivery_is_refused(&d, one));
        CHECK_STR(d.config, "2");
        CHECK_INT(delivery_recipients(&d, one, NOW, &changed), 0);
        CHECK_INT(strv_length(changed), 1);

        CHECK_INT(delivery_refuse(&d, "a@b", NOW), 0);
        delivery_set_config(&d, "2", true);
        CHECK(!delivery_is_refused(&d, one));
        CHECK_INT(delivery_refuse(&d, "a@b", NOW), 0);
        CHECK_INT(delivery_accept(&d, "a@b"), 0);
        CHECK(!delivery_is_refused(&d, one));
}

TEST(a_delivery_survives_the_ledger) {
        _cleanup_delivery_ Delivery d = {}, e = {};
        _cleanup_free_ char *s = NULL, *again = NULL;

        CHECK_INT(delivery_accept(&d, "a@b"), 0);
        CHECK_INT(delivery_refuse(&d, "c@d", NOW), 0);
        d.without_list = true;
        delivery_config_hash((const char *[]) { "x", NULL }, 2, everybody, d.config);
        CHECK_INT(delivery_format(&d, &s), 0);
        CHECK_INT(delivery_parse(s, &e), 0);
        CHECK_INT(delivery_format(&e, &again), 0);
        CHECK_STR(s, again);
        CHECK(e.without_list && e.n_refused == 1 && e.refused[0].at == NOW);
}

TEST(a_damaged_delivery_is_told_apart) {
        static const char *const bad[] = {
                "", "[]", "{", "{\"done\":1}", "{\"done\":[1]}", "{\"refused\":[]}", "{\"refused\":{\"a\":\"b\"}}"
        };
        _cleanup_delivery_ Delivery none = {};
        Delivery d;

        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                CHECK_INT(delivery_parse(bad[i], &d), -EBADMSG);
        CHECK_INT(delivery_parse(NULL, &none), 0);
        CHECK(!none.done && none.n_refused == 0 && none.config[0] == '\0');
}

TEST(the_configuration_hash_notices_every_edit) {
        char a[17], b[17], c[17], again[17];

        delivery_config_hash((const char *[]) { "ab", "c" }, 2, NULL, a);
        delivery_config_hash((const char *[]) { "a", "bc" }, 2, NULL, b);
        delivery_config_hash((const char *[]) { "ab", "c" }, 2, everybody, c);
        delivery_config_hash((const char *[]) { "ab", "c" }, 2, NULL, again);
        CHECK(!streq(a, b) && !streq(a, c) && streq(a, again) && strlen(a) == 16);
}
