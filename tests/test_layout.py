"""The rules of the layout that import-linter cannot state."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "enrollscope"
MODULES = sorted(PACKAGE.rglob("*.py"))

MODULE_LINES = 500
FUNCTION_LINES = 50

# Words that say nothing about what a module holds.
EMPTY_NAMES = {"util", "utils", "helper", "helpers", "manager", "managers", "common", "misc"}

# Path of a module → why one of its functions imports a module of ours.
IMPORTS_INSIDE_FUNCTIONS: dict[str, str] = {
    "api/composition.py": "an HTTP client and the cryptography take 0.4 s to import, and most starts need neither",
    "auth/sources.py": "the cryptography takes 0.1 s to import, which a start does not have",
    "cli/serve.py": "only a start with sample events signs a token",
}

# A migration says for ever what it did to which table: it is history, written out, and names what it made.
HISTORY = "store/migrations/versions/"

# What the product is about; the engine and the store must not know.
DOMAIN = re.compile("enrol|troubleshoot|intune|mobileconfig|failure_?(category|reason)|vpp", re.IGNORECASE)
OWN_NAME = re.compile(r"enrollscope", re.IGNORECASE)


def relative(module: Path) -> str:
    """The path of a module below the package, with slashes."""
    return module.relative_to(PACKAGE).as_posix()


def module_ids(modules: list[Path]) -> list[object]:
    """Modules as rows of a table of cases."""
    return [pytest.param(module, id=relative(module)) for module in modules]


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function and method of a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def imported_names(tree: ast.AST) -> Iterator[str]:
    """Dotted names of every module that is imported anywhere below `tree`; relative ones begin with a dot."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


def parse(module: Path) -> ast.Module:
    """The syntax tree of a module."""
    return ast.parse(module.read_text(encoding="utf-8"), filename=str(module))


def test_the_package_is_found() -> None:
    """The other tests look at the real modules: an empty list would pass them all."""
    assert {"__init__.py", "odata/errors.py", "settings/declared.py"} <= {relative(module) for module in MODULES}


@pytest.mark.parametrize("module", module_ids(MODULES))
def test_a_module_can_be_read_at_one_go(module: Path) -> None:
    """No module is longer than 500 lines, and no function longer than 50."""
    lines = len(module.read_text(encoding="utf-8").splitlines())
    assert lines <= MODULE_LINES, f"{relative(module)} has {lines} lines"
    long = {
        function.name: length
        for function in functions(parse(module))
        if (length := (function.end_lineno or function.lineno) - function.lineno + 1) > FUNCTION_LINES
    }
    assert not long, f"functions of {relative(module)} that are too long, with their lines: {long}"


@pytest.mark.parametrize("module", module_ids(MODULES))
def test_a_module_is_named_after_what_it_holds(module: Path) -> None:
    """A name such as `utils` invites everything and explains nothing."""
    words = {word for part in module.relative_to(PACKAGE).with_suffix("").parts for word in part.split("_")}
    assert not words & EMPTY_NAMES


@pytest.mark.parametrize("module", module_ids(MODULES))
def test_our_modules_are_imported_at_the_top(module: Path) -> None:
    """An import inside a function hides a cycle; each exception has its reason in IMPORTS_INSIDE_FUNCTIONS."""
    inside = {
        name
        for function in functions(parse(module))
        for name in imported_names(function)
        if name.startswith((".", "enrollscope"))
    }
    if relative(module) in IMPORTS_INSIDE_FUNCTIONS:
        assert inside, f"{relative(module)} needs no exception any more"
    else:
        assert not inside, f"{relative(module)} imports inside functions: {sorted(inside)}"


def test_exceptions_name_modules_that_exist() -> None:
    """A module that was renamed takes its exception along."""
    assert IMPORTS_INSIDE_FUNCTIONS.keys() <= {relative(module) for module in MODULES}


@pytest.mark.parametrize("module", module_ids([m for m in MODULES if relative(m).startswith(("odata/", "settings/"))]))
def test_the_bottom_stands_on_the_standard_library(module: Path) -> None:
    """The protocol and the settings import the standard library and their own package, and nothing else."""
    own = "enrollscope." + module.relative_to(PACKAGE).parts[0]
    foreign = [
        name
        for name in imported_names(parse(module))
        if name.partition(".")[0] not in sys.stdlib_module_names and name != own and not name.startswith(own + ".")
    ]
    assert not foreign


@pytest.mark.parametrize(
    "module",
    module_ids(
        [m for m in MODULES if relative(m).startswith(("odata/", "store/")) and not relative(m).startswith(HISTORY)]
    ),
)
def test_the_engine_does_not_know_the_domain(module: Path) -> None:
    """Neither code nor comment of the engine and the store names what the product is about."""
    found = [
        f"{number}: {line.strip()}"
        for number, line in enumerate(module.read_text(encoding="utf-8").splitlines(), start=1)
        if DOMAIN.search(OWN_NAME.sub("", line))
    ]
    assert not found


def test_the_import_rules_know_every_dependency() -> None:
    """The wall around the bottom layer names each run-time dependency, so that a new one cannot slip in."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    dependencies = {
        re.split("[^A-Za-z0-9_-]", entry)[0].replace("-", "_") for entry in project["project"]["dependencies"]
    }
    walls = [
        set(contract["forbidden_modules"])
        for contract in project["tool"]["importlinter"]["contracts"]
        if "enrollscope.odata" in contract.get("source_modules", ())
    ]
    assert walls == [dependencies]


@pytest.mark.parametrize("name", [pytest.param("run.lock", id="run"), pytest.param("dev.lock", id="dev")])
def test_a_lock_names_versions_and_hashes_alone(name: str) -> None:
    """A lock says what to install and how to recognise it; where it comes from is the machine's own affair."""
    text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search("^ *--(?!hash=sha256:)", text, re.MULTILINE)
    requirements = re.sub(r"\\\n", "", text)
    unpinned = [
        line
        for line in requirements.splitlines()
        if line.strip() and not line.lstrip().startswith("#") and not re.match(r"[a-z0-9-]+==\S+ .*--hash=", line)
    ]
    assert not unpinned


def test_the_dev_lock_contains_the_run_lock() -> None:
    """Tests run on the very versions that the service runs on."""
    pins = [
        set(re.findall("^[a-z0-9-]+==[^ ]+", (ROOT / "requirements" / name).read_text(encoding="utf-8"), re.MULTILINE))
        for name in ("run.lock", "dev.lock")
    ]
    assert pins[0]
    assert pins[0] <= pins[1]
