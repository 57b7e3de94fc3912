;; Reaches memory in every way, for shared_heaps_test.c.
(module
  (import "env" "measure" (func $measure (param i32 i32) (result i32)))
  (memory (export "memory") 1 65536)
  (data "0123456789abcdef")
  (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
  (func (export "load8") (param i32) (result i32) (i32.load8_u offset=1 (local.get 0)))
  (func (export "store") (param i32 i32) (i32.store (local.get 0) (local.get 1)))
  (func (export "vector") (param i32 i32) (v128.store (local.get 0) (v128.load (local.get 1))))
  (func (export "copy") (param i32 i32 i32) (memory.copy (local.get 0) (local.get 1) (local.get 2)))
  (func (export "fill") (param i32 i32 i32) (memory.fill (local.get 0) (local.get 1) (local.get 2)))
  (func (export "init") (param i32) (memory.init 0 (local.get 0) (i32.const 0) (i32.const 16)))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "measured") (param i32 i32) (result i32) (call $measure (local.get 0) (local.get 1))))
