;; import_global.wat - a global that nobody provides.
(module (import "nobody" "it" (global i32)))
