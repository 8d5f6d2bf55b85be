"""What all commands have in common: help, what was meant, consoles of every kind."""

import os
import subprocess
import sys

import pytest
import toonstream_train.commands
from support.tiny_style import save_style

from toonstream.commands import COMMANDS, main
from toonstream.commands.options import add_style_options
from toonstream.commands.parser import Parser, suggestion

PROGRAM = "import sys; from toonstream.commands import main; sys.exit(main())"


def help_of(capsys, main, *command: str) -> str:
    with pytest.raises(SystemExit) as stop:
        main([*command, "--help"])
    assert stop.value.code == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_examples_and_is_the_same_both_ways(capsys, command):
    told = help_of(capsys, main, command)
    assert "\nexamples:\n  toonstream " in told
    with pytest.raises(SystemExit):
        main(["help", command])
    assert capsys.readouterr().out == told


@pytest.mark.parametrize("command", toonstream_train.commands.COMMANDS)
def test_help_on_training(capsys, command):
    told = help_of(capsys, toonstream_train.commands.main, command)
    assert told.startswith(f"usage: toonstream-train {command} ")
    assert f"\nexamples:\n  toonstream-train {command}" in told
    with pytest.raises(SystemExit):
        toonstream_train.commands.main(["help", command])
    assert capsys.readouterr().out == told


@pytest.mark.parametrize("command", COMMANDS)
def test_choices_are_listed_once(capsys, monkeypatch, command):
    monkeypatch.setenv("COLUMNS", "1000")
    told, _, _ = help_of(capsys, main, command).partition("examples:")
    for choice in ("onnxruntime-directml", "tensorrt-rtx", "bf16", "hold, blur"):
        assert told.count(choice) <= 1
    assert "{" not in told


def test_help_on_an_action(capsys):
    told = help_of(capsys, main, "engines", "verify")
    assert "--precision" in told
    for words in (["engines", "verify"], ["engines", "verify", "--precision"]):
        with pytest.raises(SystemExit):
            main(["help", *words])
        assert capsys.readouterr().out == told


def test_help_alone_lists_the_commands(capsys):
    assert main(["help"]) == main(["--help"]) == 0
    told, again = capsys.readouterr().out.split("usage:")[1:]
    assert told == again
    assert all(about in told for about in COMMANDS.values())


def test_help_on_help_lists_them_too_and_on_what_is_none_says_so(capsys):
    assert main(["help", "help"]) == 0
    assert "commands:" in capsys.readouterr().out
    assert main(["help", "talk.mp4"]) == 2
    assert capsys.readouterr().err == "toonstream: talk.mp4: no command; toonstream --help lists them\n"


@pytest.mark.parametrize(("word", "meant"), [("bensh", "bench"), ("lives", "live"), ("hlep", "help")])
def test_a_misspelt_command(capsys, word, meant):
    assert main([word]) == main(["help", word]) == 2
    line = f"toonstream: {word}: neither a file nor a command; did you mean {meant}?\n"
    assert capsys.readouterr().err == 2 * line


@pytest.mark.parametrize("word", ["bensh.mp4", "./bensh", "holiday"])
def test_what_may_be_a_file_is_taken_for_one(capsys, word):
    assert main([word]) == 2
    assert capsys.readouterr().err == f"toonstream: {word.removeprefix('./')}: no such file\n"


def test_a_file_that_is_named_like_a_command_nearly(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bensh").write_text("no video")
    assert main(["bensh"]) == 2
    assert "did you mean" not in capsys.readouterr().err


def test_a_misspelt_training_command(capsys):
    assert toonstream_train.commands.main(["prepair"]) == 2
    assert "prepair: no such command; did you mean prepare?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["live", "--form", "0"], "unknown argument --form; did you mean --from?; see toonstream live --help"),
        (["a.mp4", "--stile=film"], "unknown argument --stile; did you mean --style?; see toonstream convert --help"),
        (["engines", "verify", "--backends", "x"], "did you mean --backend?; see toonstream engines verify --help"),
        (["devices", "x"], "unknown argument x; see toonstream devices --help"),
        (["bench", "--precision", "foo"], "invalid choice: 'foo'"),
        (["bench", "--backend", "foo"], "invalid choice: 'foo'"),
        (["bench", "--input", ""], "argument --input: an empty name"),
        (["bench", "-o", ""], "argument -o/--out: an empty name"),
        ([""], "argument INPUT: an empty name"),
        (["talk.mp4", "-o", ""], "argument -o/--output: an empty name"),
    ],
)
def test_arguments_that_cannot_be_are_told_in_a_line(capsys, arguments, told):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    [line] = capsys.readouterr().err.splitlines()
    assert (stop.value.code, line.split(":")[0]) == (2, "toonstream")
    assert told in line


@pytest.mark.parametrize("arguments", [["-a.mp4"], ["batch", "-a.mp4", "-o", "out"], ["talk.mp4", "-a.mp4"]])
def test_a_file_whose_name_begins_like_an_option(tmp_path, monkeypatch, capsys, arguments):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "-a.mp4").touch()
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert f"-a.mp4: an option has no such name; for the file, write .{os.sep}-a.mp4; see" in capsys.readouterr().err


@pytest.mark.parametrize(("option", "value"), [("--device", "foo"), ("--precision", "16-mixed")])
def test_training_arguments_that_cannot_be(capsys, option, value):
    with pytest.raises(SystemExit) as stop:
        toonstream_train.commands.main(["fit", "cartoongan", "--photos", "x", "--out", "y", option, value])
    assert stop.value.code == 2
    assert f"argument {option}: invalid choice: '{value}'" in capsys.readouterr().err


def test_an_engine_precision_that_there_is_not(capsys):
    assert main(["engines", "verify", "--precision", "foo"]) == 2
    assert capsys.readouterr().err == "toonstream: foo: no such precision; there are fp32, fp16, bf16, int8\n"


def test_clearing_engines_tells_of_the_choice_too(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("TOONSTREAM_CACHE", str(tmp_path))
    (tmp_path / "choice-a").touch()
    assert main(["engines", "clear"]) == 0
    told = "deleted: 0 engines, 0.0 MB, and the cached choice of the fastest backend\n"
    assert (capsys.readouterr().out, list(tmp_path.iterdir())) == (told, [])


def test_suggestions():
    assert suggestion("bensh", COMMANDS) == "; did you mean bench?"
    assert suggestion("holiday", COMMANDS) == ""


def test_style_options(capsys):
    parser = Parser(prog="toonstream x")
    add_style_options(parser)
    options = parser.parse_args(["--faces", "2", "-q"])
    assert (options.style, options.faces, options.backend, options.quiet) == ("film", 2, "auto", True)
    assert parser.parse_args([]).faces is None


def test_the_styles_that_ship(capsys):
    assert main(["styles"]) == 0
    names = [line.partition(": ")[0] for line in capsys.readouterr().out.splitlines()]
    assert names == ["anime", "avatar", "cel", "film"]


def test_a_console_without_the_letters(tmp_path):
    """As of Windows, redirected: cp1252, which lacks many letters that a file's name may have."""
    style = save_style(tmp_path / "Ж日本é")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "styles", str(style)],
        capture_output=True,
        env=os.environ | {"PYTHONIOENCODING": "cp1252"},
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith("???é: ".encode("cp1252"))


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="of Linux")
def test_what_is_printed_to_a_full_disk():
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-c", PROGRAM, "styles"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith("toonstream: what it prints cannot be written (")


def test_no_console_at_all(monkeypatch):
    """As under pythonw."""
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    assert main(["help"]) == 0
    assert main(["nowhere.mp4"]) == 2
