#!/bin/sh
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# The C in the documents compiles without a warning, runs, and prints what stands there. A comment before a block
# says how; a reader does not see it:
#
#   <!-- run WRAP [GUEST] [MACRO=VALUE ...] -->   the next ```c block is a body, put into test/docs/wraps/WRAP.c and run
#                                          with GUEST, a module; test/docs/guest.wasm unless named
#   <!-- program [GUEST ...] -->           it is a whole program, run with these arguments
#   <!-- top -->                           it is outside of functions, in the program of the next `run`
#   <!-- compile WRAP -->                  a body that is compiled and not run
#   <!-- text -->                          C that is not compiled: prototypes out of a header, pseudo code
#   <!-- prints -->                        the next ``` block is what that program prints, stderr with stdout; a
#                                          line of three dots stands for any lines
#
# A block without one is an error in these documents. Everything is linked with the shared library.
set -u
build=${TERN_BUILD:?}
cc=$(sed -n 's/^CMAKE_C_COMPILER:[A-Z]*=//p' "$build/CMakeCache.txt")
sanitize=$(sed -n 's/^TERN_SANITIZE:[A-Z]*=//p' "$build/CMakeCache.txt")
dir=$(mktemp -d)
[ -n "${TERN_KEEP:-}" ] && echo "$dir" || trap 'rm -rf "$dir"' EXIT
passed=0
failed=0
verdict() { # STATUS NAME [WHY]
    if [ "$1" = 0 ]; then
        passed=$((passed + 1))
    else
        echo "FAIL $2: $(echo "${3:-}" | head -n 12 | tr '\n' '|')"
        failed=$((failed + 1))
    fi
}

# Each block becomes LINE.c, with the lines of the document, LINE.top, what stands in front of main, LINE.how, and
# LINE.prints if it is said.
extract() { # DOCUMENT FOLDER
    awk -v dir="$2" -v document="$1" '
        function begin(how, line) {
            base = dir "/" sprintf("%05d", line)
            print how >(base ".how")
            printf "%s", top >(base ".top")
            close(base ".how"); close(base ".top")
            top = ""
            block = base ".c"
            printf "#line %d \"%s\"\n", line + 1, document >block
        }
        /^<!-- (run|program|top|compile|text|prints)[ A-Za-z0-9_.\/=-]* -->$/ {
            how = $0; sub(/^<!-- /, "", how); sub(/ -->$/, "", how); next
        }
        block != "" && /^ *```$/ { if (block != "top") close(block); block = ""; next }
        block == "top" { top = top $0 "\n"; next }
        block != "" { print >block; next }
        skipping { if (/^ *```$/) skipping = 0; next }
        /^ *```c$/ && how == "" { print document ":" NR; skipping = 1; next }
        /^ *```c$/ && how == "top" {
            block = "top"; top = top sprintf("#line %d \"%s\"\n", NR + 1, document); how = ""; next
        }
        /^ *```c$/ && how != "text" { begin(how, NR); how = ""; next }
        /^ *```$/ && how == "prints" { block = base ".prints"; printf "" >block; how = ""; next }
        /^ *```/ { skipping = 1; how = "" }
    ' "$1"
}

# A line of three dots in EXPECTED stands for any number of lines.
matches() { # EXPECTED PRINTED
    awk 'NR == FNR { want[n++] = $0; next } { have[m++] = $0 }
        function fits(i, j) {
            for (; i < n && want[i] != "..."; i++ j++) if (j >= m || want[i] != have[j]) return 0
            if (i == n) return j == m
            for (; j <= m; j++) if (fits(i + 1, j)) return 1
            return 0
        }
        END { exit !fits(0, 0) }' "$1" "$2"
}

# Wraps a body: what came from `top` blocks goes in front of main.
wrap() { # WRAP TOP BODY
    awk -v top="$2" -v body="$3" '
        function put(file, line) { while ((getline line <file) > 0) print line }
        { print }
        /^\/\* --- top --- \*\/$/ { put(top); printf "#line %d \"wrap\"\n", NR + 1 }
        /^\/\* --- body --- \*\/$/ { put(body); printf "#line %d \"wrap\"\n", NR + 1 }' "test/docs/wraps/$1.c"
}

snippet() { # DOCUMENT FOLDER LINE
    name=$1:$(expr "$3" + 0)
    read -r kind rest <"$2/$3.how"
    set -- "$1" "$2" "$3" $rest
    base=$2/$3
    shift 3
    flags=
    guest=test/docs/guest.wasm
    if [ "$kind" = program ]; then
        cp "$base.c" "$base.whole.c"
        guest=$*
    else
        wrap=$1
        shift
        for word; do case $word in *=*) flags="$flags -D$word" ;; *) guest=$word ;; esac; done
        wrap "$wrap" "$base.top" "$base.c" >"$base.whole.c"
    fi
    rm -f "$base.program"
    why=$($cc -std=gnu11 -O1 -g -Wall -Wextra -Werror ${sanitize:+-fsanitize=$sanitize} $flags -Iinclude \
        -Itest/docs/wraps -Iexamples "$base.whole.c" -o "$base.program" "$build/libtern.so" \
        "-Wl,-rpath,$build" -pthread -lm 2>&1)
    verdict $? "$name compiles" "$why"
    [ -x "$base.program" ] && [ "$kind" != compile ] || return
    timeout 60 "$base.program" $guest >"$base.printed" 2>&1
    status=$?
    verdict $status "$name runs" "status $status: $(cat "$base.printed")"
    [ -e "$base.prints" ] || return
    why=$(matches "$base.prints" "$base.printed" || diff "$base.prints" "$base.printed")
    matches "$base.prints" "$base.printed"
    verdict $? "$name prints what it says" "$why"
}

documents="README.md docs/embedding.md docs/memory-exchange.md docs/migrating-from-wamr.md"
for document in ${TERN_DOCS:-$documents}; do
    [ -e "$document" ] || continue
    folder=$dir/$(basename "$document" .md)
    mkdir "$folder"
    why=$(extract "$document" "$folder")
    [ -z "$why" ]
    verdict $? "every C block of $document says how it is tested" "$why"
    for how in "$folder"/*.how; do
        [ ! -e "$how" ] || snippet "$document" "$folder" "$(basename "$how" .how)"
    done
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
