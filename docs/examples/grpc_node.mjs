// A console in Node, with @grpc/grpc-js and @grpc/proto-loader alone.
//
// Run it beside a server, with RESCUE_SERVER and alice's secret in RESCUE_SECRET; `rescue docs proto --out proto` first.
import { randomUUID } from "node:crypto";
import { readdirSync } from "node:fs";
import { credentials, loadPackageDefinition, Metadata } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import protobuf from "protobufjs";

const files = readdirSync("proto/rescue_protos/v1").map((name) => `rescue_protos/v1/${name}`);
const options = { includeDirs: ["proto"], keepCase: true, enums: String, longs: String, oneofs: true };
const { v1 } = loadPackageDefinition(loadSync(files, options)).rescue_protos;
const server = [process.env.RESCUE_SERVER, credentials.createInsecure()];
const access = new v1.AccessService(...server);
const console_ = new v1.ConsoleService(...server);
const metadata = new Metadata();

const call = (service, method, request) => new Promise((done, failed) => {
  service[method](request, metadata, (error, answer) => (error ? failed(error) : done(answer)));
});

/** Apply the messages of a watch until `enough`. Resolves to the watch's place, with which the next one goes on. */
const watch = (place, enough) => new Promise((done, failed) => {
  const stream = console_.WatchQueue({ console: randomUUID(), ...place }, metadata);
  stream.on("error", (error) => (error.details.startsWith("Cancelled") ? null : failed(error)));
  stream.on("data", ({ message, ...parts }) => {
    const { history = place.history, revision } = parts[message];
    const deltas = message === "deltas" ? parts.deltas.deltas : message === "delta" ? [parts.delta] : [];
    place = { history, after_revision: deltas.at(-1)?.revision ?? revision ?? place.after_revision };
    if (enough(message, parts[message], deltas)) {
      stream.cancel();
      done(place);
    }
  });
});

// The details of an error are a google.rpc.Status in the trailing metadata. Its first part has the reason.
const { root } = protobuf.parse(`syntax = "proto3"; package google.rpc;
  message Any { string type_url = 1; bytes value = 2; }
  message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
  message ErrorInfo { string reason = 1; string domain = 2; map<string, string> metadata = 3; }`, { keepCase: true });
function reasonOf(error) {
  const status = root.lookupType("google.rpc.Status").decode(error.metadata.get("grpc-status-details-bin")[0]);
  const info = status.details.find((detail) => detail.type_url.endsWith("google.rpc.ErrorInfo"));
  return root.lookupType("google.rpc.ErrorInfo").decode(info.value).reason;
}

const { token } = await call(access, "SignIn", { user: "alice", secret: process.env.RESCUE_SECRET });
metadata.set("authorization", `Bearer ${token}`);

// A watch begins with a snapshot.
const place = await watch({}, (message) => message === "snapshot");

// A command carries a request id. After UNAVAILABLE, send the same id again: it is never carried out twice.
const request = { request_id: randomUUID(), customer: "Ms Vos" };
const created = await call(console_, "CreatePin", request);
const again = await call(console_, "CreatePin", request);
console.log("the same session:", created.session === again.session);

// A watch that was cut off goes on after the last revision that was applied, in the same history, without a snapshot.
await watch(place, (message, part, deltas) => {
  for (const { status } of deltas) if (status) console.log(status.entry.session, status.entry.status);
  return deltas.some(({ status }) => status?.entry.session === created.session);
});

try {
  await call(console_, "HoldSession", { request_id: randomUUID(), session: created.session });
} catch (error) {
  console.log(error.code, reasonOf(error));
}
access.close();
console_.close();
