#!/bin/sh
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# cli_test.sh [TERN] - the command line, as its user sees it: what it prints and how it ends. TERN is the
# program to test, else $TERN_BUILD/tern. The last line is `N passed, N failed`.
set -u
tern=${1:-${TERN_BUILD:?which build?}/tern}
case $tern in /*) ;; *) tern=$PWD/$tern ;; esac
[ -x "$tern" ] || { echo "SKIP all: $tern is not built"; exit 77; }
cd "$(dirname "$0")" || exit 2
modules=modules
hello=../wasi/programs/hello.wasm
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
passed=0
failed=0

# ran EXPECTED-CODE COMMAND...: keeps what it printed in $tmp/out and $tmp/err.
ran() {
    name="$*"
    name=${name#* }
    expected=$1
    shift
    "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
    check_code $? "$expected"
}
check_code() {
    if [ "$1" = "$2" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAIL ${name#"$tern" }: exit code $1, not $2"
        head -n 5 "$tmp/err"
    fi
}
# says FILE TEXT...: the last command's out or err has each TEXT.
says() {
    file=$1
    shift
    for text in "$@"; do
        if grep -qF -- "$text" "$tmp/$file"; then
            passed=$((passed + 1))
        else
            failed=$((failed + 1))
            echo "FAIL ${name#"$tern" }: no \"$text\" in its $file:"
            head -n 20 "$tmp/$file"
        fi
    done
}
# prints TEXT: the last command's whole output.
prints() {
    if [ "$(cat "$tmp/out")" = "$1" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAIL ${name#"$tern" }: printed \"$(cat "$tmp/out")\", not \"$1\""
    fi
}

# --- help and usage
ran 0 "$tern" --version
says out "tern "
ran 0 "$tern" help
says out "Usage: tern COMMAND" "Exit codes:" "134"
ran 0 "$tern" --help
says out "Usage: tern COMMAND"
for command in run inspect validate; do
    ran 0 "$tern" help $command
    says out "Usage: tern $command" "Example" "Exit codes:"
    ran 0 "$tern" $command --help
    says out "Usage: tern $command"
    ran 2 "$tern" $command
    says err "which file?"
    ran 2 "$tern" $command --bogus $modules/math.wasm
    says err "unknown option --bogus" "See: tern help $command"
    ran 2 "$tern" $command "$tmp/absent.wasm"
    says err "absent.wasm: No such file"
done
ran 2 "$tern"
says err "Usage: tern COMMAND"
ran 2 "$tern" $modules/math.wasm
says err "to run it: tern run $modules/math.wasm"
ran 2 "$tern" help dance
says err '"dance" is no command'
ran 2 "$tern" run --env NOVALUE $hello
says err "write it NAME=VALUE"
ran 2 "$tern" run --timeout soon $hello
says err "--timeout soon: seconds"
ran 2 "$tern" run --stack-size 12X $hello
says err "--stack-size 12X: bytes"
ran 2 "$tern" run --invoke
says err "--invoke needs a value"

# --- inspect and validate
ran 0 "$tern" inspect $modules/math.wasm
says out "features: multi-value reference-types simd" "swap (param i32 i64) (result i64 i32)" \
    "memory memory 1 2" "0: 3 funcref" "globals: 1" '"name"' "start function: no"
ran 0 "$tern" inspect $hello
says out "wasi_snapshot_preview1.fd_write (param i32 i32 i32 i32) (result i32)" "func   _start" "(19 imported)"
ran 0 "$tern" validate $modules/math.wasm $hello
prints "$modules/math.wasm: valid
$hello: valid"
ran 3 "$tern" validate $modules/invalid.wasm $modules/math.wasm
prints "$modules/math.wasm: valid"
says err "invalid.wasm: type mismatch" "function 0"
ran 3 "$tern" validate $modules/math.wat
says err "math.wat: magic header not detected" "wat2wasm"
head -c 100 $modules/math.wasm >"$tmp/cut.wasm"
ran 3 "$tern" inspect "$tmp/cut.wasm"
says err "offset 0x"
: >"$tmp/empty.wasm"
ran 3 "$tern" run "$tmp/empty.wasm"
says err "unexpected end"

# --- values
invoke() {
    code=$1 function=$2
    shift 2
    ran "$code" "$tern" run --invoke "$function" $modules/math.wasm "$@"
}
invoke 0 add 2 3
prints "5:i32"
invoke 0 add 0xffffffff -1
prints "-2:i32"
invoke 0 add 4294967295 -2147483648
prints "2147483647:i32"
invoke 0 fac 20
prints "2432902008176640000:i64"
invoke 0 half 3
prints "1.5:f64"
invoke 0 half -inf
prints "-inf:f64"
invoke 0 halff 1e-3
prints "0.000500000024:f32"
invoke 0 swap 7 -8
prints "-8:i64
7:i32"
invoke 0 same 0x000102030405060708090a0b0c0d0e0f
prints "0x000102030405060708090a0b0c0d0e0f:v128"
invoke 0 ref null
prints "null:ref"
invoke 0 nothing
prints ""
invoke 2 add 1
says err "add takes 2 arguments, not 1" "(param i32 i32)"
invoke 2 add 1 4294967296
says err '"4294967296" is no i32'
invoke 2 add 1 ""
says err 'is no i32'
invoke 2 ad 1
says err "exports no function ad; it has: add, fac"

# --- traps
invoke 134 load 65533
says err "out of bounds memory access" "4 bytes at address 0xfffd" "65536 bytes" "at load (function" "at outer (function" \
    "offset 0x"
invoke 134 divide 1 0
says err "trap: integer divide by zero"
invoke 134 deep
says err "trap: call stack exhausted" "at deep (function" "more"
ran 134 "$tern" run --stack-size 64K --invoke deep $modules/math.wasm
ran 134 "$tern" run --timeout 0.2 --invoke spin $modules/math.wasm
says err "stopped after 0.2 seconds"
ran 134 "$tern" run --timeout=0.2 $modules/start_spin.wasm
says err "stopped after 0.2 seconds"

# --- linking
ran 3 "$tern" run $modules/math.wasm
says err "exports no _start" "--invoke: add, fac"
ran 3 "$tern" run --invoke fine $modules/needs.wasm
says err "nobody provides the function env.absent of type (param i32) (result i64)" "--trap-missing"
ran 0 "$tern" run --trap-missing --invoke fine $modules/needs.wasm
prints "7:i32"
ran 134 "$tern" run --trap-missing --invoke call $modules/needs.wasm
says err "unlinked import called: env.absent"
ran 3 "$tern" run $modules/wrong_wasi.wasm
says err "wasi_snapshot_preview1.fd_write" "no such function of this type"

# --- programs
ran 3 "$tern" run --env A=1 --env=B=two --arg0 me $hello one "two words" --env
prints "arg 0: me
arg 1: one
arg 2: two words
arg 3: --env
env: A=1
env: B=two
slept 20 ms: yes
after 2020: yes
random: yes
can write: yes
seek: ESPIPE
open: refused"
says err "leaving"
ran 1 "$tern" run $modules/exit256.wasm
ran 0 "$tern" run $hello
says out "arg 0: $hello"
name="run $hello read"
printf 'first\nsecond\n' | "$tern" run $hello read >"$tmp/out" 2>"$tmp/err"
check_code $? 1
says out "in: first" "in: second" "end of input: yes"
name="run - from standard input"
"$tern" run --arg0 piped - x y <$hello >"$tmp/out" 2>"$tmp/err"
check_code $? 2
says out "arg 0: piped" "arg 2: y"
ran 134 "$tern" run $hello fail
says err "out of bounds memory access" "at address 0xfffffff0"
ran 134 "$tern" run --timeout 0.3 $hello spin
says err "stopped after 0.3 seconds"
ran 134 "$tern" run --timeout 0.3 $hello sleep
says err "stopped after 0.3 seconds"
name="run --timeout while reading"
sleep 3 | "$tern" run --timeout 0.3 $hello read >"$tmp/out" 2>"$tmp/err"
check_code $? 134
name="run into a full device"
"$tern" run $hello >/dev/full 2>"$tmp/err"
check_code $? 0

# --- directories
files=../wasi/programs/files.wasm
mkdir "$tmp/site"
echo inside >"$tmp/site/page"
echo outside >"$tmp/canary"
ln -s ../canary "$tmp/site/link"
ran 1 "$tern" run $files cat page
ran 0 "$tern" run --dir "$tmp/site::/" $files cat /page
prints inside
ran 0 "$tern" run "--dir=$tmp/site::data" $files cat data/page
prints inside
ran 0 "$tern" run --dir "$tmp/site" $files cat "$tmp/site/page"
prints inside
for path in /link /../canary /made/../../canary; do
    ran 1 "$tern" run --dir "$tmp/site::/" $files cat $path
done
ran 0 "$tern" run --dir "$tmp/site::/" $files put /new "some words"
ran 0 "$tern" run --dir "$tmp/site::/" $files mkdir /made
ran 0 "$tern" run --dir "$tmp/site::/" $files mv /new /made/old
ran 0 "$tern" run --dir "$tmp/site::/" $files ls /made
prints old
ran 0 "$tern" run --dir "$tmp/site::/" $files size /made/old
prints 11
ran 0 "$tern" run --dir "$tmp/site::/a:ro" --dir "$tmp/site::/b" $files mv /b/made/old /b/page2
ran 0 "$tern" run --dir "$tmp/site::/:ro" $files cat /page2
prints "some words"
ran 1 "$tern" run --dir "$tmp/site::/:ro" $files put /page3 no
ran 1 "$tern" run --dir "$tmp/site::/:ro" $files rm /page2
ran 1 "$tern" run --dir "$tmp/site::/a:ro" --dir "$tmp/site::/b" $files mv /a/page2 /b/page3
ran 0 "$tern" run --dir "$tmp/site::/" $files rm /page2
ran 3 "$tern" run --dir "$tmp/absent" $files ls /
says err "error while pre-opening directory" "absent"
ran 2 "$tern" run --dir ::/ $files ls /
says err "write it HOST"
ran 2 "$tern" run --dir
says err "needs a value"
name="the canary outside"
[ "$(cat "$tmp/canary")" = outside ]
check_code $? 0

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
