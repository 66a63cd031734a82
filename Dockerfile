# sissi on CPUs, with the versions of constraints.txt:
#
#   docker build --tag sissi .
#   docker run --rm --user "$(id -u):$(id -g)" --volume "$PWD:/work" sissi ablation demo --out out
#
# --build-arg PIP_EXTRA_INDEX_URL=ADDRESS: that of PyTorch's CPU build, from https://pytorch.org/get-started/locally/.
# Without it, pip installs the build with CUDA, which runs on CPUs too and is much larger.
FROM python:3.11-slim

ARG PIP_EXTRA_INDEX_URL=""
COPY constraints.txt /build/
RUN pip install --no-cache-dir --constraint /build/constraints.txt torch torchvision
COPY LICENSE README.md pyproject.toml /build/
COPY sissi /build/sissi
COPY experiments /build/experiments
RUN pip install --no-cache-dir --constraint /build/constraints.txt /build \
    && rm -r /build \
    && useradd --create-home sissi \
    && install --directory --owner sissi /work

# a user of --user may have neither a name nor a home
ENV USER=sissi MPLCONFIGDIR=/tmp/matplotlib NUMBA_CACHE_DIR=/tmp/numba GIT_PYTHON_REFRESH=quiet
USER sissi
WORKDIR /work
ENTRYPOINT ["sissi"]
CMD ["--help"]
