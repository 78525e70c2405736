"""The exceptions of CodeGrad.

What a candidate does wrong is a verdict, never an exception. What is raised here
says who else failed, in one sentence with what to do next::

    CodeGradError             anything below; the command line exits with 2
    ├── UsageError            the caller asked for something that cannot be (ValueError)
    │   ├── TargetError       the file, function or record to refine cannot be read
    │   ├── TestsError        the tests cannot be used: missing, or they do not collect
    │   ├── ContradictionError  two tests that no program can satisfy together
    │   ├── DatasetError    a benchmark's file, or a file of samples, cannot be used
    │   └── CertificateError  a certificate is not one, or not about what is at hand
    ├── SandboxError          isolation could not be set up or kept up
    │   └── UnsafeSandboxError  the kernel lacks the layers that make it a sandbox
    ├── EngineError           an engine could not propose
    │   └── OutageError       a model could not be asked now; later it may answer
    ├── StoreError            the journal cannot be written or read
    ├── OutputError           the result cannot be written where it was asked for
    └── InternalError         our own invariant is broken: please report it
"""

from collections.abc import Sequence


class CodeGradError(Exception):
    """Anything that stops CodeGrad for a reason outside the candidate."""


class UsageError(CodeGradError, ValueError):
    """The caller asked for something that cannot be done as asked."""


class TargetError(UsageError):
    """The target (file, function, record) is missing or cannot be read."""


class TestsError(UsageError):
    """The tests are missing, do not collect, or fail before the target is reached."""

    __test__ = False  # pytest collects classes by this name


class ContradictionError(UsageError):
    """Two constraints ask for different results of the same call.

    Attributes:
        first: The text of the first of the two.
        second: The text of the second.
    """

    def __init__(self, first: str, second: str) -> None:
        super().__init__(
            f"no program can satisfy both `{first}` and `{second}`: "
            "remove or correct one of them"
        )
        self.first = first
        self.second = second


class DatasetError(UsageError):
    """A benchmark's data file or a file of samples is missing or cannot be used."""


class CertificateError(UsageError):
    """A certificate cannot be read, was changed, or is not about what is at hand."""


class SandboxError(CodeGradError):
    """The isolated worker could not be started or kept alive."""


class UnsafeSandboxError(SandboxError):
    """Neither Landlock nor namespaces are available.

    Attributes:
        missing: The names of the layers that are missing.
    """

    def __init__(self, message: str, missing: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.missing = tuple(missing)


class EngineError(CodeGradError):
    """An engine is unknown or could not make a proposal."""


class OutageError(EngineError):
    """The server of a model is not there, or refuses everybody; later it may answer."""


class StoreError(CodeGradError):
    """The run store cannot be opened, written or understood."""


class OutputError(CodeGradError):
    """A result could not be written to the place the user named."""


class InternalError(CodeGradError):
    """An invariant of CodeGrad itself does not hold; the message asks to report it."""

    def __init__(self, message: str) -> None:
        super().__init__(
            f"internal error: {message}. This is a fault in CodeGrad; please report it "
            "with the command you ran and the output of `codegrad doctor`."
        )
