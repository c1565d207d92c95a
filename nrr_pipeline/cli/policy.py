"""``nrr policy``: the metric policy in force, every setting of it.

What the settings mean stands in docs/metrics.md; how the file is read, in ``nrr_pipeline.policy``.
"""

from __future__ import annotations

import click

from nrr_pipeline.cli.opening import as_of_line, load
from nrr_pipeline.cli.rendering import bold, faint, print_parts, printable, table

_EXAMPLES = """\b
Examples:
  nrr policy                                    the policy in force
  NRR_POLICY=next-year.toml nrr policy          try another file
"""


@click.command("policy", epilog=_EXAMPLES)
def command() -> None:
    """Print the metric policy in force: every setting, and which of them are not the default.

    The policy decides every choice that moves a figure. It is read from the TOML file that
    NRR_POLICY names, else from policy.toml in the working directory or in the home, else the
    defaults hold.
    """
    settings, policy = load()
    choices = policy.choices()
    print_parts(
        [
            bold(f"Policy {policy.version}"),
            f"from {settings.policy_path or 'the defaults; there is no policy.toml'}",
            "",
            table(
                (("Setting", "left"), ("Value", "left"), ("", "left")),
                [
                    [name, printable(value), "not the default" if name in choices else ""]
                    for name, value in policy.settings().items()
                ],
            ),
            "",
            faint(as_of_line(settings)),
        ]
    )
