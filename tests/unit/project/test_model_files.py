from __future__ import annotations

from pathlib import Path

from optimus_ops.project.model_files import inputs_of, read_compose, variables_in


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_a_model_is_made_of_what_its_files_include_extend_and_read(tmp_path: Path) -> None:
    base = write(
        tmp_path / "compose.yaml",
        """
        include:
          - parts/${PART:-a}.yml
          - {path: [parts/b.yml, parts/b.local.yml], env_file: b.env, project_directory: b}
        services:
          web:
            extends: {file: shared/common.yml, service: base}
            env_file: [web.env, {path: maybe.env, required: false}]
            environment: !reset null
        """,
    )
    write(tmp_path / "parts" / "a.yml", "include: [deep/c.yml]")
    write(tmp_path / "shared" / "common.yml", "services: {base: {extends: {file: more.yml, service: x}}}")
    write(tmp_path / "parts" / "b.yml", "services: {b: {env_file: '${INSIDE}.env'}}")
    write(tmp_path / "b.env", "INSIDE=inner")
    found = {str(path.relative_to(tmp_path)) for path in inputs_of([base], {}, [tmp_path / ".env"])}
    assert found == {
        *(".env", "compose.yaml", "web.env", "maybe.env", "shared/common.yml", "shared/more.yml"),
        *("parts/a.yml", "parts/.env", "parts/deep/c.yml", "parts/deep/.env"),
        *("parts/b.yml", "parts/b.local.yml", "b.env", "b/inner.env"),
    }


def test_files_that_include_one_another_come_to_an_end(tmp_path: Path) -> None:
    base = write(tmp_path / "a.yml", "include: [b.yml]")
    write(tmp_path / "b.yml", "include: [a.yml]")
    assert [path.name for path in inputs_of([base], {})] == ["a.yml", ".env", "b.yml"]


def test_what_is_no_mapping_of_a_compose_file_is_empty(tmp_path: Path) -> None:
    for text in ("services: [", "- a", "", "3", "a: !!python/object:os.system x", "services: 3\ninclude: {}"):
        assert read_compose(write(tmp_path / "x.yml", text)).get("services") in {None, 3}
        assert inputs_of([tmp_path / "x.yml"], {})


def test_variables_are_found_wherever_they_stand() -> None:
    assert variables_in([b"a: ${ONE:-$TWO}", b"$$THREE \xff ${four}"]) == ("ONE", "THREE", "TWO", "four")
