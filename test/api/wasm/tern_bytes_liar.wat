;; tern_bytes_liar.wat - an allocator that gives what is not there.
(module
  (memory (export "memory") 1)
  (func (export "malloc") (param i32) (result i32) (i32.const 65530))
  (func (export "free") (param i32))
  (func (export "pair") (param i32 i32) (result i32 i32) (local.get 0) (local.get 1)))
