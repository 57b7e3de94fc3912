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
. ./checks.sh
ours=$tern

# --- help and usage
ran 0 "$tern" --version
says out "tern "
ran 0 "$tern" -V
ran 0 "$tern" help
says out "Usage: tern COMMAND" "Exit codes:" "134"
ran 0 "$tern" --help
says out "Usage: tern COMMAND"
ran 0 "$tern" -h
for command in run inspect validate compile completion help; do
    ran 0 "$tern" help $command
    says out "Usage: tern $command" "Example" "Exit codes:"
    ran 0 "$tern" $command --help
    says out "Usage: tern $command"
    ran 125 "$tern" $command --bogus $modules/math.wasm
    says err "unknown option --bogus" "See: tern help $command"
done
for command in run inspect validate compile; do
    ran 125 "$tern" $command
    says err "which file?"
done
for command in run inspect validate; do
    ran 127 "$tern" $command "$tmp/absent.wasm"
    says err "absent.wasm: No such file"
done
ran 0 "$tern" run --dir . --help $hello
says out "Usage: tern run"
ran 125 "$tern"
says out "Usage: tern COMMAND"
ran 125 "$tern" $modules/math.wasm
says err "to run it: tern run $modules/math.wasm"
ran 125 "$tern" help dance
says err '"dance" is no command'
ran 125 "$tern" iwasm
says err '"iwasm" is no command'
ran 125 "$tern" --bogus
says err "options of a command follow its name"
for pair in "rnu run" "inspekt inspect" "validat validate" "complie compile"; do
    ran 125 "$tern" "${pair% *}" x
    says err "\"${pair% *}\" is no command; did you mean ${pair#* }?"
done
for pair in "--dri --dir" "--evn --env" "--time-out --timeout" "--max-memroy --max-memory" "--stacksize --stack-size" \
    "--invok --invoke" "--maxstack --max-stack" "--prelod=a=b --preload"; do
    ran 125 "$tern" run "${pair% *}" x $hello
    says err "unknown option ${pair% *}; did you mean ${pair#* }?"
done
ran 125 "$tern" inspect --jsn $hello
says err "did you mean --json?"
ran 125 "$tern" run --trap-on-missing-imports=yes $hello
says err "--trap-on-missing-imports takes no value"
for value in =V ""; do
    ran 125 "$tern" run --env "$value" $hello
    says err "write it NAME=VALUE, or NAME"
done
for value in soon 0 -1 1e30 5x "" nan inf; do
    ran 125 "$tern" run --timeout "$value" $hello
    says err "--timeout $value: seconds"
done
for option in --stack-size --max-memory --max-gc-heap --heap-size; do
    for value in 12X 0 -1 "" K 9999999999999M 1KB; do
        ran 125 "$tern" run $option "$value" $hello
        says err "$option $value: bytes"
    done
done
for option in --fuel --max-table --max-threads; do
    for value in x -1 "" 1x 99999999999999999999; do
        ran 125 "$tern" run $option "$value" $hello
        says err "$option $value: a number"
    done
done
for value in file.wasm name= ""; do
    ran 125 "$tern" run --preload "$value" $hello
    says err "write it NAME=FILE"
done
for option in dir env listen allow-network allow-resolve arg0 invoke preload timeout fuel max-memory max-table max-gc-heap max-threads stack-size max-stack \
    heap-size tier; do
    ran 125 "$tern" run --$option
    says err "--$option needs a value"
done
ran 121 "$tern" run --tier jit $hello
says err "--tier jit: this build has no such tier; it has interp"
ran 121 "$tern" compile $modules/math.wasm
says err "this build has no compiler"
ran 125 "$tern" completion
says err "which shell?"
ran 125 "$tern" completion csh
says err "no completion for csh"
name="colours are for terminals"
TERM=xterm "$tern" run 2>"$tmp/err" >"$tmp/out"
check_code $? 125
! grep -q "$(printf '\033')" "$tmp/err"
check_code $? 0
if script -qec true /dev/null >/dev/null 2>&1; then
    name="colours on a terminal"
    TERM=xterm script -qec "'$tern' run" /dev/null </dev/null >"$tmp/out" 2>"$tmp/err"
    grep -q "$(printf '\033')" "$tmp/out"
    check_code $? 0
    name="NO_COLOR on a terminal"
    NO_COLOR=1 TERM=xterm script -qec "'$tern' run" /dev/null </dev/null >"$tmp/out" 2>"$tmp/err"
    ! grep -q "$(printf '\033')" "$tmp/out"
    check_code $? 0
