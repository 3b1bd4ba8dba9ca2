/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "bus-message.h"

#include <errno.h>
#include <stdarg.h>

#include "bus-internal.h"

/* libdbus calls abort() when it is given a string that is no UTF-8, a bad path, a boolean that is neither 0 nor 1, or
 * a value that is not of the type its container was opened with, and corrupts memory when a value is read into the
 * wrong C type. So each frame knows what its container wants next, and nothing reaches libdbus that does not fit. */

#define DEPTH_MAX 24

typedef struct Frame {
        DBusMessageIter iter;
        char type;      /* 0 for the message itself */
        char *contents; /* writing: signature of what is inside, owned */
        size_t pos;     /* how much of it was written */
} Frame;

struct BusMessage {
        unsigned n_ref;
        DBusMessage *m;
        bool writing;
        int error;
        size_t size_bytes;
        unsigned depth;
        Frame frames[DEPTH_MAX];
};

/* va_list passed on by pointer, which the standard allows only inside a struct. */
typedef struct Args {
        va_list ap;
} Args;

int bus_message_wrap(DBusMessage *dm, bool writing, BusMessage **ret) {
        BusMessage *m = calloc(1, sizeof(*m));

        if (!m)
                return -ENOMEM;
        m->n_ref = 1;
        m->m = dbus_message_ref(dm);
        m->writing = writing;
        if (writing)
                dbus_message_iter_init_append(dm, &m->frames[0].iter);
        else
                dbus_message_iter_init(dm, &m->frames[0].iter);
        *ret = m;
        return 0;
}

/* An open container of a message that is thrown away must be abandoned, or libdbus leaks. */
static void drop_frames(BusMessage *m) {
        for (; m->depth > 0; m->depth--) {
                Frame *f = &m->frames[m->depth];

                if (m->writing)
                        dbus_message_iter_abandon_container_if_open(&m->frames[m->depth - 1].iter, &f->iter);
                free(f->contents);
                f->contents = NULL;
        }
}

BusMessage *bus_message_ref(BusMessage *m) {
        if (m)
                m->n_ref++;
        return m;
}

BusMessage *bus_message_unref(BusMessage *m) {
        if (!m || --m->n_ref > 0)
                return NULL;
        drop_frames(m);
        dbus_message_unref(m->m);
        free(m);
        return NULL;
}

DBusMessage *bus_message_get_dbus(const BusMessage *m) {
        return m->m;
}

void bus_message_rewind(BusMessage *m) {
        drop_frames(m);
        m->error = 0;
        dbus_message_iter_init(m->m, &m->frames[0].iter);
}

int bus_message_seal(const BusMessage *m) {
        if (!m)
                return -ENOMEM;
        return m->error ? m->error : m->depth > 0 ? -EINVAL : 0;
}

const char *bus_message_get_path(const BusMessage *m) {
        return dbus_message_get_path(m->m);
}

const char *bus_message_get_interface(const BusMessage *m) {
        return dbus_message_get_interface(m->m);
}

const char *bus_message_get_member(const BusMessage *m) {
        return dbus_message_get_member(m->m);
}

const char *bus_message_get_signature(const BusMessage *m) {
        return dbus_message_get_signature(m->m);
}

bool bus_message_is_signal(const BusMessage *m, const char *interface, const char *member) {
        return dbus_message_is_signal(m->m, interface, member);
}

int bus_message_status(const BusMessage *m) {
        return m ? m->error : -ENOMEM;
}

DBusMessage *bus_message_new_error(BusErrorCode code, const char *text) {
        _cleanup_free_ char *valid = utf8_make_valid(text);
        DBusMessage *m = dbus_message_new(DBUS_MESSAGE_TYPE_ERROR);
        const char *s = valid && dbus_validate_utf8(valid, NULL) ? valid : "Failed";

        if (!m || !dbus_message_set_error_name(m, bus_error_to_name(code)) ||
            !dbus_message_append_args(m, DBUS_TYPE_STRING, &s, DBUS_TYPE_INVALID)) {
                if (m)
                        dbus_message_unref(m);
                return NULL;
        }
        return m;
}

