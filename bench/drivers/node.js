// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// node.js - bench/run's driver for node.
//
//   node [FLAGS] node.js FILE.wasm N COUNT   one line a call: ms of processor time, checksum
//
// Calls of a function that is still being compiled better in the background are slower, and that
// compiling is counted too: the caller takes the least of several.
'use strict';
const fs = require('fs');
const [file, n, count] = process.argv.slice(2);
const instance = new WebAssembly.Instance(new WebAssembly.Module(fs.readFileSync(file)), {});
for (let left = Number(count); left > 0; left--) {
  const start = process.cpuUsage();
  const sum = instance.exports.kernel(Number(n)) >>> 0;
  const used = process.cpuUsage(start);
  console.log(((used.user + used.system) / 1000).toFixed(4), sum);
}
