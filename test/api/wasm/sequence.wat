;; sequence.wat - who is called while instantiating, in which order. Each notes itself in memory.
(module
  (memory (export "memory") 1 3)
  (global $n (mut i32) (i32.const 0))
  (func $note (param i32)
    (i32.store8 (global.get $n) (local.get 0))
    (global.set $n (i32.add (global.get $n) (i32.const 1))))
  (func $start (call $note (i32.const 115)))
  (start $start)
  (func (export "_initialize") (call $note (i32.const 105)))
  (func (export "__post_instantiate") (call $note (i32.const 112)))
  (func (export "__wasm_call_ctors") (call $note (i32.const 99)))
  (func (export "pages") (result i32) (memory.size))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))
