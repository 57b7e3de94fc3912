#!/bin/sh
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# The register code of every function in test/golden/*.wat is what its file says below it. `make bless`, which is
# this with --bless, writes there what it is now: for a change that is meant, to be read as a diff.
set -u
tern=${TERN_BUILD:?}/tern
here=$(dirname "$0")
[ -x "$tern" ] || { echo "SKIP all: there is no $tern"; exit 77; }
command -v wat2wasm >/dev/null || { echo "SKIP all: needs wat2wasm (package wabt)"; exit 77; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
passed=0
failed=0
for wat in "$here"/*.wat; do
    name=$(basename "$wat" .wat)
    sed '/^;; >>>/,$d' "$wat" >"$tmp/new.wat"
    if ! wat2wasm --enable-all "$wat" -o "$tmp/module.wasm" 2>"$tmp/why"; then
        echo "FAIL $name: $(head -n 1 "$tmp/why")"
        failed=$((failed + 1))
        continue
    fi
    last=$("$tern" inspect "$tmp/module.wasm" | sed -n 's/^functions: \([0-9]*\).*/\1/p')
    first=$("$tern" inspect "$tmp/module.wasm" | sed -n 's/^functions: .*(\([0-9]*\) imported)/\1/p')
    echo ';; >>> code' >>"$tmp/new.wat"
    i=${first:-0}
    while [ "$i" -lt "$last" ]; do
        printf ';; function %d\n' "$i" >>"$tmp/new.wat"
        "$tern" inspect --code "$i" "$tmp/module.wasm" | sed 's/^/;; /' >>"$tmp/new.wat"
        i=$((i + 1))
    done
    echo ';; <<<' >>"$tmp/new.wat"
    if [ "${1:-}" = --bless ]; then
        cmp -s "$tmp/new.wat" "$wat" || { cp "$tmp/new.wat" "$wat"; echo "wrote $wat"; }
    elif diff "$wat" "$tmp/new.wat" >"$tmp/diff"; then
        passed=$((passed + 1))
    else
        echo "FAIL $name: (expected <, is >)"
        cat "$tmp/diff"
        failed=$((failed + 1))
    fi
done
[ "${1:-}" = --bless ] && exit 0
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
