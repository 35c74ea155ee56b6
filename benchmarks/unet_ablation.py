"""What each part of a network's way to a density brings: amplitudes put back, recycling, several settings.

    python benchmarks/unet_ablation.py --set dipeptide-12 --json FILE [--weights PATH] [--split dev] [--n 100]

One network on the first crystals of a list: in one pass and with 1, 2, 4 and 8 further ones, each with its
own amplitudes and with the measured ones; then as often as its record says, averaged over 4 and 24 settings
of the axes. Intervals are those of a bootstrap over PDB entries. Either hand: amplitudes put back, at the
best origin of the better hand, which leaves the judge of the hand out.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import torch

from forward import hardware
from rephase.logs import format_table
from rephase.models.trained import TrainedNetwork, load_network
from rephase.study.study import study_network
from rephase.study.study_config import AMPLITUDES, ENSEMBLE, ENSEMBLE_AMPLITUDES, NETWORK, StudyConfig
from rephase.study.study_set import StudySet, open_study_set
from rephase.study.summary import ColumnSummary, summarise
from unet import CASES, STRUCTURES, WORK, built_set, listed

PASSES = (0, 1, 2, 4, 8)
SETTINGS = (4, 24)
QUICK_PASSES, QUICK_SETTINGS = (0, 2), (4,)
HEADERS = [
    "variant",
    "own density [95 %]",
    "amplitudes put back [95 %]",
    "either hand",
    "Δφ",
    "right hand",
    "s",
]


def variants(trained: TrainedNetwork, *, quick: bool) -> dict[str, StudyConfig]:
    """Return the variants by their names; a network without recycling has one pass alone."""
    passes, several = (QUICK_PASSES, QUICK_SETTINGS) if quick else (PASSES, SETTINGS)
    of_record = trained.record.passes
    found = {}
    for number in passes if trained.record.network.recycling else passes[:1]:
        name = f"recycling, k = {number}" if number else "one pass"
        found[name] = StudyConfig(passes=number, phasing=False)
    for number in several:
        name = f"k = {of_record}, mean of {number} settings"
        found[name] = StudyConfig(passes=of_record, settings=number, phasing=False)
    return found


def figures(trained: TrainedNetwork, crystals: StudySet, config: StudyConfig) -> dict[str, ColumnSummary]:
    """Return what a variant reaches with its own amplitudes and with the measured ones."""
    found = summarise(study_network(trained, crystals, config), config, crystals.shells)
    own, put_back = (ENSEMBLE, ENSEMBLE_AMPLITUDES) if config.settings > 1 else (NETWORK, AMPLITUDES)
    return {"own": found[own], "amplitudes": found[put_back]}


def rows(found: dict[str, dict[str, ColumnSummary]]) -> Iterator[list[str]]:
    """Lay out median Pearson correlations over the cell, and mean phase errors."""
    for name, one in found.items():
        yield [
            name,
            *(_interval(one[key]) for key in ("own", "amplitudes")),
            f"{one['amplitudes'].either_pearson.median:.3f}",
            f"{one['own'].phase_error.mean:.1f}°",
            f"{100.0 * one['own'].right_hand.value:.0f} %",
            f"{one['own'].seconds:.2f}",
        ]


def _dumped(found: dict[str, ColumnSummary]) -> dict[str, object]:
    return {key: value.model_dump(mode="json") for key, value in found.items()}


def _interval(found: ColumnSummary) -> str:
    estimate = found.pearson
    return f"{estimate.median:.3f} [{estimate.median_low:.3f}, {estimate.median_high:.3f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--set", choices=list(CASES), required=True)
    add("--weights", help="a name or a file; the network of the set if not given")
    add("--split", choices=["test", "dev"], default="test", help="dev: the lists for choosing")
    add("--n", type=int, default=100, help="crystals, the first of the list")
    add("--quick", action="store_true", help="few variants")
    add("--structures", type=Path, default=STRUCTURES, help="structures of the entries of the lists")
    add("--work", type=Path, default=WORK, help="for the set")
    add("--json", type=Path, required=True, help="write all figures here")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    crystals = listed(arguments.set, arguments.split)
    path = built_set(crystals, arguments.structures, arguments.work / "sets")
    ids = [entry.id for entry in crystals.entries[: arguments.n]]
    chosen = open_study_set(path, crystals.split, ids=ids)
    trained = load_network(arguments.weights or CASES[arguments.set].weights)
    found = {}
    for name, config in variants(trained, quick=arguments.quick).items():
        found[name] = figures(trained, chosen, config)
        print(f"  {name}", file=sys.stderr, flush=True)
    print(format_table(HEADERS, list(rows(found))))
    record = {
        "command": " ".join(sys.argv),
        "set": crystals.name,
        "crystals": len(chosen),
        "network": trained.record.model_dump(mode="json"),
        "hardware": hardware(),
        "variants": {name: _dumped(one) for name, one in found.items()},
    }
    arguments.json.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
