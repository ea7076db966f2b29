"""Who may import whom; and that the web process stays light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted([ROOT / "app.py", *(ROOT / "pages").rglob("*.py"), *(ROOT / "cnnlab").rglob("*.py")])
TRAINING_SIDE = ("cnnlab.architectures", "cnnlab.layers", "cnnlab.datasets", "cnnlab.training", "cnnlab.evaluation")
WEB = {"streamlit", "plotly", "pandas", "pydantic", "typer", "rich", "sqlite3", "psutil", "filelock", "platformdirs"}


def name_of(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports(file: Path, *, top_level_only: bool = False) -> set[str]:
    """Modules that `file` imports at run time (what stands under TYPE_CHECKING is never run)."""
    found: set[str] = set()

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            return
        if top_level_only and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            return
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: imports are written in full"
            found.add(node.module or "")
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(file.read_text(encoding="utf-8")))
    return found


def within(modules: set[str], packages: set[str] | tuple[str, ...]) -> set[str]:
    return {module for module in modules if any(module == package or module.startswith(f"{package}.") for package in packages)}


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_a_module_imports_only_what_its_side_may(file):
    name, modules = name_of(file), imports(file)
    if not name.startswith("cnnlab"):
        assert not within(modules, {"torch", "torchvision", "sqlite3", "cnnlab.training", "cnnlab.compute", "cnnlab.runs.store"})
        return
    assert not within(modules, {"streamlit", "app", "pages"})
    if not name.startswith("cnnlab.figures"):
        assert not within(modules, {"plotly", "pandas"})
    if not name.startswith(("cnnlab.runs.migrations", "cnnlab.runs.store")):
        assert not within(modules, {"sqlite3"})
    if name.startswith(TRAINING_SIDE):
        assert not within(modules, WEB)
        assert not within(modules, {"cnnlab.runs", "cnnlab.compute", "cnnlab.lab", "cnnlab.config", "cnnlab.figures", "cnnlab.cli"})
    if name.startswith(("cnnlab.runs", "cnnlab.lab", "cnnlab.figures", "cnnlab.config", "cnnlab.presets")):
        assert not within(imports(file, top_level_only=True), {"torch", "torchvision"})
    assert not within(imports(file, top_level_only=True), {"torchvision"}), (
        "importing torchvision costs 3 s: import it where it is used"
    )


@pytest.mark.parametrize(
    "module",
    ["cnnlab.lab", "cnnlab.config", "cnnlab.presets", "cnnlab.runs.store", "cnnlab.datasets.download", "cnnlab.layers.table"],
)
def test_the_web_side_loads_without_torch(module):
    heavy = ["torch", "torchvision", "streamlit", "plotly", "pandas", "numpy"]
    code = f"import sys, {module}; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_training_side_loads_where_only_torch_is_installed():
    code = (
        "import sys\n"
        "class Refuse:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name.partition('.')[0] in {sorted(WEB - {'sqlite3'})}:\n"
        "            raise ImportError('not on the training machine: ' + name)\n"
        "        return None\n"
        "sys.meta_path.insert(0, Refuse())\n"
        "import torch\n"
        "import cnnlab.training.engine, cnnlab.datasets.loading, cnnlab.layers.trace, cnnlab.evaluation\n"
        "print('loaded')"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "loaded", done.stderr
