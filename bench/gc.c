/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* gc.c - objects a second and pauses of the garbage collector.
 *
 *   cc -O2 -Isrc bench/gc.c libtern.a -lm -lpthread -o gc
 *
 * A guest allocates ten million objects of two fields: dropped at once, or put at a random place of an array,
 * which keeps a live set of 1, 10 and 100 MB whose objects die in random order. The same without a guest shows
 * what the heap alone costs. Nothing is asserted.
 */
#include "binary/decode.h"
#include "interp/interp.h"
#include "runtime/gc_heap.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { NOBJECTS = 10000000, OBJECT_BYTES = 32 };

/* (type $node (struct (field i32) (field anyref)))  (type $live (array (mut (ref null $node))))
 * (func (export "run") (param $n i32) (param $len i32) (result i32)
 *   (local $live (ref null $live)) (local $x i32)
 *   (local.set $live (array.new_default $live (local.get $len)))
 *   (loop $again
 *     (local.set $x (i32.add (i32.mul (local.get $x) (i32.const 1664525)) (i32.const 1013904223)))
 *     (array.set $live (local.get $live) (i32.rem_u (i32.shr_u (local.get $x) (i32.const 8)) (local.get $len))
 *       (struct.new $node (local.get $n) (ref.null any)))
 *     (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
 *   (array.len (local.get $live)))
 * (func (export "drop") (param $n i32) (result i32)
 *   (local $keep (ref null $node))
 *   (loop $again
 *     (local.set $keep (struct.new $node (local.get $n) (ref.null any)))
 *     (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
 *   (struct.get $node 0 (local.get $keep))) */
static const u8 guest[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x16, 0x04, 0x5f, 0x02, 0x7f, 0x00,
    0x6e, 0x00, 0x5e, 0x63, 0x00, 0x01, 0x60, 0x02, 0x7f, 0x7f, 0x01, 0x7f, 0x60, 0x01, 0x7f,
    0x01, 0x7f, 0x03, 0x03, 0x02, 0x02, 0x03, 0x07, 0x0e, 0x02, 0x03, 0x72, 0x75, 0x6e, 0x00,
    0x00, 0x04, 0x64, 0x72, 0x6f, 0x70, 0x00, 0x01, 0x0a, 0x66, 0x02, 0x43, 0x02, 0x01, 0x63,
    0x01, 0x01, 0x7f, 0x20, 0x01, 0xfb, 0x07, 0x01, 0x21, 0x02, 0x03, 0x40, 0x20, 0x03, 0x41,
    0x8d, 0xcc, 0xe5, 0x00, 0x6c, 0x41, 0xdf, 0xe6, 0xbb, 0xe3, 0x03, 0x6a, 0x21, 0x03, 0x20,
    0x02, 0x20, 0x03, 0x41, 0x08, 0x76, 0x20, 0x01, 0x70, 0x20, 0x00, 0xd0, 0x6e, 0xfb, 0x00,
    0x00, 0xfb, 0x0e, 0x01, 0x20, 0x00, 0x41, 0x01, 0x6b, 0x22, 0x00, 0x0d, 0x00, 0x0b, 0x20,
    0x02, 0xfb, 0x0f, 0x0b, 0x20, 0x01, 0x01, 0x63, 0x00, 0x03, 0x40, 0x20, 0x00, 0xd0, 0x6e,
    0xfb, 0x00, 0x00, 0x21, 0x01, 0x20, 0x00, 0x41, 0x01, 0x6b, 0x22, 0x00, 0x0d, 0x00, 0x0b,
    0x20, 0x01, 0xfb, 0x02, 0x00, 0x00, 0x0b,
};

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void row(const char *what, double ns, const Store *store)
{
    GcStats stats = tern_gc_stats(store);
    printf("%-34s %7.1f M objects/s  %4llu collections, worst pause %7.3f ms, mean %7.3f, heap %4llu MB\n", what,
           (double)NOBJECTS / ns * 1e3, (unsigned long long)stats.collections, (double)stats.max_pause_ns / 1e6,
           stats.collections > 0 ? (double)stats.total_pause_ns / 1e6 / (double)stats.collections : 0,
           (unsigned long long)(stats.heap_bytes >> 20));
}

static void fail(const char *what)
{
    fprintf(stderr, "gc: %s\n", what);
    exit(1);
}

/* The guest with `length` objects alive; 0: all dropped. */
static void run_guest(Engine *engine, Module *module, const char *what, u32 length)
{
    Store *store = tern_store_new(engine);
    Exec *x = store != NULL ? tern_exec_new(store, 0) : NULL;
    Diag diag = {0};
    TrapCode trap;
    Instance *instance = x != NULL ? tern_instance_new(store, module, NULL, NULL, &diag, &trap) : NULL;
    if (instance == NULL) fail("no instance");
    u64 cells[2] = {NOBJECTS, length};
    double start = now_ns();
    if (tern_exec_call(x, tern_instance_func(instance, length == 0), cells, cells) != TRAP_NONE)
        fail(tern_trap_text(x->trap.code));
    row(what, now_ns() - start, store);
    tern_exec_free(x);
    tern_store_free(store);
}

static void run_heap(Engine *engine, const Module *module, const char *what, u32 length)
{
    Store *store = tern_store_new(engine);
    if (store == NULL) fail("no store");
    u32 node = module->types[0], live = module->types[1];
    GcRoot *root = tern_gc_root_new(store, ref_of_object(tern_array_alloc(store, live, length)));
    if (root == NULL) fail("no memory");
    Ref *slots = (Ref *)(void *)tern_object_fields(ref_object(tern_gc_root_get(root)));
    u32 x = 0;
    double start = now_ns();
    for (u32 i = 0; i < NOBJECTS; i++) {
        u64 fields[2] = {i, REF_NULL};
        if (tern_struct_new(store, fields, node, false) != TRAP_NONE) fail("no memory");
        x = x * 1664525 + 1013904223;
        slots[(x >> 8) % length] = fields[0];
    }
    row(what, now_ns() - start, store);
    tern_store_free(store);
}

int main(void)
{
    EngineOptions options = {.alloc = tern_port_system_alloc(), .features = FEATURES_ALL, .tier = &tern_interp_tier};
    Engine *engine = tern_engine_new(&options);
    DecodeOptions decode = {.features = FEATURES_ALL};
    Diag diag = {0};
    Module *module =
        engine != NULL ? tern_module_decode(engine->types, options.alloc, guest, sizeof guest, &decode, &diag) : NULL;
    if (module == NULL) fail("the guest is refused");
    u32 per_mb = (1u << 20) / OBJECT_BYTES;
    run_guest(engine, module, "guest, all dropped", 0);
    run_guest(engine, module, "guest, 1 MB live", per_mb);
    run_guest(engine, module, "guest, 10 MB live", 10 * per_mb);
    run_guest(engine, module, "guest, 100 MB live", 100 * per_mb);
    run_heap(engine, module, "heap alone, 1 MB live", per_mb);
    run_heap(engine, module, "heap alone, 10 MB live", 10 * per_mb);
    run_heap(engine, module, "heap alone, 100 MB live", 100 * per_mb);
    tern_module_release(module);
    tern_engine_free(engine);
    return 0;
}
