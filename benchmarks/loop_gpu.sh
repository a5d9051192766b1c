#!/usr/bin/env bash
# The loop on one machine, from nothing: a small model is made, served by vLLM, and goes through rounds on generated tasks in real boxes.
#
#   benchmarks/loop_gpu.sh                 run it, or go on with one that was broken off
#   benchmarks/loop_gpu.sh pack FILE       pack the box (root file system with Node and bubblewrap) for a machine without network
#
# There: Linux, root, git, and a Python with torch and the project's extras `train`, `trajectories` and `leaderboard`; vLLM in the same environment or one of its own.
# No Docker and no network is needed when BOX names what `pack` wrote: bubblewrap and Node are in it. All that is made lies in WORK, and what is worth keeping of it in
# RESULTS.
#
# DEVICE=cpu runs the whole of it smaller: fewer layers, lines that never differ are one token, vLLM for CPUs (tests/servers/vllm.md).
set -euo pipefail
cd "$(dirname "$0")/.."

PYTHON=${PYTHON:-python3}
WORK=$(realpath -m "${WORK:-loop-work}")
RESULTS=$(realpath -m "${RESULTS:-$WORK/results}")
BOX=${BOX:-}                        # an archive of `pack`, or its parts in order; empty: the box is built from packages where it is not there
VLLM=${VLLM:-}                      # a virtual environment; empty: vLLM is in PYTHON's own
PORT=${PORT:-8011}
export HARNESS_CACHE=${HARNESS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/typescript-agent-harness}
export PYTHONPATH=$PWD${PYTHONPATH:+:$PYTHONPATH} HF_HUB_OFFLINE=1 TOKENIZERS_PARALLELISM=false
image() { "$PYTHON" -c 'from sandboxes.images.recipe import load_recipe; print(load_recipe("node24").tag)'; }

if [ "${1:-}" = pack ]; then
    XZ_OPT=${XZ_OPT:--T0} tar --create --xz --file="${2:?where to}" --directory="$HARNESS_CACHE/images" "$(image)"
    ls -l "$2"
    exit
fi

DEVICE=${DEVICE:-$("$PYTHON" -c 'import torch; print("cuda" if torch.cuda.is_available() else "cpu")')}
if [ "$DEVICE" = cuda ]; then
    MODEL=${MODEL:---layers 8 --hidden 512 --heads 8 --vocabulary 384 --tasks 60 --steps 1500 --batch 16 --learning-rate 1e-3}
    TRAIN=${TRAIN:-8} HELD_OUT=${HELD_OUT:-8} TASKS=${TASKS:-6} ATTEMPTS=${ATTEMPTS:-4} EVALUATED=${EVALUATED:-4} CONCURRENCY=${CONCURRENCY:-16}
    LEARNING_RATE=${LEARNING_RATE:-3e-4} MARGIN=${MARGIN:-0.05} CONTEXT=${CONTEXT:-8192} TURNS=${TURNS:-sleep} PRECISION=${PRECISION:-bf16}
    SERVER=${SERVER:-'"--gpu-memory-utilization", "0.4"'}
    export VLLM_USE_FLASHINFER_SAMPLER=0 VLLM_USE_DEEP_GEMM=0 TVM_FFI_DISABLE_TORCH_C_DLPACK=1
else
    MODEL=${MODEL:---layers 3 --hidden 128 --heads 2 --tasks 40 --steps 500 --batch 16 --learning-rate 3e-3 --whole-lines --threads 1}
    TRAIN=${TRAIN:-8} HELD_OUT=${HELD_OUT:-8} TASKS=${TASKS:-3} ATTEMPTS=${ATTEMPTS:-2} EVALUATED=${EVALUATED:-1} CONCURRENCY=${CONCURRENCY:-3}
    LEARNING_RATE=${LEARNING_RATE:-6e-4} MARGIN=${MARGIN:-0.1} CONTEXT=${CONTEXT:-1024} TURNS=${TURNS:-together} PRECISION=${PRECISION:-fp32}
    SERVER=${SERVER:-'"--dtype", "float32", "--enforce-eager", "--kv-cache-memory-bytes", "134217728"'}
    export VLLM_CPU_OMP_THREADS_BIND=${VLLM_CPU_OMP_THREADS_BIND:-nobind} OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
