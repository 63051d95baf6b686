"""Lints CloudFormation templates in regions of every partition, and what SAM's transform makes of them.

cfn-lint looks at a SAM template as it is written: of what `Events` and the properties of an `AWS::Serverless::Function` become it
sees nothing, so a BatchSize of 50000 passes, and CloudFormation refuses it. The transform runs here as it does at AWS, in the
translator that AWS publishes, and cfn-lint looks at its result as well. See `make lint`.

Each finding is a line; the exit code says whether there was one.
"""

import argparse
import json
import logging
import pathlib
import sys
from collections.abc import Iterator

import cfnlint.api
from samtranslator import yaml_helper
from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

SAM = "AWS::Serverless-2016-10-31"
# One of each partition that can be had, and of AWS's own one that is new and one that has not every class of machine.
REGIONS = ["us-east-1", "eu-west-1", "eu-north-1", "cn-north-1", "us-gov-west-1"]
# What `sam package` writes in place of a folder.
PACKAGE = "s3://bucket/package.zip"


class Session:
    """All that the translator asks of boto3: where it is."""

    def __init__(self, region: str) -> None:
        self.region_name = region


def main() -> int:
    parser = argparse.ArgumentParser(description="lints CloudFormation templates, and what SAM's transform makes of them")
    parser.add_argument("--regions", nargs="+", default=REGIONS)
    parser.add_argument("--templates", nargs="+", type=pathlib.Path, required=True)
    options = parser.parse_args()
    # It warns that nobody collects its figures.
    logging.getLogger("samtranslator").setLevel(logging.ERROR)
    found = [finding for path in options.templates for finding in findings(path, options.regions)]
    for finding in found:
        print(finding)
    names = ", ".join(str(path) for path in options.templates)
    print(f"{names} in {', '.join(options.regions)}: {len(found)} findings")
    return 1 if found else 0


def findings(path: pathlib.Path, regions: list[str]) -> Iterator[str]:
    """What there is to say about one template."""
    text = path.read_text()
    yield from linted(str(path), text, regions)
    if SAM not in text:
        return
    try:
        translations = translated(text, regions)
    except InvalidDocumentException as refused:
        for cause in refused.causes:
            yield f"{path}, transformed: {cause.message}"
        return
    for translation, where in translations.items():
        yield from linted(f"{path}, transformed", translation, where)


def linted(name: str, text: str, regions: list[str]) -> Iterator[str]:
    """What cfn-lint finds in the text of a template."""
    for match in cfnlint.api.lint(text, regions=regions):
        place = "/".join(str(part) for part in match.path or ()) or f"line {match.linenumber}"
        yield f"{name}: {match.rule.id} at {place}: {match.message}"


def translated(text: str, regions: list[str]) -> dict[str, list[str]]:
    """What the transform makes of a template, and in which regions: it writes the partition's ARNs."""
    made: dict[str, list[str]] = {}
    for region in regions:
        template = yaml_helper.yaml_parse(text)
        for resource in template["Resources"].values():
            if "CodeUri" in resource.get("Properties", {}):
                resource["Properties"]["CodeUri"] = PACKAGE
        translator = Translator({}, Parser(), boto_session=Session(region))
        result = translator.translate(sam_template=template, parameter_values={})
        made.setdefault(json.dumps(result, indent=1), []).append(region)
    return made


if __name__ == "__main__":
    sys.exit(main())
