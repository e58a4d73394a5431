# The HTTP API's Lambdas: one image, the function's command names its handler. Neither torch nor numba is in it.
ARG BASE=python:3.12-slim-bookworm
# hadolint ignore=DL3006
FROM ${BASE}
ENV PYTHONUNBUFFERED=1 PYTHONPATH=/app/src PYTHONDONTWRITEBYTECODE=1 STRATAGEM_PLAIN=1
WORKDIR /app
COPY requirements/lambda.txt /app/requirements/
RUN python3 -m venv /app/venv \
    && /app/venv/bin/pip install --no-cache-dir --only-binary :all: --requirement requirements/lambda.txt
ENV PATH=/app/venv/bin:${PATH}
COPY src /app/src
# Compiled here once: a function's disk is not written to.
RUN python -m compileall -q /app/src && useradd --create-home --uid 10001 stratagem
USER 10001
# Lambda asks the runtime client, not the container, whether it is well.
HEALTHCHECK NONE
ENTRYPOINT ["python", "-m", "awslambdaric"]
CMD ["lambdas.handlers.matches"]
