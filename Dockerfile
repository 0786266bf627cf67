# docker build -t losslaws .                    the command alone: docker run --rm -v "$PWD:/data" losslaws predict run.csv --schedule wsd
# docker build -t losslaws-lab --target lab .   a clone with its pinned environment: docker run --rm -it losslaws-lab make reproduce
FROM python:3.13-slim AS lab
RUN apt-get update && apt-get install --yes --no-install-recommends make git chromium && rm -rf /var/lib/apt/lists/*
WORKDIR /lab
COPY requirements*.txt Makefile ./
RUN make setup
COPY . .

FROM python:3.13-slim AS losslaws
COPY pyproject.toml README.md LICENSE /source/
COPY losslaws /source/losslaws
RUN pip install --no-cache-dir '/source[completion,logs]' && rm -r /source
RUN useradd --create-home reader
USER reader
WORKDIR /data
ENTRYPOINT ["losslaws"]
CMD ["--help"]
