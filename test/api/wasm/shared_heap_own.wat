;; shared_heap_own.wat - a guest that allocates in the shared heap itself.
(module
  (import "env" "shared_heap_malloc" (func $malloc (param i32) (result i32)))
  (import "env" "shared_heap_free" (func $free (param i32)))
  (memory (export "memory") 1 2)
  (func (export "malloc_it") (param i32) (result i32) (call $malloc (local.get 0)))
  (func (export "free_it") (param i32) (call $free (local.get 0)))
  (func (export "store") (param i32 i32) (i32.store (local.get 0) (local.get 1))))
