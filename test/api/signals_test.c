/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* signals_test.c - a guest in somebody else's process: hosts that handle faults themselves, fork, run guests on
 * stacks of their own making, unload the library, or run under valgrind.
 *
 * Each host is a child process, since handlers are the process's and some hosts end; its exit code says how it went.
 * test/unit/fault_test.c has the same of the port alone.
 */
#define _GNU_SOURCE 1
#include "tern_guest.h"

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define IS_SANITIZED 1
#endif
#endif
#ifndef IS_SANITIZED
#define IS_SANITIZED 0
#endif

enum { CHILD_OK = 0, CHILD_BAD = 9, CHILD_HANDLED = 42, PAGE_BYTES = 65536, FAR = 0x10000000 };

static void expect(bool condition)
{
    if (!condition) _exit(CHILD_BAD);
}

/* --- the guest ---------------------------------------------------------------------------------------- */

typedef struct Guest {
    tern_engine *engine;
    tern_linker *linker;
    tern_module *module;
    tern_instance *instance;
    int (*native)(struct Guest *guest, int arg); /* what the guest's host function is */
    uint8_t *base;
} Guest;

static bool call_native(tern_instance *caller, void *user, const tern_value *args, tern_value *results)
{
    (void)caller;
    Guest *guest = user;
    results[0].of.i32 = (uint32_t)guest->native(guest, (int)args[0].of.i32);
    return true;
}

static void guest_open(Guest *guest)
{
    tern_error error;
    *guest = (Guest){.engine = tern_engine_create()};
    guest->linker = tern_linker_create(guest->engine);
    guest->module = tern_module_load_file(guest->engine, "test/api/wasm/signals.wasm", &error);
    expect(guest->module != NULL && tern_linker_define_func(guest->linker, "host", "native", "(param i32) (result i32)",
                                                            call_native, guest, &error));
    tern_config config = TERN_CONFIG_DEFAULT;
    config.linker = guest->linker;
    guest->instance = tern_instance_create(guest->module, &config, &error);
    expect(guest->instance != NULL);
    guest->base = tern_memory_slice(tern_instance_memory(guest->instance, NULL), 0, 1);
}

static void guest_close(Guest *guest)
{
    tern_instance_destroy(guest->instance);
    tern_linker_destroy(guest->linker);
    tern_module_unload(guest->module);
    tern_engine_destroy(guest->engine);
}

static tern_status call(Guest *guest, const char *name, uint32_t nargs, uint32_t a, uint32_t b, uint32_t *result)
{
    tern_error error;
    tern_value args[2] = {{.kind = TERN_I32, .of.i32 = a}, {.kind = TERN_I32, .of.i32 = b}}, out = {0};
    uint32_t nresults = strcmp(name, "store") != 0;
    tern_status status = tern_instance_call(guest->instance, name, args, nargs, &out, nresults, &error);
    if (result != NULL) *result = out.of.i32;
    return status;
}

/* The access traps, and the trap says what it was. */
static void expect_bounds(Guest *guest, tern_status status, uint64_t address, uint64_t bytes)
{
    tern_trap trap;
    expect(status == TERN_TRAPPED && tern_instance_trap(guest->instance, &trap));
    expect(strcmp(trap.code, "MEMORY_BOUNDS") == 0 && trap.address == address && trap.access_bytes == bytes);
}

/* Loads and stores within and outside, and a whole stack of frames. */
static void exercise(Guest *guest)
{
    uint32_t result;
    for (uint32_t i = 0; i < 20; i++) {
        expect_bounds(guest, call(guest, "load", 1, FAR + i * 100, 0, NULL), FAR + i * 100, 4);
        expect_bounds(guest, call(guest, "store", 1, PAGE_BYTES - 15, 0, NULL), PAGE_BYTES - 7, 8);
        expect(call(guest, "load", 1, PAGE_BYTES - 4, 0, &result) == TERN_OK && result == 0);
        expect_bounds(guest, call(guest, "load", 1, UINT32_MAX, 0, NULL), UINT32_MAX, 4);
    }
    expect(call(guest, "deep", 2, 1000, 0, &result) == TERN_OK && result == 1000);
    expect_bounds(guest, call(guest, "deep", 2, 1000, FAR, NULL), FAR, 4);
    tern_trap trap;
    expect(tern_instance_trap(guest->instance, &trap) && trap.nframes_all == 1001);
}

