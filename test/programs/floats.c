/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* floats.c - the edges of f32 and f64: every pair of special values through every operation,
 * conversions at their limits, rounding; as bits. Whether a NaN carries a sign is left open by
 * WebAssembly: it is "nan".
 *
 * run:
 * run: 1.5 -0.0 4.9e-324 1.7976931348623157e308 2.5 1e-45
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *bits64(double d)
{
    static char text[4][20];
    static int turn;
    turn = (turn + 1) % 4;
    uint64_t u;
    memcpy(&u, &d, sizeof u);
    if (isnan(d)) return "nan";
    snprintf(text[turn], sizeof text[turn], "%016" PRIx64, u);
    return text[turn];
}

static const char *bits32(float f)
{
    static char text[4][12];
    static int turn;
    turn = (turn + 1) % 4;
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    if (isnan(f)) return "nan";
    snprintf(text[turn], sizeof text[turn], "%08" PRIx32, u);
    return text[turn];
}

/* Values nobody can compute while compiling. */
static volatile double special[] = {0.0,
                                    -0.0,
                                    1.0,
                                    -1.0,
                                    0x1p-1074,
                                    -0x1p-1022,
                                    0x1.fffffffffffffp1023,
                                    0.5,
                                    1.0 / 3,
                                    4503599627370497.5,
                                    INFINITY,
                                    -INFINITY,
                                    NAN};
static volatile float special32[] = {
    0.0f, -0.0f,       1.0f,     -2.5f,     0x1p-149f, 0x1p-126f, 0x1.fffffep127f,
    0.1f, 16777217.0f, INFINITY, -INFINITY, NAN};
enum { N64 = sizeof special / sizeof special[0], N32 = sizeof special32 / sizeof special32[0] };

static void pairs(void)
{
    uint64_t sum = 0;
    for (int i = 0; i < N64; i++) {
        for (int j = 0; j < N64; j++) {
            double a = special[i], b = special[j];
            double results[] = {a + b, a - b, a * b, a / b, copysign(a, b)};
            for (int k = 0; k < 5; k++)
                for (const char *c = bits64(results[k]); *c != '\0'; c++)
                    sum = sum * 31 + (uint8_t)*c;
            sum = sum * 64 +
                  (uint64_t)((a < b) + 2 * (a <= b) + 4 * (a == b) + 8 * (a != b) + 16 * (a > b));
            if (i == j)
                printf("%s %s %s %s\n", bits64(a), bits64(a + b), bits64(a * b), bits64(a / b));
        }
    }
    for (int i = 0; i < N32; i++) {
        for (int j = 0; j < N32; j++) {
            float a = special32[i], b = special32[j];
            float results[] = {a + b, a - b, a * b, a / b, copysignf(a, b)};
            for (int k = 0; k < 5; k++)
                for (const char *c = bits32(results[k]); *c != '\0'; c++)
                    sum = sum * 31 + (uint8_t)*c;
            if (i == j)
                printf("%s %s %s %s\n", bits32(a), bits32(a + b), bits32(a * b), bits32(a / b));
        }
    }
    printf("pairs %016" PRIx64 "\n", sum);
}

static void rounding(double d)
{
    float f = (float)d;
    printf("%s: sqrt %s floor %s ceil %s ", bits64(d), bits64(sqrt(d)), bits64(floor(d)),
           bits64(ceil(d)));
    printf("trunc %s near %s abs %s ", bits64(trunc(d)), bits64(nearbyint(d)), bits64(fabs(d)));
    printf("f32 %s sqrt %s floor %s near %s\n", bits32(f), bits32(sqrtf(f)), bits32(floorf(f)),
           bits32(nearbyintf(f)));
}

static void conversions(void)
{
    static volatile int64_t integers[] = {0,        1, -1, INT64_MAX, INT64_MIN, 9007199254740993,
                                          -16777217};
    static volatile uint64_t naturals[] = {UINT64_MAX, 9223372036854776833u, 18446744073709549568u,
                                           16777217};
    for (int i = 0; i < 7; i++)
        printf("%s %s ", bits64((double)integers[i]), bits32((float)integers[i]));
    for (int i = 0; i < 4; i++)
        printf("%s %s ", bits64((double)naturals[i]), bits32((float)naturals[i]));
    /* Inside the target's range: outside it C leaves the result open. */
    static volatile double inside[] = {-0.99, 2147483647.9, -2147483648.9, 4294967295.5,
                                       0x1.fffffffffffffp62};
    printf("\n%d %d %d ", (int)(int32_t)inside[0], (int)(int32_t)inside[1],
           (int)(int32_t)inside[2]);
    printf("%u %" PRId64 " %" PRIu64 "\n", (unsigned)(uint32_t)inside[3], (int64_t)inside[4],
           (uint64_t)inside[4]);
}

/* Sums whose order and rounding show. */
static void sums(void)
{
    volatile double tenth = 0.1;
    double sum = 0, lost = 0, exact = 0, harmonic = 0;
    float single = 0;
    for (int i = 1; i <= 10000; i++) {
        sum += tenth;
        single += (float)tenth;
        harmonic += 1.0 / i;
        double y = tenth - lost, t = exact + y; /* Kahan */
        lost = t - exact - y;
        exact = t;
    }
    printf("%s %s %s %s %.17g\n", bits64(sum), bits64(exact), bits32(single), bits64(harmonic),
           harmonic);
}

int main(int argc, char **argv)
{
    pairs();
    for (int i = 0; i < N64; i++) rounding(special[i]);
    for (int i = 1; i < argc; i++) rounding(strtod(argv[i], NULL));
    conversions();
    sums();
    return 0;
}
