# Training: docker build -f docker/train.Dockerfile . For another CUDA: --build-arg CUDA_VERSION=12.9.1 --build-arg TORCH_INDEX=URL, one with
# PyTorch's builds for it.
ARG CUDA_VERSION=13.0.1
FROM nvidia/cuda:${CUDA_VERSION}-devel-ubuntu24.04

ARG TORCH_VERSION=2.11.0
ARG TORCH_INDEX=
ENV DEBIAN_FRONTEND=noninteractive PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN apt-get update \
    && apt-get install -y --no-install-recommends git python3 python3-dev python3-venv \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 10001 harness \
    && python3 -m venv /opt/harness \
    && /opt/harness/bin/pip install "torch==${TORCH_VERSION}" ${TORCH_INDEX:+--index-url "${TORCH_INDEX}"}
COPY . /src
RUN /opt/harness/bin/pip install "/src[train,trajectories]" && rm -rf /src
ENV PATH=/opt/harness/bin:${PATH} HARNESS_CACHE=/home/harness/cache
# A volume over a directory that is not there would be root's.
RUN mkdir /home/harness/runs /home/harness/adapters && chown harness:harness /home/harness/runs /home/harness/adapters
USER harness
WORKDIR /home/harness
ENTRYPOINT ["harness"]
CMD ["system-info"]
