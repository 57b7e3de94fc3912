;; branch.wat - comparisons are part of branches, eqz turns them round, and operands go along by copies
(module
  (func (param i32 i32) (result i32)
    (if (result i32) (i32.lt_s (local.get 0) (local.get 1))
      (then (i32.const 1))
      (else (i32.sub (local.get 0) (local.get 1)))))
  (func (param i32 i32)
    (block
      (br_if 0 (i32.eqz (i32.and (local.get 0) (i32.const 8))))
      (br_if 0 (i32.eqz (i32.gt_u (local.get 0) (local.get 1))))
      (unreachable)))
  ;; targets where the operand lies right are reached directly, others through code behind the table
  (func (param i32) (result i32)
    (i32.const 5)
    (block (result i32)
      (block (result i32)
        (i32.const 6)
        (local.get 0)
        (br_table 0 1 0))
      (br 0))
    (i32.add))
  (func (param i32) (result i32)
    (select (i32.const 1) (i32.const 2) (local.get 0))))
;; >>> code
;; function 0
;;    0  I32_GE_S_BR_SS   r0 r1 -> 2
;;    1  CONST_BR         d=r5 1 -> 3
;;    2  I32_SUB_SS_S     d=r5 r0 r1
;;    3  RETURN_S         r5
;; function 1
;;    0  BR_NAND_SI       r0 8 -> 3
;;    1  I32_LE_U_BR_SS   r0 r1 -> 3
;;    2  UNREACHABLE
;;    3  RETURN
;; function 2
;;    0  CONST32          d=r4 5
;;    1  BR_TABLE_S       r0 -> 2 3 else 2
;;    2  CONST_BR         d=r5 6 -> 4
;;    3  CONST_BR         d=r5 6 -> 5
;;    4  BR               -> 5
;;    5  I32_ADD_SS_S     d=r4 r4 r5
;;    6  RETURN_A
;; function 3
;;    0  SELECT_II_S      d=r4 r0 1 2
;;    1  RETURN_A
;; <<<
