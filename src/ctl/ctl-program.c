/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

/* reprieve-cycle, run by this program with its own rights, for what the service may not do for a client. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "ctl.h"
#include "file-util.h"
#include "i18n.h"

bool ctl_may_run_cycle(const Ctl *c) {
        struct stat st;

        return geteuid() == 0 || (stat(c->common.state_dir, &st) >= 0 && st.st_uid == geteuid());
}

int ctl_run_cycle(Ctl *c, const char *job, const char *first, const char *second, int (*show)(int fd)) {
        const char *program = secure_getenv("REPRIEVE_CYCLE");
        _cleanup_free_ char *config_dir = NULL, *state_dir = NULL;
        _cleanup_close_ int output = -1;
        int fds[2], status, r;
        pid_t pid;

        if (isempty(program))
                program = PKGLIBEXECDIR "/reprieve-cycle";
        if (asprintf(&config_dir, "--config-dir=%s", c->common.config_dir) < 0 ||
            asprintf(&state_dir, "--state-dir=%s", c->common.state_dir) < 0)
                return ctl_oom();
        if (pipe2(fds, O_CLOEXEC) < 0)
                return ctl_complain(CTL_FAILED, _("Cannot make a pipe: %s"), strerror(errno));
        pid = fork();
        if (pid == 0) {
                (void) dup2(fds[1], STDOUT_FILENO);
                (void) execl(program, program, first, config_dir, state_dir, second ?: "--", second ? "--" : job,
                             second ? job : NULL, NULL);
                (void) ctl_complain(0, _("Cannot run %s: %s"), program, strerror(errno));
                _exit(127);
        }
        output = fds[0];
        (void) close(fds[1]);
        if (pid < 0)
                return ctl_complain(CTL_FAILED, _("Cannot run %s: %s"), program, strerror(errno));
        r = show(output);
        output = safe_close(output);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
                ;
        return r == CTL_OK && (!WIFEXITED(status) || WEXITSTATUS(status) != 0) ? CTL_FAILED : r;
}
