/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* wamr_stack.c - call stacks as text and as frames. */
#include <stdio.h>

#include "api/wamr.h"
#include "base/text.h"

u32 tern_api_frames(wasm_exec_env_t env, TrapFrame *frames, u32 max)
{
    if (env == NULL || env->root == NULL) return 0; /* it outlived its instance */
    Exec *x = env->x;
    const Tier *tier = x->store->engine->options.tier;
    if (x->depth > 0 && x->instance != NULL) return tier->backtrace(x, frames, max);
    u32 n = x->trap.nframes < max ? x->trap.nframes : max;
    memcpy(frames, x->trap.frames, n * sizeof *frames);
    return x->trap.nframes_all;
}

static void put_stack(Text *text, wasm_exec_env_t env)
{
    TrapFrame frames[TRAP_MAX_FRAMES];
    u32 all = tern_api_frames(env, frames, TRAP_MAX_FRAMES);
    u32 n = all < TRAP_MAX_FRAMES ? all : TRAP_MAX_FRAMES;
    tern_text_add(text, "\n");
    for (u32 i = 0; i < n; i++) {
        Name name = tern_module_func_name(frames[i].instance->module, frames[i].func_index);
        tern_text_add(text, "#%02u: 0x%04x - ", (unsigned)i, (unsigned)frames[i].offset);
        if (name.size > 0)
            tern_text_add(text, "%.*s\n", (int)u64_min(name.size, 512), name.bytes);
        else
            tern_text_add(text, "$f%u\n", (unsigned)frames[i].func_index);
    }
    if (all > n) tern_text_add(text, "... and %u more\n", (unsigned)(all - n));
    tern_text_add(text, "\n");
}

uint32_t wasm_runtime_get_call_stack_buf_size(wasm_exec_env_t exec_env)
{
    Text text = {0};
    put_stack(&text, exec_env);
    return (u32)text.length + 1;
}

uint32_t wasm_runtime_dump_call_stack_to_buf(wasm_exec_env_t exec_env, char *buf, uint32_t len)
{
    if (buf == NULL || len == 0) return 0;
    Text text = {buf, len, 0};
    put_stack(&text, exec_env);
    return (u32)u64_min(text.length + 1, len);
}

void wasm_runtime_dump_call_stack(wasm_exec_env_t exec_env)
{
    char buf[TRAP_MAX_FRAMES * 96];
    Text text = {buf, sizeof buf, 0};
    put_stack(&text, exec_env);
    fputs(buf, stdout);
}

/* A terminated copy of a function's name, kept with its module; NULL if it has none. Frames may be
 * asked for often, so the export's own copy is preferred. */
static const char *kept_name(const TrapFrame *frame)
{
    wasm_module_inst_t inst = frame->instance->host_data;
    const Module *m = frame->instance->module;
    for (u32 i = 0; i < m->nexports; i++) {
        if (m->exports[i].kind != EXTERN_FUNC || m->exports[i].index != frame->func_index) continue;
        wasm_export_t export;
        wasm_runtime_get_export_type(inst->module, (s32)i, &export);
        return export.name;
    }
    return NULL;
}

uint32_t wasm_copy_callstack(const wasm_exec_env_t exec_env, WASMCApiFrame *buffer,
                             const uint32_t length, const uint32_t skip_n, char *error_buf,
                             uint32_t error_buf_size)
{
    TrapFrame frames[TRAP_MAX_FRAMES];
    u32 all = tern_api_frames(exec_env, frames, TRAP_MAX_FRAMES);
    u32 n = all < TRAP_MAX_FRAMES ? all : TRAP_MAX_FRAMES;
    if (n == 0) tern_api_error(error_buf, error_buf_size, "no frames: nothing runs or has trapped");
    u32 copied = 0;
    for (u32 i = skip_n; i < n && copied < length; i++) {
        const Module *m = frames[i].instance->module;
        u32 body = m->funcs[frames[i].func_index].body_offset;
        buffer[copied++] = (WASMCApiFrame){
            .instance = frames[i].instance->host_data,
            .module_offset = body,
            .func_index = frames[i].func_index,
            .func_offset = frames[i].offset > body ? frames[i].offset - body : 0,
            .func_name_wp = kept_name(&frames[i]),
        };
    }
    return copied;
}
