// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// differ.js features     prints the proposals that this V8 knows, by the names of features.def
// differ.js wasi FILE    runs a program
// differ.js FILE...      runs generated modules and writes FILE.v8: what execute.h calls the terse form
'use strict';
const fs = require('fs');
const v8 = require('v8');
const { execFileSync } = require('child_process');

const known = execFileSync(process.execPath, ['--v8-options'], { encoding: 'latin1' });
for (const flag of ['gc', 'typed-funcref', 'exnref', 'legacy-eh', 'return-call', 'memory64', 'wide-arithmetic',
                    'custom-descriptors', 'custom-page-sizes'])
    for (const name of [`experimental-wasm-${flag}`, `wasm-${flag}`])
        if (new RegExp(`^  --${name} `, 'm').test(known)) v8.setFlagsFromString(`--${name}`);

// A module for each proposal that a V8 may lack; a body is [] -> [].
const body = (hex) => {
    const size = hex.length / 2 + 2;
    const two = (n) => n.toString(16).padStart(2, '0');
    return `01040160000003020100` + `0a${two(size + 2)}01${two(size)}00${hex}0b`;
};
const probes = {
    'simd': '0105016000017b', 'exception-handling': body('1f40000b'), 'legacy-exceptions': body('06400b'),
    // As finished: subtypes of subtypes, nullref, struct.new_default and ref.test by their last codes.
    'gc': '01130450005f005001005f004f01015f0060000171030201030a0d010b00fb0102fb14021ad0710b',
    'memory64': '0404017004000503010401', 'multi-memory': '05050200010001', 'custom-page-sizes': '050401080100',
    'wide-arithmetic': body('42014201fc151a1a'), 'tail-call': body('1200'),
    'function-references': '0106016001637000', 'custom-descriptors': '010a014e024d015f004c005f00',
    'threads': '050401030101', 'extended-const': '0609017f00410141016a0b',
};
if (process.argv[2] === 'features') {
    const names = ['sign-extension', 'nontrapping-float-to-int', 'multi-value', 'bulk-memory', 'reference-types',
                   'mutable-globals'];
    for (const [name, hex] of Object.entries(probes))
        if (WebAssembly.validate(Buffer.from('0061736d01000000' + hex, 'hex'))) names.push(name);
    console.log(names.join(' '));
    process.exit(0);
}

if (process.argv[2] === 'wasi') {
    const { WASI } = require('wasi');
    const wasi = new WASI({ version: 'preview1', args: ['program'], env: {} });
    const module = new WebAssembly.Module(fs.readFileSync(process.argv[3]));
    process.exit(wasi.start(new WebAssembly.Instance(module, wasi.getImportObject())));
}

const endings = [
    [/unreachable/, 'U'],
    [/out of bounds|unaligned|out-of-bounds|does not fit|index is out of/i, 'B'],
    [/divide by zero|remainder by zero/, 'Z'], [/unrepresentable/, 'F'],
    [/null function|signature mismatch/, 'S'],
    [/dereferencing a null pointer|null exnref|rethrow.*null|null reference/i, 'N'], [/illegal cast/, 'C'],
    [/too large|out of memory|allocation failed/i, 'memory'],
];
function ending(error) {
    if (error instanceof WebAssembly.Exception) return 'exception';
    if (error instanceof RangeError && /call stack/.test(error.message)) return 'trap stack';
    for (const [pattern, letter] of endings) if (pattern.test(error.message)) return `trap ${letter}`;
    return `trap ? ${error}`;
}

function hash(buffer) {
    const bytes = new Uint8Array(buffer);
    let h = 2166136261;
    for (let i = 0; i < bytes.length; i++) h = Math.imul(h ^ bytes[i], 16777619);
    return (h >>> 0).toString(16).padStart(8, '0');
}

const view = new DataView(new ArrayBuffer(8));
// JavaScript does not tell i32, f32 and f64 apart: the other side has written the types down, in FILE.types.
function show(value, type) {
    if (typeof value === 'bigint') return String(value);
    if (type === 'i32') return String(value);
    if (Number.isNaN(value)) return 'nan';
    if (type === 'f32') {
        view.setFloat32(0, value);
        return view.getUint32(0).toString(16);
    }
    view.setFloat64(0, value);
    return view.getBigUint64(0).toString(16);
}

// Of other generators' modules: functions that give nothing.
function importsOf(module) {
    const all = { h: ours.h };
    for (const { module: from, name, kind } of WebAssembly.Module.imports(module))
        if (kind === 'function' && from !== 'h') (all[from] = all[from] || {})[name] = () => undefined;
    return all;
}
const ours = { h: { f0: (x) => (Math.imul(x, 3) + 1) | 0, f1: () => {}, g0: 7 } };
for (const file of process.argv.slice(2)) {
    const out = [];
    try {
        const bytes = fs.readFileSync(file);
        let module, instance;
        try {
            module = new WebAssembly.Module(bytes);
        } catch (error) {
            out.push(`invalid: ${error.message}`);
        }
        try {
            if (module) instance = new WebAssembly.Instance(module, importsOf(module));
            if (module) out.push('instantiate: ok');
        } catch (error) {
            out.push(`instantiate: ${error instanceof WebAssembly.LinkError ? error.message : ending(error)}`);
        }
        if (instance) {
            const exported = Object.entries(instance.exports);
            const types = fs.existsSync(`${file}.types`)
                ? Object.fromEntries(fs.readFileSync(`${file}.types`, 'utf8').split('\n').map((l) => l.split(' '))) : {};
            for (const [name, value] of exported) {
                if (typeof value !== 'function' || name === 'hangLimitInitializer' || value.length > 0) continue;
                if (instance.exports.fuel) instance.exports.fuel.value = 200;
                if (instance.exports.hangLimitInitializer) instance.exports.hangLimitInitializer();
                try {
                    const given = value();
                    const told = types[name] === 'i32' || types[name] === 'i64' ? `${given} ` : '';
                    out.push(`${name}: ${told}ok`);
                } catch (error) {
                    out.push(`${name}: ${ending(error)}`);
                }
            }
            for (const [name, value] of exported)
                if (value instanceof WebAssembly.Memory)
                    out.push(`${name === 'memory' ? 'm0' : name}: ${value.buffer.byteLength} ${hash(value.buffer)}`);
            for (const [name, value] of exported)
                if (instance.exports.fuel && value instanceof WebAssembly.Table) out.push(`${name}: ${value.length}`);
            for (const [name, value] of exported)
                if (instance.exports.fuel && value instanceof WebAssembly.Global)
                    out.push(`${name}: ${show(value.value, types[name])}`);
        }
    } catch (error) {
        out.push(`driver: ${error.stack}`);
    }
    fs.writeFileSync(`${file}.v8`, out.join('\n') + '\n');
}
