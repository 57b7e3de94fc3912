/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* replay.c - main() of a target built without libFuzzer.
 *
 *   TARGET FILE...         runs each file, or each file of a folder
 *   TARGET -random N SEED  runs N random inputs of up to 4096 bytes
 *   TARGET -damage N FILE  runs FILE N times, each time with a few of its bytes changed
 *
 * A failing input ends the program, as everywhere; its name was printed before. The last line counts.
 */
#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

#include "fuzz.h"


static u32 nruns;

static void run_file(const char *path)
{
    size_t size;
    u8 *bytes = fuzz_read_file(path, &size);
    if (bytes == NULL) return;
    LLVMFuzzerTestOneInput(bytes, size);
    nruns++;
    free(bytes);
}

static void run_path(const char *path)
{
    DIR *dir = opendir(path);
    if (dir == NULL) {
        run_file(path);
        return;
    }
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        char name[1024];
        if (entry->d_name[0] == '.') continue;
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        run_file(name);
    }
    closedir(dir);
}


static void run_random(u32 n, u64 seed)
{
    static u8 data[4096];
    for (u32 i = 0; i < n; i++) {
        u64 state = seed + i;
        fuzz_random(&state);
        size_t size = fuzz_random(&state) % sizeof data;
        for (size_t j = 0; j < size; j++) data[j] = (u8)fuzz_random(&state);
        const char *keep = getenv("FUZZ_INPUT"); /* so that what ends the program can be had again */
        if (keep != NULL) fuzz_write_file(keep, data, size);
        LLVMFuzzerTestOneInput(data, size);
        nruns++;
    }
}

static void run_damaged(u32 n, const char *path)
{
    size_t size;
    u8 *bytes = fuzz_read_file(path, &size);
    if (bytes == NULL || size < 2) fuzz_fail("%s cannot be read", path);
    u8 *copy = malloc(size);
    if (copy == NULL) abort();
    u64 state = size;
    for (u32 i = 0; i < n; i++) {
        memcpy(copy, bytes, size);
        for (u32 j = 1 + fuzz_random(&state) % 4; j > 0; j--) {
            size_t at = 1 + fuzz_random(&state) % (size - 1);
            copy[at] = fuzz_random(&state) % 2 == 0 ? (u8)fuzz_random(&state) : (u8)(0xff * (fuzz_random(&state) & 1));
        }
        const char *keep = getenv("FUZZ_INPUT");
        if (keep != NULL) fuzz_write_file(keep, copy, size);
        LLVMFuzzerTestOneInput(copy, size);
        nruns++;
    }
    free(copy);
    free(bytes);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-random") == 0 && i + 2 < argc) {
            run_random((u32)strtoul(argv[i + 1], NULL, 0), strtoull(argv[i + 2], NULL, 0));
            i += 2;
        } else if (strcmp(argv[i], "-damage") == 0 && i + 2 < argc) {
            run_damaged((u32)strtoul(argv[i + 1], NULL, 0), argv[i + 2]);
            i += 2;
        } else {
            run_path(argv[i]);
        }
    }
    printf("%u passed, 0 failed\n", (unsigned)nruns);
    return 0;
}
