"""``isacsim scenarios``: what ships, one of them in full, checks of files, the schema, and one like a capture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from isacsim.commands.reading import reads_files
from isacsim.commands.source import open_source
from isacsim.errors import InputError
from isacsim.terminal import Json, output, remark, sentences_of, show_json, show_table

__all__ = ["app"]

app = typer.Typer(help="List the shipped scenarios, print one, check files, or write the JSON schema.")


@app.callback(
    invoke_without_command=True,
    epilog="Example: [bold]isacsim scenarios show default > mine.yaml[/bold], then edit it",
)
def list_all(ctx: typer.Context, as_json: Json = False) -> None:
    """List the shipped scenarios; `show` prints one, `check` checks files, `schema` writes the JSON schema."""
    if ctx.invoked_subcommand is None:
        from isacsim.scenario.catalogue import list_scenarios

        found = list_scenarios()
        if as_json:
            show_json(scenarios=[{"name": name, "description": text} for name, text in found.items()])
            return
        show_table("", ["scenario", "description"], found.items(), numbers=False)
    elif as_json:
        raise InputError(
            "--json before a subcommand has no effect; put it after, where the subcommand has it."
        )


@app.command(epilog="Example: [bold]isacsim scenarios show lab > mine.yaml[/bold]")
def show(
    name: Annotated[str, typer.Argument(help="Name of a shipped scenario.", show_default=False)],
) -> None:
    """Print a shipped scenario's YAML file as it is, comments included."""
    from isacsim.scenario.catalogue import scenario_text

    typer.echo(scenario_text(name), nl=False)


@app.command(epilog="Example: [bold]isacsim scenarios check mine.yaml[/bold]")
def check(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE...", help="Scenario files (.yaml), or names of shipped ones.", show_default=False
        ),
    ],
) -> None:
    """Check scenario files, and list all errors, each with its line.

    Exits with 2 if any file has an error.
    """
    from pydantic_core import ValidationError

    from isacsim.errors import InputError
    from isacsim.scenario.catalogue import load_scenario

    wrong = 0
    for file in files:
        try:
            scenario = load_scenario(file)
        except ValidationError as error:
            lines = list(sentences_of(error.errors()))
        except InputError as error:
            lines = [str(error)]
        else:
            output().print(f"{file}: valid; {', '.join(f'{k}: {v}' for k, v in scenario.summary().items())}")
            continue
        wrong += 1
        for line in lines:
            typer.echo(line, err=True)
    if wrong:
        typer.echo(f"isacsim: {wrong} of {len(files)} files have errors.", err=True)
        raise typer.Exit(2)


@app.command(epilog="Example: [bold]isacsim scenarios schema -o scenario.schema.json[/bold]")
def schema(
    output_file: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="JSON file; default: standard output.", show_default=False),
    ] = None,
) -> None:
    """Write the JSON schema of scenarios, with which editors complete and check the YAML.

    For editors with the YAML language server, put this on a scenario's first line:
    # yaml-language-server: $schema=scenario.schema.json
    """
    import json

    from isacsim.files import written_whole
    from isacsim.scenario.catalogue import scenario_json_schema

    text = json.dumps(scenario_json_schema(), indent=2, ensure_ascii=False) + "\n"
    if output_file is None:
        typer.echo(text, nl=False)
        return
    with written_whole(output_file) as temporary:
        temporary.write_text(text, encoding="utf-8")
    output().print(f"schema: {output_file}")


@app.command(
    "from-capture",
    epilog="Example: [bold]isacsim scenarios from-capture walk.dat --carrier 5.32e9 -o like_walk.yaml[/bold]",
)
@reads_files
def from_capture(
    file: Annotated[
        str,
        typer.Argument(help="Capture: a receiver's file or a saved one (.nc).", show_default=False),
    ],
    output_file: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="YAML file; default: standard output.", show_default=False),
    ] = None,
    body: Annotated[
        str,
        typer.Option(
            help="Moving body, which no capture names: auto (a walker, or nobody), walker, point, none."
        ),
    ] = "auto",
    window_s: Annotated[
        float | None,
        typer.Option("--window-s", help="Window of a sample in s; default: 1.024.", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the simulations that levels are fitted by.")] = 0,
    as_json: Json = False,
    *,
    reading: dict[str, Any],
) -> None:
    """Write a scenario like a capture: radio, static channel, noise, gain steps, loss, jitter, phase and timing errors.

    The file records the measurements and the assumptions. Room and motion are those of scenario walker; levels and
    speed are fitted by simulation. To see how near it comes: isacsim validate realism. From Python:
    isacsim.scenario_from_capture.
    """
    from isacsim.commands.capture import check_capture
    from isacsim.files import check_output, written_whole
    from isacsim.survey.match import scenario_from_capture

    check_capture(file)
    if output_file is not None:
        if output_file.suffix.lower() not in (".yaml", ".yml"):
            raise InputError(f"{output_file}: a scenario's name must end in .yaml.")
        check_output(output_file)
    opened = open_source(file, whole=False, **reading)
    made = scenario_from_capture(opened.capture, body=body, window_s=window_s, seed=seed)  # type: ignore[arg-type]  # checked there
    if output_file is not None:
        with written_whole(output_file) as temporary:
            temporary.write_text(made.to_yaml(), encoding="utf-8")
    if as_json:
        where = {"scenario_yaml": made.to_yaml()} if output_file is None else {"scenario": output_file}
        show_json(source=opened.name, measured=made.found, notes=made.notes, **where)
        return
    if output_file is None:
        typer.echo(made.to_yaml(), nl=False)
        return
    rows = list(made.found.items())
    show_table("", [opened.name, "measured"], rows, numbers=False)
    for note in made.notes:
        remark(f"note: {note}")
    output().print(f"scenario: {output_file}")
