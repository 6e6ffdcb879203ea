// Where a RabbitMQ is and how it is spoken to.
import type { Setting } from "../../lib/settings/setting.ts";
import { url } from "../../lib/settings/parsers.ts";
import type { Tls } from "../tls/settings.ts";

/** The setting of an AMQP connection. */
export function amqpUrl(env: string, help: string): Setting<URL> {
  const example = "amqp://guest:guest@localhost:5672/";
  const setting = url({ env, help, example, secret: true }, ["amqp", "amqps"]);
  return {
    ...setting,
    parse(text) {
      const value = setting.parse(text);
      const heartbeat = value.searchParams.get("heartbeat") ?? "0";
      if (!/^[0-9]{1,5}$/.test(heartbeat) || Number(heartbeat) > 65535) {
        throw new Error("whose heartbeat is not a whole number of seconds from 0 to 65535");
      }
      return value;
    },
  };
}

/** Where a RabbitMQ is and how it is spoken to: values of settings whose variables begin with the prefix. */
export interface Broker extends Tls {
  readonly connection: URL;
}

/** Seconds: a peer silent for twice as long is gone. */
export const defaultHeartbeat = 10;

/** Seconds between two heartbeats at most; 0 for none. */
export function heartbeatOf({ connection }: Broker): number {
  return Number(connection.searchParams.get("heartbeat") ?? defaultHeartbeat);
}
