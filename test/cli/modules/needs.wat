;; SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
;; needs.wat - imports a function that nobody provides; "fine" does not call it.
(module
  (import "env" "absent" (func $absent (param i32) (result i64)))
  (func (export "fine") (result i32) (i32.const 7))
  (func (export "call") (drop (call $absent (i32.const 1)))))
