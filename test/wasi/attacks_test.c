/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* attacks_test.c - what a guest could try with WASI, called directly: reaching past the address pool, keeping the
 * host inside a call, taking all of its descriptors, and a memory that moves during a call. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "unit/test_alloc.h"
#include "wasi/context.h"

#define MEMORY_BYTES 65536u

typedef struct World {
    TestAlloc alloc;
    Store store;
    Memory memory;
    Exec x;
    Wasi *wasi;
    WasiCall call;
} World;

static bool open_world(World *w, const WasiOptions *options)
{
    *w = (World){.alloc = test_alloc(TEST_ALLOC_NEVER)};
    w->store.alloc = &w->alloc.base;
    w->memory.base = calloc(1, MEMORY_BYTES);
    w->memory.size_bytes = MEMORY_BYTES;
    Diag diag = {0};
    w->wasi = tern_wasi_new(&w->store, options, &diag);
    w->call = (WasiCall){.x = &w->x, .wasi = w->wasi, .memory = &w->memory};
    return w->wasi != NULL;
}

static void close_world(World *w)
{
    tern_wasi_free(w->wasi);
    assert_int_equal(w->alloc.live, 0);
    free(w->memory.base);
}

static void open_with_pool(World *w, const char *const *pool, u32 n)
{
    WasiOptions options = WASI_OPTIONS_DEFAULT;
    options.addr_pool = pool;
    options.naddr_pool = n;
    assert_true(open_world(w, &options));
}

static WasiErrno called(World *w, WasiErrno error)
{
    tern_wasi_call_end(&w->call);
    return error;
}
#define CALL(w, name, ...) \
    called((w), tern_wasi_##name(&(w)->call, (const u64[]){__VA_ARGS__}))

static u64 get(const World *w, u64 addr, u32 size) { return wasi_get(w->memory.base + addr, size); }
static void put(const World *w, u64 addr, u64 value, u32 size) { wasi_put(w->memory.base + addr, value, size); }

enum { ADDRESS = 64, FD = 128, IOVECS = 160, COUNT = 192, BUFFER = 1024 };

static void put_address(const World *w, const char *text, u16 port)
{
    PortAddress a = {0};
    assert_true(tern_port_address_parse(text, &a));
    u8 *p = w->memory.base + ADDRESS;
    memset(p, 0, 24);
    p[0] = a.is_ip6;
    for (u32 i = 0; i < 16; i++) p[4 + (a.is_ip6 ? i ^ 1 : i)] = a.bytes[i];
    wasi_put(p + (a.is_ip6 ? 20 : 8), port, 2);
}

static u64 open_socket(World *w, bool is_ip6, bool is_stream)
{
    assert_int_equal(CALL(w, sock_open, 0, is_ip6, is_stream, FD), WASI_ESUCCESS);
    return get(w, FD, 4);
}

static u64 now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (u64)t.tv_sec * 1000 + (u64)t.tv_nsec / 1000000;
}

/* --- the host's side of the sockets ----------------------------------------------------------------- */

typedef union Host {
    struct sockaddr any;
    struct sockaddr_in ip4;
    struct sockaddr_in6 ip6;
} Host;

static Host host_address(bool is_ip6, u16 port)
{
    Host a = {0};
    if (is_ip6) {
        a.ip6.sin6_family = AF_INET6;
        a.ip6.sin6_addr = in6addr_loopback;
        a.ip6.sin6_port = htons(port);
    } else {
        a.ip4.sin_family = AF_INET;
        a.ip4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        a.ip4.sin_port = htons(port);
    }
    return a;
}

/* A service of the host's on its loopback, or -1. */
static int host_service(bool is_ip6, int type, u16 *port)
{
    int fd = socket(is_ip6 ? AF_INET6 : AF_INET, type, 0);
    Host a = host_address(is_ip6, 0);
    socklen_t size = is_ip6 ? sizeof a.ip6 : sizeof a.ip4;
    if (fd >= 0 && bind(fd, &a.any, size) != 0) {
        close(fd);
        return -1;
    }
    if (fd < 0 || (type == SOCK_STREAM && listen(fd, 4) != 0)) return -1;
    assert_int_equal(getsockname(fd, &a.any, &size), 0);
    *port = ntohs(is_ip6 ? a.ip6.sin6_port : a.ip4.sin_port);
    return fd;
}

