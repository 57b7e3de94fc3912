// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// objects.js N: prototypes, closures, arrays, strings and regular expressions in an interpreter of JavaScript.
function Node(depth) { this.value = depth; if (depth > 0) { this.left = new Node(depth - 1); this.right = new Node(depth - 1); } }
Node.prototype.sum = function () { return this.value + (this.left ? this.left.sum() + this.right.sum() : 0); };
var total = 0, n = parseInt(scriptArgs[0]);
for (var i = 0; i < n; i++) {
    total += new Node(10).sum();
    var words = "the quick brown fox jumps over the lazy dog".split(" "), out = [];
    for (var k = 0; k < 300; k++) out.push(words[k % 9] + k);
    total += out.sort().join(",").replace(/o(\w)/g, "$1o").length;
    var sieve = [];
    for (var p = 2; p < 3000; p++) if (!sieve[p]) for (var q = p * 2; q < 3000; q += p) sieve[q] = 1;
    total += sieve.length;
}
print(total);
