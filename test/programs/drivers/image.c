/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* image.c - a picture is computed, written as PNG and JPEG, read back and made smaller, by lodepng or by stb. */
#include "driver.h"

enum { WIDTH = 257, HEIGHT = 131 };
static unsigned char pixels[WIDTH * HEIGHT * 3];

static void paint(void)
{
    uint32_t seed = 1;
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            unsigned char *p = pixels + (y * WIDTH + x) * 3;
            seed = seed * 1664525 + 1013904223;
            p[0] = (unsigned char)(x ^ y);
            p[1] = (unsigned char)(x * y / 64);
            p[2] = (unsigned char)((x - 128) * (x - 128) + (y - 64) * (y - 64) < 3000 ? 200 + (seed >> 28) : seed >> 30);
        }
}

static void say(const char *what, const void *bytes, size_t size)
{
    printf("%s: %zu bytes, %016llx\n", what, size, (unsigned long long)driver_hash(DRIVER_HASH_START, bytes, size));
}

#if defined USE_LODEPNG
#include "lodepng.h"

static int work(int is_last)
{
    unsigned char *png = NULL, *back = NULL;
    size_t size = 0;
    unsigned w, h, error = lodepng_encode24(&png, &size, pixels, WIDTH, HEIGHT);
    if (error == 0) error = lodepng_decode24(&back, &w, &h, png, size);
    if (error != 0) return puts(lodepng_error_text(error)), 1;
    if (w != WIDTH || h != HEIGHT || memcmp(back, pixels, sizeof pixels) != 0) return puts("WRONG"), 1;
    if (is_last) say("png", png, size);
    free(png);
    free(back);
    return 0;
}
#else
#define STBI_NO_SIMD
#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_RESIZE_IMPLEMENTATION
#include "stb_image.h"
#include "stb_image_resize.h"
#include "stb_image_write.h"

static unsigned char file[1 << 20];
static size_t file_size;
static void keep(void *context, void *bytes, int size)
{
    (void)context;
    if (file_size + (size_t)size > sizeof file) exit(9);
    memcpy(file + file_size, bytes, (size_t)size);
    file_size += (size_t)size;
}

static int work(int is_last)
{
    int w, h, n;
    file_size = 0;
    if (!stbi_write_png_to_func(keep, NULL, WIDTH, HEIGHT, 3, pixels, WIDTH * 3)) return 1;
    if (is_last) say("png", file, file_size);
    unsigned char *back = stbi_load_from_memory(file, (int)file_size, &w, &h, &n, 3);
    if (back == NULL || memcmp(back, pixels, sizeof pixels) != 0) return puts("WRONG"), 1;
    free(back);
    file_size = 0;
    if (!stbi_write_jpg_to_func(keep, NULL, WIDTH, HEIGHT, 3, pixels, 80)) return 1;
    if (is_last) say("jpeg", file, file_size);
    back = stbi_load_from_memory(file, (int)file_size, &w, &h, &n, 3);
    if (back == NULL) return puts("WRONG"), 1;
    if (is_last) say("jpeg's pixels", back, (size_t)(w * h * 3));
    unsigned char small[100 * 50 * 3];
    stbir_resize_uint8(back, w, h, 0, small, 100, 50, 0, 3);
    if (is_last) say("smaller", small, sizeof small);
    free(back);
    return 0;
}
#endif

int main(int argc, char **argv)
{
    paint();
    for (int round = driver_rounds(argc, argv); round > 0; round--)
        if (work(round == 1) != 0) return 1;
    return 0;
}
