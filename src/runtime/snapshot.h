/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* snapshot.h - what an instance defines, at one time: memories, globals, tables, segments.
 *
 * Where the host can map copies, a memory is kept as an image (memory_pool.h) that going back maps into it, so
 * that going back again costs the pages touched since. What others share or provide is left alone both ways.
 */
#ifndef TERN_RUNTIME_SNAPSHOT_H
#define TERN_RUNTIME_SNAPSHOT_H

#include "runtime/store.h"

typedef struct Snapshot Snapshot;

/* Nothing in the store may be running. NULL and a diag: something is or the instance defines a shared memory
 * (LIMIT), or no memory. */
Snapshot *tern_snapshot_take(Instance *instance, Diag *diag);
/* Any number of times. False and a diag as above; after no memory the instance is good for another go, or for
 * tern_instance_rewind, only. */
bool tern_snapshot_apply(const Snapshot *snapshot, Diag *diag);
/* Before the store. NULL is allowed. */
void tern_snapshot_free(Snapshot *snapshot);

#endif
