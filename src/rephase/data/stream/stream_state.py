"""Where a stream stands: small records that are saved with a training run and resumed from."""

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import Field

from rephase.data.stream.stream_config import StreamConfig
from rephase.errors import UserError
from rephase.io.config import Config


class LanePlace(Config):
    """Where a lane stands.

    Attributes
    ----------
    round
        Rounds completed; each takes the same number of examples from the walk over the fragments.
    waiting
        Examples, by their number along the walk, that were taken in earlier rounds and not yet given out.
    given
        Batches of this round that were given out.
    rejected
        Fragments of the rounds completed that did not fit the crystals drawn for them.
    """

    round: int = Field(default=0, ge=0)
    waiting: tuple[int, ...] = ()
    given: int = Field(default=0, ge=0)
    rejected: int = Field(default=0, ge=0)


class StreamState(Config):
    """Where the lanes of one or all processes stand.

    Attributes
    ----------
    version
        Of this format.
    set_digest
        Hash of the set of fragments.
    config
        Settings of the stream.
    one_pass
        Whether it ends after one pass over the set.
    lane_count
        Lanes of the whole stream.
    turn
        Turns taken by all processes together; turn i is that of lane i modulo `lane_count`.
    lanes
        Places of the lanes that are known here.
    """

    version: Literal[1] = 1
    set_digest: str
    config: StreamConfig
    one_pass: bool
    lane_count: int = Field(ge=1)
    turn: int = Field(ge=0)
    lanes: Mapping[int, LanePlace]

    def differences(self, other: "StreamState") -> list[str]:
        """Name what differs between two streams: the set, or settings."""
        names = [] if self.set_digest == other.set_digest else ["the set of fragments"]
        mine, theirs = self.config.model_dump(), other.config.model_dump()
        names += [name for name in mine if mine[name] != theirs[name]]
        names += [name for name in ("one_pass", "lane_count") if getattr(self, name) != getattr(other, name)]
        return names


def merge_states(states: Sequence[StreamState]) -> StreamState:
    """Put the states of all processes of a run together; any number of processes can resume from the result.

    Raises
    ------
    UserError
        If they are of different streams or moments, or do not make up all lanes.
    """
    first = states[0]
    for other in states[1:]:
        names = first.differences(other) or (["turn"] if first.turn != other.turn else [])
        if names:
            raise UserError("states of one stream at one moment", f"{', '.join(names)} differ")
    lanes = {number: place for state in states for number, place in state.lanes.items()}
    missing = sorted(set(range(first.lane_count)) - set(lanes))
    if missing:
        raise UserError(
            "the states of all processes", f"none has lane {missing[0]}", "save every rank's state"
        )
    return first.model_copy(update={"lanes": dict(sorted(lanes.items()))})
