// A stand-in for PagerDuty's Events API v2: the fields and their limits, and which alerts are open.
import { type Json, StandIn, type StandInAnswer, type StandInRequest } from "./stand_in.ts";

/** An alert of PagerDuty. */
export interface PagerDutyAlert {
  readonly key: string;
  /** The payloads of its triggers, in order. */
  readonly payloads: Json[];
  open: boolean;
}

/** PagerDuty with one integration. */
export class PagerDutyStandIn extends StandIn {
  readonly routingKey = "R0123456789abcdef0123456789abcde";
  /** All that ever were. */
  readonly alerts: PagerDutyAlert[] = [];

  constructor() {
    super((request) => this.#answer(request));
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  #answer({ method, path, body }: StandInRequest): StandInAnswer {
    if (method !== "POST" || path !== "/v2/enqueue") return { status: 404, body: "Not Found" };
    if (new TextEncoder().encode(body).length > 512_000) return { status: 413, body: "Payload Too Large" };
    let event: Json;
    try {
      event = JSON.parse(body);
    } catch {
      return invalid("invalid event", "Event object is invalid JSON");
    }
    const errors = errorsOf(event);
    if (errors.length > 0) return invalid("invalid event", ...errors);
    if (event.routing_key !== this.routingKey) return invalid("invalid key", "Invalid routing key");
    this.#take(event);
    const accepted = { status: "success", message: "Event processed", dedup_key: event.dedup_key };
    return { status: 202, body: JSON.stringify(accepted) };
  }

  #take({ event_action, dedup_key, payload }: Json): void {
    const open = this.alerts.find(({ key, open }) => open && key === dedup_key);
    if (event_action === "resolve") {
      if (open !== undefined) open.open = false;
    } else if (open !== undefined) open.payloads.push(payload);
    else this.alerts.push({ key: dedup_key, payloads: [payload], open: true });
  }
}

/** Starts it on a free port. */
export async function startPagerDuty(): Promise<PagerDutyStandIn> {
  const pagerDuty = new PagerDutyStandIn();
  await pagerDuty.listen();
  return pagerDuty;
}

function invalid(status: string, ...errors: string[]): StandInAnswer {
  return { status: 400, body: JSON.stringify({ status, message: "Event object is invalid", errors }) };
}

function errorsOf(
  { routing_key, event_action, dedup_key, payload, links = [], client, client_url }: Json,
): string[] {
  const text = (value: unknown, most = 1024) =>
    typeof value === "string" && value !== "" && value.length <= most;
  const optional = (value: unknown) => value === undefined || text(value);
  const errors: string[] = [];
  if (!text(routing_key) || routing_key.length !== 32) {
    errors.push("Length of 'routing_key' is incorrect (should be 32 characters)");
  }
  if (!["trigger", "acknowledge", "resolve"].includes(event_action)) errors.push("'event_action' is invalid");
  if (!text(dedup_key, 255)) errors.push("'dedup_key' is invalid");
  if (event_action !== "trigger") return errors;
  if (!text(payload?.summary)) errors.push("'payload.summary' is missing, blank or too long");
  if (!text(payload?.source)) errors.push("'payload.source' is missing or blank");
  if (!["critical", "error", "warning", "info"].includes(payload?.severity)) {
    errors.push(
      "'payload.severity' is invalid (must be one of the following: 'critical', 'warning', 'error' or 'info')",
    );
  }
  if (
    payload?.timestamp !== undefined && !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(payload.timestamp)
  ) {
    errors.push("'payload.timestamp' is invalid");
  }
  for (const field of ["component", "group", "class"]) {
    if (!optional(payload?.[field])) errors.push(`'payload.${field}' is invalid`);
  }
  if (typeof (payload?.custom_details ?? {}) !== "object") errors.push("'payload.custom_details' is invalid");
  if (!links.every(({ href }: Json) => URL.canParse(href))) errors.push("'links' are invalid");
  if (!optional(client) || !optional(client_url)) errors.push("'client' is invalid");
  return errors;
}
