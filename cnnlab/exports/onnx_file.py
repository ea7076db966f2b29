"""A run's network as one ONNX file, checked with ONNX Runtime, and two short programs that use it."""

from __future__ import annotations

import json
import warnings
from html import escape
from pathlib import Path

import torch
from torch import Tensor, nn

from cnnlab import datasets
from cnnlab.errors import ExportError
from cnnlab.exports.checks import Check, compared
from cnnlab.exports.packages import needed
from cnnlab.exports.subject import Subject
from cnnlab.exports.weights import description
from cnnlab.i18n import N_, say
from cnnlab.training.transforms import Preparation

# The version that the example page was tried with, and its part for the processor alone.
RUNTIME = "https://cdn.jsdelivr.net/npm/onnxruntime-web@1.30.0/dist"


class _Prepared(nn.Module):
    """The network behind the preparation of its images: bytes in, logits out."""

    def __init__(self, model: nn.Module, preparation: Preparation) -> None:
        super().__init__()
        self.model, self.preparation = model, preparation

    def forward(self, images: Tensor) -> Tensor:
        return self.model(self.preparation.test(images))


def write_onnx(subject: Subject, path: Path, *, prepared: bool = False) -> Check:
    """Writes the network to `path`; the number of images may vary. With `prepared` it takes images as bytes.

    DenseNet takes half a minute. Raises InstallationError; ExportError where PyTorch cannot write it; FailedCheck.
    """
    onnx, runtime, _script = needed("onnx", "onnxruntime", "onnxscript", purpose="ONNX")
    network = _Prepared(subject.model, subject.preparation) if prepared else subject.model
    # Made before the export, which would keep the stand-ins that it computes with.
    subject.preparation.constants(torch.device("cpu"))
    example = _inputs(subject, subject.checked_images[:2], prepared=prepared)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the exporter warns of its own deprecations
            torch.onnx.export(
                network,
                (example.clone(),),
                path,
                dynamo=True,
                dynamic_shapes=({0: torch.export.Dim("images")},),
                external_data=False,
                input_names=["images"],
                output_names=["logits"],
                verbose=False,
            )
    except Exception as error:  # the exporter raises what it likes
        reason = str(error).strip().partition("\n")[0][:200]
        text = N_("PyTorch cannot write this network as ONNX ({reason}); try without the preparation.")
        raise ExportError(say(text, reason=reason)) from error
    written = onnx.load(path)
    for name, text in description(subject).items():
        written.metadata_props.add(key=name, value=text)
    onnx.save(written, path)
    opset = next(each.version for each in written.opset_import if each.domain in ("", "ai.onnx"))
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    parts = subject.checked_images.split(subject.config.batch_size)
    found = [session.run(None, {"images": _inputs(subject, part, prepared=prepared).numpy()})[0] for part in parts]
    return compared("ONNX Runtime", subject.reference, torch.cat([torch.from_numpy(logits) for logits in found]), f"opset {opset}")


def _inputs(subject: Subject, images: Tensor, *, prepared: bool) -> Tensor:
    return images if prepared else subject.preparation.test(images)


def python_example(subject: Subject, name: str, *, prepared: bool) -> str:
    """A program of ten lines that classifies a picture with ONNX Runtime. `name` is the file's."""
    entry, preparation = datasets.entry(subject.config.dataset), subject.preparation
    mode = "L" if entry.channels == 1 else "RGB"
    shape = "pixels[None, None]" if entry.channels == 1 else "pixels.transpose(2, 0, 1)[None]"
    if prepared:
        lines = [f'picture = Image.open("picture.png").convert("{mode}").resize(({entry.size}, {entry.size}))']
        lines += [
            "pixels = np.array(picture, dtype=np.uint8)",
            f"images = {shape}  # 1×{entry.channels}×{entry.size}×{entry.size}, 0…255",
        ]
    else:
        mode, side = "L" if preparation.channels == 1 else "RGB", preparation.image_size
        shape = "pixels[None, None]" if preparation.channels == 1 else "pixels.transpose(2, 0, 1)[None]"
        lines = [f'picture = Image.open("picture.png").convert("{mode}").resize(({side}, {side}))']
        lines += [
            f"pixels = {_scaled('np.array(picture, dtype=np.float32)', preparation)}",
            f"images = {shape}  # 1×{preparation.channels}×{side}×{side}",
        ]
    return "\n".join(
        (
            "# pip install onnxruntime pillow",
            "import numpy as np\nimport onnxruntime\nfrom PIL import Image\n",
            f"classes = {list(subject.classes)!r}",
            f"session = onnxruntime.InferenceSession({name!r})",
            f"# {_alike(subject)}",
            *lines,
            'logits = session.run(None, {"images": images.astype(pixels.dtype)})[0][0]',
            "print(classes[logits.argmax()])\n",
        )
    )


def _alike(subject: Subject) -> str:
    """Which pictures to try. Of those in the lab, digits and clothes lie on black: a photograph of one is taken for anything."""
    images = subject.checked_images  # uint8 N×C×H×W
    on_black = images.shape[1] == 1 and images[..., [0, -1]].float().mean().item() < 32  # their left and right edges
    return "The network knows pictures like those it was trained on" + (": light, on black." if on_black else ".")


def _scaled(pixels: str, preparation: Preparation) -> str:
    if preparation.normalization == "half":
        return f"(({pixels} / 255 - 0.5) / 0.5).astype(np.float32)"
    if preparation.normalization == "dataset":
        mean, std = (values[0] if len(values) == 1 else list(values) for values in (preparation.mean, preparation.std))
        return f"(({pixels} / 255 - {mean!r}) / {std!r}).astype(np.float32)"
    return f"({pixels} / 255).astype(np.float32)"


def web_example(subject: Subject, name: str) -> str:
    """A web page that classifies a picture in the browser with onnxruntime-web. For a file with the preparation in it."""
    entry = datasets.entry(subject.config.dataset)
    size, plane = entry.size, entry.size**2
    gray = "bytes[i] = Math.round(0.299 * rgba[4 * i] + 0.587 * rgba[4 * i + 1] + 0.114 * rgba[4 * i + 2]);"
    colour = f"for (let c = 0; c < 3; c++) bytes[c * {plane} + i] = rgba[4 * i + c];"
    return f"""<!doctype html>
<meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{escape(name)}</title>
<!-- Serve this folder, as with: python -m http.server -->
<script src="{RUNTIME}/ort.wasm.min.js"></script>
<p>{_alike(subject)}</p>
<label>A picture <input type="file" accept="image/*"></label> <output></output>
<script>
const classes = {_in_script(subject.classes)}, output = document.querySelector("output");
window.onunhandledrejection = (event) => {{ output.value = event.reason; }};
document.querySelector("input").onchange = async (event) => {{
  const picture = await createImageBitmap(event.target.files[0]);
  const context = new OffscreenCanvas({size}, {size}).getContext("2d");
  context.drawImage(picture, 0, 0, {size}, {size});
  const rgba = context.getImageData(0, 0, {size}, {size}).data, bytes = new Uint8Array({entry.channels * plane});
  for (let i = 0; i < {plane}; i++) {gray if entry.channels == 1 else colour}
  const session = await ort.InferenceSession.create({_in_script(name)});
  const images = new ort.Tensor("uint8", bytes, [1, {entry.channels}, {size}, {size}]);
  const logits = (await session.run({{ images }})).logits.data;
  output.value = classes[logits.indexOf(Math.max(...logits))];
}};
</script>
"""


def _in_script(value: object) -> str:
    """A value as JavaScript within a page, which no text in it can end."""
    return json.dumps(value).replace("<", "\\u003c")
