;; tern_provider.wat - an instance whose exports others import.
(module
  (memory (export "memory") 1 4)
  (table (export "table") 8 16 funcref)
  (global (export "counter") (mut i32) (i32.const 5))
  (global (export "fixed") i64 (i64.const 77))
  (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func (export "bump") (global.set 0 (i32.add (global.get 0) (i32.const 1))))
  (func (export "peek") (param i32) (result i32) (i32.load (local.get 0))))