/* --- children ----------------------------------------------------------------------------------------- */

static int status_of(void (*run)(void))
{
    fflush(stdout);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (freopen("/dev/null", "w", stderr) == NULL || freopen("/dev/null", "w", stdout) == NULL) _exit(CHILD_BAD);
        /* cmocka has handlers of its own. */
        signal(SIGSEGV, SIG_DFL);
        signal(SIGBUS, SIG_DFL);
        run();
        _exit(CHILD_OK);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void assert_exits(void (*run)(void), int code)
{
    int status = status_of(run);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), code);
}

static void assert_killed(void (*run)(void), int sig)
{
    int status = status_of(run);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), sig);
}

static __attribute__((noinline)) int touch(const volatile uint8_t *address) { return *address; }

/* --- handlers ------------------------------------------------------------------------------------------- */

static const void *expected_address;

static void on_fault_end(int sig, siginfo_t *info, void *context)
{
    (void)context;
    _exit(sig == SIGSEGV && info->si_addr == expected_address ? CHILD_HANDLED : CHILD_BAD);
}

static void handle(void (*handler)(int, siginfo_t *, void *), int flags)
{
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags};
    sigemptyset(&action.sa_mask);
    expect(sigaction(SIGSEGV, &action, NULL) == 0);
}

static void run_handler_before(void)
{
    handle(on_fault_end, 0);
    Guest guest;
    guest_open(&guest);
    exercise(&guest);
    guest_close(&guest);
    expected_address = (void *)(uintptr_t)16;
    touch(expected_address);
}

static void run_handler_after(void)
{
    Guest first, second;
    guest_open(&first);
    exercise(&first);
    handle(on_fault_end, SA_ONSTACK);
    guest_open(&second); /* goes over the host's */
    exercise(&second);
    exercise(&first);
    guest_close(&first);
    guest_close(&second);
    expected_address = (void *)(uintptr_t)16;
    touch(expected_address);
}

static struct sigaction before_host;
static volatile int nforwarded;

static void on_fault_forward(int sig, siginfo_t *info, void *context)
{
    nforwarded++;
    before_host.sa_sigaction(sig, info, context);
}

static void run_handler_that_forwards(void)
{
    Guest guest;
    guest_open(&guest);
    exercise(&guest); /* its first call installs ours */
    sigaction(SIGSEGV, NULL, &before_host);
    handle(on_fault_forward, SA_ONSTACK);
    exercise(&guest);
#if defined(__OPTIMIZE__) /* else, as with sanitizers, accesses are checked and nothing faults */
    expect(IS_SANITIZED || nforwarded > 20);
#endif
    guest_close(&guest);
}

static void a_hosts_handler_before_or_after_ours_gets_its_faults(void **state)
{
    (void)state;
    assert_exits(run_handler_before, CHILD_HANDLED);
    assert_exits(run_handler_after, CHILD_HANDLED);
    assert_exits(run_handler_that_forwards, CHILD_OK);
}

static void run_without_handler(void)
{
    Guest guest;
    guest_open(&guest);
    exercise(&guest);
    touch((void *)(uintptr_t)16);
}

static void run_once_only(void)
{
    expected_address = (void *)(uintptr_t)16;
    handle(on_fault_forward, (int)SA_RESETHAND);
    before_host.sa_sigaction = on_fault_end;
    Guest guest;
    guest_open(&guest);
    exercise(&guest); /* does not use it up */
    expect(nforwarded == 0);
    touch(expected_address);
}

static void without_a_handler_a_hosts_fault_kills(void **state)
{
    (void)state;
    if (!IS_SANITIZED) assert_killed(run_without_handler, SIGSEGV);
    assert_exits(run_once_only, CHILD_HANDLED);
}

static void run_blocked(void)
{
    sigset_t faults;
    sigemptyset(&faults);
    sigaddset(&faults, SIGSEGV);
    sigaddset(&faults, SIGBUS);
    Guest guest;
    guest_open(&guest);
    expect(call(&guest, "load", 1, PAGE_BYTES - 4, 0, NULL) == TERN_OK);
    expect(pthread_sigmask(SIG_BLOCK, &faults, NULL) == 0);
    expect_bounds(&guest, call(&guest, "load", 1, FAR, 0, NULL), FAR, 4);
    guest_close(&guest);
}

