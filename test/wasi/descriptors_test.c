/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* descriptors_test.c - files, pipes and sockets as a guest uses them: positions, flags, waiting and being
 * interrupted, several threads of one guest. The way out of a directory is escape_test.c's subject. */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "unit/test_alloc.h"
#include "wasi/context.h"

#define MEMORY_BYTES 65536u
#define BOX 3u
#define LISTENER 4u
#define ALL UINT64_MAX
#define CREAT 1

typedef struct World {
    TestAlloc alloc;
    Store store;
    Memory memory;
    Exec x;
    Wasi *wasi;
    WasiCall call;
    char box[64], socket_path[80];
    int listener;
} World;

static int setup(void **state)
{
    World *w = calloc(1, sizeof *w);
    strcpy(w->box, "/tmp/tern-files-XXXXXX");
    if (mkdtemp(w->box) == NULL) return -1;
    snprintf(w->socket_path, sizeof w->socket_path, "%s/socket", w->box);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, w->socket_path, strlen(w->socket_path) + 1);
    w->listener = socket(AF_UNIX, SOCK_STREAM, 0);
    if (bind(w->listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(w->listener, 4) != 0)
        return -1;
    w->alloc = test_alloc(TEST_ALLOC_NEVER);
    w->store.alloc = &w->alloc.base;
    w->memory.base = calloc(1, MEMORY_BYTES);
    w->memory.size_bytes = MEMORY_BYTES;
    char map[96];
    snprintf(map, sizeof map, "/mapped::%s", w->box);
    const char *maps[] = {map};
    s64 listeners[] = {w->listener};
    WasiOptions options = {.map_dirs = maps, .nmap_dirs = 1, .listeners = listeners, .nlisteners = 1,
                           .stdio = {-1, -1, -1}};
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
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", w->box);
    assert_int_equal(system(command), 0);
    close(w->listener);
    free(w->memory.base);
    free(w);
    return 0;
}

static WasiErrno called(WasiCall *call, WasiErrno error)
{
    tern_wasi_call_end(call);
    return error;
}
#define CALL(name, ...) called(&w->call, tern_wasi_##name(&w->call, (const u64[]){__VA_ARGS__}))

static u64 get(const World *w, u64 addr, u32 size) { return wasi_get(w->memory.base + addr, size); }

enum { PATH = 0, RESULT = 8192, RESULT2 = 8200, IOVEC = 8448, STAT = 9000, BYTES = 16384 };

static u64 open_file(World *w, const char *path, u64 oflags, u64 fdflags)
{
    size_t size = strlen(path);
    memcpy(w->memory.base + PATH, path, size);
    assert_int_equal(CALL(path_open, BOX, 1, PATH, size, oflags, ALL, ALL, fdflags, RESULT), WASI_ESUCCESS);
    return get(w, RESULT, 4);
}

static void put_bytes(World *w, const char *text, u64 size)
{
    if (text != NULL) memcpy(w->memory.base + BYTES, text, size);
    wasi_put(w->memory.base + IOVEC, BYTES, 4);
    wasi_put(w->memory.base + IOVEC + 4, size, 4);
}

static void write_text(World *w, u64 fd, const char *text)
{
    put_bytes(w, text, strlen(text));
    assert_int_equal(CALL(fd_write, fd, IOVEC, 1, RESULT), WASI_ESUCCESS);
    assert_int_equal(get(w, RESULT, 4), strlen(text));
}

