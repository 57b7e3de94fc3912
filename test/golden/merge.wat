;; merge.wat - an operation takes in what was computed just before it, in either order of its operands
(module
  (memory 1)
  (func (param $p i32) (param $q i32) (param $sum f64) (result f64)
    (f64.add (local.get $sum)
             (f64.mul (f64.load offset=8 (local.get $p)) (f64.load offset=8 (local.get $q)))))
  (func (param $p i32) (param $x f32) (result f32)
    (f32.mul (f32.load (local.get $p)) (local.get $x)))
  ;; a generator of random numbers
  (func (param $x i32) (result i32)
    (local.set $x (i32.xor (local.get $x) (i32.shl (local.get $x) (i32.const 13))))
    (local.set $x (i32.xor (local.get $x) (i32.shr_u (local.get $x) (i32.const 17))))
    (i32.xor (i32.shl (local.get $x) (i32.const 5)) (local.get $x)))
  (func (param $a f64) (param $b f64) (param $c f64) (param $d f64) (result f64)
    (f64.add (local.get $a) (f64.add (local.get $b) (f64.mul (local.get $c) (local.get $d)))))
  ;; loops with a variable step, and down to zero
  (func (param $i i32) (param $by i32) (param $n i32)
    (loop $l
      (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (local.get $by))) (local.get $n))))
    (loop $l
      (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))))
;; >>> code
;; function 0
;;    0  F64_LOAD_S_A     r0 off 8
;;    1  F64_MUL_LOAD_ADD_A_S d=r6 r2 r1 0 off 8
;;    2  RETURN_F64       r6
;; function 1
;;    0  F32_MUL_LOAD_S_S d=r5 r1 r0 0 off 0
;;    1  RETURN_F32       r5
;; function 2
;;    0  XOR_SHL_S_S      d=r0 r0 r0 13
;;    1  XOR_SHR_A_S      d=r0 r0 17
;;    2  XOR_SHL_A_S      d=r4 r0 5
;;    3  RETURN_A
;; function 3
;;    0  F64_MUL_ADD_S_A  r2 r3 r1
;;    1  F64_ADD_AS_S     d=r7 r0
;;    2  RETURN_F64       r7
;; function 4
;;    0  STRIDE_LT_U_SS   d=r0 r0 r1 r2 -> 0
;;    1  STEP_NE_SI       d=r2 r2 -1 0 -> 1
;;    2  RETURN
;; <<<
