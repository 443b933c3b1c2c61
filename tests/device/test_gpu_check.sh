#!/usr/bin/env bash
# scripts/gpu_check, rehearsed: a bundle whose programs run on the emulator and the CPU, and tools that find something, refuse or
# are not there. What it writes down must be what they said.   test_gpu_check.sh PROGRAM
. "$LEIT_SOURCE_DIR/tests/cli/expect.sh"
grep -qE '^LEITMOTIF_SANITIZE:[A-Z]*=.' "$LEIT_BINARY_DIR/CMakeCache.txt" && { echo "skipped: a script has no use for sanitizers"; exit 77; }
emulated=$LEIT_BINARY_DIR/tests/cuda_on_cpu/device_check_emulated
[ -x "$emulated" ] || { echo "test_gpu_check: no emulator in this build"; exit 77; }

if [ ! -e /dev/nvidiactl ] && ! command -v nvidia-smi >/dev/null; then
    said=$(GPU_CHECK_BUNDLE=$scratch/none scripts/gpu_check test "$scratch/out" 2>&1)
    [ $? = 77 ] && [ "$said" = "gpu_check: there is no GPU on this machine" ] || fail "without a GPU: $said"
fi

bundle=$scratch/bundle
mkdir -p "$bundle/bin" "$bundle/lib"
echo 0123abc >"$bundle/commit"
script() { cat >"$bundle/bin/$1"; chmod +x "$bundle/bin/$1"; }
script nvidia-smi <<'END'
#!/bin/sh
echo "Emulated GPU, 1.0, 1000 MHz, 2000 MHz"
END
# mse and conv2d really run; gelu is found wrong; relu's tool does not come back.
script device_check <<END
#!/bin/bash
shift
for op; do :; done
case \$op in
mse | conv2d) exec "$emulated" emulated "\$1" "\$2" once "\$op" ;;
gelu) echo '"",gelu,plain,fp32,failed,"y[3] is 1, expected 2"'; exit 1 ;;
*) exit 0 ;;
esac
END
script test_nccl <<'END'
#!/bin/sh
echo "not run: NCCL is not here" >&2
exit 77
END
script ptx_check <<'END'
#!/bin/bash
cat <<'SAID'
1..3
ok 1 - products_of_bf16
ERROR: (0, 0) is 1, expected 2
not ok 2 - products_of_tf32
# tensor_cases.c:9: error: Failure!
not ok 3 - conversions
# pair[i] == 3
# tensor_cases.c:10: error: Failure!
SAID
exit 139
END
script compute-sanitizer <<'END'
#!/bin/bash
shift 3
case "$*" in
*" once mse") echo "========= Invalid __global__ write of size 4 bytes"; exit 9 ;;
*" once add") echo "Device not supported"; exit 1 ;;
*" once relu") echo "========= Target application terminated" ;;
*) echo "========= ERROR SUMMARY: 0 errors" ;;
esac
END
script leitmotif <<END
#!/bin/bash
[ "\$1" = corpus ] && exec "$program" "\$@" --texts 5 --clips 5
case "\$2" in
*metric3*) ;; # the others would take a minute
*) # one is interrupted on the GPU, one has another loss there
    for word; do case \$word in run.directory=*) run=\${word#*=} ;; esac; done
    mkdir -p "\$run"
    last=1
    case \$run in *tagging.cuda.*) last=1.5 ;; esac
    case \$run in *multihead_alm.cuda.*) ;; *) echo '{"loss": 2}' ;; esac >"\$run/metrics.jsonl"
    echo "{\"loss\": \$last}" >>"\$run/metrics.jsonl"
    exit 0 ;;
esac
exec "$program" "\$@" run.device=cpu run.precision=fp32 train.max_steps=2 train.batch=8 model.music.channels=1 \
    model.text.layers=1 model.text.width=8 model.text.heads=2 model.text.ffn_width=16
END
for name in bench_kernels bench_train_step; do
    script $name <<END
