// The errors of kafkajs as faults: where, what was found, and what to do.
import { explainSocket } from "../../clients/tcp/socket.ts";
import { Fault, type Recovery } from "../../lib/errors.ts";
import { plain } from "../../lib/escape.ts";

/** What a producer was to do. */
export interface Place {
  /** The cluster, for people. */
  readonly where: string;
  /** What the variables of its settings begin with. */
  readonly prefix: string;
  readonly topic: string;
  readonly isEncrypted: boolean;
  readonly hasLogin: boolean;
}

/** What stands in an error of kafkajs. */
interface KafkaError {
  readonly name: string;
  readonly message: string;
  /** Of the protocol: `UNKNOWN_TOPIC_OR_PARTITION`. */
  readonly type?: string;
  readonly code?: string | number;
  readonly broker?: string;
  readonly cause?: unknown;
}

/** An error of kafkajs as a fault. */
export function explainKafka(error: unknown, place: Place): Fault {
  const chain: KafkaError[] = [];
  for (let one = error; one instanceof Error; one = one.cause) {
    if (one instanceof Fault) return one;
    chain.push(one as unknown as KafkaError);
  }
  const { where } = place;
  const type = chain.find(({ type }) => type !== undefined)?.type;
  const refusal = refusals[type ?? ""];
  if (type === "UNSUPPORTED_SASL_MECHANISM") return new Fault(`${where}${noPlain}`, "operator");
  if (refusal !== undefined) return new Fault(`${where}: ${refusal[1](place)}`, refusal[0]);
  const { name, message, code, broker } = chain.at(-1) ?? { name: "", message: String(error), code: "" };
  if (name === "KafkaJSSASLAuthenticationError") return explainLogin(message, place);
  if (/Closed connection|Connection closed by the server/.test(message)) {
    return new Fault(`${where} closed the connection${perhaps(place)}`);
  }
  if (name === "KafkaJSRequestTimeoutError") {
    return new Fault(`${where}: no answer within 10 s${perhaps(place)}`);
  }
  if (/Connection timeout/.test(message)) return new Fault(`Kafka at ${broker}: no connection within 5 s`);
  if (typeof code === "string" && broker !== undefined) {
    return explainSocket({ code, message: plain(message) }, `Kafka at ${broker}`);
  }
  return new Fault(`${where}: ${plain(message)}`);
}

const noPlain = ": it does not offer SASL/PLAIN, the only mechanism that this sink supports; enable it there";

function explainLogin(message: string, { where, prefix }: Place): Fault {
  return /not supported by the server/.test(message)
    ? new Fault(
      `${where} does not offer SASL/PLAIN, the only mechanism that this sink supports; enable it there`,
      "operator",
    )
    : new Fault(
      `${where} refused user and password; set ${prefix}_USER and ${prefix}_PASSWORD to the right ones`,
      "operator",
    );
}

/** A broker hangs up on whoever speaks another protocol, or has no login, and says nothing. */
function perhaps({ prefix, isEncrypted, hasLogin }: Place): string {
  const may = [
    ...(isEncrypted ? [] : [`TLS, which ${prefix}_CA_CERT_PATH turns on`]),
    ...(hasLogin ? [] : [`a login, which is ${prefix}_USER and ${prefix}_PASSWORD`]),
  ];
  return may.length === 0 ? "" : `; it may expect ${may.join(", or ")}`;
}

type Refusal = readonly [recovery: Recovery, words: (place: Place) => string];

const tooLarge: Refusal = [
  "rejected",
  ({ topic }) => `the alert is larger than the topic "${topic}" takes; raise its max.message.bytes`,
];
const mayNot: Refusal = [
  "operator",
  ({ topic }) => `this user may not write to the topic "${topic}"; give it the ACLs Describe and Write`,
];

const refusals: Readonly<Record<string, Refusal>> = {
  UNKNOWN_TOPIC_OR_PARTITION: ["operator", ({ topic }) => `the topic "${topic}" does not exist; create it`],
  MESSAGE_TOO_LARGE: tooLarge,
  RECORD_LIST_TOO_LARGE: tooLarge,
  INVALID_RECORD: ["rejected", ({ topic }) => `the topic "${topic}" refused the alert as invalid`],
  TOPIC_AUTHORIZATION_FAILED: mayNot,
  CLUSTER_AUTHORIZATION_FAILED: mayNot,
  NOT_ENOUGH_REPLICAS: ["transient", ({ topic }) => `too few replicas of the topic "${topic}" are in sync`],
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: [
    "transient",
    ({ topic }) => `too few replicas of the topic "${topic}" are in sync`,
  ],
};
