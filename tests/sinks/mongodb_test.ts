// The sink `mongodb` at a stand-in that enforces the limits of one: what it inserts, and what it says of each thing that
// can be wrong.
import assert from "node:assert/strict";
import { Long } from "mongodb";
import { alertJson } from "../../src/detection/alert/json.ts";
import { documentOf } from "../../src/sinks/mongodb/document.ts";
import { mongodb } from "../../src/sinks/mongodb/mongodb.ts";
import type { Sink } from "../../src/sinks/sink.ts";
import { alertAbout } from "../helpers/alerts.ts";
import { type Mongo, startMongo } from "../helpers/mongodb.ts";
import { sinkContext } from "../helpers/sink.ts";
import { update } from "../helpers/updates.ts";
import { waitFor } from "../helpers/wait_for.ts";

function open(connection: string, more: Record<string, string> = {}): Sink {
  const env = {
    SINK_MONGODB_CONNECTION: connection,
    SINK_MONGODB_DATABASE: "nomad",
    SINK_MONGODB_COLLECTION: "loops",
    ...more,
  };
  return mongodb.prepare({ flags: {}, env, problems: [] })!.open(sinkContext());
}

const url = ({ port }: Mongo, login = "") => `mongodb://${login}127.0.0.1:${port}/`;
const at = ({ port }: Mongo) => `MongoDB at 127.0.0.1:${port}`;
const fault = (message: string, recovery: string) => ({ name: "Fault", message, recovery });

Deno.test("send() inserts the alert as a document with its id, all digits of its times, confirmed by a majority", async () => {
  await using mongo = await startMongo();
  await using sink = open(url(mongo));
  const alert = alertAbout("a[0]", { lastEvent: update({ name: "a[0]", time: 1732567890123456789n }) });
  await sink.send(alert);
  const [document] = mongo.documents("nomad.loops");
  const { EventLog } = JSON.parse(alertJson(alert));
  assert.deepEqual([document!._id, document!.EventLog], [alert.id, EventLog]);
  const { Time } = (document!.LastEvent as { TaskEvent: { Time: Long } }).TaskEvent;
  assert.ok(Time instanceof Long);
  assert.equal(Time.toString(), "1732567890123456789");
  assert.deepEqual(mongo.writeConcerns, [{ w: "majority" }]);
});

Deno.test("an alert that is sent again is no second document", async () => {
  await using mongo = await startMongo();
  await using sink = open(url(mongo));
  const alert = alertAbout();
  await sink.send(alert);
  await sink.send(alert);
  assert.deepEqual([mongo.inserts, mongo.documents("nomad.loops").length], [2, 1]);
});

Deno.test("the sink takes ten alerts at a time for each of its workers; the URL's own write concern holds", async () => {
  await using mongo = await startMongo();
  await using sink = open(`${url(mongo)}?w=1`, { SINK_MONGODB_WORKERS: "2" });
  assert.equal(sink.concurrency, 20);
  await Promise.all(Array.from({ length: 20 }, () => sink.send(alertAbout())));
  assert.equal(mongo.documents("nomad.loops").length, 20);
  assert.ok(mongo.writeConcerns.every((concern) => JSON.stringify(concern) !== '{"w":"majority"}'));
});

Deno.test("check() says what it cannot know", async () => {
  await using mongo = await startMongo();
  await using sink = open(url(mongo));
  assert.equal(
    await sink.check(),
    `${at(mongo)}: connected; whether this user may insert into nomad.loops the first alert will show`,
  );
});

Deno.test("send() says what MongoDB refuses, and for how long", async () => {
  await using mongo = await startMongo();
  await using sink = open(url(mongo));
  for (
    const [code, errmsg, said, recovery] of [
      [
        13,
        "not authorized on nomad to execute command",
        ": not authorized on nomad to execute command; allow the user to insert there",
        "operator",
      ],
      [
        121,
        "Document failed validation",
        " refused the alert: Document failed validation",
        "rejected",
      ],
      [10107, "not primary", ": not primary", "transient"],
    ] as const
  ) {
    mongo.fails = { code, errmsg };
    await assert.rejects(sink.send(alertAbout()), fault(`${at(mongo)}${said}`, recovery));
  }
  mongo.fails = undefined;
  await sink.send(alertAbout());
});

Deno.test("an alert too large for a document is refused for good", async () => {
  await using mongo = await startMongo();
  mongo.maxBytes = 10_000;
  await using sink = open(url(mongo));
  const large = alertAbout("l[0]", { lastEvent: `{"Name":"l[0]","Filling":"${"x".repeat(10_000)}"}` });
  await assert.rejects(sink.send(large), {
    name: "Fault",
    message: /^MongoDB at \S+ refused the alert: object to insert too large\. size in bytes: 10\d{3}$/,
    recovery: "rejected",
  });
});

Deno.test("connect() says that the login is refused, without the password", async () => {
  await using mongo = await startMongo();
  await using sink = open(url(mongo, "detector:hunter2@"));
  await assert.rejects(
    sink.connect(),
    fault(
      `${
        at(mongo)
      } refused user and password; set the right ones, and authSource, in SINK_MONGODB_CONNECTION`,
      "operator",
    ),
  );
});

Deno.test("connect() says that nobody listens, and that the driver does not take the URL", async () => {
  await using nobody = open("mongodb://u:hunter2@127.0.0.1:1/?serverSelectionTimeoutMS=1");
  await assert.rejects(nobody.connect(), fault("MongoDB at 127.0.0.1:1: connection refused", "transient"));
  await using wrong = open("mongodb://u:hunter2@h/?nosuchoption=1");
  await assert.rejects(
    wrong.connect(),
    fault(
      "MongoDB at h: the driver does not take the URL (MongoParseError); correct SINK_MONGODB_CONNECTION",
      "config",
    ),
  );
});

Deno.test("disposing the sink settles alerts in flight and leaves no connection, though MongoDB is silent", async () => {
  await using mongo = await startMongo();
  mongo.isSilent = true;
  const sink = open(url(mongo));
  const sent = sink.send(alertAbout());
  sent.catch(() => {});
  await waitFor("the insert", () => mongo.inserts === 1);
  await sink[Symbol.asyncDispose]();
  await assert.rejects(sent, fault("closed", "transient"));
  await waitFor("the connections to be closed", () => mongo.connections === 0);
});

Deno.test("documentOf() keeps integers of 64 bits, and small and broken numbers as they are", () => {
  const json =
    '{"a":1,"b":-2147483649,"c":1732567890123456789,"d":1.5,"e":"1732567890123456789","f":99999999999999999999}';
  assert.deepEqual(documentOf("id", json, (digits) => `long ${digits}`), {
    _id: "id",
    a: 1,
    b: "long -2147483649",
    c: "long 1732567890123456789",
    d: 1.5,
    e: "1732567890123456789",
    f: 1e20,
  });
});

Deno.test("a URL that is none of MongoDB is explained, without the password", () => {
  const problems: string[] = [];
  const env = {
    SINK_MONGODB_CONNECTION: "http://u:hunter2@h",
    SINK_MONGODB_DATABASE: "d",
    SINK_MONGODB_COLLECTION: "c",
  };
  assert.equal(mongodb.prepare({ flags: {}, env, problems }), undefined);
  assert.deepEqual(problems, [
    "SINK_MONGODB_CONNECTION (--sink-mongodb-connection): found a value that is not shown here; expected a URL that " +
    "begins with mongodb:// or mongodb+srv://, such as mongodb://detector:secret@localhost:27017/?authSource=admin",
  ]);
});
