;; SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
;; wrong_wasi.wat - imports a WASI function with a type it does not have.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func (param i64) (result i32)))
  (func (export "_start")))
