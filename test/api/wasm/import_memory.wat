;; import_memory.wat - a memory that nobody provides.
(module (import "nobody" "it" (memory 1)))
