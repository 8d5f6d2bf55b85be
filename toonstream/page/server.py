"""The HTTP server of the stream and the page: its sinks, and whom it serves at a time; `handler.py` answers requests.

The standard library's server does: a handful of readers with a thread each, so that one that stops reading holds up
itself alone.
"""

import os
import socket
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from socketserver import ThreadingTCPServer
from typing import Any

from toonstream_engines.errors import UserError

from toonstream.controls import Controls
from toonstream.live.switch import Switch
from toonstream.page.address import Address
from toonstream.page.api import Api
from toonstream.page.handler import SILENT_SECONDS, Handler
from toonstream.page.recorder import Recorder
from toonstream.sinks.listening import reason
from toonstream.sinks.stream import Encoder, Stream
from toonstream.sources import LiveSource

MOST_CONNECTIONS = 32
LOOK_SECONDS = 0.1
"""How often the server looks for what is not a request: that it is closed, or that a request comes too slowly."""


class PageServer(ThreadingTCPServer):
    """Serves from its creation until it is closed. Raises UserError where it cannot listen at the address.

    source: where the frames come from; a Switch may be changed on the page. stream, preview, recorder: the live sinks;
    the second is for the user alone, the third records into the folder that the program was started in. url: what to
    open in a browser.
    """

    daemon_threads = True
    request_queue_size = MOST_CONNECTIONS
    allow_reuse_address = os.name != "nt"  # where it would let two programs listen at one port

    def __init__(self, address: str, controls: Controls, source: LiveSource) -> None:
        self.address = Address(address)
        place = self.address.place
        self.address_family = place.family
        self.controls = controls
        self._connections: dict[socket.socket, bool] = {}
        """Whether each has made a request that is allowed; the oldest first."""
        self.asking: dict[socket.socket, float] = {}
        """Since when each has been sending a request that is not complete."""
        try:
            folder = Path.cwd()
        except OSError as error:
            raise UserError(f"--to {address}: the folder to record into is gone; start it in another") from error
        try:
            super().__init__((place.host, place.port), Handler)
        except OSError as error:
            raise UserError(f"--to {address}: {reason(error)}") from error
        self.url = self.address.url(self.server_address[1])
        encoder = Encoder()
        self.stream = Stream(f"stream for OBS {self.url}stream.nut", False, encoder)
        self.preview = Stream(f"page {self.url}", True, encoder)
        self.recorder = Recorder(folder, source.rate)
        self.api = Api(controls, self.recorder, source if isinstance(source, Switch) else None)
        threading.Thread(target=self.serve_forever, args=(LOOK_SECONDS,), name="page", daemon=True).start()

    def close(self) -> None:
        """Ends every stream, recording and connection; may be called twice."""
        self.stream.close()
        self.preview.close()
        self.shutdown()
        self.server_close()
        self.recorder.close()
        for connection in tuple(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def process_request(self, request: Any, client_address: Any) -> None:
        if len(self._connections) >= MOST_CONNECTIONS:
            oldest = next((one for one, admitted in tuple(self._connections.items()) if not admitted), None)
            if oldest is None:
                self.shutdown_request(request)
                return
            self._connections.pop(oldest, None)  # silent connections keep nobody out
            with suppress(OSError):
                oldest.shutdown(socket.SHUT_RDWR)
        self._connections[request] = False
        super().process_request(request, client_address)

    def service_actions(self) -> None:
        """Called often: closes connections whose request comes so slowly that no single read times out."""
        late = time.monotonic() - SILENT_SECONDS
        for connection in [one for one, since in tuple(self.asking.items()) if since < late]:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def admit(self, request: socket.socket) -> None:
        """It has made a request that is allowed: it keeps its place."""
        if request in self._connections:
            self._connections[request] = True

    def shutdown_request(self, request: Any) -> None:
        self._connections.pop(request, None)
        self.asking.pop(request, None)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Faults of ours are printed, as the base class does; lost connections are not."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)
