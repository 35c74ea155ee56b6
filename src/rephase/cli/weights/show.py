"""`rephase weights show`: what is known of networks."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rephase.models.trained import TrainedNetwork


def show(*weights: str) -> None:
    """Show the networks that come with the program, or any other.

    For example:

    - `rephase weights show`
    - `rephase weights show dialanine run/weights.safetensors`

    Parameters
    ----------
    weights
        Names or files of networks; without any, all that come with the program.
    """
    from rephase.logs import Log
    from rephase.models.trained import load_network, released_names

    rows = [_row(name, load_network(name)) for name in weights or released_names()]
    with Log() as log:
        if not rows:
            log.say("no networks come with this version")
            return
        headers = ["network", "kind", "weights", "molecule", "edges, Å", "angles, °", "d_min, Å", "passes"]
        log.table([*headers, "examples"], rows)
        log.say(f"\nnext: rephase solve data.mtz --weights {rows[0][0]} -o solved")


def _row(name: str, found: "TrainedNetwork") -> list[str]:
    from rephase.models.trained import molecule_text, span_text

    record, trained = found.record, found.record.trained
    return [
        name,
        record.network.kind,
        f"{sum(weight.numel() for weight in found.network.parameters()):,}",
        molecule_text(trained),
        *map(span_text, (trained.edges, trained.angles, trained.d_min)),
        str(record.passes),
        f"{record.examples:,}",
    ]
