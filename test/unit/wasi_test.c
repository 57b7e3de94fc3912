/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* wasi_test.c - WASI functions called directly, with a memory of 256 bytes that ends where the heap block
 * ends, so that the sanitizer sees a byte too many. */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "test_alloc.h"
#include "wasi/context.h"

#define MEMORY_BYTES 256u

typedef struct World {
    TestAlloc alloc;
    Store store;
    Memory memory;
    Exec x;
    Wasi *wasi;
    WasiCall call;
    int in[2], out[2]; /* pipes behind the guest's 0 and 1 */
} World;

static const char *const some_args[] = {"prog", "", "two"};
static const char *const some_env[] = {"A=1", "B="};

static int setup(void **state)
{
    World *w = calloc(1, sizeof *w);
    w->alloc = test_alloc(TEST_ALLOC_NEVER);
    w->store.alloc = &w->alloc.base;
    w->memory.base = calloc(1, MEMORY_BYTES);
    w->memory.size_bytes = MEMORY_BYTES;
    if (pipe(w->in) != 0 || pipe(w->out) != 0) return -1;
    WasiOptions options = {.argv = some_args, .argc = 3, .env = some_env, .nenv = 2,
                           .stdio = {w->in[0], w->out[1], -1}};
    Diag diag = {0};
    w->wasi = tern_wasi_new(&w->store, &options, &diag);
    w->call = (WasiCall){.x = &w->x, .wasi = w->wasi, .memory = &w->memory};
    *state = w;
    return w->wasi != NULL ? 0 : -1;
}

static int teardown(void **state)
{
    World *w = *state;
    tern_wasi_free(w->wasi);
    assert_int_equal(w->alloc.live, 0);
    close(w->in[0]), close(w->in[1]), close(w->out[0]), close(w->out[1]);
    free(w->memory.base);
    free(w);
    return 0;
}

static WasiErrno called(World *w, WasiErrno error)
{
    tern_wasi_call_end(&w->call);
    return error;
}
#define CALL(name, ...) called(w, tern_wasi_##name(&w->call, (const u64[]){__VA_ARGS__}))

static u64 get(const World *w, u64 addr, u32 size) { return wasi_get(w->memory.base + addr, size); }
static void put(const World *w, u64 addr, u64 value, u32 size) { wasi_put(w->memory.base + addr, value, size); }

static void put_iovec(const World *w, u64 addr, u64 buffer, u64 size)
{
    put(w, addr, buffer, 4);
    put(w, addr + 4, size, 4);
}

static u64 now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (u64)t.tv_sec * 1000000000u + (u64)t.tv_nsec;
}

/* --- arguments, clocks, chance, exit ---------------------------------------------------------------- */

static void arguments_arrive_with_their_sizes(void **state)
{
    World *w = *state;
    assert_int_equal(CALL(args_sizes_get, 0, 4), WASI_ESUCCESS);
    assert_int_equal(get(w, 0, 4), 3);
    assert_int_equal(get(w, 4, 4), 10);
    assert_int_equal(CALL(args_get, 8, MEMORY_BYTES - 10), WASI_ESUCCESS);
    for (u32 i = 0; i < 3; i++)
        assert_string_equal((const char *)w->memory.base + get(w, 8 + i * 4, 4), some_args[i]);

    assert_int_equal(CALL(environ_sizes_get, 0, 4), WASI_ESUCCESS);
    assert_int_equal(get(w, 0, 4), 2);
    assert_int_equal(get(w, 4, 4), 7);
    assert_int_equal(CALL(environ_get, MEMORY_BYTES - 8, 0), WASI_ESUCCESS);
    assert_string_equal((const char *)w->memory.base + get(w, MEMORY_BYTES - 4, 4), "B=");
}

