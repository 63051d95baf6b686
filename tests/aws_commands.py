"""Finds the commands of the AWS CLI in shell texts, and says which there are not.

Reads a list of `{"place", "text"}` as JSON, and prints how many commands it has found, then a line for each that has no such
service, operation or option. The CLI's own tables decide; nothing is run, and nothing is asked of AWS.
"""

import json
import re
import shlex
import sys
from collections.abc import Iterator

from awscli.clidriver import create_clidriver

# Only version 2 of the CLI has these.
OF_VERSION_2 = {("logs", "tail")}
ENDS = {";", "|", "||", "&", "&&", ")", "(", ");", "|&"}


def main() -> None:
    driver = create_clidriver()
    texts = json.load(sys.stdin)
    found = [(text["place"], words) for text in texts for words in commands(text["text"])]
    print(len(found))
    for place, words in found:
        wrong = problem(driver, words)
        if wrong:
            print(f"{place}: aws {' '.join(words[:2])}: {wrong}")


def commands(text: str) -> Iterator[list[str]]:
    """The words of each command behind its `aws`."""
    for line in logical_lines(text):
        words: list[str] | None = None
        for word in tokens(line) or []:
            if word == "aws" and words is None:
                words = []
            elif word in ENDS:
                if words:
                    yield words
                words = None
            elif words is not None:
                words.append(word)
        if words:
            yield words


def logical_lines(text: str) -> Iterator[str]:
    """Lines, joined where a quote or a backslash goes on; a text that stands in the place of a file is left out."""
    text = re.sub(r"<<-?\s*'?(\w+)'?(.*)\n(?:.*\n)*?\s*\1\n", r"\2\n", text)
    text = text.replace("\\\n", " ")
    waiting = ""
    for line in text.splitlines():
        waiting += line
        if tokens(waiting) is not None:
            yield waiting
            waiting = ""
        else:
            waiting += "\n"


def tokens(line: str) -> list[str] | None:
    """The words of a line; none where a quote is open at its end."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="();|&")
    lexer.commenters = "#"
    lexer.whitespace_split = True
    try:
        return list(lexer)
    except ValueError:
        return None


def problem(driver, words: list[str]) -> str | None:
    """What is wrong with a command, if anything is."""
    names, options = [], []
    for word in words:
        if word.startswith("--"):
            options.append(word.split("=", 1)[0])
        elif not options and len(names) < 3:
            names.append(word)
    if not names:
        return None  # a word in a text
    table = driver._get_command_table()
    if names[0] not in table:
        return f"there is no service {names[0]}"
    if tuple(names[:2]) in OF_VERSION_2:
        return None
    command = table[names[0]]
    known = set(driver._get_argument_table())
    for name in names[1:]:
        below = subcommands(command)
        if not below:
            break
        if name not in below:
            return f"there is no {name}"
        command = below[name]
    if subcommands(command):
        return "it is no operation"
    known |= set(command.arg_table)
    for option in options:
        name = option.removeprefix("--")
        if name not in known and name.removeprefix("no-") not in known:
            return f"it has no option {option}"
    return None


def subcommands(command) -> dict:
    """The commands below one. `deploy` of CloudFormation shares its name with a service, and so the table of that."""
    if getattr(command, "ARG_TABLE", None) and not command.SUBCOMMANDS:
        return {}
    if hasattr(command, "subcommand_table"):
        return command.subcommand_table
    if hasattr(command, "_get_command_table"):
        return command._get_command_table()
    return {}


if __name__ == "__main__":
    main()