fi

# --- inspect and validate
ran 0 "$tern" inspect $modules/math.wasm
says out "features: multi-value reference-types simd" "swap (param i32 i64) (result i64 i32)" \
    "memory memory 1 2" "0: 3 funcref" "globals: 1" '"name"' "start function: no"
ran 0 "$tern" inspect $hello
says out "wasi_snapshot_preview1.fd_write (param i32 i32 i32 i32) (result i32)" "func   _start" "(19 imported)"
ran 0 "$tern" validate $modules/math.wasm $hello
prints "$modules/math.wasm: valid
$hello: valid"
ran 126 "$tern" validate $modules/invalid.wasm $modules/math.wasm
prints "$modules/math.wasm: valid"
says err "invalid.wasm: type mismatch" "function 0"
ran 126 "$tern" validate $modules/math.wat
says err "math.wat: magic header not detected" "wat2wasm"
head -c 100 $modules/math.wasm >"$tmp/cut.wasm"
ran 126 "$tern" inspect "$tmp/cut.wasm"
says err "offset 0x"
: >"$tmp/empty.wasm"
ran 126 "$tern" run "$tmp/empty.wasm"
says err "unexpected end: the file is empty"
printf '\0asm\1' >"$tmp/short.wasm"
ran 126 "$tern" validate "$tmp/short.wasm"
says err "unexpected end: the file ends after 5 bytes" "takes 8 (offset 0x5)"

ran 0 "$tern" validate -q $modules/math.wasm
prints ""
ran 126 "$tern" validate --quiet $modules/math.wasm $modules/invalid.wasm
prints ""
ran 0 "$tern" validate $modules/math.wasm --verbose $hello -- $modules/lib.wasm
says out "math.wasm: valid, 385 bytes, uses multi-value reference-types simd" "lib.wasm: valid, " ", WebAssembly 1.0"
ran 0 "$tern" validate -v $modules/math.wasm
ran 125 "$tern" validate -q -v $modules/math.wasm
ran 127 "$tern" validate $modules/invalid.wasm "$tmp/absent.wasm"
ran 0 "$tern" inspect $modules/math.wasm
says out "0: 1 2 (65536 to 131072 bytes)"
ran 0 "$tern" inspect --json $modules/math.wasm
says out '"features": ["multi-value", "reference-types", "simd"]' '"min_bytes": 65536'
for func in load 8; do
    ran 0 "$tern" inspect --code $func $modules/math.wasm
    says out "   0  "
done
for func in nope 13 -1 ""; do
    ran 125 "$tern" inspect --code "$func" $modules/math.wasm
    says err "has no function $func"
done
ran 125 "$tern" inspect $modules/math.wasm $hello
says err "one file at a time"
printf '\0asm\15\0\1\0' >"$tmp/component.wasm"
ran 126 "$tern" run "$tmp/component.wasm"
says err "this is a component, not a core module"
name="validate - from standard input"
"$tern" validate - <$hello >"$tmp/out" 2>"$tmp/err"
check_code $? 0
ran 127 "$tern" run "$tmp"
says err "Is a directory"

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
invoke 0 half nan
prints "nan:f64"
invoke 0 ref null
prints "null:ref"
invoke 0 nothing
prints ""
invoke 125 add 1
says err "add takes 2 arguments, not 1" "(param i32 i32)"
invoke 125 add 1 4294967296
says err '"4294967296" is no i32'
invoke 125 add 1 ""
says err 'is no i32'
invoke 125 ad 1
says err "exports no function ad; it has: add, fac"

# --- traps
invoke 134 load 65533
says err "out of bounds memory access" "4 bytes at address 0xfffd" "65536 bytes" "#0 load [function" \
    "#1 outer [function" " at 0x"
invoke 134 divide 1 0
says err "trap: integer divide by zero"
invoke 134 deep
says err "trap: call stack exhausted" "#0 deep [function" "more"
ran 134 "$tern" run --stack-size 64K --invoke deep $modules/math.wasm
ran 124 "$tern" run --timeout 0.2 --invoke spin $modules/math.wasm
says err "stopped by --timeout 0.2"
ran 124 "$tern" run --timeout=0.2 $modules/start_spin.wasm
says err "stopped by --timeout 0.2"