static void a_byte_past_the_memory_is_a_fault(void **state)
{
    World *w = *state;
    assert_int_equal(CALL(args_get, 8, MEMORY_BYTES - 9), WASI_EFAULT);
    assert_int_equal(CALL(args_get, MEMORY_BYTES - 11, 8), WASI_EFAULT);
    assert_int_equal(CALL(args_sizes_get, MEMORY_BYTES - 3, 0), WASI_EFAULT);
    assert_int_equal(CALL(args_sizes_get, 0, UINT32_MAX), WASI_EFAULT);
    assert_int_equal(CALL(environ_get, 0, MEMORY_BYTES - 6), WASI_EFAULT);
    assert_int_equal(CALL(clock_time_get, 0, 0, MEMORY_BYTES - 7), WASI_EFAULT);
    assert_int_equal(CALL(clock_res_get, 1, MEMORY_BYTES - 7), WASI_EFAULT);
    assert_int_equal(CALL(random_get, 1, MEMORY_BYTES), WASI_EFAULT);
    assert_int_equal(CALL(random_get, UINT32_MAX, UINT32_MAX), WASI_EFAULT);
    assert_int_equal(CALL(fd_fdstat_get, 1, MEMORY_BYTES - 23), WASI_EFAULT);
    assert_int_equal(CALL(fd_filestat_get, 1, MEMORY_BYTES - 63), WASI_EFAULT);
    w->call.memory = NULL;
    assert_int_equal(CALL(args_get, 0, 0), WASI_EFAULT);
    assert_int_equal(CALL(poll_oneoff, 0, 0, 1, 0), WASI_EFAULT);
    assert_int_equal(CALL(fd_write, 1, 0, 0, 0), WASI_EFAULT);
}

static void clocks_tell_time_and_refuse_unknown_ids(void **state)
{
    World *w = *state;
    u64 before = now_ns();
    assert_int_equal(CALL(clock_time_get, 1, 0, 8), WASI_ESUCCESS);
    assert_true(get(w, 8, 8) >= before && get(w, 8, 8) <= now_ns());
    for (u64 id = 0; id < 4; id++) {
        assert_int_equal(CALL(clock_res_get, id, 8), WASI_ESUCCESS);
        assert_true(get(w, 8, 8) > 0);
    }
    assert_int_equal(CALL(clock_time_get, 4, 0, 8), WASI_EINVAL);
    assert_int_equal(CALL(clock_res_get, UINT32_MAX, 8), WASI_EINVAL);
}

static void random_fills_exactly_what_was_asked(void **state)
{
    World *w = *state;
    assert_int_equal(CALL(random_get, 0, MEMORY_BYTES), WASI_ESUCCESS);
    u32 zeros = 0;
    for (u32 i = 0; i < MEMORY_BYTES; i++) zeros += w->memory.base[i] == 0;
    assert_true(zeros < 64);
    memset(w->memory.base, 0, MEMORY_BYTES);
    assert_int_equal(CALL(random_get, 64, 64), WASI_ESUCCESS);
    for (u32 i = 0; i < 64; i++) assert_int_equal(w->memory.base[i] | w->memory.base[128 + i], 0);
    assert_int_equal(CALL(random_get, MEMORY_BYTES, 0), WASI_ESUCCESS);
}

static void exit_keeps_the_code_and_traps(void **state)
{
    World *w = *state;
    assert_false(tern_wasi_exited(w->wasi));
    CALL(proc_exit, 300);
    assert_int_equal(w->call.trap, TRAP_EXIT);
    assert_true(tern_wasi_exited(w->wasi));
    assert_int_equal(tern_wasi_exit_code(w->wasi), 300);
}

/* --- descriptors ------------------------------------------------------------------------------------ */

static void a_write_gathers_and_a_read_scatters(void **state)
{
    World *w = *state;
    memcpy(w->memory.base + 100, "hello world", 11);
    put_iovec(w, 0, 100, 6);
    put_iovec(w, 8, 0, 0);
    put_iovec(w, 16, 106, 5);
    assert_int_equal(CALL(fd_write, 1, 0, 3, 24), WASI_ESUCCESS);
    assert_int_equal(get(w, 24, 4), 11);
    char got[32] = "";
    assert_int_equal(read(w->out[0], got, sizeof got), 11);
    assert_string_equal(got, "hello world");

    assert_int_equal(write(w->in[1], "abcdef", 6), 6);
    put_iovec(w, 0, 200, 2);
    put_iovec(w, 8, 210, 40);
    assert_int_equal(CALL(fd_read, 0, 0, 2, 24), WASI_ESUCCESS);
    assert_int_equal(get(w, 24, 4), 6);
    assert_memory_equal(w->memory.base + 200, "ab", 2);
    assert_memory_equal(w->memory.base + 210, "cdef", 4);

    close(w->in[1]);
    assert_int_equal(CALL(fd_read, 0, 0, 2, 24), WASI_ESUCCESS);
    assert_int_equal(get(w, 24, 4), 0);
    w->in[1] = open("/dev/null", O_RDONLY);
}

