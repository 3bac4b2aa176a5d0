"""The metadata against the XML Schema of OASIS, which lies beside the project where it is developed."""

from pathlib import Path

import pytest
import xmlschema

from enrollscope.model.events import SCHEMA
from enrollscope.odata.edm.model import Model
from enrollscope.odata.metadata.csdl_xml import metadata_xml
from tests.odata.observatory import CURRENT, OLD

XSD = Path(__file__).parents[4] / "shared" / "odata" / "edmx.xsd"

if XSD.exists():

    @pytest.mark.slow
    @pytest.mark.parametrize(
        "model",
        [
            pytest.param(SCHEMA.view("v1.0"), id="v1.0"),
            pytest.param(SCHEMA.view("beta"), id="beta"),
            pytest.param(OLD, id="observatory-1"),
            pytest.param(CURRENT, id="observatory-2"),
        ],
    )
    def test_the_metadata_is_valid(model: Model) -> None:
        """Every model describes itself in valid CSDL XML."""
        xmlschema.XMLSchema(XSD).validate(metadata_xml(model))
