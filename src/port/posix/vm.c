/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* vm.c - address space with mmap and mprotect. A reservation is a private mapping that was never
 * touched, so what is committed reads as zero. */
#define _GNU_SOURCE 1
#include "port/port.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MAP_NORESERVE
#define MAP_NORESERVE 0
#endif

/* Below this, writing zeroes is cheaper than a system call and a page fault for each page used
 * again. */
#define ZERO_BY_UNMAPPING_BYTES ((size_t)128 * 1024)

size_t tern_port_page_size(void)
{
    static size_t known; /* whoever asks the system, is told the same */
    size_t size = __atomic_load_n(&known, __ATOMIC_RELAXED);
    if (UNLIKELY(size == 0)) {
        size = (size_t)sysconf(_SC_PAGESIZE);
        __atomic_store_n(&known, size, __ATOMIC_RELAXED);
    }
    return size;
}

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

/* Only Linux gives a mapping a second place without a file behind it. */
#ifdef __linux__
void *tern_port_vm_shared_new(size_t size)
{
    int flags = MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE;
    void *ptr = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, -1, 0);
    return ptr == MAP_FAILED ? NULL : ptr;
}

bool tern_port_vm_make_shared(void *ptr, size_t size)
{
    if (((uintptr_t)ptr | size) % tern_port_page_size() != 0) return false;
    void *again = mremap(ptr, 0, size, MREMAP_MAYMOVE); /* refused for private pages */
    if (again != MAP_FAILED) {
        munmap(again, size);
        return true;
    }
    void *pages = tern_port_vm_shared_new(size);
    if (pages == NULL) return false;
    memcpy(pages, ptr, size);
    if (mremap(pages, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, ptr) != MAP_FAILED) return true;
    munmap(pages, size);
    return false;
}

bool tern_port_vm_alias(void *at, void *pages, size_t size)
{
    must_be_pages(at, size);
    return mremap(pages, 0, size, MREMAP_MAYMOVE | MREMAP_FIXED, at) != MAP_FAILED;
}

void tern_port_vm_shared_zero(void *ptr, size_t size)
{
    if (madvise(ptr, size, MADV_REMOVE) != 0) memset(ptr, 0, size);
}
#else
void *tern_port_vm_shared_new(size_t size)
{
    (void)size;
    return NULL;
}

bool tern_port_vm_make_shared(void *ptr, size_t size)
{
    (void)ptr, (void)size;
    return false;
}

bool tern_port_vm_alias(void *at, void *pages, size_t size)
{
    (void)at, (void)pages, (void)size;
    return false;
}

void tern_port_vm_shared_zero(void *ptr, size_t size) { memset(ptr, 0, size); }
#endif

void tern_port_vm_release(void *ptr, size_t size)
{
    if (ptr == NULL) return;
    int rc = munmap(ptr, size);
    assert(rc == 0 && "the whole reservation as returned");
    (void)rc;
}

/* --- images ----------------------------------------------------------------------------------- */

s64 tern_port_vm_image_new(size_t size)
{
    must_be_pages(NULL, size);
#if defined(__linux__) && defined(MFD_ALLOW_SEALING)
    int fd = memfd_create("tern image", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) return -1;
    if ((u64)size <= INT64_MAX && ftruncate(fd, (off_t)size) == 0) return fd;
    close(fd);
#endif
    return -1;
}

bool tern_port_vm_image_write(s64 image, u64 at, const void *bytes, size_t size)
{
    const u8 *from = bytes;
    while (size > 0) {
        ssize_t n = pwrite((int)image, from, size, (off_t)at);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        from += n;
        at += (u64)n;
        size -= (size_t)n;
    }
    return true;
}

bool tern_port_vm_image_seal(s64 image)
{
#if defined(__linux__) && defined(F_ADD_SEALS)
    return fcntl((int)image, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) == 0;
#else
    (void)image;
    return false;
#endif
}

void tern_port_vm_image_free(s64 image) { close((int)image); }

bool tern_port_vm_image_map(s64 image, void *ptr, size_t size)
{
    must_be_pages(ptr, size);
    int flags = MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE;
    return mmap(ptr, size, PROT_READ | PROT_WRITE, flags, (int)image, 0) != MAP_FAILED;
}

bool tern_port_vm_image_unmap(void *ptr, size_t size)
{
    must_be_pages(ptr, size);
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
    return mmap(ptr, size, PROT_READ | PROT_WRITE, flags, -1, 0) != MAP_FAILED;
}

bool tern_port_vm_restore(void *ptr, size_t size)
{
    must_be_pages(ptr, size);
    return size == 0 || drop_pages(ptr, size);
}

bool tern_port_vm_protect(void *ptr, size_t size)
{
    must_be_pages(ptr, size);
    return size == 0 || mprotect(ptr, size, PROT_NONE) == 0;
}
