"""What an operator can set: declared once, read once at start.

Plain functions fill a plain dataclass. pydantic-settings would read the same, but importing it takes 0.4 s of the
1.0 s that a start may take; this takes 0.02 s. All problems are reported together, in an operator's words, and a
variable that does not exist is refused: a misspelt one would otherwise leave a default in force.
"""

from enrollscope.settings.declared import (
    SettingDescription,
    Settings,
    SettingsError,
    describe_settings,
    settings_table,
)
from enrollscope.settings.sources import read_settings

__all__ = ["SettingDescription", "Settings", "SettingsError", "describe_settings", "read_settings", "settings_table"]