static void more_buffers_than_fit_one_system_call_are_all_written(void **state)
{
    World *w = *state;
    for (u64 i = 0; i < 25; i++) {
        put_iovec(w, i * 8, 220 + i, 1);
        w->memory.base[220 + i] = (u8)('a' + i);
    }
    assert_int_equal(CALL(fd_write, 1, 0, 25, 250), WASI_ESUCCESS);
    assert_int_equal(get(w, 250, 4), 25);
    char got[32] = "";
    assert_int_equal(read(w->out[0], got, sizeof got), 25);
    assert_string_equal(got, "abcdefghijklmnopqrstuvwxy");
}

static void hostile_buffer_lists_are_refused_before_anything_moves(void **state)
{
    World *w = *state;
    put_iovec(w, 0, 100, 4);
    put_iovec(w, 8, MEMORY_BYTES - 3, 4); /* one byte too far */
    assert_int_equal(CALL(fd_write, 1, 0, 2, 24), WASI_EFAULT);
    put_iovec(w, 8, 100, UINT32_MAX);
    assert_int_equal(CALL(fd_write, 1, 0, 2, 24), WASI_EFAULT);
    put_iovec(w, 8, 100, 4);
    assert_int_equal(CALL(fd_write, 1, MEMORY_BYTES - 15, 2, 24), WASI_EFAULT); /* the list itself */
    assert_int_equal(CALL(fd_write, 1, 0, 2, MEMORY_BYTES - 3), WASI_EFAULT);   /* the count */
    assert_int_equal(CALL(fd_write, 1, 0, WASI_IOVECS_MAX + 1, 24), WASI_EINVAL);
    assert_int_equal(CALL(fd_write, 1, 0, UINT32_MAX, 24), WASI_EINVAL);
    assert_int_equal(CALL(fd_read, 0, 0, UINT32_MAX, 24), WASI_EINVAL);
    fcntl(w->out[0], F_SETFL, O_NONBLOCK);
    char got;
    assert_int_equal(read(w->out[0], &got, 1), -1);
}

static void each_descriptor_does_only_what_it_is_for(void **state)
{
    World *w = *state;
    put_iovec(w, 0, 100, 4);
    assert_int_equal(CALL(fd_write, 0, 0, 1, 24), WASI_EBADF);
    assert_int_equal(CALL(fd_read, 1, 0, 1, 24), WASI_EBADF);
    assert_int_equal(CALL(fd_read, 3, 0, 1, 24), WASI_EBADF);
    assert_int_equal(CALL(fd_read, UINT32_MAX, 0, 1, 24), WASI_EBADF);
    assert_int_equal(CALL(fd_seek, 1, 0, 0, 24), WASI_ESPIPE);
    assert_int_equal(CALL(fd_seek, 9, 0, 0, 24), WASI_EBADF);
    assert_int_equal(CALL(fd_tell, 0, 24), WASI_ESPIPE);
    assert_int_equal(CALL(fd_prestat_get, 3, 24), WASI_EBADF);
    assert_int_equal(CALL(sock_shutdown, 0, 0), WASI_ENOTSOCK);
    assert_int_equal(CALL(sock_shutdown, 7, 0), WASI_EBADF);
}

static void a_closed_descriptor_stays_closed_and_the_hosts_stays_open(void **state)
{
    World *w = *state;
    assert_int_equal(CALL(fd_close, 1), WASI_ESUCCESS);
    assert_int_equal(CALL(fd_close, 1), WASI_EBADF);
    assert_int_equal(CALL(fd_fdstat_get, 1, 0), WASI_EBADF);
    assert_int_equal(CALL(fd_fdstat_get, 0, 0), WASI_ESUCCESS);
    assert_int_equal(write(w->out[1], "x", 1), 1);
}

