/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* sockets_test.c - programs/sockets.wasm over the machine's loopback, with and without permission; the pools. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <wasm_export.h>

#include "unit/test_alloc.h"
#include "wasi/context.h"

static uint8_t *guest;
static uint32_t guest_bytes;

static int read_guest(void **state)
{
    (void)state;
    FILE *file = fopen("test/wasi/programs/sockets.wasm", "rb");
    if (file == NULL) return -1;
    guest = malloc(1 << 20);
    guest_bytes = (uint32_t)fread(guest, 1, 1 << 20, file);
    fclose(file);
    return wasm_runtime_init() ? 0 : -1;
}

static int done(void **state)
{
    (void)state;
    wasm_runtime_destroy();
    free(guest);
    return 0;
}

typedef struct Guest {
    wasm_module_t module;
    wasm_module_inst_t inst;
    char *argv[4];
    char error[256];
    int64_t out;
} Guest;

static bool start(Guest *g, const char *what, const char *arg, const char **addrs, u32 naddrs, const char **names,
                  u32 nnames)
{
    g->argv[0] = (char[]){"sockets"};
    g->argv[1] = (char *)what;
    g->argv[2] = (char *)arg;
    g->module = wasm_runtime_load(guest, guest_bytes, g->error, sizeof g->error);
    assert_non_null(g->module);
    wasm_runtime_set_wasi_args_ex(g->module, NULL, 0, NULL, 0, NULL, 0, g->argv, arg != NULL ? 3 : 2, -1,
                                  g->out != 0 ? g->out : -1, -1);
    wasm_runtime_set_wasi_addr_pool(g->module, addrs, naddrs);
    wasm_runtime_set_wasi_ns_lookup_pool(g->module, names, nnames);
    g->inst = wasm_runtime_instantiate(g->module, 65536, 0, g->error, sizeof g->error);
    return g->inst != NULL;
}

static void stop(Guest *g)
{
    wasm_runtime_deinstantiate(g->inst);
    wasm_runtime_unload(g->module);
}

/* What main returned: a line of sockets.c, or 0. */
static u32 run(const char *what, const char *arg, const char **addrs, u32 naddrs, const char **names, u32 nnames)
{
    Guest g = {0};
    assert_true(start(&g, what, arg, addrs, naddrs, names, nnames));
    bool ok = wasm_application_execute_main(g.inst, 0, NULL);
    u32 code = wasm_runtime_get_wasi_exit_code(g.inst);
    if (!ok) fail_msg("%s", wasm_runtime_get_exception(g.inst));
    stop(&g);
    return code;
}

static bool has_ip6(void)
{
    PortAddress address = {0};
    s64 handle;
    if (!tern_port_address_parse("::1", &address) || tern_port_socket_new(true, true, &handle) != PORT_OK) return false;
    bool ok = tern_port_socket_bind(handle, &address) == PORT_OK;
    tern_port_handle_close(handle);
    return ok;
}

static void what_the_pool_allows_works(void **state)
{
    (void)state;
    const char *addrs[] = {"10.0.0.0/8", "127.0.0.0/8"}, *six[] = {"::1/128"};
    assert_int_equal(run("tcp", NULL, addrs, 2, NULL, 0), 0);
    assert_int_equal(run("udp", NULL, addrs, 2, NULL, 0), 0);
    assert_int_equal(run("options", NULL, NULL, 0, NULL, 0), 0);
    if (!has_ip6()) return;
    assert_int_equal(run("tcp6", NULL, six, 1, NULL, 0), 0);
    assert_int_equal(run("udp6", NULL, six, 1, NULL, 0), 0);
}

static void what_no_entry_allows_is_denied(void **state)
{
    (void)state;
    const char *others[] = {"126.0.0.0/8", "127.0.0.2/32", "128.0.0.0/1", "::2/127", "fe80::/10"};
    const char *names[] = {"local", "localhost.", "*.localhost", "otherhost"};
    assert_int_equal(run("denied", NULL, NULL, 0, NULL, 0), 0);
    assert_int_equal(run("denied", NULL, others, 2, names, 4), 0);
    assert_int_equal(run("denied", NULL, others + 3, 2, names, 4), 0);
}

static void names_of_the_pool_are_resolved(void **state)
{
    (void)state;
    const char *names[] = {"localhost"}, *all[] = {"*host"};
    assert_int_equal(run("resolve", "localhost", NULL, 0, names, 1), 0);
    assert_int_equal(run("resolve", "localhost", NULL, 0, all, 1), 0);
    assert_int_not_equal(run("resolve", "127.0.0.1", NULL, 0, names, 1), 0);
}

