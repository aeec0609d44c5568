"""A console without the client library: only grpc and the stubs that protoc makes from the .proto files.

Run it beside a server, with RESCUE_SERVER and alice's secret in RESCUE_SECRET.
"""

import os
import uuid

import grpc

from rescue_protos.v1 import access_pb2, access_pb2_grpc, common_pb2, console_pb2, console_pb2_grpc


def main() -> None:
    with grpc.insecure_channel(os.environ["RESCUE_SERVER"]) as channel:
        access = access_pb2_grpc.AccessServiceStub(channel)
        token = access.SignIn(access_pb2.SignInRequest(user="alice", secret=os.environ["RESCUE_SECRET"])).token
        metadata = (("authorization", f"Bearer {token}"),)
        console = console_pb2_grpc.ConsoleServiceStub(channel)

        # A command carries a request id. After UNAVAILABLE, send the same id again: it is never carried out twice.
        request = console_pb2.CreatePinRequest(request_id=str(uuid.uuid4()), customer="Ms Vos")
        created = console.CreatePin(request, metadata=metadata)
        again = console.CreatePin(request, metadata=metadata)
        assert again.session == created.session

        # A watch begins with a snapshot. After a break, set after_revision to the last revision that you applied.
        watch = console.WatchQueue(console_pb2.WatchQueueRequest(console=str(uuid.uuid4())), metadata=metadata)
        for message in watch:
            if message.HasField("snapshot"):
                for entry in message.snapshot.entries:
                    print(entry.session, common_pb2.Status.Name(entry.status))
                break
        watch.cancel()

        try:
            console.HoldSession(
                console_pb2.HoldSessionRequest(request_id=str(uuid.uuid4()), session=created.session), metadata=metadata
            )
        except grpc.RpcError as error:
            print(error.code().name, error.details())


main()
