/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>

#include "bus-internal.h"
#include "tap.h"

static BusMessage *writer(void) {
        _cleanup_dbus_message_ DBusMessage *dm = dbus_message_new(DBUS_MESSAGE_TYPE_METHOD_RETURN);
        BusMessage *m = NULL;

        return bus_message_wrap(dm, true, &m) < 0 ? NULL : m;
}

/* What was written, as the peer would read it. */
static BusMessage *reader(BusMessage *w) {
        BusMessage *m = NULL;

        return bus_message_seal(w) < 0 || bus_message_wrap(bus_message_get_dbus(w), false, &m) < 0 ? NULL : m;
}

TEST(what_is_written_is_read) {
        _cleanup_bus_message_ BusMessage *w = writer(), *m = NULL;
        _cleanup_strv_ char **l = NULL;
        char *names[] = {(char *) "a", (char *) "b", NULL};
        uint8_t y;
        bool b;
        int16_t n;
        uint16_t q;
        int32_t i;
        uint32_t u;
        int64_t x;
        uint64_t t;
        double d;
        const char *s, *o, *g, *v, *ss;

        CHECK_INT(bus_message_append(w, "ybnqiuxtdsogas(sv)", 255, 4, -2, 65535, -3, 4000000000U, INT64_C(-5),
                                     UINT64_MAX, 0.5, "text", "/a/b", "a{sv}", names, "in", "s", "variant"),
                  0);
        m = reader(w);
        CHECK_STR(bus_message_get_signature(m), "ybnqiuxtdsogas(sv)");
        CHECK_INT(bus_message_read(m, "ybnqiuxtdsogas(sv)", &y, &b, &n, &q, &i, &u, &x, &t, &d, &s, &o, &g, &l, &ss,
                                   "s", &v),
                  0);
        CHECK(y == 255 && b && n == -2 && q == 65535 && i == -3 && u == 4000000000U && x == -5 && t == UINT64_MAX);
        CHECK(d == 0.5);
        CHECK_STR(s, "text");
        CHECK_STR(o, "/a/b");
        CHECK_STR(g, "a{sv}");
        CHECK_INT(strv_length(l), 2);
        CHECK_STR(l[1], "b");
        CHECK_STR(ss, "in");
        CHECK_STR(v, "variant");
        CHECK(!bus_message_more(m));
}

TEST(arrays_are_walked_with_more) {
        _cleanup_bus_message_ BusMessage *w = writer(), *m = NULL;
        const char *names[] = {"created", "deleted"};
        const uint64_t values[] = {3, 4};
        const char *a, *b;
        uint64_t sum = 0;

        CHECK_INT(bus_message_open(w, 'a', "(ss)"), 0);
        CHECK_INT(bus_message_append(w, "(ss)(ss)", "user", "1", "group", "2"), 0);
        CHECK_INT(bus_message_close(w), 0);
        CHECK_INT(bus_message_append_counts(w, names, values, 2), 0);
        m = reader(w);
        CHECK_STR(bus_message_get_signature(m), "a(ss)a{st}");
        CHECK_INT(bus_message_enter(m, 'a', "(ss)"), 0);
        CHECK_INT(bus_message_read(m, "(ss)", &a, &b), 0);
        CHECK_STR(b, "1");
        CHECK_INT(bus_message_peek(m), '(');
        CHECK_INT(bus_message_exit(m), 0); /* the rest is skipped */
        CHECK_INT(bus_message_enter(m, 'a', "{st}"), 0);
        while (bus_message_more(m)) {
                uint64_t v;

                CHECK_INT(bus_message_peek(m), '{');
                CHECK_INT(bus_message_read(m, "{st}", &a, &v), 0);
                sum += v;
        }
        CHECK_INT(bus_message_exit(m), 0);
        CHECK_INT(sum, 7);
        CHECK_INT(bus_message_status(m), 0);
}

TEST(a_variant_tells_its_type_before_it_is_read) {
        _cleanup_bus_message_ BusMessage *w = writer(), *m = NULL;
        char signature[256];

        CHECK_INT(bus_message_append(w, "v", "(st)", "x", UINT64_C(1)), 0);
        m = reader(w);
        CHECK_INT(bus_message_peek_variant(m, signature), 0);
        CHECK_STR(signature, "(st)");
        CHECK_INT(bus_message_enter(m, 'v', "s"), -EBADMSG);
}

TEST(bytes_that_are_no_utf8_are_repaired_and_null_is_empty) {
        _cleanup_bus_message_ BusMessage *w = writer(), *m = NULL;
        const char *a, *b;

        CHECK_INT(bus_message_append(w, "ss", "M\xfcller", NULL), 0);
        m = reader(w);
        CHECK_INT(bus_message_read(m, "ss", &a, &b), 0);
        CHECK_STR(a, "M\xef\xbf\xbdller");
        CHECK_STR(b, "");
}

static int append_one(const char *types, const char *value) {
        _cleanup_bus_message_ BusMessage *w = writer();

        return bus_message_append(w, types, value);
}

