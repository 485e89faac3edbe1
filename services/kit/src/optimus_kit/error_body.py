"""The body of every error, as the OpenAI API has it, for the contracts of services."""

from pydantic import BaseModel


class ErrorFields(BaseModel):
    """What went wrong."""

    message: str
    type: str
    code: str
    param: str | None = None


class ErrorBody(BaseModel):
    """Every error."""

    error: ErrorFields
