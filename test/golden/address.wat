;; address.wat - base[index] and base + constant are part of the access; an index is shifted on the way
(module
  (memory 1)
  (func (param $base i32) (param $i i32) (result i32)
    (i32.load offset=8 (i32.add (local.get $base) (i32.shl (local.get $i) (i32.const 2)))))
  (func (param $base i32) (param $i i32) (result i32)
    (i32.load8_u (i32.add (local.get $base) (local.get $i))))
  (func (param $base i32) (param $v i64)
    (i64.store offset=16 (i32.add (local.get $base) (i32.const 32)) (local.get $v))
    (i64.store (local.get $base) (i64.const 7)))
  ;; a constant address is an offset from a slot that is zero
  (func (result i32)
    (i32.store offset=1024 (i32.const 0) (i32.const 1))
    (i32.load offset=4 (i32.const 1024))))
;; >>> code
;; function 0
;;    0  I32_LOAD_SCALED_S_S d=r5 r5 r1 r0 2 off 8
;;    1  RETURN_A
;; function 1
;;    0  I32_LOAD8_U_SS_S d=r5 r0 r1 off 0
;;    1  RETURN_A
;; function 2
;;    0  I64_STORE_SI_S   r1 r0 32 off 16
;;    1  I64_STORE_S_I    r0 off 0 7
;;    2  RETURN
;; function 3
;;    0  I32_STORE_S_I    r3 off 1024 1
;;    1  I32_LOAD_S_S     d=r4 r3 off 1028
;;    2  RETURN_A
;; <<<
