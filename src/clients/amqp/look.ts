// Looks up, by passive declarations, whether a queue or an exchange exists or is hidden from this user.
import type { Channel } from "amqplib";
import type { OpenChannel } from "./connection.ts";

/** `hidden`: since RabbitMQ 4.3 this takes the permission `configure`, which a consumer or publisher need not have. */
export type Presence = "there" | "missing" | "hidden";

/** Checks by a passive declaration. @throws any other error */
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

/** The reply code of a refusal: 403 for a missing permission, 404 for a missing queue or exchange. */
export function replyCode(error: unknown): number | undefined {
  const { code } = error as { code?: unknown };
  return typeof code === "number" ? code : undefined;
}