static int stick(BusMessage *m, int error) {
        if (!m->error)
                m->error = error;
        return m->error;
}

/* Length of the one complete type that @types begins with, at most @n; 0 if there is none. Only brackets are counted:
 * what is inside was validated, or is compared with what was. */
static size_t type_length(const char *types, size_t n) {
        size_t i = 0, depth = 0;

        while (i < n && types[i] == 'a')
                i++;
        for (; i < n; i++) {
                if (types[i] == '(' || types[i] == '{')
                        depth++;
                else if (types[i] == ')' || types[i] == '}') {
                        if (depth == 0)
                                return 0;
                        depth--;
                }
                if (depth == 0)
                        return i + 1;
        }
        return 0;
}

/* --- writing */

/* May a value of this complete type come next? Counts it as written. */
static int expect(BusMessage *m, const char *type, size_t n) {
        Frame *f = &m->frames[m->depth];

        if (!m->writing)
                return stick(m, -EINVAL);
        switch (f->type) {
        case 0: /* libdbus does not look at the length of a whole signature, but the peer does */
                if (f->pos + n > DBUS_MAXIMUM_SIGNATURE_LENGTH)
                        return stick(m, -EINVAL);
                f->pos += n;
                return 0;
        case 'a':
                if (strlen(f->contents) != n || strncmp(f->contents, type, n) != 0)
                        return stick(m, -EINVAL);
                return 0;
        default:
                if (strncmp(f->contents + f->pos, type, n) != 0)
                        return stick(m, -EINVAL);
                f->pos += n;
                return 0;
        }
}

static int count_bytes(BusMessage *m, size_t n) {
        m->size_bytes += n;
        return m->size_bytes > BUS_MESSAGE_SIZE_MAX ? stick(m, -EMSGSIZE) : 0;
}

static int append_basic(BusMessage *m, char type, const void *value, size_t size) {
        int r;

        r = expect(m, &type, 1);
        if (r < 0)
                return r;
        r = count_bytes(m, size + 8);
        if (r < 0)
                return r;
        if (!dbus_message_iter_append_basic(&m->frames[m->depth].iter, type, value))
                return stick(m, -ENOMEM);
        return 0;
}

static int append_string(BusMessage *m, char type, const char *s) {
        _cleanup_free_ char *repaired = NULL;

        switch (type) {
        case 'o':
                if (!s || !dbus_validate_path(s, NULL))
                        return stick(m, -EINVAL);
                break;
        case 'g':
                if (!s || !dbus_signature_validate(s, NULL))
                        return stick(m, -EINVAL);
                break;
        default:
                s = strempty(s);
                /* Before it is copied or looked at: it cannot fit. */
                if (strlen(s) > BUS_MESSAGE_SIZE_MAX)
                        return stick(m, -EMSGSIZE);
                if (!dbus_validate_utf8(s, NULL)) {
                        s = repaired = utf8_make_valid(s);
                        if (!s)
                                return stick(m, -ENOMEM);
                        if (!dbus_validate_utf8(s, NULL))
                                return stick(m, -EINVAL);
                }
        }
        return append_basic(m, type, &s, strlen(s));
}

