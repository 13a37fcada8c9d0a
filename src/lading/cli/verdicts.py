"""What policies say of an export, on the terminal: nothing was stored, and the exit code tells the verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lading.cli import exits, output
from lading.cli.columns import PLANNED, VIOLATIONS
from lading.cli.options import Line

if TYPE_CHECKING:
    from lading.wire.policies import Verdict


def tell(line: Line, found: Verdict) -> int:
    """Print the verdict and return the exit code: 0 when the export would be taken, 4 when it would be refused."""
    code = exits.OK if found.is_allowed else exits.DENIED
    if line.is_json:
        output.document(found)
        return code
    output.facts(line.form, found.plan, PLANNED)
    if found.violations:
        output.rows(line.form, VIOLATIONS, found.violations)
        output.talk("The export would be refused; nothing was stored.")
        return code
    for each in found.approvals:
        roles = " or ".join(each.roles)
        output.talk(f"It would wait for another person with the role {roles} (policy {each.policy}, rule {each.rule}).")
    output.talk("The export would be taken; nothing was stored.")
    return code
