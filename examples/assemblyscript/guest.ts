// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
/* guest.ts - strings as AssemblyScript has them: objects of UTF-16. --exportRuntime lets the host make them.
 *
 *   asc guest.ts --exportRuntime -O2 -o guest.wasm
 */
@external("env", "say")
declare function say(text: string): void;

export function greet(name: string): string {
  if (name.length == 0) throw new Error("nobody to greet");
  say("composing");
  return `Hello ${name.toUpperCase()}`;
}
