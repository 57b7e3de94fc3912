;; tern_spin.wat - things that take long.
(module
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "quick") (result i32) (i32.const 42))
  (func (export "spin") (loop $again (br $again)))
  (func (export "count") (param $n i32) (result i32)
    (loop $again (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $n))
  ;; Waits for the monotonic clock, an hour.
  (func (export "sleep") (result i32)
    (i32.store8 (i32.const 8) (i32.const 0))
    (i32.store (i32.const 16) (i32.const 1))
    (i64.store (i32.const 24) (i64.const 3600000000000))
    (call $poll (i32.const 0) (i32.const 100) (i32.const 1) (i32.const 200))))
