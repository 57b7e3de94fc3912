/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* unwind.cpp - the C++ runtime half of -fwasm-exceptions, since Debian's libc++abi for WebAssembly is built
 * without it: throwing, catching by type, rethrowing. One thread, no exception specifications.
 *
 * A catch in WebAssembly takes any C++ exception; which handler it was for is looked up afterwards in the
 * function's table (LSDA), through the landing pad's number. */
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <typeinfo>

namespace __cxxabiv1 {
/* As in libc++abi, whose type_info objects these are: the order of the virtual functions matters. */
class __shim_type_info : public std::type_info {
public:
    ~__shim_type_info() override;
    virtual void noop1() const;
    virtual void noop2() const;
    virtual bool can_catch(const __shim_type_info *thrown, void *&object) const = 0;
};
} // namespace __cxxabiv1
using __cxxabiv1::__shim_type_info;

namespace {
struct alignas(16) Exception {
    const __shim_type_info *type;
    void *(*destroy)(void *); /* a WebAssembly destructor returns its object */
    Exception *outer; /* next on the stack of those being handled */
    int handlers;     /* catch clauses it is in */
    bool thrown_again;
    void *adjusted;   /* the object as the handler's type sees it */
};

Exception *handled;

Exception *header(void *object) { return static_cast<Exception *>(object) - 1; }

uintptr_t read_uleb(const uint8_t *&at)
{
    uintptr_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
        uint8_t byte = *at++;
        value |= static_cast<uintptr_t>(byte & 0x7f) << shift;
        if (!(byte & 0x80)) return value;
    }
}

intptr_t read_sleb(const uint8_t *&at)
{
    uintptr_t value = 0;
    for (unsigned shift = 0;;) {
        uint8_t byte = *at++;
        value |= static_cast<uintptr_t>(byte & 0x7f) << shift;
        shift += 7;
        if (byte & 0x80) continue;
        if ((byte & 0x40) && shift < sizeof value * 8) value |= ~static_cast<uintptr_t>(0) << shift;
        return static_cast<intptr_t>(value);
    }
}

/* The index of the first handler of this landing pad that wants the exception; 0: only clean up. */
int choose(const uint8_t *lsda, uintptr_t landing_pad, void *object)
{
    if (*lsda++ != 0xff) abort(); /* no base of landing pads */
    const uint8_t *types = nullptr;
    if (*lsda++ != 0xff) {
        uintptr_t size = read_uleb(lsda);
        types = lsda + size;
    }
    lsda++; /* encoding of the call sites */
    uintptr_t sites_size = read_uleb(lsda);
    const uint8_t *actions = lsda + sites_size;
    uintptr_t action = 0;
    for (uintptr_t i = 0; i <= landing_pad; i++) {
        read_uleb(lsda);
        action = read_uleb(lsda);
    }
    if (action == 0) return 0;
    for (const uint8_t *at = actions + action - 1;;) {
        intptr_t index = read_sleb(at);
        if (index < 0) abort();
        if (index > 0) {
            auto *wanted = reinterpret_cast<const __shim_type_info *const *>(types)[-index];
            void *adjusted = object;
            if (wanted == nullptr || wanted->can_catch(header(object)->type, adjusted)) {
                header(object)->adjusted = adjusted;
                return static_cast<int>(index);
            }
        }
        const uint8_t *from = at;
        intptr_t next = read_sleb(at);
        if (next == 0) return 0;
        at = from + next;
    }
}
} // namespace

asm(".globl __cpp_exception\n.tagtype __cpp_exception i32\n__cpp_exception:\n");

extern "C" {
struct { uintptr_t landing_pad; const uint8_t *lsda; uintptr_t selector; } __wasm_lpad_context;

int _Unwind_CallPersonality(void *object)
{
    __wasm_lpad_context.selector = static_cast<uintptr_t>(
        choose(__wasm_lpad_context.lsda, __wasm_lpad_context.landing_pad, object));
    return 0;
}

void *__cxa_allocate_exception(size_t size) noexcept
{
    auto *e = static_cast<Exception *>(aligned_alloc(16, (sizeof(Exception) + size + 15) & ~size_t{15}));
    if (e == nullptr) abort();
    return e + 1;
}

void __cxa_free_exception(void *object) noexcept { free(header(object)); }

void __cxa_throw(void *object, std::type_info *type, void *(*destroy)(void *))
{
    *header(object) = {static_cast<const __shim_type_info *>(type), destroy, nullptr, 0, false, object};
    __builtin_wasm_throw(0, object);
}

void *__cxa_begin_catch(void *object) noexcept
{
    Exception *e = header(object);
    if (e->handlers++ == 0) {
        e->outer = handled;
        handled = e;
    }
    e->thrown_again = false;
    return e->adjusted;
}

void __cxa_end_catch()
{
    Exception *e = handled;
    if (--e->handlers > 0) return;
    handled = e->outer;
    if (e->thrown_again) return;
    if (e->destroy) e->destroy(e + 1);
    free(e);
}

void *__cxa_get_exception_ptr(void *object) noexcept { return header(object)->adjusted; }

void __cxa_rethrow()
{
    handled->thrown_again = true;
    __builtin_wasm_throw(0, handled + 1);
}
}
