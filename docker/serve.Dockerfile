# A model's server: docker build -f docker/serve.Dockerfile --build-arg CUDA_VERSION=12.9.1 .
ARG CUDA_VERSION=13.0.1
FROM nvidia/cuda:${CUDA_VERSION}-devel-ubuntu24.04

ARG VLLM_VERSION=0.26.0
ENV DEBIAN_FRONTEND=noninteractive PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN apt-get update \
    && apt-get install -y --no-install-recommends curl git python3 python3-dev python3-venv \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 10001 harness \
    && python3 -m venv /opt/server \
    && python3 -m venv /opt/harness \
    && /opt/server/bin/pip install "vllm==${VLLM_VERSION}"
COPY . /src
RUN /opt/harness/bin/pip install /src && rm -rf /src
ENV PATH=/opt/harness/bin:${PATH} HARNESS_CACHE=/home/harness/cache
# A volume over a directory that is not there would be root's.
RUN mkdir /home/harness/adapters && chown harness:harness /home/harness/adapters
USER harness
WORKDIR /home/harness
EXPOSE 8000
HEALTHCHECK --interval=30s --start-period=30m CMD ["curl", "--fail", "--silent", "http://127.0.0.1:8000/health"]
ENTRYPOINT ["harness", "serve", "--environment", "/opt/server", "--host", "0.0.0.0", "--port", "8000", "--restart"]
CMD ["/models/model"]
