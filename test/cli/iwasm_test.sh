#!/bin/sh
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# iwasm_test.sh [IWASM] - the command line of WAMR's iwasm, option by option: what it prints, where, and how it
# ends. IWASM is the program to test, else $TERN_BUILD/iwasm. The last line is `N passed, N failed, N skipped`.
set -u
iwasm=${1:-${TERN_BUILD:?which build?}/iwasm}
case $iwasm in /*) ;; *) iwasm=$PWD/$iwasm ;; esac
[ -x "$iwasm" ] || { echo "SKIP all: $iwasm is not built"; exit 77; }
include=$(cd "$(dirname "$0")/../../include" && pwd)
cd "$(dirname "$0")" || exit 2
modules=modules
hello=../wasi/programs/hello.wasm
files=../wasi/programs/files.wasm
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
skipped=0
. ./checks.sh
ours=$iwasm

# --- help, version, usage: on standard output, with code 1 where WAMR has that
for args in "" --help -h --bogus -f "-f add" "-f add --bogus" -v= -v=6 -v=-1 --stack-size --stack-size= --heap-size= \
    --shared-heap-size= --gc-heap-size= --jit-codecache-size= --llvm-jit-size-level= --llvm-jit-opt-level= \
    --enable-segue= --enable-segue=i16.load --env --env= --dir= --map-dir= --addr-pool= --allow-resolve= \
    --native-lib= --module-path= --max-threads= --timeout= -g= -g=1234 -g=127.0.0.1: -g=127.0.0.1:x \
    --gen-prof-file= --repl; do
    # shellcheck disable=SC2086
    ran 1 "$iwasm" $args
    says out "Usage: iwasm [-options] wasm_file [args...]" "--repl"
done
ran 1 "$iwasm" --env=novalue $hello
says out 'Wasm parse env string failed: expect "key=value", got "novalue"' "Usage: iwasm"
ran 0 "$iwasm" --version
says out "Phase4 Wasm Proposals Status:" "    - Tail Call: 1" "This is Tern"
name="the first line of --version"
[ "$(head -n 1 "$tmp/out")" = "iwasm 2.4.3" ]
check_code $? 0

# --- what cannot be loaded or instantiated: 255
ran 255 "$iwasm" "$tmp/absent.wasm"
says out "open file $tmp/absent.wasm failed"
ran 255 "$iwasm" $modules/invalid.wasm
says out "WASM module load failed: type mismatch"
ran 255 "$iwasm" $modules/math.wat
says out "WASM module load failed: magic header not detected"
ran 255 "$iwasm" --dir="$tmp/absent" $hello
says out "WASM module instantiate failed: " "error while pre-opening directory"

# --- -f, --function
ran 0 "$iwasm" -f add $modules/math.wasm 2 3
prints "0x5:i32"
ran 0 "$iwasm" --function add $modules/math.wasm 0xffffffff -1
prints "0xfffffffe:i32"
ran 0 "$iwasm" -f swap $modules/math.wasm 2 3
prints "0x3:i64,0x2:i32"
ran 0 "$iwasm" -f half $modules/math.wasm 3
prints "1.5:f64"
ran 0 "$iwasm" -f halff $modules/math.wasm 1
prints "0.5:f32"
ran 0 "$iwasm" -f same $modules/math.wasm '0x1\0x2'
prints "<0x0000000000000001 0x0000000000000002>:v128"
ran 0 "$iwasm" -f ref $modules/math.wasm null
prints "extern:ref.null"
ran 0 "$iwasm" -f nothing $modules/math.wasm
prints ""
ran 1 "$iwasm" -f nope $modules/math.wasm
prints "Exception: lookup function nope failed"
ran 1 "$iwasm" -f add $modules/math.wasm 1
prints "Exception: invalid input argument count"
ran 1 "$iwasm" -f add $modules/math.wasm 1 x
says out "Exception: invalid input argument 1: x"
ran 1 "$iwasm" -f divide $modules/math.wasm 1 0
prints "Exception: integer divide by zero"
ran 1 "$iwasm" $modules/math.wasm
says out "Exception: lookup the entry point symbol (like _start, main, _main, __main_argc_argv) failed"

# --- programs: their own exit code
ran 3 "$iwasm" --env=A=1 --env=B=two $hello one "two words" --env
says out "arg 0: $hello" "arg 2: two words" "arg 3: --env" "env: A=1" "env: B=two"
ran 1 "$iwasm" $hello fail
says out "Exception: out of bounds memory access"
ran 0 "$iwasm" $modules/exit256.wasm
mkdir -p "$tmp/site/inner"
echo inside >"$tmp/site/page"
ran 0 "$iwasm" --dir="$tmp/site" $files cat "$tmp/site/page"
prints inside
ran 0 "$iwasm" --map-dir="/data::$tmp/site" $files cat /data/page
prints inside
ran 0 "$iwasm" --dir="$tmp/site/inner" --map-dir="data::$tmp/site" $files cat data/page
prints inside
ran 1 "$iwasm" $files cat "$tmp/site/page"
ran 255 "$iwasm" --map-dir="$tmp/site" $files cat /page
says out "WASM module instantiate failed: " "invalid map"

# --- what is accepted and changes nothing here
for option in --interp --stack-size=131072 --heap-size=0 --heap-size=8192 --gc-heap-size=262144 \
    --jit-codecache-size=1000000 --llvm-jit-size-level=3 --llvm-jit-opt-level=1 --enable-segue --enable-segue=i32.load,v128.store --enable-linux-perf --disable-bounds-checks --max-threads=8 \
    --addr-pool=1.2.3.4/15,2.3.4.5/16 --allow-resolve=example.com "--allow-resolve=*" --timeout=10000 \
    --gen-prof-file="$tmp/prof" --module-path="$tmp" -v=0 -v=5; do
    ran 0 "$iwasm" $option -f add $modules/math.wasm 2 3
    prints "0x5:i32"
done
ran 0 "$iwasm" --llvm-jit-size-level=0 --llvm-jit-opt-level=9 -f nothing $modules/math.wasm
prints "LLVM JIT size level shouldn't be smaller than 1, setting it to 1
LLVM JIT opt level shouldn't be greater than 3, setting it to 3"
"$iwasm" --shared-heap-size=65536 -f add $modules/math.wasm 2 3 >"$tmp/out" 2>"$tmp/err"
status=$?
name="--shared-heap-size"
if grep -q "Attach shared heap failed" "$tmp/out"; then
    check_code $status 255 # where accesses are checked in software
else
    check_code $status 0
    prints "0x5:i32"
fi
ran 1 "$iwasm" --stack-size=4096 -f deep $modules/math.wasm
says out "Exception: wasm operand stack overflow"

# --- what is not in this build is refused as by a WAMR without it
for option in --fast-jit --llvm-jit --multi-tier-jit; do
    "$iwasm" $option -f add $modules/math.wasm 2 3 >"$tmp/out" 2>"$tmp/err"
    status=$?
    name="$option"
    if [ $status = 0 ]; then continue; fi # a build with that tier
    check_code $status 1
    says out "Usage: iwasm"
    says err "$option: not in this build"
done
"$iwasm" -g=127.0.0.1:0 -f add $modules/math.wasm 2 3 >"$tmp/out" 2>"$tmp/err" </dev/null &
debugged=$!
( sleep 5; kill $debugged 2>/dev/null ) &
wait $debugged
status=$?
name="-g in a build without a debugger"
if [ $status = 255 ]; then
    check_code $status 255
    says out "Failed to start debug instance"
else
    echo "SKIP -g: this build has a debugger, which waits"
    skipped=$((skipped + 1))
fi

# --- -v
ran 1 "$iwasm" -f load $modules/math.wasm 65533
says err "4 bytes at address 0xfffd"
ran 1 "$iwasm" -v=1 -f load $modules/math.wasm 65533
prints "Exception: out of bounds memory access"
name="$name, quietly"
[ ! -s "$tmp/err" ]
check_code $? 0
ran 0 "$iwasm" -f fine $modules/needs.wasm
prints "0x7:i32"
says err "warning: failed to link import function (env, absent)"
ran 1 "$iwasm" -f call $modules/needs.wasm
says out "Exception: failed to call unlinked import function (env, absent)"

# --- --timeout, of the start function too
ran 1 "$iwasm" --timeout=200 -f spin $modules/math.wasm
prints "Exception: terminated by user"
ran 255 "$iwasm" --timeout=200 $modules/start_spin.wasm
prints "WASM module instantiate failed: Exception: terminated by user"
ran 1 "$iwasm" --timeout=300 $hello sleep
says out "Exception: terminated by user"

# --- --addr-pool, --allow-resolve
sockets=../wasi/programs/sockets.wasm
name="a network that is not allowed"
"$iwasm" --addr-pool=10.0.0.0/8 $sockets tcp >"$tmp/out" 2>"$tmp/err"
[ $? != 0 ]
check_code $? 0
ran 0 "$iwasm" --addr-pool=10.0.0.0/8,127.0.0.0/8 $sockets tcp
ran 0 "$iwasm" --addr-pool=10.0.0.0/8 --addr-pool=127.0.0.0/8 $sockets udp
ran 255 "$iwasm" --addr-pool=bogus $sockets tcp
says out "WASM module instantiate failed: " "bogus"
name="a name that is not allowed"
"$iwasm" --allow-resolve=other $sockets resolve localhost >"$tmp/out" 2>"$tmp/err"
[ $? != 0 ]
check_code $? 0
ran 0 "$iwasm" --allow-resolve=localhost $sockets resolve localhost

# --- --repl
name="--repl"
printf 'add 2 3\n\nload 65533\n   fac   20  \nnope\nadd 1\n__exit__\nadd 1 1\n' |
    "$iwasm" -v=0 --heap-size=0 --repl $modules/math.wasm >"$tmp/out" 2>"$tmp/err"
check_code $? 0
prints "webassembly> 0x5:i32
webassembly> webassembly> Exception: out of bounds memory access
webassembly> 0x21c3677c82b40000:i64
webassembly> Exception: lookup function nope failed
webassembly> Exception: invalid input argument count
webassembly> exit repl mode"
name="--repl to the end of input"
printf 'add 2 3' | "$iwasm" --repl $modules/math.wasm >"$tmp/out" 2>"$tmp/err"
check_code $? 0
says out "0x5:i32"
name="--repl, a name with spaces"
printf 'a\\ b\\ c 4\na\\b\\c 5\n' | "$iwasm" --repl $modules/spaces.wasm >"$tmp/out" 2>"$tmp/err"
check_code $? 0
says out "0x5:i32" "0x6:i32"

# --- --module-path
cp $modules/math.wasm "$tmp/site/math.wasm"
ran 0 "$iwasm" --module-path="$tmp/site" -f seven $modules/imports_math.wasm
prints "0x7:i32"
name="--module-path, by default the current directory"
(cd "$tmp/site" && "$iwasm" -f seven "$OLDPWD/$modules/imports_math.wasm") >"$tmp/out" 2>"$tmp/err"
check_code $? 0
prints "0x7:i32"
ran 1 "$iwasm" --module-path="$tmp" -f seven $modules/imports_math.wasm
says out "Exception: failed to call unlinked import function (math, add)"

# --- --native-lib
ran 1 "$iwasm" --native-lib="$tmp/absent.so" -f call $modules/needs.wasm
says err "failed to load native library $tmp/absent.so"
cat >"$tmp/lib.c" <<'C'
#include <stdio.h>
#include <wasm_export.h>

static int64_t absent(wasm_exec_env_t env, int32_t n)
{
    printf("absent(%d) of %s\n", n, wasm_runtime_get_module_inst(env) != NULL ? "an instance" : "nobody");
    return 0;
}
static NativeSymbol symbols[] = {EXPORT_WASM_API_WITH_SIG(absent, "(i)I")};
uint32_t get_native_lib(char **module, NativeSymbol **out)
{
    *module = (char *)"env";
    *out = symbols;
    return 1;
}
int init_native_lib(void) { return INIT; }
void deinit_native_lib(void) { puts("deinit"); }
C
if grep -q '^TERN_SANITIZE:[A-Z]*=.' "$(dirname "$iwasm")/CMakeCache.txt" 2>/dev/null; then
    echo "SKIP --native-lib: a sanitized program asks for sanitized libraries"
    skipped=$((skipped + 1))
elif ${CC:-cc} -shared -fPIC -DINIT=0 -I"$include" "$tmp/lib.c" -o "$tmp/lib.so" 2>"$tmp/err"; then
    ran 0 "$iwasm" --native-lib="$tmp/lib.so" -f call $modules/needs.wasm
    prints "absent(1) of an instance

deinit"
    ${CC:-cc} -shared -fPIC -DINIT=3 -I"$include" "$tmp/lib.c" -o "$tmp/bad.so"
    ran 1 "$iwasm" --native-lib="$tmp/bad.so" -f call $modules/needs.wasm
    says err "\`init_native_lib\` function from native lib $tmp/bad.so failed with 3"
    ${CC:-cc} -shared -fPIC -Dget_native_lib=other -DINIT=0 -I"$include" "$tmp/lib.c" -o "$tmp/none.so"
    ran 1 "$iwasm" --native-lib="$tmp/none.so" -f call $modules/needs.wasm
    says err "failed to lookup \`get_native_lib\` function"
else
    echo "SKIP --native-lib: no compiler"
    skipped=$((skipped + 1))
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
