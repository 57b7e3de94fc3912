;; library.wat - what user.wat imports.
(module
  (memory (export "memory") 1)
  (global (export "count") (mut i32) (i32.const 40))
  (func (export "bump") (result i32)
    (global.set 0 (i32.add (global.get 0) (i32.const 1)))
    (global.get 0))
  (func (export "fail") (unreachable)))
