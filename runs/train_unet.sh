#!/usr/bin/env bash
# Trains one of the networks that come with rephase, from its data to its weights.
#
#   runs/train_unet.sh dialanine                               on random peptides, with no download
#   runs/train_unet.sh dipeptide ../shared/data/fragments15.npz   on fragments of proteins
#   runs/train_unet.sh dialanine set --set epochs=4            on a set, with a setting changed
#
# Stop it whenever you like, and type the same again: it goes on where it was. It uses 1, 2, 4 or 8 GPUs; a run
# that was begun with several goes on with one, to the same result.
set -euo pipefail
usage="runs/train_unet.sh dialanine|dipeptide [SET|FILE.npz] [--set KEY=VALUE…]"
name=${1:?"$usage"}
shift
data=
if [ $# -gt 0 ] && [[ $1 != -* ]]; then
  data=$(realpath -- "$1")
  shift
fi
cd "$(dirname "$0")/.."
[ ! -d .venv ] || PATH=$PWD/.venv/bin:$PATH

set=$data
if [ -z "$data" ]; then
  set=runs/peptides
  [ -e "$set/set.json" ] || rephase data peptides --n 400000 --seed 1 --set val=0.02 -o "$set"
elif [ -f "$data" ]; then
  set=runs/$(basename "${data%.npz}")
  [ -e "$set/set.json" ] || rephase data import "$data" -o "$set"
fi

begun=runs/$name/config.yaml
gpus=$(python -c 'import torch; print(max(torch.cuda.device_count(), 1))')
batches=1 # a stream has up to eight lanes, and divides them among 1, 2, 4 or 8 processes
while [ "$batches" -lt 8 ] && [ $((2 * batches)) -le "$gpus" ]; do batches=$((2 * batches)); done
[ ! -e "$begun" ] || batches=$(sed -n 's/^batches_per_step: //p' "$begun")
train=(rephase train "configs/train/$name.yaml" --set "set=$set" -o "runs/$name" --resume "$@")
[ "$batches" -eq 1 ] || train+=(--set "batches_per_step=$batches")
if [ "$batches" -gt 1 ] && [ "$gpus" -ge "$batches" ]; then
  train=(torchrun --standalone --nproc-per-node "$batches" --no-python "${train[@]}")
fi
exec "${train[@]}"
