;; borders_results.wat - a host function imported with more results than it gives. Assembled by binaryen's wasm-as.
(module
  (type $box (sub (struct (field $value (mut i64)))))
  (import "host" "next" (func $next (param i32 i64) (result i32 externref)))
  ;; 1: what came back in the place of the i64 is an object
  (func (export "is_object") (param i64) (result i32)
    (local $e externref)
    (call $next (i32.const 1) (local.get 0))
    (local.set $e)
    (drop)
    (ref.test (ref $box) (any.convert_extern (local.get $e))))
  ;; the i32, extended to 64 bits
  (func (export "first") (param i32) (result i64)
    (call $next (local.get 0) (i64.const 0))
    (drop)
    (i64.extend_i32_u)))
