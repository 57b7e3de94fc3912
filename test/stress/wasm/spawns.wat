;; spawns.wat - a guest that starts threads, each of which has a memory of its own besides the one they share. run(n)
;; starts n and waits for them; returns how many could not be started, and -1 of memory's growth in a thread as 1000.
;; For alloc_test.c, and for limits that threads must not escape.
(module
  (import "wasi" "thread-spawn" (func $spawn (param i32) (result i32)))
  (memory $shared (export "memory") 1 1 shared)
  (memory $own 1)
  (table $own_table 1 funcref)
  (func (export "grow") (param i32) (result i32) (memory.grow 1 (local.get 0)))
  (func (export "wasi_thread_start") (param $tid i32) (param $pages i32)
    (if (i32.eq (memory.grow 1 (local.get $pages)) (i32.const -1))
      (then (drop (i32.atomic.rmw.add (i32.const 8) (i32.const 1000)))))
    (if (i32.eq (table.grow $own_table (ref.null func) (local.get $pages)) (i32.const -1))
      (then (drop (i32.atomic.rmw.add (i32.const 8) (i32.const 100000)))))
    (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1)))
    (drop (memory.atomic.notify (i32.const 0) (i32.const 1))))
  (func (export "run") (param $n i32) (param $pages i32) (result i32)
    (local $started i32) (local $seen i32)
    (i32.atomic.store (i32.const 0) (i32.const 0))
    (i32.atomic.store (i32.const 8) (i32.const 0))
    (loop $more
      (if (i32.gt_s (local.get $n) (i32.const 0)) (then
        (if (i32.lt_s (call $spawn (local.get $pages)) (i32.const 0))
          (then (drop (i32.atomic.rmw.add (i32.const 8) (i32.const 1))))
          (else (local.set $started (i32.add (local.get $started) (i32.const 1)))))
        (local.set $n (i32.sub (local.get $n) (i32.const 1)))
        (br $more))))
    (loop $wait
      (local.set $seen (i32.atomic.load (i32.const 0)))
      (if (i32.lt_u (local.get $seen) (local.get $started)) (then
        (drop (memory.atomic.wait32 (i32.const 0) (local.get $seen) (i64.const -1)))
        (br $wait))))
    (i32.atomic.load (i32.const 8))))