fi
ENVIRONMENT=${VLLM:+"environment = '$VLLM'"}
ROUNDS=${ROUNDS:-3} TURNS_OF_A_TRIAL=${TURNS_OF_A_TRIAL:-8} EPOCHS=${EPOCHS:-2} ROWS=${ROWS:-1}

mkdir -p "$WORK" "$RESULTS"
if [ -n "$BOX" ] && [ ! -d "$HARNESS_CACHE/images/$(image)" ]; then
    mkdir -p "$HARNESS_CACHE/images"
    # shellcheck disable=SC2086 - several parts
    cat $BOX | tar --extract --xz --no-same-owner --directory="$HARNESS_CACHE/images"
fi
if [ ! -e "$WORK/suite/suite.toml" ]; then
    "$PYTHON" -m benchmarks.small_suite "$WORK/suite" --train "$TRAIN" --held-out "$HELD_OUT" --tasks "$TASKS"
fi
if [ ! -e "$WORK/base/tokenizer_config.json" ]; then
    # shellcheck disable=SC2086 - several options
    "$PYTHON" -m benchmarks.small_model "$WORK/base" --suite "$WORK/suite" --device "$DEVICE" $MODEL 2>&1 | tee "$WORK/base.log"
fi

cat > "$WORK/sft.toml" <<END
output = "unused"
recipe = "qwen3"

[base]
path = "base"
precision = "$PRECISION"

[adapters]
rank = 16
alpha = 32

[data]
train = ["unused"]
max_tokens = $CONTEXT

[packing]
tokens = $CONTEXT

[optimizer]
learning_rate = $LEARNING_RATE

[schedule]
warmup = 0.1

[length]
epochs = $EPOCHS
rows_per_step = $ROWS

[machine]
device = "$DEVICE"
tensorboard = false
END

cat > "$WORK/loop.toml" <<END
directory = "loop"
rounds = $ROUNDS

[base]
model = "base"
recipe = "qwen3"

[serve]
engine = "vllm"
$ENVIRONMENT
port = $PORT
context = $CONTEXT
turns = "$TURNS"
more = [$SERVER]

[sample]
suite = "suite"
split = "train"
mix = [{attempts = $ATTEMPTS, temperature = 1.0, top_p = 1.0, thinking = "off"}]

[evaluate]
suite = "suite"
split = "held-out"
attempts = $EVALUATED
temperature = 1.0
top_p = 1.0
thinking = "off"

[rollouts]
concurrency = $CONCURRENCY
max_tokens = 400
limits = {turns = $TURNS_OF_A_TRIAL, command_seconds = 60}
sandbox = {backend = "bubblewrap", memory_mib = 1024}

[training]
config = "sft.toml"
begin = "last"

[promotion]
margin = $MARGIN

[cold_start]
kind = "oracle"

[expect]
turns = 5
input_tokens = 2000
output_tokens = 100
END

loop() { "$PYTHON" -m harness.cli loop "$@"; }
loop "$WORK/loop.toml" --dry-run | tee "$RESULTS/plan.txt"
stopped=0
loop "$WORK/loop.toml" || stopped=$?  # what was done until then is kept and shown
loop status "$WORK/loop.toml" | tee "$RESULTS/status.txt"
loop status "$WORK/loop.toml" --json > "$RESULTS/loop.json"
keep() {  # FROM TO FILE …: those that are there
    local from=$1 to=$2
    for file in "${@:3}"; do
        if [ -e "$from/$file" ]; then cp "$from/$file" "$to"; fi
    done
}
keep "$WORK" "$RESULTS" loop/ledger.jsonl loop.toml sft.toml base.log
for round in "$WORK"/loop/round-*; do
    if [ ! -d "$round" ]; then continue; fi  # it stopped before the first
    mkdir -p "$RESULTS/$(basename "$round")"
    keep "$round" "$RESULTS/$(basename "$round")" verdict.json verdict/verdict.json parity.json choose.json rows/selection/card.json train/train.toml
done
loop report "$WORK/loop.toml" --output "$WORK/report" || [ $stopped -ne 0 ]
echo "results: $RESULTS; report: $WORK/report"
exit $stopped
