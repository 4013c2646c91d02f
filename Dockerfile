# The image of a service with everything that its functions import. A function is started with its handler, as here; the worker
# of generation with `python3 -m kit.worker` and the handler (ADR 43).
#
#     docker build --build-arg SERVICE=generation --tag genai-images/generation .
#
# `python -m local.images` carries out the same lines without Docker, so commands use relative paths and no tools of a distribution.
ARG PYTHON=3.13
FROM public.ecr.aws/lambda/python:${PYTHON}
ARG SERVICE
# Where Lambda's own Python finds the SDK.
ENV PYTHONPATH=${LAMBDA_RUNTIME_DIR} PIP_NO_CACHE_DIR=1
WORKDIR ${LAMBDA_TASK_ROOT}

COPY layer/requirements.txt requirements/shared.txt
COPY layer/crypto/requirements.txt requirements/crypto.txt
COPY events events
COPY kit kit
COPY services/${SERVICE} services/${SERVICE}

RUN for file in requirements/*.txt services/*/*/requirements.txt; do if [ -f "$file" ]; then set -- "$@" --requirement "$file"; fi; done \
    && python3 -m pip install --quiet --disable-pip-version-check --no-compile --only-binary :all: \
        --no-deps --require-hashes --target . "$@"
RUN rm -rf requirements bin events/samples events/schemas services/*/*.yaml services/*/README.md services/*/*/Makefile \
        services/*/*/requirements.in services/*/*/requirements.txt \
    && python3 -m compileall -q -f --invalidation-mode unchecked-hash .

USER 1000
CMD ["services.generation.handlers.generate.handler"]
