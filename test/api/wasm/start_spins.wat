;; start_spins.wat - a start function that tells the host, and does not end.
(module
  (import "env" "started" (func $started))
  (memory 1)
  (func $start (call $started) (loop $again (br $again)))
  (start $start))
