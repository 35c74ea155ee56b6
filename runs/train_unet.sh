#!/usr/bin/env bash
# Trains one of the networks that come with rephase, from its data to its weights.
#
#   runs/train_unet.sh dialanine                               on random peptides, with no download
#   runs/train_unet.sh dipeptide ../shared/data/fragments15.npz   on fragments of proteins
#   runs/train_unet.sh dialanine set --set epochs=4            on a set, with a setting changed
#
# Stop it whenever you like, and type the same again: it goes on where it was. With several GPUs it uses all.
set -euo pipefail
cd "$(dirname "$0")/.."

name=${1:?"dialanine or dipeptide"}
data=${2:-}
shift $(($# < 2 ? $# : 2))

set=$data
if [ -z "$data" ]; then
  set=runs/peptides
  [ -e "$set/set.json" ] || rephase data peptides --n 400000 --seed 1 --set val=0.02 -o "$set"
elif [ -f "$data" ]; then
  set=runs/$(basename "${data%.npz}")
  [ -e "$set/set.json" ] || rephase data import "$data" -o "$set"
fi

train=(rephase train "configs/train/$name.yaml" --set "set=$set" -o "runs/$name" --resume "$@")
gpus=$(python -c 'import torch; print(torch.cuda.device_count())')
if [ "$gpus" -gt 1 ]; then
  train=(torchrun --standalone --nproc-per-node "$gpus" --no-python
    "${train[@]}" --set "batches_per_step=$gpus")
fi
exec "${train[@]}"
