"""Hypothesis strategies: questions that are right, as a client writes them. Some are refused for what they compute."""

from collections.abc import Callable

from hypothesis import strategies as st

Write = Callable[[int], str]

GROUPED = ("osVersion", "failureCategory", "enrollmentType", "troubleshootingErrorDetails/failure", "eventDateTime")
MOST_LEVELS = 3


class Writer:
    """Writes expressions of each type."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw
        self._variables = 0

    def pick(self, *choices: str | Write) -> str:
        """One of several; a function is called with the levels that are left."""
        choice = self._draw(st.sampled_from(choices))
        return choice if isinstance(choice, str) else choice(0)

    def text(self, depth: int) -> str:
        """A string."""
        plain = ("osVersion", "failureReason", "troubleshootingErrorDetails/failure", "'x'", "'it''s %_'", "eventName")
        if depth <= 0:
            return self.pick(*plain)
        below = depth - 1
        return self.pick(
            *plain,
            lambda _: f"concat({self.text(below)},{self.text(below)})",
            lambda _: f"{self.pick('tolower', 'toupper', 'trim')}({self.text(below)})",
            lambda _: f"substring({self.text(below)},{self.whole(below)})",
            lambda _: f"cast({self.pick('enrollmentType', lambda _: self.whole(below))},Edm.String)",
            lambda _: f"cast({self._draw(st.sampled_from((self.time, self.duration, self.date)))(below)},Edm.String)",
            lambda _: "$root/deviceManagement/troubleshootingEvents('x')/osVersion",
            lambda _: f"case({self.truth(below)}:{self.text(below)},true:{self.text(below)})",
        )

    def whole(self, depth: int) -> str:
        """An integer."""
        plain = ("0", "1", "-3", "9223372036854775807", "additionalInformation/$count")
        if depth <= 0:
            return self.pick(*plain)
        below = depth - 1
        return self.pick(
            *plain,
            lambda _: f"length({self.text(below)})",
            lambda _: f"indexof({self.text(below)},{self.text(below)})",
            lambda _: f"{self.pick('year', 'month', 'day', 'hour', 'minute', 'second')}({self.time(below)})",
            lambda _: f"({self.whole(below)} {self.pick('add', 'sub', 'mul', 'div', 'mod')} {self.whole(below)})",
            lambda _: f"cast({self.fraction(below)},Edm.Int32)",
            lambda _: f"additionalInformation/$count($filter={self.pick('name', 'value')} ne {self.text(below)})",
        )

    def fraction(self, depth: int) -> str:
        """A decimal number."""
        below = depth - 1
        return self.pick(
            "2.5",
            lambda _: f"totalseconds({self.duration(below)})",
            lambda _: f"({self.whole(below)} divby {self.whole(below)})",
            lambda _: f"{self.pick('round', 'floor', 'ceiling')}({self.whole(below)} div 2.5)",
            lambda _: f"fractionalseconds({self.time(below)})",
        )

    def time(self, depth: int) -> str:
        """A point in time."""
        plain = ("eventDateTime", "2017-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "now()", "maxdatetime()")
        if depth <= 0:
            return self.pick(*plain)
        return self.pick(
            *plain, lambda _: f"({self.time(depth - 1)} {self.pick('add', 'sub')} {self.duration(depth - 1)})"
        )

    def duration(self, depth: int) -> str:
        """A duration."""
        plain = ("duration'PT1S'", "duration'-P1D'", "duration'P9999999D'")
        if depth <= 0:
            return self.pick(*plain)
        below = depth - 1
        return self.pick(
            *plain,
            lambda _: f"({self.time(below)} sub {self.time(below)})",
            lambda _: f"({self.date(below)} sub {self.date(below)})",
            lambda _: f"({self.duration(below)} {self.pick('mul', 'div')} {self.pick('2', '2.5', '0.1e0')})",
        )

    def date(self, depth: int) -> str:
        """A day."""
        below = depth - 1
        return self.pick(
            "2017-02-28",
            lambda _: f"date({self.time(below)})",
            lambda _: f"(9999-12-31 {self.pick('add', 'sub')} {self.duration(below)})",
        )

    def value(self, depth: int) -> str:
        """Anything that can be ordered."""
        of_each = (self.text, self.whole, self.fraction, self.time, self.duration, self.date, self.truth)
        return self._draw(st.sampled_from(of_each))(depth)

    def truth(self, depth: int) -> str:
        """A condition."""
        plain = ("failureCategory eq 'authentication'", "enrollmentType in (unknown,'userEnrollment')", "false")
        if depth <= 0:
            return self.pick(*plain)
        below = depth - 1
        return self.pick(
            *plain,
            lambda _: self._compared(below),
            lambda _: f"{self.pick('contains', 'startswith', 'endswith')}({self.text(below)},{self.text(below)})",
            lambda _: f"(not ({self.truth(below)}))",
            lambda _: f"({self.truth(below)} {self.pick('and', 'or')} {self.truth(below)})",
            lambda _: f"{self.text(below)} in ({self.pick(quoted('a'), quoted('10'))},null)",
            lambda _: self._quantified(below),
            lambda _: "isof(microsoft.graph.enrollmentTroubleshootingEvent)",
            lambda _: "troubleshootingErrorDetails ne null",
            lambda _: self._of_collections(below),
            lambda _: f'(troubleshootingErrorDetails eq {{"failure":{self.text(below)},"resources":[]}})',
        )

    def _of_collections(self, depth: int) -> str:
        """A condition on two collections of the same kind."""
        kind = self._draw(st.sampled_from((self._texts, self._pairs)))
        whole, part = kind(depth), kind(depth)
        names = ("contains", "startswith", "endswith", "hassubset", "hassubsequence")
        return self.pick(
            *(f"{name}({whole},{part})" for name in names),
            f"({whole} ne {part})",
            f"({whole} in [{part},[]])",
            f"(indexof({whole},{part}) lt length({whole}))",
        )

    def _texts(self, depth: int) -> str:
        """An array of strings."""
        items = [self.pick("null", lambda _: self.text(depth)) for _ in range(self._draw(st.integers(0, 3)))]
        return f"[{','.join(items)}]"

    def _pairs(self, depth: int) -> str:
        """A collection of pairs."""
        pair = f'{{"name":{self.text(depth)},"value":{self.text(depth)}}}'
        kept = f"additionalInformation/$filter(value {self.pick('eq', 'ne')} {self.text(0)})"
        found = self.pick("additionalInformation", kept, f"[{pair}]", "[]")
        return self.pick(
            found,
            f"concat({found},[{pair},{pair}])",
            f"substring({found},{self.pick('0', '1', '-1')})",
            f"substring({found},0,{self.whole(0)})",
        )

    def _compared(self, depth: int) -> str:
        kind = self._draw(st.sampled_from((self.text, self.whole, self.fraction, self.time, self.duration, self.date)))
        operator = self.pick("eq", "ne", "lt", "ge")
        return f"({kind(depth)} {operator} {self.pick(lambda _: kind(depth), 'null')})"

    def _quantified(self, depth: int) -> str:
        self._variables += 1
        name = f"v{self._variables}"
        collection, part = self._draw(
            st.sampled_from((("additionalInformation", "value"), ("troubleshootingErrorDetails/resources", "text")))
        )
        condition = f"({name}/{part} {self.pick('eq', 'ne', 'gt')} {self.text(depth)}) or {self.truth(depth)}"
        return f"{collection}/{self.pick('any', 'all')}({name}:{condition})"

    def picked(self) -> str:
        """A collection of which some items are selected."""
        of_item = self._draw(st.lists(st.sampled_from(("name", "$this/value", "$it/osVersion", "'x'")), min_size=4))
        first, second, third, fourth = of_item[:4]
        options = (
            f"$filter=({first} {self.pick('eq', 'ne', 'gt')} {second}) or not ({first} eq null)",
            f"$orderby=length(concat({second},{third})) desc,{fourth}",
            f"$compute=concat({third},{fourth}) as made,{self.whole(0)} as number",
            "$search=x OR boom",
            "$count=true",
            "$top=1",
            "$skip=1",
        )
        chosen = self._draw(st.lists(st.sampled_from(options), min_size=1, max_size=4, unique=True))
        return f"additionalInformation({';'.join(chosen)})"

    def transformations(self) -> str:
        """The value of `$apply`."""
        steps = [self._preserving() for _ in range(self._draw(st.integers(0, 2)))]
        if self._draw(st.booleans()):
            steps.append(f"compute({self.value(2)} as made)")
            steps.append(self._grouped("made"))
        elif self._draw(st.booleans()) or not steps:
            steps.append(self._grouped())
        return "/".join(steps)

    def _preserving(self) -> str:
        return self.pick(
            lambda _: f"filter({self.truth(2)})",
            lambda _: f"orderby({self.value(2)} desc)/top(2)",
            lambda _: "skip(1)",
            lambda _: f"{self.pick('topcount', 'bottomcount')}(2,{self.value(1)})",
            lambda _: f"{self.pick('topsum', 'toppercent', 'bottompercent')}(60,{self.whole(1)})",
            lambda _: "search(o OR x)",
        )

    def _grouped(self, *further: str) -> str:
        keys = self._draw(st.lists(st.sampled_from((*GROUPED, *further)), min_size=1, max_size=2, unique=True))
        number = self._draw(st.sampled_from((self.whole, self.fraction)))(1)
        aggregates = self.pick(
            "$count as n",
            f"{number} with {self.pick('sum', 'average', 'min', 'max', 'countdistinct')} as n",
            f"{self.text(1)} with {self.pick('min', 'max', 'countdistinct')} as n,$count as m",
            "$count from osVersion with average as n",
        )
        grouped = f"groupby(({','.join(keys)}),aggregate({aggregates}))"
        return self.pick(
            grouped, f"{grouped}/filter(n ne null)", f"{grouped}/topcount(1,n)", f"aggregate({aggregates})"
        )


def quoted(text: str) -> str:
    """A string literal."""
    return f"'{text}'"


@st.composite
def right_questions(draw: st.DrawFn) -> dict[str, str]:
    """Options that go together."""
    writer = Writer(draw)
    query: dict[str, str] = {}
    if draw(st.integers(0, 2)) == 0:
        query["$apply"] = writer.transformations()
    else:
        if draw(st.booleans()):
            query["$filter"] = writer.truth(MOST_LEVELS)
        if draw(st.booleans()):
            query["$orderby"] = f"{writer.value(2)} desc,{writer.value(2)}"
        if draw(st.booleans()):
            query["$compute"] = f"{writer.value(MOST_LEVELS)} as made,{writer.value(1)} as other"
        if draw(st.booleans()):
            query["$search"] = draw(st.sampled_from(("x", '"o m" OR NOT t', "boom 10")))
        if draw(st.booleans()):
            query["$select"] = f"id,{writer.picked()}"
    if draw(st.booleans()):
        query["$top"] = "1"
    if draw(st.booleans()):
        query["$count"] = "true"
    return query
