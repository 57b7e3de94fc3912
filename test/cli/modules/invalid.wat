;; SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
;; invalid.wat - well formed, but its function leaves nothing where an i32 is due. Assembled with --no-check.
(module (func (result i32)))
