/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* bodies.c - validates the bodies of the code section, by several threads if they are large and the options allow it.
 *
 * Bodies need nothing of each other. Threads take runs of them in order, and what is reported is the failure with the
 * lowest index, so that the answer is the one that a single thread would give.
 */
#include "base/build.h"
#include "binary/section.h"
#include "port/port.h"

#define MAX_THREADS 16
/* Bytes of bodies for each thread: starting one takes as long as validating some 20 KB. */
#define BYTES_PER_THREAD (256u << 10)
#define RUN_OF_BODIES 16

typedef struct Job {
    const Module *module;
    u32 end;    /* index of the function after the last one */
    u32 next;   /* not taken yet; atomic */
    u32 failed; /* the lowest one known to be invalid, or end; atomic */
} Job;

typedef struct Worker {
    Job *job;
    BodyScratch *scratch;
    u32 failed; /* its first one, with diag; or the job's end */
    Diag diag;
    Thread thread;
} Worker;

static void lower_to(u32 *lowest, u32 index)
{
    u32 seen = __atomic_load_n(lowest, __ATOMIC_RELAXED);
    while (index < seen &&
           !__atomic_compare_exchange_n(lowest, &seen, index, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {}
}

static void work(void *arg)
{
    Worker *w = arg;
    Job *job = w->job;
    for (;;) {
        u32 index = __atomic_fetch_add(&job->next, RUN_OF_BODIES, __ATOMIC_RELAXED);
        for (u32 n = RUN_OF_BODIES; n > 0; n--, index++) {
            if (index >= __atomic_load_n(&job->failed, __ATOMIC_RELAXED)) return;
            if (tern_body_validate(job->module, index, NULL, w->scratch, &w->diag)) continue;
            w->failed = index;
            lower_to(&job->failed, index);
            return;
        }
    }
}

static u32 threads_for(const SectionDecoder *s, u32 first, u32 end)
{
    if (!TERN_FAST || s->nthreads < 2 || first == end) return 1;
    const Func *last = &s->m->funcs[end - 1];
    u32 bytes = last->body_offset + last->body_size - s->m->funcs[first].body_offset;
    u32 most = bytes / BYTES_PER_THREAD;
    u32 n = s->nthreads < most ? s->nthreads : most;
    return n > MAX_THREADS ? MAX_THREADS : n == 0 ? 1 : n;
}

bool tern_bodies_validate(SectionDecoder *s, u32 first, u32 end)
{
    u32 most = threads_for(s, first, end), n = 0;
    Alloc *alloc = s->m->alloc;
    Job job = {.module = s->m, .end = end, .next = first, .failed = end};
    Worker own = {.job = &job, .failed = end, .scratch = tern_body_scratch_new(alloc)};
    if (own.scratch == NULL) return tern_decoder_fail(&s->d, DIAG_NO_MEMORY, NULL);
    /* Fewer threads than asked for do as well. */
    Worker *others = most > 1 ? tern_alloc_zeroed(alloc, most - 1, sizeof *others) : NULL;
    while (others != NULL && n < most - 1) {
        Worker *w = &others[n];
        *w = (Worker){.job = &job, .failed = end, .scratch = tern_body_scratch_new(alloc)};
        if (w->scratch == NULL) break;
        if (!tern_port_thread_start(&w->thread, work, w, 0)) {
            tern_body_scratch_free(w->scratch);
            break;
        }
        n++;
    }
    work(&own);
    s->d.used |= tern_body_scratch_used(own.scratch);
    tern_body_scratch_free(own.scratch);
    const Worker *lowest = &own;
    for (u32 i = 0; i < n; i++) {
        Worker *w = &others[i];
        tern_port_thread_join(&w->thread);
        s->d.used |= tern_body_scratch_used(w->scratch);
        tern_body_scratch_free(w->scratch);
        if (w->failed < lowest->failed) lowest = w;
    }
    bool ok = lowest->failed == end;
    if (!ok && s->d.diag != NULL) *s->d.diag = lowest->diag;
    if (others != NULL) tern_free(alloc, others, (most - 1) * sizeof *others);
    return ok;
}
