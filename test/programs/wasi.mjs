// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// wasi.mjs MODULE INPUTS WORK ARGS... - a program under node's WASI, which sees /inputs and /work. Functions it lacks fail
// when they are called.
import {readFileSync} from 'node:fs';
import {WASI} from 'node:wasi';

const [file, inputs, work, ...args] = process.argv.slice(2);
const module = await WebAssembly.compile(readFileSync(file));
const version = WebAssembly.Module.imports(module).some(i => i.module === 'wasi_unstable') ? 'unstable' : 'preview1';
const wasi = new WASI({version, args, env: process.env, preopens: {'/inputs': inputs, '/work': work},
                       returnOnExit: true});
const imports = wasi.getImportObject();
for (const {module: from, name, kind} of WebAssembly.Module.imports(module))
    if (kind === 'function' && !imports[from]?.[name])
        (imports[from] ??= {})[name] = () => { throw new Error(`missing import called: ${from}.${name}`); };
process.exitCode = wasi.start(await WebAssembly.instantiate(module, imports));
