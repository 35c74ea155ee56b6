"""`rephase weights show`: what is known of networks and density priors."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

    from rephase.models.trained import TrainedNetwork
    from rephase.models.trained_prior import TrainedPrior

_NETWORK = [
    "network",
    "kind",
    "weights",
    "molecule",
    "edges, Å",
    "angles, °",
    "d_min, Å",
    "passes",
    "examples",
]
_PRIOR = ["density prior", "weights", "width", "blocks", "d_min, Å", "solvent", "examples"]


def show(*weights: str) -> None:
    """Show the networks and density priors that come with the program, or any others.

    For example:

    - `rephase weights show`
    - `rephase weights show dialanine run/weights.safetensors`

    Parameters
    ----------
    weights
        Names or files; without any, all that come with the program.
    """
    from rephase.logs import Log
    from rephase.models.trained import load_network, released_names
    from rephase.models.trained_prior import is_prior, load_prior, released_priors

    wanted = weights or (*released_names(), *released_names(released_priors()))
    chosen = {name: is_prior(name) for name in wanted}
    networks = [_network_row(name, load_network(name)) for name, prior in chosen.items() if not prior]
    priors = [_prior_row(name, load_prior(name)) for name, prior in chosen.items() if prior]
    with Log() as log:
        if not chosen:
            log.say("no networks come with this version")
        if networks:
            log.table(_NETWORK, networks)
            log.say(f"\nnext: rephase solve data.mtz --weights {networks[0][0]} -o solved\n")
        if priors:
            log.table(_PRIOR, priors)
            log.say(f"\nnext: rephase solve data.mtz --prior {priors[0][0]} -o solved")


def _network_row(name: str, found: "TrainedNetwork") -> list[str]:
    from rephase.models.trained import molecule_text, span_text

    record, trained = found.record, found.record.trained
    return [
        name,
        record.network.kind,
        _count(found.network),
        molecule_text(trained),
        *map(span_text, (trained.edges, trained.angles, trained.d_min)),
        str(record.passes),
        f"{record.examples:,}",
    ]


def _prior_row(name: str, found: "TrainedPrior") -> list[str]:
    from rephase.models.trained import span_text
    from rephase.models.trained_prior import solvent_text

    record = found.record
    return [
        name,
        _count(found.network),
        str(record.network.width),
        str(record.network.blocks),
        span_text(record.trained.d_min),
        solvent_text(record.trained),
        f"{record.examples:,}",
    ]


def _count(network: "nn.Module") -> str:
    return f"{sum(weight.numel() for weight in network.parameters()):,}"
