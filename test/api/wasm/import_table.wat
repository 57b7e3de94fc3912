;; import_table.wat - a table that nobody provides.
(module (import "nobody" "it" (table 1 funcref)))
