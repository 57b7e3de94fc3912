;; tern_left_owner.wat - a table that others may write to, and a function that calls what is in it.
(module
  (type $number (func (result i32)))
  (table (export "table") 4 funcref)
  (func (export "go") (result i32) (call_indirect (type $number) (i32.const 0))))
