;; through.wat - exceptions of the guest on their way through functions of the host. Built with the exceptions
;; of 2019: wat2wasm --enable-exceptions.
(module
  (import "env" "through" (func $through (param i32) (result i32)))
  (memory 1)
  (tag $own (param i32))
  (func $inner (export "inner") (param i32) (throw $own (local.get 0)))
  (func (export "trap") (unreachable))
  (func (export "plain") (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
  ;; 1000 and the payload, if it is the guest's own exception; 5000 for anything else that can be caught
  (func (export "outer") (param i32) (result i32)
    (try (result i32)
      (do (call $through (local.get 0)))
      (catch $own (i32.add (i32.const 1000)))
      (catch_all (i32.const 5000))))
  (func (export "outside") (param i32) (result i32) (call $through (local.get 0))))