static bool host_connects(bool is_ip6, u16 port)
{
    int fd = socket(is_ip6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0);
    Host a = host_address(is_ip6, port);
    bool ok = connect(fd, &a.any, is_ip6 ? sizeof a.ip6 : sizeof a.ip4) == 0;
    close(fd);
    return ok;
}

/* --- the pool --------------------------------------------------------------------------------------- */

/* To the machine, the address of nobody in particular is its own loopback. */
static void an_entry_for_any_address_does_not_reach_the_loopback(void **state)
{
    (void)state;
    static const char *const any[] = {"0.0.0.0/32", "::/128"}, *const more[] = {"0.0.0.0/32", "127.0.0.1/32"};
    static const char *const names[] = {"0.0.0.0", "::", "::ffff:0.0.0.0"};
    for (u32 i = 0; i < COUNT_OF(names); i++) {
        bool is_ip6 = i > 0, is_mapped = i == 2;
        u16 tcp_port, udp_port;
        int tcp = host_service(is_ip6 && !is_mapped, SOCK_STREAM, &tcp_port);
        int udp = host_service(is_ip6 && !is_mapped, SOCK_DGRAM, &udp_port);
        if (tcp < 0 || udp < 0) continue; /* no IPv6 */
        World w;
        open_with_pool(&w, any, 2);
        u64 fd = open_socket(&w, is_ip6, true);
        put_address(&w, names[i], tcp_port);
        assert_int_equal(CALL(&w, sock_connect, fd, ADDRESS), WASI_EACCES);
        fd = open_socket(&w, is_ip6, false);
        put_address(&w, names[i], udp_port);
        put(&w, IOVECS, BUFFER, 4);
        put(&w, IOVECS + 4, 4, 4);
        assert_int_equal(CALL(&w, sock_send_to, fd, IOVECS, 1, 0, ADDRESS, COUNT), WASI_EACCES);
        assert_int_equal(CALL(&w, sock_connect, fd, ADDRESS), WASI_EACCES);
        close_world(&w);

        open_with_pool(&w, more, 2);
        fd = open_socket(&w, is_ip6, true);
        put_address(&w, names[i], tcp_port);
        assert_int_equal(CALL(&w, sock_connect, fd, ADDRESS), i == 1 ? WASI_EACCES : WASI_ESUCCESS);
        close_world(&w);
        close(tcp), close(udp);
    }
}

/* A socket of IPv6 bound to any address serves IPv4 too, unless it is told not to. */
static void an_entry_for_any_ip6_address_does_not_serve_ip4(void **state)
{
    (void)state;
    static const char *const pools[][2] = {{"::/128", "10.0.0.0/8"}, {"::/128", "0.0.0.0/32"}};
    for (u32 both = 0; both < 2; both++) {
        for (u32 listens_only = 0; listens_only < 2; listens_only++) {
            World w;
            open_with_pool(&w, pools[both], 2);
            u64 fd = open_socket(&w, true, true);
            put_address(&w, "::", 0);
            assert_int_equal(CALL(&w, sock_set_ipv6_only, fd, 0), WASI_ESUCCESS);
            WasiErrno error = listens_only ? WASI_ESUCCESS : CALL(&w, sock_bind, fd, ADDRESS);
            if (error == WASI_EADDRNOTAVAIL) { /* no IPv6 */
                close_world(&w);
                return;
            }
            assert_int_equal(error, WASI_ESUCCESS);
            if (!listens_only) CALL(&w, sock_set_ipv6_only, fd, 0);
            assert_int_equal(CALL(&w, sock_listen, fd, 4), WASI_ESUCCESS);
            CALL(&w, sock_set_ipv6_only, fd, 0);
            assert_int_equal(CALL(&w, sock_addr_local, fd, ADDRESS), WASI_ESUCCESS);
            u16 port = (u16)get(&w, ADDRESS + 20, 2);
            assert_true(host_connects(true, port));
            assert_int_equal(host_connects(false, port), both);
            close_world(&w);
        }
    }
}

/* --- time and descriptors --------------------------------------------------------------------------- */