static void positions_are_the_files(void **state)
{
    World *w = *state;
    u64 fd = open_file(w, "file", CREAT, 0);
    write_text(w, fd, "0123456789");
    assert_int_equal(CALL(fd_tell, fd, RESULT), WASI_ESUCCESS);
    assert_int_equal(get(w, RESULT, 8), 10);
    assert_int_equal(CALL(fd_seek, fd, (u64)-3, 2, RESULT), WASI_ESUCCESS);
    assert_int_equal(get(w, RESULT, 8), 7);
    assert_int_equal(CALL(fd_seek, fd, 2, 0, RESULT), WASI_ESUCCESS);
    assert_int_equal(CALL(fd_seek, fd, 2, 1, RESULT), WASI_ESUCCESS);
    assert_int_equal(get(w, RESULT, 8), 4);
    assert_int_equal(CALL(fd_seek, fd, 0, 3, RESULT), WASI_EINVAL);
    assert_int_equal(CALL(fd_seek, fd, (u64)-30, 1, RESULT), WASI_EINVAL);
    assert_int_equal(CALL(fd_seek, 1, 0, 0, RESULT), WASI_ESPIPE);
    w->call.is_unstable = true; /* counts from: here, the end, the start */
    assert_int_equal(CALL(fd_seek, fd, 1, 0, RESULT), WASI_ESUCCESS);
    assert_int_equal(get(w, RESULT, 8), 5);
    assert_int_equal(CALL(fd_seek, fd, (u64)-1, 1, RESULT), WASI_ESUCCESS);
    assert_int_equal(get(w, RESULT, 8), 9);
    assert_int_equal(CALL(fd_seek, fd, 3, 2, RESULT), WASI_ESUCCESS);
    assert_int_equal(get(w, RESULT, 8), 3);
    w->call.is_unstable = false;

    put_bytes(w, NULL, 4);
    assert_int_equal(CALL(fd_pread, fd, IOVEC, 1, 6, RESULT), WASI_ESUCCESS);
    assert_memory_equal(w->memory.base + BYTES, "6789", 4);
    assert_int_equal(CALL(fd_pread, fd, IOVEC, 1, ALL, RESULT), WASI_EINVAL);
    assert_int_equal(CALL(fd_pwrite, fd, IOVEC, 1, ALL, RESULT), WASI_EINVAL);
    assert_int_equal(CALL(fd_filestat_set_size, fd, ALL), WASI_EINVAL);
    assert_int_equal(CALL(fd_allocate, fd, ALL, ALL), WASI_EINVAL);
    assert_int_equal(CALL(fd_filestat_set_times, fd, 5000000000u, 7, 5), WASI_ESUCCESS);
    assert_int_equal(CALL(fd_filestat_get, fd, STAT), WASI_ESUCCESS);
    assert_int_equal(get(w, STAT + 32, 8), 10);
    assert_int_equal(get(w, STAT + 40, 8), 5000000000u);
    assert_int_equal(get(w, STAT + 48, 8), 7);
    assert_int_equal(CALL(fd_filestat_set_times, fd, 0, 0, 3), WASI_EINVAL);
}

static void appending_is_switched_while_open(void **state)
{
    World *w = *state;
    u64 fd = open_file(w, "file", CREAT, WASI_FDFLAG_APPEND);
    write_text(w, fd, "one");
    assert_int_equal(CALL(fd_seek, fd, 0, 0, RESULT), WASI_ESUCCESS);
    write_text(w, fd, "two");
    assert_int_equal(CALL(fd_fdstat_set_flags, fd, 0), WASI_ESUCCESS);
    assert_int_equal(CALL(fd_seek, fd, 0, 0, RESULT), WASI_ESUCCESS);
    write_text(w, fd, "O");
    put_bytes(w, NULL, 10);
    assert_int_equal(CALL(fd_pread, fd, IOVEC, 1, 0, RESULT), WASI_ESUCCESS);
    assert_int_equal(get(w, RESULT, 4), 6);
    assert_memory_equal(w->memory.base + BYTES, "Onetwo", 6);
    assert_int_equal(CALL(fd_fdstat_set_flags, fd, WASI_FDFLAG_SYNC), WASI_ENOTSUP);
}

static void a_mapped_directory_has_the_guests_name(void **state)
{
    World *w = *state;
    assert_int_equal(CALL(fd_prestat_get, BOX, RESULT), WASI_ESUCCESS);
    assert_int_equal(get(w, RESULT, 4), 0);
    assert_int_equal(get(w, RESULT + 4, 4), 7);
    assert_int_equal(CALL(fd_prestat_dir_name, BOX, BYTES, 6), WASI_ENAMETOOLONG);
    assert_int_equal(CALL(fd_prestat_dir_name, BOX, MEMORY_BYTES - 6, 7), WASI_EFAULT);
    assert_int_equal(CALL(fd_prestat_dir_name, BOX, BYTES, 7), WASI_ESUCCESS);
    assert_memory_equal(w->memory.base + BYTES, "/mapped", 7);
    assert_int_equal(CALL(fd_prestat_get, LISTENER, RESULT), WASI_EBADF);

    const char *bad[] = {"no colons", "/x::/tern/not/there"};
    for (u32 i = 0; i < COUNT_OF(bad); i++) {
        Diag diag = {0};
        WasiOptions options = {.map_dirs = &bad[i], .nmap_dirs = 1, .stdio = {-1, -1, -1}};
        assert_null(tern_wasi_new(&w->store, &options, &diag));
        assert_int_equal(diag.code, DIAG_WASI_DIRECTORY);
    }
}

