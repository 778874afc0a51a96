"""In which line of a text a place of the document stands: for people who mend what `check` names by JSON pointers."""

from __future__ import annotations

import yaml


def line_of(text: str, pointer: str) -> int | None:
    """The line (from 1) of the value at the pointer, or of the nearest thing around it that is there; None where the text
    cannot be read. For documents that `read_document` has taken: bounded in size and depth, without aliases.
    """
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError):
        return None
    if node is None:
        return None
    line = node.start_mark.line + 1
    for step in pointer.split("/")[1:]:
        found = _child(node, step.replace("~1", "/").replace("~0", "~"))
        if found is None:
            break
        node, line = found
    return line


def _child(node: yaml.Node, step: str) -> tuple[yaml.Node, int] | None:
    """The node below, and the line where it, or its key, begins."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == step:
                return value, key.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode) and step.isdecimal() and int(step) < len(node.value):
        value = node.value[int(step)]
        return value, value.start_mark.line + 1
    return None
