# The core of Open Matting Zoo; docs/install.md shows how to run it.
FROM python:3.13-slim-bookworm

# What OpenCV is linked with, even where it opens no window
RUN apt-get update && apt-get install --yes --no-install-recommends libgl1 libglib2.0-0 && rm -rf /var/lib/apt/lists/*

WORKDIR /src
COPY . .
# An extra to add, such as server: docker build --build-arg EXTRA=server
ARG EXTRA=
RUN python -m pip install --no-cache-dir --constraint constraints/newest.txt ".${EXTRA:+[$EXTRA]}"

# Any user may run it: files go to /work, and models to a folder that all can write, and that a volume can keep
RUN install -d -m 1777 /models
ENV HOME=/tmp
ENV OMZ_HOME=/models
ENV OMZ_CACHE_DIR=/models/cache
USER 1000:1000
WORKDIR /work
ENTRYPOINT ["omz_demo"]