static int dial(const World *w)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, w->socket_path, strlen(w->socket_path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void a_guest_serves_a_connection(void **state)
{
    World *w = *state;
    assert_int_equal(CALL(fd_fdstat_set_flags, LISTENER, WASI_FDFLAG_NONBLOCK), WASI_ESUCCESS);
    assert_int_equal(CALL(sock_accept, LISTENER, 0, RESULT), WASI_EAGAIN);
    int client = dial(w);
    assert_int_equal(CALL(sock_accept, LISTENER, 0, RESULT), WASI_ESUCCESS);
    u64 fd = get(w, RESULT, 4);
    assert_int_equal(fd, 5);
    assert_int_equal(write(client, "question", 8), 8);
    put_bytes(w, NULL, 4);
    assert_int_equal(CALL(sock_recv, fd, IOVEC, 1, 1, RESULT, RESULT2), WASI_ESUCCESS); /* peek */
    assert_int_equal(CALL(sock_recv, fd, IOVEC, 1, 0, RESULT, RESULT2), WASI_ESUCCESS);
    assert_int_equal(get(w, RESULT, 4), 4);
    assert_memory_equal(w->memory.base + BYTES, "ques", 4);
    assert_int_equal(CALL(fd_read, fd, IOVEC, 1, RESULT), WASI_ESUCCESS);
    assert_memory_equal(w->memory.base + BYTES, "tion", 4);
    put_bytes(w, "answer", 6);
    assert_int_equal(CALL(sock_send, fd, IOVEC, 1, 0, RESULT), WASI_ESUCCESS);
    assert_int_equal(CALL(sock_shutdown, fd, 2), WASI_ESUCCESS);
    char got[16] = "";
    assert_int_equal(read(client, got, sizeof got), 6);
    assert_string_equal(got, "answer");
    assert_int_equal(read(client, got, sizeof got), 0);
    assert_int_equal(CALL(sock_send, fd, IOVEC, 1, 0, RESULT), WASI_EPIPE);
    assert_int_equal(CALL(sock_accept, fd, 0, RESULT), WASI_ENOTCAPABLE);
    assert_int_equal(CALL(fd_close, fd), WASI_ESUCCESS);
    close(client);
}

static void *interrupt_soon(void *arg)
{
    World *w = arg;
    usleep(50000);
    __atomic_store_n(&w->x.interrupt, TRAP_INTERRUPTED, __ATOMIC_RELAXED);
    return NULL;
}

/* A pipe by its name: opening does not wait for the other side, reading does, and both can be stopped. */
static void waiting_for_a_pipe_or_a_connection_can_be_interrupted(void **state)
{
    World *w = *state;
    char path[96];
    snprintf(path, sizeof path, "%s/pipe", w->box);
    assert_int_equal(mkfifo(path, 0666), 0);
    u64 fd = open_file(w, "pipe", 0, 0);
    put_bytes(w, NULL, 4);
    for (u32 i = 0; i < 2; i++) {
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, interrupt_soon, w), 0);
        if (i == 0)
            CALL(fd_read, fd, IOVEC, 1, RESULT);
        else
            CALL(sock_accept, LISTENER, 0, RESULT);
        assert_int_equal(w->call.trap, TRAP_INTERRUPTED);
        pthread_join(thread, NULL);
        w->call.trap = TRAP_NONE;
        w->x.interrupt = TRAP_NONE;
    }
}

static void raising_a_signal_ends_the_guest(void **state)
{
    World *w = *state;
    CALL(proc_raise, 6);
    assert_int_equal(w->call.trap, TRAP_RAISE);
}

/* --- threads ---------------------------------------------------------------------------------------- */

typedef struct Worker {
    World *w;
    u64 base; /* its own part of guest memory */
} Worker;

/* Opens, reads, renumbers and closes numbers that the others use too. */
static void *work(void *arg)
{
    const Worker *worker = arg;
    WasiCall call = {.x = &worker->w->x, .wasi = worker->w->wasi, .memory = &worker->w->memory};
    u8 *memory = worker->w->memory.base;
    u64 base = worker->base;
#define DO(name, ...) called(&call, tern_wasi_##name(&call, (const u64[]){__VA_ARGS__}))
    memcpy(memory + base, "file", 4);
    wasi_put(memory + base + 16, base + 64, 4);
    wasi_put(memory + base + 20, 16, 4);
    for (u32 i = 0; i < 2000; i++) {
        if (DO(path_open, BOX, 1, base, 4, 0, ALL, ALL, 0, base + 32) != WASI_ESUCCESS) continue;
        u64 fd = wasi_get(memory + base + 32, 4);
        DO(fd_pread, fd, base + 16, 1, 0, base + 40);
        DO(fd_fdstat_get, fd, base + 128);
        DO(fd_renumber, fd, 5 + i % 4);
        DO(fd_fdstat_set_flags, 5 + i % 4, i % 2);
        DO(fd_close, 5 + i % 5);
    }
    return NULL;
}

static void threads_of_one_guest_share_the_table(void **state)
{
    World *w = *state;
    open_file(w, "file", CREAT, 0);
    pthread_t threads[3];
    Worker workers[3];
    for (u32 i = 0; i < 3; i++) {
        workers[i] = (Worker){w, 20000 + i * 1024};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (u32 i = 0; i < 3; i++) pthread_join(threads[i], NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(positions_are_the_files),
        TEST(appending_is_switched_while_open),
        TEST(a_mapped_directory_has_the_guests_name),
        TEST(a_guest_serves_a_connection),
        TEST(waiting_for_a_pipe_or_a_connection_can_be_interrupted),
        TEST(raising_a_signal_ends_the_guest),
        TEST(threads_of_one_guest_share_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
