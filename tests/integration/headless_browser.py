"""Chromium without a window and without a network, driven by the tests."""

import base64
import fcntl
import io
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.image import imread

BROWSER = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), ""
)
HEADLESS = ("--headless", "--no-sandbox", "--remote-debugging-pipe", "--no-first-run")
NO_NETWORK = ("--proxy-server=127.0.0.1:9", "--host-resolver-rules=MAP * ~NOTFOUND")
SOFTWARE_WEBGL = ("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
PATIENCE = 60.0  # s; software rendering on a busy machine takes a few


class Browser:
    """Chromium without a window, driven over its own pipe by the DevTools protocol."""

    def __init__(self, profile: Path) -> None:
        to_browser, self._out = os.pipe()
        self._in, from_browser = os.pipe()
        read_end, write_end = (fcntl.fcntl(fd, fcntl.F_DUPFD, 10) for fd in (to_browser, from_browser))
        options = [*HEADLESS, *SOFTWARE_WEBGL, *NO_NETWORK, f"--user-data-dir={profile}"]
        self._process = subprocess.Popen(
            ["bash", "-c", f'exec "$@" 3<&{read_end} 4>&{write_end}', "bash", BROWSER, *options],
            pass_fds=(read_end, write_end),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for fd in (to_browser, from_browser, read_end, write_end):
            os.close(fd)
        self._replies = io.open(self._in, "rb")  # noqa: SIM115, UP020 - closed in `close`
        self._count = 0
        self._session: str | None = None
        self.events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.call(
            "Emulation.setDeviceMetricsOverride", width=1280, height=1000, deviceScaleFactor=1, mobile=False
        )

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send one command and wait for its answer; events that come before it are kept."""
        self._count += 1
        message = {"id": self._count, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            answer = json.loads(self._message())
            if answer.get("id") == self._count:
                assert "error" not in answer, answer
                return answer["result"]
            self.events.append(answer)

    def _message(self) -> bytes:
        content = bytearray()
        while (byte := self._replies.read(1)) != b"\0":
            assert byte, "the browser has ended"
            content += byte
        return bytes(content)

    def value(self, expression: str) -> Any:
        """Evaluate JavaScript in the page."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait(self, expression: str, accept: Callable[[Any], bool] = bool) -> Any:
        """Evaluate JavaScript until its value is acceptable."""
        end = time.monotonic() + PATIENCE
        while not accept(value := self.value(expression)):
            assert time.monotonic() < end, f"{expression} is still {value!r}"
            time.sleep(0.05)
        return value

    def open(self, page: Path) -> None:
        """Load a file and wait until the map and all plots are drawn."""
        self.events.clear()
        self.call("Page.navigate", url=page.as_uri())
        self.wait("document.getElementById('map-figure')?.dataset.rendered")
        self.wait("document.body?.dataset.plots")

    def mouse(self, kind: str, x: float, y: float, **more: Any) -> None:
        """Send a mouse event at a place of the window."""
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def picture(self, box: dict[str, float]) -> np.ndarray:
        """Screenshot of a part of the page, ``(height, width, 3)``, 0–1."""
        shot = self.call(
            "Page.captureScreenshot", format="png", clip={**box, "scale": 1}, captureBeyondViewport=True
        )
        return imread(io.BytesIO(base64.b64decode(shot["data"])))[..., :3]

    def close(self) -> None:
        """End the browser."""
        self.call("Browser.close")
        self._process.wait(20)
        self._replies.close()
        os.close(self._out)
