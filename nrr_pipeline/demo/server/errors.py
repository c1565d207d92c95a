"""Errors as the API words them: a status, and a JSON body with ``error`` in it.

Here belong the kinds of refusals that more than one part of the server gives. Which request
deserves one is decided where the request is read; the headers of an answer belong to ``app``.
"""

from __future__ import annotations

from typing import Any

INVALID_REQUEST = "invalid_request_error"
API_ERROR = "api_error"


class ApiError(Exception):
    """A request that is answered with an error.

    Attributes:
        status: The HTTP status.
        message: The sentence for the reader.
        code: The machine-readable reason, such as ``resource_missing``.
        param: The parameter that the error is about.
        error_type: The class of error, ``invalid_request_error`` unless the server is at fault.
        headers: Headers that go with the answer.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        error_type: str = INVALID_REQUEST,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.param = param
        self.error_type = error_type
        self.headers = headers or {}

    def body(self, request_log_url: str) -> dict[str, Any]:
        """Render the error as JSON; what does not apply is left out."""
        error: dict[str, Any] = {"message": self.message, "type": self.error_type}
        if self.code is not None:
            error["code"] = self.code
            error["doc_url"] = f"https://stripe.com/docs/error-codes/{self.code.replace('_', '-')}"
        if self.param is not None:
            error["param"] = self.param
        error["request_log_url"] = request_log_url
        return {"error": error}


def missing_object(noun: str, object_id: str, *, param: str, status: int = 400) -> ApiError:
    """Refuse an id that names nothing: 404 in the path, 400 in a parameter."""
    message = f"No such {noun}: '{object_id}'"
    return ApiError(status, message, code="resource_missing", param=param)


def unknown_parameter(param: str) -> ApiError:
    """Refuse a parameter that the path does not have."""
    message = f"Received unknown parameter: {param}"
    return ApiError(400, message, code="parameter_unknown", param=param)


def invalid_parameter(param: str, message: str, *, code: str | None = None) -> ApiError:
    """Refuse a parameter's value."""
    return ApiError(400, message, code=code, param=param)


def unknown_url(method: str, path: str) -> ApiError:
    """Refuse a path that is no endpoint of this server."""
    return ApiError(404, f"Unrecognized request URL ({method}: {path}).")


def method_not_allowed(method: str, path: str) -> ApiError:
    """Refuse to change anything: the simulated account can only be read."""
    message = f"This account can only be read, so {method} {path} is not served: use GET."
    return ApiError(405, message, headers={"Allow": "GET"})
