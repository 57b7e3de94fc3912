;; SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
;; accept.wat - accepts a connection on descriptor 3 and sends back what it reads first. Ends with what went wrong.
(module
  (import "wasi_snapshot_preview1" "sock_accept" (func $accept (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\00\01\00\00\64\00\00\00") ;; an iovec: 100 bytes at 256
  (func $must (param $errno i32) (if (local.get $errno) (then (call $exit (local.get $errno)))))
  (func (export "_start")
    (local $fd i32)
    (call $must (call $accept (i32.const 3) (i32.const 0) (i32.const 16)))
    (local.set $fd (i32.load (i32.const 16)))
    (call $must (call $read (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 4)))
    (call $must (call $write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 20)))))
