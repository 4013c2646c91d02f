"""Apply the SAM transform to templates: a JSON list on standard input, a JSON list on standard output.

`local.package` runs this file with the interpreter of SAM's environment, so it imports nothing of this project.
"""

import json
import logging
import sys
from typing import Any

import boto3
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator


def transform(template: dict[str, Any], session: boto3.Session) -> dict[str, Any]:
    """Return ``template`` as plain CloudFormation.

    Parameters stay references, except that the transform reads their defaults if it must decide.
    """
    plain: dict[str, Any] = Translator(None, Parser(), boto_session=session).translate(template, {})
    return plain


def main() -> None:
    """Transform all templates for the region that is the only argument."""
    logging.getLogger("samtranslator").setLevel(logging.ERROR)
    session = boto3.Session(region_name=sys.argv[1])
    json.dump([transform(template, session) for template in json.load(sys.stdin)], sys.stdout)


if __name__ == "__main__":
    main()
