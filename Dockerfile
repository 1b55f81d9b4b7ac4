# An image that serves the demo. Use it as a base for your own application, or copy its last stage.
# It does not need BuildKit. The base images are arguments, for a registry of your own.
ARG NODE_IMAGE=node:20-slim
ARG PYTHON_IMAGE=python:3.11-slim

FROM ${NODE_IMAGE} AS client
WORKDIR /src/js-client
COPY js-client/package.json js-client/package-lock.json js-client/.npmrc ./
RUN npm ci --no-audit --no-fund
COPY js-client/ ./
RUN npm run build

FROM ${PYTHON_IMAGE} AS wheel
WORKDIR /src
COPY pyproject.toml hatch_build.py README.md LICENSE ./
COPY server/ server/
COPY static/ static/
COPY --from=client /src/js-client/dist/ js-client/dist/
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM ${PYTHON_IMAGE}
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
COPY --from=wheel /wheels/ /wheels/
# With what several replicas need to find each other in a Redis.
RUN pip install --no-cache-dir --root-user-action=ignore "$(ls /wheels/*.whl)[redis]" && rm -rf /wheels
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin webipc
COPY examples/ /app/examples/
WORKDIR /app
# A number, so that Kubernetes can verify runAsNonRoot.
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/ipc/ready', timeout=2).close()"]
CMD ["webipc", "run", "/app/examples/demo/main.py", "--host", "0.0.0.0"]
