"""``python -m deepsxt_core.cli`` is the command `deepsxt`."""

import sys

from deepsxt_core.cli.main import main

sys.exit(main())
