"""What tests of the page's server share: requests over real sockets, and pictures to tell apart."""

import http.client
import json
import socket
from contextlib import closing, contextmanager
from fractions import Fraction

import numpy as np

from support.fake_controls import decode
from support.waiting import DEADLINE_SECONDS
from toonstream.frame import Frame

RED, GREEN, BLUE = (200, 40, 40), (40, 180, 60), (40, 60, 200)


def ask(server, path="/", method="GET", body=None, **headers):
    """(status, headers, body) of an answer; header names have _ for -."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=DEADLINE_SECONDS)
    with closing(connection):
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()


def post(server, changes, path="/state", **headers):
    headers = {"Content_Type": "application/json"} | headers
    body = changes if isinstance(changes, bytes) else json.dumps(changes).encode()
    status, _, answer = ask(server, path, "POST", body, **headers)
    return status, answer.decode()


@contextmanager
def reader(server, path="/stream.mjpg", receive_buffer=None):
    """A connection that has asked for the stream and read its head; yields its file."""
    with socket.socket() as connection:
        if receive_buffer:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connection.settimeout(DEADLINE_SECONDS)
        connection.connect(server.server_address)
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        with connection.makefile("rb") as file:
            status = file.readline()
            assert b" 200 " in status, status
            head = b"".join(iter(file.readline, b"\r\n"))
            assert b"multipart/x-mixed-replace;boundary=" in head
            assert file.readline().startswith(b"--")
            yield file


def next_part(file):
    """The JPEG of the next part, with the boundary after it read too: it must not wait for another picture."""
    head = b"".join(iter(file.readline, b"\r\n")).decode()
    length = int(head.split("Content-Length: ")[1].split("\r\n")[0])
    jpeg = file.read(length)
    assert file.readline() == b"\r\n"
    assert file.readline().startswith(b"--")
    return jpeg


def is_colour(jpeg, colour):
    return np.abs(decode(jpeg).mean((0, 1)) - colour).max() < 4


def noise(index):
    """A frame of some 600 KB as JPEG: one alone fills a connection's buffers."""
    rgb = np.random.default_rng(index).integers(0, 256, (720, 1280, 3), np.uint8)
    return Frame.from_rgb(rgb, index, Fraction(1, 30), index)
