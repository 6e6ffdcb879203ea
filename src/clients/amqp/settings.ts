// The settings of a connection to RabbitMQ.
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
        throw new Error("whose heartbeat is not an integer of seconds from 0 to 65535");
      }
      return value;
    },
  };
}

/** The address of a RabbitMQ and how to connect: values of settings whose variables share a prefix. */
export interface Broker extends Tls {
  readonly connection: URL;
}

/** Seconds: a peer that is silent for twice this time is gone. */
export const defaultHeartbeat = 10;

/** Seconds between two heartbeats at most; 0 for none. */
export function heartbeatOf({ connection }: Broker): number {
  return Number(connection.searchParams.get("heartbeat") ?? defaultHeartbeat);
}
