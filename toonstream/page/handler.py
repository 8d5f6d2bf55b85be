"""Answers the requests for the page, its pictures and its state.

GET  /               the page, with page.css, page.js and icon.svg
GET  /stream.nut     what everybody is shown, without end: for OBS
GET  /stream.mjpg    the same as multipart JPEG: for all other programs
GET  /preview.jpg    what the user is shown; ?after=NUMBER waits for another picture than that one
GET  /snapshot.png   what everybody is shown, once
GET  /styles         what may be chosen; /styles/INDEX.png: its preview
GET  /sources        what may be chosen instead of the camera
GET  /state          controls and figures
POST /state          changes controls; JSON with any of style, source, faces, recording, effect, mirror, split,
                     paused
"""

import json
import re
import select
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import cv2
from av.error import FFmpegError
from toonstream_engines import load_style
from toonstream_engines.errors import UserError

from toonstream.page.nut import write_nut
from toonstream.sinks.stream import Picture, Stream

if TYPE_CHECKING:
    from toonstream.page.server import PageServer

SILENT_SECONDS = 10.0
"""After how long a connection on which nothing moves is closed, and one whose request is not complete."""

SEND_BUFFER_BYTES = 256 << 10
"""A few pictures: what waits there for a slow reader is delay."""

PICTURE_SECONDS = 5.0
"""How long a request for a picture waits for one."""

CHECK_SECONDS = 0.5
"""How often it is checked whether a reader that waits for a picture is still there."""

MAX_BODY_BYTES = 4096
MAX_PREVIEW_BYTES = 8 << 20

