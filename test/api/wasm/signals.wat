;; SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
;; A guest that touches what it is told to, calls its host, and recurses.
(module
  (import "host" "native" (func $native (param i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
  (func (export "store") (param i32) (i64.store offset=8 (local.get 0) (i64.const -1)))
  (func (export "native") (param i32) (result i32) (call $native (local.get 0)))
  ;; the host first, and then an access
  (func (export "native_load") (param i32 i32) (result i32)
    (i32.add (call $native (local.get 0)) (i32.load (local.get 1))))
  (func $deep (export "deep") (param $n i32) (param $at i32) (result i32)
    (if (result i32) (local.get $n)
      (then (i32.add (i32.const 1) (call $deep (i32.sub (local.get $n) (i32.const 1)) (local.get $at))))
      (else (i32.load (local.get $at))))))