# --- where in the source: C++ with DWARF 4 and 5, Rust in both manglings. C++ names are as they are where there
# is no C++ library.
for module in source_cpp source_cpp5; do
    ran 134 "$tern" run --invoke run $modules/$module.wasm 0
    says err "trap: integer divide by zero" " (source_cpp.cpp:6:14, inlined)" \
        " (source_cpp.cpp:16:12) [function 0 at 0x4f]" "#2 run (source_cpp.cpp:24:17) [function 1 at 0x77]"
    if grep -q "quotient(int" "$tmp/err"; then
        says err "#0 shop::quotient(int, int) (" "#1 shop::Cake::share(int) const ("
    else
        says err "#1 _ZNK4shop4Cake5shareEi ("
    fi
done
ran 134 "$tern" run --invoke run $modules/source_rust.wasm 0
says err "#0 core::core_arch::wasm32::unreachable (/rust/" "#1 built::quotient (src/lib.rs:29:9, inlined)" \
    "#2 built::share (src/lib.rs:36:5) [function " \
    "#3 <built::Rows<i32> as built::Shape>::area::{closure#0} (src/lib.rs:21:29, inlined)" \
    "#4 <built::Rows<i32> as built::Shape>::area (src/lib.rs:22:9) [function" "#5 run (src/lib.rs:41:19) [function"
ran 134 "$tern" run --invoke run $modules/source_rust_legacy.wasm 0
says err "#1 built::quotient (src/lib.rs:29:9, inlined)" \
    "#3 <built::Rows<T> as built::Shape>::area::{{closure}} (src/lib.rs:21:29, inlined)"

# --- limits
grow=$modules/grow.wasm
ran 122 "$tern" run --fuel 1000 --invoke spin $modules/math.wasm
says err "stopped by --fuel 1000" "#0 spin [function"
ran 122 "$tern" run --fuel 1000 $modules/start_spin.wasm
ran 122 "$tern" run --fuel 0 --invoke count $grow 10
ran 122 "$tern" run --fuel 100 --invoke count $grow 100
ran 0 "$tern" run --fuel 1000 --invoke count $grow 100
prints "100:i32"
ran 0 "$tern" run --timeout 1h --fuel 1000 --invoke count $grow 100
ran 0 "$tern" run --max-memory 128K --invoke memory $grow 1
prints "1:i32"
ran 0 "$tern" run --max-memory 128K --invoke memory $grow 2
prints "-1:i32"
ran 0 "$tern" run --max-memory=1MiB --invoke memory $grow 15
prints "1:i32"
ran 123 "$tern" run --max-memory 32K --invoke memory $grow 0
says err "allocate linear memory failed"
ran 0 "$tern" run --max-table 10 --invoke table $grow 9
prints "1:i32"
ran 0 "$tern" run --max-table 10 --invoke table $grow 10
prints "-1:i32"
ran 0 "$tern" run --invoke array $modules/array.wasm 1000000
prints "1000000:i32"
ran 134 "$tern" run --max-gc-heap 256K --invoke array $modules/array.wasm 1000000
ran 134 "$tern" run --max-stack 64K --invoke deep $modules/math.wasm
for option in "--tier interp" "--tier auto" --tier=interp --explicit-checks "--heap-size 16K" "--max-threads 2"; do
    # shellcheck disable=SC2086
    ran 0 "$tern" run $option --invoke fac $modules/math.wasm 20
    prints "2432902008176640000:i64"
done
ran 134 "$tern" run --explicit-checks --invoke load $modules/math.wasm 65533
says err "4 bytes at address 0xfffd"

# --- networks
sockets=../wasi/programs/sockets.wasm
for what in tcp udp; do
    name="run $sockets $what"
    "$tern" run --timeout 10 $sockets $what >"$tmp/out" 2>"$tmp/err"
    [ $? != 0 ]
    check_code $? 0
    ran 0 "$tern" run --timeout 10 --allow-network 127.0.0.0/8 $sockets $what
done
ran 0 "$tern" run --allow-resolve localhost $sockets resolve localhost
ran 0 "$tern" run --allow-resolve=other --allow-resolve="*" $sockets resolve localhost
name="run --allow-resolve of another name"
"$tern" run --allow-resolve other $sockets resolve localhost >"$tmp/out" 2>"$tmp/err"
[ $? != 0 ]
check_code $? 0
ran 123 "$tern" run --allow-network bogus $sockets tcp
says err "an entry of the address pool is not ADDRESS/BITS: bogus" "bogus"
for value in bogus 127.0.0.1 :x localhost:80 ::1:80 127.0.0.1:65536 "" "[::1]" "[]:1"; do
    ran 125 "$tern" run --listen "$value" $modules/accept.wasm
    says err "write it ADDRESS:PORT"
