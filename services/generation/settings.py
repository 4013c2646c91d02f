"""What the generation functions read from their environment."""

from decimal import Decimal

from kit.settings import Settings


class GuardSettings(Settings):
    """Both functions work on the guard's table."""

    table_name: str


class DrawSettings(GuardSettings):
    """The drawing function. Seconds; the template says how they fit together."""

    aws_region: str
    handoff_bucket_name: str
    custom_models: str = ""
    daily_budget_usd: Decimal = Decimal(0)
    """What may be paid for drawing in a UTC day; 0 for no bound."""
    max_parallel: int = 5
    """Model calls under way at once in one invocation: the bound on connections and on memory."""
    call_timeout: int = 300
    """How long an answer is waited for. Bedrock asks for at least 300 for its slower image models."""
    lease: int = 360
    """Outlasts a call that begins in time, so that nobody else pays while an answer may still come."""
