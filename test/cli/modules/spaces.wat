;; SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
;; spaces.wat - a function whose name has spaces.
(module (func (export "a b c") (param i32) (result i32) (i32.add (local.get 0) (i32.const 1))))
