"""`python -m toonstream_train` is the command toonstream-train, where no PATH leads to its script."""

import sys

from toonstream_train.commands import main

sys.exit(main())
