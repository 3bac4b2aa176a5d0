"""`python -m tests.conformance_page` writes docs/conformance.md."""

import tempfile
from pathlib import Path

from tests.api.service import serving, settings_for, store_of
from tests.conformance_page.page import PAGE, conformance_page

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        settings = settings_for(Path(folder))
        with serving(settings, store_of(settings)) as service:
            PAGE.parent.mkdir(exist_ok=True)
            PAGE.write_text(conformance_page(service), encoding="utf-8")