int bus_message_open(BusMessage *m, char type, const char *contents) {
        char signature[DBUS_MAXIMUM_SIGNATURE_LENGTH + 1];
        _cleanup_free_ char *copy = NULL;
        size_t n = strlen(contents);
        int r, dbus_type;

        if (!m)
                return -ENOMEM;
        if (m->error)
                return m->error;
        if (m->depth + 1 >= DEPTH_MAX || n + 2 > DBUS_MAXIMUM_SIGNATURE_LENGTH)
                return stick(m, -EINVAL);
        switch (type) {
        case 'a':
                dbus_type = DBUS_TYPE_ARRAY;
                (void) snprintf(signature, sizeof(signature), "a%s", contents);
                if (!dbus_signature_validate_single(signature, NULL))
                        return stick(m, -EINVAL);
                break;
        case '(':
                dbus_type = DBUS_TYPE_STRUCT;
                (void) snprintf(signature, sizeof(signature), "(%s)", contents);
                if (!dbus_signature_validate_single(signature, NULL))
                        return stick(m, -EINVAL);
                break;
        case '{': /* exists only inside an array, whose signature was validated */
                dbus_type = DBUS_TYPE_DICT_ENTRY;
                if (m->frames[m->depth].type != 'a')
                        return stick(m, -EINVAL);
                (void) snprintf(signature, sizeof(signature), "{%s}", contents);
                break;
        case 'v':
                dbus_type = DBUS_TYPE_VARIANT;
                (void) snprintf(signature, sizeof(signature), "v");
                if (!dbus_signature_validate_single(contents, NULL))
                        return stick(m, -EINVAL);
                break;
        default:
                return stick(m, -EINVAL);
        }
        r = expect(m, signature, strlen(signature));
        if (r < 0)
                return r;
        r = count_bytes(m, 8);
        if (r < 0)
                return r;
        copy = strdup(contents);
        if (!copy || !dbus_message_iter_open_container(&m->frames[m->depth].iter, dbus_type,
                                                       type == 'a' || type == 'v' ? contents : NULL,
                                                       &m->frames[m->depth + 1].iter))
                return stick(m, -ENOMEM);
        m->depth++;
        m->frames[m->depth].type = type;
        m->frames[m->depth].contents = TAKE_PTR(copy);
        m->frames[m->depth].pos = 0;
        return 0;
}

int bus_message_close(BusMessage *m) {
        Frame *f;

        if (!m)
                return -ENOMEM;
        if (m->error)
                return m->error;
        f = &m->frames[m->depth];
        if (!m->writing || m->depth == 0 || (f->type != 'a' && f->contents[f->pos] != '\0'))
                return stick(m, -EINVAL);
        m->depth--;
        free(f->contents);
        f->contents = NULL;
        return dbus_message_iter_close_container(&m->frames[m->depth].iter, &f->iter) ? 0 : stick(m, -ENOMEM);
}

/* bus_message_open() and _enter() for a struct or dict entry given as a whole type. */
static int with_contents(BusMessage *m, const char *type, size_t n,
                         int (*func)(BusMessage *m, char type, const char *contents)) {
        char contents[DBUS_MAXIMUM_SIGNATURE_LENGTH + 1];

        if (n < 2 || n - 2 >= sizeof(contents))
                return stick(m, -EINVAL);
        memcpy(contents, type + 1, n - 2);
        contents[n - 2] = '\0';
        return func(m, type[0], contents);
}

static int append_strv(BusMessage *m, char *const *l) {
        int r;

        r = bus_message_open(m, 'a', "s");
        for (; r == 0 && l && *l; l++)
                r = append_string(m, 's', *l);
        return r < 0 ? r : bus_message_close(m);
}

