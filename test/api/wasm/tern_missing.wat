;; tern_missing.wat - many imports, of which tests provide some.
(module
  (import "env" "one" (func (param i32)))
  (import "env" "two" (func (param i64 f32) (result f64)))
  (import "env" "three" (func $three))
  (import "env" "memory" (memory 2 3))
  (import "env" "global" (global (mut i64)))
  (import "env" "table" (table 10 externref))
  (import "wasi_snapshot_preview1" "sched_yield" (func (result i32)))
  (import "wasi_snapshot_preview1" "no_such_function" (func (result i32)))
  (func (export "call") (call $three)))
