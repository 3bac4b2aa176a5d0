"""Whether what a store sends to PostgreSQL is of one tenant: read statement by statement, as PostgreSQL reads it.

A statement is bound to a tenant when every table of tenants that it names, wherever it names it, is compared with a
parameter, or with a table that is: by a condition that every row must meet, with nothing around the column. What is
inserted has that parameter as its tenant. That is also what a cluster needs, to send the statement to one node.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from asyncpg.connection import LoggedQuery
from pglast import ast, parse_sql
from pglast.enums import A_Expr_Kind, BoolExprType, JoinType, SetOperation, TransactionStmtKind

from enrollscope.odata.edm.schema import Schema
from enrollscope.store.index_table import index_table_name
from enrollscope.store.postgres_connections import Connection, Target

TENANT = "tenant_id"

TABLES_OF_NOBODY: Mapping[str, str] = {
    "secrets": "what all processes of the service share: keys of signatures, none of a tenant's",
    "alembic_version": "which revision the tables are at",
    "upkeep": "when indexes were last seen to",
}
FUNCTIONS_OF_NOBODY: Mapping[str, str] = {
    "store_put_in_waiting": "moves entries inside of indexes, reads and writes no row of a tenant",
    "store_all_written": "compares two numbers, reads no table",
}
CATALOGS = ("pg_catalog", "information_schema")
WITHOUT_TABLES = (ast.TransactionStmt, ast.VariableSetStmt, ast.VariableShowStmt, ast.DeallocateStmt)

_QUERIES = (ast.SelectStmt, ast.InsertStmt, ast.UpdateStmt, ast.DeleteStmt)
_ENDS = (TransactionStmtKind.TRANS_STMT_COMMIT, TransactionStmtKind.TRANS_STMT_ROLLBACK)
_BEGINNINGS = (TransactionStmtKind.TRANS_STMT_BEGIN, TransactionStmtKind.TRANS_STMT_START)


class Unbound(Exception):
    """A statement is not of one tenant, or nobody can tell."""


def tables_of_tenants(schema: Schema) -> frozenset[str]:
    """The tables whose rows belong to tenants."""
    stored = [each.name for each in schema.stored]
    return frozenset((*stored, *map(index_table_name, stored), "changes", "positions"))


@dataclass(frozen=True, slots=True)
class Read:
    """What a statement says.

    Attributes:
        tenants: the numbers of the parameters that are the tenant; none when it names no table of tenants.
        begins: it opens a transaction.
        ends: it closes one.
    """

    tenants: frozenset[int] = frozenset()
    begins: bool = False
    ends: bool = False


def read(text: str, tables: frozenset[str]) -> Read:
    """Read one statement.

    Raises:
        Unbound: it names a table of tenants and no tenant, or a table or function that nobody knows.
    """
    (statement,) = parse_sql(text)
    node: Any = statement.stmt
    if isinstance(node, ast.TransactionStmt):
        return Read(begins=node.kind in _BEGINNINGS, ends=node.kind in _ENDS)
    if isinstance(node, WITHOUT_TABLES):
        return Read()
    if not isinstance(node, _QUERIES):
        raise Unbound(f"a {type(node).__name__} is none of what a store sends")
    reader = _Reader(tables)
    reader.query(node, frozenset(), {})
    reader.check_nothing_was_missed(node)
    return Read(frozenset(reader.parameters))


Bindings = Mapping[str, bool]
"""Tables of tenants by the names that a query has for them, and whether each is bound."""


@dataclass(slots=True)
class _From:
    """What a query reads from.

    Attributes:
        tables: the names of tables of tenants; of all else, false.
        conditions: what rows must meet, and the names that each can bind: `None` for any.
    """

    tables: dict[str, bool] = field(default_factory=dict)
    conditions: list[tuple[Any, frozenset[str] | None]] = field(default_factory=list)


@dataclass(slots=True)
class _Reader:
    tables: frozenset[str]
    parameters: set[int] = field(default_factory=set)
    _seen: set[int] = field(default_factory=set)

    def query(self, node: Any, named: frozenset[str], outer: Bindings) -> None:
        """Read a query and all inside of it.

        Args:
            named: the members of WITH that it can name.
            outer: what the queries around it read from.
        """
        named = self._members(node, named, outer)
        if isinstance(node, ast.SelectStmt) and node.op != SetOperation.SETOP_NONE:
            self.query(node.larg, named, outer)
            self.query(node.rarg, named, outer)
            for inner, _ in _inside(node, ("larg", "rarg", "withClause")):
                self.query(inner, named, outer)
            return
        if isinstance(node, ast.InsertStmt):
            self._insert(node, named, outer)
            return
        sources = _From()
        if isinstance(node, ast.UpdateStmt | ast.DeleteStmt):
            self._source(node.relation, sources, frozenset())  # what is written to is never a member of WITH
        if isinstance(node, ast.UpdateStmt):
            _check_tenant_stays(node.targetList)
        tables = node.usingClause if isinstance(node, ast.DeleteStmt) else node.fromClause
        for item in tables or ():
            self._source(item, sources, named)
        sources.conditions.append((node.whereClause, None))
        bound = self._bound(sources, outer)
        reads_nothing = any(_is_false(each) for each in _conjuncts(node.whereClause))
        for name, is_bound in bound.items():
            if not is_bound and not reads_nothing:
                raise Unbound(f"nothing says of which tenant {name} is")
        hidden = {name: is_bound for name, is_bound in outer.items() if name not in sources.tables}
        for inner, beside in _inside(node, ("withClause",)):
            self.query(inner, named, hidden | bound if beside else outer)

    def check_nothing_was_missed(self, node: Any) -> None:
        """Every mention of a table was looked at, and every function is known."""
        for each in _nodes(node, skip=(ast.LockingClause,)):
            if isinstance(each, ast.RangeVar) and id(each) not in self._seen:
                raise Unbound(f"{each.relname} stands where this reader does not look")
            if isinstance(each, ast.FuncCall):
                *_, last = each.funcname or ()
                name: str = last.sval
                if name.startswith("store_") and name not in FUNCTIONS_OF_NOBODY:
                    raise Unbound(f"nobody knows what {name} does")

    def _members(self, node: Any, named: frozenset[str], outer: Bindings) -> frozenset[str]:
        if node.withClause is None:
            return named
        members = node.withClause.ctes
        if node.withClause.recursive:
            named |= {each.ctename for each in members}
        for each in members:
            self.query(each.ctequery, named, outer)
            named |= {each.ctename}
        return named

    def _insert(self, node: Any, named: frozenset[str], outer: Bindings) -> None:
        sources = _From()
        self._source(node.relation, sources, frozenset())
        (of_tenants,) = sources.tables.values()
        if of_tenants:
            columns = [each.name for each in node.cols or ()]
            if TENANT not in columns:
                raise Unbound(f"a row of {node.relation.relname} gets no tenant")
            for value in _values_of(node.selectStmt, columns.index(TENANT)):
                number = _parameter(value)
                if number is None:
                    raise Unbound(f"a row of {node.relation.relname} gets a tenant that is no parameter")
                self.parameters.add(number)
        if of_tenants and node.onConflictClause is not None:
            _check_tenant_stays(node.onConflictClause.targetList)
            key = node.onConflictClause.infer
            if key is not None and TENANT not in [each.name for each in key.indexElems or ()]:
                raise Unbound(f"a row of {node.relation.relname} may meet that of another tenant")
        for inner, _ in _inside(node, ("withClause",)):
            self.query(inner, named, outer)

    def _source(self, node: Any, sources: _From, named: frozenset[str]) -> frozenset[str]:
        """Take note of what a member of FROM reads; returns the names."""
        match node:
            case ast.RangeVar():
                self._seen.add(id(node))
                name = str(node.alias.aliasname if node.alias else node.relname)
                is_member = node.schemaname is None and node.relname in named
                if not is_member and node.relname not in self.tables:
                    _check_is_of_nobody(node)
                sources.tables[name] = not is_member and node.relname in self.tables
                return frozenset((name,))
            case ast.JoinExpr():
                left, right = (self._source(each, sources, named) for each in (node.larg, node.rarg))
                binding: dict[Any, frozenset[str] | None] = {
                    JoinType.JOIN_INNER: None,
                    JoinType.JOIN_LEFT: right,
                    JoinType.JOIN_RIGHT: left,
                }
                sources.conditions.append((node.quals, binding.get(node.jointype, frozenset())))
                return left | right
            case ast.RangeSubselect() | ast.RangeFunction():
                if node.alias is None:
                    return frozenset()
                name = str(node.alias.aliasname)
                sources.tables[name] = False
                return frozenset((name,))
            case _:
                raise Unbound(f"a {type(node).__name__} stands in FROM")

    def _bound(self, sources: _From, outer: Bindings) -> dict[str, bool]:
        """Which tables of tenants the conditions bind, in as many rounds as they lead from one to the next."""
        bound = {name: False for name, of_tenants in sources.tables.items() if of_tenants}
        equations = [
            (side, other, names)
            for condition, names in sources.conditions
            for pair in _equations(condition)
            for side, other in (pair, pair[::-1])
        ]
        for _ in range(len(bound) + 1):
            for side, other, names in equations:
                table = _table_of(side, bound)
                if table not in bound or (names is not None and table not in names):
                    continue
                number, next_to = _parameter(other), _table_of(other, bound)
                if number is not None:
                    self.parameters.add(number)
                elsewhere = next_to not in sources.tables and outer.get(next_to or "", False)
                bound[table] |= number is not None or bound.get(next_to or "", False) or elsewhere
        return bound


def _nodes(root: Any, skip: tuple[type, ...] = ()) -> Iterator[Any]:
    """A node and all below it, but for what is below nodes of some kinds."""
    waiting = [root]
    while waiting:
        value = waiting.pop()
        if isinstance(value, tuple):
            waiting += value
        elif isinstance(value, ast.Node):
            yield value
            if not isinstance(value, skip):
                waiting += [getattr(value, name) for name in value]


def _inside(node: Any, without: Iterable[str]) -> Iterator[tuple[Any, bool]]:
    """The queries directly inside of one, and whether each sees what that one reads from."""
    fields = tuple(getattr(node, name) for name in node if name not in without)
    apart = {
        id(each.subquery)
        for each in _nodes(fields, _QUERIES)
        if isinstance(each, ast.RangeSubselect) and not each.lateral
    }
    for each in _nodes(fields, _QUERIES):
        if isinstance(each, _QUERIES):
            yield each, id(each) not in apart


def _values_of(node: Any, place: int) -> Iterator[Any]:
    """What a query gives at a place of its rows."""
    if node is None:
        yield None
    elif node.op != SetOperation.SETOP_NONE:
        yield from _values_of(node.larg, place)
        yield from _values_of(node.rarg, place)
    elif node.valuesLists:
        yield from (row[place] for row in node.valuesLists)
    else:
        yield node.targetList[place].val


def _conjuncts(condition: Any) -> Iterator[Any]:
    """What must hold for the whole to hold."""
    waiting = [condition]
    while waiting:
        match waiting.pop():
            case ast.BoolExpr(boolop=BoolExprType.AND_EXPR, args=args):
                waiting += args or ()
            case part:
                yield part


def _is_false(condition: Any) -> bool:
    """Whether no row can meet a condition: SQLAlchemy leaves no other beside this one."""
    return isinstance(condition, ast.A_Const) and isinstance(condition.val, ast.Boolean) and not condition.val.boolval


def _equations(condition: Any) -> Iterator[tuple[Any, Any]]:
    """The sides of each = that must hold for the whole to hold."""
    for part in _conjuncts(condition):
        if isinstance(part, ast.A_Expr) and part.kind == A_Expr_Kind.AEXPR_OP:
            name: Any = part.name
            if [each.sval for each in name] == ["="]:
                yield part.lexpr, part.rexpr


def _parameter(value: Any) -> int | None:
    """The number of a parameter, be its type and its collation named or not."""
    while isinstance(value, ast.TypeCast | ast.CollateClause):
        value = value.arg
    return value.number if isinstance(value, ast.ParamRef) else None


def _table_of(value: Any, local: Iterable[str]) -> str | None:
    """Whose tenant a column is: a name of a table. Without one it is that of the only table that has a tenant."""
    match value:
        case ast.ColumnRef(fields=(ast.String(sval=name), ast.String(sval=column))) if column == TENANT:
            return str(name)
        case ast.ColumnRef(fields=(ast.String(sval=column),)) if column == TENANT:
            names = list(local)
            return names[0] if len(names) == 1 else None
        case _:
            return None


def _check_tenant_stays(assignments: Iterable[Any] | None) -> None:
    if any(each.name == TENANT for each in assignments or ()):
        raise Unbound("a row is given to another tenant")


def _check_is_of_nobody(table: Any) -> None:
    in_catalog = table.schemaname in CATALOGS or (table.schemaname is None and table.relname.startswith("pg_"))
    if not in_catalog and table.relname not in TABLES_OF_NOBODY:
        raise Unbound(f"nobody knows whose {table.relname} is")


@dataclass(slots=True)
class Watch:
    """Reads everything that the connections of a store send.

    Attributes:
        tables: those of tenants.
        texts: the statements, and what each says; `None` for one that is at fault.
        tenants: every value that stood for the tenant.
        faults: what must not be.
    """

    tables: frozenset[str]
    texts: dict[str, Read | None] = field(default_factory=dict)
    tenants: set[Any] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)

    def line(self) -> Callable[[LoggedQuery], None]:
        """What listens to one connection."""
        in_transaction: set[Any] | None = None

        def hear(sent: LoggedQuery) -> None:
            nonlocal in_transaction
            said = self._read(sent.query)
            if said is None:
                return
            tenants = {sent.args[number - 1] for number in said.tenants}
            self.tenants |= tenants
            if said.begins or said.ends:
                in_transaction = set() if said.begins else None
            elif in_transaction is not None:
                in_transaction |= tenants
                tenants = in_transaction
            if len(tenants) > 1:
                self.faults.append(f"of {len(tenants)} tenants: {sent.query}")

        return hear

    def _read(self, text: str) -> Read | None:
        if text not in self.texts:
            self.texts[text] = None
            try:
                self.texts[text] = read(text, self.tables)
            except Unbound as fault:
                self.faults.append(f"{fault}: {text}")
        return self.texts[text]


@dataclass(frozen=True)
class WatchedTarget(Target):
    """A database whose connections are listened to."""

    watch: Watch = field(kw_only=True)

    async def connect(self, settings: Mapping[str, str] | None = None) -> Connection:
        """See `Target`."""
        connection = await super().connect(settings)
        connection.add_query_logger(self.watch.line())
        return connection

    @property
    def unprepared(self) -> "WatchedTarget":
        """See `Target`."""
        return replace(self, prepared=False)