static int append_types(BusMessage *m, const char *types, size_t n, Args *args) {
        for (size_t len; n > 0; types += len, n -= len) {
                int r;

                if (m->error)
                        return m->error;
                len = type_length(types, n);
                if (len == 0)
                        return stick(m, -EINVAL);
                switch (types[0]) {
                case 'y': {
                        uint8_t v = (uint8_t) va_arg(args->ap, int);
                        r = append_basic(m, 'y', &v, sizeof(v));
                        break;
                }
                case 'b': {
                        dbus_bool_t v = va_arg(args->ap, int) != 0;
                        r = append_basic(m, 'b', &v, sizeof(v));
                        break;
                }
                case 'n':
                case 'q': {
                        uint16_t v = (uint16_t) va_arg(args->ap, int);
                        r = append_basic(m, types[0], &v, sizeof(v));
                        break;
                }
                case 'i':
                case 'u': {
                        uint32_t v = va_arg(args->ap, uint32_t);
                        r = append_basic(m, types[0], &v, sizeof(v));
                        break;
                }
                case 'x':
                case 't': {
                        uint64_t v = va_arg(args->ap, uint64_t);
                        r = append_basic(m, types[0], &v, sizeof(v));
                        break;
                }
                case 'd': {
                        double v = va_arg(args->ap, double);
                        r = append_basic(m, 'd', &v, sizeof(v));
                        break;
                }
                case 's':
                case 'o':
                case 'g':
                        r = append_string(m, types[0], va_arg(args->ap, const char *));
                        break;
                case 'h': {
                        int v = va_arg(args->ap, int);
                        r = v < 0 ? stick(m, -EBADF) : append_basic(m, 'h', &v, sizeof(v));
                        break;
                }
                case 'a':
                        if (len != 2 || types[1] != 's')
                                return stick(m, -EINVAL);
                        r = append_strv(m, va_arg(args->ap, char *const *));
                        break;
                case '(':
                case '{':
                        r = with_contents(m, types, len, bus_message_open);
                        if (r == 0)
                                r = append_types(m, types + 1, len - 2, args);
                        if (r == 0)
                                r = bus_message_close(m);
                        break;
                case 'v': {
                        const char *contents = va_arg(args->ap, const char *);
                        r = bus_message_open(m, 'v', contents);
                        if (r == 0)
                                r = append_types(m, contents, strlen(contents), args);
                        if (r == 0)
                                r = bus_message_close(m);
                        break;
                }
                default:
                        return stick(m, -EINVAL);
                }
                if (r < 0)
                        return r;
        }
        return m->error;
}

int bus_message_appendv(BusMessage *m, const char *types, va_list ap) {
        Args args;
        int r;

        if (!m)
                return -ENOMEM;
        va_copy(args.ap, ap);
        r = append_types(m, types, strlen(types), &args);
        va_end(args.ap);
        return r;
}

int bus_message_append(BusMessage *m, const char *types, ...) {
        va_list ap;
        int r;

        va_start(ap, types);
        r = bus_message_appendv(m, types, ap);
        va_end(ap);
        return r;
}

int bus_message_append_counts(BusMessage *m, const char *const *names, const uint64_t *values, size_t n) {
        int r;

        r = bus_message_open(m, 'a', "{st}");
        for (size_t i = 0; r == 0 && i < n; i++)
                r = bus_message_append(m, "{st}", names[i], values[i]);
        return r < 0 ? r : bus_message_close(m);
}

/* @from stands in a message that libdbus made, so what comes out of it is valid; @m still checks that it fits. */
static int copy_values(BusMessage *m, DBusMessageIter *from) {
        int r = 0;

        for (int type; r == 0 && (type = dbus_message_iter_get_arg_type(from)) != DBUS_TYPE_INVALID;
             dbus_message_iter_next(from)) {
                DBusMessageIter sub;
                DBusBasicValue v;
                char *signature;
                size_t n;

                if (dbus_type_is_basic(type)) {
                        dbus_message_iter_get_basic(from, &v);
                        if (type == DBUS_TYPE_STRING || type == DBUS_TYPE_OBJECT_PATH || type == DBUS_TYPE_SIGNATURE)
                                r = append_string(m, (char) type, v.str);
                        else
                                r = append_basic(m, (char) type, &v, sizeof(v));
                        if (type == DBUS_TYPE_UNIX_FD)
                                (void) safe_close(v.fd);
                        continue;
                }
                dbus_message_iter_recurse(from, &sub);
                signature = dbus_message_iter_get_signature(type == DBUS_TYPE_VARIANT ? &sub : from);
                if (!signature)
                        return stick(m, -ENOMEM);
                n = strlen(signature);
                if (type == DBUS_TYPE_VARIANT)
                        r = bus_message_open(m, 'v', signature);
                else if (type == DBUS_TYPE_ARRAY)
                        r = bus_message_open(m, 'a', signature + 1);
                else {
                        signature[n - 1] = '\0';
                        r = bus_message_open(m, signature[0], signature + 1);
                }
                dbus_free(signature);
                if (r == 0)
                        r = copy_values(m, &sub);
                if (r == 0)
                        r = bus_message_close(m);
        }
        return r;
}

