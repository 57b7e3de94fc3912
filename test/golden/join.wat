;; join.wat - two instructions made one: a stack pointer's steps, arguments, loads and tests, results that are stored
(module
  (memory 1)
  (global $sp (mut i32) (i32.const 65536))
  (func $callee (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))

  ;; A frame is opened, a call made with a copy and a constant, its result kept and tested, the frame closed.
  (func (param $p i32) (result i32) (local $frame i32) (local $got i32)
    (global.set $sp (local.tee $frame (i32.sub (global.get $sp) (i32.const 16))))
    (local.set $got (call $callee (local.get $p) (i32.const 7)))
    (if (local.get $got) (then (drop (call $callee (local.get $frame) (local.get $p)))))
    (global.set $sp (i32.add (local.get $frame) (i32.const 16)))
    (local.get $got))

  ;; Loads that are tested, bits of a word, two pointers that go on.
  (func (param $p i32) (param $q i32) (result i32)
    (loop $again
      (block $out
        (br_if $out (i32.eqz (i32.load8_u (local.get $p))))
        (br_if $out (i32.and (i32.shr_u (local.get $q) (i32.const 3)) (i32.const 5)))
        (local.set $p (i32.add (local.get $p) (i32.const 1)))
        (local.set $q (i32.add (local.get $q) (i32.const 4)))
        (br_if $again (i32.load (local.get $q)))))
    (i32.and (i32.shr_u (local.get $q) (i32.const 7)) (i32.const 127)))

  ;; Products and sums that are stored, a load from a sum that a local keeps.
  (func (param $p i32) (param $i i32) (param $x f64) (result f64) (local $at i32)
    (f64.store (local.get $p) (f64.sub (local.get $x) (f64.load (local.tee $at (i32.add (local.get $p) (local.get $i))))))
    (i32.store (local.get $at) (i32.add (local.get $i) (i32.const 1)))
    (f64.sub (local.get $x) (f64.mul (local.get $x) (f64.load (local.get $p)))))

  ;; A dense switch that begins at 5, a sum and a branch.
  (func (param $n i32) (result i32)
    (block $a
      (block $b
        (br_table $a $b (i32.sub (local.get $n) (i32.const 5))))
      (local.set $n (i32.add (local.get $n) (local.get $n)))
      (br $a))
    (local.get $n)))

;; >>> code
;; function 0
;;    0  I32_ADD_SS_S     d=r5 r0 r1
;;    1  RETURN_A
;; function 1
;;    0  GLOBAL_ADD       d=r3 #0 -16
;;    1  CALL_CONST_COPY  #0 base=r6 r6 r0 7 r7
;;    2  COPY_A           d=r4
;;    3  BRZ_A            -> 5
;;    4  CALL_COPY2       #0 base=r6 r6 r3 r0
;;    5  RETURN_SUM_S     r4 r3 #0 16
;; function 2
;;    0  I32_LOAD8_U_BRZ_S d=r5 r0 off 0 -> 4
;;    1  BR_AND_SI        r1 40 -> 4
;;    2  ADD2             r0 r0 1 d=r1 r1 4
;;    3  I32_LOAD_BRNZ_A  d=r5 off 0 -> 0
;;    4  FIELD_S_S        d=r5 r1 7 127
;;    5  RETURN_A
;; function 3
;;    0  F64_LOAD_SUM_SS_A r5 r0 r1 off 0
;;    1  F64_SUB_STORE_SA r2 r0 off 0
;;    2  I32_ADD_STORE_SI r1 1 r5 off 0
;;    3  F64_MUL_LOAD_RSUB_S_S d=r7 r2 r2 r0 0 off 0
;;    4  RETURN_F64       r7
;; function 4
;;    0  BR_TABLE_ADD_S   r0 -5 -> 2 else 1
;;    1  ADD_BR_SS        d=r0 r0 r0 -> 2
;;    2  RETURN_S         r0
;; <<<
