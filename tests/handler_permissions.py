"""Renews tests/handler_permissions.json: what CloudFormation's handlers of the types in it say that they call.

Usage: handler_permissions.py [--date DATE] [SCHEMAS] [--add TYPE ...]

SCHEMAS is the zip that CloudFormation publishes, downloaded unless it is named, or a folder with the same files. Only the
permissions are taken. Types that Apps' templates have newly got are added by name; a test tells of them.
"""

import argparse
import datetime
import io
import json
import pathlib
import urllib.request
import zipfile

TABLE = pathlib.Path(__file__).with_suffix(".json")
PUBLISHED = "https://schema.cloudformation.us-east-1.amazonaws.com/CloudformationSchema.zip"
HANDLERS = ("create", "read", "update", "delete")


def file_of(resource_type: str) -> str:
    return resource_type.lower().replace("::", "-") + ".json"


def schemas(source: str) -> dict[str, bytes]:
    """The files of a zip or a folder, by name."""
    path = pathlib.Path(source)
    if path.is_dir():
        return {file.name: file.read_bytes() for file in path.glob("*.json")}
    if source.startswith("https://"):
        with urllib.request.urlopen(source, timeout=120) as answer:
            content = io.BytesIO(answer.read())
    else:
        content = io.BytesIO(path.read_bytes())
    with zipfile.ZipFile(content) as archive:
        return {pathlib.PurePath(name).name: archive.read(name) for name in archive.namelist()}


def permissions(schema: dict) -> dict[str, list[str]]:
    """Of each handler, and of tagging, which every handler can do."""
    handlers = schema.get("handlers", {})
    taken = {name: sorted(set(handlers[name]["permissions"])) for name in HANDLERS if name in handlers}
    tagging = schema.get("tagging", {}).get("permissions")
    return taken | ({"tagging": sorted(set(tagging))} if tagging else {})


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("schemas", nargs="?", default=PUBLISHED)
    arguments.add_argument("--add", nargs="*", default=[], metavar="TYPE")
    arguments.add_argument("--date", default=datetime.date.today().isoformat(), help="of the schemas")
    given = arguments.parse_args()
    types = sorted({*json.loads(TABLE.read_text())["types"], *given.add})
    files = schemas(given.schemas)
    missing = [name for name in types if file_of(name) not in files]
    if missing:
        raise SystemExit(f"{given.schemas} has no schema of {', '.join(missing)}: are these the names of CloudFormation?")
    table = {
        "source": "CloudFormation resource provider schemas, `handlers` and `tagging`",
        "date": given.date,
        "types": {name: permissions(json.loads(files[file_of(name)])) for name in types},
    }
    TABLE.write_text(json.dumps(table, indent=2) + "\n")
    print(f"{TABLE.name}: {len(types)} types, schemas of {given.date}")


if __name__ == "__main__":
    main()