int bus_message_append_from(BusMessage *m, const BusMessage *from) {
        DBusMessageIter iter;
        int r;

        r = bus_message_seal(from);
        if (r < 0)
                return m ? stick(m, r) : -ENOMEM;
        if (!m || m->error)
                return bus_message_status(m);
        dbus_message_iter_init(from->m, &iter);
        return copy_values(m, &iter);
}

/* --- reading */

static int check_reading(BusMessage *m) {
        if (!m)
                return -ENOMEM;
        return m->error ? m->error : m->writing ? stick(m, -EBADMSG) : 0;
}

static char type_to_public(int type) {
        return type == DBUS_TYPE_STRUCT ? '(' : type == DBUS_TYPE_DICT_ENTRY ? '{' : (char) type;
}

char bus_message_peek(BusMessage *m) {
        if (check_reading(m) < 0)
                return 0;
        return type_to_public(dbus_message_iter_get_arg_type(&m->frames[m->depth].iter));
}

bool bus_message_more(BusMessage *m) {
        return bus_message_peek(m) != 0;
}

int bus_message_skip(BusMessage *m) {
        int r;

        r = check_reading(m);
        if (r < 0)
                return r;
        if (!bus_message_more(m))
                return stick(m, -EBADMSG);
        dbus_message_iter_next(&m->frames[m->depth].iter);
        return 0;
}

/* Is what @iter stands on, or is inside, of this signature? -EBADMSG if not. */
static int compare_signature(DBusMessageIter *iter, const char *open, const char *contents, const char *close) {
        size_t n_open = strlen(open), n = strlen(contents);
        char *signature = dbus_message_iter_get_signature(iter);
        int r;

        if (!signature)
                return -ENOMEM;
        r = startswith(signature, open) && strncmp(signature + n_open, contents, n) == 0 &&
            streq(signature + n_open + n, close) ? 0 : -EBADMSG;
        dbus_free(signature);
        return r;
}

int bus_message_enter(BusMessage *m, char type, const char *contents) {
        Frame *f;
        int r;

        r = check_reading(m);
        if (r < 0)
                return r;
        if (type == 0 || bus_message_peek(m) != type || !strchr("a({v", type) || m->depth + 1 >= DEPTH_MAX)
                return stick(m, -EBADMSG);
        f = &m->frames[m->depth + 1];
        if (contents && type != 'v') {
                r = compare_signature(&f[-1].iter, type == 'a' ? "a" : type == '(' ? "(" : "{", contents,
                                      type == 'a' ? "" : type == '(' ? ")" : "}");
                if (r < 0)
                        return stick(m, r);
        }
        dbus_message_iter_recurse(&f[-1].iter, &f->iter);
        if (contents && type == 'v') {
                r = compare_signature(&f->iter, "", contents, "");
                if (r < 0)
                        return stick(m, r);
        }
        f->type = type;
        m->depth++;
        return 0;
}

int bus_message_exit(BusMessage *m) {
        int r;

        r = check_reading(m);
        if (r < 0)
                return r;
        if (m->depth == 0)
                return stick(m, -EBADMSG);
        m->depth--;
        dbus_message_iter_next(&m->frames[m->depth].iter);
        return 0;
}

int bus_message_peek_variant(BusMessage *m, char buf[static 256]) {
        DBusMessageIter sub;
        char *signature;

        if (bus_message_peek(m) != 'v')
                return m ? stick(m, -EBADMSG) : -ENOMEM;
        dbus_message_iter_recurse(&m->frames[m->depth].iter, &sub);
        signature = dbus_message_iter_get_signature(&sub);
        if (!signature)
                return stick(m, -ENOMEM);
        (void) snprintf(buf, 256, "%s", signature);
        dbus_free(signature);
        return 0;
}

