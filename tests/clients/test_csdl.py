"""The metadata against what others say of CSDL: the schemas of the standard, and a converter between its two forms."""

import json
import re
from pathlib import Path

import jsonschema
import pytest
import xmlschema

from enrollscope.model.events import SCHEMA
from enrollscope.odata.edm.model import Model
from enrollscope.odata.metadata.csdl_json import metadata_json
from enrollscope.odata.metadata.csdl_xml import metadata_xml
from tests.clients.javascript import Node
from tests.odata.observatory import CURRENT, OLD

STANDARD = Path(__file__).parents[3] / "shared" / "odata"

MODELS = pytest.mark.parametrize(
    "model",
    [
        pytest.param(SCHEMA.view("v1.0"), id="v1.0"),
        pytest.param(SCHEMA.view("beta"), id="beta"),
        pytest.param(OLD, id="observatory-1"),
        pytest.param(CURRENT, id="observatory-2"),
    ],
)


@pytest.mark.slow
@MODELS
def test_both_forms_say_the_same(model: Model, node: Node, tmp_path: Path) -> None:
    """odata-csdl makes of our XML what we make of the model."""
    document = tmp_path / "metadata.xml"
    document.write_bytes(metadata_xml(model))
    converted = tmp_path / "metadata.json"
    node.run("node_modules/odata-csdl/lib/cli.js", "--target", converted, document)
    assert json.loads(converted.read_text(encoding="utf-8")) == metadata_json(model)


if STANDARD.exists():

    @pytest.fixture(scope="module")
    def xml_schema() -> xmlschema.XMLSchema:
        """The schema of CSDL XML, with what it imports."""
        return xmlschema.XMLSchema(str(STANDARD / "edmx.xsd"))

    @pytest.fixture(scope="module")
    def json_schema() -> jsonschema.Draft7Validator:
        """The schema of CSDL JSON."""
        text = (STANDARD / "csdl.schema.json").read_text(encoding="utf-8")
        # Its patterns name Unicode categories, which Python's regular expressions have other words for.
        start = r"(_|\\p{L}|\\p{Nl})"
        rest = r"(_|\\p{L}|\\p{Nl}|\\p{Nd}|\\p{Mn}|\\p{Mc}|\\p{Pc}|\\p{Cf})"
        text = text.replace(rest, r"\\w").replace(start, r"[^\\W\\d]")
        assert not re.search(r"\\p\{", text)
        return jsonschema.Draft7Validator(json.loads(text))

    @pytest.mark.slow
    @MODELS
    def test_xml_is_valid(model: Model, xml_schema: xmlschema.XMLSchema) -> None:
        """By edmx.xsd and edm.xsd."""
        xml_schema.validate(metadata_xml(model).decode("utf-8"))

    @MODELS
    def test_json_is_valid(model: Model, json_schema: jsonschema.Draft7Validator) -> None:
        """By csdl.schema.json."""
        json_schema.validate(metadata_json(model))

    def test_the_schemas_refuse_what_is_wrong(
        xml_schema: xmlschema.XMLSchema, json_schema: jsonschema.Draft7Validator
    ) -> None:
        """Otherwise the tests above could not fail."""
        with pytest.raises(xmlschema.XMLSchemaValidationError):
            xml_schema.validate(metadata_xml(CURRENT).decode("utf-8").replace("EntityType Name", "EntityType Nome"))
        document = metadata_json(CURRENT)
        document["example.sky"]["probe"]["$Kind"] = "EntityKind"
        with pytest.raises(jsonschema.ValidationError):
            json_schema.validate(document)
