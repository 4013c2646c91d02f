"""`python -m tools.moderation` measures moderation with the corpus, `… lint` checks policies, `… bias` groups."""

import sys

from tools.moderation import bias, corpus, lint

match sys.argv[1:]:
    case ["lint"]:
        sys.exit(lint.main())
    case ["bias"]:
        bias.main()
    case _:
        corpus.main()
