"""Who may open the page, at which address, and how many at a time."""

import select
import socket
import threading
from contextlib import closing, suppress

import pytest
from support.fake_controls import SOURCE, picture
from support.page_client import GREEN, RED, ask, is_colour, next_part, post, reader
from support.waiting import DEADLINE_SECONDS, returns, wait_until
from toonstream_engines.errors import InputError, UserError

from toonstream.page import address as addresses
from toonstream.page.server import MOST_CONNECTIONS, PageServer
from toonstream.sinks import listening


@pytest.fixture
def guarded(controls, monkeypatch):
    """A server that takes itself to be open to the network, on loopback all the same."""
    monkeypatch.setattr(listening.Place, "loopback", False)
    with closing(PageServer("http://127.0.0.1:0", controls, SOURCE)) as server:
        assert server.address.token
        assert f"/{server.address.token}/" in server.url
        yield server


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},  # a name that was made to lead here
        {"Host": "evil.example:8080"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "192.168.1.5:8080"},
        {"Host": "[::1"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "https://127.0.0.1"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
@pytest.mark.parametrize("path", ["/", "/stream.nut", "/stream.mjpg", "/preview.jpg", "/snapshot.png", "/state"])
def test_others_are_refused(server, controls, headers, path):
    assert ask(server, path, **headers)[0] == 403
    assert post(server, {"mirror": True}, **headers)[0] == 403
    assert not controls.mirror


def test_the_machine_itself_is_let_in_under_its_names(server):
    port = server.server_address[1]
    for host in ("localhost", f"localhost:{port}", "127.0.0.1:9000", f"[::1]:{port}"):
        assert ask(server, "/state", Host=host, Origin=f"http://{host}", Sec_Fetch_Site="same-origin")[0] == 200


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/stream.mjpg",
        "/preview.jpg",
        "/snapshot.png",
        "/sources",
        "/state",
        "/styles",
        "/styles/0.png",
        "/page.js",
    ],
)
def test_beyond_loopback_all_needs_the_token(guarded, controls, path):
    token = guarded.address.token
    for wrong in ("", "/", f"/{token[:-1]}", f"/{token}x", "//"):
        assert ask(guarded, wrong + path)[0] == 403
    assert ask(guarded, f"{path}?token={token}")[0] == 403


def test_with_the_token_all_is_there(guarded, controls):
    token = f"/{guarded.address.token}"
    assert post(guarded, {"mirror": True}, "/x/state")[0] == 403
    assert not controls.mirror
    assert ask(guarded, f"{token}/", Host="studio.local:8080")[0] == 200
    assert ask(guarded, f"{token}/page.js")[0] == 200
    for query in ("", "?from=mail"):
        status, headers, _ = ask(guarded, token + query)
        assert (status, headers["Location"]) == (308, f"{token}/")
    assert post(guarded, {"mirror": True}, f"{token}/state", Origin="http://evil.example")[0] == 403
    assert not controls.mirror
    assert post(guarded, {"mirror": True}, f"{token}/state")[0] == 200
    assert controls.mirror
    with reader(guarded, f"{token}/stream.mjpg") as file:
        wait_until(lambda: guarded.stream.watched)
        guarded.stream.write(picture(RED))
        assert is_colour(next_part(file), RED)


def test_a_new_token_each_time(controls, monkeypatch):
    monkeypatch.setattr(listening.Place, "loopback", False)
    assert addresses.Address("http://127.0.0.1:0").token != addresses.Address("http://127.0.0.1:0").token


def test_everywhere_is_not_loopback():
    address = addresses.Address("http://0.0.0.0:8080")
    assert address.token
    assert "0.0.0.0" not in address.url(8080)


