"""Invite somebody who may do everything: `python -m tests.fatal.inviting` prints a token of theirs."""

from __future__ import annotations

import django


def main() -> None:
    """Make the user, and say the token."""
    django.setup()
    from jobs import tokens
    from tests.faces.admin_stage import OPERATOR, person

    print(f"token {tokens.create(person(*OPERATOR, group='finance'), tenant='default').text}", flush=True)


if __name__ == "__main__":
    main()
