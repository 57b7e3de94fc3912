// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//! No standard library and no operating system: exported functions only, with 128-bit and checked arithmetic.
#![no_std]
#![no_main]

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

#[no_mangle]
pub extern "C" fn modpow(mut base: u64, mut exponent: u64, modulus: u64) -> u64 {
    let mut result = 1u64 % modulus;
    base %= modulus;
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = (u128::from(result) * u128::from(base) % u128::from(modulus)) as u64;
        }
        base = (u128::from(base) * u128::from(base) % u128::from(modulus)) as u64;
        exponent >>= 1;
    }
    result
}

#[no_mangle]
pub extern "C" fn nth(n: usize) -> i32 {
    const PRIMES: [i32; 8] = [2, 3, 5, 7, 11, 13, 17, 19];
    PRIMES[n]
}

#[no_mangle]
pub extern "C" fn rounded(v: f64) -> i32 {
    (v + 0.5) as i32 - i32::from(v < 0.0)
}
