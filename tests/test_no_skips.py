from pathlib import Path

import pytest

CONFTEST = Path(__file__).with_name("conftest.py")

# The nested runs need nothing but our conftest.
OPTIONS = ("-p", "no:cacheprovider", "-p", "no:asyncio")

PASSING = "def test_it(): pass"
SKIPPED = "import pytest\n@pytest.mark.skip(reason='no database')\ndef test_it(): pass"
SKIPPED_INSIDE = "import pytest\ndef test_it(): pytest.skip('no database')"
SKIPPED_IN_FIXTURE = """
import pytest
@pytest.fixture
def database(): pytest.skip('no database')
def test_it(database): pass
"""
SKIPPED_MODULE = "import pytest\npytest.importorskip('no_such_module_anywhere')\ndef test_it(): pass"
EXPECTED_FAILURE = "import pytest\n@pytest.mark.xfail(reason='known')\ndef test_it(): assert False"


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """An empty project with our conftest, outside of CI."""
    monkeypatch.delenv("CI", raising=False)
    pytester.makeconftest(CONFTEST.read_text(encoding="utf-8").replace('pytest_plugins = ["pytester"]', ""))
    return pytester


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "outcome"),
    [
        pytest.param(PASSING, {"passed": 1}, id="passing"),
        pytest.param(SKIPPED, {"errors": 1}, id="marked"),
        pytest.param(SKIPPED_INSIDE, {"failed": 1}, id="inside-the-test"),
        pytest.param(SKIPPED_IN_FIXTURE, {"errors": 1}, id="in-a-fixture"),
        pytest.param(SKIPPED_MODULE, {"errors": 1}, id="whole-module"),
        pytest.param(EXPECTED_FAILURE, {"xfailed": 1}, id="expected-failure"),
    ],
)
def test_a_skip_is_an_error_on_request(project: pytest.Pytester, source: str, outcome: dict[str, int]) -> None:
    """With --no-skips a test that does not run fails the run, wherever it is skipped."""
    project.makepyfile(source)
    result = project.runpytest_inprocess("--no-skips", *OPTIONS)
    result.assert_outcomes(**outcome)
    assert (result.ret == 0) == (outcome.keys() <= {"passed", "xfailed"})


def test_a_skip_is_an_error_in_ci(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """CI=true asks for it too, so that no way to call the tests forgets it; the reason is printed."""
    monkeypatch.setenv("CI", "true")
    project.makepyfile(SKIPPED)
    result = project.runpytest_inprocess(*OPTIONS)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*was skipped, and nothing may be skipped here: *no database*"])


def test_a_skip_is_a_skip_for_a_developer(project: pytest.Pytester) -> None:
    """Without the option and outside of CI a skip stays one."""
    project.makepyfile(SKIPPED)
    project.runpytest_inprocess(*OPTIONS).assert_outcomes(skipped=1)
