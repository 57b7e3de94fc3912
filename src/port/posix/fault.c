/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* fault.c - hardware faults at reserved guest addresses become a jump.
 *
 * The handler claims a fault only if three things hold: the native pc lies in a registered code
 * range, the address lies in a registered guest range, and the thread has a frame to jump to.
 * Everything else goes to whoever was installed before, as it came. Whatever the handler reads is
 * an atomic or belongs to the faulting thread, since it may interrupt anything.
 *
 * The handler stays installed until the process ends: whoever was installed after us may hold our
 * address. Who installs a handler over ours keeps it until tern_port_fault_init is called again, which
 * every instantiation with a guarded memory does.
 */
#define _GNU_SOURCE 1
#include "port/port.h"
#include "port/hot_tls.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define HAS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ASAN 1
#endif
#endif
#ifdef HAS_ASAN
/* Tells the sanitizer that the frames a jump leaves are gone. */
void __asan_handle_no_return(void);
#endif

/* --- the machine's context -------------------------------------------------------------------- */

#if defined(__linux__) && defined(__x86_64__)

enum { HAS_CONTEXT = 1 };

static uintptr_t context_pc(const ucontext_t *uc)
{
    return (uintptr_t)uc->uc_mcontext.gregs[REG_RIP];
}

static void context_regs(const ucontext_t *uc, uintptr_t *regs)
{
    static const u8 order[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
                                 REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                 REG_R12, REG_R13, REG_R14, REG_R15};
    for (u32 i = 0; i < 16; i++)
        regs[i] = (uintptr_t)uc->uc_mcontext.gregs[order[i]];
}

#elif defined(__linux__) && defined(__aarch64__)

enum { HAS_CONTEXT = 1 };

static uintptr_t context_pc(const ucontext_t *uc) { return (uintptr_t)uc->uc_mcontext.pc; }

static void context_regs(const ucontext_t *uc, uintptr_t *regs)
{
    for (u32 i = 0; i < 31; i++)
        regs[i] = (uintptr_t)uc->uc_mcontext.regs[i];
    regs[31] = (uintptr_t)uc->uc_mcontext.sp;
}

#else

enum { HAS_CONTEXT = 0 };

static uintptr_t context_pc(const ucontext_t *uc)
{
    (void)uc;
    return 0;
}

static void context_regs(const ucontext_t *uc, uintptr_t *regs) { (void)uc, (void)regs; }

#endif

/* --- ranges ----------------------------------------------------------------------------------- */

/* A set of ranges that grows without moving: segment k has SEGMENT_FIRST << k slots and is
 * published once. Written under the lock, read without. A slot is free when its end is 0; end is
 * cleared before the slot changes and set after, so a reader that sees the same end twice saw the
 * start that belongs to it. */
enum { SEGMENT_FIRST = 32, NSEGMENTS = 24 };

typedef struct Slot {
    _Atomic(uintptr_t) start, end;
} Slot;

typedef struct RangeSet {
    _Atomic(Slot *) segments[NSEGMENTS];
} RangeSet;

static RangeSet code_ranges, guest_ranges;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static bool ranges_hold(RangeSet *set, uintptr_t address)
{
    for (u32 k = 0; k < NSEGMENTS; k++) {
        Slot *segment = atomic_load_explicit(&set->segments[k], memory_order_acquire);
        if (segment == NULL) return false;
        for (u32 i = 0; i < (u32)SEGMENT_FIRST << k; i++) {
            uintptr_t end = atomic_load_explicit(&segment[i].end, memory_order_acquire);
            if (end <= address) continue;
            uintptr_t start = atomic_load_explicit(&segment[i].start, memory_order_acquire);
            if (start <= address &&
                atomic_load_explicit(&segment[i].end, memory_order_acquire) == end)
                return true;
        }
    }
    return false;
}

/* The slot with that start and end, or any free one for 0, 0; NULL if there is none. Under the
 * lock. */
