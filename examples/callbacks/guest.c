/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* guest.c - hands its functions out, and calls what it is given. In C a function pointer is an index into table 0,
 * which must be exported, and growable if the host is to add to it.
 *
 *   clang-22 --target=wasm32 --no-wasm-opt -O2 -nostdlib -Wl,--no-entry \
 *            -Wl,--export=start,--export=map,--export=total -Wl,--export-table,--growable-table \
 *            -Wl,-z,stack-size=4096 -Wl,--strip-all -o guest.wasm guest.c
 */
typedef void on_value(int *state, int value);

__attribute__((import_module("env"), import_name("subscribe"))) void subscribe(on_value *callback,
                                                                               int *state);

static int sum, largest;

static void add(int *state, int value) { *state += value; }
static void keep_largest(int *state, int value)
{
    if (value > *state) *state = value;
}

void start(void)
{
    subscribe(add, &sum);
    subscribe(keep_largest, &largest);
}

int total(void) { return sum * 1000 + largest; }

/* f may be anybody's. */
int map(int (*f)(int), int from, int to)
{
    int result = 0;
    for (int i = from; i < to; i++) result += f(i);
    return result;
}