done
ran 8 "$tern" run $modules/accept.wasm
ran 124 "$tern" run --listen 127.0.0.1:0 --timeout 200ms $modules/accept.wasm
if command -v bash >/dev/null; then
    "$tern" run --timeout 20 --listen 127.0.0.1:0 $modules/accept.wasm 2>"$tmp/where" &
    while ! port=$(grep -o '[0-9]*$' "$tmp/where"); do sleep 0.05; done
    ran 0 bash -c "exec 9<>/dev/tcp/127.0.0.1/$port; echo hello there >&9; head -c 12 <&9"
    prints "hello there"
    name="run --listen, after a connection"
    wait $!
    check_code $? 0
fi

# --- preloading
ran 0 "$tern" run --preload lib=$modules/lib.wasm --invoke sum $modules/user.wasm
prints "48:i32"
ran 0 "$tern" run --preload math=$modules/math.wasm --preload=lib=$modules/lib.wasm --invoke seven $modules/imports_math.wasm
prints "7:i32"
ran 134 "$tern" run --preload lib=$modules/lib.wasm --invoke trap $modules/user.wasm
says err "trap: unreachable" "#1 trap"
ran 0 "$tern" run --preload lib=$modules/lib.wasm --preload user=$modules/user.wasm --invoke add $modules/math.wasm 1 2
prints "3:i32"
ran 123 "$tern" run --preload user=$modules/user.wasm --invoke add $modules/math.wasm 1 2
says err "user.wasm: "
ran 127 "$tern" run --preload "lib=$tmp/absent.wasm" --invoke sum $modules/user.wasm
says err "absent.wasm: No such file"
ran 126 "$tern" run --preload lib=$modules/invalid.wasm --invoke sum $modules/user.wasm
ran 123 "$tern" run --invoke sum $modules/user.wasm
ran 124 "$tern" run --timeout 0.2 --preload lib=$modules/start_spin.wasm --invoke add $modules/math.wasm 1 2
ran 122 "$tern" run --fuel 1000 --preload lib=$modules/start_spin.wasm --invoke add $modules/math.wasm 1 2

# --- linking
ran 125 "$tern" run $modules/math.wasm
says err "exports no _start" "--invoke: add, fac"
ran 123 "$tern" run --invoke fine $modules/needs.wasm
says err "nobody provides the function env.absent of type (param i32) (result i64)" "--trap-on-missing-imports"
ran 0 "$tern" run --trap-on-missing-imports --invoke fine $modules/needs.wasm
prints "7:i32"
ran 134 "$tern" run --trap-on-missing-imports --invoke call $modules/needs.wasm
says err "unlinked import called: env.absent"
ran 123 "$tern" run $modules/wrong_wasi.wasm
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
FROM_SHELL="a b" ran 0 "$tern" run --env FROM_SHELL --env NO_SUCH_VARIABLE --env=LAST= $hello
says out "env: FROM_SHELL=a b" "env: LAST="
name="$name, and no more"
[ "$(grep -c '^env: ' "$tmp/out")" = 2 ]
check_code $? 0
ran 1 "$tern" run $modules/exit256.wasm
ran 0 "$tern" run $modules/start_exits.wasm
ran 0 "$tern" run --preload lib=$modules/start_exits.wasm $hello fail
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
ran 124 "$tern" run --timeout 0.3 $hello spin
says err "stopped by --timeout 0.3"
ran 124 "$tern" run --timeout 0.3 $hello sleep
says err "stopped by --timeout 0.3"
name="run --timeout while reading"
sleep 3 | "$tern" run --timeout 300ms $hello read >"$tmp/out" 2>"$tmp/err"
check_code $? 124
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
ran 123 "$tern" run --limit functions=3 $files cat page
ran 125 "$tern" run --limit functions=0 $files cat page
ran 1 "$tern" run --limit functions=1000 --limit nesting=500 $files cat page
ran 1 "$tern" run --max-descriptors 4 --dir "$tmp/site::/" $files cat /page
ran 0 "$tern" run --max-descriptors 5 --dir "$tmp/site::/" $files cat /page
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
ran 123 "$tern" run --dir "$tmp/absent" $files ls /
says err "error while pre-opening directory" "absent"
ran 125 "$tern" run --dir ::/ $files ls /
says err "write it HOST"
ran 125 "$tern" run --dir
says err "needs a value"
name="the canary outside"
[ "$(cat "$tmp/canary")" = outside ]
check_code $? 0

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
