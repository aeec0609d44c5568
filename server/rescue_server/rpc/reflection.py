"""Server reflection in both versions of its protocol, because clients such as grpcurl ask for v1 first.

grpcio-reflection has v1alpha alone. v1 has the same messages under the names of another package.
"""

from __future__ import annotations

from collections.abc import Iterable

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool
from grpc_reflection.v1alpha import reflection, reflection_pb2, reflection_pb2_grpc

_ALPHA, _V1 = "grpc.reflection.v1alpha", "grpc.reflection.v1"
_V1_SERVICE = f"{_V1}.ServerReflection"


def enable_reflection(services: Iterable[str], server: grpc.aio.Server) -> None:
    """Let a server describe these services, and reflection itself."""
    _describe_v1()
    names = (*services, reflection.SERVICE_NAME, _V1_SERVICE)
    servicer = reflection.aio.ReflectionServicer(names)
    reflection_pb2_grpc.add_ServerReflectionServicer_to_server(servicer, server)
    method = grpc.stream_stream_rpc_method_handler(
        servicer.ServerReflectionInfo,
        request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
        response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    handler = grpc.method_handlers_generic_handler(_V1_SERVICE, {"ServerReflectionInfo": method})
    server.add_generic_rpc_handlers((handler,))


def _describe_v1() -> None:
    """Make the descriptors of v1 from those of v1alpha, unless something else has brought them."""
    pool = descriptor_pool.Default()
    try:
        pool.FindServiceByName(_V1_SERVICE)
    except KeyError:
        file = descriptor_pb2.FileDescriptorProto()
        reflection_pb2.DESCRIPTOR.CopyToProto(file)
        file.name, file.package = file.name.replace("v1alpha", "v1"), _V1
        for message in file.message_type:
            for field in filter(lambda field: field.type_name, message.field):
                field.type_name = field.type_name.replace(_ALPHA, _V1)
        for service in file.service:
            for method in service.method:
                method.input_type = method.input_type.replace(_ALPHA, _V1)
                method.output_type = method.output_type.replace(_ALPHA, _V1)
        pool.AddSerializedFile(file.SerializeToString())
