/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* tern_handles.h - what stands behind the handles of include/tern.h. */
#ifndef TERN_API_TERN_HANDLES_H
#define TERN_API_TERN_HANDLES_H

#include <tern.h>

#include "runtime/exec.h"
#include "wasi/wasi.h"

struct tern_engine {
    Engine *engine;
};

struct tern_module {
    tern_engine *engine;
    Module *module; /* a reference is held */
};

struct tern_instance {
    Store *store;
    Wasi *wasi;
    Instance *instance;
    Exec *exec;
    bool is_prepared;
};

tern_valkind tern_valkind_of(ValType type);

#endif
