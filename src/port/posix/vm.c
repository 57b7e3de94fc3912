/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* vm.c - address space with mmap and mprotect. A reservation is a private mapping that was never
 * touched, so what is committed reads as zero. */
#define _GNU_SOURCE 1
#include "port/port.h"

#include <assert.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MAP_NORESERVE
#define MAP_NORESERVE 0
#endif

/* Below this, writing zeroes is cheaper than a system call and a page fault for each page used
 * again. */
#define ZERO_BY_UNMAPPING_BYTES ((size_t)128 * 1024)

size_t tern_port_page_size(void) { return (size_t)sysconf(_SC_PAGESIZE); }

static void must_be_pages(const void *ptr, size_t size)
{
    assert(((uintptr_t)ptr | size) % tern_port_page_size() == 0 && "whole pages");
    (void)ptr, (void)size;
}

void *tern_port_vm_reserve(size_t size)
{
    if (size == 0) return NULL;
    must_be_pages(NULL, size);
    void *ptr = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return ptr == MAP_FAILED ? NULL : ptr;
}

bool tern_port_vm_commit(void *ptr, size_t size)
{
    must_be_pages(ptr, size);
    return size == 0 || mprotect(ptr, size, PROT_READ | PROT_WRITE) == 0;
}

/* The pages' memory back to the system and zeroes in its place; false if the system does not
 * promise that. */
static bool drop_pages(void *ptr, size_t size)
{
#ifdef __linux__
    return madvise(ptr, size, MADV_DONTNEED) == 0;
#else
    (void)ptr, (void)size;
    return false;
#endif
}

void tern_port_vm_decommit(void *ptr, size_t size)
{
    must_be_pages(ptr, size);
    if (size == 0) return;
    /* A new mapping in the old one's place does both at once and leaves nothing behind. Where the
     * system has no room for another mapping, the pages stay accessible or not, but never keep
     * their contents. */
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
    if (mmap(ptr, size, PROT_NONE, flags, -1, 0) != MAP_FAILED) return;
    tern_port_vm_zero(ptr, size);
    mprotect(ptr, size, PROT_NONE);
}

void tern_port_vm_zero(void *ptr, size_t size)
{
    size_t page = tern_port_page_size(), lead = (size_t)(-(uintptr_t)ptr % page);
    u8 *bytes = ptr;
    if (size < ZERO_BY_UNMAPPING_BYTES + lead) {
        memset(bytes, 0, size);
        return;
    }
    size_t whole = (size - lead) & ~(page - 1);
    memset(bytes, 0, lead);
    if (!drop_pages(bytes + lead, whole)) memset(bytes + lead, 0, whole);
    memset(bytes + lead + whole, 0, size - lead - whole);
}

void tern_port_vm_release(void *ptr, size_t size)
{
    if (ptr == NULL) return;
    int rc = munmap(ptr, size);
    assert(rc == 0 && "the whole reservation as returned");
    (void)rc;
}
