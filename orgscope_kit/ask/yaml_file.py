"""YAML as plain data with the line of every key; nothing in a file can run, multiply or be silently lost."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from .places import Finding, KeyPath, Unfit

__all__ = ["MOST_BYTES", "Document", "parse_yaml", "read_text"]

MOST_BYTES = 5 * 2**20
_MOST_DEPTH = 30
_MOST_NODES = 500_000
_TAG = "tag:yaml.org,2002:"
_SCALARS = {_TAG + kind for kind in ("str", "int", "float", "bool", "null", "timestamp")}
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass
class Document:
    """A file's data, the line of every path in it, and what was wrong with the YAML itself."""

    data: Any = None
    lines: dict[KeyPath, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def read_text(path: Path) -> str:
    """A text file of reasonable size, in UTF-8, with or without a byte order mark.

    Raises:
        Unfit: it cannot be read.
    """
    try:
        if not path.is_file():
            raise Unfit(
                "is a folder or no ordinary file" if path.exists() else "there is no such file", "Check the path"
            )
        with path.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        if isinstance(error, Unfit):
            raise
        raise Unfit(f"cannot be read ({type(error).__name__})", "Check the path and its permissions") from None
    if len(content) > MOST_BYTES:
        raise Unfit(f"is larger than {MOST_BYTES >> 20} MiB", "Split the investigation")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise Unfit(f"is not UTF-8 text (line {line})", "Save it as UTF-8") from None


def parse_yaml(text: str) -> Document:
    r"""Read one YAML document.

    >>> parse_yaml("a: [1, 2]\na: 3").findings[0].what
    'the key stands twice, here and on line 1'
    """
    document = Document()
    loader = None
    try:
        _check_depth(text)
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is not None:
            document.data = _Builder(loader, document).build(node, (), 0)
    except yaml.YAMLError as error:
        document.data = None
        document.findings.append(_syntax(error, document))
    except Unfit as error:
        document.data = None
        document.findings.append(Finding((), error.what, error.fix))
    finally:
        if loader is not None:
            loader.dispose()
    return document


def _check_depth(text: str) -> None:
    """Composing recurses, the event stream does not: measured first."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _MOST_DEPTH:
            raise Unfit(f"is nested deeper than {_MOST_DEPTH} levels", "Flatten it")


def _syntax(error: yaml.YAMLError, document: Document) -> Finding:
    """PyYAML's own text quotes the file, which may hold a secret: only its reason and line are kept."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is not None:
        document.lines[()] = mark.line + 1
    reason = getattr(error, "problem", None) or getattr(error, "reason", None) or "cannot be parsed"
    reason = re.sub(r"'[^']{2,}'|\"[^\"]{2,}\"", "…", str(reason))
    return Finding(
        (),
        f"is not valid YAML: {reason}",
        "Check indentation, colons and quotes there; put values that begin with a sign in quotes",
    )


class _Builder:
    """Builds plain data from nodes; counts, because aliases can make a small file huge."""

    def __init__(self, loader: Any, document: Document) -> None:
        self._loader, self._document, self._count = loader, document, 0

    def build(self, node: yaml.Node, path: KeyPath, depth: int) -> Any:
        self._count += 1
        if self._count > _MOST_NODES or depth > _MOST_DEPTH:
            raise Unfit(
                "grows without bound: its aliases multiply or refer to themselves", "Write it without such aliases"
            )
        self._document.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, depth)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(each, (*path, n), depth + 1) for n, each in enumerate(node.value)]
        return self._scalar(node, path)

    def _mapping(self, node: yaml.MappingNode, path: KeyPath, depth: int) -> dict[str, Any]:
        own: dict[str, Any] = {}
        first: dict[str, int] = {}
        merged: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self._find(path, "a key is a list or a mapping", "Write keys as plain text")
            elif key_node.tag == _TAG + "merge":
                merged = {**self._merge(value_node, path, depth), **merged}
            elif key_node.value in own:
                self._document.lines[(*path, key_node.value)] = line
                self._find(
                    (*path, key_node.value),
                    f"the key stands twice, here and on line {first[key_node.value]}",
                    "Remove or rename one",
                )
            else:
                # The key as written: an org called `no` or `007` keeps its name.
                key = key_node.value
                first[key] = self._document.lines[(*path, key)] = line
                own[key] = self.build(value_node, (*path, key), depth + 1)
        return {**merged, **own}

    def _merge(self, node: yaml.Node, path: KeyPath, depth: int) -> dict[str, Any]:
        if isinstance(node, yaml.MappingNode):
            built = self.build(node, path, depth + 1)
            return built if isinstance(built, dict) else {}
        if isinstance(node, yaml.SequenceNode):
            merged: dict[str, Any] = {}
            for each in node.value:
                self._count += 1
                merged = {**self._merge(each, path, depth + 1), **merged}
            return merged
        self._find(path, "`<<` merges something that is no mapping", "Merge a mapping: `<<: *name`")
        return {}

    def _scalar(self, node: yaml.Node, path: KeyPath) -> Any:
        if node.tag not in _SCALARS:
            self._find(
                path,
                "a YAML tag (`!…`) or sign is not understood here",
                "Put a value that begins with ! or = in quotes",
            )
            return None
        try:
            return self._loader.construct_object(node)
        except (ValueError, OverflowError, yaml.YAMLError):
            self._find(path, "a number or date cannot be read", "Correct it, or put it in quotes if it is text")
            return None

    def _find(self, path: KeyPath, what: str, fix: str) -> None:
        self._document.findings.append(Finding(path, what, fix))
