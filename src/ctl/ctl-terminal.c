/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "ctl-terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "cleanup.h"
#include "i18n.h"
#include "string-util.h"

static bool stdout_is_terminal(void) {
        static int cached = -1;

        /* Asked once, because a pager takes the terminal's place. */
        if (cached < 0)
                cached = isatty(STDOUT_FILENO) > 0;
        return cached;
}

static bool terminal_is_dumb(void) {
        const char *term = getenv("TERM");

        return isempty(term) || streq(term, "dumb");
}

unsigned terminal_columns(void) {
        static unsigned cached = 0;
        static bool known = false;
        const char *e = getenv("COLUMNS");
        struct winsize size = {};
        uint64_t n;

        if (known)
                return cached;
        if (!isempty(e) && parse_uint64(e, &n) >= 0 && n > 0 && n < UINT16_MAX)
                cached = (unsigned) n;
        else if (stdout_is_terminal())
                cached = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) >= 0 && size.ws_col > 0 ? size.ws_col : 80;
        known = true;
        return cached;
}

bool terminal_is_utf8(void) {
        static int cached = -1;

        if (cached < 0)
                cached = streq(nl_langinfo(CODESET), "UTF-8");
        return cached;
}

/* As systemd(1) has it: $SYSTEMD_COLORS decides; without it $NO_COLOR (no-color.org), then the terminal. */
static bool has_colors(void) {
        const char *e = getenv("SYSTEMD_COLORS");

        if (!isempty(e))
                return parse_boolean(e) != 0; /* "16", "256", "24bit" are a yes too */
        if (!isempty(getenv("NO_COLOR")))
                return false;
        return stdout_is_terminal() && !terminal_is_dumb();
}

const char *color(CtlColor c) {
        static int cached = -1;

        if (cached < 0)
                cached = has_colors();
        if (!cached)
                return "";
        switch (c) {
        case CTL_COLOR_NORMAL:
                return "\033[0m";
        case CTL_COLOR_BOLD:
                return "\033[1m";
        case CTL_COLOR_GREY:
                return "\033[2m";
        case CTL_COLOR_GREEN:
                return "\033[1;32m";
        case CTL_COLOR_YELLOW:
                return "\033[1;33m";
        case CTL_COLOR_RED:
                return "\033[1;31m";
        }
        assert(false);
        return "";
}

/* ---- pager ---- */

static pid_t pager_pid = 0;

static const char *pager_command(void) {
        const char *e = getenv("SYSTEMD_PAGER");

        if (!e)
                e = getenv("PAGER");
        return e;
}

static _noreturn_ void run_pager(const char *command) {
        static const char *const fallbacks[] = { "pager", "less", "more", "cat" };
        _cleanup_strv_ char **words = NULL;

        (void) setenv("LESS", "FRSXMK", 0);
        if (terminal_is_utf8())
                (void) setenv("LESSCHARSET", "utf-8", 0);
        /* No shell, no editor, no other files from inside: often we run as root. */
        (void) setenv("LESSSECURE", "1", 0);
        if (!isempty(command) && strv_split(command, " \t", &words) >= 0 && words && words[0])
                (void) execvp(words[0], words);
        for (size_t i = 0; i < ELEMENTSOF(fallbacks); i++)
                (void) execlp(fallbacks[i], fallbacks[i], NULL);
        _exit(127);
}

void pager_open(void) {
        const char *command = pager_command();
        int fds[2];

        if (pager_pid > 0 || !stdout_is_terminal() || terminal_is_dumb())
                return;
        if (command && (isempty(command) || streq(command, "cat")))
                return;
        (void) terminal_columns();
        (void) color(CTL_COLOR_NORMAL);
        fflush(stdout);
        if (pipe2(fds, O_CLOEXEC) < 0)
                return;
        pager_pid = fork();
        if (pager_pid == 0) {
                (void) dup2(fds[0], STDIN_FILENO);
                run_pager(command);
        }
        (void) close(fds[0]);
        if (pager_pid > 0) {
                (void) dup2(fds[1], STDOUT_FILENO);
                /* Who leaves the pager early still wants the exit status of the verb. */
                (void) signal(SIGPIPE, SIG_IGN);
        }
        (void) close(fds[1]);
}

void pager_close(void) {
        if (pager_pid <= 0)
                return;
        fflush(stdout);
        (void) close(STDOUT_FILENO);
        while (waitpid(pager_pid, NULL, 0) < 0 && errno == EINTR)
                ;
        pager_pid = 0;
}

/* ---- questions ---- */

bool terminal_can_ask(void) {
        return isatty(STDIN_FILENO) > 0 && stdout_is_terminal();
}

bool terminal_ask(const char *fmt, ...) {
        _cleanup_free_ char *line = NULL;
        size_t allocated = 0;
        va_list ap;
        char *answer;

        va_start(ap, fmt);
        vprintf(fmt, ap);
        va_end(ap);
        printf(" [y/N] ");
        fflush(stdout);
        if (getline(&line, &allocated, stdin) < 0) {
                printf("\n");
                return false;
        }
        answer = strstrip(line);
        return strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0 || rpmatch(answer) > 0;
}

/* ---- progress ---- */

static bool progress_drawn = false;

void progress_draw(const char *what, uint64_t done, uint64_t total) {
        static const char full[] = "########################################";
        static const char none[] = "                                        ";
        unsigned width = sizeof(full) - 1, filled;

        if (isatty(STDERR_FILENO) <= 0 || terminal_is_dumb())
                return;
        if (total == 0)
                fprintf(stderr, "\r\033[K%s: %llu", what, (unsigned long long) done);
        else {
                filled = (unsigned) ((double) MIN2(done, total) / (double) total * width);
                fprintf(stderr, "\r\033[K%-10s [%.*s%.*s] %llu/%llu", what, (int) filled, full, (int) (width - filled), none,
                        (unsigned long long) done, (unsigned long long) total);
        }
        progress_drawn = true;
}

void progress_clear(void) {
        if (progress_drawn)
                fprintf(stderr, "\r\033[K");
        progress_drawn = false;
}

/* ---- polkit's agent ---- */

static pid_t agent_pid = 0;

void agent_open(bool wanted) {
        char notify[32], process[32];
        struct pollfd p;
        int fds[2];

        /* Root is never asked; without a terminal there is nobody to ask. */
        if (!wanted || agent_pid > 0 || geteuid() == 0 || isatty(STDIN_FILENO) <= 0 || isatty(STDERR_FILENO) <= 0)
                return;
        if (pipe2(fds, O_CLOEXEC) < 0)
                return;
        (void) snprintf(process, sizeof(process), "%d", (int) getpid());
        (void) snprintf(notify, sizeof(notify), "%d", fds[1]);
        agent_pid = fork();
        if (agent_pid == 0) {
                (void) fcntl(fds[1], F_SETFD, 0);
                (void) execlp("pkttyagent", "pkttyagent", "--notify-fd", notify, "--fallback", "--process", process, NULL);
                _exit(127);
        }
        (void) close(fds[1]);
        /* It closes the pipe once it is registered; a missing one closes it at once. */
        p = (struct pollfd) { .fd = fds[0], .events = POLLIN };
        if (agent_pid > 0)
                (void) poll(&p, 1, 5000);
        (void) close(fds[0]);
}

void agent_close(void) {
        if (agent_pid <= 0)
                return;
        (void) kill(agent_pid, SIGTERM);
        while (waitpid(agent_pid, NULL, 0) < 0 && errno == EINTR)
                ;
        agent_pid = 0;
}
