"""Reports: what a task measured or judged, as a value, and its renderings.

A report is a `Run`: a title, facts that the figures depend on, and sections of blocks.

    run = Run(
        title="Redis drill of optimus",
        facts={"Redis": "8.0", "host": "2 cores"},
        headline=Span("20 of 20 runs went as expected.", "good"),
        sections=(
            Section("Objectives", (Objective("outage, p95", "under", 10, 8.21, "s", basis="20 runs"),)),
            Section("kill-master", (Paragraph("…"), Timeline(…), Details("All runs", (Table(…),)))),
        ),
    )
    write_report(run, Path("reports"), "redis-drill")   # .md, .html, .json and a .svg for each picture that has a file

| module | what |
|---|---|
| `model` | `Run`, `Section`, text (`Span`, `Paragraph`, `Bullets`, `Details`), `Table`, `Finding` |
| `measurement` | `Measurement`, `Objective`, `percentile`, `format_number` |
| `pictures` | `Timeline` (one run: bars over lanes of marks), `Chart` (small multiples), `Intervals` |
| `comparison` | `Diff` (two texts, word by word), `Entries` (many, with filters on a page) |
| `terminal`, `markdown`, `html`, `svg_*` | for people |
| `json_document`, `junit`, `sarif`, `annotations` | for programs |
| `files` | `write_report` |

`Objective`, `Measurement`, `Check` and `Finding` are blocks too: people see neighbours of one type as a table. Text is
plain everywhere and escaped by each renderer; what is a link, code or coloured is a `Span`.
"""