TEST(what_would_make_libdbus_abort_is_refused) {
        CHECK_INT(append_one("o", "no/slash"), -EINVAL);
        CHECK_INT(append_one("o", "/a-b"), -EINVAL);
        CHECK_INT(append_one("o", NULL), -EINVAL);
        CHECK_INT(append_one("g", "a{"), -EINVAL);
        CHECK_INT(append_one("z", "s"), -EINVAL);
        CHECK_INT(append_one("(s", "s"), -EINVAL);
        CHECK_INT(append_one("v", "ss"), -EINVAL);
        CHECK_INT(append_one("v", "}"), -EINVAL);
        CHECK_INT(append_one("at", "x"), -EINVAL);
}

TEST(a_container_takes_only_what_it_was_opened_for) {
        _cleanup_bus_message_ BusMessage *a = writer(), *b = writer(), *c = writer(), *d = writer(), *e = writer();

        CHECK_INT(bus_message_open(a, 'a', "u"), 0);
        CHECK_INT(bus_message_append(a, "s", "x"), -EINVAL);
        CHECK_INT(bus_message_close(a), -EINVAL); /* it sticks */
        CHECK_INT(bus_message_open(b, '(', "su"), 0);
        CHECK_INT(bus_message_append(b, "s", "x"), 0);
        CHECK_INT(bus_message_close(b), -EINVAL); /* half a struct */
        CHECK_INT(bus_message_open(c, '{', "sv"), -EINVAL);
        CHECK_INT(bus_message_open(d, 'v', "s"), 0);
        CHECK_INT(bus_message_append(d, "ss", "x", "y"), -EINVAL);
        CHECK_INT(bus_message_open(e, 'a', "{sv}"), 0);
        CHECK_INT(bus_message_append(e, "{su}", "x", 1), -EINVAL);
        CHECK_INT(bus_message_seal(e), -EINVAL);
}

TEST(a_message_above_a_mebibyte_is_refused) {
        _cleanup_bus_message_ BusMessage *one = writer(), *many = writer();
        _cleanup_free_ char *s = malloc(BUS_MESSAGE_SIZE_MAX + 1);
        int r = 0;

        CHECK(s);
        memset(s, 'x', BUS_MESSAGE_SIZE_MAX);
        s[BUS_MESSAGE_SIZE_MAX] = '\0';
        CHECK_INT(bus_message_append(one, "s", s), -EMSGSIZE);
        CHECK_INT(bus_message_open(many, 'a', "(tt)"), 0);
        for (unsigned i = 0; r == 0 && i < 1000000; i++)
                r = bus_message_append(many, "(tt)", UINT64_C(1), UINT64_C(2));
        CHECK_INT(r, -EMSGSIZE);
        CHECK_INT(bus_message_seal(many), -EMSGSIZE);
}

TEST(a_whole_signature_stays_within_the_protocol) {
        _cleanup_bus_message_ BusMessage *w = writer();
        int r = 0;

        for (unsigned i = 0; i < 255; i++)
                CHECK_INT(r = bus_message_append(w, "u", i), 0);
        CHECK_INT(bus_message_append(w, "u", 1), -EINVAL);
}

TEST(deep_nesting_is_refused) {
        _cleanup_bus_message_ BusMessage *w = writer();
        int r = 0;

        for (unsigned i = 0; r == 0 && i < 100; i++)
                r = bus_message_open(w, 'v', "v");
        CHECK_INT(r, -EINVAL);
}

TEST(reading_another_type_is_an_error_that_sticks) {
        _cleanup_bus_message_ BusMessage *w = writer(), *m = NULL;
        uint32_t u = 7;
        const char *s;

        CHECK_INT(bus_message_append(w, "s", "x"), 0);
        m = reader(w);
        CHECK_INT(bus_message_read(m, "u", &u), -EBADMSG);
        CHECK_INT(u, 7);
        CHECK_INT(bus_message_read(m, "s", &s), -EBADMSG);
        CHECK(!bus_message_more(m));
        bus_message_rewind(m);
        CHECK_INT(bus_message_read(m, "s", &s), 0);
        CHECK_INT(bus_message_read(m, "s", &s), -EBADMSG); /* nothing more */
        CHECK_INT(bus_message_exit(m), -EBADMSG);
}

TEST(a_reader_does_not_write_and_a_writer_does_not_read) {
        _cleanup_bus_message_ BusMessage *w = writer(), *m = reader(w);
        const char *s;

        CHECK_INT(bus_message_append(m, "s", "x"), -EINVAL);
        CHECK_INT(bus_message_read(w, "s", &s), -EBADMSG);
        CHECK_INT(bus_message_append(NULL, "s", "x"), -ENOMEM);
        CHECK_INT(bus_message_read(NULL, "s", &s), -ENOMEM);
        CHECK_INT(bus_message_status(NULL), -ENOMEM);
}

