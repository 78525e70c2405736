"""How much of the machine one piece of untrusted code may use."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one job; what exceeds them is killed and reported, never raised."""

    wall_s: float = 5.0
    """Seconds that one call, one test or one program may take."""

    cpu_s: float = 5.0
    """Seconds of processor time for one call, test or program."""

    memory_mb: int = 2048
    """Address space of the process, in MiB; allocation beyond it fails."""

    output_bytes: int = 1 << 20
    """Bytes kept of each captured stream."""

    result_bytes: int = 64 << 20
    """Bytes of results that one job may send back."""

    file_bytes: int = 1 << 20
    """Size to which a file may grow."""

    is_shortened: bool = False
    """Whether `wall_s` was lowered because an earlier call hung; not for callers."""
