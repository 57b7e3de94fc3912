;; limits.wat - a shared memory with its bounds, for types_test.c.
(module
  (memory (export "memory") 1 7 shared))
