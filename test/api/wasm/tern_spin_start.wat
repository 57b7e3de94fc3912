;; tern_spin_start.wat - a start function that never ends.
(module
  (func $start (loop $again (br $again)))
  (start $start)
  (func (export "quick") (result i32) (i32.const 42)))
