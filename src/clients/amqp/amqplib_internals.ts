// Reads fields of amqplib that its types do not declare. No other file does; written for amqplib 2.3.
import type { ChannelModel } from "amqplib";
import type { Socket } from "node:net";

interface Internals {
  readonly stream: Socket;
  readonly blocked: boolean;
}

function internalsOf({ connection }: ChannelModel): Internals {
  return connection as unknown as Internals;
}

/** The socket of a connection. */
export function socketOf(model: ChannelModel): Socket {
  return internalsOf(model).stream;
}

/** Whether the broker takes no messages for now. */
export function isBlocked(model: ChannelModel): boolean {
  return internalsOf(model).blocked;
}

/** The version of RabbitMQ, as it says itself. */
export function versionOf({ connection }: ChannelModel): string {
  return String(connection.serverProperties.version);
}
