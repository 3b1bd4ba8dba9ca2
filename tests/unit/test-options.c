/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "file-util.h"
#include "log.h"
#include "options.h"
#include "string-util.h"
#include "tap.h"

static bool json, wait_for_end;
static const char *with;
static int n_more;

static int parse_more(const char *value, void *userdata, Error **ret_error) {
        if (streq(value, "bad"))
                return error_set(ret_error, -EINVAL, "expected anything but bad");
        (*(int *) userdata)++;
        return 0;
}

static const Option own[] = {
        { "json", 'j', NULL, "Print JSON", .flag = &json },
        { "wait", 'w', NULL, "Wait", .flag = &wait_for_end },
        { "with", 'f', "FILE", "With this file", .value = &with },
        { "more", 0, "WHAT", "More, and an argument whose help does not fit beside it", .parse = parse_more, .userdata = &n_more },
        {},
};
static const OptionsHelp help = { "reprievetest", "[OPTION…] VERB", "Tests options.", "Verbs:\n  run", "reprievetest(1)" };

/* Runs options_parse() over up to 8 words, with what it prints in @ret_out. */
static int parse(const Option *options, CommonOptions *ret, int *ret_first, char **argv, char **ret_out) {
        int argc = 0, r, out, err, fd;
        char path[4096];

        json = wait_for_end = false;
        with = NULL;
        n_more = 0;
        while (argv[argc])
                argc++;

        (void) snprintf(path, sizeof(path), "%s/out", tap_tmpdir());
        fflush(stdout);
        fflush(stderr);
        out = dup(STDOUT_FILENO);
        err = dup(STDERR_FILENO);
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
        dup2(fd, STDOUT_FILENO);
        dup2(fd, STDERR_FILENO);
        r = options_parse(argc, argv, &help, options, ret, ret_first);
        fflush(stdout);
        fflush(stderr);
        dup2(out, STDOUT_FILENO);
        dup2(err, STDERR_FILENO);
        close(out);
        close(err);
        close(fd);
        if (file_read_full(path, 65536, ret_out, NULL) < 0)
                *ret_out = NULL;
        return r;
}

#define PARSE(...) \
        parse(own, &common, &first, (char *[]) { (char *) "reprievetest", __VA_ARGS__ __VA_OPT__(, ) NULL }, &out)

TEST(without_options_there_are_defaults) {
        _cleanup_free_ char *out = NULL;
        CommonOptions common;
        int first;

        CHECK_INT(PARSE(), 0);
        CHECK_STR(common.config_dir, PKGSYSCONFDIR);
        CHECK_STR(common.state_dir, PKGSTATEDIR);
        CHECK_STR(common.runtime_dir, PKGRUNTIMEDIR);
        CHECK_STR(common.bus, "system");
        CHECK_INT(first, 1);
        CHECK_STR(out, "");
}

TEST(options_may_stand_before_and_after_arguments) {
        _cleanup_free_ char *out = NULL;
        CommonOptions common;
        int first;
        char *argv[] = { (char *) "reprievetest", (char *) "run", (char *) "--config-dir=/c", (char *) "staff",
                         (char *) "-jw", (char *) "-f", (char *) "x", (char *) "--bus", (char *) "session",
                         (char *) "--more=1", (char *) "--more=2", (char *) "--", (char *) "--json", NULL };

        CHECK_INT(parse(own, &common, &first, argv, &out), 0);
        CHECK_STR(common.config_dir, "/c");
        CHECK_STR(common.bus, "session");
        CHECK(json && wait_for_end);
        CHECK_STR(with, "x");
        CHECK_INT(n_more, 2);
        CHECK_STR(argv[first], "run");
        CHECK_STR(argv[first + 1], "staff");
        CHECK_STR(argv[first + 2], "--json");
        CHECK(!argv[first + 3]);
}

