"""A training of a density prior of seconds: its set, its structures and its settings.

As a script: CONFIG RUN trains in the folder RUN.
"""

import sys
from pathlib import Path
from typing import Any

import yaml
from stream_process import random_fragments
from structure_examples import pdb_text

from rephase.cli.main import run
from rephase.data.sets.set_record import SetOrigin
from rephase.data.sets.set_writer import SetPart, write_set

SETTINGS: dict[str, Any] = {
    "kind": "density-prior",
    "model": {"width": 8, "blocks": 1, "maps": 1},
    "pool": 4,
    "crystals_per_step": 2,
    "steps": 6,
    "crystals": {
        "d_min": (2.4, 2.6),
        "most_points": 6000,
        "residues_of_piece": (4, 8),
        "proteins": 0.2,
        "pieces": 0.2,
        "symmetric": 0.0,
    },
    "starts": {"random": (0.5, 0.5), "hand": "either", "passes": (1, 2), "passes_from_random": (1, 2)},
    "average": 0.9,
    "validation": {"crystals": 3, "every": 2, "passes": 2, "most_points": 6000},
    "checkpoints": {"every": 3},
    "tracking": {"every": 1},
    "machine": {"device": "cpu"},
}
"""Six steps, checkpoints after 3 and 6; the pool is gone through once in two steps."""


def small_data(folder: Path) -> None:
    """Write fragments as a set, and a few helices in P2₁2₁2₁ as structures, two to train on."""
    write_set(folder / "set", [SetPart(random_fragments())], SetOrigin(command="test"), shard_fragments=30)
    structures = folder / "structures"
    structures.mkdir()
    rows = ["id\tfile\tsplit"]
    for number, split in enumerate(("train", "train", "val")):
        text = pdb_text(f"{number + 1}ABC", "AAGAAAGAAAAA"[: 9 + number])
        first = text.index("CRYST1")
        cell = "CRYST1   18.000   20.000   30.000  90.00  90.00  90.00 P 21 21 21    4"
        text = text[:first] + cell + text[text.index("\n", first) :]
        (structures / f"{number}.pdb").write_text(text)
        rows.append(f"{number + 1}ABC\t{number}.pdb\t{split}")
    (structures / "manifest.tsv").write_text("\n".join([*rows, ""]))


def written_settings(folder: Path, name: str = "prior.yaml", **changed: Any) -> Path:
    """Write the settings of a run on the data in a folder as YAML."""
    path = folder / name
    settings = {"set": str(folder / "set"), "structures": str(folder / "structures"), **SETTINGS, **changed}
    plain = {key: _plain(value) for key, value in settings.items()}
    path.write_text(yaml.safe_dump(plain), encoding="utf-8")
    return path


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return list(value) if isinstance(value, tuple) else value


if __name__ == "__main__":
    sys.exit(run(["train", sys.argv[1], "-o", sys.argv[2], "--resume"]))
