"""A user's own images in a real browser: from an archive to a script that runs without the lab."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from io import BytesIO
from urllib.parse import parse_qs, urlsplit

import numpy as np
from PIL import Image

from tests.browser.chromium import VIEWPORT, drawn

SHADES = {"dark": 20, "<b>grey 🌫": 120, "light": 210}


def archive() -> bytes:
    """Twelve noisy pictures a class, one of them twice, and a file that is no picture."""
    noise, content = np.random.default_rng(0), BytesIO()
    with zipfile.ZipFile(content, "w") as packed:
        for name, shade in SHADES.items():
            for number in range(12):
                file = BytesIO()
                Image.fromarray(noise.integers(shade, shade + 40, (32, 32), dtype=np.uint8)).save(file, "PNG")
                packed.writestr(f"shades/{name}/{number}.png", file.getvalue())
        packed.writestr("shades/dark/again.png", packed.read("shades/dark/0.png"))
        packed.writestr("shades/light/broken.png", b"no picture")
    return content.getvalue()


def test_an_archive_becomes_a_data_set_a_network_and_a_script_that_runs(walk, server, tmp_path):
    walk.set_viewport_size(VIEWPORT)
    walk.goto(f"{server.address}/data")
    walk.get_by_role("button", name="Bring your own images").click()
    field = walk.locator("input[type=file]")
    field.wait_for(state="attached")
    field.set_input_files({"name": "shades.zip", "mimeType": "application/zip", "buffer": archive()})
    walk.get_by_text("shades.zip").wait_for()
    walk.get_by_role("button", name="Import", exact=True).click()

    walk.get_by_role("heading", name="Before you train").wait_for()
    walk.get_by_text("1 file could not be read and was left out: shades/light/broken.png").wait_for()
    pairs = walk.locator(".cnn-pairs figure")
    assert pairs.count() == 1
    assert pairs.get_by_role("img").get_attribute("alt").count("dark") == 2

    walk.get_by_role("button", name="Train on this").click()
    walk.wait_for_url("**/train?dataset=own-shades**")
    drawn(walk)
    walk.goto(f"{server.address}/train?dataset=own-shades&activation=relu&epochs=2&batch_size=8&device=cpu")
    walk.get_by_role("button", name="Start training").click()
    walk.wait_for_url(re.compile(r"run=[0-9a-f]{8}"))
    run = parse_qs(urlsplit(walk.url).query)["run"][0]
    walk.get_by_text("finished", exact=False).first.wait_for()

    walk.goto(f"{server.address}/inside?run={run}")
    walk.get_by_text("How its values are distributed").wait_for()
    assert walk.locator("b:text('grey')").count() == 0  # a class is text, whatever it is called

    environment = os.environ | {"CNNLAB_HOME": str(server.home)}
    script = tmp_path / "shades.py"
    command = [sys.executable, "-m", "cnnlab", "export", run, "--as", "script", "--output", str(script), "--home", str(server.home)]
    exported = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert exported.returncode == 0, exported.stderr
    repeated = subprocess.run(
        [sys.executable, str(script)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=server.home / "own_data",  # where it looks for its images
    )
    assert repeated.returncode == 0, repeated.stderr
    assert "test" in repeated.stdout
    assert not walk.errors
