"""What is said when a set is complete."""

from pathlib import Path

from rephase.data.sets.set_record import SetRecord
from rephase.logs import Cell, Log, counted

MOST_LISTED = 20
REJECTED = ("of", "by", "number")


def say_summary(path: Path, record: SetRecord, log: Log) -> None:
    """Say what a set at `path` holds, what was left out on the way, and what could not be read."""
    log.table(
        ["split", "fragments"],
        [[split, number] for split, number in record.splits.items()],
        ["all", record.fragments],
    )
    rejected = rejected_rows(record)
    if rejected:
        log.say("\nleft out")
        log.table(REJECTED, rejected)
    log.say(
        f"\n{record.atoms} atoms of {record.residues} residues in {counted(len(record.shards), 'shard')}: "
        f"{record.stored_bytes / record.fragments:.0f} bytes per fragment"
        f"{', each in a crystal' if record.crystals else ''}"
    )
    for left in record.origin.skipped[:MOST_LISTED]:
        log.warn(f"skipped {left.name}: {left.reason}")
    if len(record.origin.skipped) > MOST_LISTED:
        log.warn(f"skipped {len(record.origin.skipped)} files; all are listed in {path / 'set.json'}")


def rejected_rows(record: SetRecord) -> list[list[Cell]]:
    """Return what was left out, one row for each rule, under `REJECTED`."""
    return [
        [kind, rule, number]
        for kind, rules in record.origin.rejected.items()
        for rule, number in rules.items()
    ]
