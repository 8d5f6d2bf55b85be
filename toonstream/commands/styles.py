"""`toonstream styles`: the styles that ship; with a name, what a style's card says."""

from toonstream_engines import load_style, styles

from toonstream.commands.parser import Parser


def run(arguments: list[str]) -> int:
    parser = Parser(
        prog="toonstream styles",
        description="List the styles that ship; with STYLE, what its card says: training data, limits, files.",
        examples=("toonstream styles", "toonstream styles film"),
    )
    parser.add_argument("style", nargs="?", metavar="STYLE", help="a shipped style's name, or a style's folder")
    options = parser.parse_args(arguments)
    if options.style:
        print(load_style(options.style).describe())
        return 0
    for style in styles():
        print(f"{style.name}: {style.about}")
    return 0
