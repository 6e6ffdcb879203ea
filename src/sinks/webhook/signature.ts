// Signs what a webhook sends, as Standard Webhooks 1.0 says (standard-webhooks/standard-webhooks, spec).
import { Buffer } from "node:buffer";
import { createHmac } from "node:crypto";
import type { Setting } from "../../lib/settings/setting.ts";
import { optional, text } from "../../lib/settings/parsers.ts";

/** The keys that a receiver may know, while they are rotated: each signs. */
export type SigningKeys = readonly Buffer[];

/** The setting of the secrets. */
export function signingSecrets(env: string): Setting<SigningKeys | undefined> {
  const declared = text({
    env,
    help:
      "secrets that sign what is sent, as Standard Webhooks says; several, separated by spaces, for rotation",
    example: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    secret: true,
  }, "whsec_ and the base64 of 24 to 64 bytes, or several of these separated by spaces");
  return optional<SigningKeys>({ ...declared, parse: (text) => text.trim().split(/\s+/).map(keyOf) });
}

function keyOf(secret: string): Buffer {
  const [, base64] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret) ?? [];
  const key = Buffer.from(base64 ?? "", "base64");
  if (key.length < 24 || key.length > 64) throw new Error("");
  return key;
}

/** The headers that prove who sent the body. `timestamp`: seconds since the Unix epoch, of this attempt. */
export function signatureHeaders(
  keys: SigningKeys,
  id: string,
  timestamp: number,
  body: string,
): Record<string, string> {
  const signatures = keys.map((key) =>
    `v1,${createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64")}`
  );
  return { "webhook-timestamp": String(timestamp), "webhook-signature": signatures.join(" ") };
}
