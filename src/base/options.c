/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>

#include "i18n.h"
#include "log.h"
#include "string-util.h"

/* Values of getopt_long() for options without a letter; above every char. */
#define FIRST_CODE 256

typedef struct OptionTable {
        const Option **options;
        struct option *longs;
        char *letters;
        size_t n;
} OptionTable;

static void option_table_done(OptionTable *t) {
        free(t->options);
        free(t->longs);
        free(t->letters);
}

static int parse_log_level(const char *value, void *userdata, Error **ret_error) {
        int level;

        level = log_level_from_string(value);
        if (level < 0)
                return error_set(ret_error, -EINVAL,
                                 _("expected emerg, alert, crit, err, warning, notice, info, debug "
                                   "or a number from 0 to 7"));
        log_set_max_level(level);
        return 0;
}

static int parse_log_target(const char *value, void *userdata, Error **ret_error) {
        LogTarget t;

        t = log_target_from_string(value);
        if (t < 0)
                return error_set(ret_error, -EINVAL, _("expected auto, journal or stderr"));
        log_set_target(t);
        return 0;
}

static int option_table_build(OptionTable *t, const Option *own, const Option *common) {
        size_t n = 0, n_letters = 0;

        for (const Option *o = own; o && o->name; o++)
                n++;
        for (const Option *o = common; o->name; o++)
                n++;
        t->options = calloc(n, sizeof(*t->options));
        t->longs = calloc(n + 1, sizeof(*t->longs));
        t->letters = calloc(n + 1, 3);
        if (!t->options || !t->longs || !t->letters)
                return -ENOMEM;

        /* Without a leading ':' a missing argument could not be told from an unknown option. */
        t->letters[n_letters++] = ':';
        for (const Option *o = own && own->name ? own : common; o->name;) {
                assert(!!o->flag + !!o->value + !!o->parse == 1);
                t->options[t->n] = o;
                t->longs[t->n] = (struct option){
                        .name = o->name,
                        .has_arg = o->argument ? required_argument : no_argument,
                        .val = FIRST_CODE + (int) t->n,
                };
                if (o->letter) {
                        t->letters[n_letters++] = o->letter;
                        if (o->argument)
                                t->letters[n_letters++] = ':';
                }
                t->n++;
                o++;
                if (!o->name && t->n < n)
                        o = common;
        }
        return 0;
}

static const Option *option_table_find(const OptionTable *t, int code) {
        if (code >= FIRST_CODE)
                return t->options[code - FIRST_CODE];
        for (size_t i = 0; i < t->n; i++)
                if (t->options[i]->letter == code)
                        return t->options[i];
        return NULL;
}

static int option_apply(const Option *o, const char *value, Error **ret_error) {
        if (o->flag)
                *o->flag = true;
        else if (o->value) {
                if (isempty(value))
                        return error_set(ret_error, -EINVAL, _("expected a value"));
                *o->value = value;
        } else
                return o->parse(value, o->userdata, ret_error);
        return 0;
}

static void print_option(const Option *o) {
        char left[64];
        int n;

        n = snprintf(left, sizeof(left), "  %c%c --%s%s%s", o->letter ? '-' : ' ', o->letter ? o->letter : ' ',
                     o->name, o->argument ? "=" : "", o->argument ? o->argument : "");
        if (n > 30)
                printf("%s\n%32s%s\n", left, "", _(o->help));
        else
                printf("%-32s%s\n", left, _(o->help));
}

static void print_help(const OptionsHelp *help, const Option *own, const Option *common) {
        printf("%s %s\n\n%s\n", help->program, _(help->usage), _(help->summary));
        if (help->details)
                printf("\n%s\n", _(help->details));
        printf("\n%s\n", _("Options:"));
        for (const Option *o = own; o && o->name; o++)
                print_option(o);
        for (const Option *o = common; o->name; o++)
                print_option(o);
        printf(_("\nSee the %s man page for details.\n"), help->manual);
}

static _printf_(2, 3) int refuse(const OptionsHelp *help, const char *fmt, ...) {
        va_list ap;

        fprintf(stderr, "%s: ", help->program);
        va_start(ap, fmt);
        vfprintf(stderr, fmt, ap);
        va_end(ap);
        fprintf(stderr, "\n");
        fprintf(stderr, _("Try \"%s --help\"."), help->program);
        fprintf(stderr, "\n");
        return -EINVAL;
}

int options_parse(int argc, char *argv[], const OptionsHelp *help, const Option *own, CommonOptions *ret,
                  int *ret_first) {
        _cleanup_(option_table_done) OptionTable table = {};
        bool show_help = false, show_version = false;
        CommonOptions common = {
                .config_dir = PKGSYSCONFDIR,
                .state_dir = PKGSTATEDIR,
                .runtime_dir = PKGRUNTIMEDIR,
                .bus = "system",
        };
        const Option options[] = {
                {"config-dir", 0, "DIR", N_("Read configuration from here"), .value = &common.config_dir},
                {"state-dir", 0, "DIR", N_("Keep ledgers here"), .value = &common.state_dir},
                {"runtime-dir", 0, "DIR", N_("Keep locks and sockets here"), .value = &common.runtime_dir},
                {"bus", 0, "BUS", N_("Use this bus: system, session or an address"), .value = &common.bus},
                {"log-level", 0, "LEVEL", N_("Log this and what is more urgent: err, warning, info, debug, …"),
                 .parse = parse_log_level},
                {"log-target", 0, "TARGET", N_("Log to auto, journal or stderr"), .parse = parse_log_target},
                {"help", 'h', NULL, N_("Show this help"), .flag = &show_help},
                {"version", 0, NULL, N_("Show the version"), .flag = &show_version},
                {},
        };
        int r, c;

        r = option_table_build(&table, own, options);
        if (r < 0)
                return refuse(help, "%s", strerror(-r));

        opterr = 0;
        optind = 0; /* not 1: glibc then also forgets a command line it read before */
        while ((c = getopt_long(argc, argv, table.letters, table.longs, NULL)) >= 0) {
                _cleanup_error_ Error *error = NULL;
                const char *typed = argv[optind > 0 ? optind - 1 : 0];
                char letter[] = {'-', (char) optopt, '\0'};
                const Option *o;

                /* For a bad option of one letter, optopt is the letter, also in the middle of "-abc"; for a long one
                 * it is 0 or our code, and the option is the word before optind. */
                if (c == ':' && optopt < FIRST_CODE)
                        return refuse(help, _("Option %s requires an argument"), letter);
                if (c == ':')
                        return refuse(help, _("Option %s requires an argument"), typed);
                if (c == '?' && optopt >= FIRST_CODE)
                        return refuse(help, _("Option %s takes no argument"), typed);
                if (c == '?' && optopt != 0)
                        return refuse(help, _("Unknown option %s"), letter);
                if (c == '?')
                        return refuse(help, _("Unknown or ambiguous option %s"), typed);

                o = option_table_find(&table, c);
                assert(o);
                r = option_apply(o, optarg, &error);
                if (r < 0) {
                        fprintf(stderr, "%s: --%s=%s: %s\n", help->program, o->name, strempty(optarg),
                                error_text(error, r));
                        return -EINVAL;
                }
        }

        if (show_help) {
                print_help(help, own, options);
                return OPTIONS_DONE;
        }
        if (show_version) {
                printf("%s %s\n", PACKAGE_NAME, PACKAGE_VERSION);
                return OPTIONS_DONE;
        }
        if (!ret_first && optind < argc)
                return refuse(help, _("Unexpected argument %s"), argv[optind]);

        *ret = common;
        if (ret_first)
                *ret_first = optind;
        return 0;
}
