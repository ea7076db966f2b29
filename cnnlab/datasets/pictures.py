"""Images of a data set as data URIs, ready for an <img> tag. Needs Pillow, but neither torch nor torchvision."""

from __future__ import annotations

import base64
from io import BytesIO

import numpy as np
from numpy.typing import ArrayLike


def png_data_uri(image: ArrayLike) -> str:
    """The original pixels of one image, uint8 C×H×W with 1 or 3 channels (an array, or a tensor on the CPU), as a lossless PNG."""
    from PIL import Image

    pixels = np.asarray(image)
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[0] not in (1, 3):
        raise ValueError(f"an image is uint8 C×H×W with 1 or 3 channels, not {pixels.dtype} {'×'.join(map(str, pixels.shape))}")
    drawn = Image.fromarray(pixels[0] if pixels.shape[0] == 1 else np.ascontiguousarray(pixels.transpose(1, 2, 0)))
    file = BytesIO()
    drawn.save(file, "PNG", compress_level=1)  # a 28×28 image gains nothing from more
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
