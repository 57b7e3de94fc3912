#!/bin/sh
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# The shared libraries export what include/ declares: every function, and nothing else.
set -u
build=${TERN_BUILD:?}
command -v readelf >/dev/null || { echo "SKIP all: needs readelf"; exit 77; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
passed=0
failed=0

# The preprocessor leaves a mark before every exported declaration; the name is what stands before its first
# parenthesis.
marks='-DTERN_API=@export -DWASM_RUNTIME_API_EXTERN=@export -DWASM_API_EXTERN=@export'
for header in include/*.h; do
    { ${CC:-cc} -E -P $marks -Iinclude "$header"; echo; } | tr '\n' ' ' | sed 's/@export /\n&/g' |
        sed -n 's/^@export [^(;]*[ *]\([A-Za-z_][A-Za-z_0-9]*\) *(.*/\1/p'
    echo
done | sed '/^$/d' | sort -u >"$dir/declared"

for library in libtern.so libiwasm.so; do
    # Hidden symbols may stand in the table (the marks of the linker), but nobody can bind to them.
    readelf --dyn-syms -W "$build/$library" |
        awk '$5 ~ /GLOBAL|WEAK/ && $6 == "DEFAULT" && $7 != "UND" { sub(/@.*/, "", $8); print $8 }' |
        grep -Ev '^(_init|_fini|_edata|_end|__bss_start|__asan_.*|__ubsan_.*|__odr_asan.*)$' |
        sort -u >"$dir/exported"
    for symbol in $(comm -13 "$dir/declared" "$dir/exported"); do
        echo "FAIL $library: exports $symbol, which no header declares"
        failed=$((failed + 1))
    done
    for symbol in $(comm -23 "$dir/declared" "$dir/exported"); do
        echo "FAIL $library: $symbol is declared but not exported"
        failed=$((failed + 1))
    done
    passed=$((passed + $(comm -12 "$dir/declared" "$dir/exported" | wc -l)))
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