def test_the_machines_own_name_is_printed_as_a_number(monkeypatch):
    """Many systems resolve it to loopback, where requests by name are refused."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.1.1", 8080))]
    monkeypatch.setattr(listening.socket, "getaddrinfo", lambda *args, **options: found)
    assert addresses.Address("http://laptop:8080").url(8080) == "http://127.0.1.1:8080/"
    assert addresses.Address("http://localhost:8080").url(8080) == "http://localhost:8080/"


@pytest.mark.parametrize(
    "text",
    [
        "http://127.0.0.1",
        "http://:8080",
        "https://127.0.0.1:1",
        "http://127.0.0.1:99999",
        "http://a b:1",
        "http://[::1:80",
        "http://127.0.0.1:8080/stream",
        "http://name.invalid:8080",
        "http://user@127.0.0.1:80",
    ],
)
def test_what_is_no_address_is_told(text):
    with pytest.raises(InputError, match=r"^--to "):
        addresses.Address(text)


def test_a_port_that_is_taken_is_told(server, controls):
    taken = server.url.rstrip("/")
    with pytest.raises(UserError, match=rf"^--to {taken}: .*taken.*another port"):
        PageServer(taken, controls, SOURCE)


def test_an_address_of_another_machine_is_told(controls):
    with pytest.raises(UserError, match="no such address"):
        PageServer("http://192.0.2.1:8080", controls, SOURCE)


def test_those_who_say_nothing_or_lack_the_token_keep_nobody_out(guarded):
    silent = [socket.create_connection(guarded.server_address) for _ in range(2 * MOST_CONNECTIONS)]
    try:
        for connection in silent[-5:]:
            connection.sendall(b"GET /state HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert ask(guarded, f"/{guarded.address.token}/state")[0] == 200
        assert len(guarded._connections) <= MOST_CONNECTIONS
    finally:
        for connection in silent:
            connection.close()


@pytest.mark.parametrize("path", ["", "/state"], ids=["its head", "its body"])
def test_a_request_that_comes_drop_by_drop_is_not_waited_for(server, monkeypatch, path):
    """Though each drop is in time, and though it was let in before its body. A stream goes on as long as it likes."""
    monkeypatch.setattr("toonstream.page.server.SILENT_SECONDS", 0.3)
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 4000\r\n\r\n"
    with reader(server) as file, socket.create_connection(server.server_address) as dripping:
        dripping.sendall(head.encode() if path else b"GET /state")
        drops = 0
        with suppress(ConnectionError):  # a drop after the end
            while not select.select([dripping], [], [], 0.1)[0]:
                dripping.sendall(b"x")
                drops += 1
                assert drops < 100
            assert dripping.recv(1) == b""
        server.stream.write(picture(GREEN))
        assert is_colour(next_part(file), GREEN)


def test_too_many_connections_are_turned_away_and_the_rest_goes_on(server):
    connections = [socket.create_connection(server.server_address) for _ in range(MOST_CONNECTIONS)]
    try:
        for connection in connections:
            connection.sendall(b"GET /stream.mjpg HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        wait_until(lambda: list(server._connections.values()) == [True] * MOST_CONNECTIONS)
        with socket.create_connection(server.server_address, timeout=DEADLINE_SECONDS) as late:
            assert late.recv(1) == b""
    finally:
        for connection in connections:
            connection.close()
    wait_until(lambda: not server._connections)
    assert ask(server, "/state")[0] == 200


@pytest.mark.parametrize(
    "request_line",
    [
        b"GET //[ HTTP/1.1",
        b"GET foo HTTP/1.1",
        b"GET /\xe9 HTTP/1.1",
        b"GET /styles/\xb2.png HTTP/1.1",
        b"BREW / HTTP/1.1",
        b"\x16\x03\x01",
    ],
)
def test_what_is_no_request_is_no_fault_of_ours(server, capfd, request_line):
    with socket.create_connection(server.server_address, timeout=DEADLINE_SECONDS) as connection:
        connection.sendall(request_line + b"\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        while connection.recv(4096):
            pass
    assert capfd.readouterr().err == ""


def test_closing_ends_streams_and_threads_at_once(controls, monkeypatch):
    monkeypatch.setattr("toonstream.page.handler.Handler.timeout", 10 * DEADLINE_SECONDS)
    before = set(threading.enumerate())
    server = PageServer("http://127.0.0.1:0", controls, SOURCE)
    idle = socket.create_connection(server.server_address)
    with closing(idle), reader(server) as file:
        wait_until(lambda: server.stream.watched)
        returns(server.close)
        server.close()
        assert file.read() == b""
        wait_until(lambda: set(threading.enumerate()) <= before)
    with pytest.raises(ConnectionRefusedError):
        ask(server)
