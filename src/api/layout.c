/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* layout.c - the binary interface of wasm_export.h and its companions, pinned.
 *
 * A host compiled against WAMR's header runs with this library, so sizes, offsets and enumerators are checked
 * against the numbers that x86-64 and AArch64 compilers gave WAMR 2.4.3's. Nothing here makes code.
 */
#include "aot_export.h"
#include "gc_export.h"
#include "wasm_export.h"

#include <stddef.h>

#if UINTPTR_MAX == UINT64_MAX
#define SIZE(type, n) _Static_assert(sizeof(type) == (n), #type " has another size")
#define AT(type, field, n) _Static_assert(offsetof(type, field) == (n), #type "." #field " moved")

SIZE(NativeSymbol, 32);
AT(NativeSymbol, symbol, 0);
AT(NativeSymbol, func_ptr, 8);
AT(NativeSymbol, signature, 16);
AT(NativeSymbol, attachment, 24);

SIZE(wasm_import_t, 32);
AT(wasm_import_t, module_name, 0);
AT(wasm_import_t, name, 8);
AT(wasm_import_t, kind, 16);
AT(wasm_import_t, linked, 20);
AT(wasm_import_t, u, 24);
SIZE(wasm_export_t, 24);
AT(wasm_export_t, name, 0);
AT(wasm_export_t, kind, 8);
AT(wasm_export_t, u, 16);

SIZE(WASMCApiFrame, 56);
AT(WASMCApiFrame, instance, 0);
AT(WASMCApiFrame, module_offset, 8);
AT(WASMCApiFrame, func_index, 12);
AT(WASMCApiFrame, func_offset, 16);
AT(WASMCApiFrame, func_name_wp, 24);
AT(WASMCApiFrame, sp, 32);
AT(WASMCApiFrame, frame_ref, 40);
AT(WASMCApiFrame, lp, 48);

SIZE(wasm_section_t, 32);
AT(wasm_section_t, section_type, 8);
AT(wasm_section_t, section_body, 16);
AT(wasm_section_t, section_body_size, 24);

SIZE(MemAllocOption, 32);
AT(MemAllocOption, pool.heap_size, 8);
AT(MemAllocOption, allocator.realloc_func, 8);
AT(MemAllocOption, allocator.free_func, 16);
AT(MemAllocOption, allocator.user_data, 24);
SIZE(mem_alloc_info_t, 12);

SIZE(RuntimeInitArgs, 232);
AT(RuntimeInitArgs, mem_alloc_option, 8);
AT(RuntimeInitArgs, native_module_name, 40);
AT(RuntimeInitArgs, native_symbols, 48);
AT(RuntimeInitArgs, n_native_symbols, 56);
AT(RuntimeInitArgs, max_thread_num, 60);
AT(RuntimeInitArgs, ip_addr, 64);
AT(RuntimeInitArgs, unused, 192);
AT(RuntimeInitArgs, instance_port, 196);
AT(RuntimeInitArgs, fast_jit_code_cache_size, 200);
AT(RuntimeInitArgs, gc_heap_size, 204);
AT(RuntimeInitArgs, running_mode, 208);
AT(RuntimeInitArgs, llvm_jit_opt_level, 212);
AT(RuntimeInitArgs, llvm_jit_size_level, 216);
AT(RuntimeInitArgs, segue_flags, 220);
AT(RuntimeInitArgs, enable_linux_perf, 224);

SIZE(LoadArgs, 16);
AT(LoadArgs, clone_wasm_binary, 8);
AT(LoadArgs, wasm_binary_freeable, 9);
AT(LoadArgs, no_resolve, 10);
SIZE(InstantiationArgs, 12);
AT(InstantiationArgs, host_managed_heap_size, 4);
AT(InstantiationArgs, max_memory_pages, 8);

SIZE(wasm_val_t, 16);
AT(wasm_val_t, of, 8);
SIZE(wasm_global_inst_t, 16);
AT(wasm_global_inst_t, is_mutable, 1);
AT(wasm_global_inst_t, global_data, 8);
SIZE(wasm_table_inst_t, 24);
AT(wasm_table_inst_t, cur_size, 4);
AT(wasm_table_inst_t, max_size, 8);
AT(wasm_table_inst_t, elems, 16);
SIZE(SharedHeapInitArgs, 16);
AT(SharedHeapInitArgs, pre_allocated_addr, 8);
#endif