TEST(help_lists_every_option_and_version_tells_it) {
        _cleanup_free_ char *out = NULL, *version = NULL;
        CommonOptions common = { .bus = "untouched" };
        int first;

        CHECK_INT(PARSE((char *) "-h"), OPTIONS_DONE);
        CHECK_STR(out, "reprievetest [OPTION…] VERB\n"
                       "\n"
                       "Tests options.\n"
                       "\n"
                       "Verbs:\n"
                       "  run\n"
                       "\n"
                       "Options:\n"
                       "  -j --json                     Print JSON\n"
                       "  -w --wait                     Wait\n"
                       "  -f --with=FILE                With this file\n"
                       "     --more=WHAT                More, and an argument whose help does not fit beside it\n"
                       "     --config-dir=DIR           Read configuration from here\n"
                       "     --state-dir=DIR            Keep ledgers here\n"
                       "     --runtime-dir=DIR          Keep locks and sockets here\n"
                       "     --bus=BUS                  Use this bus: system, session or an address\n"
                       "     --log-level=LEVEL          Log this and what is more urgent: err, warning, info, debug, …\n"
                       "     --log-target=TARGET        Log to auto, journal or stderr\n"
                       "  -h --help                     Show this help\n"
                       "     --version                  Show the version\n"
                       "\n"
                       "See the reprievetest(1) man page for details.\n");
        CHECK_STR(common.bus, "untouched");
        free(TAKE_PTR(out));
        CHECK_INT(PARSE((char *) "--version"), OPTIONS_DONE);
        CHECK_STR(out, PACKAGE_NAME " " PACKAGE_VERSION "\n");
}

TEST(what_is_wrong_is_said) {
        static const struct {
                const char *a, *b, *says;
        } cases[] = {
                { "--jsom", NULL, "reprievetest: Unknown or ambiguous option --jsom\nTry \"reprievetest --help\".\n" },
                { "--w", NULL, "reprievetest: Unknown or ambiguous option --w\nTry \"reprievetest --help\".\n" },
                { "-x", NULL, "reprievetest: Unknown option -x\nTry \"reprievetest --help\".\n" },
                { "-jxw", NULL, "reprievetest: Unknown option -x\nTry \"reprievetest --help\".\n" },
                { "--json=1", NULL, "reprievetest: Option --json=1 takes no argument\nTry \"reprievetest --help\".\n" },
                { "--with", NULL, "reprievetest: Option --with requires an argument\nTry \"reprievetest --help\".\n" },
                { "-f", NULL, "reprievetest: Option -f requires an argument\nTry \"reprievetest --help\".\n" },
                { "--with=", NULL, "reprievetest: --with=: expected a value\n" },
                { "--more", "bad", "reprievetest: --more=bad: expected anything but bad\n" },
                { "--log-level=loud", NULL, "reprievetest: --log-level=loud: expected emerg, alert, crit, err, warning, "
                                            "notice, info, debug or a number from 0 to 7\n" },
                { "--log-target=moon", NULL, "reprievetest: --log-target=moon: expected auto, journal or stderr\n" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_free_ char *out = NULL;
                CommonOptions common = { .bus = "untouched" };
                int first = -1;

                CHECK_INT(PARSE((char *) cases[i].a, (char *) cases[i].b), -EINVAL);
                CHECK_STR(out, cases[i].says);
                CHECK_STR(common.bus, "untouched");
                CHECK_INT(first, -1);
        }
}

TEST(a_program_without_arguments_refuses_them) {
        _cleanup_free_ char *out = NULL;
        CommonOptions common;

        CHECK_INT(parse(NULL, &common, NULL, (char *[]) { (char *) "reprievetest", (char *) "extra", NULL }, &out), -EINVAL);
        CHECK_STR(out, "reprievetest: Unexpected argument extra\nTry \"reprievetest --help\".\n");
}

TEST(log_options_take_effect_at_once) {
        _cleanup_free_ char *out = NULL;
        int level = log_get_max_level(), first;
        CommonOptions common;

        CHECK_INT(PARSE((char *) "--log-level=debug", (char *) "--log-target=stderr"), 0);
        CHECK_INT(log_get_max_level(), LOG_DEBUG);
        CHECK_INT(log_get_target(), LOG_TARGET_STDERR);
        log_set_max_level(level);
}
