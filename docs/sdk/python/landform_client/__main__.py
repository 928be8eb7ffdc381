"""``python -m landform_client`` is the command ``landform``."""

import sys

from landform_client.command.main import main

sys.exit(main())
