;; tern_threads.wat - a guest whose second thread calls the host.
(module
  (import "wasi" "thread-spawn" (func $spawn (param i32) (result i32)))
  (import "env" "note" (func $note (param i32) (result i32)))
  (memory (export "memory") 1 1 shared)
  (func (export "double") (param i32) (result i32) (i32.mul (local.get 0) (i32.const 2)))
  (func (export "wasi_thread_start") (param $tid i32) (param $arg i32)
    (i32.atomic.store (i32.const 16) (call $note (local.get $arg)))
    (i32.atomic.store (i32.const 0) (i32.const 1))
    (drop (memory.atomic.notify (i32.const 0) (i32.const 1))))
  (func (export "run") (param $arg i32) (result i32)
    (i32.atomic.store (i32.const 0) (i32.const 0))
    (if (i32.lt_s (call $spawn (local.get $arg)) (i32.const 0)) (then (return (i32.const -1))))
    ;; a thread of before may still be about to notify
    (loop $again
      (drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1)))
      (br_if $again (i32.eqz (i32.atomic.load (i32.const 0)))))
    (i32.atomic.load (i32.const 16))))
