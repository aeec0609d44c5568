# The session server with the browser's pages; every other program is in the image too:
#   docker build -t rescue-emulator .
#   docker run --rm -it rescue-emulator demo
FROM python:3.13-slim AS build
WORKDIR /src
COPY . .
RUN python -m venv /opt/rescue
RUN /opt/rescue/bin/pip install --no-cache-dir ".[web,tui,tls,api,metrics]"

FROM python:3.13-slim
COPY --from=build /opt/rescue /opt/rescue
# A user with a number of its own. The volume takes the owner of the directory that it is mounted on.
RUN useradd --uid 10001 --create-home rescue && install -d -o rescue -g rescue -m 700 /var/lib/rescue
ENV PATH=/opt/rescue/bin:$PATH RESCUE_DATA=/var/lib/rescue
USER rescue
VOLUME /var/lib/rescue
EXPOSE 50051 8080
HEALTHCHECK --interval=10s --timeout=6s --start-period=20s CMD ["rescue", "health", "--timeout", "5s"]
ENTRYPOINT ["rescue"]
# Whoever publishes the ports to an untrusted network needs certificates in the place of --insecure.
CMD ["server", "--listen", "0.0.0.0:50051", "--web", "0.0.0.0:8080", "--insecure"]
