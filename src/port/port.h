/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* port.h - what the machine must provide. The conditions are stated here once and implemented per folder
 * (posix/); refusing is an implementation. */
#ifndef TERN_PORT_PORT_H
#define TERN_PORT_PORT_H

#include <setjmp.h>

#include "base/alloc.h"
#include "port/hot_tls.h"

/* --- memory --------------------------------------------------------------------------------------- */

/* The C library's allocator behind the one handle. Never fails to exist; shared by all. */
Alloc *tern_port_system_alloc(void);

/* A pool (base/alloc.h) behind a lock: all of the handle lies at the start of the buffer, which must outlive
 * it; there is nothing to free. NULL if the buffer is too small. */
Alloc *tern_port_pool_alloc(void *buffer, size_t size_bytes);
/* The pool behind such a handle, NULL for any other handle. Using it directly goes around the lock: only
 * while no other thread allocates. */
Pool *tern_port_pool_of(Alloc *alloc);
/* tern_pool_alloc_aligned and tern_pool_stats under the lock. The handle must be a pool's. */
void *tern_port_pool_alloc_aligned(Alloc *alloc, size_t size, size_t align);
PoolStats tern_port_pool_stats(Alloc *alloc);

/* A power of two; mappings and protections are multiples of it. */
size_t tern_port_page_size(void);

/* Reserve address space, all inaccessible and costing no memory. size is a multiple of the page size. NULL
 * if refused; a port without virtual memory always refuses, and callers use plain allocation. */
void *tern_port_vm_reserve(size_t size);
/* Make [ptr, ptr+size) of a reservation readable and writable, zero on first touch. False: no memory. */
bool tern_port_vm_commit(void *ptr, size_t size);
/* Make it inaccessible again and give its memory back. */
void tern_port_vm_decommit(void *ptr, size_t size);
/* Make it read as zeroes again, staying accessible and giving its memory back where that is cheaper than
 * clearing. */
void tern_port_vm_zero(void *ptr, size_t size);
/* Pages that can be seen in several places: zeroed, released as a reservation is. NULL: no memory, or the port
 * has none such. */
void *tern_port_vm_shared_new(size_t size);
/* The pages of some of the host's own memory become such pages, keeping what is in them. False: it cannot be. */
bool tern_port_vm_make_shared(void *ptr, size_t size);
/* Shows such pages inside a reservation, until they are decommitted there. */
bool tern_port_vm_alias(void *at, void *pages, size_t size);
void tern_port_vm_shared_zero(void *ptr, size_t size);
/* The whole reservation as returned. */
void tern_port_vm_release(void *ptr, size_t size);

/* An image is memory that many mappings share until they write to it. A handle, or a negative number if the
 * port has none or no more; size bytes, zero, a multiple of the page size. */
s64 tern_port_vm_image_new(size_t size);
/* False: no memory. */
bool tern_port_vm_image_write(s64 image, u64 at, const void *bytes, size_t size);
/* Nobody writes to it from now on. */
bool tern_port_vm_image_seal(s64 image);
/* Mappings stay. */
void tern_port_vm_image_free(s64 image);
/* Puts the image's size bytes in the place of committed pages of a reservation, copied as they are written to.
 * False: nothing of these pages can be relied on any more, and the reservation is only good for release. */
bool tern_port_vm_image_map(s64 image, void *ptr, size_t size);
/* Puts fresh, committed pages in the place of an image's. False as for tern_port_vm_image_map. */
bool tern_port_vm_image_unmap(void *ptr, size_t size);
/* Undoes all writes to committed pages: what was an image reads as that again, the rest as zero. False if the
 * port does not promise it. */
bool tern_port_vm_restore(void *ptr, size_t size);
/* Makes committed pages inaccessible; what they hold is as it was when they are committed again. */
bool tern_port_vm_protect(void *ptr, size_t size);

/* --- threads -------------------------------------------------------------------------------------- */

typedef struct Mutex {
    _Alignas(8) u8 opaque[64];
} Mutex;
typedef struct Cond {
    _Alignas(8) u8 opaque[64];
} Cond;
void tern_port_mutex_init(Mutex *mutex);
void tern_port_mutex_done(Mutex *mutex);
void tern_port_mutex_lock(Mutex *mutex);
void tern_port_mutex_unlock(Mutex *mutex);
void tern_port_cond_init(Cond *cond); /* measures time with the monotonic clock */
void tern_port_cond_done(Cond *cond);
/* False when deadline_ns (monotonic; UINT64_MAX: none) passed. May wake spuriously, returning true. */
bool tern_port_cond_wait(Cond *cond, Mutex *mutex, u64 deadline_ns);
void tern_port_cond_wake_all(Cond *cond);

