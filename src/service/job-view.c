/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "job-view.h"

#include <errno.h>
#include <time.h>

#include "file-util.h"
#include "service.h"
#include "string-util.h"
#include "time-util.h"

void job_view_done(JobView *v) {
        free(v->error);
        job_state_done(&v->state);
        cycle_record_done(&v->cycle);
        *v = (JobView) {};
}

static int read_signature(const char *state_dir, const char *job, LedgerSignature *ret) {
        static const char *const names[] = { "ledger.db", "ledger.db-wal" };
        _cleanup_free_ char *dir = job_state_dir(state_dir, job);
        LedgerSignature s = {};

        if (!dir)
                return -ENOMEM;
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                _cleanup_free_ char *path = path_join(dir, names[i]);
                struct stat st;

                if (!path)
                        return -ENOMEM;
                /* A reader makes an empty log beside a ledger that has none, and takes it away again. */
                if (stat(path, &st) < 0 || st.st_size == 0)
                        continue;
                s.file[i].inode = st.st_ino;
                s.file[i].size = st.st_size;
                s.file[i].mtime = st.st_mtim;
        }
        *ret = s;
        return 0;
}

/* File times advance in ticks of up to 10 ms: a commit right after our reading may leave the same time. */
#define RACY_USEC (50 * USEC_PER_MSEC)

static bool signature_equal(const LedgerSignature *a, const LedgerSignature *b, uint64_t read_at) {
        for (size_t i = 0; i < ELEMENTSOF(a->file); i++) {
                uint64_t mtime = (uint64_t) a->file[i].mtime.tv_sec * USEC_PER_SEC +
                                 (uint64_t) a->file[i].mtime.tv_nsec / 1000;

                if (a->file[i].inode != b->file[i].inode || a->file[i].size != b->file[i].size ||
                    a->file[i].mtime.tv_sec != b->file[i].mtime.tv_sec ||
                    a->file[i].mtime.tv_nsec != b->file[i].mtime.tv_nsec)
                        return false;
                if (a->file[i].inode != 0 && mtime + RACY_USEC > read_at)
                        return false;
        }
        return true;
}

/* clock_now() may be shifted for a test; files are not. */
static uint64_t file_clock(void) {
        struct timespec ts = {};

        (void) clock_gettime(CLOCK_REALTIME, &ts);
        return (uint64_t) ts.tv_sec * USEC_PER_SEC + (uint64_t) ts.tv_nsec / 1000;
}

bool job_view_is_current(const JobView *v, const char *state_dir, const char *job) {
        LedgerSignature now;

        return v->read_at != 0 && read_signature(state_dir, job, &now) >= 0 &&
               signature_equal(&v->signature, &now, v->read_at);
}

/* Takes the newest record that ended; a newer one without an end is met before it. */
static int on_cycle(const CycleRecord *c, void *userdata) {
        JobView *v = userdata;
        char *error = NULL;

        if (c->result == CYCLE_RUNNING) {
                if (v->unfinished[0] == '\0') {
                        memcpy(v->unfinished, c->id, sizeof(v->unfinished));
                        v->unfinished_since = c->started;
                }
                return 0;
        }
        if (c->error) {
                error = strdup(c->error);
                if (!error)
                        return -ENOMEM;
        }
        v->cycle = *c;
        v->cycle.error = error;
        v->has_cycle = true;
        return -ECANCELED;
}

