// Whether something is there at a broker: asked without making it, and told apart from what this user may not see.
import type { Channel } from "amqplib";
import type { OpenChannel } from "./connection.ts";

/** `hidden`: since RabbitMQ 4.3 looking takes the permission `configure`, which who consumes or publishes need not have. */
export type Presence = "there" | "missing" | "hidden";

/** Asks for something by name, passively. @throws what else went wrong */
export async function look(
  open: OpenChannel<Channel>,
  ask: (channel: Channel) => Promise<unknown>,
): Promise<Presence> {
  try {
    await open.aside(ask);
    return "there";
  } catch (error) {
    if (replyCode(error) === 404) return "missing";
    if (replyCode(error) === 403) return "hidden";
    throw error;
  }
}

/** The code with which the broker refused: 403 where it may not be, 404 where something is not there. */
export function replyCode(error: unknown): number | undefined {
  const { code } = error as { code?: unknown };
  return typeof code === "number" ? code : undefined;
}
