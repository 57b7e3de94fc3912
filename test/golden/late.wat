;; late.wat - a local is read where it is used; who wants the old value of one that is set takes it first
(module
  (func (param $a i32) (param $b i32) (result i32)
    (local.get $a)
    (local.set $a (i32.add (local.get $a) (local.get $b)))
    (i32.mul (local.get $a)))
  (func (param $a i32) (param $b i32) (param $c i32)
    (local.get $a) (local.get $b)
    (local.set $a) (local.set $b))
  (func (param $x f64) (result f64)
    (f64.sub (f64.mul (local.get $x) (local.get $x)) (f64.const 1))))
;; >>> code
;; function 0
;;    0  I32_ADD_SS_S     d=r6 r0 r1
;;    1  COPY2            d=r5 r0 r0 r6
;;    2  I32_MUL_SS_S     d=r5 r5 r0
;;    3  RETURN_A
;; function 1
;;    0  COPY2            d=r6 r0 r0 r1
;;    1  COPY             d=r1 r6
;;    2  RETURN
;; function 2
;;    0  F64_MUL_SS_A     r0 r0
;;    1  F64_SUB_AI_S     d=r4 0x3ff0000000000000
;;    2  RETURN_F64       r4
;; <<<
