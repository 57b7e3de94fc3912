/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* files.c - a WASI program that uses files as its arguments say: `cat FILE`, `put FILE TEXT`, `ls DIR`,
 * `mv OLD NEW`, `rm FILE`, `mkdir DIR`, `size FILE`. Prints the error and ends with 1 when one fails. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int fail(const char *path)
{
    printf("%s: %s\n", path, strerror(errno));
    return 1;
}

static int cat(const char *path)
{
    FILE *file = fopen(path, "r");
    if (file == NULL) return fail(path);
    char line[200];
    while (fgets(line, sizeof line, file) != NULL) fputs(line, stdout);
    return fclose(file);
}

static int put(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    if (file == NULL) return fail(path);
    fprintf(file, "%s\n", text);
    return fclose(file) == 0 ? 0 : fail(path);
}

static int list(const char *path)
{
    DIR *dir = opendir(path);
    if (dir == NULL) return fail(path);
    const struct dirent *entry;
    while ((entry = readdir(dir)) != NULL)
        if (entry->d_name[0] != '.') printf("%s\n", entry->d_name);
    return closedir(dir);
}

int main(int argc, char **argv)
{
    const char *what = argc > 2 ? argv[1] : "", *path = argc > 2 ? argv[2] : "";
    struct stat st;
    if (strcmp(what, "cat") == 0) return cat(path);
    if (strcmp(what, "ls") == 0) return list(path);
    if (strcmp(what, "put") == 0 && argc > 3) return put(path, argv[3]);
    if (strcmp(what, "mv") == 0 && argc > 3) return rename(path, argv[3]) == 0 ? 0 : fail(path);
    if (strcmp(what, "rm") == 0) return unlink(path) == 0 ? 0 : fail(path);
    if (strcmp(what, "mkdir") == 0) return mkdir(path, 0777) == 0 ? 0 : fail(path);
    if (strcmp(what, "size") == 0)
        return stat(path, &st) == 0 ? printf("%lld\n", (long long)st.st_size) < 0 : fail(path);
    printf("what?\n");
    return 2;
}