static void stat_structures_have_the_layout_of_their_version(void **state)
{
    World *w = *state;
    char path[] = "/tmp/tern_wasi_test_XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    unlink(path);
    assert_int_equal(write(file, "12345", 5), 5);
    w->wasi->fds.items[1]->handle = file;
    w->wasi->fds.items[1]->kind = tern_port_stream_kind(file);
    w->wasi->fds.items[1]->type = PORT_FILE_REGULAR;

    memset(w->memory.base, 0xee, MEMORY_BYTES);
    assert_int_equal(CALL(fd_fdstat_get, 1, 8), WASI_ESUCCESS);
    assert_int_equal(get(w, 8, 1), tern_wasi_filetype(PORT_FILE_REGULAR));
    assert_int_equal(get(w, 10, 2), 0);
    assert_true((get(w, 16, 8) & WASI_RIGHT_FD_WRITE) != 0);
    assert_int_equal(get(w, 16, 8) & (WASI_RIGHT_FD_SEEK | WASI_RIGHT_FD_TELL | WASI_RIGHT_FD_READ), 0);
    assert_int_equal(get(w, 32, 1), 0xee);

    assert_int_equal(CALL(fd_filestat_get, 1, 64), WASI_ESUCCESS);
    assert_int_equal(get(w, 64 + 16, 1), tern_wasi_filetype(PORT_FILE_REGULAR));
    assert_int_equal(get(w, 64 + 24, 8), 1);
    assert_int_equal(get(w, 64 + 32, 8), 5);
    w->call.is_unstable = true;
    memset(w->memory.base, 0xee, MEMORY_BYTES);
    assert_int_equal(CALL(fd_filestat_get, 1, 64), WASI_ESUCCESS);
    assert_int_equal(get(w, 64 + 20, 4), 1);
    assert_int_equal(get(w, 64 + 24, 8), 5);
    assert_int_equal(get(w, 64 + 56, 1), 0xee);
    close(file);
}

static void flags_are_kept_and_checked(void **state)
{
    World *w = *state;
    assert_int_equal(CALL(fd_fdstat_set_flags, 0, WASI_FDFLAG_NONBLOCK), WASI_ESUCCESS);
    assert_int_equal(CALL(fd_fdstat_get, 0, 0), WASI_ESUCCESS);
    assert_int_equal(get(w, 2, 2), WASI_FDFLAG_NONBLOCK);
    put_iovec(w, 0, 100, 4);
    assert_int_equal(CALL(fd_read, 0, 0, 1, 24), WASI_EAGAIN);
    assert_int_equal(fcntl(w->in[0], F_GETFL) & O_NONBLOCK, 0); /* the host's is as it was */
    assert_int_equal(CALL(fd_fdstat_set_flags, 0, 0x10), WASI_ENOTSUP);
    assert_int_equal(CALL(fd_fdstat_set_flags, 0, 0x20), WASI_EINVAL);
}

static void writing_where_nobody_reads_is_an_error_and_no_signal(void **state)
{
    World *w = *state;
    close(w->out[0]);
    put_iovec(w, 0, 100, 4);
    assert_int_equal(CALL(fd_write, 1, 0, 1, 24), WASI_EPIPE);
    w->out[0] = open("/dev/null", O_RDONLY);
}

/* --- blocking --------------------------------------------------------------------------------------- */

static void *interrupt_soon(void *arg)
{
    World *w = arg;
    nanosleep(&(struct timespec){0, 30000000}, NULL);
    __atomic_store_n(&w->x.interrupt, TRAP_INTERRUPTED, __ATOMIC_RELAXED);
    return NULL;
}

/* Runs what blocks while another thread interrupts it. */
#define INTERRUPTED(...) \
    do { \
        pthread_t thread; \
        u64 start = now_ns(); \
        assert_int_equal(pthread_create(&thread, NULL, interrupt_soon, w), 0); \
        __VA_ARGS__; \
        pthread_join(thread, NULL); \
        assert_int_equal(w->call.trap, TRAP_INTERRUPTED); \
        assert_true(now_ns() - start < 5000000000u); \
        w->call.trap = TRAP_NONE; \
        w->x.interrupt = TRAP_NONE; \
    } while (0)

static void put_clock(const World *w, u64 addr, u64 userdata, u64 clock, u64 timeout_ns, u64 flags)
{
    u64 skip = w->call.is_unstable ? 8 : 0;
    put(w, addr, userdata, 8);
    put(w, addr + 8, 0, 8);
    put(w, addr + 16 + skip, clock, 4);
    put(w, addr + 24 + skip, timeout_ns, 8);
    put(w, addr + 32 + skip, 0, 8);
    put(w, addr + 40 + skip, flags, 2);
}

static void put_fd(const World *w, u64 addr, u64 userdata, u64 type, u64 fd)
{
    put(w, addr, userdata, 8);
    put(w, addr + 8, type, 1);
    put(w, addr + 16, fd, 4);
}

static void blocked_calls_wake_when_interrupted(void **state)
{
    World *w = *state;
    put_iovec(w, 0, 100, 4);
    INTERRUPTED(CALL(fd_read, 0, 0, 1, 24));
    put_clock(w, 0, 1, 1, 3600000000000u, 0);
    INTERRUPTED(CALL(poll_oneoff, 0, 64, 1, 128));
    put_clock(w, 0, 1, 0, UINT64_MAX, 1);
    INTERRUPTED(CALL(poll_oneoff, 0, 64, 1, 128));
    put_fd(w, 0, 1, 1, 0);
    INTERRUPTED(CALL(poll_oneoff, 0, 64, 1, 128));
    /* A full pipe. */
    put_iovec(w, 0, 0, MEMORY_BYTES);
    INTERRUPTED(while (w->call.trap == TRAP_NONE) {
        put_iovec(w, 0, 0, MEMORY_BYTES);
        CALL(fd_write, 1, 0, 1, 24);
    });
}