/* Closing would wait in the system, where no interrupt reaches it, for somebody who does not read. */
static void closing_a_socket_that_lingers_does_not_block(void **state)
{
    (void)state;
    static const char *const pool[] = {"127.0.0.1/32"};
    u16 port;
    int service = host_service(false, SOCK_STREAM, &port);
    assert_true(service >= 0);
    World w;
    open_with_pool(&w, pool, 1);
    u64 fd = open_socket(&w, false, true);
    put_address(&w, "127.0.0.1", port);
    assert_int_equal(CALL(&w, sock_connect, fd, ADDRESS), WASI_ESUCCESS);
    assert_int_equal(CALL(&w, fd_fdstat_set_flags, fd, WASI_FDFLAG_NONBLOCK), WASI_ESUCCESS);
    put(&w, IOVECS, BUFFER, 4);
    put(&w, IOVECS + 4, 32768, 4);
    WasiErrno error = WASI_ESUCCESS;
    for (u32 i = 0; i < 100000 && error == WASI_ESUCCESS; i++) error = CALL(&w, fd_write, fd, IOVECS, 1, COUNT);
    assert_int_equal(error, WASI_EAGAIN);
    assert_int_equal(CALL(&w, sock_set_linger, fd, 1, 5), WASI_ESUCCESS);
    assert_int_equal(CALL(&w, sock_get_linger, fd, COUNT, COUNT + 4), WASI_ESUCCESS);
    assert_int_equal(get(&w, COUNT, 1), 1);
    assert_int_equal(get(&w, COUNT + 4, 4), 5);
    u64 before = now_ms();
    assert_int_equal(CALL(&w, fd_close, fd), WASI_ESUCCESS);
    assert_true(now_ms() - before < 2000);
    close_world(&w);
    close(service);
}

static void a_guest_has_no_more_descriptors_than_the_host_allows(void **state)
{
    (void)state;
    World w;
    WasiOptions options = WASI_OPTIONS_DEFAULT;
    options.max_fds = 5;
    assert_true(open_world(&w, &options));
    u64 fd = open_socket(&w, false, true);
    open_socket(&w, false, true);
    assert_int_equal(CALL(&w, sock_open, 0, 0, 1, FD), WASI_EMFILE);
    assert_int_equal(CALL(&w, fd_close, fd), WASI_ESUCCESS);
    assert_int_equal(open_socket(&w, false, true), fd);
    assert_int_equal(CALL(&w, sock_open, 0, 0, 1, FD), WASI_EMFILE);
    close_world(&w);

    options.max_fds = 2; /* not even the standard streams */
    assert_false(open_world(&w, &options));
    assert_int_equal(w.alloc.live, 0);
    free(w.memory.base);

    options.max_fds = 0;
    assert_true(open_world(&w, &options));
    u32 n = 3;
    for (; n < 5000 && CALL(&w, sock_open, 0, 0, 0, FD) == WASI_ESUCCESS;) n++;
    assert_true(n <= WASI_FDS_DEFAULT);
    close_world(&w);
}

/* --- threads ---------------------------------------------------------------------------------------- */

typedef struct Reader {
    World *w;
    Exec x;
    u32 addr;
    bool is_back; /* it was stopped */
    WasiErrno error;
} Reader;

static void *read_on(void *arg)
{
    Reader *r = arg;
    WasiCall call = {.x = &r->x, .wasi = r->w->wasi, .memory = &r->w->memory};
    do {
        r->error = tern_wasi_fd_read(&call, (const u64[]){0, r->addr, 1, r->addr + 8});
        tern_wasi_call_end(&call);
    } while (r->error == WASI_ESUCCESS);
    __atomic_store_n(&r->is_back, true, __ATOMIC_RELEASE);
    return NULL;
}