static Slot *find_slot(RangeSet *set, uintptr_t start, uintptr_t end)
{
    for (u32 k = 0; k < NSEGMENTS; k++) {
        Slot *segment = atomic_load_explicit(&set->segments[k], memory_order_relaxed);
        if (segment == NULL) return NULL;
        for (u32 i = 0; i < (u32)SEGMENT_FIRST << k; i++) {
            Slot *slot = &segment[i];
            if (atomic_load_explicit(&slot->end, memory_order_relaxed) != end) continue;
            if (end == 0 || atomic_load_explicit(&slot->start, memory_order_relaxed) == start)
                return slot;
        }
    }
    return NULL;
}

/* The first slot of a new segment; NULL if there is no memory. Under the lock. */
static Slot *add_segment(RangeSet *set)
{
    for (u32 k = 0; k < NSEGMENTS; k++) {
        if (atomic_load_explicit(&set->segments[k], memory_order_relaxed) != NULL) continue;
        Slot *segment = calloc((size_t)SEGMENT_FIRST << k, sizeof *segment);
        atomic_store_explicit(&set->segments[k], segment, memory_order_release);
        return segment;
    }
    return NULL;
}

/* Adding a range again changes nothing. */
static bool ranges_add(RangeSet *set, FaultRange range)
{
    uintptr_t start = (uintptr_t)range.start, end = (uintptr_t)range.end;
    if (start >= end) return true; /* nothing lies in it */
    pthread_mutex_lock(&lock);
    Slot *slot = find_slot(set, start, end);
    if (slot == NULL) {
        slot = find_slot(set, 0, 0);
        if (slot == NULL) slot = add_segment(set);
        if (slot != NULL) {
            atomic_store_explicit(&slot->start, start, memory_order_release);
            atomic_store_explicit(&slot->end, end, memory_order_release);
        }
    }
    pthread_mutex_unlock(&lock);
    return slot != NULL;
}

bool tern_port_fault_add_code(FaultRange range) { return ranges_add(&code_ranges, range); }

bool tern_port_fault_add_guest(FaultRange range) { return ranges_add(&guest_ranges, range); }

void tern_port_fault_remove_guest(FaultRange range)
{
    uintptr_t start = (uintptr_t)range.start, end = (uintptr_t)range.end;
    if (start >= end) return;
    pthread_mutex_lock(&lock);
    Slot *slot = find_slot(&guest_ranges, start, end);
    if (slot != NULL) atomic_store_explicit(&slot->end, 0, memory_order_release);
    pthread_mutex_unlock(&lock);
}

/* --- the handler ------------------------------------------------------------------------------ */

_Thread_local HOT_TLS FaultFrame *tern_port_fault_innermost;

/* Whom we replaced, newest last: a host may install its own handler over ours, and we go over it again. An
 * entry is complete before it is counted. */
enum { MAX_PREVIOUS = 16 };
typedef struct Previous {
    struct sigaction action;
    atomic_bool is_used_up; /* it was installed with SA_RESETHAND and has run */
} Previous;
static Previous previous[2][MAX_PREVIOUS];
static atomic_uint nprevious[2];

/* The pass this thread is in. One we pass on to may pass it back to us, as whom it replaced: then the next
 * older one has its turn. Such a call has the same context and a deeper frame. */
static _Thread_local HOT_TLS struct {
    const void *context; /* NULL: in none */
    uintptr_t frame, pc, address;
    u32 level;
} passing;

static u32 previous_index(int sig) { return sig == SIGBUS ? 1 : 0; }

/* Fills the frame and jumps if the fault is ours, else returns. si_code of a fault is positive:
 * what kill() sends is not a fault. The thread's own frame is looked at last: only a thread that
 * runs our code has touched that variable before, and the first touch may allocate. */
