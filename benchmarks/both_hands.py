"""What a network can reach that cannot tell the hand, and how often the judge of a shipped one can.

    python benchmarks/both_hands.py [--split test] [--n 300] --json FILE

For the first crystals of each list: the correlation with the truth of the mean of the true density and its
mirror image, as it is and with measured amplitudes, and how often the judge of the network finds the true
density likelier than its mirror image. Two glycines, which have no hand, are counted apart.
"""

import argparse
import json
import sys
from pathlib import Path

import torch

from forward import hardware
from rephase.data.stream.map_batches import maps_of
from rephase.evaluate.map_pearson import central_box, map_pearson
from rephase.logs import format_table
from rephase.models.data_consistency import density_with_amplitudes
from rephase.models.mirror import mirrored
from rephase.models.network_input import network_input
from rephase.models.recycling import odds_of_hand
from rephase.models.trained import load_network
from rephase.study.study_set import batches_of, open_study_set, read_examples
from unet import CASES, STRUCTURES, WORK, built_set, listed

HEADERS = [
    "set",
    "n",
    "mean of both",
    "central box",
    "amplitudes back",
    "one with the other",
    "judge right",
    "of GG",
]


@torch.no_grad()
def figures(name: str, arguments: argparse.Namespace) -> dict[str, float]:
    """Return the medians of a list, and how often the judge is right."""
    crystals, trained = listed(name, arguments.split), load_network(CASES[name].weights)
    path = built_set(crystals, arguments.structures, arguments.work / "sets")
    ids = [entry.id for entry in crystals.entries[: arguments.n]]
    study = open_study_set(path, crystals.split, ids=ids)
    sequences = study.fragments.read(study.fragments.indices_of(ids)).sequence.tolist()
    rows, right, achiral = [], [], []
    for numbers, batch in batches_of(read_examples(study, trained.record.grid)):
        maps = maps_of(batch, trained.record.maps)
        data, truth = network_input(maps), maps.density.values
        mean, shape = (truth + mirrored(truth)) / 2.0, (truth.shape[1], truth.shape[2], truth.shape[3])
        found = [
            map_pearson(mean, truth),
            map_pearson(mean, truth, central_box(maps.cell, shape)),
            map_pearson(density_with_amplitudes(mean, data), truth),
            map_pearson(mirrored(truth), truth),
        ]
        rows.append(torch.stack(found, dim=1))
        judge = trained.network.judge
        if judge is not None:
            right += (odds_of_hand(judge, truth, data) > 0.0).tolist()
        achiral += [sequences[number] == "GG" and not trained.record.trained.alanine for number in numbers]
    medians = torch.cat(rows).median(dim=0).values.tolist()
    chiral = [one for one, flat in zip(right, achiral, strict=True) if not flat]
    return {
        "crystals": len(right),
        "mean_of_both": medians[0],
        "central_box": medians[1],
        "amplitudes_back": medians[2],
        "one_with_the_other": medians[3],
        "judge_right_of_chiral": sum(chiral) / len(chiral),
        "chiral": len(chiral),
        "judge_right_of_achiral": sum(right) - sum(chiral),
        "achiral": len(right) - len(chiral),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, required=True, help="write the figures here")
    parser.add_argument("--split", choices=["test", "dev"], default="test")
    parser.add_argument("--sets", default=",".join(CASES), help="some of these, separated by commas")
    parser.add_argument("--n", type=int, default=300, help="crystals of each list, the first ones")
    parser.add_argument("--structures", type=Path, default=STRUCTURES)
    parser.add_argument("--work", type=Path, default=WORK, help="for the sets")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    sets = {name: figures(name, arguments) for name in arguments.sets.split(",")}
    lines = [
        [
            name,
            f"{f['crystals']}",
            *(
                f"{f[key]:.3f}"
                for key in ("mean_of_both", "central_box", "amplitudes_back", "one_with_the_other")
            ),
            f"{f['judge_right_of_chiral']:.1%} of {f['chiral']}",
            f"{f['judge_right_of_achiral']} of {f['achiral']}",
        ]
        for name, f in sets.items()
    ]
    print(format_table(HEADERS, lines))
    record = {"command": " ".join(sys.argv), "hardware": hardware(), "split": arguments.split, "sets": sets}
    arguments.json.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
