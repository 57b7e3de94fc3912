# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# The short names for what CMake does: `make help` lists them. PRESET picks another of
# CMakePresets.json, BUILD another place.

PRESET ?= release
BUILD ?= $(if $(filter release,$(PRESET)),build,build/$(PRESET))
PREFIX ?= /usr/local
JOBS ?= $(shell nproc 2>/dev/null || echo 2)

# An existing build keeps its generator.
GENERATOR := $(if $(wildcard $(BUILD)/CMakeCache.txt),,$(if $(shell command -v ninja),-G Ninja,))
# A warning of somebody's newer compiler must not keep them from building; in CI nothing passes.
WERROR := $(if $(CI),-DTERN_WERROR=ON)
# CMake starts its own make: flags of this one would only confuse it.
CMAKE := env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS cmake
COMPILE = $(CMAKE) --build $(BUILD) --parallel $(JOBS) $(if $(V),--verbose) --target

.PHONY: all configure demo check check-asan check-tsan check-deep check-threads check-size size bless bench fuzz install format clean help
all: configure
	@$(COMPILE) all

configure:
	@$(CMAKE) --preset $(PRESET) -B $(BUILD) $(GENERATOR) $(WERROR) $(CMAKE_ARGS) $(if $(V),,>/dev/null)

demo:
	@tools/install-deps
	@$(MAKE) --no-print-directory configure
	@$(COMPILE) example_exchange
	$(BUILD)/examples/exchange examples/exchange/guest.wasm

check: configure
	@$(COMPILE) tern_tests
	@sh test/run $(BUILD)/test/tests.list

check-asan:
	@$(MAKE) --no-print-directory check PRESET=asan

check-tsan:
	@$(MAKE) --no-print-directory check-threads PRESET=tsan

check-deep: configure
	@BUILD="$(BUILD)" test/deep $(PARTS)

check-threads: configure
	@$(COMPILE) tern_thread_tests
	@sh test/run $(BUILD)/test/threads.list

bless: configure
	@$(COMPILE) tern_cli
	@TERN_BUILD=$(BUILD) sh test/golden/golden_test.sh --bless

bench: configure
	@$(COMPILE) tern_bench
	@bench/run $(BUILD) $(BENCH_ARGS)

# A fifth of the time more for comparing with other engines, in the build that is shipped.
fuzz:
	@tools/install-deps fuzz
	@$(MAKE) --no-print-directory configure
	@$(COMPILE) fuzz_differential tern_cli
	@status=0; fuzz/campaign $(or $(MINUTES),10) || status=1; \
	fuzz/differential $$((($(or $(MINUTES),10) + 4) / 5)) $(BUILD) || status=1; exit $$status

size:
	@for preset in minsize mvp; do $(MAKE) --no-print-directory configure PRESET=$$preset && \
	    $(CMAKE) --build build/$$preset --parallel $(JOBS) --target bench_core || exit; done
	@bench/size build/minsize build/mvp

check-size:
	@for preset in minsize mvp; do $(MAKE) --no-print-directory configure PRESET=$$preset && \
	    $(CMAKE) --build build/$$preset --parallel $(JOBS) --target tern_core_tests && \
	    sh test/run build/$$preset/test/tests.list 'spec*' && \
	    sh test/run build/$$preset/test/tests.list 'unit/*' || exit; done

install: all
	@DESTDIR="$(DESTDIR)" $(CMAKE) --install $(BUILD) --prefix "$(PREFIX)"

format:
	@find src include test examples bench fuzz -name '*.[ch]' 2>/dev/null | xargs clang-format -i

clean:
	rm -rf build

help:
	@echo 'make            the library and the tern command, in build/'
	@echo 'make demo       installs a compiler and CMake if they are missing, then runs the example host'
	@echo 'make check      builds and runs every test; the last line counts them'
	@echo 'make check-asan the same under AddressSanitizer and UndefinedBehaviorSanitizer'
	@echo 'make check-tsan the tests that start threads, under ThreadSanitizer'
	@echo 'make check-deep MINUTES=3 PARTS=...: what takes too long for check (test/deep); parts without their tool are skipped'
	@echo 'make bless      test/golden: what is expected becomes what is'
	@echo 'make bench      measurements'
	@echo 'make fuzz       MINUTES=10: every fuzz target in turn, then other engines; failing inputs stay in fuzz/failures'
	@echo 'make install    PREFIX=/usr/local DESTDIR='
	@echo 'make format     clang-format over every C file'
	@echo 'make size       builds the presets minsize and mvp, and says how large they are'
	@echo 'make check-size runs the official suite and the unit tests in those builds'
	@echo 'make clean      removes build/'
	@echo 'Settings: PRESET=release|debug|asan|tsan|minsize|mvp  CC=clang  JOBS=2  V=1  CMAKE_ARGS=-D...'
