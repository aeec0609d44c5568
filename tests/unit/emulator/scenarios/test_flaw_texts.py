"""What is wrong with a file is told in the reader's language, with its place."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from rescue_common.languages import catalog_of
from rescue_emulator.cli.main import rescue
from rescue_emulator.scenarios.flaw_texts import SENTENCES, in_language

GOOD = (Path(__file__).parents[4] / "docs" / "examples" / "exercise.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("sentence", SENTENCES)
def test_every_sentence_has_a_translation(sentence: str) -> None:
    assert catalog_of("nl").text("flaw", sentence) != sentence


def test_a_place_with_colons_stays_as_it_is() -> None:
    flaw = "C:/x: y.yaml:14:3: nobody is called 'eve': there are alice and bob"
    assert in_language(flaw, "nl") == "C:/x: y.yaml:14:3: niemand heet 'eve': er zijn alice and bob"
    assert in_language(flaw, "en") == flaw
    assert in_language("x.yaml:1:1: something new", "nl") == "x.yaml:1:1: something new"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("trainee: alice\n", ""), "er is geen cursist (voeg toe"),
        (("trainee: alice", "trainee: eve"), ":3:10: de cursist (trainee) is een van"),
        (("  - bob: start", "  - eve: start"), "niemand heet 'eve': er zijn"),
        (("  - bob: start", "  - bob: fly"), "bob kan 'fly' niet doen"),
        (("Removed from TC queue, row 43", "Removed from TC queue, row 63"), "de tabel heeft de rijen 1 tot en met 62"),
    ],
)
def test_a_check_speaks_dutch(change: tuple[str, str], says: str, tmp_path: Path) -> None:
    assert change[0] in GOOD
    (tmp_path / "bad.yaml").write_text(GOOD.replace(*change), encoding="utf-8")
    done = CliRunner().invoke(
        rescue, ["exercise", "check", str(tmp_path / "bad.yaml"), "--lang", "nl"], standalone_mode=False
    )
    assert says in done.output
    assert done.return_value == 1


def test_a_good_file_is_counted_in_dutch(tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(GOOD, encoding="utf-8")
    done = CliRunner().invoke(rescue, ["exercise", "check", str(tmp_path / "good.yaml"), "--lang", "nl"])
    assert done.output.endswith("good.yaml: 1 oefening\n")
