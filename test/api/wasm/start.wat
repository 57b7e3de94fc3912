;; start.wat - a start function that calls the host, then traps.
(module
  (import "env" "started" (func $started))
  (memory 1)
  (func $start (call $started) (unreachable))
  (start $start))
