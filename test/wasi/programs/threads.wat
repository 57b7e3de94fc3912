;; SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
;; threads.wat - a guest whose threads do what their argument says: 0 count themselves, 1 trap, 2 exit with 7,
;; 3 spin, 4 wait for nobody, 5 read outside, 6 spawn one more that counts itself, and count too.
;;   wat2wasm --enable-threads threads.wat
(module
  (import "wasi" "thread-spawn" (func $thread_spawn (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (import "env" "memory" (memory 1 1 shared))
  (global $mine (mut i32) (i32.const 0))
  (export "memory" (memory 0))

  ;; 0: how many counted; 4: the numbers they were given, or-ed; 8: what the last found in its own global
  (func $count (param $tid i32)
    (i32.atomic.store (i32.const 8) (global.get $mine))
    (drop (i32.atomic.rmw.or (i32.const 4) (local.get $tid)))
    (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1)))
    (drop (memory.atomic.notify (i32.const 0) (i32.const 100))))
  (func $spin (loop $again (br $again)))
  (func $wait (drop (memory.atomic.wait32 (i32.const 64) (i32.const 0) (i64.const -1))))

  (func (export "wasi_thread_start") (param $tid i32) (param $what i32)
    (if (i32.eq (local.get $what) (i32.const 0)) (then (call $count (local.get $tid))))
    (if (i32.eq (local.get $what) (i32.const 1)) (then unreachable))
    (if (i32.eq (local.get $what) (i32.const 2)) (then (call $proc_exit (i32.const 7))))
    (if (i32.eq (local.get $what) (i32.const 3)) (then (call $spin)))
    (if (i32.eq (local.get $what) (i32.const 4)) (then (call $wait)))
    (if (i32.eq (local.get $what) (i32.const 5)) (then (drop (i32.load (i32.const 0x7ffffff0)))))
    (if (i32.eq (local.get $what) (i32.const 6))
      (then
        (drop (call $thread_spawn (i32.const 0)))
        (call $count (local.get $tid)))))

  (func (export "spawn") (param $what i32) (result i32) (call $thread_spawn (local.get $what)))
  (func (export "spawn_and_spin") (param $what i32)
    (drop (call $thread_spawn (local.get $what)))
    (call $spin))
  (func (export "spawn_and_wait") (param $what i32)
    (drop (call $thread_spawn (local.get $what)))
    (call $wait))
  (func (export "set_global") (param i32) (global.set $mine (local.get 0)))
  (func (export "read") (param $addr i32) (result i32) (i32.atomic.load (local.get $addr)))
  (func (export "until") (param $n i32)
    (local $seen i32)
    (loop $again
      (local.set $seen (i32.atomic.load (i32.const 0)))
      (if (i32.lt_u (local.get $seen) (local.get $n))
        (then
          (drop (memory.atomic.wait32 (i32.const 0) (local.get $seen) (i64.const -1)))
          (br $again)))))
  (func (export "_start")
    (drop (call $thread_spawn (i32.const 3)))
    (drop (call $thread_spawn (i32.const 4)))))
