/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* wamr_exception.c - the one place where a trap becomes "Exception: ..." text.
 *
 * Hosts compare these texts, so what else is known about a trap (address, function, offset) goes to
 * the log. The first byte is written last: another thread may look at it, and
 * wasm_runtime_terminate comes from one. */
#include <stdarg.h>
#include <stdio.h>

#include "api/wamr.h"

static const char prefix[] = "Exception: ";

/* The lock is held. */
static void write_text(wasm_module_inst_t root, const char *text)
{
    char line[EXCEPTION_BYTES];
    int n = snprintf(line, sizeof line, "%s%s", prefix, text);
    size_t size = n >= 0 && (size_t)n < sizeof line ? (size_t)n + 1 : sizeof line;
    memcpy(root->exception + 1, line + 1, size - 1);
    __atomic_store_n(&root->exception[0], line[0], __ATOMIC_RELEASE);
}

/* The lock is held. */
static bool has_text(wasm_module_inst_t root, const char *text)
{
    return root->exception[0] != '\0' && strcmp(root->exception + sizeof prefix - 1, text) == 0;
}

static void store(wasm_module_inst_t root, const char *text)
{
    tern_port_mutex_lock(&root->lock);
    write_text(root, text);
    tern_port_mutex_unlock(&root->lock);
}

void tern_api_throw(wasm_module_inst_t inst, const char *format, ...)
{
    char text[EXCEPTION_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    store(inst->root, text);
}

void tern_api_trapped(wasm_exec_env_t env, TrapCode code)
{
    wasm_module_inst_t inst = env->inst;
    if (tern_api_has_exception(inst)) return;
    inst->root->thrower = code == TRAP_UNCAUGHT_EXCEPTION ? env : NULL;
    const Trap *trap = &env->x->trap;
    bool has_words = code == TRAP_HOST && trap->message[0] != '\0';
    store(inst->root, has_words ? trap->message : tern_trap_wamr_text(code));
    if (code == TRAP_EXIT) return;
    char details[320];
    tern_trap_format(trap, details, sizeof details);
    tern_api_log(WASM_LOG_LEVEL_WARNING, "%s", details);
}

const char *wasm_runtime_get_exception(wasm_module_inst_t module_inst)
{
    const char *text = module_inst->root->exception;
    return __atomic_load_n(&text[0], __ATOMIC_ACQUIRE) != 0 ? text : NULL;
}

void wasm_runtime_set_exception(wasm_module_inst_t module_inst, const char *exception)
{
    if (exception != NULL)
        store(module_inst->root, exception);
    else
        wasm_runtime_clear_exception(module_inst);
}

void wasm_runtime_clear_exception(wasm_module_inst_t module_inst)
{
    wasm_module_inst_t root = module_inst->root;
    tern_port_mutex_lock(&root->lock);
    __atomic_store_n(&root->exception[0], 0, __ATOMIC_RELEASE);
    if (root->is_terminated) {
        for (wasm_exec_env_t env = root->envs; env != NULL; env = env->next)
            tern_exec_resume(env->x);
        __atomic_store_n(&root->is_terminated, false, __ATOMIC_RELEASE);
    }
    tern_port_mutex_unlock(&root->lock);
}

bool tern_api_take_uncaught(wasm_module_inst_t inst, wasm_exec_env_t env)
{
    wasm_module_inst_t root = inst->root;
    tern_port_mutex_lock(&root->lock);
    bool is_taken = root->thrower == env && has_text(root, tern_trap_wamr_text(TRAP_UNCAUGHT_EXCEPTION));
    if (is_taken) __atomic_store_n(&root->exception[0], 0, __ATOMIC_RELEASE);
    tern_port_mutex_unlock(&root->lock);
    return is_taken;
}

/* The text comes first: who stops because of it and clears it clears all of it. */
static void terminate(wasm_module_inst_t root)
{
    const char *text = tern_trap_wamr_text(TRAP_INTERRUPTED);
    tern_port_mutex_lock(&root->lock);
    if (!has_text(root, text)) write_text(root, text); /* the host may be reading it */
    __atomic_store_n(&root->is_terminated, true, __ATOMIC_RELEASE);
    for (wasm_exec_env_t env = root->envs; env != NULL; env = env->next)
        tern_exec_interrupt(env->x, TRAP_INTERRUPTED);
    tern_port_mutex_unlock(&root->lock);
}

/* A guest that stops may take its instance with it, if it was still starting. Whoever frees an instance takes the
 * runtime's lock first, so it is there until the last line. */
void wasm_runtime_terminate(wasm_module_inst_t module_inst)
{
    Runtime *runtime = tern_api_runtime();
    tern_port_mutex_lock(&runtime->lock);
    wasm_module_inst_t root = module_inst->root;
    for (wasm_module_inst_t t = root->threads; t != NULL; t = t->next_thread) terminate(t);
    terminate(root);
    tern_port_mutex_unlock(&runtime->lock);
}
