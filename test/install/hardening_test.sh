#!/bin/sh
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# What is built is hardened (cmake/settings.cmake): a position-independent command, tables that the loader filled in
# read-only from the start, no stack that can execute; and a process that runs guests never has memory that is both
# writable and executable.
set -u
build=${TERN_BUILD:?}
command -v readelf >/dev/null || { echo "SKIP all: needs readelf"; exit 77; }
readelf -h "$build/tern" >/dev/null 2>&1 || { echo "SKIP all: no ELF"; exit 77; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
passed=0
failed=0
expect() { # NAME COMMAND...
    name=$1
    shift
    if "$@"; then passed=$((passed + 1)); else
        failed=$((failed + 1))
        echo "FAIL $name"
    fi
}
has() { grep -qE "$1" "$dir/elf"; }
lacks() { ! grep -qE "$1" "$dir/elf"; }

for file in tern libtern.so libiwasm.so; do
    readelf -lWd "$build/$file" >"$dir/elf" 2>/dev/null
    expect "$file: no RELRO segment" has GNU_RELRO
    expect "$file: not bound at its start" has 'BIND_NOW|FLAGS_1.*NOW'
    expect "$file: no GNU_STACK segment" has GNU_STACK
    expect "$file: a stack that can execute" lacks 'GNU_STACK .* RWE '
    expect "$file: a segment that is writable and executable" lacks 'LOAD .* RWE '
    expect "$file: relocations of code" lacks TEXTREL
done
readelf -hWd "$build/tern" >"$dir/elf"
expect "tern: not position-independent" has 'Type: +DYN'
expect "tern: no PIE flag" has 'FLAGS_1.* PIE'
# Large tables hold numbers: each process that starts pays for pages of pointers that are relocated.
if grep -q '^CMAKE_BUILD_TYPE:[A-Z]*=Release' "$build/CMakeCache.txt" && ! grep -q '^TERN_SANITIZE:[A-Z]*=.' "$build/CMakeCache.txt"; then
    size=$(readelf -SW "$build/tern" | sed 's/^ *\[ *[0-9]*\]//' | awk '$1 == ".data.rel.ro" { print $5 }')
    expect "tern: pointers in its tables take 0x$size bytes" [ $((0x${size:-fffff})) -le 24576 ]
fi
# A library stays once its fault handler is installed.
readelf -Wd "$build/libtern.so" >"$dir/elf"
expect "libtern.so: can be unloaded" has 'FLAGS_1.*NODELETE'

# The mappings of a process while its guest sleeps.
maps() { # NAME OPTIONS...
    name=$1
    shift
    "$build/tern" run "$@" test/wasi/programs/hello.wasm sleep >"$dir/out" 2>&1 &
    pid=$!
    tries=0
    # It has said so before it sleeps; then it has made code and faulted in its memory.
    while ! grep -qs ' r-xp ' "/proc/$pid/maps" && [ $tries -lt 100 ]; do
        tries=$((tries + 1))
        sleep 0.1
    done
    sleep 0.5
    cp "/proc/$pid/maps" "$dir/elf" 2>/dev/null || : >"$dir/elf"
    kill "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
    expect "$name: its mappings were not seen" has 'r-xp .*/tern'
    expect "$name: memory that is writable and executable" lacks ' .w[x].. |^[^ ]* .wx'
}
if [ -r /proc/self/maps ]; then
    maps "tern run"
    maps "tern run, explicit checks" --explicit-checks
fi
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
