#!/bin/sh
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# texts_test.sh - what the command says of itself is complete and can be used: help, manual pages, completion,
# docs/command-line.md. The last line is `N passed, N failed, N skipped`.
set -u
build=${TERN_BUILD:?which build?}
tern=$build/tern
case $tern in /*) ;; *) tern=$PWD/$tern ;; esac
[ -x "$tern" ] || { echo "SKIP all: $tern is not built"; exit 77; }
cd "$(dirname "$0")/../.." || exit 2
modules=test/cli/modules
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
skipped=0
. test/cli/checks.sh
ours=$tern
skip() {
    echo "SKIP $1: $2"
    skipped=$((skipped + 1))
}

# --- the page of the documentation is what the command says
ran 0 tools/command-line --check "$tern"
[ ! -s "$tmp/out" ] || grep '^[-+]' "$tmp/out"

# --- every option of the table is in its command's help, manual page, completion and documentation
sed -n 's/^OPTION(\([A-Z]*\), [A-Z_]*, "\([^"]*\)", "\([^"]*\)".*/\1 \2 \3/p' src/cli/options.def >"$tmp/options"
name="the table has options"
[ "$(wc -l <"$tmp/options")" -gt 40 ]
check_code $? 0
for shell in bash zsh fish; do "$tern" completion $shell >"$tmp/$shell"; done
sed 's/ -l \([a-z-]*\)/ --\1/g; s/ -s \([a-zA-Z]\)/ -\1/g' "$tmp/fish" >"$tmp/fish2"
while read -r command options; do
    command=$(echo "$command" | tr A-Z a-z)
    "$tern" help "$command" >"$tmp/help"
    "$tern" help --man "$command" | sed 's/\\-/-/g' >"$tmp/man"
    for option in $options; do
        name="$command $option"
        says help "$option"
        says man "fB$option\\fR"
        says bash "$option"
        says zsh "$option"
        says fish2 "$option"
        cp docs/command-line.md "$tmp/docs"
        says docs "$option"
    done
done <"$tmp/options"

# --- help fits a terminal
for command in tern run inspect validate compile completion help iwasm; do
    "$tern" help $command >"$tmp/help"
    name="the width of help $command"
    ! sed '/^Examples:$/,/^$/d' "$tmp/help" | grep -q '.\{81\}'
    check_code $? 0
    name="trailing spaces of help $command"
    ! grep -q ' $' "$tmp/help"
    check_code $? 0
done

# --- manual pages: each is built, man takes it without a warning, and so does mandoc
for page in tern tern-run tern-inspect tern-validate tern-compile tern-completion tern-help iwasm; do
    source=$build/man/$page.1
    name="$page(1)"
    [ -s "$source" ]
    check_code $? 0
    if command -v groff >/dev/null && command -v man >/dev/null; then
        LC_ALL=C.UTF-8 MANROFFSEQ='' MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z "$source" >/dev/null 2>"$tmp/err"
        [ ! -s "$tmp/err" ]
        check_code $? 0
        LC_ALL=C.UTF-8 MANWIDTH=100 man -E UTF-8 -l "$source" 2>/dev/null | col -b >"$tmp/out"
        says out NAME SYNOPSIS DESCRIPTION EXAMPLES "SEE ALSO"
    else
        skip "$page" "needs man and groff"
    fi
    if command -v mandoc >/dev/null; then
        mandoc -Tlint -Wwarning "$source" 2>&1 | grep -v 'missing date, using ""' >"$tmp/err"
        [ ! -s "$tmp/err" ]
        check_code $? 0
    fi
    if command -v lexgrog >/dev/null; then
        lexgrog "$source" >"$tmp/out" 2>&1
        check_code $? 0
    fi
done
command -v mandoc >/dev/null || skip mandoc "it is not installed"

# --- completion
completed() { # WORDS...: what bash offers for the last word
    bash -c 'source "$0"; shift 0; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); compopt() { :; }
             "_${COMP_WORDS[0]}"; printf "%s\n" "${COMPREPLY[@]}"' "$tmp/bash" "$@" >"$tmp/out" 2>"$tmp/err"
    name="bash completes: $*"
    [ ! -s "$tmp/err" ]
    check_code $? 0
}
if command -v bash >/dev/null; then
    completed tern ""
    says out run inspect validate compile completion help --version
    completed tern va
    prints validate
    completed tern run --pre
    prints --preload
    completed tern run --tier ""
    prints "auto
interp"
    completed tern run --fuel ""
    prints ""
    completed tern run --dir src/cl
    prints src/cli
    completed tern run src/LAY
    prints src/LAYERS
    completed tern completion z
    prints zsh
    completed tern help ins
    prints inspect
    completed iwasm --heap
    prints --heap-size=
    completed iwasm -f
    prints -f
else
    skip "completion in bash" "it is not installed"
fi
if command -v zsh >/dev/null; then
    ran 0 zsh -n "$tmp/zsh"
    ran 0 zsh -fc "autoload -U compinit; compinit -D -u; source '$tmp/zsh'; whence -w _tern"
    says out "_tern: function"
else
    skip "completion in zsh" "it is not installed"
fi
if command -v fish >/dev/null; then
    ran 0 fish --no-config -c "source '$tmp/fish'; complete -C 'tern run --pre'"
    says out --preload
    ran 0 fish --no-config -c "source '$tmp/fish'; complete -C 'tern val'"
    says out validate
    ran 0 fish --no-config -c "source '$tmp/fish'; complete -C 'tern run --tier '"
    says out interp
else
    skip "completion in fish" "it is not installed"
fi

# --- JSON
if command -v python3 >/dev/null; then
    for module in $modules/*.wasm test/wasi/programs/hello.wasm; do
        case $module in */invalid.wasm) continue ;; esac
        ran 0 "$tern" inspect --json "$module"
        python3 -c 'import json, sys; assert json.load(sys.stdin)["file"] == sys.argv[1]' "$module" \
            <"$tmp/out" 2>"$tmp/err"
        check_code $? 0
    done
    ran 0 "$tern" inspect --json $modules/math.wasm
    python3 -c '
import json, sys
m = json.load(sys.stdin)
assert m["bytes"] == 385 and "simd" in m["features"] and m["functions"] == 13, m
assert m["memories"] == [{"type": "1 2", "min_bytes": 65536, "max_bytes": 131072, "imported": False}], m
assert {"kind": "func", "name": "add", "index": 0, "type": "(param i32 i32) (result i32)"} in m["exports"], m
assert m["sections"][-1]["name"] == "name" and not m["has_start"], m' <"$tmp/out" 2>"$tmp/err"
    check_code $? 0
else
    skip "inspect --json" "needs python3"
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
