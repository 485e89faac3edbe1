from __future__ import annotations

from rich.text import Text

from optimus_ops.text.table import least_columns, make_table, render

ROWS = (("optimus/ai-engine:local", "164 MB", "ai-engine, orchestrator-worker"), ("redis", "9 MB", "[b]redis[/b]"))
TABLE = make_table(("IMAGE", "SIZE", "SERVICES"), ROWS, right={"SIZE"}, folded={"SERVICES"}, least=None)


def lines(columns: int) -> list[str]:
    return render([TABLE], colour=False, columns=columns).splitlines()


def test_columns_are_aligned_and_cells_are_no_markup() -> None:
    assert lines(80) == [
        "IMAGE                      SIZE  SERVICES",
        "optimus/ai-engine:local  164 MB  ai-engine, orchestrator-worker",
        "redis                      9 MB  [b]redis[/b]",
    ]


def test_where_there_is_no_room_folded_columns_go_on_below_and_others_are_cut() -> None:
    assert lines(53)[1:3] == [
        "optimus/ai-engine:local  164 MB  ai-engine,",
        "                                 orchestrator-worker",
    ]
    assert "…" in lines(30)[1]


def test_the_least_width_cuts_no_cell_and_breaks_no_word() -> None:
    text = " ".join(lines(least_columns(TABLE)))
    assert "…" not in text
    for word in ("optimus/ai-engine:local", "164 MB", "orchestrator-worker"):
        assert word in text


def test_colours_come_only_where_they_are_welcome() -> None:
    red = Text("x", "red")
    assert render([red], colour=False, columns=9) == "x\n"
    assert "\x1b[31m" in render([red], colour=True, columns=9)
