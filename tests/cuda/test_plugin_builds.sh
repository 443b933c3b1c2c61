#!/usr/bin/env bash
# CMake and Makefile.cuda build the plugin from the same sources with the same flags, every .cu file
# is among them, the program opens what was built, and nothing is opened before it is asked for.
set -euo pipefail
program=$1
fail() { echo "test_plugin_builds: $*" >&2; exit 1; }

cd "$LEIT_SOURCE_DIR"
diff "$LEIT_BINARY_DIR/cuda/plugin.txt" <(make -s -f Makefile.cuda print) || fail "CMake and make differ"
diff <(ls kernels/*.cu src/cuda/*.cu) <(sed -n 's/^sources //p' "$LEIT_BINARY_DIR/cuda/plugin.txt" | tr ' ' '\n' | sort) ||
    fail "cmake/cuda_plugin.mk does not list every .cu file"
# The ops of a table are what its list names, and what has a .cu file of its kind: listed OPS.def SUFFIX.
listed() {
    diff <(ls kernels/*"$2".cu | sed "s|kernels/||; s|$2\.cu$||" | grep -v "${3-^$}") \
         <(sed -n 's/^LEIT_OP[A-Z_]*(\(.*\))$/\1/p' "kernels/$1" | sort) ||
        fail "kernels/$1 does not list every op with a *$2.cu file"
}
listed ops_cuda.def '' '_fast\|_library$\|^backend_cuda$\|^cublaslt$\|^cudnn$\|^cufft$'
listed ops_cuda_fast.def _fast
listed ops_cuda_library.def _library

LD_DEBUG=libs "$program" version 2>&1 | grep -qi 'cuda' && fail "the program loads CUDA at start-up"

plugin=$LEIT_BINARY_DIR/libleitmotif_cuda.so
if [ -f "$plugin" ]; then
    said=$(LEITMOTIF_CUDA_PLUGIN=$plugin "$program" doctor --json)
    grep -q '"plugin_abi": [0-9]' <<<"$said" || fail "the doctor cannot open $plugin: $said"
    grep -q '"ops": ".* layernorm' <<<"$said" || fail "the plugin lacks layernorm: $said"
    symbols=$(nm -D --defined-only "$plugin" | awk '{ print $3 }')
    [ "$symbols" = leit_cuda_plugin ] || fail "the plugin exports more than its table: $symbols"
fi
said=$(LEITMOTIF_CUDA_PLUGIN=/nowhere/x.so "$program" doctor)
grep -q "LEITMOTIF_CUDA_PLUGIN is '/nowhere/x.so'" <<<"$said" || fail "no reason given: $said"
echo "plugin builds: fine"