static void claim(const siginfo_t *info, ucontext_t *uc)
{
    if (info->si_code <= 0) return;
    uintptr_t pc = context_pc(uc), address = (uintptr_t)info->si_addr;
    if (!ranges_hold(&code_ranges, pc) || !ranges_hold(&guest_ranges, address)) return;
    FaultFrame *frame = tern_port_fault_innermost;
    if (frame == NULL) return;

    frame->address = info->si_addr;
    frame->pc = pc;
    context_regs(uc, frame->regs);
    /* A handler installed after ours may have brought us here with the signal blocked. */
    pthread_sigmask(SIG_SETMASK, &uc->uc_sigmask, NULL);
#ifdef HAS_ASAN
    __asan_handle_no_return();
#endif
    PORT_LONGJMP(frame->jump);
}

/* As if we had never been installed: the same mask, the same arguments. level counts from the newest. */
static void pass_on(int sig, siginfo_t *info, void *context, u32 level)
{
    u32 i = previous_index(sig), n = atomic_load(&nprevious[i]);
    static Previous none = {.action = {.sa_handler = SIG_DFL}};
    Previous *to = level < n ? &previous[i][n - 1 - level] : &none;
    const struct sigaction *action = &to->action;
    bool is_default = (action->sa_flags & SA_SIGINFO) == 0 && action->sa_handler == SIG_DFL;
    bool is_ignored = (action->sa_flags & SA_SIGINFO) == 0 && action->sa_handler == SIG_IGN;
    if ((action->sa_flags & (int)SA_RESETHAND) != 0 && atomic_exchange(&to->is_used_up, true))
        is_default = true;

    if (is_ignored && info->si_code <= 0) return;
    if (is_default || is_ignored) {
        /* A fault happens again on return and then takes the default way, with its own pc in the
         * core dump (the kernel does not let a fault be ignored either). A signal that was sent is
         * sent again. */
        struct sigaction fresh = {.sa_handler = SIG_DFL};
        sigaction(sig, &fresh, NULL);
        if (info->si_code <= 0) raise(sig);
        return;
    }

    sigset_t mask = action->sa_mask;
    if ((action->sa_flags & SA_NODEFER) == 0) sigaddset(&mask, sig);
    pthread_sigmask(SIG_BLOCK, &mask, NULL); /* our return restores the interrupted mask */
    if ((action->sa_flags & SA_SIGINFO) != 0)
        action->sa_sigaction(sig, info, context);
    else
        action->sa_handler(sig);
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
    claim(info, context);
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    uintptr_t pc = context_pc(context), address = (uintptr_t)info->si_addr;
    /* A handler may have left by a jump: then what is noted is of an older fault. */
    bool is_back = passing.context == context && here < passing.frame && passing.pc == pc &&
                   passing.address == address;
    passing.level = is_back ? passing.level + 1 : 0;
    passing.context = context;
    passing.frame = here;
    passing.pc = pc;
    passing.address = address;
    pass_on(sig, info, context, passing.level);
    passing.context = NULL;
}

static bool is_ours(const struct sigaction *action)
{
    return (action->sa_flags & SA_SIGINFO) != 0 && action->sa_sigaction == on_fault;
}

/* Notes whom we are about to replace. False: too many. */
static bool remember(int sig, const struct sigaction *old)
{
    u32 i = previous_index(sig), n = atomic_load(&nprevious[i]);
    for (u32 k = 0; k < n; k++) {
        const struct sigaction *known = &previous[i][k].action;
        if (known->sa_flags == old->sa_flags && known->sa_handler == old->sa_handler) return true;
    }
    if (n == MAX_PREVIOUS) return false;
    previous[i][n].action = *old;
    atomic_store(&nprevious[i], n + 1);
    return true;
}

/* Makes our handler the one in force, unless it is. SA_NODEFER: the handler is left by a jump, which would keep
 * the signal blocked. The lock is held. */
