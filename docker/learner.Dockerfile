# A training job of SageMaker: `docker run IMAGE train`. PyPI's build of torch brings CUDA; the host has but the driver.
ARG BASE=python:3.12-slim-bookworm
# hadolint ignore=DL3006
FROM ${BASE}
ENV PYTHONUNBUFFERED=1 PYTHONPATH=/app/src NUMBA_CPU_NAME=generic OMP_WAIT_POLICY=passive
WORKDIR /app
# OpenMP, which slim images lack: without it numba's loops end a process that enters them from two threads at once.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install --yes --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/*
COPY requirements/base.txt requirements/services.txt requirements/torch.txt /app/requirements/
RUN python3 -m venv /app/venv \
    && /app/venv/bin/pip install --no-cache-dir --only-binary :all: --requirement requirements/torch.txt \
    && /app/venv/bin/pip install --no-cache-dir --only-binary :all: --requirement requirements/base.txt \
        --requirement requirements/services.txt
ENV PATH=/app/venv/bin:${PATH}
COPY pyproject.toml README.md LICENSE /app/
COPY src /app/src
COPY docker/warm.py /app/
RUN pip install --no-cache-dir --no-deps --no-build-isolation --editable . && python warm.py
# It runs as root, unlike the other images: SageMaker mounts /opt/ml as root's, and the job is alone on its machine.
# Training ends by itself or by SIGTERM; whether it goes on is seen in its metric lines.
HEALTHCHECK NONE
ENTRYPOINT ["python", "-m", "learner.sagemaker_entry"]
CMD ["train"]
