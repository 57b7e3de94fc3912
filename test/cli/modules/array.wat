;; SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
;; array.wat - makes an array of that many bytes in the garbage-collected heap. wabt 1.0.32 does not know the type.
(module
  (type $bytes (array (mut i8)))
  (func (export "array") (param i32) (result i32) (array.len (array.new_default $bytes (local.get 0)))))
