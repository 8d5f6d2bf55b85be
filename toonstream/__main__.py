"""`python -m toonstream` is the command toonstream, where no script is installed or its folder is on no PATH."""

import sys

from toonstream.commands import main

sys.exit(main())
