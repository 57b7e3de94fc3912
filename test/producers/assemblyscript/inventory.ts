// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
/* inventory.ts - classes, maps, strings and closures-free callbacks on AssemblyScript's incremental runtime.
 * A host passes strings in through the module's own allocator (__new, __pin), which is exported. */

class Item {
  tags: Map<string, i32> = new Map<string, i32>();
  next: Item | null = null;
  constructor(public name: string, public amount: f64) {}
  get key(): string { return this.name.toLowerCase(); }
}

class Special extends Item {
  get key(): string { return "*" + super.key; }
}

const items = new Map<string, Item>();
let last: Item | null = null;

export function add(name: string, amount: f64): i32 {
  const item = amount < 0 ? new Special(name, -amount) : new Item(name, amount);
  for (let i = 0; i < name.length; i++) {
    const c = name.charAt(i);
    item.tags.set(c, (item.tags.has(c) ? item.tags.get(c) : 0) + 1);
  }
  item.next = last;
  last = item;
  items.set(item.key, item);
  return items.size;
}

export function report(): string {
  const keys = items.keys().sort();
  const parts = new Array<string>();
  for (let i = 0; i < keys.length; i++) {
    const item = items.get(keys[i]);
    parts.push(`${keys[i]}=${item.amount} (${item.tags.size})`);
  }
  return parts.join("; ");
}

/* Garbage for the collector: everything but the last of each is unreachable at once. */
export function churn(n: i32): i32 {
  let sum = 0;
  for (let i = 0; i < n; i++) {
    const list = new Array<string>();
    for (let j = 0; j < 10; j++) list.push((i * j).toString() + "/" + j.toString());
    sum += list.join(",").length;
  }
  return sum;
}

export function sum(values: Float64Array): f64 {
  return values.reduce((a, b) => a + b, 0.0);
}

export function fail(at: i32): i32 {
  return [1, 2, 3][at];
}
