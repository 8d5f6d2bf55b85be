"""The packages' names collide with nobody's files, and their parts know one another in one direction."""

import ast
import importlib.util
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest


def test_a_users_own_modules_are_not_in_the_way(tmp_path):
    for name in ("engines", "train", "tests"):
        (tmp_path / f"{name}.py").write_text(f"raise RuntimeError('{name}.py of the user was imported')\n")
    program = "from toonstream import Toonifier; import toonstream_train.commands; print(Toonifier.__name__)"
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("Toonifier\n", "")


@pytest.mark.parametrize("name", ["toonstream", "toonstream_engines", "toonstream_train"])
def test_a_packages_parts_import_one_another_in_one_direction(name):
    """No circles among its modules and packages, inside functions neither."""
    (root,) = map(Path, importlib.util.find_spec(name).submodule_search_locations)
    parts = {path.stem for path in root.iterdir() if path.suffix == ".py" or path.is_dir()}
    imports: dict[str, set[str]] = {part: set() for part in parts}
    for file in root.rglob("*.py"):
        part = file.relative_to(root).with_suffix("").parts[0]
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == name:
                named = node.module.split(".")[1:2] or [name.name for name in node.names]
                imports[part] |= parts.intersection(named) - {part}
    imports.pop("__init__")  # which imports for whoever asks
    assert any(imports.values())
    TopologicalSorter(imports).prepare()  # raises CycleError
