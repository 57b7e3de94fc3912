;; threads.wat - a shared memory, a stack in it, and what tells where the stack is.
(module
  (memory (export "memory") 1 8 shared)
  (global $sp (mut i32) (i32.const 65536))
  (global (export "__heap_base") i32 (i32.const 65536))
  (global (export "__data_end") i32 (i32.const 1024))
  (data (i32.const 100) "\07")
  (func $start (drop (i32.atomic.rmw.add (i32.const 16) (i32.const 1))))
  (start $start)
  (func (export "sp") (result i32) (global.get $sp))
  (func (export "get") (param i32) (result i32) (i32.atomic.load (local.get 0)))
  (func (export "set") (param i32 i32) (i32.atomic.store (local.get 0) (local.get 1)))
  (func (export "add") (param i32 i32)
    (loop
      (drop (i32.atomic.rmw.add (local.get 0) (i32.const 1)))
      (br_if 0 (local.tee 1 (i32.sub (local.get 1) (i32.const 1))))))
  (func (export "wait") (param i32) (result i32)
    (memory.atomic.wait32 (local.get 0) (i32.const 0) (i64.const -1))))
