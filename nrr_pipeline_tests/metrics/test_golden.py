"""The golden files themselves."""

import pytest

from nrr_pipeline_tests.golden import HERE, rows

FILES = sorted(str(path.relative_to(HERE)) for path in HERE.rglob("*.csv"))


@pytest.mark.parametrize("file", FILES)
def test_every_golden_case_says_why_and_has_a_name_of_its_own(file: str) -> None:
    found = rows(file)
    assert found
    names = [(row["case"], row.get("fiscal_year_start_month")) for row in found]
    assert len(set(names)) == len(names)
    for row in found:
        assert None not in row, f"{row['case']} has too many columns"
        assert all(value is not None for value in row.values()), f"{row['case']} has too few"
        assert len(row["why"].split()) > 1, f"{row['case']} does not say why"


def test_the_readme_explains_every_golden_file() -> None:
    readme = (HERE / "README.md").read_text(encoding="utf-8")
    assert [file for file in FILES if f"`{file}`" not in readme] == []
