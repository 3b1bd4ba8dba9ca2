/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

/* Lists of people: paged for a screen, whole through a descriptor. And of cycles, which name nobody. */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/mman.h>

#include "file-util.h"
#include "job.h"
#include "service-internal.h"
#include "staged-csv.h"

typedef struct Page {
        Ledger *ledger;
        uint64_t skip, left;
        bool all;
        JobStagedFunc f;
        void *userdata;
} Page;

/* The ledger's set also has rows that were decided and wait for the cycle; under review are the others. */
static int on_staged(const Staged *s, void *userdata) {
        _cleanup_(arena_freep) Arena *arena = NULL;
        Page *p = userdata;
        Link member = {};
        int r;

        if (s->state != STAGED_UNDECIDED)
                return 0;
        if (p->skip > 0) {
                p->skip--;
                return 0;
        }
        if (s->member != 0) {
                arena = arena_new();
                if (!arena)
                        return -ENOMEM;
                r = ledger_get_link(p->ledger, s->member, arena, &member);
                if (r < 0)
                        return r;
        }
        r = p->f(s, member.source_id, p->userdata);
        if (r < 0)
                return r;
        return p->all || --p->left > 0 ? 0 : -ECANCELED;
}

int job_list_staged(Job *j, uint64_t offset, uint64_t limit, JobStagedFunc f, void *userdata, Error **ret_error) {
        Page p = { .skip = offset, .left = limit, .all = limit == 0, .f = f, .userdata = userdata };
        _cleanup_(ledger_freep) Ledger *l = NULL;
        int r;

        r = job_open_ledger(j, LEDGER_READ_ONLY, false, &l, ret_error);
        if (r != 0 || !l)
                return r;
        p.ledger = l;
        r = ledger_scan_staged(l, 0, 0, on_staged, &p);
        if (r == -ECANCELED)
                return 0;
        return r < 0 ? job_ledger_failed(j, l, r, ret_error) : 0;
}

int job_summarize_staged(Job *j, LedgerSummaryFunc f, void *userdata, Error **ret_error) {
        _cleanup_(ledger_freep) Ledger *l = NULL;
        int r;

        r = job_open_ledger(j, LEDGER_READ_ONLY, false, &l, ret_error);
        if (r != 0 || !l)
                return r;
        r = ledger_summarize_staged(l, f, userdata);
        return r < 0 ? job_ledger_failed(j, l, r, ret_error) : 0;
}

int job_summarize_second_wave(Job *j, LedgerSecondWaveFunc f, void *userdata, Error **ret_error) {
        _cleanup_(ledger_freep) Ledger *l = NULL;
        int r;

        r = job_open_ledger(j, LEDGER_READ_ONLY, false, &l, ret_error);
        if (r != 0 || !l)
                return r;
        r = ledger_summarize_second_wave(l, f, userdata);
        return r < 0 ? job_ledger_failed(j, l, r, ret_error) : 0;
}

int job_summarize_group_losses(Job *j, LedgerGroupLossFunc f, void *userdata, Error **ret_error) {
        _cleanup_(ledger_freep) Ledger *l = NULL;
        int r;

        r = job_open_ledger(j, LEDGER_READ_ONLY, false, &l, ret_error);
        if (r != 0 || !l)
                return r;
        r = ledger_summarize_group_losses(l, f, userdata);
        if (r == -ECANCELED)
                return 0;
        return r < 0 ? job_ledger_failed(j, l, r, ret_error) : 0;
}

int job_list_held(Job *j, uint64_t offset, uint64_t limit, LedgerHoldFunc f, void *userdata, Error **ret_error) {
        _cleanup_(ledger_freep) Ledger *l = NULL;
        int r;

        r = job_open_ledger(j, LEDGER_READ_ONLY, false, &l, ret_error);
        if (r != 0 || !l)
                return r;
        r = ledger_scan_holds(l, offset, limit, f, userdata);
        if (r == -ECANCELED)
                return 0;
        return r < 0 ? job_ledger_failed(j, l, r, ret_error) : 0;
}

int job_list_cycles(Job *j, uint64_t limit, LedgerCycleFunc f, void *userdata, Error **ret_error) {
        _cleanup_(ledger_freep) Ledger *l = NULL;
        int r;

        r = job_open_ledger(j, LEDGER_READ_ONLY, false, &l, ret_error);
        if (r != 0 || !l)
                return r;
        r = ledger_scan_cycles(l, limit, f, userdata);
        return r < 0 ? job_ledger_failed(j, l, r, ret_error) : 0;
}

typedef struct Writer {
        int fd;
        bool json;
        StrBuf buffer;
} Writer;

#define WRITER_CHUNK (64U * 1024U)

static int writer_flush(Writer *w, size_t at_least) {
        int r;

        r = strbuf_check(&w->buffer);
        if (r < 0 || w->buffer.size < at_least || w->buffer.size == 0)
                return r;
        r = loop_write(w->fd, w->buffer.data, w->buffer.size);
        strbuf_clear(&w->buffer);
        return r;
}

static void json_member(StrBuf *b, const char *name, const char *value) {
        strbuf_printf(b, "\"%s\":", name);
        strbuf_json(b, strempty(value));
        strbuf_putc(b, ',');
}

static int on_write(const Staged *s, const char *member, void *userdata) {
        Writer *w = userdata;
        StrBuf *b = &w->buffer;

        if (!w->json) {
                staged_csv_append(b, s, member);
                return writer_flush(w, WRITER_CHUNK);
        }
        strbuf_putc(b, '{');
        json_member(b, "kind", object_kind_to_string(s->kind));
        json_member(b, "source_id", s->source_id);
        json_member(b, "target_id", s->target_id);
        json_member(b, "display_name", s->display_name);
        json_member(b, "action", change_action_to_string(s->action));
        json_member(b, "cause", cause_to_string(s->cause));
        json_member(b, "member", member);
        json_member(b, "change", s->change_id);
        if (s->disabled.at > 0) {
                strbuf_printf(b, "\"disabled_at\":%" PRIu64 ",", s->disabled.at);
                json_member(b, "disabled_cause", cause_to_string(s->disabled.cause));
                json_member(b, "disabled_by", s->disabled.user);
                json_member(b, "disabled_review", s->disabled.review);
        }
        strbuf_printf(b, "\"staged_at\":%" PRIu64 "}\n", s->staged_at);
        return writer_flush(w, WRITER_CHUNK);
}

int job_open_staged(Job *j, const char *format, int *ret_fd, Error **ret_error) {
        _cleanup_close_ int fd = -1;
        Writer w = { .buffer = STRBUF_INIT };
        int r;

        w.json = streq(format, "json");
        if (!w.json && !streq(format, "csv"))
                return error_set(ret_error, SERVICE_E_INVALID_ARGUMENT,
                                 "\"%s\" is no format of the list; csv and json are", format);
        w.fd = fd = memfd_create("reprieve-staged", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (fd < 0)
                return -errno;
        if (!w.json)
                strbuf_puts(&w.buffer, STAGED_CSV_HEADER);
        r = job_list_staged(j, 0, 0, on_write, &w, ret_error);
        if (r == 0)
                r = writer_flush(&w, 0);
        strbuf_done(&w.buffer);
        if (r != 0)
                return r;
        if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0 ||
            lseek(fd, 0, SEEK_SET) < 0)
                return -errno;
        *ret_fd = TAKE_FD(fd);
        return 0;
}
