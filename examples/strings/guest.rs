// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//! guest.rs - guest.c in Rust: the same exports and imports, so the same host runs both. Strings cross as C
//! strings, in memory of the C library's that Rust's standard library is built on; exporting its malloc and free
//! takes two link arguments.
//!
//!   rustc --target wasm32-wasip1 --crate-type cdylib -C opt-level=z -C lto=fat -C panic=abort -C strip=symbols \
//!         -C link-args="--export=malloc --export=free" -o guest-rust.wasm guest.rs
use std::ffi::{c_char, CStr};

#[link(wasm_import_module = "env")]
extern "C" {
    fn say(text: *const c_char);
    fn setting(key: *const c_char, value: *mut u8, capacity: i32) -> i32;
}

extern "C" {
    fn malloc(size: usize) -> *mut u8;
}

/// The bytes and a NUL, for the host to free.
fn to_host(text: &str) -> *mut u8 {
    let p = unsafe { malloc(text.len() + 1) };
    if !p.is_null() {
        unsafe {
            std::ptr::copy_nonoverlapping(text.as_ptr(), p, text.len());
            p.add(text.len()).write(0);
        }
    }
    p
}

#[no_mangle]
pub unsafe extern "C" fn greet(name: *const c_char) -> *mut u8 {
    let name = CStr::from_ptr(name).to_string_lossy();
    let mut word = [0u8; 16];
    let n = setting(c"greeting".as_ptr(), word.as_mut_ptr(), word.len() as i32);
    let word = if n < 0 { "Hello".into() } else { String::from_utf8_lossy(&word[..n as usize]) };
    say(c"composing, in Rust".as_ptr());
    to_host(&format!("{word} {name}"))
}