/* The system does not wait for a fault's signal to be unblocked. */
static void where_the_signals_are_blocked_a_guests_fault_kills(void **state)
{
    (void)state;
#if defined(__OPTIMIZE__) /* as above */
    if (!IS_SANITIZED) {
        assert_killed(run_blocked, SIGSEGV);
        return;
    }
#endif
    assert_exits(run_blocked, CHILD_OK);
}

/* --- faults of native functions ------------------------------------------------------------------------- */

static sigjmp_buf resume;
static const void *faulted_at;

static void on_fault_resume(int sig, siginfo_t *info, void *context)
{
    (void)sig, (void)context;
    faulted_at = info->si_addr;
    siglongjmp(resume, 1);
}

/* Touches what is no memory of its, and catches itself: 0 at nothing, else inside the guest's reservation. */
static int native_faults(Guest *guest, int where)
{
    const uint8_t *address = where == 0 ? (uint8_t *)(uintptr_t)16 : guest->base + FAR;
    faulted_at = NULL;
    if (sigsetjmp(resume, 1) == 0) {
        touch(address);
        return 0;
    }
    return faulted_at == address ? 7 : 1;
}

static void run_native_faults(void)
{
    handle(on_fault_resume, 0);
    Guest guest;
    guest_open(&guest);
    guest.native = native_faults;
    uint32_t result;
    for (uint32_t i = 0; i < 10; i++) {
        expect(call(&guest, "native", 1, i % 2, 0, &result) == TERN_OK && result == 7);
        expect(call(&guest, "native_load", 2, i % 2, 0, &result) == TERN_OK && result == 7);
        expect_bounds(&guest, call(&guest, "native_load", 2, i % 2, FAR, NULL), FAR, 4);
    }
    guest_close(&guest);
}

static void a_native_functions_fault_is_the_hosts_even_in_the_guests_guard(void **state)
{
    (void)state;
    assert_exits(run_native_faults, CHILD_OK);
}

/* --- stacks ------------------------------------------------------------------------------------------------ */

static void *exercise_in_thread(void *arg)
{
    exercise(arg);
    return arg;
}

static void *exercise_on_own_signal_stack(void *arg)
{
    static uint8_t signal_stack[16384];
    stack_t mine = {.ss_sp = signal_stack, .ss_size = sizeof signal_stack}, now;
    expect(sigaltstack(&mine, NULL) == 0);
    exercise(arg);
    expect(sigaltstack(NULL, &now) == 0 && now.ss_sp == signal_stack);
    stack_t none = {.ss_flags = SS_DISABLE};
    sigaltstack(&none, NULL);
    return arg;
}

/* Too small for what the host functions of a guest may need: not even entered. ThreadSanitizer gives threads more
 * than was asked for. */
static void *refused_in_thread(void *arg)
{
    pthread_attr_t attr;
    size_t stack_bytes = 0;
    expect(pthread_getattr_np(pthread_self(), &attr) == 0 && pthread_attr_getstacksize(&attr, &stack_bytes) == 0);
    pthread_attr_destroy(&attr);
    if (stack_bytes > 64 << 10) return arg;
    tern_trap trap;
    expect(call(arg, "load", 1, FAR, 0, NULL) == TERN_TRAPPED && tern_instance_trap(((Guest *)arg)->instance, &trap));
    expect(strcmp(trap.code, "NATIVE_STACK_EXHAUSTED") == 0);
    return arg;
}

static void in_thread(void *(*run)(void *), Guest *guest, size_t stack_bytes)
{
    pthread_attr_t attr;
    pthread_t thread;
    void *result;
    pthread_attr_init(&attr);
    expect(pthread_attr_setstacksize(&attr, stack_bytes) == 0);
    expect(pthread_create(&thread, &attr, run, guest) == 0 && pthread_join(thread, &result) == 0 && result == guest);
    pthread_attr_destroy(&attr);
}

static void run_small_stacks(void)
{
    Guest guest;
    guest_open(&guest);
    in_thread(refused_in_thread, &guest, 64 << 10); /* first: glibc gives a larger stack again when it has one */
    in_thread(exercise_in_thread, &guest, IS_SANITIZED ? 512 << 10 : 128 << 10);
    in_thread(exercise_on_own_signal_stack, &guest, 512 << 10);
    guest_close(&guest);
}

