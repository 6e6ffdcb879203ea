// The protocol of nsqd, as far as a publisher needs it: commands, and the frames that answer them.
import { Buffer } from "node:buffer";
import { Fault } from "../../lib/errors.ts";
import type { Decoder } from "../../clients/tcp/pipelined_connection.ts";

/** What nsqd answered: `OK`, JSON, or an error such as `E_BAD_TOPIC …`. */
export interface Frame {
  readonly isError: boolean;
  readonly text: string;
}

/** The magic that opens a connection, and the command that introduces the client to nsqd. */
export function greeting(identity: Readonly<Record<string, unknown>>): Buffer {
  return Buffer.concat([Buffer.from("  V2"), withBody("IDENTIFY\n", JSON.stringify(identity))]);
}

/** The command that publishes a message. */
export function publish(topic: string, body: string): Buffer {
  return withBody(`PUB ${topic}\n`, body);
}

/** The answer to a heartbeat; it has none itself. */
export const noOperation = "NOP\n";

function withBody(command: string, body: string): Buffer {
  const size = Buffer.alloc(4);
  size.writeUInt32BE(Buffer.byteLength(body));
  return Buffer.concat([Buffer.from(command), size, Buffer.from(body)]);
}

/** Bytes that a frame may have: nsqd says some hundred. */
const maxFrameBytes = 1 << 16;
const types = { response: 0, error: 1 };

/** Makes frames of bytes, and answers heartbeats, which no command asked for. */
export class FrameDecoder implements Decoder<Frame> {
  #rest: Buffer = Buffer.alloc(0);

  /** `where` is the server, for people. */
  constructor(readonly where: string, readonly onHeartbeat: () => void) {}

  *decode(bytes: Buffer): Iterable<Frame> {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    while (this.#rest.length >= 8) {
      const size = this.#rest.readUInt32BE(0);
      const type = this.#rest.readUInt32BE(4);
      if (size < 4 || size > maxFrameBytes || type > types.error) {
        throw new Fault(`${this.where} does not speak the protocol of nsqd; set its TCP port, such as 4150`);
      }
      if (this.#rest.length < 4 + size) return;
      const text = this.#rest.toString("utf8", 8, 4 + size);
      this.#rest = this.#rest.subarray(4 + size);
      if (text === "_heartbeat_") this.onHeartbeat();
      else yield { isError: type === types.error, text };
    }
  }
}
