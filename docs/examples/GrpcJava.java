// A console in Java, with the stubs that protoc and its plug-in for Java make.
//
// Run it beside a server, with RESCUE_SERVER and alice's secret in RESCUE_SECRET.
import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.UnknownFieldSet;
import io.grpc.Context;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.MetadataUtils;
import java.util.Iterator;
import java.util.List;
import java.util.UUID;
import java.util.function.Predicate;
import rescue_protos.v1.Access.SignInRequest;
import rescue_protos.v1.AccessServiceGrpc;
import rescue_protos.v1.Console.CreatePinRequest;
import rescue_protos.v1.Console.HoldSessionRequest;
import rescue_protos.v1.Console.QueueDelta;
import rescue_protos.v1.Console.WatchQueueRequest;
import rescue_protos.v1.Console.WatchQueueResponse;
import rescue_protos.v1.ConsoleServiceGrpc;

class GrpcJava {
  private static final Metadata.Key<byte[]> DETAILS =
      Metadata.Key.of("grpc-status-details-bin", Metadata.BINARY_BYTE_MARSHALLER);

  public static void main(String[] words) throws InvalidProtocolBufferException {
    ManagedChannel channel =
        ManagedChannelBuilder.forTarget(System.getenv("RESCUE_SERVER")).usePlaintext().build();
    try {
      run(channel, System.getenv("RESCUE_SECRET"));
    } finally {
      channel.shutdownNow();
    }
  }

  private static void run(ManagedChannel channel, String secret) throws InvalidProtocolBufferException {
    String token =
        AccessServiceGrpc.newBlockingStub(channel)
            .signIn(SignInRequest.newBuilder().setUser("alice").setSecret(secret).build())
            .getToken();
    Metadata signedIn = new Metadata();
    signedIn.put(Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER), "Bearer " + token);
    var console =
        ConsoleServiceGrpc.newBlockingStub(channel)
            .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(signedIn));

    // A watch begins with a snapshot.
    WatchQueueRequest place = watch(console, WatchQueueRequest.getDefaultInstance(), WatchQueueResponse::hasSnapshot);

    // A command carries a request id. After UNAVAILABLE, send the same id again: it is never carried out twice.
    var create =
        CreatePinRequest.newBuilder().setRequestId(UUID.randomUUID().toString()).setCustomer("Ms Vos").build();
    String session = console.createPin(create).getSession();
    System.out.println("the same session: " + session.equals(console.createPin(create).getSession()));

    // A watch that was cut off goes on after the last revision that was applied, in the same history, without a
    // snapshot.
    watch(console, place, message -> deltasOf(message).stream().anyMatch(delta -> shows(delta, session)));

    try {
      console.holdSession(
          HoldSessionRequest.newBuilder().setRequestId(UUID.randomUUID().toString()).setSession(session).build());
    } catch (StatusRuntimeException refused) {
      System.out.println(refused.getStatus().getCode() + " " + reasonOf(refused));
    }
  }

  /** Apply the messages of a watch until enough; return the place with which the next one goes on. */
  private static WatchQueueRequest watch(
      ConsoleServiceGrpc.ConsoleServiceBlockingStub console,
      WatchQueueRequest from,
      Predicate<WatchQueueResponse> enough) {
    var place = from.toBuilder().setConsole(UUID.randomUUID().toString());
    try (var context = Context.current().withCancellation()) { // its end cancels the stream
      Context former = context.attach();
      try {
        Iterator<WatchQueueResponse> messages = console.watchQueue(place.build());
        while (messages.hasNext()) {
          WatchQueueResponse message = messages.next();
          if (message.hasSnapshot()) {
            place.setHistory(message.getSnapshot().getHistory()).setAfterRevision(message.getSnapshot().getRevision());
          } else if (message.hasBookmark()) {
            place.setAfterRevision(message.getBookmark().getRevision());
          }
          for (QueueDelta delta : deltasOf(message)) {
            place.setAfterRevision(delta.getRevision());
            if (delta.hasStatus()) {
              var entry = delta.getStatus().getEntry();
              System.out.println(entry.getSession() + " " + entry.getStatus());
            }
          }
          if (enough.test(message)) {
            return place.build();
          }
        }
      } finally {
        context.detach(former);
      }
    }
    throw Status.UNAVAILABLE.asRuntimeException(); // the server ended the watch: begin it again at its place
  }

  private static List<QueueDelta> deltasOf(WatchQueueResponse message) {
    return message.hasDelta() ? List.of(message.getDelta()) : message.getDeltas().getDeltasList();
  }

  private static boolean shows(QueueDelta delta, String session) {
    return delta.hasStatus() && delta.getStatus().getEntry().getSession().equals(session);
  }

  /** The details are a google.rpc.Status in the trailing metadata. Its google.rpc.ErrorInfo has the reason. */
  private static String reasonOf(StatusRuntimeException error) throws InvalidProtocolBufferException {
    UnknownFieldSet status = UnknownFieldSet.parseFrom(error.getTrailers().get(DETAILS));
    for (ByteString detail : status.getField(3).getLengthDelimitedList()) {
      if (text(detail, 1).toStringUtf8().endsWith("google.rpc.ErrorInfo")) {
        return text(text(detail, 2), 1).toStringUtf8();
      }
    }
    return "";
  }

  private static ByteString text(ByteString message, int field) throws InvalidProtocolBufferException {
    return UnknownFieldSet.parseFrom(message).getField(field).getLengthDelimitedList().get(0);
  }
}
