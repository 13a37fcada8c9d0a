"""
The expression language: text to syntax tree, within limits, never to code.

A subset of CEL (Common Expression Language) with exact decimals; docs/reference/expressions.md has the grammar and the
meaning.  Types are the business of `cel_types`, columns of values that of `cel_columns`.  Nothing here touches a row.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, NoReturn, TypeAlias

MAX_LENGTH: Final = 2000
MAX_DEPTH: Final = 48
MAX_LIST: Final = 500
MAX_WHOLE: Final = (1 << 63) - 1
# fmt: off
_RESERVED: Final = frozenset((
    "as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop", "package",
    "namespace", "return", "var", "void", "while",
))
# fmt: on
_TOKEN: Final = re.compile(
    r"""(?P<space>\s+|//[^\n]*)
    |(?P<number>\d+(?:\.\d+)?(?:[A-Za-z_]\w*)?)
    |(?P<string>[rR]?(?:'[^'\\\n]*(?:\\.[^'\\\n]*)*'|"[^"\\\n]*(?:\\.[^"\\\n]*)*"))
    |(?P<quoted>`[^`\n]+`)
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<sign>&&|\|\||==|!=|<=|>=|[-+*/%<>!?:.,()\[\]])""",
    re.VERBOSE | re.ASCII,
)
_NUMBER: Final = re.compile(r"(\d{1,19})(?:\.(\d{1,12}))?")
_ESCAPE: Final = re.compile(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL)
_ESCAPED: Final = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", "'": "'", '"': '"', "`": "`"}
_SURROGATES: Final = range(0xD800, 0xE000)
_MOST_CODE_POINTS: Final = 0x110000
_RELATIONS: Final = frozenset({"==", "!=", "<", "<=", ">", ">="})


class ExpressionInvalid(Exception):
    """An expression that cannot be; `at` is the offset in its text."""

    def __init__(self, detail: str, at: int) -> None:
        super().__init__(detail)
        self.detail: Final = detail
        self.at: Final = at

    def placed(self, text: str) -> str:
        r"""
        Return the sentence with line and column in the expression.

        >>> ExpressionInvalid("is odd", 3).placed("a\n  b")
        '2:2: is odd'
        """
        before = text[: self.at]
        return f"{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}: {self.detail}"


@dataclass(frozen=True, slots=True)
class Literal:
    """A value that is written down; None is `null`."""

    value: str | int | Decimal | bool | None
    at: int = field(compare=False)
    depth: int = field(default=1, compare=False)


@dataclass(frozen=True, slots=True)
class Name:
    """A column of the source, or a dotted path into one of JSON."""

    name: str
    at: int = field(compare=False)
    depth: int = field(default=1, compare=False)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of the request."""

    name: str
    at: int = field(compare=False)
    depth: int = field(default=1, compare=False)


@dataclass(frozen=True, slots=True)
class Listing:
    """A list of literals, right of `in`."""

    items: tuple[str | int | Decimal | bool, ...]
    at: int = field(compare=False)
    depth: int = field(default=1, compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    """A function or an operator (`+`, `&&`, `?:`, `neg`) on its arguments."""

    function: str
    arguments: tuple[Node, ...]
    at: int = field(compare=False)
    depth: int = field(compare=False)


Node: TypeAlias = Literal | Name | Parameter | Listing | Call


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression that was read: its text for people, its tree for everything else."""

    text: str
    root: Node

    @property
    def names(self) -> frozenset[str]:
        """Return the source columns it reads."""
        return frozenset(node.name for node in nodes(self.root) if isinstance(node, Name))


def parse(text: str) -> Expression:
    """
    Return the expression written in `text`; raise ExpressionInvalid that says where it is wrong.

    >>> sorted(parse("kind == 'group' && participants >= 3").names)
    ['kind', 'participants']
    """
    if len(text) > MAX_LENGTH:
        raise ExpressionInvalid(f"is longer than {MAX_LENGTH} characters", MAX_LENGTH)
    return Expression(text, _Parser(text).whole())


def nodes(root: Node) -> Iterator[Node]:
    """Yield every node below and with `root`."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, Call):
            waiting.extend(node.arguments)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            is_text = text[at] in "'\"`"
            raise ExpressionInvalid(
                "this text is not closed" if is_text else f"{text[at]!r} is no part of the language", at
            )
        if match.lastgroup != "space":
            found.append(_Token(str(match.lastgroup), match[0], at))
        at = match.end()
    return [*found, _Token("end", "", len(text))]


class _Parser:
    """Recursive descent, one method to a level of precedence, lowest first."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._place = 0
        self._open = 0

    def whole(self) -> Node:
        node = self._conditional()
        if self._now.kind != "end":
            self._refuse(f"`{self._now.text}` is not expected here")
        return node

    @property
    def _now(self) -> _Token:
        return self._tokens[self._place]

    def _refuse(self, detail: str) -> NoReturn:
        raise ExpressionInvalid(detail, self._now.at)

    def _next(self) -> _Token:
        token = self._now
        self._place += 1
        return token

    def _take(self, *signs: str) -> _Token | None:
        fits = self._now.kind in {"sign", "name"} and self._now.text in signs
        return self._next() if fits else None

    def _expect(self, sign: str) -> None:
        if self._take(sign) is None:
            self._refuse(f"`{sign}` is missing")

    def _call(self, function: str, at: int, *arguments: Node) -> Call:
        depth = 1 + max((each.depth for each in arguments), default=0)
        if depth > MAX_DEPTH:
            raise ExpressionInvalid(f"is nested deeper than {MAX_DEPTH} levels", at)
        return Call(function, arguments, at, depth)

    def _conditional(self) -> Node:
        self._open += 1
        if self._open > MAX_DEPTH:
            self._refuse(f"is nested deeper than {MAX_DEPTH} levels")
        node = self._all("||", lambda: self._all("&&", self._relation))
        if sign := self._take("?"):
            then = self._conditional()
            self._expect(":")
            node = self._call("?:", sign.at, node, then, self._conditional())
        self._open -= 1
        return node

    def _all(self, sign: str, part: Callable[[], Node]) -> Node:
        first, parts = self._now, [part()]
        while token := self._take(sign):
            first = token if len(parts) == 1 else first
            parts.append(part())
        return parts[0] if len(parts) == 1 else self._call(sign, first.at, *parts)

    def _relation(self) -> Node:
        node = self._sum()
        if sign := self._take(*_RELATIONS, "in"):
            right = self._list() if sign.text == "in" and self._now.text == "[" else self._sum()
            node = self._call(sign.text, sign.at, node, right)
            if self._now.text in _RELATIONS | {"in"} and self._now.kind in {"sign", "name"}:
                self._refuse("comparisons do not follow each other; join them with &&")
        return node

    def _sum(self) -> Node:
        node = self._product()
        while sign := self._take("+", "-"):
            node = self._call(sign.text, sign.at, node, self._product())
        return node

    def _product(self) -> Node:
        node = self._unary()
        while sign := self._take("*", "/", "%"):
            node = self._call(sign.text, sign.at, node, self._unary())
        return node

    def _unary(self) -> Node:
        signs: list[_Token] = []
        while sign := self._take("!", "-"):
            signs.append(sign)
            if len(signs) > MAX_DEPTH:
                self._refuse(f"is nested deeper than {MAX_DEPTH} levels")
        if signs and signs[-1].text == "-" and self._now.kind == "number":
            node: Node = self._number(is_negative=signs.pop().text == "-")
        else:
            node = self._member()
        for sign in reversed(signs):
            node = self._call("!" if sign.text == "!" else "neg", sign.at, node)
        return node

    def _member(self) -> Node:
        node = self._primary()
        while self._take("."):
            token = self._next()
            if token.kind not in {"name", "quoted"}:
                raise ExpressionInvalid("a name is missing after the point", token.at)
            if token.kind == "name" and self._take("("):
                node = self._call(f".{token.text}", token.at, node, *self._arguments())
            elif isinstance(node, Name):
                node = Name(f"{node.name}.{token.text.strip('`')}", node.at)
            else:
                raise ExpressionInvalid(f"`{token.text}` is no function of this; is its `()` missing?", token.at)
        return node

    def _primary(self) -> Node:
        token = self._now
        match token.kind:
            case "number":
                return self._number(is_negative=False)
            case "string":
                return Literal(_text(self._next()), token.at)
            case "quoted":
                return Name(self._next().text.strip("`"), token.at)
            case "name":
                return self._named()
            case _:
                pass
        if self._take("(") is None:
            missing = f"a value is missing before `{token.text}`" if token.text else "a value is missing at the end"
            self._refuse("a list stands only right of `in`" if token.text == "[" else missing)
        node = self._conditional()
        self._expect(")")
        return node

    def _named(self) -> Node:
        token = self._next()
        words: dict[str, bool | None] = {"true": True, "false": False, "null": None}
        if token.text in words:
            return Literal(words[token.text], token.at)
        if token.text in _RESERVED or token.text == "in":
            raise ExpressionInvalid(f"`{token.text}` is a reserved word; write a column of that name in ` `", token.at)
        if token.text in {"params", "math"} and self._take("."):
            return self._member_of(token)
        if self._take("("):
            return self._call(token.text, token.at, *self._arguments())
        return Name(token.text, token.at)

    def _member_of(self, space: _Token) -> Node:
        token = self._next()
        if token.kind != "name":
            raise ExpressionInvalid("a name is missing after the point", token.at)
        if space.text == "params":
            return Parameter(token.text, space.at)
        self._expect("(")
        return self._call(f"math.{token.text}", space.at, *self._arguments())

    def _arguments(self) -> list[Node]:
        found: list[Node] = []
        if self._take(")"):
            return found
        while True:
            found.append(self._conditional())
            if self._take(")"):
                return found
            self._expect(",")

    def _list(self) -> Listing:
        at, items = self._next().at, list[str | int | Decimal | bool]()
        while not self._take("]"):
            if items:
                self._expect(",")
            token = self._now
            item = self._unary()
            if not isinstance(item, Literal) or item.value is None:
                raise ExpressionInvalid("a list holds written values only: texts, numbers, true, false", token.at)
            items.append(item.value)
            if len(items) > MAX_LIST:
                raise ExpressionInvalid(f"a list has at most {MAX_LIST} entries", token.at)
        if not items:
            raise ExpressionInvalid("an empty list holds nothing; what is it for?", at)
        return Listing(tuple(items), at)

    def _number(self, *, is_negative: bool) -> Literal:
        token = self._next()
        found = _NUMBER.fullmatch(token.text)
        if found is None:
            raise ExpressionInvalid("a number is like 12 or 0.25: at most 19 digits, 12 after the point", token.at)
        sign = -1 if is_negative else 1
        if found[2] is None:
            whole = sign * int(found[1])
            if not -MAX_WHOLE - 1 <= whole <= MAX_WHOLE:
                raise ExpressionInvalid("a whole number has at most 64 bits", token.at)
            return Literal(whole, token.at)
        if len(found[1].lstrip("0")) > 15:
            raise ExpressionInvalid("a decimal number is below 10^15", token.at)
        return Literal(sign * Decimal(token.text), token.at)


def _text(token: _Token) -> str:
    raw = token.text
    if raw[0] in "rR":
        return raw[2:-1]

    def unescaped(found: re.Match[str]) -> str:
        if digits := found[1] or found[2]:
            code = int(digits, 16)
            if 0 < code < _MOST_CODE_POINTS and code not in _SURROGATES:
                return chr(code)
        elif found[3] in _ESCAPED:
            return _ESCAPED[found[3]]
        raise ExpressionInvalid(f"`{found[0]}` is no escape; write \\\\ for a backslash", token.at + 1 + found.start())

    return _ESCAPE.sub(unescaped, raw[1:-1])
