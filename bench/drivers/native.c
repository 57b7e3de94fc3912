/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* native.c - bench/run's driver for a kernel compiled for this machine: native, or by way of
 * wasm2c.
 *
 *   native N COUNT      one line a call: milliseconds of processor time, checksum
 *
 * With -DBENCH_WASM2C the kernel is the output of wabt 1.0.32's wasm2c, module name "kernel".
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#ifdef BENCH_WASM2C
#include "kernel_wasm2c.h"
static Z_kernel_instance_t instance;
static uint32_t run(uint32_t n) { return Z_kernelZ_kernel(&instance, n); }
#else
#include "kernel.h"
static uint32_t run(uint32_t n) { return kernel(n); }
#endif

static double cpu_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

int main(int argc, char **argv)
{
    if (argc != 3) return 2;
    uint32_t n = (uint32_t)strtoul(argv[1], NULL, 10);
#ifdef BENCH_WASM2C
    wasm_rt_init();
    Z_kernel_init_module();
    Z_kernel_instantiate(&instance);
#endif
    for (int left = atoi(argv[2]); left > 0; left--) {
        double start = cpu_ms();
        uint32_t sum = run(n);
        printf("%.4f %" PRIu32 "\n", cpu_ms() - start, sum);
    }
    return 0;
}
