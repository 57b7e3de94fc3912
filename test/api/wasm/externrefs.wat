;; Host references through parameters, a table, a global and imports of both kinds.
(module
  (import "env" "same" (func $same (param i32 externref) (result externref)))
  (import "env" "raw" (func $raw (param externref i32) (result externref)))
  (table $t 4 externref)
  (global $g (mut externref) (ref.null extern))
  (func (export "keep") (param externref i32)
    (table.set $t (local.get 1) (local.get 0))
    (global.set $g (local.get 0)))
  (func (export "kept") (param i32) (result externref) (table.get $t (local.get 0)))
  (func (export "is_null") (param externref) (result i32) (ref.is_null (local.get 0)))
  (func (export "through") (param externref) (result externref)
    (call $raw (call $same (i32.const 7) (local.get 0)) (i32.const 8))))
