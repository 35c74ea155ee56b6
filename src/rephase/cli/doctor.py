"""`rephase doctor`."""

from collections.abc import Mapping
from dataclasses import asdict
from json import dumps
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

if TYPE_CHECKING:
    from rephase.cli.selftest import Check


def doctor(*, json: Annotated[bool, Parameter(negative="")] = False) -> int:
    """Show versions, devices and external programs, and test the installation.

    The self-test does real work for about ten seconds. External programs are optional. The exit status is
    1 when a needed package is missing or a test fails.

    Parameters
    ----------
    json
        Print JSON instead of tables.
    """
    from rephase.cli.machine import hardware, programs, versions
    from rephase.cli.selftest import run_checks

    parts: dict[str, Mapping[str, str | None]] = {
        "versions": versions(),
        "machine": hardware(),
        "programs": programs(),
    }
    checks = run_checks()
    healthy = all(parts["versions"].values()) and all(check.passed for check in checks)
    if json:
        tests = [asdict(check) | {"passed": check.passed} for check in checks]
        print(dumps(parts | {"self-test": tests, "healthy": healthy}, indent=2, ensure_ascii=False))
    else:
        _print(parts, checks, healthy)
    return 0 if healthy else 1


def _print(parts: Mapping[str, Mapping[str, str | None]], checks: "list[Check]", healthy: bool) -> None:
    from rephase.logs import Log

    log = Log()
    for title, part in parts.items():
        log.stage(title)
        log.say("\n".join(f"{name:<16} {value or 'not found'}" for name, value in part.items()))
    log.stage("self-test")
    log.say("\n".join(_describe(check) for check in checks))
    log.say("\nall is well" if healthy else "\nsomething needed is missing or fails: see above")


def _describe(check: "Check") -> str:
    verdict = "ok    " if check.passed else "FAILED"
    figure = f"{check.value:.2g} (at most {check.limit:g})" if check.value is not None else check.trouble
    return f"{verdict} {check.name}: {figure}, {check.seconds:.1f} s"
