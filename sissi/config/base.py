"""Base class of all settings, frozen and without unknown keys, and the types of their values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, GetJsonSchemaHandler

if TYPE_CHECKING:
    from pydantic_core import CoreSchema

Fraction = Annotated[float, Field(ge=0, le=1)]
Probability = Fraction


class Settings(BaseModel):
    """Section of an experiment file."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


def _odd(kernel: int) -> int:
    if kernel < 1 or kernel % 2 == 0:
        raise ValueError(f"the size of a Gaussian kernel must be odd and positive, not {kernel}")
    return kernel


OddKernel = Annotated[int, AfterValidator(_odd)]


def _ordered(interval: tuple[float, float]) -> tuple[float, float]:
    if not 0 <= interval[0] < interval[1]:
        raise ValueError(f"an interval must be [low, high] with 0 <= low < high, not {list(interval)}")
    return interval


Interval = Annotated[tuple[float, float], AfterValidator(_ordered)]


def _without_null(named: Any) -> Any:
    return {key: value for key, value in named.items() if value is not None} if isinstance(named, dict) else named


class _OrNull:
    """Annotation of settings under free names: the schema allows null under each."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        schema = handler(core)
        return {**schema, "additionalProperties": {"anyOf": [schema["additionalProperties"], {"type": "null"}]}}


Value = TypeVar("Value")
Named = Annotated[dict[str, Value], BeforeValidator(_without_null), _OrNull()]
"""Settings under free names; a name with null takes out what the base of an experiment has under it."""
