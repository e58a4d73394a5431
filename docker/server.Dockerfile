# `stratagem serve`: games, experience, models, ratings and matchmaking, by gRPC.
ARG BASE=python:3.12-slim-bookworm
# hadolint ignore=DL3006
FROM ${BASE}
ENV PYTHONUNBUFFERED=1 PYTHONPATH=/app/src NUMBA_CPU_NAME=generic OMP_WAIT_POLICY=passive
WORKDIR /app
# OpenMP, which slim images lack: without it numba's loops end a process that enters them from two threads at once.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install --yes --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/*
COPY requirements/base.txt requirements/services.txt requirements/torch.txt /app/requirements/
# The CPU build of torch, for tensors that foreign clients ask for.
RUN python3 -m venv /app/venv \
    && /app/venv/bin/pip install --no-cache-dir --only-binary :all: \
        --extra-index-url https://download.pytorch.org/whl/cpu --requirement requirements/torch.txt \
    && /app/venv/bin/pip install --no-cache-dir --only-binary :all: --requirement requirements/base.txt \
        --requirement requirements/services.txt
ENV PATH=/app/venv/bin:${PATH}
COPY pyproject.toml README.md LICENSE /app/
COPY src /app/src
COPY docker/health.py docker/warm.py /app/
RUN useradd --create-home --uid 10001 stratagem \
    && pip install --no-cache-dir --no-deps --no-build-isolation --editable . \
    && python warm.py && mkdir -p /app/runs && chown -R stratagem:stratagem /app/src/engine/__pycache__ /app/runs
USER 10001
EXPOSE 50051 9464
HEALTHCHECK --interval=15s --timeout=5s --start-period=120s CMD ["python", "/app/health.py", "grpc", "50051"]
ENTRYPOINT ["stratagem"]
CMD ["serve", "--listen", "0.0.0.0:50051", "--metrics", "0.0.0.0:9464"]
