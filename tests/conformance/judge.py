"""What the suite's report says about one testee.

A case passes when the exchange of messages was OK and the close was OK or INFORMATIONAL. INFORMATIONAL exchanges, where
the suite only looks what happens, pass too. NON-STRICT ones conform by the suite's own words, but we hold ourselves to
the strict reading: they fail. So do UNIMPLEMENTED ones (an extension that was not agreed on) and those without a report.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path

import cases

FINE = ("OK", "INFORMATIONAL")


@dataclass
class Verdict:
    passed: int = 0
    informational: list = field(default_factory=list)
    non_strict: list = field(default_factory=list)
    failed: dict = field(default_factory=dict)  # case -> why
    missing: int = 0

    @property
    def bad(self):
        return len(self.failed) + len(self.non_strict) + self.missing

    @property
    def good(self):
        return self.passed + len(self.informational)

    def complaints(self):
        """A line each, in the order of the cases."""
        lines = [f"FAILED {case}: {self.failed[case]}" for case in sorted(self.failed, key=cases.key)]
        lines += [f"NON-STRICT {case}" for case in sorted(self.non_strict, key=cases.key)]
        if self.missing:
            lines.append(f"MISSING: {self.missing} cases were selected and have no report")
        return lines


def judge(folder, expected):
    """Reads the report in `folder`. `expected` is how many cases the suite said it would run."""
    verdict = Verdict()
    reports = _reports(Path(folder))
    for case, report in reports.items():
        behaviour, close = report["behavior"], report["behaviorClose"]
        if close not in FINE and behaviour != "UNIMPLEMENTED":
            verdict.failed[case] = f"{behaviour}, close {close} (code {report.get('remoteCloseCode')})"
        elif behaviour == "OK":
            verdict.passed += 1
        elif behaviour == "INFORMATIONAL":
            verdict.informational.append(case)
        elif behaviour == "NON-STRICT":
            verdict.non_strict.append(case)
        else:
            verdict.failed[case] = behaviour
    # No report at all is a failure even where nobody knows how many there should be.
    verdict.missing = max(expected - len(reports), 0 if reports else 1)
    return verdict


def _reports(folder):
    try:
        agents = json.loads((folder / "index.json").read_text())
    except FileNotFoundError:
        return {}
    return {case: report for reports in agents.values() for case, report in reports.items()}