static void an_entry_that_cannot_be_read_is_refused(void **state)
{
    (void)state;
    const char *bad[] = {"127.0.0.1",    "127.0.0.1/",  "127.0.0.1/33", "127.0.0.1/-1", "127.0.0.1/8x", "/8",
                         "127.0.0/8",    "localhost/8", "::1/129",      "::1",          "",             "*",
                         "127.0.0.1/ 8", "1.2.3.4/0x8", "1.2.3.4/00000000000000000000000000008"};
    for (u32 i = 0; i < COUNT_OF(bad); i++) {
        Guest g = {0};
        const char *pool[] = {"10.0.0.0/8", bad[i]};
        assert_false(start(&g, "tcp", NULL, pool, 2, NULL, 0));
        char wanted[256];
        snprintf(wanted, sizeof wanted,
                 "WASM module instantiate failed: Invalid address pool entry: %s, must be in the format of "
                 "ADDRESS/MASK", bad[i]);
        wanted[127] = '\0';
        g.error[127] = '\0';
        assert_string_equal(g.error, wanted);
        wasm_runtime_unload(g.module);
    }
}

static void a_range_is_its_first_bits(void **state)
{
    (void)state;
    static const struct { const char *range, *address; bool allowed; } cases[] = {
        {"10.1.0.0/16", "10.1.255.255", true},   {"10.1.0.0/16", "10.2.0.0", false},
        {"10.1.2.3/31", "10.1.2.2", true},       {"10.1.2.3/31", "10.1.2.4", false},
        {"10.1.2.3/32", "10.1.2.3", true},       {"10.1.2.3/32", "10.1.2.2", false},
        {"0.0.0.0/0", "255.1.2.3", true},        {"0.0.0.0/0", "::1", false},
        {"0.0.0.0/32", "1.2.3.4", false},        {"0.0.0.0/32", "0.0.0.0", true},
        {"::/0", "fe80::1", true},               {"::/0", "1.2.3.4", false},
        {"fe80::/10", "febf::1", true},          {"fe80::/10", "fec0::1", false},
        {"10.0.0.0/8", "::ffff:10.1.2.3", true}, {"10.0.0.0/8", "::ffff:11.1.2.3", false},
        {"::/0", "::ffff:10.1.2.3", false},      {"::ffff:10.0.0.0/104", "10.9.9.9", true},
        {"::ffff:10.0.0.0/104", "11.9.9.9", false}, {"::ffff:0.0.0.0/90", "10.9.9.9", false},
    };
    TestAlloc alloc = test_alloc(TEST_ALLOC_NEVER);
    for (u32 i = 0; i < COUNT_OF(cases); i++) {
        WasiNet net;
        Diag diag = {0};
        PortAddress address = {0};
        assert_true(tern_wasi_net_init(&net, &alloc.base, &cases[i].range, 1, NULL, 0, &diag));
        assert_true(tern_port_address_parse(cases[i].address, &address));
        if (tern_wasi_net_allows(&net, &address) != cases[i].allowed)
            fail_msg("%s in %s", cases[i].address, cases[i].range);
        tern_wasi_net_done(&net, &alloc.base);
    }
    const char *names[] = {"a.example", "*.Example.org"};
    WasiNet net;
    Diag diag = {0};
    assert_true(tern_wasi_net_init(&net, &alloc.base, NULL, 0, names, 2, &diag));
    assert_true(tern_wasi_net_allows_name(&net, "A.EXAMPLE"));
    assert_true(tern_wasi_net_allows_name(&net, "x.y.example.org"));
    assert_false(tern_wasi_net_allows_name(&net, "example.org"));
    assert_false(tern_wasi_net_allows_name(&net, "badexample.org"));
    assert_false(tern_wasi_net_allows_name(&net, "a.example.com"));
    assert_false(tern_wasi_net_allows_name(&net, ""));
    tern_wasi_net_done(&net, &alloc.base);
    assert_int_equal(alloc.live, 0);
}

static void *execute(void *arg)
{
    Guest *g = arg;
    wasm_runtime_init_thread_env();
    wasm_application_execute_main(g->inst, 0, NULL);
    wasm_runtime_destroy_thread_env();
    return NULL;
}

static void a_guest_that_waits_for_a_connection_can_be_stopped(void **state)
{
    (void)state;
    int out[2];
    assert_int_equal(pipe(out), 0);
    Guest g = {.out = out[1]};
    const char *addrs[] = {"127.0.0.1/32"};
    assert_true(start(&g, "wait", NULL, addrs, 1, NULL, 0));
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, execute, &g), 0);
    char line[8];
    assert_int_equal(read(out[0], line, 8), 8);
    nanosleep(&(struct timespec){0, 20000000}, NULL);
    wasm_runtime_terminate(g.inst);
    pthread_join(thread, NULL);
    assert_string_equal(wasm_runtime_get_exception(g.inst), "Exception: terminated by user");
    stop(&g);
    close(out[0]), close(out[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_pool_allows_works),
        cmocka_unit_test(what_no_entry_allows_is_denied),
        cmocka_unit_test(names_of_the_pool_are_resolved),
        cmocka_unit_test(an_entry_that_cannot_be_read_is_refused),
        cmocka_unit_test(a_range_is_its_first_bits),
        cmocka_unit_test(a_guest_that_waits_for_a_connection_can_be_stopped),
    };
    return cmocka_run_group_tests(tests, read_guest, done);
}