static void small_and_alternate_stacks_serve(void **state)
{
    (void)state;
    assert_exits(run_small_stacks, CHILD_OK);
}

/* A coroutine runs one guest, whose host function gives way to the main context. */
enum { COROUTINES = 3, COROUTINE_BYTES = 256 << 10, ROUNDS = 12 };
typedef struct Coroutine {
    Guest guest;
    ucontext_t context, back;
    uint8_t *stack;
    bool is_done;
} Coroutine;

static int native_yields(Guest *guest, int arg)
{
    Coroutine *c = (Coroutine *)guest; /* its first member */
    swapcontext(&c->context, &c->back);
    return arg;
}

static __attribute__((noinline)) void coroutine_init(Coroutine *c, void (*body)(unsigned, unsigned),
                                                     int (*native)(Guest *guest, int arg), size_t stack_bytes)
{
    guest_open(&c->guest);
    c->guest.native = native;
    c->stack = mmap(NULL, stack_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    expect(c->stack != MAP_FAILED && getcontext(&c->context) == 0);
    c->context.uc_stack.ss_sp = c->stack;
    c->context.uc_stack.ss_size = stack_bytes;
    c->context.uc_link = &c->back;
    uint64_t self = (uintptr_t)c;
    makecontext(&c->context, (void (*)(void))(uintptr_t)body, 2, (unsigned)self, (unsigned)(self >> 32));
}

/* Coroutines end each other's calls in any order: a fault must still find its own guest's frame. */
static void coroutine_body(unsigned low, unsigned high)
{
    Coroutine *c = (Coroutine *)(((uintptr_t)high << 32) | low);
    uint32_t result;
    exercise(&c->guest);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        expect_bounds(&c->guest, call(&c->guest, "native_load", 2, i, FAR + i, NULL), FAR + i, 4);
        expect(call(&c->guest, "native_load", 2, i, 0, &result) == TERN_OK && result == i);
        expect_bounds(&c->guest, call(&c->guest, "load", 1, FAR, 0, NULL), FAR, 4);
    }
    expect(call(&c->guest, "deep", 2, 20000, 0, &result) == TERN_OK && result == 20000);
    c->is_done = true;
}

static void run_coroutines(void)
{
    static Coroutine all[COROUTINES];
    for (uint32_t i = 0; i < COROUTINES; i++)
        coroutine_init(&all[i], coroutine_body, native_yields, COROUTINE_BYTES);
    static const uint8_t order[] = {0, 1, 0, 2, 1, 1, 0, 2, 2};
    bool is_running = true;
    for (uint32_t i = 0; is_running; i++) {
        Coroutine *c = &all[order[i % sizeof order]];
        if (!c->is_done) swapcontext(&c->back, &c->context);
        is_running = false;
        for (uint32_t k = 0; k < COROUTINES; k++) is_running |= !all[k].is_done;
    }
    for (uint32_t i = 0; i < COROUTINES; i++) guest_close(&all[i].guest);
}

static void coroutines_may_leave_their_guests_in_any_order(void **state)
{
    (void)state;
    if (IS_SANITIZED) skip(); /* a sanitizer would have to be told of every switch */
    assert_exits(run_coroutines, CHILD_OK);
}

/* Guest, host, guest, ... on a stack that nothing is known about ends in a trap. */
static int native_calls_back(Guest *guest, int arg)
{
    uint32_t result = 0;
    return call(guest, "native", 1, (uint32_t)arg + 1, 0, &result) == TERN_OK ? (int)result : arg;
}

static void bounce_body(unsigned low, unsigned high)
{
    Coroutine *c = (Coroutine *)(((uintptr_t)high << 32) | low);
    uint32_t result = 0;
    expect(call(&c->guest, "native", 1, 0, 0, &result) == TERN_OK && result > 50);
    exercise(&c->guest);
    c->is_done = true;
}

static void run_bounce(void)
{
    static Coroutine c;
    coroutine_init(&c, bounce_body, native_calls_back, 1 << 20);
    swapcontext(&c.back, &c.context);
    expect(c.is_done);
    guest_close(&c.guest);
}