#define VALUE(name, n) _Static_assert((name) == (n), #name " has another value")

VALUE(WASM_IMPORT_EXPORT_KIND_FUNC, 0);
VALUE(WASM_IMPORT_EXPORT_KIND_TABLE, 1);
VALUE(WASM_IMPORT_EXPORT_KIND_MEMORY, 2);
VALUE(WASM_IMPORT_EXPORT_KIND_GLOBAL, 3);
VALUE(Wasm_Module_Bytecode, 0);
VALUE(Wasm_Module_AoT, 1);
VALUE(Package_Type_Unknown, 0xFFFF);
VALUE(Alloc_With_Pool, 0);
VALUE(Alloc_With_Allocator, 1);
VALUE(Alloc_With_System_Allocator, 2);
VALUE(Alloc_For_Runtime, 0);
VALUE(Alloc_For_LinearMemory, 1);
VALUE(Mode_Interp, 1);
VALUE(Mode_Fast_JIT, 2);
VALUE(Mode_LLVM_JIT, 3);
VALUE(Mode_Multi_Tier_JIT, 4);
VALUE(WASM_I32, 0);
VALUE(WASM_I64, 1);
VALUE(WASM_F32, 2);
VALUE(WASM_F64, 3);
VALUE(WASM_V128, 4);
VALUE(WASM_EXTERNREF, 128);
VALUE(WASM_FUNCREF, 129);
VALUE(WASM_LOG_LEVEL_FATAL, 0);
VALUE(WASM_LOG_LEVEL_ERROR, 1);
VALUE(WASM_LOG_LEVEL_WARNING, 2);
VALUE(WASM_LOG_LEVEL_DEBUG, 3);
VALUE(WASM_LOG_LEVEL_VERBOSE, 4);
VALUE(INTERNAL_ERROR, 0);
VALUE(MAX_SIZE_REACHED, 1);
_Static_assert(sizeof(wasm_valkind_t) == 1, "kinds are bytes");
_Static_assert(sizeof(package_type_t) == 4 && sizeof(RunningMode) == 4 &&
                   sizeof(mem_alloc_type_t) == 4 && sizeof(wasm_import_export_kind_t) == 4 &&
                   sizeof(log_level_t) == 4 && sizeof(mem_alloc_usage_t) == 4 &&
                   sizeof(enlarge_memory_error_reason_t) == 4,
               "enumerations are ints");

/* --- gc_export.h and aot_comp_option.h -------------------------------------------------------- */

#if UINTPTR_MAX == UINT64_MAX
SIZE(wasm_ref_type_t, 8);
AT(wasm_ref_type_t, nullable, 1);
AT(wasm_ref_type_t, heap_type, 4);
SIZE(WASMLocalObjectRef, 16);
AT(WASMLocalObjectRef, val, 8);
SIZE(wasm_value_t, 16);
AT(wasm_value_t, array_new_default.length, 4);
SIZE(AOTCallStackFeatures, 6);
AT(AOTCallStackFeatures, frame_per_function, 5);
SIZE(AOTCompOption, 144);
AT(AOTCompOption, target_arch, 8);
AT(AOTCompOption, is_sgx_platform, 40);
AT(AOTCompOption, aux_stack_frame_type, 52);
AT(AOTCompOption, call_stack_features, 56);
AT(AOTCompOption, use_prof_file, 72);
AT(AOTCompOption, custom_sections, 104);
AT(AOTCompOption, builtin_intrinsics, 136);
#endif

VALUE(VALUE_TYPE_I32, 0x7f);
VALUE(VALUE_TYPE_I8, 0x78);
VALUE(VALUE_TYPE_NULLFUNCREF, 0x73);
VALUE(VALUE_TYPE_ARRAYREF, 0x6a);
VALUE(VALUE_TYPE_HT_NON_NULLABLE_REF, 0x64);
VALUE(VALUE_TYPE_HT_NULLABLE_REF, 0x63);
VALUE(VALUE_TYPE_STRINGVIEWITER, 0x61);
VALUE(HEAP_TYPE_NOFUNC, -0x0d);
VALUE(HEAP_TYPE_ARRAY, -0x16);
VALUE(HEAP_TYPE_STRINGREF, -0x19);
VALUE(HEAP_TYPE_STRINGVIEWITER, -0x1f);
VALUE(AOT_LLVMIR_OPT_FILE, 3);
VALUE(AOT_STACK_FRAME_TYPE_STANDARD, 2);
