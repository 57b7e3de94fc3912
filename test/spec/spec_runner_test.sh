#!/bin/sh
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# The runner of the official suite must fail what is wrong: each script below has one wrong expectation, and
# would pass unnoticed in a runner that only counts.
set -u
runner=${TERN_BUILD:?}/test/spec-runner
[ -x "$runner" ] || { echo "SKIP all: needs libcjson-dev"; exit 77; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
passed=0
failed=0
printf '\0asm\001\0\0\0' >"$dir/empty.wasm"
printf '\0asm\002\0\0\0' >"$dir/version.wasm"
# (global (export "g") i32 (i32.const 7))
printf '\0asm\001\0\0\0\006\006\001\177\0\101\007\013\007\005\001\001g\003\0' >"$dir/global.wasm"
# (import "nowhere" "g" (global i32))
printf '\0asm\001\0\0\0\002\016\001\007nowhere\001g\003\177\0' >"$dir/import.wasm"

# check NAME SUMMARY COMMANDS
check() {
    echo "{\"source_filename\":\"x.wast\",\"commands\":[$3]}" >"$dir/x.json"
    output=$("$runner" -v "$dir/x.json" 2>&1)
    if [ "$(echo "$output" | tail -n 1)" = "$2" ]; then
        passed=$((passed + 1))
    else
        echo "FAIL $1: $(echo "$output" | tr '\n' ' ')"
        failed=$((failed + 1))
    fi
}
refuse() { # TYPE FILE TEXT
    echo "{\"type\":\"$1\",\"line\":1,\"filename\":\"$2\",\"text\":\"$3\",\"module_type\":\"binary\"}"
}
module='{"type":"module","line":1,"filename":"'
get='{"type":"assert_return","line":2,"action":{"type":"get","field":"g"},"expected":[{"type":"i32","value":"'

check 'a good module' '1 passed, 0 failed, 0 skipped' "${module}empty.wasm\"}"
check 'a bad module' '0 passed, 1 failed, 0 skipped' "${module}version.wasm\"}"
check 'no file' '0 passed, 1 failed, 0 skipped' "${module}none.wasm\"}"
check 'the right reason' '1 passed, 0 failed, 0 skipped' \
    "$(refuse assert_malformed version.wasm 'unknown binary version')"
check 'another reason' '0 passed, 1 failed, 0 skipped' "$(refuse assert_malformed version.wasm 'type mismatch')"
check 'malformed is not invalid' '0 passed, 1 failed, 0 skipped' \
    "$(refuse assert_invalid version.wasm 'unknown binary version')"
check 'a good module is not malformed' '0 passed, 1 failed, 0 skipped' "$(refuse assert_malformed empty.wasm '')"
check 'unlinkable' '1 passed, 0 failed, 0 skipped' "$(refuse assert_unlinkable import.wasm 'unknown import')"
check 'not unlinkable' '0 passed, 1 failed, 0 skipped' "$(refuse assert_unlinkable empty.wasm 'unknown import')"
check 'an unknown command' '0 passed, 1 failed, 0 skipped' '{"type":"assert_magic","line":1}'
check 'a command without a module' '0 passed, 1 failed, 0 skipped' "${get}7\"}]}"
if "$runner" --features | grep -q '^mvp .*runs'; then
    check 'the right value' '2 passed, 0 failed, 0 skipped' "${module}global.wasm\"},${get}7\"}]}"
    check 'another value' '1 passed, 1 failed, 0 skipped' "${module}global.wasm\"},${get}8\"}]}"
fi
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
