# The evaluation, with bubblewrap for its boxes: docker build -f docker/eval.Dockerfile . It needs no GPU; CUDA_VERSION is taken and not used.
ARG CUDA_VERSION=none
FROM debian:12-slim

ARG CUDA_VERSION
LABEL cuda=${CUDA_VERSION}
ENV DEBIAN_FRONTEND=noninteractive PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN apt-get update \
    && apt-get install -y --no-install-recommends bubblewrap ca-certificates git python3 python3-venv \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 10001 harness \
    && python3 -m venv /opt/harness
COPY . /src
RUN /opt/harness/bin/pip install "/src[leaderboard,trajectories]" && rm -rf /src
ENV PATH=/opt/harness/bin:${PATH} HARNESS_CACHE=/home/harness/cache
# A volume over a directory that is not there would be root's.
RUN mkdir /home/harness/runs && chown harness:harness /home/harness/runs
USER harness
WORKDIR /home/harness
ENTRYPOINT ["harness"]
CMD ["eval", "--sandbox", "bubblewrap", "--model", "http://serve:8000/v1"]
