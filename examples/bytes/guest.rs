// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//! guest.rs - guest.c in Rust. On this target Rust's allocator is the C library's malloc, whose free the host calls.
//!
//!   rustc --target wasm32-wasip1 --crate-type cdylib -C opt-level=z -C lto=fat -C panic=abort -C strip=symbols \
//!         -C link-args="--export=malloc --export=free" -o guest-rust.wasm guest.rs
use std::mem::ManuallyDrop;

/// In the upper half where the bytes are, in the lower how many; the host frees them.
fn bytes(v: Vec<u8>) -> u64 {
    let v = ManuallyDrop::new(v);
    (v.as_ptr() as u64) << 32 | v.len() as u64
}

/// Every number becomes `<number>`. The input is the host's, for the call.
#[no_mangle]
pub unsafe extern "C" fn redact(line: *const u8, size: usize) -> u64 {
    let line = std::slice::from_raw_parts(line, size);
    let mut out = Vec::new();
    let mut was_digit = false;
    for &c in line {
        match (c.is_ascii_digit(), was_digit) {
            (true, false) => out.extend_from_slice(b"<number>"),
            (true, true) => {}
            (false, _) => out.push(c),
        }
        was_digit = c.is_ascii_digit();
    }
    bytes(out)
}
