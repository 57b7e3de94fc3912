// JavaScript of today: classes, generators, promises, big integers, destructuring, maps, tagged templates.
class Shape { #r; constructor(r) { this.#r = r; } get area() { return Math.PI * this.#r ** 2; } static of(...a) { return a.map(r => new Shape(r)); } }
console.log(Shape.of(1, 2, 3).map(s => s.area.toFixed(3)).join(" "));
function* squares(n) { for (let i = 0; i < n; i++) yield i * i; }
console.log([...squares(6)], 2n ** 100n, (-7n) / 2n);
const {a, b: [c, ...d], ...rest} = {a: 1, b: [2, 3, 4], e: 5, f: 6};
console.log(a, c, d.length, JSON.stringify(rest), null ?? "none", rest?.e, rest.x?.y);
const m = new Map([["x", 1], ["y", 2]]), s = new Set([3, 3, 4]);
console.log([...m].flat().join(), s.size, "x".padStart(3, "ab"), `${1 + 1}`.slice(-1));
const wait = async n => { await null; return n * 2; };
Promise.all([wait(1), wait(2)]).then(v => console.log("later", v.join()));
console.log([3, 1, 2].sort().reverse(), Object.entries({p: 1, q: 2}).toString(), "2026-11-22".match(/(?<y>\d+)-(?<m>\d+)/).groups.m);
let total = 0; for (let i = 0; i < 100000; i++) total = (total * 31 + i) % 1000003;
console.log(total, typeof Symbol.iterator, [1, [2, [3]]].flat(Infinity).length);
try { undefinedName; } catch ({name, message}) { console.log(name, message); }