TEST(descriptors_are_duplicated_both_ways) {
        _cleanup_bus_message_ BusMessage *w = writer(), *m = NULL, *bad = writer();
        int p[2], fd = -1;

        CHECK_INT(pipe2(p, O_CLOEXEC), 0);
        CHECK_INT(bus_message_append(w, "h", p[0]), 0);
        CHECK_INT(bus_message_append(bad, "h", -1), -EBADF);
        m = reader(w);
        CHECK_INT(bus_message_read(m, "h", NULL), 0);
        bus_message_rewind(m);
        CHECK_INT(bus_message_read(m, "h", &fd), 0);
        CHECK(fd >= 0 && fd != p[0] && fcntl(fd, F_GETFD) & FD_CLOEXEC);
        close(fd);
        close(p[0]);
        close(p[1]);
}

TEST(values_are_copied_from_message_to_message) {
        _cleanup_bus_message_ BusMessage *w = writer(), *copy = writer(), *m = NULL;
        _cleanup_strv_ char **l = NULL;
        char *names[] = {(char *) "a", NULL};
        const char *s, *inner;
        uint32_t u;

        CHECK_INT(bus_message_append(w, "(sv)as", "x", "(u)", 5U, names), 0);
        CHECK_INT(bus_message_open(w, 'a', "{sv}"), 0);
        CHECK_INT(bus_message_append(w, "{sv}", "k", "s", "v"), 0);
        CHECK_INT(bus_message_close(w), 0);
        CHECK_INT(bus_message_append_from(copy, w), 0);
        m = reader(copy);
        CHECK_STR(bus_message_get_signature(m), "(sv)asa{sv}");
        CHECK_INT(bus_message_read(m, "(sv)as", &s, "(u)", &u, &l), 0);
        CHECK_INT(u, 5);
        CHECK_INT(bus_message_enter(m, 'a', "{sv}"), 0);
        CHECK_INT(bus_message_read(m, "{sv}", &s, "s", &inner), 0);
        CHECK_STR(inner, "v");
}

TEST(error_texts_are_always_utf8) {
        _cleanup_dbus_message_ DBusMessage *m = bus_message_new_error(BUS_ERROR_NO_SUCH_JOB, "job \xff\xfe");

        CHECK(m);
        CHECK_STR(dbus_message_get_error_name(m), "org.reprieve1.Error.NoSuchJob");
}

TEST(a_path_has_one_name_and_a_name_one_path) {
        static const char *const names[] = {"staff", "", "a/b", "br\xc3\xbc" "cke-2", "_", "9", "\xff\xfe", "a b"};
        static const char *const strange[] = {"/org/reprieve1/job",
                                              "/org/reprieve1/jobs/a",
                                              "/org/reprieve1/job/a/b",
                                              "/org/reprieve1/job/_41",
                                              "/org/reprieve1/job/a_",
                                              "/org/reprieve1/job/_zz",
                                              "/",
                                              "/org/reprieve1/job/_2D"};

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                _cleanup_free_ char *path = NULL, *name = NULL;

                CHECK_INT(bus_path_encode("/org/reprieve1/job", names[i], &path), 0);
                CHECK(dbus_validate_path(path, NULL));
                CHECK_INT(bus_path_decode(path, "/org/reprieve1/job", &name), 0);
                CHECK_STR(name, names[i]);
        }
        for (size_t i = 0; i < ELEMENTSOF(strange); i++) {
                char *name = (char *) "";

                CHECK_INT(bus_path_decode(strange[i], "/org/reprieve1/job", &name), 0);
                CHECK_STR(name, NULL);
        }
}

static int nothing(BusCall *call, void *object, Error **ret_error) {
        return 0;
}

static int no_value(BusMessage *m, const BusProperty *p, void *object, Error **ret_error) {
        return 0;
}

TEST(introspection_follows_the_tables) {
        const BusMethod methods[] = {
                {"Do", "sa(ss)", "name objects", "u", "n", nothing}, {"Go", .handler = nothing}, {}};
        const BusSignal signals[] = {{"Done", "s", "how"}, {}};
        const BusProperty properties[] = {
                {"A", "s", no_value}, {"B", "t", no_value, nothing, BUS_PROPERTY_INVALIDATES}, {}};
        const BusInterface interface = {"org.example.X", methods, signals, properties, 0};
        _cleanup_free_ char *xml = NULL;

        CHECK_INT(bus_introspect((const BusInterface *const[]) {&interface, NULL}, &xml), 0);
        CHECK_STR(xml, "  <interface name=\"org.example.X\">\n"
                       "    <method name=\"Do\">\n"
                       "      <arg name=\"name\" type=\"s\" direction=\"in\"/>\n"
                       "      <arg name=\"objects\" type=\"a(ss)\" direction=\"in\"/>\n"
                       "      <arg name=\"n\" type=\"u\" direction=\"out\"/>\n"
                       "    </method>\n"
                       "    <method name=\"Go\"/>\n"
                       "    <signal name=\"Done\">\n"
                       "      <arg name=\"how\" type=\"s\"/>\n"
                       "    </signal>\n"
                       "    <property name=\"A\" type=\"s\" access=\"read\"/>\n"
                       "    <property name=\"B\" type=\"t\" access=\"readwrite\">\n"
                       "      <annotation name=\"org.freedesktop.DBus.Property.EmitsChangedSignal\" "
                       "value=\"invalidates\"/>\n"
                       "    </property>\n"
                       "  </interface>\n");
}
