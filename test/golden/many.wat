;; many.wat - a branch with many operands moves them in one instruction
(module
  (type $t (func (result i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
  (func (type $t)
    (i32.const 99)
    (block (type $t)
      (i32.const 98)
      (i32.const 0) (i32.const 1) (i32.const 2) (i32.const 3) (i32.const 4)
      (i32.const 5) (i32.const 6) (i32.const 7) (i32.const 8) (i32.const 9)
      (br_if 0 (i32.const 1))
      (unreachable))
    (return)))
;; >>> code
;; function 0
;;    0  CONST2           d=r13 99 r14 98
;;    1  CONST2           d=r15 0 r16 1
;;    2  CONST2           d=r17 2 r18 3
;;    3  CONST2           d=r19 4 r20 5
;;    4  CONST2           d=r21 6 r22 7
;;    5  CONST2           d=r23 8 r24 9
;;    6  COPY_N           base=r14 #15 10
;;    7  BR               -> 9
;;    8  UNREACHABLE
;;    9  RETURN_N         base=r14 #10
;; <<<