FILES = {
    "/": ("page.html", "text/html; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
BOUNDARY = "toonstream-picture"


class Handler(BaseHTTPRequestHandler):
    """Answers the requests of one connection."""

    server: "PageServer"
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "ToonStream", ""
    timeout = SILENT_SECONDS
    disable_nagle_algorithm = True

    def setup(self) -> None:
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        super().setup()

    def handle_one_request(self) -> None:
        self.server.asking[self.connection] = time.monotonic()
        super().handle_one_request()

    def do_GET(self) -> None:  # the base class finds it by this name
        self._request_complete()
        path, query = self._allowed()
        if path is None:
            return
        if path in FILES:
            name, kind = FILES[path]
            self._answer(Path(__file__).with_name(name).read_bytes(), kind)
        elif path == "":  # the token without the / after it, to which the page's own addresses are relative
            there = self.path.partition("?")[0] + "/"
            self._answer(b"", "text/plain", {"Location": there}, HTTPStatus.PERMANENT_REDIRECT)
        elif path == "/stream.nut":
            self._stream_nut()
        elif path == "/stream.mjpg":
            self._stream_multipart()
        elif path == "/preview.jpg":
            after = _number(parse_qs(query).get("after", [""])[0])
            self._preview(self.server.preview.number if after is None else after)
        elif path == "/snapshot.png":
            self._snapshot()
        elif path == "/state":
            self._json(self.server.api.state())
        elif path == "/styles":
            self._json([_describe(style) for style in self.server.controls.styles])
        elif path == "/sources":
            self._json([{"source": name, "name": title} for name, title in self.server.api.sources().items()])
        elif path.startswith("/styles/") and path.endswith(".png"):
            self._style_preview(path.removeprefix("/styles/").removesuffix(".png"))
        else:
            self._refuse(HTTPStatus.NOT_FOUND, "There is no such page here.")

    def do_POST(self) -> None:
        self.close_connection = True  # unless the body was read
        path, _ = self._allowed()
        if path is None:
            return
        length = _number(self.headers.get("Content-Length", ""))
        if path != "/state":
            self._refuse(HTTPStatus.NOT_FOUND, "There is no such page here.")
        elif self.headers.get_content_type() != "application/json":  # which a form of another page cannot send
            self._refuse(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Send application/json.")
        elif length is None or length > MAX_BODY_BYTES:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"Send at most {MAX_BODY_BYTES} bytes, and their number.")
        else:
            body = self.rfile.read(length)
            self._request_complete()
            self.close_connection = False
            if problem := self.server.api.change(body):
                self._refuse(HTTPStatus.BAD_REQUEST, problem)
            else:
                self._json(self.server.api.state())

    def _request_complete(self) -> None:
        """From now on the answer may take as long as it needs."""
        self.server.asking.pop(self.connection, None)

    def _allowed(self) -> tuple[str | None, str]:
        """The path within the page, or None where the request was refused; and the query."""
        path, _, query = self.path.partition("?")
        address = self.server.address
        if refusal := address.refusal(path, self.headers):
            self._refuse(HTTPStatus.FORBIDDEN, refusal)
            return None, query
        self.server.admit(self.connection)
        return address.inner(path), query

    def _stream_nut(self) -> None:
        self._begin_stream("video/x-nut")
        with suppress(FFmpegError):  # the reader has gone
            write_nut(self._pictures(), self.wfile)

    def _stream_multipart(self) -> None:
        self._begin_stream(f"multipart/x-mixed-replace;boundary={BOUNDARY}")
        self.wfile.write(f"--{BOUNDARY}\r\n".encode())
        for picture in self._pictures():
            head = f"Content-Type: image/jpeg\r\nContent-Length: {len(picture.jpeg)}\r\n\r\n".encode()
            # The boundary goes along: readers that look for it show the picture now rather than with the next.
            self.wfile.write(b"".join((head, picture.jpeg, f"\r\n--{BOUNDARY}\r\n".encode())))

    def _begin_stream(self, kind: str) -> None:
        self.close_connection = True
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", kind)
        self.send_header("Connection", "close")
        self._end_headers()

    def _pictures(self) -> Iterator[Picture]:
        """What everybody is shown, from now on until the end."""
        stream = self.server.stream
        number = stream.number
        while picture := self._next(stream, number, None):
            number = picture.number
            yield picture

    def _preview(self, after: int) -> None:
        picture = self._next(self.server.preview, after, PICTURE_SECONDS)
        if picture:
            self._answer(picture.jpeg, "image/jpeg", {"X-Number": str(picture.number)})
        else:
            self._answer(b"", "text/plain", status=HTTPStatus.NO_CONTENT)

    def _snapshot(self) -> None:
        frame = self.server.stream.newest
        if frame is None:
            self._refuse(HTTPStatus.NOT_FOUND, "There is no picture yet.")
            return
        _, png = cv2.imencode(".png", cv2.cvtColor(frame.rgb(), cv2.COLOR_RGB2BGR))
        name = f"toonstream-{datetime.now():%Y%m%d-%H%M%S}.png"
        self._answer(bytes(png), "image/png", {"Content-Disposition": f'attachment; filename="{name}"'})

    def _next(self, stream: Stream, after: int, seconds: float | None) -> Picture | None:
        """The stream's next picture; None at its end, and after those seconds, and where the reader has gone."""
        waited = 0.0
        while not stream.closed and (seconds is None or waited < seconds) and not self._gone():
            if picture := stream.next(after, CHECK_SECONDS):
                return picture
            waited += CHECK_SECONDS
        return None

    def _gone(self) -> bool:
        readable, _, _ = select.select([self.connection], [], [], 0)
        return bool(readable) and not self.connection.recv(1, socket.MSG_PEEK)

    def _style_preview(self, name: str) -> None:
        styles, index = self.server.controls.styles, _number(name)
        with suppress(UserError, OSError):
            if index is not None and index < len(styles):
                path = load_style(styles[index]).folder / "preview.png"
                if path.stat().st_size <= MAX_PREVIEW_BYTES:
                    self._answer(path.read_bytes(), "image/png")
                    return
        self._refuse(HTTPStatus.NOT_FOUND, "This style has no preview.")

    def _json(self, value: object) -> None:
        self._answer(json.dumps(value).encode(), "application/json")

    def _refuse(self, status: HTTPStatus, reason: str) -> None:
        self._answer(f"{reason}\n".encode(), "text/plain; charset=utf-8", status=status)

    def _answer(
        self, body: bytes, kind: str, headers: dict[str, str] | None = None, status: HTTPStatus = HTTPStatus.OK
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if status != HTTPStatus.NO_CONTENT:
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self._end_headers()
        self.wfile.write(body)

    def _end_headers(self) -> None:
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: who runs it wants to see other things."""


def _number(text: str) -> int | None:
    """A whole number of a request, of as many digits as any that is meant may have; None where it is none."""
    return int(text) if re.fullmatch("[0-9]{1,18}", text) else None


def _describe(style: str) -> dict[str, object]:
    try:
        known = load_style(style)
    except UserError as error:
        return {"style": style, "name": Path(style).name, "about": str(error)}
    return {"style": style, "name": known.name, "about": known.about}
