"""Which files show no text that is not marked for translation, and how one is found. A file that is wrapped is added here."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

WRAPPED = (
    "app.py",
    "cnnlab/access/classes.py",
    "cnnlab/architectures/own/editing.py",
    "cnnlab/architectures/own/network.py",
    "cnnlab/architectures/own/shapes.py",
    "cnnlab/architectures/own/words.py",
    "cnnlab/architectures/own/written_out.py",
    "cnnlab/architectures/zoo.py",
    "cnnlab/architectures/zoo_files.py",
    "cnnlab/architectures/zoo_parts.py",
    "cnnlab/assignments.py",
    "cnnlab/cli/classes.py",
    "cnnlab/cli/commands.py",
    "cnnlab/cli/name_list.py",
    "cnnlab/cli/school.py",
    "cnnlab/cli/teaching.py",
    "cnnlab/compute/answers.py",
    "cnnlab/compute/imported.py",
    "cnnlab/compute/predictions.py",
    "cnnlab/compute/questions.py",
    "cnnlab/compute/server.py",
    "cnnlab/compute/trained.py",
    "cnnlab/compute/wire.py",
    "cnnlab/datasets/download.py",
    "cnnlab/datasets/fingerprints.py",
    "cnnlab/datasets/idx.py",
    "cnnlab/datasets/known.py",
    "cnnlab/datasets/layouts.py",
    "cnnlab/datasets/location.py",
    "cnnlab/datasets/own.py",
    "cnnlab/datasets/reading.py",
    "cnnlab/diagnosis/causes.py",
    "cnnlab/diagnosis/endings.py",
    "cnnlab/diagnosis/overflow.py",
    "cnnlab/diagnosis/words.py",
    "cnnlab/executors/proxy.py",
    "cnnlab/executors/settings.py",
    "cnnlab/executors/slurm.py",
    "cnnlab/executors/versions.py",
    "cnnlab/figures/calibration.py",
    "cnnlab/figures/compare.py",
    "cnnlab/figures/curves.py",
    "cnnlab/figures/data.py",
    "cnnlab/figures/epochs.py",
    "cnnlab/figures/flow.py",
    "cnnlab/figures/network.py",
    "cnnlab/figures/pictures.py",
    "cnnlab/figures/range_test.py",
    "cnnlab/figures/runs.py",
    "cnnlab/figures/sweeps.py",
    "cnnlab/forecasts/limits.py",
    "cnnlab/importing.py",
    "cnnlab/imported_weights.py",
    "cnnlab/forecasts/refusals.py",
    "cnnlab/inside/attribution.py",
    "cnnlab/inside/by_hand.py",
    "cnnlab/known_runs.py",
    "cnnlab/layers/own_code.py",
    "cnnlab/layers/table.py",
    "cnnlab/learn/bands.py",
    "cnnlab/learn/catalogue.py",
    "cnnlab/learn/lesson.py",
    "cnnlab/learn/progress.py",
    "cnnlab/learn/read.py",
    "cnnlab/own_data/bringing.py",
    "cnnlab/own_data/building.py",
    "cnnlab/own_data/csv_table.py",
    "cnnlab/own_data/decoding.py",
    "cnnlab/own_data/folder.py",
    "cnnlab/own_data/idx_table.py",
    "cnnlab/own_data/labelled.py",
    "cnnlab/own_data/layout.py",
    "cnnlab/own_data/member.py",
    "cnnlab/own_data/npz_table.py",
    "cnnlab/own_data/pool.py",
    "cnnlab/own_data/records.py",
    "cnnlab/own_data/sampling.py",
    "cnnlab/own_data/splitting.py",
    "cnnlab/own_data/tables.py",
    "cnnlab/own_data/tars.py",
    "cnnlab/own_data/values.py",
    "cnnlab/own_data/zips.py",
    "cnnlab/networks.py",
    "cnnlab/own_picture/preparing.py",
    "cnnlab/own_picture/reading.py",
    "cnnlab/own_picture/steps.py",
    "cnnlab/reports/comparison.py",
    "cnnlab/reports/findings.py",
    "cnnlab/reports/html.py",
    "cnnlab/reports/networks.py",
    "cnnlab/reports/svg.py",
    "cnnlab/reports/svg_files.py",
    "cnnlab/runs/migrations.py",
    "cnnlab/runs/records.py",
    "cnnlab/runs/store_lifecycle.py",
    "cnnlab/runs/store_log.py",
    "cnnlab/runs/store_queue.py",
    "cnnlab/runs/store_rows.py",
    "cnnlab/runs/store_teacher.py",
    "cnnlab/runs/sweep_rows.py",
    "cnnlab/runs/sweep_store.py",
    "cnnlab/starts.py",
    "cnnlab/sweeps/dimensions.py",
    "cnnlab/sweeps/values.py",
    "cnnlab/system/background.py",
    "cnnlab/system/files.py",
    "cnnlab/system/home.py",
    "cnnlab/system/pausing.py",
    "cnnlab/system/small_file.py",
    "cnnlab/teaching/archive.py",
    "cnnlab/teaching/notes.py",
    "cnnlab/teaching/service.py",
    "cnnlab/teaching/stuck.py",
    "cnnlab/training/batches.py",
    "cnnlab/training/checkpoints.py",
    "cnnlab/training/compiling.py",
    "cnnlab/training/devices.py",
    "cnnlab/training/diagnosis.py",
    "cnnlab/training/gpu_errors.py",
    "cnnlab/training/graph.py",
    "cnnlab/training/imported.py",
    "cnnlab/training/precision.py",
    "cnnlab/training/pretrained.py",
    "cnnlab/training/proof.py",
    "cnnlab/training/range_test.py",
    "cnnlab/training/session.py",
    "cnnlab/training/weights_file.py",
    "cnnlab/twins.py",
    "cnnlab/workers/dispatcher.py",
    "cnnlab/workers/imports.py",
    "cnnlab/workers/placing.py",
    "cnnlab/workers/published.py",
    "cnnlab/workers/runner.py",
    "cnnlab/workers/shares.py",
    "cnnlab/workers/study.py",
    "cnnlab/workers/suspects.py",
    "cnnlab/workers/sweep.py",
    "cnnlab/workers/watch.py",
    "pages/_parts/address.py",
    "pages/_parts/assignments/make.py",
    "pages/_parts/assignments/table.py",
    "pages/_parts/assignments/task.py",
    "pages/_parts/data/balance.py",
    "pages/_parts/data/bring.py",
    "pages/_parts/data/checkup.py",
    "pages/_parts/data/importing.py",
    "pages/_parts/data/labels.py",
    "pages/_parts/data/own_set.py",
    "pages/_parts/download.py",
    "pages/_parts/builder/editor.py",
    "pages/_parts/builder/keep.py",
    "pages/_parts/builder/mode.py",
    "pages/_parts/builder/sources.py",
    "pages/_parts/builder/state.py",
    "pages/_parts/builder/table.py",
    "pages/_parts/forms/architecture.py",
    "pages/_parts/forms/click.py",
    "pages/_parts/forms/devices.py",
    "pages/_parts/forms/dimension.py",
    "pages/_parts/forms/forecast.py",
    "pages/_parts/forms/import_weights.py",
    "pages/_parts/forms/link.py",
    "pages/_parts/forms/order.py",
    "pages/_parts/forms/published.py",
    "pages/_parts/forms/rate_finder.py",
    "pages/_parts/forms/recipes.py",
    "pages/_parts/forms/settings.py",
    "pages/_parts/forms/several.py",
    "pages/_parts/forms/training.py",
    "pages/_parts/forms/value.py",
    "pages/_parts/gate/sign_in.py",
    "pages/_parts/grid.py",
    "pages/_parts/image_grid.py",
    "pages/_parts/inside/answer.py",
    "pages/_parts/inside/by_hand.py",
    "pages/_parts/inside/choice.py",
    "pages/_parts/inside/downloads.py",
    "pages/_parts/inside/epoch_frames.py",
    "pages/_parts/inside/epochs.py",
    "pages/_parts/inside/kernels.py",
    "pages/_parts/inside/maps.py",
    "pages/_parts/inside/modes.py",
    "pages/_parts/inside/numbers.py",
    "pages/_parts/inside/own.py",
    "pages/_parts/inside/picture.py",
    "pages/_parts/inside/sums.py",
    "pages/_parts/inside/what_if.py",
    "pages/_parts/inside/why.py",
    "pages/_parts/inside/window.py",
    "pages/_parts/inside/words.py",
    "pages/_parts/language.py",
    "pages/_parts/layer_views.py",
    "pages/_parts/learn/address.py",
    "pages/_parts/learn/experiment.py",
    "pages/_parts/learn/figures/field.py",
    "pages/_parts/learn/figures/flatten.py",
    "pages/_parts/learn/figures/kernels.py",
    "pages/_parts/learn/figures/params.py",
    "pages/_parts/learn/figures/sigmoids.py",
    "pages/_parts/learn/figures/size.py",
    "pages/_parts/learn/figures/traps.py",
    "pages/_parts/learn/figures/window.py",
    "pages/_parts/learn/learner.py",
    "pages/_parts/learn/lesson.py",
    "pages/_parts/learn/links.py",
    "pages/_parts/learn/overview.py",
    "pages/_parts/learn/questions.py",
    "pages/_parts/learn/words.py",
    "pages/_parts/live/plot.py",
    "pages/_parts/live/sentence.py",
    "pages/_parts/live/snapshot.py",
    "pages/_parts/markdown.py",
    "pages/_parts/network_view.py",
    "pages/_parts/notes.py",
    "pages/_parts/one_choice.py",
    "pages/_parts/pager.py",
    "pages/_parts/player.py",
    "pages/_parts/predict/certainty.py",
    "pages/_parts/predict/choice.py",
    "pages/_parts/predict/classes.py",
    "pages/_parts/predict/confusion.py",
    "pages/_parts/predict/headline.py",
    "pages/_parts/predict/own.py",
    "pages/_parts/predict/own_answer.py",
    "pages/_parts/predict/own_sources.py",
    "pages/_parts/predict/which_run.py",
    "pages/_parts/probabilities.py",
    "pages/_parts/run/actions.py",
    "pages/_parts/run/away.py",
    "pages/_parts/run/list.py",
    "pages/_parts/run/meaning.py",
    "pages/_parts/run/replay.py",
    "pages/_parts/run/strip.py",
    "pages/_parts/run/twin.py",
    "pages/_parts/run/view.py",
    "pages/_parts/run_words.py",
    "pages/_parts/runs/actions.py",
    "pages/_parts/runs/columns.py",
    "pages/_parts/runs/compare.py",
    "pages/_parts/runs/differences.py",
    "pages/_parts/runs/disagree.py",
    "pages/_parts/runs/export.py",
    "pages/_parts/runs/filters.py",
    "pages/_parts/runs/table.py",
    "pages/_parts/shell.py",
    "pages/_parts/sidebar.py",
    "pages/_parts/sign_out.py",
    "pages/_parts/sweeps/actions.py",
    "pages/_parts/sweeps/charts.py",
    "pages/_parts/sweeps/list.py",
    "pages/_parts/sweeps/view.py",
    "pages/_parts/sweeps/words.py",
    "pages/_parts/teaching/acting.py",
    "pages/_parts/teaching/disk.py",
    "pages/_parts/teaching/hints.py",
    "pages/_parts/teaching/log.py",
    "pages/_parts/teaching/machine.py",
    "pages/_parts/teaching/results.py",
    "pages/_parts/teaching/students.py",
    "pages/_parts/twins.py",
    "pages/_parts/versions.py",
    "pages/_parts/visitor.py",
    "pages/class.py",
    "pages/data.py",
    "pages/design.py",
    "pages/inside.py",
    "pages/learn.py",
    "pages/predict.py",
    "pages/runs.py",
    "pages/train.py",
)
# What draws a text, and the places of its arguments that are texts; beside these, the arguments named in NAMES.
DRAWS = {
    **dict.fromkeys(("title", "header", "subheader", "markdown", "caption", "text", "write", "error", "warning", "info"), (0,)),
    **dict.fromkeys(("success", "toast", "button", "download_button", "link_button", "toggle", "checkbox", "radio"), (0,)),
    **dict.fromkeys(("selectbox", "multiselect", "segmented_control", "pills", "slider", "text_input", "text_area"), (0,)),
    **dict.fromkeys(("number_input", "file_uploader", "expander", "popover", "spinner", "status", "form_submit_button"), (0,)),
    **dict.fromkeys(("one_choice", "class_choice", "dialog", "feedback", "date_input", "color_picker"), (0,)),
    **{"metric": (0, 1), "progress": (1,), "page_link": (), "Page": (), "KeyFigure": (0, 3), "GridItem": (1, 2, 3)},
    **dict.fromkeys(("TextColumn", "NumberColumn", "LinkColumn", "ProgressColumn", "CheckboxColumn"), (0,)),
    **dict.fromkeys(("live_plot", "Chart", "tabs", "popover", "ConfigError", "DataError", "RunStateError", "LimitError"), (0,)),
}
NAMES = ("label", "help", "placeholder", "text", "body", "title", "caption", "alt", "hover", "note", "detail", "heading", "lead")
MARKS = ("_", "N_", "say", "nsay", "ngettext", "translated", "shown")
_WORD = re.compile(r"[A-Za-z]{2}")
_BARE = re.compile(r"<[^>]*>|:material/\w+:|&\w+;|\b(px|CNN Lab|Language|CSV|SVG|JSON|kB|MB|GB)\b")  # no words of a language


def unmarked(code: str) -> Iterator[str]:
    """The texts that a module draws without a mark, with their lines; and uses of `_` for anything but a text."""
    tree = ast.parse(code)
    constants = {
        target.id: node.value
        for node in tree.body if isinstance(node, ast.Assign)
        for target in node.targets if isinstance(target, ast.Name)
    }  # fmt: skip
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == "_" and isinstance(node.ctx, ast.Store) and not _in_comprehension(tree, node):
            yield f"{node.lineno}: _ is the function that translates; call a value that is not used _rest"
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in MARKS and any(isinstance(argument, ast.JoinedStr) for argument in node.args[:1]):
            yield f"{node.lineno}: an f-string cannot be translated"
        # An Address has methods of the same names.
        if name not in DRAWS or (isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value).endswith("address")):
            continue
        drawn = [node.args[place] for place in DRAWS[name] if place < len(node.args)]
        drawn += [keyword.value for keyword in node.keywords if keyword.arg in NAMES]
        for argument in drawn:
            value = constants.get(argument.id, argument) if isinstance(argument, ast.Name) else argument
            yield from (f"{node.lineno}: {text!r}" for text in _literals(value) if _WORD.search(_BARE.sub("", text)))


def _literals(node: ast.AST) -> Iterator[str]:
    """The literals within an expression that are not marked: those of calls count only where their result is the text."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        for part in node.values:
            yield from _literals(part.value if isinstance(part, ast.FormattedValue) else part)
    elif isinstance(node, ast.IfExp):
        yield from (*_literals(node.body), *_literals(node.orelse))
    elif isinstance(node, ast.BinOp | ast.BoolOp):
        for child in (node.left, node.right) if isinstance(node, ast.BinOp) else node.values:
            yield from _literals(child)
    elif isinstance(node, ast.List | ast.Tuple):
        for child in node.elts:
            yield from _literals(child)
    elif isinstance(node, ast.Dict):
        for child in node.values:
            yield from _literals(child)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("format", "join"):
        yield from _literals(node.func.value)


def _in_comprehension(tree: ast.AST, name: ast.Name) -> bool:
    return any(
        isinstance(node, ast.comprehension) and name in ast.walk(node.target) for node in ast.walk(tree)
    )  # its names end with it
