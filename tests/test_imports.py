"""Who may import whom; and that the web process stays light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted([ROOT / "app.py", *(ROOT / "pages").rglob("*.py"), *(ROOT / "cnnlab").rglob("*.py")])

# What each package or module of cnnlab may import from the others, lowest floor first: a floor names only floors above it in this
# list, so there is no circle. docs/DESIGN.md shows the same table. Every floor may import `i18n`: all have sentences.
FLOORS: dict[str, str] = {
    "i18n": "",
    "errors": "",
    "text": "",
    "spreadsheet": "",
    "optimizers": "",
    "events": "",
    "palette": "",
    "intervals": "",
    "elsewhere": "",
    "system": "errors text",
    "access": "errors system text",
    "architectures": "errors system.kept_code system.working_home text",
    "datasets": "errors system.disk system.memory system.working_home text",
    "values": "datasets",
    "class_pack": "datasets errors system.disk text",
    "own_picture": "datasets errors text values",
    "own_data": "datasets errors own_picture system.disk system.processes text",
    "inside_values": "values",
    "epoch_predictions": "values",
    "epoch_flow": "",
    "epoch_weights": "system.disk",
    "layers": "architectures errors spreadsheet system.kept_code text",
    "network_code": "architectures errors layers text",
    "config_rules": "errors text",
    "config": "architectures config_rules datasets elsewhere errors optimizers text",
    "config_words": "architectures config config_rules datasets elsewhere errors optimizers",
    "presets": "architectures config errors text",
    "starts": "architectures config datasets errors text",
    "sweeps": "architectures config config_rules config_words errors text",
    "diagnosis": "architectures events intervals optimizers text",
    "known_runs": "config errors events presets text",
    "training": "architectures datasets diagnosis elsewhere epoch_flow epoch_predictions epoch_weights errors events"
    " layers optimizers system.brought_weights system.cpu system.disk system.gpus system.memory text values",
    "executors": "architectures.zoo config datasets elsewhere epoch_flow epoch_predictions epoch_weights errors events"
    " system text training values",
    "inside": "architectures datasets errors inside_values layers palette training",
    "runs": "access.roles architectures config datasets elsewhere errors events sweeps system text",
    "learn": "diagnosis.evidence errors events intervals system.disk system.home text",
    "run_names": "architectures config config_words errors learn runs.records runs.summaries sweeps.values text",
    "twins": "architectures config config_words runs.records text",
    "assignments": "architectures.own_code config config_rules config_words errors runs.records system text",
    "state_words": "datasets diagnosis runs",
    "forecasts": "access architectures config datasets elsewhere epoch_flow epoch_predictions epoch_weights errors"
    " layers optimizers runs system text training.costs",
    "compute": "architectures config datasets elsewhere epoch_weights errors executors.settings inside inside_values"
    " layers network_code own_data runs.records system text training values",
    "workers": "architectures compute config datasets elsewhere errors events executors forecasts layers own_data"
    " runs sweeps system text training values",
    "reports": "architectures config config_words datasets errors events intervals layers palette run_names runs.records"
    " spreadsheet state_words text",
    "exports": "architectures config config_words datasets errors events intervals layers network_code reports"
    " run_names runs.records system text training",
    "figures": "architectures epoch_flow events layers palette reports text values",
    "networks": "architectures errors system text",
    "teaching": "access config datasets diagnosis errors forecasts.usage reports runs spreadsheet sweeps.values system text",
    "looking": "datasets epoch_flow epoch_weights inside_values system values",
    "taking_away": "datasets errors system text",
    "sweeping": "config_words errors runs spreadsheet sweeps system workers",
    "sharing": "config errors forecasts runs",
    "imported_weights": "architectures.own_code config errors runs system text workers",
    "predictions": "compute datasets epoch_predictions runs system values",
    "importing": "datasets errors own_data runs system text workers",
    "checking": "datasets importing own_data workers",
    "published_weights": "architectures values workers",
    "lab": "architectures assignments checking compute config datasets events executors.settings forecasts"
    " imported_weights importing layers learn looking networks own_picture predictions presets"
    " published_weights runs sharing sweeping system taking_away teaching values workers",
    "seen_data": "access.roles checking config datasets.own forecasts importing own_data runs.checked runs.store"
    " runs.store_log workers",
    "seen": "access.roles architectures assignments compute config datasets.places forecasts imported_weights lab"
    " learn looking networks own_picture published_weights runs.checked runs.records runs.store_log"
    " runs.store_seen seen_data sharing sweeping taking_away teaching values",
    "doctor": "access errors executors forecasts runs.records system text training.devices",
    "cli": "access architectures class_pack compute config config_rules config_words datasets diagnosis doctor"
    " errors events exports forecasts lab layers own_data presets run_names runs starts state_words sweeps system"
    " teaching text training workers",
    "__main__": "cli system",
    "pages": "access architectures assignments config config_words datasets diagnosis elsewhere epoch_flow errors"
    " events figures forecasts imported_weights importing inside_values intervals known_runs lab layers"
    " learn optimizers own_data own_picture palette presets reports run_names runs.records runs.store_log"
    " runs.summaries seen spreadsheet starts state_words sweeps system taking_away teaching text twins"
    " values",
}
# The same within pages/: what each part in pages/_parts may import from the others. The pages and app.py stand above them all.
# Every part may import `language`, because every link keeps it.
PAGE_FLOORS: dict[str, str] = {
    "cookies": "",
    "language": "cookies",
    "first_tab": "",
    "image_grid": "",
    "probabilities": "",
    "versions": "image_grid",
    "grid": "",
    "svg_button": "",
    "refreshing": "",
    "markdown": "",
    "address": "markdown",
    "one_choice": "address",
    "pager": "address",
    "heading": "",
    "download": "",
    "drawing": "",
    "player": "",
    "gate": "",
    "sign_out": "",
    "visitor": "cookies markdown sign_out",
    "run_words": "markdown",
    "deletion": "markdown run_words",
    "sidebar": "refreshing run_words visitor",
    "notes": "markdown refreshing visitor",
    "shell": "markdown notes sidebar visitor",
    "network_view": "",
    "layer_views": "address network_view one_choice",
    "live": "run_words",
    "forms": "address download heading live markdown one_choice run_words shell visitor",
    "builder": "address forms markdown one_choice visitor",
    "twins": "visitor",
    "sweeps": "address grid live markdown shell twins visitor",
    "run": "address deletion forms grid heading image_grid live markdown player refreshing run_words shell sidebar svg_button"
    " twins visitor",
    "runs": "address deletion grid heading image_grid live markdown one_choice pager run_words shell svg_button twins visitor",
    "predict": "address grid image_grid live markdown one_choice pager probabilities run_words",
    "inside": "address drawing grid heading image_grid live markdown one_choice pager player predict probabilities",
    "learn": "cookies drawing forms grid inside live markdown network_view run_words shell sidebar visitor",
    "assignments": "address forms grid markdown refreshing run_words shell visitor",
    "teaching": "deletion grid markdown run_words shell sidebar",
    "data": "grid heading image_grid live markdown one_choice shell visitor",
    "pages": "address assignments builder data download first_tab forms gate heading image_grid inside layer_views learn"
    " live markdown network_view one_choice pager predict refreshing run run_words runs shell svg_button sweeps"
    " teaching versions visitor",
}
# Named in annotations only, under TYPE_CHECKING: a training machine has no pydantic.
NAMED_IN_TYPES = {"training": "config", "diagnosis": "config"}
# Packages from outside, and the only floors that may import them. The training side needs torch alone.
OUTSIDE: dict[str, str] = {
    "torch": "architectures compute datasets doctor executors exports inside layers network_code training",
    "captum": "inside",
    "torchvision": "architectures datasets doctor",
    "numpy": "datasets own_data own_picture",
    "PIL": "datasets own_data own_picture",
    "sqlite3": "doctor runs",
    "argon2": "access",
    "itsdangerous": "access",
    "pydantic": "access assignments cli config config_rules executors forecasts learn sweeps",
    "optuna": "workers",
    "sqlalchemy": "workers",
    "psutil": "compute doctor forecasts system",
    "packaging": "doctor",
    "pynvml": "system",
    "filelock": "access workers",
    "platformdirs": "system",
    "typer": "cli",
    "rich": "cli",
    "plotly": "",
    "pandas": "pages",
    "pyarrow": "pages",
    "streamlit": "pages",
    "streamlit_drawable_canvas": "pages",
    "starlette": "pages",
}
WEB = {"streamlit", "plotly", "pandas", "pydantic", "typer", "rich", "sqlite3", "psutil", "filelock", "platformdirs"}


def name_of(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def floor_of(module: str) -> str:
    """The floor that a module stands on; app.py is one of the pages."""
    package, _, rest = module.partition(".")
    return rest.partition(".")[0] if package == "cnnlab" else "pages"


def part_of(module: str) -> str:
    """The part of pages/_parts that a module belongs to, or "pages"."""
    return module.removeprefix("pages._parts.").partition(".")[0] if module.startswith("pages._parts.") else "pages"


def imports(file: Path, *, top_level_only: bool = False, types: bool = False) -> set[str]:
    """Modules that `file` imports at run time; with `types`, those that it names under TYPE_CHECKING instead."""
    found: set[str] = set()

    def visit(node: ast.AST, *, counts: bool) -> None:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            counts = types
        if top_level_only and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            return
        if counts and isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        if counts and isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: imports are written in full"
            full = {f"{node.module}.{alias.name}" for alias in node.names}
            found.update(name if is_module(name) else node.module or "" for name in full)
        for child in ast.iter_child_nodes(node):
            visit(child, counts=counts)

    visit(ast.parse(file.read_text(encoding="utf-8")), counts=not types)
    return found


def is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


def within(modules: set[str], packages: set[str] | tuple[str, ...]) -> set[str]:
    return {module for module in modules if any(module == package or module.startswith(f"{package}.") for package in packages)}


def of_ours(modules: set[str], floor: str) -> set[str]:
    """The modules of cnnlab that are not on `floor`, without their package's name; the package's own version is anybody's."""
    ours = {module.removeprefix("cnnlab.") for module in modules if module.startswith("cnnlab.")}
    return {module for module in ours if module.partition(".")[0] != floor}


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_a_module_imports_only_what_its_side_may(file):
    name, modules = name_of(file), imports(file)
    floor = floor_of(name)
    others = of_ours(modules, floor)
    if floor:
        assert others == within(others, ("i18n", *FLOORS[floor].split()))
    else:
        assert not others, "importing cnnlab alone costs nothing"
    if floor != "pages":
        assert not within(modules, ("app", "pages"))
    named = of_ours(imports(file, types=True), floor)
    assert named == within(named, (*FLOORS.get(floor, "").split(), *NAMED_IN_TYPES.get(floor, "").split()))
    for package, floors in OUTSIDE.items():
        assert floor in floors.split() or not within(modules, (package,)), f"{package} is for {floors}"
    if floor in ("runs", "lab", "figures", "config", "presets", "forecasts") or name == "cnnlab.training.costs":
        assert not within(imports(file, top_level_only=True), ("torch", "torchvision"))
    assert not within(imports(file, top_level_only=True), ("torchvision",)), (
        "importing torchvision costs 3 s: import it where it is used"
    )


