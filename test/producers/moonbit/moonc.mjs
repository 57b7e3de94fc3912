/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* moonc.mjs SOURCE OUTPUT EXPORTS - MoonBit's compiler, as npm has it (a browser's worker), compiling one file
 * and the parts of MoonBit's core library that its prelude needs for WebAssembly GC.
 *
 * NPM: the node_modules folder with @moonbit/moonc-worker. MOONBIT_CORE: the core library's sources. */
import fs from "node:fs";
import vm from "node:vm";
import { createRequire } from "node:module";

const TARGET = "wasm-gc";
const CORE = process.env.MOONBIT_CORE;
const MODULE = "moonbitlang/core";
const BUNDLE = `/lib/core/_build/${TARGET}/release/bundle`;

/* The worker talks Comlink: one message in, one out. */
let handler, answer;
globalThis.require = createRequire(import.meta.url);
globalThis.self = globalThis;
globalThis.addEventListener = (type, h) => { if (type === "message") handler = h; };
globalThis.postMessage = (message) => answer(message);
vm.runInThisContext(fs.readFileSync(`${process.env.NPM}/@moonbit/moonc-worker/moonc-worker.js`, "utf8"));

function compiler(name, argument) {
  return new Promise((resolve, reject) => {
    answer = (m) => (m.type === "RAW" ? resolve(m.value) : reject(m.value?.value ?? m));
    const argumentList = [{ type: "RAW", value: argument }];
    handler({ data: { id: "1", type: "APPLY", path: [name], argumentList }, origin: "", target: globalThis });
  });
}

/* What moon.pkg says: imports of the package itself (not of its tests), and which files are for which target. */
function packageInfo(name) {
  const path = `${CORE}/${name}/moon.pkg`;
  const text = fs.existsSync(path) ? fs.readFileSync(path, "utf8") : "";
  const imports = [], targets = {};
  for (const block of text.matchAll(/import\s*\{([^}]*)\}(\s*for)?/g)) {
    if (block[2]) continue;
    for (const [, full, alias] of block[1].matchAll(/"([^"]+)"(?:\s*@([\w\/]+))?/g))
      imports.push([full.replace(`${MODULE}/`, ""), alias ?? full.split("/").pop()]);
  }
  for (const [, file, list] of (text.match(/targets:\s*\{([\s\S]*?)\}/)?.[1] ?? "").matchAll(/"([^"]+)":\s*\[([^\]]*)\]/g))
    targets[file] = [...list.matchAll(/"([^"]+)"/g)].map((m) => m[1]);
  return { imports, targets };
}

function isForTarget(conditions) {
  if (!conditions) return true;
  const hit = conditions.some((c) => c === TARGET || c === "release");
  return conditions[0] === "not" ? !hit : hit;
}

const interfaces = new Map(), cores = new Map();
const interfacePath = (name) => `${BUNDLE}/${name}/${name.split("/").pop()}.mi`;

async function build(name, files, full = `${MODULE}/${name}`) {
  if (cores.has(name)) return;
  const { imports, targets } = packageInfo(name);
  for (const [dependency] of imports) await build(dependency);
  /* Types of indirect imports are looked up too: under their full name, every package so far is a direct one. */
  for (const other of interfaces.keys())
    if (!imports.some(([d]) => d === other)) imports.push([other, other]);
  const folder = `${CORE}/${name}`;
  files ??= fs.readdirSync(folder)
    .filter((f) => f.endsWith(".mbt") && !/_(wb)?test\.mbt$/.test(f) && isForTarget(targets[f]))
    .map((f) => [f, fs.readFileSync(`${folder}/${f}`, "utf8")]);
  const isMain = full !== `${MODULE}/${name}`;
  const built = await compiler("buildPackage", {
    mbtFiles: files,
    miFiles: imports.map(([d, alias]) => [`${interfacePath(d)}:${alias}`, interfaces.get(d)]),
    indirectImportMiFiles: [],
    stdMiFiles: isMain ? [...interfaces].map(([d, mi]) => [interfacePath(d), mi]) : [],
    target: TARGET, pkg: full, pkgSources: [`${MODULE}:${CORE}`, `${full}:${folder}`], isMain,
    errorFormat: "human", enableValueTracing: false, noOpt: false,
  });
  if (!built.core) throw new Error(`${name}: ${built.diagnostics.join("")}`);
  interfaces.set(name, built.mi);
  cores.set(name, built.core);
}

const [, , source, output, exported] = process.argv;
await build("prelude");
await build("main", [["main.mbt", fs.readFileSync(source, "utf8")]], "tern/main");
const linked = await compiler("linkCore", {
  coreFiles: [...cores.values()], main: "tern/main", pkgSources: ["tern/main:/", `${MODULE}:${CORE}`],
  target: TARGET, exportedFunctions: exported.split(","), outputFormat: "wasm", testMode: false, debug: false,
  noOpt: false, sourceMap: false, sources: {}, stopOnMain: false,
});
fs.writeFileSync(output, linked.result);
