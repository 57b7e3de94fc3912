;; array.wat - elements of arrays, bytes as operands, what is loaded and compared, selection by a comparison, products
(module
  (memory 1)
  (func $callee (param i32 i32 i32) (result i32) (i32.add (local.get 0) (i32.add (local.get 1) (local.get 2))))

  ;; An element of an array at a slot, of one at a constant address, and one whose address a local keeps.
  (func (param $p i32) (param $i i32) (result i32) (local $at i32)
    (i32.store (local.get $p) (i32.load16_u offset=64 (i32.shl (i32.and (local.get $i) (i32.const 127)) (i32.const 1))))
    (local.set $i (i32.load (local.tee $at (i32.add (local.get $p) (i32.shl (local.get $i) (i32.const 2))))))
    (i32.add (local.get $i) (local.get $at)))

  ;; A checksum: a byte is an operand; the loop ends at one of a kind.
  (func (param $p i32) (param $i i32) (param $sum i32) (result i32)
    (loop $again
      (local.set $sum (i32.add (local.get $sum) (i32.load8_u (i32.add (local.get $p) (local.get $i)))))
      (local.set $sum (i32.xor (local.get $sum) (i32.load8_u offset=1 (local.get $p))))
      (br_if $again (i32.ne (i32.load8_u (local.get $p)) (local.get $i))))
    (i32.and (i32.add (local.get $sum) (i32.const 7)) (i32.const -8)))

  ;; The smaller of two, and a product with a wide constant.
  (func (param $a i32) (param $b i32) (param $x i64) (result i64)
    (local.set $a (select (local.get $a) (local.get $b) (i32.le_s (local.get $a) (local.get $b))))
    (i64.mul (local.get $x) (i64.const 0x9e3779b97f4a7c15)))

  ;; Two products, a product that is stored, one with what is loaded.
  (func (param $a f64) (param $b f64) (param $c f64) (param $p i32) (result f64)
    (f64.store (local.get $p) (f64.add (local.get $c) (f64.mul (local.get $a) (local.get $b))))
    (local.set $c (f64.sub (f64.mul (local.get $a) (local.get $b)) (f64.mul (local.get $a) (local.get $c))))
    (f64.add (local.get $c) (f64.mul (local.get $b) (f64.load offset=8 (local.get $p)))))

  ;; A call that moves three, a step with a copy, and a branch to a return, which becomes that.
  (func (param $a i32) (param $b i32) (result i32) (local $c i32)
    (local.set $c (i32.add (local.get $a) (i32.const 1)))
    (local.set $b (local.get $a))
    (block $end
      (if (local.get $b) (then (local.set $c (call $callee (local.get $c) (local.get $a) (local.get $b)))) (else (br $end)))
      (i32.store (local.get $b) (local.get $c))
      (br $end))
    (local.get $c)))

;; >>> code
;; function 0
;;    0  I32_ADD_SS_A     r1 r2
;;    1  I32_ADD_AS_S     d=r6 r0
;;    2  RETURN_A
;; function 1
;;    0  I32_AND_SI_A     r1 127
;;    1  I32_LOAD16_U_SCALED_A_A r7 r5 1 off 64
;;    2  I32_STORE_S_A    r0 off 0
;;    3  I32_LOAD_SCALED_S_S d=r1 r4 r1 r0 2 off 0
;;    4  I32_ADD_AS_S     d=r6 r4
;;    5  RETURN_A
;; function 2
;;    0  I32_ADD_LOAD8_U_SS_S_S d=r2 r2 r0 r1 off 0
;;    1  I32_XOR_LOAD8_U_SI_A_S d=r2 r0 0 off 1
;;    2  I32_LOAD8_U_NE_BR_S d=r6 r0 off 0 r1 -> 0
;;    3  ADD_AND_S_S      d=r6 r2 7 -8
;;    4  RETURN_A
;; function 3
;;    0  SELECT_GT_S_SS   d=r0 r0 r1 r1 #0
;;    1  I64_MUL_CONST_S_S d=r6 r2 0x9e3779b97f4a7c15
;;    2  RETURN_A
;; function 4
;;    0  F64_MUL_ADD_STORE_S r0 r1 r2 #3 off 0
;;    1  F64_MUL_MUL_SUB_S d=r2 r0 r1 r0 #2
;;    2  F64_MUL_LOAD_ADD_S_S d=r7 r1 r2 r3 0 off 8
;;    3  RETURN_F64       r7
;; function 5
;;    0  ADD_COPY         d=r4 r0 1 r1 r0
;;    1  BRZ_S            r1 -> 5
;;    2  CALL_COPY3       #0 base=r6 r6 r4 r0 8 1
;;    3  COPY_A           d=r4
;;    4  BR               -> 6
;;    5  RETURN_S         r4
;;    6  I32_STORE_S_S    r4 r1 off 0
;;    7  RETURN_S         r4
;;    8  RETURN_S         r4
;; <<<