static void a_sleep_lasts_as_long_as_asked(void **state)
{
    World *w = *state;
    for (int is_unstable = 0; is_unstable < 2; is_unstable++) {
        w->call.is_unstable = is_unstable != 0;
        put_clock(w, 0, 77, 1, 25000000, 0);
        u64 start = now_ns();
        assert_int_equal(CALL(poll_oneoff, 0, 96, 1, 200), WASI_ESUCCESS);
        assert_true(now_ns() - start >= 25000000);
        assert_int_equal(get(w, 200, 4), 1);
        assert_int_equal(get(w, 96, 8), 77);
        assert_int_equal(get(w, 104, 4), 0); /* no error, clock */
    }
}

static void the_earliest_event_ends_a_poll(void **state)
{
    World *w = *state;
    put_clock(w, 0, 1, 1, UINT64_MAX, 0);
    put_clock(w, 48, 2, 0, 5000000, 0);
    assert_int_equal(CALL(poll_oneoff, 0, 128, 2, 200), WASI_ESUCCESS);
    assert_int_equal(get(w, 200, 4), 1);
    assert_int_equal(get(w, 128, 8), 2);

    put_clock(w, 48, 3, 0, 1, 1); /* a moment long past */
    assert_int_equal(CALL(poll_oneoff, 0, 128, 2, 200), WASI_ESUCCESS);
    assert_int_equal(get(w, 128, 8), 3);
}

static void ready_descriptors_are_events(void **state)
{
    World *w = *state;
    assert_int_equal(write(w->in[1], "abc", 3), 3);
    put_fd(w, 0, 5, 1, 0);
    put_fd(w, 48, 6, 2, 1);
    assert_int_equal(CALL(poll_oneoff, 0, 128, 2, 200), WASI_ESUCCESS);
    assert_int_equal(get(w, 200, 4), 2);
    assert_int_equal(get(w, 128, 8), 5);
    assert_int_equal(get(w, 138, 1), 1);
    assert_int_equal(get(w, 144, 8), 3); /* bytes to read */
    assert_int_equal(get(w, 160, 8), 6);
    assert_int_equal(get(w, 170, 1), 2);
}

static void bad_subscriptions_are_answered_at_once(void **state)
{
    World *w = *state;
    put_clock(w, 0, 1, 1, UINT64_MAX, 0);
    put_fd(w, 48, 2, 1, 42);
    assert_int_equal(CALL(poll_oneoff, 0, 128, 2, 200), WASI_ESUCCESS);
    assert_int_equal(get(w, 200, 4), 1);
    assert_int_equal(get(w, 136, 2), WASI_EBADF);
    put_clock(w, 48, 3, 9, 0, 0);
    assert_int_equal(CALL(poll_oneoff, 0, 128, 2, 200), WASI_ESUCCESS);
    assert_int_equal(get(w, 136, 2), WASI_EINVAL);
    put_fd(w, 48, 2, 3, 0);
    assert_int_equal(CALL(poll_oneoff, 0, 128, 2, 200), WASI_EINVAL);
    assert_int_equal(CALL(poll_oneoff, 0, 128, 0, 200), WASI_EINVAL);
    assert_int_equal(CALL(poll_oneoff, 0, 128, UINT32_MAX, 200), WASI_EINVAL);
    assert_int_equal(CALL(poll_oneoff, 0, 128, 4096, 200), WASI_EFAULT);
    assert_int_equal(CALL(poll_oneoff, MEMORY_BYTES - 47, 0, 1, 200), WASI_EFAULT);
    assert_int_equal(CALL(poll_oneoff, 0, MEMORY_BYTES - 31, 1, 200), WASI_EFAULT);
    assert_int_equal(CALL(poll_oneoff, 0, 128, 1, MEMORY_BYTES - 3), WASI_EFAULT);
}

/* --- linking and making ----------------------------------------------------------------------------- */

static const struct {
    const char *name, *params, *results;
} table[] = {
#define PREVIEW1(name, params, results) {#name, params, results},
#include "wasi/preview1.def"
};

