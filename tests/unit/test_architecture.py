"""The shape of the package: which module may import which, and what a quick command may load."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

SOURCE = Path(__file__).resolve().parents[2] / "src" / "rephase"
HEAVY = {"torch", "gemmi", "scipy", "numpy", "matplotlib", "plotly", "pydantic", "jinja2"}


def modules_loaded_by(arguments: list[str]) -> set[str]:
    """Top-level modules in memory after `rephase` with these arguments, in a fresh interpreter."""
    script = (
        "import sys\nfrom rephase.cli.main import run\n"
        f"run({arguments!r})\n"
        "print('LOADED', *{name.split('.')[0] for name in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split()[1:])


def test_imports_go_one_way_only(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = lint_imports(str(repository / "pyproject.toml"), no_cache=True, no_logo=True)
    assert status == 0, capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["solve", "--help"], ["data", "--help"]], ids=" ".join
)
def test_quick_commands_load_nothing_heavy(arguments: list[str]) -> None:
    assert not modules_loaded_by(arguments) & HEAVY


def test_importing_the_package_loads_nothing_heavy() -> None:
    script = "import sys, rephase, rephase.errors, rephase.logs; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not {name.split(".")[0] for name in done.stdout.split()} & HEAVY


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda path: str(path.relative_to(SOURCE)))
def test_nothing_is_unpickled_or_evaluated(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    keywords = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.keyword)}
    assert not names & {"pickle", "eval", "exec"}
    assert "torch.load" not in calls
    assert "allow_pickle=True" not in keywords


def test_tracked_files_do_not_name_the_folder_they_were_written_in(repository: Path) -> None:
    if not (repository / ".git").exists():
        pytest.skip("not a git checkout")
    found = subprocess.run(
        ["git", "grep", "--cached", "-nIF", "-e", f"{repository}/"],
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 1, found.stdout
