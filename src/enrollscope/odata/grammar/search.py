"""The grammar of `$search` (ABNF section 2, searchExpr)."""

import re

from enrollscope.odata.grammar.expr import Search, SearchLogical, SearchNot, SearchPhrase, SearchRaw, SearchWord
from enrollscope.odata.grammar.lexer import NAME, Scanner

_WORD = re.compile(r"""[^\s"()'\ud800-\udfff][^\s"()\ud800-\udfff]*""")
_NEXT_OPTION = re.compile(rf";[ \t]*(?:\$?[A-Za-z]+|@{NAME})=", re.ASCII)
_PHRASE = re.compile(r'"([^"\ud800-\udfff]+)"')


class SearchGrammar(Scanner):
    """Reads words, phrases, and `NOT` before `AND` before `OR`; the three operators are words in upper case."""

    __slots__ = ()

    def search_value(self, *, nested: bool = False) -> Search:
        """SearchExpr or searchExpr-incomplete: all that may follow `$search=`.

        Args:
            nested: inside parentheses, where `;` and `)` end the option.
        """
        self.blanks()
        if self.peek() == "'":
            return SearchRaw(self.quoted())
        return self.search_expr(nested=nested)

    def search_expr(self, *, nested: bool = False) -> Search:
        """searchExpr, with the precedence that URL conventions 4.01 §5.1.7 gives its operators."""
        alternatives = [self._search_and(nested=nested)]
        while self._search_operator("OR"):
            alternatives.append(self._search_and(nested=nested))
        return alternatives[0] if len(alternatives) == 1 else SearchLogical("OR", tuple(alternatives))

    def _search_and(self, *, nested: bool) -> Search:
        terms = [self._search_term(nested=nested)]
        while True:
            if not self._search_operator("AND"):
                start = self.position
                self.blanks()
                if self.position == start or not self._search_goes_on(nested=nested) or self._or_follows(start):
                    self.position = start
                    break
            terms.append(self._search_term(nested=nested))
        return terms[0] if len(terms) == 1 else SearchLogical("AND", tuple(terms))

    def _or_follows(self, start: int) -> bool:
        """Whether the blanks at `start` begin an `OR` between two terms."""
        here, self.position = self.position, start
        found = self._search_operator("OR")
        self.position = here
        return found

    def _search_operator(self, word: str) -> bool:
        """Step over `RWS word RWS` if a term follows; at the end of a search `OR` is a word like any other."""
        start = self.position
        self.blanks()
        if self.position > start and self.skip(word):
            after = self.position
            self.blanks()
            if self.position > after and self._search_goes_on(nested=False):
                return True
        self.position = start
        return False

    def _search_goes_on(self, *, nested: bool) -> bool:
        if self.peek() == ";" and nested and self._ends_option(self.position):
            return False
        return self.peek() in ("(", '"') or _WORD.match(self.text, self.position) is not None

    def _ends_option(self, semicolon: int) -> bool:
        """Whether a semicolon inside parentheses ends the option: it came plain, or another option follows it."""
        return not self.is_encoded(semicolon) or _NEXT_OPTION.match(self.text, semicolon) is not None

    def _search_term(self, *, nested: bool) -> Search:
        self.enter()
        match self.peek():
            case "(":
                term = self._search_paren(nested=nested)
            case '"':
                term = self.search_phrase()
            case _:
                term = self.search_word(nested=nested)
        self.depth -= 1
        return term

    def _search_paren(self, *, nested: bool) -> Search:
        self.need("(")
        self.blanks()
        inner = self.search_expr(nested=nested)
        self.blanks()
        self.need(")")
        return inner

    def search_phrase(self) -> SearchPhrase:
        """SearchPhrase."""
        match = _PHRASE.match(self.text, self.position)
        if match is None:
            raise self.unclosed('"')
        self.position = match.end()
        return SearchPhrase(match[1])

    def search_word(self, *, nested: bool = False) -> Search:
        """SearchWord; or `NOT` and what it negates."""
        match = _WORD.match(self.text, self.position)
        end = self.position if match is None else self._end_of_word(match.start(), match.end(), nested=nested)
        if end == self.position:
            raise self.expected("a search word or phrase")
        word = self.text[self.position : end]
        self.position = end
        if word == "NOT":
            self.blanks()
            if self.position > end and self._search_goes_on(nested=nested):
                return SearchNot(self._search_term(nested=nested))
            self.position = end
        return SearchWord(word)

    def _end_of_word(self, start: int, end: int, *, nested: bool) -> int:
        """Where a word ends: before a semicolon that ends the option, else where its characters end."""
        semicolon = self.text.find(";", start, end)
        while semicolon >= 0:
            if nested and self._ends_option(semicolon):
                return semicolon
            if not self.is_encoded(semicolon):
                raise self.refused("';' must be percent-encoded in a search word", semicolon)
            semicolon = self.text.find(";", semicolon + 1, end)
        return end
