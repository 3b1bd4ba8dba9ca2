/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The command line: the options that every program has, those a program adds, and the --help made of both. It speaks to
 * the person who typed it, so unlike other libraries it prints. Knows nothing of what the options are for. */

#include <stdbool.h>

#include "error.h"

/* Positive condition of options_parse(). */
enum {
        OPTIONS_DONE = 1,               /* --help or --version was answered: leave with success */
};

/* One option of a program. A table of them ends with an element without a name. Exactly one of flag, value and parse
 * is set. */
typedef struct Option {
        const char *name;               /* "json" for --json */
        char letter;                    /* 'j' for -j, or 0 */
        const char *argument;           /* what --help calls the argument, e.g. "FILE"; NULL: there is none */
        const char *help;               /* N_("…"), a line without a full stop */
        bool *flag;                     /* no argument: becomes true */
        const char **value;             /* with an argument: points into argv afterwards; the last one wins */
        /* Called for each occurrence; @value is NULL if there is no argument. <0 with an error: the option is refused. */
        int (*parse)(const char *value, void *userdata, Error **ret_error);
        void *userdata;
} Option;

/* What --help says besides the options. */
typedef struct OptionsHelp {
        const char *program;            /* "reprievectl" */
        const char *usage;              /* N_("[OPTION…] COMMAND …") */
        const char *summary;            /* N_("…"), a sentence with its full stop */
        const char *details;            /* N_("…"), lines between the summary and the options; may be NULL */
        const char *manual;             /* "reprievectl(1)" */
} OptionsHelp;

/* Issue 2, point 10: the same on every program. All point into argv or are constants. */
typedef struct CommonOptions {
        const char *config_dir;         /* --config-dir=, PKGSYSCONFDIR */
        const char *state_dir;          /* --state-dir=, PKGSTATEDIR */
        const char *runtime_dir;        /* --runtime-dir=, PKGRUNTIMEDIR */
        const char *bus;                /* --bus=, "system": "system", "session" or a D-Bus address */
} CommonOptions;

/**
 * options_parse() - read the command line
 * @argv:      its elements are permuted: options first, then what is none
 * @own:       the program's options; NULL for none. May not take a name or letter of the common ones.
 * @ret_first: index in @argv of the first argument that is no option; may be NULL if there must not be any
 *
 * --log-level= and --log-target= are put into effect at once, so call log_setup() and setlocale() before.
 * Everything after "--" is no option (getopt_long(3)).
 *
 * Errors: OPTIONS_DONE; -EINVAL, after the person was told on stderr what is wrong.
 */
int options_parse(int argc, char *argv[], const OptionsHelp *help, const Option *own, CommonOptions *ret,
                  int *ret_first);
