/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* directories_test.c - directories given to a guest through wasm_export.h, as hosts of WAMR give them. The
 * guest is test/wasi/programs/files.c. */
#include "guest.h"

#include <fcntl.h>
#include <unistd.h>

static char dir[64];

static int make_dir(void **state)
{
    (void)state;
    wasm_runtime_init();
    strcpy(dir, "/tmp/tern-api-XXXXXX");
    return mkdtemp(dir) != NULL ? 0 : -1;
}

static int remove_dir(void **state)
{
    (void)state;
    wasm_runtime_destroy();
    return rmdir(dir);
}

static wasm_module_t load_files(uint8_t **bytes)
{
    FILE *file = fopen("test/wasi/programs/files.wasm", "rb");
    if (file == NULL) fail_msg("files.wasm cannot be read: tests run in the project's folder");
    *bytes = malloc(1 << 20);
    uint32_t size = (uint32_t)fread(*bytes, 1, 1 << 20, file);
    fclose(file);
    char error[128] = "";
    wasm_module_t module = wasm_runtime_load(*bytes, size, error, sizeof error);
    if (module == NULL) fail_msg("%s", error);
    return module;
}

/* Runs files.wasm with a directory under its own name and under /mapped; its exit code. */
static uint32_t run_files(int argc, const char *argv[])
{
    uint8_t *bytes;
    wasm_module_t module = load_files(&bytes);
    const char *dirs[] = {dir};
    char map[96], error[256] = "";
    snprintf(map, sizeof map, "/mapped::%s", dir);
    const char *maps[] = {map};
    int null = open("/dev/null", O_WRONLY);
    wasm_runtime_set_wasi_args_ex(module, dirs, 1, maps, 1, NULL, 0, (char **)argv, argc, -1, null,
                                 -1);
    wasm_module_inst_t inst = wasm_runtime_instantiate(module, 0, 0, error, sizeof error);
    if (inst == NULL) fail_msg("%s", error);
    wasm_application_execute_main(inst, 0, NULL);
    uint32_t code = wasm_runtime_get_wasi_exit_code(inst);
    wasm_runtime_deinstantiate(inst);
    wasm_runtime_unload(module);
    free(bytes);
    close(null);
    return code;
}

static void a_guest_writes_in_the_directory_and_not_beside_it(void **state)
{
    (void)state;
    char own[96], mapped[] = "/mapped/file", outside[] = "/mapped/../tern-made";
    snprintf(own, sizeof own, "%s/file", dir);
    const char *put[] = {"files", "put", own, "text"}, *cat[] = {"files", "cat", mapped};
    const char *escape[] = {"files", "put", outside, "text"}, *rm[] = {"files", "rm", mapped};
    assert_int_equal(run_files(4, put), 0);
    assert_int_equal(access(own, F_OK), 0);
    assert_int_equal(run_files(3, cat), 0);
    assert_int_equal(run_files(4, escape), 1);
    assert_int_not_equal(access("/tmp/tern-made", F_OK), 0);
    assert_int_equal(run_files(3, rm), 0);
    assert_int_not_equal(access(own, F_OK), 0);
}

static void a_directory_that_is_not_there_fails_the_instance(void **state)
{
    (void)state;
    uint8_t *bytes;
    wasm_module_t module = load_files(&bytes);
    const char *dirs[] = {"/tern/not/there"};
    char error[256] = "";
    wasm_runtime_set_wasi_args(module, dirs, 1, NULL, 0, NULL, 0, NULL, 0);
    assert_null(wasm_runtime_instantiate(module, 0, 0, error, sizeof error));
    assert_non_null(strstr(error, "error while pre-opening directory"));
    assert_non_null(strstr(error, "/tern/not/there"));
    wasm_runtime_unload(module);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_guest_writes_in_the_directory_and_not_beside_it, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(a_directory_that_is_not_there_fails_the_instance, make_dir, remove_dir),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
