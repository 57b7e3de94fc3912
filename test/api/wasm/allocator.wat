;; allocator.wat - exports malloc and free; the global "answer" says what malloc does:
;; 0 a bump allocator, 1 no room, 2 traps, 3 an address whose end is outside memory, 4 a host call first.
(module
  (import "env" "nested" (func $nested (param i32) (result i32)))
  (memory (export "memory") 1)
  (global $answer (export "answer") (mut i32) (i32.const 0))
  (global $frees (export "frees") (mut i32) (i32.const 0))
  (global $next (mut i32) (i32.const 1024))
  (func $malloc (export "malloc") (param i32) (result i32)
    (if (i32.eq (global.get $answer) (i32.const 1)) (then (return (i32.const 0))))
    (if (i32.eq (global.get $answer) (i32.const 2)) (then (unreachable)))
    (if (i32.eq (global.get $answer) (i32.const 3)) (then (return (i32.const 65530))))
    (global.get $next)
    (global.set $next (i32.add (global.get $next) (i32.and (i32.add (local.get 0) (i32.const 15)) (i32.const -16)))))
  (func (export "free") (param i32) (global.set $frees (i32.add (global.get $frees) (i32.const 1))))
  (func (export "outer") (param i32) (result i32) (call $nested (local.get 0))))
