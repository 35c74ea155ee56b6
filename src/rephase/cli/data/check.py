"""`rephase data check`: verify the files of sets, and that no test entry leaks into training."""

from pathlib import Path
from typing import Literal

_LISTED = 20


def check(
    sets: list[Path],
    /,
    *,
    clusters: Literal["auto", "mmseqs", "align", "none"] = "auto",
    identity: float = 0.3,
) -> int:
    """Verify the files of sets, and that no test entry leaks into training.

    Every file is compared with its sum, and record, manifest and shards with each other. Then nothing that
    is held out in one of the sets (val, test) may be trained on in the same or another one: no fragment, no
    entry, no sequence cluster, and no entity whose sequence is similar. Exits with 0 when all is well and
    with 2 when something was found.

    For example:

    - `rephase data check set`
    - `rephase data check train-set benchmark-set`

    Parameters
    ----------
    sets
        Directories of sets.
    clusters
        How similar sequences are found: by MMseqs2, by alignment in Python, by the first that is there
        (auto); with none only identical ones are.
    identity
        Sequences are similar from this identical fraction on.
    """
    from collections import Counter

    from rephase.cli.main import EXIT_USER
    from rephase.data.sets.fragment_set import FragmentSet
    from rephase.data.sets.leak_check import all_leaks
    from rephase.data.sets.set_check import TESTS, check_set
    from rephase.data.structures.build_config import BuildConfig
    from rephase.io.config import read_config
    from rephase.logs import Log, counted

    overrides = [f"clusters.method={clusters}", f"clusters.identity={identity}"]
    config = read_config(BuildConfig, None, overrides)
    with Log() as log:
        findings = {path: check_set(path) for path in dict.fromkeys(sets)}
        sound = [FragmentSet.open(path) for path, found in findings.items() if not found]
        leaks = all_leaks(sound, config)
        counts = {path: Counter(one.test for one in found) for path, found in findings.items()}
        log.table(
            ["set", *TESTS],
            [
                [str(path), *(f"{of[test]} wrong" if of[test] else "ok" for test in TESTS)]
                for path, of in counts.items()
            ],
        )
        if sound:
            log.say(f"\nleaks in {counted(len(sound), 'sound set')} and between them: {len(leaks) or 'none'}")
        everything = [one for found in findings.values() for one in found] + leaks
        for one in everything[:_LISTED]:
            log.warn(f"{one.where}: {one.test}: {one.what}")
        if len(everything) > _LISTED:
            log.warn(f"and {len(everything) - _LISTED} more")
        log.say("all is well" if not everything else counted(len(everything), "finding"))
    return EXIT_USER if everything else 0
