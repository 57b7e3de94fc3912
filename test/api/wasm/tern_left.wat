;; tern_left.wat - leaves a function in a table of another before its instantiation fails.
(module
  (import "owner" "table" (table 4 funcref))
  (import "env" "look" (func $look (result i32)))
  (memory 1)
  (func $start (unreachable))
  (start $start)
  (func $left (result i32) (call $look))
  (elem (i32.const 0) $left)
  (data (i32.const 0) "left")
  (data (i32.const 65535) "too long"))
