// A trap in Rust: its frames have names in Rust's manglings, generic arguments and closures in them. Made with
// debug information by build-source.
#![no_std]

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}

pub trait Shape {
    fn area(&self) -> i32;
}

pub struct Rows<T> {
    pub rows: T,
}

impl<T: Copy + Into<i64>> Shape for Rows<T> {
    #[inline(never)]
    fn area(&self) -> i32 {
        let each = |n: i64| share(1000, n) as i32;
        each(self.rows.into())
    }
}

#[inline(always)]
fn quotient(total: i64, people: i64) -> i64 {
    if people == 0 {
        core::arch::wasm32::unreachable();
    }
    total / people
}

#[inline(never)]
fn share(total: i64, people: i64) -> i64 {
    quotient(total, people) + 1
}

#[no_mangle]
pub extern "C" fn run(rows: i32) -> i32 {
    Rows { rows }.area()
}
