#!/bin/sh
# make_ptx.sh [OUT]: the PTX of kernels.cu, for compute capability 7.5 and newer, to OUT or over the checked-in one.
#
# nvcc 13.0.88 must be $NVCC or on the PATH; another release writes other PTX. Without a CUDA toolkit, on Linux x86-64:
#   python3 -m venv nv && nv/bin/pip install nvidia-cuda-nvcc==13.0.88 nvidia-nvvm==13.0.88 \
#     nvidia-cuda-crt==13.0.88 nvidia-cuda-runtime==13.0.96
#   NVCC=$(echo "$PWD"/nv/lib/python3*/site-packages/nvidia/cu13/bin/nvcc) ./make_ptx.sh
#
# nvcc 13 names a PTX version that drivers before CUDA 13.0 refuse, and has no option to lower it; the instructions
# are those of version 8.0 (CUDA 12.0), which the tests prove with the assembler of that release. The pragma that goes
# is a hint of version 8.3.
set -e
here=$(dirname "$0")
out=${1:-$here/../resources/dev/diopter/kernels/cuda/kernels.ptx}
raw=$(mktemp)
trap 'rm -f "$raw"' EXIT
(cd "$here" && "${NVCC:-nvcc}" -arch=compute_75 -fmad=false -ptx -o "$raw" kernels.cu)
sed -e 's/^\.version .*/.version 8.0/' -e '/\.pragma "used_bytes_mask /d' "$raw" >"$out"
