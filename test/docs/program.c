/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* program.c - a WASI program for the snippets of docs/: says what it was given, and ends with a code.
 *
 *   clang-22 --target=wasm32-wasi --no-wasm-opt --sysroot=/usr -O2 -Wl,--strip-all -o program.wasm \
 *            program.c
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void say(const char *text) { (void)!write(1, text, strlen(text)); }

int main(int argc, char **argv)
{
    for (int i = 0; i < argc; i++) say(argv[i]), say(i + 1 < argc ? " " : "\n");
    const char *place = getenv("PLACE");
    if (place != NULL) say("at "), say(place), say("\n");
    char line[64];
    int fd = open("/data/note.txt", O_RDONLY);
    ssize_t n = fd < 0 ? 0 : read(fd, line, sizeof line - 1);
    line[n > 0 ? n : 0] = '\0';
    if (fd >= 0) say("note: "), say(line);
    fd = open("/data/answer.txt", O_CREAT | O_WRONLY | O_TRUNC, 0600);
    if (fd >= 0) (void)!write(fd, "42\n", 3), close(fd);
    return 3;
}
