"""`python -m toonstream_train` is the command toonstream-train, where no script is installed or its folder is on no PATH."""

import sys

from toonstream_train.commands import main

sys.exit(main())
