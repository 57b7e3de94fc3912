// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//! Rust's standard library at work: maps, strings, trait objects, iterators, formatting, reading standard
//! input, unwinding out of a panic where it is built so, and a panic as the last word.
use std::collections::{BTreeMap, BinaryHeap, HashMap, HashSet, VecDeque};
use std::fmt;
use std::io::{self, BufRead};
use std::rc::Rc;

trait Shape {
    fn area(&self) -> f64;
    fn name(&self) -> String {
        String::from("shape")
    }
}
struct Circle(f64);
struct Rectangle {
    width: f64,
    height: f64,
}
impl Shape for Circle {
    fn area(&self) -> f64 {
        3.25 * self.0 * self.0
    }
    fn name(&self) -> String {
        "circle".into()
    }
}
impl Shape for Rectangle {
    fn area(&self) -> f64 {
        self.width * self.height
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Number(i64),
    Operator(char),
}

#[derive(Debug)]
enum ParseError {
    Unexpected(char, usize),
    Overflow(std::num::ParseIntError),
}
impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ParseError::Unexpected(c, at) => write!(f, "unexpected {c:?} at {at}"),
            ParseError::Overflow(why) => write!(f, "{why}"),
        }
    }
}
impl From<std::num::ParseIntError> for ParseError {
    fn from(why: std::num::ParseIntError) -> Self {
        ParseError::Overflow(why)
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, ParseError> {
    let mut found = Vec::new();
    let mut rest = text.char_indices().peekable();
    while let Some((at, c)) = rest.next() {
        match c {
            '0'..='9' => {
                let mut digits = String::from(c);
                while let Some((_, d)) = rest.next_if(|(_, d)| d.is_ascii_digit()) {
                    digits.push(d);
                }
                found.push(Token::Number(digits.parse()?));
            }
            '+' | '-' => found.push(Token::Operator(c)),
            c if c.is_whitespace() => {}
            c => return Err(ParseError::Unexpected(c, at)),
        }
    }
    Ok(found)
}

struct Guard<'a>(&'a std::cell::Cell<u32>);
impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

fn main() {
    let shapes: Vec<Rc<dyn Shape>> = vec![Rc::new(Circle(2.0)), Rc::new(Rectangle { width: 3.0, height: 0.5 })];
    for shape in &shapes {
        println!("{:>8} {:.3}", shape.name(), shape.area());
    }
    let mut words: HashMap<String, usize> = HashMap::new();
    for line in io::stdin().lock().lines().map_while(Result::ok) {
        for word in line.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty()) {
            *words.entry(word.to_ascii_lowercase()).or_default() += 1;
        }
    }
    let sorted: BTreeMap<_, _> = words.iter().filter(|(_, n)| **n > 1).collect();
    println!("{sorted:?}");
    let mut seen = HashSet::new();
    let mut heap = BinaryHeap::new();
    let mut line = VecDeque::new();
    let mut x: u64 = 88172645463325252;
    for i in 0..1000u64 {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        seen.insert(x % 512);
        heap.push((x % 10007, i));
        if i % 3 == 0 { line.push_front(x as u8) } else { line.push_back(x as u8) }
    }
    let top: Vec<_> = std::iter::from_fn(|| heap.pop()).take(3).collect();
    println!("{} {:?} {:?}", seen.len(), top, line.iter().map(|b| *b as u32).sum::<u32>());
    for text in ["1 + 22 - 333", "7 * 8", "99999999999999999999", "é"] {
        match tokens(text) {
            Ok(found) => println!("{found:?}"),
            Err(why) => println!("error: {why}"),
        }
    }
    let text: String = "Grüße, Jürgen".chars().rev().map(|c| c.to_ascii_uppercase()).collect();
    println!("{text} {} {:?}", text.len(), text.char_indices().nth(5));
    println!("{:#x} {:08.3}", u128::MAX, -2.5);
    let drops = std::cell::Cell::new(0);
    if std::env::args().any(|a| a == "catch") {
        std::panic::set_hook(Box::new(|_| {}));
        for i in 0..4 {
            let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                let _guard = Guard(&drops);
                let values = vec![1, 2, 3];
                values[i] * 10
            }));
            println!("{i}: {:?}", caught.map_err(|why| why.downcast_ref::<String>().cloned()));
        }
        println!("{} dropped", drops.get());
        std::process::exit(7);
    }
    let _guard = Guard(&drops);
    let none: Option<u32> = top.into_iter().map(|(n, _)| n as u32).find(|n| *n == 10_007);
    println!("{}", none.expect("there is none"));
}
