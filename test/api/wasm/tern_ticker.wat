;; tern_ticker.wat - a guest whose threads count for ever. Built with wat2wasm --enable-threads.
(module
  (import "wasi" "thread-spawn" (func $spawn (param i32) (result i32)))
  (memory (export "memory") 1 1 shared)
  (func (export "wasi_thread_start") (param i32 i32)
    (loop $again (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1))) (br $again)))
  ;; returns once one counts
  (func (export "start")
    (local $before i32)
    (local.set $before (i32.atomic.load (i32.const 0)))
    (if (i32.lt_s (call $spawn (i32.const 0)) (i32.const 0)) (then (unreachable)))
    (loop $again (br_if $again (i32.eq (i32.atomic.load (i32.const 0)) (local.get $before))))))
