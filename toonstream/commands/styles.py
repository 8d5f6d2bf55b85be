"""`toonstream styles`: the styles that ship, with their cards."""

from toonstream_engines import load_style, styles

from toonstream.commands.parser import Parser


def run(arguments: list[str]) -> int:
    parser = Parser(
        prog="toonstream styles",
        description="List the styles, or show the details of one.",
        examples=("toonstream styles", "toonstream styles film"),
    )
    parser.add_argument("style", nargs="?", help="a shipped style's name, or a style's folder")
    options = parser.parse_args(arguments)
    if options.style:
        print(load_style(options.style).describe())
        return 0
    for style in styles():
        print(style.describe(), end="\n\n")
    return 0
