// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// v8.js CASES RESULTS - runs what `oracle write` wrote in node's own engine. RESULTS: the version (a byte of
// length, text), then each row: 0 if this V8 cannot run it, else 1 and for each case how it ended (0 or a
// letter, see class_of_trap in oracle.c) and the memory behind the operands. Rows that cannot be run are told
// on standard output.
'use strict';
const fs = require('fs');
const v8 = require('v8');
const { execFileSync } = require('child_process');

// Proposals that this V8 knows under a flag.
const known = execFileSync(process.execPath, ['--v8-options'], { encoding: 'latin1' });
for (const flag of ['gc', 'typed-funcref', 'exnref', 'return-call', 'memory64', 'wide-arithmetic'])
    for (const name of [`experimental-wasm-${flag}`, `wasm-${flag}`])
        if (new RegExp(`^  --${name} `, 'm').test(known)) v8.setFlagsFromString(`--${name}`);

const endings = [
    [/unreachable/, 'U'], [/memory access out of bounds|data segment.* out of bounds/, 'M'],
    [/divide by zero|remainder by zero/, 'Z'], [/divide result unrepresentable/, 'O'],
    [/float unrepresentable/, 'F'], [/unaligned access/, 'A'],
    [/table index is out of bounds|table access out of bounds|table or element|element segment/, 'T'],
    [/null function or function signature mismatch|signature mismatch/, 'S'],
    [/dereferencing a null pointer|null exnref|rethrow.*null/i, 'N'], [/illegal cast/, 'C'],
    [/array element access out of bounds|array index is out of bounds|array access out of bounds/, 'R'],
];
function ending(error) {
    if (WebAssembly.Exception && error instanceof WebAssembly.Exception) return 'X';
    for (const [pattern, letter] of endings) if (pattern.test(error.message)) return letter;
    process.stderr.write(`v8.js: an ending nobody knows: ${error}\n`);
    return '?';
}

const input = fs.readFileSync(process.argv[2]);
let at = 0;
const u32 = () => { at += 4; return input.readUInt32LE(at - 4); };
const take = (n) => { at += n; return input.subarray(at - n, at); };
const outAt = u32(), lowBytes = u32(), tailAt = u32(), tailBytes = u32();
const seenBytes = lowBytes - outAt + tailBytes, imageBytes = lowBytes + tailBytes;
const version = Buffer.from(process.versions.v8);
const output = [Buffer.from([version.length]), version];

while (at < input.length) {
    const name = take(u32()).toString(), bytes = take(u32()), nvariants = u32(), ncases = u32();
    let exported;
    try {
        exported = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
    } catch (error) {
        console.log(`${name}: ${error.message}`);
        take(ncases * (4 + imageBytes));
        output.push(Buffer.from([0]));
        continue;
    }
    const funcs = Array.from({ length: nvariants }, (_, i) => exported[i]);
    const results = Buffer.alloc(1 + ncases * (1 + seenBytes));
    results[0] = 1;
    let memory = new Uint8Array(exported.m.buffer);
    for (let i = 0, to = 1; i < ncases; i++, to += 1 + seenBytes) {
        const func = funcs[u32()], image = take(imageBytes);
        if (memory.length === 0) memory = new Uint8Array(exported.m.buffer);
        memory.fill(0, lowBytes, 512);
        memory.fill(0, 65536 - 512, 65536);
        memory.set(image.subarray(0, lowBytes));
        memory.set(image.subarray(lowBytes), tailAt);
        try {
            func();
        } catch (error) {
            results[to] = ending(error).charCodeAt(0);
        }
        if (memory.length === 0) memory = new Uint8Array(exported.m.buffer);
        results.set(memory.subarray(outAt, lowBytes), to + 1);
        results.set(memory.subarray(tailAt, tailAt + tailBytes), to + 1 + lowBytes - outAt);
    }
    output.push(results);
}
fs.writeFileSync(process.argv[3], Buffer.concat(output));
