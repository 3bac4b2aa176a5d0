import pytest

from enrollscope.odata.edm.layout import VERSION
from enrollscope.odata.errors import BadRequest, ModelValidationFailure
from enrollscope.odata.json.merge import create
from enrollscope.odata.json.reader import BodyReader
from enrollscope.odata.plan.commands import Actor, Update
from enrollscope.store.base import Written
from enrollscope.store.batch import Batch, place_of
from tests.odata.observatory import CURRENT, LAYOUT, OBSERVATORY, scope_of

ACTOR = Actor("t", None, "a", "x", "r", at=1)
READER = BodyReader(CURRENT, OBSERVATORY.whole)


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        pytest.param({"label": "B"}, Written, id="inherited-property"),
        pytest.param({"mirrors": 3}, Written, id="own-property"),
        pytest.param({"@odata.type": "#example.sky.telescope", "mirrors": 3}, Written, id="own-type"),
        pytest.param({"gainFactor": 3}, ModelValidationFailure, id="property-of-another-type"),
        pytest.param({"@odata.type": "#example.sky.dish", "label": "B"}, BadRequest, id="another-type"),
    ],
)
def test_an_update_must_suit_the_stored_type(body: dict[str, object], outcome: type) -> None:
    """The type is only known where the row is read; a body that does not suit it changes nothing."""
    scope = scope_of(CURRENT, "instrument")
    changes = READER.update(body, scope)
    command = Update(ACTOR, "instruments", "k", scope.types, (), changes.values, fit=changes.fit)
    stored = create(LAYOUT, "k", "telescope", {"label": "A", "owner": "o", "mirrors": 1})
    batch = Batch.over({"instruments": LAYOUT}, {place_of(command): stored})
    batch.apply([command])
    assert [type(item) for item in batch.outcomes] == [outcome]
    assert bool(batch.changed()) == (outcome is Written)
    written = batch.rows[place_of(command)].after
    assert written is not None
    assert written[VERSION] == (2 if outcome is Written else 1)