static void recursion_through_the_host_ends_on_a_coroutines_stack(void **state)
{
    (void)state;
    if (IS_SANITIZED) skip();
    assert_exits(run_bounce, CHILD_OK);
}

/* --- processes ----------------------------------------------------------------------------------------------- */

static void run_fork(void)
{
    Guest guest;
    guest_open(&guest);
    exercise(&guest);
    pid_t pid = fork();
    expect(pid >= 0);
    exercise(&guest);
    Guest fresh; /* both sides go on */
    guest_open(&fresh);
    exercise(&fresh);
    guest_close(&fresh);
    guest_close(&guest);
    if (pid == 0) _exit(CHILD_OK);
    int status;
    expect(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == CHILD_OK);
}

static void a_host_may_fork(void **state)
{
    (void)state;
    assert_exits(run_fork, CHILD_OK);
}

/* The library stays for the handler and the stacks it made, whoever closes it. */
static void *use_and_close(void *path)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    expect(library != NULL);
    tern_engine *(*create)(void);
    void (*destroy)(tern_engine *);
    *(void **)&create = dlsym(library, "tern_engine_create");
    *(void **)&destroy = dlsym(library, "tern_engine_destroy");
    bool (*init)(void);
    void (*leave)(void);
    *(void **)&init = dlsym(library, "wasm_runtime_init");
    *(void **)&leave = dlsym(library, "wasm_runtime_destroy");
    expect(create != NULL && destroy != NULL && init != NULL && leave != NULL && init());
    bool (*init_thread)(void);
    *(void **)&init_thread = dlsym(library, "wasm_runtime_init_thread_env");
    expect(init_thread != NULL && init_thread());
    leave();
    destroy(create());
    expect(dlclose(library) == 0);
    return path;
}

static char library_path[4096];

static void run_closed(void)
{
    handle(on_fault_end, 0);
    pthread_t thread;
    void *result;
    expect(pthread_create(&thread, NULL, use_and_close, library_path) == 0 && pthread_join(thread, &result) == 0);
    expected_address = (void *)(uintptr_t)16;
    touch(expected_address);
}

static void a_plug_in_may_be_closed(void **state)
{
    (void)state;
    Dl_info info;
    assert_true(dladdr((void *)(uintptr_t)tern_version, &info) != 0);
    /* The other name of the same objects: this program does not hold it open. */
    const char *slash = strrchr(info.dli_fname, '/');
    snprintf(library_path, sizeof library_path, "%.*s/libiwasm.so",
             slash != NULL ? (int)(slash - info.dli_fname) : 1, slash != NULL ? info.dli_fname : ".");
    if (IS_SANITIZED || access(library_path, R_OK) != 0) skip();
    assert_exits(run_closed, CHILD_HANDLED);
}

static bool has_program(const char *name)
{
    char command[200];
    snprintf(command, sizeof command, "command -v %s >/dev/null 2>&1", name);
    return system(command) == 0;
}

static void faults_are_traps_under_valgrind(void **state)
{
    (void)state;
    if (IS_SANITIZED || !has_program("valgrind")) {
        print_message("needs valgrind and no sanitizer\n");
        skip();
    }
    char self[4096], command[5000];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    assert_true(n > 0);
    self[n] = '\0';
    snprintf(command, sizeof command, "valgrind -q --error-exitcode=99 '%s' guest >/dev/null 2>&1", self);
    int status = system(command);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), CHILD_OK);
}

static int run_guest(void)
{
    Guest guest;
    guest_open(&guest);
    exercise(&guest);
    guest_close(&guest);
    return CHILD_OK;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "guest") == 0) return run_guest();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hosts_handler_before_or_after_ours_gets_its_faults),
        cmocka_unit_test(without_a_handler_a_hosts_fault_kills),
        cmocka_unit_test(where_the_signals_are_blocked_a_guests_fault_kills),
        cmocka_unit_test(a_native_functions_fault_is_the_hosts_even_in_the_guests_guard),
        cmocka_unit_test(small_and_alternate_stacks_serve),
        cmocka_unit_test(coroutines_may_leave_their_guests_in_any_order),
        cmocka_unit_test(recursion_through_the_host_ends_on_a_coroutines_stack),
        cmocka_unit_test(a_host_may_fork),
        cmocka_unit_test(a_plug_in_may_be_closed),
        cmocka_unit_test(faults_are_traps_under_valgrind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
