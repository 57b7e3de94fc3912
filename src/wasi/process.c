/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* process.c - what a WASI guest asks about itself and the world: arguments, environment, clocks, chance,
 * and leaving. */
#include "port/port.h"
#include "wasi/context.h"

/* --- arguments and environment ---------------------------------------------------------------------- */

static WasiErrno strings_get(const WasiCall *call, const WasiStrings *strings, u64 array, u64 buffer)
{
    u8 *pointers = wasi_array(call, array, strings->n, 4);
    u8 *bytes = wasi_range(call, buffer, strings->size_bytes);
    if (pointers == NULL || bytes == NULL) return WASI_EFAULT;

    const char *p = strings->bytes;
    for (u32 i = 0; i < strings->n; i++) {
        wasi_put(pointers + (size_t)i * 4, buffer + (u64)(p - strings->bytes), 4);
        p += strlen(p) + 1;
    }
    if (strings->n > 0) memcpy(bytes, strings->bytes, strings->size_bytes);
    return WASI_ESUCCESS;
}

static WasiErrno strings_sizes_get(const WasiCall *call, const WasiStrings *strings, u64 n_addr,
                                   u64 size_addr)
{
    u8 *n = wasi_range(call, n_addr, 4), *size = wasi_range(call, size_addr, 4);
    if (n == NULL || size == NULL) return WASI_EFAULT;
    wasi_put(n, strings->n, 4);
    wasi_put(size, strings->size_bytes, 4);
    return WASI_ESUCCESS;
}

WasiErrno tern_wasi_args_get(WasiCall *call, const u64 *args)
{
    return strings_get(call, &call->wasi->args, args[0], args[1]);
}

WasiErrno tern_wasi_args_sizes_get(WasiCall *call, const u64 *args)
{
    return strings_sizes_get(call, &call->wasi->args, args[0], args[1]);
}

WasiErrno tern_wasi_environ_get(WasiCall *call, const u64 *args)
{
    return strings_get(call, &call->wasi->env, args[0], args[1]);
}

WasiErrno tern_wasi_environ_sizes_get(WasiCall *call, const u64 *args)
{
    return strings_sizes_get(call, &call->wasi->env, args[0], args[1]);
}

/* --- clocks ----------------------------------------------------------------------------------------- */

static const PortClock clocks[] = {PORT_CLOCK_REAL, PORT_CLOCK_MONOTONIC, PORT_CLOCK_PROCESS_CPU,
                                   PORT_CLOCK_THREAD_CPU}; /* by clockid */

WasiErrno tern_wasi_clock_res_get(WasiCall *call, const u64 *args)
{
    u64 ns;
    if (args[0] >= COUNT_OF(clocks)) return WASI_EINVAL;
    if (!tern_port_clock_resolution_ns(clocks[args[0]], &ns)) return WASI_ENOTSUP;
    return wasi_store(call, args[1], ns, 8);
}

/* The precision wanted (args[1]) is a permission to be lazy, which we do not need. */
WasiErrno tern_wasi_clock_time_get(WasiCall *call, const u64 *args)
{
    u64 ns;
    if (args[0] >= COUNT_OF(clocks)) return WASI_EINVAL;
    if (!tern_port_clock_ns(clocks[args[0]], &ns)) return WASI_ENOTSUP;
    return wasi_store(call, args[2], ns, 8);
}

/* --- chance, exit, yield ---------------------------------------------------------------------------- */

#define RANDOM_CHUNK 65536u /* between looks for an interrupt */

WasiErrno tern_wasi_random_get(WasiCall *call, const u64 *args)
{
    u64 size = args[1];
    u8 *p = wasi_range(call, args[0], size);
    if (p == NULL) return WASI_EFAULT;
    while (size > 0) {
        if (wasi_interrupted(call)) return WASI_EINTR;
        size_t chunk = (size_t)u64_min(size, RANDOM_CHUNK);
        if (!tern_port_random(p, chunk)) return WASI_EIO;
        p += chunk;
        size -= chunk;
    }
    return WASI_ESUCCESS;
}

WasiErrno tern_wasi_proc_exit(WasiCall *call, const u64 *args)
{
    Wasi *wasi = call->wasi;
    if (!tern_wasi_threads_stopping(wasi)) { /* else another thread was first */
        __atomic_store_n(&wasi->exit_code, (u32)args[0], __ATOMIC_RELAXED);
        __atomic_store_n(&wasi->has_exited, true, __ATOMIC_RELAXED);
    }
    call->trap = TRAP_EXIT;
    call->x->trap.has_exit_code = true;
    call->x->trap.exit_code = (u32)args[0];
    return WASI_ESUCCESS;
}

/* No handler can be set, so every signal does what it does by default: the guest ends. */
WasiErrno tern_wasi_proc_raise(WasiCall *call, const u64 *args)
{
    (void)args;
    call->trap = TRAP_RAISE;
    return WASI_ESUCCESS;
}

WasiErrno tern_wasi_sched_yield(WasiCall *call, const u64 *args)
{
    (void)args;
    tern_port_thread_yield();
    return wasi_interrupted(call) ? WASI_EINTR : WASI_ESUCCESS;
}
