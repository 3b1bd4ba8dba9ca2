/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a person types: a client of org.reprieve1 that knows its bus alone. Each verb is a file of src/ctl. */
#include "config.h"

#include <locale.h>
#include <stdio.h>

#include "ctl-terminal.h"
#include "ctl.h"
#include "i18n.h"
#include "log.h"

static const Verb *const verbs[] = {
        &verb_list,    &verb_status, &verb_staged, &verb_allow,  &verb_reject, &verb_held,     &verb_release,
        &verb_run,     &verb_preview, &verb_provision, &verb_validate, &verb_monitor, &verb_log,
        &verb_cycles,  &verb_advise,
        &verb_pause,   &verb_start,  &verb_restart, &verb_set,   &verb_create, &verb_remove,   &verb_reload, &verb_test_mail,
};

/* Options of options.c that take an argument: their second word is no verb. */
static const char *const common_with_argument[] = { "config-dir", "state-dir", "runtime-dir", "bus", "log-level", "log-target" };

static const Verb *find_verb(const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
                if (streq(verbs[i]->name, name))
                        return verbs[i];
        return NULL;
}

/* Does the word @next after this option belong to it? Options differ from verb to verb, so what is a verb is taken for
 * one, but after an option that all have. */
static bool takes_next_word(const char *word, const char *next) {
        const char *name = startswith(word, "--");

        if (strchr(word, '='))
                return false;
        for (size_t i = 0; name && i < ELEMENTSOF(common_with_argument); i++)
                if (startswith(common_with_argument[i], name))
                        return true;
        if (!next || find_verb(next))
                return false;
        for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
                for (const Option *o = verbs[i]->options; o && o->name; o++)
                        if (o->argument && (name ? startswith(o->name, name) != NULL : word[strlen(word) - 1] == o->letter))
                                return true;
        return false;
}

/* Each verb has options of its own, so it must be known before they are read. */
static const char *first_word(int argc, char *argv[]) {
        for (int i = 1; i < argc; i++) {
                if (streq(argv[i], "--"))
                        return i + 1 < argc ? argv[i + 1] : NULL;
                if (argv[i][0] != '-' || !argv[i][1])
                        return argv[i];
                if (takes_next_word(argv[i], argv[i + 1]))
                        i++;
        }
        return NULL;
}

static bool bus_was_given(int argc, char *argv[]) {
        for (int i = 1; i < argc && !streq(argv[i], "--"); i++)
                if (startswith(argv[i], "--b"))
                        return true;
        return false;
}

static char *describe_verbs(void) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;
        char *result;

        strbuf_printf(&b, "%s\n", _("Commands:"));
        for (size_t i = 0; i < ELEMENTSOF(verbs); i++) {
                _cleanup_free_ char *usage = NULL;

                if (asprintf(&usage, "%s%s%s", verbs[i]->name, *verbs[i]->arguments ? " " : "",
                             *verbs[i]->arguments ? _(verbs[i]->arguments) : "") < 0)
                        return NULL;
                /* Columns, not bytes: "…" takes three of these. */
                strbuf_printf(&b, "  %s%*s%s\n", usage, MAX2(2, 32 - (int) mbstowcs(NULL, usage, 0)), "", _(verbs[i]->summary));
        }
        strbuf_printf(&b, _("\nWith a command, --help says more: %s allow --help"), "reprievectl");
        return strbuf_steal(&b, &result) < 0 ? NULL : result;
}

static int parse(int argc, char *argv[], const Verb *verb, CommonOptions *ret, int *ret_first) {
        static const Option none[] = { {} };
        _cleanup_free_ char *usage = NULL, *details = NULL;
        OptionsHelp help = { .program = "reprievectl", .manual = "reprievectl(1)" };

        if (verb) {
                if (asprintf(&usage, "%s %s%s%s", verb->name, _("[OPTION…]"), *verb->arguments ? " " : "",
                             *verb->arguments ? _(verb->arguments) : "") < 0)
                        return ctl_oom();
                help.usage = usage;
                help.summary = verb->summary;
                help.details = verb->details;
        } else {
                details = describe_verbs();
                if (!details)
                        return ctl_oom();
                help.usage = N_("[OPTION…] COMMAND …");
                help.summary = N_("Look after provisioning jobs, and decide what becomes of removals.");
                help.details = details;
        }
        return options_parse(argc, argv, &help, verb && verb->options ? verb->options : none, ret, ret_first);
}

static int describe_self(Ctl *c, bool given) {
        _cleanup_free_ char *quoted = NULL;

        if (!given) {
                c->self = strdup("reprievectl");
                return c->self ? 0 : -1;
        }
        quoted = shell_quote(c->common.bus);
        if (!quoted || asprintf(&c->self, "reprievectl --bus=%s", quoted) < 0) {
                c->self = NULL;
                return -1;
        }
        return 0;
}

static int check_arguments(const Verb *verb, int n) {
        if (n >= verb->min && (verb->max < 0 || n <= verb->max))
                return CTL_OK;
        fprintf(stderr, n < verb->min ? _("reprievectl: %s: an argument is missing\n") : _("reprievectl: %s: too many arguments\n"),
                verb->name);
        fprintf(stderr, _("Usage: reprievectl %s %s\nMore: reprievectl %s --help\n"), verb->name, *verb->arguments ? _(verb->arguments) : "",
                verb->name);
        return CTL_USAGE;
}

int main(int argc, char *argv[]) {
        const char *word, *bus = getenv("REPRIEVE_BUS");
        const Verb *verb;
        Ctl c = {};
        bool given;
        int r, first;

        (void) setlocale(LC_ALL, "");
        (void) bindtextdomain(PACKAGE, LOCALEDIR);
        (void) textdomain(PACKAGE);
        log_setup("reprievectl");

        word = first_word(argc, argv);
        verb = word ? find_verb(word) : NULL;
        if (word && !verb) {
                (void) ctl_complain(0, _("Unknown command %s"), word);
                fprintf(stderr, _("Try \"%s --help\"."), "reprievectl");
                fprintf(stderr, "\n");
                return CTL_USAGE;
        }
        given = bus_was_given(argc, argv);
        r = parse(argc, argv, verb, &c.common, &first);
        if (r != 0)
                return r < 0 ? CTL_USAGE : CTL_OK;
        if (!verb)
                verb = &verb_list;
        else
                first++;
        if (!given && !isempty(bus))
                c.common.bus = bus;
        if (describe_self(&c, given) < 0)
                return ctl_oom();
        r = check_arguments(verb, argc - first);
        if (r == CTL_OK)
                r = verb->run(&c, argc - first, argv + first);
        agent_close();
        pager_close();
        progress_clear();
        bus_client_free(c.client);
        free(c.self);
        if (fflush(stdout) != 0 && r == CTL_OK)
                r = CTL_FAILED;
        return r;
}
