/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* guest.c - asks its host to say something.
 *
 *   clang --target=wasm32 -O2 -nostdlib -Wl,--no-entry -Wl,--export=hello -Wl,-z,stack-size=4096 \
 *         -Wl,--strip-all -o guest.wasm guest.c
 */
__attribute__((import_module("env"), import_name("say"))) void say(const char *text);

void hello(void)
{
    say("hello from the guest");
}
