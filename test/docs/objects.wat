;; objects.wat - structures and host references for the snippets of docs/.
;;   wasm-as --all-features objects.wat -o objects.wasm      (Binaryen)
(module
  (type $point (struct (field $x (mut i32)) (field $y (mut i32))))
  (global $kept (mut externref) (ref.null extern))
  (func (export "make") (param $x i32) (param $y i32) (result (ref $point))
    (struct.new $point (local.get $x) (local.get $y)))
  (func (export "sum") (param $p (ref null $point)) (result i32)
    (i32.add (struct.get $point $x (local.get $p)) (struct.get $point $y (local.get $p))))
  (func (export "keep") (param $r externref)
    (global.set $kept (local.get $r)))
  (func (export "kept") (result externref)
    (global.get $kept)))