static bool wait_for(const Reader *readers, u32 n)
{
    for (u64 start = now_ms(); now_ms() - start < 3000;) {
        u32 back = 0;
        for (u32 i = 0; i < n; i++) back += __atomic_load_n(&readers[i].is_back, __ATOMIC_ACQUIRE);
        if (back == n) return true;
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
    return false;
}

static void *accept_on(void *arg)
{
    Reader *r = arg;
    WasiCall call = {.x = &r->x, .wasi = r->w->wasi, .memory = &r->w->memory};
    do {
        r->error = tern_wasi_sock_accept(&call, (const u64[]){3, 0, r->addr});
        tern_wasi_call_end(&call);
        if (r->error == WASI_ESUCCESS) tern_wasi_fd_close(&call, (const u64[]){get(r->w, r->addr, 4)});
    } while (r->error == WASI_ESUCCESS);
    __atomic_store_n(&r->is_back, true, __ATOMIC_RELEASE);
    return NULL;
}

static void threads_that_accept_from_the_same_can_all_be_stopped(void **state)
{
    (void)state;
    enum { NACCEPT = 8 };
    static Reader readers[NACCEPT];
    pthread_t threads[NACCEPT];
    u16 port;
    int service = host_service(false, SOCK_STREAM, &port);
    assert_true(service >= 0);
    World w;
    WasiOptions options = WASI_OPTIONS_DEFAULT;
    options.listeners = (const s64[]){service};
    options.nlisteners = 1;
    assert_true(open_world(&w, &options));
    w.wasi->has_threads = true;
    for (u32 i = 0; i < NACCEPT; i++) {
        readers[i] = (Reader){.w = &w, .addr = 4096 + 64 * i};
        assert_int_equal(pthread_create(&threads[i], NULL, accept_on, &readers[i]), 0);
    }
    for (u32 i = 0; i < 500; i++) assert_true(host_connects(false, port));
    for (u32 i = 0; i < NACCEPT; i++) tern_exec_interrupt(&readers[i].x, TRAP_INTERRUPTED);
    bool are_back = wait_for(readers, NACCEPT);
    for (u32 i = 0; !are_back && i < NACCEPT; i++) host_connects(false, port);
    for (u32 i = 0; i < NACCEPT; i++) pthread_join(threads[i], NULL);
    assert_true(are_back);
    close_world(&w);
    close(service);
}

/* All are told that the pipe has something, and one gets it. */
static void threads_that_read_the_same_can_all_be_stopped(void **state)
{
    (void)state;
    enum { NREADERS = 8 };
    static Reader readers[NREADERS];
    pthread_t threads[NREADERS];
    int in[2];
    assert_int_equal(pipe(in), 0);
    World w;
    WasiOptions options = WASI_OPTIONS_DEFAULT;
    options.stdio[0] = in[0];
    assert_true(open_world(&w, &options));
    w.wasi->has_threads = true;
    for (u32 i = 0; i < NREADERS; i++) {
        readers[i] = (Reader){.w = &w, .addr = 4096 + 64 * i};
        put(&w, readers[i].addr, readers[i].addr + 16, 4);
        put(&w, readers[i].addr + 4, 1, 4);
        assert_int_equal(pthread_create(&threads[i], NULL, read_on, &readers[i]), 0);
    }
    for (u64 start = now_ms(); now_ms() - start < 300;) assert_int_equal(write(in[1], "x", 1), 1);
    for (u32 i = 0; i < NREADERS; i++) tern_exec_interrupt(&readers[i].x, TRAP_INTERRUPTED);
    bool are_back = wait_for(readers, NREADERS);
    close(in[1]);
    for (u32 i = 0; i < NREADERS; i++) pthread_join(threads[i], NULL);
    assert_true(are_back);
    close_world(&w);
    close(in[0]);
}

/* --- a memory that moves ---------------------------------------------------------------------------- */

static s64 write_and_move(void *user, const void *buf, size_t size)
{
    World *w = user;
    (void)buf;
    u8 *moved = malloc(MEMORY_BYTES);
    memcpy(moved, w->memory.base, MEMORY_BYTES);
    free(w->memory.base);
    w->memory.base = moved;
    return size > 1 ? (s64)size / 2 : 1;
}

/* The host's stream calls the guest, which grows its memory. */
static void a_stream_may_move_the_guests_memory(void **state)
{
    (void)state;
    static World w;
    WasiOptions options = WASI_OPTIONS_DEFAULT;
    options.streams[1] = (WasiStream){.write = write_and_move, .user = &w};
    assert_true(open_world(&w, &options));
    for (u32 i = 0; i < 3; i++) {
        put(&w, IOVECS + 8 * i, BUFFER + 100 * i, 4);
        put(&w, IOVECS + 8 * i + 4, 100, 4);
    }
    assert_int_equal(CALL(&w, fd_write, 1, IOVECS, 3, COUNT), WASI_ESUCCESS);
    assert_int_equal(get(&w, COUNT, 4), 300);
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_for_any_address_does_not_reach_the_loopback),
        cmocka_unit_test(an_entry_for_any_ip6_address_does_not_serve_ip4),
        cmocka_unit_test(closing_a_socket_that_lingers_does_not_block),
        cmocka_unit_test(a_guest_has_no_more_descriptors_than_the_host_allows),
        cmocka_unit_test(threads_that_accept_from_the_same_can_all_be_stopped),
        cmocka_unit_test(threads_that_read_the_same_can_all_be_stopped),
        cmocka_unit_test(a_stream_may_move_the_guests_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
