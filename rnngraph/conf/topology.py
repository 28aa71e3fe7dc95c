"""The order in which a graph is computed."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

from rnngraph.errors import ConfigurationError
from rnngraph.names import nearest


def topological_order(inputs: Sequence[str], edges: Mapping[str, Sequence[str]]) -> list[str]:
    """The vertices that ``edges`` names with what comes into each, so that each stands behind what comes in.

    Kahn's algorithm, first in, first out: the network's ``inputs`` first, then the vertices in the order in which they stand in ``edges``.
    It is the order of Deeplearning4j's ``ComputationGraph``, in which its vector has the parameters. Ordering again changes nothing.
    Raises ConfigurationError for a name that is not there, and for a cycle.
    """
    check_names(inputs, edges)
    waiting = {name: set(sources) for name, sources in edges.items()}
    followers: dict[str, list[str]] = {name: [] for name in (*inputs, *edges)}
    for name, sources in edges.items():
        for source in dict.fromkeys(sources):
            followers[source].append(name)
    queue, order = deque(inputs), list[str]()
    while queue:
        done = queue.popleft()
        order.append(done)
        for name in followers[done]:
            waiting[name].discard(done)
            if not waiting[name]:
                queue.append(name)
    stuck = [name for name in edges if waiting[name]]
    if stuck:
        raise ConfigurationError(f"vertices {_cycle(stuck, waiting)}: each needs what the other gives; leave out one of these connections")
    return order[len(inputs) :]


def in_order(inputs: Sequence[str], edges: Mapping[str, Sequence[str]]) -> list[str]:
    """The vertices as they stand where each stands behind what comes in, else by :func:`topological_order`, whose errors it raises."""
    order = topological_order(inputs, edges)
    return list(edges) if is_topological(inputs, edges) else order


def is_topological(inputs: Sequence[str], edges: Mapping[str, Sequence[str]]) -> bool:
    """Whether each vertex stands behind what comes in."""
    place = {name: k for k, name in enumerate((*inputs, *edges))}
    return all(place[source] < place[name] for name, sources in edges.items() for source in sources)


def check_names(inputs: Sequence[str], edges: Mapping[str, Sequence[str]]) -> None:
    """Raise ConfigurationError for a name that stands for two things, or for none."""
    for name in inputs:
        if name in edges or list(inputs).count(name) > 1:
            raise ConfigurationError(f"the name {name!r} stands for two things; inputs and vertices have names of their own")
    for name, sources in edges.items():
        for source in sources:
            if source not in edges and source not in inputs:
                known = [*inputs, *edges]
                near = nearest(source, known)
                hint = f"did you mean {' or '.join(map(repr, near))}?" if near else f"there are {', '.join(known)}"
                raise ConfigurationError(f"vertex {name!r}: its input {source!r} is neither an input of the network nor a vertex; {hint}")


def _cycle(stuck: Sequence[str], waiting: Mapping[str, set[str]]) -> str:
    """A cycle among vertices that wait for each other, as ``'a' -> 'b' -> 'a'``."""
    path = [stuck[0]]
    while path[-1] not in path[:-1]:
        path.append(min(waiting[path[-1]] & set(stuck)))
    return " -> ".join(map(repr, path[path.index(path[-1]) :][::-1]))
