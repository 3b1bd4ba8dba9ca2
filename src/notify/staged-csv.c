/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "staged-csv.h"

#include <errno.h>
#include <zlib.h>

#include "mime.h"
#include "time-util.h"

struct StagedList {
        z_stream z;
        StrBuf plain;             /* rows not yet given to the compressor */
        StrBuf packed;
        size_t max_bytes;
        uint64_t rows, size;
        bool ready;               /* z is initialised */
        bool full;
};

/* ---- cells ---- */

/* Also the full width forms, U+FF0B "＋", U+FF0D "－", U+FF1D "＝", U+FF20 "＠": spreadsheets in East Asian locales
 * take them as well. */
static bool starts_formula(const char *s) {
        static const char *const wide[] = { "\xef\xbc\x8b", "\xef\xbc\x8d", "\xef\xbc\x9d", "\xef\xbc\xa0" };

        if (*s && strchr("\t\r\n", *s))
                return true;
        s += strspn(s, " ");
        if (*s && strchr("=+-@", *s))
                return true;
        for (size_t i = 0; i < ELEMENTSOF(wide); i++)
                if (startswith(s, wide[i]))
                        return true;
        return false;
}

void staged_csv_append_cell(StrBuf *b, const char *s) {
        _cleanup_free_ char *valid = NULL;
        bool quote;

        if (isempty(s))
                return;
        if (!utf8_is_valid(s, strlen(s))) {
                valid = utf8_make_valid(s);
                if (!valid) {
                        b->failed = true;
                        return;
                }
                s = valid;
        }
        quote = strpbrk(s, ",\"\r\n") || *s == ' ' || s[strlen(s) - 1] == ' ';
        if (quote)
                strbuf_putc(b, '"');
        if (starts_formula(s))
                strbuf_putc(b, '\'');
        for (; *s; s++) {
                if (*s == '"')
                        strbuf_putc(b, '"');
                strbuf_putc(b, *s);
        }
        if (quote)
                strbuf_putc(b, '"');
}

void staged_csv_append(StrBuf *b, const Staged *s, const char *member) {
        const char *const cells[] = {
                object_kind_to_string(s->kind),    s->source_id, s->target_id, s->display_name,
                change_action_to_string(s->action), cause_to_string(s->cause),
        };
        char when[64];

        for (size_t i = 0; i < ELEMENTSOF(cells); i++) {
                staged_csv_append_cell(b, cells[i]);
                strbuf_putc(b, ',');
        }
        strbuf_puts(b, timestamp_format_rfc3339(s->staged_at, when));
        strbuf_putc(b, ',');
        staged_csv_append_cell(b, member);
        strbuf_putc(b, ',');
        if (s->disabled.at > 0)
                strbuf_puts(b, timestamp_format_rfc3339(s->disabled.at, when));
        strbuf_putc(b, ',');
        staged_csv_append_cell(b, cause_to_string(s->disabled.cause));
        strbuf_putc(b, ',');
        staged_csv_append_cell(b, s->disabled.user);
        strbuf_putc(b, ',');
        staged_csv_append_cell(b, s->disabled.review);
        strbuf_puts(b, "\r\n");
}

/* ---- the compressed list ---- */

StagedList *staged_list_new(size_t max_bytes) {
        _cleanup_(staged_list_freep) StagedList *l = calloc(1, sizeof(*l));

        if (!l)
                return NULL;
        /* 16 + 15: a gzip header, without name and time, so that the same list gives the same bytes. */
        if (deflateInit2(&l->z, Z_BEST_COMPRESSION, Z_DEFLATED, 16 + 15, 8, Z_DEFAULT_STRATEGY) != Z_OK)
                return NULL;
        l->ready = true;
        l->max_bytes = max_bytes;
        strbuf_puts(&l->plain, STAGED_CSV_HEADER);
        return strbuf_check(&l->plain) < 0 ? NULL : TAKE_PTR(l);
}

StagedList *staged_list_free(StagedList *l) {
        if (!l)
                return NULL;
        if (l->ready)
                (void) deflateEnd(&l->z);
        strbuf_done(&l->plain);
        strbuf_done(&l->packed);
        free(l);
        return NULL;
}

static int pack(StagedList *l, int flush) {
        unsigned char out[16384];
        int z;

        if (strbuf_check(&l->plain) < 0)
                return -ENOMEM;
        l->z.next_in = (unsigned char *) l->plain.data;
        l->z.avail_in = (uInt) l->plain.size;
        do {
                l->z.next_out = out;
                l->z.avail_out = sizeof(out);
                z = deflate(&l->z, flush);
                assert(z != Z_STREAM_ERROR);
                strbuf_append(&l->packed, out, sizeof(out) - l->z.avail_out);
        } while (l->z.avail_out == 0);
        l->size += l->plain.size;
        strbuf_clear(&l->plain);
        return strbuf_check(&l->packed);
}

int staged_list_add(StagedList *l, const Staged *s, const char *member) {
        int r;

        if (l->full)
                return 0;
        staged_csv_append(&l->plain, s, member);
        l->rows++;
        if (l->plain.size < 65536)
                return strbuf_check(&l->plain);
        r = pack(l, Z_NO_FLUSH);
        if (r < 0)
                return r;
        l->full = l->packed.size >= l->max_bytes;
        return 0;
}

int staged_list_finish(StagedList *l, char **ret, uint64_t *ret_rows, uint64_t *ret_size) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;
        int r;

        r = pack(l, Z_FINISH);
        if (r < 0)
                return r;
        mime_append_base64(&b, l->packed.data, l->packed.size, 0);
        r = strbuf_steal(&b, ret);
        if (r < 0)
                return r;
        *ret_rows = l->rows;
        *ret_size = l->size;
        return 0;
}

int staged_list_unpack(const void *gzip, size_t size, size_t max_bytes, char **ret, size_t *ret_size) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT;
        unsigned char out[16384];
        z_stream z = {};
        size_t n;
        int r, e;

        if (size > UINT32_MAX)
                return -E2BIG;
        if (inflateInit2(&z, 16 + 15) != Z_OK)
                return -ENOMEM;
        z.next_in = (unsigned char *) gzip;
        z.avail_in = (uInt) size;
        do {
                z.next_out = out;
                z.avail_out = sizeof(out);
                e = inflate(&z, Z_NO_FLUSH);
                strbuf_append(&b, out, sizeof(out) - z.avail_out);
        } while (e == Z_OK && b.size <= max_bytes);
        (void) inflateEnd(&z);
        if (e == Z_MEM_ERROR)
                return -ENOMEM;
        if (b.size > max_bytes)
                return -E2BIG;
        if (e != Z_STREAM_END)
                return -EBADMSG;
        n = b.size;
        r = strbuf_steal(&b, ret);
        if (r < 0)
                return r;
        *ret_size = n;
        return 0;
}