static int read_basic(BusMessage *m, char type, DBusBasicValue *ret) {
        DBusMessageIter *iter = &m->frames[m->depth].iter;

        if (dbus_message_iter_get_arg_type(iter) != type)
                return stick(m, -EBADMSG);
        dbus_message_iter_get_basic(iter, ret);
        if (type == 'h' && ret->fd < 0)
                return stick(m, -EMFILE);
        dbus_message_iter_next(iter);
        return 0;
}

static int read_strv(BusMessage *m, char ***ret) {
        char **l = calloc(1, sizeof(char *));
        size_t n = 0, n_allocated = 1;
        int r;

        if (!l)
                return stick(m, -ENOMEM);
        r = bus_message_enter(m, 'a', "s");
        while (r == 0 && bus_message_more(m)) {
                DBusBasicValue v;

                r = read_basic(m, 's', &v);
                if (r == 0)
                        r = ARRAY_GROW(l, n_allocated, n + 2);
                if (r == 0) {
                        l[n] = strdup(v.str);
                        if (!l[n])
                                r = -ENOMEM;
                        else
                                l[++n] = NULL;
                }
        }
        if (r == 0)
                r = bus_message_exit(m);
        if (r < 0 || !ret) {
                strv_free(l);
                return r < 0 ? stick(m, r) : 0;
        }
        *ret = l;
        return 0;
}

#define READ(type, field)                               \
        {                                               \
                type *ret = va_arg(args->ap, type *);   \
                r = read_basic(m, types[0], &v);        \
                if (r == 0 && ret)                      \
                        *ret = (type) v.field;          \
                break;                                  \
        }

static int read_types(BusMessage *m, const char *types, size_t n, Args *args) {
        for (size_t len; n > 0; types += len, n -= len) {
                DBusBasicValue v = {};
                int r;

                len = type_length(types, n);
                if (len == 0)
                        return stick(m, -EBADMSG);
                switch (types[0]) {
                case 'y': READ(uint8_t, byt)
                case 'b': READ(bool, bool_val)
                case 'n': READ(int16_t, i16)
                case 'q': READ(uint16_t, u16)
                case 'i': READ(int32_t, i32)
                case 'u': READ(uint32_t, u32)
                case 'x': READ(int64_t, i64)
                case 't': READ(uint64_t, u64)
                case 'd': READ(double, dbl)
                case 's':
                case 'o':
                case 'g': READ(const char *, str)
                case 'h': {
                        int *ret = va_arg(args->ap, int *);

                        r = read_basic(m, 'h', &v);
                        if (r == 0 && ret)
                                *ret = v.fd;
                        else if (r == 0)
                                (void) close(v.fd);
                        break;
                }
                case 'a':
                        if (len != 2 || types[1] != 's')
                                return stick(m, -EBADMSG);
                        r = read_strv(m, va_arg(args->ap, char ***));
                        break;
                case '(':
                case '{':
                        r = with_contents(m, types, len, bus_message_enter);
                        if (r == 0)
                                r = read_types(m, types + 1, len - 2, args);
                        if (r == 0)
                                r = bus_message_exit(m);
                        break;
                case 'v': {
                        const char *contents = va_arg(args->ap, const char *);

                        r = bus_message_enter(m, 'v', contents);
                        if (r == 0)
                                r = read_types(m, contents, strlen(contents), args);
                        if (r == 0)
                                r = bus_message_exit(m);
                        break;
                }
                default:
                        return stick(m, -EBADMSG);
                }
                if (r < 0)
                        return r;
        }
        return 0;
}

int bus_message_read(BusMessage *m, const char *types, ...) {
        Args args;
        int r;

        r = check_reading(m);
        if (r < 0)
                return r;
        va_start(args.ap, types);
        r = read_types(m, types, strlen(types), &args);
        va_end(args.ap);
        return r;
}
