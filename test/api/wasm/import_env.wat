;; import_env.wat - a memory and a table from a built-in module name are made for the guest.
(module
  (import "env" "memory" (memory 1))
  (import "env" "table" (table 2 funcref))
  (import "global" "NaN" (global $nan f64))
  (func (export "nan") (result f64) (global.get $nan))
  (func (export "pages") (result i32) (memory.size)))