static u32 add_type(TypeRegistry *types, const char *params, const char *results)
{
    ValType p[16], r[1];
    u32 np = (u32)strlen(params), nr = (u32)strlen(results);
    for (u32 i = 0; i < np; i++) p[i] = params[i] == 'I' ? VT_I64 : VT_I32;
    for (u32 i = 0; i < nr; i++) r[i] = VT_I32;
    return tern_types_add_func(types, p, np, r, nr);
}

static void every_function_links_with_its_own_type_only(void **state)
{
    World *w = *state;
    Engine *engine = tern_engine_new(&(EngineOptions){.alloc = &w->alloc.base, .features = FEATURES_ALL});
    Store *store = tern_store_new(engine);
    Func func = {0};
    Module module = {.registry = engine->types, .funcs = &func, .nfuncs = 1};
    const char *modules[] = {"wasi_snapshot_preview1", "wasi_unstable"};
    assert_int_equal(COUNT_OF(table), 46);
    for (u32 m = 0; m < 2; m++) {
        for (u32 i = 0; i < COUNT_OF(table); i++) {
            Import import = {.module = {modules[m], (u32)strlen(modules[m])},
                             .name = {table[i].name, (u32)strlen(table[i].name)}};
            func.type_id = add_type(engine->types, table[i].params, table[i].results);
            Extern out;
            assert_true(tern_wasi_link(w->wasi, store, &module, &import, &out));
            assert_int_equal(out.kind, EXTERN_FUNC);
            tern_types_release(engine->types, func.type_id);

            func.type_id = add_type(engine->types, "iiiIIIi", "i");
            assert_false(tern_wasi_link(w->wasi, store, &module, &import, &out));
            tern_types_release(engine->types, func.type_id);
        }
    }
    func.type_id = add_type(engine->types, "", "i");
    Extern out;
    Import unknown = {.module = {"wasi_unstable", 13}, .name = {"fd_dance", 8}};
    assert_false(tern_wasi_link(w->wasi, store, &module, &unknown, &out));
    Import elsewhere = {.module = {"env", 3}, .name = {"sched_yield", 11}};
    assert_false(tern_wasi_link(w->wasi, store, &module, &elsewhere, &out));
    tern_types_release(engine->types, func.type_id);
    tern_store_free(store);
    tern_engine_free(engine);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    const char *addrs[] = {"10.0.0.0/8", "::1/128"}, *names[] = {"a.example"};
    const WasiDir dirs[] = {{.host = "/", .guest = "/", .is_read_only = true}};
    WasiOptions options = {.argv = some_args, .argc = 3, .env = some_env, .nenv = 2, .stdio = {-1, -1, -1},
                           .preopens = dirs, .npreopens = 1, .addr_pool = addrs, .naddr_pool = 2,
                           .ns_lookup_pool = names, .nns_lookup_pool = 1};
    for (u32 nth = 0;; nth++) {
        TestAlloc alloc = test_alloc(nth);
        Store store = {.alloc = &alloc.base};
        Diag diag = {0};
        Wasi *wasi = tern_wasi_new(&store, &options, &diag);
        assert_int_equal(wasi == NULL, diag.code == DIAG_NO_MEMORY);
        tern_wasi_free(wasi);
        assert_int_equal(alloc.live, 0);
        if (!alloc.has_failed) break;
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(arguments_arrive_with_their_sizes),
        TEST(a_byte_past_the_memory_is_a_fault),
        TEST(clocks_tell_time_and_refuse_unknown_ids),
        TEST(random_fills_exactly_what_was_asked),
        TEST(exit_keeps_the_code_and_traps),
        TEST(a_write_gathers_and_a_read_scatters),
        TEST(more_buffers_than_fit_one_system_call_are_all_written),
        TEST(hostile_buffer_lists_are_refused_before_anything_moves),
        TEST(each_descriptor_does_only_what_it_is_for),
        TEST(a_closed_descriptor_stays_closed_and_the_hosts_stays_open),
        TEST(stat_structures_have_the_layout_of_their_version),
        TEST(flags_are_kept_and_checked),
        TEST(writing_where_nobody_reads_is_an_error_and_no_signal),
        TEST(blocked_calls_wake_when_interrupted),
        TEST(a_sleep_lasts_as_long_as_asked),
        TEST(the_earliest_event_ends_a_poll),
        TEST(ready_descriptors_are_events),
        TEST(bad_subscriptions_are_answered_at_once),
        TEST(every_function_links_with_its_own_type_only),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
