/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "worker-client.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <time.h>

#include "bus-client.h"
#include "file-util.h"
#include "log.h"
#include "string-util.h"
#include "time-util.h"

#define PROGRESS_USEC (250 * USEC_PER_MSEC)
#define CALL_USEC (5 * USEC_PER_SEC)
#define FAREWELL_USEC (300 * USEC_PER_MSEC)

/* Shared by the cycle and the thread; whoever leaves last frees it, because a thread that hangs in a call is left
 * behind. */
struct WorkerClient {
        pthread_mutex_t lock;
        pthread_cond_t wake;
        char *path, *job, *cycle;
        const char *phase;
        uint64_t done, total;
        bool news;                /* of progress, not told yet */
        bool ending;              /* the cycle has ended */
        bool left[2];             /* the cycle, the thread */
};

enum { CYCLE, THREAD };

static void worker_done(WorkerClient *w) {
        (void) pthread_mutex_destroy(&w->lock);
        (void) pthread_cond_destroy(&w->wake);
        free(w->path);
        free(w->job);
        free(w->cycle);
        free(w);
}

/* Called with the lock held, which is gone afterwards. */
static void leave(WorkerClient *w, int who) {
        bool last;

        w->left[who] = true;
        last = w->left[CYCLE] && w->left[THREAD];
        (void) pthread_cond_broadcast(&w->wake);
        (void) pthread_mutex_unlock(&w->lock);
        if (last)
                worker_done(w);
}

static void wait_until(WorkerClient *w, uint64_t monotonic_usec) {
        struct timespec ts = {
                .tv_sec = (time_t) (monotonic_usec / USEC_PER_SEC),
                .tv_nsec = (long) (monotonic_usec % USEC_PER_SEC) * 1000,
        };

        (void) pthread_cond_timedwait(&w->wake, &w->lock, &ts);
}

static int tell(BusClient *c, const char *member, const char *job, const char *cycle) {
        return bus_client_call(c, "/org/reprieve1", "org.reprieve1.Worker", member, CALL_USEC, NULL, NULL, "ss", job,
                               cycle);
}

static void *talk(void *userdata) {
        _cleanup_(bus_client_freep) BusClient *c = NULL;
        _cleanup_error_ Error *error = NULL;
        WorkerClient *w = userdata;
        int r;

        r = bus_client_connect(w->path, "org.reprieve1", &c, &error);
        if (r >= 0)
                r = tell(c, "CycleStarted", w->job, w->cycle);
        (void) pthread_mutex_lock(&w->lock);
        while (r >= 0) {
                const char *phase = w->phase;
                uint64_t done = w->done, total = w->total, told_at;

                if (!w->news && w->ending) {
                        (void) pthread_mutex_unlock(&w->lock);
                        r = tell(c, "CycleFinished", w->job, w->cycle);
                        (void) pthread_mutex_lock(&w->lock);
                        break;
                }
                if (!w->news) {
                        (void) pthread_cond_wait(&w->wake, &w->lock);
                        continue;
                }
                w->news = false;
                (void) pthread_mutex_unlock(&w->lock);
                r = bus_client_call(c, "/org/reprieve1", "org.reprieve1.Worker", "Progress", CALL_USEC, NULL, NULL,
                                    "ssstt", w->job, w->cycle, phase, done, total);
                told_at = clock_monotonic();
                (void) pthread_mutex_lock(&w->lock);
                while (!w->ending && clock_monotonic() < told_at + PROGRESS_USEC)
                        wait_until(w, told_at + PROGRESS_USEC);
        }
        if (r < 0)
                log_debug("The service is not told of the cycle: %s", error_text(error, r));
        leave(w, THREAD);
        return NULL;
}

static int start_thread(WorkerClient *w) {
        sigset_t all, before;
        pthread_attr_t attr;
        pthread_t thread;
        int r;

        r = pthread_attr_init(&attr);
        if (r != 0)
                return -r;
        (void) pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
        /* Signals are the cycle's. */
        (void) sigfillset(&all);
        (void) pthread_sigmask(SIG_BLOCK, &all, &before);
        r = pthread_create(&thread, &attr, talk, w);
        (void) pthread_sigmask(SIG_SETMASK, &before, NULL);
        (void) pthread_attr_destroy(&attr);
        return -r;
}

int worker_client_new(const char *runtime_dir, const char *job, const char *cycle, WorkerClient **ret) {
        _cleanup_free_ char *path = path_join(runtime_dir, "bus");
        pthread_condattr_t attr;
        WorkerClient *w;
        int r;

        if (!path)
                return -ENOMEM;
        if (access(path, F_OK) < 0) {
                *ret = NULL;
                return 0;
        }
        w = calloc(1, sizeof(*w));
        if (!w)
                return -ENOMEM;
        (void) pthread_mutex_init(&w->lock, NULL);
        (void) pthread_condattr_init(&attr);
        (void) pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
        (void) pthread_cond_init(&w->wake, &attr);
        (void) pthread_condattr_destroy(&attr);
        w->path = TAKE_PTR(path);
        w->job = strdup(job);
        w->cycle = strdup(cycle);
        r = w->job && w->cycle ? start_thread(w) : -ENOMEM;
        if (r < 0) {
                worker_done(w);
                return r;
        }
        *ret = w;
        return 0;
}

void worker_client_progress(WorkerClient *w, const char *phase, uint64_t done, uint64_t total) {
        if (!w)
                return;
        (void) pthread_mutex_lock(&w->lock);
        w->phase = phase;
        w->done = done;
        w->total = total;
        if (!w->news) {
                w->news = true;
                (void) pthread_cond_broadcast(&w->wake);
        }
        (void) pthread_mutex_unlock(&w->lock);
}

WorkerClient *worker_client_free(WorkerClient *w) {
        uint64_t until;

        if (!w)
                return NULL;
        until = clock_monotonic() + FAREWELL_USEC;
        (void) pthread_mutex_lock(&w->lock);
        w->ending = true;
        w->news = false;
        (void) pthread_cond_broadcast(&w->wake);
        while (!w->left[THREAD] && clock_monotonic() < until)
                wait_until(w, until);
        leave(w, CYCLE);
        return NULL;
}
