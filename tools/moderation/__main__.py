"""`python -m tools.moderation` measures moderation with the corpus, `… lint` checks the policies."""

import sys

from tools.moderation import corpus, lint

if sys.argv[1:] == ["lint"]:
    sys.exit(lint.main())
corpus.main()
