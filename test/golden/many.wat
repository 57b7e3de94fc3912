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
;;    0  CONST32          d=r13 99
;;    1  CONST32          d=r14 98
;;    2  CONST32          d=r15 0
;;    3  CONST32          d=r16 1
;;    4  CONST32          d=r17 2
;;    5  CONST32          d=r18 3
;;    6  CONST32          d=r19 4
;;    7  CONST32          d=r20 5
;;    8  CONST32          d=r21 6
;;    9  CONST32          d=r22 7
;;   10  CONST32          d=r23 8
;;   11  CONST32          d=r24 9
;;   12  COPY_N           base=r14 #15 10
;;   13  BR               -> 15
;;   14  UNREACHABLE
;;   15  RETURN_N         base=r14 #10
;; <<<
