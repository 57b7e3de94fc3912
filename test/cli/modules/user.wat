;; SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
;; user.wat - uses what lib.wat exports, and writes its memory when it is instantiated.
(module
  (import "lib" "memory" (memory 1))
  (import "lib" "table" (table 1 funcref))
  (import "lib" "global" (global $g (mut i32)))
  (import "lib" "trap" (func $trap))
  (data (i32.const 100) "*")
  (func (export "sum") (result i32) ;; 5 + 42 + 1
    (i32.add (i32.add (global.get $g) (i32.load8_u (i32.const 100)))
             (call_indirect (result i32) (i32.const 0))))
  (func (export "trap") (call $trap)))