static int read_all(Ledger *l, JobView *v) {
        CycleRecord newest = {};
        QuarantineReason reason;
        uint64_t opened, enabled;
        int r;

        r = ledger_get_state(l, &v->state);
        if (r < 0)
                return r;
        r = ledger_count_staged(l, &v->staged);
        if (r < 0)
                return r;
        r = ledger_current_review(l, v->review, &reason, &opened);
        if (r < 0)
                return r;
        if (r == LEDGER_E_NOT_FOUND)
                v->review[0] = '\0';
        r = ledger_count_holds(l, &v->held);
        if (r < 0)
                return r;
        r = ledger_count_escrow(l, &v->escrowed);
        if (r < 0)
                return r;
        r = ledger_count_links(l, OBJECT_KIND_USER, &v->users, &enabled);
        if (r < 0)
                return r;
        r = ledger_count_links(l, OBJECT_KIND_GROUP, &v->groups, &enabled);
        if (r < 0)
                return r;
        r = ledger_count_mail(l, &v->mails);
        if (r < 0)
                return r;
        /* A row without an end below a newer one was killed: only the newest can still run. */
        r = ledger_last_cycle(l, &newest);
        if (r < 0)
                return r;
        if (r == 0) {
                bool running = newest.result == CYCLE_RUNNING;

                cycle_record_done(&newest);
                r = ledger_scan_cycles(l, 0, on_cycle, v);
                if (r < 0 && r != -ECANCELED)
                        return r;
                if (!running)
                        v->unfinished[0] = '\0';
        }
        return 0;
}

int job_view_read(const char *state_dir, const char *job, JobView *ret) {
        _cleanup_(job_view_done) JobView v = {};
        _cleanup_(ledger_freep) Ledger *l = NULL;
        _cleanup_error_ Error *error = NULL;
        int r;

        /* Before the reading: a commit in between makes the view stale, never falsely current. */
        v.read_at = file_clock();
        r = read_signature(state_dir, job, &v.signature);
        if (r < 0)
                return r;
        r = ledger_open_to_look(state_dir, job, &l, &error);
        if (r >= 0) {
                v.exists = true;
                r = ledger_begin_read(l);
                if (r >= 0) {
                        r = read_all(l, &v);
                        ledger_rollback(l);
                }
        }
        if (r == -ENOMEM)
                return r;
        if (r < 0 && r != -ENOENT) {
                char *text = strdup(l ? strempty(ledger_last_error(l)) : error_text(error, r));
                LedgerSignature signature = v.signature;
                uint64_t read_at = v.read_at;

                if (!text)
                        return -ENOMEM;
                job_view_done(&v);
                v.error = text;
                v.exists = true;
                v.signature = signature;
                v.read_at = read_at;
        }
        *ret = v;
        v = (JobView) {};
        return 0;
}

unsigned job_view_differences(const JobView *a, const JobView *b) {
        unsigned mask = 0;

        if (!streq_ptr(a->error, b->error))
                return ~0U & ~(unsigned) (JOB_CHANGED_PROGRESS | JOB_CHANGED_SETTINGS);
        if (a->exists != b->exists || a->state.paused != b->state.paused || a->state.disabled != b->state.disabled ||
            a->has_cycle != b->has_cycle)
                mask |= JOB_CHANGED_STATUS;
        if (a->state.quarantine != b->state.quarantine)
                mask |= JOB_CHANGED_STATUS | JOB_CHANGED_QUARANTINE;
        if (!streq_ptr(a->state.quarantine_message, b->state.quarantine_message) ||
            a->state.quarantine_since != b->state.quarantine_since ||
            a->state.quarantine_count != b->state.quarantine_count || a->state.next_attempt != b->state.next_attempt)
                mask |= JOB_CHANGED_QUARANTINE;
        if (!streq(a->review, b->review) || a->staged.undecided != b->staged.undecided ||
            a->staged.deletes != b->staged.deletes || a->staged.since != b->staged.since || a->held != b->held ||
            a->escrowed != b->escrowed)
                mask |= JOB_CHANGED_REVIEW;
        if (a->users != b->users || a->groups != b->groups)
                mask |= JOB_CHANGED_LINKS;
        if (!streq_ptr(a->state.notification_problem, b->state.notification_problem))
                mask |= JOB_CHANGED_NOTIFICATION;
        if (!streq(a->cycle.id, b->cycle.id))
                mask |= JOB_CHANGED_CYCLE;
        return mask;
}
