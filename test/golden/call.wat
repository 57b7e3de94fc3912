;; call.wat - arguments are computed where the callee has its parameters; a result comes in the accumulator
(module
  (import "env" "host" (func $host (param i32)))
  (type $f (func (param i32) (result i32)))
  (table 1 funcref)
  (func $fib (param $n i32) (result i32)
    (if (result i32) (i32.lt_s (local.get $n) (i32.const 2))
      (then (local.get $n))
      (else (i32.add (call $fib (i32.sub (local.get $n) (i32.const 1)))
                     (call $fib (i32.sub (local.get $n) (i32.const 2)))))))
  (func (param i32) (result i32)
    (call $host (local.get 0))
    (call_indirect (type $f) (i32.const 9) (local.get 0)))
  (func (param i32) (result i32)
    (return_call $fib (local.get 0))))
;; >>> code
;; function 1
;;    0  I32_GE_S_BR_SI   r0 2 -> 2
;;    1  COPY_BR          d=r4 r0 -> 7
;;    2  I32_SUB_SI_S     d=r4 r0 1
;;    3  CALL             #0 base=r4
;;    4  I32_SUB_SI_S     d=r5 r0 2
;;    5  CALL             #0 base=r5
;;    6  I32_ADD_AS_S     d=r4 r4
;;    7  RETURN_S         r4
;; function 2
;;    0  COPY             d=r4 r0
;;    1  CALL_IMPORT      #0 base=r4
;;    2  CONST32          d=r4 9
;;    3  CALL_INDIRECT    r0 #0 base=r4 0
;;    4  RETURN_A
;; function 3
;;    0  COPY             d=r4 r0
;;    1  TAIL_CALL        #0 base=r4
;; <<<
