/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "calendar.h"
#include "tap.h"

/* The good ones are those of systemd.time(7), and more. */
static const char *const good[] = {
        "minutely", "hourly", "daily", "Weekly", "monthly", "quarterly", "semiannually", "yearly", "annually",
        "Sat,Thu,Mon..Wed,Sat..Sun", "Mon,Sun 12-*-* 2,1:23", "Wed *-1", "Wed..Wed,Wed *-1", "Wed 17:48",
        "Thu,Fri 2012-*-1,5 11:12:13", "Wed..Sat,Tue 12-10-15 1:2:3", "*-*-7 0:0:0", "10-15", "monday *-12-* 17:00",
        "Mon,Fri *-*-3,1,2 *:30:45", "12,14,13,12:20,10,30", "12..14:10,20,30", "mon,fri *-1/2-1,3 *:30:45", "03-05 08:05:40",
        "08:05:40", "05:40", "Sat,Sun 12-05 08:05:40", "Sat,Sun 08:05:40", "2003-03-05 05:40", "05:40:23.4200004/3.1700005",
        "2003-02..04-05", "2003-03-05 05:40 UTC", "2003-03-05", "03-05", "daily UTC", "*:20/15", "*-*-* 6..20:0/10",
        "*-02~01", "*-05~07/1", "*-*~1", "Mon *-05~07/1", "*:*:*", "Mon..Fri", "Mon", "*-*-*",
};

static const char *const bad[] = {
        "", " ", "every day", "now", "tomorrow", "25:00", "24:00", "12:60", "12:00:60", "12", "12:", ":12", "*-13-01", "*-00-01",
        "*-01-32", "*-01-00", "1969-01-01", "2200-01-01", "Monda 06:00", "Mon..Fry", "Fri..Mon", "Mon.Fri", "06:00 Mon", "*/15",
        "*:0/0", "*:*/15", "*-*-* 06:00 Nowhere/City", "*-*-* 06:00 ../../etc/passwd", "06:00; reboot", "06:00 06:00",
        "*-*-*-* 06:00", "5..1:00", "06:00,", "~01", "*-02~29", "@", "daily weekly", "06:00%n", "1,2,:00", "*-*~*~1", "*-05~03/7",
        "999999999999:00",
};

TEST(calendar_events_are_taken) {
        for (size_t i = 0; i < ELEMENTSOF(good); i++) {
                _cleanup_error_ Error *error = NULL;

                if (calendar_check(good[i], &error) < 0)
                        tap_diag("\"%s\"", good[i]);
                CHECK(!error);
        }
}

TEST(anything_else_is_refused) {
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                _cleanup_error_ Error *error = NULL;

                if (calendar_check(bad[i], &error) == 0)
                        tap_diag("\"%s\"", bad[i]);
                CHECK(error);
        }
}

/* What systemd says of the same text: true if it takes it. */
static bool systemd_takes(const char *text, bool *ret_ran) {
        int status;
        pid_t pid;

        pid = fork();
        if (pid == 0) {
                if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))
                        _exit(126);
                execlp("systemd-analyze", "systemd-analyze", "calendar", "--", text, (char *) NULL);
                _exit(127);
        }
        *ret_ran = pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) < 126;
        return *ret_ran && WEXITSTATUS(status) == 0;
}

/* One random event or something near it. */
static void make_random(char *s, size_t size, unsigned *seed) {
        static const char *const parts[] = { "*", "1", "5", "12", "30", "59", "60", "0/15", "1..5", "2,4", "/2", "-", "~", ":", "..", " ",
                                             "Mon", "Sun", ",", "2026", "UTC", "*-*-*", "06:00", ".5", "0" };
        unsigned n = 1 + (unsigned) rand_r(seed) % 7;

        s[0] = '\0';
        while (n-- > 0)
                strncat(s, parts[(unsigned) rand_r(seed) % ELEMENTSOF(parts)], size - strlen(s) - 1);
}

TEST(what_we_take_systemd_takes_too) {
        unsigned seed = 20261122;
        bool ran;

        (void) systemd_takes("daily", &ran);
        if (!ran)
                SKIP("no systemd-analyze here");
        for (size_t i = 0; i < ELEMENTSOF(good); i++) {
                if (!systemd_takes(good[i], &ran))
                        tap_diag("\"%s\"", good[i]);
                CHECK(systemd_takes(good[i], &ran));
        }
        for (size_t i = 0; i < 3000; i++) {
                char text[128];

                make_random(text, sizeof(text), &seed);
                if (calendar_check(text, NULL) < 0)
                        continue;
                if (!systemd_takes(text, &ran))
                        tap_diag("\"%s\"", text);
                CHECK(systemd_takes(text, &ran));
        }
}
