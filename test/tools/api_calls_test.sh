#!/bin/sh
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Every function that a header in include/ declares is called by some program in test/api. A declaration is what the
# preprocessor leaves behind the mark of an exported function, as in test/install/exports_test.sh, which knows that
# these are all; a call is a name before a parenthesis, outside of comments and of declarations.
set -u
cc=${CC:-cc}
command -v "$cc" >/dev/null 2>&1 || { echo "SKIP all: needs a C compiler"; exit 77; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
passed=0
failed=0

# declared INCLUDE_DIR: the functions that its headers declare, one a line.
declared() {
    marks='-DTERN_API=@export -DWASM_RUNTIME_API_EXTERN=@export -DWASM_API_EXTERN=@export'
    for header in "$1"/*.h; do
        { "$cc" -E -P $marks -I"$1" "$header"; echo; } | tr '\n' ' ' | sed 's/@export /\n&/g' |
            sed -n 's/^@export [^(;]*[ *]\([A-Za-z_][A-Za-z_0-9]*\) *(.*/\1/p'
        echo
    done | sed '/^$/d' | sort -u
}

# called TEST_DIR: names before a parenthesis in its sources.
called() {
    cat "$1"/*.[ch] | sed -e 's,//.*,,' -e 's,/\*[^*]*\*/,,g' -e '/^extern/d' |
        grep -oE '[A-Za-z_][A-Za-z_0-9]* *\(' | tr -d ' (' | sort -u
}

# missing INCLUDE_DIR TEST_DIR: what is declared and not called.
missing() {
    declared "$1" >"$dir/declared"
    called "$2" >"$dir/called"
    comm -23 "$dir/declared" "$dir/called" | tr '\n' ' '
}

# verdict NAME GOT WANTED
verdict() {
    if [ "$2" = "$3" ]; then
        passed=$((passed + 1))
    else
        echo "FAIL $1: $2"
        failed=$((failed + 1))
    fi
}

# The check finds what it is for.
mkdir "$dir/include" "$dir/test"
cat >"$dir/include/a.h" <<'END'
typedef void (*callback)(int);
TERN_API int plain(int a);
WASM_RUNTIME_API_EXTERN struct S *
over_lines(int a, callback f);
TERN_API void only_in_a_comment(void);
TERN_API void
only_declared(void);
int somebody_elses(void);
END
cat >"$dir/test/a_test.c" <<'END'
extern void only_declared(void);
int main(void) { return plain (1) + (over_lines(1, 0) != 0); } /* only_in_a_comment(); */
END
verdict 'this check' "$(missing "$dir/include" "$dir/test")" 'only_declared only_in_a_comment '
verdict 'functions that no program in test/api calls' "$(missing include test/api)" ''
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