def test_a_floor_names_only_floors_below_it():
    for table in (FLOORS, PAGE_FLOORS):
        floors = list(table)
        for place, (floor, allowed) in enumerate(table.items()):
            assert within(set(allowed.split()), tuple(floors[:place])) == set(allowed.split()), floor
    assert {floor_of(name_of(file)) for file in FILES} - {""} == set(FLOORS)


def test_the_parts_of_pages_import_what_their_floors_name():
    used: dict[str, set[str]] = {}
    for file in FILES:
        if floor_of(name_of(file)) == "pages":
            part = part_of(name_of(file))
            used.setdefault(part, set()).update(
                {part_of(name) for name in imports(file) if name.startswith("pages.")} - {part, "language"}
            )
    assert used == {part: set(allowed.split()) for part, allowed in PAGE_FLOORS.items()}


@pytest.mark.parametrize(("marker", "floors"), [("floors", FLOORS), ("page floors", PAGE_FLOORS)])
def test_the_design_shows_these_floors(marker, floors):
    design = (ROOT / "docs" / "DESIGN.md").read_text(encoding="utf-8")
    block = design.partition(f"<!-- {marker}: begin -->")[2].partition(f"<!-- {marker}: end -->")[0]
    rows = [
        [cell.strip().replace("`", "") for cell in line.strip().strip("|").split("|")] for line in block.splitlines() if "|" in line
    ]
    assert {floor: " ".join(sorted(allowed.split())) for floor, allowed, *_ in rows[2:]} == {
        floor: " ".join(sorted(allowed.split())) for floor, allowed in floors.items()
    }


@pytest.mark.parametrize(
    "module",
    [
        *("cnnlab.lab", "cnnlab.config", "cnnlab.presets", "cnnlab.runs.store", "cnnlab.datasets.download", "cnnlab.layers.table"),
        *("cnnlab.cli.sweep", "cnnlab.workers.sweeper"),
    ],
)
def test_the_web_side_loads_without_torch(module):
    heavy = ["torch", "torchvision", "streamlit", "plotly", "pandas", "numpy", "optuna", "sqlalchemy"]
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
        "import cnnlab.training.engine, cnnlab.datasets.loading, cnnlab.layers.trace, cnnlab.training.evaluation\n"
        "import cnnlab.executors.remote, cnnlab.executors.mirror\n"
        "print('loaded')"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "loaded", done.stderr
