"""A graph without a cycle is let in and keeps its order; one with a cycle is refused, and the cycle is named."""

# O8

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.errors import InvalidInput
from lading.jobs import graph
from lading.jobs.graph import Node, Timed

MOST = 8


@st.composite
def dags(draw: st.DrawFn) -> list[Node]:
    """Draw the nodes of a graph without cycles, in any order."""
    keys = draw(st.permutations([f"n{number}" for number in range(MOST)]))[: draw(st.integers(1, MOST))]
    edges = draw(st.integers(0, 2 ** (MOST * MOST) - 1))
    nodes = [
        Node(
            key,
            "noop",
            parents=tuple(each for number, each in enumerate(keys[:place]) if edges >> place * MOST + number & 1),
        )
        for place, key in enumerate(keys)
    ]
    return sorted(nodes, key=lambda node: node.key)


@given(dags())
def test_every_graph_without_a_cycle_is_let_in_and_parents_come_first(nodes: list[Node]) -> None:
    places = graph.places(nodes)

    found = {node.key: place for node, place in zip(nodes, places, strict=True)}
    assert sorted(places) == list(range(len(nodes)))
    assert all(found[parent] < found[node.key] for node in nodes for parent in node.parents)


@given(dags(), st.data())
def test_every_graph_with_a_cycle_is_refused_naming_edges_that_are_there(
    nodes: list[Node], data: st.DataObject
) -> None:
    around = data.draw(st.lists(st.sampled_from([node.key for node in nodes]), min_size=1, unique=True))
    closing = dict(zip(around, [around[-1], *around[:-1]], strict=True))
    cyclic = [
        Node(node.key, "noop", parents=tuple({*node.parents, *([closing[node.key]] if node.key in closing else [])}))
        for node in nodes
    ]

    with pytest.raises(InvalidInput) as refused:
        graph.places(cyclic)

    named = re.findall(r"n\d+", refused.value.message.split(": ", 2)[2])
    edges = {(parent, node.key) for node in cyclic for parent in node.parents}
    assert named[0] == named[-1]
    if "more" not in refused.value.message:
        assert all(pair in edges for pair in pairwise(named))


@given(dags(), st.data())
def test_the_critical_path_is_the_longest_of_all_paths(nodes: list[Node], data: st.DataObject) -> None:
    drawn = data.draw(st.lists(st.integers(0, 20), min_size=len(nodes), max_size=len(nodes)))
    seconds = {node.key: float(each) for node, each in zip(nodes, drawn, strict=True)}
    placed = sorted(zip(graph.places(nodes), nodes, strict=True), key=lambda pair: pair[0])
    ordered = [node for _, node in placed]

    found = graph.critical_path([Timed(node.key, node.parents, seconds[node.key]) for node in ordered])

    by_key = {node.key: node for node in nodes}

    def longest(key: str) -> float:
        return seconds[key] + max((longest(parent) for parent in by_key[key].parents), default=0.0)

    assert found.seconds == max(longest(key) for key in by_key)
    assert sum(seconds[key] for key in found.keys) == found.seconds
    assert all(parent in by_key[child].parents for parent, child in pairwise(found.keys))


@given(dags(), st.data())
def test_below_is_what_can_be_reached(nodes: list[Node], data: st.DataObject) -> None:
    chosen = data.draw(st.sets(st.sampled_from([node.key for node in nodes])))
    edges = [(parent, node.key) for node in nodes for parent in node.parents]

    found = graph.below(edges, chosen)

    assert chosen <= found
    assert all(child in found for parent, child in edges if parent in found)
    assert all(key in chosen or any(child == key and parent in found for parent, child in edges) for key in found)


def test_a_graph_has_limits() -> None:
    for nodes in (
        [],
        [Node(f"n{number}", "noop") for number in range(graph.MAX_NODES + 1)],
        [Node(f"n{n}", "noop", parents=tuple(f"p{p}" for p in range(400))) for n in range(251)],
    ):
        with pytest.raises(InvalidInput) as refused:
            graph.places(nodes)
        assert refused.value.errors[0].pointer == "/nodes"


def test_the_largest_chain_is_let_in() -> None:
    chain = [Node(f"n{number}", "noop", parents=(f"n{number - 1}",) if number else ()) for number in range(20_000)]

    assert graph.places(chain[::-1])[0] == 19_999


def test_a_long_cycle_is_named_in_short() -> None:
    ring = [Node(f"n{number:03}", "noop", parents=(f"n{(number - 1) % 100:03}",)) for number in range(100)]

    with pytest.raises(InvalidInput, match=r"n000 → n001 .* 90 more … → n000"):
        graph.places(ring)


@pytest.mark.parametrize(
    ("node", "pointer"),
    [
        (Node("", "noop"), "/nodes/0/key"),
        (Node("a b", "noop"), "/nodes/0/key"),
        (Node("-a", "noop"), "/nodes/0/key"),
        (Node("a" * 101, "noop"), "/nodes/0/key"),
        (Node("a", ""), "/nodes/0/kind"),
        (Node("a", "noop", priority=101), "/nodes/0/priority"),
        (Node("a", "noop", max_attempts=0), "/nodes/0/max_attempts"),
        (Node("a", "noop", deadline_seconds=0), "/nodes/0/deadline_seconds"),
        (Node("a", "noop", expected_seconds=-1), "/nodes/0/expected_seconds"),
        (Node("a", "noop", host="h" * 101), "/nodes/0/source"),
        (Node("a", "noop", parents=("b",)), "/nodes/0/parents/0"),
    ],
)
def test_a_node_that_is_wrong_is_named(node: Node, pointer: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        graph.places([node])

    assert [error.pointer for error in refused.value.errors] == [pointer]


def test_what_is_there_twice_is_named() -> None:
    with pytest.raises(InvalidInput) as refused:
        graph.places([Node("a", "noop"), Node("a", "noop"), Node("b", "noop", parents=("a", "a"))])

    assert [error.pointer for error in refused.value.errors] == ["/nodes/1/key", "/nodes/2/parents"]
