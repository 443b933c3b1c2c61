#!/usr/bin/env bash
# What `cmake --install` leaves behind serves a stranger: the program runs, a C program builds against
# both libraries with pkg-config and with find_package, and every public header compiles alone as C
# and as C++.
set -euo pipefail
fail() { echo "test_install: $*" >&2; exit 1; }
setting() { sed -n "s/^$1:[A-Z]*=//p" "$LEIT_BINARY_DIR/CMakeCache.txt"; }
if [ -n "$(setting LEITMOTIF_SANITIZE)" ]; then echo "skipped: strangers link no sanitizers"; exit 77; fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
prefix=$scratch/prefix
here=$LEIT_SOURCE_DIR/tests/install
cmake --install "$LEIT_BINARY_DIR" --prefix "$prefix" >"$scratch/log" 2>&1 || { cat "$scratch/log"; fail "cmake --install"; }

"$prefix/bin/leitmotif" version >"$scratch/version" || fail "the installed program does not run"
pkgconfig=$(dirname "$(find "$prefix" -name leitmotif.pc)")
export PKG_CONFIG_PATH=$pkgconfig
libraries=$(dirname "$pkgconfig")
[ "leitmotif $(pkg-config --modversion leitmotif)" = "$(cat "$scratch/version")" ] || fail "pkg-config has another version"

# says PROGRAM: it must name the missing file and the status of a bad index.
says() {
    local said
    said=$(LD_LIBRARY_PATH=$libraries "$@") || fail "$* does not run"
    [[ $said == "4: "*no/such/index.h5* ]] || fail "$* said '$said'"
}
warnings="-Wall -Wextra -Wpedantic -Wstrict-prototypes -Werror"
cc=$(setting CMAKE_C_COMPILER)
$cc -std=c17 $warnings "$here/consumer.c" -o "$scratch/shared" $(pkg-config --cflags --libs leitmotif)
says "$scratch/shared"
$cc -std=c17 $warnings "$here/consumer.c" -o "$scratch/static" $(pkg-config --cflags leitmotif) \
    "$libraries/libleitmotif.a" $(pkg-config --static --libs leitmotif | sed 's/-lleitmotif//')
says "$scratch/static"
c++ -std=c++17 -x c++ "$here/consumer.c" -x none -o "$scratch/cplusplus" $(pkg-config --cflags --libs leitmotif)
says "$scratch/cplusplus"

cmake -G "$(setting CMAKE_GENERATOR)" -S "$here" -B "$scratch/consumer" -DCMAKE_PREFIX_PATH="$prefix" \
    -DCMAKE_C_COMPILER="$cc" >"$scratch/log" 2>&1 || { cat "$scratch/log"; fail "find_package(Leitmotif)"; }
cmake --build "$scratch/consumer" >"$scratch/log" 2>&1 || { cat "$scratch/log"; fail "find_package builds nothing"; }
says "$scratch/consumer/consumer_shared"
says "$scratch/consumer/consumer_static"
ldd "$scratch/consumer/consumer_static" | grep -q libleitmotif && fail "Leitmotif::static is not static"

n_headers=0
for header in "$prefix"/include/leitmotif/*.h; do
    name=leitmotif/$(basename "$header")
    echo "#include <$name>" >"$scratch/alone.c"
    $cc -std=c17 $warnings -fsyntax-only $(pkg-config --cflags leitmotif) "$scratch/alone.c" || fail "$name is no C"
    c++ -std=c++17 -x c++ -Wall -Wextra -Wpedantic -Werror -fsyntax-only $(pkg-config --cflags leitmotif) \
        "$scratch/alone.c" || fail "$name is no C++"
    grep -q '^extern "C" {' "$header" || fail "$name does not tell C++ that it is C"
    n_headers=$((n_headers + 1))
done
[ "$n_headers" -eq "$(ls "$LEIT_SOURCE_DIR"/include/leitmotif/*.h | wc -l)" ] || fail "$n_headers headers are installed"
echo "install: fine, $n_headers headers"
