;; SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
;; start_spin.wat - a start function that never ends.
(module
  (func $spin (loop (br 0)))
  (start $spin)
  (func (export "_start")))
