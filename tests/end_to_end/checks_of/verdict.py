"""What is said of the demo's checks when they are checked."""

from __future__ import annotations

from collections.abc import Callable, Sequence


class Verdict:
    """Collects what the checks let pass, and what they complained of without reason."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.wrong: list[str] = []
        self.cases = 0

    def passes(self, what: str, problems: Sequence[str]) -> None:
        """Nothing is wrong with it."""
        self.cases += 1
        if problems:
            self.wrong.append(f"complained of {what}: {list(problems)}")

    def finds(self, what: str, problems: Sequence[str], *words: str) -> None:
        """It is found, and one complaint has all these words."""
        self.cases += 1
        if not any(all(word in problem for word in words) for problem in problems):
            self.wrong.append(f"did not find {what} ({', '.join(words)}): {list(problems)}")

    def raises(self, what: str, work: Callable[[], object], word: str) -> None:
        """It cannot even be compared, and says so."""
        self.cases += 1
        try:
            work()
        except ValueError as error:
            if word in str(error):
                return
        self.wrong.append(f"went on with {what}")
