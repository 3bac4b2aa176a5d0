"""Print the table of settings for the README."""

import sys

from enrollscope.settings import settings_table

sys.stdout.write(settings_table())
