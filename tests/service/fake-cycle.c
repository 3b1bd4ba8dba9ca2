/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

/* Stands in for reprieve-cycle in the tests of the service: the same command line, lock, ledger and exit statuses,
 * but what it does is written in STATE_DIR/script-JOB, one command a line:
 *
 *   link N        see that N users are linked
 *   stage N       stage the Delete of the first N, under a new review; quarantine
 *   heal          nothing is staged any more
 *   sleep MSEC    in the middle of the cycle; SIGTERM ends it (result "stopped")
 *   work MSEC     the same, but a preview or the like does not wait
 *   exit STATUS   leave before there is a record
 *   result WORD   of the cycle record
 *   mail          queue a mail
 *   deaf          ignore SIGTERM
 *
 * Besides it carries out what is allowed, like a cycle. */

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ledger.h"
#include "outbox.h"
#include "string-util.h"
#include "time-util.h"
#include "worker-client.h"
#include "worker-task.h"

static volatile sig_atomic_t stopped;

static void on_term(int signal) {
        stopped = 1;
}

#define OK(call)                                                                                     \
        do {                                                                                         \
                int _r = (call);                                                                     \
                if (_r < 0) {                                                                        \
                        fprintf(stderr, "<3>%s: %s\n", #call, l ? ledger_last_error(l) : strerror(-_r)); \
                        exit(1);                                                                     \
                }                                                                                    \
        } while (0)

typedef struct Gone {
        uint64_t links[4096];
        size_t n;
} Gone;

static int on_staged(const Staged *s, void *userdata) {
        Gone *g = userdata;

        if (s->state == STAGED_ALLOWED && g->n < ELEMENTSOF(g->links))
                g->links[g->n++] = s->link;
        return 0;
}

static void carry_out(Ledger *l, CycleRecord *c) {
        StagedCounts counts;
        JobState s = {};
        Gone g = {};

        OK(ledger_begin(l));
        OK(ledger_scan_staged(l, 0, 0, on_staged, &g));
        for (size_t i = 0; i < g.n; i++)
                OK(ledger_remove_link(l, g.links[i]));
        c->counts[COUNT_DELETED] = g.n;
        OK(ledger_count_staged(l, &counts));
        OK(ledger_get_state(l, &s));
        if (counts.undecided == 0 && s.quarantine == QUARANTINE_TOO_MANY_DELETES)
                s.quarantine = QUARANTINE_NONE;
        OK(ledger_set_state(l, &s));
        OK(ledger_commit(l));
        job_state_done(&s);
}

static void link_users(Ledger *l, uint64_t n) {
        OK(ledger_begin(l));
        for (uint64_t i = 0; i < n; i++) {
                char source[32], target[32], name[64];
                Link link = {.kind = OBJECT_KIND_USER,
                             .source_id = source,
                             .target_id = target,
                             .display_name = name,
                             .written = "{}"};
                uint64_t id;
                int r;

                (void) snprintf(source, sizeof(source), "s%04u", (unsigned) i);
                (void) snprintf(target, sizeof(target), "t%04u", (unsigned) i);
                (void) snprintf(name, sizeof(name), "User \"%u\", =1+1", (unsigned) i);
                r = ledger_add_link(l, &link, &id);
                if (r != -EEXIST)
                        OK(r);
        }
        OK(ledger_commit(l));
}

static void stage(Ledger *l, uint64_t n, CycleRecord *c) {
        Arena *arena = arena_new();
        JobState s = {};
        char review[17];

        OK(ledger_begin(l));
        for (uint64_t i = 0; i < n; i++) {
                char source[32], change[40];
                Link link;
                Staged row;

                (void) snprintf(source, sizeof(source), "s%04u", (unsigned) i);
                (void) snprintf(change, sizeof(change), "%032u", (unsigned) i);
                if (ledger_find_link(l, OBJECT_KIND_USER, source, arena, &link) != 0)
                        continue;
                row = (Staged) {
                        .link = link.id, .kind = OBJECT_KIND_USER, .source_id = source, .target_id = link.target_id,
                        .display_name = link.display_name, .action = CHANGE_DELETE, .cause = CAUSE_DELETED,
                        .staged_at = clock_now(), .change_id = change,
                };
                OK(ledger_stage(l, &row));
                c->counts[COUNT_STAGED]++;
        }
        OK(ledger_open_review(l, QUARANTINE_TOO_MANY_DELETES, clock_now(), review));
        OK(ledger_get_state(l, &s));
        s.quarantine = QUARANTINE_TOO_MANY_DELETES;
        s.quarantine_since = clock_now();
        OK(free_and_strdup(&s.quarantine_message, "too many"));
        OK(ledger_set_state(l, &s));
        OK(ledger_commit(l));
        job_state_done(&s);
        (void) arena_free(arena);
        c->result = CYCLE_STAGED;
}

static void heal(Ledger *l) {
        JobState s = {};

        OK(ledger_begin(l));
        OK(ledger_clear_staged(l));
        OK(ledger_close_reviews(l, "healed", clock_now()));
        OK(ledger_get_state(l, &s));
        s.quarantine = QUARANTINE_NONE;
        OK(ledger_set_state(l, &s));
        OK(ledger_commit(l));
        job_state_done(&s);
}

static void queue_mail(Ledger *l, const char *config_dir, const char *job) {
        JobConfig *c = NULL;
        Error *error = NULL;

        OK(job_config_load(config_dir, job, &c, &error));
        OK(ledger_begin(l));
        OK(outbox_queue_test(l, c, "fake", clock_now()));
        OK(ledger_commit(l));
        (void) job_config_free(c);
}

static void nap(WorkerClient *w, uint64_t msec) {
        for (uint64_t i = 0; i < msec && !stopped; i += 20) {
                worker_client_progress(w, "apply", i, msec);
                (void) usleep(20000);
        }
}

static char *strdup_option(const char *name, const char *value) {
        char *s;

        return asprintf(&s, "%s%s", name, value) < 0 ? NULL : s;
}

int main(int argc, char *argv[]) {
        static const struct option options[] = {
                { "config-dir", required_argument, NULL, 'c' }, { "state-dir", required_argument, NULL, 's' },
                { "runtime-dir", required_argument, NULL, 'r' }, { "cycle-id", required_argument, NULL, 'i' },
                { "preview", no_argument, NULL, 'p' },          { "validate", no_argument, NULL, 'v' },
                { "on-demand", required_argument, NULL, 'd' },  { "task", no_argument, NULL, 't' },
                { "log-target", required_argument, NULL, 'l' },
                {},
        };
        const char *config_dir = NULL, *state_dir = NULL, *runtime_dir = NULL, *id = NULL, *demand = NULL;
        struct sigaction sa = { .sa_handler = on_term };
        bool preview = false, validate = false, task = false;
        char path[4096], line[256], own_id[33];
        CycleRecord c = { .result = CYCLE_SUCCESS };
        WorkerClient *w = NULL;
        Error *error = NULL;
        Ledger *l = NULL;
        FILE *script;
        int o, lock;

        while ((o = getopt_long(argc, argv, "", options, NULL)) >= 0)
                switch (o) {
                case 'c': config_dir = optarg; break;
                case 's': state_dir = optarg; break;
                case 'r': runtime_dir = optarg; break;
                case 'i': id = optarg; break;
                case 'p': preview = true; break;
                case 'v': validate = true; break;
                case 'd': demand = optarg; break;
                case 't': task = true; break;
                case 'l': break;
                default: return 2;
                }
        if (task) {
                char *command[] = { argv[0], strdup_option("--config-dir=", config_dir), strdup_option("--state-dir=", state_dir),
                                    strdup_option("--runtime-dir=", runtime_dir), NULL };

                return worker_serve_tasks(runtime_dir, argv[optind], command, &error) < 0;
        }
        if (!id) {
                (void) snprintf(own_id, sizeof(own_id), "%016llx%016llx", (unsigned long long) getpid(),
                                (unsigned long long) clock_now());
                id = own_id;
        }
        (void) sigaction(SIGTERM, &sa, NULL);
        (void) snprintf(path, sizeof(path), "%s/script-%s", state_dir, argv[optind]);
        script = fopen(path, "re");
        if (preview || validate || demand) {
                while (script && fgets(line, sizeof(line), script)) {
                        if (startswith(line, "sleep "))
                                nap(NULL, strtoull(line + 6, NULL, 10));
                        if (startswith(line, "exit ")) {
                                fprintf(stderr, "<6>noise\n<3>it would not do\n");
                                return atoi(line + 5);
                        }
                }
                if (preview)
                        puts("{\"action\":\"Delete\"}\n{\"verdict\":\"pass\"}");
                else if (validate)
                        puts("{\"what\":\"source\",\"ok\":true,\"message\":\"3 "
                             "records\"}\n{\"what\":\"target\",\"ok\":false,\"message\":\"no\"}");
                else
                        printf("{\"step\":\"import\",\"status\":\"success\",\"details\":\"%s\"}\n", demand);
                return validate ? 1 : 0;
        }
        lock = job_lock(state_dir, argv[optind]);
        if (lock == -EAGAIN)
                return 75;
        while (script && fgets(line, sizeof(line), script)) {
                if (startswith(line, "exit "))
                        return atoi(line + 5);
                if (startswith(line, "deaf"))
                        (void) signal(SIGTERM, SIG_IGN);
        }
        OK(worker_client_new(runtime_dir, argv[optind], id, &w));
        OK(ledger_open(state_dir, argv[optind], LEDGER_READ_WRITE, &l, &error));
        (void) snprintf(c.id, sizeof(c.id), "%s", id);
        c.started = clock_now();
        c.result = CYCLE_RUNNING;
        OK(ledger_begin(l));
        OK(ledger_begin_cycle(l, &c));
        OK(ledger_commit(l));
        c.result = CYCLE_SUCCESS;
        carry_out(l, &c);
        if (script)
                rewind(script);
        while (script && fgets(line, sizeof(line), script)) {
                line[strcspn(line, "\n")] = '\0';
                if (startswith(line, "link "))
                        link_users(l, strtoull(line + 5, NULL, 10));
                else if (startswith(line, "stage "))
                        stage(l, strtoull(line + 6, NULL, 10), &c);
                else if (streq(line, "heal"))
                        heal(l);
                else if (streq(line, "mail"))
                        queue_mail(l, config_dir, argv[optind]);
                else if (startswith(line, "sleep "))
                        nap(w, strtoull(line + 6, NULL, 10));
                else if (startswith(line, "work "))
                        nap(w, strtoull(line + 5, NULL, 10));
                else if (startswith(line, "result "))
                        c.result = cycle_result_from_string(line + 7);
        }
        if (stopped)
                c.result = CYCLE_STOPPED;
        c.finished = clock_now();
        OK(ledger_begin(l));
        OK(ledger_finish_cycle(l, &c));
        OK(ledger_commit(l));
        (void) ledger_free(l);
        if (script)
                (void) fclose(script);
        (void) worker_client_free(w);
        (void) close(lock);
        return c.result == CYCLE_FAILED ? 1 : 0;
}
