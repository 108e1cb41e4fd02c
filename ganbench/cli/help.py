"""How `--help` looks: commands in groups, and flags without the word that they are flags."""

from typing import Any

from typer.core import TyperCommand, TyperGroup

RUN, READ, EXTEND = "Run: train, judge, draw", "Read: what the results say", "Extend: what there is, and what works"


class Group(TyperGroup):
    """The commands, in the order in which they were named."""

    def get_params(self, ctx: Any) -> Any:
        return _without_types(super().get_params(ctx))


class Command(TyperCommand):
    """One command."""

    def get_params(self, ctx: Any) -> Any:
        return _without_types(super().get_params(ctx))


def _without_types(parameters: Any) -> Any:
    """Let a flag be shown without a type: that it takes no value is all there is to say."""
    for parameter in parameters:
        if getattr(parameter, "is_flag", False):
            parameter.metavar = ""
    return parameters
