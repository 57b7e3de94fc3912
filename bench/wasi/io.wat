;; SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
;; io.wat - bench/wasi.c's guest: calls of WASI, counted.
;;   wat2wasm io.wat
(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_seek" (func $fd_seek (param i32 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
  (memory (export "memory") 40)
  (data (i32.const 64) "file")
  ;; 0: iovec, 16: count moved, 24: descriptor, 32: time; 65536: the buffer

  (func (export "open") (result i32)
    (drop (call $path_open (i32.const 3) (i32.const 0) (i32.const 64) (i32.const 4) (i32.const 9) ;; create, truncate
      (i64.const 0x46) (i64.const 0) (i32.const 0) (i32.const 24)))
    (i32.load (i32.const 24)))
  (func $aim (param $size i32)
    (i32.store (i32.const 0) (i32.const 65536))
    (i32.store (i32.const 4) (local.get $size)))
  (func (export "rewind") (param $fd i32) (result i32)
    (call $fd_seek (local.get $fd) (i64.const 0) (i32.const 0) (i32.const 32)))
  ;; Both: the first error, or 0.
  (func (export "write") (param $fd i32) (param $size i32) (param $n i32) (result i32)
    (local $error i32)
    (call $aim (local.get $size))
    (loop $again
      (local.set $error (call $fd_write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 16)))
      (br_if $again (i32.and (i32.eqz (local.get $error))
        (i32.ne (local.tee $n (i32.sub (local.get $n) (i32.const 1))) (i32.const 0)))))
    (local.get $error))
  (func (export "read") (param $fd i32) (param $size i32) (param $n i32) (result i32)
    (local $error i32)
    (call $aim (local.get $size))
    (loop $again
      (local.set $error (call $fd_read (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 16)))
      (br_if $again (i32.and (i32.eqz (local.get $error))
        (i32.ne (local.tee $n (i32.sub (local.get $n) (i32.const 1))) (i32.const 0)))))
    (local.get $error))
  (func (export "clock") (param $n i32) (result i32)
    (loop $again
      (drop (call $clock (i32.const 1) (i64.const 0) (i32.const 32)))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i32.const 0)))
