;; SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
;; lib.wat - to be preloaded: a memory, a table, a global that its start function sets, and a function that traps.
(module
  (memory (export "memory") 1)
  (table (export "table") 2 funcref)
  (global $g (export "global") (mut i32) (i32.const 1))
  (func $one (export "one") (result i32) (i32.const 1))
  (func (export "trap") (unreachable))
  (elem (i32.const 0) $one)
  (func $start (global.set $g (i32.const 5)))
  (start $start))
