"""Server reflection speaks v1 and v1alpha, and describes every service by both."""

from __future__ import annotations

from collections.abc import AsyncIterator

import grpc
import pytest
from google.protobuf import descriptor_pb2
from grpc_reflection.v1alpha import reflection_pb2

from rescue_server.rpc.reflection import enable_reflection

NAMES = (
    "rescue_protos.v1.ConsoleService",
    "grpc.reflection.v1alpha.ServerReflection",
    "grpc.reflection.v1.ServerReflection",
)


@pytest.fixture
async def channel() -> AsyncIterator[grpc.aio.Channel]:
    server = grpc.aio.server()
    enable_reflection(["rescue_protos.v1.ConsoleService"], server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as found:
        yield found
    await server.stop(None)


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
async def test_every_service_is_listed_and_described(channel: grpc.aio.Channel, version: str) -> None:
    from rescue_protos.v1 import console_pb2  # a server has imported its contract

    assert console_pb2.DESCRIPTOR.name

    async def questions() -> AsyncIterator[reflection_pb2.ServerReflectionRequest]:
        yield reflection_pb2.ServerReflectionRequest(list_services="")
        for name in NAMES:
            yield reflection_pb2.ServerReflectionRequest(file_containing_symbol=name)

    call = channel.stream_stream(
        f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )
    listed, *described = [answer async for answer in call(questions())]
    assert {service.name for service in listed.list_services_response.service} == set(NAMES)
    for name, answer in zip(NAMES, described, strict=True):
        files = map(
            descriptor_pb2.FileDescriptorProto.FromString, answer.file_descriptor_response.file_descriptor_proto
        )
        services = {f"{file.package}.{service.name}": service for file in files for service in file.service}
        assert all(method.input_type.startswith(f".{name.rpartition('.')[0]}.") for method in services[name].method)
