;; SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
;; start_exits.wat - its start function ends the program, before _start traps.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func $start (call $exit (i32.const 0)))
  (start $start)
  (func (export "_start") (unreachable)))
