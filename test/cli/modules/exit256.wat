;; SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
;; exit256.wat - a failure whose last eight bits are zero, under the old name of WASI.
(module
  (import "wasi_unstable" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func (export "_start") (call $exit (i32.const 256))))