typedef struct Thread {
    _Alignas(8) u8 opaque[16];
} Thread;
/* stack_size 0: the default. False if the system refuses. Every thread is joined. */
bool tern_port_thread_start(Thread *thread, void (*run)(void *arg), void *arg, size_t stack_size);
void tern_port_thread_join(Thread *thread);
/* Others may run first. */
void tern_port_thread_yield(void);

/* Lowest address of the current thread's native stack that code may use, or NULL if unknown. Cheap after
 * the first call on a thread. */
void *tern_port_stack_bottom(void);

/* The port's, for what follows: what the thread has found out so far. */
typedef struct NativeStack {
    u8 *bottom;
    size_t size;   /* 0: unknown */
    bool is_known; /* asked already */
} NativeStack;
extern _Thread_local HOT_TLS NativeStack tern_port_stack;

/* An address in the current frame, for which the function need not have a frame pointer. */
static inline __attribute__((always_inline)) const void *tern_port_here(void)
{
    const void *here;
#if defined(__x86_64__)
    __asm__("movq %%rsp, %0" : "=r"(here));
#elif defined(__aarch64__)
    __asm__("mov %0, sp" : "=r"(here));
#else
    here = __builtin_frame_address(0);
#endif
    return here;
}

/* Has the thread's stack more than margin bytes below here? Some instructions; false also means: not known yet, or
 * here is not in it. */
static inline bool tern_port_stack_has(const void *here, size_t margin)
{
    size_t left = (size_t)((uintptr_t)here - (uintptr_t)tern_port_stack.bottom);
    return left < tern_port_stack.size && left > margin;
}

/* --- clocks and chance ---------------------------------------------------------------------------- */

typedef enum PortClock { PORT_CLOCK_REAL, PORT_CLOCK_MONOTONIC, PORT_CLOCK_PROCESS_CPU,
                         PORT_CLOCK_THREAD_CPU } PortClock;
bool tern_port_clock_ns(PortClock clock, u64 *ns);
bool tern_port_clock_resolution_ns(PortClock clock, u64 *ns);
/* From the kernel. False if it has none to give. */
bool tern_port_random(void *buf, size_t size);

/* --- faults --------------------------------------------------------------------------------------- */

/* The compiler's own are cheapest, and not to be had everywhere. */
#if (defined(__GNUC__) && !defined(__clang__)) || (defined(__clang__) && defined(__x86_64__))
typedef void *PortJump[5];
#define PORT_SETJMP(jump) __builtin_setjmp(jump)
#define PORT_LONGJMP(jump) __builtin_longjmp(jump, 1)
#else
typedef jmp_buf PortJump;
#define PORT_SETJMP(jump) _setjmp(jump)
#define PORT_LONGJMP(jump) _longjmp(jump, 1)
#endif

/* Turns hardware faults at reserved guest addresses into a jump (architecture.md: signals). Handlers chain:
 * what is not ours goes to whoever was installed before, exactly as it came. */

typedef struct FaultRange {
    const u8 *start, *end;
} FaultRange;

typedef struct FaultFrame FaultFrame;
struct FaultFrame {
    FaultFrame *outer; /* frames of one thread nest */
    PortJump jump;     /* PORT_SETJMP makes it */
    const u8 *address; /* out: the faulting host address */
    uintptr_t pc;      /* out: the faulting native instruction */
    uintptr_t regs[32]; /* out: integer registers in the machine's numbering, as far as it has them */
};

/* Makes the process-wide handler the one in force and gives this thread an alternate stack. Called again, it
 * goes over a handler that the host installed in the meantime, which then gets what is not ours. False if the
 * port has none, or it cannot be had. Two system calls when there is nothing to do. Thread-safe. */
bool tern_port_fault_init(void);
/* Only faults whose native pc lies in a code range and whose address lies in a guest range are claimed. */
bool tern_port_fault_add_code(FaultRange range);
bool tern_port_fault_add_guest(FaultRange range);
void tern_port_fault_remove_guest(FaultRange range);
/* The innermost frame of this thread; NULL for none. */
extern _Thread_local HOT_TLS FaultFrame *tern_port_fault_innermost;
static inline FaultFrame **tern_port_fault_top(void) { return &tern_port_fault_innermost; }

#endif
