"""The packages' names collide with nobody's files, and their parts know one another in one direction."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import toonstream


def test_a_users_own_modules_are_not_in_the_way(tmp_path):
    for name in ("engines", "train", "tests"):
        (tmp_path / f"{name}.py").write_text(f"raise RuntimeError('{name}.py of the user was imported')\n")
    program = "from toonstream import Toonifier; import toonstream_train.commands; print(Toonifier.__name__)"
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("Toonifier\n", "")


def test_toonstreams_parts_import_one_another_in_one_direction():
    """No circles among its modules and packages, inside functions neither."""
    root = Path(toonstream.__file__).parent
    parts = {path.stem for path in root.iterdir() if path.suffix == ".py" or path.is_dir()}
    imports: dict[str, set[str]] = {part: set() for part in parts}
    for file in root.rglob("*.py"):
        part = file.relative_to(root).with_suffix("").parts[0]
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "toonstream":
                named = node.module.split(".")[1:2] or [name.name for name in node.names]
                imports[part] |= parts.intersection(named) - {part}
    imports.pop("__init__")  # which imports Toonifier for whoever asks
    assert imports["toonifier"] >= {"composite", "faces", "frame"}
    TopologicalSorter(imports).prepare()  # raises CycleError