#!/bin/bash
case "\$0 \$*" in
*bench_kernels*plain*) echo '{"op": "mse", "params": "N=1", "direction": "forward", "ms": 0.5, "gflops": 1.0, "gbytes_per_s": 2.0}' ;;
*bench_train_step*) echo '{"bench": "train_step", "median_ms": 1.25, "graph_nodes": 281}' ;;
*) echo "bench_kernels: out of memory" >&2; exit 5 ;;
esac
END
done
# P1 comes through without the bundle's libraries, P2 does not.
script python3 <<END
#!/bin/bash
case "\$*" in
*"cuda_step.py P1") [ -z "\$LD_LIBRARY_PATH" ] && echo '{"bench": "train_step", "peer": "torch P1", "median_ms": 6.5}' ;;
*cuda_step.py*) echo "ModuleNotFoundError: No module named 'torch'" >&2; exit 1 ;;
*) exec $(command -v python3) "\$@" ;;
esac
END
export GPU_CHECK_BUNDLE=$bundle PATH=$bundle/bin:$PATH

# stage NAME STATUS
stage() {
    scripts/gpu_check "$1" "$scratch/out" >"$scratch/said" 2>&1
    [ $? = "$2" ] || fail "$1: not $2: $(tail -n 3 "$scratch/said")"
    rows=$scratch/out/$1.csv
    head -n 1 "$rows" | grep -qx 'stage,what,kernels,precision,result,detail' || fail "$1: no head"
    holds "$1,\"machine\",-,-,Emulated GPU 1.0 1000 MHz 2000 MHz,\"commit 0123abc"
}
holds() { grep -qF -- "$1" "$rows" || fail "no '$1' in $(cat "$rows")"; }

stage test 1
holds 'test,"mse",plain,fp32,passed,""'
holds 'test,"conv2d",fast,bf16,passed,""'
holds 'test,"ptx products_of_bf16",plain,-,passed,""'
holds 'test,"ptx products_of_tf32",plain,-,failed,"(0, 0) is 1, expected 2"'
holds 'test,"ptx conversions",plain,-,failed,"pair[i] == 3"'
holds 'test,"ptx",plain,-,failed,"ended with 139:'
holds 'test,"gelu",plain,fp32,failed,"y[3] is 1'
holds 'test,"nccl",-,-,refused,"not run: NCCL is not here"'
[ "$(grep -cv '"ptx' "$rows")" = $((3 + $(grep -c '^LEIT_OP' kernels/ops_cuda.def) + $(grep -c '^LEIT_OP' kernels/ops_cuda_fast.def) +
    2 * $(grep -c '^LEIT_OP_PRODUCT' kernels/ops_cuda_fast.def) + $(grep -c '^LEIT_OP' kernels/ops_cuda_library.def) +
    2 * $(grep -c '^LEIT_OP_PRODUCT' kernels/ops_cuda_library.def))) ] || fail "not one row for each kernel: $(cat "$rows")"
stage sanitize 1
holds 'sanitize,"memcheck mse",plain,fp32,failed,"========= Invalid __global__ write of size 4 bytes"'
holds 'sanitize,"racecheck add",plain,fp32,refused,"Device not supported"'
holds 'sanitize,"memcheck relu",plain,fp32,refused,"no summary: ========= Target application terminated"'
holds 'sanitize,"racecheck ptx",plain,-,passed,""'
holds 'sanitize,"synccheck layernorm",plain,fp32,passed,""'
stage train 1
holds 'train,"metric3_alm",fast,fp32,passed,"0: largest relative distance of 2 losses'
holds 'train,"metric3_alm",fast,bf16,0,"largest relative distance of 2 losses'
holds 'train,"multihead_alm",fast,fp32,failed,"1 losses, 2 on the CPU"'
holds 'train,"tagging",fast,fp32,failed,"0.5: largest'
holds 'train,"paper metric3",fast,bf16,passed,""'
stage bench 1
holds 'bench,"mse forward N=1",plain,fp32,0.50000 ms,"1 GFLOP/s 2 GB/s"'
holds 'bench,"training step metric3 MiniLM",fast,bf16,1.25 ms,'
holds 'bench,"training step metric3 MiniLM",torch P1,bf16,6.5 ms,'
holds "bench,\"training step metric3 MiniLM\",torch P2,bf16,refused,\"ModuleNotFoundError: No module named 'torch'\""
holds 'bench,"kernels",fast,tf32,failed,"bench_kernels: out of memory"'
stage profile 0
holds 'profile,"conv2d N=32 H=64 W=156 C=64 K=64",fast,bf16,refused,'

GPU_CHECK_SECONDS=0 stage sanitize 0 # what is left when the time is over is not passed
holds 'sanitize,"memcheck mse",plain,fp32,refused,"not done in time"'
GPU_CHECK_SECONDS=0 stage train 1
holds 'train,"metric3_alm",fast,fp32,failed,"cpu.fp32: not done in time"'
verdict
