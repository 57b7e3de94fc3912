/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* guest.c - works on an array of structs of the host's, and hands it one of its own with a pointer in it.
 *
 *   clang-22 --target=wasm32 --no-wasm-opt -O2 -nostdlib -Wl,--no-entry -Wl,--export=summarise \
 *            -Wl,-z,stack-size=16384 -Wl,--strip-all -o guest.wasm guest.c
 */
#include <stdint.h>

struct reading { /* host.c has the same, field by field */
    int64_t time;
    int32_t sensor;
    float celsius;
};

struct report {
    int32_t count;
    float lowest, highest;
    const char *comment; /* 4 bytes in here */
};

__attribute__((import_module("env"), import_name("publish"))) void publish(
    const struct report *report, uint32_t size);

void summarise(struct reading *readings, int32_t n)
{
    struct report report = {0, 0, 0, "all is well"};
    for (int32_t i = 0; i < n; i++) {
        struct reading *r = &readings[i];
        if (r->celsius < -273.15f) r->sensor = -1; /* broken; the host sees this */
        if (r->sensor < 0) continue;
        if (report.count == 0 || r->celsius < report.lowest) report.lowest = r->celsius;
        if (report.count == 0 || r->celsius > report.highest) report.highest = r->celsius;
        report.count++;
    }
    if (report.count < n) report.comment = "a sensor is broken";
    publish(&report, sizeof report);
}
