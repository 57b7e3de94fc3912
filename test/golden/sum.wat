;; sum.wat - fourteen instructions of a loop over an array become three: what is loaded, addresses and constants are operands
(module
  (memory 1)
  (func (export "sum") (param $v i32) (param $n i32) (result i32) (local $s i32)
    (loop $l
      (local.set $s (i32.add (local.get $s) (i32.load (local.get $v))))
      (local.set $v (i32.add (local.get $v) (i32.const 4)))
      (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $s))
  ;; an empty loop is one instruction
  (func (param $n i32) (local $i i32)
    (loop $l
      (br_if $l (i32.lt_s (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))))
;; >>> code
;; function 0
;;    0  I32_ADD_LOAD_S_S d=r4 r4 r0 0 off 0
;;    1  I32_ADD_SI_S     d=r0 r0 4
;;    2  STEP_NE_SI       d=r1 r1 -1 0 -> 0
;;    3  RETURN_S         r4
;; function 1
;;    0  STEP_LT_S_SS     d=r3 r3 r0 1 -> 0
;;    1  RETURN
;; <<<