static bool install(int sig)
{
    struct sigaction action = {.sa_sigaction = on_fault,
                               .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    sigemptyset(&action.sa_mask);
    struct sigaction now;
    if (sigaction(sig, NULL, &now) != 0) return false;
    if (is_ours(&now)) return true;
    if (!remember(sig, &now) || sigaction(sig, &action, NULL) != 0) return false;
    /* A sanitizer may pretend: it keeps its own handler and reports success. */
    return sigaction(sig, NULL, &now) == 0 && is_ours(&now);
}

/* --- alternate stacks ------------------------------------------------------------------------- */

/* A fault handler needs a stack that works when the thread's own is exhausted. The handlers we pass
 * faults on to run on it too and may be less frugal than ours. */
enum { ALT_STACK_BYTES = 64 * 1024 };

static pthread_key_t alt_stack_key; /* its value is the mapping, made and freed by the thread */
static _Thread_local bool is_thread_ready;

/* A guard page and the stack above it. */
static size_t alt_mapping_bytes(void)
{
    size_t page = tern_port_page_size(), size = ALT_STACK_BYTES;
#ifdef _SC_MINSIGSTKSZ
    long frame = sysconf(_SC_MINSIGSTKSZ); /* wide vector registers are saved there */
    if (frame > 0) size += (size_t)frame;
#endif
    return page + ((size + page - 1) & ~(page - 1));
}

static void free_alt_stack(void *mapping)
{
    u8 *base = (u8 *)mapping + tern_port_page_size();
    stack_t now;
    if (sigaltstack(NULL, &now) == 0 && now.ss_sp == base) {
        stack_t none = {.ss_flags = SS_DISABLE};
        sigaltstack(&none, NULL);
    }
    is_thread_ready = false;
    munmap(mapping, alt_mapping_bytes());
}

static bool make_alt_stack(void)
{
    stack_t now;
    if (sigaltstack(NULL, &now) != 0) return false;
    if ((now.ss_flags & SS_DISABLE) == 0)
        return true; /* the thread has one: the host's, or a sanitizer's */

    size_t size = alt_mapping_bytes(), page = tern_port_page_size();
    u8 *mapping = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if ((void *)mapping == MAP_FAILED) return false;
    stack_t fresh = {.ss_sp = mapping + page, .ss_size = size - page};
    if (mprotect(mapping, page, PROT_NONE) == 0 &&
        pthread_setspecific(alt_stack_key, mapping) == 0) {
        if (sigaltstack(&fresh, NULL) == 0) return true;
        pthread_setspecific(alt_stack_key, NULL);
    }
    munmap(mapping, size);
    return false;
}

/* --- starting --------------------------------------------------------------------------------- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t install_lock = PTHREAD_MUTEX_INITIALIZER;
static bool has_key; /* written once, before pthread_once returns */

/* Valgrind reports every fault as an error of the host's, and its registers are those of some time before: explicit
 * checks serve there. These instructions, which do nothing elsewhere, ask it whether it is there (valgrind.h). */
static bool is_under_valgrind(void)
{
    volatile u64 request[6] = {0x1001};
    u64 answer = 0;
#if defined(__linux__) && defined(__x86_64__)
    __asm__ volatile("rolq $3, %%rdi; rolq $13, %%rdi; rolq $61, %%rdi; rolq $51, %%rdi; xchgq %%rbx, %%rbx"
                     : "+d"(answer)
                     : "a"(request)
                     : "cc", "memory");
#elif defined(__linux__) && defined(__aarch64__)
    register u64 x3 __asm__("x3") = 0;
    register volatile u64 *x4 __asm__("x4") = request;
    __asm__ volatile("ror x12, x12, #3; ror x12, x12, #13; ror x12, x12, #51; ror x12, x12, #61; orr x10, x10, x10"
                     : "+r"(x3)
                     : "r"(x4)
                     : "cc", "memory");
    answer = x3;
#endif
    return request[0] != 0 && answer != 0;
}

static void make_key(void)
{
    has_key = HAS_CONTEXT && !is_under_valgrind() && pthread_key_create(&alt_stack_key, free_alt_stack) == 0;
}

bool tern_port_fault_init(void)
{
    if (pthread_once(&once, make_key) != 0 || !has_key) return false;
    pthread_mutex_lock(&install_lock);
    bool is_installed = install(SIGSEGV) && install(SIGBUS);
    pthread_mutex_unlock(&install_lock);
    if (!is_installed) return false;
    if (!is_thread_ready) is_thread_ready = make_alt_stack();
    return is_thread_ready;
}
