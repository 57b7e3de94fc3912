#!/bin/sh
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# An installed tree serves hosts: through pkg-config, through find_package, and as libiwasm. It is moved first,
# since packages are.
set -u
build=${TERN_BUILD:?}
cc=${CC:-cc}
[ -f include/wasm_export.h ] || { echo "SKIP all: include/wasm_export.h is not there"; exit 77; }
if grep -q '^TERN_SANITIZE:[A-Z]*=.' "$build/CMakeCache.txt"; then
    echo "SKIP all: a sanitized library asks for a sanitized host"
    exit 77
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
passed=0
failed=0
skipped=0
step() { # NAME COMMAND...
    name=$1
    shift
    if "$@" >"$dir/log" 2>&1; then
        passed=$((passed + 1))
    else
        echo "FAIL $name: $(tail -n 5 "$dir/log" | tr '\n' ' ')"
        failed=$((failed + 1))
    fi
}

cat >"$dir/host.c" <<'C'
#include <stdio.h>
#include <wasm_export.h>

int main(void)
{
    static uint8_t empty[] = {0, 'a', 's', 'm', 1, 0, 0, 0};
    char error[128] = "";
    if (!wasm_runtime_init()) return 1;
    wasm_module_t module = wasm_runtime_load(empty, sizeof empty, error, sizeof error);
    if (module == NULL) return fprintf(stderr, "%s\n", error), 2;
    wasm_runtime_unload(module);
    wasm_runtime_destroy();
    return 0;
}
C
cat >"$dir/CMakeLists.txt" <<'C'
cmake_minimum_required(VERSION 3.25)
project(host C)
find_package(tern 0.1 REQUIRED)
add_executable(host_shared host.c)
target_link_libraries(host_shared tern::tern)
add_executable(host_static host.c)
target_link_libraries(host_static tern::static)
find_package(iwasm 2 REQUIRED)
add_executable(host_iwasm host.c)
target_link_libraries(host_iwasm iwasm::vmlib)
C

step 'it installs' env DESTDIR= cmake --install "$build" --prefix "$dir/first"
mv "$dir/first" "$dir/moved"
moved=$dir/moved
export LD_LIBRARY_PATH="$moved/lib" PKG_CONFIG_PATH="$moved/lib/pkgconfig"
for file in lib/libtern.a lib/libtern.so lib/libiwasm.so lib/libiwasm.so.2 include/wasm_export.h \
    share/doc/tern/LICENSE; do
    step "$file is there" test -e "$moved/$file"
done
if [ -x "$build/tern" ]; then
    step 'the command runs' "$moved/bin/tern" --version
    step 'and under its other name' "$moved/bin/iwasm" --version
    for file in man/man1/tern.1 man/man1/tern-run.1 man/man1/iwasm.1 bash-completion/completions/tern \
        bash-completion/completions/iwasm zsh/site-functions/_tern fish/vendor_completions.d/tern.fish; do
        step "share/$file is there" test -s "$moved/share/$file"
    done
fi

if command -v pkg-config >/dev/null; then
    step 'pkg-config builds a host' \
        sh -c "$cc '$dir/host.c' \$(pkg-config --cflags --libs tern) -o '$dir/host'"
    step 'and it runs' "$dir/host"
    step 'pkg-config --static builds a host' sh -c \
        "$cc -static-libgcc '$dir/host.c' \$(pkg-config --cflags tern) '$moved/lib/libtern.a' -pthread -lm -o '$dir/s'"
    step 'and it runs without the library' env -u LD_LIBRARY_PATH "$dir/s"
else
    echo "SKIP pkg-config: it is not installed"
    skipped=$((skipped + 1))
fi
step 'a host of libiwasm builds' "$cc" "$dir/host.c" -I"$moved/include" -L"$moved/lib" -liwasm -o "$dir/old"
step 'and it runs on libiwasm.so.2' "$dir/old"
step 'find_package configures' cmake -S "$dir" -B "$dir/b" "-DCMAKE_PREFIX_PATH=$moved"
step 'find_package builds' cmake --build "$dir/b"
step 'the shared host runs' "$dir/b/host_shared"
step 'the host of iwasm::vmlib runs' "$dir/b/host_iwasm"
step 'the static host runs' env -u LD_LIBRARY_PATH "$dir/b/host_static"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
