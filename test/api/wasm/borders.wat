;; SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
;; What must not cross: a number that becomes a reference; and what must: a host function called by the host.
(module
  (import "host" "add" (func $forge (param i32 i32) (result funcref)))
  (import "host" "length" (func $length (param i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "four\00")
  (table 1 funcref)
  (elem (i32.const 0) $length)
  (global $kept (mut i32) (i32.const 0))
  (export "length" (func $length))
  (func (export "forge") (param i32 i32) (result i32)
    (ref.is_null (call $forge (local.get 0) (local.get 1))))
  (func (export "keep") (param i32) (global.set $kept (local.get 0)))
  (func (export "kept") (result i32) (global.get $kept))
  (func (export "length_inside") (param i32) (result i32) (call $length (local.get 0))))
