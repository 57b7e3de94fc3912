/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* guest.c - what runs inside. It knows nothing about its host; pointers are addresses in its own memory.
 *
 *   clang --target=wasm32 -O2 -nostdlib -Wl,--no-entry -Wl,--export=scale -Wl,-z,stack-size=4096 \
 *         -Wl,--strip-all -o guest.wasm guest.c
 */
float scale(float *v, int n, float k)
{
    float sum = 0;
    for (int i = 0; i < n; i++) sum += v[i] *= k;
    return sum;
}
