#!/usr/bin/env bash
# scripts/gpu_status: the page says what the rows say, of every kernel there is.   test_gpu_status.sh PROGRAM
. "$LEIT_SOURCE_DIR/tests/cli/expect.sh"
command -v python3 >/dev/null || { echo "test_gpu_status: no python3"; exit 77; }
scripts/gpu_status || fail "docs/gpu_status.md is not what bench/results/gpu says"

page=$scratch/page.md rows=$scratch/rows
mkdir "$rows"
sed 's/^\(| `[^|]*|[^|]*|\).*/\1 emulated only |/' docs/gpu_status.md >"$page"
status() { scripts/gpu_status "$@" "$page" "$rows" 2>&1; }
says() { grep -qF -- "$1" "$page" || fail "no '$1' in the page: $(grep '^| `' "$page")"; }
said=$(status) || fail "emulated only, and no rows: $said"

# machine COMMIT DATE STAGE: the two lines that every file begins with
machine() {
    echo "stage,what,kernels,precision,result,detail"
    echo "$3,\"machine\",-,-,NVIDIA H200 580.65.06 1980 MHz 3201 MHz,\"commit $1, $2\""
}
{
    machine 1111111 2026-12-01 test
    echo 'test,"mse",plain,fp32,passed,""'
    echo 'test,"conv2d",fast,fp32,passed,""'
    echo 'test,"conv2d",fast,bf16,failed,"y[3] is 1, expected 2"'
    echo 'test,"ptx conversions",plain,-,passed,""'
    echo 'test,"ptx products_of_tf32",plain,-,failed,"(0, 0) is 1"'
    echo 'test,"ptx sm90_barriers_hand_over",plain,-,passed,""'
    echo 'test,"nccl",-,-,refused,"no NCCL"'
    echo 'test,"gelu",plain,fp32,failed,"not done in time"'
} >"$rows/test.csv"
{
    machine 1111111 2026-12-01 sanitize
    echo 'sanitize,"memcheck mse",plain,fp32,passed,""'
    echo 'sanitize,"racecheck mse",plain,fp32,refused,"Device not supported"'
    echo 'sanitize,"synccheck mse",plain,fp32,passed,""'
} >"$rows/sanitize.csv"
said=$(status) && fail "a page of before passes: $said"
grep -q 'does not say what the rows say' <<<"$said" || fail "said: $said"
status --renew >/dev/null || fail "the page cannot be renewed"
status >/dev/null || fail "the renewed page is not kept"
says '| `mse` forward, backward | sm_80, sm_90a, sm_100, PTX | NVIDIA H200, 2026-12-01, 1111111: memcheck, synccheck passed; racecheck refused (Device not supported); passed in fp32 |'
says 'NVIDIA H200, 2026-12-01, 1111111: passed in fp32; failed in bf16 (y[3] is 1, expected 2) |'
says 'NVIDIA H200, 2026-12-01, 1111111: passed; failed ((0, 0) is 1) |'
says '| `leit_sm90.cuh`: `mbarrier`, TMA, `wgmma` (`tests/device/ptx_check`) | sm_90a | NVIDIA H200, 2026-12-01, 1111111: passed |'
says '| `layernorm` forward, backward | sm_80, sm_90a, sm_100, PTX | emulated only |'
[ "$(grep -c '^| `conv2d` forward.*emulated only' "$page")" = 1 ] || fail "the plain kernel has the fast one's row"

# The last word counts, whatever its file is called; what it is silent about stays.
{
    machine 2222222 2026-12-02 test
    echo 'test,"gelu",plain,fp32,passed,""'
} >"$rows/again.csv"
status --renew >/dev/null
says '| `gelu` forward, backward | sm_80, sm_90a, sm_100, PTX | NVIDIA H200, 2026-12-02, 2222222: passed in fp32 |'
says '1111111: memcheck, synccheck passed'

# Somebody's better news; a kernel without a row; a file of something else.
cp "$page" "$scratch/kept.md"
sed -i '/^| `gelu`/s/passed/passed with honours/' "$page"
status >/dev/null && fail "what no row says passes"
sed '/^| `adam`/d' "$scratch/kept.md" >"$page"
said=$(status) && fail "a page without adam passes"
grep -qF '| `adam` |' <<<"$said" || fail "said: $said"
cp "$scratch/kept.md" "$page"
echo 'date,commit' >"$rows/other.csv"
said=$(status) && fail "rows of something else pass"
grep -q 'no rows of gpu_check' <<<"$said" || fail "said: $said"
verdict
