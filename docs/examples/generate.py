"""Generate images from a prompt with the Python client, and save them in the current folder.

pip install ./clients/python
export API=https://…        the address of the API, as `make run` prints it
export API_KEY=gik_…        a key with the scopes requests:write and requests:read
python docs/examples/generate.py "A lighthouse on a cliff at dusk, oil painting"
"""

import sys

from genai_images import Client, ImagesError

try:
    with Client() as client:
        generation = client.generate(sys.argv[1], count=2, timeout=120)
        for image in generation.images:
            print(image.save("."))
        for removed in generation.removed:
            print(f"image {removed.index} was removed: {removed.reason}", file=sys.stderr)
except ImagesError as error:
    sys.exit(str(error))
