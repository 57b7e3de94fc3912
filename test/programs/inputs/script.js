// JavaScript that three interpreters run: objects, closures, regular expressions, dates without a zone, errors.
function Shape(name) { this.name = name; }
Shape.prototype.area = function () { return 0; };
function Disc(r) { Shape.call(this, "disc"); this.r = r; }
Disc.prototype = Object.create(Shape.prototype);
Disc.prototype.area = function () { return Math.round(Math.PI * this.r * this.r * 1000) / 1000; };
print(new Disc(2).name, new Disc(2).area(), new Disc(3) instanceof Shape);

function fib(n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
print(fib(17));

var words = "the quick brown fox jumps over the lazy dog the end".split(/\s+/), seen = {};
words.forEach(function (w) { seen[w] = (seen[w] || 0) + 1; });
print(Object.keys(seen).sort().map(function (w) { return w + ":" + seen[w]; }).join(","));

print(JSON.stringify({ a: [1, 2.5, -3e21, null, true], "b\n": "\u00e9\ud83d\ude00" }));
print(JSON.stringify(JSON.parse('{"x":{"y":[1,2,{"z":"\\u0041"}]}}'), null, 1));
print("2026-11-22".replace(/(\d+)-(\d+)-(\d+)/, "$3.$2.$1"), /^(a+)+b$/.test("aaaaaaaaaaab"));
print(new Date(86400000 * 365.25 * 30).toISOString());
print([5, 1, 10, 2].sort(), [5, 1, 10, 2].sort(function (a, b) { return a - b; }));
print(0.1 + 0.2, 1 / 3, 1e300 * 1e10, -0 === 0, (123.456).toFixed(1), (255).toString(16), parseInt("0x1f"));
try { null.x; } catch (e) { print(e instanceof TypeError); }
try { throw new Error("own"); } catch (e) { print(e.message); } finally { print("finally"); }
var sieve = [], primes = [];
for (var i = 2; i < 3000; i++) {
    if (sieve[i]) continue;
    primes.push(i);
    for (var j = i * i; j < 3000; j += i) sieve[j] = true;
}
print(primes.length, primes[primes.length - 1]);
var deep = 0;
function down() { deep++; down(); }
try { down(); } catch (e) { print("too deep", deep > 100); }
