# Python: comprehensions, classes, generators, exceptions, big numbers, decimal-free floats, regular expressions.
import sys
print(sys.version_info[:2], 2 ** 200, 10 // -3, 10 % -3, 0.1 + 0.2, 1e300 * 1e10)
class Shape:
    def __init__(self, r): self.r = r
    def __repr__(self): return f"Shape({self.r!r:>5})"
    def __lt__(self, other): return self.r < other.r
print(sorted([Shape(3), Shape(1), Shape(2)]))
def gen(n):
    for i in range(n):
        got = yield i * i
        if got: yield got
g = gen(5)
print(next(g), next(g), g.send("x"), list(g))
print({w: len(w) for w in "the quick brown fox".split()}, {i % 3 for i in range(10)})
def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)
print(fib(17), sum(i * i for i in range(10000)), "é€😀".encode(), b"\xff".hex())
try:
    [][1]
except IndexError as e:
    print(type(e).__name__, e)
try:
    def deep(): return deep()
    deep()
except RecursionError as e:
    print("too deep")
print("%08.3f|%-5s|%x" % (3.14159, "ab", 255), "{:,}".format(1234567), [*range(3)], (lambda *a, **k: (a, k))(1, b=2))
import math, itertools
print(math.factorial(25), math.sqrt(2), list(itertools.permutations("abc", 2))[:3])
match (1, [2, 3]):
    case (a, [b, *rest]): print(a, b, rest)
sys.exit(4)
