;; user.wat - uses another module's function, memory and global.
(module
  (import "library" "bump" (func $bump (result i32)))
  (import "library" "fail" (func $fail))
  (import "library" "count" (global $count (mut i32)))
  (import "library" "memory" (memory 1))
  (func (export "twice") (result i32) (drop (call $bump)) (call $bump))
  (func (export "count") (result i32) (global.get $count))
  (func (export "fail") (call $fail)))
