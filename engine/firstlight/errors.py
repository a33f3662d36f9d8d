"""The one exception tree.

::

    FirstlightError                     code                  typical reason
    ├── InvalidInputError               INVALID_ARGUMENT      INVALID_FIELD, INPUT_FILE_INVALID, SETTINGS_INVALID
    ├── NotFoundError                   NOT_FOUND             ITEM_NOT_FOUND, BUNDLE_NOT_FOUND, ...
    ├── ConflictError                   ALREADY_EXISTS        REQUEST_ID_REUSED
    ├── PreconditionError               FAILED_PRECONDITION   NO_ACTIVE_BUNDLE, GATE_REFUSED, HOME_TOO_NEW, ...
    ├── CorruptBundleError              DATA_LOSS             BUNDLE_CORRUPT, PARITY_FAILED
    ├── UnavailableError                UNAVAILABLE           STORE_UNAVAILABLE
    ├── DeadlineError                   DEADLINE_EXCEEDED     DEADLINE_TOO_SHORT
    ├── OverloadedError                 RESOURCE_EXHAUSTED    OVERLOADED
    └── PluginError                     INTERNAL              PLUGIN_FAULT

``code`` is the name of a gRPC status code; only ``firstlight.server`` turns it into one. ``reason`` is a value of
``firstlight.v1.ErrorReason`` without its prefix; a test keeps the two lists equal. On a client's error it is what the
server said: empty where gRPC itself answered, and a plain string where the server is newer than this list.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Machine-readable causes; one value each in ``protos/firstlight/v1/error_reason.proto``."""

    INVALID_FIELD = "INVALID_FIELD"
    INPUT_FILE_INVALID = "INPUT_FILE_INVALID"
    SETTINGS_INVALID = "SETTINGS_INVALID"
    CATALOG_NOT_FOUND = "CATALOG_NOT_FOUND"
    ITEM_NOT_FOUND = "ITEM_NOT_FOUND"
    USER_NOT_FOUND = "USER_NOT_FOUND"
    BUNDLE_NOT_FOUND = "BUNDLE_NOT_FOUND"
    TRAINING_JOB_NOT_FOUND = "TRAINING_JOB_NOT_FOUND"
    REQUEST_ID_REUSED = "REQUEST_ID_REUSED"
    NO_ACTIVE_BUNDLE = "NO_ACTIVE_BUNDLE"
    NO_PREVIOUS_BUNDLE = "NO_PREVIOUS_BUNDLE"
    GATE_REFUSED = "GATE_REFUSED"
    EMPTY_CATALOG = "EMPTY_CATALOG"
    HOME_NOT_FOUND = "HOME_NOT_FOUND"
    HOME_TOO_NEW = "HOME_TOO_NEW"
    PORT_IN_USE = "PORT_IN_USE"
    EXTRA_NOT_INSTALLED = "EXTRA_NOT_INSTALLED"
    TRAINING_JOB_RUNNING = "TRAINING_JOB_RUNNING"
    BUNDLE_CORRUPT = "BUNDLE_CORRUPT"
    BUNDLE_FORMAT_UNSUPPORTED = "BUNDLE_FORMAT_UNSUPPORTED"
    PARITY_FAILED = "PARITY_FAILED"
    STORE_UNAVAILABLE = "STORE_UNAVAILABLE"
    DEADLINE_TOO_SHORT = "DEADLINE_TOO_SHORT"
    PLUGIN_FAULT = "PLUGIN_FAULT"
    INTERNAL = "INTERNAL"
    OVERLOADED = "OVERLOADED"


@dataclass(frozen=True, slots=True)
class Violation:
    """One bad field: its path (``interactions[17].value``) and what is wrong with it."""

    field: str
    description: str


class FirstlightError(Exception):
    """Base of every error a caller may see. ``str(error)`` is one clear line without internals."""

    code = "INTERNAL"
    default_reason = Reason.INTERNAL

    def __init__(
        self, message: str, *, reason: Reason | None = None, metadata: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.reason: str = reason or self.default_reason
        self.metadata = dict(metadata or {})


class InvalidInputError(FirstlightError):
    """What was given cannot be used; ``violations`` names each bad field, ``total`` counts those cut off too."""

    code = "INVALID_ARGUMENT"
    default_reason = Reason.INVALID_FIELD

    def __init__(
        self,
        message: str,
        *,
        violations: Sequence[Violation] = (),
        total: int | None = None,
        reason: Reason | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message, reason=reason, metadata=metadata)
        self.violations = tuple(violations)
        self.total = len(self.violations) if total is None else total


class NotFoundError(FirstlightError):
    """The named thing does not exist."""

    code = "NOT_FOUND"
    default_reason = Reason.ITEM_NOT_FOUND


class ConflictError(FirstlightError):
    """The same key was used before for something else."""

    code = "ALREADY_EXISTS"
    default_reason = Reason.REQUEST_ID_REUSED


class PreconditionError(FirstlightError):
    """The system is not in the state this call needs."""

    code = "FAILED_PRECONDITION"
    default_reason = Reason.NO_ACTIVE_BUNDLE


class CorruptBundleError(FirstlightError):
    """A bundle's bytes are not those its manifest promises, or an exported model disagrees with the trained one."""

    code = "DATA_LOSS"
    default_reason = Reason.BUNDLE_CORRUPT


class UnavailableError(FirstlightError):
    """A dependency did not answer; the same call may succeed later."""

    code = "UNAVAILABLE"
    default_reason = Reason.STORE_UNAVAILABLE


class DeadlineError(FirstlightError):
    """The caller's deadline leaves no time to answer."""

    code = "DEADLINE_EXCEEDED"
    default_reason = Reason.DEADLINE_TOO_SHORT


class OverloadedError(FirstlightError):
    """More is asked than can be answered in time; ``push_back_s``: for how long the caller should ask no more."""

    code = "RESOURCE_EXHAUSTED"
    default_reason = Reason.OVERLOADED

    def __init__(
        self,
        message: str,
        *,
        push_back_s: float = 0.0,
        reason: Reason | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message, reason=reason, metadata=metadata)
        self.push_back_s = push_back_s


class PluginError(FirstlightError):
    """A plugin broke its contract."""

    default_reason = Reason.PLUGIN_FAULT
