// How the sink `kinesis` speaks HTTP: a try is one request, and an answer has an end.
import type { NodeHttpHandler } from "@smithy/node-http-handler";
import { Agent } from "node:http";
import { Agent as TlsAgent } from "node:https";
import { pipeline, type Readable, Transform } from "node:stream";

/** Milliseconds until a request without an answer is given up. */
const requestTimeout = 10_000;
const connectTimeout = 5_000;
/** Milliseconds that an answer may take, and its bytes: Kinesis says some hundred. */
const answerTimeout = 10_000;
const maxAnswerBytes = 1 << 20;

/** What the SDK sends requests with. */
export function openHandler(Handler: typeof NodeHttpHandler, timeout = answerTimeout): NodeHttpHandler {
  // HTTP/1.1, as plain endpoints need. A connection is for one request: on one that was used before, Deno sends
  // a request anew, by itself, when it fails or is given up, and its alert would arrive twice.
  const once = { keepAlive: false, maxSockets: 50 };
  const handler = new Handler({
    httpAgent: new Agent(once),
    httpsAgent: new TlsAgent(once),
    requestTimeout,
    connectionTimeout: connectTimeout,
    throwOnRequestTimeout: true, // of itself it only warns
  });
  const handle = handler.handle.bind(handler);
  handler.handle = async (request, options) => {
    const { response } = await handle(request, options);
    response.body = bounded(response.body as Readable, timeout);
    return { response };
  };
  return handler;
}

/** The body, which fails where it is too long or takes too long. */
function bounded(body: Readable, timeout: number): Readable {
  let length = 0;
  const measured = new Transform({
    transform(part: Uint8Array, _, pass) {
      length += part.length;
      const isShort = length <= maxAnswerBytes;
      pass(isShort ? null : new Error(`the answer is longer than ${maxAnswerBytes >> 20} MB`), part);
    },
  });
  const timer = setTimeout(
    () => body.destroy(new Error(`the answer took longer than ${timeout / 1000} s`)),
    timeout,
  );
  return pipeline(body, measured, () => clearTimeout(timer));
}
