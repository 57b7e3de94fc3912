;; SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
;; imports_math.wat - imports a function from math.wat.
(module
  (import "math" "add" (func $add (param i32 i32) (result i32)))
  (func (export "seven") (result i32) (call $add (i32.const 3) (i32.const 4))))
