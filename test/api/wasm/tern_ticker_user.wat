;; tern_ticker_user.wat - another instance of tern_ticker's store.
(module
  (import "ticker" "start" (func $start))
  (func (export "nothing"))
  (func (export "start_and_spin") (call $start) (loop $again (br $again))))
