"""`python -m toonstream` is the command toonstream, where no PATH leads to its script."""

import sys

from toonstream.commands import main

sys.exit(main())
